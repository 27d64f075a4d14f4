#include "tuning/boosting.h"

#include <algorithm>
#include <cmath>

namespace clary::tuning {
namespace {

constexpr BoostingRange kRanges[] = {
    {"eta", 0.005, 0.5, false, true, 0.3},  {"num_round", 20, 2000, true, true, 100},
    {"max_depth", 2, 12, true, false, 6},   {"min_child_weight", 0.01, 64, false, true, 1},
    {"subsample", 0.5, 1, false, false, 1}, {"colsample_bytree", 0.3, 1, false, false, 1},
    {"lambda", 1e-3, 100, false, true, 1},  {"alpha", 1e-4, 100, false, true, 0},
    {"gamma", 1e-4, 16, false, true, 0},
};
constexpr size_t kRate = 0, kRounds = 1;  // in kRanges

// Sees to it that rate times rounds stays what it is.
BoostingPoint MadeUp(BoostingPoint point, const Space& space,
                     const std::map<std::string, double>& fixed) {
  const double product = point[kRate] * point[kRounds];
  const auto bound = [&](size_t i) {
    const auto& all = space.parameters();
    const auto tuned = std::ranges::find(all, kRanges[i].name, &Parameter::name);
    if (tuned != all.end()) {
      point[i] = std::clamp(point[i], tuned->min, tuned->max);
    } else if (const auto given = fixed.find(std::string(kRanges[i].name)); given != fixed.end()) {
      point[i] = given->second;
    } else {
      point[i] = kRanges[i].usual;
    }
  };
  bound(kRounds);
  if (point[kRounds] > 0) point[kRate] = product / point[kRounds];
  bound(kRate);
  if (point[kRate] > 0) point[kRounds] = product / point[kRate];
  bound(kRounds);
  return point;
}

Config InSpace(const BoostingPoint& point, const Space& space) {
  Config config = space.Decode(std::vector<double>(space.size(), 0.5));
  for (size_t j = 0; j < space.size(); ++j) {
    const Parameter& p = space.parameters()[j];
    const BoostingRange* known = FindBoostingRange(p.name);
    if (p.type == Parameter::Type::kCategorical || known == nullptr) continue;
    config[j] = std::clamp(point[static_cast<size_t>(known - kRanges)], p.min, p.max);
  }
  // As the space itself rounds it: a strategy tries only what it could have suggested.
  return space.Decode(space.Encode(config));
}

}  // namespace

std::span<const BoostingRange> BoostingRanges() { return kRanges; }

const BoostingRange* FindBoostingRange(std::string_view name) {
  const auto* found = std::ranges::find(kRanges, name, &BoostingRange::name);
  return found != std::end(kRanges) ? found : nullptr;
}

std::span<const BoostingPoint> BoostingPortfolio() {
  // bench/tuning_quality.py portfolio, rounded. In the order of kRanges.
  static const std::vector<BoostingPoint> kPortfolio = {
      {0.058, 96, 3, 0.019, 0.81, 0.85, 0.0022, 0.2, 0.0054},
      {0.2, 150, 9, 1.9, 0.73, 0.87, 15, 0.0021, 0.015},
      {0.1, 150, 4, 0.16, 0.59, 0.73, 0.013, 0.045, 0.0013},
      {0.043, 150, 2, 0.12, 0.73, 0.89, 0.0015, 0.00059, 0.064},
  };
  return kPortfolio;
}

std::vector<Suggestion> BoostingStart(const Space& space,
                                      const std::map<std::string, double>& fixed,
                                      std::span<const BoostingPoint> portfolio) {
  BoostingPoint usual;
  for (const BoostingRange& range : kRanges) usual.push_back(range.usual);
  std::vector<Suggestion> out = {{InSpace(usual, space), "default"}};
  for (const BoostingPoint& point : portfolio) {
    Config config = InSpace(MadeUp(point, space, fixed), space);
    if (std::ranges::find(out, config, &Suggestion::config) == out.end()) {
      out.push_back({std::move(config), "portfolio"});
    }
  }
  return out;
}

}  // namespace clary::tuning
