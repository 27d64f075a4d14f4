// The reports of a job as files on this machine.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "clary/session.h"
#include "clary/tuning_job.h"
#include "command.h"

namespace clary::cli {

struct Reports {
  std::vector<std::string> pages;  // the HTML files, the training report first
  std::vector<std::string> files;  // everything the rules wrote
};

// Where a job's reports go unless told otherwise.
std::filesystem::path ReportDirectory(const Context& context, const std::string& job);

// Downloads what the job's rules have written so far; nothing is no error.
Result<Reports> FetchReports(const Session& session, const std::string& job,
                             const std::filesystem::path& directory);

// The same of a tuning job: its page, its figures and its table.
Result<Reports> FetchTuningReport(const TuningJobDescription& job, const Session& session,
                                  const std::filesystem::path& directory);

}  // namespace clary::cli
