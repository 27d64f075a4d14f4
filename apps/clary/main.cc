// The one executable: the service, its runners, and the command line of its users.
#include <signal.h>

#include <cstdio>
#include <cstring>

#include "client/home.h"
#include "command.h"
#include "hidden.h"

int main(int argc, char** argv) {
  using namespace clary::cli;
  // What the service itself starts: no option parsing, no threads, nothing printed.
  if (const auto status = RunHidden(argc, argv)) return *status;
  signal(SIGPIPE, SIG_IGN);

  Context context;
  std::filesystem::path home;
  CLI::App app{"Trains models: a self-hosted service that speaks SageMaker's protocols."};
  app.name("clary");
  app.require_subcommand(1);
  app.fallthrough();
  app.option_defaults()->group("Global options");
  app.add_option("--home", home, "State directory (default: $CLARY_HOME, or ~/.clary)");
  app.add_option("--endpoint", context.endpoint,
                 "Another service, with keys from the environment; 'aws': Amazon SageMaker");
  app.add_flag("--json", context.json, "Print JSON, for scripts");
  app.set_version_flag("--version", "clary " CLARY_VERSION);
  app.footer("`clary COMMAND --help` shows examples.\n");

  AddTrain(app, context);
  AddServe(app, context);
  AddJobs(app, context);
  AddReport(app, context);
  AddLogs(app, context);
  AddS3(app, context);
  AddEnv(app, context);
  AddKeys(app, context);
  AddBench(app, context);
  AddVersion(app, context);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    const int status = app.exit(e);
    return status == 0 ? kOk : kUsage;
  }
  context.home = clary::client::ResolveHome(home);
  const int status = context.run();
  // A reader that went away, or a full disk, must not look like success.
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) return kFailed;
  return status;
}
