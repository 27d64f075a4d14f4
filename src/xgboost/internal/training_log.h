// What the built-in algorithm says: lines on standard output in the container's words, and errors
// that are the user's.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "clary/gbdt.h"

namespace clary::xgboost {

// One line, as it is.
void PrintLine(std::string line);
// "[2026-11-23:17:11:35:INFO] text", the form of the container's Python logger.
void LogInfo(std::string_view text);
void LogWarning(std::string_view text);
void LogError(std::string_view text);

// Keeps what is logged while it lives, on the only thread that logs, instead of printing it. One at
// a time.
class KeptLog {
 public:
  KeptLog();
  ~KeptLog();
  KeptLog(const KeptLog&) = delete;
  KeptLog& operator=(const KeptLog&) = delete;
  struct Line {
    std::string level;
    std::string text;
  };
  std::vector<Line> Take();
};
// Logs such a line now.
void LogKept(const KeptLog::Line& line);

// "\ttrain-auc:0.91653": one metric as log lines show it.
std::string MetricText(const gbdt::MetricValue& metric);
// "[3]\ttrain-auc:0.91653\tvalidation-auc:0.90000"
std::string RoundLine(int round, std::span<const gbdt::MetricValue> metrics);

// How far training is: "Round 500 of 1000: 812 rounds a second, 12 s left, 212 MB of memory".
// `done` rounds took `seconds`; the memory is what the process has in RAM.
std::string ProgressText(int done, int rounds, double seconds, uint64_t resident_bytes);
// What early stopping left of the model, with the metrics of its last round: "Early stopping kept
// 12 of 22 rounds, the best by validation-auc, with train-auc 0.96097, validation-auc 0.92144".
// Without colons: no metric definition takes it for a round.
std::string EarlyStoppingText(int kept, int trained, std::string_view metric,
                              std::span<const gbdt::MetricValue> metrics);
uint64_t ResidentBytes();  // of this process; 0 if that is not known

std::unexpected<Error> UserError(std::string message);

}  // namespace clary::xgboost
