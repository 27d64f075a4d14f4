#include "gbdt/metric.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace clary::gbdt {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Ranking data has weights per query, which row-wise metrics do not use.
float WeightOf(const RowFields& f, size_t row) {
  return f.weight.size() == f.label.size() ? f.weight[row] : 1.0F;
}

// Weighted mean over rows of loss(prediction, label), then finish(mean).
class MeanMetric final : public Metric {
 public:
  using Loss = double (*)(float prediction, float label, float parameter);
  using Finish = double (*)(double);
  MeanMetric(Loss loss, Finish finish, float parameter)
      : loss_(loss), finish_(finish), parameter_(parameter) {}

  double Evaluate(std::span<const float> p, const Dataset& data) const override {
    const RowFields& f = data.fields();
    double sum = 0;
    double total = 0;
    for (size_t i = 0; i < f.label.size(); ++i) {
      const double w = WeightOf(f, i);
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

template <MeanMetric::Loss kLoss, MeanMetric::Finish kFinish = Identity>
std::unique_ptr<Metric> MakeMean(float parameter) {
  return std::make_unique<MeanMetric>(kLoss, kFinish, parameter);
}

struct Entry {
  std::string_view name;
  std::unique_ptr<Metric> (*make)(float parameter);  // nullptr: known, but not in this version
  bool maximized = false;
  bool has_parameter = false;  // "error@0.6"
  float default_parameter = 0;
};
constexpr Entry kMetrics[] = {
    {"rmse", MakeMean<SquaredLoss, std::sqrt>},
    {"mse", MakeMean<SquaredLoss>},
    {"mae", MakeMean<AbsoluteLoss>},
    {"logloss", MakeMean<LogLoss>},
    {"error", MakeMean<ErrorLoss>, false, true, 0.5F},
    {"merror",
     [](float) -> std::unique_ptr<Metric> { return std::make_unique<MultiClassMetric>(false); }},
    {"mlogloss",
     [](float) -> std::unique_ptr<Metric> { return std::make_unique<MultiClassMetric>(true); }},
    {"auc", [](float) -> std::unique_ptr<Metric> { return std::make_unique<Auc>(); }, true},
    {"aucpr", nullptr, true},
    {"map", nullptr, true, true},
    {"ndcg", nullptr, true, true},
    {"pre", nullptr, true, true},
    {"rmsle", nullptr},
    {"mape", nullptr},
    {"mphe", nullptr},
    {"poisson-nloglik", nullptr},
    {"gamma-nloglik", nullptr},
    {"gamma-deviance", nullptr},
    {"tweedie-nloglik", nullptr, false, true, 1.5F},
    {"cox-nloglik", nullptr},
    {"aft-nloglik", nullptr},
    {"interval-regression-accuracy", nullptr, true},
    {"quantile", nullptr},
};

const Entry* FindMetric(std::string_view name) {
  const std::string_view stem = name.substr(0, name.find('@'));
  const auto it = std::ranges::find(kMetrics, stem, &Entry::name);
  return it == std::end(kMetrics) ? nullptr : it;
}

}  // namespace

Result<std::unique_ptr<Metric>> MakeMetric(std::string_view name) {
  const Entry* entry = FindMetric(name);
  if (entry == nullptr) {
    return Fail(Code::kInvalidArgument, "UnknownMetric",
                "unknown metric '" + std::string(name) + "'");
  }
  if (entry->make == nullptr) {
    return Fail(Code::kUnimplemented, "Unimplemented",
                "metric '" + std::string(name) + "' is not in this version");
  }
  float parameter = entry->default_parameter;
  if (const size_t at = name.find('@'); at != std::string_view::npos) {
    const char* end = name.data() + name.size();
    const auto [stop, ec] = std::from_chars(name.data() + at + 1, end, parameter);
    if (!entry->has_parameter || ec != std::errc() || stop != end) {
      return Fail(Code::kInvalidArgument, "BadMetric",
                  "metric '" + std::string(name) + "': bad parameter after '@'");
    }
  }
  return entry->make(parameter);
}

bool MetricIsMaximized(std::string_view name) {
  const Entry* entry = FindMetric(name);
  return entry != nullptr && entry->maximized;
}

Result<double> EvalMetric(std::string_view name, std::span<const float> predictions,
                          const Dataset& data) {
  CLARY_TRY(const auto metric, MakeMetric(name));
  return metric->Evaluate(predictions, data);
}

}  // namespace clary::gbdt
