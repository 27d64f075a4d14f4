// One instance of an endpoint, from server.json to its last event: the body of `clary model-server
// DIRECTORY`. It stands outside the sandbox, as a runner does (docs/adr/0005): it unpacks the
// models, starts a program for each container on a socket that it has made, says when all of them
// answer, and takes their lines to the log.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "api/server_spec.h"
#include "base/clock.h"
#include "base/error.h"
#include "objects/object_store.h"

namespace clary::serving {

struct ServeOptions {
  std::vector<std::string> program;  // instead of the one that ContainerSpec::program names
  std::chrono::milliseconds grace = std::chrono::seconds(30);  // between SIGTERM and SIGKILL
  bool sandbox = true;                                         // false: do not even try
  // Built-in containers are pinged while they serve; two pings in a row without an answer end the
  // instance. (A ping of users' programs may wait behind their requests, so it tells nothing.)
  std::chrono::milliseconds ping_interval = std::chrono::seconds(5);
  std::chrono::milliseconds ping_timeout = std::chrono::seconds(2);
  std::chrono::milliseconds usage_interval = std::chrono::minutes(1);  // of usage.json
};

// Serves until SIGTERM, or until a container ends or hangs. Events as
// docs/formats/serving-directory.md has them. Returns the exit code of the last one; an error means
// that it could not be written. Call it while the process has one thread.
Result<int> RunInstance(const api::ServerSpec& spec, const std::filesystem::path& directory,
                        objects::ObjectStore& store, const ServeOptions& options = {});

// `clary model-server DIRECTORY`. Returns the process's exit status.
int RunModelServer(const std::filesystem::path& directory);

}  // namespace clary::serving
