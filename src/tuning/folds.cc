#include "tuning/folds.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>

namespace clary::tuning {

bool FoldsMayEqual(std::span<const double> other, std::span<const double> best, size_t folds,
                   double confidence) {
  const double n = static_cast<double>(other.size());
  double mean = 0;
  for (size_t i = 0; i < other.size(); ++i) mean += (other[i] - best[i]) / n;
  if (mean <= 0) return true;
  double variance = 0;
  for (size_t i = 0; i < other.size(); ++i) {
    variance += std::pow(other[i] - best[i] - mean, 2) / (n - 1);
  }
  if (variance <= 0) return false;
  // Test rows over training rows: 1 / (folds - 1).
  const double t = mean / std::sqrt(variance * (1 / n + 1 / static_cast<double>(folds - 1)));
  return t <= boost::math::quantile(boost::math::students_t(n - 1), confidence);
}

std::vector<double> PairedErrors(std::span<const std::vector<double>> trials) {
  constexpr double kEnough = 3;
  size_t most = 0;
  for (const auto& folds : trials) most = std::max(most, folds.size());
  std::vector<double> common(most);
  double whole = 0;
  for (const auto& folds : trials) {
    if (folds.size() < most) continue;
    ++whole;
    for (size_t f = 0; f < most; ++f) common[f] += folds[f];
  }
  for (double& c : common) c = whole >= kEnough ? c / whole : 0;
  std::vector<double> out;
  for (const auto& folds : trials) {
    const auto n = static_cast<double>(folds.size());
    double mean = 0, square = 0;
    for (size_t f = 0; f < folds.size(); ++f) mean += (folds[f] - common[f]) / n;
    for (size_t f = 0; f < folds.size(); ++f) square += std::pow(folds[f] - common[f] - mean, 2);
    out.push_back(n >= 2 ? std::sqrt(square / (n - 1) / n) : 0);
  }
  return out;
}

}  // namespace clary::tuning
