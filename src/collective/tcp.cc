#include "collective/tcp.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <utility>

#include "base/file.h"
#include "base/hash.h"

namespace clary::collective {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr uint64_t kMagic = 0x31636c6c6f63'7943;    // and the version of what is sent
constexpr uint64_t kMostBytes = uint64_t{1} << 36;  // of a message
constexpr std::chrono::seconds kLookAtSilence{1};
constexpr size_t kChunk = size_t{4} << 20;  // room is made as bytes come

// What a host says first on a connection that it makes.
struct Hello {
  uint64_t magic = kMagic;
  char secret[32] = {};  // a hash of it
  uint32_t rank = 0;
  uint32_t size = 0;
  uint32_t port = 0;  // where it listens, for those of higher rank
  uint32_t reserved = 0;
};
static_assert(sizeof(Hello) == 56);

std::unexpected<Error> Lost(size_t rank, std::string_view why) {
  return Fail(Code::kUnavailable, "HostLost", fmt::format("host {}: {}", rank, why));
}
std::string ErrnoText() { return std::strerror(errno); }

int MillisecondsTo(SteadyClock::time_point end) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(end - SteadyClock::now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, 1000));
}

// Waits for `events`; false at the end.
bool WaitFor(int fd, short events, SteadyClock::time_point end) {
  for (;;) {
    pollfd p{.fd = fd, .events = events, .revents = 0};
    const int n = poll(&p, 1, MillisecondsTo(end));
    if (n > 0) return true;
    if (SteadyClock::now() >= end) return false;
  }
}

// Of a socket that does not block.
Status SendAll(int fd, std::string_view bytes, SteadyClock::time_point end, size_t rank) {
  while (!bytes.empty()) {
    const ssize_t n = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n > 0) {
      bytes.remove_prefix(static_cast<size_t>(n));
    } else if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
      if (!WaitFor(fd, POLLOUT, end)) return Lost(rank, "it did not answer in time");
    } else {
      return Lost(rank, ErrnoText());
    }
  }
  return {};
}
Status ReceiveAll(int fd, std::span<char> to, SteadyClock::time_point end, size_t rank) {
  while (!to.empty()) {
    const ssize_t n = recv(fd, to.data(), to.size(), 0);
    if (n > 0) {
      to = to.subspan(static_cast<size_t>(n));
    } else if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
      if (!WaitFor(fd, POLLIN, end)) return Lost(rank, "it did not answer in time");
    } else {
      return Lost(rank, n == 0 ? "it has gone" : ErrnoText());
    }
  }
  return {};
}

void MakeQuick(int fd, std::chrono::seconds silence) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  // While nothing is under way: a host that computes for long answers these by its kernel; one
  // whose network is gone does not. What is under way Exchange() looks after.
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  const int tries = 6;
  const int idle_seconds = std::max(1, static_cast<int>(silence.count()) / 5);
  const int between_seconds = std::max(1, idle_seconds / 3);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_seconds, sizeof idle_seconds);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &between_seconds, sizeof between_seconds);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &tries, sizeof tries);
}

// Whether there are bytes, or a probe, that the other end has not acknowledged for `silence`. The
// kernel itself would try for a quarter of an hour. (TCP_USER_TIMEOUT is no help: it also ends
// connections to hosts that acknowledge but have no room.)
bool IsSilent(int fd, std::chrono::seconds silence) {
  tcp_info info{};
  socklen_t length = sizeof info;
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return false;
  return (info.tcpi_unacked > 0 || info.tcpi_probes > 0) &&
         std::chrono::milliseconds(info.tcpi_last_ack_recv) > silence;
}

