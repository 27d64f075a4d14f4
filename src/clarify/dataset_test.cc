#include "clarify/dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <functional>

#include "base/file.h"

namespace clary::clarify {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class DatasetTest : public testing::Test {
 protected:
  std::filesystem::path Write(const std::string& name, const std::string& text) {
    const auto path = dir_.path() / name;
    std::ofstream(path) << text;
    return path;
  }
  Dataset Read(const DatasetFiles& files) {
    auto out = ReadDataset(config_, files);
    EXPECT_TRUE(out) << out.error().message;
    return out ? *std::move(out) : Dataset{};
  }
  std::string Refused(const DatasetFiles& files) {
    const auto out = ReadDataset(config_, files);
    EXPECT_FALSE(out);
    return out ? "" : out.error().message;
  }

  TempDir dir_ = TempDir::Make().value();
  AnalysisConfig config_;
};

std::vector<Column::Type> Types(const Dataset& d) {
  std::vector<Column::Type> out;
  for (const Column& c : d.columns) out.push_back(c.type);
  return out;
}

TEST_F(DatasetTest, TypesAreThoseOfPandas) {
  using enum Column::Type;
  const auto d = Read({.data = {Write("d.csv",
                                      "i,r,m,t,b,z,u\n1,1.5,1,a,True,00,\n"
                                      "-2,2,,?,False,7,\n3,nan,3,\"x, \"\"y\"\"\nz\",True,1,\n")}});
  EXPECT_EQ(d.rows, 3U);
  EXPECT_THAT(Types(d), ElementsAre(kInteger, kReal, kReal, kText, kBoolean, kInteger, kReal));
  EXPECT_EQ(d.columns[3].Text(2), "x, \"y\"\nz");
  EXPECT_TRUE(d.columns[1].IsMissing(2));
  EXPECT_EQ(d.columns[2].Text(0), "1.0");
  EXPECT_EQ(d.columns[4].Text(0), "True");
}

TEST_F(DatasetTest, AHeaderIsSeenOrRepeated) {
  config_.label = "y";
  EXPECT_EQ(Read({.data = {Write("a.csv", "x,y\n1,0\n2,1\n")}}).rows, 2U);
  config_.label = ColumnRef(int64_t{1});
  const auto numbers = Read({.data = {Write("b.csv", "1,0\n2,1\n")}});
  EXPECT_EQ(numbers.rows, 2U);
  EXPECT_EQ(numbers.columns[0].name, "column_0");
  EXPECT_EQ(numbers.columns[0].numbers[0], 1);
  // Texts above texts are data unless a configured name is among them.
  const auto texts = Read({.data = {Write("c.csv", "x,y\na,b\n")}});
  EXPECT_EQ(texts.rows, 2U);
  config_.label = "y";
  EXPECT_EQ(Read({.data = {Write("c.csv", "x,y\na,b\n")}}).rows, 1U);
  config_.headers = {"x", "y"};
  const auto repeated = Read({.data = {Write("d.csv", "x,y\n1,0\n"), Write("e.csv", "3,1\n")}});
  EXPECT_EQ(repeated.rows, 2U);
  EXPECT_THAT(repeated.feature_names(), ElementsAre("x"));
}

TEST_F(DatasetTest, RolesAndWhatTheModelIsNotSent) {
  config_.headers = {"id", "y", "p", "a", "b", "c"};
  config_.label = "y";
  config_.predicted_label = "p";
  config_.joinsource = ColumnRef(int64_t{0});
  config_.excluded_columns = {"c"};
  config_.facets = {{.column = "a", .values = {}}};
  config_.group_variable = "b";
  const auto d = Read({.data = {Write("d.csv", "k,1,0,2,3,4\n")}});
  EXPECT_THAT(d.feature_names(), ElementsAre("a", "b"));
  EXPECT_EQ(d.label, 1U);
  EXPECT_EQ(d.predicted_label, 2U);
  EXPECT_EQ(d.join, 0U);
  EXPECT_THAT(d.facets, ElementsAre(3U));
}

TEST_F(DatasetTest, WhatIsNotThereIsNamedWithTheColumns) {
  const auto file = Write("d.csv", "y,a\n1,2\n");
  config_.label = "z";
  EXPECT_THAT(Refused({.data = {file}}),
              HasSubstr("Headers must contain label. label 'z' is not there; the columns are"));
  config_.label = ColumnRef(int64_t{0});
  config_.facets = {{.column = "sex", .values = {}}};
  EXPECT_THAT(Refused({.data = {file}}),
              HasSubstr("Unable to locate the facet. facet name_or_index 'sex' is not there; the "
                        "columns are 'y', 'a'"));
  config_.facets.clear();
  config_.headers = {"y", "a", "b"};
  EXPECT_THAT(Refused({.data = {file}}),
              HasSubstr("Headers in config do not match with the number of columns in the dataset. "
                        "The config has 3 headers; d.csv has 2 columns."));
  config_.headers.clear();
  config_.excluded_columns = {"nope"};
  EXPECT_THAT(Refused({.data = {file}}), HasSubstr("Feature names not found."));
  config_.excluded_columns = {ColumnRef(int64_t{1})};
  EXPECT_THAT(Refused({.data = {file}}), HasSubstr("Data must contain features."));
  EXPECT_THAT(Refused({.data = {Write("r.csv", "y,a\n1,2\n1,2,3\n")}}), HasSubstr("line 3"));
  EXPECT_THAT(Refused({.data = {Write("0.csv", "")}}), HasSubstr("The data set has no rows"));
}

TEST_F(DatasetTest, OtherFilesJoinByPlaceOrByKey) {
  config_.headers = {"k", "y", "a"};
  config_.label = "y";
  config_.predicted_label = "predicted_label";
  config_.predicted_label_dataset_uri = "s3://b/p";
  config_.predicted_label_headers = {"k", "predicted_label"};
  config_.facet_dataset_uri = "s3://b/f";
  config_.facet_headers = {"k", "sex"};
  config_.facets = {{.column = "sex", .values = {}}};
  const auto data = Write("d.csv", "1,1,5\n2,0,6\n3,1,7\n");
  const auto facets = Write("f.csv", "1,F\n2,M\n3,F\n");
  const auto by_place = Read({.data = {data},
                              .predicted_labels = {Write("p.csv", "1,1\n2,1\n3,0\n")},
                              .facets = {facets}});
  EXPECT_EQ(by_place.columns[*by_place.predicted_label].numbers, (std::vector<double>{1, 1, 0}));
  EXPECT_THAT(
      Refused(
          {.data = {data}, .predicted_labels = {Write("q.csv", "3,0\n1,1\n")}, .facets = {facets}}),
      HasSubstr("the data set has 3 rows, the predicted labels has 2"));
  config_.joinsource = "k";
  const auto by_key = Read(
      {.data = {data}, .predicted_labels = {Write("q.csv", "3,0\n1,1\n")}, .facets = {facets}});
  EXPECT_EQ(by_key.rows, 2U);
  EXPECT_EQ(by_key.columns[*by_key.predicted_label].numbers, (std::vector<double>{1, 0}));
  EXPECT_EQ(by_key.columns[by_key.facets[0]].texts, (std::vector<std::string>{"F", "F"}));
  EXPECT_THAT(by_key.feature_names(), ElementsAre("a"));
  EXPECT_THAT(
      Refused(
          {.data = {data}, .predicted_labels = {Write("r.csv", "3,0\n3,1\n")}, .facets = {facets}}),
      HasSubstr("the key '3' occurs twice in the predicted labels"));
}

TEST_F(DatasetTest, JsonByPaths) {
  config_.dataset_type = DatasetType::kJsonLines;
  config_.features = "f";
  config_.label = "y";
  config_.headers = {"a", "b", "target"};
  const auto d = Read({.data = {Write("d.jsonl",
                                      "{\"f\": [1, \"x\"], \"y\": 1}\n\n"
                                      "{\"f\": [2.5, null], \"y\": 0}\n")}});
  EXPECT_EQ(d.rows, 2U);
  EXPECT_THAT(d.feature_names(), ElementsAre("a", "b"));
  EXPECT_EQ(d.columns[*d.label].name, "target");
  EXPECT_TRUE(d.columns[1].IsMissing(1));
  EXPECT_THAT(Refused({.data = {Write("e.jsonl", "{\"f\": [1, 2], \"y\": 1}\n{\"f\": [1]}\n")}}),
              HasSubstr("e.jsonl, line 2: it has 1 features; the rows before it have 2"));
  EXPECT_THAT(Refused({.data = {Write("e.jsonl", "{\"g\": 1}\n")}}),
              HasSubstr("Data must contain features. 'f' finds null"));
  EXPECT_THAT(Refused({.data = {Write("e.jsonl", "{\"f\": \n")}}), HasSubstr("line 1 is no JSON"));
  EXPECT_THAT(Refused({.data = {Write("e.jsonl", "{\"f\": [[1], 2], \"y\": 1}\n")}}),
              HasSubstr("e.jsonl, line 1: feature 0 is array, expected a value"));

  config_.dataset_type = DatasetType::kJson;
  config_.features = "rows[*].f";
  config_.label = "rows[*].y";
  config_.headers = {"a", "b"};
  const auto j = Read({.data = {Write("d.json", R"({"rows": [{"f": [1, true], "y": "p"},
                                                             {"f": [3, false], "y": "n"}]})")}});
  EXPECT_EQ(j.rows, 2U);
  EXPECT_EQ(j.columns[1].type, Column::Type::kBoolean);
  EXPECT_EQ(j.columns[*j.label].texts[1], "n");
  config_.label = "rows[0].y";
  EXPECT_THAT(Refused({.data = {Write("d.json", R"({"rows": [{"f": [1, 2], "y": 1}]})")}}),
              HasSubstr("expected a list of 1 values"));
}

TEST_F(DatasetTest, Baselines) {
  config_.label = "y";
  const auto d = Read({.data = {Write("d.csv", "y,a,t\n1,2,u\n0,3,v\n")}});
  const auto read = [&](const std::string& text, bool given) {
    return ReadBaseline(config_, d, {.text = text, .inline_json = given});
  };
  EXPECT_EQ(read("[[5, \"w\"], [6.5, null]]", true)->at(0).numbers, (std::vector<double>{5, 6.5}));
  EXPECT_TRUE(read("[[5, \"w\"], [6.5, null]]", true)->at(1).IsMissing(1));
  EXPECT_EQ(read("a,t\n4,\"x, y\"\n", false)->at(1).texts[0], "x, y");
  EXPECT_THAT(read("[[1]]", true).error().message,
              HasSubstr("Row 1 of the baseline has 1 values, expected 2"));
  EXPECT_THAT(
      read("x,u\n", false).error().message,
      HasSubstr("Could not convert string to float. Row 1 of the baseline, column 'a': 'x'"));
  EXPECT_THAT(read("\n", false).error().message, HasSubstr("no rows"));
}

}  // namespace
}  // namespace clary::clarify
