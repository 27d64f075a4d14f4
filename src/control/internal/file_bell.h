// Rings the reconciler when a file is appended to that a process of ours writes.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <thread>

#include "base/file_watch.h"

namespace clary::control {

class Bell;

// Owns one thread. Any thread.
class FileBell {
 public:
  // Null if this machine has no watches to give: the reconciler looks now and then in any case.
  static std::unique_ptr<FileBell> Make(std::shared_ptr<Bell> bell);
  ~FileBell();
  void Watch(const std::filesystem::path& file);  // which is there; until it is removed
  // Whether all that were to be watched are.
  bool hears() const { return hears_; }

 private:
  FileBell(FileWatch watch, Fd end, std::shared_ptr<Bell> bell);
  void Run();

  FileWatch watch_;
  std::atomic<bool> hears_ = true;
  const Fd end_;  // an eventfd
  const std::shared_ptr<Bell> bell_;
  std::jthread thread_;  // last: joined before what it uses goes
};

}  // namespace clary::control
