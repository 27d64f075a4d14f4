#include "clarify/kernel_shap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/testing/golden.h"
#include "clary/gbdt.h"

namespace clary::clarify {
namespace {

using nlohmann::json;
using testing::HasSubstr;

// f = 2 a + 3 b c + d, and a second output that is 1 - f.
Result<std::vector<double>> Product(std::span<const double> rows) {
  std::vector<double> out;
  for (size_t i = 0; i < rows.size(); i += 4) {
    const double f = 2 * rows[i] + 3 * rows[i + 1] * rows[i + 2] + rows[i + 3];
    out.push_back(f);
    out.push_back(1 - f);
  }
  return out;
}

TEST(KernelShap, SharesAProductBetweenItsFactors) {
  const std::vector<double> row = {1, 2, 4, 0}, baseline = {0, 0, 0, 0};
  const auto out = KernelShap(Product, row, baseline, 4).value();
  EXPECT_EQ(out.outputs, 2U);
  EXPECT_EQ(out.rows[0].coalitions, 8U);  // d is the baseline's
  const std::vector<double> want = {2, -2, 12, -12, 12, -12, 0, 0};
  for (size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(out.rows[0].values[i], want[i], 1e-12) << i;
  EXPECT_DOUBLE_EQ(out.expected_value[1], 1);
}

TEST(KernelShap, SamplesOfEverySizeAddUpAndStayNear) {
  // Twelve players in an additive game with one pair: least squares finds it from few coalitions.
  const size_t m = 12;
  const Model model = [&](std::span<const double> rows) -> Result<std::vector<double>> {
    std::vector<double> out;
    for (size_t i = 0; i < rows.size(); i += m) {
      double f = rows[i] * rows[i + 1];
      for (size_t j = 0; j < m; ++j) f += static_cast<double>(j) * rows[i + j];
      out.push_back(f);
    }
    return out;
  };
  const std::vector<double> row(m, 1), baseline(m, 0);
  for (const size_t samples : {3U, 15U, 60U, 500U}) {
    const auto out =
        KernelShap(model, row, baseline, m, {.samples = samples, .exact_up_to = 0, .seed = 3})
            .value();
    const auto& values = out.rows[0].values;
    EXPECT_FALSE(out.rows[0].exact);
    double sum = 0;
    for (const double v : values) {
      ASSERT_TRUE(std::isfinite(v)) << samples;
      EXPECT_LT(std::abs(v), 70) << samples;
      sum += v;
    }
    EXPECT_NEAR(sum, 67, 1e-9) << samples;
    if (samples < 60) continue;
    for (size_t j = 0; j < m; ++j) {
      EXPECT_NEAR(values[j], static_cast<double>(j) + (j < 2 ? 0.5 : 0), 0.3) << samples;
    }
  }
}

TEST(KernelShap, ARowsValuesDoNotDependOnTheOthers) {
  std::vector<double> rows, baseline(4, 0);
  for (int i = 0; i < 8; ++i) rows.insert(rows.end(), {1.0 + i, 2, 4, 3});
  const KernelShapOptions options = {.samples = 5, .exact_up_to = 0};
  const auto all = KernelShap(Product, rows, baseline, 4, options).value();
  const auto first = KernelShap(Product, std::span(rows).first(4), baseline, 4, options).value();
  EXPECT_EQ(all.rows[0].values, first.rows[0].values);
}

TEST(KernelShap, OnePlayerGetsEverythingAndMissingEqualsMissing) {
  const std::vector<double> row = {1, NAN, 4, 0}, baseline = {0, NAN, 4, 0};
  const Model model = [](std::span<const double> rows) -> Result<std::vector<double>> {
    std::vector<double> out;
    for (size_t i = 0; i < rows.size(); i += 4) out.push_back(rows[i]);
    return out;
  };
  const auto out = KernelShap(model, row, baseline, 4).value();
  EXPECT_EQ(out.rows[0].values, (std::vector<double>{1, 0, 0, 0}));
}

TEST(KernelShap, AModelThatAnswersNonsenseIsAnError) {
  const Model few = [](std::span<const double>) -> Result<std::vector<double>> {
    return std::vector<double>{1, 2, 3};
  };
  const std::vector<double> row = {1, 2}, baseline = {0, 0};
  EXPECT_THAT(KernelShap(few, row, baseline, 2).error().message, HasSubstr("scores for"));
  EXPECT_FALSE(KernelShap(few, row, {}, 2));
  EXPECT_FALSE(KernelShap(few, std::vector<double>{1, 2, 3}, baseline, 2));
}

TEST(Aggregate, OfThreeRows) {
  Explanations e{.outputs = 1, .expected_value = {0}};
  for (const double v : {-3.0, 1.0, 2.0}) e.rows.push_back({.values = {v}});
  EXPECT_DOUBLE_EQ(Aggregate(e, Aggregation::kMeanAbs)[0], 2);
  EXPECT_DOUBLE_EQ(Aggregate(e, Aggregation::kMedian)[0], 1);
  EXPECT_DOUBLE_EQ(Aggregate(e, Aggregation::kMeanSquare)[0], 14.0 / 3);
}

// --- Against shap's KernelExplainer over XGBoost.

std::vector<double> Numbers(const json& list) {
  std::vector<double> out;
  for (const json& row : list) {
    for (const json& v : row) out.push_back(v);
  }
  return out;
}

TEST(Golden, EqualsShap) {
  const std::filesystem::path folder = GoldenPath("clarify/census500");
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no ../shared/golden beside this checkout";
  const auto read = [&](const char* name) {
    std::stringstream text;
    text << std::ifstream(folder / name).rdbuf();
    return text.str();
  };
  const json golden = json::parse(read("shap.json"));
  const auto model = gbdt::Model::Parse(read("model.json")).value();
  const gbdt::Predictor predictor(model);
  const Model ask = [&](std::span<const double> rows) -> Result<std::vector<double>> {
    std::vector<double> out;
    for (size_t i = 0; i < rows.size(); i += 12) {
      const std::vector<float> row(rows.begin() + static_cast<ptrdiff_t>(i),
                                   rows.begin() + static_cast<ptrdiff_t>(i) + 12);
      float margin = 0;
      predictor.Margins(row, {&margin, 1});
      out.push_back(1 / (1 + std::exp(-static_cast<double>(margin))));
    }
    return out;
  };
  std::stringstream csv(read("coded.csv"));
  std::string line;
  std::getline(csv, line);
  std::vector<double> rows;
  for (int i = 0; i < 50 && std::getline(csv, line); ++i) {
    std::stringstream cells(line);
    std::string cell;
    std::getline(cells, cell, ',');  // the label
    while (std::getline(cells, cell, ',')) rows.push_back(std::stod(cell));
  }
  for (const char* name : {"kernel_exact_one_row", "kernel_exact_one_row_logit",
                           "kernel_exact_three_rows", "kernel_exact_three_rows_logit"}) {
    SCOPED_TRACE(name);
    const json& c = golden["cases"][name];
    const bool logit = c["link"] == "logit";
    const auto out =
        KernelShap(ask, std::span(rows).first(120), Numbers(c["baseline"]), 12, {.logit = logit})
            .value();
    EXPECT_NEAR(out.expected_value[0], c["expected_value"].get<double>(), 2e-6);
    for (size_t i = 0; i < 10; ++i) {
      EXPECT_TRUE(out.rows[i].exact);
      for (size_t f = 0; f < 12; ++f) {
        EXPECT_NEAR(out.rows[i].values[f], c["shap_values"][i][f].get<double>(),
                    logit ? 3e-6 : 1e-6)
            << i << ' ' << f;
      }
    }
  }
  const json& aggregates = golden["aggregates_50_rows_exact"];
  const auto out = KernelShap(ask, rows, Numbers(aggregates["baseline"]), 12).value();
  const std::pair<const char*, Aggregation> kinds[] = {{"mean_abs", Aggregation::kMeanAbs},
                                                       {"median", Aggregation::kMedian},
                                                       {"mean_sq", Aggregation::kMeanSquare}};
  for (const auto& [name, how] : kinds) {
    const auto global = Aggregate(out, how);
    for (size_t f = 0; f < 12; ++f) {
      EXPECT_NEAR(global[f], aggregates[name][golden["features"][f].get<std::string>()], 1e-6)
          << name << ' ' << f;
    }
  }
}

}  // namespace
}  // namespace clary::clarify
