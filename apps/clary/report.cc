// report: the reports that a job's rules have written.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "clary/estimator.h"
#include "clary/rule.h"
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
  bool train_again = false;
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

// The job that is `name` once more, with a report: the same model, since training does not depend
// on when or where it is done. It is made if it is not there, and waited for; so a trial of a
// tuning job, which has no report, has one when somebody wants it.
Result<std::string> TrainAgain(const Session& session, const std::string& name) {
  constexpr size_t kMostName = 63;
  constexpr std::string_view kEnd = "-report";
  CLARY_TRY(const auto job, TrainingJob(session, name).describe());
  if (!job.image_uri.contains("xgboost") || job.hyperparameters.contains("sagemaker_program")) {
    return Fail(Code::kInvalidArgument, "NoReport",
                "--train-again is for jobs on the built-in algorithm: " + name + " ran " +
                    (job.image_uri.empty() ? "an algorithm of its own" : job.image_uri));
  }
  const std::string again = name.substr(0, kMostName - kEnd.size()) + std::string(kEnd);
  if (!TrainingJob(session, again).describe()) {
    const auto request = nlohmann::json::parse(job.json, nullptr, false);
    Channels channels;
    for (const auto& channel : request.value("InputDataConfig", nlohmann::json::array())) {
      const auto none = nlohmann::json::object();
      const auto source = channel.value("DataSource", none).value("S3DataSource", none);
      channels.emplace_back(
          channel.value("ChannelName", ""),
          TrainingInput{.s3_data = source.value("S3Uri", ""),
                        .content_type = channel.value("ContentType", ""),
                        .distribution = source.value("S3DataDistributionType", ""),
                        .s3_data_type = source.value("S3DataType", ""),
                        .compression = channel.value("CompressionType", ""),
                        .record_wrapping = channel.value("RecordWrapperType", ""),
                        .input_mode = channel.value("InputMode", "")});
    }
    Estimator estimator(session,
                        {.image_uri = job.image_uri,
                         .role = job.role,
                         .instance_count = job.instance_count,
                         .instance_type = job.instance_type,
                         .output_path = job.output_path,
                         .rules = {Rule::sagemaker(rule_configs::create_xgboost_report())}});
    estimator.set_hyperparameters({job.hyperparameters.begin(), job.hyperparameters.end()});
    CLARY_CHECK_OK(estimator.fit(channels, {.wait = false, .job_name = again}));
  }
  std::fprintf(stderr, "training %s again, as %s\n", name.c_str(), again.c_str());
  CLARY_TRY(const auto ended, TrainingJob(session, again).wait({.logs = false}));
  if (ended.status != "Completed") {
    return Fail(Code::kFailedPrecondition, "NoReport",
                again + " is " + ended.status + ": " + ended.failure_reason);
  }
  CLARY_CHECK_OK(TrainingJob(session, again).wait_for_rules());
  return again;
}

int ShowReports(const Context& context, const ReportOptions& given) {
  auto access = Connect(context, Home::kMustExist);
  if (!access) return Report(context, access.error());
  ReportOptions options = given;
  if (options.train_again) {
    const auto again = TrainAgain(access->session, options.job);
    if (!again) return Report(context, again.error());
    options.job = *again;
  }
  const fs::path directory =
      options.download.empty() ? ReportDirectory(context, options.job) : fs::path(options.download);
  const auto rules = TrainingJob(access->session, options.job).rule_job_summary();
  Result<Reports> reports = Reports{};
  bool running = false;
  std::string why;  // there is none
  if (rules) {
    reports = FetchReports(access->session, options.job, directory);
    running = !std::ranges::all_of(*rules, &RuleStatus::finished);
    why = running
              ? "the rules of " + options.job + " have not written a report yet"
              : "job " + options.job +
                    " has no report: train with --rule create_xgboost_report, or `clary report " +
                    options.job + " --train-again`; `clary describe " + options.job +
                    "` has what its rules say";
  } else if (const auto tuning = TuningJob(access->session, options.job).describe()) {
    if (tuning->finished()) {
      const auto written = TuningJob(access->session, options.job).wait_for_report();
      if (!written) return Report(context, written.error());
    }
    reports = FetchTuningReport(*tuning, access->session, directory);
    running = !tuning->finished();
    why = "tuning job " + options.job + " has no report" +
          (running ? " yet: its first one comes some seconds after its begin" : "");
  } else {
    return Report(context, NoJob(access->session, options.job, rules.error()));
  }
  if (!reports) return Report(context, reports.error());
  if (reports->pages.empty()) return Report(context, kFailed, "NoReport", why);
  if (context.json) {
    std::puts(nlohmann::json{{"job", options.job},
                             {"final", !running},
                             {"pages", reports->pages},
                             {"files", reports->files}}
                  .dump(2)
                  .c_str());
  } else {
    for (const auto& page : reports->pages) std::puts(page.c_str());
    if (running) std::fprintf(stderr, "the job is still at work: this is how far it is\n");
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

namespace {

// Everything below `uri`; nothing is no error.
Result<Reports> Download(const Session& session, const std::string& from,
                         const fs::path& directory) {
  CLARY_TRY(const auto uri, S3Uri::parse(from + "/"));
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
  return reports;
}

}  // namespace

Result<Reports> FetchTuningReport(const TuningJobDescription& job, const Session& session,
                                  const fs::path& directory) {
  return Download(session, job.report_path, directory);
}

Result<Reports> FetchReports(const Session& session, const std::string& job,
                             const fs::path& directory) {
  CLARY_TRY(const auto estimator, Estimator::attach(session, job));
  CLARY_TRY(const auto output, estimator.latest_job_rule_output_path());
  CLARY_TRY(Reports reports, Download(session, output, directory));
  // The training report first.
  std::ranges::stable_partition(
      reports.pages, [](const std::string& page) { return page.ends_with("xgboost_report.html"); });
  return reports;
}

void AddReport(CLI::App& app, Context& context) {
  const auto options = std::make_shared<ReportOptions>();
  auto* report =
      AddCommand(app, context, "report", "Fetch the reports of a job and print where they are",
                 {"clary report my-job --open", "clary report my-tuning-job --download here",
                  "clary report my-trial --train-again --open"},
                 [&context, options] { return ShowReports(context, *options); });
  report->add_option("job", options->job, "Name of a training or tuning job")->required();
  report->add_option("--download", options->download,
                     "Folder for everything the rules wrote (default: HOME/reports/JOB)");
  report->add_flag("--open", options->open, "Open the first page in a browser");
  report->add_flag(
      "--train-again", options->train_again,
      "Of a trial of a tuning job, or another job without a report: train the same model "
      "again, as JOB-report, with one");
}

}  // namespace clary::cli
