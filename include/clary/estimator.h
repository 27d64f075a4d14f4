// Trains a model on a service, in the words of sagemaker.estimator.Estimator.
//
//   clary::Estimator xgb(session, {.image_uri = image, .role = role, .output_path = output});
//   xgb.set_hyperparameters({{"objective", "binary:logistic"}, {"num_round", 100}});
//   CLARY_CHECK_OK(xgb.fit({{"train", {train_uri, "csv"}}}, {.wait = true}));
//   CLARY_TRY(auto uri, xgb.model_data());
//
// With an entry_point it trains with a script of yours, as the framework estimators do:
//
//   clary::Estimator sklearn(session, {.image_uri = *image_uris::retrieve("sklearn", region,
//   "1.2-1"),
//                                      .entry_point = "train.py", .source_dir = "src"});
//
// Its model answers at an endpoint, or over files:
//
//   CLARY_TRY(auto predictor, xgb.deploy());
//   CLARY_TRY(auto answer, predictor.predict("5.1,3.5,1.4,0.2"));
//   CLARY_TRY(auto transformer, xgb.transformer());
#pragma once

#include <concepts>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clary/error.h"
#include "clary/predictor.h"
#include "clary/rule.h"
#include "clary/session.h"
#include "clary/training_input.h"
#include "clary/training_job.h"
#include "clary/transformer.h"

namespace clary {

// The text of a hyperparameter: numbers in their shortest exact form, bools as "true" and "false".
class HyperparameterValue {
 public:
  HyperparameterValue(const char* text) : HyperparameterValue(std::string(text)) {}       // NOLINT
  HyperparameterValue(std::string text) : text_(std::move(text)), is_text_(true) {}       // NOLINT
  HyperparameterValue(std::string_view text) : HyperparameterValue(std::string(text)) {}  // NOLINT
  HyperparameterValue(bool value) : text_(value ? "true" : "false") {}  // NOLINT(*-explicit-*)
  HyperparameterValue(std::integral auto value) : text_(std::to_string(value)) {}  // NOLINT
  HyperparameterValue(double value);  // NOLINT(*-explicit-*)
  // Text that is JSON: a number, true, null, a list.
  static HyperparameterValue of_json(std::string json);
  const std::string& text() const { return text_; }
  // As script mode has it: JSON, texts in quotes.
  std::string json() const;

 private:
  std::string text_;
  bool is_text_ = false;
};

using Hyperparameters = std::map<std::string, HyperparameterValue>;

// A pattern over log lines whose first group is a metric's value.
struct MetricDefinition {
  std::string name;
  std::string regex;
};

// Some of a job's hosts, which know each other's groups by SM_INSTANCE_GROUPS_DICT.
struct InstanceGroup {
  std::string name;
  std::string instance_type = "ml.m5.xlarge";
  int instance_count = 1;
};

struct EstimatorOptions {
  std::string image_uri;
  std::string role;  // empty: Session::get_execution_role()
  int instance_count = 1;
  std::string instance_type = "ml.m5.xlarge";
  std::vector<InstanceGroup> instance_groups;  // instead of a count and a type
  int volume_size = 30;                        // GB
  int max_run = 24 * 60 * 60;                  // seconds
  std::string output_path;                     // s3://bucket/prefix; empty: the default bucket
  std::string base_job_name;                   // empty: the image's name
  // Script mode: the program to train with, its path below `source_dir`, or on this machine without
  // one. A name that does not end in .py or .sh is run as a command.
  std::string entry_point;
  std::string source_dir;                 // folder, or s3://... of a tar.gz; goes to /opt/ml/code
  std::vector<std::string> dependencies;  // more files and folders, beside what source_dir holds
  std::vector<Rule> rules;
  std::vector<MetricDefinition> metric_definitions;
  std::map<std::string, std::string> environment;
  std::map<std::string, std::string> tags;
  std::string checkpoint_s3_uri;
  bool enable_network_isolation = false;
};

struct FitOptions {
  bool wait = true;
  bool logs = true;
  std::string job_name;                  // empty: <base_job_name>-<UTC time>
  TrainingObserver* observer = nullptr;  // as in WaitOptions
  std::stop_token stop;                  // as in WaitOptions
};

// What a model is made of beside the training job's artifact.
struct ModelOptions {
  std::map<std::string, std::string> environment;
  // A script that serves (model_fn, predict_fn, ...), as EstimatorOptions has them; without one,
  // the script that has trained, if one has.
  std::string entry_point;
  std::string source_dir;
  std::vector<std::string> dependencies;
};

struct DeployOptions {
  int initial_instance_count = 1;
  std::string instance_type = "ml.m5.large";
  std::string endpoint_name;     // empty: the training job's
  bool update_endpoint = false;  // of one that is there already; else that is an error
  ModelOptions model;
  bool wait = true;
};

// One thread at a time.
class Estimator {
 public:
  Estimator(Session session, EstimatorOptions options)
      : session_(std::move(session)), options_(std::move(options)) {}

