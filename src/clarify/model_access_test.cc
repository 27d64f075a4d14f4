#include "clarify/model_access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

namespace clary::clarify {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Three rows: an integer, a real and a text.
class ModelAccessTest : public testing::Test {
 protected:
  ModelAccessTest() {
    number_ = {.name = "n", .type = Column::Type::kInteger, .numbers = {1, 2, NAN}};
    real_ = {.name = "r", .type = Column::Type::kReal, .numbers = {0.5, 2, 3}};
    text_ = {.name = "t x", .type = Column::Type::kText, .texts = {"a", "b,\"c\"", "d"}};
    columns_ = {&number_, &real_, &text_};
    space_.emplace(columns_);
    rows_ = space_->Rows(columns_);
    config_.content_type = config_.accept_type = "text/csv";
  }
  Result<Answers> Ask(const Invoke& invoke) {
    CLARY_TRY(const auto model, ModelAccess::Make(config_, *space_, {.invoke = invoke}));
    return model->Ask(rows_);
  }
  // What the model is sent, answered with `answer`.
  std::string Sent(const std::string& answer) {
    std::string all;
    const auto done = Ask([&](const std::string& body) -> Result<std::string> {
      all += body + "|";
      return answer;
    });
    EXPECT_TRUE(done) << done.error().message;
    return all;
  }
  // As many lines of `answer` as rows are asked about.
  std::string RefusedLines(const std::string& answer) {
    const auto done = Ask([&](const std::string& body) -> Result<std::string> {
      std::stringstream lines(answer);
      std::string out, line;
      for (auto n = std::ranges::count(body, '\n'); n > 0 && std::getline(lines, line); --n) {
        out += line + "\n";
      }
      return out;
    });
    EXPECT_FALSE(done);
    return done ? "" : done.error().message;
  }
  std::string Refused(const std::string& answer) {
    const auto done = Ask([&](const std::string&) -> Result<std::string> { return answer; });
    EXPECT_FALSE(done);
    return done ? "" : done.error().message;
  }

