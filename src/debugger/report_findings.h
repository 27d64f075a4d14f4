// What a person should know about a model first: found in the figures, with what to change.
#pragma once

#include "debugger/report_context.h"
#include "debugger/report_data.h"
#include "debugger/report_figures.h"
#include "reports/verdict.h"

namespace clary::debugger {

// The thresholds and their reasons are in docs/formats/reports.md ("Findings").
reports::Verdict Judge(const TrainingData& data, const TrainingFigures& figures,
                       const ReportContext& context);

}  // namespace clary::debugger
