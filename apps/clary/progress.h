// Shows a training job as it runs: one line that is redrawn on a terminal, plain lines elsewhere.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "clary/training_job.h"

namespace clary::cli {

class Progress : public TrainingObserver {
 public:
  struct Options {
    int rounds = 0;        // of the job in all; 0: not known
    bool live = false;     // redraw one line
    bool verbose = false;  // every log line as it is
    bool silent = false;   // nothing at all, only remember
  };
  Progress(const Options& options, Clock& clock) : options_(options), clock_(clock) {}

  void on_status(const TrainingJobDescription& job, const StatusTransition& transition) override;
  void on_log(int host, const LogEvent& event) override;
  // Clears the redrawn line; call it before printing anything else.
  void Finish();

  const std::vector<MetricValue>& last_metrics() const { return last_; }
  int rounds_done() const { return done_; }

 private:
  void Draw(bool force);
  void Line(const std::string& text);

  Options options_;
  Clock& clock_;
  int done_ = 0;
  Time first_round_{};
  Time drawn_{};
  bool line_open_ = false;
  int64_t memory_mb_ = 0;  // as the job told last; 0: not yet
  std::vector<MetricValue> last_;
};

}  // namespace clary::cli
