// The training report's model: the JSON that the page draws. web/src/model.ts has its types.
#pragma once

#include <string>

#include "debugger/report_context.h"
#include "debugger/report_data.h"
#include "debugger/report_figures.h"
#include "debugger/report_findings.h"

namespace clary::debugger {

// Valid JSON in UTF-8 whatever the names hold; numbers that are not finite become null. Bounded:
// at most about a megabyte, by sampling rows and trees and naming what was left out.
std::string TrainingModelJson(const TrainingData& data, const TrainingFigures& figures,
                              const reports::Verdict& verdict, const ReportContext& context);

}  // namespace clary::debugger
