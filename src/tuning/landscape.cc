#include "tuning/landscape.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "tuning/sobol.h"

namespace clary::tuning {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr size_t kMostTrials = 300;
constexpr size_t kWarpedFrom = 4;  // trials a dimension
constexpr int kFitEvaluations = 60;
constexpr size_t kMarginalPoints = 33;  // of a number
constexpr size_t kAveraged = 64;        // points of the other parameters
constexpr size_t kCentres = 5, kSteps = 32, kSpread = 1024;
constexpr double kStepLength = 0.1;
constexpr size_t kGainDraws = 512;
constexpr double kApart = 0.03;  // of the cube's diagonal, between points that are tried together

VectorXd ToVector(const std::vector<double>& v) {
  return Eigen::Map<const VectorXd>(v.data(), static_cast<Index>(v.size()));
}

// At most kMostTrials of them: a quarter the best, the others evenly.
std::vector<size_t> Chosen(std::span<const double> values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  if (order.size() <= kMostTrials) return order;
  std::ranges::stable_sort(order, {}, [&](size_t i) { return values[i]; });
  std::vector<size_t> chosen(order.begin(), order.begin() + kMostTrials / 4);
  const size_t rest = order.size() - chosen.size(), wanted = kMostTrials - chosen.size();
  const size_t first = chosen.size();
  for (size_t i = 0; i < wanted; ++i) chosen.push_back(order[first + i * rest / wanted]);
  std::ranges::sort(chosen);
  return chosen;
}

}  // namespace

std::optional<Landscape> Landscape::Make(const Space& space, std::span<const Config> configs,
                                         std::span<const double> values, uint64_t seed) {
  if (values.size() < kTrialsForLandscape || space.size() == 0) return std::nullopt;
  if (std::ranges::all_of(values, [&](double v) { return v == values[0]; })) return std::nullopt;
  const std::vector<size_t> chosen = Chosen(values);
  MatrixXd points(static_cast<Index>(chosen.size()), static_cast<Index>(space.size()));
  std::vector<double> kept;
  for (size_t i = 0; i < chosen.size(); ++i) {
    points.row(static_cast<Index>(i)) = ToVector(space.Encode(configs[chosen[i]])).transpose();
    kept.push_back(values[chosen[i]]);
  }
  const VectorXd y = HalfRank(kept);
  Gp gp(space, points, y, kept.size() >= kWarpedFrom * space.size());
  gp.Fit(GpHyperparameters::Initial(space.size()), kFitEvaluations);
  Landscape made(space, std::move(gp));
  made.points_ = std::move(points);
  made.seed_ = seed;
  for (size_t i = 0; i < kept.size(); ++i) {
    made.scale_.emplace_back(y[static_cast<Index>(i)], kept[i]);
  }
  std::ranges::sort(made.scale_);
  return made;
}

// Between trials linearly; better than the best in the unit of the better half, which the process
// has on a linear scale; worse than the worst is the worst.
double Landscape::ToUnit(double y) const {
  const auto& [first_y, first_v] = scale_.front();
  if (y <= first_y) {
    const auto& [middle_y, middle_v] = scale_[(scale_.size() - 1) / 2];
    const auto& [last_y, last_v] = scale_.back();
    const double slope = middle_y > first_y ? (middle_v - first_v) / (middle_y - first_y)
                                            : (last_v - first_v) / (last_y - first_y);
    return first_v + (y - first_y) * slope;
  }
  const auto above =
      std::ranges::upper_bound(scale_, y, {}, [](const auto& pair) { return pair.first; });
  if (above == scale_.end()) return scale_.back().second;
  const auto& [low_y, low_v] = *(above - 1);
  const auto& [high_y, high_v] = *above;
  return low_v + (y - low_y) / (high_y - low_y) * (high_v - low_v);
}

Landscape::Marginal Landscape::MarginalOf(size_t parameter) const {
  const size_t cells = space_.Cells(parameter);
  const Parameter& p = space_.parameters()[parameter];
  const bool each = p.type == Parameter::Type::kCategorical || (cells > 0 && cells <= 12);
  const size_t count = each ? cells : kMarginalPoints;
  const auto others = SobolPoints(space_.size(), seed_, 0, kAveraged);
  Marginal out;
  for (size_t i = 0; i < count; ++i) {
    std::vector<double> probe(space_.size(), 0.5);
    probe[parameter] = each ? (static_cast<double>(i) + 0.5) / static_cast<double>(count)
                            : static_cast<double>(i) / static_cast<double>(count - 1);
    // Where the parameter really is: integers between do not exist.
    const Config config = space_.Decode(probe);
    const double u = space_.Encode(config)[parameter];
    if (!out.at.empty() && out.at.back() == config[parameter]) continue;
    MatrixXd points(static_cast<Index>(kAveraged), static_cast<Index>(space_.size()));
    for (size_t k = 0; k < kAveraged; ++k) {
      std::vector<double> point = space_.Encode(space_.Decode(others[k]));
      point[parameter] = u;
      points.row(static_cast<Index>(k)) = ToVector(point).transpose();
    }
    VectorXd mean;
    MatrixXd covariance;
    gp_.Joint(points, &mean, &covariance);
    const double deviation = std::sqrt(std::max(0.0, covariance.mean()));
    const auto average = [&](double shift) {
      double sum = 0;
      for (const double m : mean) sum += ToUnit(m + shift);
      return sum / static_cast<double>(kAveraged);
    };
    out.at.push_back(config[parameter]);
    out.mean.push_back(average(0));
    out.low.push_back(average(-deviation));
    out.high.push_back(average(deviation));
  }
  return out;
}

