#include "gbdt/internal/class_metrics.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "gbdt/internal/metric_impl.h"
#include "gbdt/kernels.h"

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
  Confusion& operator+=(const Confusion& other) {
    const auto add = [](Counts& to, const Counts& c) {
      to.right += c.right;
      to.labels += c.labels;
      to.predicted += c.predicted;
    };
    direct_.resize(std::max(direct_.size(), other.direct_.size()));
    for (size_t k = 0; k < other.direct_.size(); ++k) add(direct_[k], other.direct_[k]);
    for (const auto& [value, c] : other.others_) add(others_[value], c);
    return *this;
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

  double Evaluate(std::span<const float> p, const Dataset& data, ThreadPool& pool) override {
    const std::vector<float>& labels = data.fields().label;
    const size_t rows = labels.size();
    const size_t outputs = rows == 0 ? 1 : p.size() / rows;
    Confusion confusion = SumBlocks<Confusion>(pool, {}, rows, [&](size_t begin, size_t end) {
      Confusion block;
      if (outputs == 1 && !class_ids_ && CountTwo(p, labels, begin, end, block)) return block;
      for (size_t r = begin; r < end; ++r) {
        const float predicted = ClassOf(p.subspan(r * outputs, outputs));
        block.Of(labels[r]).labels += 1;
        Counts& c = block.Of(predicted);
        c.predicted += 1;
        c.right += predicted == labels[r] ? 1 : 0;
      }
      return block;
    });
    Counts total;
    for (const Counts& c : confusion.All()) total.right += c.right;
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
  // The rows [begin, end) of two classes, without branches, which could not be predicted. False if
  // a label is neither 0 nor 1.
  bool CountTwo(std::span<const float> p, std::span<const float> labels, size_t begin, size_t end,
                Confusion& block) const {
    uint32_t both = 0;
    uint32_t ones = 0;
    uint32_t predicted = 0;
    uint32_t others = 0;
    for (size_t r = begin; r < end; ++r) {
      const auto hit = static_cast<uint32_t>(p[r] > threshold_);
      const auto one = static_cast<uint32_t>(labels[r] == 1);
      both += hit & one;
      ones += one;
      predicted += hit;
      others |= static_cast<uint32_t>(labels[r] != 0) & static_cast<uint32_t>(labels[r] != 1);
    }
    if (others != 0) return false;
    const auto rows = static_cast<uint32_t>(end - begin);
    const auto add = [&](float label, uint32_t right, uint32_t labelled, uint32_t taken) {
      if (labelled + taken == 0) return;
      Counts& c = block.Of(label);
      c.right += right;
      c.labels += labelled;
      c.predicted += taken;
    };
    add(1, both, ones, predicted);
    add(0, rows + both - ones - predicted, rows - ones, rows - predicted);
    return true;
  }
  float ClassOf(std::span<const float> row) const {
    if (row.size() > 1) {
      size_t best = 0;
      float top = row[0];
      for (size_t k = 1; k < row.size(); ++k) {
        best = row[k] > top ? k : best;
        top = row[k] > top ? row[k] : top;
      }
      return static_cast<float>(best);
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
  double Evaluate(std::span<const float> p, const Dataset& data, ThreadPool& pool) override {
    const std::vector<float>& labels = data.fields().label;
    const double errors = SumBlocks<double>(pool, {}, labels.size(), [&](size_t begin, size_t end) {
      return BestKernels().loss_sum(Loss::kSquared, p.data() + begin, labels.data() + begin, 0,
                                    end - begin);
    });
    const double deviations = Deviations(data, pool);
    if (deviations == 0) return errors == 0 ? 1 : 0;
    return 1 - errors / deviations;
  }

 private:
  // The sum of the labels' squared deviations from their mean.
  double Deviations(const Dataset& data, ThreadPool& pool) {
    return deviations_.Of(data, [&] {
      const std::vector<float>& labels = data.fields().label;
      const auto sum = [&](auto&& of) {
        return SumBlocks<double>(pool, {}, labels.size(), [&](size_t begin, size_t end) {
          double block = 0;
          for (size_t r = begin; r < end; ++r) block += of(r);
          return block;
        });
      };
      const double mean = Ratio(sum([&](size_t r) { return static_cast<double>(labels[r]); }),
                                static_cast<double>(labels.size()));
      return sum([&](size_t r) {
        const double deviation = labels[r] - mean;
        return deviation * deviation;
      });
    });
  }

  PerDataset<double> deviations_;
};

}  // namespace

std::unique_ptr<Metric> MakeClassMetric(ClassScore score, ClassAverage average,
                                        std::string_view objective) {
  return std::make_unique<ClassMetric>(score, average, objective);
}

std::unique_ptr<Metric> MakeR2() { return std::make_unique<R2>(); }

}  // namespace clary::gbdt
