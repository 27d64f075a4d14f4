#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "tuning/boosting.h"
#include "tuning/gp.h"
#include "tuning/internal/parzen.h"
#include "tuning/sobol.h"
#include "tuning/stopping.h"
#include "tuning/strategy.h"

namespace clary::tuning {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;
using testing::ElementsAre;
using testing::HasSubstr;

Parameter Continuous(std::string name, double min, double max, Scale scale = Scale::kLinear) {
  return {.name = std::move(name), .min = min, .max = max, .scale = scale};
}
Parameter Integer(std::string name, double min, double max, Scale scale = Scale::kLinear) {
  return {.name = std::move(name),
          .type = Parameter::Type::kInteger,
          .min = min,
          .max = max,
          .scale = scale};
}
Parameter Categorical(std::string name, std::vector<std::string> values) {
  return {
      .name = std::move(name), .type = Parameter::Type::kCategorical, .values = std::move(values)};
}

Space Mixed() {
  return *Space::Make({Continuous("eta", 0.01, 0.5, Scale::kLog), Integer("depth", 2, 10),
                       Categorical("policy", {"depthwise", "lossguide"}),
                       Continuous("subsample", 0.5, 0.999, Scale::kReverseLog)});
}

TEST(Space, EncodeAndDecodeAreInverse) {
  const Space space = Mixed();
  for (uint64_t i = 0; i < 200; ++i) {
    const Config config = space.Decode(SobolPoint(4, 7, i));
    const Config again = space.Decode(space.Encode(config));
    EXPECT_NEAR(again[0], config[0], 1e-12);
    EXPECT_EQ(again[1], config[1]);
    EXPECT_EQ(again[2], config[2]);
    EXPECT_NEAR(again[3], config[3], 1e-12);
    EXPECT_GE(config[0], 0.01);
    EXPECT_LE(config[0], 0.5);
  }
  EXPECT_NEAR(space.Decode(std::vector<double>{0.5, 0, 0, 0})[0], std::sqrt(0.01 * 0.5), 1e-11);
  EXPECT_EQ(space.Decode(std::vector<double>{0, 0, 0, 0})[0], 0.01) << "the bound itself";
  EXPECT_EQ(space.Decode(std::vector<double>{1, 1, 1, 1})[3], 0.999);
}

// What a person would write, and what Decode gives, are written in few digits and stay as they are.
TEST(Space, ValuesAreShortDecimalsThatStay) {
  const Space space =
      *Space::Make({Continuous("log", 1e-9, 1e6, Scale::kLog), Continuous("linear", -5e6, 5e6),
                    Continuous("narrow", 0.1, 0.10003),
                    Continuous("reverse", 0, 0.999999999, Scale::kReverseLog),
                    Continuous("tiny", 1e-300, 1e300, Scale::kLog)});
  const auto digits = [](double v) {  // the fewest that read back
    char text[40];
    const char* end = std::to_chars(text, text + sizeof text, v, std::chars_format::scientific).ptr;
    return std::count_if(text, std::find(text, const_cast<char*>(end), 'e'),
                         [](char c) { return c >= '0' && c <= '9'; });
  };
  for (uint64_t i = 0; i < 2000; ++i) {
    const Config config = space.Decode(SobolPoint(5, 3, i));
    EXPECT_EQ(space.Decode(space.Encode(config)), config);
    EXPECT_LE(digits(config[0]), 10) << config[0];
    EXPECT_LE(digits(config[1]), 10) << config[1];
    EXPECT_LE(digits(config[2]), 14) << config[2] << ", of which ten in the range";
    EXPECT_LE(digits(config[4]), 10) << config[4];
  }
  for (const double rate : {0.3, 0.1, 0.05, 0.025, 0.2999, 0.005, 0.5, 0.1001}) {
    const Space one = *Space::Make({Continuous("eta", 0.005, 0.5, Scale::kLog)});
    EXPECT_EQ(one.Decode(one.Encode({rate})), Config{rate});
    const Space linear = *Space::Make({Continuous("eta", 0.001, 0.7)});
    EXPECT_EQ(linear.Decode(linear.Encode({rate})), Config{rate});
  }
  const Space bounds = *Space::Make({Continuous("x", 1 / 3., 2 / 3., Scale::kLog)});
  EXPECT_EQ(bounds.Decode(std::vector<double>{0}), Config{1 / 3.}) << "bounds as they are given";
  EXPECT_EQ(bounds.Snap({2 / 3.}), Config{2 / 3.});
  EXPECT_EQ(bounds.Snap({0.5 + 1e-14}), Config{0.5});
  EXPECT_EQ(bounds.Snap({0.7}), std::nullopt);
}

TEST(Space, IntegersOwnEqualCells) {
  const Space space = *Space::Make({Integer("n", 1, 4)});
  std::vector<double> seen;
  for (const double u : {0.0, 0.24, 0.26, 0.49, 0.51, 0.74, 0.76, 1.0}) {
    seen.push_back(space.Decode(std::vector<double>{u})[0]);
  }
  EXPECT_THAT(seen, ElementsAre(1, 1, 2, 2, 3, 3, 4, 4));
}

TEST(Space, SaysWhatIsWrong) {
  const auto why = [](Parameter p) { return Space::Make({std::move(p)}).error().message; };
  EXPECT_THAT(why(Continuous("eta", 1, 0)), HasSubstr("eta: its lower bound 1 is above"));
  EXPECT_THAT(why(Continuous("a", 0, 1, Scale::kLog)), HasSubstr("above 0"));
  EXPECT_THAT(why(Continuous("a", 0, 1, Scale::kReverseLog)), HasSubstr("reverse"));
  EXPECT_THAT(why(Integer("n", 0.5, 2)), HasSubstr("no integers"));
  EXPECT_THAT(why(Categorical("c", {})), HasSubstr("no values"));
  EXPECT_THAT(why(Continuous("a", 0, INFINITY)), HasSubstr("not finite"));
  EXPECT_FALSE(Space::Make({Integer("n", 1, 2), Integer("n", 1, 2)}));
}

TEST(Sobol, AScrambledSequenceStaysBalanced) {
  // Of 64 points in a row, each sixteenth of each axis holds four, as without scrambling.
  for (size_t j = 0; j < 8; ++j) {
    std::vector<int> count(16);
    for (uint64_t i = 64; i < 128; ++i) ++count[static_cast<size_t>(SobolPoint(8, 3, i)[j] * 16)];
    for (const int n : count) EXPECT_NEAR(n, 4, 1) << j;
  }
  EXPECT_NE(SobolPoint(3, 1, 5), SobolPoint(3, 2, 5));
}

TEST(Sobol, PointsInARowAreThoseByNumber) {
  const auto points = SobolPoints(1003, 5, 7, 20);
  for (size_t i = 0; i < points.size(); ++i) EXPECT_EQ(points[i], SobolPoint(1003, 5, 7 + i)) << i;
}

std::optional<Config> Next(Strategy& strategy, std::span<const Trial> trials) {
  auto suggestion = strategy.Suggest(trials);
  if (!suggestion) return std::nullopt;
  return std::move(suggestion->config);
}

TEST(Random, NeverTwiceAndNoneWhenAllAreTried) {
  const Space space = *Space::Make({Integer("n", 1, 3), Categorical("c", {"a", "b"})});
  const auto strategy = MakeRandom(space, 1);
  std::vector<Trial> trials;
  std::set<Config> seen;
  while (const auto config = Next(*strategy, trials)) {
    EXPECT_TRUE(seen.insert(*config).second);
    trials.push_back({.config = *config});
    ASSERT_LE(trials.size(), 6U);
  }
  EXPECT_EQ(seen.size(), 6U);
}

TEST(Grid, EveryConfigurationOnceInAnOrderOfTheSeed) {
  const Space space = *Space::Make({Integer("n", 1, 5), Categorical("c", {"a", "b", "c"})});
  std::vector<Config> orders[2];
  for (const uint64_t seed : {0, 1}) {
    const auto grid = MakeGrid(space, seed).value();
    std::vector<Trial> trials;
    std::set<Config> seen;
    while (const auto config = Next(*grid, trials)) {
      seen.insert(*config);
      orders[seed].push_back(*config);
      trials.push_back({.config = *config});
    }
    EXPECT_EQ(seen.size(), 15U);
    EXPECT_EQ(trials.size(), 15U);
  }
  EXPECT_NE(orders[0], orders[1]);
  EXPECT_THAT(MakeGrid(Mixed(), 0).error().message, HasSubstr("eta: a grid needs values"));
}

TEST(SuccessiveHalving, KeepsTheBestThird) {
  SuccessiveHalving rule(1, 81);
  EXPECT_THAT(rule.rungs(), ElementsAre(1, 3, 9, 27));
  EXPECT_TRUE(rule.Report(1, 5));  // fewer than three: go on
  EXPECT_TRUE(rule.Report(1, 4));
  EXPECT_FALSE(rule.Report(1, 6));  // the worst of three
  EXPECT_TRUE(rule.Report(1, 3));   // the best of four
  EXPECT_FALSE(rule.Report(1, std::nan("")));
  EXPECT_TRUE(rule.Report(2, 100));  // no rung
  EXPECT_FALSE(rule.Report(81, 0));  // the end
}

TEST(MedianRule, ComparesTheBestWithOthersRunningAverages) {
  MedianRule rule;
  const std::vector<double> slow = {5, 5, 5};
  EXPECT_FALSE(rule.ShouldStop(slow));
  rule.Ended(std::vector<double>{4, 2, 1});                   // averages 4, 3, ...
  rule.Ended(std::vector<double>{6, 4, 2});                   // 6, 5
  EXPECT_FALSE(rule.ShouldStop(slow));                        // two have ended
  rule.Ended(std::vector<double>{5, 3, 2});                   // 5, 4
  EXPECT_TRUE(rule.ShouldStop(std::vector<double>{5, 4.5}));  // median 4
  EXPECT_FALSE(rule.ShouldStop(std::vector<double>{5, 4}));
  EXPECT_FALSE(rule.ShouldStop(std::vector<double>{5, 5, 5, 5}));  // nobody was that far
}

// --- The process against closed forms.

double Matern(double r) {  // r: scaled distance
  const double q = std::sqrt(5.0) * r;
  return (1 + q + q * q / 3) * std::exp(-q);
}

TEST(Gp, PosteriorOfThreePoints) {
  const Space space = *Space::Make({Continuous("x", 0, 1)});
  MatrixXd points(3, 1);
  points << 0.1, 0.5, 0.9;
  VectorXd values(3);
  values << 1, -1, 0.5;
  Gp gp(space, points, values, false);
  GpHyperparameters at = GpHyperparameters::Initial(1);
  at.log_length[0] = std::log(0.3);
  at.log_scale = std::log(2.0);
  at.log_noise = std::log(0.1);
  gp.Set(at);
  Eigen::Matrix3d k;
  Eigen::Vector3d cross;
  for (int i = 0; i < 3; ++i) {
    cross[i] = 2 * Matern(std::abs(points(i, 0) - 0.3) / 0.3);
    for (int j = 0; j < 3; ++j) {
      k(i, j) = 2 * Matern(std::abs(points(i, 0) - points(j, 0)) / 0.3) + (i == j ? 0.1 + 2e-9 : 0);
    }
  }
  const Eigen::Matrix3d inverse = k.inverse();
  const auto p = gp.Predict(VectorXd::Constant(1, 0.3));
  EXPECT_NEAR(p.means[0], cross.dot(inverse * values), 1e-9);
  EXPECT_NEAR(p.variance, 2 - cross.dot(inverse * cross), 1e-9);
  const double loss = 0.5 * values.dot(inverse * values) + 0.5 * std::log(k.determinant()) +
                      1.5 * std::log(2 * M_PI) + (0.1 * 0.09 + 0.1 / 0.09) + 2 - std::log(2.0) + 3 -
                      0.1 * std::log(0.1);
  EXPECT_NEAR(gp.Loss(at, nullptr), loss, 1e-8);
}

struct Sample {
  MatrixXd points;
  VectorXd values;
};
Sample MixedSample(const Space& space, Eigen::Index n) {
  Sample s{.points = MatrixXd(n, static_cast<Eigen::Index>(space.size())), .values = VectorXd(n)};
  for (Eigen::Index i = 0; i < n; ++i) {
    const auto u =
        space.Encode(space.Decode(SobolPoint(space.size(), 11, static_cast<uint64_t>(i))));
    for (size_t j = 0; j < u.size(); ++j) s.points(i, static_cast<Eigen::Index>(j)) = u[j];
    s.values[i] = std::sin(6 * u[0]) + u[1] - (u[2] > 0.5 ? 0.7 : 0) + u[3] * u[3];
  }
  s.values.array() -= s.values.mean();
  return s;
}

TEST(Gp, GradientsAreThoseOfFiniteDifferences) {
  const Space space = Mixed();
  const Sample s = MixedSample(space, 20);
  Gp gp(space, s.points, s.values, true);
  GpHyperparameters at = GpHyperparameters::Initial(4);
  at.log_a << 0.2, -0.3, 0, 0.4;
  at.log_b << -0.1, 0.2, 0, 0.3;
  at.log_length << -0.5, 0.1, 0.3, -0.9;
  VectorXd gradient;
  gp.Loss(at, &gradient);
  const VectorXd packed = at.Pack();
  for (Eigen::Index i = 0; i < packed.size(); ++i) {
    VectorXd up = packed, down = packed;
    up[i] += 1e-5;
    down[i] -= 1e-5;
    const double slope = (gp.Loss(GpHyperparameters::Unpack(up), nullptr) -
                          gp.Loss(GpHyperparameters::Unpack(down), nullptr)) /
                         2e-5;
    EXPECT_NEAR(gradient[i], slope, 1e-4 * (1 + std::abs(slope))) << i;
  }
  gp.Set(at);
  VectorXd x(4);
  x << 0.33, 0.61, 0.25, 0.2;
  const auto p = gp.Predict(x, true);
  for (const Eigen::Index j : {0, 1, 3}) {
    VectorXd up = x, down = x;
    up[j] += 1e-6;
    down[j] -= 1e-6;
    const auto a = gp.Predict(up), b = gp.Predict(down);
    EXPECT_NEAR(p.mean_gradients(j, 0), (a.means[0] - b.means[0]) / 2e-6, 1e-5) << j;
    EXPECT_NEAR(p.variance_gradient[j], (a.variance - b.variance) / 2e-6, 1e-5) << j;
  }
}

TEST(Gp, FittingLowersTheLoss) {
  const Space space = Mixed();
  const Sample s = MixedSample(space, 30);
  Gp gp(space, s.points, s.values, false);
  const auto start = GpHyperparameters::Initial(4);
  gp.Fit(start, 50);
  EXPECT_LT(gp.Loss(gp.hyperparameters(), nullptr), gp.Loss(start, nullptr) - 5);
}

TEST(Improvement, EqualsItsIntegral) {
  for (const double mean : {-1.0, 0.0, 2.0, 4.0}) {
    const double deviation = 0.7, best = 0.2;
    double integral = 0;  // of max(0, best - f) over the normal density, by the midpoint rule
    const double step = 1e-4;
    for (double f = mean - 10 * deviation; f < best; f += step) {
      const double z = (f + step / 2 - mean) / deviation;
      integral += (best - f - step / 2) * std::exp(-z * z / 2) * step;
    }
    integral /= deviation * std::sqrt(2 * M_PI);
    const auto log = LogExpectedImprovement(mean, deviation, best);
    EXPECT_NEAR(log.value, std::log(integral), 2e-4) << mean;
    const double h = 1e-6;
    EXPECT_NEAR(log.by_mean,
                (LogExpectedImprovement(mean + h, deviation, best).value -
                 LogExpectedImprovement(mean - h, deviation, best).value) /
                    (2 * h),
                1e-5);
    EXPECT_NEAR(log.by_deviation,
                (LogExpectedImprovement(mean, deviation + h, best).value -
                 LogExpectedImprovement(mean, deviation - h, best).value) /
                    (2 * h),
                1e-5);
  }
}

TEST(Improvement, FarIntoTheTailItStaysFiniteAndOrdered) {
  double before = 0;
  for (double mean = 1; mean < 1e9; mean *= 3) {
    const auto log = LogExpectedImprovement(mean, 1, 0);
    EXPECT_TRUE(std::isfinite(log.value)) << mean;
    EXPECT_LT(log.value, before) << mean;
    EXPECT_LT(log.by_mean, 0) << mean;
    before = log.value;
  }
}

TEST(HalfRank, OutliersDoNoHarm) {
  const VectorXd y = HalfRank({1, 2, 3, 4, 1e30});
  EXPECT_NEAR(y.mean(), 0, 1e-12);
  EXPECT_NEAR(y.array().square().mean(), 1, 1e-12);
  for (int i = 1; i < 5; ++i) EXPECT_GT(y[i], y[i - 1]);
  EXPECT_LT(y[4], 3);
  EXPECT_NEAR((y[2] - y[1]) / (y[1] - y[0]), 1, 1e-12);  // the better half keeps its scale
}

// --- Searches.

double Bowl(const Config& c) {  // best at eta 0.1, depth 6, lossguide, subsample 0.9
  const double eta = std::log(c[0] / 0.1), depth = (c[1] - 6) / 4, sub = (c[3] - 0.9) * 3;
  return eta * eta + depth * depth + (c[2] == 1 ? 0 : 0.5) + sub * sub;
}

double BestAfter(Strategy& strategy, size_t n, size_t parallel = 1) {
  std::vector<Trial> trials;
  double best = INFINITY;
  std::set<Config> seen;
  for (size_t i = 0; i < n + parallel - 1; ++i) {
    if (i >= parallel - 1 && i >= parallel) {
      Trial& done = trials[i - parallel];
      done.value = Bowl(done.config);
      best = std::min(best, *done.value);
    }
    if (i >= n) continue;
    const auto config = Next(strategy, trials);
    EXPECT_TRUE(config && seen.insert(*config).second);
    trials.push_back({.config = *config});
    if (parallel == 1) {
      trials.back().value = Bowl(*config);
      best = std::min(best, *trials.back().value);
    }
  }
  return best;
}

TEST(Bayesian, FindsTheBottomOfABowl) {
  double ours = 0, random = 0;
  for (const uint64_t seed : {1, 2, 3}) {
    ours += BestAfter(*MakeBayesian(Mixed(), {.seed = seed, .budget = 40}), 40) / 3;
    random += BestAfter(*MakeRandom(Mixed(), seed), 40) / 3;
  }
  EXPECT_LT(ours, 0.01);
  EXPECT_LT(ours, random / 5);
}

TEST(Bayesian, SeveralAtOnceAreDifferentAndStillGood) {
  EXPECT_LT(BestAfter(*MakeBayesian(Mixed(), {.seed = 5, .budget = 40}), 40, 4), 0.05);
}

TEST(Bayesian, SameSeedSameSuggestions) {
  std::vector<Trial> trials;
  const auto one = MakeBayesian(Mixed(), {.seed = 9}), two = MakeBayesian(Mixed(), {.seed = 9});
  for (int i = 0; i < 20; ++i) {
    const auto config = Next(*one, trials);
    ASSERT_EQ(config, Next(*two, trials));
    trials.push_back({.config = *config, .value = Bowl(*config)});
  }
}

TEST(Bayesian, StartsWithWhatItIsGiven) {
  const Space space = Mixed();
  const Config given = space.Decode(std::vector<double>{0.3, 0.5, 0.9, 0.5});
  const Config outside = {99, 6, 0, 0.9};
  const auto strategy =
      MakeBayesian(space, {.start = {{outside, "default"}, {given, "portfolio"}}});
  const auto first = strategy->Suggest({});
  ASSERT_TRUE(first);
  EXPECT_EQ(first->config, given);
  EXPECT_EQ(first->origin, "portfolio");
}

TEST(Bayesian, FailuresAndEqualValuesAreNoModel) {
  const auto strategy = MakeBayesian(Mixed(), {.seed = 2});
  std::vector<Trial> trials;
  for (int i = 0; i < 30; ++i) {
    const auto config = Next(*strategy, trials);
    ASSERT_TRUE(config);
    trials.push_back(
        {.config = *config, .value = i % 3 == 0 ? std::nan("") : 1.0, .failed = i % 3 == 1});
  }
}

TEST(Bayesian, EndsWhenASmallSpaceIsExhausted) {
  const Space space = *Space::Make({Integer("n", 1, 4), Categorical("c", {"a", "b", "c"})});
  const auto strategy = MakeBayesian(space, {.seed = 3});
  std::vector<Trial> trials;
  while (const auto config = Next(*strategy, trials)) {
    trials.push_back({.config = *config, .value = (*config)[0] + (*config)[1]});
    ASSERT_LE(trials.size(), 12U);
  }
  EXPECT_EQ(trials.size(), 12U);
}

TEST(Parzen, DensityIntegratesToOne) {
  const Space space = *Space::Make(
      {{.name = "x", .min = 0, .max = 1},
       {.name = "k", .type = Parameter::Type::kCategorical, .values = {"a", "b", "c"}}});
  const Parzen parzen(space, {{0.02, 0}, {0.5, 2}, {0.9, 2}});
  double sum = 0;
  constexpr int kSteps = 4000;
  for (int i = 0; i < kSteps; ++i) {
    for (const double k : {0.0, 1.0, 2.0}) {
      sum += std::exp(parzen.LogDensity({(i + 0.5) / kSteps, k})) / kSteps;
    }
  }
  EXPECT_NEAR(sum, 1, 1e-4);
  EXPECT_GT(parzen.LogDensity({0.5, 2}), parzen.LogDensity({0.5, 1}));
  EXPECT_GT(parzen.LogDensity({0.9, 2}), parzen.LogDensity({0.2, 2}));
}

TEST(Parzen, DrawsAreFromTheDensity) {
  const Space space =
      *Space::Make({{.name = "x", .min = 0, .max = 1},
                    {.name = "k", .type = Parameter::Type::kCategorical, .values = {"a", "b"}}});
  const Parzen parzen(space, {{0.1, 0}, {0.8, 1}});
  // Shares of draws in halves, and of the density.
  double drawn[2][2] = {}, density[2][2] = {};
  constexpr int kDraws = 20000;
  for (int i = 0; i < kDraws; ++i) {
    const Config c = parzen.Draw(static_cast<uint64_t>(i));
    drawn[c[0] < 0.5 ? 0 : 1][static_cast<int>(c[1])] += 1.0 / kDraws;
    for (const int k : {0, 1}) {
      const double x = (i + 0.5) / kDraws;
      density[x < 0.5 ? 0 : 1][k] += std::exp(parzen.LogDensity({x, double(k)})) / kDraws;
    }
  }
  for (const int half : {0, 1}) {
    for (const int k : {0, 1}) EXPECT_NEAR(drawn[half][k], density[half][k], 0.02);
  }
}

TEST(Parzen, FindsTheBottomOfABowlAmongCategories) {
  std::vector<Parameter> parameters = {{.name = "x", .min = 0, .max = 1}};
  for (const char* name : {"k", "l"}) {
    parameters.push_back(
        {.name = name, .type = Parameter::Type::kCategorical, .values = {"a", "b", "c", "d"}});
  }
  const Space space = *Space::Make(parameters);
  const auto value = [](const Config& c) {
    return std::pow(c[0] - 0.3, 2) + 0.2 * std::abs(c[1] - 2) + 0.2 * std::abs(c[2] - 1);
  };
  const auto run = [&](uint64_t seed) {
    const auto strategy = MakeBayesian(space, {.seed = seed});
    std::vector<Trial> trials;
    while (trials.size() < 60) {
      const auto config = Next(*strategy, trials);
      trials.push_back({.config = *config, .value = value(*config)});
    }
    return trials;
  };
  const auto trials = run(5);
  double best = 1e9;
  for (const Trial& t : trials) best = std::min(best, *t.value);
  EXPECT_LT(best, 0.01);
  const auto again = run(5);
  for (size_t i = 0; i < trials.size(); ++i) EXPECT_EQ(again[i].config, trials[i].config);
}

TEST(Bayesian, TriesWhatALongerTrialHasPassed) {
  const Space space = *Space::Make({Integer("num_round", 10, 100), Continuous("eta", 0, 1)});
  const auto strategy = MakeBayesian(space, {.seed = 4, .budget = 20});
  std::vector<Trial> trials;
  for (int i = 0; i < 5; ++i) {
    const auto config = Next(*strategy, trials);
    trials.push_back({.config = *config, .value = 1.0 + i});
  }
  trials[1].passed = {.config = {50, trials[1].config[1]}, .value = 0.2};
  trials[2].passed = {.config = {500, 0.5}, .value = 0.1};  // not in the space
  const auto next = strategy->Suggest(trials);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->origin, "rounds");
  EXPECT_EQ(next->config, trials[1].passed->config);
  trials.push_back({.config = next->config, .value = 0.2});
  EXPECT_NE(strategy->Suggest(trials)->origin, "rounds") << "it was tried";
  trials.pop_back();
  trials[1].passed->value = 0.99;  // hardly better, and there are trials left
  EXPECT_NE(strategy->Suggest(trials)->origin, "rounds");
}

