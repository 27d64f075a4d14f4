#include "gbdt/metric.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cmath>
#include <numbers>
#include <numeric>
#include <optional>
#include <vector>

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

using Loss = double (*)(float prediction, float label, float parameter);
using Finish = double (*)(double);

// Weighted mean of loss(prediction, label) over all predictions, then finish(mean). A row has one
// prediction or one a label.
template <Loss kLoss, Finish kFinish>
class MeanMetric final : public Metric {
 public:
  explicit MeanMetric(float parameter) : parameter_(parameter) {}

  double Evaluate(std::span<const float> p, const Dataset& data, ThreadPool& pool) override {
    const RowFields& f = data.fields();
    const size_t targets = std::max<size_t>(1, f.label.size() / std::max<size_t>(1, data.rows()));
    const bool weighted = f.weight.size() == data.rows();  // else by query, which is not used
    const Sums sums = SumBlocks<Sums>(pool, f.label.size(), [&](size_t begin, size_t end) {
      constexpr size_t kLanes = 8;  // sums that do not wait for each other
      double loss[kLanes] = {};
      double weight[kLanes] = {};
      const auto add = [&](size_t lane, size_t i) {
        const double w = weighted ? f.weight[i / targets] : 1.0F;
        loss[lane] += w * kLoss(p[i], f.label[i], parameter_);
        weight[lane] += w;
      };
      size_t i = begin;
      for (; i + kLanes <= end; i += kLanes) {
        for (size_t lane = 0; lane < kLanes; ++lane) add(lane, i + lane);
      }
      for (; i < end; ++i) add(0, i);
      Sums block;
      for (size_t lane = 0; lane < kLanes; ++lane) block += {loss[lane], weight[lane]};
      return block;
    });
    return kFinish(sums.mean());
  }

 private:
  float parameter_;
};

// The pinball loss, a prediction for each alpha in a row.
class QuantileMetric final : public Metric {
 public:
  explicit QuantileMetric(std::vector<float> alpha) : alpha_(std::move(alpha)) {
    if (alpha_.empty()) alpha_ = {0.5F};
  }
  double Evaluate(std::span<const float> p, const Dataset& data, ThreadPool& /*pool*/) override {
    const RowFields& f = data.fields();
    double sum = 0;
    double total = 0;
    for (size_t i = 0; i < p.size(); ++i) {
      const size_t row = i / alpha_.size();
      const double alpha = alpha_[i % alpha_.size()];
      const double d = static_cast<double>(f.label[row]) - p[i];
      const double w = WeightOf(f, row);
      sum += w * (d >= 0 ? alpha * d : (alpha - 1) * d);
      total += w;
    }
    return total == 0 ? kNaN : sum / total;
  }

 private:
  std::vector<float> alpha_;
};

double Identity(double x) { return x; }

double SquaredLoss(float p, float y, float) {
  const double d = static_cast<double>(y) - p;
  return d * d;
}
double AbsoluteLoss(float p, float y, float) { return std::fabs(static_cast<double>(y) - p); }
double LogLoss(float p, float y, float) {
  constexpr double kEps = 1e-16;
  double loss = 0;
  if (y != 0) loss -= y * std::log(std::max(static_cast<double>(p), kEps));
  if (y != 1) loss -= (1.0 - y) * std::log(std::max(1.0 - static_cast<double>(p), kEps));
  return loss;
}

// Mean of LogLoss. Labels of 0 and 1 without weights, the usual case, need a logarithm only for
// each block: the sum of the rows' logarithms is that of their product.
class LogLossMetric final : public Metric {
 public:
  double Evaluate(std::span<const float> p, const Dataset& data, ThreadPool& pool) override {
    const std::vector<float>& y = data.fields().label;
    if (y.empty() || data.fields().weight.size() == data.rows()) {
      return general_.Evaluate(p, data, pool);
    }
    std::atomic<bool> special = false;
    const double sum = SumBlocks<double>(pool, y.size(), [&](size_t begin, size_t end) {
      if (special.load(std::memory_order_relaxed)) return 0.0;
      double mantissa = 1;
      int64_t exponent = 0;
      if (!BestKernels().likelihood(p.data() + begin, y.data() + begin, end - begin, &mantissa,
                                    &exponent)) {
        special.store(true, std::memory_order_relaxed);
      }
      return -(std::log(mantissa) + static_cast<double>(exponent) * std::numbers::ln2);
    });
    if (special) return general_.Evaluate(p, data, pool);
    return sum / static_cast<double>(y.size());
  }

