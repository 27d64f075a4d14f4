#include "net/server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <fstream>
#include <latch>
#include <mutex>
#include <thread>

#include "base/file.h"
#include "base/strings.h"
#include "net/client.h"

namespace clary::net {
namespace {

using namespace std::chrono_literals;

// A client that sends exactly the bytes it is told to.
class RawClient {
 public:
  explicit RawClient(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in addr{};
    addr.sin_family = AF_INET;
    addr.sin_port = htons(port);
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_.get(), reinterpret_cast<sockaddr*>(&addr), sizeof addr) == 0;
    const timeval limit{10, 0};  // a test that hangs should fail instead
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  }
  bool connected() const { return connected_; }
  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return true;
  }
  // Until `needle` has come, or the end.
  std::string ReadUntil(std::string_view needle) {
    while (pending_.find(needle) == std::string::npos && Fill()) {
    }
    const size_t at = pending_.find(needle);
    const size_t end = at == std::string::npos ? pending_.size() : at + needle.size();
    std::string out = pending_.substr(0, end);
    pending_.erase(0, end);
    return out;
  }
  std::string ReadAllBytes() {
    while (Fill()) {
    }
    return std::exchange(pending_, {});
  }
  // One response with Content-Length: head and body.
  std::string ReadResponse() {
    std::string out = ReadUntil("\r\n\r\n");
    const size_t at = out.find("Content-Length: ");
    if (at == std::string::npos) return out;
    const size_t n = std::stoul(out.substr(at + 16));
    while (pending_.size() < n && Fill()) {
    }
    out += pending_.substr(0, n);
    pending_.erase(0, n);
    return out;
  }
  bool AtEnd() { return pending_.empty() && !Fill(); }
  int fd() const { return fd_.get(); }
  void ShutdownWrite() { ::shutdown(fd_.get(), SHUT_WR); }
  void Reset() {
    const linger hard{1, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    fd_ = Fd();
  }

 private:
  bool Fill() {
    char buffer[65536];
    const ssize_t n = ::recv(fd_.get(), buffer, sizeof buffer, 0);
    if (n <= 0) return false;
    pending_.append(buffer, static_cast<size_t>(n));
    return true;
  }
  Fd fd_;
  bool connected_ = false;
  std::string pending_;
};

std::string Get(std::string_view path, std::string_view more = "") {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n" + std::string(more) +
         "\r\n";
}

Response Text(int status, std::string body) {
  Response r;
  r.status = status;
  r.body = std::move(body);
  return r;
}

// Says what arrived: "METHOD path body-bytes".
Response Echo(Request& r) {
  const auto body = ReadAll(*r.body, 64 << 20);
  if (!body) return Text(400, body.error().reason);
  return Text(200, r.method + " " + r.path + " " + *body);
}

std::unique_ptr<Server> Serve(Handler handler, ServerOptions options = {}) {
  auto server = Server::Start(std::move(options), std::move(handler));
  EXPECT_TRUE(server) << server.error().message;
  return *std::move(server);
}

TEST(Server, KeepsTheConnection) {
  const auto server = Serve(Echo);
  RawClient client(server->port());
  for (int i = 0; i < 3; ++i) {
    client.Send(Get("/a"));
    const std::string r = client.ReadResponse();
    EXPECT_TRUE(r.starts_with("HTTP/1.1 200 OK\r\nDate: ")) << r;
    EXPECT_TRUE(r.ends_with("\r\n\r\nGET /a ")) << r;
    EXPECT_EQ(r.find("Connection:"), std::string::npos);
  }
  client.Send(Get("/a", "Connection: close\r\n"));
  EXPECT_NE(client.ReadResponse().find("Connection: close"), std::string::npos);
  EXPECT_TRUE(client.AtEnd());
}

TEST(Server, ServesHttp10) {
  const auto server = Serve([](Request&) {
    Response r;
    r.stream = NewStringSource("streamed");
    return r;
  });
  RawClient client(server->port());
  client.Send("GET / HTTP/1.0\r\n\r\n");
  const std::string r = client.ReadAllBytes();
  EXPECT_TRUE(r.ends_with("\r\n\r\nstreamed")) << r;
  EXPECT_EQ(r.find("chunked"), std::string::npos);
}

TEST(Server, AnswersPipelinedRequestsInOrder) {
  const auto server = Serve(Echo);
  RawClient client(server->port());
  std::string all;
  for (int i = 0; i < 20; ++i) {
    all += "PUT /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nxy" +
           "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nz\r\n0\r\n\r\n";
  }
  // In odd pieces, so that heads are cut anywhere.
  for (size_t i = 0; i < all.size(); i += 37) ASSERT_TRUE(client.Send(all.substr(i, 37)));
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(client.ReadResponse().ends_with("PUT /" + std::to_string(i) + " xy"));
    EXPECT_TRUE(client.ReadResponse().ends_with("POST /c z"));
  }
}

