// Log streams as append-only files: one writer (a runner), any number of readers (the Logs
// front, the metric scraper), in different processes. The format is docs/formats/logs.md.
//
// A group and a stream are named as in CloudWatch Logs ("/aws/sagemaker/TrainingJobs",
// "<job>/algo-1-<epoch>"). A position is a byte offset into the stream file: it stays valid for
// the life of the stream, and reading at the end returns no events and the same position.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"

namespace clary::meta {

struct LogEventRecord {
  int64_t timestamp_ms = 0;
  std::string message;  // one line without its line end; TAB is stored as the text "#011"
};

// Appends to one stream. A line over 256 KiB is split. One thread at a time.
class LogWriter {
 public:
  // Opens for appending; creates the stream. A torn last record (crash) is cut off.
  static Result<LogWriter> Open(const std::filesystem::path& root, const std::string& group,
                                const std::string& stream);
  // Timestamps never go back within a stream: an earlier one is raised to the last one.
  Status Append(const std::vector<LogEventRecord>& events);

 private:
  explicit LogWriter(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
  int64_t last_ms_ = 0;
};

struct LogPage {
  std::vector<LogEventRecord> events;
  uint64_t next = 0;      // position after the last event returned
  uint64_t previous = 0;  // position of the first event returned
};

struct LogStreamInfo {
  std::string name;
  int64_t first_event_ms = 0;
  int64_t last_event_ms = 0;
  uint64_t bytes = 0;
};

// Any thread.
class LogStore {
 public:
  explicit LogStore(std::filesystem::path root) : root_(std::move(root)) {}
  const std::filesystem::path& root() const { return root_; }

  // kNotFound "NoSuchGroup".
  Result<std::vector<LogStreamInfo>> Streams(const std::string& group,
                                             const std::string& prefix) const;
  Result<std::vector<std::string>> Groups(const std::string& prefix) const;

  struct ReadOptions {
    uint64_t position = 0;
    int64_t start_ms = 0;        // events with timestamp >= this
    int64_t end_ms = INT64_MAX;  // and < this
    size_t max_events = 10'000;
    uint64_t max_bytes = 1 << 20;
  };
  // Whole records only: a line that is being written is not seen. kNotFound "NoSuchStream".
  Result<LogPage> Read(const std::string& group, const std::string& stream,
                       const ReadOptions& options) const;

 private:
  std::filesystem::path root_;
};

}  // namespace clary::meta
