// Importance, the landscape, and the report of a tuning job, against values in closed form.
#include "tuning/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "tuning/folds.h"
#include "tuning/internal/forest.h"
#include "tuning/sobol.h"

namespace clary::tuning {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

Space ThreeNumbers() { return *Space::Make({{.name = "a"}, {.name = "b"}, {.name = "c"}}); }

std::vector<Config> Points(const Space& space, size_t n) {
  std::vector<Config> configs;
  for (const auto& u : SobolPoints(space.size(), 5, 0, n)) configs.push_back(space.Decode(u));
  return configs;
}

template <typename Function>
std::vector<double> Values(const std::vector<Config>& configs, const Function& f) {
  std::vector<double> values;
  for (const Config& c : configs) values.push_back(f(c));
  return values;
}

TEST(Forest, LeavesAreAPartition) {
  const Space space = *Space::Make(
      {{.name = "x"},
       {.name = "k", .type = Parameter::Type::kCategorical, .values = {"a", "b", "c", "d"}}});
  const auto configs = Points(space, 60);
  const auto values = Values(configs, [](const Config& c) { return c[0] * (c[1] == 2 ? 3 : 1); });
  std::vector<std::vector<double>> points;
  for (const Config& c : configs) points.push_back(space.Encode(c));
  const auto leaves = GrowTree(space, points, configs, values, 1);
  double volume = 0;
  for (const Leaf& a : leaves) {
    volume += a.Volume();
    for (const Leaf& b : leaves) {
      if (&a != &b) {
        EXPECT_NEAR(Overlap(a.sides[0], b.sides[0]) * Overlap(a.sides[1], b.sides[1]), 0, 1e-15);
      }
    }
  }
  EXPECT_NEAR(volume, 1, 1e-12);
  EXPECT_GT(leaves.size(), 10u);
}

// y = 4 a + 2 b on the unit square: variances 16/12 and 4/12, no interaction.
TEST(Fanova, LinearFunction) {
  const Space space = ThreeNumbers();
  const auto configs = Points(space, 400);
  const auto found =
      Fanova(space, configs, Values(configs, [](const Config& c) { return 4 * c[0] + 2 * c[1]; }));
  EXPECT_NEAR(found.single[0].value, 0.8, 0.03);
  EXPECT_NEAR(found.single[1].value, 0.2, 0.03);
  EXPECT_NEAR(found.single[2].value, 0, 0.01);
  EXPECT_LE(found.single[0].low, found.single[0].value);
  EXPECT_GE(found.single[0].high, found.single[0].value);
  for (const auto& pair : found.pairs) EXPECT_LT(pair.share.value, 0.03);
}

// y = (a - 1/2)(b - 1/2) is all interaction: each marginal is flat.
TEST(Fanova, Interaction) {
  const Space space = ThreeNumbers();
  const auto configs = Points(space, 800);
  const auto found = Fanova(
      space, configs, Values(configs, [](const Config& c) { return (c[0] - 0.5) * (c[1] - 0.5); }));
  EXPECT_LT(found.single[0].value, 0.1);
  EXPECT_LT(found.single[1].value, 0.1);
  ASSERT_EQ(found.pairs.size(), 3u);
  EXPECT_EQ(found.pairs[0].a, 0u);
  EXPECT_EQ(found.pairs[0].b, 1u);
  EXPECT_GT(found.pairs[0].share.value, 0.7);
}

TEST(Fanova, CategoriesAndConstants) {
  const Space space =
      *Space::Make({{.name = "k", .type = Parameter::Type::kCategorical, .values = {"a", "b", "c"}},
                    {.name = "x"},
                    {.name = "fixed", .min = 2, .max = 2}});
  const auto configs = Points(space, 90);
  const auto found = Fanova(space, configs,
                            Values(configs, [](const Config& c) { return c[0] == 1 ? 5.0 : 0.0; }));
  EXPECT_NEAR(found.single[0].value, 1, 1e-9);
  EXPECT_NEAR(found.single[1].value, 0, 1e-9);
  EXPECT_NEAR(found.single[2].value, 0, 1e-12);
  const auto flat = Fanova(space, configs, std::vector<double>(90, 1.0));
  EXPECT_EQ(flat.single[0].value, 0) << "nothing varies";
}

// Two categories, 10 trials: the best two (the least there are) are both of the first one. The
// shares of all are (5 + 1/2)/11 each; of the best (2 + 1/2)/3 and (0 + 1/2)/3.
TEST(PedAnova, CategoriesByHand) {
  const Space space =
      *Space::Make({{.name = "k", .type = Parameter::Type::kCategorical, .values = {"a", "b"}},
                    {.name = "m", .type = Parameter::Type::kCategorical, .values = {"c", "d"}}});
  std::vector<Config> configs;
  std::vector<double> values;
  for (int i = 0; i < 10; ++i) {
    configs.push_back({static_cast<double>(i % 2), static_cast<double>(i < 2 ? i : (i / 2) % 2)});
    values.push_back(i % 2 == 0 ? i : 100 + i);
  }
  // Of m: trials 0 and 2 are the best, with 0 and 1: as all, but for the prior.
  const auto found = PedAnova(space, configs, values, 0.1, 0);
  const double p = 0.5, q0 = 2.5 / 3, q1 = 0.5 / 3;
  const double of_k = (q0 - p) * (q0 - p) / p + (q1 - p) * (q1 - p) / p;
  int ones = 0;
  for (const Config& c : configs) ones += c[1] == 1;
  const double m1 = (ones + 0.5) / 11, m0 = 1 - m1;
  const double of_m = (0.5 - m0) * (0.5 - m0) / m0 + (0.5 - m1) * (0.5 - m1) / m1;
  EXPECT_NEAR(found[0].value, of_k / (of_k + of_m), 1e-12);
  EXPECT_NEAR(found[1].value, of_m / (of_k + of_m), 1e-12);
}

TEST(PedAnova, FindsWhatMattersAtTheTop) {
  const Space space = ThreeNumbers();
  const auto configs = Points(space, 100);
  const auto found = PedAnova(space, configs, Values(configs, [](const Config& c) {
                                return std::pow(c[1] - 0.3, 2) + 0.001 * c[0];
                              }));
  EXPECT_GT(found[1].value, 0.7);
  EXPECT_LE(found[1].low, found[1].value);
  EXPECT_GE(found[1].high, found[1].value);
  EXPECT_NEAR(found[0].value + found[1].value + found[2].value, 1, 1e-12);
}

TEST(Landscape, MarginalIsTheMeanOverTheOthers) {
  const Space space = ThreeNumbers();
  const auto configs = Points(space, 60);
  // Over b from 0 to 1 the mean of (b - 1/4)^2 is 7/48.
  const auto values = Values(
      configs, [](const Config& c) { return std::pow(c[0] - 0.6, 2) + std::pow(c[1] - 0.25, 2); });
  const auto landscape = Landscape::Make(space, configs, values);
  ASSERT_TRUE(landscape);
  const auto marginal = landscape->MarginalOf(0);
  ASSERT_EQ(marginal.at.size(), 33u);
  for (size_t i = 0; i < marginal.at.size(); ++i) {
    const double want = std::pow(marginal.at[i] - 0.6, 2) + 7.0 / 48;
    // Worse than the median the process sees ranks: there the curve is only as good as those.
    if (want < 0.2) {
      EXPECT_NEAR(marginal.mean[i], want, 0.03) << marginal.at[i];
    }
    EXPECT_LE(marginal.low[i], marginal.mean[i]);
    EXPECT_GE(marginal.high[i], marginal.mean[i]);
  }
  const auto flat = landscape->MarginalOf(2);
  const auto [low, high] = std::ranges::minmax(flat.mean);
  EXPECT_LT(high - low, 0.02);
}

TEST(Landscape, EqualAndGain) {
  const Space space = *Space::Make({{.name = "x"}});
  std::vector<Config> configs;
  std::vector<double> values;
  for (int i = 0; i < 20; ++i) {
    const double x = i / 20.0;  // the optimum, 0.975, is beyond the last one
    configs.push_back({x});
    values.push_back(std::pow(x - 0.975, 2));
  }
  const auto landscape = Landscape::Make(space, configs, values);
  ASSERT_TRUE(landscape);
  EXPECT_TRUE(landscape->MayEqual({0.95}, {0.95}));
  EXPECT_FALSE(landscape->MayEqual({0.3}, {0.95}));
  const auto gain = landscape->ExpectedGain(5);
  EXPECT_GT(gain.mean, 0);
  EXPECT_LT(gain.mean, 0.01) << "the better half is spread over 0.23";
  EXPECT_LE(gain.low, gain.mean);
  EXPECT_GE(gain.high, gain.mean);
  configs.push_back({0.975});
  configs.push_back({1});
  values.push_back(0);
  values.push_back(std::pow(0.025, 2));
  EXPECT_LT(Landscape::Make(space, configs, values)->ExpectedGain(5).mean, gain.mean)
      << "it is found";
  EXPECT_FALSE(Landscape::Make(space, configs, std::vector<double>(22, 1.0)));
}

// The best of k draws from 0, 1, ..., 99.
TEST(BestOfRandom, OrderStatistics) {
  std::vector<double> pool;
  for (int i = 0; i < 100; ++i) pool.push_back(99 - i);
  const auto band = BestOfRandom(pool, 10);
  EXPECT_EQ(band[0].low, 9);
  EXPECT_EQ(band[0].middle, 49);
  EXPECT_EQ(band[0].high, 89);
  // P(best of 10 <= x) = 1 - (1 - F)^10 = 1/2 at F = 0.067: the 7th smallest.
  EXPECT_EQ(band[9].middle, 6);
}

// scipy.stats.t.ppf(0.95, 4) = 2.13185; the difference's mean is 0.02, its variance 2e-4:
// t = 0.02 / sqrt(2e-4 (1/5 + 1/4)) = 2.108.
TEST(PairedErrors, WhatFoldsHaveInCommonIsNoError) {
  const std::vector<std::vector<double>> trials = {
      {0.5, 0.7, 0.9}, {0.6, 0.8, 1.0}, {0.4, 0.6, 0.8}, {0.5, 0.8}, {0.5}};
  const auto errors = PairedErrors(trials);
  for (const size_t i : {0, 1, 2}) EXPECT_NEAR(errors[i], 0, 1e-12);
  // Differences to the common 0.5, 0.7: 0 and 0.1.
  EXPECT_NEAR(errors[3], 0.05, 1e-12);
  EXPECT_EQ(errors[4], 0);
  // Of two trials nothing is known to be common.
  EXPECT_NEAR(PairedErrors(std::span(trials).first(2))[0], 0.2 / std::sqrt(3), 1e-12);
}

TEST(FoldsMayEqual, CorrectedTest) {
  const std::vector<double> best = {0.5, 0.5, 0.5, 0.5, 0.5};
  EXPECT_TRUE(FoldsMayEqual(std::vector<double>{0.5, 0.52, 0.54, 0.52, 0.52}, best, 5));
  std::vector<double> other;
  const double s = std::sqrt(2e-4 * 4 / 2);
  for (const double z : {-1.0, 1.0, 0.0, 0.0, 0.0}) other.push_back(0.52 + z * s);
  EXPECT_TRUE(FoldsMayEqual(other, best, 5)) << "t = 2.108 < 2.132";
  for (double& v : other) v += 0.0003;
  EXPECT_FALSE(FoldsMayEqual(other, best, 5)) << "t = 2.14";
  EXPECT_TRUE(FoldsMayEqual(best, other, 5));
}

// --- The report.

ReportInput Job(size_t trials) {
  ReportInput in;
  in.job = "hpo-census";
  in.arn = "arn:aws:sagemaker:us-east-1:123456789012:hyper-parameter-tuning-job/hpo-census";
  in.region = "us-east-1";
  in.status = "Completed";
  in.strategy = "Bayesian";
  in.image = "xgboost:1.7-1";
  in.output_uri = "s3://b/out";
  in.ended = true;
  in.created = FromMillis(1'000'000);
  in.ended_at = FromMillis(1'100'000);
  in.most = trials;
  in.parallel = 2;
  in.request = R"({"HyperParameterTuningJobName":"hpo-census","HyperParameterTuningJobConfig":
    {"Strategy":"Bayesian","ResourceLimits":{"MaxNumberOfTrainingJobs":30,"MaxParallelTrainingJobs":2},
     "ParameterRanges":{"ContinuousParameterRanges":[{"Name":"eta","MinValue":"0.01","MaxValue":"0.1",
       "ScalingType":"Logarithmic"}],"IntegerParameterRanges":[],"CategoricalParameterRanges":[]}}})";
  in.definitions.push_back(
      {.name = "",
       .metric = "validation:auc",
       .maximise = true,
       .parameters = {{.name = "eta", .min = 0.01, .max = 0.1, .scale = Scale::kLog},
                      {.name = "max_depth", .type = Parameter::Type::kInteger, .min = 2, .max = 10},
                      {.name = "booster",
                       .type = Parameter::Type::kCategorical,
                       .values = {"gbtree", "dart"}}},
       .defaults = {{"eta", "0.1"}, {"max_depth", "6"}, {"booster", "gbtree"}},
       .fractions = true});
  const Space space = *Space::Make(in.definitions[0].parameters);
  for (size_t i = 0; i < trials; ++i) {
    ReportTrial t;
    t.name = "hpo-census-" + std::to_string(i + 1);
    t.status = "Completed";
    t.created = t.started = FromMillis(1'000'000 + static_cast<int64_t>(i) * 1000);
    t.ended = *t.created + std::chrono::milliseconds(900);
    t.config = i == 0 ? Config{0.1, 6, 0} : space.Decode(SobolPoint(3, 3, i));
    t.tuned = {
        {"eta", json(t.config[0]).dump()},
        {"max_depth", std::to_string(static_cast<int>(t.config[1]))},
        {"booster", in.definitions[0].parameters[2].values[static_cast<size_t>(t.config[2])]}};
    t.value = 0.8 + 0.05 * std::log(t.config[0] / 0.01) / std::log(10.0) -
              0.001 * std::pow(t.config[1] - 6, 2);
    t.metrics = {{"validation:auc", *t.value}, {"train:auc", *t.value + 0.05}};
    t.curve = {0.5, 0.7, *t.value};
    t.model_uri = "s3://b/out/" + t.name + "/output/model.tar.gz";
    t.model_bytes = 1000 + static_cast<uint64_t>(t.config[1]) * 100;
    in.trials.push_back(std::move(t));
  }
  return in;
}

