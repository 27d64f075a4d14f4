// Container images that run for real: what a container engine (podman, docker) knows of one,
// brought to a folder once, outside any job; jobs run in it by our own sandbox, without the engine
// (docs/adr/0031-images-are-unpacked.md, docs/formats/environments.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace clary::toolkit {

struct ContainerImage {
  std::string name;                     // as the engine knows it: "localhost/my-image:1"
  std::string id;                       // the engine's: hex digits
  std::vector<std::string> entrypoint;  // ENTRYPOINT and CMD, as words
  std::vector<std::string> command;
  std::vector<std::string> environment;  // ENV: "NAME=value"
  std::string directory = "/";           // WORKDIR
  int64_t created_ms = 0;                // when it was brought here; since 1970, UTC
  std::filesystem::path dir;             // its folder: image.json and root/
  std::filesystem::path root() const { return dir / "root"; }
};

struct ImportOptions {
  std::filesystem::path state;  // the state directory
  std::string image;            // as the engine knows it
  std::string engine;           // its executable; empty: podman, else docker
  int64_t now_ms = 0;           // since 1970, UTC
  int output = 2;               // descriptor that the engine's own output goes to
  std::stop_token stop;
  std::function<void(const std::string& line)> say;  // progress; may be empty
};

// Has the engine export the image (fetched by it if need be) and unpacks it. One that is here
// already, by its id, is returned as it is. An import that fails, is stopped or killed leaves
// nothing, at the latest after the next RemoveImageRests(). kNotFound "NoEngine", kUnavailable
// "EngineFailed" (its output said why), kFailedPrecondition "Importing" (another process does),
// kCancelled.
Result<ContainerImage> ImportImage(const ImportOptions& options);

// The image in folder `name` ("<16 hex digits>") of ImagesDirectory(). kNotFound "NoImage".
Result<ContainerImage> FindImage(const std::filesystem::path& state, std::string_view name);

// Removes what killed imports have left.
Status RemoveImageRests(const std::filesystem::path& state);

std::filesystem::path ImagesDirectory(const std::filesystem::path& state);

}  // namespace clary::toolkit