TEST(Server, SendsContinueOnlyWhenTheBodyIsRead) {
  const auto server = Serve([](Request& r) { return r.path == "/no" ? Text(403, "no") : Echo(r); });
  RawClient client(server->port());
  client.Send("PUT /yes HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.ReadUntil("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.Send("abc");
  EXPECT_TRUE(client.ReadResponse().ends_with("PUT /yes abc"));
  client.Send("PUT /no HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  const std::string r = client.ReadResponse();
  EXPECT_TRUE(r.starts_with("HTTP/1.1 403")) << r;
  EXPECT_TRUE(client.AtEnd());  // whether the body comes is unknown, so the connection ends
}

TEST(Server, DrainsASmallUnreadBodyAndCutsABigOne) {
  const auto server =
      Serve([](Request&) { return Text(404, "none"); }, ServerOptions{.max_drain_bytes = 100'000});
  RawClient client(server->port());
  client.Send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
  EXPECT_TRUE(client.ReadResponse().ends_with("none"));
  client.Send(std::string(100'000, 'x') + Get("/"));
  EXPECT_TRUE(client.ReadResponse().ends_with("none"));
  client.Send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 900000000\r\n\r\n");
  EXPECT_NE(client.ReadResponse().find("Connection: close"), std::string::npos);
  EXPECT_TRUE(client.AtEnd());
}

TEST(Server, HeadHasALengthAndNoBody) {
  const auto server = Serve([](Request& r) {
    Response out = Text(200, "12345");
    if (r.path == "/given") out.headers.Add("Content-Length", "77");
    if (r.path == "/stream") {
      out.stream = NewStringSource("12345678");
      out.stream_length = 8;
    }
    if (r.path == "/204") out = Text(204, "");
    return out;
  });
  RawClient client(server->port());
  for (const auto& [path, header] :
       {std::pair("/", "Content-Length: 5\r\n"), std::pair("/given", "Content-Length: 77\r\n"),
        std::pair("/stream", "Content-Length: 8\r\n")}) {
    client.Send("HEAD " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_NE(client.ReadUntil("\r\n\r\n").find(header), std::string::npos) << path;
  }
  client.Send(Get("/204"));
  EXPECT_EQ(client.ReadUntil("\r\n\r\n").find("Content-Length"), std::string::npos);
  client.Send(Get("/given"));  // only HEAD may lie about the length
  EXPECT_TRUE(client.ReadResponse().ends_with("12345"));
}

TEST(Server, StreamsBothWays) {
  // The response is made of the request's body while that still arrives.
  const auto server = Serve([](Request& r) {
    Response out;
    out.stream = std::move(r.body);
    return out;
  });
  RawClient client(server->port());
  constexpr size_t kBytes = 8 << 20;
  std::string sent(kBytes, '\0');
  for (size_t i = 0; i < kBytes; ++i) sent[i] = static_cast<char>(i * 2654435761U >> 13);
  std::jthread sender([&] {
    client.Send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(kBytes) +
                "\r\n\r\n");
    client.Send(sent);
  });
  EXPECT_NE(client.ReadUntil("\r\n\r\n").find("Transfer-Encoding: chunked\r\n"), std::string::npos);
  std::string got;
  for (;;) {
    const std::string line = client.ReadUntil("\r\n");
    const size_t n = std::stoul(line, nullptr, 16);
    std::string chunk;
    while (chunk.size() < n + 2) {
      const std::string piece = client.ReadUntil("\r\n");
      ASSERT_FALSE(piece.empty());
      chunk += piece;
    }
    chunk.resize(n);
    got += chunk;
    if (n == 0) break;
  }
  EXPECT_TRUE(got == sent);
}

TEST(Server, SendsFiles) {
  const auto dir = TempDir::Make();
  ASSERT_TRUE(dir);
  const std::string path = dir->path() / "f";
  const std::string bytes(3'000'000, 'q');
  ASSERT_TRUE(WriteFileAtomic(path, bytes));
  const auto server = Serve([&](Request& r) {
    auto fd = OpenFile(path, O_RDONLY);
    Response out;
    out.stream = NewFileSource(*std::move(fd), 10, 2'000'000);
    out.stream_length = r.path == "/short" ? 2'500'000 : 2'000'000;
    return out;
  });
  RawClient client(server->port());
  for (int i = 0; i < 2; ++i) {
    client.Send(Get("/"));
    const std::string r = client.ReadResponse();
    EXPECT_EQ(r.size() - r.find("\r\n\r\n") - 4, 2'000'000u);
    EXPECT_TRUE(r.ends_with("qqq"));
  }
  client.Send(Get("/short"));  // must not look like a whole answer
  EXPECT_LT(client.ReadResponse().size(), 2'500'000u);
  EXPECT_TRUE(client.AtEnd());
}

class FailingSource final : public ByteSource {
 public:
  explicit FailingSource(int good) : good_(good) {}
  Result<size_t> Read(std::span<char> buffer) override {
    if (good_-- <= 0) return Fail(Code::kDataLoss, "Broken", "broken");
    buffer[0] = 'x';
    return 1;
  }

 private:
  int good_;
};

TEST(Server, AStreamThatFailsIsSeenByTheClient) {
  const auto server = Serve([](Request& r) {
    Response out;
    out.stream = std::make_unique<FailingSource>(r.path == "/early" ? 0 : 2);
    return out;
  });
  RawClient early(server->port());
  early.Send(Get("/early"));
  EXPECT_TRUE(early.ReadResponse().starts_with("HTTP/1.1 500"));
  RawClient late(server->port());
  late.Send(Get("/late"));
  EXPECT_FALSE(late.ReadAllBytes().ends_with("0\r\n\r\n"));
}

TEST(Server, RefusesGarbageAtOnce) {
  const auto server = Serve(Echo);
  for (const std::string& bytes :
       {std::string("\x01\x02\x03 garbage"), std::string("hello world\n"),
        std::string("GET / HTTP/1.1\r\nBad Header: x\r\n\r\n"), std::string("\xff\xfe\r\n\r\n")}) {
    RawClient client(server->port());
    client.Send(bytes);
    EXPECT_TRUE(client.ReadAllBytes().starts_with("HTTP/1.1 400 ")) << bytes;
  }
  RawClient client(server->port());
  client.Send(Get("/still-here"));
  EXPECT_TRUE(client.ReadResponse().starts_with("HTTP/1.1 200"));
}

TEST(Server, BoundsHeadersAndLengths) {
  const auto server =
      Serve(Echo, ServerOptions{.max_header_bytes = 8192, .max_content_length = 10});
  RawClient big(server->port());
  big.Send("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(9000, 'x'));
  EXPECT_TRUE(big.ReadAllBytes().starts_with("HTTP/1.1 431 "));
  RawClient line(server->port());
  line.Send("GET /" + std::string(9000, 'x'));
  EXPECT_TRUE(line.ReadAllBytes().starts_with("HTTP/1.1 431 "));
  RawClient body(server->port());
  body.Send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n");
  EXPECT_TRUE(body.ReadAllBytes().starts_with("HTTP/1.1 413 "));
}

TEST(Server, HalfSentRequestsTimeOutAndHoldNoHandler) {
  const auto server =
      Serve(Echo, ServerOptions{.handler_threads = 1, .idle_timeout = 1s, .head_timeout = 1s});
  std::vector<std::unique_ptr<RawClient>> slow;
  for (int i = 0; i < 50; ++i) {
    slow.push_back(std::make_unique<RawClient>(server->port()));
    slow.back()->Send(i % 2 == 0 ? "GET / HTTP/1.1\r\nHos" : "");
  }
  RawClient client(server->port());
  client.Send(Get("/"));
  EXPECT_TRUE(client.ReadResponse().starts_with("HTTP/1.1 200"));
  for (const auto& s : slow) EXPECT_TRUE(s->AtEnd());
}

TEST(Server, AStalledBodyTimesOut) {
  const auto server = Serve(Echo, ServerOptions{.handler_threads = 1, .stall_timeout = 500ms});
  RawClient client(server->port());
  client.Send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nxx");
  EXPECT_TRUE(client.ReadAllBytes().ends_with("RequestTimeout"));
  // What a client has sent before buys it no longer pause.
  RawClient late(server->port());
  late.Send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n" +
            std::string(800'000, 'x'));
  EXPECT_TRUE(late.ReadAllBytes().ends_with("RequestTimeout"));
}

TEST(Server, AClientThatLeavesMidBodyIsNoticed) {
  std::mutex mu;
  std::condition_variable cv;
  std::vector<std::string> reasons;
  const auto server = Serve([&](Request& r) {
    const auto body = ReadAll(*r.body, 1000);
    const std::lock_guard lock(mu);
    reasons.push_back(body ? "" : body.error().reason);
    cv.notify_all();
    return Text(200, "");
  });
  for (const char* head : {"Content-Length: 100", "Transfer-Encoding: chunked"}) {
    for (const bool reset : {false, true}) {
      RawClient client(server->port());
      client.Send("PUT / HTTP/1.1\r\nHost: a\r\n" + std::string(head) + "\r\n\r\n5\r\nhe");
      reset ? client.Reset() : client.ShutdownWrite();
      if (!reset) client.ReadAllBytes();
    }
  }
  // A reset may overtake the head; the request then never was.
  RawClient client(server->port());
  client.Send("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n");
  client.ReadAllBytes();
  std::unique_lock lock(mu);
  ASSERT_TRUE(cv.wait_for(lock, 5s, [&] { return reasons.size() >= 3; }));
  for (size_t i = 0; i + 1 < reasons.size(); ++i) {
    EXPECT_TRUE(reasons[i] == "IncompleteBody" || reasons[i] == "BadChunk") << reasons[i];
  }
}

TEST(Server, AFullQueueIsAnsweredAtOnce) {
  std::latch release(1);
  std::atomic<int> running = 0;
  auto server = Serve(
      [&](Request&) {
        ++running;
        running.notify_all();
        release.wait();
        return Text(200, "done");
      },
      ServerOptions{.handler_threads = 1, .max_queue = 1, .overloaded = [](const Request& r) {
                      return Text(503, "SlowDown " + r.path);
                    }});
  RawClient first(server->port());
  first.Send(Get("/1"));
  running.wait(0);
  // Two more: one waits in the queue, one is refused; which of them is not known.
  RawClient second(server->port());
  RawClient third(server->port());
  second.Send(Get("/2"));
  third.Send(Get("/3"));
  pollfd both[] = {{second.fd(), POLLIN, 0}, {third.fd(), POLLIN, 0}};
  const int answered = ::poll(both, 2, 10'000);
  const bool second_refused = both[0].revents != 0;
  const std::string refusal = answered > 0 ? (second_refused ? second : third).ReadResponse() : "";
  release.count_down();
  EXPECT_EQ(answered, 1);
  EXPECT_TRUE(refusal.ends_with(second_refused ? "SlowDown /2" : "SlowDown /3")) << refusal;
  EXPECT_TRUE(first.ReadResponse().ends_with("done"));
  EXPECT_TRUE((second_refused ? third : second).ReadResponse().ends_with("done"));
}

TEST(Server, TheLaneKeepsNobodyWaiting) {
  constexpr int kSlow = 40;
  std::latch started(kSlow);
  std::latch release(1);
  const auto server = Serve(
      [&](Request& r) {
        if (r.path == "/slow") {
          started.count_down();
          release.wait();
        }
        return Text(200, "done " + r.path);
      },
      ServerOptions{.handler_threads = 1,
                    .lane = Lane{.takes = [](const Request& r) { return r.path == "/slow"; },
                                 .handler_threads = kSlow}});
  std::vector<std::unique_ptr<RawClient>> slow;
  for (int i = 0; i < kSlow; ++i) {
    slow.push_back(std::make_unique<RawClient>(server->port()));
    slow.back()->Send(Get("/slow"));
  }
  started.wait();  // all at once
  RawClient other(server->port());
  other.Send(Get("/other"));
  EXPECT_TRUE(other.ReadResponse().ends_with("done /other"));
  release.count_down();
  for (const auto& client : slow) EXPECT_TRUE(client->ReadResponse().ends_with("done /slow"));
}

TEST(Server, PollingThreadsServeAndOneGoesOnPolling) {
  constexpr int kInline = 3;
  std::latch started(kInline + 1);
  std::latch release(1);
  const auto server = Serve(
      [&](Request& r) {
        if (r.path == "/slow") {
          started.count_down();
          release.wait();
        }
        return Text(200, "done " + r.path);
      },
      ServerOptions{.handler_threads = 8, .inline_handlers = kInline});
  std::vector<std::unique_ptr<RawClient>> slow;
  for (int i = 0; i <= kInline; ++i) {
    slow.push_back(std::make_unique<RawClient>(server->port()));
    slow.back()->Send(Get("/slow"));
  }
  started.wait();  // all at once, by polling threads and by handlers
  RawClient other(server->port());
  for (int i = 0; i < 100; ++i) {  // somebody polls all the time
    other.Send(Get("/other"));
    EXPECT_TRUE(other.ReadResponse().ends_with("done /other"));
  }
  release.count_down();
  for (const auto& client : slow) EXPECT_TRUE(client->ReadResponse().ends_with("done /slow"));
}

TEST(Server, ServesASocketThatListensAlready) {
  const TempDir dir = *TempDir::Make();
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = (dir.path() / "s").string();
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(fd.get(), 16), 0);
  const auto server = Serve(Echo, ServerOptions{.listener = std::move(fd)});
  const auto client = *HttpClient::Create({.unix_socket = path});
  for (const std::string body : {"one", "two"}) {
    const auto answer = client->Send({.method = "POST", .url = "http://localhost/p", .body = body});
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->body, "POST /p " + body);
  }
  server->Stop();
  EXPECT_EQ(client->Send({.url = "http://localhost/"}).error().reason, "CouldNotConnect");
}

TEST(Server, StopFinishesRunningRequests) {
  std::latch started(1);
  std::latch release(1);
  auto server = Serve([&](Request&) {
    started.count_down();
    release.wait();
    return Text(200, "finished");
  });
  RawClient idle(server->port());
  RawClient client(server->port());
  client.Send(Get("/"));
  started.wait();
  std::jthread stopper([&] { server->Stop(); });
  EXPECT_TRUE(idle.AtEnd());
  release.count_down();
  const std::string r = client.ReadResponse();
  EXPECT_TRUE(r.ends_with("finished")) << r;
  EXPECT_NE(r.find("Connection: close"), std::string::npos);
  client.ShutdownWrite();
  stopper.join();
  EXPECT_FALSE(RawClient(server->port()).connected());
}

TEST(Server, StopCutsWhatDoesNotEnd) {
  auto server = Serve(Echo, ServerOptions{.stop_grace = 50ms});
  RawClient client(server->port());
  client.Send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n");
  client.ReadUntil("100 Continue");
  server->Stop();
  EXPECT_FALSE(RawClient(server->port()).connected());
}

TEST(Server, ABusyPortSaysSo) {
  const auto server = Serve(Echo);
  const auto second = Server::Start({.port = server->port()}, Echo);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kFailedPrecondition);
  EXPECT_EQ(second.error().reason, "AddressInUse");
  EXPECT_EQ(Server::Start({.address = "no.such.host.invalid"}, Echo).error().reason, "BadAddress");
}

TEST(Server, HeaderValuesCannotSplitTheResponse) {
  const auto server = Serve([](Request&) {
    Response r = Text(200, "");
    r.headers.Add("X-Meta", "a\r\nSet-Cookie: b");
    return r;
  });
  RawClient client(server->port());
  client.Send(Get("/"));
  EXPECT_EQ(client.ReadResponse().find("\r\nSet-Cookie"), std::string::npos);
}

TEST(Server, AThrowingHandlerCostsOneRequest) {
  const auto server = Serve([](Request& r) -> Response {
    if (r.path == "/throw") throw std::runtime_error("library");
    return Text(200, "ok");
  });
  RawClient client(server->port());
  client.Send(Get("/throw"));
  EXPECT_TRUE(client.ReadResponse().starts_with("HTTP/1.1 500"));
  client.Send(Get("/"));
  EXPECT_TRUE(client.ReadResponse().ends_with("ok"));
}

TEST(Server, MakesRoomAtTheConnectionLimit) {
  const auto server = Serve(Echo, ServerOptions{.max_connections = 4});
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 12; ++i) {
    clients.push_back(std::make_unique<RawClient>(server->port()));
    clients.back()->Send(Get("/"));
    EXPECT_TRUE(clients.back()->ReadResponse().starts_with("HTTP/1.1 200"));
  }
  EXPECT_TRUE(clients.front()->AtEnd());
}

TEST(Server, ManyClientsAtOnce) {
  const auto server = Serve(Echo, ServerOptions{.handler_threads = 4});
  std::atomic<int> good = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&] {
        RawClient client(server->port());
        for (int i = 0; i < 100; ++i) {
          client.Send("PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
          good += client.ReadResponse().ends_with("PUT /x body");
        }
      });
    }
  }
  EXPECT_EQ(good, 800);
}

}  // namespace
}  // namespace clary::net
