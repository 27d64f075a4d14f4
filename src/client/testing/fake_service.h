// A service on this machine that says what a test wants.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "base/mutex.h"
#include "base/stream.h"
#include "clary/session.h"
#include "net/server.h"

namespace clary::client {

// Answers each operation with what the test says, and keeps what it was asked.
class FakeService {
 public:
  using Answer = std::function<net::Response(const nlohmann::json& request)>;

  FakeService() {
    server_ = net::Server::Start({.handler_threads = 2}, [this](net::Request& request) {
                return Handle(request);
              }).value();
  }
  void On(const std::string& operation, Answer answer) {
    MutexLock lock(mu_);
    answers_[operation] = std::move(answer);
  }
  int Calls(const std::string& operation) {
    MutexLock lock(mu_);
    return calls_[operation];
  }
  nlohmann::json Last(const std::string& operation) {
    MutexLock lock(mu_);
    return last_[operation];
  }
  std::string authorization() {
    MutexLock lock(mu_);
    return authorization_;
  }
  Session session() {
    return Session::connect({.endpoint = "http://127.0.0.1:" + std::to_string(server_->port()),
                             .region = "us-east-1",
                             .credentials = {.access_key = "AK", .secret_key = "S"}})
        .value();
  }

 private:
  net::Response Handle(net::Request& request) {
    const auto body = ReadAll(*request.body, 1 << 20).value_or("");
    std::string operation(request.headers.Get("x-amz-target"));
    operation.erase(0, operation.find('.') + 1);
    if (operation.empty()) operation = "Query";
    const auto document = nlohmann::json::parse(body, nullptr, false);
    Answer answer;
    {
      MutexLock lock(mu_);
      ++calls_[operation];
      last_[operation] = document;
      authorization_ = request.headers.Get("authorization");
      answer = answers_[operation];
    }
    return answer ? answer(document) : net::Response{.status = 500};
  }

  Mutex mu_;
  std::map<std::string, Answer> answers_ GUARDED_BY(mu_);
  std::map<std::string, int> calls_ GUARDED_BY(mu_);
  std::map<std::string, nlohmann::json> last_ GUARDED_BY(mu_);
  std::string authorization_ GUARDED_BY(mu_);
  std::unique_ptr<net::Server> server_;
};

inline net::Response Ok(const nlohmann::json& body) { return {.status = 200, .body = body.dump()}; }
inline net::Response Error400(const std::string& type, const std::string& message) {
  return {.status = 400, .body = nlohmann::json{{"__type", type}, {"message", message}}.dump()};
}

}  // namespace clary::client
