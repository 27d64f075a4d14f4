#include "gbdt/metric.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cmath>
#include <numbers>
#include <numeric>
#include <optional>
#include <vector>

#include "base/strings.h"
#include "gbdt/internal/aft.h"
#include "gbdt/internal/class_metrics.h"
#include "gbdt/internal/metric_impl.h"
#include "gbdt/kernels.h"

namespace clary::gbdt {
namespace {

// A sum of losses and of their weights.
struct Sums {
  double loss = 0;
  double weight = 0;
  Sums& operator+=(const Sums& other) {
    loss += other.loss;
    weight += other.weight;
    return *this;
  }
  double mean() const { return weight == 0 ? loss : loss / weight; }
};

using Finish = double (*)(double);

constexpr size_t kLossRows = 256;  // losses that are computed together

// Natural logarithms, at the same place; of any number.
void LogAll(double* x, size_t count) {
  constexpr double kLeast = std::numeric_limits<double>::min();
  constexpr double kMost = std::numeric_limits<double>::max();
  double special[kLossRows];
  bool any = false;
  for (size_t i = 0; i < count; ++i) any |= !(x[i] >= kLeast) | !(x[i] <= kMost);
  if (any) std::copy_n(x, count, special);
  BestKernels().log(x, count, x);
  for (size_t i = 0; any && i < count; ++i) {
    if (!(special[i] >= kLeast && special[i] <= kMost)) x[i] = std::log(special[i]);
  }
}

// The mean of losses over all predictions, weighted by row. `losses` fills in those of `count`
// predictions from `first` on.
template <typename Losses>
double WeightedMean(const Dataset& data, ThreadPool& pool, const Shard& shard, Losses&& losses) {
  const RowFields& f = data.fields();
  const size_t targets = std::max<size_t>(1, f.label.size() / std::max<size_t>(1, data.rows()));
  const bool weighted = f.weight.size() == data.rows();  // else by query, which is not used
  const Sums sums = SumBlocks<Sums>(pool, shard, f.label.size(), [&](size_t begin, size_t end) {
    constexpr size_t kLanes = 8;  // sums that do not wait for each other
    double sum[kLanes] = {};
    double total[kLanes] = {};
    double loss[kLossRows];
    for (size_t first = begin; first < end; first += kLossRows) {
      const size_t count = std::min(kLossRows, end - first);
      losses(first, count, loss);
      for (size_t i = 0; i < count; ++i) {
        const double w = weighted ? f.weight[(first + i) / targets] : 1.0F;
        sum[i % kLanes] += w * loss[i];
        total[i % kLanes] += w;
      }
    }
    Sums block;
    for (size_t lane = 0; lane < kLanes; ++lane) block += {sum[lane], total[lane]};
    return block;
  });
  return sums.mean();
}

// Weighted mean of losses over all predictions, then finish(mean). A row has one prediction or one
// a label.
class MeanMetric final : public Metric {
 public:
  explicit MeanMetric(Loss loss, Finish finish = nullptr, float parameter = 0)
      : loss_(loss), finish_(finish), parameter_(parameter) {}

  bool by_blocks() const override { return true; }
  double Evaluate(std::span<const float> p, const Dataset& data, ThreadPool& pool) override {
    const double mean = Mean(p, data, pool);
    return finish_ == nullptr ? mean : finish_(mean);
  }

 private:
  double Mean(std::span<const float> p, const Dataset& data, ThreadPool& pool) const {
    const std::vector<float>& y = data.fields().label;
    const Kernels& kernels = BestKernels();
    if (y.empty() || data.fields().weight.size() == data.rows()) {
      return WeightedMean(data, pool, shard_, [&](size_t first, size_t count, double* loss) {
        kernels.losses(loss_, p.data() + first, y.data() + first, parameter_, count, loss);
      });
    }
    const double sum = SumBlocks<double>(pool, shard_, y.size(), [&](size_t begin, size_t end) {
      return kernels.loss_sum(loss_, p.data() + begin, y.data() + begin, parameter_, end - begin);
    });
    return sum / static_cast<double>(y.size());
  }