  Column number_, real_, text_;
  std::vector<const Column*> columns_;
  std::optional<FeatureSpace> space_;
  std::vector<double> rows_;
  PredictorConfig config_;
};

TEST_F(ModelAccessTest, Requests) {
  EXPECT_EQ(Sent("1\n2\n3\n"), "1,0.5,a\n2,2,\"b,\"\"c\"\"\"\n,3,d\n|");
  config_.content_type = "application/jsonlines";
  config_.content_template = "{\"f\": $features, \"names\": $feature_names}";
  EXPECT_THAT(Sent("1\n2\n3\n"),
              HasSubstr("{\"f\": [2,2.0,\"b,\\\"c\\\"\"], \"names\": [\"n\",\"r\",\"t x\"]}\n"));
  config_.content_type = "application/json";
  config_.content_template = "{\"instances\": $records}";
  config_.record_template = "{\"kvp\": $features_kvp, \"t\": \"${t x}\"}";
  EXPECT_EQ(Sent("1\n2\n3\n"),
            "{\"instances\": [{\"kvp\": {\"n\":1,\"r\":0.5,\"t x\":\"a\"}, \"t\": \"a\"},"
            "{\"kvp\": {\"n\":2,\"r\":2.0,\"t x\":\"b,\\\"c\\\"\"}, \"t\": \"b,\\\"c\\\"\"},"
            "{\"kvp\": {\"n\":null,\"r\":3.0,\"t x\":\"d\"}, \"t\": \"d\"}]}|");
  config_.content_template = "$record";
  config_.record_template = "$features";
  EXPECT_EQ(Sent("1\n"), "[1,0.5,\"a\"]|[2,2.0,\"b,\\\"c\\\"\"]|[null,3.0,\"d\"]|");
  config_.record_template = "{\"x\": \"${nope}\"}";
  EXPECT_THAT(Ask(nullptr).error().message, HasSubstr("names the feature 'nope'"));
}

TEST_F(ModelAccessTest, AnswersInCsv) {
  const auto ask = [&](const std::string& answer) {
    auto out = Ask([&](const std::string&) -> Result<std::string> { return answer; });
    EXPECT_TRUE(out) << out.error().message;
    return out ? *out : Answers{};
  };
  EXPECT_THAT(ask("0.1\n0.2\n0.3").scores, ElementsAre(0.1, 0.2, 0.3));
  EXPECT_THAT(ask("0.1,0.2,0.3").scores, ElementsAre(0.1, 0.2, 0.3));
  EXPECT_EQ(ask("1,2\n3,4\n5,6\n").outputs, 2U);
  EXPECT_EQ(ask("yes\nno\nno\n").labels[1][0], "no");
  EXPECT_THAT(ask("yes\nno\nno\n").no_scores, HasSubstr("predictor.probability"));
  config_.label = ColumnRef(int64_t{0});
  config_.probability = ColumnRef(int64_t{1});
  const auto lists =
      ask("\"['cat','dog']\",\"[0.1,0.9]\"\n\"['cat','dog']\",\"[0.2, 0.8]\"\n"
          "\"['cat','dog']\",\"[1,0]\"\n");
  EXPECT_EQ(lists.outputs, 2U);
  EXPECT_THAT(lists.labels[0], ElementsAre("cat", "dog"));
  EXPECT_THAT(lists.scores, ElementsAre(0.1, 0.9, 0.2, 0.8, 1, 0));
  EXPECT_THAT(RefusedLines("a\nb\nc\n"),
              HasSubstr("predictor.probability is 1, but the model's line has "
                        "1 value"));
}

TEST_F(ModelAccessTest, AnswersInJson) {
  config_.accept_type = "application/jsonlines";
  config_.probability = "score";
  const auto lines = Ask([](const std::string&) -> Result<std::string> {
    return "{\"score\": 0.25}\n{\"score\": 0.5}\n{\"score\": 1}\n";
  });
  EXPECT_THAT(lines->scores, ElementsAre(0.25, 0.5, 1));
  EXPECT_THAT(RefusedLines("{\"scores\": 1}\n{\"scores\": 1}\n{\"scores\": 1}\n"),
              HasSubstr("predictor.probability 'score' finds nothing in the model's answer"));
  EXPECT_THAT(Refused("nonsense\n"), HasSubstr("no JSON: nonsense"));
  config_.accept_type = "application/json";
  config_.probability = "predictions[*].p";
  config_.label = "predictions[*].l";
  const auto document = Ask([](const std::string&) -> Result<std::string> {
    return R"({"predictions": [{"p": [0.1, 0.9], "l": "b"}, {"p": [1, 0], "l": "a"},
                               {"p": [0.5, 0.5], "l": "a"}]})";
  });
  EXPECT_EQ(document->outputs, 2U);
  EXPECT_EQ(document->labels[0][0], "b");
  EXPECT_THAT(Refused(R"({"answers": []})"), HasSubstr("finds"));
}

TEST_F(ModelAccessTest, ARequestThatFailsIsHalvedToTheRowThatDoesIt) {
  size_t asked = 0;
  const Invoke only_small = [&](const std::string& body) -> Result<std::string> {
    ++asked;
    if (std::ranges::count(body, '\n') > 1) return Fail(Code::kInvalidArgument, "", "too many");
    return "0.5\n";
  };
  EXPECT_EQ(Ask(only_small)->rows, 3U);
  const Invoke never_b = [&](const std::string& body) -> Result<std::string> {
    if (body.find("b,") != body.npos) return Fail(Code::kInvalidArgument, "", "I do not like b");
    std::string out;
    for (const char c : body) out += c == '\n' ? "0.5\n" : "";
    return out;
  };
  EXPECT_THAT(Ask(never_b).error().message,
              HasSubstr("row 2 of what the model was asked: I do not like b"));
  EXPECT_THAT(Refused("0.5\n0.5\n"), HasSubstr("the model answered 2 lines for 1 row"));
  EXPECT_THAT(Refused(""), HasSubstr("the model answered 0 lines for 1 row"));
}

