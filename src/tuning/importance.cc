#include "tuning/importance.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tuning/internal/forest.h"
#include "tuning/sobol.h"

namespace clary::tuning {
namespace {

constexpr size_t kTrees = 64;
constexpr size_t kLeastTop = 2;        // trials that the best share has at least
constexpr double kLeastWidth = 0.305;  // of a kernel, in cells: 90 % of it within its own
constexpr double kScott = 1.059;

double NormalCdf(double z) { return 0.5 * std::erfc(-z / std::sqrt(2.0)); }

// The cells of one parameter, and where each trial lies.
struct Cells {
  size_t count = 0;
  bool categories = false;
  std::vector<size_t> of_trial;
};

Cells CellsOf(const Space& space, size_t j, std::span<const Config> configs) {
  const Parameter& p = space.parameters()[j];
  Cells cells;
  cells.categories = p.type == Parameter::Type::kCategorical;
  const size_t own = space.Cells(j);
  const bool every = cells.categories || (own > 0 && own <= kPedCells && p.scale == Scale::kLinear);
  cells.count = every ? own : kPedCells;
  for (const Config& config : configs) {
    const double u = space.Encode(config)[j];
    cells.of_trial.push_back(
        std::min(cells.count - 1, static_cast<size_t>(u * static_cast<double>(cells.count))));
  }
  return cells;
}

// The share of each cell in a mixture over these trials.
std::vector<double> Density(const Cells& cells, std::span<const size_t> trials) {
  const size_t m = cells.count;
  const double n = static_cast<double>(trials.size());
  std::vector<double> counts(m, 0.0);
  for (const size_t t : trials) ++counts[cells.of_trial[t]];
  std::vector<double> density(m, 1.0 / static_cast<double>(m) / (n + 1));
  if (cells.categories) {
    for (size_t c = 0; c < m; ++c) density[c] += counts[c] / (n + 1);
    return density;
  }
  std::vector<double> sorted;
  double mean = 0;
  for (size_t c = 0; c < m; ++c) {
    sorted.insert(sorted.end(), static_cast<size_t>(counts[c]), static_cast<double>(c));
    mean += static_cast<double>(c) * counts[c] / n;
  }
  double squares = 0;
  for (const double c : sorted) squares += (c - mean) * (c - mean);
  const double deviation = std::sqrt(squares / std::max(1.0, n - 1));
  const size_t k = sorted.size();
  const double quarters =
      sorted[std::min(k - 1, k * 3 / 4)] - sorted[std::max<size_t>(k / 4, 1) - 1];
  const double width =
      std::max(kLeastWidth, kScott * std::min(quarters / 1.34, deviation) * std::pow(n, -0.2));
  for (size_t at = 0; at < m; ++at) {
    if (counts[at] == 0) continue;
    const auto cdf = [&](double edge) {
      return NormalCdf((edge - static_cast<double>(at)) / width);
    };
    const double all = cdf(static_cast<double>(m) - 0.5) - cdf(-0.5);
    for (size_t c = 0; c < m; ++c) {
      const double x = static_cast<double>(c);
      density[c] += counts[at] / (n + 1) * (cdf(x + 0.5) - cdf(x - 0.5)) / all;
    }
  }
  return density;
}

double Divergence(const Cells& cells, std::span<const size_t> all, std::span<const size_t> best) {
  if (cells.count < 2) return 0;
  const std::vector<double> p = Density(cells, all), q = Density(cells, best);
  double sum = 0;
  for (size_t c = 0; c < cells.count; ++c) sum += (q[c] - p[c]) * (q[c] - p[c]) / p[c];
  return sum;
}

std::vector<double> PedShares(const std::vector<Cells>& cells, std::vector<size_t> trials,
                              std::span<const double> values, double top) {
  std::vector<double> shares(cells.size(), 0.0);
  std::vector<double> sorted;
  for (const size_t t : trials) sorted.push_back(values[t]);
  std::ranges::sort(sorted);
  const size_t place = static_cast<size_t>(std::ceil(top * static_cast<double>(sorted.size())));
  const double limit = sorted[std::min(sorted.size(), std::max(kLeastTop, place)) - 1];
  std::vector<size_t> best;
  for (const size_t t : trials) {
    if (values[t] <= limit) best.push_back(t);
  }
  double sum = 0;
  for (size_t j = 0; j < cells.size(); ++j) sum += shares[j] = Divergence(cells[j], trials, best);
  for (double& share : shares) share = sum > 1e-12 ? share / sum : 0;
  return shares;
}

// A quantile of sorted values, between neighbours linearly.
double Quantile(std::span<const double> sorted, double q) {
  const double at = q * static_cast<double>(sorted.size() - 1);
  const size_t low = static_cast<size_t>(at);
  const size_t high = std::min(low + 1, sorted.size() - 1);
  return sorted[low] + (at - static_cast<double>(low)) * (sorted[high] - sorted[low]);
}

// Mean and deviation of a share over trees.
class OverTrees {
 public:
  void Add(double share) {
    ++n_;
    sum_ += share;
    squares_ += share * share;
  }
  Share Get() const {
    if (n_ == 0) return {};
    const double mean = sum_ / n_;
    const double deviation = std::sqrt(std::max(0.0, squares_ / n_ - mean * mean));
    const auto cut = [](double v) { return std::clamp(v, 0.0, 1.0); };
    return {.value = cut(mean), .low = cut(mean - deviation), .high = cut(mean + deviation)};
  }

