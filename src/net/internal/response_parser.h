// The head of an HTTP/1.1 response, and the body's framing that follows from it. No input or output
// of its own, so that it can be fuzzed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "net/http.h"

namespace clary::net::internal {

inline constexpr size_t kMaxResponseHead = 64 * 1024;
inline constexpr size_t kMaxResponseHeaders = 256;

struct ResponseHeadParts {
  size_t size = 0;  // bytes of the head, with the empty line
  int status = 0;
  Headers headers;
  bool keep_alive = false;  // the connection is good for another request once the body has ended
  bool chunked = false;
  std::optional<uint64_t> length;  // of the body; absent: chunked, or to the end of the connection
};

// The head at the front of `bytes`, also an interim one (1xx); nothing: it has not ended yet.
// kUnavailable "Disconnected" for what is no HTTP/1.1 response or too long.
Result<std::optional<ResponseHeadParts>> ParseResponseHead(std::string_view bytes);

}  // namespace clary::net::internal
