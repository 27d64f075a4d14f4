// Cross validation of the built-in algorithm: hyperparameters _kfold and _num_cv_round.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <vector>

#include "base/error.h"
#include "clary/gbdt.h"
#include "xgboost/hyperparameters.h"

namespace clary::xgboost {

// Which of k folds holds each row out, [labels.size()], drawn from `seed`. `stratified`: every
// class (value of the label) is spread over the folds as evenly as it can be, else folds only
// differ in size by at most one row. kInvalidArgument "UserError" if k is more than there are rows,
// or more than the rows of the largest class.
Result<std::vector<uint32_t>> MakeFolds(std::span<const float> labels, int k, bool stratified,
                                        uint64_t seed);

struct FoldResult {
  gbdt::Model model = {};
  std::vector<gbdt::MetricValue> metrics = {};  // of the last round
  bool stopped = false;                         // by SIGTERM: no more folds
};
// Trains (and keeps) the model of one fold, counted over all rounds of cross validation.
struct Fold {
  std::vector<uint32_t> seen, held_out;  // rows
  std::vector<gbdt::EvalSet> sets;       // "train": those seen, "validation": those held out
  std::vector<gbdt::Bins> bins;          // of sets[0]; may be empty, and need not fit
};
using TrainFold = std::function<Result<FoldResult>(int number, const Fold& fold)>;

// All folds of a cross validation, round by round, ready for many runs.
struct Folds {
  gbdt::Dataset all;
  std::vector<Fold> folds;
};
// kInvalidArgument "UserError" as CrossValidate.
Result<Folds> MakeFoldSets(const XgboostParams& settings, const gbdt::TrainParams& params,
                           gbdt::Dataset data);

// Runs settings.num_cv_round rounds of settings.kfold folds over `data`, logs the means of the
// folds' metrics after each, and writes `output`/predictions.csv: for each row its label, then the
// mean prediction of the models that had not seen it; for classes instead the mean probability of
// the predicted class and the class predicted most often (of a tie the smallest). The same seed
// gives the same folds: `made` has them, or is null.
Status CrossValidate(const XgboostParams& settings, const gbdt::TrainParams& params,
                     const gbdt::Dataset& data, const Folds* made,
                     const std::filesystem::path& output, const TrainFold& train_fold);

}  // namespace clary::xgboost
