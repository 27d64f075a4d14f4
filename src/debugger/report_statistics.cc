#include "debugger/report_statistics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace clary::debugger {
namespace {

double Ratio(double a, double b) { return b == 0 ? 0 : a / b; }

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
double RatioOrNone(double a, double b) { return b == 0 ? kNaN : a / b; }
double OrZero(double v) { return std::isnan(v) ? 0 : v; }

std::vector<uint32_t> Ascending(std::span<const float> values) {
  std::vector<uint32_t> order(values.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(),
                   [&](uint32_t a, uint32_t b) { return values[a] < values[b]; });
  return order;
}

size_t BinOf(double value, double low, double high, size_t bins) {
  if (!(high > low)) return 0;
  const double place = (value - low) / (high - low) * static_cast<double>(bins);
  return std::min(bins - 1, static_cast<size_t>(std::max(0.0, place)));
}

}  // namespace

Confusion Confuse(std::span<const int> truth, std::span<const int> predicted, size_t classes) {
  Confusion out{.classes = classes, .counts = std::vector<int64_t>(classes * classes)};
  for (size_t i = 0; i < std::min(truth.size(), predicted.size()); ++i) {
    const auto t = static_cast<size_t>(truth[i]), p = static_cast<size_t>(predicted[i]);
    if (truth[i] >= 0 && predicted[i] >= 0 && t < classes && p < classes) {
      ++out.counts[t * classes + p];
    }
  }
  return out;
}

ClassificationScores Score(const Confusion& confusion) {
  ClassificationScores out;
  const size_t k = confusion.classes;
  int64_t right = 0;
  for (size_t c = 0; c < k; ++c) {
    int64_t support = 0, predicted = 0;
    for (size_t other = 0; other < k; ++other) {
      support += confusion.at(c, other);
      predicted += confusion.at(other, c);
    }
    const auto hit = static_cast<double>(confusion.at(c, c));
    right += confusion.at(c, c);
    out.rows += support;
    if (support == 0 && predicted == 0) continue;
    ClassScores s{.id = c, .scores = {}, .support = support};
    s.scores.precision = RatioOrNone(hit, static_cast<double>(predicted));
    s.scores.recall = RatioOrNone(hit, static_cast<double>(support));
    s.scores.f1 = 2 * hit / static_cast<double>(support + predicted);
    out.classes.push_back(s);
  }
  out.accuracy = RatioOrNone(static_cast<double>(right), static_cast<double>(out.rows));
  out.micro = {out.accuracy, out.accuracy, out.accuracy};
  for (const ClassScores& c : out.classes) {
    const double each = 1.0 / static_cast<double>(out.classes.size());
    const double weight = Ratio(static_cast<double>(c.support), static_cast<double>(out.rows));
    for (const auto field :
         {&PrecisionRecall::precision, &PrecisionRecall::recall, &PrecisionRecall::f1}) {
      out.macro.*field += each * OrZero(c.scores.*field);
      out.weighted.*field += weight * OrZero(c.scores.*field);
    }
  }
  return out;
}

std::string ClassificationText(const ClassificationScores& scores) {
  constexpr size_t kWidth = 12;  // "weighted avg"
  std::string out = fmt::format("{:>{}} ", "", kWidth);
  for (const char* head : {"precision", "recall", "f1-score", "support"}) {
    out += fmt::format(" {:>9}", head);
  }
  out += "\n\n";
  const auto row = [&](const std::string& name, const PrecisionRecall& s, int64_t support) {
    out += fmt::format("{:>{}}  {:>9.2f} {:>9.2f} {:>9.2f} {:>9}\n", name, kWidth,
                       OrZero(s.precision), OrZero(s.recall), OrZero(s.f1), support);
  };
  for (const ClassScores& c : scores.classes) row(std::to_string(c.id), c.scores, c.support);
  out += fmt::format("\n{:>{}}  {:>9} {:>9} {:>9.2f} {:>9}\n", "accuracy", kWidth, "", "",
                     scores.accuracy, scores.rows);
  row("macro avg", scores.macro, scores.rows);
  row("weighted avg", scores.weighted, scores.rows);
  return out;
}

