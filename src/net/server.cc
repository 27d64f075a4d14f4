#include "net/server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <exception>
#include <thread>
#include <unordered_map>

#include "base/log.h"
#include "base/mutex.h"
#include "net/ca.h"
#include "net/internal/connect_front.h"
#include "net/internal/connection.h"
#include "net/internal/request_parser.h"
#include "net/internal/response_writer.h"
#include "net/internal/tls.h"
#include "net/internal/transport.h"

namespace clary::net {
namespace {

using internal::BodyReader;
using internal::Connection;
using internal::ConnState;
using internal::IoResult;
using internal::NameThread;
using internal::ParserLimits;
using internal::RefusalOf;
using internal::RequestParser;
using internal::ResponseHead;
using internal::SendResponse;
using internal::SteadyClock;
using internal::TextResponse;
using internal::ThreadBuffer;
using internal::Transport;
using internal::Waiter;

constexpr uint64_t kListenerId = 0;
constexpr uint64_t kWakeId = 1;
constexpr Duration kLingerTime{1000};

class BodySource final : public ByteSource {
 public:
  explicit BodySource(BodyReader& reader) : reader_(reader) {}
  Result<size_t> Read(std::span<char> buffer) override { return reader_.Read(buffer); }

 private:
  BodyReader& reader_;
};

struct Listener {
  Fd fd;
  uint16_t port = 0;
};

std::string AddressText(const sockaddr_storage& addr, socklen_t length) {
  char host[NI_MAXHOST];
  char port[NI_MAXSERV];
  if (::getnameinfo(reinterpret_cast<const sockaddr*>(&addr), length, host, sizeof host, port,
                    sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return "?";
  }
  return fmt::format("{}:{}", host, port);
}

Result<Listener> Listen(const std::string& address, uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  if (const int e = ::getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found);
      e != 0) {
    return Fail(Code::kInvalidArgument, "BadAddress",
                fmt::format("cannot listen on '{}': {}", address, ::gai_strerror(e)));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> guard(found, ::freeaddrinfo);
  Listener listener;
  listener.fd = Fd(::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!listener.fd) return std::unexpected(ErrnoError(errno, "socket"));
  const int on = 1;
  ::setsockopt(listener.fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(listener.fd.get(), found->ai_addr, found->ai_addrlen) != 0 ||
      ::listen(listener.fd.get(), 1024) != 0) {
    if (errno == EADDRINUSE) {
      return Fail(Code::kFailedPrecondition, "AddressInUse",
                  fmt::format("port {} of {} is in use by another process; stop it or choose "
                              "another port",
                              port, address));
    }
    return std::unexpected(ErrnoError(errno, fmt::format("listen on {}:{}", address, port)));
  }
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  ::getsockname(listener.fd.get(), reinterpret_cast<sockaddr*>(&bound), &length);
  listener.port =
      ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(bound).sin6_port
                                        : reinterpret_cast<const sockaddr_in&>(bound).sin_port);
  return listener;
}

class ServerImpl final : public Server {
 public:
  ServerImpl(ServerOptions options, Handler handler, Listener listener, Fd epoll, Fd ready, Fd wake,
             Fd end)
      : options_(std::move(options)),
        handler_(std::move(handler)),
        listener_(std::move(listener.fd)),
        port_(listener.port),
        epoll_(std::move(epoll)),
        ready_(std::move(ready)),
        wake_(std::move(wake)),
        end_(std::move(end)) {
    Watch(epoll_, kListenerId, listener_.get(), EPOLLIN, EPOLL_CTL_ADD);
    Watch(epoll_, kWakeId, wake_.get(), EPOLLIN, EPOLL_CTL_ADD);
    Watch(ready_, kWakeId, end_.get(), EPOLLIN, EPOLL_CTL_ADD);
    {
      const MutexLock lock(mu_);
      for (size_t i = 0; i < std::max<size_t>(options_.handler_threads, 1); ++i) Hire(common_);
    }
    io_ = std::jthread([this] { KeepConnections(); });
    for (size_t i = 0; i <= options_.inline_handlers; ++i) {
      pollers_.emplace_back([this] { Poll(); });
    }
  }
  ~ServerImpl() override { Stop(); }

  uint16_t port() const override { return port_; }