struct Listener {
  Fd fd;
  uint16_t port;
};
Result<Listener> Listen(uint16_t port) {
  Fd fd(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const bool six = fd.get() >= 0;
  if (!six) fd = Fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd.get() < 0) return Fail(Code::kInternal, "Socket", "no socket: " + ErrnoText());
  const int on = 1;
  const int off = 0;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_storage address{};
  socklen_t length = 0;
  if (six) {
    setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    auto* const in = reinterpret_cast<sockaddr_in6*>(&address);
    *in = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_any};
    length = sizeof *in;
  } else {
    auto* const in = reinterpret_cast<sockaddr_in*>(&address);
    in->sin_family = AF_INET;
    in->sin_port = htons(port);
    length = sizeof *in;
  }
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      listen(fd.get(), 128) != 0) {
    return Fail(Code::kUnavailable, "Socket",
                fmt::format("port {} cannot be listened on: {}", port, ErrnoText()));
  }
  length = sizeof address;
  getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length);
  const uint16_t bound = six ? reinterpret_cast<sockaddr_in6*>(&address)->sin6_port
                             : reinterpret_cast<sockaddr_in*>(&address)->sin_port;
  return Listener{std::move(fd), ntohs(bound)};
}

// Tries until the host answers: it may not be there yet, nor its name.
Result<Fd> Connect(const std::string& host, uint16_t port, SteadyClock::time_point end, size_t rank,
                   std::chrono::seconds silence) {
  std::string why = "no address";
  for (;;) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int failed = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
    if (failed != 0) why = gai_strerror(failed);
    for (addrinfo* a = found; a != nullptr; a = a->ai_next) {
      Fd fd(socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      if (fd.get() < 0) continue;
      int error = connect(fd.get(), a->ai_addr, a->ai_addrlen) == 0 ? 0 : errno;
      if (error == EINPROGRESS && WaitFor(fd.get(), POLLOUT, end)) {
        socklen_t length = sizeof error;
        getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &length);
      }
      if (error == 0) {
        freeaddrinfo(found);
        MakeQuick(fd.get(), silence);
        return fd;
      }
      why = std::strerror(error);
    }
    if (found != nullptr) freeaddrinfo(found);
    if (SteadyClock::now() >= end) {
      return Lost(rank, fmt::format("{} port {} is not reached: {}", host, port, why));
    }
    poll(nullptr, 0, 50);
  }
}

class Tcp final : public Transport {
 public:
  Tcp(const TcpOptions& options, std::vector<Fd> peers)
      : rank_(options.rank),
        peers_(std::move(peers)),
        patience_(options.patience),
        silence_(options.silence) {}
  int rank() const override { return rank_; }
  int size() const override { return static_cast<int>(peers_.size()); }

  Result<std::vector<std::string>> Exchange(std::span<const std::string_view> to) override {
    const size_t n = peers_.size();
    const auto self = static_cast<size_t>(rank_);
    std::vector<Out> out(n);
    std::vector<In> in(n);
    for (size_t k = 0; k < n; ++k) {
      out[k] = {.length = to[k].size(), .bytes = to[k], .done = k == self};
      in[k].done = k == self;
      if (k == self) in[k].bytes = to[k];
    }
    auto end = SteadyClock::now() + patience_;
    auto look = SteadyClock::now() + kLookAtSilence;
    for (;;) {
      std::vector<pollfd> polled;
      std::vector<size_t> of;
      for (size_t k = 0; k < n; ++k) {
        if (out[k].done && in[k].done) continue;
        const int events = (out[k].done ? 0 : POLLOUT) | (in[k].done ? 0 : POLLIN);
        polled.push_back(
            {.fd = peers_[k].get(), .events = static_cast<short>(events), .revents = 0});
        of.push_back(k);
      }
      if (polled.empty()) break;
      if (SteadyClock::now() >= look) {
        for (const size_t k : of) {
          if (!IsSilent(peers_[k].get(), silence_)) continue;
          return Lost(k, fmt::format("it has not been reached for {} s", silence_.count()));
        }
        look = SteadyClock::now() + kLookAtSilence;
      }
      const int ready = poll(polled.data(), polled.size(), MillisecondsTo(end));
      if (ready <= 0) {
        if (SteadyClock::now() < end) continue;
        return Fail(Code::kDeadlineExceeded, "HostLost",
                    fmt::format("host {} has not moved for {} s", of.front(), patience_.count()));
      }
      end = SteadyClock::now() + patience_;
      for (size_t i = 0; i < polled.size(); ++i) {
        if (polled[i].revents == 0) continue;
        const size_t k = of[i];
        if (!out[k].done) CLARY_CHECK_OK(Send(k, out[k]));
        if (!in[k].done) CLARY_CHECK_OK(Receive(k, in[k]));
      }
    }
    std::vector<std::string> all;
    for (In& message : in) all.push_back(std::move(message.bytes));
    return all;
  }

