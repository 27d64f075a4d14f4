#include "gbdt/internal/class_metrics.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

namespace clary::gbdt {
namespace {

struct Counts {
  double right = 0;
  double labels = 0;
  double predicted = 0;
};

// Counts by class; classes are whole numbers from 0, or anything else (rare).
class Confusion {
 public:
  Counts& Of(float value) {
    if (value >= 0 && value < kDirect && value == std::floor(value)) {
      const auto at = static_cast<size_t>(value);
      if (at >= direct_.size()) direct_.resize(at + 1);
      return direct_[at];
    }
    return others_[value];
  }
  // Classes that occur.
  std::vector<Counts> All() const {
    std::vector<Counts> all;
    const auto add = [&](const Counts& c) {
      if (c.labels > 0 || c.predicted > 0) all.push_back(c);
    };
    for (const Counts& c : direct_) add(c);
    for (const auto& [value, c] : others_) add(c);
    return all;
  }

 private:
  static constexpr float kDirect = 1 << 16;
  std::vector<Counts> direct_;
  std::map<float, Counts> others_;
};

double Ratio(double part, double whole) { return whole > 0 ? part / whole : 0; }

double ScoreOf(ClassScore score, const Counts& c) {
  switch (score) {
    case ClassScore::kPrecision:
      return Ratio(c.right, c.predicted);
    case ClassScore::kF1:
      return Ratio(2 * c.right, c.labels + c.predicted);
    default:
      return Ratio(c.right, c.labels);
  }
}

class ClassMetric final : public Metric {
 public:
  ClassMetric(ClassScore score, ClassAverage average, std::string_view objective)
      : score_(score),
        average_(average),
        class_ids_(objective == "multi:softmax"),
        threshold_(objective == "binary:logitraw" ? 0 : 0.5F) {}

  double Evaluate(std::span<const float> p, const Dataset& data, ThreadPool& /*pool*/) override {
    const std::vector<float>& labels = data.fields().label;
    const size_t rows = labels.size();
    const size_t outputs = rows == 0 ? 1 : p.size() / rows;
    Confusion confusion;
    Counts total;
    for (size_t r = 0; r < rows; ++r) {
      const float predicted = ClassOf(p.subspan(r * outputs, outputs));
      const double right = predicted == labels[r] ? 1 : 0;
      confusion.Of(labels[r]).labels += 1;
      Counts& c = confusion.Of(predicted);
      c.predicted += 1;
      c.right += right;
      total.right += right;
    }
    total.labels = total.predicted = static_cast<double>(rows);
    if (score_ == ClassScore::kAccuracy || average_ == ClassAverage::kMicro) {
      return ScoreOf(score_, total);
    }
    if (average_ == ClassAverage::kBinary) return ScoreOf(score_, confusion.Of(1));
    double sum = 0;
    double classes = 0;
    for (const Counts& c : confusion.All()) {
      if (score_ == ClassScore::kBalancedAccuracy && c.labels == 0) continue;
      sum += ScoreOf(score_, c);
      classes += 1;
    }
    return Ratio(sum, classes);
  }

 private:
  float ClassOf(std::span<const float> row) const {
    if (row.size() > 1) {
      return static_cast<float>(std::ranges::max_element(row) - row.begin());
    }
    return class_ids_ ? row[0] : static_cast<float>(row[0] > threshold_);
  }

  ClassScore score_;
  ClassAverage average_;
  bool class_ids_;
  float threshold_;
};

class R2 final : public Metric {
 public:
  double Evaluate(std::span<const float> p, const Dataset& data, ThreadPool& /*pool*/) override {
    const std::vector<float>& labels = data.fields().label;
    double mean = 0;
    for (const float y : labels) mean += y;
    mean = Ratio(mean, static_cast<double>(labels.size()));
    double errors = 0;
    double deviations = 0;
    for (size_t r = 0; r < labels.size(); ++r) {
      const double error = static_cast<double>(labels[r]) - p[r];
      const double deviation = labels[r] - mean;
      errors += error * error;
      deviations += deviation * deviation;
    }
    if (deviations == 0) return errors == 0 ? 1 : 0;
    return 1 - errors / deviations;
  }
};

}  // namespace

std::unique_ptr<Metric> MakeClassMetric(ClassScore score, ClassAverage average,
                                        std::string_view objective) {
  return std::make_unique<ClassMetric>(score, average, objective);
}

std::unique_ptr<Metric> MakeR2() { return std::make_unique<R2>(); }

}  // namespace clary::gbdt
