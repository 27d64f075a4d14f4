#include <cstdio>

#include "command.h"

namespace clary::cli {

void AddVersion(CLI::App& app, Context& context) {
  AddCommand(app, context, "version", "Print the version", {"clary version --json"}, [&context] {
    std::printf(context.json ? "{\"version\":\"%s\"}\n" : "clary %s\n", CLARY_VERSION);
    return kOk;
  });
}

}  // namespace clary::cli
