#include "clary/tuner.h"

#include <ctime>
#include <nlohmann/json.hpp>

#include "client/internal/session_impl.h"

namespace clary {
namespace {

using nlohmann::json;

constexpr size_t kLongestName = 32;

// As the SDK writes it: "xgboost-261130-2053", to the minute there; to the millisecond here, so
// that two calls after each other have names of their own.
std::string TuningName(std::string base, Time now) {
  const std::time_t seconds = ToMillis(now) / 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[24];
  std::strftime(text, sizeof text, "-%y%m%d-%H%M%S", &utc);
  const std::string time = text + std::to_string(1000 + ToMillis(now) % 1000).substr(1);
  base.resize(std::min(base.size(), kLongestName - time.size()));
  return base + time;
}

json RangesOf(const std::map<std::string, ParameterRange>& ranges, bool script) {
  json out;
  for (const char* member :
       {"ContinuousParameterRanges", "IntegerParameterRanges", "CategoricalParameterRanges"}) {
    out[member] = json::array();
  }
  for (const auto& [name, range] : ranges) {
    if (const auto* c = std::get_if<ContinuousParameter>(&range)) {
      out["ContinuousParameterRanges"].push_back(
          {{"Name", name},
           {"MinValue", HyperparameterValue(c->min_value).text()},
           {"MaxValue", HyperparameterValue(c->max_value).text()},
           {"ScalingType", c->scaling_type}});
    } else if (const auto* i = std::get_if<IntegerParameter>(&range)) {
      out["IntegerParameterRanges"].push_back({{"Name", name},
                                               {"MinValue", std::to_string(i->min_value)},
                                               {"MaxValue", std::to_string(i->max_value)},
                                               {"ScalingType", i->scaling_type}});
    } else {
      json values = json::array();
      for (const auto& value : std::get<CategoricalParameter>(range).values) {
        values.push_back(script ? value.json() : value.text());
      }
      out["CategoricalParameterRanges"].push_back({{"Name", name}, {"Values", values}});
    }
  }
  return out;
}

std::unexpected<Error> NoTuningJob() {
  return Fail(Code::kFailedPrecondition, "NoTuningJob", "no tuning job yet: call fit() first");
}

}  // namespace

Status HyperparameterTuner::fit(const Channels& inputs, const TunerFitOptions& options) {
  if (attached_) {
    return Fail(Code::kFailedPrecondition, "AttachedTuner",
                "an attached tuner has no estimator: make one with it to tune again");
  }
  auto& aws = estimator_.session_.impl().aws;
  const TunerOptions& o = options_;
  const std::string name = !options.job_name.empty()
                               ? options.job_name
                               : TuningName(o.base_tuning_job_name.empty() ? estimator_.base_name()
                                                                           : o.base_tuning_job_name,
                                            aws.clock().Now());
  CLARY_TRY(const std::string text, estimator_.TrainingRequest(inputs, {.job_name = name}));
  const json training = json::parse(text);

  json limits = {{"MaxParallelTrainingJobs", o.max_parallel_jobs}};
  if (o.max_jobs > 0) limits["MaxNumberOfTrainingJobs"] = o.max_jobs;
  if (o.max_runtime_in_seconds > 0) limits["MaxRuntimeInSeconds"] = o.max_runtime_in_seconds;
  json config = {{"Strategy", o.strategy},
                 {"HyperParameterTuningJobObjective",
                  {{"Type", o.objective_type}, {"MetricName", objective_metric_name_}}},
                 {"ResourceLimits", limits},
                 {"ParameterRanges", RangesOf(ranges_, estimator_.is_script())},
                 {"TrainingJobEarlyStoppingType", o.early_stopping_type}};
  if (o.random_seed) config["RandomSeed"] = *o.random_seed;
  json statics = training.at("HyperParameters");
  for (const auto& [tuned, range] : ranges_) statics.erase(tuned);
  json definition = {{"StaticHyperParameters", std::move(statics)}};
  for (const char* member : {"AlgorithmSpecification", "RoleArn", "InputDataConfig",
                             "OutputDataConfig", "ResourceConfig", "StoppingCondition",
                             "EnableNetworkIsolation", "CheckpointConfig", "Environment"}) {
    if (const auto it = training.find(member); it != training.end()) definition[member] = *it;
  }
  json request = {{"HyperParameterTuningJobName", name},
                  {"HyperParameterTuningJobConfig", std::move(config)},
                  {"TrainingJobDefinition", std::move(definition)}};
  if (o.autotune) request["Autotune"] = {{"Mode", "Enabled"}};
  if (!o.warm_start_parents.empty()) {
    json& warm = request["WarmStartConfig"];
    warm["WarmStartType"] = o.warm_start_type;
    for (const auto& parent : o.warm_start_parents) {
      warm["ParentHyperParameterTuningJobs"].push_back({{"HyperParameterTuningJobName", parent}});
    }
  }
  for (const auto& [key, value] : o.tags) {
    request["Tags"].push_back({{"Key", key}, {"Value", value}});
  }
  const auto created = aws.Json(Service::kSageMaker, "CreateHyperParameterTuningJob", request);
  if (!created) return std::unexpected(Error(created.error()).With("creating a tuning job"));
  job_.emplace(estimator_.session_, name);
  if (!options.wait) return {};
  return wait({.on_look = options.on_look, .stop = options.stop});
}

Status HyperparameterTuner::wait(const TuningWaitOptions& options) const {
  if (!job_) return NoTuningJob();
  CLARY_TRY(const auto job, job_->wait(options));
  if (job.status == "Failed") {
    return Fail(Code::kFailedPrecondition, "TuningJobFailed",
                "tuning job " + job.name + " failed: " + job.failure_reason);
  }
  return {};
}

Status HyperparameterTuner::stop_tuning_job() const {
  if (!job_) return NoTuningJob();
  return job_->stop();
}

Result<HyperparameterTuner> HyperparameterTuner::attach(const Session& session,
                                                        const std::string& tuning_job_name) {
  TuningJob job(session, tuning_job_name);
  CLARY_TRY(const auto description, job.describe());
  return HyperparameterTuner(TuningJob(session, description.name));
}

Result<TuningJobDescription> HyperparameterTuner::describe() const {
  if (!job_) return NoTuningJob();
  return job_->describe();
}

Result<std::string> HyperparameterTuner::best_training_job() const {
  CLARY_TRY(auto job, describe());
  if (job.best) return std::move(job.best->name);
  return Fail(Code::kFailedPrecondition, "NoBestTrainingJob",
              "tuning job " + job.name + " is " + job.status +
                  " and has no trial with a value of its objective" +
                  (job.finished() ? "" : " yet"));
}

Result<Estimator> HyperparameterTuner::best_estimator() const {
  CLARY_TRY(const std::string name, best_training_job());
  return Estimator::attach(job_->session(), name);
}

Result<std::vector<TuningTrial>> HyperparameterTuner::analytics() const {
  if (!job_) return NoTuningJob();
  return job_->trials();
}

}  // namespace clary
