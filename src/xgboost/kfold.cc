#include "xgboost/internal/kfold.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <random>

#include "base/file.h"
#include "xgboost/internal/job_files.h"
#include "xgboost/internal/training_log.h"

namespace clary::xgboost {
namespace fs = std::filesystem;
namespace {

// std::shuffle may differ between libraries; folds must not.
template <typename T>
void Shuffle(std::vector<T>& items, std::mt19937_64& rng) {
  for (size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[rng() % i]);
}

// What held-out rows are predicted as, gathered over all models.
class Predictions {
 public:
  Predictions(const gbdt::Dataset& data, bool classes, int rounds)
      : labels_(data.fields().label),
        classes_(classes),
        rounds_(rounds),
        sum_(data.rows()),
        class_(classes ? data.rows() * static_cast<size_t>(rounds) : 0) {}

  Status Add(const gbdt::Model& model, const gbdt::Dataset& held_out,
             std::span<const uint32_t> rows, int round, int threads) {
    const auto outputs = static_cast<size_t>(model.num_output());
    const bool multi = classes_ && outputs > 1;
    CLARY_TRY(const std::vector<float> values,
              model.Predict(held_out,
                            {.kind = multi ? gbdt::PredictKind::kMargin : gbdt::PredictKind::kValue,
                             .threads = threads}));
    // A raw score tells the classes apart at 0, a probability at 0.5.
    const float threshold = model.objective() == "binary:logitraw" ? 0 : 0.5F;
    for (size_t i = 0; i < rows.size(); ++i) {
      const std::span<const float> row = std::span(values).subspan(i * outputs, outputs);
      const size_t best =
          static_cast<size_t>(std::max_element(row.begin(), row.end()) - row.begin());
      if (multi) {
        double total = 0;
        for (const float margin : row) total += std::exp(double{margin} - double{row[best]});
        sum_[rows[i]] += 1 / total;
      } else {
        sum_[rows[i]] += double{row[0]};
      }
      if (!classes_) continue;
      class_[rows[i] * static_cast<size_t>(rounds_) + static_cast<size_t>(round)] =
          static_cast<int>(multi ? best : size_t{row[0] > threshold});
    }
    return {};
  }

  // "%f" of each column, as the container writes it.
  std::string Csv() const {
    std::string out;
    char line[128];
    for (size_t r = 0; r < labels_.size(); ++r) {
      const double mean = sum_[r] / rounds_;
      const auto label = static_cast<double>(labels_[r]);
      if (classes_) {
        std::snprintf(line, sizeof line, "%f,%f,%f\n", label, mean, static_cast<double>(Mode(r)));
      } else {
        std::snprintf(line, sizeof line, "%f,%f\n", label, mean);
      }
      out += line;
    }
    return out;
  }

 private:
  int Mode(size_t row) const {
    std::map<int, int> votes;
    const auto rounds = static_cast<size_t>(rounds_);
    for (size_t i = 0; i < rounds; ++i) ++votes[class_[row * rounds + i]];
    return std::max_element(votes.begin(), votes.end(),
                            [](const auto& a, const auto& b) { return a.second < b.second; })
        ->first;
  }

