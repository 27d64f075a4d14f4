#include "gbdt/dart.h"

#include <random>

namespace clary::gbdt {

std::vector<size_t> DrawDropped(const TrainParams& params, std::span<const float> weight,
                                RandomEngine& engine) {
  std::vector<size_t> dropped;
  std::uniform_real_distribution<double> uniform(0, 1);
  if (params.skip_drop > 0 && uniform(engine) < params.skip_drop) return dropped;
  const bool weighted = params.sample_type == "weighted";
  float total = 0;
  for (const float w : weight) total += w;
  for (size_t i = 0; i < weight.size(); ++i) {
    const float rate =
        weighted ? params.rate_drop * static_cast<float>(weight.size()) * weight[i] / total
                 : params.rate_drop;
    if (uniform(engine) < rate) dropped.push_back(i);
  }
  if (params.one_drop && dropped.empty() && !weight.empty()) {
    dropped.push_back(weighted
                          ? std::discrete_distribution<size_t>(weight.begin(), weight.end())(engine)
                          : std::uniform_int_distribution<size_t>(0, weight.size() - 1)(engine));
  }
  return dropped;
}

DropScale ScaleAfter(const TrainParams& params, size_t dropped, size_t new_trees) {
  if (dropped == 0) return {};
  const float rate = params.eta / static_cast<float>(new_trees);
  if (params.normalize_type == "forest") {
    const float factor = 1.0F / (1.0F + rate);
    return {.dropped = factor, .fresh = factor};
  }
  const auto count = static_cast<float>(dropped);
  return {.dropped = count / (count + rate), .fresh = 1.0F / (count + rate)};
}

}  // namespace clary::gbdt
