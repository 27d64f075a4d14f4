#include "tuning/internal/parzen.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <random>

#include "tuning/sobol.h"

namespace clary::tuning {
namespace {

constexpr double kBestShare = 0.1;
constexpr size_t kMostBest = 25;
constexpr size_t kFullWeight = 25;  // the newest trials, which count fully
constexpr double kWidth = 0.2;
constexpr double kLeastCells = 100;
constexpr double kCentre = 0.5;  // of the wide component, whose deviation is 1
constexpr size_t kDraws = 64;

double Cdf(double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); }

// A normal distribution cut to [0, 1].
double LogCutNormal(double u, double mean, double deviation) {
  const double z = (u - mean) / deviation;
  const double mass = Cdf((1 - mean) / deviation) - Cdf(-mean / deviation);
  return -0.5 * z * z - std::log(deviation * std::sqrt(2 * std::numbers::pi) * mass);
}

double DrawCutNormal(double mean, double deviation, std::mt19937_64& random) {
  std::normal_distribution<double> normal(mean, deviation);
  for (int i = 0; i < 1000; ++i) {
    const double u = normal(random);
    if (u >= 0 && u <= 1) return u;
  }
  return std::clamp(mean, 0.0, 1.0);
}

bool IsCategory(const Space& space, size_t j) {
  return space.parameters()[j].type == Parameter::Type::kCategorical;
}

}  // namespace

Parzen::Parzen(const Space& space, std::vector<Config> configs)
    : space_(space), configs_(std::move(configs)) {
  const size_t n = configs_.size();
  for (const Config& c : configs_) points_.push_back(space.Encode(c));
  const size_t old = n > kFullWeight ? n - kFullWeight : 0;
  for (size_t i = 0; i < n; ++i) {
    const double ramp = old > 1 ? static_cast<double>(i) / static_cast<double>(old - 1) : 1;
    const double least = 1 / static_cast<double>(n);
    weights_.push_back(i < old ? least + ramp * (1 - least) : 1);
  }
  weights_.push_back(1);
  double sum = 0;
  for (const double w : weights_) sum += w;
  for (double& w : weights_) w /= sum;
  const auto count = static_cast<double>(std::max<size_t>(n, 1));
  width_ = std::max(kWidth * std::pow(count, -1 / (static_cast<double>(space.size()) + 4)),
                    1 / std::min(kLeastCells, 1 + count));
}

double Parzen::LogDensity(const Config& config) const {
  const std::vector<double> at = space_.Encode(config);
  std::vector<double> logs;
  for (size_t i = 0; i < weights_.size(); ++i) {
    const bool wide = i == points_.size();
    double log = std::log(weights_[i]);
    for (size_t j = 0; j < at.size(); ++j) {
      if (IsCategory(space_, j)) {
        // One observation of its own value, and one spread over all points and values.
        const auto values = static_cast<double>(space_.parameters()[j].values.size());
        const double prior = 1 / static_cast<double>(weights_.size());
        const double own = !wide && configs_[i][j] == config[j] ? 1 : 0;
        log += std::log(wide ? 1 / values : (own + prior) / (1 + values * prior));
      } else if (wide) {
        log += LogCutNormal(at[j], kCentre, 1);
      } else {
        log += LogCutNormal(at[j], points_[i][j], width_);
      }
    }
    logs.push_back(log);
  }
  const double largest = *std::ranges::max_element(logs);
  double sum = 0;
  for (const double log : logs) sum += std::exp(log - largest);
  return largest + std::log(sum);
}

Config Parzen::Draw(uint64_t seed) const {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> uniform;
  double left = uniform(random);
  size_t component = 0;
  while (component + 1 < weights_.size() && left > weights_[component])
    left -= weights_[component++];
  const bool wide = component == points_.size();
  std::vector<double> point(space_.size());
  for (size_t j = 0; j < point.size(); ++j) {
    if (!IsCategory(space_, j)) {
      point[j] = wide ? DrawCutNormal(kCentre, 1, random)
                      : DrawCutNormal(points_[component][j], width_, random);
      continue;
    }
    const auto values = static_cast<double>(space_.parameters()[j].values.size());
    const double prior = 1 / static_cast<double>(weights_.size());
    const bool own = !wide && uniform(random) < 1 / (1 + values * prior);
    point[j] = own ? points_[component][j] : uniform(random);
  }
  return space_.Decode(point);
}

std::optional<Config> SuggestByParzen(const Space& space, std::span<const Trial> trials,
                                      const std::set<Config>& taken, uint64_t seed) {
  std::vector<size_t> ended;
  for (size_t i = 0; i < trials.size(); ++i) {
    const Trial& t = trials[i];
    if (!t.failed && t.value && std::isfinite(*t.value)) ended.push_back(i);
  }
  std::ranges::stable_sort(ended, {}, [&](size_t i) { return *trials[i].value; });
  ended.resize(std::min(
      kMostBest, static_cast<size_t>(std::ceil(kBestShare * static_cast<double>(ended.size())))));
  const std::set<size_t> best(ended.begin(), ended.end());
  std::vector<Config> good;
  std::vector<Config> rest;
  for (size_t i = 0; i < trials.size(); ++i) {
    (best.contains(i) ? good : rest).push_back(trials[i].config);
  }
  const Parzen likely(space, std::move(good));
  const Parzen unlikely(space, std::move(rest));
  std::optional<Config> top;
  double highest = -std::numeric_limits<double>::infinity();
  for (size_t draw = 0; draw < kDraws; ++draw) {
    Config config = likely.Draw(Mix(seed, draw));
    if (taken.contains(config)) continue;
    const double score = likely.LogDensity(config) - unlikely.LogDensity(config);
    if (score <= highest) continue;
    highest = score;
    top = std::move(config);
  }
  return top;
}

}  // namespace clary::tuning
