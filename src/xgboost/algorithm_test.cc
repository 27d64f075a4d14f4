// The built-in program on a directory laid out as /opt/ml.
#include "xgboost/algorithm.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "base/file.h"
#include "base/strings.h"
#include "clary/gbdt.h"
#include "data/columns.h"
#include "debugger/trial.h"

namespace clary::xgboost {
namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

class XgboostTest : public testing::Test {
 protected:
  void SetUp() override {
    Channel("train", "csv");
    Hyper({{"num_round", "5"}, {"objective", "binary:logistic"}, {"max_depth", "3"}});
    Write("input/data/train/a.csv", Rows(200));
  }
  static std::string Rows(int n) {
    std::string out;
    for (int i = 0; i < n; ++i) {
      const int a = i * 37 % 101;
      const int b = i * 53 % 97;
      out += std::to_string((a + b) % 5 < 2 || a > 80) + "," + std::to_string(a) + "," +
             std::to_string(b) + "\n";
    }
    return out;
  }
  void Write(const std::string& path, const std::string& text) {
    ASSERT_TRUE(MakeDirectories((base() / path).parent_path()).has_value());
    std::ofstream(base() / path, std::ios::binary) << text;
  }
  void Channel(const std::string& name, const std::string& type) {
    channels_[name] = {{"ContentType", type},
                       {"TrainingInputMode", "File"},
                       {"S3DistributionType", "FullyReplicated"},
                       {"RecordWrapperType", "None"}};
  }
  void Hyper(const json& h) { hyper_ = h; }
  fs::path base() const { return temp_.path() / "ml"; }
  pid_t Start(const std::string& version) {
    Write("input/config/hyperparameters.json", hyper_.dump());
    Write("input/config/inputdataconfig.json", channels_.dump());
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    const Fd out = *OpenFile(temp_.path() / "log", O_WRONLY | O_CREAT | O_TRUNC);
    ::dup2(out.get(), 1);
    ::_exit(RunAlgorithm(base(), version, 1));
  }
  int Wait(pid_t pid) {
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  }
  int Run(const std::string& version = "1.7-1") { return Wait(Start(version)); }
  std::string Log() const { return Read(temp_.path() / "log"); }
  std::string Failure() const { return Read(base() / "output/failure"); }
  std::string ModelBytes() const { return Read(base() / "model/xgboost-model"); }
  static std::string Read(const fs::path& path) { return ReadFile(path, 1 << 24).value_or("!"); }
  int Rounds() const {
    const auto model = gbdt::Model::Parse(ModelBytes());
    return model ? model->num_round() : -1;
  }
  // The failure's last words after "UserError: ".
  std::string UserError() {
    EXPECT_EQ(Run(), 1);
    EXPECT_EQ(ModelBytes(), "!");
    const std::string text = Failure();
    constexpr std::string_view kHead =
        "framework error: \nsagemaker_algorithm_toolkit.exceptions.UserError: ";
    EXPECT_TRUE(text.starts_with(kHead)) << text;
    EXPECT_LE(text.size(), 1024U);
    return text.size() > kHead.size() ? text.substr(kHead.size()) : "";
  }