  Loss loss_;
  Finish finish_;
  float parameter_;
};

// The pinball loss, a prediction for each alpha in a row.
class QuantileMetric final : public Metric {
 public:
  explicit QuantileMetric(std::vector<float> alpha) : alpha_(std::move(alpha)) {
    if (alpha_.empty()) alpha_ = {0.5F};
  }
  bool by_blocks() const override { return true; }
  double Evaluate(std::span<const float> p, const Dataset& data, ThreadPool& pool) override {
    const RowFields& f = data.fields();
    const Sums sums = SumBlocks<Sums>(pool, shard_, data.rows(), [&](size_t begin, size_t end) {
      Sums block;
      for (size_t row = begin; row < end; ++row) {
        const double w = WeightOf(f, row);
        for (size_t k = 0; k < alpha_.size(); ++k) {
          const double alpha = alpha_[k];
          const double d = static_cast<double>(f.label[row]) - p[row * alpha_.size() + k];
          block += {w * (d >= 0 ? alpha * d : (alpha - 1) * d), w};
        }
      }
      return block;
    });
    return sums.weight == 0 ? kNaN : sums.mean();
  }

 private:
  std::vector<float> alpha_;
};

double Double(double x) { return 2 * x; }

void LogLosses(const float* p, const float* y, size_t count, double* loss) {
  constexpr double kEps = 1e-16;
  double other[kLossRows];
  bool soft = false;
  for (size_t i = 0; i < count; ++i) {
    const double hit = p[i];
    loss[i] = std::max(y[i] == 0 ? 1.0 - hit : hit, kEps);
    other[i] = std::max(1.0 - hit, kEps);
    soft |= (y[i] != 0) & (y[i] != 1);
  }
  LogAll(loss, count);
  if (soft) LogAll(other, count);
  for (size_t i = 0; i < count; ++i) {
    const double share = y[i];
    loss[i] = share == 0 || share == 1 ? -loss[i] : -share * loss[i] - (1.0 - share) * other[i];
  }
}

// Mean of LogLosses. Labels of 0 and 1 without weights, the usual case, need a logarithm only for
// each block: the sum of the rows' logarithms is that of their product.
class LogLossMetric final : public Metric {
 public:
  bool by_blocks() const override { return true; }
  double Evaluate(std::span<const float> p, const Dataset& data, ThreadPool& pool) override {
    const std::vector<float>& y = data.fields().label;
    const auto general = [&] {
      return WeightedMean(data, pool, shard_, [&](size_t first, size_t count, double* loss) {
        LogLosses(p.data() + first, y.data() + first, count, loss);
      });
    };
    if (y.empty() || data.fields().weight.size() == data.rows() || !IsBinary(data)) {
      return general();
    }
    std::atomic<bool> special = false;
    const double sum = SumBlocks<double>(pool, shard_, y.size(), [&](size_t begin, size_t end) {
      if (special.load(std::memory_order_relaxed)) return kNaN;
      double mantissa = 1;
      int64_t exponent = 0;
      if (!BestKernels().likelihood(p.data() + begin, y.data() + begin, end - begin, &mantissa,
                                    &exponent)) {
        special.store(true, std::memory_order_relaxed);
        return kNaN;
      }
      return -(std::log(mantissa) + static_cast<double>(exponent) * std::numbers::ln2);
    });
    return std::isnan(sum) ? general() : sum / static_cast<double>(y.size());
  }

 private:
  bool IsBinary(const Dataset& data) {
    return binary_.Of(data, [&] {
      return std::ranges::all_of(data.fields().label, [](float y) { return y == 0 || y == 1; });
    });
  }

  PerDataset<bool> binary_;
};

// Adds to a mean of losses what depends on the labels alone.
class PoissonMetric final : public Metric {
 public:
  bool by_blocks() const override { return true; }
  double Evaluate(std::span<const float> p, const Dataset& data, ThreadPool& pool) override {
    varying_.Share(shard_);
    return varying_.Evaluate(p, data, pool) + OfLabels(data, pool);
  }

 private:
  double OfLabels(const Dataset& data, ThreadPool& pool) {
    return labels_.Of(data, [&] {
      const std::vector<float>& y = data.fields().label;
      return WeightedMean(data, pool, shard_, [&](size_t first, size_t count, double* factorials) {
        for (size_t i = 0; i < count; ++i) {
          factorials[i] = std::lgamma(static_cast<double>(y[first + i]) + 1);
        }
      });
    });
  }

