// Forms, CBOR maps and gzip bodies as callers of the fronts send them. What is read must be
// writable in every form, CBOR must come back as it was, and a document that is understood must be
// understood again.
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "net/http.h"
#include "server/documents.h"
#include "server/served.h"

namespace {

void Check(const nlohmann::json& document, bool texts) {
  using namespace clary;
  for (const server::Served& row : server::ServedOperations()) {
    const auto once = server::Understand(row.service, row.operation, document, texts);
    if (!once) {
      if (once.error().message.empty() || once.error().reason.empty()) std::abort();
      continue;
    }
    const auto twice = server::Understand(row.service, row.operation, *once, false);
    if (!twice || *twice != *once) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace clary;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto form = net::ParseQuery(text, true)) {
    if (const auto document = server::FormToJson(*form)) {
      (void)server::JsonToXml(*document);
      Check(*document, true);
    }
  }
  if (const auto document = server::CborToJson(text)) {
    (void)server::JsonToXml(*document);
    const std::string bytes = server::JsonToCbor(*document);
    const auto back = server::CborToJson(bytes);
    // NaN differs from itself, so the bytes are compared.
    if (!back || server::JsonToCbor(*back) != bytes) std::abort();
    if (bytes.find('\xFB') == std::string::npos) Check(*document, false);
  }
  if (const auto plain = server::Gunzip(text, 1 << 16); plain && plain->size() > (1 << 16)) {
    std::abort();
  }
  return 0;
}
