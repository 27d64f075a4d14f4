// Scalars as TensorBoard reads them: TFRecord files of Event messages with real checksums.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"

namespace clary::debugger {

// One run: a directory with one events.out.tfevents.<seconds>.<host> file. One thread at a time.
class ScalarWriter {
 public:
  // Creates the directory and the file with its version record.
  static Result<std::unique_ptr<ScalarWriter>> Open(const std::filesystem::path& directory,
                                                    std::string_view host, Clock& clock);
  // Keeps the value for Flush.
  void Add(std::string_view tag, int64_t step, double value);
  // Appends what was added to the file, whole records.
  Status Flush();

 private:
  ScalarWriter(std::filesystem::path file, Clock& clock) : file_(std::move(file)), clock_(clock) {}
  void Append(std::string_view event);

  const std::filesystem::path file_;
  Clock& clock_;
  std::string pending_;
};

}  // namespace clary::debugger
