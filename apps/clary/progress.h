// Shows a training job as it runs: one line that is redrawn on a terminal, plain lines elsewhere.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "clary/training_job.h"

namespace clary::cli {

class Progress : public TrainingObserver {
 public:
  struct Options {
    int rounds = 0;        // of each model; 0: not known
    int models = 1;        // of cross validation: folds times repetitions
    bool live = false;     // redraw one line
    bool verbose = false;  // every log line as it is
    bool silent = false;   // nothing at all, only remember
  };
  Progress(const Options& options, Clock& clock) : options_(options), clock_(clock) {}

  void on_status(const TrainingJobDescription& job, const StatusTransition& transition) override;
  void on_log(int host, const LogEvent& event) override;
  // Clears the redrawn line; call it before printing anything else.
  void Finish();

  // Of the last round, or the means over the folds.
  const std::vector<MetricValue>& last_metrics() const { return last_; }
  int rounds_done() const { return done_; }  // of the last model
  int models_done() const { return model_; }
  // Of a single model that early stopping has cut.
  const std::optional<KeptRounds>& kept() const { return kept_; }

 private:
  void Draw(bool force);
  void Line(const std::string& text);
  std::string RoundText() const;

  Options options_;
  Clock& clock_;
  int done_ = 0;
  int model_ = 0;            // which of options_.models is trained, from 1; 0: no cross validation
  bool means_next_ = false;  // the next line of metrics is of folds, not of a round
  Time first_round_{};
  Time drawn_{};
  bool line_open_ = false;
  int64_t memory_mb_ = 0;  // as the job told last; 0: not yet
  std::vector<MetricValue> last_;
  std::optional<KeptRounds> kept_;
};

// "round 12 of 22", "22 rounds", "5 models of 10 rounds": what was trained and what is kept of it.
std::string RoundsText(int rounds, int models, const std::optional<KeptRounds>& kept);

// A table of the last round's metrics, beside those of the round kept if it is another.
void PrintMetrics(const std::vector<MetricValue>& last, const std::optional<KeptRounds>& kept,
                  std::string_view indent);

}  // namespace clary::cli
