#include "toolkit/toolkit.h"

#include <re2/re2.h>

#include <algorithm>
#include <set>

#include "base/quote.h"
#include "base/strings.h"
#include "toolkit/distribution.h"
#include "toolkit/internal/python_value.h"

namespace clary::toolkit {
namespace {

constexpr char kProgram[] = "sagemaker_program";
constexpr char kProgramVariable[] = "SAGEMAKER_PROGRAM";
constexpr int kInfo = 20;  // Python's logging.INFO

// Hyperparameters of the system that frameworks do not see either.
constexpr std::string_view kConsumed[] = {
    "sagemaker_program",   "sagemaker_submit_directory",    "sagemaker_enable_cloudwatch_metrics",
    "sagemaker_region",    "sagemaker_container_log_level", "sagemaker_job_name",
    "sagemaker_s3_output", "_tuning_objective_metric",      "default_user_module_name"};

// What sagemaker-containers does not know.
constexpr std::string_view kNotOfContainers[] = {"current_instance_type",
                                                 "current_instance_group",
                                                 "current_instance_group_hosts",
                                                 "instance_groups",
                                                 "instance_groups_dict",
                                                 "distribution_instance_groups",
                                                 "distribution_hosts",
                                                 "is_hetero",
                                                 "num_neurons",
                                                 "topology",
                                                 "is_modelparallel_enabled",
                                                 "is_smddpmprun_installed",
                                                 "is_smddprun_installed"};

// Names whose line in stderr starts the error message of a toolkit that captures it.
constexpr std::string_view kErrorNames[] = {"BaseException",
                                            "Exception",
                                            "ArithmeticError",
                                            "AssertionError",
                                            "AttributeError",
                                            "BlockingIOError",
                                            "BrokenPipeError",
                                            "BufferError",
                                            "ChildProcessError",
                                            "ConnectionAbortedError",
                                            "ConnectionError",
                                            "ConnectionRefusedError",
                                            "ConnectionResetError",
                                            "EOFError",
                                            "EnvironmentError",
                                            "FileExistsError",
                                            "FileNotFoundError",
                                            "FloatingPointError",
                                            "IOError",
                                            "ImportError",
                                            "IndentationError",
                                            "IndexError",
                                            "InterruptedError",
                                            "IsADirectoryError",
                                            "KeyError",
                                            "LookupError",
                                            "MemoryError",
                                            "ModuleNotFoundError",
                                            "NameError",
                                            "NotADirectoryError",
                                            "NotImplementedError",
                                            "OSError",
                                            "OverflowError",
                                            "PermissionError",
                                            "ProcessLookupError",
                                            "RecursionError",
                                            "ReferenceError",
                                            "RuntimeError",
                                            "SyntaxError",
                                            "SystemError",
                                            "TabError",
                                            "TimeoutError",
                                            "TypeError",
                                            "UnboundLocalError",
                                            "UnicodeDecodeError",
                                            "UnicodeEncodeError",
                                            "UnicodeError",
                                            "UnicodeTranslateError",
                                            "ValueError",
                                            "ZeroDivisionError",
                                            "Invalid requirement",
                                            "ResourceExhaustedError",
                                            "OutOfRangeError",
                                            "InvalidArgumentError"};

template <typename Names>
bool Contains(const Names& names, std::string_view name) {
  return std::ranges::find(names, name) != std::end(names);
}

std::string Upper(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  }
  return text;
}

std::string Join(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

std::unexpected<Error> ClientError(std::string message) {
  return Fail(Code::kInvalidArgument, "ClientError", std::move(message));
}

Status CheckEntryPoint(const std::string& name) {
  const std::string cannot = "The training entry point '" + name + "' cannot be used because it ";
  const std::string advice =
      ". Name a script below the source directory, such as 'train.py' or 'bin/train.sh', of "
      "letters, "
      "digits and . _ + - only, in sagemaker_program.";
  if (name.empty()) {
    return ClientError(
        "The training entry point name is empty. Set sagemaker_program to the script "
        "to run, below the source directory, such as 'train.py'.");
  }
  std::set<std::string> odd;
  for (std::string_view rest = name; !rest.empty();) {
    const size_t n = std::max<size_t>(1, Utf8Length(rest));
    const char c = rest.front();
    if (n > 1 || (std::isalnum(static_cast<unsigned char>(c)) == 0 &&
                  std::string_view("._+/-").find(c) == std::string_view::npos)) {
      odd.insert(std::string(rest.substr(0, n)));
    }
    rest.remove_prefix(n);
  }
  if (!odd.empty()) {
    std::string list;
    for (const std::string& c : odd) {
      list += (list.empty() ? "" : ", ") + (c == "'" ? "\"'\"" : "'" + c + "'");
    }
    return ClientError(cannot + "contains the character(s) " + list + advice);
  }
  if (name.front() == '-') {
    return ClientError(cannot + "contains a leading '-', which is read as a command-line option" +
                       advice);
  }
  if (name.front() == '/') {
    return ClientError(cannot + "contains a leading '/', which makes it an absolute path" + advice);
  }
  for (const std::string_view part : Split(name, '/')) {
    if (part == "." || part == "..") {
      return ClientError(cannot + "contains '.' or '..' path segments" + advice);
    }
    if (part.empty()) return ClientError(cannot + "contains an empty path segment" + advice);
  }
  if (name.front() == '+') {
    return ClientError(cannot + "contains an unsupported character at the start of the name" +
                       advice);
  }
  return {};
}

Result<Value> ParseObject(const std::string& text, const char* file) {
  Value value = ParseJson(text);
  if (!value.is_object()) return ClientError(std::string(file) + " is no JSON object");
  return value;
}

std::string TextOf(const Value& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

Value ListOf(const Value& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_array() ? *it : Value::array();
}

std::vector<std::string> Arguments(const Value& hyperparameters) {
  std::map<std::string, const Value*> sorted;
  for (const auto& [key, value] : hyperparameters.items()) sorted[key] = &value;
  std::vector<std::string> out;
  for (const auto& [key, value] : sorted) {
    out.push_back(key.empty() ? "" : (key.size() > Utf8Length(key) ? "--" : "-") + key);
    if (value->is_object()) {
      std::map<std::string, std::string> pairs;
      for (const auto& [name, item] : value->items()) pairs[name] = PythonStr(item);
      std::string text;
      for (const auto& [name, item] : pairs) text += (text.empty() ? "" : ",") + name + "=" + item;
      out.push_back(text);
    } else {
      out.push_back(value->is_null() ? "" : PythonStr(*value));
    }
  }
  return out;
}

// The value of a variable: texts bare, the rest as JSON.
std::string Variable(const Value& value) {
  if (value.is_null()) return "";
  return value.is_string() ? value.get<std::string>() : PythonJson(value);
}

// The facts that become both SM_TRAINING_ENV and variables of their own. Ordered as they are told.
struct Facts {
  Value all = Value::object();
  Value hyperparameters = Value::object();
  Value framework = Value::object();
  std::string job_name;
  std::string region;
  bool trial = false;  // of a tuning job
};

struct Names {
  std::string entry_point;
  std::string submit_directory;
};

Facts Gather(const Script& script, const Names& names, const Value& channels,
             const Value& resources) {
  Facts f;
  Value groups_wanted = Value::array();
  int log_level = kInfo;
  for (const auto& [key, text] : script.hyperparameters) {
    const Value value = DecodeOrText(text);
    if (!key.starts_with("sagemaker_") && !Contains(kConsumed, key)) {
      f.hyperparameters[key] = value;
      continue;
    }
    if (!Contains(kConsumed, key)) f.framework[key] = value;
    if (key == "_tuning_objective_metric") f.trial = true;
    if (key == "sagemaker_job_name") f.job_name = PythonStr(value);
    if (key == "sagemaker_region") f.region = PythonStr(value);
    if (key == "sagemaker_container_log_level" && value.is_number_integer()) {
      log_level = value.get<int>();
    }
    if (key == "sagemaker_distribution_instance_groups" && value.is_array()) groups_wanted = value;
  }

  // Trials with one model_dir would write over each other's models.
  if (script.tensorflow && f.trial && f.hyperparameters.contains("model_dir")) {
    const std::string dir = PythonStr(f.hyperparameters["model_dir"]);
    if (!dir.starts_with("/opt/ml")) {
      f.hyperparameters["model_dir"] = dir + "/" + f.job_name + "/model";
    }
  }
  const std::string group = TextOf(resources, "current_group_name");
  const Value hosts = ListOf(resources, "hosts");
  const Value groups = ListOf(resources, "instance_groups");
  Value group_names = Value::array();
  Value group_hosts = Value::array();
  Value by_name = Value::object();
  Value distribution_hosts = groups.empty() ? hosts : Value::array();
  for (const Value& g : groups) {
    const std::string name = TextOf(g, "instance_group_name");
    group_names.push_back(name);
    by_name[name] = g;
    if (name == group) group_hosts = ListOf(g, "hosts");
    if (std::ranges::find(groups_wanted, Value(name)) != groups_wanted.end()) {
      for (const Value& host : ListOf(g, "hosts")) distribution_hosts.push_back(host);
    }
  }
  const Value& masters = distribution_hosts.empty() ? hosts : distribution_hosts;
  const std::string master =
      !masters.empty() && masters[0].is_string() ? masters[0].get<std::string>() : "";
  const std::string host = TextOf(resources, "current_host");
  Value directories = Value::object();
  for (const auto& [name, config] : channels.items()) {
    directories[name] = "/opt/ml/input/data/" + name;
  }
  std::string module = names.entry_point;
  if (module.ends_with(".py")) module.resize(module.size() - 3);

  f.all = {
      {"additional_framework_parameters", f.framework},
      {"channel_input_dirs", directories},
      {"current_host", host},
      {"current_instance_group", group},
      {"current_instance_group_hosts", group_hosts},
      {"current_instance_type", TextOf(resources, "current_instance_type")},
      {"distribution_hosts", distribution_hosts},
      {"distribution_instance_groups", groups_wanted},
      {"framework_module",
       script.framework_module.empty() ? Value() : Value(script.framework_module)},
      {"hosts", hosts},
      {"hyperparameters", f.hyperparameters},
      {"input_config_dir", "/opt/ml/input/config"},
      {"input_data_config", channels},
      {"input_dir", "/opt/ml/input"},
      {"instance_groups", group_names},
      {"instance_groups_dict", by_name},
      {"is_hetero", group_names.size() > 1},
      {"is_master", host == master},
      {"is_modelparallel_enabled", nullptr},
      {"is_smddpmprun_installed", false},
      {"is_smddprun_installed", false},
      {"job_name", f.job_name},
      {"log_level", log_level},
      {"master_hostname", master},
      {"model_dir", "/opt/ml/model"},
      {"module_dir", names.submit_directory.empty() ? kCodeDirectory : names.submit_directory},
      {"module_name", module},
      {"network_interface_name", TextOf(resources, "network_interface_name")},
      {"num_cpus", script.cpus},
      {"num_gpus", script.gpus},
      {"num_neurons", 0},
      {"output_data_dir", "/opt/ml/output/data"},
      {"output_dir", "/opt/ml/output"},
      {"output_intermediate_dir", "/opt/ml/output/intermediate"},
      {"resource_config", resources},
      {"topology", Value::array()},
      {"user_entry_point", names.entry_point},
  };
  if (script.stack == Stack::kContainers) {
    for (const std::string_view name : kNotOfContainers) f.all.erase(std::string(name));
  }
  return f;
}

// SM_* and its like; names that are told in another place or under another name are left out.
std::map<std::string, std::string> Variables(const Facts& f, const std::vector<std::string>& args) {
  constexpr std::string_view kOnlyInTrainingEnv[] = {"additional_framework_parameters",
                                                     "channel_input_dirs",
                                                     "distribution_hosts",
                                                     "hyperparameters",
                                                     "is_master",
                                                     "is_modelparallel_enabled",
                                                     "is_smddpmprun_installed",
                                                     "is_smddprun_installed",
                                                     "job_name",
                                                     "master_hostname",
                                                     "topology"};
  std::map<std::string, std::string> out;
  for (const auto& [name, value] : f.all.items()) {
    if (!Contains(kOnlyInTrainingEnv, name)) out["SM_" + Upper(name)] = Variable(value);
  }
  Value channel_names = Value::array();
  std::map<std::string, std::string> channels;
  for (const auto& [name, directory] : f.all.at("channel_input_dirs").items()) {
    channels[name] = directory.get<std::string>();
  }
  for (const auto& [name, directory] : channels) {
    channel_names.push_back(name);
    out["SM_CHANNEL_" + Upper(name)] = directory;
  }
  out["SM_CHANNELS"] = PythonJson(channel_names);
  out["SM_HPS"] = PythonJson(f.hyperparameters);
  for (const auto& [name, value] : f.hyperparameters.items()) {
    out["SM_HP_" + Upper(name)] = Variable(value);
  }
  out["SM_FRAMEWORK_PARAMS"] = PythonJson(f.framework);
  out["SM_USER_ARGS"] = PythonJson(Value(args));
  out["SM_TRAINING_ENV"] = PythonJson(f.all);
  return out;
}

std::vector<std::string> LogLines(const Script& script, const Facts& facts, const Command& command,
                                  const std::map<std::string, std::string>& variables) {
  if (facts.all.at("log_level").get<int>() > kInfo) return {};
  const char* name =
      script.stack == Stack::kContainers ? "sagemaker-containers" : "sagemaker-training-toolkit";
  std::vector<std::string> lines = {std::string(name) + " INFO     Invoking user script", "",
                                    "Training Env:", ""};
  const std::string document = PythonJson(facts.all, true);
  for (const std::string_view line : Split(document, '\n')) lines.emplace_back(line);
  lines.insert(lines.end(), {"", "Environment variables:", ""});
  for (const auto& [key, value] : variables) lines.push_back(key + "=" + value);
  lines.insert(lines.end(),
               {"", "Invoking script with the following command:", "", Join(command.argv), ""});
  return lines;
}

}  // namespace

bool IsScriptMode(const std::map<std::string, std::string>& hyperparameters,
                  const std::map<std::string, std::string>& environment) {
  return hyperparameters.contains(kProgram) || environment.contains(kProgramVariable);
}

Result<Command> MakeCommand(const Script& script) {
  const auto named = [&](const char* hyperparameter, const char* variable, bool variable_first) {
    const auto from = script.hyperparameters.find(hyperparameter);
    const auto over = script.environment.find(variable);
    const bool given = from != script.hyperparameters.end();
    if (over != script.environment.end() && (variable_first || !given)) return over->second;
    return given ? PythonStr(DecodeOrText(from->second)) : std::string();
  };
  const Names names = {
      .entry_point = named(kProgram, kProgramVariable, true),
      .submit_directory = named("sagemaker_submit_directory", "SAGEMAKER_SUBMIT_DIRECTORY", false)};
  CLARY_CHECK_OK(CheckEntryPoint(names.entry_point));
  CLARY_TRY(const Value channels, ParseObject(script.input_data_config, "inputdataconfig.json"));
  CLARY_TRY(const Value resources, ParseObject(script.resource_config, "resourceconfig.json"));
  const Facts facts = Gather(script, names, channels, resources);
  const std::vector<std::string> args = Arguments(facts.hyperparameters);

  Command c{.entry_point = names.entry_point, .submit_directory = names.submit_directory};
  const std::string module = facts.all.at("module_name");
  const bool python = names.entry_point.ends_with(".py");
  const bool package = script.has_setup_py && !names.entry_point.ends_with(".sh");
  if (script.stack == Stack::kContainers || package) {
    c.argv = {script.python, "-m", module};
    c.argv.insert(c.argv.end(), args.begin(), args.end());
    if (package) c.install = {script.python, "-m", "pip", "install", "."};
    if (script.has_requirements) {
      if (c.install.empty()) c.install = {script.python, "-m", "pip", "install"};
      c.install.insert(c.install.end(), {"-r", "requirements.txt"});
    }
  } else if (python) {
    c.argv = {script.python, "--", names.entry_point};
    c.argv.insert(c.argv.end(), args.begin(), args.end());
    if (script.has_requirements) {
      c.install = {script.python, "-m", "pip", "install", "-r", "requirements.txt"};
    }
  } else {
    std::vector<std::string> words = {ShellQuote("./" + names.entry_point)};
    for (const std::string& arg : args) words.push_back(ShellQuote(arg));
    c.argv = {"/bin/sh", "-c", Join(words)};
  }

  const auto variables = Variables(facts, args);
  CLARY_TRY(Distribution distribution, DistributionOf(script.hyperparameters));
  // Those of TensorFlow are its own toolkit's, and no other heeds them.
  if (!script.tensorflow &&
      (distribution == Distribution::kParameterServer || distribution == Distribution::kMirrored)) {
    distribution = Distribution::kNone;
  }
  DistributedCommand distributed;
  if (distribution != Distribution::kNone) {
    Distributed d{.distribution = distribution,
                  .host = TextOf(resources, "current_host"),
                  .interface = TextOf(resources, "network_interface_name"),
                  .python = script.python,
                  .entry_point = names.entry_point,
                  .package = package,
                  .arguments = args,
                  .processes = std::max(script.gpus, 1),
                  .hyperparameters = script.hyperparameters};
    const auto wanted = script.hyperparameters.find("sagemaker_distribution_instance_groups");
    const Value& hosts = wanted != script.hyperparameters.end() ? facts.all.at("distribution_hosts")
                                                                : facts.all.at("hosts");
    for (const Value& host : hosts) d.hosts.push_back(PythonStr(host));
    for (const auto& [name, value] : variables) d.variables.push_back(name);
    CLARY_TRY(distributed, MakeDistributedCommand(d));
    // What only stands before the script's own words.
    if (distributed.argv.empty() && !distributed.start.empty()) {
      distributed.start.insert(distributed.start.end(), c.argv.begin(), c.argv.end());
    }
    c.start = distributed.start;
    if (!distributed.argv.empty()) c.argv = distributed.argv;
  }
  c.environment = script.environment;
  for (const auto& [name, value] : variables) c.environment[name] = value;
  c.environment["CURRENT_HOST"] = TextOf(resources, "current_host");
  if (!facts.job_name.empty()) c.environment["SAGEMAKER_JOB_NAME"] = facts.job_name;
  if (!facts.region.empty()) c.environment["SAGEMAKER_REGION"] = facts.region;
  const std::string path = script.environment.contains("PYTHONPATH")
                               ? ":" + script.environment.at("PYTHONPATH")
                               : std::string();
  c.environment["PYTHONPATH"] = kCodeDirectory + path;
  c.environment["PYTHONUNBUFFERED"] = "1";
  for (const auto& [name, value] : distributed.environment) c.environment[name] = value;
  c.log = LogLines(script, facts, c, variables);
  if (script.torch) {
    const auto set = [&](const char* name, std::string value) {
      c.environment.emplace(name, std::move(value));
    };
    set("MASTER_ADDR",
        PythonStr(facts.all.at("hosts").empty() ? Value("") : facts.all.at("hosts")[0]));
    set("MASTER_PORT", "7777");
    set("NCCL_SOCKET_IFNAME", TextOf(resources, "network_interface_name"));
    set("NCCL_IB_DISABLE", "1");
    set("NCCL_DEBUG", "WARN");
  }
  return c;
}

namespace {

// What a capturing toolkit makes of stderr: from the first line with an error's name on, each line
// stripped, repeated ones dropped.
std::string Captured(std::string_view stderr_text) {
  std::vector<std::string> kept;
  for (std::string_view line : Split(stderr_text, '\n')) {
    if (kept.empty() && std::ranges::none_of(kErrorNames, [&](std::string_view name) {
          return line.find(name) != std::string_view::npos;
        })) {
      continue;
    }
    while (!line.empty() && (line.front() == ' ' || line.front() == ':')) line.remove_prefix(1);
    while (!line.empty() && (line.back() == ' ' || line.back() == ':')) line.remove_suffix(1);
    if (std::ranges::find(kept, line) == kept.end()) kept.emplace_back(line);
  }
  std::string out;
  for (const std::string& line : kept) {
    if (!line.empty()) out += (out.empty() ? "" : "\n ") + line;
  }
  return out;
}

}  // namespace

std::string FailureText(const Failure& failure) {
  std::string out = std::string(failure.error) + ":\n";
  if (failure.stack == Stack::kTraining) {
    out += "ExitCode " + std::to_string(failure.exit_code) + "\nErrorMessage \"" +
           (failure.capture ? Captured(failure.stderr_text) : "") + "\"\n";
    constexpr int kShellSaysKilled = 137;
    if (failure.exit_code == kShellSaysKilled) {
      out += "ExtraInfo \"OutOfMemory: Process killed by SIGKILL (signal 9)\"\n";
    }
  }
  return out + "Command \"" + Join(failure.argv) + "\"";
}

namespace {

constexpr std::string_view kDriver = "subprocess.CalledProcessError";

// Whether a line says an exception: "ValueError: bad", "sklearn.exceptions.NotFittedError: ...",
// "KeyboardInterrupt".
bool IsException(std::string_view line) {
  std::string_view name = line.substr(0, line.find(':'));
  name = name.substr(name.rfind('.') + 1);
  return !name.empty() && name.front() >= 'A' && name.front() <= 'Z' &&
         std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_';
         });
}

// The line that a traceback ends with; `text` follows its title. It is the first that is not
// indented; of one whose indentation is lost, as SDK v3's driver loses it, the first that says an
// exception.
std::string_view EndOfTraceback(std::string_view text) {
  bool stripped = false;
  for (std::string_view line : Split(text, '\n')) {
    // Groups of exceptions are drawn as a tree.
    const size_t bar = line.find_first_not_of(' ');
    if (bar != line.npos && line.substr(bar).starts_with("| ")) line.remove_prefix(bar + 2);
    if (line.empty() || line.front() == ' ' || line.front() == '\t') continue;
    if (line.starts_with("File \"")) {
      stripped = true;
    } else if (!stripped || IsException(line)) {
      return Trim(line);
    }
  }
  return {};
}

// What the last traceback says. One that says only that another process failed, as drivers of SDKs
// print it, gives way to the one of that process.
std::string LastException(std::string_view text) {
  constexpr std::string_view kTitle = "Traceback (most recent call last):";
  std::string_view found;
  for (size_t at = text.find(kTitle); at != std::string_view::npos;) {
    const size_t begin = at + kTitle.size();
    at = text.find(kTitle, begin);
    const std::string_view line = EndOfTraceback(text.substr(begin, at - begin));
    if (!line.empty() && (found.empty() || !line.starts_with(kDriver))) found = line;
  }
  return std::string(found);
}

}  // namespace

