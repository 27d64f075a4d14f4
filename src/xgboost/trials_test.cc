// The program of a trial host, its trials beside jobs that run alone.
#include "xgboost/trials.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/file.h"
#include "base/message_socket.h"
#include "xgboost/algorithm.h"

namespace clary::xgboost {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

class TrialsTest : public testing::Test {
 protected:
  void SetUp() override {
    Write("input/config/inputdataconfig.json",
          json{{"train", {{"ContentType", "csv"}, {"TrainingInputMode", "File"}}},
               {"validation", {{"ContentType", "csv"}, {"TrainingInputMode", "File"}}}}
              .dump());
    Write("input/data/train/a.csv", Rows(300));
    Write("input/data/validation/b.csv", Rows(80));
    auto ends = *MakeMessagePair();
    socket_ = std::move(ends.ours);
    program_ = ::fork();
    if (program_ == 0) {
      ::close(socket_.get());
      ::_exit(RunTrials(base(), "1.7-1", ends.theirs.release()));
    }
  }
  void TearDown() override {
    socket_ = Fd();
    int status = 0;
    ::waitpid(program_, &status, 0);
    EXPECT_EQ(status, 0) << "the program ends when nobody asks for anything any more";
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
  fs::path base() const { return temp_.path() / "ml"; }
  fs::path Trial(int number) const { return base() / "trials" / std::to_string(number); }
  void Write(const fs::path& path, const std::string& text) {
    ASSERT_TRUE(MakeDirectories((base() / path).parent_path()));
    std::ofstream(base() / path, std::ios::binary) << text;
  }
  static std::string Read(const fs::path& path) { return ReadFile(path, 1 << 24).value_or("!"); }

  void Start(int number, const json& hyperparameters) {
    Write("trials/" + std::to_string(number) + "/input/config/hyperparameters.json",
          hyperparameters.dump());
    std::vector<Fd> output;
    output.push_back(
        *OpenFile(temp_.path() / ("log" + std::to_string(number)), O_WRONLY | O_CREAT | O_TRUNC));
    ASSERT_TRUE(SendMessage(socket_.get(), "run " + std::to_string(number) + " 1", output));
  }
  // Exit codes by number, of the next `count` trials that end.
  std::map<int, int> Ends(size_t count) {
    std::map<int, int> out;
    while (out.size() < count) {
      const auto message = ReceiveMessage(socket_.get());
      if (!message) break;
      int number = 0;
      int code = 0;
      EXPECT_EQ(std::sscanf(message->text.c_str(), "end %d %d", &number, &code), 2);
      out[number] = code;
    }
    return out;
  }
  // What was printed, without the times.
  static std::string Words(const std::string& log) {
    std::string out;
    std::istringstream lines(log);
    for (std::string line; std::getline(lines, line);) {
      out += (line.starts_with("[20") ? line.substr(20) : line) + "\n";
    }
    return out;
  }
  std::string Log(int number) const {
    return Words(Read(temp_.path() / ("log" + std::to_string(number))));
  }
  // The same as a job by itself: its exit code, and its log and model there.
  int Alone(const json& hyperparameters) {
    fs::remove_all(temp_.path() / "alone");
    fs::create_directories(temp_.path() / "alone");
    fs::copy(base() / "input", temp_.path() / "alone/input", fs::copy_options::recursive);
    std::ofstream(temp_.path() / "alone/input/config/hyperparameters.json")
        << hyperparameters.dump();
    const pid_t pid = ::fork();
    if (pid == 0) {
      const Fd out = *OpenFile(temp_.path() / "alone/log", O_WRONLY | O_CREAT | O_TRUNC);
      ::dup2(out.get(), 1);
      ::_exit(RunAlgorithm(temp_.path() / "alone", "1.7-1", 1));
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WEXITSTATUS(status);
  }

  TempDir temp_ = *TempDir::Make();
  Fd socket_;
  pid_t program_ = -1;
};

json Parameters(int depth, const json& more = json::object()) {
  json out = {{"num_round", "6"},
              {"objective", "binary:logistic"},
              {"max_depth", std::to_string(depth)},
              {"_tuning_objective_metric", "validation:auc"}};
  out.update(more);
  return out;
}

TEST_F(TrialsTest, LeaveWhatJobsByThemselvesLeave) {
  const std::vector<json> trials = {
      Parameters(2),
      Parameters(5, {{"max_bin", "16"}, {"subsample", "0.7"}}),
      Parameters(3, {{"booster", "dart"}, {"rate_drop", "0.3"}, {"nthread", "1"}}),
      Parameters(3, {{"booster", "gblinear"}}),
      Parameters(4, {{"tree_method", "exact"}}),
      Parameters(2, {{"early_stopping_rounds", "2"}, {"eta", "1.5"}}),
      Parameters(2, {{"_kfold", "3"}}),
      Parameters(4, {{"_kfold", "3"}, {"max_bin", "16"}}),
      Parameters(4, {{"_kfold", "3"}, {"tree_method", "exact"}}),
      Parameters(3, {{"_kfold", "2"}, {"_num_cv_round", "2"}}),
      Parameters(2, {{"csv_weights", "1"}}),
      Parameters(2, {{"max_depth", "-1"}}),                                 // refused
      Parameters(2, {{"objective", "multi:softmax"}, {"num_class", "1"}}),  // labels do not fit
      Parameters(2, {{"objective", "multi:softmax"}, {"num_class", "1"}, {"_kfold", "3"}})};
  for (size_t i = 0; i < trials.size(); ++i) Start(static_cast<int>(i), trials[i]);
  const auto ends = Ends(trials.size());
  for (size_t i = 0; i < trials.size(); ++i) {
    const int number = static_cast<int>(i);
    const int code = Alone(trials[i]);
    SCOPED_TRACE(trials[i].dump());
    ASSERT_TRUE(ends.contains(number));
    EXPECT_EQ(ends.at(number), code);
    EXPECT_EQ(Log(number), Words(Read(temp_.path() / "alone/log")));
    for (const char* file :
         {"model/xgboost-model", "model/xgboost-model-0", "model/xgboost-model-1",
          "output/data/predictions.csv", "output/failure"}) {
      EXPECT_EQ(Read(Trial(number) / file), Read(temp_.path() / "alone" / file)) << file;
    }
  }
}

TEST_F(TrialsTest, ChannelsThatCannotBeReadFailEachInItsOwnWords) {
  Write("input/data/train/a.csv", "1,2\n0,x\n");
  Start(1, Parameters(2));
  Start(2, Parameters(3));
  EXPECT_EQ(Ends(2), (std::map<int, int>{{1, 1}, {2, 1}}));
  EXPECT_THAT(Read(Trial(2) / "output/failure"), HasSubstr("a.csv"));
  EXPECT_EQ(Read(Trial(1) / "output/failure"), Read(Trial(2) / "output/failure"));
}

TEST_F(TrialsTest, EachIsStoppedByItself) {
  const json endless = {{"num_round", "100000000"}};
  Start(1, Parameters(2, endless));
  Start(2, Parameters(2, {{"num_round", "100000000"}, {"save_model_on_termination", "true"}}));
  Start(3, Parameters(2, endless));
  Start(4, Parameters(2));
  EXPECT_EQ(Ends(1), (std::map<int, int>{{4, 0}}));
  ASSERT_TRUE(SendMessage(socket_.get(), "stop 1"));
  EXPECT_EQ(Ends(1), (std::map<int, int>{{1, 128 + SIGTERM}}));
  ASSERT_TRUE(SendMessage(socket_.get(), "stop 2"));
  EXPECT_EQ(Ends(1), (std::map<int, int>{{2, 0}}));
  EXPECT_NE(Read(Trial(2) / "model/xgboost-model"), "!");
  ASSERT_TRUE(SendMessage(socket_.get(), "kill 3"));
  EXPECT_EQ(Ends(1), (std::map<int, int>{{3, 128 + SIGKILL}}));
  ASSERT_TRUE(SendMessage(socket_.get(), "stop 77")) << "of nobody";
  Start(5, Parameters(2));
  EXPECT_EQ(Ends(1), (std::map<int, int>{{5, 0}}));
}

TEST(TrialCommand, IsUnderstoodOrRefused) {
  const auto run = ParseTrialCommand("run 3 2 0 1");
  ASSERT_TRUE(run);
  EXPECT_EQ(run->number, 3);
  EXPECT_EQ(run->cores, 2);
  EXPECT_EQ(run->pins, (std::vector<int>{0, 1}));
  EXPECT_EQ(ParseTrialCommand("stop 4")->kind, TrialCommand::Kind::kStop);
  EXPECT_EQ(ParseTrialCommand("kill 4")->kind, TrialCommand::Kind::kKill);
  for (const char* bad : {"", "run", "run 1", "run x 1", "run -1 1", "run 1 1 99999", "stop",
                          "stop 1 2", "walk 1", "run 99999999999 1"}) {
    EXPECT_FALSE(ParseTrialCommand(bad)) << bad;
  }
}

}  // namespace
}  // namespace clary::xgboost