TEST_F(ModelAccessTest, SeveralRequestsAtATimeAnswerInOrder) {
  constexpr size_t kRows = 5000;
  Column column{.name = "n", .type = Column::Type::kInteger, .numbers = {}};
  for (size_t r = 0; r < kRows; ++r) column.numbers.push_back(static_cast<double>(r));
  const std::vector<const Column*> columns = {&column};
  FeatureSpace space(columns);
  const auto rows = space.Rows(columns);
  const auto ask = [&](const std::string& bad) {
    const Invoke echo = [&, bad](const std::string& body) -> Result<std::string> {
      if (!bad.empty() && ("\n" + body).find("\n" + bad + "\n") != std::string::npos) {
        return Fail(Code::kInvalidArgument, "ModelError", "not this one");
      }
      return body;
    };
    const auto model =
        ModelAccess::Make(config_, space, {.invoke = echo, .requests_at_once = 3, .max_rows = 700})
            .value();
    auto answers = model->Ask(rows);
    if (bad.empty()) {
      EXPECT_EQ(model->requests(), 8U);
    }
    return answers;
  };
  EXPECT_EQ(ask("")->scores, column.numbers);
  EXPECT_THAT(ask("4321").error().message, HasSubstr("row 4322 of what the model was asked"));
}

TEST_F(ModelAccessTest, PredictedLabels) {
  AnalysisConfig config;
  config.predictor.emplace();
  config.label_values = {int64_t{1}};
  const Column bits{
      .name = "y", .type = Column::Type::kInteger, .numbers = std::vector<double>(100, 1)};
  const Column texts{.name = "y", .type = Column::Type::kText, .texts = {"cat", "dog", "cat"}};
  const auto scores = [](std::vector<double> s, size_t k) {
    return Answers{.rows = s.size() / k, .outputs = k, .scores = std::move(s)};
  };
  // A score is compared with the threshold, strictly.
  config.probability_threshold = 0.8;
  const auto bit = PredictedLabels(config, bits, scores({0.8, 0.81, 0.1}, 1)).value();
  EXPECT_THAT(bit.labels.numbers, ElementsAre(0, 1, 0));
  EXPECT_THAT(bit.scores, ElementsAre(0.8, 0.81, 0.1));
  // Whole answers are labels.
  EXPECT_THAT(PredictedLabels(config, bits, scores({1, 0, 1}, 1))->labels.numbers,
              ElementsAre(1, 0, 1));
  // Names of the scores, the highest, the first of equals.
  config.predictor->label_headers = {"cat", "dog"};
  config.label_values = {std::string("dog")};
  const auto named = PredictedLabels(config, texts, scores({.2, .8, .5, .5, 1, 0}, 2)).value();
  EXPECT_EQ(named.labels.texts, (std::vector<std::string>{"dog", "cat", "cat"}));
  EXPECT_THAT(named.scores, ElementsAre(.8, .5, 0));
  // One name: that, or not that.
  config.predictor->label_headers = {"dog"};
  config.probability_threshold = 0.5;
  EXPECT_EQ(PredictedLabels(config, texts, scores({.2, .8, .5}, 1))->labels.texts,
            (std::vector<std::string>{"not dog", "dog", "not dog"}));
  config.predictor->label_headers.clear();
  EXPECT_THAT(PredictedLabels(config, texts, scores({.2, .8, .5}, 1)).error().message,
              HasSubstr("Predicted Label Column series datatype is not the same"));
  EXPECT_THAT(PredictedLabels(config, texts, scores({.2, .8, .5, .5}, 2)).error().message,
              HasSubstr("the model answers 2 scores a row; name them by predictor.label_headers"));
}

}  // namespace
}  // namespace clary::clarify
