// report: the reports that a job's rules have written.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "clary/estimator.h"
#include "command.h"
#include "reports.h"
#include "terminal.h"

namespace clary::cli {
namespace {

namespace fs = std::filesystem;

struct ReportOptions {
  std::string job;
  std::string download;
  bool open = false;
};

// The desktop's own program for web pages, which goes on by itself.
Status OpenPage(const std::string& path) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::execlp("xdg-open", "xdg-open", path.c_str(), static_cast<char*>(nullptr));
    ::_exit(127);
  }
  int status = 0;
  if (pid > 0 && ::waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
      WEXITSTATUS(status) == 0) {
    return {};
  }
  return Fail(Code::kFailedPrecondition, "NoBrowser",
              "no browser could be started (xdg-open); open the file yourself");
}

int ShowReports(const Context& context, const ReportOptions& options) {
  auto access = Connect(context, Home::kMustExist);
  if (!access) return Report(context, access.error());
  const auto rules = TrainingJob(access->session, options.job).rule_job_summary();
  if (!rules) return Report(context, NoJob(access->session, options.job, rules.error()));
  const auto reports = FetchReports(access->session, options.job,
                                    options.download.empty() ? ReportDirectory(context, options.job)
                                                             : fs::path(options.download));
  if (!reports) return Report(context, reports.error());
  const bool running = !std::ranges::all_of(*rules, &RuleStatus::finished);
  if (reports->pages.empty()) {
    return Report(context, kFailed, "NoReport",
                  running ? "the rules of " + options.job + " have not written a report yet"
                          : "job " + options.job +
                                " has no report: train with --rule create_xgboost_report, and see "
                                "`clary describe " +
                                options.job + "` for what its rules say");
  }
  if (context.json) {
    std::puts(nlohmann::json{{"job", options.job},
                             {"final", !running},
                             {"pages", reports->pages},
                             {"files", reports->files}}
                  .dump(2)
                  .c_str());
  } else {
    for (const auto& page : reports->pages) std::puts(page.c_str());
    if (running) std::fprintf(stderr, "the rules are still at work: this is how far they are\n");
  }
  std::fflush(stdout);
  if (options.open) {
    if (const auto opened = OpenPage(reports->pages.front()); !opened) {
      return Report(context, opened.error());
    }
  }
  return kOk;
}

}  // namespace

fs::path ReportDirectory(const Context& context, const std::string& job) {
  return context.home / "reports" / job;
}

Result<Reports> FetchReports(const Session& session, const std::string& job,
                             const fs::path& directory) {
  CLARY_TRY(const auto estimator, Estimator::attach(session, job));
  CLARY_TRY(const auto output, estimator.latest_job_rule_output_path());
  CLARY_TRY(const auto uri, S3Uri::parse(output + "/"));
  Reports reports;
  const auto files = session.download_data(directory, uri.bucket, uri.key);
  if (!files && files.error().code == Code::kNotFound) return reports;
  if (!files) return std::unexpected(files.error());
  std::error_code ec;
  for (const fs::path& file : *files) {
    const std::string path = fs::absolute(file, ec).string();
    reports.files.push_back(path);
    if (path.ends_with(".html")) reports.pages.push_back(path);
  }
  // The training report first.
  std::ranges::stable_partition(
      reports.pages, [](const std::string& page) { return page.ends_with("xgboost_report.html"); });
  return reports;
}

void AddReport(CLI::App& app, Context& context) {
  const auto options = std::make_shared<ReportOptions>();
  auto* report =
      AddCommand(app, context, "report", "Fetch the reports of a job and print where they are",
                 {"clary report my-job --open", "clary report my-job --download here"},
                 [&context, options] { return ShowReports(context, *options); });
  report->add_option("job", options->job, "Name of the job")->required();
  report->add_option("--download", options->download,
                     "Folder for everything the rules wrote (default: HOME/reports/JOB)");
  report->add_flag("--open", options->open, "Open the first page in a browser");
}

}  // namespace clary::cli