std::string WithoutTags(std::string_view output) {
  std::string text(output);
  static const RE2 kTag(R"(\[\d+,\d+\]<std(?:out|err)>:)");
  if (output.find("<std") != std::string_view::npos) RE2::GlobalReplace(&text, kTag, "");
  return text;
}

std::string FailureCause(const Failure& failure) {
  if (failure.out_of_memory) {
    return "out of memory: the system killed the program for the memory that it used";
  }
  constexpr int kShellSignals = 128;
  constexpr int kMaxSignal = 64;
  int signal = -failure.exit_code;
  if (signal < 0 && failure.exit_code > kShellSignals &&
      failure.exit_code <= kShellSignals + kMaxSignal) {
    signal = failure.exit_code - kShellSignals;
  }
  if (signal > 0) return "killed by signal " + std::to_string(signal);
  const std::string last = LastException(failure.stderr_text);
  if (!last.empty() && !last.starts_with(kDriver)) return last;
  // What comes without a traceback's title: errors of syntax, a script that is not there, pip's.
  const bool pip = failure.error != Failure().error;
  constexpr int kUsage = 2;  // argparse's
  constexpr int kShellCannotRun = 126;
  constexpr int kShellFindsNone = 127;
  const bool shell = failure.exit_code == kShellCannotRun || failure.exit_code == kShellFindsNone;
  std::string found;
  for (const std::string_view line : Split(failure.stderr_text, '\n')) {
    if (Contains(kErrorNames, line.substr(0, line.find(':'))) ||
        line.find(": can't open file '") != std::string_view::npos ||
        line.find(": No module named ") != std::string_view::npos ||
        line.find(": can't find '__main__' module in '") != std::string_view::npos ||
        (failure.exit_code == kUsage && line.find(": error: ") != std::string_view::npos) ||
        (shell && line.starts_with("/bin/sh: ")) || (pip && line.starts_with("ERROR: "))) {
      found = Trim(line);
    }
  }
  return found.empty() ? last : found;
}

}  // namespace clary::toolkit