  TempDir temp_ = *TempDir::Make();
  json hyper_;
  json channels_ = json::object();
};

TEST_F(XgboostTest, TrainsAndReportsAsTheContainerDoes) {
  Channel("validation", "csv");
  Write("input/data/validation/b.csv", Rows(50));
  ASSERT_EQ(Run(), 0) << Log();
  const std::string log = Log();
  EXPECT_THAT(log, HasSubstr(":INFO] Single node training.\n"));
  EXPECT_THAT(log, HasSubstr(":INFO] Train matrix has 200 rows and 2 columns\n"));
  EXPECT_THAT(log, HasSubstr(":INFO] Validation matrix has 50 rows\n"));
  EXPECT_THAT(log, HasSubstr("\n[0]\ttrain-logloss:0."));
  EXPECT_THAT(log, HasSubstr("\n[4]\ttrain-"));
  EXPECT_THAT(log, HasSubstr("\tvalidation-"));
  EXPECT_TRUE(fs::exists(base() / "output/success"));
  EXPECT_FALSE(fs::exists(base() / "output/failure"));
  EXPECT_TRUE(ModelBytes().starts_with("{\""));
  EXPECT_EQ(Rounds(), 5);
  EXPECT_EQ(std::distance(fs::directory_iterator(base() / "model"), {}), 1);
}

TEST_F(XgboostTest, ModelFormatFollowsTheImageVersion) {
  ASSERT_EQ(Run("3.0-5"), 0) << Log();
  EXPECT_TRUE(ModelBytes().starts_with("{L")) << ModelBytes().substr(0, 4);
  EXPECT_EQ(Rounds(), 5);
}

TEST_F(XgboostTest, EarlyStoppingNeedsAMetricAndAValidationChannel) {
  hyper_["num_round"] = "200";
  hyper_["early_stopping_rounds"] = "2";
  ASSERT_EQ(Run(), 0);
  EXPECT_EQ(Rounds(), 200);
  hyper_["eval_metric"] = "logloss";
  Channel("validation", "csv");
  std::string noise;
  for (int i = 0; i < 40; ++i) noise += std::to_string(i % 2) + "," + std::to_string(i) + ",1\n";
  Write("input/data/validation/b.csv", noise);
  ASSERT_EQ(Run(), 0) << Log();
  EXPECT_LT(Rounds(), 200);
  EXPECT_GE(Rounds(), 1);
}

TEST_F(XgboostTest, LibsvmIsTheDefaultContentType) {
  channels_["train"].erase("ContentType");
  fs::remove(base() / "input/data/train/a.csv");
  Write("input/data/train/a", "1 0:1 3:2\n0 1:1\n1 0:2\n0 2:1\n");
  Channel("validation", "libsvm");
  Write("input/data/validation/v", "1 0:1 5:1\n0 1:1\n");  // wider than train
  ASSERT_EQ(Run(), 0) << Log() << Failure();
  EXPECT_THAT(Log(), HasSubstr("Train matrix has 4 rows and 6 columns"));
}

TEST_F(XgboostTest, BadHyperparametersAndChannels) {
  hyper_["eta"] = "2";
  EXPECT_EQ(UserError(), "Hyperparameter eta: 2.0 is not in [0, 1]");
  hyper_.erase("eta");
  hyper_["no_such"] = "1";
  EXPECT_EQ(UserError(), "Extraneous hyperparameter found: no_such");
  hyper_.erase("no_such");
  Channel("test", "csv");
  EXPECT_EQ(UserError(), "Extraneous channel found: test");
  channels_.erase("test");
  channels_["train"]["ContentType"] = "text/html";
  EXPECT_THAT(UserError(), HasSubstr("text/html is not an accepted ContentType: csv, libsvm"));
  channels_.erase("train");
  Channel("validation", "csv");
  EXPECT_EQ(UserError(), "Missing required channel: train");
}

TEST_F(XgboostTest, EveryBoosterTrains) {
  for (const char* booster : {"gbtree", "dart", "gblinear"}) {
    hyper_["booster"] = booster;
    if (hyper_["booster"] == "dart") hyper_["rate_drop"] = "0.5";
    ASSERT_EQ(Run(), 0) << booster << Failure();
    EXPECT_EQ(Rounds(), std::stoi(hyper_["num_round"].get<std::string>())) << booster;
    EXPECT_THAT(ModelBytes(), HasSubstr(booster));
  }
}

TEST_F(XgboostTest, CrossValidationWritesModelsPredictionsAndMeans) {
  Channel("validation", "csv");
  const auto rows_of = [](int n) {
    std::string out;
    for (int i = 0; i < n; ++i) {
      const int a = i * 37 % 101;
      const bool flipped = i % 23 == 7;
      out += std::to_string((a > 50) != flipped) + "," + std::to_string(a) + "," +
             std::to_string(i * i % 89) + "\n";
    }
    return out;
  };
  Write("input/data/train/a.csv", rows_of(200));
  Write("input/data/validation/b.csv", rows_of(52));  // joins the training data
  hyper_["_kfold"] = "3";
  hyper_["_num_cv_round"] = "2";
  hyper_["eval_metric"] = "logloss,error";
  ASSERT_EQ(Run(), 0) << Failure();
  const std::string log = Log();
  EXPECT_THAT(log, HasSubstr("INFO] Run 2-round of 3-fold cross validation with 252 rows\n"));
  EXPECT_THAT(log, HasSubstr("INFO] Train cross validation fold 3\n"));
  EXPECT_THAT(log, HasSubstr("INFO] The metrics of round 2 cross validation\n[5]\ttrain-logloss:"));
  EXPECT_THAT(log, HasSubstr("INFO] The overall metrics of 2-round cross validation\n[5]\t"));
  EXPECT_THAT(log, HasSubstr("\tvalidation-logloss:"));
  EXPECT_EQ(ModelBytes(), "!");
  const fs::path models = base() / "model";
  EXPECT_EQ(std::distance(fs::directory_iterator(models), {}), 6);
  const std::string first = Read(models / "xgboost-model-0");
  EXPECT_EQ(gbdt::Model::Parse(Read(models / "xgboost-model-5"))->num_round(), 5);
  EXPECT_NE(first, Read(models / "xgboost-model-1"));
  EXPECT_NE(first, Read(models / "xgboost-model-3"));  // another round has other folds

  std::istringstream csv(Read(base() / "output/data/predictions.csv"));
  const std::string data = rows_of(200) + rows_of(52);
  std::istringstream labels(data);
  int rows = 0;
  int right = 0;
  for (std::string line, row; std::getline(csv, line); ++rows) {
    ASSERT_TRUE(std::getline(labels, row));
    double label;
    double probability;
    double predicted;
    ASSERT_EQ(std::sscanf(line.c_str(), "%lf,%lf,%lf", &label, &probability, &predicted), 3);
    EXPECT_EQ(label, row[0] - '0');
    EXPECT_GT(probability, 0);
    EXPECT_LT(probability, 1);
    right += label == predicted;
  }
  EXPECT_EQ(rows, 252);
  EXPECT_GT(right, 215);

  ASSERT_EQ(Run(), 0);
  EXPECT_EQ(Read(models / "xgboost-model-0"), first);  // the same folds again
}

TEST_F(XgboostTest, CrossValidationOfClassesAndOfNumbers) {
  hyper_ = {
      {"num_round", "3"}, {"objective", "multi:softprob"}, {"num_class", "3"}, {"_kfold", "4"}};
  std::string rows;
  for (int i = 0; i < 120; ++i)
    rows += std::to_string(i % 3) + "," + std::to_string(i % 3) + ",1\n";
  Write("input/data/train/a.csv", rows);
  ASSERT_EQ(Run(), 0) << Failure();
  EXPECT_THAT(Log(), testing::Not(HasSubstr("overall")));
  std::istringstream csv(Read(base() / "output/data/predictions.csv"));
  int n = 0;
  for (std::string line; std::getline(csv, line); ++n) {
    EXPECT_THAT(line, testing::StartsWith(std::to_string(n % 3) + ".000000,0."));
    EXPECT_THAT(line, testing::EndsWith("," + std::to_string(n % 3) + ".000000"));
  }
  EXPECT_EQ(n, 120);

  fs::remove_all(base() / "model");
  hyper_ = {{"num_round", "3"}, {"_kfold", "2"}};
  ASSERT_EQ(Run(), 0) << Failure();
  const std::string text = Read(base() / "output/data/predictions.csv");
  EXPECT_EQ(std::count(text.begin(), text.end(), ','), 120);  // label and prediction

  Write("input/data/train/a.csv", "0 qid:1 0:1\n1 qid:1 0:2\n0 qid:2 0:1\n");
  Channel("train", "libsvm");
  fs::remove_all(base() / "model");
  EXPECT_THAT(UserError(), HasSubstr("rows with qid cannot be split"));
}

TEST_F(XgboostTest, CrossValidationNamesTheRowOfABadLabel) {
  hyper_["_kfold"] = "2";
  std::string rows = Rows(40);
  rows.replace(rows.rfind('\n', rows.size() - 2) + 1, 1, "7");
  Write("input/data/train/a.csv", rows);
  EXPECT_EQ(Run(), 1);
  EXPECT_THAT(Failure(), HasSubstr("a.csv, row 40, column 1 (label)"));
}

TEST_F(XgboostTest, CrossValidationGoesOnFromItsCheckpoints) {
  hyper_["_kfold"] = "2";
  Write("input/config/checkpointconfig.json", R"({"LocalPath":"/opt/ml/checkpoints"})");
  ASSERT_EQ(Run(), 0) << Failure();
  const std::string log = Log();
  const std::string means = log.substr(log.find("[5]\t"));
  const std::string predictions = Read(base() / "output/data/predictions.csv");
  ASSERT_TRUE(fs::exists(base() / "checkpoints/model-1/xgboost-checkpoint.4"));
  fs::remove_all(base() / "checkpoints/model-1");
  ASSERT_EQ(Run(), 0) << Failure();
  EXPECT_THAT(Log(), HasSubstr("Resuming from the checkpoint after round 4"));
  EXPECT_EQ(Log().substr(Log().find("[5]\t")).substr(0, 60), means.substr(0, 60));
  EXPECT_EQ(Read(base() / "output/data/predictions.csv"), predictions);
}

TEST_F(XgboostTest, BadDataNamesFileRowAndColumn) {
  const fs::path file = base() / "input/data/train/a.csv";
  const auto error = [&](const std::string& text) {
    std::ofstream(file, std::ios::binary) << text;
    return UserError();
  };
  EXPECT_THAT(error("1,2,3\n0,4\n"), testing::AllOf(HasSubstr("Failed to load csv data with "
                                                              "exception:\n"),
                                                    HasSubstr("a.csv"), HasSubstr("row 2")));
  EXPECT_THAT(error("1,2,3\n0,4,abc\n"),
              testing::AllOf(HasSubstr("a.csv"), HasSubstr("row 2"), HasSubstr("column 3")));
  EXPECT_THAT(error("1,2,3\n0,1,1\n7,1,1\n"),
              testing::AllOf(HasSubstr("label must be in [0,1]"), HasSubstr("a.csv, row 3")));
  EXPECT_THAT(error(""), HasSubstr("No data in training channel path"));
  fs::remove(file);
  EXPECT_THAT(UserError(), HasSubstr("No data in training channel path"));
  Write("input/data/train/.hidden", "1,2\n");
  EXPECT_THAT(UserError(), HasSubstr("Hidden file found"));
}

TEST_F(XgboostTest, ParquetOfAllForms) {
  const fs::path golden = fs::path(CLARY_SOURCE_DIR) / "tests/golden/parquet";
  Channel("train", "application/x-parquet");
  const fs::path dir = base() / "input/data/train";
  fs::remove(dir / "a.csv");
  fs::copy(golden / "v1_snappy.parquet", dir / "1.parquet");
  fs::copy(golden / "v2_none_delta.parquet", dir / "2.parquet");
  ASSERT_EQ(Run(), 0) << Failure();
  EXPECT_THAT(Log(), HasSubstr("Train matrix has 600 rows and 12 columns"));
  fs::remove_all(base() / "model");
  fs::copy(golden / "dates.parquet", dir / "3.parquet");
  EXPECT_EQ(UserError(),
            "Failed to load parquet data with exception:\n3.parquet: column 3 ('when') holds "
            "timestamps; every column must hold numbers: convert or remove it");
}

TEST_F(XgboostTest, PipeModeReadsTheFirstEpochsFifo) {
  const std::string rows = Rows(200);
  ASSERT_EQ(Run(), 0);
  const std::string from_file = ModelBytes();
  fs::remove_all(base() / "input/data/train");
  channels_["train"]["TrainingInputMode"] = "Pipe";
  const fs::path fifo = base() / "input/data/train_0";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const pid_t pid = Start("1.7-1");
  std::ofstream(fifo, std::ios::binary) << rows;
  EXPECT_EQ(Wait(pid), 0) << Failure();
  EXPECT_EQ(ModelBytes(), from_file);
  fs::remove_all(base() / "model");

  const pid_t none = Start("1.7-1");
  std::ofstream(fifo, std::ios::binary) << "\n";
  EXPECT_EQ(Wait(none), 1);
  EXPECT_THAT(Failure(), HasSubstr("No data in training channel path"));
  channels_["train"]["ContentType"] = "text/libsvm";
  EXPECT_EQ(UserError(), "Pipe mode not supported for LibSVM.");
  channels_["train"]["ContentType"] = "text/csv";
  channels_["train"]["RecordWrapperType"] = "RecordIO";
  EXPECT_THAT(UserError(), HasSubstr("Channel configuration for 'train' channel is not supported"));
}

TEST_F(XgboostTest, ChannelsOfTwoFormatsAreRefused) {
  channels_["train"]["ContentType"] = "csv";
  Channel("validation", "text/libsvm");
  Write("input/data/validation/b.csv", "1 1:2\n");
  EXPECT_THAT(UserError(), HasSubstr("ContentType is csv and text/libsvm"));
}

TEST_F(XgboostTest, ValidationOfAnotherWidthIsRefused) {
  Channel("validation", "csv");
  Write("input/data/validation/b.csv", "1,2,3,4\n");
  EXPECT_THAT(UserError(), HasSubstr("feature_names mismatch"));
}

// docs/formats/columns.md
TEST_F(XgboostTest, ColumnsHaveTheNamesAndTypesThatTheChannelTells) {
  const std::string columns =
      R"({"version":1,"rows":4,"label":{"name":"buys","classes":["no","yes"]},"features":[
          {"name":"age","type":"number"},
          {"name":"town","type":"category","categories":["Bern","Oslo","Rome"]}]})";
  std::string rows;
  for (int i = 0; i < 60; ++i) {
    rows += std::to_string(i % 3 == 1 ? 1 : 0) + "," + std::to_string(i) + "," +
            (i % 10 == 0 ? "" : std::to_string(i % 3)) + "\n";
  }
  Write("input/data/train/a.csv", rows);
  Write("input/data/train/_columns.json", columns);
  Channel("validation", "csv");
  Write("input/data/validation/b.csv", rows);  // without a file of its own: the same columns
  for (const char* version : {"1.7-1", "3.0-5"}) {
    ASSERT_EQ(Run(version), 0) << Log();
    const auto model = gbdt::Model::Parse(ModelBytes());
    ASSERT_TRUE(model);
    EXPECT_THAT(model->ToJson(), HasSubstr(R"("feature_names":["age","town"])"));
    EXPECT_THAT(model->ToJson(), HasSubstr(R"("feature_types":["float","c"])"));
    const auto kept = data::ColumnsFromJson(model->attributes().at("clary.columns"));
    ASSERT_TRUE(kept) << kept.error().message;
    EXPECT_EQ(kept->features[1].categories, (std::vector<std::string>{"Bern", "Oslo", "Rome"}));
    EXPECT_EQ(kept->rows, 0U);
    fs::remove_all(base() / "model");
  }
  EXPECT_THAT((Run("1.5-1"), Failure()), HasSubstr("image 1.5-1 cannot train on categories"));
  hyper_["booster"] = "gblinear";
  EXPECT_THAT(UserError(), HasSubstr("booster gblinear cannot train on categories"));
  hyper_.erase("booster");
  Write("input/data/validation/b.csv", "1,2,0\n0,2,3\n");
  EXPECT_THAT(UserError(),
              HasSubstr("b.csv, row 2: 3.000000 is none of the 3 categories of 'town'"));
  Write("input/data/validation/b.csv", rows);
  Write("input/data/validation/_columns.json",
        R"({"version":1,"label":{"name":"buys"},"features":[]})");
  EXPECT_THAT(UserError(), HasSubstr("feature_names mismatch"));
  Write("input/data/validation/_columns.json", columns);
  EXPECT_EQ(Run(), 0) << Log();
  fs::remove_all(base() / "model");
  Write("input/data/train/_columns.json", R"({"version":1,"label":{"name":"y"},"features":[]})");
  EXPECT_THAT(UserError(), HasSubstr("has 0 features, the data 2"));
  Write("input/data/train/_columns.json", "{");
  EXPECT_THAT(UserError(), HasSubstr("_columns.json: is not a JSON object"));
}

