#include "gbdt/metric.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <vector>

#include "gbdt/internal/aft.h"
#include "gbdt/internal/class_metrics.h"
#include "gbdt/internal/ranking.h"

namespace clary::gbdt {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Ranking data has weights per query, which row-wise metrics do not use.
float WeightOf(const RowFields& f, size_t row) {
  return f.weight.size() == f.label.size() ? f.weight[row] : 1.0F;
}

// Weighted mean of loss(prediction, label) over all predictions, then finish(mean). A row has one
// prediction or one a label.
class MeanMetric final : public Metric {
 public:
  using Loss = double (*)(float prediction, float label, float parameter);
  using Finish = double (*)(double);
  MeanMetric(Loss loss, Finish finish, float parameter)
      : loss_(loss), finish_(finish), parameter_(parameter) {}

  double Evaluate(std::span<const float> p, const Dataset& data) const override {
    const RowFields& f = data.fields();
    const size_t targets = std::max<size_t>(1, f.label.size() / std::max<size_t>(1, data.rows()));
    const bool weighted = f.weight.size() == data.rows();  // else by query, which is not used
    double sum = 0;
    double total = 0;
    for (size_t i = 0; i < f.label.size(); ++i) {
      const double w = weighted ? f.weight[i / targets] : 1.0F;
      sum += w * loss_(p[i], f.label[i], parameter_);
      total += w;
    }
    return finish_(total == 0 ? sum : sum / total);
  }

