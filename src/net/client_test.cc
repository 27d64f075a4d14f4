#include "net/client.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>

#include "base/testing/manual_clock.h"
#include "net/server.h"

namespace clary::net {
namespace {

using namespace std::chrono_literals;

class HttpClientTest : public testing::Test {
 protected:
  void SetUp() override {
    auto server = Server::Start({}, [this](Request& r) { return Handle(r); });
    ASSERT_TRUE(server) << server.error().message;
    server_ = *std::move(server);
    url_ = "http://127.0.0.1:" + std::to_string(server_->port());
    client_ = *HttpClient::Create({.total_timeout = 20s, .max_body_bytes = 1 << 20});
  }

  Response Handle(Request& r) {
    Response out;
    peers_ = r.peer == last_peer_ ? peers_.load() : peers_ + 1;
    last_peer_ = r.peer;
    if (r.path == "/fail") {
      out.status = 404;
      out.body = "missing";
    } else if (r.path == "/big") {
      out.stream = std::make_unique<Pattern>(64 << 20);
      out.stream_length = 64 << 20;
    } else if (r.path == "/signed") {
      const auto body = ReadAll(*r.body, 1000);
      const auto id =
          Verify(r, [](std::string_view) { return std::optional<std::string>("secret"); }, clock_,
                 {.body = *body});
      out.body = id ? id->service : id.error().reason;
    } else if (r.path == "/cut") {
      out.stream = std::make_unique<Pattern>(10);
      out.stream_length = 20;
    } else {
      std::string sum;
      char buffer[4096];
      uint64_t total = 0;
      for (;;) {
        const auto n = r.body->Read(buffer);
        if (!n || *n == 0) break;
        if (total < 20) sum.append(buffer, std::min<size_t>(*n, 20));
        total += *n;
      }
      out.headers.Add("X-Type", std::string(r.headers.Get("Content-Type", "none")));
      out.headers.Add("X-Empty", std::string(r.headers.Get("X-Empty", "absent")));
      out.body =
          r.method + " " + r.path + "?" + r.raw_query + " " + std::to_string(total) + " " + sum;
    }
    return out;
  }

  class Pattern final : public ByteSource {
   public:
    explicit Pattern(uint64_t n, bool fails = false) : left_(n), fails_(fails) {}
    Result<size_t> Read(std::span<char> buffer) override {
      if (left_ == 0 && fails_) return Fail(Code::kDataLoss, "BadDisk", "bad disk");
      const size_t n = std::min<uint64_t>(buffer.size(), left_);
      std::fill_n(buffer.data(), n, 'p');
      left_ -= n;
      return n;
    }

   private:
    uint64_t left_;
    bool fails_;
  };

