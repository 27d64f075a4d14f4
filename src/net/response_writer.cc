#include "net/internal/response_writer.h"

#include <fmt/format.h>

#include <iterator>
#include <optional>

#include "base/log.h"
#include "base/strings.h"

namespace clary::net::internal {
namespace {

bool IsServersHeader(std::string_view name) {
  for (const std::string_view mine :
       {"Content-Length", "Transfer-Encoding", "Connection", "Date", "Keep-Alive"}) {
    if (EqualsIgnoreCase(name, mine)) return true;
  }
  return false;
}

// A value with a line break would let its author write headers of his own.
void AppendClean(std::string& out, std::string_view text) {
  for (const char c : text) out += c == '\r' || c == '\n' || c == '\0' ? ' ' : c;
}

struct Framing {
  bool bodiless = false;           // by method or status
  std::optional<uint64_t> length;  // absent: chunked, or to the end of the connection
  bool chunked = false;
};

Framing FramingOf(const Response& response, const Head& head) {
  Framing f;
  f.bodiless = head.request.method == "HEAD" || response.status == 204 || response.status == 304 ||
               response.status < 200;
  f.length = response.stream == nullptr && !response.stream_length
                 ? std::optional<uint64_t>(response.body.size())
                 : response.stream_length;
  if (head.request.method == "HEAD") {
    if (const auto given = response.headers.Find("Content-Length")) f.length = ParseUint(*given);
  }
  f.chunked = !f.length && !f.bodiless && !head.http10;
  return f;
}

std::string HeadText(const Response& response, const Framing& f, const Head& request,
                     bool keep_alive) {
  std::string out;
  out.reserve(512);
  fmt::format_to(std::back_inserter(out), "HTTP/1.1 {} {}\r\nDate: {}\r\n", response.status,
                 ReasonPhrase(response.status), FormatRfc1123(Clock::System().Now()));
  for (const auto& [name, value] : response.headers.all()) {
    if (IsServersHeader(name)) continue;
    AppendClean(out, name);
    out += ": ";
    AppendClean(out, value);
    out += "\r\n";
  }
  if (f.chunked) {
    out += "Transfer-Encoding: chunked\r\n";
  } else if (f.length && response.status != 204 && response.status != 304) {
    fmt::format_to(std::back_inserter(out), "Content-Length: {}\r\n", *f.length);
  }
  if (!keep_alive) {
    out += "Connection: close\r\n";
  } else if (request.http10) {
    out += "Connection: keep-alive\r\n";
  }
  out += "\r\n";
  return out;
}

bool SendStream(Waiter& waiter, std::string_view head, std::string_view block, const Framing& f,
                ByteSource& stream) {
  const auto buffer = ThreadBuffer();
  uint64_t left = f.length.value_or(UINT64_MAX);
  std::string prefix(head);
  while (!block.empty() && left > 0) {
    block = block.substr(0, std::min<uint64_t>(block.size(), left));
    if (f.chunked) fmt::format_to(std::back_inserter(prefix), "{:x}\r\n", block.size());
    if (!waiter.Write(prefix, block)) return false;
    prefix = f.chunked ? "\r\n" : "";
    left -= block.size();
    if (left == 0) break;
    const auto n = stream.Read(buffer);
    if (!n) {
      LOG(kWarn, "response stream failed", {"error", n.error().message});
      return false;
    }
    block = {buffer.data(), *n};
  }
  if (f.length && left > 0) return false;
  if (f.chunked) prefix += "0\r\n\r\n";
  return waiter.Write(prefix).has_value();
}

}  // namespace

Response TextResponse(int status, std::string text) {
  Response r;
  r.status = status;
  r.headers.Add("Content-Type", "text/plain");
  r.body = std::move(text) + "\n";
  return r;
}

Response RefusalOf(const Error& e) {
  if (e.reason == "HeaderTooLarge") return TextResponse(431, e.message);
  if (e.reason == "BodyTooLarge") return TextResponse(413, e.message);
  if (e.code == Code::kUnimplemented) return TextResponse(501, e.message);
  if (e.code == Code::kPermissionDenied) return TextResponse(403, e.message);
  return TextResponse(400, e.message);
}

std::string ResponseHead(const Response& response, const Head& request, bool keep_alive) {
  return HeadText(response, FramingOf(response, request), request, keep_alive);
}

bool SendResponse(Connection& c, Response& response, Duration budget, bool& keep) {
  Waiter waiter(*c.transport, budget);
  std::string_view first = response.body;
  const auto buffer = ThreadBuffer();
  if (response.stream != nullptr) {
    first = {};
    const bool file =
        c.transport->can_send_file() && response.stream_length && response.stream->AsFile();
    if (!file && c.head.request.method != "HEAD" && response.stream_length != 0u) {
      const auto n = response.stream->Read(buffer);
      if (!n) {
        LOG(kWarn, "response stream failed", {"error", n.error().message});
        response = TextResponse(500, "internal error");
        first = response.body;
      } else {
        first = {buffer.data(), *n};
      }
    }
  }
  const Framing f = FramingOf(response, c.head);
  if (!f.bodiless && !f.length && !f.chunked) keep = false;
  const std::string head = HeadText(response, f, c.head, keep);
  if (f.bodiless) return waiter.Write(head).has_value();
  if (response.stream == nullptr) return waiter.Write(head, first).has_value();
  if (f.length && c.transport->can_send_file()) {
    if (const auto file = response.stream->AsFile(); file && first.empty()) {
      return file->length >= *f.length && waiter.Write(head, {}, *f.length > 0) &&
             waiter.SendFile(file->fd, file->offset, *f.length);
    }
  }
  return SendStream(waiter, head, first, f, *response.stream);
}

}  // namespace clary::net::internal
