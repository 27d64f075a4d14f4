// The hyperparameters of SageMaker's built-in XGBoost: names, types, ranges and rules, in one
// table that the parser, the validator and docs/parameters.md read.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace clary::xgboost {

// Validated hyperparameters, sorted by who needs them.
struct XgboostParams {
  // For gbdt::TrainParams::FromMap(): XGBoost's own parameters under their canonical names,
  // num_round and eval_metric included. Only what was given, no defaults.
  std::map<std::string, std::string> engine;

  std::string version;  // of the image; one of those that are known
  int num_round = 0;
  std::string objective = "reg:squarederror";
  // What to evaluate, in order: eval_metric, or with _tuning_objective_metric the sorted union.
  // Empty: the objective's own metric.
  std::vector<std::string> eval_metric;
  bool csv_weights = false;
  std::optional<int> early_stopping_rounds;
  bool save_model_on_termination = false;
  std::optional<std::string> tuning_objective_metric;  // "validation:auc"
  int kfold = 0;                                       // 0: no cross validation
  int num_cv_round = 1;

  std::vector<std::string> warnings;  // for the job's log
};

// Drops names of the platform (sagemaker_*), replaces aliases, then checks names, types, ranges and
// dependencies, in this order; the first violation is the error, in the words of SageMaker's
// XGBoost container.
//   version  the image's, as "1.2-1": parameters that it lacks are unknown. Empty or not known: the
//            newest.
// kInvalidArgument; the reason is "MissingHyperparameter", "ExtraneousHyperparameter" or
// "BadHyperparameter". kUnimplemented for what this version of Clary cannot do yet.
Result<XgboostParams> ParseHyperparameters(const std::map<std::string, std::string>& given,
                                           std::string_view version = "");

// The name that a hyperparameter's spellings stand for: eta for learning_rate.
std::string_view CanonicalName(std::string_view name);

// Why features that are categories cannot be trained with these settings; "" if they can.
std::string WhyNoCategories(const XgboostParams& settings);

bool IsHyperparameter(std::string_view name);

// What the value of a hyperparameter is; kText for a name that the table lacks.
enum class HyperparameterKind { kInteger, kNumber, kText, kList };
HyperparameterKind HyperparameterValue(std::string_view name);

// A hyperparameter with a range, and the texts of values at the ends of it: the least and the
// greatest that training takes, and the first ones beyond.
struct HyperparameterEnds {
  std::string_view name;
  std::string least;
  std::string most;
  std::string below;
  std::string above;
};
std::vector<HyperparameterEnds> HyperparametersWithRanges();

// docs/parameters.md.
std::string ParametersMarkdown();

}  // namespace clary::xgboost
