// Lists of jobs, page by page.
#pragma once

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "clary/training_job.h"
#include "client/internal/answer.h"
#include "client/internal/aws_client.h"

namespace clary::client {

// The elements of `member` in the answers of a List operation, newest first, as many as `options`
// says.
inline Result<std::vector<nlohmann::json>> ListNewest(AwsClient& aws, const char* operation,
                                                      const char* member,
                                                      const ListJobsOptions& options) {
  std::vector<nlohmann::json> out;
  nlohmann::json request = {{"SortBy", "CreationTime"}, {"SortOrder", "Descending"}};
  if (!options.name_contains.empty()) request["NameContains"] = options.name_contains;
  if (!options.status.empty()) request["StatusEquals"] = options.status;
  const auto limit = static_cast<size_t>(std::max(0, options.max_results));
  while (out.size() < limit) {
    request["MaxResults"] = std::min<size_t>(100, limit - out.size());
    CLARY_TRY(const auto answer, aws.Json(Service::kSageMaker, operation, request));
    for (const auto& element : List(answer, member)) out.push_back(element);
    const auto next = Text(answer, "NextToken");
    if (next.empty()) break;
    request["NextToken"] = next;
  }
  return out;
}

}  // namespace clary::client
