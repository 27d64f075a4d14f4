// Scripts that run as several processes, on one host or more: what SageMaker's containers make of
// the SDKs' `distribution`. Pure, as toolkit.h. Sources: sagemaker-training 5.1.4, its PyTorch and
// TensorFlow toolkits; measured lines are in the golden file mpi_lines.json.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace clary::toolkit {

enum class Distribution {
  kNone,
  kMpi,              // sagemaker_mpi_enabled
  kTorchrun,         // sagemaker_torch_distributed_enabled, sagemaker_pytorch_ddp_enabled
  kParameterServer,  // sagemaker_parameter_server_enabled
  kMirrored,         // sagemaker_multi_worker_mirrored_strategy_enabled
};

// What the hyperparameters ask for. kInvalidArgument "ClientError": for several, or for one that
// needs what only SageMaker has; the text says what to use instead.
Result<Distribution> DistributionOf(const std::map<std::string, std::string>& hyperparameters);

// A script and where it runs.
struct Distributed {
  Distribution distribution = Distribution::kNone;
  std::vector<std::string> hosts;  // those that take part, in order of ranks
  std::string host;                // this one; not among them: it runs the script by itself
  std::string interface;           // "eth0"
  std::string python;              // the interpreter
  std::string entry_point;
  bool package = false;                // it is started as a module
  std::vector<std::string> arguments;  // of the script
  int processes = 1;                   // a host, if the request does not say
  std::map<std::string, std::string> hyperparameters;
  std::vector<std::string> variables;  // names of those that MPI's processes get, SM_* and the like
};

// How it starts.
struct DistributedCommand {
  std::vector<std::string> argv;   // as Command::argv; empty: the script's own
  std::vector<std::string> start;  // as Command::start
  std::map<std::string, std::string> environment;
};
// kInvalidArgument "ClientError".
Result<DistributedCommand> MakeDistributedCommand(const Distributed& script);

}  // namespace clary::toolkit
