#include "toolkit/distribution.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/testing/golden.h"

namespace clary::toolkit {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using Words = std::vector<std::string>;

Distributed OnTwo(Distribution distribution, const char* host) {
  return {.distribution = distribution,
          .hosts = {"algo-1", "algo-2"},
          .host = host,
          .interface = "eth0",
          .python = "<python>",
          .entry_point = "train.py",
          .arguments = {"-x", "1"},
          .hyperparameters = {},
          .variables = {}};
}

TEST(Distribution, IsWhatIsSwitchedOn) {
  const auto of = [](const std::map<std::string, std::string>& given) {
    const auto found = DistributionOf(given);
    return found ? std::to_string(static_cast<int>(*found)) : found.error().message;
  };
  EXPECT_EQ(of({{"x", "1"}, {"sagemaker_mpi_enabled", "false"}}), "0");
  EXPECT_EQ(of({{"sagemaker_mpi_enabled", "true"}}), "1");
  EXPECT_EQ(of({{"sagemaker_pytorch_ddp_enabled", "true"}}), "2");
  EXPECT_THAT(of({{"sagemaker_distributed_dataparallel_enabled", "true"}}),
              HasSubstr("smdistributed libraries, which run on SageMaker's own machines only; use "
                        "distribution={\"torch_distributed\""));
  EXPECT_THAT(of({{"mp_parameters", "{}"}}), HasSubstr("smdistributed"));
  EXPECT_THAT(
      of({{"sagemaker_mpi_enabled", "true"}, {"sagemaker_parameter_server_enabled", "true"}}),
      HasSubstr("two ways"));
}

// The line of the toolkit, but for what each host knows better of itself.
TEST(Distribution, MpiAsMeasured) {
  const auto path = GoldenPath("wire/programs/mpi_lines.json");
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no golden files (CLARY_SHARED)";
  const json golden = json::parse(*ReadFile(path, 1 << 20))["toolkit"];
  Distributed s = OnTwo(Distribution::kMpi, "algo-1");
  s.hyperparameters = golden["hyperparameters"];
  Words expected;
  Words measured = golden["mpirun"];
  for (size_t i = 0; i < measured.size(); ++i) {
    if (measured[i] == "-x" && i + 1 < measured.size() && measured[i + 1].starts_with("SM_")) {
      s.variables.push_back(measured[++i]);
      const std::string& name = s.variables.back();
      if (name.starts_with("SM_CURRENT_") || name == "SM_RESOURCE_CONFIG" ||
          name == "SM_NUM_CPUS" || name == "SM_TRAINING_ENV") {
        continue;
      }
      expected.insert(expected.end(), {"-x", name});
    } else if (measured[i] == "-x" && measured[i + 1].starts_with("LD_PRELOAD")) {
      ++i;  // the toolkit's gethostname.so: hosts have names here
    } else {
      expected.push_back(measured[i]);
    }
  }
  const auto made = MakeDistributedCommand(s);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->argv, expected);
  EXPECT_EQ(Words(made->start.begin(), made->start.begin() + 3),
            (Words{"<python>", "/opt/clary/python/hosts/mpi.py", "algo-2"}));
  s.host = "algo-2";
  EXPECT_THAT(MakeDistributedCommand(s)->start,
              ElementsAre("<python>", "/opt/clary/python/hosts/agent.py", "--until-told"));
}

TEST(Distribution, MpiTakesProcessesAndOptions) {
  Distributed s = OnTwo(Distribution::kMpi, "algo-1");
  s.hyperparameters = {{"sagemaker_mpi_num_of_processes_per_host", "2"},
                       {"sagemaker_mpi_custom_mpi_options", "\"--NCCL_DEBUG WARN -x A=b\""}};
  const auto line = MakeDistributedCommand(s)->argv;
  EXPECT_EQ(Words(line.begin(), line.begin() + 5),
            (Words{"mpirun", "--host", "algo-1:2,algo-2:2", "-np", "4"}));
  EXPECT_THAT(line, testing::Contains("NCCL_DEBUG=WARN"));
  EXPECT_THAT(line, testing::Contains("A=b"));
  EXPECT_THAT(line, testing::Not(testing::Contains("WARN")));
}

TEST(Distribution, TorchrunOnEachHostByItsRank) {
  Distributed s = OnTwo(Distribution::kTorchrun, "algo-2");
  EXPECT_THAT(
      MakeDistributedCommand(s)->argv,
      ElementsAre("torchrun", "--nnodes", "2", "--nproc_per_node", "1", "--master_addr", "algo-1",
                  "--master_port", "7777", "--node_rank", "1", "train.py", "-x", "1"));
  s.hosts = {"algo-2"};
  EXPECT_THAT(MakeDistributedCommand(s)->start,
              ElementsAre("<python>", "-m", "torch.distributed.run", "--nnodes", "1",
                          "--nproc_per_node", "1", "train.py", "-x", "1"));
  s.hosts = {"algo-1"};  // it takes no part
  EXPECT_TRUE(MakeDistributedCommand(s)->argv.empty());
  s.hosts = {"algo-2"};
  s.package = true;
  EXPECT_THAT(MakeDistributedCommand(s).error().message, HasSubstr("Python packages"));
  s.package = false;
  s.entry_point = "go.sh";
  EXPECT_THAT(MakeDistributedCommand(s).error().message, HasSubstr("Unsupported entry point"));
}

TEST(Distribution, TensorFlowsConfigurations) {
  const auto config = [](Distributed s) {
    return json::parse(MakeDistributedCommand(s)->environment.at("TF_CONFIG"));
  };
  EXPECT_EQ(config(OnTwo(Distribution::kParameterServer, "algo-1")),
            json::parse(R"({"cluster":{"master":["algo-1:2222"],
              "ps":["algo-1:2223","algo-2:2223"],"worker":["algo-2:2222"]},
              "environment":"cloud","task":{"index":0,"type":"master"}})"));
  EXPECT_EQ(config(OnTwo(Distribution::kParameterServer, "algo-2"))["task"],
            json::parse(R"({"index":0,"type":"worker"})"));
  EXPECT_EQ(config(OnTwo(Distribution::kMirrored, "algo-2")),
            json::parse(R"({"cluster":{"worker":["algo-1:8890","algo-2:8890"]},
              "environment":"cloud","task":{"index":1,"type":"worker"}})"));
  Distributed one = OnTwo(Distribution::kParameterServer, "algo-1");
  one.hosts = {"algo-1"};
  EXPECT_FALSE(config(one)["cluster"].contains("ps"));
  EXPECT_TRUE(MakeDistributedCommand(one)->start.empty());
}

}  // namespace
}  // namespace clary::toolkit