BinaryCurve MakeCurve(std::span<const float> scores, std::span<const uint8_t> positive) {
  BinaryCurve out;
  std::vector<std::pair<float, uint8_t>> rows;
  rows.reserve(scores.size());
  for (size_t i = 0; i < scores.size(); ++i) {
    if (!std::isnan(scores[i])) rows.emplace_back(scores[i], positive[i]);
  }
  std::sort(rows.begin(), rows.end(),
            [](const auto& a, const auto& b) { return a.first > b.first; });
  for (const auto& row : rows) (row.second ? out.positives : out.negatives)++;
  int64_t tp = 0, fp = 0;
  double area = 0;  // in pairs of a positive and a negative row
  for (size_t i = 0; i < rows.size();) {
    const int64_t tp0 = tp, fp0 = fp;
    const float score = rows[i].first;
    for (; i < rows.size() && rows[i].first == score; ++i) (rows[i].second ? tp : fp)++;
    const auto wrong = static_cast<double>(fp - fp0), hit = static_cast<double>(tp - tp0);
    area += wrong * (static_cast<double>(tp0) + hit / 2);
    out.average_precision += Ratio(hit, static_cast<double>(out.positives)) *
                             Ratio(static_cast<double>(tp), static_cast<double>(tp + fp));
    out.points.push_back({static_cast<double>(score), tp, fp});
  }
  out.auc =
      RatioOrNone(area, static_cast<double>(out.positives) * static_cast<double>(out.negatives));
  if (out.positives == 0) out.average_precision = kNaN;
  return out;
}

std::vector<std::pair<double, double>> PrecisionRecallLine(const BinaryCurve& curve) {
  std::vector<std::pair<double, double>> line;
  if (curve.positives == 0) return line;
  for (const CurvePoint& p : curve.points) {
    const auto tp = static_cast<double>(p.tp);
    const double precision = tp / static_cast<double>(p.tp + p.fp);
    if (line.empty()) line.emplace_back(0, precision);
    line.emplace_back(tp / static_cast<double>(curve.positives), precision);
  }
  return line;
}

std::vector<std::pair<double, double>> ThinLine(const std::vector<std::pair<double, double>>& line,
                                                size_t most) {
  if (line.size() <= most || most < 2) return line;
  double length = 0;
  const auto step = [&](const auto& a, const auto& b) {
    return std::abs(a.first - b.first) + std::abs(a.second - b.second);
  };
  for (size_t i = 1; i < line.size(); ++i) length += step(line[i - 1], line[i]);
  const double least = length / static_cast<double>(most - 1);
  std::vector<std::pair<double, double>> out{line.front()};
  double walked = 0;
  for (size_t i = 1; i + 1 < line.size(); ++i) {
    walked += step(line[i - 1], line[i]);
    if (walked < least) continue;
    out.push_back(line[i]);
    walked = 0;
  }
  out.push_back(line.back());
  return out;
}

Calibration Calibrate(std::span<const float> probability, std::span<const uint8_t> positive,
                      size_t bins) {
  Calibration out;
  out.bins.resize(bins);
  for (size_t b = 0; b < bins; ++b) {
    out.bins[b].low = static_cast<double>(b) / static_cast<double>(bins);
    out.bins[b].high = static_cast<double>(b + 1) / static_cast<double>(bins);
  }
  for (size_t i = 0; i < probability.size(); ++i) {
    const double p = probability[i], y = positive[i];
    CalibrationBin& bin = out.bins[BinOf(p, 0, 1, bins)];
    ++bin.rows;
    bin.predicted += p;
    bin.observed += y;
    out.brier += (p - y) * (p - y);
  }
  const auto n = static_cast<double>(probability.size());
  out.brier = RatioOrNone(out.brier, n);
  if (n == 0) out.error = kNaN;
  for (CalibrationBin& bin : out.bins) {
    if (bin.rows == 0) {
      bin.predicted = bin.observed = kNaN;
      continue;
    }
    bin.predicted /= static_cast<double>(bin.rows);
    bin.observed /= static_cast<double>(bin.rows);
    out.error += static_cast<double>(bin.rows) / n * std::abs(bin.predicted - bin.observed);
  }
  return out;
}

