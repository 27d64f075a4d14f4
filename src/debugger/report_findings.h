// What a person should know about a model first: found in the figures, with what to change.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "debugger/report_context.h"
#include "debugger/report_data.h"
#include "debugger/report_figures.h"

namespace clary::debugger {

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

// The thresholds and their reasons are in docs/formats/reports.md ("Findings").
Verdict Judge(const TrainingData& data, const TrainingFigures& figures,
              const ReportContext& context);

}  // namespace clary::debugger
