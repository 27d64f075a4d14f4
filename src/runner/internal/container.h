// The training contract: directories, configuration files and environment of /opt/ml. Source: the
// wire contract, section 4.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "api/job_spec.h"
#include "base/error.h"

namespace clary::runner {

// "NAME=value", sorted by name: all that the program sees. `base` is where it finds the tree,
// `cpus` the cores it may use. The request's Environment wins over ours, but not over
// SAGEMAKER_BASE_DIR.
std::vector<std::string> Environment(const api::JobSpec& spec, const std::string& base, int cpus);

// The job's profiler, if it has one: where its output goes, and how often to sample.
struct ProfilerSpec {
  std::string uri;  // "s3://bucket/prefix/<job>/profiler-output"
  std::chrono::milliseconds interval{500};
  friend bool operator==(const ProfilerSpec&, const ProfilerSpec&) = default;
};
// kInvalidArgument "BadConfig" for a configuration that is no JSON object.
Result<std::optional<ProfilerSpec>> Profiler(const api::JobSpec& spec);

}  // namespace clary::runner
