#include "net/internal/local_client.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <utility>

#include "net/internal/request_parser.h"
#include "net/internal/response_parser.h"

namespace clary::net::internal {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr size_t kReadBytes = 4 * 1024;  // at once of a head; bodies go to their reader
constexpr size_t kUploadBytes = 128 * 1024;
// A blocked call looks up so often whether it may go on.
constexpr Duration kSlice{250};

std::unexpected<Error> Broken(std::string what) {
  return Fail(Code::kUnavailable, "Disconnected", std::move(what));
}

void AppendField(std::string& out, std::string_view name, std::string_view value) {
  const auto append = [&out](std::string_view text) {  // a line end would begin another field
    for (const char c : text) out += c == '\r' || c == '\n' || c == '\0' ? ' ' : c;
  };
  append(name);
  out += ": ";
  append(value);
  out += "\r\n";
}

void AppendHead(const ClientRequest& request, std::string& out) {
  std::string_view rest = request.url;
  const size_t scheme = rest.find("://");
  if (scheme != std::string_view::npos) rest.remove_prefix(scheme + 3);
  const size_t slash = std::min(rest.find('/'), rest.size());
  const std::string_view host = rest.substr(0, slash);
  rest.remove_prefix(slash);
  out.append(request.method).append(" ").append(rest.empty() ? "/" : rest);
  out += " HTTP/1.1\r\n";
  if (!request.headers.Find("Host")) AppendField(out, "Host", host);
  for (const auto& [name, value] : request.headers.all()) AppendField(out, name, value);
  if (request.upload != nullptr && !request.upload_length) {
    out += "Transfer-Encoding: chunked\r\n";
  } else {
    const std::string_view body = request.content();
    const uint64_t length = request.upload != nullptr ? *request.upload_length : body.size();
    if (length > 0 || request.method == "POST" || request.method == "PUT") {
      AppendField(out, "Content-Length", std::to_string(length));
    }
  }
  out += "\r\n";
}

// A parser that is at the beginning of a chunked body: the coding is that of requests.
std::unique_ptr<RequestParser> ChunkDecoder() {
  auto parser = std::make_unique<RequestParser>(ParserLimits{});
  constexpr std::string_view kHead =
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  const auto taken = parser->PutHead(kHead);
  if (!taken || *taken != kHead.size()) return nullptr;
  return parser;
}

}  // namespace

class LocalClient::Link {
 public:
  explicit Link(Fd fd) : fd_(std::move(fd)) {}

