// Heads of HTTP responses, as a model's container sends them.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "net/internal/response_parser.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using clary::net::internal::ParseResponseHead;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto whole = ParseResponseHead(bytes);
  if (!whole || !*whole) return 0;
  const auto& head = **whole;
  if (head.size == 0 || head.size > size || head.status < 100 || head.status > 999) std::abort();
  if (head.chunked && head.length) std::abort();
  // What follows a head does not change it, and no less than it is one.
  const auto again = ParseResponseHead(bytes.substr(0, head.size));
  if (!again || !*again || (*again)->size != head.size) std::abort();
  const auto less = ParseResponseHead(bytes.substr(0, head.size - 1));
  if (less && *less) std::abort();
  return 0;
}
