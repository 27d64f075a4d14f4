// Models of real XGBoost (tests/golden/models, see make_models.py there) read and used here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "gbdt/model_io.h"

namespace clary::gbdt {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

const fs::path kModels = CLARY_SOURCE_DIR "/tests/golden/models";

std::vector<float> Floats(const json& list) {
  std::vector<float> out;
  for (const json& v : list) out.push_back(v.is_null() ? std::nanf("") : v.get<float>());
  return out;
}

void ExpectNear(const std::vector<float>& got, const std::vector<float>& want, float tolerance,
                const std::string& what) {
  ASSERT_EQ(got.size(), want.size()) << what;
  for (size_t i = 0; i < got.size(); ++i) {
    ASSERT_NEAR(got[i], want[i], tolerance * std::max(1.0F, std::fabs(want[i])))
        << what << " " << i;
  }
}

class GoldenModel : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const fs::path path = kModels / GetParam();
    bytes_ = *ReadFile(path, 1 << 20);
    expected_ = json::parse(*ReadFile(fs::path(path).replace_extension("expected"), 1 << 20));
    data_ = *Dataset::FromDense(Floats(expected_["rows"]), 6, expected_["columns"]);
  }
  std::vector<float> Predict(const Model& m, PredictKind kind, int round_begin = 0) {
    auto out = m.Predict(data_, {.kind = kind, .round_begin = round_begin});
    EXPECT_TRUE(out) << out.error().message;
    return out ? *out : std::vector<float>{};
  }
  std::string bytes_;
  json expected_;
  Dataset data_ = *Dataset::FromDense({0}, 1, 1);
};

TEST_P(GoldenModel, PredictsAsXgboostDoes) {
  auto m = Model::Parse(bytes_);
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_EQ(m->num_feature(), data_.columns());
  EXPECT_EQ(m->attributes()["note"], "a \"note\"\n");
  EXPECT_TRUE(m->best_iteration());
  ExpectNear(Predict(*m, PredictKind::kMargin), Floats(expected_["margin"]), 1e-6F, "margin");
  ExpectNear(Predict(*m, PredictKind::kValue), Floats(expected_["value"]), 1e-6F, "value");
  if (!expected_.contains("leaf")) return;
  ExpectNear(Predict(*m, PredictKind::kLeaf), Floats(expected_["leaf"]), 0, "leaf");
  if (!expected_.contains("second_round_on")) return;
  ExpectNear(Predict(*m, PredictKind::kMargin, 1), Floats(expected_["second_round_on"]), 1e-6F,
             "second round on");
}

TEST_P(GoldenModel, ExplainsAsXgboostDoes) {
  auto m = Model::Parse(bytes_);
  ASSERT_TRUE(m) << m.error().message;
  if (!expected_.contains("contributions")) return;
  ExpectNear(Predict(*m, PredictKind::kContributions), Floats(expected_["contributions"]), 1e-5F,
             "contributions");
  if (!expected_.contains("leaf")) return;
  ExpectNear(Predict(*m, PredictKind::kApproxContributions),
             Floats(expected_["approx_contributions"]), 1e-5F, "approximate contributions");
  ExpectNear(Predict(*m, PredictKind::kInteractions), Floats(expected_["interactions"]), 1e-5F,
             "interactions");
}

TEST_P(GoldenModel, RanksFeaturesAsXgboostDoes) {
  auto m = Model::Parse(bytes_);
  ASSERT_TRUE(m) << m.error().message;
  if (!expected_.contains("weight")) return;
  const std::pair<const char*, Importance> kinds[] = {{"weight", Importance::kWeight},
                                                      {"gain", Importance::kGain},
                                                      {"cover", Importance::kCover},
                                                      {"total_gain", Importance::kTotalGain},
                                                      {"total_cover", Importance::kTotalCover}};
  for (const auto& [name, kind] : kinds) {
    const auto got = m->FeatureImportance(kind);
    ASSERT_EQ(got.size(), expected_[name].size()) << name;
    for (const auto& [feature, value] : got) {
      const double want = expected_[name][std::to_string(feature)];
      EXPECT_NEAR(value, want, 1e-5 * want) << name << " of " << feature;
    }
  }
}

