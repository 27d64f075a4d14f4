// The profiling report, in the place and under the names of SageMaker's ProfilerReport.
#pragma once

#include <filesystem>
#include <vector>

#include "base/error.h"
#include "debugger/profiler_files.h"
#include "debugger/profiler_rules.h"
#include "debugger/report_context.h"

namespace clary::debugger {

// Writes into `directory` (made if missing; rule-output/ProfilerReport-<epoch>/profiler-output),
// each file by rename:
//   profiler-report.html        one page that needs no network
//   profiler-report.ipynb       draws the main charts again from the JSON files
//   profiler-reports/*.json     one for each of the eleven profiler rules, always, and the numbers
//                               of the page: docs/formats/reports.md
// from what has been profiled so far; call it again while the job runs. `rules` are the results of
// EvaluateProfilerRules on the same profile. An empty profile gives a page that says what to do.
//
// One thread at a time per directory. A full disk is kResourceExhausted, with the older files left
// as they were.
Status WriteProfilerReport(const Profile& profile, const std::vector<ProfilerRuleResult>& rules,
                           const ReportContext& context, const std::filesystem::path& directory);

}  // namespace clary::debugger
