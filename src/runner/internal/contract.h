// The contracts between a job and its program: what the program finds below /opt/ml, and what is
// taken from there. One row for each kind of job; everything else about a job is the same.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "api/job_spec.h"
#include "base/error.h"
#include "objects/object_store.h"
#include "runner/artifacts.h"
#include "runner/channels.h"
#include "runner/follow.h"
#include "runner/host.h"
#include "runner/job_log.h"

namespace clary::runner {

// A directory of the job whose files go to the object store while the program runs.
struct MirrorSpec {
  std::string directory;  // below /opt/ml; below / if it is `outside` of that
  std::string uri;        // "s3://bucket/prefix"
  bool outside = false;
  // Filled from there at the start; what the program removes is removed there, too.
  bool checkpoints = false;
  // Put below `uri` when the job has ended, whatever way: its readers wait for it. Empty: none.
  std::string end_marker;
  bool tensors = false;  // Debugger's: readers need a collections file, too
};

// What uploading needs.
struct UploadContext {
  const api::JobSpec& spec;
  const std::filesystem::path& work;  // the program's /opt/ml
  const std::filesystem::path& pack;  // a file to pack into
  objects::ObjectStore& store;
  JobLog& log;
  EventFile& events;
  std::function<bool()> stopped = {};  // asked while it goes on; may be empty
};

// Says in the log what of a folder was not uploaded as files.
void TellSkipped(const UploadContext& context, const std::vector<std::string>& skipped);

struct Contract {
  std::string_view name;        // JobSpec::contract
  std::string_view phase;       // while the program runs
  std::string_view phase_text;  // its message
  std::string_view upload_text;
  std::string_view message_file = "";  // whose beginning is the job's exit message; empty: none
  // Makes `work` with its directories and configuration files. kInvalidArgument "BadConfig".
  Status (*lay_out)(const api::JobSpec& spec, const std::filesystem::path& work);
  // What is brought before the program runs. kInvalidArgument.
  Result<std::vector<Input>> (*inputs)(const api::JobSpec& spec);
  Result<std::vector<MirrorSpec>> (*mirrors)(const api::JobSpec& spec);
  // The folders below /opt/ml of which `upload` takes what is there.
  Result<std::vector<std::string>> (*left)(const api::JobSpec& spec);
  // Takes what the program has left.
  Status (*upload)(const UploadContext& context, const Ended& ended);
};

// kInvalidArgument "BadContract".
Result<const Contract*> FindContract(std::string_view name);

extern const Contract kTrainingContract;
extern const Contract kProcessingContract;

// "/opt/ml/output/tensors" -> "output/tensors"; kInvalidArgument "BadLocalPath" names `what`.
Result<std::string> BelowOptMl(const std::string& path, const char* what);

// Writes files of configuration: made anew by every run, so not worth an fsync.
Status WriteConfig(const std::filesystem::path& directory,
                   const std::map<std::string, std::string>& files);

}  // namespace clary::runner
