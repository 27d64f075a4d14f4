#include "clarify/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>

#include "base/file.h"
#include "base/testing/golden.h"
#include "clarify/baseline.h"
#include "clarify/dataset.h"
#include "clarify/pdp.h"
#include "gbdt/coalitions.h"

namespace clary::clarify {
namespace {

using nlohmann::json;
using testing::ElementsAre;

// Rows of numbers of a csv with a header.
struct Table {
  std::vector<std::string> names;
  std::vector<std::vector<double>> rows;
};
Table ReadNumbers(const std::filesystem::path& file) {
  Table out;
  std::ifstream in(file);
  std::string line, cell;
  std::getline(in, line);
  std::stringstream header(line);
  while (std::getline(header, cell, ',')) out.names.push_back(cell);
  while (std::getline(in, line)) {
    auto& row = out.rows.emplace_back();
    std::stringstream cells(line);
    while (std::getline(cells, cell, ',')) row.push_back(std::stod(cell));
  }
  return out;
}

// A model of ours behind a request in csv, as a job has it.
struct Behind {
  explicit Behind(gbdt::Model given) : model(std::move(given)) {}
  ModelOptions Options(bool trees) const {
    ModelOptions out;
    out.threads = 2;
    out.trees = trees ? &model : nullptr;
    out.invoke = [this](const std::string& body) -> Result<std::string> {
      std::vector<float> values;
      size_t rows = 0;
      std::stringstream lines(body);
      for (std::string line; std::getline(lines, line); ++rows) {
        std::stringstream cells(line);
        for (std::string cell; std::getline(cells, cell, ',');) values.push_back(std::stof(cell));
      }
      const auto columns = static_cast<uint32_t>(values.size() / rows);
      const auto data = gbdt::Dataset::FromDense(std::move(values), rows, columns).value();
      const auto predicted = model.Predict(data).value();
      const size_t width = predicted.size() / rows;
      std::string out_text;
      for (size_t i = 0; i < predicted.size(); ++i) {
        char number[32];
        std::snprintf(number, sizeof number, "%.9g", static_cast<double>(predicted[i]));
        out_text += number;
        out_text += (i + 1) % width == 0 ? '\n' : ',';
      }
      return out_text;
    };
    return out;
  }
  gbdt::Model model;
};

class Census : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = GoldenPath("clarify/census500");
    if (!std::filesystem::exists(folder_)) {
      GTEST_SKIP() << "no ../shared/golden beside this checkout";
    }
    std::ifstream in(folder_ / "shap.json");
    golden_ = json::parse(in);
    table_ = ReadNumbers(folder_ / "coded.csv");
  }
  static gbdt::Model Load(const std::filesystem::path& file) {
    return gbdt::Model::Parse(ReadFile(file, 1 << 24).value()).value();
  }
  // The features' rows, and the space they are of.
  FeatureSpace Space(size_t features) {
    std::vector<const Column*> pointers;
    columns_.clear();
    for (size_t f = 0; f < features; ++f) {
      Column& c = columns_.emplace_back();
      c.name = table_.names[f + 1];
      c.type = Column::Type::kInteger;
      for (const auto& row : table_.rows) c.numbers.push_back(row[f + 1]);
    }
    for (const Column& c : columns_) pointers.push_back(&c);
    FeatureSpace space(pointers);
    rows_ = space.Rows(pointers);
    return space;
  }
  static std::vector<double> Flat(const json& rows) {
    std::vector<double> out;
    for (const json& row : rows) {
      for (const json& v : row) out.push_back(v.get<double>());
    }
    return out;
  }

  std::filesystem::path folder_;
  json golden_;
  Table table_;
  std::vector<Column> columns_;
  std::vector<double> rows_;
};

TEST_F(Census, OurTreesAgreeWithShapsExactValues) {
  const Behind behind(Load(folder_ / "model.json"));
  const FeatureSpace space = Space(12);
  const PredictorConfig config{.content_type = "text/csv", .accept_type = "text/csv"};
  struct Case {
    const char* name;
    bool logit;
    ShapMethod method;
    double tolerance;
  };
  for (const Case& c :
       {Case{"kernel_exact_one_row", false, ShapMethod::kExactCoalitions, 1e-6},
        Case{"kernel_exact_one_row_logit", true, ShapMethod::kInterventionalTree, 2e-6},
        Case{"tree_interventional_one_row_margin", true, ShapMethod::kInterventionalTree, 1e-6},
        Case{"kernel_exact_three_rows", false, ShapMethod::kExactCoalitions, 1e-6},
        Case{"kernel_exact_three_rows_logit", true, ShapMethod::kExactCoalitions, 2e-6}}) {
    SCOPED_TRACE(c.name);
    const json& want = golden_["cases"][c.name];
    auto access = ModelAccess::Make(config, space, behind.Options(true)).value();
    const auto baseline = Flat(want["baseline"]);
    const auto out = Explain(*access, std::span(rows_).first(10 * 12), baseline, 12,
                             {.logit = c.logit, .threads = 2})
                         .value();
    EXPECT_EQ(out.method, c.method);
    EXPECT_NEAR(out.explanations.expected_value[0], want["expected_value"].get<double>(),
                c.tolerance);
    for (size_t r = 0; r < 10; ++r) {
      for (size_t f = 0; f < 12; ++f) {
        EXPECT_NEAR(out.explanations.rows[r].values[f], want["shap_values"][r][f].get<double>(),
                    c.tolerance)
            << r << " " << space.name(f);
      }
    }
  }
}

