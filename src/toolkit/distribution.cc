#include "toolkit/distribution.h"

#include <algorithm>

#include "base/strings.h"
#include "toolkit/internal/python_value.h"
#include "toolkit/python.h"

namespace clary::toolkit {
namespace {

constexpr char kTorchPort[] = "7777";

struct Switch {
  std::string_view hyperparameter;
  Distribution distribution = Distribution::kNone;
  std::string_view refusal = {};
};
constexpr std::string_view kSmDistributed =
    "needs the smdistributed libraries, which run on SageMaker's own machines only; use "
    "distribution={\"torch_distributed\": {\"enabled\": True}} or {\"mpi\": {\"enabled\": True}}, "
    "or "
    "a script that calls torch.distributed itself";
constexpr std::string_view kNeuron =
    "needs torch_xla on Trainium, which this machine has not; use distribution="
    "{\"torch_distributed\": {\"enabled\": True}}";
constexpr Switch kSwitches[] = {
    {"mp_parameters", Distribution::kNone, kSmDistributed},
    {"sagemaker_distributed_dataparallel_enabled", Distribution::kNone, kSmDistributed},
    {"sagemaker_mpi_enabled", Distribution::kMpi},
    {"sagemaker_multi_worker_mirrored_strategy_enabled", Distribution::kMirrored},
    {"sagemaker_parameter_server_enabled", Distribution::kParameterServer},
    {"sagemaker_pytorch_ddp_enabled", Distribution::kTorchrun},
    {"sagemaker_pytorch_xla_multi_worker_enabled", Distribution::kNone, kNeuron},
    {"sagemaker_torch_distributed_enabled", Distribution::kTorchrun},
};

// What differs between hosts: their own agents give it to the processes that they start.
constexpr std::string_view kOfTheHost[] = {"SM_CURRENT_HOST",
                                           "SM_CURRENT_INSTANCE_GROUP",
                                           "SM_CURRENT_INSTANCE_GROUP_HOSTS",
                                           "SM_CURRENT_INSTANCE_TYPE",
                                           "SM_NUM_CPUS",
                                           "SM_RESOURCE_CONFIG",
                                           "SM_TRAINING_ENV"};

using ArgumentList = std::vector<std::string>;

void Add(ArgumentList& to, const ArgumentList& words) {
  to.insert(to.end(), words.begin(), words.end());
}

Value Hyperparameter(const Distributed& s, const char* name) {
  const auto it = s.hyperparameters.find(name);
  return it != s.hyperparameters.end() ? DecodeOrText(it->second) : Value();
}

std::string Tool(const char* name) { return std::string(kHostTools) + "/" + name; }

ArgumentList MpiLine(const Distributed& s) {
  int processes = s.processes;
  if (const Value told = Hyperparameter(s, "sagemaker_mpi_num_of_processes_per_host");
      told.is_number_integer() && told.get<int>() > 0) {
    processes = told.get<int>();
  }
  std::string hosts;
  for (const std::string& host : s.hosts) {
    hosts += (hosts.empty() ? "" : ",") + host;
    if (processes > 1) hosts += ":" + std::to_string(processes);
  }
  const Value custom = Hyperparameter(s, "sagemaker_mpi_custom_mpi_options");
  std::string nccl = "INFO";
  ArgumentList options;
  const std::string text = custom.is_string() ? custom.get<std::string>() : std::string();
  for (const std::string_view word : Split(text, ' ')) {
    if (!word.empty()) options.emplace_back(word);
  }
  for (size_t i = 0; i + 1 < options.size(); ++i) {
    if (options[i] != "--NCCL_DEBUG") continue;
    nccl = options[i + 1];
    options.erase(options.begin() + static_cast<ptrdiff_t>(i),
                  options.begin() + static_cast<ptrdiff_t>(i) + 2);
    break;
  }
  ArgumentList line = {"mpirun",
                       "--host",
                       hosts,
                       "-np",
                       std::to_string(processes * static_cast<int>(s.hosts.size())),
                       "--allow-run-as-root",
                       "--display-map",
                       "--tag-output"};
  Add(line, {"-mca", "btl_tcp_if_include", s.interface});
  Add(line, {"-mca", "oob_tcp_if_include", s.interface});
  Add(line, {"-mca", "plm_rsh_no_tree_spawn", "1"});
  Add(line, {"-bind-to", "none", "-map-by", "slot"});
  Add(line, {"-mca", "pml", "ob1", "-mca", "btl", "^openib"});
  Add(line, {"-mca", "orte_abort_on_non_zero_status", "1"});
  Add(line, {"-mca", "btl_vader_single_copy_mechanism", "none"});
  Add(line, {"-x", "NCCL_MIN_NRINGS=4", "-x", "NCCL_SOCKET_IFNAME=" + s.interface});
  Add(line, {"-x", "NCCL_DEBUG=" + nccl, "-x", "LD_LIBRARY_PATH", "-x", "PATH"});
  Add(line, options);
  for (const std::string& name : s.variables) {
    if (std::ranges::find(kOfTheHost, name) == std::end(kOfTheHost)) Add(line, {"-x", name});
  }
  Add(line, {"-x", "PYTHONPATH"});
  if (s.package) {
    std::string module = s.entry_point;
    if (module.ends_with(".py")) module.resize(module.size() - 3);
    Add(line, {s.python, "-m", "mpi4py", "-m", module});
  } else if (s.entry_point.ends_with(".py")) {
    Add(line, {s.python, "-m", "mpi4py", s.entry_point});
  } else {
    line.push_back("./" + s.entry_point);
  }
  Add(line, s.arguments);
  return line;
}

Result<DistributedCommand> Torchrun(const Distributed& s) {
  if (s.package) {
    return Fail(Code::kInvalidArgument, "ClientError",
                "Python packages are not supported for torch_distributed. Please use a python "
                "script as the entry-point");
  }
  if (!s.entry_point.ends_with(".py")) {
    return Fail(Code::kInvalidArgument, "ClientError",
                "Unsupported entry point type for torch_distributed. Please use a python script");
  }
  const auto rank = std::ranges::find(s.hosts, s.host) - s.hosts.begin();
  ArgumentList line = {"--nnodes", std::to_string(s.hosts.size()), "--nproc_per_node",
                       std::to_string(s.processes)};
  if (s.hosts.size() > 1) {
    Add(line, {"--master_addr", s.hosts.front(), "--master_port", kTorchPort, "--node_rank",
               std::to_string(rank)});
  }
  line.push_back(s.entry_point);
  Add(line, s.arguments);
  DistributedCommand out{.argv = {"torchrun"}};
  // An environment may have torch without its script.
  out.start = {s.python, "-m", "torch.distributed.run"};
  Add(out.argv, line);
  Add(out.start, line);
  return out;
}

std::string At(const std::string& host, int port) { return host + ":" + std::to_string(port); }

std::string TfConfig(const Value& cluster, const char* type, int64_t index) {
  Value config = Value::object();
  config["cluster"] = cluster;
  config["environment"] = "cloud";
  config["task"]["type"] = type;
  config["task"]["index"] = index;
  return PythonJson(config);
}

DistributedCommand ParameterServer(const Distributed& s) {
  constexpr int kScript = 2222;
  constexpr int kServer = 2223;
  const auto rank = std::ranges::find(s.hosts, s.host) - s.hosts.begin();
  Value cluster = Value::object();
  cluster["master"].push_back(At(s.hosts.front(), kScript));
  if (s.hosts.size() > 1) {
    cluster["ps"] = Value::array();
    cluster["worker"] = Value::array();
    for (const std::string& host : s.hosts) {
      cluster["ps"].push_back(At(host, kServer));
      if (host != s.hosts.front()) cluster["worker"].push_back(At(host, kScript));
    }
  }
  DistributedCommand out;
  out.environment["TF_CONFIG"] =
      TfConfig(cluster, rank == 0 ? "master" : "worker", rank == 0 ? 0 : rank - 1);
  if (s.hosts.size() > 1) out.start = {s.python, Tool("parameter_server.py")};
  return out;
}

DistributedCommand Mirrored(const Distributed& s) {
  constexpr int kPort = 8890;
  const auto rank = std::ranges::find(s.hosts, s.host) - s.hosts.begin();
  Value cluster = Value::object();
  for (const std::string& host : s.hosts) cluster["worker"].push_back(At(host, kPort));
  DistributedCommand out;
  out.environment["TF_CONFIG"] = TfConfig(cluster, "worker", rank);
  return out;
}

}  // namespace

Result<Distribution> DistributionOf(const std::map<std::string, std::string>& hyperparameters) {
  const Switch* asked = nullptr;
  for (const Switch& s : kSwitches) {
    const auto given = hyperparameters.find(std::string(s.hyperparameter));
    if (given == hyperparameters.end()) continue;
    const Value value = DecodeOrText(given->second);
    if (value == Value(false) || value.is_null() || value == Value("") || value == Value(0))
      continue;
    const std::string what = "Hyperparameter '" + given->first + "' ";
    if (!s.refusal.empty()) {
      return Fail(Code::kInvalidArgument, "ClientError", what + std::string(s.refusal) + ".");
    }
    if (asked != nullptr && asked->distribution != s.distribution) {
      return Fail(Code::kInvalidArgument, "ClientError",
                  what + "and '" + std::string(asked->hyperparameter) +
                      "' ask for two ways to start a script; give one.");
    }
    asked = &s;
  }
  return asked != nullptr ? asked->distribution : Distribution::kNone;
}

Result<DistributedCommand> MakeDistributedCommand(const Distributed& s) {
  if (std::ranges::find(s.hosts, s.host) == s.hosts.end()) return DistributedCommand();
  switch (s.distribution) {
    case Distribution::kNone:
      break;
    case Distribution::kTorchrun:
      return Torchrun(s);
    case Distribution::kParameterServer:
      return ParameterServer(s);
    case Distribution::kMirrored:
      return Mirrored(s);
    case Distribution::kMpi: {
      DistributedCommand out{.argv = MpiLine(s)};
      std::string others;
      for (const std::string& host : s.hosts) {
        if (host != s.hosts.front()) others += (others.empty() ? "" : ",") + host;
      }
      if (s.host == s.hosts.front()) {
        out.start = {s.python, Tool("mpi.py"), others};
        Add(out.start, out.argv);
      } else {
        out.start = {s.python, Tool("agent.py"), "--until-told"};
      }
      return out;
    }
  }
  return DistributedCommand();
}

}  // namespace clary::toolkit