TEST(TuningReport, SaysWhatIsBestAndWhatToTry) {
  const ReportInput in = Job(30);
  const auto figures = ComputeTuningFigures(in, FromMillis(1'200'000));
  ASSERT_TRUE(figures.best);
  for (const auto& t : in.trials) EXPECT_LE(*t.value, *in.trials[*figures.best].value);
  const DefinitionFigures& f = figures.definitions[0];
  EXPECT_EQ(f.standard, 0u);
  EXPECT_EQ(figures.wall_seconds, 100);
  EXPECT_NEAR(figures.trial_seconds, 27, 1e-9);
  EXPECT_EQ(f.band.size(), 30u);
  EXPECT_LE(f.band[29].high, f.band[29].low) << "the better end of a maximised objective is above";
  EXPECT_GE(f.band[29].middle, f.band[0].middle);
  EXPECT_GT(f.global.single[0].value, f.global.single[2].value);
  ASSERT_FALSE(f.pareto.empty());
  EXPECT_EQ(f.pareto[0], *f.best);

  const json report = json::parse(TuningReportJson(in, figures, FromMillis(1'200'000)));
  EXPECT_EQ(report["best"], *figures.best);
  EXPECT_EQ(report["trials"].size(), 30u);
  EXPECT_EQ(report["trials"][4]["curve"].size(), 3u);
  EXPECT_EQ(report["definitions"][0]["parameters"][2]["values"][1], "dart");
  const std::string verdict = report["verdict"].dump();
  EXPECT_THAT(verdict, HasSubstr("validation:auc"));
  EXPECT_THAT(verdict, HasSubstr("The best eta is at the upper end of its range"));

  const json next = json::parse(report["nextRequest"].get<std::string>());
  EXPECT_EQ(next["HyperParameterTuningJobName"], "hpo-census-2");
  EXPECT_EQ(next["WarmStartConfig"]["WarmStartType"], "IdenticalDataAndAlgorithm");
  EXPECT_EQ(next["HyperParameterTuningJobConfig"]["ParameterRanges"]["ContinuousParameterRanges"][0]
                ["MaxValue"],
            "0.3");
  EXPECT_EQ(next["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxNumberOfTrainingJobs"], 20);
}