  // Adds to what is set, or replaces a value of the same name.
  void set_hyperparameters(const Hyperparameters& values);
  std::map<std::string, std::string> hyperparameters() const { return hyperparameters_; }

  // Creates a training job and, with `wait`, stays until it has ended. A job that failed is
  // kFailedPrecondition "TrainingJobFailed" with the job's reason; a stopped one is no error.
  Status fit(const Channels& inputs, const FitOptions& options = {});

  // What CreateTrainingJob would refuse of the request for its form, before anything is stored for
  // it: names, URIs, ranges, unknown instance types. Asks the service only for names that `fit`
  // would ask for, too. kInvalidArgument in the service's words.
  Status check(const Channels& inputs, const FitOptions& options = {});

  // An Estimator of a job that exists already. kNotFound if it does not.
  static Result<Estimator> attach(const Session& session, const std::string& training_job_name);

  // The job of the last fit() or attach().
  const std::optional<TrainingJob>& latest_training_job() const { return job_; }
  // Where the model is, or will be once the job is complete.
  Result<std::string> model_data() const;
  Result<std::vector<RuleStatus>> rule_job_summary() const;
  Result<std::vector<RuleStatus>> wait_for_rules(std::stop_token stop = {}) const;
  // s3://.../<job>/debug-output and rule-output below the output path.
  Result<std::string> latest_job_debugger_artifacts_path() const;
  Result<std::string> latest_job_rule_output_path() const;
  Status stop_training_job() const;

  // Makes a model of the job's artifact, a configuration, both under one new name, and an endpoint,
  // and with `wait` stays until it answers. kFailedPrecondition "EndpointFailed" with the
  // endpoint's reason if it does not: an update has then left the old one in service.
  Result<Predictor> deploy(const DeployOptions& options = {}) const;
  // A model of the job's artifact, ready for batch transforms; `options.model_name` is set here.
  Result<Transformer> transformer(TransformerOptions options = {},
                                  const ModelOptions& model = {}) const;

 private:
  friend class HyperparameterTuner;
  // The CreateTrainingJob request that fit() would send, JSON; code of a script is stored.
  Result<std::string> TrainingRequest(const Channels& inputs, const FitOptions& options);
  std::string base_name() const;  // of jobs
  bool is_script() const { return !options_.entry_point.empty(); }
  struct Request;
  // With `store`, the code of a script is stored; else only what is wrong with it is told.
  Result<Request> MakeRequest(const Channels& inputs, const FitOptions& options, bool store);
  // Returns the model's name, "<base>-<UTC time>".
  Result<std::string> CreateModel(const std::string& base, const ModelOptions& options) const;

  Session session_;
  EstimatorOptions options_;
  std::map<std::string, std::string> hyperparameters_;
  std::optional<TrainingJob> job_;
};

}  // namespace clary
