// Python of our own that users' programs see.
#pragma once

#include <span>
#include <string_view>

namespace clary::toolkit {

struct PythonFile {
  std::string_view path;  // "sagemaker_xgboost_container/checkpointing.py"
  std::string_view text;
};

// Small modules under the names that scripts for SageMaker's images import, in our own words
// (src/toolkit/stand_ins/).
std::span<const PythonFile> StandIns();

// What serves an inference script: a folder that Python runs (src/toolkit/inference/).
std::span<const PythonFile> InferenceServer();

// What the hosts of a job run commands on each other with (src/toolkit/hosts/).
std::span<const PythonFile> HostTools();

}  // namespace clary::toolkit