// The bowl on other data: another level and scale.
std::vector<Trial> Parent(double scale) {
  const Space space = Mixed();
  std::vector<Trial> trials;
  for (uint64_t i = 0; i < 40; ++i) {
    const Config config = space.Decode(SobolPoint(space.size(), 8, i));
    trials.push_back({.config = config, .value = 3 + scale * Bowl(config)});
  }
  return trials;
}

TEST(Bayesian, AParentsLandscapeCountsAsFarAsItIsRight) {
  double alone = 0, helped = 0, misled = 0;
  for (const uint64_t seed : {1, 2, 3}) {
    alone += BestAfter(*MakeBayesian(Mixed(), {.seed = seed, .budget = 40}), 12) / 3;
    helped +=
        BestAfter(*MakeBayesian(Mixed(), {.seed = seed, .budget = 40, .parents = {Parent(10)}}),
                  12) /
        3;
    misled +=
        BestAfter(*MakeBayesian(Mixed(), {.seed = seed, .budget = 40, .parents = {Parent(-9)}}),
                  40) /
        3;
  }
  EXPECT_LT(helped, alone / 2);
  EXPECT_LT(misled, 0.02);
}

// --- What is known of boosters.

TEST(Boosting, StartsWithTheUsualValuesThenThePortfolio) {
  const Space space = *Space::Make({Continuous("eta", 0.01, 1, Scale::kLog),
                                    Integer("max_depth", 2, 4), Continuous("other", 0, 1)});
  //                          eta rounds depth mcw sub col lambda alpha gamma
  const BoostingPoint slow = {0.02, 1000, 3, 1, 1, 1, 1, 1e-4, 1e-4};
  const BoostingPoint usual = {0.3, 100, 6, 1, 1, 1, 1, 1e-4, 1e-4};
  const auto start =
      BoostingStart(space, {{"num_round", 100}}, std::vector<BoostingPoint>{slow, usual});
  ASSERT_EQ(start.size(), 2U) << "what is the same is there once";
  EXPECT_EQ(start[0].origin, "default");
  EXPECT_THAT(start[0].config, ElementsAre(testing::DoubleNear(0.3, 1e-9), 4, 0.5));
  EXPECT_EQ(start[1].origin, "portfolio");
  // A tenth of the rounds, so ten times the rate.
  EXPECT_THAT(start[1].config, ElementsAre(testing::DoubleNear(0.2, 1e-9), 3, 0.5));
}