  MeanMetric varying_{Loss::kPoisson};
  PerDataset<double> labels_;
};

// Metrics of [rows * classes] probabilities, or of class ids for merror.
class MultiClassMetric final : public Metric {
 public:
  explicit MultiClassMetric(bool log_loss) : log_loss_(log_loss) {}

  bool by_blocks() const override { return true; }
  double Evaluate(std::span<const float> p, const Dataset& data, ThreadPool& pool) override {
    const RowFields& f = data.fields();
    const size_t rows = f.label.size();
    const size_t classes = rows == 0 ? 0 : p.size() / rows;
    const bool weighted = f.weight.size() == rows;
    const Sums sums = SumBlocks<Sums>(pool, shard_, rows, [&](size_t begin, size_t end) {
      Sums block;
      double product =
          1;  // of the probabilities of rows that weigh the same: one logarithm for all
      for (size_t r = begin; r < end; ++r) {
        const auto row = p.subspan(r * classes, classes);
        const auto y = static_cast<size_t>(f.label[r]);
        const double w = weighted ? f.weight[r] : 1.0F;
        block.weight += w;
        if (log_loss_) {
          product *= std::max(static_cast<double>(row[y]), 1e-16);
          constexpr size_t kRows = 16;  // 1e-16 to the 16th is far from the least double
          if (weighted || (r - begin) % kRows == kRows - 1 || r + 1 == end) {
            block.loss -= w * std::log(product);
            product = 1;
          }
        } else if (classes == 1) {
          block.loss += row[0] == f.label[r] ? 0 : w;
        } else {
          block.loss += w * static_cast<double>(TopOf(row) != y);
        }
      }
      return block;
    });
    return sums.weight == 0 ? kNaN : sums.mean();
  }

 private:
  // The first of the largest values. Without a branch, which could not be predicted.
  static size_t TopOf(std::span<const float> row) {
    size_t top = 0;
    float most = row[0];
    for (size_t k = 1; k < row.size(); ++k) {
      const bool more = row[k] > most;
      most = more ? row[k] : most;
      top = more ? k : top;
    }
    return top;
  }

  bool log_loss_;
};

// Survival: the label is a range, the prediction a time.
class AftMetric final : public Metric {
 public:
  AftMetric(const TrainParams& params, bool accuracy)
      : noise_(AftNoiseOf(params.aft_loss_distribution)),
        scale_(params.aft_loss_distribution_scale),
        accuracy_(accuracy) {}
  bool by_blocks() const override { return true; }
  double Evaluate(std::span<const float> p, const Dataset& data, ThreadPool& pool) override {
    const RowFields& f = data.fields();
    const Times& times = times_.Of(data, [&] { return Learn(f); });
    const bool weighted = f.weight.size() == p.size();
    const Sums sums =
        SumBlocks<Sums>(pool, shard_, times.row.size(), [&](size_t begin, size_t end) {
          Sums block;
          float mean[kLossRows];
          double loss[kLossRows];
          for (size_t first = begin; first < end;) {
            const auto [kind, behind] = times.KindAt(first, end);
            const size_t count = std::min(kLossRows, behind - first);
            const uint32_t* const row = times.row.data() + first;
            const float* const lower = times.lower.data() + first;
            const float* const upper = times.upper.data() + first;
            for (size_t i = 0; i < count; ++i) mean[i] = p[row[i]];
            first += count;
            if (accuracy_) {
              for (size_t i = 0; i < count; ++i) {
                loss[i] = static_cast<double>(static_cast<int>(mean[i] >= lower[i]) &
                                              static_cast<int>(mean[i] <= upper[i]));
              }
            } else {
              BestKernels().aft_likelihood(
                  {.lower = lower, .upper = upper, .kind = kind, .noise = noise_, .scale = scale_},
                  mean, count, loss);
              if (!weighted) {  // they are at least 1e-12: four share a logarithm
                size_t shared = 0;
                for (size_t i = 0; i < count; i += 4) {
                  double product = 1;
                  for (size_t k = i; k < std::min(count, i + 4); ++k) product *= loss[k];
                  loss[shared++] = product;
                }
                LogAll(loss, shared);
                for (size_t i = 0; i < shared; ++i) block.loss -= loss[i];
                block.weight += static_cast<double>(count);
                continue;
              }
              LogAll(loss, count);
              for (size_t i = 0; i < count; ++i) loss[i] = -loss[i];
            }
            for (size_t i = 0; i < count; ++i) {
              const double w = weighted ? f.weight[row[i]] : 1.0;
              block += {w * loss[i], w};
            }
          }
          return block;
        });
    return sums.weight == 0 ? kNaN : sums.mean();
  }

