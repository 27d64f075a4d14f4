#include "gbdt/predict.h"

#include <algorithm>
#include <string>

#include "base/thread_pool.h"
#include "gbdt/objective.h"

namespace clary::gbdt {
namespace {

constexpr size_t kBlock = 256;  // rows; a tree's nodes stay in the cache over a block

Result<std::vector<float>> StartMargins(const Forest& forest, const Dataset& data) {
  const auto outputs = static_cast<size_t>(forest.num_output());
  const auto& given = data.fields().base_margin;
  if (given.size() == data.rows() * outputs && !given.empty()) return given;
  std::vector<float> base(outputs, forest.base_score.empty() ? 0.5F : forest.base_score[0]);
  if (forest.base_score.size() == outputs) base = forest.base_score;
  if (const auto objective = MakeObjective(forest.objective, 3)) {
    for (float& b : base) b = (*objective)->ToMargin(b);
  }
  std::vector<float> margin;
  margin.reserve(data.rows() * outputs);
  for (size_t r = 0; r < data.rows(); ++r) margin.insert(margin.end(), base.begin(), base.end());
  return margin;
}

}  // namespace

Result<std::vector<float>> Predict(const Forest& forest, const Dataset& data,
                                   const PredictOptions& options) {
  if (data.columns() > forest.num_feature) {
    return Fail(Code::kInvalidArgument, "BadShape",
                "the data has " + std::to_string(data.columns()) + " columns, the model " +
                    std::to_string(forest.num_feature));
  }
  if (forest.booster == Booster::kGblinear || options.kind == PredictKind::kContributions ||
      options.kind == PredictKind::kApproxContributions ||
      options.kind == PredictKind::kInteractions) {
    return Fail(Code::kUnimplemented, "Unimplemented", "this prediction is not in this version");
  }
  const int rounds = forest.num_round();
  const int end = options.round_end == 0 ? rounds : options.round_end;
  if (options.round_begin < 0 || end > rounds || options.round_begin > end) {
    return Fail(Code::kInvalidArgument, "BadRange",
                "the model has " + std::to_string(rounds) + " rounds");
  }
  const size_t first = forest.round_begin[static_cast<size_t>(options.round_begin)];
  const size_t last = forest.round_begin[static_cast<size_t>(end)];
  const auto outputs = static_cast<size_t>(forest.num_output());
  const bool leaf = options.kind == PredictKind::kLeaf;
  ThreadPool pool(data.rows() < 4 * kBlock ? 1 : options.threads);
  std::vector<float> out;
  if (leaf) {
    out.resize(data.rows() * (last - first));
  } else {
    CLARY_TRY(out, StartMargins(forest, data));
  }
  pool.ForEach((data.rows() + kBlock - 1) / kBlock, [&](size_t b, int) {
    const size_t begin = b * kBlock;
    const size_t count = std::min(kBlock, data.rows() - begin);
    std::vector<float> rows;
    if (data.is_sparse()) {
      rows.resize(count * data.columns());
      for (size_t i = 0; i < count; ++i) {
        data.CopyRow(begin + i, std::span(rows).subspan(i * data.columns(), data.columns()));
      }
    }
    const std::span<const float> values =
        data.is_sparse() ? std::span<const float>(rows)
                         : data.dense().subspan(begin * data.columns(), count * data.columns());
    for (size_t t = first; t < last; ++t) {
      const Tree& tree = forest.trees[t];
      const auto output = static_cast<size_t>(forest.tree_output[t]);
      const float weight = forest.tree_weight.empty() ? 1.0F : forest.tree_weight[t];
      for (size_t i = 0; i < count; ++i) {
        const NodeId n = tree.FindLeaf(values.subspan(i * data.columns(), data.columns()));
        if (leaf) {
          out[(begin + i) * (last - first) + t - first] = static_cast<float>(n);
        } else {
          out[(begin + i) * outputs + output] += weight * tree.threshold[static_cast<size_t>(n)];
        }
      }
    }
  });
  if (options.kind != PredictKind::kValue) return out;
  return FinishPrediction(forest.objective, std::move(out), pool);
}

}  // namespace clary::gbdt
