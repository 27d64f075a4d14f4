// Asking a model: rows into requests, answers into labels and scores, as the configuration's
// predictor says.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "clarify/analysis_config.h"
#include "clarify/bias_analysis.h"
#include "clarify/feature_space.h"
#include "clary/gbdt.h"

namespace clary::clarify {

// What a model answered, a row each.
struct Answers {
  size_t rows = 0;
  size_t outputs = 0;                            // scores of a row; 0: the answers are no numbers
  std::vector<double> scores;                    // rows x outputs
  std::vector<std::vector<std::string>> labels;  // of `label`; empty unless that is given
  std::string no_scores;                         // why there are none
};

// One request: body in, body out. An error is the model's: it is asked again with fewer rows.
using Invoke = std::function<Result<std::string>(const std::string& body)>;

struct ModelOptions {
  Invoke invoke;
  // The trees behind `invoke`, if they are known: asked directly where that gives what invoke does.
  const gbdt::Model* trees = nullptr;
  int threads = 0;
  int requests_at_once = 1;  // that `invoke` takes, from as many threads
  // Of a request; 0: 10,000 rows, 5 MB.
  size_t max_rows = 0;
  size_t max_bytes = 0;
  // What the places of an answer's parts are called in messages.
  std::string_view label_key = "predictor.label";
  std::string_view probability_key = "predictor.probability";
};

// One thread at a time.
class ModelAccess {
 public:
  // `features` must stay. kInvalidArgument "ClientError": a template that names what is not there.
  static Result<std::unique_ptr<ModelAccess>> Make(const PredictorConfig& config,
                                                   const FeatureSpace& features,
                                                   ModelOptions options);
  ~ModelAccess();

  // Rows of the feature space, one after another, in requests as large as the options allow. A
  // request that fails is halved down to one row. kInvalidArgument "ClientError" names the row and
  // what came: fewer answers than rows, no JSON, a JMESPath that finds nothing.
  Result<Answers> Ask(std::span<const double> rows);
  // The scores alone. The error says to set `probability` if the answers are no numbers.
  Result<std::vector<double>> Scores(std::span<const double> rows);

  // The trees, if what they say is what the model answers: looked up with the first rows of
  // `rows`. Null if not.
  Result<const gbdt::Model*> Trees(std::span<const double> rows);

  // What scores are called: label_headers, or label0, label1, ...
  std::vector<std::string> ScoreNames(size_t outputs) const;
  size_t requests() const;  // so far

 private:
  struct State;
  explicit ModelAccess(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Predicted labels from answers (the rules of predicted labels), of the type of `label` where that
// loses nothing. kInvalidArgument "ClientError".
Result<Predictions> PredictedLabels(const AnalysisConfig& config, const Column& label,
                                    const Answers& answers);

}  // namespace clary::clarify