 private:
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
  double Evaluate(std::span<const float> p, const Dataset& data) const override {
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

// Mean of LogLoss. Labels of 0 and 1 without weights, the usual case, need one logarithm for
// sixteen rows: the sum of their logarithms is that of their product, which is at least 1e-256.
class LogLossMetric final : public Metric {
 public:
  double Evaluate(std::span<const float> p, const Dataset& data) const override {
    const RowFields& f = data.fields();
    const std::span<const float> y(f.label);
    const bool hard = std::ranges::all_of(y, [](float v) { return v == 0 || v == 1; });
    if (y.empty() || !hard || f.weight.size() == data.rows()) return general_.Evaluate(p, data);
    constexpr size_t kBlock = 16;
    double sum = 0;
    for (size_t begin = 0; begin < y.size(); begin += kBlock) {
      const size_t end = std::min(begin + kBlock, y.size());
      double product = 1;
      for (size_t i = begin; i < end; ++i) {
        const double of_one = p[i];
        product *= std::max(y[i] == 1 ? of_one : 1 - of_one, 1e-16);
      }
      sum -= std::log(product);
    }
    return sum / static_cast<double>(y.size());
  }

 private:
  MeanMetric general_{LogLoss, Identity, 0};
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

  double Evaluate(std::span<const float> p, const Dataset& data) const override {
    const RowFields& f = data.fields();
    const size_t rows = f.label.size();
    const size_t classes = rows == 0 ? 0 : p.size() / rows;
    double sum = 0;
    double total = 0;
    for (size_t r = 0; r < rows; ++r) {
      const auto row = p.subspan(r * classes, classes);
      const auto y = static_cast<size_t>(f.label[r]);
      const double w = WeightOf(f, r);
      total += w;
      if (log_loss_) {
        sum -= w * std::log(std::max(static_cast<double>(row[y]), 1e-16));
      } else if (classes == 1) {
        sum += row[0] == f.label[r] ? 0 : w;
      } else {
        const auto top = static_cast<size_t>(std::ranges::max_element(row) - row.begin());
        sum += top == y ? 0 : w;
      }
    }
    return total == 0 ? kNaN : sum / total;
  }

 private:
  bool log_loss_;
};

// Area under the ROC curve of score(i) for rows whose label is `positive`: trapezoids over
// descending scores, equal scores in one step. Also gives the total weights of both sides.
struct RocArea {
  double area = 0;  // not normalised
  double positive = 0;
  double negative = 0;
};
template <typename Score, typename IsPositive>
RocArea Roc(size_t rows, const RowFields& f, Score&& score, IsPositive&& is_positive) {
  std::vector<uint32_t> order(rows);
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::sort(order, [&](uint32_t a, uint32_t b) { return score(a) > score(b); });
  RocArea roc;
  for (size_t i = 0; i < rows;) {
    double positive = 0;
    double negative = 0;
    const float at = score(order[i]);
    for (; i < rows && score(order[i]) == at; ++i) {
      const double w = WeightOf(f, order[i]);
      const double share = is_positive(order[i]);
      positive += w * share;
      negative += w * (1 - share);
    }
    roc.area += negative * (roc.positive + positive / 2);
    roc.positive += positive;
    roc.negative += negative;
  }
  return roc;
}

class Auc final : public Metric {
 public:
  double Evaluate(std::span<const float> p, const Dataset& data) const override {
    const RowFields& f = data.fields();
    const size_t rows = f.label.size();
    const size_t classes = rows == 0 ? 0 : p.size() / rows;
    if (!f.group_sizes.empty()) return Ranking(p, f);
    if (classes <= 1) {
      const RocArea roc = Roc(
          rows, f, [&](uint32_t i) { return p[i]; },
          [&](uint32_t i) { return static_cast<double>(f.label[i]); });
      if (!(roc.positive > 0) || !(roc.negative > 0)) return kNaN;
      return roc.area / (roc.positive * roc.negative);
    }
    // Each class against the rest, weighted by how frequent it is.
    double sum = 0;
    double total = 0;
    for (size_t c = 0; c < classes; ++c) {
      const RocArea roc = Roc(
          rows, f, [&](uint32_t i) { return p[i * classes + c]; },
          [&](uint32_t i) { return static_cast<size_t>(f.label[i]) == c ? 1.0 : 0.0; });
      if (!(roc.positive > 0) || !(roc.negative > 0)) return kNaN;
      sum += roc.area / (roc.positive * roc.negative) * roc.positive;
      total += roc.positive;
    }
    return sum / total;
  }

 private:
  // The mean over queries of the share of document pairs, best label first, in the right order.
  // Pairs of equal labels count too, as upstream has it.
  static double Ranking(std::span<const float> p, const RowFields& f) {
    double sum = 0;
    size_t queries = 0;
    size_t begin = 0;
    for (const uint32_t size : f.group_sizes) {
      if (size >= 3) {
        std::vector<uint32_t> order(size);
        std::iota(order.begin(), order.end(), 0U);
        std::ranges::stable_sort(
            order, [&](uint32_t a, uint32_t b) { return f.label[begin + a] > f.label[begin + b]; });
        double right = 0;
        for (uint32_t i = 0; i < size; ++i) {
          for (uint32_t j = i + 1; j < size; ++j) {
            const float a = p[begin + order[i]];
            const float b = p[begin + order[j]];
            right += a > b ? 1 : (a == b ? 0.5 : 0);
          }
        }
        sum += right / (0.5 * size * (size - 1));
        ++queries;
      }
      begin += size;
    }
    return queries == 0 ? kNaN : sum / static_cast<double>(queries);
  }
};

// Survival: the label is a range, the prediction a time.
class AftMetric final : public Metric {
 public:
  AftMetric(const TrainParams& params, bool accuracy)
      : aft_(params.aft_loss_distribution, params.aft_loss_distribution_scale),
        accuracy_(accuracy) {}
  double Evaluate(std::span<const float> p, const Dataset& data) const override {
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
  double Evaluate(std::span<const float> p, const Dataset& data) const override {
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

// Means over queries, weighted by the queries' weights, of a value in [0, 1].
class RankMetric final : public Metric {
 public:
  enum Kind { kNdcg, kMap, kPrecision };
  // `as_1x`: releases before 2.0 leave the queries' weights out, and divide map by all relevant
  // documents and pre by `cut`, where later ones look only at what the cut leaves.
  RankMetric(Kind kind, size_t cut, bool empty_is_zero, bool exponential, bool as_1x)
      : kind_(kind),
        cut_(cut),
        empty_(empty_is_zero ? 0 : 1),
        exponential_(exponential),
        as_1x_(as_1x) {}
  double Evaluate(std::span<const float> p, const Dataset& data) const override {
    const RowFields& f = data.fields();
    const std::vector<size_t> begin = QueryBegins(f, p.size());
    const size_t queries = begin.size() - 1;
    std::vector<uint32_t> order;
    double sum = 0;
    double total = 0;
    for (size_t q = 0; q < queries; ++q) {
      const size_t n = begin[q + 1] - begin[q];
      const double w = f.weight.size() == queries && !as_1x_ ? f.weight[q] : 1.0;
      sum += w * Query(p.subspan(begin[q], n), std::span(f.label).subspan(begin[q], n), order);
      total += w;
    }
    return total == 0 ? kNaN : std::min(1.0, sum / total);
  }

 private:
  double Query(std::span<const float> score, std::span<const float> label,
               std::vector<uint32_t>& order) const {
    RankByScore(score, order);
    const size_t cut = std::min(cut_, score.size());
    double sum = 0;
    if (kind_ == kNdcg) {
      const double best = BestDcg(label, cut, exponential_);
      if (best <= 0) return empty_;
      for (size_t r = 0; r < cut; ++r) {
        sum += DcgGain(label[order[r]], exponential_) * DcgDiscount(r);
      }
      return sum / best;
    }
    double hits = 0;
    for (size_t r = 0; r < cut; ++r) {
      if (!(label[order[r]] > 0)) continue;
      hits += 1;
      sum += hits / static_cast<double>(r + 1);
    }
    if (kind_ == kPrecision) {
      const size_t ranks = as_1x_ ? cut_ : cut;
      return ranks == 0 ? empty_ : hits / static_cast<double>(ranks);
    }
    const auto relevant =
        static_cast<double>(std::ranges::count_if(label, [](float y) { return y > 0; }));
    if (relevant == 0) return empty_;
    return sum / (as_1x_ ? relevant : std::min(relevant, static_cast<double>(cut)));
  }

  Kind kind_;
  size_t cut_;
  double empty_;  // the value of a query without relevant documents
  bool exponential_;
  bool as_1x_;
};

// Area under the precision-recall curve, interpolated between equal scores as Davis and Goadrich
// do.
class AucPr final : public Metric {
 public:
  double Evaluate(std::span<const float> p, const Dataset& data) const override {
    const RowFields& f = data.fields();
    const size_t rows = f.label.size();
    const size_t classes = rows == 0 ? 0 : p.size() / rows;
    if (classes <= 1) {
      return Area(
                 rows, f, [&](uint32_t i) { return p[i]; },
                 [&](uint32_t i) { return static_cast<double>(f.label[i]); })
          .first;
    }
    double sum = 0;
    double total = 0;
    for (size_t c = 0; c < classes; ++c) {
      const auto [area, positive] = Area(
          rows, f, [&](uint32_t i) { return p[i * classes + c]; },
          [&](uint32_t i) { return static_cast<size_t>(f.label[i]) == c ? 1.0 : 0.0; });
      sum += area * positive;
      total += positive;
    }
    return sum / total;
  }

 private:
  template <typename Score, typename IsPositive>
  static std::pair<double, double> Area(size_t rows, const RowFields& f, Score&& score,
                                        IsPositive&& is_positive) {
    std::vector<uint32_t> order(rows);
    std::iota(order.begin(), order.end(), 0U);
    std::ranges::sort(order, [&](uint32_t a, uint32_t b) { return score(a) > score(b); });
    double total = 0;
    for (size_t i = 0; i < rows; ++i)
      total += WeightOf(f, i) * is_positive(static_cast<uint32_t>(i));
    if (!(total > 0)) return {kNaN, 0};
    double area = 0;
    double tp = 0;
    double fp = 0;
    for (size_t i = 0; i < rows;) {
      const double tp0 = tp;
      const double fp0 = fp;
      const float at = score(order[i]);
      for (; i < rows && score(order[i]) == at; ++i) {
        const double w = WeightOf(f, order[i]);
        const double share = is_positive(order[i]);
        tp += w * share;
        fp += w * (1 - share);
      }
      const double gained = tp - tp0;
      if (gained <= 0) continue;
      // Along the step false positives grow linearly with true ones: fp = a + h (tp - tp0).
      const double h = (fp - fp0) / gained;
      const double a = (fp0 - h * tp0) / total;
      const double b = 1 + h;
      const double from = tp0 / total;
      const double to = tp / total;
      area += a == 0 ? (to - from) / b
                     : (to - from - a / b * (std::log(b * to + a) - std::log(b * from + a))) / b;
    }
    return {area, total};
  }
};

template <MeanMetric::Loss kLoss, MeanMetric::Finish kFinish = Identity>
std::unique_ptr<Metric> MakeMean(float parameter) {
  return std::make_unique<MeanMetric>(kLoss, kFinish, parameter);
}

// What a metric is made of: the number after '@' if there is one, a '-' at the end (queries without
// relevant documents count 0), and the training parameters.
struct Asked {
  std::optional<float> number;
  bool minus = false;
  const TrainParams& params;
};
using Maker = std::unique_ptr<Metric> (*)(const Asked&);

template <MeanMetric::Loss kLoss, MeanMetric::Finish kFinish = Identity>
std::unique_ptr<Metric> Mean(const Asked&) {
  return MakeMean<kLoss, kFinish>(0);
}
template <RankMetric::Kind kKind>
std::unique_ptr<Metric> Rank(const Asked& asked) {
  const size_t cut = asked.number ? static_cast<size_t>(*asked.number) : SIZE_MAX;
  return std::make_unique<RankMetric>(kKind, cut, asked.minus, asked.params.ndcg_exp_gain,
                                      asked.params.version < 2);
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

enum class Number { kNone, kOptional, kRequired };
struct Entry {
  std::string_view name;
  Maker make;
  bool maximized = false;
  Number number = Number::kNone;
  bool two_classes = false;  // makes no sense of more
};
constexpr Entry kMetrics[] = {
    {"rmse", Mean<SquaredLoss, std::sqrt>},
    {"mse", Mean<SquaredLoss>},
    {"mae", Mean<AbsoluteLoss>},
    {"rmsle", Mean<SquaredLogLoss, std::sqrt>},
    {"mape", Mean<RelativeLoss>},
    {"mphe", [](const Asked& a) { return MakeMean<HuberLoss>(a.params.huber_slope); }},
    {"logloss",
     [](const Asked&) { return std::unique_ptr<Metric>(std::make_unique<LogLossMetric>()); }},
    {"error", [](const Asked& a) { return MakeMean<ErrorLoss>(a.number.value_or(0.5F)); }, false,
     Number::kOptional},
    {"merror", MultiClass<false>},
    {"mlogloss", MultiClass<true>},
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
    {"r2", [](const Asked&) { return MakeR2(); }, true},
    {"auc", Plain<Auc>, true},
    {"aucpr", Plain<AucPr>, true},
    {"ndcg", Rank<RankMetric::kNdcg>, true, Number::kOptional},
    {"map", Rank<RankMetric::kMap>, true, Number::kOptional},
    {"pre", Rank<RankMetric::kPrecision>, true, Number::kOptional},
    {"poisson-nloglik", Mean<PoissonLoss>},
    {"gamma-nloglik", Mean<GammaLoss>},
    {"gamma-deviance", Mean<GammaDeviance, Double>},
    {"tweedie-nloglik",
     [](const Asked& a) { return MakeMean<TweedieLoss>(a.number.value_or(1.5F)); }, false,
     Number::kRequired},
    {"cox-nloglik", Plain<CoxMetric>},
    {"aft-nloglik", Survival<false>},
    {"interval-regression-accuracy", Survival<true>, true},
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
                    "': Target is multiclass but average='binary'. Choose " + std::string(name) +
                    "_macro instead.");
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

bool MetricIsMaximized(std::string_view name) {
  const Entry* entry = FindMetric(name);
  return entry != nullptr && entry->maximized;
}

Result<double> EvalMetric(std::string_view name, std::span<const float> predictions,
                          const Dataset& data, const TrainParams* params) {
  CLARY_TRY(const auto metric, MakeMetric(name, params));
  return metric->Evaluate(predictions, data);
}

}  // namespace clary::gbdt