 private:
  MeanMetric<LogLoss, Identity> general_{0};
};

double SquaredLogLoss(float p, float y, float) {
  const double d = std::log1p(static_cast<double>(y)) - std::log1p(static_cast<double>(p));
  return d * d;
}
double RelativeLoss(float p, float y, float) {
  return std::fabs((static_cast<double>(y) - p) / static_cast<double>(y));
}
double HuberLoss(float p, float y, float slope) {
  const double d = slope;
  const double z = (static_cast<double>(y) - p) / d;
  return d * d * (std::sqrt(1 + z * z) - 1);
}
double PoissonLoss(float p, float y, float) {
  const double mean = std::max(static_cast<double>(p), 1e-16);
  return std::lgamma(static_cast<double>(y) + 1) + mean - static_cast<double>(y) * std::log(mean);
}
double GammaLoss(float p, float y, float) {
  const double mean = std::max(static_cast<double>(p), 1e-6);
  return static_cast<double>(y) / mean + std::log(mean);
}
double GammaDeviance(float p, float y, float) {
  const double mean = static_cast<double>(p) + 1e-6;
  const double label = static_cast<double>(y) + 1e-6;
  return std::log(mean / label) + label / mean - 1;
}
double TweedieLoss(float p, float y, float rho) {
  const double power = rho;
  const double mean = p;
  return -y * std::pow(mean, 1 - power) / (1 - power) + std::pow(mean, 2 - power) / (2 - power);
}
double Double(double x) { return 2 * x; }
double ErrorLoss(float p, float y, float threshold) { return p > threshold ? 1.0 - y : y; }

// Metrics of [rows * classes] probabilities, or of class ids for merror.
class MultiClassMetric final : public Metric {
 public:
  explicit MultiClassMetric(bool log_loss) : log_loss_(log_loss) {}

  double Evaluate(std::span<const float> p, const Dataset& data, ThreadPool& pool) override {
    const RowFields& f = data.fields();
    const size_t rows = f.label.size();
    const size_t classes = rows == 0 ? 0 : p.size() / rows;
    const bool weighted = f.weight.size() == rows;
    const Sums sums = SumBlocks<Sums>(pool, rows, [&](size_t begin, size_t end) {
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
          const auto top = static_cast<size_t>(std::ranges::max_element(row) - row.begin());
          block.loss += top == y ? 0 : w;
        }
      }
      return block;
    });
    return sums.weight == 0 ? kNaN : sums.mean();
  }

 private:
  bool log_loss_;
};

// Survival: the label is a range, the prediction a time.
class AftMetric final : public Metric {
 public:
  AftMetric(const TrainParams& params, bool accuracy)
      : aft_(params.aft_loss_distribution, params.aft_loss_distribution_scale),
        accuracy_(accuracy) {}
  double Evaluate(std::span<const float> p, const Dataset& data, ThreadPool& /*pool*/) override {
    const RowFields& f = data.fields();
    double sum = 0;
    double total = 0;
    for (size_t i = 0; i < p.size() && i < f.label_lower.size(); ++i) {
      const double w = f.weight.size() == p.size() ? f.weight[i] : 1.0;
      if (accuracy_) {
        sum += p[i] >= f.label_lower[i] && p[i] <= f.label_upper[i] ? w : 0;
      } else {
        const double margin = std::log(static_cast<double>(p[i]));
        sum += w * aft_.Evaluate(f.label_lower[i], f.label_upper[i], margin).loss;
      }
      total += w;
    }
    return total == 0 ? kNaN : sum / total;
  }

