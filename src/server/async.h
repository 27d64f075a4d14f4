// Asynchronous invocations: requests that are kept until they are done, in the order of their
// arrival, with their answers as objects (docs/formats/async-invocations.md).
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/mutex.h"
#include "control/routes.h"
#include "meta/log_store.h"
#include "meta/metadata_store.h"
#include "net/http.h"
#include "objects/object_store.h"
#include "server/model_caller.h"
#include "server/topics.h"

namespace clary::server {

class Capture;
class InvocationMetrics;

struct AsyncLimits {
  size_t per_endpoint = 10'000;  // requests that wait; more are throttled
  size_t in_all = 50'000;
  size_t workers = 64;                       // requests at once, of all endpoints
  uint64_t input_bytes = uint64_t{1} << 30;  // of an input object
  Duration retry{200};                       // after no instance answered
};

// A request that an instance broke off is asked again, at most three times; those that were under
// way when the process died are asked again when it has come back. So an answer may be computed
// twice, and is stored once. Any thread.
class AsyncInvocations {
 public:
  // Borrowed; they outlive it.
  struct Parts {
    std::function<std::shared_ptr<const control::EndpointRoutes>()> routes;
    ModelCaller& models;
    objects::ObjectStore& objects;
    meta::MetadataStore& records;  // table "async_invocations"
    meta::LogStore& logs;
    InvocationMetrics& metrics;
    Clock& clock;
    Capture* capture = nullptr;         // of answers, where endpoints ask for it; may be null
    std::filesystem::path notify = {};  // notify.json: where messages to topics go
    // Several services share the records: this one works only between Lead(true) and Lead(false),
    // on what the others and it have taken.
    bool shared = false;
  };
  // Takes up what is kept, unless it is shared.
  static Result<std::unique_ptr<AsyncInvocations>> Open(Parts parts, AsyncLimits limits = {});
  // Breaks off what is under way: it is asked again by the next process.
  ~AsyncInvocations();

  // InvokeEndpointAsync of an endpoint whose route has `async`. Status 202: the request is kept,
  // durably. kInvalidArgument "ValidationError"; kUnavailable "ThrottlingException" if too many
  // wait.
  Result<net::Response> Take(const control::EndpointRoute& route, const net::Request& request,
                             std::string_view body) EXCLUDES(mu_);

  // Where the records are shared. Any thread.
  Status Lead(bool leads) EXCLUDES(mu_);
  Status Absorb(const meta::Change& change) EXCLUDES(mu_);

  // Ends requests whose time is over, and tells the metrics how long the queues are. For
  // housekeeping, every few seconds.
  void LookAtTheTime() EXCLUDES(mu_);

  // Tells a topic that the endpoint was made or changed, so that its owner sees whether it is
  // heard.
  void TestTopic(const std::string& endpoint, const std::string& topic);

  size_t Waiting(const std::string& endpoint) const EXCLUDES(mu_);  // or under way

 private:
  struct Item {
    std::string key;  // of its record
    int64_t received_ms = 0;
    int64_t expires_ms = 0;
    int64_t not_before_ms = 0;
    int attempts = 0;
  };
  struct Queue {
    std::deque<Item> waiting;
    size_t running = 0;
  };
  struct Pick {
    std::string endpoint;
    Item item;
    std::shared_ptr<const control::EndpointRoute> route;  // null: the endpoint is gone
  };
  enum class After { kDone, kAgain };
  class Copied;
  struct Body {
    std::string type;              // Content-Type
    std::string_view text;         // if `copy` is null
    const Copied* copy = nullptr;  // of a stream that has been read
  };

  AsyncInvocations(Parts parts, AsyncLimits limits)
      : parts_(std::move(parts)), limits_(limits), topics_(parts_.notify, parts_.clock) {}
  Status Load() EXCLUDES(mu_);
  void Enqueue(const meta::Record& record) REQUIRES(mu_);
  void Work(const std::stop_token& stop) EXCLUDES(mu_);
  void HireIfNeeded() REQUIRES(mu_);
  std::optional<Pick> Next(const control::EndpointRoutes& routes) REQUIRES(mu_);
  After Process(Pick& pick, const std::stop_token& stop);
  After Ask(Pick& pick, const nlohmann::json& record, const std::stop_token& stop);
  After TryAgain(Pick& pick, const nlohmann::json& record, const Error& why);
  After Finish(Pick& pick, const nlohmann::json& record, const std::string& variant,
               const Body& input, net::Response answer);
  void GiveUp(const Pick& pick, const nlohmann::json& record, const std::string& why,
              const char* metric);
  void Forget(const std::string& key);
  void Say(const std::string& endpoint, const std::string& line);
  void TellTopic(const Pick& pick, const nlohmann::json& record, const nlohmann::json& outcome);
  nlohmann::json Event(const std::string& topic, const std::string& endpoint,
                       const char* name) const;  // what all messages have
  // `what` names the message in the endpoint's log.
  void Tell(const std::string& endpoint, const std::string& topic, const std::string& what,
            const nlohmann::json& message);

  const Parts parts_;
  const AsyncLimits limits_;
  mutable Mutex mu_;
  std::condition_variable_any changed_;
  uint64_t changes_ GUARDED_BY(mu_) = 0;
  std::map<std::string, Queue> queues_ GUARDED_BY(mu_);  // by endpoint
  std::set<std::string> known_ GUARDED_BY(mu_);  // keys in queues or under way, of shared records
  bool leads_ GUARDED_BY(mu_) = false;
  size_t waiting_ GUARDED_BY(mu_) = 0;
  size_t idle_ GUARDED_BY(mu_) = 0;
  std::vector<std::jthread> workers_ GUARDED_BY(mu_);
  Topics topics_;  // last: what it calls back is still there
};

}  // namespace clary::server
