// Log streams as append-only files: one writer (a runner), any number of readers (the Logs
// front, the metric scraper), in different processes. The format is docs/formats/logs.md. A reader
// never waits for the writer and sees whole records only.
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
  std::string message;    // one line without its line end; TAB is stored as the text "#011"
  uint64_t position = 0;  // where Read() found it in the stream; a writer leaves it alone
};

// Appends to one stream. A line over 256 KiB is split; TAB becomes "#011" and LF "#012", as in
// CloudWatch. One thread at a time. What was appended survives the death of the process, and the
// last moments of it may be lost in a power cut.
class LogWriter {
 public:
  // Opens for appending; creates the stream. A torn last record (crash) is cut off.
  static Result<LogWriter> Open(const std::filesystem::path& root, const std::string& group,
                                const std::string& stream);
  // Timestamps never go back within a stream: an earlier one is raised to the last one.
  Status Append(const std::vector<LogEventRecord>& events);

 private:
  LogWriter(Fd fd, int64_t last_ms) : fd_(std::move(fd)), last_ms_(last_ms) {}
  Fd fd_;
  int64_t last_ms_;
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

  // Streams whose name starts with `prefix`, by name. kNotFound "NoSuchGroup". A prefix that holds
  // "<first part>/" looks at that part's streams only.
  Result<std::vector<LogStreamInfo>> Streams(const std::string& group,
                                             const std::string& prefix) const;
  Result<std::vector<std::string>> Groups(const std::string& prefix) const;
  // Removes all streams "<first>/...". None is no error.
  Status Remove(const std::string& group, const std::string& first) const;

  // Groups and streams without a LogWriter. Threads of one process keep each other out; processes
  // that Put and Trim in one group do so here. What they return is durable.
  bool HasGroup(const std::string& group) const;
  bool HasStream(const std::string& group, const std::string& stream) const;
  // An empty one; one that is there already is left alone. kInvalidArgument "BadName".
  Status CreateGroup(const std::string& group) const;
  Status CreateStream(const std::string& group, const std::string& stream) const;
  // None is no error.
  Status RemoveGroup(const std::string& group) const;
  Status RemoveStream(const std::string& group, const std::string& stream) const;
  // Adds all events, which are in order of time, or none. Each keeps its time and every byte of its
  // message; one that is earlier than what the stream has goes to its place, for which the file is
  // written anew, so positions behind it move. kNotFound "NoSuchStream".
  Status Put(const std::string& group, const std::string& stream,
             const std::vector<LogEventRecord>& events) const;
  // Drops what is older than `before_ms`. kNotFound "NoSuchStream".
  Status Trim(const std::string& group, const std::string& stream, int64_t before_ms) const;

  struct ReadOptions {
    uint64_t position = 0;
    // Returns the events that end at `position` instead of those that begin there (still oldest
    // first). A position beyond the end counts as the end.
    bool backward = false;
    int64_t start_ms = 0;        // events with timestamp >= this
    int64_t end_ms = INT64_MAX;  // and < this
    size_t max_events = 10'000;
    uint64_t max_bytes = 1 << 20;
  };
  // At least one event if there is one, whatever max_bytes says. With a time window the first event
  // is found by bisection. kNotFound "NoSuchStream"; kInvalidArgument "BadPosition" beyond the end.
  Result<LogPage> Read(const std::string& group, const std::string& stream,
                       const ReadOptions& options) const;

 private:
  std::filesystem::path root_;
};

}  // namespace clary::meta