double Landscape::noise() const {
  const double first = scale_.front().first;
  return ToUnit(first) - ToUnit(first - std::exp(0.5 * gp_.hyperparameters().log_noise));
}

bool Landscape::MayEqual(const Config& config, const Config& best) const {
  if (config == best) return true;
  MatrixXd points(2, static_cast<Index>(space_.size()));
  points.row(0) = ToVector(space_.Encode(config)).transpose();
  points.row(1) = ToVector(space_.Encode(best)).transpose();
  VectorXd mean;
  MatrixXd covariance;
  gp_.Joint(points, &mean, &covariance);
  const double variance = covariance(0, 0) + covariance(1, 1) - 2 * covariance(0, 1);
  constexpr double kOneSided = 1.6448536269514722;  // 95 % of a normal distribution
  return mean[0] - mean[1] <= kOneSided * std::sqrt(std::max(0.0, variance));
}

std::vector<double> Landscape::RandomValues(size_t count) const {
  std::mt19937_64 random(Mix(seed_, 1));
  std::normal_distribution<double> normal;
  std::vector<double> out;
  for (const auto& u : SobolPoints(space_.size(), Mix(seed_, 2), 0, count)) {
    const auto p = gp_.Predict(ToVector(space_.Encode(space_.Decode(u))));
    out.push_back(ToUnit(p.means[0] + std::sqrt(p.variance) * normal(random)));
  }
  return out;
}

Landscape::Gain Landscape::ExpectedGain(size_t trials) const {
  std::mt19937_64 random(Mix(seed_, 3));
  std::normal_distribution<double> normal;
  std::vector<std::pair<double, Index>> evaluated;  // (mean, row)
  for (Index i = 0; i < points_.rows(); ++i) {
    evaluated.emplace_back(gp_.Predict(points_.row(i).transpose()).means[0], i);
  }
  std::ranges::sort(evaluated);
  const double best = evaluated.front().first;
  std::vector<std::vector<double>> candidates =
      SobolPoints(space_.size(), Mix(seed_, 4), 0, kSpread);
  for (size_t c = 0; c < std::min(kCentres, evaluated.size()); ++c) {
    for (size_t s = 0; s < kSteps; ++s) {
      std::vector<double>& point = candidates.emplace_back(space_.size());
      for (size_t j = 0; j < point.size(); ++j) {
        point[j] = std::clamp(
            points_(evaluated[c].second, static_cast<Index>(j)) + kStepLength * normal(random), 0.0,
            1.0);
      }
    }
  }
  std::vector<std::pair<double, VectorXd>> ranked;
  for (const auto& u : candidates) {
    VectorXd point = ToVector(space_.Encode(space_.Decode(u)));
    const auto p = gp_.Predict(point);
    ranked.emplace_back(LogExpectedImprovement(p.means[0], std::sqrt(p.variance), best).value,
                        std::move(point));
  }
  std::ranges::stable_sort(ranked, std::greater<>(), [](const auto& r) { return r.first; });
  const double apart = kApart * std::sqrt(static_cast<double>(space_.size()));
  std::vector<VectorXd> picked;
  for (const auto& [improvement, point] : ranked) {
    if (picked.size() == trials) break;
    if (std::ranges::all_of(picked, [&](const VectorXd& p) { return (p - point).norm() > apart; }))
      picked.push_back(point);
  }
  MatrixXd points(static_cast<Index>(picked.size()), static_cast<Index>(space_.size()));
  for (size_t i = 0; i < picked.size(); ++i) {
    points.row(static_cast<Index>(i)) = picked[i].transpose();
  }
  VectorXd mean;
  MatrixXd covariance;
  gp_.Joint(points, &mean, &covariance);
  covariance.diagonal().array() += 1e-9;
  const MatrixXd root = Eigen::LLT<MatrixXd>(covariance).matrixL();
  const double best_value = ToUnit(best);
  std::vector<double> gains;
  for (size_t draw = 0; draw < kGainDraws; ++draw) {
    VectorXd z(points.rows());
    for (Index i = 0; i < z.size(); ++i) z[i] = normal(random);
    const VectorXd drawn = mean + root * z;
    gains.push_back(std::max(0.0, best_value - ToUnit(drawn.minCoeff())));
  }
  std::ranges::sort(gains);
  const double sum = std::accumulate(gains.begin(), gains.end(), 0.0);
  return {.mean = sum / static_cast<double>(kGainDraws),
          .low = gains[kGainDraws / 10],
          .high = gains[kGainDraws - 1 - kGainDraws / 10]};
}

std::vector<Best> BestOfRandom(std::vector<double> pool, size_t most) {
  std::ranges::sort(pool);
  std::vector<Best> out;
  for (size_t k = 1; k <= most && !pool.empty(); ++k) {
    // The smallest x of the pool with F(x) >= 1 - (1 - q)^(1/k).
    const auto quantile = [&](double q) {
      const double share = -std::expm1(std::log1p(-q) / static_cast<double>(k));
      const double place = std::ceil(share * static_cast<double>(pool.size()) - 1e-9);
      return pool[std::min(pool.size(), static_cast<size_t>(std::max(1.0, place))) - 1];
    };
    out.push_back({.low = quantile(0.1), .middle = quantile(0.5), .high = quantile(0.9)});
  }
  return out;
}

}  // namespace clary::tuning
