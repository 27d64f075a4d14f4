// Shapley values of any model by Kernel SHAP (Lundberg and Lee 2017): what each feature adds when
// it takes the explained row's value instead of the baseline's, averaged over the orders in which
// the features can do so.
//
//   v(S) = link(mean over baseline rows b of f(x on S, b elsewhere))
//
// Players are the features whose value differs from some baseline row's; the others get 0. The
// values of a row add up to link(f(x)) less the expected value. A feature may play part by part (a
// text by its words): then they add up to link(f(x)) less what the row gives with no part of its
// own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/error.h"

namespace clary::clarify {

// Scores of `rows`, which are row after row: as many for each, row after row.
using Model = std::function<Result<std::vector<double>>(std::span<const double> rows)>;

// Features that play part by part. One thread at a time.
class PartPlay {
 public:
  virtual ~PartPlay() = default;
  // How many parts `value` has; 0: the feature plays as a whole.
  virtual size_t Count(size_t feature, double value) = 0;
  // `value` with those of its parts alone whose place in `coalition` (from `first` on) is set; what
  // `baseline` stands for is in place of each of the others.
  virtual double Compose(size_t feature, double value, double baseline,
                         const std::vector<bool>& coalition, size_t first) = 0;
  // Nobody needs the values any more that Compose() made so far.
  virtual void Forget() = 0;
};

struct KernelShapOptions {
  bool logit = false;          // link: ln(p / (1 - p)) of the mean; else none
  size_t samples = 0;          // coalitions a row; 0: 2 players + 2048
  size_t exact_up_to = 65536;  // all coalitions instead, if there are no more
  uint64_t seed = 0;
  std::vector<bool> may_play;  // a feature each; the others keep the row's value. Empty: all may
  PartPlay* parts = nullptr;   // null: all features play as a whole
  std::function<void(size_t rows, size_t of)> on_progress;
};
inline constexpr size_t kMaxExactPlayers = 24;  // whatever exact_up_to says

// What each part of a feature adds.
struct PartValues {
  size_t feature = 0;
  std::vector<double> values;  // part after part, `outputs` each
};

struct Explanation {
  std::vector<double> values;  // feature after feature, `outputs` each; of parts their sum
  std::vector<PartValues> parts;
  size_t coalitions = 0;  // that the model was asked for, none and all included
  bool exact = true;      // they were all coalitions of the players
};
struct Explanations {
  size_t outputs = 0;                  // scores of a row
  std::vector<double> expected_value;  // link(mean of f over the baseline), an output each
  std::vector<Explanation> rows;
};

// Explains every row of `rows` (row after row, `features` wide; NaN is a missing value, which
// equals itself) against `baseline` (the same form, at least one row). Every row has a random
// stream of its own, so the result does not depend on what else is explained. The model is asked
// for about 16,384 rows at a time, of several explained rows if they fit. kInvalidArgument
// "ClientError" if it answers another number of scores; its own errors are passed on. Any thread.
Result<Explanations> KernelShap(const Model& model, std::span<const double> rows,
                                std::span<const double> baseline, size_t features,
                                const KernelShapOptions& options = {});

// The features that play for `row`: those whose value some row of the baseline has not.
std::vector<size_t> Players(std::span<const double> row, std::span<const double> baseline,
                            const std::vector<bool>& may_play = {});

// Shapley's formula over all coalitions: phi_i = sum over S without i of
// |S|! (M - |S| - 1)! / M! (v(S and i) - v(S)). `v`: 2^players x outputs, a coalition's players the
// bits of its place. `values`: players x outputs. At most kMaxExactPlayers.
void ShapleyOfCoalitions(std::span<const double> v, size_t players, size_t outputs,
                         std::span<double> values);

enum class Aggregation { kMeanAbs, kMedian, kMeanSquare };
// Global values: of all rows, feature after feature, `outputs` each. The median keeps its sign.
std::vector<double> Aggregate(const Explanations& explanations, Aggregation how);

}  // namespace clary::clarify
