// A job's log stream: lines of the program's output and of the runner itself.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "meta/log_store.h"

namespace clary::runner {

// `text` with every byte that is not part of valid UTF-8 replaced by U+FFFD, and TAB by "#011".
std::string CleanLine(std::string_view text);

// Cuts a stream of bytes into lines. A line longer than 256 KiB is cut, between two characters if
// it is UTF-8. A line end is "\n" or "\r\n".
class LineSplitter {
 public:
  std::vector<std::string> Feed(std::string_view bytes);
  std::vector<std::string> Finish();  // the last line, if it had no end

 private:
  std::string rest_;
};

// Any thread. A log that cannot be written (a full disk) never stops the job: the lines are lost,
// and failed() tells.
class JobLog {
 public:
  // Of what WriteOutput() gets, `limit` bytes are kept, of each `every` anew.
  JobLog(meta::LogWriter writer, Clock& clock, uint64_t limit = UINT64_MAX,
         Duration every = Duration::max())
      : clock_(clock), limit_(limit), every_(every), writer_(std::move(writer)) {}
  void Write(std::vector<std::string> lines);
  void Write(const std::string& line) { Write(std::vector<std::string>{line}); }
  // Lines of the program: up to the limit, then one that says so, then none.
  void WriteOutput(std::vector<std::string> lines);
  bool failed() const;

 private:
  Clock& clock_;
  const uint64_t limit_;
  const Duration every_;
  mutable Mutex mu_;
  uint64_t output_ GUARDED_BY(mu_) = 0;  // bytes of the program's lines since `begin_`
  std::optional<Time> begin_ GUARDED_BY(mu_);
  meta::LogWriter writer_ GUARDED_BY(mu_);
  bool failed_ GUARDED_BY(mu_) = false;
};

}  // namespace clary::runner
