#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/quote.h"
#include "client/home.h"
#include "command.h"

namespace clary::cli {
namespace {

Result<std::vector<std::pair<std::string, std::string>>> Variables(const Context& context) {
  CLARY_TRY(const auto endpoint, client::LiveEndpoint(context.home));
  CLARY_TRY(const auto account, server::LoadOrCreateAccount(context.home));
  return server::Environment(account, endpoint, context.home);
}

// Settings of the caller that would lead elsewhere: some by name, whose absence the printed lines
// make sure of, and every endpoint of one service that is set.
std::vector<std::string> LeadingElsewhere() {
  std::vector<std::string> names = {"AWS_SESSION_TOKEN",
                                    "AWS_PROFILE",
                                    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
                                    "AWS_ENDPOINT_URL_S3",
                                    "AWS_ENDPOINT_URL_SAGEMAKER",
                                    "AWS_ENDPOINT_URL_STS",
                                    "AWS_ENDPOINT_URL_LOGS"};
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text(*variable);
    const std::string name(text.substr(0, text.find('=')));
    if (!name.starts_with("AWS_ENDPOINT_URL_")) continue;
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  }
  return names;
}

int PrintEnv(const Context& context) {
  const auto variables = Variables(context);
  if (!variables) return Report(context, variables.error());
  if (context.json) {
    std::puts(
        nlohmann::json(std::map<std::string, std::string>(variables->begin(), variables->end()))
            .dump(2)
            .c_str());
    return kOk;
  }
  for (const std::string& name : LeadingElsewhere()) std::printf("unset %s\n", name.c_str());
  for (const auto& [name, value] : *variables) {
    std::printf("export %s=%s\n", name.c_str(), ShellQuote(value).c_str());
  }
  return kOk;
}

int Exec(const Context& context, std::vector<std::string> command) {
  const auto variables = Variables(context);
  if (!variables) return Report(context, variables.error());
  for (const std::string& name : LeadingElsewhere()) unsetenv(name.c_str());
  for (const auto& [name, value] : *variables) setenv(name.c_str(), value.c_str(), 1);
  std::vector<char*> argv;
  for (auto& word : command) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::fflush(stdout);
  execvp(argv[0], argv.data());
  const int error = errno;
  Report(context, kFailed, "Exec", command[0] + ": " + std::strerror(error));
  return error == ENOENT ? 127 : 126;
}

}  // namespace

void AddEnv(CLI::App& app, Context& context) {
  AddCommand(app, context, "env", "Print the exports that point any AWS client at the service",
             {"eval \"$(clary env)\"", "clary env --json"},
             [&context] { return PrintEnv(context); });

  const auto command = std::make_shared<std::vector<std::string>>();
  auto* exec = AddCommand(app, context, "exec", "Run a command with the exports of `clary env`",
                          {"clary exec -- python tutorial.py", "clary exec -- aws s3 ls"},
                          [&context, command] { return Exec(context, *command); });
  exec->add_option("command", *command, "The command and its arguments")->required();
  exec->prefix_command(false)->positionals_at_end();
}

}  // namespace clary::cli
