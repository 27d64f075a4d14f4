// The frameworks whose images run users' scripts, by the names that registries give them.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "toolkit/toolkit.h"

namespace clary::toolkit {

struct Framework {
  std::string_view name;     // "sklearn": as environments, --framework and job.json say it
  std::string_view package;  // the Python distribution that its version counts
  Stack stack = Stack::kTraining;
  std::string_view module;  // SAGEMAKER_TRAINING_MODULE of its images
  bool capture = false;     // its toolkit looks into stderr for a failure's text
  bool torch = false;       // its toolkit prepares torch.distributed
  // Its scripts import modules of the images: PythonHome::stand_ins.
  bool stand_ins = false;
};

std::span<const Framework> Frameworks();
const Framework* FindFramework(std::string_view name);  // null: there is none

// Variables that its images set for all that runs in them.
std::map<std::string, std::string> ImageVariables(const Framework& framework);

// What the name of an image promises.
struct FrameworkImage {
  std::string framework;  // name of a Framework
  std::string version;    // as the tag has it: "1.2-1", "2.3.0"
  std::string python;     // "3.10" of "py310"; empty: not told
};

// "<registry>/<repository>:<tag>", of any registry; nullopt: no framework's image.
std::optional<FrameworkImage> ParseFrameworkImage(std::string_view image);

// The version of Framework::package in an image of that tag version: "1.2.1" of scikit-learn in
// "1.2-1". "1.9.*" where only the beginning is told.
std::string PromisedVersion(std::string_view framework, std::string_view version);

// Whether `version` ("1.2.1") is what `promised` ("1.2.1", "1.2.*", "2.3") says.
bool VersionMatches(std::string_view version, std::string_view promised);

}  // namespace clary::toolkit
