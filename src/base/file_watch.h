// Tells when files have been written to, by inotify.
#pragma once

#include <filesystem>

#include "base/file.h"

namespace clary {

// Any thread. A machine may have no more watches to give (kResourceExhausted): callers
// can always look by themselves now and then instead.
class FileWatch {
 public:
  static Result<FileWatch> Make();
  // `file` is there. Ends when the file is removed.
  Status Add(const std::filesystem::path& file);
  int fd() const {
    return fd_.get();
  }  // readable when a file was written to since the last Drain()
  void Drain();

 private:
  explicit FileWatch(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

}  // namespace clary