std::vector<double> CumulativeGains(const BinaryCurve& curve) {
  std::vector<double> out;
  if (curve.positives == 0) return out;
  const auto rows = static_cast<double>(curve.positives + curve.negatives);
  size_t next = 0;
  double rows0 = 0, tp0 = 0;  // before the group of equal scores that `next` ends
  for (int percent = 0; percent <= 100; ++percent) {
    const double want = rows * percent / 100;
    const auto seen = [&](const CurvePoint& p) { return static_cast<double>(p.tp + p.fp); };
    while (next + 1 < curve.points.size() && seen(curve.points[next]) < want) {
      rows0 = seen(curve.points[next]);
      tp0 = static_cast<double>(curve.points[next].tp);
      ++next;
    }
    double tp = 0;
    if (next < curve.points.size()) {
      const CurvePoint& p = curve.points[next];
      tp = tp0 + (static_cast<double>(p.tp) - tp0) * Ratio(want - rows0, seen(p) - rows0);
    }
    out.push_back(Ratio(tp, static_cast<double>(curve.positives)));
  }
  return out;
}

Scorecard ScoreNumbers(std::span<const float> labels, std::span<const float> predictions) {
  Scorecard out;
  const size_t n = labels.size();
  if (n == 0) {
    out.mae = out.rmse = out.r2 = out.median_error = out.max_error = out.bias = kNaN;
    out.mape = out.skew = out.label_mean = out.label_std = out.label_min = out.label_max = kNaN;
    return out;
  }
  std::vector<double> errors;
  errors.reserve(n);
  double squares = 0, relative = 0;
  out.label_min = out.label_max = labels[0];
  for (size_t i = 0; i < n; ++i) {
    const double y = labels[i], e = static_cast<double>(predictions[i]) - y;
    errors.push_back(std::abs(e));
    out.mae += std::abs(e);
    out.bias += e;
    squares += e * e;
    out.label_mean += y;
    out.label_min = std::min(out.label_min, y);
    out.label_max = std::max(out.label_max, y);
    if (y != 0) {
      relative += std::abs(e / y);
      ++out.mape_rows;
    }
  }
  const auto rows = static_cast<double>(n);
  out.mae /= rows;
  out.bias /= rows;
  out.label_mean /= rows;
  out.rmse = std::sqrt(squares / rows);
  out.mape = RatioOrNone(relative, static_cast<double>(out.mape_rows));
  double second = 0, third = 0;
  for (const float y : labels) {
    const double d = static_cast<double>(y) - out.label_mean;
    second += d * d;
    third += d * d * d;
  }
  out.r2 = second > 0 ? 1 - squares / second : kNaN;
  out.label_std = std::sqrt(second / rows);
  out.skew = RatioOrNone(third / rows, out.label_std * out.label_std * out.label_std);
  std::sort(errors.begin(), errors.end());
  out.median_error = Quantile(errors, 0.5);
  out.max_error = errors.back();
  return out;
}

double Quantile(std::span<const double> sorted, double q) {
  if (sorted.empty()) return std::numeric_limits<double>::quiet_NaN();
  const double place = q * static_cast<double>(sorted.size() - 1);
  const auto i = static_cast<size_t>(place);
  if (i + 1 >= sorted.size()) return sorted.back();
  return sorted[i] + (place - static_cast<double>(i)) * (sorted[i + 1] - sorted[i]);
}

