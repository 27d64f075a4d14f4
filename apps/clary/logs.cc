#include <cstdio>

#include "base/strings.h"
#include "clary/processor.h"
#include "clary/training_job.h"
#include "command.h"
#include "signals.h"
#include "terminal.h"

namespace clary::cli {
namespace {

class LinePrinter : public TrainingObserver {
 public:
  explicit LinePrinter(bool json) : json_(json) {}
  void on_log(int host, const LogEvent& event) override {
    if (json_) {
      std::printf("{\"host\":\"algo-%d\",\"timestamp\":%lld,\"message\":%s}\n", host,
                  static_cast<long long>(event.timestamp_ms), JsonQuote(event.message).c_str());
    } else {
      std::puts(LogLine(event.message).c_str());
    }
    std::fflush(stdout);
  }

 private:
  bool json_;
};

struct LogsOptions {
  std::string job;
  bool follow = false;
};

int PrintLogs(const Context& context, const LogsOptions& options) {
  const Signals signals;
  auto access = Connect(context, Home::kMustExist);
  if (!access) return Report(context, access.error());
  LinePrinter printer(context.json);
  const TrainingJob job(access->session, options.job);
  const auto done = job.logs(printer, options.follow, signals.token());
  if (done) return kOk;
  const ProcessingJob processing(access->session, options.job);
  if (!processing.describe()) {
    return Report(context, NoJob(access->session, options.job, done.error()));
  }
  const auto printed = processing.logs([&](const LogEvent& event) { printer.on_log(1, event); },
                                       options.follow, signals.token());
  return printed ? kOk : Report(context, printed.error());
}

}  // namespace

void AddLogs(CLI::App& app, Context& context) {
  const auto options = std::make_shared<LogsOptions>();
  auto* logs = AddCommand(app, context, "logs", "Print the log of a training or processing job",
                          {"clary logs my-job", "clary logs my-job -f"},
                          [&context, options] { return PrintLogs(context, *options); });
  logs->add_option("job", options->job, "Name of the job")->required();
  logs->add_flag("-f,--follow", options->follow, "Go on until the job ends");
}

}  // namespace clary::cli