  void Stop() override {
    if (!stopping_.exchange(true)) {
      const uint64_t one = 1;
      [[maybe_unused]] const ssize_t n = ::write(wake_.get(), &one, sizeof one);
    }
    const MutexLock once(stop_mu_);
    if (io_.joinable()) io_.join();  // ends when the last connection has
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t n = ::write(end_.get(), &one, sizeof one);
    pollers_.clear();
    for (Crew* crew : {&common_, &lane_}) {
      std::vector<std::jthread> threads;
      {
        const MutexLock lock(mu_);
        threads.swap(crew->threads);
      }
      for (std::jthread& t : threads) t.request_stop();
    }
    tunnels_.Stop();
  }

 private:
  static void Watch(const Fd& epoll, uint64_t id, int fd, uint32_t events, int op) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = id;
    ::epoll_ctl(epoll.get(), op, fd, &event);
  }

  // ---- io thread ----

  void KeepConnections() {
    NameThread("clary-io");
    const Duration tick =
        std::clamp(std::min({options_.idle_timeout, options_.head_timeout, kLingerTime}) / 4,
                   Duration(5), Duration(250));
    std::optional<SteadyClock::time_point> grace_end;
    auto next_scan = SteadyClock::now() + tick;
    for (;;) {
      bool any;
      {
        const MutexLock lock(mu_);
        any = !connections_.empty();
      }
      if (grace_end && !any) return;
      epoll_event events[2];
      const int n = ::epoll_wait(epoll_.get(), events, 2,
                                 any || accept_paused_ ? static_cast<int>(tick.count()) : -1);
      for (int i = 0; i < n; ++i) {
        if (events[i].data.u64 == kListenerId) Accept();
      }
      if (stopping_ && !grace_end) {
        grace_end = SteadyClock::now() + options_.stop_grace;
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, listener_.get(), nullptr);
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, wake_.get(), nullptr);
        listener_ = Fd();
        CloseIf([](const Connection& c) {
          return c.state == ConnState::kIdle || c.state == ConnState::kHead;
        });
      }
      const auto now = SteadyClock::now();
      if (now < next_scan) continue;
      next_scan = now + tick;
      CloseIf(
          [&](const Connection& c) { return c.state != ConnState::kBusy && c.deadline <= now; });
      if (grace_end && now >= *grace_end) CutAll();
      if (accept_paused_ && !stopping_) {
        accept_paused_ = false;
        Watch(epoll_, kListenerId, listener_.get(), EPOLLIN, EPOLL_CTL_MOD);
      }
    }
  }

  template <typename Predicate>
  void CloseIf(const Predicate& predicate) {
    const MutexLock lock(mu_);
    std::erase_if(connections_,
                  [&](auto& entry) { return !entry.second->taken && predicate(*entry.second); });
  }

  void CutAll() {
    const MutexLock lock(mu_);
    for (auto& [id, c] : connections_) ::shutdown(c->transport->fd(), SHUT_RDWR);
  }

  void PauseAccept() {
    accept_paused_ = true;
    Watch(epoll_, kListenerId, listener_.get(), 0, EPOLL_CTL_MOD);
  }

  // At the limit, the connection that has been idle the longest makes room.
  bool MakeRoom() {
    const MutexLock lock(mu_);
    if (connections_.size() < options_.max_connections) return true;
    auto oldest = connections_.end();
    for (auto it = connections_.begin(); it != connections_.end(); ++it) {
      if (it->second->state == ConnState::kIdle && !it->second->taken &&
          (oldest == connections_.end() || it->second->deadline < oldest->second->deadline)) {
        oldest = it;
      }
    }
    if (oldest == connections_.end()) return false;
    connections_.erase(oldest);
    return true;
  }

  void Accept() {
    for (int i = 0; i < 64; ++i) {
      if (!MakeRoom()) {
        PauseAccept();
        return;
      }
      sockaddr_storage addr{};
      socklen_t length = sizeof addr;
      Fd fd(::accept4(listener_.get(), reinterpret_cast<sockaddr*>(&addr), &length,
                      SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!fd) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
          LOG(kWarn, "cannot accept", {"error", std::strerror(errno)});
          PauseAccept();
        }
        return;
      }
      const int on = 1;
      ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      const uint64_t id = next_id_++;
      const int raw = fd.get();
      auto c = std::make_unique<Connection>();
      c->id = id;
      c->peer = AddressText(addr, length);
      c->transport = internal::NewPlainTransport(std::move(fd));
      c->deadline = SteadyClock::now() + options_.idle_timeout;
      {
        const MutexLock lock(mu_);
        connections_.emplace(id, std::move(c));
      }
      Watch(ready_, id, raw, EPOLLIN | EPOLLONESHOT, EPOLL_CTL_ADD);
    }
  }

  // ---- polling threads ----

  void Poll() {
    NameThread("clary-http");
    for (;;) {
      ++polling_;
      epoll_event event;
      const int n = ::epoll_wait(ready_.get(), &event, 1, -1);
      const bool another = --polling_ > 0;
      if (n < 1) continue;
      if (event.data.u64 == kWakeId) return;  // it stays readable, for all of them
      OnReady(event.data.u64, another);
    }
  }

  // With `serves`, a request is served here; else by a handler.
  void OnReady(uint64_t id, bool serves) {
    Connection* c = nullptr;
    {
      const MutexLock lock(mu_);
      const auto it = connections_.find(id);
      if (it == connections_.end() || it->second->state == ConnState::kBusy || it->second->taken) {
        return;
      }
      c = it->second.get();
      c->taken = true;
    }
    const auto buffer = ThreadBuffer().first(16384);
    if (c->fresh && options_.front && !DetectTls(*c)) {
      Close(*c);
      return;
    }
    c->fresh = false;
    for (;;) {
      const IoResult r = c->transport->Read(buffer);
      if (r.state == IoResult::State::kEnd || r.state == IoResult::State::kError) {
        Close(*c);
        return;
      }
      if (r.state != IoResult::State::kOk) {
        Await(*c, c->state, r.state);
        return;
      }
      if (c->state == ConnState::kLinger) continue;
      c->in.Append({buffer.data(), r.bytes});
      const auto ready = ParseHead(*c);
      if (!ready) {
        Refuse(*c, RefusalOf(ready.error()));
        return;
      }
      if (*ready && serves) {
        {
          const MutexLock lock(mu_);
          c->state = ConnState::kBusy;
          c->taken = false;
        }
        Serve(*c);
        return;
      }
      if (*ready) {
        Dispatch(*c);
        return;
      }
      Await(*c, ConnState::kHead, std::nullopt);
    }
  }

  // Starts TLS if the first byte is that of a handshake. False if that fails.
  bool DetectTls(Connection& c) {
    constexpr char kHandshake = 0x16;
    char first = 0;
    if (::recv(c.transport->fd(), &first, 1, MSG_PEEK) != 1 || first != kHandshake) return true;
    auto tls = internal::NewTlsTransport(c.transport->TakeFd(), options_.front->ca, c.connect_host);
    if (!tls) {
      LOG(kWarn, "cannot start TLS", {"host", c.connect_host}, {"error", tls.error().message});
      return false;
    }
    {
      const MutexLock lock(mu_);
      c.transport = *std::move(tls);
    }
    Await(c, ConnState::kHead, std::nullopt);  // the handshake has a deadline, too
    return true;
  }

  void Dispatch(Connection& c) {
    const bool in_lane = options_.lane && options_.lane->takes(c.head.request);
    Crew& crew = in_lane ? lane_ : common_;
    const size_t max_queue = in_lane ? options_.lane->max_queue : options_.max_queue;
    {
      const MutexLock lock(mu_);
      if (crew.queue.size() < max_queue) {
        c.state = ConnState::kBusy;
        c.taken = false;
        crew.queue.push_back(&c);
        if (in_lane && crew.queue.size() > crew.idle &&
            crew.threads.size() < options_.lane->handler_threads) {
          Hire(crew);
        }
        crew.queued.notify_one();
        return;
      }
    }
    LOG(kWarn, "too many requests", {"peer", c.peer}, {"queued", max_queue});
    Refuse(c, options_.overloaded ? options_.overloaded(c.head.request)
                                  : TextResponse(503, "too many requests; try again"));
  }

  // ---- the thread that owns the connection ----

  void Close(Connection& c) {
    const MutexLock lock(mu_);
    connections_.erase(c.id);
  }

  // Parses what has arrived; true when `c.head` holds a request.
  Result<bool> ParseHead(Connection& c) {
    if (c.parser == nullptr) {
      c.parser = std::make_unique<RequestParser>(
          ParserLimits{options_.max_header_bytes, options_.max_header_count});
    }
    CLARY_TRY(const size_t n, c.parser->PutHead(c.in.view()));
    c.in.Consume(n);
    if (!c.parser->head_done()) return false;
    CLARY_TRY(c.head, c.parser->TakeHead());
    Request& r = c.head.request;
    r.peer = c.peer;
    r.tls = c.transport->tls();
    if (!c.connect_host.empty()) r.host = c.connect_host;
    if (options_.max_content_length &&
        r.content_length.value_or(0) > *options_.max_content_length) {
      return Fail(Code::kResourceExhausted, "BodyTooLarge",
                  fmt::format("the body is larger than {} bytes", *options_.max_content_length));
    }
    return true;
  }

  // Answers without a handler, as far as the socket takes it at once, and gives the connection up.
  void Refuse(Connection& c, const Response& response) {
    const std::string head = ResponseHead(response, c.head, false);
    c.transport->Write(head, c.head.request.method == "HEAD" ? "" : response.body, false);
    Linger(c);
  }

  // Closing a socket with unread input would take the answer back, so first wait for the peer.
  void Linger(Connection& c) {
    c.transport->ShutdownWrite();
    Await(c, ConnState::kLinger, IoResult::State::kWantRead);
  }

  // Sets the state and its deadline; with `wait`, gives the connection to the polling threads.
  void Await(Connection& c, ConnState state, std::optional<IoResult::State> wait) {
    const MutexLock lock(mu_);
    if (state != c.state) {
      c.deadline = SteadyClock::now() + (state == ConnState::kIdle   ? options_.idle_timeout
                                         : state == ConnState::kHead ? options_.head_timeout
                                                                     : kLingerTime);
      c.state = state;
    }
    if (!wait) return;
    c.taken = false;
    if (stopping_ && state != ConnState::kLinger) {
      connections_.erase(c.id);
      return;
    }
    const uint32_t events = *wait == IoResult::State::kWantWrite ? EPOLLOUT : EPOLLIN;
    Watch(ready_, c.id, c.transport->fd(), events | EPOLLONESHOT, EPOLL_CTL_MOD);
  }

  // ---- handler threads ----

  // Some threads and the requests that wait for them.
  struct Crew {
    std::condition_variable_any queued;
    std::deque<Connection*> queue;
    size_t idle = 0;  // threads that wait
    std::vector<std::jthread> threads;
  };

  void Hire(Crew& crew) REQUIRES(mu_) {
    crew.threads.emplace_back([this, &crew](const std::stop_token& stop) { Work(crew, stop); });
  }

  void Work(Crew& crew, const std::stop_token& stop) {
    NameThread("clary-http");
    for (;;) {
      Connection* c = nullptr;
      {
        MutexLock lock(mu_);
        ++crew.idle;
        const bool any = crew.queued.wait(lock, stop, [&crew]() { return !crew.queue.empty(); });
        --crew.idle;
        if (!any) return;
        c = crew.queue.front();
        crew.queue.pop_front();
      }
      Serve(*c);
    }
  }

  // Serves the request in `c.head`, and those that arrived behind it.
  void Serve(Connection& c) {
    for (;;) {
      switch (ServeOne(c)) {
        case After::kClose:
          Close(c);
          return;
        case After::kLinger:
          Linger(c);
          return;
        case After::kGone:
          return;
        case After::kNext:
          break;
      }
      c.parser.reset();
      c.head = {};
      if (c.transport->tls()) ReadArrived(c);  // OpenSSL may hold bytes that no poll shows
      if (c.in.empty()) {
        Await(c, ConnState::kIdle, IoResult::State::kWantRead);
        return;
      }
      const auto ready = ParseHead(c);
      if (!ready) {
        Refuse(c, RefusalOf(ready.error()));
        return;
      }
      if (!*ready) {
        Await(c, ConnState::kHead, IoResult::State::kWantRead);
        return;
      }
    }
  }

  void ReadArrived(Connection& c) {
    const auto buffer = ThreadBuffer().first(16384);
    while (c.in.view().size() < options_.max_header_bytes) {
      const IoResult r = c.transport->Read(buffer);
      if (r.state != IoResult::State::kOk) return;
      c.in.Append({buffer.data(), r.bytes});
    }
  }

  enum class After { kClose, kLinger, kNext, kGone };

  After Reply(Connection& c, const Response& response) {
    const std::string head = ResponseHead(response, c.head, false);
    const bool sent =
        Waiter(*c.transport, options_.stall_timeout).Write(head, response.body).has_value();
    return sent ? After::kLinger : After::kClose;
  }

  After Connect(Connection& c) {
    if (!options_.front || c.transport->tls() || !c.connect_host.empty()) {
      return Reply(c, TextResponse(405, "CONNECT is not available here"));
    }
    const std::string host = c.head.request.host;
    const auto port = internal::PortOfConnect(c.head.request);
    if (!port) return Reply(c, TextResponse(400, "CONNECT needs host:port"));
    if (!c.in.empty()) return Reply(c, TextResponse(400, "bytes follow CONNECT too early"));
    if (internal::IsOurs(*options_.front, host)) {
      if (!Waiter(*c.transport, options_.stall_timeout)
               .Write("HTTP/1.1 200 Connection established\r\n\r\n")) {
        return After::kClose;
      }
      c.connect_host = host;
      c.fresh = true;
      c.parser.reset();
      c.head = {};
      Await(c, ConnState::kHead, IoResult::State::kWantRead);
      return After::kGone;
    }
    if (!options_.front->tunnel_others) {
      return Reply(c, internal::ConnectRefusal(*options_.front, host));
    }
    const auto take = [&] {  // a connection that leaves is nobody's to cut any more
      const MutexLock lock(mu_);
      ::epoll_ctl(ready_.get(), EPOLL_CTL_DEL, c.transport->fd(), nullptr);
      std::unique_ptr<Transport> transport = std::move(c.transport);
      connections_.erase(c.id);
      return transport;
    };
    if (!stopping_ && tunnels_.Start(options_.front->max_tunnels, take, host, *port)) {
      return After::kGone;
    }
    return Reply(c, TextResponse(503, "too many tunnels; try again"));
  }

  After ServeOne(Connection& c) {
    if (c.head.request.method == "CONNECT") return Connect(c);
    if (const std::string& host = c.head.request.host; c.head.absolute && options_.front &&
                                                       !internal::IsOurs(*options_.front, host) &&
                                                       !internal::IsLocal(host)) {
      return Reply(c, internal::ForwardRefusal(*options_.front, host));
    }
    BodyReader body(c, options_.stall_timeout);
    Request& request = c.head.request;
    request.body = std::make_unique<BodySource>(body);
    Response response;
    try {
      response = handler_(request);
    } catch (const std::exception& e) {
      // No code of ours throws, but a library below a handler may, and that must cost one
      // request and not the process.
      LOG(kError, "handler threw", {"what", e.what()}, {"path", request.path});
      response = TextResponse(500, "internal error");
    }
    bool keep = c.head.keep_alive && !stopping_ && !body.failed();
    if (request.body != nullptr && !body.done()) {
      body.SkipArrived();
      const bool will_drain = !body.awaits_continue() && !body.failed() && !c.head.chunked &&
                              body.left() <= options_.max_drain_bytes;
      keep = keep && (body.done() || will_drain);
    }
    const bool sent = SendResponse(c, response, options_.stall_timeout, keep);
    response.stream.reset();
    request.body.reset();
    if (!sent) return After::kClose;
    if (!body.done() && (!keep || body.failed() || body.awaits_continue() ||
                         !body.Drain(std::min(options_.stall_timeout, Duration(5000))))) {
      return After::kLinger;
    }
    return keep ? After::kNext : After::kLinger;
  }

  const ServerOptions options_;
  const Handler handler_;
  Fd listener_;  // io thread
  const uint16_t port_;
  const Fd epoll_;  // of the io thread: the listener, and wake_
  const Fd ready_;  // of the polling threads: connections, and end_
  const Fd wake_;
  const Fd end_;
  std::atomic<int> polling_ = 0;  // threads that wait for a connection
  bool accept_paused_ = false;    // io thread
  uint64_t next_id_ = 16;         // io thread
  std::atomic<bool> stopping_ = false;
  Mutex mu_;
  std::unordered_map<uint64_t, std::unique_ptr<Connection>> connections_ GUARDED_BY(mu_);
  internal::Tunnels tunnels_;
  Crew common_ GUARDED_BY(mu_);
  Crew lane_ GUARDED_BY(mu_);
  Mutex stop_mu_;
  std::jthread io_ GUARDED_BY(stop_mu_);
  std::vector<std::jthread> pollers_ GUARDED_BY(stop_mu_);
};

}  // namespace

Result<std::unique_ptr<Server>> Server::Start(ServerOptions options, Handler handler) {
  Listener listener{.fd = std::move(options.listener)};
  if (listener.fd) {
    ::fcntl(listener.fd.get(), F_SETFL, O_NONBLOCK);
    ::fcntl(listener.fd.get(), F_SETFD, FD_CLOEXEC);
  } else {
    CLARY_TRY(listener, Listen(options.address, options.port));
  }
  Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  Fd ready(::epoll_create1(EPOLL_CLOEXEC));
  Fd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  Fd end(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!epoll || !ready || !wake || !end) return std::unexpected(ErrnoError(errno, "epoll"));
  return std::make_unique<ServerImpl>(std::move(options), std::move(handler), std::move(listener),
                                      std::move(epoll), std::move(ready), std::move(wake),
                                      std::move(end));
}

}  // namespace clary::net
