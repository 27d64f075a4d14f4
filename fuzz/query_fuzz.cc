// Forms and CBOR maps as CloudWatch's callers send them. What is read must be writable in every
// form, and CBOR must come back as it was.
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "net/http.h"
#include "server/cloudwatch.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace clary;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const server::CloudWatchFront front(
      {.series = [](const std::string&,
                    std::string_view) -> Result<std::vector<control::MetricSeries>> {
         return std::vector<control::MetricSeries>{{"m", {{FromMillis(1), 2.0}}}};
       },
       .jobs = [] { return std::vector<std::string>{"job"}; }});
  if (const auto form = net::ParseQuery(text, true)) {
    const auto document = server::FormToJson(*form);
    (void)server::JsonToXml(document);
    for (const char* operation : {"GetMetricStatistics", "GetMetricData", "ListMetrics"}) {
      (void)front.Handle(operation, document);
    }
  }
  if (const auto document = server::CborToJson(text)) {
    (void)server::JsonToXml(*document);
    const std::string bytes = server::JsonToCbor(*document);
    const auto back = server::CborToJson(bytes);
    // NaN differs from itself, so the bytes are compared.
    if (!back || server::JsonToCbor(*back) != bytes) std::abort();
  }
  return 0;
}