Histogram AutoHistogram(std::span<const double> values) {
  constexpr double kMostBins = 1000;
  std::vector<double> v;
  v.reserve(values.size());
  std::copy_if(values.begin(), values.end(), std::back_inserter(v),
               [](double x) { return std::isfinite(x); });
  if (v.empty()) return {};
  std::sort(v.begin(), v.end());
  double low = v.front(), high = v.back();
  size_t bins = 1;
  if (high > low) {
    const auto n = static_cast<double>(v.size());
    const double sturges = (high - low) / (std::log2(n) + 1);
    const double diaconis = 2 * (Quantile(v, 0.75) - Quantile(v, 0.25)) / std::cbrt(n);
    const double width = diaconis > 0 ? std::min(diaconis, sturges) : sturges;
    bins = static_cast<size_t>(std::clamp(std::ceil((high - low) / width), 1.0, kMostBins));
  } else {
    low -= 0.5;
    high += 0.5;
  }
  Histogram out{.counts = std::vector<int64_t>(bins), .edges = {}};
  for (size_t i = 0; i <= bins; ++i) {
    out.edges.push_back(
        i == bins ? high : low + (high - low) * static_cast<double>(i) / static_cast<double>(bins));
  }
  for (const double x : v) {  // as numpy: a value on an edge belongs to the bin it starts
    size_t b = BinOf(x, low, high, bins);
    if (x < out.edges[b]) --b;
    if (b + 1 < bins && x >= out.edges[b + 1]) ++b;
    ++out.counts[b];
  }
  return out;
}

Histogram MakeHistogram(std::span<const float> values, double low, double high, size_t bins) {
  Histogram out{.counts = std::vector<int64_t>(bins), .edges = {}};
  for (size_t i = 0; i <= bins; ++i) {
    out.edges.push_back(low + (high - low) * static_cast<double>(i) / static_cast<double>(bins));
  }
  for (const float v : values) {
    if (std::isfinite(v)) ++out.counts[BinOf(v, low, high, bins)];
  }
  return out;
}

BinErrors ErrorsByLabel(std::span<const float> labels, std::span<const float> predictions,
                        size_t bins) {
  BinErrors out;
  if (labels.empty()) return out;
  const auto [least, most] = std::minmax_element(labels.begin(), labels.end());
  double low = *least, high = *most;
  if (low == high) {
    low -= 0.5;
    high += 0.5;
    bins = 1;
  }
  out.rows.resize(bins);
  out.errors.resize(bins);
  for (size_t i = 0; i <= bins; ++i) {
    out.edges.push_back(low + (high - low) * static_cast<double>(i) / static_cast<double>(bins));
  }
  for (size_t i = 0; i < labels.size(); ++i) {
    const size_t b = BinOf(labels[i], low, high, bins);
    ++out.rows[b];
    out.errors[b] += std::abs(static_cast<double>(predictions[i]) - static_cast<double>(labels[i]));
  }
  for (size_t b = 0; b < bins; ++b) {
    out.errors[b] = out.rows[b] ? out.errors[b] / static_cast<double>(out.rows[b])
                                : std::numeric_limits<double>::quiet_NaN();
  }
  return out;
}

std::vector<Group> GroupsByPrediction(std::span<const float> labels,
                                      std::span<const float> predictions, size_t groups) {
  const std::vector<uint32_t> order = Ascending(predictions);
  std::vector<float> ascending;
  for (const uint32_t i : order) ascending.push_back(predictions[i]);
  std::vector<Group> out;
  size_t begin = 0;
  for (const size_t end : GroupEnds(ascending, groups)) {
    Group group;
    for (; begin < end; ++begin) {
      ++group.rows;
      group.predicted += predictions[order[begin]];
      group.observed += labels[order[begin]];
    }
    group.predicted /= static_cast<double>(group.rows);
    group.observed /= static_cast<double>(group.rows);
    out.push_back(group);
  }
  return out;
}

