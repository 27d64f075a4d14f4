// The one executable: the service, its runners, and the command line of its users.
#include <signal.h>

#include <cstdio>

#include "client/home.h"
#include "command.h"
#include "hidden.h"
#include "options.h"

int main(int argc, char** argv) {
  using namespace clary::cli;
  // What the service itself starts: no option parsing, no threads, nothing printed.
  if (const auto status = RunHidden(argc, argv)) return *status;
  signal(SIGPIPE, SIG_IGN);

  Context context;
  std::filesystem::path home;
  CLI::App app;
  Describe(app, context, home);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help_or_version) {
    return app.exit(help_or_version);
  } catch (const CLI::ParseError& error) {
    return Report(context, kUsage, "Usage", Explain(app, error));
  }
  context.home = clary::client::ResolveHome(home);
  const int status = context.run();
  // A reader that went away, or a full disk, must not look like success.
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) return kFailed;
  return status;
}
