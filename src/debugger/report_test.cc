#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/testing/manual_clock.h"
#include "debugger/report_data.h"
#include "debugger/report_figures.h"
#include "debugger/report_findings.h"
#include "debugger/report_statistics.h"
#include "debugger/tensor_writer.h"
#include "debugger/training_report.h"
#include "reports/page.h"

namespace clary::debugger {
namespace {
namespace fs = std::filesystem;
using nlohmann::json;
using testing::DoubleNear;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// --- statistics, by hand ---

TEST(Statistics, AConfusionMatrixAndItsScores) {
  const Confusion c =
      Confuse(std::vector<int>{0, 0, 1, 1, 1, 2}, std::vector<int>{0, 1, 1, 1, 0, 2}, 4);
  EXPECT_EQ(c.at(0, 1), 1);
  EXPECT_EQ(c.at(1, 1), 2);
  const ClassificationScores s = Score(c);
  EXPECT_DOUBLE_EQ(s.accuracy, 4.0 / 6);
  ASSERT_EQ(s.classes.size(), 3U);  // class 3 occurs nowhere
  EXPECT_DOUBLE_EQ(s.classes[1].scores.precision, 2.0 / 3);
  EXPECT_DOUBLE_EQ(s.classes[1].scores.recall, 2.0 / 3);
  EXPECT_DOUBLE_EQ(s.macro.recall, (0.5 + 2.0 / 3 + 1) / 3);
  EXPECT_DOUBLE_EQ(s.weighted.recall, 4.0 / 6);
}

TEST(Statistics, TiedScoresCountHalfInTheAuc) {
  const BinaryCurve c =
      MakeCurve(std::vector<float>{0.9F, 0.5F, 0.5F, 0.1F}, std::vector<uint8_t>{1, 1, 0, 0});
  EXPECT_DOUBLE_EQ(c.auc, 0.875);  // of four pairs three and a half
  ASSERT_EQ(c.points.size(), 3U);
  EXPECT_EQ(c.points[1].tp, 2);
  EXPECT_EQ(c.points[1].fp, 1);
  EXPECT_DOUBLE_EQ(c.average_precision, 0.5 * 1 + 0.5 * (2.0 / 3));
  const std::vector<double> gains = CumulativeGains(c);
  EXPECT_DOUBLE_EQ(gains[25], 0.5);
  EXPECT_DOUBLE_EQ(gains[50], 0.75);  // half of the tied pair
  EXPECT_DOUBLE_EQ(gains[100], 1);
}

TEST(Statistics, WhatDoesNotExistIsNaN) {
  EXPECT_TRUE(
      std::isnan(MakeCurve(std::vector<float>{0.9F, 0.5F}, std::vector<uint8_t>{1, 1}).auc));
  const BinaryCurve none = MakeCurve(std::vector<float>{0.9F}, std::vector<uint8_t>{0});
  EXPECT_TRUE(std::isnan(none.auc));
  EXPECT_TRUE(std::isnan(none.average_precision));
  EXPECT_TRUE(CumulativeGains(none).empty());
  EXPECT_TRUE(PrecisionRecallLine(none).empty());
  const ClassificationScores s = Score(Confuse(std::vector<int>{0, 0}, std::vector<int>{0, 1}, 2));
  EXPECT_TRUE(std::isnan(s.classes[1].scores.recall)) << "no row is of class 1";
  EXPECT_EQ(s.classes[1].scores.precision, 0);
  EXPECT_DOUBLE_EQ(s.macro.recall, 0.25) << "as scikit-learn's zero_division=0";
  const Scorecard constant = ScoreNumbers(std::vector<float>{2, 2}, std::vector<float>{1, 3});
  EXPECT_TRUE(std::isnan(constant.r2));
  EXPECT_TRUE(std::isnan(constant.skew));
  EXPECT_TRUE(std::isnan(ScoreNumbers(std::vector<float>{0, 0}, std::vector<float>{1, 3}).mape));
  EXPECT_TRUE(std::isnan(ScoreNumbers({}, {}).rmse));
  EXPECT_TRUE(std::isnan(Calibrate({}, {}).brier));
  EXPECT_TRUE(std::isnan(StabilityIndex(std::vector<int64_t>{1}, std::vector<int64_t>{0})));
}

TEST(Statistics, EqualPredictionsStayTogether) {
  const auto groups =
      GroupsByPrediction(std::vector<float>{0, 1, 0, 1, 5}, std::vector<float>{2, 2, 2, 2, 9}, 5);
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[0].rows, 4);
  EXPECT_EQ(groups[0].observed, 0.5);
  EXPECT_EQ(groups[1].observed, 5);
}

TEST(Statistics, APrecisionRecallLineStartsAtThePrecisionOfTheBestScore) {
  const BinaryCurve c =
      MakeCurve(std::vector<float>{0.9F, 0.9F, 0.5F}, std::vector<uint8_t>{1, 0, 1});
  using Point = std::pair<double, double>;
  EXPECT_THAT(PrecisionRecallLine(c),
              ElementsAre(Point{0, 0.5}, Point{0.5, 0.5}, Point{1, 2.0 / 3}));
}

TEST(Statistics, NumbersOfARegression) {
  const Scorecard s = ScoreNumbers(std::vector<float>{1, 2, 3, 0}, std::vector<float>{2, 2, 5, 0});
  EXPECT_DOUBLE_EQ(s.mae, 0.75);
  EXPECT_DOUBLE_EQ(s.rmse, std::sqrt(5.0 / 4));
  EXPECT_DOUBLE_EQ(s.r2, 0);  // 1 - 5 / 5
  EXPECT_DOUBLE_EQ(s.max_error, 2);
  EXPECT_DOUBLE_EQ(s.median_error, 0.5);
  EXPECT_EQ(s.mape_rows, 3);
  EXPECT_DOUBLE_EQ(s.mape, (1.0 + 0 + 2.0 / 3) / 3);
}

TEST(Statistics, AutoBinsAreNumpys) {
  const Histogram h = AutoHistogram(std::vector<double>{0, 0, 1, 2, 3, 4, 4, 9});
  // ptp 9; Sturges 9 / (log2 8 + 1) = 2.25; Freedman-Diaconis 2 * (4 - 0.75) / 2 = 3.25
  EXPECT_EQ(h.counts, (std::vector<int64_t>{4, 3, 0, 1}));
  EXPECT_EQ(h.edges, (std::vector<double>{0, 2.25, 4.5, 6.75, 9}));
  EXPECT_EQ(AutoHistogram(std::vector<double>{2, 2}).edges, (std::vector<double>{1.5, 2.5}));
  EXPECT_TRUE(AutoHistogram({}).counts.empty());
}

TEST(Statistics, ErrorsByLabelHaveHolesWhereNoRowIs) {
  const BinErrors e = ErrorsByLabel(std::vector<float>{0, 10, 10}, std::vector<float>{1, 10, 7}, 5);
  EXPECT_EQ(e.rows, (std::vector<int64_t>{1, 0, 0, 0, 2}));
  EXPECT_DOUBLE_EQ(e.errors[0], 1);
  EXPECT_TRUE(std::isnan(e.errors[1]));
  EXPECT_DOUBLE_EQ(e.errors[4], 1.5);
}

TEST(Statistics, ConcordanceSkipsPairsThatCensoringHides) {
  // Events at 1 and 3; censored at 2. Pairs: (1,2), (1,3); nobody outlives 3.
  EXPECT_DOUBLE_EQ(Concordance(std::vector<float>{1, -2, 3}, std::vector<float>{9, 1, 5}), 1);
  EXPECT_DOUBLE_EQ(Concordance(std::vector<float>{1, -2, 3}, std::vector<float>{5, 9, 1}), 0.5);
  EXPECT_TRUE(std::isnan(Concordance(std::vector<float>{-1, -2}, std::vector<float>{5, 9})));
}

TEST(Statistics, KaplanMeierStepsAtEventsOnly) {
  const auto curve = KaplanMeier({3, -2, 1, 4});
  ASSERT_EQ(curve.size(), 4U);
  EXPECT_EQ(curve[1], (std::pair<double, double>{1, 0.75}));
  EXPECT_EQ(curve[2], (std::pair<double, double>{3, 0.375}));  // two at risk
  EXPECT_EQ(curve[3].second, 0);
}

TEST(Statistics, CalibrationWeighsBinsByRows) {
  const Calibration c =
      Calibrate(std::vector<float>{0.05F, 0.05F, 1.0F}, std::vector<uint8_t>{0, 1, 1});
  EXPECT_EQ(c.bins[0].rows, 2);
  EXPECT_EQ(c.bins[9].rows, 1);  // 1 belongs to the last bin
  EXPECT_THAT(c.error, DoubleNear(0.45 * 2 / 3, 1e-7));
}

TEST(Statistics, AThinnedLineKeepsItsEnds) {
  std::vector<std::pair<double, double>> line;
  for (int i = 0; i <= 10'000; ++i) line.emplace_back(i / 1e4, i / 1e4);
  const auto thin = ThinLine(line, 100);
  EXPECT_LE(thin.size(), 101U);
  EXPECT_EQ(thin.front(), line.front());
  EXPECT_EQ(thin.back(), line.back());
}

// --- reports ---

class Job {
 public:
  Job() : dir_(*TempDir::Make()) {
    HookConfig config;
    for (const char* name : {"metrics", "losses", "labels", "predictions", "feature_importance",
                             "hyperparameters", "clary_report"}) {
      config.collections.push_back({.name = name, .include_regex = {}});
    }
    writer_ = *TensorWriter::Open(dir_.path() / "tensors", config, clock_);
  }
  void Add(const char* collection, Tensor t) { writer_->Add(collection, std::move(t)); }
  void Finish(int64_t step) { ASSERT_TRUE(writer_->FinishStep(step)); }
  void End() { ASSERT_TRUE(writer_->Close()); }
  // A line of a metric over rounds 0, 1, ...
  void Metrics(const std::vector<double>& train, const std::vector<double>& validation) {
    for (size_t i = 0; i < validation.size(); ++i) {
      if (!train.empty()) Add("metrics", Scalar("train-logloss", train[i]));
      Add("metrics", Scalar("validation-logloss", validation[i]));
      Finish(static_cast<int64_t>(i));
    }
  }
  Status Write() {
    Trial trial(NewLocalTrialFiles(dir_.path() / "tensors"));
    CLARY_CHECK_OK(trial.Refresh());
    return WriteTrainingReport(trial, context, dir_.path() / "report");
  }
  json File(const std::string& name) {
    const auto text = ReadFile(dir_.path() / "report/xgboost-reports" / (name + ".json"), 1 << 26);
    return text ? json::parse(*text) : json();
  }
  std::string Page() { return *ReadFile(dir_.path() / "report/xgboost_report.html", 1 << 26); }
  std::vector<std::string> Findings() {
    std::vector<std::string> out;
    const json file = File("Findings");
    for (const json& f : file.at("findings")) out.push_back(f.at("id"));
    return out;
  }

  ReportContext context{.job_name = "job", .hyperparameters = {{"objective", "binary:logistic"}}};

 private:
  TempDir dir_;
  ManualClock clock_;
  std::unique_ptr<TensorWriter> writer_;
};

json ModelOf(const std::string& page) {
  const std::string open = "type=\"application/json\">";
  const size_t begin = page.find(open) + open.size();
  return json::parse(page.substr(begin, page.find("</script>", begin) - begin));
}

TEST(TrainingReport, ATrialWithoutStepsSaysWhatToDo) {
  Job job;
  ASSERT_TRUE(job.Write());
  EXPECT_THAT(job.Findings(), ElementsAre("no-tensors"));
  EXPECT_TRUE(ModelOf(job.Page()).at("job").at("running"));
}

TEST(TrainingReport, CountsAreOfOneStepAndTheLastRoundIsShown) {
  Job job;
  for (const int step : {0, 5, 7}) {
    job.Add("labels", Vector<float>("labels", {0, 0, 1, 1}));
    job.Add("predictions",
            Vector<float>("predictions", {0.1F, 0.6F, step == 7 ? 0.9F : 0.4F, 0.8F}));
    job.Add("metrics", Scalar("validation-logloss", 0.5));
    job.Add("metrics", Scalar("validation-ndcg@5", 0.5));
    job.Add("metrics", Scalar("train-logloss", 0.5));
    job.Finish(step);
  }
  job.End();
  ASSERT_TRUE(job.Write());
  EXPECT_EQ(job.File("LabelsDistribution").at("labels_and_samples")[0].dump(),
            R"({"labels":"0","num_samples_per_label":2.0})");
  EXPECT_EQ(job.File("ConfusionMatrix").at("group_counts"), (json{1, 1, 0, 2}));
  EXPECT_EQ(job.File("ConfusionMatrix").at("stats").at("accuracy"), 0.75);
  EXPECT_EQ(job.File("IterativeClassAccuracy").at("1"), (json{0.5, 0.5, 1.0}));
  EXPECT_EQ(job.File("LossData").at("category_loss_per_step").size(), 9U);
  EXPECT_EQ(job.File("ResidualDistribution").at("plot_step"), 7);
  EXPECT_FALSE(ModelOf(job.Page()).at("job").at("running"));
}

TEST(TrainingReport, NamesCannotBecomeMarkup) {
  Job job;
  const std::string name = "</script><script>alert(1)</script><!--\xe2\x80\xa8&\xff\"'";
  job.context.job_name = name;
  job.context.hyperparameters[name] = name;
  job.context.rules = {{name, name, "IssuesFound", name}};
  job.Add("feature_importance", Scalar("feature_importance/gain/" + name, 1));
  job.Add("clary_report", Vector<std::string>("clary_report/trees", {name}));
  job.Metrics({}, {1, 0.5});
  job.End();
  ASSERT_TRUE(job.Write());
  const std::string page = job.Page();
  // The page has the scripts of an empty one and nothing more.
  const auto count = [](std::string_view text, std::string_view part) {
    size_t n = 0;
    for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++n;
    return n;
  };
  for (const char* part : {"<script", "</script", "<!--", "alert(1)</script>"}) {
    EXPECT_EQ(count(page, part), count(reports::RenderPage("", "{}"), part)) << part;
  }
  EXPECT_EQ(count(page, "\xff"), 0U);
  const json model = ModelOf(page);
  EXPECT_EQ(model.at("importance").at("gain")[0][0],
            "</script><script>alert(1)</script><!--\u2028&\ufffd\"'");
  EXPECT_EQ(count(page, "<title>&lt;/script&gt;"), 1U);
}

TEST(TrainingReport, BrokenShapesAreAnErrorThatNamesTheTensor) {
  Job job;
  job.Add("labels", Vector<float>("labels", {0, 1, 1}));
  job.Add("predictions", Vector<float>("predictions", {0.1F, 0.6F}));
  job.Finish(0);
  const auto status = job.Write();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kDataLoss);
  EXPECT_THAT(status.error().message, HasSubstr("predictions: 2 values for 3 labels at step 0"));
}

TEST(Findings, OverfittingNamesTheRoundAndTheRemedy) {
  Job job;
  job.context.hyperparameters["eta"] = "0.4";
  std::vector<double> train, validation;
  for (int i = 0; i < 60; ++i) {
    train.push_back(0.7 * std::exp(-i / 15.0));
    validation.push_back(i <= 20 ? 0.7 - 0.02 * i : 0.3 + 0.004 * (i - 20));
  }
  job.Metrics(train, validation);
  job.End();
  ASSERT_TRUE(job.Write());
  const json finding = job.File("Findings").at("findings")[0];
  EXPECT_EQ(finding.at("id"), "overfitting");
  EXPECT_EQ(finding.at("level"), "problem");
  EXPECT_EQ(finding.at("title"), "Overfitting from round 20 on");
  const std::string advice = finding.at("advice");
  EXPECT_THAT(advice, HasSubstr("early_stopping_rounds=6"));
  EXPECT_THAT(advice, HasSubstr("num_round=21"));
  EXPECT_THAT(advice, HasSubstr("a smaller eta (now 0.4)"));
}

TEST(Findings, AValidationMetricThatDriftsWithTheTrainingMetricIsNoOverfitting) {
  Job job;
  std::vector<double> both;
  for (int i = 0; i < 40; ++i) both.push_back(i < 20 ? 0.7 - 0.02 * i : 0.3 + 0.01 * (i - 20));
  job.Metrics(both, both);
  job.End();
  ASSERT_TRUE(job.Write());
  EXPECT_THAT(job.Findings(), Not(testing::Contains("overfitting")));
}

// Rounds 0 to 2 are delivered of 6; steps 0 and 5 were saved.
TEST(TrainingReport, IsOfTheDeliveredModelEverywhere) {
  Job job;
  job.context.hyperparameters["early_stopping_rounds"] = "3";
  const std::vector<double> line = {0.7, 0.6, 0.5, 0.6, 0.8, 0.9};
  for (const int step : {0, 5}) {
    job.Add("metrics", Scalar("validation-logloss", line[static_cast<size_t>(step)]));
    job.Add("labels", Vector<float>("labels", {0, 0, 1, 1}));
    job.Add("predictions", Vector<float>("predictions", {0.9F, 0.9F, 0.9F, 0.9F}));
    if (step == 0) {
      job.Add("clary_report", Vector<double>("clary_report/rows", {9, 4}));
      job.Add("clary_report", Vector<std::string>("clary_report/feature_names", {"a", "b"}));
    } else {
      job.Add("clary_report", Vector<int64_t>("clary_report/delivered_rounds", {3}));
      job.Add("clary_report", Vector<double>("clary_report/metrics/validation-logloss", line));
      job.Add("clary_report", Vector<float>("clary_report/predictions", {0.1F, 0.2F, 0.8F, 0.3F}));
      job.Add("clary_report", Vector<double>("clary_report/importance/gain", {0.25, 0.75}));
      job.Add("feature_importance", Scalar("feature_importance/gain/a", 1));
    }
    job.Finish(step);
  }
  job.End();
  ASSERT_TRUE(job.Write());
  EXPECT_EQ(job.File("ConfusionMatrix").at("group_counts"), (json{2, 0, 1, 1}));
  EXPECT_EQ(job.File("ResidualDistribution").at("plot_step"), 2);
  EXPECT_EQ(job.File("IterativeClassAccuracy").at("1"), (json{1.0, 0.5}));
  EXPECT_EQ(job.File("LossData").at("category_loss_per_step").size(), 6U) << "every round";
  EXPECT_EQ(job.File("FeatureImportance").at("features").at("gain")[0].at("feature"), "b");
  EXPECT_THAT(job.Findings(), testing::Contains("early-stopped"));
  EXPECT_THAT(job.Findings(), Not(testing::Contains("overfitting")));
  EXPECT_EQ(job.File("Findings").at("summary"),
            "validation-logloss is 0.5 after 3 rounds, its best value. Training went on to round "
            "5; early stopping left the later rounds out of the model.");
  const json model = ModelOf(job.Page());
  EXPECT_EQ(model.at("step"), 2);
  EXPECT_EQ(model.at("job").at("rounds"), 3);
  EXPECT_EQ(model.at("job").at("trainedRounds"), 6);
  const json series = model.at("metrics").at("series")[0];
  EXPECT_EQ(series.at("now"), (json{2, 0.5}));
  EXPECT_EQ(series.at("best"), series.at("now"));
}

TEST(TrainingReport, WhatDoesNotExistIsNullInItsFiles) {
  Job job;
  job.Add("labels", Vector<float>("labels", {1, 1, 1}));
  job.Add("predictions", Vector<float>("predictions", {0.2F, 0.3F, std::nanf("")}));
  job.Add("metrics", Scalar("validation-auc", std::nan("")));
  job.Finish(0);
  job.End();
  ASSERT_TRUE(job.Write());
  EXPECT_EQ(job.File("ROCCurve").at("curves")[0].at("auc"), nullptr);
  EXPECT_EQ(job.File("ConfusionMatrix").at("stats").at("precision"), nullptr) << "none predicted";
  EXPECT_EQ(job.File("ConfusionMatrix").at("stats").at("recall"), 0);
  EXPECT_EQ(job.File("LossData").at("category_loss_per_step")[0].at("loss"), nullptr);
  EXPECT_EQ(job.File("Calibration").at("bins")[9].at("observed"), nullptr);
  EXPECT_THAT(job.Findings(), testing::Contains("not-finite"));
  EXPECT_EQ(job.File("Findings").at("summary"), "validation-auc was a number in no round.");
}

TEST(Findings, ValuesBeyondTheTrainingRangeComeBeforeOverfitting) {
  Job job;
  std::vector<double> train, validation;
  for (int i = 0; i < 60; ++i) {
    train.push_back(0.7 * std::exp(-i / 15.0));
    validation.push_back(i <= 20 ? 0.7 - 0.02 * i : 0.3 + 0.004 * (i - 20));
  }
  job.Add("clary_report", Vector<std::string>("clary_report/feature_names", {"month", "x"}));
  job.Add("clary_report", Vector<double>("clary_report/rows", {150, 100}));
  const auto add = [&](const char* name, std::vector<double> v) {
    job.Add("clary_report", Vector(std::string("clary_report/") + name, std::move(v)));
  };
  add("data/missing", {0, 0});
  add("data/min", {1, 0});
  add("data/max", {9, 1});
  add("validation/missing", {0, 0});
  add("validation/min", {10, 0});
  add("validation/max", {12, 1.01});
  add("validation/outside", {1, 0.01});
  job.Add("feature_importance", Scalar("feature_importance/total_gain/month", 0.6));
  job.Metrics(train, validation);
  job.End();
  ASSERT_TRUE(job.Write());
  EXPECT_THAT(job.Findings(), ElementsAre("feature-range", "overfitting"));
  const json findings = job.File("Findings");
  EXPECT_EQ(findings.at("headline"), "Validation values of month leave the training range");
  EXPECT_THAT(findings.at("findings")[0].at("detail").get<std::string>(),
              HasSubstr("month: 1 to 9 in training, 10 to 12 in validation, 100 % of the values"));
  EXPECT_THAT(findings.at("findings")[1].at("advice").get<std::string>(), HasSubstr("month"));
}

TEST(Findings, WithoutValidationNothingIsSaidOfIt) {
  Job job;
  std::vector<float> labels, predictions;
  for (int i = 0; i < 400; ++i) {
    labels.push_back(i % 2 == 0);
    predictions.push_back(i % 2 == 0 ? 0.7F : 0.2F);
  }
  for (int step = 0; step < 10; ++step) {
    job.Add("metrics", Scalar("train-logloss", 1.0 / (1 + step)));
    job.Add("labels", Vector("labels", labels));
    job.Add("predictions", Vector("predictions", predictions));
    job.Add("clary_report", Vector<double>("clary_report/rows", {400, 0}));
    job.Add("clary_report", Vector<float>("clary_report/train_labels", labels));
    job.Finish(step);
  }
  job.End();
  ASSERT_TRUE(job.Write());
  EXPECT_THAT(job.Findings(), ElementsAre("no-validation")) << "not leakage, not calibration";
  const json model = ModelOf(job.Page());
  EXPECT_FALSE(model.at("job").at("validated"));
  EXPECT_TRUE(model.at("labels").at("train").empty());
}

TEST(Findings, MoreRoundsWhileItImproves) {
  Job job;
  std::vector<double> line;
  for (int i = 0; i < 30; ++i) line.push_back(1 - 0.02 * i);
  job.Metrics(line, line);
  ASSERT_TRUE(job.Write());
  EXPECT_THAT(job.Findings(), ElementsAre());  // still running
  job.End();
  ASSERT_TRUE(job.Write());
  EXPECT_THAT(job.Findings(), ElementsAre("still-improving"));
}

TEST(Findings, ImbalanceAndLeakage) {
  Job job;
  std::vector<float> labels, predictions;
  for (int i = 0; i < 500; ++i) {
    labels.push_back(i % 25 == 0);
    predictions.push_back(i % 25 == 0 ? 0.99F : 0.01F);
  }
  job.Add("labels", Vector("labels", labels));
  job.Add("predictions", Vector("predictions", predictions));
  job.Add("feature_importance", Scalar("feature_importance/total_gain/paid", 0.97));
  job.Add("feature_importance", Scalar("feature_importance/total_gain/age", 0.03));
  job.Finish(0);
  job.End();
  ASSERT_TRUE(job.Write());
  EXPECT_THAT(job.Findings(), ElementsAre("class-imbalance", "leakage"));
  EXPECT_THAT(job.File("Findings").dump(), HasSubstr("Check whether paid is known"));
  EXPECT_THAT(job.File("Findings").dump(), HasSubstr("scale_pos_weight=24"));
}

TEST(Data, EveryObjectiveHasATask) {
  EXPECT_EQ(TaskOf("binary:logitraw"), Task::kBinary);
  EXPECT_EQ(TaskOf("multi:softmax"), Task::kMulticlass);
  EXPECT_EQ(TaskOf("rank:pairwise"), Task::kRanking);
  EXPECT_EQ(TaskOf("survival:aft"), Task::kSurvival);
  EXPECT_EQ(TaskOf("count:poisson"), Task::kCount);
  EXPECT_EQ(TaskOf("reg:tweedie"), Task::kRegression);
  EXPECT_TRUE(IsMaximized("ndcg@5-"));
  EXPECT_TRUE(IsMaximized("auc"));
  EXPECT_FALSE(IsMaximized("logloss"));
}

}  // namespace
}  // namespace clary::debugger