 private:
  // The times of each block of rows by what is known of them, since a kind alone has less to
  // compute than a mixture.
  struct Times {
    std::vector<uint32_t> row;
    std::vector<float> lower;
    std::vector<float> upper;
    struct Block {
      size_t exact;       // rows of one time come first, up to here,
      size_t from_below;  // then those of a time that is only known to be later
    };
    std::vector<Block> blocks;

    // The kind at a position of a block that ends at `end`, and where the next kind begins.
    std::pair<AftTimes::Kind, size_t> KindAt(size_t at, size_t end) const {
      const auto& [exact, from_below] = blocks[at / kSumBlock];
      if (at < exact) return {AftTimes::Kind::kExact, exact};
      if (at < from_below) return {AftTimes::Kind::kFromBelow, from_below};
      return {AftTimes::Kind::kAny, end};
    }
  };
  static Times Learn(const RowFields& f) {
    Times times;
    const auto add = [&](size_t begin, size_t end, AftTimes::Kind wanted) {
      for (size_t r = begin; r < end; ++r) {
        const float lower = f.label_lower[r];
        const float upper = f.label_upper[r];
        const auto kind = lower == upper ? AftTimes::Kind::kExact
                          : upper == std::numeric_limits<float>::infinity()
                              ? AftTimes::Kind::kFromBelow
                              : AftTimes::Kind::kAny;
        if (kind != wanted) continue;
        times.row.push_back(static_cast<uint32_t>(r));
        times.lower.push_back(lower);
        times.upper.push_back(upper);
      }
      return times.row.size();
    };
    for (size_t begin = 0; begin < f.label_lower.size(); begin += kSumBlock) {
      const size_t end = std::min(f.label_lower.size(), begin + kSumBlock);
      const size_t exact = add(begin, end, AftTimes::Kind::kExact);
      times.blocks.push_back({exact, add(begin, end, AftTimes::Kind::kFromBelow)});
      add(begin, end, AftTimes::Kind::kAny);
    }
    return times;
  }

  PerDataset<Times> times_;
  AftNoise noise_;
  double scale_;
  bool accuracy_;
};

// Cox's negative partial log likelihood per event; a label below zero is a censoring time.
class CoxMetric final : public Metric {
 public:
  double Evaluate(std::span<const float> p, const Dataset& data, ThreadPool& pool) override {
    const Known& known = Know(data);
    const size_t rows = p.size();
    constexpr size_t kBlock = 4096;
    const size_t blocks = (rows + kBlock - 1) / kBlock;
    // The rows by time, and what leaves the risk set after each block of them.
    by_time_.resize(rows);
    std::vector<double> at_risk(blocks + 1, 0);
    pool.ForEach(blocks, [&](size_t b, int) {
      for (size_t k = b * kBlock; k < std::min(rows, (b + 1) * kBlock); ++k) {
        by_time_[k] = p[known.order[k]];
        at_risk[b] += by_time_[k];
      }
    });
    for (size_t b = blocks; b-- > 0;) at_risk[b] += at_risk[b + 1];
    std::vector<double> sums(blocks, 0);
    pool.ForEach(blocks, [&](size_t b, int) {
      const size_t begin = b * kBlock;
      const size_t end = std::min(rows, begin + kBlock);
      // From the last row back, so that rows of one time come after all that are at risk with them.
      std::vector<double> risk(end - begin);
      double sum = at_risk[b + 1];
      for (size_t k = end; k-- > begin;) risk[k - begin] = sum += by_time_[k];
      double ratio[kLossRows];
      size_t held = 0;
      const size_t before = begin < end ? known.first[begin] : 0;
      const double at_before = before < begin ? RiskFrom(before, at_risk) : 0;
      const auto add = [&] {
        LogAll(ratio, held);
        for (size_t i = 0; i < held; ++i) sums[b] += ratio[i];
        held = 0;
      };
      for (size_t k = begin; k < end; ++k) {
        if (!known.event[k]) continue;
        const size_t first = known.first[k];  // of the rows of this time
        const double all = first >= begin ? risk[first - begin] : at_before;
        ratio[held++] = all / static_cast<double>(by_time_[k]);
        if (held == kLossRows) add();
      }
      add();
    });
    double sum = 0;
    for (const double s : sums) sum += s;
    return sum / known.events;
  }

