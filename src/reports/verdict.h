// What a report says first: findings, worst first, and a headline.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "reports/json.h"

namespace clary::reports {

enum class Level { kGood, kNotice, kWarning, kProblem };
std::string_view LevelName(Level level);  // "good", "notice", "warning", "problem"

struct Finding {
  Level level = Level::kNotice;
  std::string id;       // stable: "overfitting", "class-imbalance", ...
  std::string title;    // one line
  std::string detail;   // what was seen, in numbers
  std::string advice;   // what to change; may be empty
  std::string section;  // of the page, by its id: "loss"
};

struct Verdict {
  Level level = Level::kGood;  // the worst of the findings; notices alone are good
  std::string headline;
  std::string summary;            // the deciding metric in a sentence
  std::vector<Finding> findings;  // worst first
};

Json VerdictJson(const Verdict& verdict);  // web/src/model.ts: Verdict

}  // namespace clary::reports
