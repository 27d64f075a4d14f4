// Builds an environment for a framework's image: a virtual environment below the state directory,
// filled by pip from the index that the operator's settings name, or from folders of wheels.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "toolkit/environments.h"

namespace clary::toolkit {

struct BuildOptions {
  std::filesystem::path state;  // the state directory
  std::string framework;        // one of BuildableFrameworks()
  std::string version;          // of the image's tag: "1.2-1", "2.3.0"; of "python": "3.11"
  std::string python;  // an interpreter, or its name on PATH; empty: python3 ("python3.11")
  std::vector<std::string> wheels;  // folders, instead of any index; empty: pip's settings
  std::vector<std::string> with;    // more requirements: "lightgbm==4.3.0"
  int64_t now_ms = 0;               // since 1970, UTC
  int output = 2;                   // descriptor that pip's own output goes to
  std::stop_token stop;
  std::function<void(const std::string& line)> say;  // progress; may be empty
};

std::vector<std::string_view> BuildableFrameworks();

// Runs `python -m venv` and pip and blocks until they have ended. Only wheels are installed:
// nothing is compiled. Where no wheel of the image's version is for this Python, the nearest
// release that has one is taken, and a note says so. A build that fails, is stopped or killed
// leaves no environment, and its files are removed, at the latest by the next RemoveRests().
// kAlreadyExists, kFailedPrecondition "Building" (another process does), kInvalidArgument "Usage",
// kNotFound "NoPython", kCancelled, kUnavailable "PipFailed" (its output said why).
Result<BuiltEnvironment> BuildEnvironment(const BuildOptions& options);

// Removes what killed builds have left.
Status RemoveRests(const std::filesystem::path& state);

// The release of `available` that is `promised` ("1.2.1", "1.2.*"), else the nearest one after it,
// else the last before it; empty if there is none.
std::string NearestRelease(const std::vector<std::string>& available, std::string_view promised);

}  // namespace clary::toolkit
