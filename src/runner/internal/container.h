// The container contract's fixed part: directories, configuration files and environment of
// /opt/ml. Source: the wire contract, section 4.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "api/job_spec.h"
#include "base/error.h"

namespace clary::runner {

// Makes `work` (the later /opt/ml) with its directories and input/config/*.json.
// kInvalidArgument "BadConfig" if a configuration that the job carries is not JSON.
Status LayOut(const api::JobSpec& spec, const std::filesystem::path& work);

// "NAME=value", sorted by name: all that the program sees. `base` is where it finds the tree,
// `cpus` the cores it may use. The request's Environment wins over ours, but not over
// SAGEMAKER_BASE_DIR.
std::vector<std::string> Environment(const api::JobSpec& spec, const std::string& base, int cpus);

// The checkpoint directory below /opt/ml ("checkpoints"); kInvalidArgument "BadCheckpointPath" for
// a LocalPath elsewhere.
Result<std::string> CheckpointDirectory(const api::JobSpec& spec);

// A directory of the job whose files go to the object store while the program runs.
struct MirrorSpec {
  std::string directory;  // below /opt/ml
  std::string uri;        // "s3://bucket/prefix"
  bool download = false;  // filled from there at the start
  // Put below `uri` when the job has ended, whatever way: its readers wait for it. Empty: none.
  std::string end_marker;
  bool tensors = false;  // Debugger's: readers need a collections file, too
};
// Checkpoints, Debugger tensors, profiler and TensorBoard output, as far as the job asks for them.
Result<std::vector<MirrorSpec>> Mirrors(const api::JobSpec& spec);

// The job's profiler, if it has one: where its output goes, and how often to sample.
struct ProfilerSpec {
  std::string uri;  // "s3://bucket/prefix/<job>/profiler-output"
  std::chrono::milliseconds interval{500};
  friend bool operator==(const ProfilerSpec&, const ProfilerSpec&) = default;
};
// kInvalidArgument "BadConfig" for a configuration that is no JSON object.
Result<std::optional<ProfilerSpec>> Profiler(const api::JobSpec& spec);

}  // namespace clary::runner
