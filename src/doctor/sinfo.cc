#include "doctor/internal/sinfo.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/quote.h"
#include "base/strings.h"
#include "base/tool.h"

namespace clary::doctor {
namespace {

constexpr std::chrono::seconds kAnswer{15};  // clients of a controller that is away take ten
constexpr const char* kCommands[] = {"sinfo", "sbatch", "squeue", "scontrol", "scancel", "srun"};

bool IsOnPath(std::string_view program) {
  const char* path = std::getenv("PATH");
  return std::ranges::any_of(Split(path == nullptr ? "" : path, ':'), [&](std::string_view dir) {
    return ::access((std::string(dir) + "/" + std::string(program)).c_str(), X_OK) == 0;
  });
}

Result<std::string> Ask(const std::vector<std::string>& argv) {
  CLARY_TRY(ToolOutcome said, RunTool(argv, OwnEnvironment(), kToolBoth, {}, kAnswer));
  if (said.code == 0) return std::move(said.output);
  const std::string_view text = Trim(said.output);
  return Fail(Code::kUnavailable, "SlurmAway",
              argv[0] + ": " +
                  (text.empty() ? "exit status " + std::to_string(said.code)
                                : Printable(text.substr(0, text.find('\n')), 300)));
}

}  // namespace

// "idle", "mixed", "allocated", "completing", "planned" and the like, with a sign behind it for
// what else is so: * does not answer, ~ is powered off, $ is reserved for maintenance.
bool SlurmNode::Up() const {
  if (state.ends_with('*')) return false;
  for (const char* bad :
       {"down", "drain", "fail", "unknown", "maint", "inval", "future", "reboot"}) {
    if (state.contains(bad)) return false;
  }
  return !state.ends_with('$');
}

bool SlurmNode::Free() const { return Up() && (state == "idle" || state == "mixed"); }

std::vector<SlurmNode> ParseSinfo(std::string_view text) {
  std::vector<SlurmNode> nodes;
  for (const std::string_view line : Split(text, '\n')) {
    const auto parts = Split(Trim(line), '|');
    if (parts.size() < 6 || parts[0].empty()) continue;
    if (std::ranges::find(nodes, parts[0], &SlurmNode::name) != nodes.end()) continue;
    std::string partition(parts[1]);
    if (partition.ends_with('*')) partition.pop_back();  // the default one
    const std::string_view reason = parts[5];
    nodes.push_back({.name = std::string(parts[0]),
                     .partition = std::move(partition),
                     .state = ToLower(parts[2]),
                     .reason = reason == "none" ? "" : Printable(reason, 100),
                     .cores = ParseInt(parts[3]).value_or(0),
                     .memory_mib = ParseInt(parts[4]).value_or(0)});
  }
  return nodes;
}

std::optional<int64_t> ParseMinJobAge(std::string_view config) {
  for (const std::string_view line : Split(config, '\n')) {
    const size_t equals = line.find('=');
    if (equals == std::string_view::npos || Trim(line.substr(0, equals)) != "MinJobAge") continue;
    const std::string_view value = Trim(line.substr(equals + 1));
    return ParseInt(value.substr(0, value.find(' ')));
  }
  return std::nullopt;
}

Slurm LookAtSlurm(const std::string& partition) {
  Slurm out;
  for (const char* command : kCommands) {
    if (!IsOnPath(command)) out.missing.emplace_back(command);
  }
  if (!out.missing.empty()) return out;
  const auto version = Ask({"sinfo", "--version"});
  if (version) out.version = Trim(*version);
  std::vector<std::string> argv = {"sinfo", "-h", "-N", "-o", kSinfoFormat};
  if (!partition.empty()) argv.insert(argv.end(), {"-p", partition});
  const auto nodes = Ask(argv);
  if (!nodes) {
    out.failure = nodes.error().message;
    return out;
  }
  out.nodes = ParseSinfo(*nodes);
  if (const auto types = Ask({"srun", "--mpi=list"})) out.pmix = types->contains("pmix");
  if (const auto config = Ask({"scontrol", "show", "config"})) {
    out.keeps_ended_s = ParseMinJobAge(*config);
  }
  return out;
}

}  // namespace clary::doctor
