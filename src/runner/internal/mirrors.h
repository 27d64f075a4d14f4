// The job's folders that go to the object store while its program runs: checkpoints, tensors,
// profiles and the like.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string_view>
#include <vector>

#include "api/job_spec.h"
#include "base/error.h"
#include "debugger/profiler_files.h"
#include "objects/object_store.h"
#include "runner/artifacts.h"
#include "runner/channels.h"
#include "runner/internal/container.h"
#include "runner/internal/contract.h"
#include "runner/job_log.h"
#include "runner/program.h"

namespace clary::runner {

// One thread at a time.
class Mirrors {
 public:
  struct Folders {
    std::filesystem::path work;     // the program's /opt/ml
    std::filesystem::path outside;  // MirrorSpec::outside: the program's /
    std::filesystem::path profile;  // what the runner samples; no program sees it
  };
  // The profiler's samples are mirrored, too, if the job has one.
  Mirrors(std::vector<MirrorSpec> specs, std::optional<ProfilerSpec> profiler, Folders folders,
          objects::ObjectStore& store, JobLog& log)
      : specs_(std::move(specs)),
        profiler_(std::move(profiler)),
        folders_(std::move(folders)),
        store_(store),
        log_(log) {}

  // Makes the folders and fills those of checkpoints. Errors as DownloadFolder().
  Status Prepare(const DownloadOptions& options);
  const std::vector<MirrorSpec>& specs() const { return specs_; }
  const std::optional<ProfilerSpec>& profiler() const { return profiler_; }
  bool empty() const { return mirrors_.empty(); }  // after Prepare()
  // Folders outside /opt/ml, as the program is to see them.
  std::vector<Shown> OutsideFolders() const;
  // Uploads about every second until stopped. A failure is told in the log; the next pass tries
  // again.
  void Run(const std::stop_token& stop);
  // Uploads what is left.
  Status Finish();
  // Adds the time line of a host to the profiler's output.
  void AddTimeLine(const std::vector<debugger::TraceEvent>& phases, std::string_view host);
  // Tells the readers of the outputs that nothing will follow. Failures are told in the log alone:
  // they do not change how the job ended.
  void Close();

 private:
  Status CloseOne(const MirrorSpec& spec);
  Status Put(const std::string& uri, std::string_view text);

  const std::vector<MirrorSpec> specs_;
  const std::optional<ProfilerSpec> profiler_;
  const Folders folders_;
  objects::ObjectStore& store_;
  JobLog& log_;
  std::vector<Mirror> mirrors_;
};

}  // namespace clary::runner