 private:
  // What is the same in every round.
  struct Known {
    std::vector<uint32_t> order;  // rows by time
    std::vector<uint32_t> first;  // of each place in the order, the first of the same time
    std::vector<uint8_t> event;   // of each place: not censored
    double events = 0;
  };

  // The sum of the predictions from place `first` on, which lies in an earlier block.
  double RiskFrom(size_t first, std::span<const double> at_risk) const {
    constexpr size_t kBlock = 4096;
    const size_t block = first / kBlock;
    double sum = at_risk[block + 1];
    for (size_t k = std::min(by_time_.size(), (block + 1) * kBlock); k-- > first;) {
      sum += by_time_[k];
    }
    return sum;
  }

  const Known& Know(const Dataset& data) {
    return known_.Of(data, [&] { return Learn(data.fields().label); });
  }
  static Known Learn(const std::vector<float>& label) {
    Known known;
    known.order.resize(label.size());
    std::iota(known.order.begin(), known.order.end(), 0U);
    std::ranges::stable_sort(known.order, [&](uint32_t a, uint32_t b) {
      return std::fabs(label[a]) < std::fabs(label[b]);
    });
    for (uint32_t k = 0; k < known.order.size(); ++k) {
      const float y = label[known.order[k]];
      const bool same = k > 0 && std::fabs(y) == std::fabs(label[known.order[k - 1]]);
      known.first.push_back(same ? known.first.back() : k);
      known.event.push_back(y > 0 ? 1 : 0);
      known.events += y > 0 ? 1 : 0;
    }
    return known;
  }