 private:
  // A message is its length and its bytes.
  struct Out {
    uint64_t length = 0;
    std::string_view bytes;
    size_t sent = 0;
    bool done = false;
  };
  struct In {
    uint64_t length = 0;
    size_t head = 0;  // bytes of the length that have come
    std::string bytes;
    size_t got = 0;
    bool done = false;
  };

  Status Send(size_t k, Out& message) {
    constexpr size_t kHead = sizeof message.length;
    while (message.sent < kHead + message.bytes.size()) {
      const bool head = message.sent < kHead;
      const std::string_view rest =
          head ? std::string_view(reinterpret_cast<const char*>(&message.length), kHead)
                     .substr(message.sent)
               : message.bytes.substr(message.sent - kHead);
      const ssize_t n = send(peers_[k].get(), rest.data(), rest.size(),
                             MSG_NOSIGNAL | (head && !message.bytes.empty() ? MSG_MORE : 0));
      if (n < 0 && (errno == EAGAIN || errno == EINTR)) return {};
      if (n <= 0) return Lost(k, n == 0 ? "it has gone" : ErrnoText());
      message.sent += static_cast<size_t>(n);
    }
    message.done = true;
    return {};
  }
  Status Receive(size_t k, In& message) {
    while (!message.done) {
      ssize_t n = 0;
      if (message.head < sizeof message.length) {
        n = recv(peers_[k].get(), reinterpret_cast<char*>(&message.length) + message.head,
                 sizeof message.length - message.head, 0);
        if (n > 0) {
          message.head += static_cast<size_t>(n);
          if (message.head == sizeof message.length && message.length > kMostBytes) {
            return Lost(k, "it sends what is no message");
          }
        }
      } else if (message.got < message.length) {
        const size_t room = std::min<size_t>(kChunk, message.length - message.got);
        if (message.bytes.size() < message.got + room) message.bytes.resize(message.got + room);
        n = recv(peers_[k].get(), message.bytes.data() + message.got,
                 message.bytes.size() - message.got, 0);
        if (n > 0) message.got += static_cast<size_t>(n);
      }
      if (message.head == sizeof message.length && message.got == message.length) {
        message.bytes.resize(message.got);
        message.done = true;
        return {};
      }
      if (n < 0 && (errno == EAGAIN || errno == EINTR)) return {};
      if (n <= 0) return Lost(k, n == 0 ? "it has gone" : ErrnoText());
    }
    return {};
  }

  const int rank_;
  std::vector<Fd> peers_;  // by rank; none for this host
  const std::chrono::seconds patience_;
  const std::chrono::seconds silence_;
};

class Meeting {
 public:
  explicit Meeting(const TcpOptions& options)
      : options_(options),
        size_(options.hosts.size()),
        rank_(static_cast<size_t>(options.rank)),
        end_(SteadyClock::now() + options.meet),
        peers_(size_) {
    const std::string hash = Hash(HashKind::kSha256, "clary hosts\n" + options.secret);
    std::memcpy(secret_, hash.data(), sizeof secret_);
  }

