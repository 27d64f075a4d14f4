#include "gbdt/intercept.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

namespace clary::gbdt {

double WeightedQuantile(std::span<const float> values, std::span<const float> weights, double q) {
  const size_t n = values.size();
  if (n == 0) return 0;
  std::vector<uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::stable_sort(order, [&](uint32_t a, uint32_t b) { return values[a] < values[b]; });
  if (weights.size() != n) {
    const double rank = q * static_cast<double>(n + 1);
    if (rank <= 1) return values[order.front()];
    if (rank >= static_cast<double>(n)) return values[order.back()];
    const auto k = static_cast<size_t>(rank);
    const double low = values[order[k - 1]];
    return low + (rank - static_cast<double>(k)) * (values[order[k]] - low);
  }
  double total = 0;
  for (const float w : weights) total += w;
  double sum = 0;
  for (const uint32_t i : order) {
    sum += weights[i];
    if (sum >= q * total) return values[i];
  }
  return values[order.back()];
}

float EstimateBaseScore(const TrainParams& params, Objective& objective, const Dataset& train,
                        size_t outputs, ThreadPool& pool) {
  constexpr float kDefault = 0.5F;
  if (objective.intercept_is_fixed()) return kDefault;
  const RowFields& f = train.fields();
  const size_t rows = train.rows();
  const size_t targets = std::max<size_t>(1, f.label.size() / rows);
  const bool weighted = f.weight.size() == rows;
  if (objective.leaf_quantile(0) > 0) {
    // Upstream averages over workers by weight, which rounds even when there is one worker.
    double total = 0;
    for (size_t i = 0; i < rows; ++i) total += weighted ? f.weight[i] : 1.0;
    float sum = 0;
    std::vector<float> label(rows);
    for (size_t k = 0; k < outputs; ++k) {
      for (size_t i = 0; i < rows; ++i) label[i] = f.label[i * targets + k % targets];
      const double share = objective.leaf_quantile(static_cast<int>(k));
      sum += static_cast<float>(WeightedQuantile(label, f.weight, share));
    }
    const float mean = sum / static_cast<float>(outputs);
    return mean * static_cast<float>(total) / static_cast<float>(total);
  }
  if (params.version < 200) return kDefault;
  if (objective.intercept_is_mean()) {
    double sum = 0;
    double total = 0;
    for (size_t i = 0; i < f.label.size(); ++i) {
      const double w = weighted ? f.weight[i / targets] : 1.0;
      sum += w * f.label[i];
      total += w;
    }
    const auto mean = static_cast<float>(sum / total);
    // A single class would have no finite margin.
    if (!std::isfinite(objective.ToMargin(mean))) {
      return std::clamp(mean, 1e-6F, 1.0F - 1e-6F);
    }
    return mean;
  }
  // One Newton step from margin 0.
  std::vector<float> margin(rows * outputs, 0);
  std::vector<float> grad(margin.size());
  std::vector<float> hess(margin.size());
  objective.Gradient(margin, train, 0, pool, grad, hess);
  double g = 0;
  double h = 0;
  for (size_t i = 0; i < grad.size(); ++i) {
    g += grad[i];
    h += hess[i];
  }
  return objective.FromMargin(static_cast<float>(-g / std::max(h, 1e-6)));
}

}  // namespace clary::gbdt