  // For one request.
  void Begin(const ClientRequest& request, const HttpClientOptions& options) {
    stop_ = request.stop;
    stall_ = options.stall_timeout;
    const Duration total = request.timeout.count() > 0 ? request.timeout : options.total_timeout;
    moved_ = SteadyClock::now();
    end_ = total.count() > 0 ? std::optional(moved_ + total) : std::nullopt;
    written_ = false;
  }
  // The server has neither closed it nor said something that nobody asked for.
  bool usable() const {
    char byte = 0;
    return in_.empty() && ::recv(fd_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           (errno == EAGAIN || errno == EWOULDBLOCK);
  }
  bool written() const { return written_; }  // some bytes of the request have gone

  Status Write(std::string_view a, std::string_view b) {
    while (!a.empty() || !b.empty()) {
      iovec parts[2] = {{const_cast<char*>(a.data()), a.size()},
                        {const_cast<char*>(b.data()), b.size()}};
      msghdr message{};
      message.msg_iov = parts;
      message.msg_iovlen = b.empty() ? 1 : 2;
      const ssize_t n = ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
      if (n < 0) {
        if (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK) {
          return Broken("the server closed the connection");
        }
        CLARY_CHECK_OK(Waited());
        continue;
      }
      Moved();
      written_ = true;
      const size_t of_a = std::min(static_cast<size_t>(n), a.size());
      a.remove_prefix(of_a);
      b.remove_prefix(std::min(static_cast<size_t>(n) - of_a, b.size()));
    }
    return {};
  }

  // Some bytes; 0 is the end of the connection.
  Result<size_t> Read(std::span<char> out) {
    for (;;) {
      const ssize_t n = ::recv(fd_.get(), out.data(), out.size(), 0);
      if (n >= 0) {
        Moved();
        return static_cast<size_t>(n);
      }
      if (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK) {
        return Broken("the server closed the connection");
      }
      CLARY_CHECK_OK(Waited());
    }
  }

  // The final head of the answer; what has come behind it stays in in().
  Result<ResponseHeadParts> ReadHead() {
    for (;;) {
      if (!in_.empty()) {
        CLARY_TRY(auto head, ParseResponseHead(in_));
        if (head) {
          in_.erase(0, head->size);
          if (head->status >= 200) return *std::move(head);
          continue;  // 100 Continue and the like
        }
      }
      const size_t had = in_.size();
      in_.resize(had + kReadBytes);
      const auto n = Read({in_.data() + had, kReadBytes});
      in_.resize(had + n.value_or(0));
      if (!n) return std::unexpected(n.error());
      if (*n == 0) return Broken("the server closed the connection without an answer");
    }
  }
  std::string& in() { return in_; }

 private:
  void Moved() {
    if (stall_.count() > 0) moved_ = SteadyClock::now();
  }
  // A call came back without anything: whether to call again.
  Status Waited() const {
    const auto now = SteadyClock::now();
    if (stop_.stop_requested()) return Fail(Code::kCancelled, "Stopped", "stopped");
    if ((end_ && now >= *end_) || (stall_.count() > 0 && now - moved_ >= stall_)) {
      return Fail(Code::kDeadlineExceeded, "Timeout", "the server did not answer in time");
    }
    return {};
  }

  const Fd fd_;
  std::stop_token stop_;
  Duration stall_{0};
  SteadyClock::time_point moved_;
  std::optional<SteadyClock::time_point> end_;
  bool written_ = false;
  std::string in_;
};

// The rest of an answer. A connection whose answer was read to its end goes back.
class LocalClient::Body final : public ByteSource {
 public:
  Body(std::shared_ptr<LocalClient> client, std::unique_ptr<Link> link,
       const ResponseHeadParts& head, bool bodiless)
      : client_(std::move(client)),
        link_(std::move(link)),
        keep_alive_(head.keep_alive),
        left_(bodiless ? std::optional<uint64_t>(0) : head.length) {
    if (head.chunked && !bodiless) chunks_ = ChunkDecoder();
    if (left_ == 0U) Finish();
  }

  Result<size_t> Read(std::span<char> out) override {
    if (!link_) return 0;
    if (chunks_) return ReadChunked(out);
    if (left_) out = out.first(std::min<uint64_t>(out.size(), *left_));
    CLARY_TRY(const size_t n, ReadSome(out));
    if (left_) *left_ -= n;
    if (n == 0) {
      link_.reset();
      if (left_.value_or(0) > 0) return Broken("the answer ended early");
    } else if (left_ == 0U) {
      Finish();
    }
    return n;
  }

 private:
  Result<size_t> ReadSome(std::span<char> out) {
    std::string& in = link_->in();
    if (in.empty()) return link_->Read(out);
    const size_t n = std::min(in.size(), out.size());
    std::memcpy(out.data(), in.data(), n);
    in.erase(0, n);
    return n;
  }

  Result<size_t> ReadChunked(std::span<char> out) {
    std::string& in = link_->in();
    for (;;) {
      CLARY_TRY(const auto step, chunks_->PutBody(in, out));
      in.erase(0, step.consumed);
      const bool done = chunks_->body_done();
      if (done) Finish();
      if (step.produced > 0 || done) return step.produced;
      if (step.consumed > 0 && !in.empty()) continue;
      if (in.size() > kMaxResponseHead) return Broken("a chunk's header does not end");
      const size_t had = in.size();
      in.resize(had + kReadBytes);
      const auto n = link_->Read({in.data() + had, kReadBytes});
      in.resize(had + n.value_or(0));
      if (!n) return std::unexpected(n.error());
      if (*n == 0) {
        link_.reset();
        return Broken("the answer ended early");
      }
    }
  }

  void Finish() {
    if (keep_alive_) client_->Give(std::move(link_));
    link_.reset();
  }

