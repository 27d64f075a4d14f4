// What every subcommand shares: the global options, the way to a service, and printing for people
// and for scripts.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "clary/session.h"
#include "clary/training_job.h"
#include "server/service.h"

namespace clary::cli {

inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;
inline constexpr int kUsage = 2;

struct Context {
  std::filesystem::path home;  // resolved
  std::string endpoint;        // another service; "aws": Amazon's own
  bool json = false;
  std::function<int()> run;  // set by the subcommand that was named
};

// The whole tree of commands and options: what is parsed, and what help, completions and manual
// pages are made of. `context` and `home` are kept and written to.
void Describe(CLI::App& app, Context& context, std::filesystem::path& home);

// The subcommands; each is one .cc file. They keep `context`.
void AddProcess(CLI::App& app, Context& context);
void AddServe(CLI::App& app, Context& context);
void AddTrain(CLI::App& app, Context& context);
void AddTune(CLI::App& app, Context& context);
void AddJobs(CLI::App& app, Context& context);  // jobs, describe, stop
void AddPredict(CLI::App& app, Context& context);
void AddInvoke(CLI::App& app, Context& context);
void AddTransform(CLI::App& app, Context& context);
void AddReport(CLI::App& app, Context& context);
void AddClarify(CLI::App& app, Context& context);
void AddEndpoints(CLI::App& app, Context& context);  // deploy, endpoints, models
void AddLogs(CLI::App& app, Context& context);
void AddS3(CLI::App& app, Context& context);
void AddEnv(CLI::App& app, Context& context);  // env, exec
void AddEnvironments(CLI::App& app, Context& context);
void AddDoctor(CLI::App& app, Context& context);
void AddMigrate(CLI::App& app, Context& context);
void AddKeys(CLI::App& app, Context& context);
void AddBench(CLI::App& app, Context& context);
void AddCompletion(CLI::App& app, Context& context);
void AddManual(CLI::App& app, Context& context);  // hidden
void AddVersion(CLI::App& app, Context& context);

// A subcommand whose --help ends with `examples`, one command a line.
CLI::App* AddCommand(CLI::App& app, Context& context, std::string name, std::string description,
                     const std::vector<std::string>& examples, std::function<int()> run);
// A word before subcommands, one of which has to follow.
CLI::App* AddGroup(CLI::App& app, std::string name, std::string description,
                   const std::vector<std::string>& examples);

// A session with --endpoint, with the service that AWS_ENDPOINT_URL names, with the one that
// listens on the home, or else with an embedded one on the home that lives as long as this.
struct Access {
  std::unique_ptr<server::Service> embedded;  // null: a service of its own
  Session session;
  bool on_home = false;  // the object files of the home are this service's
};
// kMustExist: a home in which nothing ever ran is a mistake, kNotFound "NoHome", and stays
// untouched.
enum class Home { kMayBeNew, kMustExist };
Result<Access> Connect(const Context& context, Home home = Home::kMayBeNew);

// `error` of a call about a training job; of one that does not exist with the name that is meant.
Error NoJob(const Session& session, const std::string& name, Error error);

// Whether the job has left a model: SageMaker tells where it would be of any job, even of one that
// was stopped before it could.
bool HasModel(const Session& session, const TrainingJobDescription& job);

// Whether the built-in algorithm of this image version takes the hyperparameters: what a service
// that is started here says to who tunes them.
Status CheckAlgorithmTakes(const std::string& version,
                           const std::map<std::string, std::string>& hyperparameters);

// An error of whoever wrote the command line: exit status kUsage.
inline std::unexpected<Error> Usage(std::string message) {
  return Fail(Code::kInvalidArgument, "Usage", std::move(message));
}

// From here on a reader of standard output that goes away, as `head` does, ends the program without
// a word. For what prints all its life long.
void EndWithReader();

// Reports that --no-wait needs a service that outlives the command, and returns kUsage.
int ReportNoService(const Context& context);

// Prints an error (as {"error": ...} on standard error with --json) and returns kFailed.
int Report(const Context& context, const Error& error);
int Report(const Context& context, int status, std::string_view code, std::string_view message);

}  // namespace clary::cli
