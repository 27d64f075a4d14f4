// The model that a job asks: ours in this process, another behind a shadow endpoint.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "analyzer/internal/service_calls.h"
#include "base/error.h"
#include "clarify/analysis_config.h"
#include "clarify/model_access.h"
#include "serving/xgboost_model.h"

namespace clary::analyzer {

// The tag of what a job creates for itself: its value is the job's ARN. Whoever looks after jobs
// deletes what has it when the job has ended, however it has.
inline constexpr char kOwnerTag[] = "clary:processing-job";

class JobModel {
 public:
  // `folder`: where a model may be unpacked; empty or missing. kInvalidArgument "ClientError":
  // there is no such model or endpoint, or it did not come up, and why.
  static Result<std::unique_ptr<JobModel>> Open(ServiceCalls& service,
                                                const clarify::PredictorConfig& config,
                                                const std::string& job_arn,
                                                const std::filesystem::path& folder,
                                                const std::function<void(const std::string&)>& log);
  // Deletes the shadow endpoint if there is one.
  ~JobModel();
  JobModel(const JobModel&) = delete;
  JobModel& operator=(const JobModel&) = delete;

  // The model stays as long as this does.
  clarify::ModelOptions Options() const;

 private:
  JobModel(ServiceCalls& service, const clarify::PredictorConfig& config)
      : service_(service), config_(config) {}
  Status LoadHere(const std::string& archive_uri, std::map<std::string, std::string> environment,
                  const std::filesystem::path& folder);
  Status CreateEndpoint(const std::string& job_arn);
  Status AwaitEndpoint();

  ServiceCalls& service_;
  const clarify::PredictorConfig& config_;
  std::unique_ptr<serving::XgboostModel> here_;
  std::string endpoint_;         // that is asked; empty: here_
  std::string shadow_endpoint_;  // that is ours
  std::string shadow_config_;
};

}  // namespace clary::analyzer