TEST(TuningReport, TheSameForTheSameInput) {
  const ReportInput in = Job(25);
  const Time now = FromMillis(1'200'000);
  EXPECT_EQ(TuningReportJson(in, ComputeTuningFigures(in, now), now),
            TuningReportJson(in, ComputeTuningFigures(in, now), now));
}

TEST(TuningReport, TableQuotesWhatIsDangerous) {
  ReportInput in = Job(2);
  in.trials[0].tuned["booster"] = "=cmd(),\"x\"";
  in.trials[1].status = "Failed";
  in.trials[1].value.reset();
  in.trials[1].failure_reason = "AlgorithmError: no,\nway";
  const std::string csv = TuningReportCsv(in, ComputeTuningFigures(in, FromMillis(1)));
  EXPECT_THAT(
      csv, HasSubstr("number,name,definition,origin,status,objective,value,equal_to_best,booster,"
                     "eta,max_depth,metric:train:auc,metric:validation:auc,rounds,"));
  EXPECT_THAT(csv, HasSubstr(R"("'=cmd(),""x""")"));
  EXPECT_THAT(csv, HasSubstr("\"AlgorithmError: no,\nway\""));
  EXPECT_THAT(csv, HasSubstr(",Failed,validation:auc,,0,"));
}

// Nothing at all, one value, all the same, nothing but failures, a value that is no number.
TEST(TuningReport, OfAnyState) {
  for (int variant = 0; variant < 6; ++variant) {
    ReportInput in = Job(variant == 0 ? 0 : variant == 1 ? 1 : 30);
    for (auto& t : in.trials) {
      if (variant == 2) t.value = 0.5;
      if (variant == 3) t.status = "Failed", t.value.reset(), t.failure_reason = "AlgorithmError";
      if (variant == 4) t.value = t.name.ends_with("7") ? 1e30 : *t.value;
    }
    if (variant == 3) in.status = "Failed", in.failure_reason = "No training job succeeded";
    if (variant == 5) {
      in.ended = false;
      in.ended_at.reset();
      in.status = "InProgress";
      for (size_t i = 10; i < 30; ++i) {
        in.trials[i].status = "InProgress";
        in.trials[i].ended.reset();
      }
    }
    const fs::path directory = fs::path(testing::TempDir()) / "clary_tuning_report";
    fs::remove_all(directory);
    ASSERT_TRUE(WriteTuningReport(in, FromMillis(1'200'000), directory)) << variant;
    const json report = json::parse(ReadFile(directory / "tuning-report.json", 1 << 24).value());
    EXPECT_EQ(report["kind"], "tuning");
    const std::string text = report["verdict"].dump();
    EXPECT_THAT(text, Not(HasSubstr("nan"))) << variant;
    EXPECT_EQ(report["best"].is_null(), variant == 0 || variant == 3) << variant;
    EXPECT_EQ(report["verdict"]["level"] == "problem", variant == 3 || variant == 0) << variant;
    if (variant == 5) {
      EXPECT_EQ(report["definitions"][0]["measured"], 10);
      EXPECT_EQ(report["nextRequest"], "") << "while it runs there is nothing to go on from";
    }
    EXPECT_TRUE(fs::exists(directory / "tuning-report.html"));
    EXPECT_TRUE(fs::exists(directory / "tuning-report.csv"));
  }
}

}  // namespace
}  // namespace clary::tuning
