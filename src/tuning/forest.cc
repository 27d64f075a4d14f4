#include "tuning/internal/forest.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "tuning/sobol.h"

namespace clary::tuning {
namespace {

constexpr size_t kMostLeaves = 200;

struct Row {
  size_t trial = 0;
  double value = 0;
};

struct Cut {
  double gain = 0;
  size_t parameter = 0;
  double at = 0;        // of a number: rows below go left
  uint32_t values = 0;  // of a category: these go left
};

bool IsCategory(const Parameter& p) { return p.type == Parameter::Type::kCategorical; }

class Grower {
 public:
  Grower(const Space& space, std::span<const std::vector<double>> points,
         std::span<const Config> configs, size_t least)
      : space_(space), points_(points), configs_(configs), least_(least) {}

  void Grow(std::vector<Row> rows, Leaf box) {
    const double sum = std::accumulate(rows.begin(), rows.end(), 0.0,
                                       [](double s, const Row& r) { return s + r.value; });
    const Cut cut = Best(rows, sum);
    if (cut.gain <= 0) {
      box.value = sum / static_cast<double>(rows.size());
      leaves.push_back(std::move(box));
      return;
    }
    const bool category = IsCategory(space_.parameters()[cut.parameter]);
    const auto middle = std::stable_partition(rows.begin(), rows.end(), [&](const Row& r) {
      return category ? (cut.values >> Value(r, cut.parameter) & 1u) != 0
                      : points_[r.trial][cut.parameter] < cut.at;
    });
    Leaf left = box, right = std::move(box);
    Leaf::Side &l = left.sides[cut.parameter], &r = right.sides[cut.parameter];
    if (category) {
      const double all = static_cast<double>(space_.Cells(cut.parameter));
      l.values &= cut.values;
      r.values &= ~cut.values;
      l.length = std::popcount(l.values) / all;
      r.length = std::popcount(r.values) / all;
    } else {
      l.high = r.low = cut.at;
      l.length = l.high - l.low;
      r.length = r.high - r.low;
    }
    Grow({rows.begin(), middle}, std::move(left));
    Grow({middle, rows.end()}, std::move(right));
  }

  std::vector<Leaf> leaves;

 private:
  size_t Value(const Row& r, size_t parameter) const {
    return static_cast<size_t>(configs_[r.trial][parameter]);
  }

  // The split that lowers the squared error the most; of equal ones the first.
  Cut Best(std::vector<Row>& rows, double sum) const {
    Cut best;
    if (rows.size() < 2 * least_) return best;
    const double n = static_cast<double>(rows.size());
    double squares = 0;
    for (const Row& r : rows) squares += r.value * r.value;
    const double least_gain = 1e-12 * squares;
    const auto consider = [&](size_t left, double left_sum, const Cut& cut) {
      if (left < least_ || rows.size() - left < least_) return;
      const double l = static_cast<double>(left), r = n - l;
      const double right_sum = sum - left_sum;
      const double gain = left_sum * left_sum / l + right_sum * right_sum / r - sum * sum / n;
      if (gain > best.gain && gain > least_gain) {
        best = cut;
        best.gain = gain;
      }
    };
    for (size_t j = 0; j < space_.size(); ++j) {
      if (IsCategory(space_.parameters()[j])) {
        Categories(rows, j, consider);
        continue;
      }
      std::ranges::stable_sort(rows, {}, [&](const Row& r) { return points_[r.trial][j]; });
      double left_sum = 0;
      for (size_t i = 1; i < rows.size(); ++i) {
        left_sum += rows[i - 1].value;
        const double a = points_[rows[i - 1].trial][j], b = points_[rows[i].trial][j];
        const double at = (a + b) / 2;
        if (a < at) consider(i, left_sum, {.parameter = j, .at = at});
      }
    }
    return best;
  }

  template <typename Consider>
  void Categories(const std::vector<Row>& rows, size_t j, const Consider& consider) const {
    struct Group {
      uint32_t bit = 0;
      size_t rows = 0;
      double sum = 0;
    };
    std::vector<Group> groups(space_.Cells(j));
    for (const Row& r : rows) {
      Group& g = groups[Value(r, j)];
      g.bit = 1u << Value(r, j);
      ++g.rows;
      g.sum += r.value;
    }
    std::erase_if(groups, [](const Group& g) { return g.rows == 0; });
    std::ranges::stable_sort(groups, {},
                             [](const Group& g) { return g.sum / static_cast<double>(g.rows); });
    uint32_t left = 0;
    size_t count = 0;
    double sum = 0;
    for (size_t g = 0; g + 1 < groups.size(); ++g) {
      left |= groups[g].bit;
      count += groups[g].rows;
      sum += groups[g].sum;
      consider(count, sum, {.parameter = j, .values = left});
    }
  }

  const Space& space_;
  std::span<const std::vector<double>> points_;
  std::span<const Config> configs_;
  const size_t least_;
};

}  // namespace

double Leaf::Volume() const {
  double volume = 1;
  for (const Side& side : sides) volume *= side.length;
  return volume;
}

double Overlap(const Leaf::Side& a, const Leaf::Side& b) {
  if (a.values != 0 || b.values != 0) {
    // Both hold bits of the same parameter: one bit's share is length / bits.
    return a.length * std::popcount(a.values & b.values) / std::popcount(a.values);
  }
  return std::max(0.0, std::min(a.high, b.high) - std::max(a.low, b.low));
}

std::vector<Leaf> GrowTree(const Space& space, std::span<const std::vector<double>> points,
                           std::span<const Config> configs, std::span<const double> values,
                           uint64_t seed) {
  const size_t n = values.size();
  std::vector<Row> rows(n);
  for (size_t i = 0; i < n; ++i) {
    const size_t trial = static_cast<size_t>(Mix(seed, i) % n);
    rows[i] = {.trial = trial, .value = values[trial]};
  }
  Leaf whole;
  whole.sides.resize(space.size());
  for (size_t j = 0; j < space.size(); ++j) {
    if (!IsCategory(space.parameters()[j])) continue;
    const size_t cells = space.Cells(j);
    whole.sides[j].values = cells >= 32 ? ~0u : (1u << cells) - 1;
  }
  Grower grower(space, points, configs, std::max<size_t>(1, n / kMostLeaves));
  grower.Grow(std::move(rows), std::move(whole));
  return std::move(grower.leaves);
}

}  // namespace clary::tuning
