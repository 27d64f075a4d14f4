// SHAP values of a data set: the fastest way that gives the exact ones, else samples.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "clarify/kernel_shap.h"
#include "clarify/model_access.h"

namespace clary::clarify {

// How the values were found.
enum class ShapMethod {
  kExactCoalitions,     // the model was asked for all coalitions of the players
  kInterventionalTree,  // the same game, by a walk down the trees
  kSampled,             // some rows have so many players that coalitions were drawn
};
std::string_view ShapMethodName(ShapMethod method);  // "exact_coalitions", ...

struct ExplainOptions {
  bool logit = false;
  size_t samples = 0;  // coalitions a row; 0: 2 players + 2048
  uint64_t seed = 0;
  std::vector<bool> may_play;
  PartPlay* parts = nullptr;  // of texts, which trees do not take
  int threads = 0;
  std::function<void(size_t rows, size_t of)> on_progress;
};

struct ShapValues {
  Explanations explanations;
  ShapMethod method = ShapMethod::kExactCoalitions;
  size_t sampled_rows = 0;
  // Coalitions of a row; of trees those that the values are exact over.
  double min_coalitions = 0, median_coalitions = 0, max_coalitions = 0;
};

// Every row of `rows` against `baseline`, both rows of the feature space. Trees of ours: by
// coalitions up to 2^16 of them, or by the margins alone where these are the game (regression;
// logit with one baseline row). The result does not depend on the number of threads. Errors: those
// of the model.
Result<ShapValues> Explain(ModelAccess& model, std::span<const double> rows,
                           std::span<const double> baseline, size_t features,
                           const ExplainOptions& options);

}  // namespace clary::clarify