 private:
  Aft aft_;
  bool accuracy_;
};

// Cox's negative partial log likelihood per event; a label below zero is a censoring time.
class CoxMetric final : public Metric {
 public:
  double Evaluate(std::span<const float> p, const Dataset& data, ThreadPool& /*pool*/) override {
    const RowFields& f = data.fields();
    std::vector<uint32_t> order(p.size());
    std::iota(order.begin(), order.end(), 0U);
    std::ranges::stable_sort(order, [&](uint32_t a, uint32_t b) {
      return std::fabs(f.label[a]) < std::fabs(f.label[b]);
    });
    double at_risk = 0;
    for (const float v : p) at_risk += v;
    double sum = 0;
    double left = 0;
    double events = 0;
    for (size_t k = 0; k < order.size(); ++k) {
      const uint32_t i = order[k];
      if (f.label[i] > 0) {
        sum -= std::log(static_cast<double>(p[i])) - std::log(at_risk);
        events += 1;
      }
      left += p[i];
      if (k + 1 < order.size() && std::fabs(f.label[i]) < std::fabs(f.label[order[k + 1]])) {
        at_risk -= left;
        left = 0;
      }
    }
    return sum / events;
  }
};

// What a metric is made of: the number after '@' if there is one, a '-' at the end (queries without
// relevant documents count 0), and the training parameters.
struct Asked {
  std::optional<float> number;
  bool minus = false;
  const TrainParams& params;
};
using Maker = std::unique_ptr<Metric> (*)(const Asked&);

template <Loss kLoss, Finish kFinish = Identity>
std::unique_ptr<Metric> Mean(const Asked&) {
  return std::make_unique<MeanMetric<kLoss, kFinish>>(0.0F);
}
template <Loss kLoss>
std::unique_ptr<Metric> With(float parameter) {
  return std::make_unique<MeanMetric<kLoss, Identity>>(parameter);
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

enum class Number : uint8_t { kNone, kOptional, kRequired };
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
    PerLabel("rmse", Mean<SquaredLoss, std::sqrt>),
    PerLabel("mse", Mean<SquaredLoss>),
    PerLabel("mae", Mean<AbsoluteLoss>),
    PerLabel("rmsle", Mean<SquaredLogLoss, std::sqrt>),
    PerLabel("mape", Mean<RelativeLoss>),
    PerLabel("mphe", [](const Asked& a) { return With<HuberLoss>(a.params.huber_slope); }),
    PerLabel(
        "logloss",
        [](const Asked&) { return std::unique_ptr<Metric>(std::make_unique<LogLossMetric>()); }),
    PerLabel(
        "error", [](const Asked& a) { return With<ErrorLoss>(a.number.value_or(0.5F)); },
        Number::kOptional),
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
    {"ndcg", Rank<RankScore::kNdcg>, true, Number::kOptional},
    {"map", Rank<RankScore::kMap>, true, Number::kOptional},
    {"pre", Rank<RankScore::kPrecision>, true, Number::kOptional},
    PerLabel("poisson-nloglik", Mean<PoissonLoss>),
    PerLabel("gamma-nloglik", Mean<GammaLoss>),
    PerLabel("gamma-deviance", Mean<GammaDeviance, Double>),
    PerLabel(
        "tweedie-nloglik",
        [](const Asked& a) { return With<TweedieLoss>(a.number.value_or(1.5F)); },
        Number::kRequired),
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
    const char* end = body.data() + body.size();
    const auto [stop, ec] = std::from_chars(body.data() + at + 1, end, number);
    if (entry->number == Number::kNone || ec != std::errc() || stop != end || number < 0) {
      return Fail(Code::kInvalidArgument, "BadMetric",
                  "metric '" + std::string(name) + "': bad parameter after '@'");
    }
    asked.number = number;
  } else if (entry->number == Number::kRequired) {
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
  ThreadPool alone(1);
  return metric->Evaluate(predictions, data, alone);
}

}  // namespace clary::gbdt
