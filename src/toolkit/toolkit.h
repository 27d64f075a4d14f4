// Users' training scripts ("script mode"): what the program inside a framework's container makes of
// a request, as data. Two such programs exist: sagemaker-training (sklearn, PyTorch, TensorFlow and
// custom images) and its predecessor sagemaker-containers (XGBoost images). Pure: no file is read
// and nothing is started. Facts as measured with sagemaker-training 5.1.4 and sagemaker-containers
// 2.8.6.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace clary::toolkit {

enum class Stack { kTraining, kContainers };

// All that a start in script mode depends on.
struct Script {
  Stack stack = Stack::kTraining;
  std::map<std::string, std::string> hyperparameters;  // as sent: texts, most of them JSON
  std::map<std::string, std::string> environment;      // of the request
  std::string input_data_config = "{}";                // the document of inputdataconfig.json
  std::string resource_config = "{}";                  // of resourceconfig.json
  std::string python = "python3";                      // the interpreter
  std::string framework_module;  // SAGEMAKER_TRAINING_MODULE of the image; empty: none
  bool torch = false;            // Framework::torch
  bool tensorflow = false;       // its toolkit gives each trial of a tuning job a model_dir
  int cpus = 1;
  int gpus = 0;
  bool has_setup_py = false;      // beside the entry point, in kCodeDirectory
  bool has_requirements = false;  // requirements.txt there
};

constexpr char kCodeDirectory[] = "/opt/ml/code";  // also the working directory

// How the script runs. Everything is exact words: no shell takes them apart, but for an entry point
// that is no Python, whose words are quoted for the one that runs it.
struct Command {
  std::string entry_point;                         // below kCodeDirectory
  std::string submit_directory;                    // where its code comes from; empty: not told
  std::vector<std::string> install;                // to run before; empty: nothing
  std::vector<std::string> argv;                   // the program and its arguments, as it is told
  std::vector<std::string> start;                  // what is started for that; empty: argv
  std::map<std::string, std::string> environment;  // the request's, below SM_* and the like
  std::vector<std::string> log;                    // lines that come before the script's own
};

// Whether the request asks for script mode: it names an entry point.
bool IsScriptMode(const std::map<std::string, std::string>& hyperparameters,
                  const std::map<std::string, std::string>& environment);

// kInvalidArgument "ClientError": an entry point that is no plain path below the code directory
// (the text is that of the failure file), or documents that are no JSON objects.
Result<Command> MakeCommand(const Script& script);

// How a script, or the installation before it, failed.
struct Failure {
  Stack stack = Stack::kTraining;
  std::string_view error = "ExecuteUserScriptError";  // or Install{Requirements,Module}Error
  int exit_code = 1;  // of the process; negative: the signal's number
  std::vector<std::string> argv;
  std::string_view stderr_text;  // what it wrote there, or the end of it
  bool capture = false;          // the image's toolkit looks into stderr (PyTorch, TensorFlow, ...)
  bool out_of_memory = false;    // the system killed it for the memory it used
};

// The exit code of the container whenever its script fails, whatever the script's own.
constexpr int kFailureExitCode = 1;

// The text of /opt/ml/output/failure, which a container leaves if the script has not.
std::string FailureText(const Failure& failure);

// What processes have printed, without the tags that mpirun puts before it ("[1,0]<stderr>:"),
// wherever that has cut their lines.
std::string WithoutTags(std::string_view output);

// Why it failed, in one line: the last line of the last traceback ("ValueError: bad value: 42"), of
// a driver and the script that it ran the script's; that Python has not found the script; pip's
// last complaint; or what killed it. Empty if nobody can tell.
std::string FailureCause(const Failure& failure);

}  // namespace clary::toolkit
