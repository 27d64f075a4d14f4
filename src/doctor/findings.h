// What facts mean, and what to do about it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "doctor/facts.h"

namespace clary::doctor {

enum class Level {
  kOk,
  kNote,     // not there, and only needed for what not everybody does
  kWarning,  // works, but not as well or as safely as it should
  kProblem,  // jobs, or the service, will fail
};
std::string_view LevelName(Level level);  // "ok", "note", "warning", "problem"

struct Finding {
  std::string check;  // a word: "sandbox", "clock", ...
  Level level = Level::kOk;
  std::string what;
  std::string advice;  // what to do; empty if nothing has to be done
};

// Of one host.
struct Report {
  std::string host;
  std::string version;  // of Clary
  Time time;            // of its clock, when it was made
  std::vector<Finding> findings;

  bool HasProblem() const;
};

Report Judge(const Subject& subject, const Facts& facts, Time now);

// A clock that is `ahead` of ours (behind, if negative), known to within `uncertainty`.
Finding JudgeClock(const std::string& whose, Duration ahead, Duration uncertainty);

// As `clary doctor --json` prints it; on one line.
std::string ToJson(const Report& report, const std::vector<Report>& nodes = {});
// kInvalidArgument "BadReport".
Result<Report> ParseReport(std::string_view json);

}  // namespace clary::doctor