TEST_P(GoldenModel, SurvivesBeingWrittenAndReadAgain) {
  auto m = Model::Parse(bytes_);
  ASSERT_TRUE(m) << m.error().message;
  for (const std::string& text : {m->ToJson(), m->ToUbjson()}) {
    const auto again = Model::Parse(text);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(Predict(*again, PredictKind::kMargin), Predict(*m, PredictKind::kMargin));
    EXPECT_EQ(again->ToJson(), m->ToJson());
  }
}

TEST_P(GoldenModel, EveryCutIsAnError) {
  for (size_t size = 0; size < bytes_.size(); size += 1 + bytes_.size() / 200) {
    const auto m = ReadModel(std::string_view(bytes_).substr(0, size));
    ASSERT_FALSE(m) << size;
    EXPECT_EQ(m.error().reason, "BadModel");
  }
}

std::vector<std::string> Goldens() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kModels)) {
    if (entry.path().extension() != ".expected") names.push_back(entry.path().filename());
  }
  std::sort(names.begin(), names.end());
  return names;
}
std::string TestName(const testing::TestParamInfo<std::string>& test) {
  std::string name = test.param;
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return name;
}
INSTANTIATE_TEST_SUITE_P(All, GoldenModel, testing::ValuesIn(Goldens()), TestName);

std::string TreeOf(const std::string& left, const std::string& right, const std::string& feature) {
  return R"({"learner":{"attributes":{},"learner_model_param":{"base_score":"5E-1","num_class":"0",
    "num_feature":"2"},"objective":{"name":"reg:squarederror","reg_loss_param":{}},
    "gradient_booster":{"name":"gbtree","model":{"gbtree_model_param":{},"tree_info":[0],"trees":[{
    "left_children":[)" +
         left + R"(],"right_children":[)" + right + R"(],"split_indices":[)" + feature +
         R"(],"split_conditions":[0.5,1.5,2.5],"default_left":[true,false,false],
    "loss_changes":[1.5,0.0,0.0],"sum_hessian":[2.0,1.0,1.0],"base_weights":[0.0,0.0,0.0]}]}}},
    "version":[1,0,0]})";
}

TEST(ReadModel, OldOrderOfChildrenIsPutRight) {
  const auto f = ReadModel(TreeOf("2,-1,-1", "1,-1,-1", "1,0,0"));
  ASSERT_TRUE(f) << f.error().message;
  const float low[] = {9, 0.4F};
  const float high[] = {9, 0.6F};
  const Tree& tree = f->trees[0];
  EXPECT_EQ(tree.threshold[static_cast<size_t>(tree.FindLeaf(low))], 2.5F);
  EXPECT_EQ(tree.threshold[static_cast<size_t>(tree.FindLeaf(high))], 1.5F);
}

TEST(ReadModel, RefusesWhatIsNoTree) {
  EXPECT_TRUE(ReadModel(TreeOf("1,-1,-1", "2,-1,-1", "1,0,0")));
  const std::tuple<const char*, const char*, const char*> bad[] = {
      {"0,-1,-1", "1,-1,-1", "1,0,0"},   {"1,1,-1", "2,2,-1", "1,0,0"},
      {"1,-1,-1", "3,-1,-1", "1,0,0"},   {"3,-1,-1", "4,-1,-1", "1,0,0"},
      {"1,-1,-1", "2,-1,-1", "2,0,0"},   {"1,-1", "2,-1", "1,0"},
      {"1.5,-1,-1", "2,-1,-1", "1,0,0"}, {"1,-1,-1", "2,-1,-1", "-1,0,0"},
      {"1,0,-1", "2,0,-1", "1,0,0"}};
  for (const auto& [left, right, feature] : bad) {
    const auto f = ReadModel(TreeOf(left, right, feature));
    ASSERT_FALSE(f) << left << " " << right << " " << feature;
    EXPECT_EQ(f.error().reason, "BadModel");
  }
}

