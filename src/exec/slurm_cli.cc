#include "exec/internal/slurm_cli.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/strings.h"

namespace clary::exec {
namespace {

using nlohmann::json;

// States in which a job still may run; all others are ends.
constexpr std::string_view kLiveStates[] = {
    "PENDING",      "RUNNING",      "CONFIGURING", "COMPLETING",   "SUSPENDED",
    "STOPPED",      "SIGNALING",    "RESIZING",    "REQUEUED",     "REQUEUE_FED",
    "REQUEUE_HOLD", "SPECIAL_EXIT", "STAGE_OUT",   "RESV_DEL_HOLD"};

constexpr std::string_view kHopelessReasons[] = {
    "PartitionConfig", "PartitionNodeLimit", "PartitionTimeLimit",      "BadConstraints",
    "InvalidAccount",  "InvalidQOS",         "DependencyNeverSatisfied"};

// Words of sbatch when it was not heard, or at a bad moment...
constexpr std::string_view kPassing[] = {"nable to contact",
                                         "onnection",
                                         "onnect failure",
                                         "imed out",
                                         "eceive failure",
                                         "end failure",
                                         "Zero Bytes",
                                         "temporarily",
                                         "standby",
                                         "authenticat",
                                         "unge",
                                         "submit limit",
                                         "Unexpected message",
                                         "Transport",
                                         "Unspecified error",
                                         "backup controller",
                                         "No route",
                                         "ocket",
                                         "resolve",
                                         "Broken pipe"};
// ...and when it was asked for what there is not, or may not be had.
constexpr std::string_view kRefusing[] = {
    "nvalid",         "not available", "can not be satisfied", "cannot be satisfied",
    "than permitted", "violates",      "nrecognized",          "denied",
    "not permitted",  "not supported", "requires an",          "No partition"};

constexpr size_t kMaxWhy = 400;

std::string Words(std::string_view output) {
  std::string out;
  for (const std::string_view line : Split(output, '\n')) {
    std::string_view words = Trim(line);
    for (const std::string_view prefix : {"sbatch: ", "error: ", "fatal: "}) {
      if (words.starts_with(prefix)) words.remove_prefix(prefix.size());
    }
    if (words.empty() || words.starts_with("Try \"")) continue;
    if (!out.empty()) out += "; ";
    out += words;
    if (out.size() > kMaxWhy) return out.substr(0, kMaxWhy);
  }
  return out;
}

std::unexpected<Error> BadTable(const std::string& what) {
  return Fail(Code::kInvalidArgument, "BadSlurmTable", what);
}

Result<SlurmRow> ParseRow(const std::string& type, const json& given) {
  SlurmRow row;
  const std::string where = "types." + type;
  if (!given.is_object()) return BadTable(where + " is no object");
  for (const auto& [name, value] : given.items()) {
    const std::string at = where + "." + name;
    const auto text = [&](std::string& to) -> Status {
      if (!value.is_string()) return BadTable(at + " is no string");
      to = value.get<std::string>();
      if (to.find_first_of(" \n\t") == std::string::npos) return {};
      return BadTable(at + " has white space");
    };
    const bool number = value.is_number_integer() && value.get<int64_t>() > 0;
    if (name == "cpus" || name == "memory_mb") {
      if (!number || value.get<int64_t>() > 1'000'000'000) {
        return BadTable(at + " is no positive whole number");
      }
      if (name == "cpus") row.cpus = value.get<int>();
      if (name == "memory_mb") row.memory_mb = value.get<int64_t>();
    } else if (name == "partition") {
      CLARY_CHECK_OK(text(row.partition));
    } else if (name == "account") {
      CLARY_CHECK_OK(text(row.account));
    } else if (name == "constraint") {
      CLARY_CHECK_OK(text(row.constraint));
    } else if (name == "options") {
      if (!value.is_array()) return BadTable(at + " is no list");
      for (const json& option : value) {
        if (!option.is_string() || !option.get_ref<const std::string&>().starts_with("--") ||
            option.get_ref<const std::string&>().find('\0') != std::string::npos) {
          return BadTable(at + ": an option is a string that begins with --");
        }
        row.options.push_back(option.get<std::string>());
      }
    } else {
      return BadTable(at +
                      " is not known (cpus, memory_mb, partition, account, constraint, options)");
    }
  }
  return row;
}

}  // namespace

std::map<std::string, SlurmJob> ParseQueue(std::string_view text) {
  std::map<std::string, SlurmJob> out;
  for (std::string_view line : Split(text, '\n')) {
    std::array<std::string_view, 4> fields;
    bool whole = true;
    for (std::string_view& field : fields) {
      const size_t bar = line.find('|');
      whole = whole && bar != std::string_view::npos;
      if (!whole) break;
      field = line.substr(0, bar);
      line.remove_prefix(bar + 1);
    }
    if (!whole) continue;
    const auto id = ParseUint(fields[0]);
    if (!id || *id == 0) continue;
    SlurmJob job{.id = *id,
                 .state = std::string(fields[1]),
                 .reason = std::string(fields[2]),
                 .nodes = std::string(fields[3]),
                 .comment = std::string(line)};
    const auto [at, isnew] = out.try_emplace(job.comment, job);
    if (isnew) continue;
    const bool better =
        HasEnded(job) != HasEnded(at->second) ? !HasEnded(job) : job.id > at->second.id;
    if (better) at->second = std::move(job);
  }
  return out;
}

bool HasEnded(const SlurmJob& job) {
  return std::ranges::find(kLiveStates, job.state) == std::end(kLiveStates);
}

bool IsHopeless(const SlurmJob& job) {
  return job.state == "PENDING" &&
         std::ranges::find(kHopelessReasons, job.reason) != std::end(kHopelessReasons);
}

std::string Describe(const SlurmJob& job) {
  std::string out = "Slurm: " + job.state;
  if (!job.reason.empty() && job.reason != "None") out += " (" + job.reason + ")";
  out += " of job " + std::to_string(job.id);
  if (!job.nodes.empty()) out += " on " + job.nodes;
  return out;
}

Submission ParseSubmission(int exit_code, std::string_view output) {
  Submission out;
  // Notices may come before it; with several clusters their name follows it.
  std::string_view last = Trim(output);
  last = Trim(last.substr(last.rfind('\n') + 1));
  const auto id = ParseUint(last.substr(0, last.find(';')));
  if (exit_code == 0 && id && *id > 0) {
    out.id = *id;
    return out;
  }
  out.why = Words(output);
  const bool killed = exit_code > 128 && exit_code <= 128 + 64;
  const auto says = [&](std::string_view words) { return out.why.find(words) != out.why.npos; };
  out.passing = exit_code == 0 || killed || std::ranges::any_of(kPassing, says);
  out.refused = !out.passing && std::ranges::any_of(kRefusing, says);
  if (out.why.empty()) {
    out.why =
        killed ? "sbatch does not answer" : "sbatch ended with code " + std::to_string(exit_code);
  }
  return out;
}

Result<SlurmTable> SlurmTable::Parse(std::string_view text) {
  const json doc = json::parse(text, nullptr, false);
  if (!doc.is_object()) return BadTable("it is not a JSON object");
  SlurmTable table;
  for (const auto& [name, value] : doc.items()) {
    if (name == "version") {
      if (value != 1) return BadTable("version is not 1");
    } else if (name == "types") {
      if (!value.is_object()) return BadTable("types is no object");
      for (const auto& [type, row] : value.items()) {
        const size_t star = type.find('*');
        if (type.empty() || (star != std::string::npos && star + 1 != type.size())) {
          return BadTable("types." + type + ": a name, or the beginning of one and *");
        }
        CLARY_TRY(table.rows_[type], ParseRow(type, row));
      }
    } else {
      return BadTable(name + " is not known (version, types)");
    }
  }
  if (!doc.contains("version")) return BadTable("version is missing");
  return table;
}

SlurmRow SlurmTable::Find(std::string_view type) const {
  if (const auto exact = rows_.find(type); exact != rows_.end()) return exact->second;
  for (size_t n = type.size() + 1; n-- > 0;) {
    const auto prefix = rows_.find(std::string(type.substr(0, n)) + "*");
    if (prefix != rows_.end()) return prefix->second;
  }
  return {};
}

Result<std::vector<std::string>> ResourceOptions(const std::vector<HostNeed>& hosts,
                                                 const SlurmTable& table,
                                                 const SlurmRow& standard) {
  SlurmRow all;
  int nodes = 0;
  for (const HostNeed& need : hosts) {
    SlurmRow row = table.Find(need.type);
    if (row.cpus == 0) row.cpus = std::max(need.cpus, 1);
    if (row.partition.empty()) row.partition = standard.partition;
    if (row.account.empty()) row.account = standard.account;
    if (row.constraint.empty()) row.constraint = standard.constraint;
    if (nodes > 0 && (row.partition != all.partition || row.account != all.account ||
                      row.constraint != all.constraint || row.options != all.options)) {
      return Fail(Code::kInvalidArgument, "MixedHosts",
                  "one Slurm job has one partition, account, constraint and set of options, and "
                  "instance type " +
                      need.type + " has others than " + hosts.front().type +
                      " in the table of instance types");
    }
    row.cpus = std::max(row.cpus, all.cpus);
    row.memory_mb = std::max(row.memory_mb, all.memory_mb);
    all = std::move(row);
    nodes += std::max(need.count, 1);
  }
  std::vector<std::string> out = {"--nodes=" + std::to_string(nodes), "--ntasks-per-node=1",
                                  "--cpus-per-task=" + std::to_string(all.cpus)};
  if (nodes > 1) out.emplace_back("--exclusive");
  if (all.memory_mb > 0) out.push_back("--mem=" + std::to_string(all.memory_mb) + "M");
  if (!all.partition.empty()) out.push_back("--partition=" + all.partition);
  if (!all.account.empty()) out.push_back("--account=" + all.account);
  if (!all.constraint.empty()) out.push_back("--constraint=" + all.constraint);
  out.insert(out.end(), all.options.begin(), all.options.end());
  return out;
}

std::string ShellQuoted(std::string_view word) {
  std::string out = "'";
  for (const char c : word) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

}  // namespace clary::exec