TEST_F(Census, AForeignModelAgreesToo) {
  const Behind behind(Load(folder_ / "model.json"));
  const FeatureSpace space = Space(12);
  const PredictorConfig config{.content_type = "text/csv", .accept_type = "text/csv"};
  auto access = ModelAccess::Make(config, space, behind.Options(false)).value();
  const json& want = golden_["cases"]["kernel_exact_three_rows"];
  const auto out =
      Explain(*access, std::span(rows_).first(10 * 12), Flat(want["baseline"]), 12, {}).value();
  EXPECT_EQ(out.method, ShapMethod::kExactCoalitions);
  EXPECT_LT(access->requests(), 8U);  // many rows in each
  for (size_t r = 0; r < 10; ++r) {
    for (size_t f = 0; f < 12; ++f) {
      EXPECT_NEAR(out.explanations.rows[r].values[f], want["shap_values"][r][f].get<double>(),
                  1e-6);
    }
  }
}

TEST_F(Census, ThreeClassesAndAggregates) {
  const Behind three(Load(folder_ / "model_three_classes.json"));
  const PredictorConfig config{.content_type = "text/csv", .accept_type = "text/csv"};
  {
    // Its features lack one column.
    const json& want = golden_["three_classes"];
    std::vector<Column> columns;
    std::vector<const Column*> pointers;
    for (const json& name : want["features"]) {
      const auto at = std::ranges::find(table_.names, name.get<std::string>());
      Column& c = columns.emplace_back();
      c.name = name;
      c.type = Column::Type::kInteger;
      for (const auto& row : table_.rows) {
        c.numbers.push_back(row[static_cast<size_t>(at - table_.names.begin())]);
      }
    }
    for (const Column& c : columns) pointers.push_back(&c);
    FeatureSpace space(pointers);
    const auto rows = space.Rows(pointers);
    const size_t width = space.size();
    auto access = ModelAccess::Make(config, space, three.Options(true)).value();
    const auto out = Explain(*access, std::span(rows).first(5 * width), Flat(want["baseline"]),
                             width, {.threads = 1})
                         .value();
    ASSERT_EQ(out.explanations.outputs, 3U);
    for (size_t r = 0; r < 5; ++r) {
      for (size_t f = 0; f < width; ++f) {
        for (size_t k = 0; k < 3; ++k) {
          EXPECT_NEAR(out.explanations.rows[r].values[f * 3 + k],
                      want["shap_values_row_feature_class"][r][f][k].get<double>(), 1e-6);
        }
      }
    }
  }
  const Behind behind(Load(folder_ / "model.json"));
  const FeatureSpace space = Space(12);
  auto access = ModelAccess::Make(config, space, behind.Options(true)).value();
  const json& want = golden_["aggregates_50_rows_exact"];
  const auto out =
      Explain(*access, std::span(rows_).first(50 * 12), Flat(want["baseline"]), 12, {}).value();
  for (const auto& [name, how] :
       {std::pair{"mean_abs", Aggregation::kMeanAbs}, std::pair{"median", Aggregation::kMedian},
        std::pair{"mean_sq", Aggregation::kMeanSquare}}) {
    const auto global = Aggregate(out.explanations, how);
    for (size_t f = 0; f < 12; ++f) {
      EXPECT_NEAR(global[f], want[name][space.name(f)].get<double>(), 1e-6) << name;
    }
  }
}

TEST_F(Census, PartialDependence) {
  const Behind behind(Load(folder_ / "model.json"));
  FeatureSpace space = Space(12);
  const PredictorConfig config{.content_type = "text/csv", .accept_type = "text/csv"};
  auto access = ModelAccess::Make(config, space, behind.Options(true)).value();
  std::ifstream in(folder_ / "pdp.json");
  const json golden = json::parse(in);
  for (const json& want : golden["pdp"]) {
    SCOPED_TRACE(want["feature_name"].get<std::string>());
    const auto names = space.names();
    const size_t f = static_cast<size_t>(
        std::ranges::find(names, want["feature_name"].get<std::string>()) - names.begin());
    const bool categorical = want["data_type"] == "categorical";
    const auto out = DependenceOf(*access, space, rows_, std::vector<size_t>{f},
                                  categorical ? 10 : want["feature_values"].size(), 0)
                         .value();
    ASSERT_EQ(out[0].categorical, categorical);
    ASSERT_EQ(out[0].predictions[0].size(), want["feature_values"].size());
    for (size_t g = 0; g < want["feature_values"].size(); ++g) {
      if (categorical) {
        EXPECT_EQ(out[0].categories[g], want["feature_values"][g]);
      } else {
        EXPECT_NEAR(out[0].grid[g], want["feature_values"][g].get<double>(), 1e-9);
      }
      EXPECT_NEAR(out[0].distribution[g], want["data_distribution"][g].get<double>(), 1e-12);
      EXPECT_NEAR(out[0].predictions[0][g], want["model_predictions"][0][g].get<double>(), 1e-6);
    }
  }
}

