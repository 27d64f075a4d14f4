// What the built-in XGBoost saves for SageMaker Debugger while it trains: the collections of
// docs/formats/debug-output.md, at the steps that the hook configuration asks for.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "clary/gbdt.h"
#include "data/columns.h"
#include "debugger/hook_config.h"
#include "debugger/tensor_writer.h"
#include "xgboost/internal/shap_average.h"
#include "xgboost/internal/tensor_queue.h"

namespace clary::xgboost {

// The collection of what the training report wants to know beside the nine.
inline constexpr std::string_view kReportCollection = "clary_report";

class Hook {
 public:
  // What does not change during training. Datasets are handles; the rest is copied.
  struct Inputs {
    std::vector<gbdt::EvalSet> sets;  // the training set first; predictions are those of the last
    std::map<std::string, std::string> hyperparameters;  // as given
    std::string objective;
    std::optional<data::Columns> columns;  // what the data are called, for the report
    std::string best_metric;               // tells the best round; empty: the last metric
    bool trees_change = false;  // process_type=update: rounds rewrite trees that are there
    int first_step = 0;         // rounds that a checkpoint brought
    int threads = 1;
  };
  // Reads base/input/config/debughookconfig.json. Null if there is none, or USE_SMDEBUG is 0.
  // kInvalidArgument "BadHookConfig".
  static Result<std::unique_ptr<Hook>> Open(const std::filesystem::path& base, Inputs inputs,
                                            Clock& clock);
  // Whether what that file asks for looks at rows: their labels and predictions, or explanations.
  static Result<bool> LooksAtRows(const std::filesystem::path& base);

  // Saves what the step asks for, which is written while training goes on: fails if an earlier step
  // could not be. The last step stays open for Finish.
  Status Round(const gbdt::RoundReport& report, bool last);
  // Adds what is said of the final model and closes the last step, if there was a round, and waits
  // until everything is written.
  Status Finish(const gbdt::Model& model);

 private:
  using Collections = std::vector<const debugger::Collection*>;

  Hook(Inputs inputs, debugger::HookConfig config, std::unique_ptr<debugger::TensorWriter> writer);
  // The collections that save the tensor `name` of kind `kind` (one of the nine names).
  const Collections& Takers(std::string_view kind, const std::string& name);
  bool Wanted(std::string_view kind, const std::string& name);
  void Offer(std::string_view kind, debugger::Tensor tensor);

  void Hyperparameters();
  void Metrics(const gbdt::RoundReport& report);
  void Predictions(const gbdt::RoundReport& report);
  void FeatureImportance(const gbdt::Model& model);
  void Trees(const gbdt::Model& model);
  Status Shap(const gbdt::RoundReport& report);
  Status FullShap(const gbdt::Model& model);
  // For the report; in hook_report.cc.
  void RecordMetrics(const gbdt::RoundReport& report);
  void ReportData(const gbdt::RoundReport& report);
  // Of the trees of `model`: of each kind of importance, each feature's share; 0 if unused.
  std::map<std::string_view, std::vector<double>> ImportanceShares(const gbdt::Model& model);
  // How many rows' contributions are worth their time.
  Result<size_t> ShapRows(const gbdt::Model& model) const;
  Status ReportModel(const gbdt::Model& model);

  const std::chrono::steady_clock::time_point opened_ = std::chrono::steady_clock::now();
  const Inputs inputs_;
  const debugger::HookConfig config_;
  TensorQueue writer_;
  std::vector<std::string> features_;
  std::map<std::string, std::unordered_map<std::string, Collections>, std::less<>>
      takers_;          // by kind, by name
  Collections active_;  // those that save the step under way
  int64_t step_ = -1;
  bool open_ = false;  // the last step waits for Finish

  // Of the trees up to trees_seen_, by feature.
  size_t trees_seen_ = 0;
  std::vector<double> splits_;
  std::vector<double> gain_;
  std::vector<double> cover_;
  std::map<std::string_view, std::vector<std::string>> importance_names_;  // by kind, by feature

  std::optional<ShapAverage> average_shap_;         // from the first round that saves one on
  std::vector<std::string> metric_names_;           // for the report: "validation-auc"
  std::vector<std::vector<double>> metric_values_;  // of each, round after round of this run

  int64_t best_round_ = -1;
  double best_value_ = 0;
};

}  // namespace clary::xgboost
