#include "net/internal/response_parser.h"

#include <algorithm>

#include "base/strings.h"

namespace clary::net::internal {
namespace {

std::unexpected<Error> NotHttp(std::string_view what) {
  return Fail(Code::kUnavailable, "Disconnected",
              "the answer is not HTTP/1.1: " + std::string(what));
}

// "HTTP/1.1 200 OK"
bool ParseStatusLine(std::string_view line, ResponseHeadParts& head) {
  constexpr std::string_view kVersion = "HTTP/1.";
  if (!line.starts_with(kVersion) || line.size() < 12 || line[8] != ' ') return false;
  if (line[7] != '0' && line[7] != '1') return false;
  head.keep_alive = line[7] == '1';
  const auto status = ParseUint(line.substr(9, 3));
  if (!status || *status < 100 || (line.size() > 12 && line[12] != ' ')) return false;
  head.status = static_cast<int>(*status);
  return true;
}

Status TakeField(std::string_view line, ResponseHeadParts& head) {
  const size_t colon = line.find(':');
  if (colon == 0 || colon == std::string_view::npos || line.front() == ' ' ||
      line.front() == '\t' || line[colon - 1] == ' ') {
    return NotHttp("a line of its head is no header");
  }
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = Trim(line.substr(colon + 1));
  if (EqualsIgnoreCase(name, "Content-Length")) {
    const auto length = ParseUint(value);
    if (!length || (head.length && *head.length != *length)) {
      return NotHttp("Content-Length is not one number");
    }
    head.length = length;
  } else if (EqualsIgnoreCase(name, "Transfer-Encoding")) {
    if (head.chunked || !EqualsIgnoreCase(value, "chunked")) {
      return NotHttp("a Transfer-Encoding other than chunked");
    }
    head.chunked = true;
  } else if (EqualsIgnoreCase(name, "Connection")) {
    for (const std::string_view word : Split(value, ',')) {
      if (EqualsIgnoreCase(Trim(word), "close")) head.keep_alive = false;
    }
  }
  head.headers.Add(std::string(name), std::string(value));
  return {};
}

}  // namespace

Result<std::optional<ResponseHeadParts>> ParseResponseHead(std::string_view bytes) {
  ResponseHeadParts head;
  size_t at = 0;
  for (size_t lines = 0;; ++lines) {
    const size_t end = bytes.find('\n', at);
    if (end == std::string_view::npos || end >= kMaxResponseHead) {
      if (bytes.size() >= kMaxResponseHead) return NotHttp("its head does not end");
      return std::nullopt;
    }
    std::string_view line = bytes.substr(at, end - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    at = end + 1;
    if (lines == 0) {
      if (!ParseStatusLine(line, head)) return NotHttp("no status line");
    } else if (line.empty()) {
      break;
    } else if (lines > kMaxResponseHeaders) {
      return NotHttp("too many headers");
    } else {
      CLARY_CHECK_OK(TakeField(line, head));
    }
  }
  if (head.chunked && head.length) return NotHttp("both Content-Length and Transfer-Encoding");
  if (head.status < 200 || head.status == 204 || head.status == 304) {
    head.length = 0;
    head.chunked = false;
  }
  head.size = at;
  if (!head.chunked && !head.length) head.keep_alive = false;
  return head;
}

}  // namespace clary::net::internal
