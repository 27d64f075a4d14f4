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

#include "base/file.h"
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

// Python imports it at its start. SDKs sleep 5 to 30 s before they look how something is, which
// here is done in milliseconds; no answer of a service makes them look earlier.
constexpr char kQuickHook[] =
    R"(# Written by `clary exec --quick`: SDKs of SageMaker look more often.
import importlib.machinery
import importlib.util
import os
import sys
import time

LONGEST = 0.1  # seconds between two looks
_sleep = time.sleep


def sleep(seconds):
    caller = sys._getframe(1).f_globals.get("__name__", "")
    if caller.split(".")[0] in ("sagemaker", "sagemaker_core") or caller == "botocore.waiter":
        seconds = min(seconds, LONGEST)
    _sleep(seconds)


time.sleep = sleep

# Python imports one sitecustomize; if there is another one, it is meant, too.
_here = os.path.dirname(os.path.abspath(__file__))
_other = importlib.machinery.PathFinder.find_spec(
    "sitecustomize", [path for path in sys.path if os.path.abspath(path) != _here])
if _other is not None and _other.loader is not None:
    _other.loader.exec_module(importlib.util.module_from_spec(_other))
)";

Status AddQuickHook(const Context& context) {
  const std::filesystem::path directory = context.home / "quick";
  CLARY_CHECK_OK(MakeDirectories(directory));
  CLARY_CHECK_OK(WriteFileAtomic(directory / "sitecustomize.py", kQuickHook));
  const char* before = getenv("PYTHONPATH");
  const bool some = before != nullptr && *before != '\0';
  const std::string path = directory.string() + (some ? std::string(":") + before : "");
  setenv("PYTHONPATH", path.c_str(), 1);
  return {};
}

int Exec(const Context& context, std::vector<std::string> command, bool quick) {
  const auto variables = Variables(context);
  if (!variables) return Report(context, variables.error());
  if (quick) {
    if (const Status added = AddQuickHook(context); !added) return Report(context, added.error());
  }
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
  const auto quick = std::make_shared<bool>(false);
  auto* exec = AddCommand(app, context, "exec", "Run a command with the exports of `clary env`",
                          {"clary exec -- python tutorial.py", "clary exec -- aws s3 ls",
                           "clary exec --quick -- python deploy.py"},
                          [&context, command, quick] { return Exec(context, *command, *quick); });
  exec->add_flag("--quick", *quick,
                 "Python SDKs of SageMaker look every 0.1 s instead of after 5 to 30 s");
  exec->add_option("command", *command, "The command and its arguments")->required();
  exec->prefix_command(false)->positionals_at_end();
}

}  // namespace clary::cli
