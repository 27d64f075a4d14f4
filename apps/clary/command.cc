#include "command.h"

#include <signal.h>

#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/log.h"
#include "client/home.h"
#include "options.h"
#include "terminal.h"
#include "xgboost/hyperparameters.h"

namespace clary::cli {
namespace {

std::string Examples(const std::vector<std::string>& lines) {
  std::string text = "Examples:\n";
  for (const auto& line : lines) text += "  " + line + "\n";
  return text;
}

// `clary help s3 cp` for who types that first; the text is --help's.
void AddHelp(CLI::App& app, Context& context) {
  const auto words = std::make_shared<std::vector<std::string>>();
  const std::vector<std::string> names = CommandNames(app);
  auto* help = AddCommand(
      app, context, "help", "Show what a command does",
      {"clary help", "clary help train", "clary help s3 cp"}, [&app, &context, words] {
        const CLI::App* at = &app;
        for (const std::string& word : *words) {
          const auto named =
              at->get_subcommands([&](const CLI::App* sub) { return sub->get_name() == word; });
          if (named.empty()) {
            return Report(context, kUsage, "Usage", NoCommand(*at, word));
          }
          at = named.front();
        }
        const std::string text =
            at->get_formatter()->make_help(at, PathOf(*at), CLI::AppFormatMode::Normal);
        std::fputs(text.c_str(), stdout);
        return kOk;
      });
  Suggest(*help->add_option("command", *words, "The command"), names);
}

}  // namespace

void Describe(CLI::App& app, Context& context, std::filesystem::path& home) {
  app.name("clary");
  app.description("Trains models: a self-hosted service that speaks SageMaker's protocols.");
  app.require_subcommand(1);
  app.fallthrough();
  app.option_defaults()->group("Global options");
  app.add_option("--home", home, "State directory (default: $CLARY_HOME, or ~/.clary)");
  app.add_option("--endpoint", context.endpoint,
                 "Another service, with keys from the environment; 'aws': Amazon SageMaker");
  app.add_flag("--json", context.json, "Print JSON, for scripts");
  app.set_version_flag("--version", "clary " CLARY_VERSION);
  app.option_defaults()->group("Options");
  app.footer(Examples({"clary train --train data.csv --label income", "clary serve",
                       "clary exec -- python train.py"}) +
             "\nclary COMMAND --help shows more\n");
  AddTrain(app, context);
  AddTune(app, context);
  AddProcess(app, context);
  AddServe(app, context);
  AddJobs(app, context);
  AddPredict(app, context);
  AddInvoke(app, context);
  AddTransform(app, context);
  AddReport(app, context);
  AddClarify(app, context);
  AddEndpoints(app, context);
  AddLogs(app, context);
  AddS3(app, context);
  AddEnv(app, context);
  AddEnvironments(app, context);
  AddDoctor(app, context);
  AddMigrate(app, context);
  AddKeys(app, context);
  AddBench(app, context);
  AddCompletion(app, context);
  AddManual(app, context);
  AddVersion(app, context);
  AddHelp(app, context);
  RefuseEmptyValues(app);
}

CLI::App* AddGroup(CLI::App& app, std::string name, std::string description,
                   const std::vector<std::string>& examples) {
  auto* group = app.add_subcommand(std::move(name), std::move(description));
  group->require_subcommand(1);
  group->footer(Examples(examples) +
                "\n--home, --endpoint and --json go with every command: clary --help\n");
  return group;
}

CLI::App* AddCommand(CLI::App& app, Context& context, std::string name, std::string description,
                     const std::vector<std::string>& examples, std::function<int()> run) {
  auto* command = AddGroup(app, std::move(name), std::move(description), examples);
  command->require_subcommand(0);
  command->callback([&context, run = std::move(run)] { context.run = run; });
  return command;
}

Result<Access> Connect(const Context& context, Home home) {
  if (!context.endpoint.empty()) {
    CLARY_TRY(auto session,
              Session::from_environment(context.endpoint == "aws" ? "" : context.endpoint));
    return Access{.embedded = nullptr, .session = std::move(session)};
  }
  if (auto session = Session::from_home(context.home)) {
    return Access{.embedded = nullptr, .session = *std::move(session), .on_home = true};
  } else if (session.error().reason != "NoService") {
    return std::unexpected(session.error());
  }
  if (const char* endpoint = std::getenv("AWS_ENDPOINT_URL"); endpoint != nullptr && *endpoint) {
    CLARY_TRY(auto session, Session::from_environment());
    return Access{.embedded = nullptr, .session = std::move(session)};
  }
  std::error_code ec;
  if (home == Home::kMustExist && !std::filesystem::exists(context.home / "version", ec)) {
    return Fail(Code::kNotFound, "NoHome",
                "nothing has run on " + context.home.string() +
                    " yet (--home or CLARY_HOME names another)\n  clary train and clary serve "
                    "begin there");
  }
  SetLogLevel(LogLevel::kError);  // a command's output is its own
  CLARY_TRY(auto service,
            server::Service::Start(
                {.home = context.home, .port = 0, .check_hyperparameters = CheckAlgorithmTakes}));
  CLARY_TRY(auto session, Session::from_home(context.home));
  return Access{.embedded = std::move(service), .session = std::move(session), .on_home = true};
}

Status CheckAlgorithmTakes(const std::string& version,
                           const std::map<std::string, std::string>& hyperparameters) {
  const auto parsed = xgboost::ParseHyperparameters(hyperparameters, version);
  return parsed ? Status() : std::unexpected(parsed.error());
}

void EndWithReader() { signal(SIGPIPE, SIG_DFL); }

int Report(const Context& context, int status, std::string_view code, std::string_view message) {
  std::fflush(stdout);
  if (context.json) {
    const nlohmann::json json = {{"error", {{"code", code}, {"message", message}}}};
    std::fprintf(stderr, "%s\n",
                 json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  } else {
    std::fprintf(stderr, "%s %.*s\n", Paint("clary:", Style::kRed, 2).c_str(),
                 static_cast<int>(message.size()), message.data());
  }
  return status;
}

int ReportNoService(const Context& context) {
  return Report(context, kUsage, "NoService",
                "--no-wait needs a service that stays: start `clary serve` first");
}

int Report(const Context& context, const Error& error) {
  const bool usage = error.code == Code::kInvalidArgument && error.reason == "Usage";
  return Report(context, usage ? kUsage : kFailed, error.reason, error.message);
}

}  // namespace clary::cli