  // Rank 0 learns where everybody listens and tells all; then each calls those of lower rank.
  Result<std::unique_ptr<Transport>> Meet() {
    CLARY_TRY(const Listener listener, Listen(rank_ == 0 ? options_.port : 0));
    std::vector<uint32_t> ports(size_);
    if (rank_ == 0) {
      CLARY_CHECK_OK(Accept(listener.fd.get(), size_ - 1, ports));
      const std::string_view table(reinterpret_cast<const char*>(ports.data()),
                                   ports.size() * sizeof ports[0]);
      for (size_t k = 1; k < size_; ++k) {
        CLARY_CHECK_OK(SendAll(peers_[k].get(), table, end_, k));
      }
    } else {
      CLARY_CHECK_OK(Call(0, options_.port, listener.port));
      CLARY_CHECK_OK(ReceiveAll(
          peers_[0].get(), {reinterpret_cast<char*>(ports.data()), ports.size() * sizeof ports[0]},
          end_, 0));
      for (size_t k = 1; k < rank_; ++k) {
        CLARY_CHECK_OK(Call(k, static_cast<uint16_t>(ports[k]), listener.port));
      }
      CLARY_CHECK_OK(Accept(listener.fd.get(), size_ - 1 - rank_, ports));
    }
    return std::make_unique<Tcp>(options_, std::move(peers_));
  }

 private:
  Status Call(size_t k, uint16_t port, uint16_t own_port) {
    CLARY_TRY(Fd fd, Connect(options_.hosts[k], port, end_, k, options_.silence));
    Hello hello{.rank = static_cast<uint32_t>(rank_),
                .size = static_cast<uint32_t>(size_),
                .port = own_port};
    std::memcpy(hello.secret, secret_, sizeof secret_);
    CLARY_CHECK_OK(
        SendAll(fd.get(), {reinterpret_cast<const char*>(&hello), sizeof hello}, end_, k));
    peers_[k] = std::move(fd);
    return {};
  }

  // Lets in `count` hosts of higher rank. Whoever is none is turned away.
  Status Accept(int listener, size_t count, std::vector<uint32_t>& ports) {
    while (count > 0) {
      Fd fd(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (fd.get() < 0) {
        if (WaitFor(listener, POLLIN, end_)) continue;
        std::string missing;
        for (size_t k = rank_ + 1; k < size_; ++k) {
          if (peers_[k].get() < 0) missing += (missing.empty() ? "" : ", ") + options_.hosts[k];
        }
        return Fail(Code::kUnavailable, "HostLost",
                    fmt::format("after {} s these hosts have not come: {}", options_.meet.count(),
                                missing));
      }
      MakeQuick(fd.get(), options_.silence);
      Hello hello{.magic = 0};
      // One that says nothing holds up the others for a moment only.
      const auto soon = std::min(end_, SteadyClock::now() + std::chrono::seconds(5));
      if (!ReceiveAll(fd.get(), {reinterpret_cast<char*>(&hello), sizeof hello}, soon, 0)) continue;
      if (hello.magic != kMagic || std::memcmp(hello.secret, secret_, sizeof secret_) != 0) {
        continue;
      }
      if (hello.size != size_ || hello.rank <= rank_ || hello.rank >= size_ ||
          peers_[hello.rank].get() >= 0 || hello.port == 0 || hello.port > UINT16_MAX) {
        return Fail(Code::kPermissionDenied, "BadHost",
                    fmt::format("a host that says it is {} of {} came where {} of {} waits",
                                hello.rank, hello.size, rank_, size_));
      }
      ports[hello.rank] = hello.port;
      peers_[hello.rank] = std::move(fd);
      --count;
    }
    return {};
  }

  const TcpOptions& options_;
  const size_t size_;
  const size_t rank_;
  const SteadyClock::time_point end_;
  char secret_[32];
  std::vector<Fd> peers_;
};

}  // namespace

Result<std::unique_ptr<Transport>> MeetOverTcp(const TcpOptions& options) {
  if (options.hosts.empty() || options.rank < 0 ||
      static_cast<size_t>(options.rank) >= options.hosts.size() || options.port == 0) {
    return Fail(
        Code::kInvalidArgument, "BadHosts",
        fmt::format("host {} of {} at port {}", options.rank, options.hosts.size(), options.port));
  }
  return Meeting(options).Meet();
}

}  // namespace clary::collective