  ManualClock clock_;
  std::atomic<int> peers_ = 0;
  std::string last_peer_;  // one handler at a time in these tests
  std::unique_ptr<Server> server_;
  std::string url_;
  std::unique_ptr<HttpClient> client_;
};

TEST_F(HttpClientTest, SendsAndReceives) {
  ClientRequest r{.method = "POST", .url = url_ + "/a/../b%20c?x=%2F&y"};
  r.body = "hello";
  r.headers.Add("X-Empty", "");
  const auto a = client_->Send(r);
  ASSERT_TRUE(a) << a.error().message;
  EXPECT_EQ(a->status, 200);
  EXPECT_EQ(a->body, "POST /a/../b%20c?x=%2F&y 5 hello");
  EXPECT_EQ(a->headers.Get("x-type"), "none");
  EXPECT_EQ(a->headers.Get("x-empty"), "");
  EXPECT_EQ(client_->Send({.url = url_ + "/fail"})->status, 404);
  EXPECT_EQ(client_->Send({.method = "PUT", .url = url_ + "/p"})->body, "PUT /p? 0 ");
  EXPECT_EQ(client_->Send({.method = "DELETE", .url = url_})->body, "DELETE /? 0 ");
  const auto head = client_->Send({.method = "HEAD", .url = url_ + "/big"});
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(head->headers.Get("Content-Length"), "67108864");
  EXPECT_EQ(peers_, 1) << "the connection should have been kept";
}

TEST_F(HttpClientTest, UploadsStreams) {
  for (const bool known : {true, false}) {
    Pattern source(20 << 20);
    ClientRequest r{.method = "PUT", .url = url_ + "/up", .upload = &source};
    if (known) r.upload_length = 20 << 20;
    const auto a = client_->Send(r);
    ASSERT_TRUE(a) << a.error().message;
    EXPECT_EQ(a->body, "PUT /up? 20971520 pppppppppppppppppppp");
  }
  Pattern broken(1000, true);
  const auto a = client_->Send(
      {.method = "PUT", .url = url_ + "/up", .upload = &broken, .upload_length = 2000});
  ASSERT_FALSE(a);
  EXPECT_EQ(a.error().reason, "BadDisk");
}

TEST_F(HttpClientTest, DownloadsStreams) {
  EXPECT_EQ(client_->Send({.url = url_ + "/big"}).error().reason, "TooLarge");
  auto a = client_->Open({.url = url_ + "/big"});
  ASSERT_TRUE(a) << a.error().message;
  EXPECT_EQ(a->stream_length, 64u << 20);
  uint64_t total = 0;
  std::vector<char> buffer(100'000);
  for (;;) {
    const auto n = a->stream->Read(buffer);
    ASSERT_TRUE(n) << n.error().message;
    if (*n == 0) break;
    total += *n;
  }
  EXPECT_EQ(total, 64u << 20);
  auto early = client_->Open({.url = url_ + "/big"});
  ASSERT_TRUE(early);
  early->stream.reset();
  EXPECT_EQ(client_->Send({.url = url_ + "/x"})->status, 200);
}

TEST_F(HttpClientTest, SignsRequests) {
  for (const char* service : {"sagemaker", "s3"}) {
    ClientRequest r{.method = "POST", .url = url_ + "/signed?b=2&a=1"};
    r.body = "{}";
    r.headers.Add("Content-Type", "application/json");
    SignRequest(r, {"KEY", "secret", "", "us-east-1", service}, clock_.Now());
    EXPECT_EQ(client_->Send(r)->body, service);
    r.body = "{ }";
    EXPECT_NE(client_->Send(r)->body, service);
  }
}

TEST_F(HttpClientTest, SaysWhatWentWrong) {
  const uint16_t port = server_->port();
  EXPECT_EQ(client_->Send({.url = url_ + "/cut"}).error().reason, "Disconnected");
  EXPECT_EQ(client_->Send({.url = "gopher://127.0.0.1/"}).error().reason, "BadUrl");
  EXPECT_EQ(client_->Send({.url = "http://name.invalid/"}).error().reason, "CouldNotResolve");
  server_->Stop();
  const auto a = client_->Send({.url = "http://127.0.0.1:" + std::to_string(port) + "/?secret"});
  ASSERT_FALSE(a);
  EXPECT_EQ(a.error().code, Code::kUnavailable);
  EXPECT_EQ(a.error().reason, "CouldNotConnect");
  EXPECT_EQ(a.error().message.find("secret"), std::string::npos);
}

TEST_F(HttpClientTest, TimesOut) {
  std::latch release(1);
  const auto slow = Server::Start({}, [&](Request&) {
    release.wait();
    return Response{};
  });
  ASSERT_TRUE(slow);
  const auto client = *HttpClient::Create({.total_timeout = 100ms});
  const auto a = client->Send({.url = "http://127.0.0.1:" + std::to_string((*slow)->port())});
  release.count_down();
  ASSERT_FALSE(a);
  EXPECT_EQ(a.error().reason, "Timeout");
}

}  // namespace
}  // namespace clary::net
