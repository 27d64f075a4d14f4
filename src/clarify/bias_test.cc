#include "clarify/bias.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/testing/golden.h"
#include "clarify/internal/binomial.h"

namespace clary::clarify {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

Column Integers(std::string name, std::vector<double> values) {
  return {.name = std::move(name), .type = Column::Type::kInteger, .numbers = std::move(values)};
}
Column Texts(std::string name, std::vector<std::string> values) {
  return {.name = std::move(name), .type = Column::Type::kText, .texts = std::move(values)};
}

double ValueOf(const std::vector<Metric>& metrics, std::string_view name) {
  for (const Metric& m : metrics) {
    if (m.name == name && m.value) return *m.value;
  }
  return std::nan("");
}
std::string ErrorOf(const std::vector<Metric>& metrics, std::string_view name) {
  for (const Metric& m : metrics) {
    if (m.name == name) return m.error;
  }
  return "no such metric";
}

// Ten rows: d has 1 of 4 positive labels and 2 positive predictions (1 right), a 4 of 6 and 3
// (all right).
BiasData Ten() {
  return {.facet = {1, 1, 1, 1, 0, 0, 0, 0, 0, 0},
          .label = {1, 0, 0, 0, 1, 1, 1, 1, 0, 0},
          .predicted = {1, 1, 0, 0, 1, 1, 1, 0, 0, 0}};
}

TEST(Bias, ValuesByHand) {
  const Column group = Texts("g", {"x", "x", "y", "y", "x", "x", "x", "y", "y", "y"});
  BiasData data = Ten();
  data.group = &group;
  const auto pre = BiasMetrics(BiasStage::kPreTraining, data).value();
  EXPECT_DOUBLE_EQ(ValueOf(pre, "CI"), 0.2);
  EXPECT_DOUBLE_EQ(ValueOf(pre, "DPL"), 4.0 / 6 - 1.0 / 4);
  EXPECT_DOUBLE_EQ(ValueOf(pre, "KS"), 4.0 / 6 - 1.0 / 4);
  EXPECT_DOUBLE_EQ(ValueOf(pre, "TVD"), 4.0 / 6 - 1.0 / 4);
  EXPECT_DOUBLE_EQ(ValueOf(pre, "LP"), std::sqrt(2) * (4.0 / 6 - 1.0 / 4));
  EXPECT_NEAR(ValueOf(pre, "KL"),
              2.0 / 6 * std::log(2.0 / 6 / 0.75) + 4.0 / 6 * std::log(4.0 / 6 / 0.25), 1e-15);
  // x: 1 of 1 rejected and 1 of 4 accepted are d's; y: 2 of 4 and 0 of 1.
  EXPECT_DOUBLE_EQ(ValueOf(pre, "CDDL"), (5 * (1 - 0.25) + 5 * (0.5 - 0)) / 10);
  const auto post = BiasMetrics(BiasStage::kPostTraining, data).value();
  EXPECT_DOUBLE_EQ(ValueOf(post, "AD"), 5.0 / 6 - 3.0 / 4);
  EXPECT_DOUBLE_EQ(ValueOf(post, "DAR"), 1 - 0.5);
  EXPECT_DOUBLE_EQ(ValueOf(post, "DCA"), 4.0 / 3 - 1.0 / 2);
  EXPECT_DOUBLE_EQ(ValueOf(post, "DCR"), 3.0 / 2 - 2.0 / 3);
  EXPECT_DOUBLE_EQ(ValueOf(post, "DI"), 1.0);
  EXPECT_DOUBLE_EQ(ValueOf(post, "DRR"), 1 - 2.0 / 3);
  EXPECT_DOUBLE_EQ(ValueOf(post, "RD"), 3.0 / 4 - 1);
  EXPECT_DOUBLE_EQ(ValueOf(post, "SD"), 2.0 / 3 - 1);
  EXPECT_DOUBLE_EQ(ValueOf(post, "TE"), -std::numeric_limits<double>::infinity());  // 0/1 - 1/0
  // Benefits: one 2, one 0, eight 1; their mean is 1.
  EXPECT_DOUBLE_EQ(ValueOf(post, "GE"), (3.0 - 1.0) / 20);
}

TEST(Bias, AlphabeticalAndOnlyWhatIsAskedFor) {
  EXPECT_THAT(MetricNames(BiasStage::kPreTraining),
              ElementsAre("CDDL", "CI", "DPL", "JS", "KL", "KS", "LP", "TVD"));
  const std::vector<std::string> some = {"DPL", "CI"};
  const auto metrics = BiasMetrics(BiasStage::kPreTraining, Ten(), some).value();
  ASSERT_EQ(metrics.size(), 2U);
  EXPECT_EQ(metrics[0].name, "CI");
  const std::vector<std::string> wrong = {"CI", "nope"};
  EXPECT_THAT(BiasMetrics(BiasStage::kPreTraining, Ten(), wrong).error().message,
              HasSubstr("registered metrics['CI', 'DPL', 'KL'"));
}

TEST(Bias, AnEmptySideIsAnErrorOfEachMetric) {
  BiasData data = Ten();
  data.facet.assign(10, true);
  EXPECT_EQ(ErrorOf(*BiasMetrics(BiasStage::kPreTraining, data), "CI"),
            "CI: negated facet set is empty. Check that x[~facet] has non-zero length.");
  EXPECT_EQ(ErrorOf(*BiasMetrics(BiasStage::kPostTraining, data), "DAR"),
            "DLR: Negated Facet set is empty");
  data.facet.assign(10, false);
  EXPECT_EQ(ErrorOf(*BiasMetrics(BiasStage::kPreTraining, data), "DPL"), "Facet set is empty.");
  EXPECT_EQ(ErrorOf(*BiasMetrics(BiasStage::kPreTraining, data), "KL"),
            "No instance of common facet found, dataset may be too small");
}

TEST(Bias, TheFlipTestAsksTheNearestNeighbours) {
  // One neighbour, since there are six others: row 0 lies at row 4's place, row 3 at row 9's.
  const Column x = Integers("x", {0, 10, 20, 100, 0, 11, 21, 31, 90, 101});
  BiasData data = Ten();
  data.features = {&x};
  // Its own predictions 1, 1, 0, 0 against the neighbours' 1, 1, 1, 0.
  EXPECT_DOUBLE_EQ(ValueOf(*BiasMetrics(BiasStage::kPostTraining, data), "FT"), -0.25);
  const Column text = Texts("t", std::vector<std::string>(10, "1"));
  data.features = {&x, &text};
  EXPECT_EQ(ErrorOf(*BiasMetrics(BiasStage::kPostTraining, data), "FT"),
            "FlipTest does not support non-numeric columns");
}

TEST(DrawBinomial, HasItsMeanAndVariance) {
  std::mt19937_64 random(1);
  for (const auto& [n, p] : {std::pair<int64_t, double>{20, 0.1},
                             {1000, 0.3},
                             {1000, 0.97},
                             {5, 0.5},
                             {100000, 0.0002},
                             {30000, 0.6}}) {
    constexpr int kDraws = 20000;
    double sum = 0, squares = 0;
    for (int i = 0; i < kDraws; ++i) {
      const auto k = static_cast<double>(DrawBinomial(n, p, random));
      ASSERT_TRUE(k >= 0 && k <= static_cast<double>(n));
      sum += k;
      squares += k * k;
    }
    const double mean = sum / kDraws, variance = squares / kDraws - mean * mean;
    const double want = static_cast<double>(n) * p * (1 - p);
    EXPECT_NEAR(mean, static_cast<double>(n) * p, 5 * std::sqrt(want / kDraws)) << n << ' ' << p;
    EXPECT_NEAR(variance / want, 1, 0.06) << n << ' ' << p;
  }
  EXPECT_EQ(DrawBinomial(7, 1, random), 7);
  EXPECT_EQ(DrawBinomial(7, 0, random), 0);
  EXPECT_EQ(DrawBinomial(0, 0.5, random), 0);
}

TEST(BiasIntervals, ContainTheValueAndAreTheSameAgain) {
  BiasData data;
  for (int i = 0; i < 500; ++i) {
    data.facet.push_back(i % 3 == 0);
    data.label.push_back(i % 5 == 0);
    data.predicted.push_back(i % 4 == 0);
  }
  const auto metrics = BiasMetrics(BiasStage::kPostTraining, data).value();
  const auto intervals = BiasIntervals(BiasStage::kPostTraining, data);
  const auto again = BiasIntervals(BiasStage::kPostTraining, data);
  ASSERT_EQ(intervals.size(), metrics.size());
  for (size_t m = 0; m < metrics.size(); ++m) {
    if (metrics[m].name == "FT" || metrics[m].name == "CDDPL") {
      EXPECT_FALSE(intervals[m]);  // none, and no group variable
      continue;
    }
    ASSERT_TRUE(intervals[m]) << metrics[m].name;
    EXPECT_LE(intervals[m]->low, *metrics[m].value) << metrics[m].name;
    EXPECT_GE(intervals[m]->high, *metrics[m].value) << metrics[m].name;
    EXPECT_EQ(intervals[m]->low, again[m]->low);
  }
}

TEST(Groups, KindsFollowTheShareOfDistinctValues) {
  std::vector<double> codes(80);
  for (size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<double>(i % 4);
  EXPECT_EQ(KindOf(Integers("c", codes), 1), DataKind::kContinuous);  // 4 of 80: 5 %
  codes.push_back(0);
  EXPECT_EQ(KindOf(Integers("c", codes), 1), DataKind::kCategorical);
  EXPECT_EQ(KindOf(Integers("c", {1, 2, 3}), 2), DataKind::kCategorical);
  EXPECT_EQ(KindOf(Texts("t", {"1", "2"}), 1), DataKind::kContinuous);
  EXPECT_EQ(KindOf(Texts("t", {"1", "2.5"}), 1), DataKind::kCategorical);
}

TEST(Groups, ThresholdsAndIntervals) {
  const Column age = Integers("Age", {20, 40, 41, 60, 90});
  const auto above = GroupsOf(age, std::vector<Value>{int64_t{40}}).value();
  EXPECT_EQ(above[0].text, "(40, 90]");
  EXPECT_THAT(above[0].member, ElementsAre(false, false, true, true, true));
  EXPECT_EQ(GroupsOf(age, std::vector<Value>{std::string("40")})->at(0).text, "(40.0, 90.0]");
  EXPECT_EQ(GroupsOf(age, std::vector<Value>{int64_t{90}})->at(0).text, "");
  const auto range = GroupsOf(age, std::vector<Value>{std::string("(40, 60]")}).value();
  EXPECT_THAT(range[0].member, ElementsAre(false, false, true, true, false));
  EXPECT_EQ(GroupsOf(age, {}).error().message,
            "Threshold values must be provided for continuous features");
}

TEST(Groups, ValuesAreConvertedWhenNothingEqualsThem) {
  const Column code = Integers("c", std::vector<double>(100, 1));
  EXPECT_TRUE(GroupsOf(code, std::vector<Value>{std::string("1")})->at(0).member[0]);
  EXPECT_FALSE(GroupsOf(code, std::vector<Value>{int64_t{7}})->at(0).member[0]);
  EXPECT_EQ(GroupsOf(code, std::vector<Value>{std::string("yes")}).error().message,
            "could not convert string to float: 'yes'");
  const Column text = Texts("t", {"a", "1"});
  EXPECT_TRUE(GroupsOf(text, std::vector<Value>{int64_t{1}})->at(0).member[1]);
}

TEST(Groups, WithoutValuesThereIsOneForEach) {
  Column text = Texts("t", {"b", "", "a", "b"});
  text.missing = {false, true, false, false};
  const auto groups = GroupsOf(text, {}).value();
  ASSERT_EQ(groups.size(), 3U);
  EXPECT_EQ(groups[0].text, "b");
  EXPECT_EQ(groups[1].text, "nan");
  EXPECT_THAT(groups[1].member, ElementsAre(false, false, false, false));
}

// --- The results of Clarify's open code.

std::vector<std::string> Cells(const std::string& line) {
  std::vector<std::string> cells;
  std::stringstream in(line);
  for (std::string cell; std::getline(in, cell, ',');) cells.push_back(cell);
  if (line.ends_with(',')) cells.emplace_back();
  return cells;
}

using Frame = std::vector<Column>;

Frame ReadCsv(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  Frame frame;
  for (const std::string& name : Cells(line)) frame.push_back(Texts(name, {}));
  while (std::getline(in, line)) {
    const auto cells = Cells(line);
    for (size_t c = 0; c < frame.size(); ++c) frame[c].texts.push_back(cells[c]);
  }
  for (Column& column : frame) {
    bool numbers = true, real = false;
    for (const std::string& text : column.texts) {
      char* end = nullptr;
      column.numbers.push_back(text.empty() ? std::nan("") : std::strtod(text.c_str(), &end));
      numbers = numbers && (text.empty() || *end == 0);
      real = real || text.empty() || text.find('.') != text.npos;
      column.missing.push_back(text.empty());
    }
    if (numbers) column.type = real ? Column::Type::kReal : Column::Type::kInteger;
  }
  return frame;
}

const Column* Find(const Frame& frame, const std::string& name) {
  for (const Column& c : frame) {
    if (c.name == name) return &c;
  }
  return nullptr;
}

std::vector<Value> Values(const json& list) {
  std::vector<Value> out;
  if (list.is_null()) return out;
  for (const json& v : list) {
    if (v.is_string()) {
      out.emplace_back(v.get<std::string>());
    } else if (v.is_boolean()) {
      out.emplace_back(v.get<bool>());
    } else if (v.is_number_integer()) {
      out.emplace_back(v.get<int64_t>());
    } else {
      out.emplace_back(v.get<double>());
    }
  }
  return out;
}

// `coarse`: with one or two coarse features, equally near neighbours decide the flip test; theirs
// come in the order of a search tree, ours in that of the rows.
void ExpectMetrics(const std::vector<Metric>& ours, const json& theirs, bool coarse = false) {
  ASSERT_EQ(ours.size(), theirs.size());
  for (size_t i = 0; i < ours.size(); ++i) {
    const json& t = theirs[i];
    SCOPED_TRACE(std::string(ours[i].name));
    EXPECT_EQ(ours[i].name, t["name"]);
    EXPECT_EQ(ours[i].description, t["description"]);
    const std::string error = t.value("error", "");
    if (!error.empty()) {
      // Ours: a missing group is a group; scikit-learn's own texts are none of ours.
      if (error.find("not supported between") == error.npos) {
        EXPECT_FALSE(ours[i].value);
      }
      if (error.find("KNeighbors") == error.npos && error.find("not supported") == error.npos) {
        EXPECT_EQ(ours[i].error, error);
      }
    } else if (t["value"].is_string()) {
      EXPECT_EQ(ours[i].value, t["value"] == "Infinity" ? INFINITY : -INFINITY);
    } else {
      ASSERT_TRUE(ours[i].value) << ours[i].error;
      EXPECT_NEAR(*ours[i].value, t["value"].get<double>(),
                  ours[i].name != "FT" ? 1e-9
                  : coarse             ? 0.05
                                       : 1e-3);
    }
  }
}

TEST(Golden, EqualsClarifysOpenCode) {
  const std::filesystem::path folder = GoldenPath("clarify/census500");
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no ../shared/golden beside this checkout";
  std::map<std::string, Frame> frames;
  for (const char* name : {"text", "coded", "holes"}) {
    frames[name] = ReadCsv(folder / (std::string(name) + ".csv"));
  }
  std::ifstream file(folder / "bias.json");
  const json golden = json::parse(file)["cases"];
  EXPECT_EQ(golden.size(), 39U);
  for (const auto& [name, c] : golden.items()) {
    SCOPED_TRACE(name);
    Frame frame = frames[c["frame"]];
    Column pred = *Find(c["frame"] == "coded" ? frames["text"] : frame, c["pred"]);
    if (c["pred"] == "label") pred = *Find(frame, "label");
    Column label = *Find(frame, c["label"][0]);
    const auto boolean = [](Column& column) { column.type = Column::Type::kBoolean; };
    if (c.value("labelcast", "") == "bool") boolean(label);
    const std::string cast = c.value("predcast", "");
    if (cast == "bool") boolean(pred);
    if (cast == "zero" || cast == "one") {
      std::ranges::fill(pred.numbers, cast == "one" ? 1.0 : 0.0);
    }
    if (c["facet"][0] == "Sex & Race") {
      Column both = Texts("Sex & Race", {});
      for (size_t i = 0; i < frame[0].rows(); ++i) {
        both.texts.push_back(Find(frame, "Sex")->Text(i) + " & " + Find(frame, "Race")->Text(i));
      }
      frame.push_back(both);
    }
    if (c.value("query", "") == "first60") {
      const auto cut = [](Column& column) {
        if (column.type != Column::Type::kText) column.numbers.resize(60);
        column.texts.resize(std::min<size_t>(60, column.texts.size()));
      };
      for (Column& column : frame) cut(column);
      cut(pred);
      cut(label);
    }
    const json& want = c["result"];
    const Column* facet = Find(frame, c["facet"][0]);
    if (facet == nullptr) continue;  // the job's own check
    const auto values = Values(c["label"][1]);
    const auto positive = GroupsOf(label, values, &pred);
    if (!positive) {
      EXPECT_EQ(positive.error().message, want["pre"]["error"]);
      continue;
    }
    EXPECT_EQ(positive->at(0).text, want["label_value_or_threshold"]);
    const auto groups = GroupsOf(*facet, Values(c["facet"][1]));
    if (!groups) {
      EXPECT_EQ(groups.error().message, want["pre"]["error"]);
      continue;
    }
    std::vector<std::string> pre_methods, post_methods;
    if (c["methods"] != json({"all"})) {
      for (const std::string m : c["methods"]) {
        for (const auto& n : MetricNames(BiasStage::kPreTraining)) {
          if (n == m) pre_methods.push_back(m);
        }
        for (const auto& n : MetricNames(BiasStage::kPostTraining)) {
          if (n == m) post_methods.push_back(m);
        }
      }
    }
    const auto predicted = GroupsOf(pred, values, &label);
    if (!predicted) {
      EXPECT_EQ(predicted.error().message, want["post"]["error"]);
    }
    for (size_t g = 0; g < groups->size(); ++g) {
      SCOPED_TRACE(groups->at(g).text);
      BiasData data{.facet = groups->at(g).member, .label = positive->at(0).member};
      if (c.contains("group") && !c["group"].is_null()) data.group = Find(frame, c["group"]);
      if (want["pre"].is_array()) {
        ASSERT_EQ(groups->size(), want["pre"].size());
        EXPECT_EQ(groups->at(g).text, want["pre"][g]["value_or_threshold"]);
        ExpectMetrics(*BiasMetrics(BiasStage::kPreTraining, data, pre_methods),
                      want["pre"][g]["metrics"]);
      }
      if (!want["post"].is_array() || !predicted) continue;
      data.predicted = predicted->at(0).member;
      if (c.contains("features")) {
        for (const std::string f : c["features"]) data.features.push_back(Find(frame, f));
      } else {
        for (const Column& column : frame) {
          if (&column != facet && column.name != label.name && column.name != c["pred"]) {
            data.features.push_back(&column);
          }
        }
      }
      ExpectMetrics(*BiasMetrics(BiasStage::kPostTraining, data, post_methods),
                    want["post"][g]["metrics"], data.features.size() <= 2);
      const auto performance = PerformanceMetrics(data.label, data.predicted);
      const json& theirs = want["performance"]["model_performance_metrics"];
      for (size_t i = 0; i < performance.size(); ++i) {
        EXPECT_EQ(performance[i].name, theirs[i]["name"]);
        if (theirs[i]["value"].is_string()) {
          EXPECT_EQ(*performance[i].value, theirs[i]["value"] == "Infinity" ? INFINITY : 0);
        } else {
          EXPECT_NEAR(*performance[i].value, theirs[i]["value"].get<double>(), 1e-12);
        }
      }
    }
  }
}

}  // namespace
}  // namespace clary::clarify