TEST_F(XgboostTest, AFullDiskIsNotTheUsersFault) {
  ASSERT_TRUE(MakeDirectories(base() / "model").has_value());
  fs::create_symlink("/dev/full", base() / "model/xgboost-model.sagemaker-ignore");
  EXPECT_EQ(Run(), 1);
  EXPECT_THAT(Failure(), HasSubstr("AlgorithmError: "));
}

TEST_F(XgboostTest, SigtermSavesTheModelIfAsked) {
  hyper_["num_round"] = "1000000";
  hyper_["save_model_on_termination"] = "true";
  const pid_t pid = Start("1.7-1");
  while (Log().find("[2]\t") == std::string::npos) {
    ASSERT_EQ(::waitpid(pid, nullptr, WNOHANG), 0) << Log();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  ::kill(pid, SIGTERM);
  EXPECT_EQ(Wait(pid), 0);
  EXPECT_GE(Rounds(), 3);
}

TEST_F(XgboostTest, SigtermElseKillsAtOnce) {
  hyper_["num_round"] = "1000000";
  const pid_t pid = Start("1.7-1");
  while (Log().find("[2]\t") == std::string::npos) {
    ASSERT_EQ(::waitpid(pid, nullptr, WNOHANG), 0) << Log();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  ::kill(pid, SIGTERM);
  EXPECT_EQ(Wait(pid), 1000 + SIGTERM);
  EXPECT_EQ(ModelBytes(), "!");
}

TEST_F(XgboostTest, GoesOnFromACheckpointToTheSameModel) {
  hyper_["num_round"] = "8";
  ASSERT_EQ(Run(), 0);
  const std::string whole = ModelBytes();
  Write("input/config/checkpointconfig.json", R"({"LocalPath":"/opt/ml/checkpoints"})");
  hyper_["num_round"] = "3";
  ASSERT_EQ(Run(), 0);
  ASSERT_TRUE(fs::exists(base() / "checkpoints/xgboost-checkpoint.2"));
  // A torn newer file is passed over.
  Write("checkpoints/xgboost-checkpoint.6", "{L");
  hyper_["num_round"] = "8";
  ASSERT_EQ(Run(), 0);
  EXPECT_THAT(Log(), HasSubstr("Resuming from the checkpoint after round 2"));
  EXPECT_THAT(Log(), HasSubstr("xgboost-checkpoint.6 cannot be used"));
  EXPECT_EQ(Rounds(), 8);
  EXPECT_EQ(ModelBytes().size(), whole.size());
}

// Debugger: what training saves for it, through the whole program.
TEST_F(XgboostTest, ColumnsWithoutValuesAreAWarning) {
  const auto features = [&] { return gbdt::Model::Parse(ModelBytes())->num_feature(); };
  Write("input/data/train/a.csv", "1,2,,3\n0,4,,5\n1,1,,3\n0,5,,5\n");
  ASSERT_EQ(Run(), 0) << Log();
  EXPECT_EQ(features(), 3U);
  EXPECT_THAT(Log(), HasSubstr("a.csv: column 3 is missing in all 4 rows"));
  Write("input/data/train/a.csv", "1,2,3,\n0,4,5,\n1,1,3,\n0,5,5,\n");
  Channel("validation", "csv");
  for (const char* held_out : {"1,2,3,\n0,4,5,\n", "1,2,3\n0,,\n"}) {
    Write("input/data/validation/b.csv", held_out);
    ASSERT_EQ(Run("3.0-5"), 0) << Log();
    EXPECT_EQ(features(), 2U);
    EXPECT_THAT(Log(), HasSubstr("the data has 2 features"));
  }
  // A column may have values in the training data alone.
  Write("input/data/train/a.csv", "1,2,3\n0,4,5\n1,1,3\n0,5,5\n");
  Write("input/data/validation/b.csv", "1,2,\n0,4,\n");
  ASSERT_EQ(Run(), 0) << Log();
}

TEST_F(XgboostTest, WordsForMissingAreAWarningAColumn) {
  Write("input/data/train/a.csv", "1,NA,3\n0,?,5\n1,1,None\n0,5,5\n");
  ASSERT_EQ(Run(), 0) << Log();
  EXPECT_THAT(Log(), HasSubstr("a.csv, row 1, column 2: 'NA' is read as a missing value, as in 2"));
  EXPECT_THAT(Log(), HasSubstr("a.csv, row 3, column 3: 'None' is read as a missing value\n"));
}

TEST_F(XgboostTest, RowsOfWeightZeroAreAsIfTheyWereNotThere) {
  std::string all;
  std::string weighted;
  for (int i = 0; i < 90; ++i) {
    const std::string row = std::to_string((i * 37 % 101 + i) % 2) + "," +
                            std::to_string(i % 3 % 2) + "," + std::to_string(i * 37 % 101) + "," +
                            std::to_string(i * 53 % 97) + "\n";
    all += row;
    if (i % 3 % 2 != 0) weighted += row;
  }
  hyper_["csv_weights"] = "1";
  hyper_["subsample"] = "0.7";
  const auto models = [&](const std::string& rows, int folds) {
    Write("input/data/train/a.csv", rows);
    fs::remove_all(base() / "model");
    EXPECT_EQ(Run(), 0) << Log();
    if (folds == 0) return ModelBytes();
    std::string bytes;
    for (int f = 0; f < folds; ++f) {
      bytes += Read(base() / "model" / ("xgboost-model-" + std::to_string(f)));
    }
    return bytes;
  };
  EXPECT_EQ(models(all, 0), models(weighted, 0));
  hyper_["_kfold"] = "3";
  EXPECT_EQ(models(all, 3), models(weighted, 3));
  // Every row is predicted, also those without weight.
  Write("input/data/train/a.csv", all);
  ASSERT_EQ(Run(), 0) << Log();
  const std::string predictions = Read(base() / "output/data/predictions.csv");
  EXPECT_EQ(std::ranges::count(predictions, '\n'), 90);
}

TEST_F(XgboostTest, SurvivalTimesAreLabels) {
  hyper_ = {{"num_round", "3"}, {"objective", "survival:aft"}, {"eval_metric", "aft-nloglik"}};
  std::string csv;
  std::string libsvm;
  std::vector<float> x;
  gbdt::RowFields fields;
  for (int i = 0; i < 40; ++i) {
    const int time = 1 + i * 7 % 13;
    const bool censored = i % 3 == 0;
    const std::string label = std::to_string(censored ? -time : time);
    csv += label + "," + std::to_string(i % 11) + "," + std::to_string(i % 4) + "\n";
    libsvm += label + " 0:" + std::to_string(i % 11) + " 1:" + std::to_string(i % 4) + "\n";
    x.push_back(static_cast<float>(i % 11));
    x.push_back(static_cast<float>(i % 4));
    fields.label.push_back(static_cast<float>(censored ? -time : time));
    fields.label_lower.push_back(static_cast<float>(time));
    fields.label_upper.push_back(censored ? std::numeric_limits<float>::infinity()
                                          : static_cast<float>(time));
  }
  auto params = *gbdt::TrainParams::FromMap({{"objective", "survival:aft"}, {"num_round", "3"}});
  params.version = 107;
  const auto data = *gbdt::Dataset::FromDense(x, 40, 2, fields);
  const std::string want = gbdt::Train(params, data)->ToJson();
  Write("input/data/train/a.csv", csv);
  ASSERT_EQ(Run(), 0) << Log();
  EXPECT_EQ(ModelBytes(), want);
  EXPECT_THAT(Log(), HasSubstr("[2]\ttrain-aft-nloglik:"));
  Write("input/data/train/a.csv", libsvm);
  Channel("train", "libsvm");
  ASSERT_EQ(Run(), 0) << Log();
  EXPECT_EQ(ModelBytes(), want);
  fs::remove_all(base() / "model");
  Channel("train", "csv");
  Write("input/data/train/a.csv", "3,1\n-2,1\n0,4\n");
  EXPECT_THAT(UserError(), HasSubstr("a.csv, row 3, column 1 (label): survival:aft needs a time"));
}

TEST_F(XgboostTest, QueriesHaveOneWeight) {
  hyper_ = {{"num_round", "2"}, {"objective", "rank:ndcg"}};
  fs::remove(base() / "input/data/train/a.csv");
  Channel("train", "libsvm");
  Write("input/data/train/a", "1:2 qid:1 0:1\n0:2 qid:1 0:3\n1:1 qid:2 0:5\n0:1 qid:2 0:2\n");
  ASSERT_EQ(Run(), 0) << Log();
  fs::remove_all(base() / "model");
  Write("input/data/train/a", "1:2 qid:1 0:1\n0:2 qid:1 0:3\n1:1 qid:2 0:5\n0:3 qid:2 0:2\n");
  EXPECT_THAT(UserError(), HasSubstr("a, row 4 weighs 3, a, row 3 of the same query 1"));
}

TEST_F(XgboostTest, ListsAreComparedWithTheData) {
  hyper_["tree_method"] = "hist";
  hyper_["monotone_constraints"] = "1,0,-1";
  EXPECT_THAT(UserError(), HasSubstr("monotone_constraints has 3 items, but the data has 2"));
  hyper_["monotone_constraints"] = "1,0";
  hyper_["nthread"] = "2147483647";
  ASSERT_EQ(Run(), 0) << Log();
}

TEST_F(XgboostTest, AMetricOfOtherObjectivesIsRefused) {
  for (const char* metric : {"mlogloss", "merror", "interval-regression-accuracy"}) {
    hyper_["eval_metric"] = metric;
    EXPECT_THAT(UserError(),
                HasSubstr(std::string("metric '") + metric + "' does not fit binary:logistic"));
  }
}

class XgboostHookTest : public XgboostTest {
 protected:
  void Hook(const char* interval) {
    Write("input/config/debughookconfig.json",
          json{{"LocalPath", "/opt/ml/output/tensors"},
               {"CollectionConfigurations",
                {{{"CollectionName", "metrics"},
                  {"CollectionParameters", {{"save_interval", interval}}}}}}}
              .dump());
  }
  std::vector<int64_t> Steps(const char* tensor = "train-logloss") const {
    debugger::Trial trial(debugger::NewLocalTrialFiles(base() / "output/tensors"));
    return trial.Refresh() ? trial.Steps(tensor) : std::vector<int64_t>{-1};
  }
};

TEST_F(XgboostHookTest, EveryImageVersionSavesTensors) {
  constexpr std::pair<const char*, const char*> kImages[] = {
      {"0.90-1", "train-error"}, {"1.7-1", "train-logloss"}, {"3.0-5", "train-logloss"}};
  for (const auto& [version, tensor] : kImages) {
    Hook("2");
    ASSERT_EQ(Run(version), 0) << Log();
    EXPECT_THAT(Steps(tensor), testing::ElementsAre(0, 2, 4)) << version;
    fs::remove_all(base() / "output");
  }
}

TEST_F(XgboostHookTest, EarlyStoppingSavesItsLastRound) {
  Channel("validation", "csv");
  Write("input/data/validation/b.csv", Rows(50));
  hyper_["num_round"] = "500";
  hyper_["eval_metric"] = "logloss";
  hyper_["eta"] = "1";
  hyper_["early_stopping_rounds"] = "2";
  Hook("1000");
  ASSERT_EQ(Run(), 0) << Log();
  const auto steps = Steps();
  ASSERT_EQ(steps.size(), 2U);
  EXPECT_EQ(steps[1], Rounds() + 1);
}

TEST_F(XgboostHookTest, NumbersGoOnFromACheckpoint) {
  Write("input/config/checkpointconfig.json", R"({"LocalPath": "/opt/ml/checkpoints"})");
  ASSERT_EQ(Run(), 0) << Log();
  hyper_["num_round"] = "9";
  Hook("3");
  ASSERT_EQ(Run(), 0) << Log();
  EXPECT_THAT(Steps(), testing::ElementsAre(6, 8));
}

TEST_F(XgboostHookTest, AStoppedJobSavesItsLastRound) {
  hyper_["num_round"] = "1000000";
  Hook("1000000");
  const pid_t pid = Start("1.7-1");
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (Log().find("[3]") == std::string::npos && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  ::kill(pid, SIGTERM);
  EXPECT_EQ(Wait(pid), 1000 + SIGTERM);
  const auto steps = Steps();
  ASSERT_EQ(steps.size(), 2U);
  EXPECT_GE(steps[1], 3);
  EXPECT_EQ(ModelBytes(), "!");  // save_model_on_termination was not asked for
}

TEST_F(XgboostHookTest, ABadHookConfigurationFailsTheJob) {
  Hook("never");
  EXPECT_THAT(UserError(), HasSubstr("collection metrics: save_interval is 'never'"));
}

}  // namespace clary::xgboost
