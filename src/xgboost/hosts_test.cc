// Jobs of several hosts: processes that meet over TCP on one machine.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/file.h"
#include "debugger/trial.h"
#include "xgboost/internal/run.h"

namespace clary::xgboost {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

// One that is free, as is the next one, and that the kernel gives nobody who asks for any.
uint16_t FreePort() {
  const auto is_free = [](int port) {
    const Fd fd(::socket(AF_INET6, SOCK_STREAM, 0));
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(static_cast<uint16_t>(port));
    return ::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  };
  static int next = 20'000 + static_cast<int>(::getpid()) % 1000 * 10;
  while (!is_free(next) || !is_free(next + 1)) next = next < 31'000 ? next + 2 : 20'000;
  return static_cast<uint16_t>(std::exchange(next, next + 2));
}

class HostsTest : public testing::Test {
 protected:
  // Names sort in this order, and all lead to this machine.
  static std::string Name(size_t k) { return "127.0.0." + std::to_string(k + 1); }
  fs::path base(size_t k) const { return temp_.path() / ("ml-" + std::to_string(k)); }
  static std::string Rows(int first, int count) {
    std::string out;
    for (int i = first; i < first + count; ++i) {
      const int a = i * 37 % 101;
      const int b = i * 53 % 97;
      out += std::to_string((a + b) % 5 < 2 || a > 80) + "," + std::to_string(a) + "," +
             std::to_string(b) + "\n";
    }
    return out;
  }
  static void Write(const fs::path& path, const std::string& text) {
    ASSERT_TRUE(MakeDirectories(path.parent_path()));
    std::ofstream(path, std::ios::binary) << text;
  }
  std::string Read(size_t k, const std::string& name) const {
    return ReadFile(base(k) / name, 1 << 24).value_or("!");
  }

  // Runs a host for each text, the rows of its training channel; an empty one is a folder without
  // files. Their exit statuses.
  std::vector<int> Train(const std::vector<std::string>& parts,
                         const std::function<void(const std::vector<pid_t>&)>& meanwhile = {}) {
    std::vector<std::string> names;
    for (size_t k = 0; k < parts.size(); ++k) names.push_back(Name(k));
    const uint16_t port = FreePort();
    std::vector<pid_t> started;
    for (size_t k = 0; k < parts.size(); ++k) {
      std::error_code ec;
      fs::remove_all(base(k), ec);
      const fs::path config = base(k) / "input/config";
      Write(config / "hyperparameters.json", hyper_.dump());
      json channels = {{"train", {{"ContentType", "csv"}, {"TrainingInputMode", "File"}}}};
      if (!validation_.empty()) channels["validation"] = channels["train"];
      Write(config / "inputdataconfig.json", channels.dump());
      Write(config / "resourceconfig.json",
            json{{"current_host", Name(k)}, {"hosts", names}}.dump());
      EXPECT_TRUE(MakeDirectories(base(k) / "input/data/train"));
      if (!hook_.empty()) Write(config / "debughookconfig.json", hook_.dump());
      if (!parts[k].empty()) Write(base(k) / "input/data/train/part.csv", parts[k]);
      if (!validation_.empty()) Write(base(k) / "input/data/validation/v.csv", validation_[k]);
      const pid_t pid = ::fork();
      if (pid == 0) {
        const Fd out = *OpenFile(base(k) / "log", O_WRONLY | O_CREAT | O_TRUNC);
        ::dup2(out.get(), 1);
        ::_exit(RunTraining({.base = base(k),
                             .channels = base(k),
                             .version = "1.7-1",
                             .cores = 1,
                             .port = port,
                             .silence = silence_}));
      }
      started.push_back(pid);
    }
    if (meanwhile) meanwhile(started);
    std::vector<int> ended;
    for (const pid_t pid : started) {
      int status = 0;
      ::waitpid(pid, &status, 0);
      ended.push_back(WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status));
    }
    return ended;
  }

  TempDir temp_ = *TempDir::Make();
  json hyper_ = {{"num_round", "5"}, {"objective", "binary:logistic"}, {"max_depth", "3"}};
  // Until host `k` has told of a round.
  void WaitForRound(size_t k) const {
    while (!Read(k, "log").contains("[0]\ttrain")) ::usleep(1000);
  }

