// CloudWatch metrics, read side: the metrics of training jobs as their log lines carry them.
#pragma once

#include <cstddef>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "control/service.h"
#include "net/http.h"

namespace clary::server {

class CloudWatchFront {
 public:
  struct Source {
    // The series of one job, all if `name` is empty. kNotFound for an unknown job.
    std::function<Result<std::vector<control::MetricSeries>>(const std::string& job,
                                                             std::string_view name)>
        series;
    std::function<std::vector<std::string>()> jobs;  // newest first
  };
  explicit CloudWatchFront(Source source) : source_(std::move(source)) {}

  // One call: GetMetricStatistics, GetMetricData, ListMetrics. Times in `input` are epoch seconds
  // or ISO 8601; in the answer epoch seconds, in members whose name begins with "Timestamp".
  // kInvalidArgument "UnknownOperationException" | "ValidationError" | "InvalidParameterValue" |
  // "MissingParameter". Any thread.
  Result<nlohmann::json> Handle(std::string_view operation, const nlohmann::json& input) const;

 private:
  friend struct CloudWatchOperations;
  Source source_;
};

// The forms that the same document takes in CloudWatch's three protocols.
nlohmann::json FormToJson(const net::Query& form);  // "A.member.1.B" -> {"A": [{"B": ...}]}
std::string JsonToXml(const nlohmann::json& document);
Result<nlohmann::json> CborToJson(std::string_view bytes);  // kInvalidArgument
std::string JsonToCbor(const nlohmann::json& document);

}  // namespace clary::server