// Coalitions against the model itself, deep trees and missing values among them.
TEST(Coalitions, MarginsAndShapleyValuesAreTheModelsOwn) {
  std::mt19937 random(7);
  const size_t rows = 400;
  const uint32_t columns = 6;
  std::vector<float> values(rows * columns), label(rows);
  for (size_t r = 0; r < rows; ++r) {
    for (size_t c = 0; c < columns; ++c) {
      values[r * columns + c] = static_cast<float>(random() % 1000) / 100;
      if (random() % 10 == 0) values[r * columns + c] = NAN;
    }
    const float a = values[r * columns], b = values[r * columns + 1];
    label[r] = (std::isnan(a) ? 1 : a) * (std::isnan(b) ? 2 : b) + values[r * columns + 2] / 3;
    if (std::isnan(label[r])) label[r] = 0;
  }
  for (const int depth : {1, 3, 8, 20}) {
    SCOPED_TRACE(depth);
    const auto data = gbdt::Dataset::FromDense(values, rows, columns, {.label = label}).value();
    gbdt::TrainParams params;
    params.max_depth = depth;
    params.num_round = 12;
    params.min_child_weight = 0;
    const auto model = gbdt::Train(params, data).value();
    const auto coalitions = gbdt::Coalitions::Make(model.forest()).value();
    gbdt::Coalitions::Scratch scratch;
    for (size_t pair = 0; pair < 20; ++pair) {
      const std::vector<float> x(values.begin() + static_cast<ptrdiff_t>(pair * columns),
                                 values.begin() + static_cast<ptrdiff_t>((pair + 1) * columns));
      const std::vector<float> b(values.begin() + static_cast<ptrdiff_t>((pair + 20) * columns),
                                 values.begin() + static_cast<ptrdiff_t>((pair + 21) * columns));
      const std::vector<uint32_t> players = {0, 1, 2, 3, 4, 5};
      std::vector<double> margins(64), shapley(6), want(6);
      coalitions.Margins(x, b, players, margins, scratch);
      std::vector<float> mixed;
      for (size_t s = 0; s < 64; ++s) {
        for (size_t c = 0; c < columns; ++c) mixed.push_back((s >> c & 1) != 0 ? x[c] : b[c]);
      }
      const auto predicted = model
                                 .Predict(gbdt::Dataset::FromDense(mixed, 64, columns).value(),
                                          {.kind = gbdt::PredictKind::kMargin})
                                 .value();
      for (size_t s = 0; s < 64; ++s) EXPECT_NEAR(margins[s], predicted[s], 2e-4) << s;
      ShapleyOfCoalitions(margins, 6, 1, want);
      coalitions.AddShapley(x, b, players, shapley, scratch);
      std::vector<double> again(shapley.size());
      coalitions.AddShapley(x, coalitions.WaysOf(b), players, again, scratch);
      EXPECT_EQ(again, shapley);
      for (size_t p = 0; p < 6; ++p) EXPECT_NEAR(shapley[p], want[p], 1e-9);
    }
  }
}

TEST(ClusterBaseline, OneRowThatCouldOccurUnlessThereAreIslands) {
  Column number{.name = "n", .type = Column::Type::kInteger};
  Column text{.name = "t", .type = Column::Type::kText};
  for (int i = 0; i < 61; ++i) {
    number.numbers.push_back(i);
    text.texts.emplace_back(i % 3 == 0 ? "b" : "a");
  }
  const std::vector<const Column*> columns = {&number, &text};
  FeatureSpace space(columns);
  const auto one = ClusterBaseline(space, space.Rows(columns));
  ASSERT_EQ(one.size(), 2U);
  EXPECT_EQ(one[0], 30);
  EXPECT_EQ(space.Text(1, one[1]), "a");
  for (size_t i = 30; i < 61; ++i) {
    number.numbers[i] += 10000;
    text.texts[i] = "c";
  }
  for (size_t i = 0; i < 30; ++i) text.texts[i] = "a";
  FeatureSpace islands(columns);
  EXPECT_EQ(ClusterBaseline(islands, islands.Rows(columns)).size(), 4U);
  EXPECT_EQ(ClusterBaseline(islands, islands.Rows(columns), {.clusters = 5}).size(), 10U);
}

}  // namespace
}  // namespace clary::clarify