json WithCats(const char* cats) {
  auto model = Model::Parse(*ReadFile(kModels / "categorical-3.ubj", 1 << 20));
  json document = json::parse(model->ToJson());
  document["learner"]["gradient_booster"]["model"]["cats"] = json::parse(cats);
  return document;
}

TEST(ReadModel, KeepsTheNamesOfCategories) {
  const json document = WithCats(R"({"enc":[
      {"offsets":[0,2,2,5],"values":[-61,-68,34,92,10]}, {"offsets":[],"values":[]},
      {"type":15,"values":[9007199254740993,7,-9223372036854775808]},
      {"type":9,"values":[-128,127]}],
      "feature_segments":[0,3,3,6,8], "sorted_idx":[1,2,0,2,1,0,0,1]})");
  const json wanted = document["learner"]["gradient_booster"]["model"]["cats"];
  const auto model = Model::Parse(document.dump());
  ASSERT_TRUE(model) << model.error().message;
  const auto again = Model::Parse(model->ToUbjson());
  ASSERT_TRUE(again) << again.error().message;
  const auto sliced = again->Slice(0, 1);
  for (const Model* m : {&*model, &*again, &sliced}) {
    EXPECT_EQ(json::parse(m->ToJson())["learner"]["gradient_booster"]["model"]["cats"], wanted);
  }
}

TEST(ReadModel, NamesOfCategoriesMustFit) {
  const char* numeric = R"(,{"offsets":[],"values":[]},{"offsets":[],"values":[]},
      {"offsets":[],"values":[]}])";
  const std::pair<const char*, const char*> bad[] = {
      {R"({"offsets":[0,3],"values":[1,2]})", "[0]"},
      {R"({"offsets":[0,2,1],"values":[1,2]})", "[0,1]"},
      {R"({"offsets":[0,-1],"values":[1]})", "[0]"},
      {R"({"offsets":[0,1],"values":[256]})", "[0]"},
      {R"({"offsets":[0,1]})", "[0]"},
      {R"({"type":15,"values":[1.5]})", "[0]"},
      {R"({"type":15,"values":[1e300]})", "[0]"},
      {R"({"type":7,"values":[1]})", "[0]"},
      {R"({"type":15,"values":[1]})", "[1]"},
      {R"({"type":15,"values":[1]})", "[0,0]"},
      {R"({"type":15,"values":[1]})", "\"\""}};
  for (const auto& [column, sorted] : bad) {
    const std::string cats = R"({"enc":[)" + std::string(column) + numeric +
                             R"(,"feature_segments":[],"sorted_idx":)" + sorted + "}";
    const auto model = ReadModel(WithCats(cats.c_str()).dump());
    ASSERT_FALSE(model) << cats;
    EXPECT_EQ(model.error().reason, "BadModel");
  }
  EXPECT_TRUE(ReadModel(WithCats((R"({"enc":[{"type":15,"values":[1]})" + std::string(numeric) +
                                  R"(,"feature_segments":[],"sorted_idx":[]})")
                                     .c_str())
                            .dump()));
  EXPECT_FALSE(ReadModel(WithCats(R"({"enc":[{"type":9,"values":[]}],"sorted_idx":[]})").dump()));
}

TEST(ReadModel, SaysWhatItIsNot) {
  EXPECT_THAT(ReadModel("\x80\x03hello").error().message, HasSubstr("pickle"));
  EXPECT_EQ(ReadModel("hello").error().code, Code::kDataLoss);
  EXPECT_EQ(ReadModel("").error().code, Code::kDataLoss);
  EXPECT_THAT(ReadModel("{\"a\": [1, \"b\"]}").error().message, HasSubstr("at byte"));
  EXPECT_THAT(ReadModel("{\"a\":" + std::string(100000, '[')).error().message, HasSubstr("levels"));
}

}  // namespace
}  // namespace clary::gbdt