TEST(Boosting, RoundsMakeUpForAFixedRate) {
  const Space space = *Space::Make({Integer("num_round", 10, 500)});
  const BoostingPoint slow = {0.02, 1000, 3, 1, 1, 1, 1, 1e-4, 1e-4};
  const auto start = BoostingStart(space, {{"eta", 0.1}}, std::vector<BoostingPoint>{slow});
  ASSERT_EQ(start.size(), 2U);
  EXPECT_THAT(start[1].config, ElementsAre(200));
}

// A space in which the portfolio is far off: it costs a few trials, not the search.
TEST(Boosting, AWrongPortfolioIsGotOver) {
  const Space space =
      *Space::Make({Continuous("eta", 0.01, 0.5, Scale::kLog), Integer("max_depth", 2, 10),
                    Categorical("booster", {"gbtree", "dart"})});
  const auto value = [](const Config& c) {
    return 0.02 * std::pow(std::log(c[0] / 0.1), 2) + 0.001 * std::pow(c[1] - 6, 2) - 0.01 * c[2];
  };
  for (const uint64_t seed : {7, 8, 9}) {
    const auto strategy = MakeBayesian(
        space, {.seed = seed,
                .start = BoostingStart(space, {{"num_round", 10}}, BoostingPortfolio()),
                .budget = 12});
    std::vector<Trial> trials;
    double best = INFINITY;
    for (int i = 0; i < 12; ++i) {
      const auto config = Next(*strategy, trials);
      trials.push_back({.config = *config, .value = value(*config)});
      best = std::min(best, *trials.back().value);
    }
    EXPECT_LT(best, 0) << seed;
  }
}

TEST(Boosting, EveryPointOfThePortfolioIsInTheDefaultRanges) {
  std::vector<Parameter> parameters;
  for (const BoostingRange& r : BoostingRanges()) {
    parameters.push_back(r.integer ? Integer(std::string(r.name), r.min, r.max)
                                   : Continuous(std::string(r.name), r.min, r.max,
                                                r.log ? Scale::kLog : Scale::kLinear));
  }
  const Space space = *Space::Make(parameters);
  for (const BoostingPoint& point : BoostingPortfolio()) {
    ASSERT_EQ(point.size(), parameters.size());
    for (size_t j = 0; j < point.size(); ++j) {
      EXPECT_GE(point[j], parameters[j].min) << parameters[j].name;
      EXPECT_LE(point[j], parameters[j].max) << parameters[j].name;
    }
  }
  const auto start = BoostingStart(space, {}, BoostingPortfolio());
  EXPECT_EQ(start.size(), 1 + BoostingPortfolio().size());
}

}  // namespace
}  // namespace clary::tuning
