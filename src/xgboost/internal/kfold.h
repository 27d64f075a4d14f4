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
// Trains (and keeps) the model of one fold, counted over all rounds of cross validation, with the
// sets "train", which has the given rows of all data, and "validation".
using TrainFold = std::function<Result<FoldResult>(int fold, const std::vector<gbdt::EvalSet>&,
                                                   std::span<const uint32_t> train_rows)>;

// Runs settings.num_cv_round rounds of settings.kfold folds over `data`, logs the means of the
// folds' metrics after each, and writes `output`/predictions.csv: for each row its label, then the
// mean prediction of the models that had not seen it; for classes instead the mean probability of
// the predicted class and the class predicted most often (of a tie the smallest). The same seed
// gives the same folds.
Status CrossValidate(const XgboostParams& settings, const gbdt::TrainParams& params,
                     const gbdt::Dataset& data, const std::filesystem::path& output,
                     const TrainFold& train_fold);

}  // namespace clary::xgboost
