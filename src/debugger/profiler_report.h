// The profiling report, in the place and under the names of SageMaker's ProfilerReport.
#pragma once

#include <filesystem>

#include "base/error.h"
#include "debugger/report_context.h"
#include "debugger/trial.h"

namespace clary::debugger {

// Writes into `directory` (made if missing; rule-output/ProfilerReport-<epoch>/profiler-output),
// each file by rename:
//   profiler-report.html        one page that needs no network
//   profiler-report.ipynb       draws the main charts again from the JSON files
//   profiler-reports/*.json     one for each of the eleven profiler rules, always, and the numbers
//                               of the page: docs/formats/reports.md
// `profiler` is rooted at the job's profiler-output (system/incremental/, framework/pevents/). Call
// it again while the job runs; lines that are cut off or broken are skipped, so a file that is
// still being written is fine. Missing files give a page that says what to do.
//
// One thread at a time per directory. A full disk is kResourceExhausted, with the older files left
// as they were.
Status WriteProfilerReport(TrialFiles& profiler, const ReportContext& context,
                           const std::filesystem::path& directory);

}  // namespace clary::debugger
