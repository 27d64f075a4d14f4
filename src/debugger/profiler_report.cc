#include "debugger/profiler_report.h"

#include "base/file.h"
#include "debugger/internal/publish.h"

namespace clary::debugger {

Status WriteProfilerReport(const Profile& profile, const std::vector<ProfilerRuleResult>& rules,
                           const ReportContext& context, const std::filesystem::path& directory) {
  (void)profile;
  (void)context;
  const std::filesystem::path numbers = directory / "profiler-reports";
  CLARY_CHECK_OK(MakeDirectories(numbers));
  for (const ProfilerRuleResult& rule : rules) {
    CLARY_CHECK_OK(PublishFile(numbers / (rule.rule + ".json"), rule.ToJson()));
  }
  return PublishFile(directory / "profiler-report.html",
                     "<!doctype html><meta charset=\"utf-8\"><title>Profiling report</title>\n");
}

}  // namespace clary::debugger
