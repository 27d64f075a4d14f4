// Which Python of this host stands for a container image: the operator's rules, the environments
// that Clary has built, a default (docs/formats/environments.md).
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "toolkit/frameworks.h"
#include "toolkit/images.h"
#include "toolkit/python.h"

namespace clary::toolkit {

// What a job runs with.
struct Environment {
  std::string name;                     // "sklearn:1.2-1", "/opt/venv", "default"
  std::string interpreter;              // its path on the host
  std::vector<std::string> folders;     // of the host, that the program must see, read-only
  std::string framework;                // of the image; empty: of none
  std::vector<std::string> notes;       // how it differs from what the image's tag promises
  std::optional<ContainerImage> image;  // instead of a Python: the image itself
};

// One line of environments.json: images to a Python, or to an image that was imported.
struct EnvironmentRule {
  std::string image;   // glob (* and ?) over the image's name as sent, or over what follows its '/'
  std::string python;  // an interpreter, or the folder of a virtual environment; or
  std::string container = {};  // a folder of ImagesDirectory()
};

// An environment that Clary has built: its folder's environment.json.
struct BuiltEnvironment {
  std::string framework;
  std::string version;                // of the image's tag: "1.2-1"
  std::string python;                 // "3.11"
  std::vector<std::string> notes;     // what had to be another version
  std::vector<std::string> packages;  // "numpy==1.26.4", all of them
  int64_t created_ms = 0;             // since 1970, UTC
  std::filesystem::path dir;          // where it is
  std::string name() const { return framework + ":" + version; }
};

struct EnvironmentsOptions {
  std::filesystem::path state;  // the state directory
  std::string default_python;   // for images that nothing else stands for; empty: none
};

struct Wish {
  std::string image;   // as the request names it
  std::string python;  // "3.11": this minor version and no other (@remote); empty: any
};

// Read from a few small files; cheap enough to be loaded for each request, so that what is built or
// added counts at once.
class Environments {
 public:
  // kDataLoss "BadEnvironments" names the file that cannot be understood.
  static Result<Environments> Load(EnvironmentsOptions options);

  // The first that fits: a rule, the environment built for the framework and version of the image's
  // name, the default Python. kInvalidArgument "ValidationException" names the image, the
  // environments at hand and the command that adds one.
  Result<Environment> Resolve(const Wish& wish) const;

  const std::vector<EnvironmentRule>& rules() const { return rules_; }
  const std::vector<BuiltEnvironment>& built() const { return built_; }

  // Replaces or adds the rule of that image and writes environments.json.
  Status AddRule(EnvironmentRule rule);
  // kNotFound "NoEnvironment". Jobs that run with a built environment, or in an imported image that
  // no other rule names, lose it.
  Status Remove(std::string_view name_or_image);

 private:
  Status WriteRules() const;

  EnvironmentsOptions options_;
  std::vector<EnvironmentRule> rules_;
  std::vector<BuiltEnvironment> built_;
};

// Folders of the state directory.
std::filesystem::path EnvironmentsDirectory(const std::filesystem::path& state);
std::filesystem::path LayersDirectory(const std::filesystem::path& state);

// A built environment's own file: environment.json.
std::string ToJson(const BuiltEnvironment& built);
Result<BuiltEnvironment> BuiltFromJson(std::string_view text);

}  // namespace clary::toolkit