  const std::shared_ptr<LocalClient> client_;
  std::unique_ptr<Link> link_;  // null: the body has ended
  const bool keep_alive_;
  std::optional<uint64_t> left_;
  std::unique_ptr<RequestParser> chunks_;
};

LocalClient::LocalClient(const HttpClientOptions& options, Fd directory)
    : options_(options), directory_(std::move(directory)) {
  // The address of a socket holds about 100 bytes.
  path_ = "/proc/self/fd/" + std::to_string(directory_.get()) + "/" +
          options_.unix_socket.filename().string();
}

Result<std::shared_ptr<LocalClient>> LocalClient::Create(const HttpClientOptions& options) {
  const auto parent = options.unix_socket.parent_path();
  CLARY_TRY(Fd directory, OpenFile(parent.empty() ? "." : parent, O_PATH | O_DIRECTORY));
  return std::shared_ptr<LocalClient>(new LocalClient(options, std::move(directory)));
}

Result<std::unique_ptr<LocalClient::Link>> LocalClient::Connect() const {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof address.sun_path) {
    return Fail(Code::kUnavailable, "CouldNotConnect", "the name of the socket is too long");
  }
  std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return std::unexpected(ErrnoError(errno, "socket"));
  const auto limit = [&fd](int option, Duration time) {
    const timeval value{.tv_sec = time.count() / 1000, .tv_usec = time.count() % 1000 * 1000};
    ::setsockopt(fd.get(), SOL_SOCKET, option, &value, sizeof value);
  };
  limit(SO_SNDTIMEO, options_.connect_timeout);  // of connect(2), too: a full backlog
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return Fail(Code::kUnavailable, "CouldNotConnect",
                options_.unix_socket.string() + ": " + std::strerror(errno));
  }
  limit(SO_SNDTIMEO, kSlice);
  limit(SO_RCVTIMEO, kSlice);
  return std::make_unique<Link>(std::move(fd));
}

Result<std::unique_ptr<LocalClient::Link>> LocalClient::Take() {
  for (;;) {
    std::unique_ptr<Link> link;
    {
      const MutexLock lock(mu_);
      if (idle_.empty()) break;
      link = std::move(idle_.back());
      idle_.pop_back();
    }
    if (link->usable()) return link;
  }
  return Connect();
}

void LocalClient::Give(std::unique_ptr<Link> link) {
  if (!link->in().empty()) return;
  const MutexLock lock(mu_);
  if (idle_.size() < options_.max_idle) idle_.push_back(std::move(link));
}

Result<Response> LocalClient::Open(const ClientRequest& request) {
  CLARY_TRY(auto link, Take());
  link->Begin(request, options_);
  thread_local std::string head_text;
  head_text.clear();
  AppendHead(request, head_text);
  const auto send = [&]() -> Status {
    if (request.upload == nullptr) return link->Write(head_text, request.content());
    CLARY_CHECK_OK(link->Write(head_text, {}));
    std::string buffer(kUploadBytes, '\0');
    uint64_t sent = 0;
    for (;;) {
      CLARY_TRY(const size_t n, request.upload->Read(buffer));
      if (n == 0) break;
      sent += n;
      const std::string_view part = std::string_view(buffer).substr(0, n);
      if (request.upload_length) {
        CLARY_CHECK_OK(link->Write(part, {}));
        continue;
      }
      char size[24];
      const int digits = std::snprintf(size, sizeof size, "%zx\r\n", n);
      CLARY_CHECK_OK(link->Write({size, static_cast<size_t>(digits)}, part));
      CLARY_CHECK_OK(link->Write("\r\n", {}));
    }
    if (!request.upload_length) return link->Write("0\r\n\r\n", {});
    if (sent != *request.upload_length) {
      return Fail(Code::kDataLoss, "BadLength", "the body is not as long as was said");
    }
    return {};
  };
  const Status sent = send();
  // A server that has had enough may have answered before it hung up.
  const bool refused = !sent && sent.error().reason == "Disconnected" && link->written();
  if (!sent && !refused) return std::unexpected(sent.error());
  auto head = link->ReadHead();
  if (!head) return std::unexpected(refused ? sent.error() : std::move(head).error());
  if (refused) head->keep_alive = false;
  Response response{.status = head->status, .headers = std::move(head->headers)};
  response.stream_length = head->length;
  response.stream =
      std::make_unique<Body>(shared_from_this(), std::move(link), *head, request.method == "HEAD");
  return response;
}

}  // namespace clary::net::internal
