#include "gbdt/predict.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/thread_pool.h"
#include "gbdt/flat_tree.h"
#include "gbdt/objective.h"
#include "gbdt/predict_fast.h"
#include "gbdt/shap.h"

namespace clary::gbdt {
namespace {

constexpr size_t kBlock = FastForest::kBlock;  // rows that a thread takes at a time
constexpr size_t kWorthPreparing = 400;        // rows

Result<std::vector<float>> StartMargins(const Forest& forest, const Dataset& data) {
  const auto& given = data.fields().base_margin;
  if (given.size() == data.rows() * static_cast<size_t>(forest.num_output()) && !given.empty()) {
    return given;
  }
  CLARY_TRY(const std::vector<float> base, BaseMargins(forest));
  std::vector<float> margin;
  margin.reserve(data.rows() * base.size());
  for (size_t r = 0; r < data.rows(); ++r) margin.insert(margin.end(), base.begin(), base.end());
  return margin;
}

// Adds weights times values, and the bias, to [count * outputs]; a missing value adds nothing.
void AddLinear(const Forest& forest, const float* rows, size_t count, size_t columns, float* out) {
  const auto outputs = static_cast<size_t>(forest.num_output());
  for (size_t r = 0; r < count; ++r) {
    for (size_t k = 0; k < outputs; ++k) {
      float sum = out[r * outputs + k] + forest.linear_weights[forest.num_feature * outputs + k];
      for (size_t f = 0; f < columns; ++f) {
        const float x = rows[r * columns + f];
        if (!std::isnan(x)) sum += x * forest.linear_weights[f * outputs + k];
      }
      out[r * outputs + k] = sum;
    }
  }
}

}  // namespace

Result<std::vector<float>> BaseMargins(const Forest& forest) {
  const auto outputs = static_cast<size_t>(forest.num_output());
  // XGBoost 3 uses the first item of a vector for every output of a linear model.
  std::vector<float> base(outputs, forest.base_score[0]);
  if (forest.base_score.size() == outputs && forest.booster != Booster::kGblinear) {
    base = forest.base_score;
  }
  CLARY_TRY(const auto objective, MakeObjective(forest.objective));
  for (float& b : base) b = objective->ToMargin(b);
  return base;
}

Result<std::vector<float>> Predict(const Forest& forest, const Dataset& data,
                                   const PredictOptions& options) {
  if (data.columns() > forest.num_feature) {
    return Fail(Code::kInvalidArgument, "BadShape",
                "the data has " + std::to_string(data.columns()) + " columns, the model " +
                    std::to_string(forest.num_feature));
  }
  const int rounds = forest.num_round();
  const int end = options.round_end == 0 ? rounds : options.round_end;
  if (options.round_begin < 0 || end > rounds || options.round_begin > end) {
    return Fail(Code::kInvalidArgument, "BadRange",
                "the model has " + std::to_string(rounds) + " rounds");
  }
  const auto outputs = static_cast<size_t>(forest.num_output());
  ThreadPool pool(data.rows() < 4 * kBlock ? 1 : options.threads);
  const bool linear = forest.booster == Booster::kGblinear;
  const size_t first = linear ? 0 : forest.round_begin[static_cast<size_t>(options.round_begin)];
  const size_t last = linear ? 0 : forest.round_begin[static_cast<size_t>(end)];
  std::vector<float> out;
  switch (options.kind) {
    case PredictKind::kContributions:
    case PredictKind::kApproxContributions:
    case PredictKind::kInteractions: {
      CLARY_TRY(const std::vector<float> start, StartMargins(forest, data));
      return Explain(forest, first, last, data, options.kind, start, pool);
    }
    case PredictKind::kLeaf:
      if (linear) {
        return Fail(Code::kInvalidArgument, "NoTrees", "a linear model has no leaves");
      }
      out.resize(data.rows() * (last - first));
      break;
    case PredictKind::kValue:
    case PredictKind::kMargin:
      CLARY_TRY(out, StartMargins(forest, data));
      break;
  }
  const bool leaf = options.kind == PredictKind::kLeaf;
  // Preparing costs about as much as walking some hundred rows.
  const bool prepare = !linear && data.rows() >= kWorthPreparing;
  const std::unique_ptr<FastForest> fast =
      prepare && !leaf ? FastForest::Prepare(forest, first, last) : nullptr;
  const bool walk = prepare && fast == nullptr;
  const FlatTrees flat(std::span(forest.trees).subspan(first, walk ? last - first : 0));
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
    if (linear) AddLinear(forest, values.data(), count, data.columns(), &out[begin * outputs]);
    if (fast != nullptr) {
      fast->Add(values, count, data.columns(), &out[begin * outputs]);
      return;
    }
    NodeId leaves[kBlock];
    std::vector<float> encoded;
    const std::span<const float> as_walked =
        walk ? flat.Encoded(values, data.columns(), encoded) : values;
    for (size_t t = first; t < last; ++t) {
      const Tree& tree = forest.trees[t];
      const auto output = static_cast<size_t>(forest.tree_output[t]);
      const float weight = forest.tree_weight.empty() ? 1.0F : forest.tree_weight[t];
      if (walk) {
        flat.FindLeaves(t - first, as_walked.data(), data.columns(), count, leaves);
      }
      for (size_t i = 0; i < count; ++i) {
        const NodeId n =
            walk ? leaves[i] : tree.FindLeaf(values.subspan(i * data.columns(), data.columns()));
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
