// Searches for good hyperparameters, in the words of sagemaker.tuner.HyperparameterTuner.
//
//   clary::HyperparameterTuner tuner(
//       xgb, "validation:auc",
//       {{"eta", clary::ContinuousParameter(0.01, 0.5, "Logarithmic")},
//        {"max_depth", clary::IntegerParameter(2, 10)},
//        {"grow_policy", clary::CategoricalParameter({"depthwise", "lossguide"})}},
//       {.objective_type = "Maximize", .max_jobs = 50, .max_parallel_jobs = 2});
//   CLARY_CHECK_OK(tuner.fit({{"train", {train_uri, "csv"}}, {"validation", {held_out, "csv"}}}));
//   CLARY_TRY(auto best, tuner.best_estimator());
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "clary/error.h"
#include "clary/estimator.h"
#include "clary/tuning_job.h"

namespace clary {

// Both bounds belong to a range. scaling_type: Auto, Linear, Logarithmic, ReverseLogarithmic (of a
// continuous one).
struct ContinuousParameter {
  ContinuousParameter(double min, double max, std::string scaling = "Auto")
      : min_value(min), max_value(max), scaling_type(std::move(scaling)) {}
  double min_value, max_value;
  std::string scaling_type;
};
struct IntegerParameter {
  IntegerParameter(int64_t min, int64_t max, std::string scaling = "Auto")
      : min_value(min), max_value(max), scaling_type(std::move(scaling)) {}
  int64_t min_value, max_value;
  std::string scaling_type;
};
struct CategoricalParameter {
  explicit CategoricalParameter(std::vector<HyperparameterValue> list) : values(std::move(list)) {}
  std::vector<HyperparameterValue> values;
};
using ParameterRange = std::variant<ContinuousParameter, IntegerParameter, CategoricalParameter>;

struct TunerOptions {
  std::string strategy = "Bayesian";        // Bayesian, Random, Hyperband, Grid
  std::string objective_type = "Maximize";  // or Minimize
  int max_jobs = 1;                         // 0: not said, as of Grid
  int max_parallel_jobs = 1;
  int max_runtime_in_seconds = 0;           // of the tuning job; 0: none
  std::string early_stopping_type = "Off";  // or Auto
  std::string base_tuning_job_name;         // empty: the estimator's
  std::optional<uint64_t> random_seed;
  bool autotune = false;  // the service chooses ranges that are not given
  // A warm start: parents, IdenticalDataAndAlgorithm or TransferLearning.
  std::vector<std::string> warm_start_parents;
  std::string warm_start_type = "IdenticalDataAndAlgorithm";
  std::map<std::string, std::string> tags;
};

struct TunerFitOptions {
  bool wait = true;
  std::string job_name;  // at most 32 characters; empty: <base>-<time>
  std::function<void(const TuningJobDescription& job)> on_look;  // as in TuningWaitOptions
  std::stop_token stop;
};

// One thread at a time.
class HyperparameterTuner {
 public:
  // A trial is what `estimator` would train, with a value from each range.
  HyperparameterTuner(Estimator estimator, std::string objective_metric_name,
                      std::map<std::string, ParameterRange> hyperparameter_ranges,
                      TunerOptions options = {})
      : estimator_(std::move(estimator)),
        objective_metric_name_(std::move(objective_metric_name)),
        ranges_(std::move(hyperparameter_ranges)),
        options_(std::move(options)) {}

  // Creates a tuning job and, with `wait`, stays until it has ended. A job that failed is
  // kFailedPrecondition "TuningJobFailed" with the job's reason; a stopped one is no error.
  Status fit(const Channels& inputs, const TunerFitOptions& options = {});
  // Until the job of the last fit() or attach() has ended; as fit() with `wait`.
  Status wait(const TuningWaitOptions& options = {}) const;
  Status stop_tuning_job() const;

  // A tuner of a job that exists already; it can be asked, and not fit again.
  static Result<HyperparameterTuner> attach(const Session& session,
                                            const std::string& tuning_job_name);

  const std::optional<TuningJob>& latest_tuning_job() const { return job_; }
  Result<TuningJobDescription> describe() const;
  // The name of the best trial so far. kFailedPrecondition "NoBestTrainingJob": there is none yet.
  Result<std::string> best_training_job() const;
  // An estimator of it, as Estimator::attach.
  Result<Estimator> best_estimator() const;
  // HyperparameterTuningJobAnalytics(...).dataframe(): all trials so far.
  Result<std::vector<TuningTrial>> analytics() const;

 private:
  explicit HyperparameterTuner(TuningJob job)
      : estimator_(job.session(), {}), job_(std::move(job)), attached_(true) {}

  Estimator estimator_;
  std::string objective_metric_name_;
  std::map<std::string, ParameterRange> ranges_;
  TunerOptions options_;
  std::optional<TuningJob> job_;
  bool attached_ = false;
};

}  // namespace clary
