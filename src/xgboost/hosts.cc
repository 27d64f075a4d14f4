#include "xgboost/internal/hosts.h"

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <utility>

#include "collective/tcp.h"
#include "xgboost/internal/job_files.h"
#include "xgboost/internal/training_log.h"

namespace clary::xgboost {

Result<JobHosts> JobHosts::Meet(const std::filesystem::path& base, uint16_t port,
                                std::chrono::seconds silence) {
  std::vector<std::string> names;
  std::string current;
  auto config = ReadConfig(base, "resourceconfig.json");
  if (!config && config.error().code != Code::kNotFound) return std::unexpected(config.error());
  if (config) {
    current = ConfigText(*config, "current_host", "");
    if (const auto hosts = config->find("hosts"); hosts != config->end() && hosts->is_array()) {
      for (const auto& host : *hosts) {
        if (host.is_string()) names.push_back(host.get<std::string>());
      }
    }
  }
  if (names.size() < 2) names = {current};
  std::ranges::sort(names);
  const auto self = std::ranges::find(names, current);
  if (self == names.end()) {
    return Fail(Code::kInvalidArgument, "UserError",
                "resourceconfig.json: current_host '" + current + "' is not among its hosts");
  }
  JobHosts job(names, static_cast<size_t>(self - names.begin()), port, silence);
  CLARY_CHECK_OK(job.Connect());
  return job;
}

Status JobHosts::Connect() {
  together_ = nullptr;
  if (names_.size() == 1) {
    together_ = std::make_unique<collective::Collective>();
    return {};
  }
  const char* const job = std::getenv("TRAINING_JOB_NAME");
  CLARY_TRY(auto transport, collective::MeetOverTcp({.hosts = names_,
                                                     .rank = static_cast<int>(self_),
                                                     .port = port_,
                                                     .secret = job == nullptr ? "" : job,
                                                     .silence = silence_}));
  together_ = std::make_unique<collective::Collective>(std::move(transport));
  return {};
}

Result<bool> JobHosts::KeepThoseWith(const HostData& mine) {
  if (!several()) return true;
  const auto all = together_->GatherEach(mine);
  CLARY_CHECK_OK(together_->status());
  const bool validation =
      std::ranges::any_of(all, [](const HostData& h) { return h.validation_wanted; });
  std::vector<std::string> kept;
  const std::string self = names_[self_];
  for (size_t k = 0; k < names_.size(); ++k) {
    if (all[k].training && (!validation || all[k].validation)) kept.push_back(names_[k]);
  }
  if (kept.empty()) {
    const bool none = std::ranges::none_of(all, [](const HostData& h) { return h.training; });
    return Fail(Code::kInvalidArgument, "UserError",
                none ? "No hosts received training data."
                     : "No hosts received both training and validation data.");
  }
  const auto at = std::ranges::find(kept, self);
  if (at == kept.end()) {
    LogWarning("Host " + self + " does not have " + (mine.training ? "validation" : "training") +
               " data. Will broadcast to cluster and this host " + self +
               " will not be used in distributed training. Please divide the training data across "
               "instances properly: ShardedByS3Key needs at least as many objects as hosts.");
    LogInfo("Host " + self + " not being used for distributed training.");
    return false;
  }
  self_ = static_cast<size_t>(at - kept.begin());
  names_ = std::move(kept);
  ++port_;
  CLARY_CHECK_OK(Connect());
  return true;
}

}  // namespace clary::xgboost
