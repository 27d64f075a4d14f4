// The only file that includes Boost.Beast: it is slow to compile.
#include "net/internal/request_parser.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <optional>

#include "base/strings.h"

namespace clary::net::internal {
namespace {

namespace http = boost::beast::http;

std::unexpected<Error> Bad(std::string_view what) {
  return Fail(Code::kInvalidArgument, "BadRequest", "malformed HTTP request: " + std::string(what));
}

std::unexpected<Error> FromBeast(const boost::beast::error_code& ec) {
  if (ec == http::error::header_limit) {
    return Fail(Code::kResourceExhausted, "HeaderTooLarge", "the request's head is too large");
  }
  return Bad(ec.message());
}

std::string_view View(boost::beast::string_view s) { return {s.data(), s.size()}; }

bool IsTokenChar(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

// Tells garbage from the start of a request, so that it is refused before a whole head came.
bool PlausibleStart(std::string_view bytes) {
  const std::string_view line = bytes.substr(0, bytes.find('\n'));
  size_t i = 0;
  while (i < line.size() && IsTokenChar(line[i])) ++i;
  if (i == line.size()) return i <= 32 && (line.size() == bytes.size() || i == 0);
  if (i == 0 || i > 32 || line[i] != ' ') return false;
  return line.size() == bytes.size() || line.find(" HTTP/1.") != std::string_view::npos;
}

bool ValidHost(std::string_view host) {
  for (const char c : host) {
    if (c <= ' ' || c == '/' || c == '@' || c == '?' || c == '#' || c == '\\' || c == 0x7f) {
      return false;
    }
  }
  return true;
}

// Host without port, lower case; brackets of an IPv6 address go too.
std::string HostName(std::string_view host) {
  if (host.starts_with('[')) {
    return ToLower(host.substr(1, host.find(']') - 1));
  }
  return ToLower(host.substr(0, host.find(':')));
}

bool HasToken(std::string_view list, std::string_view token) {
  for (const std::string_view part : Split(list, ',')) {
    if (EqualsIgnoreCase(Trim(part), token)) return true;
  }
  return false;
}

}  // namespace

struct RequestParser::State {
  http::request_parser<http::buffer_body> parser;
  bool started = false;
};

RequestParser::RequestParser(const ParserLimits& limits)
    : limits_(limits), state_(std::make_unique<State>()) {
  state_->parser.header_limit(static_cast<std::uint32_t>(limits.header_bytes));
  state_->parser.body_limit(UINT64_MAX);
}
RequestParser::~RequestParser() = default;

Result<size_t> RequestParser::PutHead(std::string_view bytes) {
  size_t blank = 0;  // an empty line in front of a request is forgiven (RFC 9112, 2.2)
  if (!state_->started) {
    while (bytes.starts_with("\r\n")) {
      bytes.remove_prefix(2);
      blank += 2;
    }
    if (bytes.empty() || bytes == "\r") return blank;
    if (!PlausibleStart(bytes)) return Bad("no HTTP/1.1 request line");
  }
  boost::beast::error_code ec;
  const size_t n = state_->parser.put(boost::asio::buffer(bytes.data(), bytes.size()), ec);
  if (ec && ec != http::error::need_more) return FromBeast(ec);
  state_->started = state_->started || n > 0;
  // Beast counts fields only; this bounds a request line without an end.
  if (!head_done() && bytes.size() - n >= limits_.header_bytes) {
    return FromBeast(make_error_code(http::error::header_limit));
  }
  return blank + n;
}

bool RequestParser::head_done() const { return state_->parser.is_header_done(); }

Result<Head> RequestParser::TakeHead() {
  const auto& message = state_->parser.get();
  Head head;
  Request& r = head.request;
  r.method = View(message.method_string());
  head.http10 = message.version() == 10;
  if (message.version() != 11 && !head.http10) return Bad("the version is not HTTP/1.1");

  std::optional<std::string_view> host;
  size_t count = 0;
  for (const auto& field : message) {
    if (++count > limits_.header_count) {
      return Fail(Code::kResourceExhausted, "HeaderTooLarge", "the request has too many headers");
    }
    const std::string_view name = View(field.name_string());
    const std::string_view value = View(field.value());
    switch (field.name()) {
      case http::field::host:
        if (host) return Bad("more than one Host header");
        host = value;
        break;
      case http::field::transfer_encoding:
        if (head.chunked || !EqualsIgnoreCase(Trim(value), "chunked") || head.http10) {
          return Fail(Code::kUnimplemented, "BadTransferEncoding",
                      "the only Transfer-Encoding understood is 'chunked'");
        }
        head.chunked = true;
        break;
      case http::field::content_length: {
        const auto length = ParseUint(Trim(value));
        if (!length || (r.content_length && *r.content_length != *length)) {
          return Bad("Content-Length is not one number");
        }
        r.content_length = length;
        break;
      }
      case http::field::expect:
        if (!EqualsIgnoreCase(Trim(value), "100-continue")) return Bad("unknown Expect header");
        head.expect_continue = !head.http10;
        break;
      default:
        break;
    }
    r.headers.Add(std::string(name), std::string(value));
  }
  if (head.chunked && r.content_length) return Bad("both Content-Length and Transfer-Encoding");
  if (!host && !head.http10) return Bad("no Host header");

  const std::string_view connection = r.headers.Get("Connection");
  head.keep_alive =
      head.http10 ? HasToken(connection, "keep-alive") : !HasToken(connection, "close");

  std::string_view target = View(message.target());
  std::string_view authority = host.value_or("");
  if (r.method == "CONNECT") {
    authority = target;
    target = "";
  } else if (!target.starts_with('/') && target != "*") {
    const size_t scheme = target.find("://");
    if (scheme == std::string_view::npos || !EqualsIgnoreCase(target.substr(0, scheme), "http")) {
      return Bad("the target is neither a path nor an http:// address");
    }
    target.remove_prefix(scheme + 3);
    const size_t end = std::min(target.find_first_of("/?"), target.size());
    authority = target.substr(0, end);
    target.remove_prefix(end);
    head.absolute = true;
  }
  if (!ValidHost(authority)) return Bad("the host name holds an illegal character");
  r.host = HostName(authority);
  const size_t mark = target.find('?');
  r.path = target.substr(0, mark);
  if (r.method == "CONNECT") {
    r.path = authority;  // host:port
  } else if (r.path.empty()) {
    r.path = "/";
  }
  if (mark != std::string_view::npos) r.raw_query = target.substr(mark + 1);
  auto query = ParseQuery(r.raw_query);
  if (!query) return Bad(query.error().message);
  r.query = *std::move(query);
  return head;
}

Result<RequestParser::BodyStep> RequestParser::PutBody(std::string_view in, std::span<char> out) {
  auto& body = state_->parser.get().body();
  body.data = out.data();
  body.size = out.size();
  BodyStep step;
  while (!body_done() && step.consumed < in.size() && body.size == out.size()) {
    boost::beast::error_code ec;
    const size_t n = state_->parser.put(
        boost::asio::buffer(in.data() + step.consumed, in.size() - step.consumed), ec);
    step.consumed += n;
    if (ec == http::error::need_more || ec == http::error::need_buffer) {
      if (n == 0) break;
      continue;
    }
    if (ec) {
      return Fail(Code::kInvalidArgument, "BadChunk", "malformed chunked body: " + ec.message());
    }
  }
  step.produced = out.size() - body.size;
  body.data = nullptr;
  body.size = 0;
  return step;
}

bool RequestParser::body_done() const { return state_->parser.is_done(); }

}  // namespace clary::net::internal
