// Folders that nobody needs any more, removed off the reconciler's thread: they may hold many
// files.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <stop_token>
#include <thread>

#include "base/error.h"
#include "base/mutex.h"

namespace clary::control {

// Thread-safe. What a stop or a crash leaves in `directory` the next one removes.
class Trash {
 public:
  // `directory` is made when it is needed, on the file system of what is thrown away.
  explicit Trash(std::filesystem::path directory);
  ~Trash();

  // Moves `path` out of sight, at once; one that is not there is none.
  Status Take(const std::filesystem::path& path);

 private:
  void Run(const std::stop_token& stop);

  const std::filesystem::path directory_;
  Mutex mu_;
  std::condition_variable_any taken_;
  bool full_ GUARDED_BY(mu_) = true;  // there may be something
  std::jthread thread_;               // last: joined before what it uses goes
};

}  // namespace clary::control