std::vector<size_t> GroupEnds(std::span<const float> ascending, size_t groups) {
  std::vector<size_t> ends;
  size_t begin = 0;
  for (size_t g = 1; g <= groups; ++g) {
    size_t end = std::max(begin, ascending.size() * g / groups);
    while (end > 0 && end < ascending.size() && ascending[end] == ascending[end - 1]) ++end;
    if (end > begin) ends.push_back(begin = end);
  }
  return ends;
}

double StabilityIndex(std::span<const int64_t> a, std::span<const int64_t> b) {
  const auto total = [](std::span<const int64_t> v) {
    return static_cast<double>(std::accumulate(v.begin(), v.end(), int64_t{0}));
  };
  const double na = total(a), nb = total(b);
  if (na == 0 || nb == 0) return kNaN;
  double sum = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (a[i] == 0 && b[i] == 0) continue;
    // Half a row where there is none, so that the logarithm stays finite.
    const double pa = std::max(static_cast<double>(a[i]), 0.5) / na;
    const double pb = std::max(static_cast<double>(b[i]), 0.5) / nb;
    sum += (pa - pb) * std::log(pa / pb);
  }
  return sum;
}

double Concordance(std::span<const float> labels, std::span<const float> risk) {
  const size_t n = labels.size();
  // Rank of each distinct risk, for a tree of counts over ranks (Fenwick).
  std::vector<float> levels(risk.begin(), risk.end());
  std::sort(levels.begin(), levels.end());
  levels.erase(std::unique(levels.begin(), levels.end()), levels.end());
  std::vector<int64_t> tree(levels.size() + 1);
  const auto rank = [&](size_t i) {
    return static_cast<size_t>(std::lower_bound(levels.begin(), levels.end(), risk[i]) -
                               levels.begin()) +
           1;
  };
  int64_t added = 0;
  const auto add = [&](size_t i) {
    for (size_t r = rank(i); r < tree.size(); r += r & (~r + 1)) ++tree[r];
    ++added;
  };
  const auto below = [&](size_t r) {  // how many have a rank of at most r
    int64_t sum = 0;
    for (; r > 0; r -= r & (~r + 1)) sum += tree[r];
    return sum;
  };
  std::vector<uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(),
            [&](uint32_t a, uint32_t b) { return std::abs(labels[a]) > std::abs(labels[b]); });
  double right = 0, pairs = 0;
  for (size_t i = 0; i < n;) {  // from the latest time: who is in the tree outlived these rows
    size_t end = i;
    while (end < n && std::abs(labels[order[end]]) == std::abs(labels[order[i]])) ++end;
    for (size_t j = i; j < end; ++j) {
      if (labels[order[j]] <= 0) add(order[j]);
    }
    for (size_t j = i; j < end; ++j) {
      if (labels[order[j]] <= 0) continue;
      const size_t r = rank(order[j]);
      const int64_t less = below(r - 1), same = below(r) - less;
      right += static_cast<double>(less) + static_cast<double>(same) / 2;
      pairs += static_cast<double>(added);
    }
    for (size_t j = i; j < end; ++j) {
      if (labels[order[j]] > 0) add(order[j]);
    }
    i = end;
  }
  return RatioOrNone(right, pairs);
}

std::vector<std::pair<double, double>> KaplanMeier(std::vector<float> labels) {
  std::sort(labels.begin(), labels.end(),
            [](float a, float b) { return std::abs(a) < std::abs(b); });
  std::vector<std::pair<double, double>> out{{0, 1}};
  for (size_t i = 0; i < labels.size();) {
    const size_t at_risk = labels.size() - i;
    const float time = std::abs(labels[i]);
    size_t events = 0;
    for (; i < labels.size() && std::abs(labels[i]) == time; ++i) events += labels[i] > 0;
    if (events > 0) {
      out.emplace_back(time, out.back().second *
                                 (1 - static_cast<double>(events) / static_cast<double>(at_risk)));
    }
  }
  return out;
}

}  // namespace clary::debugger
