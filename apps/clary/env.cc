#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "client/home.h"
#include "command.h"

namespace clary::cli {
namespace {

Result<std::vector<std::pair<std::string, std::string>>> Variables(const Context& context) {
  CLARY_TRY(const auto endpoint, client::LiveEndpoint(context.home));
  CLARY_TRY(const auto account, server::LoadOrCreateAccount(context.home));
  return server::Environment(account, endpoint, context.home);
}

// Settings of the caller that would lead elsewhere.
constexpr const char* kUnset[] = {"AWS_SESSION_TOKEN",    "AWS_PROFILE",
                                  "AWS_ENDPOINT_URL_S3",  "AWS_ENDPOINT_URL_SAGEMAKER",
                                  "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_LOGS"};

std::string ShellQuote(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
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
  for (const auto* name : kUnset) std::printf("unset %s\n", name);
  for (const auto& [name, value] : *variables) {
    std::printf("export %s=%s\n", name.c_str(), ShellQuote(value).c_str());
  }
  return kOk;
}

int Exec(const Context& context, std::vector<std::string> command) {
  const auto variables = Variables(context);
  if (!variables) return Report(context, variables.error());
  for (const auto* name : kUnset) unsetenv(name);
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