  std::vector<std::string> validation_;
  json hook_;
  std::chrono::seconds silence_{150};
};

// From here on no byte reaches `pid` by the connections that it has now: as if its cable was cut.
void CutOff(pid_t pid) {
  const int process = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  ASSERT_GE(process, 0);
  int cut = 0;
  for (const auto& entry : fs::directory_iterator("/proc/" + std::to_string(pid) + "/fd")) {
    const int theirs = std::stoi(entry.path().filename().string());
    const Fd socket(static_cast<int>(::syscall(SYS_pidfd_getfd, process, theirs, 0)));
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    if (!socket || ::getpeername(socket.get(), reinterpret_cast<sockaddr*>(&peer), &length) != 0) {
      continue;
    }
    sock_filter nothing[] = {{.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = 0}};
    const sock_fprog program{.len = 1, .filter = nothing};
    EXPECT_EQ(::setsockopt(socket.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program),
              0);
    ++cut;
  }
  ::close(process);
  EXPECT_EQ(cut, 1) << "its connection to the other host";
}

TEST_F(HostsTest, MakeTheModelOfOneHostWithAllRows) {
  validation_ = {Rows(20'000, 500)};
  ASSERT_EQ(Train({Rows(0, 15'000)}), std::vector<int>({0})) << Read(0, "log");
  const std::string model = Read(0, "model/xgboost-model");
  const auto rounds = [&] {  // up to the first line with a time
    const std::string log = Read(0, "log");
    const std::string from = log.substr(log.find("[0]\ttrain"));
    return from.substr(0, from.find("\n[20"));
  };
  const std::string metrics = rounds();
  EXPECT_THAT(metrics, HasSubstr("[4]\ttrain"));
  validation_ = {Rows(20'000, 100), Rows(20'100, 399), Rows(20'499, 1)};
  ASSERT_EQ(Train({Rows(0, 3'000), Rows(3'000, 8'000), Rows(11'000, 4'000)}),
            std::vector<int>({0, 0, 0}))
      << Read(0, "log") << Read(1, "log");
  EXPECT_EQ(Read(0, "model/xgboost-model"), model);
  EXPECT_EQ(rounds(), metrics);
  EXPECT_THAT(Read(0, "log"),
              HasSubstr("Distributed node training with 3 hosts: 127.0.0.1, 127.0.0.2, 127.0.0.3"));
  for (const size_t k : {1U, 2U}) {  // the first one speaks for all
    EXPECT_EQ(Read(k, "model/xgboost-model"), "!");
    EXPECT_THAT(Read(k, "log"), Not(HasSubstr("train-logloss")));
    EXPECT_EQ(Read(k, "output/success"), "");
  }
}

TEST_F(HostsTest, WithoutDataDoNothing) {
  ASSERT_EQ(Train({Rows(0, 300)}), std::vector<int>({0}));
  const std::string model = Read(0, "model/xgboost-model");
  ASSERT_EQ(Train({"", Rows(0, 300), ""}), std::vector<int>({0, 0, 0})) << Read(1, "log");
  EXPECT_THAT(Read(0, "log"), HasSubstr("Host 127.0.0.1 does not have training data."));
  EXPECT_THAT(Read(0, "log"), HasSubstr("Host 127.0.0.1 not being used for distributed training."));
  EXPECT_THAT(Read(1, "log"), HasSubstr("Single node training."));
  EXPECT_EQ(Read(1, "model/xgboost-model"), model);
  EXPECT_EQ(Train({"", ""}), std::vector<int>({1, 1}));
  EXPECT_THAT(Read(1, "output/failure"), HasSubstr("No hosts received training data."));
}

TEST_F(HostsTest, FailTogether) {
  EXPECT_EQ(Train({Rows(0, 300), Rows(300, 200) + "1,what,3\n"}), std::vector<int>({1, 1}));
  EXPECT_THAT(Read(1, "output/failure"), HasSubstr("part.csv"));
  EXPECT_THAT(Read(0, "output/failure"), HasSubstr("host 1: "));
  EXPECT_EQ(Train({Rows(0, 300), Rows(300, 200) + "7,1,3\n"}), std::vector<int>({1, 1}));
  EXPECT_THAT(Read(1, "output/failure"), HasSubstr("part.csv, row 201, column 1 (label)"));
  hyper_["tree_method"] = "exact";
  EXPECT_EQ(Train({Rows(0, 300), Rows(300, 200)}), std::vector<int>({1, 1}));
  EXPECT_THAT(Read(0, "output/failure"), HasSubstr("use hist or approx"));
}

// Debugger sees the rows of all hosts, as it would see those of one that has them all.
TEST_F(HostsTest, SaveTheTensorsOfOneHostWithAllRows) {
  json collections = json::array();
  for (const char* name : {"metrics", "labels", "predictions", "feature_importance", "full_shap"}) {
    collections.push_back(
        {{"CollectionName", name}, {"CollectionParameters", {{"save_interval", "2"}}}});
  }
  hook_ = {{"LocalPath", "/opt/ml/output/tensors"}, {"CollectionConfigurations", collections}};
  const auto tensors = [&](size_t k) {
    std::map<std::string, debugger::Tensor> all;
    debugger::Trial trial(debugger::NewLocalTrialFiles(base(k) / "output/tensors"));
    EXPECT_TRUE(trial.Refresh());
    for (const std::string& name : trial.TensorNames()) {
      for (const int64_t step : trial.Steps(name)) {
        auto value = trial.Value(name, step);
        EXPECT_TRUE(value) << name;
        if (value) all[name + "@" + std::to_string(step)] = *std::move(value);
      }
    }
    return all;
  };
  validation_ = {Rows(20'000, 500)};
  ASSERT_EQ(Train({Rows(0, 9'000)}), std::vector<int>({0})) << Read(0, "log");
  const auto alone = tensors(0);
  EXPECT_GT(alone.size(), 10U);
  validation_ = {Rows(20'000, 100), Rows(20'100, 399), Rows(20'499, 1)};
  ASSERT_EQ(Train({Rows(0, 3'000), Rows(3'000, 5'000), Rows(8'000, 1'000)}),
            std::vector<int>({0, 0, 0}))
      << Read(0, "log") << Read(1, "log");
  const auto together = tensors(0);
  ASSERT_EQ(together.size(), alone.size());
  for (const auto& [name, tensor] : alone) {
    ASSERT_TRUE(together.contains(name)) << name;
    EXPECT_EQ(together.at(name).shape, tensor.shape) << name;
    EXPECT_TRUE(together.at(name).values == tensor.values) << name;
  }
  EXPECT_FALSE(fs::exists(base(1) / "output/tensors"));
}

// Whatever was under way: both sides tell, each of the other.
TEST_F(HostsTest, ANetworkThatSplitsDuringARound) {
  silence_ = std::chrono::seconds(2);
  hyper_["num_round"] = "1000000";
  EXPECT_EQ(Train({Rows(0, 9'000), Rows(9'000, 9'000)},
                  [&](const std::vector<pid_t>& hosts) {
                    WaitForRound(0);
                    CutOff(hosts[1]);
                    CutOff(hosts[0]);
                  }),
            std::vector<int>({1, 1}));
  EXPECT_THAT(Read(0, "output/failure"), HasSubstr("host 1: "));
  EXPECT_THAT(Read(1, "output/failure"), HasSubstr("host 0: "));
}

// One that does nothing for longer than a split would last, but whose network is there.
TEST_F(HostsTest, ASlowHostIsWaitedFor) {
  hyper_["num_round"] = "300";
  ASSERT_EQ(Train({Rows(0, 9'000)}), std::vector<int>({0}));
  const std::string model = Read(0, "model/xgboost-model");
  silence_ = std::chrono::seconds(1);
  EXPECT_EQ(Train({Rows(0, 5'000), Rows(5'000, 4'000)},
                  [&](const std::vector<pid_t>& hosts) {
                    WaitForRound(0);
                    ::kill(hosts[1], SIGSTOP);
                    ::sleep(3);  // how long it does nothing is what is tested
                    ::kill(hosts[1], SIGCONT);
                  }),
            std::vector<int>({0, 0}))
      << Read(0, "output/failure");
  EXPECT_EQ(Read(0, "model/xgboost-model"), model);
}

}  // namespace
}  // namespace clary::xgboost
