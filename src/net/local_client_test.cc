// HttpClient on a Unix socket, against a server that says what a test wants, byte for byte.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <thread>

#include "base/file.h"
#include "net/client.h"
#include "net/internal/response_parser.h"
#include "net/server.h"

namespace clary::net {
namespace {

using namespace std::chrono_literals;
using internal::ParseResponseHead;

class LocalClientTest : public testing::Test {
 protected:
  LocalClientTest() {
    listener_ = Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.string().copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_.get(), 16), 0);
  }
  ~LocalClientTest() override {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_ = {};
  }

  // One connection after the other gets its answers in turn, one a request head, and is closed
  // after the last; those behind the last list get the last one.
  void Serve(std::vector<std::vector<std::string>> connections) {
    thread_ = std::jthread([this, connections = std::move(connections)] {
      for (;;) {
        const Fd fd(::accept(listener_.get(), nullptr, nullptr));
        if (!fd) return;
        const size_t which = std::min(accepted_++, connections.size() - 1);
        for (const std::string& answer : connections[which]) {
          std::string got;
          char buffer[4096];
          while (!got.contains("\r\n\r\n")) {
            const ssize_t n = ::recv(fd.get(), buffer, sizeof buffer, 0);
            if (n <= 0) break;
            got.append(buffer, static_cast<size_t>(n));
          }
          if (got.empty()) break;
          requests_.push_back(got);
          (void)::send(fd.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
        }
      }
    });
  }
  std::unique_ptr<HttpClient> Client(HttpClientOptions options = {}) {
    options.unix_socket = path_;
    return HttpClient::Create(options).value();
  }
  Result<Response> Get(HttpClient& client) { return client.Send({.url = "http://host/path?q=1"}); }

  const TempDir dir_ = *TempDir::Make();
  const std::filesystem::path path_ = dir_.path() / "s";
  Fd listener_;
  std::vector<std::string> requests_;  // read after the server has ended
  size_t accepted_ = 0;                // likewise
  std::jthread thread_;
};

TEST_F(LocalClientTest, SpeaksHttpAndKeepsTheConnection) {
  Serve({{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX: y\r\n\r\none", "HTTP/1.1 204 None\r\n\r\n",
          "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"}});
  const auto client = Client();
  const auto one =
      client->Send({.method = "POST", .url = "http://host/p", .headers = {}, .borrowed = "body"});
  ASSERT_TRUE(one) << one.error().message;
  EXPECT_EQ(one->status, 200);
  EXPECT_EQ(one->body, "one");
  EXPECT_EQ(one->headers.Get("x"), "y");
  EXPECT_EQ(Get(*client)->status, 204);
  EXPECT_EQ(Get(*client)->status, 404);
  ::shutdown(listener_.get(), SHUT_RDWR);
  thread_ = {};
  EXPECT_EQ(accepted_, 1U);
  ASSERT_EQ(requests_.size(), 3U);
  EXPECT_EQ(requests_[0], "POST /p HTTP/1.1\r\nHost: host\r\nContent-Length: 4\r\n\r\nbody");
  EXPECT_EQ(requests_[1], "GET /path?q=1 HTTP/1.1\r\nHost: host\r\n\r\n");
}

TEST_F(LocalClientTest, ReadsChunksAndBodiesToTheEnd) {
  Serve(
      {{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n10\r\n"
        "0123456789abcdef\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\n\r\nto the end"}});
  const auto client = Client();
  EXPECT_EQ(Get(*client)->body, "abc0123456789abcdef");
  EXPECT_EQ(Get(*client)->body, "to the end");
}

TEST_F(LocalClientTest, AConnectionThatTheServerClosesIsLeft) {
  Serve({{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"}});
  const auto client = Client();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Get(*client)->body, "ok");
}

TEST_F(LocalClientTest, WhatBreaksIsSaid) {
  const std::pair<std::string, std::string> kCases[] = {
      {"", "Disconnected"},
      {"SSH-2.0-OpenSSH\r\n\r\n", "Disconnected"},
      {"HTTP/1.1 200 OK\r\nContent-Le", "Disconnected"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", "Disconnected"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "Disconnected"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "BadChunk"}};
  std::vector<std::vector<std::string>> connections;
  for (const auto& [answer, reason] : kCases) connections.push_back({answer});
  Serve(std::move(connections));
  const auto client = Client();
  for (const auto& [answer, reason] : kCases) {
    SCOPED_TRACE(answer);
    const auto got = Get(*client);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().reason, reason) << got.error().message;
  }
}

TEST_F(LocalClientTest, NobodyThereIsNoConnection) {
  const auto client = Client();
  listener_ = Fd();
  EXPECT_EQ(Get(*client).error().reason, "CouldNotConnect");
  std::filesystem::remove(path_);
  EXPECT_EQ(Get(*client).error().reason, "CouldNotConnect");
}

TEST_F(LocalClientTest, ASilentServerTimesOut) {
  const auto client = Client();  // the socket listens, and nobody accepts
  EXPECT_EQ(client->Send({.url = "http://host/", .timeout = 1ms}).error().reason, "Timeout");
}

TEST_F(LocalClientTest, AStopEndsARequest) {
  const auto client = Client();
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(client->Send({.url = "http://host/", .stop = stop.get_token()}).error().code,
            Code::kCancelled);
}

// Large bodies both ways, with and without a length, through a real server.
TEST_F(LocalClientTest, StreamsUp) {
  auto server = *Server::Start({.listener = std::move(listener_)}, [](Request& r) {
    uint64_t sum = 0;
    uint64_t bytes = 0;
    char buffer[1000];
    for (;;) {
      const auto n = r.body->Read(buffer);
      if (!n || *n == 0) break;
      for (size_t i = 0; i < *n; ++i) sum += static_cast<unsigned char>(buffer[i]);
      bytes += *n;
    }
    Response response;
    response.body = std::to_string(bytes) + " " + std::to_string(sum) + " " +
                    std::string(r.headers.Get("Transfer-Encoding", "plain"));
    return response;
  });
  const auto client = Client();
  const std::string body(3 << 20, '\x01');
  const auto source = [&] { return NewStringSource(body); };
  const std::string size = std::to_string(body.size());
  auto upload = source();
  EXPECT_EQ(client
                ->Send({.method = "POST",
                        .url = "http://host/",
                        .upload = upload.get(),
                        .upload_length = body.size()})
                ->body,
            size + " " + size + " plain");
  upload = source();
  EXPECT_EQ(client->Send({.method = "POST", .url = "http://host/", .upload = upload.get()})->body,
            size + " " + size + " chunked");
  EXPECT_EQ(client->Send({.method = "POST", .url = "http://host/", .body = body})->body,
            size + " " + size + " plain");
}

TEST(ResponseHead, WaitsForItsEnd) {
  const std::string head = "HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 5\r\n\r\n";
  for (size_t i = 0; i < head.size(); ++i) {
    const auto parsed = ParseResponseHead(head.substr(0, i));
    ASSERT_TRUE(parsed);
    EXPECT_FALSE(*parsed);
  }
  const auto parsed = ParseResponseHead(head + "rest");
  ASSERT_TRUE(parsed && *parsed);
  EXPECT_EQ((*parsed)->size, head.size());
  EXPECT_EQ((*parsed)->length, 5U);
  EXPECT_TRUE((*parsed)->keep_alive);
}

TEST(ResponseHead, FramingFollowsTheHeaders) {
  const auto parse = [](const std::string& fields) {
    return ParseResponseHead("HTTP/1.1 200 OK\r\n" + fields + "\r\n");
  };
  EXPECT_FALSE((**parse("Connection: keep-alive, Close\r\nContent-Length: 1\r\n")).keep_alive);
  EXPECT_TRUE((**parse("transfer-encoding: Chunked\r\n")).chunked);
  EXPECT_FALSE((**parse("")).keep_alive);  // to the end of the connection
  for (const char* bad :
       {"Content-Length: 1\r\nContent-Length: 2\r\n", "Content-Length: -1\r\n",
        "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: gzip\r\n",
        ": none\r\n", "no colon\r\n", " folded: x\r\n", "Name : x\r\n"}) {
    EXPECT_FALSE(parse(bad)) << bad;
  }
  EXPECT_FALSE(ParseResponseHead(std::string(70 << 10, 'x')));
  EXPECT_FALSE(ParseResponseHead("HTTP/2 200\r\n\r\n"));
  EXPECT_FALSE(ParseResponseHead("HTTP/1.1 20x OK\r\n\r\n"));
}

}  // namespace
}  // namespace clary::net
