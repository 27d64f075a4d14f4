// Input mode Pipe: the objects of a channel, one after another, through FIFOs
// input/data/<channel>_0, _1, ...: one for each pass ("epoch") that the program wants to make.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "api/job_spec.h"
#include "base/error.h"
#include "objects/object_store.h"

namespace clary::runner {

// Feeds all Pipe channels of a job; a thread each. Nothing is fed before a reader opens a FIFO. The
// one of the next epoch is there as soon as this one has a reader; a reader that closes early ends
// its epoch and nothing else. An epoch that ended is gone: its FIFO is removed.
class Pipes {
 public:
  // Lists the objects and makes the first FIFOs below `data` (input/data of the job). Errors as
  // DownloadChannels(). `store` must outlive this.
  static Result<std::unique_ptr<Pipes>> Make(const api::JobSpec& spec, objects::ObjectStore& store,
                                             const std::filesystem::path& data);
  ~Pipes();  // stops and joins

  bool empty() const;  // no channel has this mode
  // Starts the threads. SIGPIPE must be ignored. Once.
  void Start();
  // Ends all epochs; a reader sees an early end. Idempotent.
  void Stop();
  // Readable when an object could not be read. The reader of its channel waits for ever then, since
  // an end would look like the end of the data: end the program.
  int failed_fd() const;
  // The first such failure, as DownloadChannels() has it. After Stop().
  Status status() const;

 private:
  struct Impl;
  explicit Pipes(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace clary::runner
