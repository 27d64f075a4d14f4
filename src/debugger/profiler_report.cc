#include "debugger/profiler_report.h"

#include "base/file.h"

namespace clary::debugger {

Status WriteProfilerReport(TrialFiles& profiler, const ReportContext& context,
                           const std::filesystem::path& directory) {
  (void)profiler;
  (void)context;
  CLARY_CHECK_OK(MakeDirectories(directory / "profiler-reports"));
  return WriteFileAtomic(
      directory / "profiler-report.html",
      "<!doctype html><meta charset=\"utf-8\"><title>Profiling report</title>\n");
}

}  // namespace clary::debugger
