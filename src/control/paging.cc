#include "control/internal/paging.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "api/page.h"
#include "control/internal/kind.h"

namespace clary::control {
namespace {

using nlohmann::json;

int64_t Millis(const json& input, const char* name, int64_t fallback) {
  const auto it = input.find(name);
  if (it == input.end()) return fallback;
  const double ms = it->get<double>() * 1000.0;
  if (!(std::abs(ms) < 9e15)) return ms < 0 ? INT64_MIN : INT64_MAX;
  return static_cast<int64_t>(std::llround(ms));
}

}  // namespace

size_t PageSize(const json& input, size_t fallback) {
  return static_cast<size_t>(input.value("MaxResults", static_cast<int64_t>(fallback)));
}

std::string MakeToken(std::string_view operation, const json& input, const json& position) {
  return api::MakePageToken(operation, input, position);
}

Result<json> ReadToken(std::string_view operation, const json& input, size_t length) {
  const std::string text = input.value("NextToken", "");
  if (text.empty()) return json();
  auto position = api::ReadPageToken(operation, input, text);
  if (!position || !position->is_array() || position->size() != length) {
    return Invalid("The provided NextToken is not valid for this request.");
  }
  return *std::move(position);
}

ListFilter::ListFilter(const json& input)
    : contains_(input.value("NameContains", "")),
      status_(input.value("StatusEquals", "")),
      // One name or the other, depending on the operation.
      after_(Millis(input, "CreationTimeAfter", Millis(input, "CreatedAfter", INT64_MIN))),
      before_(Millis(input, "CreationTimeBefore", Millis(input, "CreatedBefore", INT64_MAX))),
      modified_after_(Millis(input, "LastModifiedTimeAfter", INT64_MIN)),
      modified_before_(Millis(input, "LastModifiedTimeBefore", INT64_MAX)) {}

bool ListFilter::operator()(const std::string& name, const std::string& status, int64_t created_ms,
                            int64_t modified_ms) const {
  return created_ms > after_ && created_ms < before_ && modified_ms > modified_after_ &&
         modified_ms < modified_before_ && (status_.empty() || status == status_) &&
         (contains_.empty() || name.find(contains_) != std::string::npos);
}

}  // namespace clary::control
