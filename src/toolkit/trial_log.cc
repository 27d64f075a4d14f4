#include "toolkit/trial_log.h"

#include <algorithm>
#include <string_view>

#include "base/strings.h"

namespace clary::toolkit {
namespace {

constexpr std::string_view kFold = "Train cross validation fold ";
constexpr std::string_view kRun = "-round of ";  // "Run 2-round of 5-fold cross validation ..."
constexpr std::string_view kAfterFolds[] = {"The metrics of round ", "The overall metrics of "};

}  // namespace

void TrialLog::Course::Add(double value) { now_.push_back(value); }

void TrialLog::Course::NextFold() {
  if (now_.empty()) return;
  if (folds_ == 0) {
    sums_ = now_;
  } else {
    sums_.resize(std::min(sums_.size(), now_.size()));
    for (size_t i = 0; i < sums_.size(); ++i) sums_[i] += now_[i];
  }
  ++folds_;
  now_.clear();
}

std::vector<double> TrialLog::Course::Get() const {
  if (folds_ == 0) return now_;
  std::vector<double> means = sums_;
  for (double& v : means) v /= static_cast<double>(folds_);
  return means;
}

void TrialLog::EndFold() {
  if (!in_fold_) return;
  if (!last_.empty()) folds_.push_back(last_.back());
  last_.clear();
  curve_.NextFold();
  training_.NextFold();
}

void TrialLog::Add(const std::string& line, MetricPattern& objective, MetricPattern* training) {
  if (line.find(kFold) != std::string::npos) {
    EndFold();
    in_fold_ = true;
    after_folds_ = false;
    return;
  }
  for (const std::string_view text : kAfterFolds) {
    if (line.find(text) == std::string::npos || !(in_fold_ || after_folds_)) continue;
    EndFold();
    in_fold_ = false;
    after_folds_ = true;
    return;
  }
  if (const size_t at = line.find(kRun);
      at != std::string::npos && line.find("cross validation") != std::string::npos) {
    const std::string_view rest = std::string_view(line).substr(at + kRun.size());
    folds_a_round_ = ParseUint(rest.substr(0, rest.find('-'))).value_or(0);
    return;
  }
  if (after_folds_) return;  // the line of the means
  if (const auto value = objective.Find(line)) {
    curve_.Add(*value);
    if (in_fold_) last_ = {*value};
  }
  if (training == nullptr) return;
  if (const auto value = training->Find(line)) training_.Add(*value);
}

}  // namespace clary::toolkit
