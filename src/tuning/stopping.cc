#include "tuning/stopping.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace clary::tuning {
namespace {

constexpr size_t kMedianNeeds = 3;  // ended trials

double Rank(double value) {  // what is no number is worse than every number
  return std::isnan(value) ? std::numeric_limits<double>::infinity() : value;
}

}  // namespace

SuccessiveHalving::SuccessiveHalving(size_t min, size_t max, size_t eta) : max_(max), eta_(eta) {
  for (size_t rung = min; rung < max; rung *= eta) {
    rungs_.push_back(rung);
    if (rung > max / eta) break;
  }
}

bool SuccessiveHalving::Report(size_t resource, double value) {
  if (resource >= max_) return false;
  if (std::ranges::find(rungs_, resource) == rungs_.end()) return true;
  std::vector<double>& values = values_[resource];
  const double rank = Rank(value);
  values.insert(std::ranges::upper_bound(values, rank), rank);
  if (values.size() < eta_) return true;
  return rank <= values[values.size() / eta_ - 1];
}

void MedianRule::Ended(std::span<const double> curve) {
  std::vector<double>& averages = averages_.emplace_back();
  double sum = 0;
  for (const double v : curve) {
    sum += Rank(v);
    averages.push_back(sum / static_cast<double>(averages.size() + 1));
  }
}

bool MedianRule::ShouldStop(std::span<const double> curve) const {
  if (curve.empty()) return false;
  std::vector<double> others;
  for (const auto& averages : averages_) {
    if (averages.size() >= curve.size()) others.push_back(averages[curve.size() - 1]);
  }
  if (others.size() < kMedianNeeds) return false;
  std::ranges::sort(others);
  const size_t half = others.size() / 2;
  const double median =
      others.size() % 2 == 1 ? others[half] : (others[half - 1] + others[half]) / 2;
  double best = std::numeric_limits<double>::infinity();
  for (const double v : curve) best = std::min(best, Rank(v));
  return best > median;
}

}  // namespace clary::tuning
