#include "clarify/bias.h"

#include <fast_float/fast_float.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <random>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/strings.h"
#include "base/thread_pool.h"
#include "clarify/internal/binomial.h"

namespace clary::clarify {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kDistinctShare = 0.05;

std::unexpected<Error> ClientError(std::string message) {
  return Fail(Code::kInvalidArgument, "ClientError", std::move(message));
}

// As Python's int() and float() read a text; none: not a number.
std::optional<int64_t> ToInteger(std::string_view text) {
  text = Trim(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}
std::optional<double> ToReal(std::string_view text) {
  text = Trim(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = fast_float::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

Result<double> Number(const Value& value) {
  if (const auto* i = std::get_if<int64_t>(&value)) return static_cast<double>(*i);
  if (const auto* d = std::get_if<double>(&value)) return *d;
  if (const auto* b = std::get_if<bool>(&value)) return *b ? 1.0 : 0.0;
  const std::string& text = std::get<std::string>(value);
  if (const auto i = ToInteger(text)) return static_cast<double>(*i);
  if (const auto d = ToReal(text)) return *d;
  return ClientError("could not convert string to float: '" + text + "'");
}

// A text column as numbers; none if one of its values is missing or no integer.
std::optional<std::vector<double>> AsIntegers(const Column& column) {
  std::vector<double> out(column.rows());
  for (size_t i = 0; i < out.size(); ++i) {
    const auto value = column.IsMissing(i) ? std::nullopt : ToInteger(column.texts[i]);
    if (!value) return std::nullopt;
    out[i] = static_cast<double>(*value);
  }
  return out;
}

bool ManyDistinct(const std::vector<double>& values) {
  std::unordered_set<double> distinct;
  size_t present = 0;
  for (const double v : values) {
    if (std::isnan(v)) continue;
    ++present;
    distinct.insert(v);
  }
  return present > 0 &&
         static_cast<double>(distinct.size()) >= kDistinctShare * static_cast<double>(present);
}

struct Interval {
  double low = 0;   // not in it
  double high = 0;  // in it
};
// "(40, 60]" or "(40, inf)": a range that the user asks for, whatever the column's kind.
std::optional<Interval> ParseInterval(std::string_view text) {
  const size_t comma = text.find(',');
  if (!text.starts_with('(') || comma == std::string_view::npos) return std::nullopt;
  if (!text.ends_with(']') && !text.ends_with(')')) return std::nullopt;
  const auto low = ToReal(text.substr(1, comma - 1));
  const std::string_view end = Trim(text.substr(comma + 1, text.size() - comma - 2));
  const auto high = ToReal(end);
  if (!low || !high || (text.ends_with(')') && !std::isinf(*high))) return std::nullopt;
  return Interval{.low = *low, .high = *high};
}

std::vector<bool> Within(const std::vector<double>& numbers, Interval interval) {
  std::vector<bool> out(numbers.size());
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = numbers[i] > interval.low && numbers[i] <= interval.high;  // false for NaN
  }
  return out;
}

double Largest(const Column& column, const std::vector<double>& numbers, bool* real) {
  double largest = -kInfinity;
  for (const double v : numbers) largest = std::max(largest, v);  // max(x, NaN) is x
  *real = *real || column.type == Column::Type::kReal;
  return largest;
}

std::vector<double> Numbers(const Column& column) {
  if (column.type != Column::Type::kText) return column.numbers;
  return AsIntegers(column).value_or(std::vector<double>());
}

Result<std::vector<Group>> AboveThreshold(const Column& column, std::span<const Value> values,
                                          const Column* also) {
  if (values.empty()) {
    return ClientError("Threshold values must be provided for continuous features");
  }
  CLARY_TRY(const double threshold, Number(values[0]));
  bool real = !std::holds_alternative<int64_t>(values[0]);
  const std::vector<double> numbers = Numbers(column);
  const double largest = Largest(column, numbers, &real);
  double high = largest;
  if (also != nullptr) high = std::max(high, Largest(*also, Numbers(*also), &real));
  Group group{.text = "", .member = std::vector<bool>(column.rows())};
  if (threshold < high) group.member = Within(numbers, {.low = threshold, .high = high});
  if (threshold < largest) {
    group.text = real ? "(" + RealText(threshold) + ", " + RealText(largest) + "]"
                      : fmt::format("({:.0f}, {:.0f}]", threshold, largest);
  }
  return std::vector<Group>{std::move(group)};
}

std::vector<bool> EqualToAny(const Column& column, std::span<const Value> values) {
  std::vector<bool> out(column.rows());
  if (column.type == Column::Type::kText) {
    std::unordered_set<std::string> wanted;
    for (const Value& v : values) {
      if (const auto* text = std::get_if<std::string>(&v)) wanted.insert(*text);
    }
    for (size_t i = 0; i < out.size(); ++i) {
      out[i] = !column.IsMissing(i) && wanted.contains(column.texts[i]);
    }
    return out;
  }
  std::vector<double> wanted;
  for (const Value& v : values) {
    if (!std::holds_alternative<std::string>(v)) wanted.push_back(*Number(v));
  }
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = std::ranges::find(wanted, column.numbers[i]) != wanted.end();  // NaN equals nothing
  }
  return out;
}

Result<std::vector<Group>> OneOf(const Column& column, std::span<const Value> values) {
  Group group;
  for (const Value& v : values) {
    if (!group.text.empty()) group.text += ',';
    group.text += ValueText(v);
  }
  group.member = EqualToAny(column, values);
  if (std::ranges::find(group.member, true) == group.member.end()) {
    std::vector<Value> converted;
    for (const Value& v : values) {
      if (column.type == Column::Type::kText) {
        converted.emplace_back(ValueText(v));
      } else {
        CLARY_TRY(const double number, Number(v));
        converted.emplace_back(number);
      }
    }
    group.member = EqualToAny(column, converted);
  }
  return std::vector<Group>{std::move(group)};
}

std::vector<Group> OneEach(const Column& column) {
  std::vector<Group> groups;
  std::unordered_map<std::string, size_t> seen;
  for (size_t i = 0; i < column.rows(); ++i) {
    const std::string text = column.Text(i);
    const auto [at, fresh] = seen.emplace(text, groups.size());
    if (fresh) groups.push_back({.text = text, .member = std::vector<bool>(column.rows())});
    if (!column.IsMissing(i)) groups[at->second].member[i] = true;
  }
  return groups;
}

// --- Metrics.

// x/0 is infinite, 0/0 is 0.
double Divide(double a, double b) {
  if (b != 0) return a / b;
  return a == 0 ? 0 : std::copysign(kInfinity, a);
}
// Infinity less itself is 0.
double Minus(double a, double b) { return std::isinf(a) && a == b ? 0 : a - b; }

// Counts of one side: [observed][predicted].
struct Side {
  std::array<std::array<double, 2>, 2> n{};

  double Observed(int label) const { return n[label][0] + n[label][1]; }
  double Predicted(int label) const { return n[0][label] + n[1][label]; }
  double All() const { return Observed(0) + Observed(1); }
  double Right() const { return n[0][0] + n[1][1]; }
  double RightShare(int predicted) const {
    return Divide(n[predicted][predicted], Predicted(predicted));
  }
  double FoundShare(int observed) const {
    return Divide(n[observed][observed], Observed(observed));
  }
};

struct Input {
  const BiasData& data;
  Side a;  // everybody else
  Side d;  // the facet
};
using Outcome = std::expected<double, std::string>;

std::unexpected<std::string> None(std::string_view why) {
  return std::unexpected(std::string(why));
}

// Nothing if both sides have rows; else which side has none, in a metric's own words.
std::optional<std::string> Empty(const Input& in, std::string_view prefix, std::string_view facet,
                                 std::string_view rest) {
  if (in.d.All() == 0) return std::string(prefix) + std::string(facet);
  if (in.a.All() == 0) return std::string(prefix) + std::string(rest);
  return std::nullopt;
}
template <typename Formula>
Outcome WhereBoth(const Input& in, std::string_view prefix, Formula&& formula) {
  if (auto why = Empty(in, prefix, "Facet set is empty", "Negated Facet set is empty")) {
    return None(*why);
  }
  return formula();
}

Outcome ClassImbalance(const Input& in) {
  if (auto why = Empty(in, "CI: ", "facet set is empty. Check that x[facet] has non-zero length.",
                       "negated facet set is empty. Check that x[~facet] has non-zero length.")) {
    return None(*why);
  }
  return (in.a.All() - in.d.All()) / (in.a.All() + in.d.All());
}

Outcome ProportionDifference(const Input& in, double a1, double d1) {
  if (auto why = Empty(in, "", "Facet set is empty.", "Negative facet set is empty.")) {
    return None(*why);
  }
  return a1 / in.a.All() - d1 / in.d.All();
}

// Over the outcomes that occur on both sides: `term` of their probabilities (a, d), summed up.
template <typename Term>
Outcome OverCommon(const Input& in, Term&& term) {
  double sum = 0;
  bool common = false;
  for (const int label : {0, 1}) {
    const double a = Divide(in.a.Observed(label), in.a.All());
    const double d = Divide(in.d.Observed(label), in.d.All());
    if (a == 0 || d == 0) continue;
    common = true;
    sum = term(sum, a, d);
  }
  if (!common) return None("No instance of common facet found, dataset may be too small");
  return sum;
}

// Conditional demographic disparity: in each group of the group variable, the facet's share of the
// rejected less its share of the accepted; the groups' mean, weighted by their rows.
Outcome Disparity(const Input& in, const std::vector<bool>& accepted) {
  if (in.data.group == nullptr) return None("Group variable is empty or not provided");
  const auto positive = std::ranges::count(accepted, true);
  if (positive == 0) return None("No positive labels in set");
  if (positive == std::ssize(accepted)) return None("No negative labels in set");
  struct Counts {
    std::array<double, 2> all{}, facet{};  // rejected, accepted
  };
  std::map<std::string, Counts> groups;
  for (size_t i = 0; i < accepted.size(); ++i) {
    Counts& counts = groups[in.data.group->Text(i)];
    ++counts.all[accepted[i]];
    if (in.data.facet[i]) ++counts.facet[accepted[i]];
  }
  double sum = 0;
  for (const auto& [name, c] : groups) {
    sum += (c.all[0] + c.all[1]) * (Divide(c.facet[0], c.all[0]) - Divide(c.facet[1], c.all[1]));
  }
  return sum / static_cast<double>(accepted.size());
}

constexpr size_t kNeighbours = 5;
constexpr size_t kLeafRows = 32;

// The nearest of some points by Euclid's distance; of equally near ones the lower come first. A k-d
// tree (Bentley 1975), split at the median of the widest feature. Const calls from any thread, each
// with a Search of its own.
class Neighbours {
 public:
  struct Search {
    std::vector<double> offsets;                   // of the node that is searched, by feature
    std::vector<std::pair<double, size_t>> found;  // squared distances and places, nearest first
    std::vector<float> rough;                      // x as floats
    double error = 0;                              // by which a distance between floats may differ
  };

  // `points`: row after row.
  Neighbours(std::vector<double> points, size_t width)
      : width_(width), points_(std::move(points)), order_(points_.size() / width) {
    for (size_t i = 0; i < order_.size(); ++i) order_[i] = i;
    largest_.resize(width_);
    for (size_t i = 0; i < points_.size(); ++i) {
      largest_[i % width_] = std::max(largest_[i % width_], std::abs(points_[i]));
    }
    if (!order_.empty()) Build(0, order_.size());
  }

  // The `k` nearest to x: into search.found.
  void Find(const double* x, size_t k, Search& search) const {
    search.found.assign(k, {kInfinity, SIZE_MAX});
    search.offsets.assign(width_, 0.0);
    search.rough.assign(x, x + width_);
    double squares = 0;
    for (size_t f = 0; f < width_; ++f) {
      constexpr double kFloat = 0x1p-24;
      const double error = kFloat * (largest_[f] + std::abs(x[f]));
      squares += error * error;
    }
    search.error = std::sqrt(squares);
    Visit(0, x, 0, search);
  }

 private:
  struct Node {
    size_t begin = 0, end = 0;  // of order_
    size_t feature = SIZE_MAX;  // of a leaf: none
    double split = 0;
    size_t right = 0;  // the left one is the next
    size_t leaf = 0;   // of a leaf: its first block of leaves_
  };

  size_t Build(size_t begin, size_t end) {
    const size_t self = nodes_.size();
    nodes_.push_back({.begin = begin, .end = end});
    size_t widest = 0;
    double spread = 0;
    for (size_t f = 0; f < width_ && end - begin > kLeafRows; ++f) {
      double low = kInfinity, high = -kInfinity;
      for (size_t i = begin; i < end; ++i) {
        low = std::min(low, points_[order_[i] * width_ + f]);
        high = std::max(high, points_[order_[i] * width_ + f]);
      }
      if (high - low <= spread) continue;
      spread = high - low;
      widest = f;
    }
    if (spread == 0) {  // few, or all the same
      MakeLeaf(nodes_[self]);
      return self;
    }
    const size_t middle = begin + (end - begin) / 2;
    const auto at = [&](size_t i) { return order_.begin() + static_cast<std::ptrdiff_t>(i); };
    std::nth_element(at(begin), at(middle), at(end), [&](size_t a, size_t b) {
      return points_[a * width_ + widest] < points_[b * width_ + widest];
    });
    nodes_[self].feature = widest;
    nodes_[self].split = points_[order_[middle] * width_ + widest];
    Build(begin, middle);
    const size_t right = Build(middle, end);
    nodes_[self].right = right;
    return self;
  }

  // Blocks of kLeafRows points, feature after feature, as floats.
  void MakeLeaf(Node& node) {
    node.leaf = leaves_.size();
    for (size_t i = node.begin; i < node.end; i += kLeafRows) {
      for (size_t f = 0; f < width_; ++f) {
        for (size_t p = 0; p < kLeafRows; ++p) {
          const size_t row = order_[std::min(i + p, node.end - 1)];
          leaves_.push_back(static_cast<float>(points_[row * width_ + f]));
        }
      }
    }
  }

  // `bound`: no point of the node is nearer.
  void Visit(size_t at, const double* x, double bound, Search& s) const {
    const Node& node = nodes_[at];
    if (node.feature == SIZE_MAX) return VisitLeaf(node, x, s);
    const double apart = x[node.feature] - node.split;
    const size_t left = at + 1, right = node.right;
    Visit(apart < 0 ? left : right, x, bound, s);
    double& offset = s.offsets[node.feature];
    const double before = offset;
    const double farther = bound - before * before + apart * apart;
    // Equally near ones may have lower places; sums of squares are not exact.
    constexpr double kSlack = 1 - 1e-12;
    if (farther * kSlack > s.found.back().first) return;
    offset = apart;
    Visit(apart < 0 ? right : left, x, farther, s);
    offset = before;
  }

  void VisitLeaf(const Node& node, const double* x, Search& s) const {
    // Most points are too far even by floats, whose sums of squares are right to a few in 10^6.
    const auto limit = [&s] {
      const double root = std::sqrt(s.found.back().first) + s.error;
      return root * root * (1 + 1e-4);
    };
    double far = limit();
    const float* block = &leaves_[node.leaf];
    for (size_t begin = node.begin; begin < node.end;
         begin += kLeafRows, block += kLeafRows * width_) {
      float distances[kLeafRows] = {};
      float nearest = 0;
      for (size_t f = 0; f < width_ && static_cast<double>(nearest) <= far; ++f) {
        const float value = s.rough[f];
        const float* column = block + f * kLeafRows;
        for (size_t p = 0; p < kLeafRows; ++p) {
          const float apart = column[p] - value;
          distances[p] += apart * apart;
        }
        // Most blocks are too far by their widest features already.
        if (f % 3 != 2) continue;
        nearest = distances[0];
        for (size_t p = 1; p < kLeafRows; ++p) {
          nearest = distances[p] < nearest ? distances[p] : nearest;
        }
      }
      if (static_cast<double>(nearest) > far) continue;
      const size_t count = std::min(kLeafRows, node.end - begin);
      for (size_t p = 0; p < count; ++p) {
        if (static_cast<double>(distances[p]) > far) continue;
        const double* point = &points_[order_[begin + p] * width_];
        double distance = 0;
        for (size_t f = 0; f < width_; ++f) distance += (point[f] - x[f]) * (point[f] - x[f]);
        const std::pair<double, size_t> one{distance, order_[begin + p]};
        if (one >= s.found.back()) continue;
        s.found.pop_back();
        s.found.insert(std::ranges::upper_bound(s.found, one), one);
        far = limit();
      }
    }
  }

  const size_t width_;
  const std::vector<double> points_;
  std::vector<size_t> order_;
  std::vector<Node> nodes_;
  std::vector<float> leaves_;
  std::vector<double> largest_;  // by feature
};

// The facet's own predictions less those of its nearest neighbours among everybody else, as
// Clarify's code has the sign. Of equally near rows the lower ones count.
Outcome FlipTest(const Input& in) {
  const BiasData& data = in.data;
  for (const Column* f : data.features) {
    if (f->type == Column::Type::kText)
      return None("FlipTest does not support non-numeric columns");
  }
  if (data.features.empty()) return None("FlipTest needs at least one feature");
  for (const Column* f : data.features) {
    if (std::ranges::any_of(f->numbers, [](double v) { return std::isnan(v); })) {
      return None("FlipTest does not support missing values: column '" + f->name + "' has some");
    }
  }
  std::vector<size_t> rest, facet;
  for (size_t i = 0; i < data.facet.size(); ++i) (data.facet[i] ? facet : rest).push_back(i);
  const size_t k = rest.size() > 9 ? kNeighbours : 1;
  const size_t width = data.features.size();
  // Features first whose middle half is the widest: they tell most points apart.
  std::vector<std::pair<double, const Column*>> by_width;
  for (const Column* f : data.features) {
    std::vector<double> sorted = f->numbers;
    std::ranges::sort(sorted);
    const size_t quarter = sorted.size() / 4;
    by_width.emplace_back(sorted[quarter] - sorted[sorted.size() - 1 - quarter], f);
  }
  std::ranges::stable_sort(by_width, {}, &std::pair<double, const Column*>::first);
  const auto row_of = [&](size_t row, double* to) {
    for (size_t f = 0; f < width; ++f) to[f] = by_width[f].second->numbers[row];
  };
  std::vector<double> points(rest.size() * width);
  for (size_t i = 0; i < rest.size(); ++i) row_of(rest[i], &points[i * width]);
  const Neighbours neighbours(std::move(points), width);
  ThreadPool pool(data.threads);
  constexpr size_t kBlock = 256;
  std::vector<double> flips((facet.size() + kBlock - 1) / kBlock);
  pool.ForEach(flips.size(), [&](size_t block, int /*part*/) {
    Neighbours::Search search;
    std::vector<double> x(width);
    for (size_t i = block * kBlock; i < std::min(facet.size(), (block + 1) * kBlock); ++i) {
      row_of(facet[i], x.data());
      neighbours.Find(x.data(), k, search);
      const auto votes = std::ranges::count_if(
          search.found, [&](const auto& found) { return data.predicted[rest[found.second]]; });
      const bool others = 2 * votes > static_cast<std::ptrdiff_t>(k);
      flips[block] += static_cast<double>(data.predicted[facet[i]]) - static_cast<double>(others);
    }
  });
  return std::accumulate(flips.begin(), flips.end(), 0.0) / static_cast<double>(facet.size());
}

// Generalised entropy, alpha 2, of the benefits predicted - observed + 1.
Outcome GeneralizedEntropy(const Input& in) {
  const auto total = [&](int observed, int predicted) {
    return in.a.n[observed][predicted] + in.d.n[observed][predicted];
  };
  const double rows = in.a.All() + in.d.All();
  const double mean = (total(0, 0) + total(1, 1) + 2 * total(0, 1)) / rows;
  const auto term = [&](double benefit) { return Divide(benefit * benefit, mean * mean) - 1; };
  return ((total(0, 0) + total(1, 1)) * term(1) + total(0, 1) * term(2) + total(1, 0) * term(0)) /
         (2 * rows);
}

struct Row {
  BiasStage stage;
  std::string_view name;
  std::string_view description;
  Outcome (*compute)(const Input& in);
};
constexpr auto kPre = BiasStage::kPreTraining;
constexpr auto kPost = BiasStage::kPostTraining;

// In alphabetical order, as analysis.json has them.
constexpr Row kMetrics[] = {
    {kPre, "CDDL", "Conditional Demographic Disparity in Labels (CDDL)",
     [](const Input& in) { return Disparity(in, in.data.label); }},
    {kPre, "CI", "Class Imbalance (CI)", ClassImbalance},
    {kPre, "DPL", "Difference in Positive Proportions in Labels (DPL)",
     [](const Input& in) { return ProportionDifference(in, in.a.Observed(1), in.d.Observed(1)); }},
    {kPre, "JS", "Jensen-Shannon Divergence (JS)",
     [](const Input& in) {
       return OverCommon(in, [](double sum, double a, double d) {
         const double mean = (a + d) / 2;
         return sum + (a * std::log(a / mean) + d * std::log(d / mean)) / 2;
       });
     }},
    {kPre, "KL", "Kullback-Liebler Divergence (KL)",  // sic
     [](const Input& in) {
       return OverCommon(in,
                         [](double sum, double a, double d) { return sum + a * std::log(a / d); });
     }},
    {kPre, "KS", "Kolmogorov-Smirnov Distance (KS)",
     [](const Input& in) {
       return OverCommon(
           in, [](double sum, double a, double d) { return std::max(sum, std::abs(a - d)); });
     }},
    {kPre, "LP", "L-p Norm (LP)",
     [](const Input& in) {
       Outcome sum =
           OverCommon(in, [](double all, double a, double d) { return all + (a - d) * (a - d); });
       if (sum) *sum = std::sqrt(*sum);
       return sum;
     }},
    {kPre, "TVD", "Total Variation Distance (TVD)",
     [](const Input& in) {
       return OverCommon(in,
                         [](double sum, double a, double d) { return sum + std::abs(a - d) / 2; });
     }},
    {kPost, "AD", "Accuracy Difference (AD)",
     [](const Input& in) {
       return WhereBoth(in, "", [&]() -> Outcome {
         return in.a.Right() / in.a.All() - in.d.Right() / in.d.All();
       });
     }},
    {kPost, "CDDPL", "Conditional Demographic Disparity in Predicted Labels (CDDPL)",
     [](const Input& in) { return Disparity(in, in.data.predicted); }},
    {kPost, "DAR", "Difference in Acceptance Rates (DAR)",
     [](const Input& in) {
       return WhereBoth(
           in, "DLR: ", [&]() -> Outcome { return in.a.RightShare(1) - in.d.RightShare(1); });
     }},
    {kPost, "DCA", "Difference in Conditional Acceptance (DCA)",
     [](const Input& in) {
       return WhereBoth(in, "DCO: ", [&]() -> Outcome {
         return Minus(Divide(in.a.Observed(1), in.a.Predicted(1)),
                      Divide(in.d.Observed(1), in.d.Predicted(1)));
       });
     }},
    {kPost, "DCR", "Difference in Conditional Rejection (DCR)",
     [](const Input& in) {
       return WhereBoth(in, "DCO: ", [&]() -> Outcome {
         return Minus(Divide(in.d.Observed(0), in.d.Predicted(0)),
                      Divide(in.a.Observed(0), in.a.Predicted(0)));
       });
     }},
    {kPost, "DI", "Disparate Impact (DI)",
     [](const Input& in) -> Outcome {
       if (auto why = Empty(in, "", "Facet set is empty", "Negated facet set is empty")) {
         return None(*why);
       }
       return Divide(in.d.Predicted(1) / in.d.All(), in.a.Predicted(1) / in.a.All());
     }},
    {kPost, "DPPL", "Difference in Positive Proportions in Predicted Labels (DPPL)",
     [](const Input& in) {
       return ProportionDifference(in, in.a.Predicted(1), in.d.Predicted(1));
     }},
    {kPost, "DRR", "Difference in Rejection Rates (DRR)",
     [](const Input& in) {
       return WhereBoth(
           in, "DLR: ", [&]() -> Outcome { return in.d.RightShare(0) - in.a.RightShare(0); });
     }},
    {kPost, "FT", "Flip Test (FT)",
     [](const Input& in) { return WhereBoth(in, "", [&] { return FlipTest(in); }); }},
    {kPost, "GE", "Generalized Entropy (GE)", GeneralizedEntropy},
    {kPost, "RD", "Recall Difference (RD)",
     [](const Input& in) {
       return WhereBoth(
           in, "DLA: ", [&]() -> Outcome { return in.a.FoundShare(1) - in.d.FoundShare(1); });
     }},
    {kPost, "SD", "Specificity Difference (SD)",  // d - a, as Clarify's code has it
     [](const Input& in) {
       return WhereBoth(
           in, "DLA: ", [&]() -> Outcome { return in.d.FoundShare(0) - in.a.FoundShare(0); });
     }},
    {kPost, "TE", "Treatment Equality (TE)",
     [](const Input& in) {
       return WhereBoth(in, "", [&]() -> Outcome {
         return Minus(Divide(in.d.n[1][0], in.d.n[0][1]), Divide(in.a.n[1][0], in.a.n[0][1]));
       });
     }},
};

// In the order of Clarify's own message.
constexpr std::string_view kPreNames = "['CI', 'DPL', 'KL', 'JS', 'LP', 'TVD', 'KS', 'CDDL']";
constexpr std::string_view kPostNames =
    "['DPPL', 'DI', 'DCA', 'DCR', 'RD', 'SD', 'DAR', 'DRR', 'AD', 'CDDPL', 'TE', 'FT', 'GE']";

Metric Named(std::string_view name, std::string_view description, double value) {
  return {.name = name, .description = description, .value = value, .error = {}};
}

}  // namespace

DataKind KindOf(const Column& column, size_t values) {
  if (values > 1) return DataKind::kCategorical;
  bool continuous = false;
  switch (column.type) {
    case Column::Type::kReal:
      continuous = true;
      break;
    case Column::Type::kBoolean:
      break;
    case Column::Type::kInteger:
      continuous = ManyDistinct(column.numbers);
      break;
    case Column::Type::kText:
      if (const auto numbers = AsIntegers(column)) continuous = ManyDistinct(*numbers);
      break;
  }
  return continuous ? DataKind::kContinuous : DataKind::kCategorical;
}

Result<std::vector<Group>> GroupsOf(const Column& column, std::span<const Value> values,
                                    const Column* also) {
  if (values.size() == 1 && column.type != Column::Type::kText) {
    if (const auto* text = std::get_if<std::string>(&values[0])) {
      if (const auto interval = ParseInterval(*text)) {
        return std::vector<Group>{{.text = *text, .member = Within(column.numbers, *interval)}};
      }
    }
  }
  if (KindOf(column, values.size()) == DataKind::kContinuous) {
    return AboveThreshold(column, values, also);
  }
  if (values.empty()) return OneEach(column);
  return OneOf(column, values);
}

std::vector<std::string_view> MetricNames(BiasStage stage) {
  std::vector<std::string_view> names;
  for (const Row& row : kMetrics) {
    if (row.stage == stage) names.push_back(row.name);
  }
  return names;
}

namespace {

Input Counted(const BiasData& data) {
  Input in{.data = data, .a = {}, .d = {}};
  for (size_t i = 0; i < data.facet.size(); ++i) {
    Side& side = data.facet[i] ? in.d : in.a;
    ++side.n[data.label[i]][!data.predicted.empty() && data.predicted[i]];
  }
  return in;
}

// How `total` things spread over cells with these counts, by chance.
void DrawMultinomial(const std::vector<double>& counts, double total, std::mt19937_64& random,
                     std::vector<double>& out) {
  out.resize(counts.size());
  auto left = static_cast<int64_t>(total);
  double weight = total;
  for (size_t c = 0; c < counts.size(); ++c) {
    if (left == 0 || counts[c] == 0) {
      out[c] = 0;
    } else if (counts[c] >= weight) {
      out[c] = static_cast<double>(left);
      left = 0;
    } else {
      const int64_t n = DrawBinomial(left, counts[c] / weight, random);
      out[c] = static_cast<double>(n);
      left -= n;
    }
    weight -= counts[c];
  }
}

// The draws of one metric, a NaN for one that has no value.
std::optional<MetricInterval> Percentiles(std::vector<double>& values) {
  const size_t drawn = values.size();
  std::erase_if(values, [](double v) { return std::isnan(v); });
  constexpr size_t kAllowed = 20;
  if (values.empty() || (drawn - values.size()) * kAllowed > drawn) return std::nullopt;
  std::ranges::sort(values);
  const auto at = [&](double share) {
    return values[static_cast<size_t>(share * static_cast<double>(values.size() - 1) + 0.5)];
  };
  constexpr double kLow = 0.025, kHigh = 0.975;
  return MetricInterval{.low = at(kLow), .high = at(kHigh)};
}

// Disparity's table: [group][facet][accepted], flat.
std::vector<double> GroupTable(const BiasData& data, const std::vector<bool>& accepted) {
  std::unordered_map<std::string, size_t> place;
  std::vector<double> table;
  for (size_t i = 0; i < accepted.size(); ++i) {
    const auto [at, fresh] = place.emplace(data.group->Text(i), place.size());
    if (fresh) table.resize(table.size() + 4, 0);
    ++table[at->second * 4 + static_cast<size_t>(data.facet[i]) * 2 + (accepted[i] ? 1 : 0)];
  }
  return table;
}

double DisparityOf(const std::vector<double>& table, double rows) {
  double facet[2] = {0, 0}, all[2] = {0, 0}, sum = 0;
  for (size_t g = 0; g < table.size(); g += 4) {
    for (const size_t o : {0U, 1U}) {
      facet[o] = table[g + 2 + o];
      all[o] = table[g + o] + facet[o];
    }
    sum += (all[0] + all[1]) * (Divide(facet[0], all[0]) - Divide(facet[1], all[1]));
  }
  return sum / rows;
}

}  // namespace

std::vector<std::optional<MetricInterval>> BiasIntervals(BiasStage stage, const BiasData& data,
                                                         std::span<const std::string> methods,
                                                         size_t draws, uint64_t seed) {
  constexpr size_t kMaxGroupCells = 4000;
  const double rows = static_cast<double>(data.facet.size());
  const Input seen = Counted(data);
  std::vector<double> counts;
  for (const Side* side : {&seen.a, &seen.d}) {
    for (const auto& row : side->n) counts.insert(counts.end(), row.begin(), row.end());
  }
  std::vector<const Row*> asked;
  for (const Row& row : kMetrics) {
    if (row.stage != stage) continue;
    if (!methods.empty() && std::ranges::find(methods, row.name) == methods.end()) continue;
    asked.push_back(&row);
  }
  std::vector<std::vector<double>> values(asked.size());
  std::mt19937_64 random(seed);
  Input in{.data = data, .a = {}, .d = {}};
  std::vector<double> drawn;
  const auto is_table = [](const Row& row) { return row.name == "CDDL" || row.name == "CDDPL"; };
  for (size_t i = 0; i < draws && rows > 0; ++i) {
    DrawMultinomial(counts, rows, random, drawn);
    for (size_t c = 0; c < drawn.size(); ++c) {
      (c < 4 ? in.a : in.d).n[c / 2 % 2][c % 2] = drawn[c];
    }
    for (size_t m = 0; m < asked.size(); ++m) {
      if (is_table(*asked[m]) || asked[m]->name == "FT") continue;
      const Outcome outcome = asked[m]->compute(in);
      values[m].push_back(outcome ? *outcome : std::nan(""));
    }
  }
  std::vector<std::optional<MetricInterval>> out(asked.size());
  for (size_t m = 0; m < asked.size(); ++m) {
    if (is_table(*asked[m])) {
      if (!asked[m]->compute(seen)) continue;
      const auto table = GroupTable(data, stage == kPre ? data.label : data.predicted);
      if (table.size() > kMaxGroupCells) continue;
      for (size_t i = 0; i < draws; ++i) {
        DrawMultinomial(table, rows, random, drawn);
        values[m].push_back(DisparityOf(drawn, rows));
      }
    }
    if (!values[m].empty()) out[m] = Percentiles(values[m]);
  }
  return out;
}

Result<std::vector<Metric>> BiasMetrics(BiasStage stage, const BiasData& data,
                                        std::span<const std::string> methods) {
  const auto known = MetricNames(stage);
  for (const std::string& m : methods) {
    if (std::ranges::find(known, m) != known.end()) continue;
    return ClientError("Invalid metric_name: metrics should be one of the registered metrics" +
                       std::string(stage == kPre ? kPreNames : kPostNames));
  }
  const Input in = Counted(data);
  std::vector<Metric> out;
  for (const Row& row : kMetrics) {
    if (row.stage != stage) continue;
    if (!methods.empty() && std::ranges::find(methods, row.name) == methods.end()) continue;
    Metric& metric = out.emplace_back(
        Metric{.name = row.name, .description = row.description, .value = {}, .error = {}});
    if (const Outcome outcome = row.compute(in)) {
      metric.value = *outcome;
    } else {
      metric.error = outcome.error();
    }
  }
  return out;
}

std::vector<Metric> PerformanceMetrics(const std::vector<bool>& label,
                                       const std::vector<bool>& predicted) {
  Side all;
  for (size_t i = 0; i < label.size(); ++i) ++all.n[label[i]][predicted[i]];
  const double precision = all.RightShare(1);
  const double recall = all.FoundShare(1);
  return {
      Named("Accuracy", "Proportion of inputs assigned the correct predicted label by the model.",
            Divide(all.Right(), all.All())),
      Named("Proportion of Positive Predictions in Labels",
            "Proportion of input assigned in positive predicted label.",
            Divide(all.Predicted(1), all.All())),
      Named("Proportion of Negative Predictions in Labels",
            "Proportion of input assigned the negative predicted label.",
            Divide(all.Predicted(0), all.All())),
      Named("True Positive Rate / Recall",
            "Proportion of inputs with positive observed label correctly assigned the positive "
            "predicted label.",
            recall),
      Named("True Negative Rate / Specificity",
            "Proportion of inputs with negative observed label correctly assigned the negative "
            "predicted label.",
            all.FoundShare(0)),
      Named("Acceptance Rate / Precision",
            "Proportion of inputs with positive predicted label that actually have a positive "
            "observed label.",
            precision),
      Named("Rejection Rate",
            "Proportion of inputs with negative predicted label that actually have a negative "
            "observed label.",
            all.RightShare(0)),
      Named("Conditional Acceptance",
            "Ratio between the positive observed labels and positive predicted labels.",
            Divide(all.Observed(1), all.Predicted(1))),
      Named("Conditional Rejection",
            "Ratio between the negative observed labels and negative predicted labels.",
            Divide(all.Observed(0), all.Predicted(0))),
      Named("F1 Score", "Harmonic mean of precision and recall.",
            Divide(2 * precision * recall, precision + recall)),
  };
}

}  // namespace clary::clarify