 private:
  double n_ = 0, sum_ = 0, squares_ = 0;
};

// For a pair of leaves, by parameter: the share that both have over the product of their lengths.
// The mean over the space of a product of two marginals is the sum over pairs of leaves of
// volume * value * volume * value * that of the marginals' parameters.
void Ratios(const Leaf& a, const Leaf& b, std::vector<double>& out) {
  for (size_t j = 0; j < out.size(); ++j) {
    out[j] = Overlap(a.sides[j], b.sides[j]) / (a.sides[j].length * b.sides[j].length);
  }
}

// Calls visit(weight, ratios) for every pair of leaves, both orders in one.
template <typename Visit>
void ForPairs(const std::vector<Leaf>& leaves, size_t dimensions, const Visit& visit) {
  std::vector<double> ratios(dimensions);
  std::vector<double> mass;
  for (const Leaf& leaf : leaves) mass.push_back(leaf.Volume() * leaf.value);
  for (size_t a = 0; a < leaves.size(); ++a) {
    for (size_t b = a; b < leaves.size(); ++b) {
      Ratios(leaves[a], leaves[b], ratios);
      visit((a == b ? 1 : 2) * mass[a] * mass[b], ratios);
    }
  }
}

}  // namespace

std::vector<Share> PedAnova(const Space& space, std::span<const Config> configs,
                            std::span<const double> values, double top, size_t resamples,
                            uint64_t seed) {
  std::vector<Share> shares(space.size());
  const size_t n = values.size();
  if (n < 3) return shares;
  std::vector<Cells> cells;
  for (size_t j = 0; j < space.size(); ++j) cells.push_back(CellsOf(space, j, configs));
  std::vector<size_t> trials(n);
  std::iota(trials.begin(), trials.end(), size_t{0});
  const std::vector<double> found = PedShares(cells, trials, values, top);
  std::vector<std::vector<double>> drawn(space.size());
  for (size_t r = 0; r < resamples; ++r) {
    for (size_t i = 0; i < n; ++i) trials[i] = static_cast<size_t>(Mix(seed + r, i) % n);
    const std::vector<double> again = PedShares(cells, trials, values, top);
    for (size_t j = 0; j < space.size(); ++j) drawn[j].push_back(again[j]);
  }
  for (size_t j = 0; j < space.size(); ++j) {
    shares[j] = {.value = found[j], .low = found[j], .high = found[j]};
    if (drawn[j].empty()) continue;
    std::ranges::sort(drawn[j]);
    shares[j].low = std::min(found[j], Quantile(drawn[j], 0.1));
    shares[j].high = std::max(found[j], Quantile(drawn[j], 0.9));
  }
  return shares;
}

FunctionalAnova Fanova(const Space& space, std::span<const Config> configs,
                       std::span<const double> values, uint64_t seed) {
  const size_t d = space.size();
  FunctionalAnova out;
  out.single.resize(d);
  if (values.size() < 2 || d == 0) return out;
  // Sums of squares are taken about the mean: large values far from 0 lose no digits.
  const double mean =
      std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  std::vector<double> centred;
  for (const double v : values) centred.push_back(v - mean);
  std::vector<std::vector<double>> points;
  for (const Config& config : configs) points.push_back(space.Encode(config));

  struct Tree {
    std::vector<Leaf> leaves;
    double square = 0;          // of the mean over the space
    double variance = 0;        // over the space
    std::vector<double> share;  // of the variance, by parameter
  };
  std::vector<Tree> trees;
  std::vector<OverTrees> single(d);
  for (size_t t = 0; t < kTrees; ++t) {
    Tree tree;
    tree.leaves = GrowTree(space, points, configs, centred, Mix(seed, t));
    double first = 0, second = 0;
    for (const Leaf& leaf : tree.leaves) {
      first += leaf.Volume() * leaf.value;
      second += leaf.Volume() * leaf.value * leaf.value;
    }
    tree.square = first * first;
    tree.variance = second - tree.square;
    if (!(tree.variance > 1e-12 * second)) continue;
    tree.share.assign(d, 0.0);
    ForPairs(tree.leaves, d, [&](double weight, const std::vector<double>& ratios) {
      for (size_t j = 0; j < d; ++j) tree.share[j] += weight * ratios[j];
    });
    for (size_t j = 0; j < d; ++j) {
      tree.share[j] = std::max(0.0, tree.share[j] - tree.square) / tree.variance;
      single[j].Add(tree.share[j]);
    }
    trees.push_back(std::move(tree));
  }
  for (size_t j = 0; j < d; ++j) out.single[j] = single[j].Get();

  std::vector<size_t> order(d);
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, std::greater<>(), [&](size_t j) { return out.single[j].value; });
  order.resize(std::min(d, kPairParameters));
  std::ranges::sort(order);
  std::vector<OverTrees> pairs(order.size() * order.size());
  std::vector<double> sums(pairs.size());
  for (const Tree& tree : trees) {
    std::ranges::fill(sums, 0.0);
    ForPairs(tree.leaves, d, [&](double weight, const std::vector<double>& ratios) {
      for (size_t a = 0; a < order.size(); ++a) {
        for (size_t b = a + 1; b < order.size(); ++b) {
          sums[a * order.size() + b] += weight * ratios[order[a]] * ratios[order[b]];
        }
      }
    });
    for (size_t a = 0; a < order.size(); ++a) {
      for (size_t b = a + 1; b < order.size(); ++b) {
        const double both = (sums[a * order.size() + b] - tree.square) / tree.variance;
        pairs[a * order.size() + b].Add(
            std::max(0.0, both - tree.share[order[a]] - tree.share[order[b]]));
      }
    }
  }
  for (size_t a = 0; a < order.size(); ++a) {
    for (size_t b = a + 1; b < order.size(); ++b) {
      out.pairs.push_back(
          {.a = order[a], .b = order[b], .share = pairs[a * order.size() + b].Get()});
    }
  }
  std::ranges::stable_sort(out.pairs, std::greater<>(),
                           [](const FunctionalAnova::Pair& p) { return p.share.value; });
  return out;
}

}  // namespace clary::tuning