  PerDataset<Known> known_;
  std::vector<float> by_time_;  // working memory
};

// What a metric is made of: the number after '@' if there is one, a '-' at the end (queries without
// relevant documents count 0), and the training parameters.
struct Asked {
  std::optional<float> number;
  bool minus = false;
  const TrainParams& params;
};
using Maker = std::unique_ptr<Metric> (*)(const Asked&);

template <Loss kLoss, Finish kFinish = nullptr>
std::unique_ptr<Metric> Mean(const Asked&) {
  return std::make_unique<MeanMetric>(kLoss, kFinish);
}
std::unique_ptr<Metric> With(Loss loss, float parameter) {
  return std::make_unique<MeanMetric>(loss, nullptr, parameter);
}
template <RankScore kScore>
std::unique_ptr<Metric> Rank(const Asked& asked) {
  const size_t cut = asked.number ? static_cast<size_t>(*asked.number) : SIZE_MAX;
  return MakeRankMetric(kScore, cut, asked.minus, asked.params.ndcg_exp_gain,
                        asked.params.version < 200);
}
template <bool kFlag>
std::unique_ptr<Metric> MultiClass(const Asked&) {
  return std::make_unique<MultiClassMetric>(kFlag);
}
template <bool kAccuracy>
std::unique_ptr<Metric> Survival(const Asked& asked) {
  return std::make_unique<AftMetric>(asked.params, kAccuracy);
}
template <typename T>
std::unique_ptr<Metric> Plain(const Asked&) {
  return std::make_unique<T>();
}

template <ClassScore kScore, ClassAverage kAverage>
std::unique_ptr<Metric> Classes(const Asked& asked) {
  return MakeClassMetric(kScore, kAverage, asked.params.objective);
}

// What may follow '@'.
enum class Number : uint8_t {
  kNone,
  kThreshold,  // any number
  kCut,        // how many documents count
  kPower,      // of a variance, in [1, 2); not to be left out
};
bool Allows(Number number, float value) {
  switch (number) {
    case Number::kNone:
      return false;
    case Number::kThreshold:
      return true;
    case Number::kCut:
      return value >= 0 && value < 0x1p32F;
    case Number::kPower:
      break;
  }
  return value >= 1 && value < 2;
}
// What there must be for each row.
enum class Needs : uint8_t {
  kNothing,
  kPredictionPerLabel,
  kClasses,  // several predictions, or a class number
  kBounds,
};
struct Entry {
  std::string_view name;
  Maker make;
  bool maximized = false;
  Number number = Number::kNone;
  bool two_classes = false;  // makes no sense of more
  Needs needs = Needs::kNothing;
};
constexpr Entry PerLabel(std::string_view name, Maker make, Number number = Number::kNone) {
  return {name, make, false, number, false, Needs::kPredictionPerLabel};
}
constexpr Entry kMetrics[] = {
    PerLabel("rmse", Mean<Loss::kSquared, std::sqrt>),
    PerLabel("mse", Mean<Loss::kSquared>),
    PerLabel("mae", Mean<Loss::kAbsolute>),
    PerLabel("rmsle", Mean<Loss::kSquaredLog, std::sqrt>),
    PerLabel("mape", Mean<Loss::kRelative>),
    PerLabel("mphe", [](const Asked& a) { return With(Loss::kHuber, a.params.huber_slope); }),
    PerLabel(
        "logloss",
        [](const Asked&) { return std::unique_ptr<Metric>(std::make_unique<LogLossMetric>()); }),
    PerLabel(
        "error", [](const Asked& a) { return With(Loss::kError, a.number.value_or(0.5F)); },
        Number::kThreshold),
    {"merror", MultiClass<false>, false, Number::kNone, false, Needs::kClasses},
    {"mlogloss", MultiClass<true>, false, Number::kNone, false, Needs::kClasses},
    {"accuracy", Classes<ClassScore::kAccuracy, ClassAverage::kMicro>, true},
    {"balanced_accuracy", Classes<ClassScore::kBalancedAccuracy, ClassAverage::kMacro>, true},
    {"f1", Classes<ClassScore::kF1, ClassAverage::kMacro>, true},
    {"f1_binary", Classes<ClassScore::kF1, ClassAverage::kBinary>, true, Number::kNone, true},
    {"f1_macro", Classes<ClassScore::kF1, ClassAverage::kMacro>, true},
    {"precision", Classes<ClassScore::kPrecision, ClassAverage::kBinary>, true, Number::kNone,
     true},
    {"precision_macro", Classes<ClassScore::kPrecision, ClassAverage::kMacro>, true},
    {"precision_micro", Classes<ClassScore::kPrecision, ClassAverage::kMicro>, true},
    {"recall", Classes<ClassScore::kRecall, ClassAverage::kBinary>, true, Number::kNone, true},
    {"recall_macro", Classes<ClassScore::kRecall, ClassAverage::kMacro>, true},
    {"recall_micro", Classes<ClassScore::kRecall, ClassAverage::kMicro>, true},
    {"r2", [](const Asked&) { return MakeR2(); }, true, Number::kNone, false,
     Needs::kPredictionPerLabel},
    {"auc", [](const Asked&) { return MakeAuc(); }, true},
    {"aucpr", [](const Asked&) { return MakeAucPr(); }, true},
    {"ndcg", Rank<RankScore::kNdcg>, true, Number::kCut},
    {"map", Rank<RankScore::kMap>, true, Number::kCut},
    {"pre", Rank<RankScore::kPrecision>, true, Number::kCut},
    PerLabel("poisson-nloglik", Plain<PoissonMetric>),
    PerLabel("gamma-nloglik", Mean<Loss::kGamma>),
    PerLabel("gamma-deviance", Mean<Loss::kGammaDeviance, Double>),
    PerLabel(
        "tweedie-nloglik",
        [](const Asked& a) { return With(Loss::kTweedie, a.number.value_or(1.5F)); },
        Number::kPower),
    {"cox-nloglik", Plain<CoxMetric>},
    {"aft-nloglik", Survival<false>, false, Number::kNone, false, Needs::kBounds},
    {"interval-regression-accuracy", Survival<true>, true, Number::kNone, false, Needs::kBounds},
    {"quantile",
     [](const Asked& a) -> std::unique_ptr<Metric> {
       return std::make_unique<QuantileMetric>(a.params.quantile_alpha);
     }},
};

const Entry* FindMetric(std::string_view name) {
  std::string_view stem = name.substr(0, name.find('@'));
  if (stem.ends_with('-')) stem.remove_suffix(1);
  const auto it = std::ranges::find(kMetrics, stem, &Entry::name);
  return it == std::end(kMetrics) ? nullptr : it;
}

}  // namespace

Result<std::unique_ptr<Metric>> MakeMetric(std::string_view name, const TrainParams* params) {
  const Entry* entry = FindMetric(name);
  if (entry == nullptr) {
    return Fail(Code::kInvalidArgument, "UnknownMetric",
                "unknown metric '" + std::string(name) + "'");
  }
  static const TrainParams defaults;
  Asked asked{.params = params == nullptr ? defaults : *params};
  if (entry->two_classes && asked.params.num_class > 2) {
    return Fail(Code::kInvalidArgument, "BadMetric",
                "metric '" + std::string(name) +
                    "': Target is multiclass but average='binary'. Choose " +
                    std::string(name.substr(0, name.find('_'))) + "_macro instead.");
  }
  asked.minus = name.ends_with('-');
  const std::string_view body = asked.minus ? name.substr(0, name.size() - 1) : name;
  const size_t at = body.find('@');
  if (at != std::string_view::npos) {
    float number = 0;
    std::string_view text = Trim(body.substr(at + 1));
    if (text.starts_with('+')) text.remove_prefix(1);
    const char* end = text.data() + text.size();
    const auto [stop, ec] = std::from_chars(text.data(), end, number);
    if (ec != std::errc() || stop != end || !Allows(entry->number, number)) {
      return Fail(Code::kInvalidArgument, "BadMetric",
                  "metric '" + std::string(name) + "': bad parameter after '@'");
    }
    asked.number = number;
  } else if (entry->number == Number::kPower) {
    return Fail(
        Code::kInvalidArgument, "BadMetric",
        "metric '" + std::string(name) + "' needs a parameter: " + std::string(name) + "@1.5");
  }
  return entry->make(asked);
}

Status CheckMetric(std::string_view name, std::string_view objective, size_t outputs,
                   size_t targets) {
  const Entry* entry = FindMetric(name);
  const auto refuse = [&](const std::string& why) -> Status {
    return Fail(
        Code::kInvalidArgument, "BadMetric",
        "metric '" + std::string(name) + "' does not fit " + std::string(objective) + ": " + why);
  };
  if (entry == nullptr) return {};
  if (entry->needs == Needs::kPredictionPerLabel && outputs != targets) {
    return refuse(
        "label and prediction size not match, hint: use merror or mlogloss for "
        "multi-class classification");
  }
  if (entry->needs == Needs::kClasses && !objective.starts_with("multi:")) {
    return refuse("it is of the classes of multi:softmax and multi:softprob");
  }
  if (entry->needs == Needs::kBounds && objective != "survival:aft") {
    return refuse("it is of the label bounds of survival:aft");
  }
  return {};
}

bool MetricIsMaximized(std::string_view name) {
  const Entry* entry = FindMetric(name);
  return entry != nullptr && entry->maximized;
}

Result<double> EvalMetric(std::string_view name, std::span<const float> predictions,
                          const Dataset& data, const TrainParams* params) {
  CLARY_TRY(const auto metric, MakeMetric(name, params));
  if (data.rows() == 0 || predictions.empty() || predictions.size() % data.rows() != 0) {
    return Fail(Code::kInvalidArgument, "BadShape",
                std::to_string(predictions.size()) + " predictions for " +
                    std::to_string(data.rows()) + " rows");
  }
  ThreadPool alone(1);
  return metric->Evaluate(predictions, data, alone);
}

}  // namespace clary::gbdt