  const std::vector<float>& labels_;
  const bool classes_;
  const int rounds_;
  std::vector<double> sum_;  // [rows], over the rounds
  std::vector<int> class_;   // [rows * rounds]
};

// "[100]\ttrain-rmse:0.1\tvalidation-rmse:0.2": means over the folds, both sets of a metric side by
// side.
std::string MeanLine(int num_round, std::span<const FoldResult> folds) {
  std::string line = "[" + std::to_string(num_round) + "]";
  const auto& first = folds.front().metrics;
  const size_t metrics = first.size() / 2;  // all of "train", then the same of "validation"
  for (size_t m = 0; m < metrics; ++m) {
    for (const size_t i : {m, metrics + m}) {
      gbdt::MetricValue mean = first[i];
      mean.value = 0;
      for (const FoldResult& f : folds) {
        mean.value += f.metrics[i].value / static_cast<double>(folds.size());
      }
      line += MetricText(mean);
    }
  }
  return line;
}

// Which fold holds each row out. Rows that weigh nothing have no part in it: they are dealt out
// afterwards.
Result<std::vector<uint32_t>> DealRows(const gbdt::Dataset& data, int k, bool stratified,
                                       uint64_t seed) {
  const std::vector<float>& label = data.fields().label;
  const std::vector<float>& weight = data.fields().weight;
  std::vector<float> labels;
  for (size_t r = 0; r < label.size(); ++r) {
    if (weight.empty() || weight[r] != 0) labels.push_back(label[r]);
  }
  CLARY_TRY(std::vector<uint32_t> fold_of, MakeFolds(labels, k, stratified, seed));
  if (labels.size() == label.size()) return fold_of;
  std::vector<uint32_t> all;
  auto next = fold_of.begin();
  for (size_t r = 0; r < label.size(); ++r) {
    all.push_back(weight[r] != 0 ? *next++ : static_cast<uint32_t>(r % static_cast<size_t>(k)));
  }
  return all;
}

bool HasClasses(const gbdt::TrainParams& params) {
  return params.num_class > 0 || params.objective.starts_with("binary:");
}

Result<std::vector<uint32_t>> DealRound(const XgboostParams& settings,
                                        const gbdt::TrainParams& params, const gbdt::Dataset& data,
                                        int round) {
  return DealRows(data, settings.kfold, HasClasses(params),
                  static_cast<uint64_t>(params.seed) * 1'000'003 + static_cast<uint64_t>(round));
}

Fold MakeFold(const gbdt::Dataset& data, std::span<const uint32_t> fold_of, int number) {
  Fold fold;
  for (uint32_t r = 0; r < data.rows(); ++r) {
    (fold_of[r] == static_cast<uint32_t>(number) ? fold.held_out : fold.seen).push_back(r);
  }
  fold.sets = {{"train", data.Subset(fold.seen)}, {"validation", data.Subset(fold.held_out)}};
  return fold;
}

}  // namespace

Result<std::vector<uint32_t>> MakeFolds(std::span<const float> labels, int k, bool stratified,
                                        uint64_t seed) {
  std::mt19937_64 rng(seed);
  const auto folds = static_cast<size_t>(k);
  if (labels.size() < folds) {
    return UserError(
        "Cannot have number of splits n_splits=" + std::to_string(k) +
        " greater than the number of samples: n_samples=" + std::to_string(labels.size()) + ".");
  }
  std::vector<uint32_t> fold_of(labels.size());
  // Rows by class; without classes all rows are of one.
  std::map<float, std::vector<uint32_t>> classes;
  for (size_t r = 0; r < labels.size(); ++r) {
    classes[stratified ? labels[r] : 0].push_back(static_cast<uint32_t>(r));
  }
  size_t largest = 0;
  size_t next = 0;  // rows of successive classes go on where the last one ended: even folds
  for (auto& [label, rows] : classes) {
    largest = std::max(largest, rows.size());
    Shuffle(rows, rng);
    for (const uint32_t r : rows) fold_of[r] = static_cast<uint32_t>(next++ % folds);
  }
  if (largest < folds) {
    return UserError("n_splits=" + std::to_string(k) +
                     " cannot be greater than the number of members in each class.");
  }
  return fold_of;
}

Result<Folds> MakeFoldSets(const XgboostParams& settings, const gbdt::TrainParams& params,
                           gbdt::Dataset data) {
  Folds out{.all = std::move(data), .folds = {}};
  for (int round = 0; round < settings.num_cv_round; ++round) {
    CLARY_TRY(const std::vector<uint32_t> fold_of, DealRound(settings, params, out.all, round));
    for (int fold = 0; fold < settings.kfold; ++fold) {
      out.folds.push_back(MakeFold(out.all, fold_of, fold));
    }
  }
  return out;
}

Status CrossValidate(const XgboostParams& settings, const gbdt::TrainParams& params,
                     const gbdt::Dataset& data, const Folds* made, const fs::path& output,
                     const TrainFold& train_fold) {
  const int k = settings.kfold;
  const int rounds = settings.num_cv_round;
  if (!data.fields().group_sizes.empty()) {
    return UserError(
        "Hyperparameter _kfold: rows with qid cannot be split into folds, because a query must "
        "stay whole; remove _kfold");
  }
  LogInfo("Run " + std::to_string(rounds) + "-round of " + std::to_string(k) +
          "-fold cross validation with " + std::to_string(data.rows()) + " rows");
  Predictions predictions(data, HasClasses(params), rounds);
  std::vector<FoldResult> results;
  for (int round = 0; round < rounds; ++round) {
    std::vector<uint32_t> fold_of;
    if (made == nullptr) {
      CLARY_TRY(fold_of, DealRound(settings, params, data, round));
    }
    for (int fold = 0; fold < k; ++fold) {
      const int number = round * k + fold;
      Fold fresh;
      if (made == nullptr) fresh = MakeFold(data, fold_of, fold);
      const Fold& one = made != nullptr ? made->folds[static_cast<size_t>(number)] : fresh;
      LogInfo("Train cross validation fold " + std::to_string(fold + 1));
      CLARY_TRY(FoldResult result, train_fold(number, one));
      if (result.stopped) return {};
      CLARY_CHECK_OK(
          predictions.Add(result.model, one.sets[1].data, one.held_out, round, params.nthread));
      result.model = gbdt::Model();  // kept by train_fold
      results.push_back(std::move(result));
    }
    LogInfo("The metrics of round " + std::to_string(round + 1) + " cross validation");
    PrintLine(MeanLine(params.num_round, std::span(results).last(static_cast<size_t>(k))));
  }
  if (rounds > 1) {
    LogInfo("The overall metrics of " + std::to_string(rounds) + "-round cross validation");
    PrintLine(MeanLine(params.num_round, results));
  }
  CLARY_CHECK_OK(MakeDirectories(output));
  return ReplaceFile(output / "predictions.csv", predictions.Csv());
}

}  // namespace clary::xgboost
