// Request heads and chunked bodies. The first byte chooses how the rest is cut into pieces.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "net/internal/request_parser.h"

namespace {

using clary::net::internal::RequestParser;

// What one parse came to; it must not depend on how the bytes were cut.
std::string Parse(std::string_view bytes, size_t step) {
  RequestParser parser({.header_bytes = 4096, .header_count = 32});
  size_t at = 0;
  size_t end = std::min(step, bytes.size());
  for (;;) {
    const auto n = parser.PutHead(bytes.substr(at, end - at));
    if (!n) return "refused";
    if (*n > end - at) std::abort();
    at += *n;
    if (parser.head_done()) break;
    if (end == bytes.size()) return "more";
    end = std::min(end + step, bytes.size());
  }
  const auto head = parser.TakeHead();
  if (!head) return "refused";
  const auto& r = head->request;
  std::string out = r.method + " " + r.path + " " + r.host + "\n";
  if (r.method != "CONNECT" && !r.path.starts_with('/') && r.path != "*") std::abort();
  if (head->chunked && r.content_length) std::abort();
  if (!head->chunked) return out;
  char buffer[64];
  while (!parser.body_done()) {
    const auto step_done = parser.PutBody(bytes.substr(at, end - at), buffer);
    if (!step_done) return out + "bad chunk";
    if (step_done->consumed > end - at || step_done->produced > sizeof buffer) std::abort();
    at += step_done->consumed;
    out.append(buffer, step_done->produced);
    if (step_done->consumed > 0 || step_done->produced > 0) continue;
    if (end == bytes.size()) return out + "more";
    end = std::min(end + step, bytes.size());
  }
  return out + "done";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string whole = Parse(bytes, bytes.size() + 1);
  const std::string pieces = Parse(bytes, 1 + data[0] % 32);
  // Pieces may be refused earlier, for garbage or for size; but never read otherwise.
  if (whole != pieces && pieces != "refused" && whole != "refused") std::abort();
  return 0;
}
