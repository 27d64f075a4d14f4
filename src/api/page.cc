#include "api/page.h"

#include <nlohmann/json.hpp>

#include "api/shapes.h"
#include "base/page_token.h"

namespace clary::api {
namespace {

using nlohmann::json;

constexpr const char* kTurners[] = {"NextToken",     "nextToken", "Marker",
                                    "MaxResults",    "MaxItems",  "MaxRecords",
                                    "MaxDatapoints", "Limit",     "limit"};

std::string ListOf(std::string_view operation, const json& input) {
  json question = input;
  for (const char* member : kTurners) question.erase(member);
  return std::string(operation) + question.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

std::string MakePageToken(std::string_view operation, const json& input, const json& position) {
  return clary::MakePageToken(ListOf(operation, input),
                              position.dump(-1, ' ', false, json::error_handler_t::replace));
}

std::optional<json> ReadPageToken(std::string_view operation, const json& input,
                                  std::string_view token) {
  const auto bytes = clary::ReadPageToken(ListOf(operation, input), token);
  if (!bytes || bytes->empty()) return std::nullopt;
  auto position = ParseDocument(*bytes);
  if (!position) return std::nullopt;
  return *std::move(position);
}

}  // namespace clary::api
