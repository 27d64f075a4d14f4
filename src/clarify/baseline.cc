#include "clarify/baseline.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <set>

namespace clary::clarify {
namespace {

constexpr size_t kFewValues = 20;
constexpr size_t kMostClusters = 12;     // that are looked for
constexpr size_t kClusterRows = 10'000;  // that clusters are found with
constexpr size_t kProbeRows = 2'000;     // that their number is found with
constexpr size_t kStarts = 10;
constexpr size_t kProbeStarts = 3;
constexpr size_t kIterations = 50;
constexpr double kApart = 0.7;  // a silhouette beyond this is a strong structure (Rousseeuw)

// Rows as they are compared: numbers standardised, categories as they are.
struct Points {
  size_t count = 0;
  size_t width = 0;
  std::vector<double> values;
  std::vector<bool> category;

  double Distance(const double* a, const double* b) const {
    double sum = 0;
    for (size_t f = 0; f < width; ++f) {
      const double x = a[f], y = b[f];
      if (category[f] || std::isnan(x) || std::isnan(y)) {
        sum += x == y || (std::isnan(x) && std::isnan(y)) ? 0 : 1;
      } else {
        sum += (x - y) * (x - y);
      }
    }
    return sum;
  }
  const double* Row(size_t r) const { return &values[r * width]; }
};

std::vector<size_t> SomeRows(size_t rows, size_t limit, uint64_t seed) {
  std::vector<size_t> all(rows);
  for (size_t r = 0; r < rows; ++r) all[r] = r;
  if (rows <= limit) return all;
  std::mt19937_64 random(seed);
  for (size_t i = 0; i < limit; ++i) std::swap(all[i], all[i + random() % (rows - i)]);
  all.resize(limit);
  std::ranges::sort(all);
  return all;
}

double Median(std::vector<double> values, bool one_of_them) {
  std::erase_if(values, [](double v) { return std::isnan(v); });
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::ranges::sort(values);
  const size_t half = values.size() / 2;
  if (values.size() % 2 == 1 || one_of_them) return values[(values.size() - 1) / 2];
  return (values[half - 1] + values[half]) / 2;
}

// The most frequent; of several the smallest.
double Mode(const std::vector<double>& values) {
  std::map<double, size_t> counts;
  for (const double v : values) {
    if (!std::isnan(v)) ++counts[v];
  }
  if (counts.empty()) return std::numeric_limits<double>::quiet_NaN();
  return std::ranges::max_element(counts, {}, [](const auto& c) { return c.second; })->first;
}

Points Standardised(std::span<const double> rows, size_t width, const std::vector<size_t>& some,
                    const std::vector<bool>& category) {
  Points out{.count = some.size(), .width = width, .values = {}, .category = category};
  out.values.resize(some.size() * width);
  for (size_t f = 0; f < width; ++f) {
    double sum = 0, squares = 0, n = 0;
    for (const size_t r : some) {
      const double v = rows[r * width + f];
      if (std::isnan(v)) continue;
      sum += v;
      squares += v * v;
      ++n;
    }
    const double mean = n > 0 ? sum / n : 0;
    const double deviation = n > 0 ? std::sqrt(std::max(0.0, squares / n - mean * mean)) : 0;
    for (size_t i = 0; i < some.size(); ++i) {
      const double v = rows[some[i] * width + f];
      out.values[i * width + f] = category[f]     ? v
                                  : deviation > 0 ? (v - mean) / deviation
                                                  : v - mean;
    }
  }
  return out;
}

struct Clustering {
  std::vector<size_t> of;  // a point each
  double cost = std::numeric_limits<double>::infinity();
};

Clustering ClusterOnce(const Points& points, size_t k, std::mt19937_64& random) {
  const size_t width = points.width;
  std::vector<double> centres;
  std::vector<double> nearest(points.count, std::numeric_limits<double>::infinity());
  size_t next = random() % points.count;
  for (size_t c = 0; c < k; ++c) {
    centres.insert(centres.end(), points.Row(next), points.Row(next) + width);
    double total = 0;
    for (size_t i = 0; i < points.count; ++i) {
      nearest[i] = std::min(nearest[i], points.Distance(points.Row(i), &centres[c * width]));
      total += nearest[i];
    }
    double at = static_cast<double>(random() >> 11) * 0x1p-53 * total;
    next = 0;
    for (size_t i = 0; i < points.count && at >= 0; ++i) {
      at -= nearest[i];
      next = i;
    }
  }
  Clustering out{.of = std::vector<size_t>(points.count, SIZE_MAX)};
  for (size_t round = 0; round < kIterations; ++round) {
    bool moved = false;
    out.cost = 0;
    for (size_t i = 0; i < points.count; ++i) {
      size_t best = 0;
      double distance = std::numeric_limits<double>::infinity();
      for (size_t c = 0; c < k; ++c) {
        const double d = points.Distance(points.Row(i), &centres[c * width]);
        if (d < distance) {
          distance = d;
          best = c;
        }
      }
      moved = moved || out.of[i] != best;
      out.of[i] = best;
      out.cost += distance;
    }
    if (!moved) break;
    std::vector<double> column;
    for (size_t c = 0; c < k; ++c) {
      for (size_t f = 0; f < width; ++f) {
        column.clear();
        double sum = 0;
        for (size_t i = 0; i < points.count; ++i) {
          const double v = points.values[i * width + f];
          if (out.of[i] != c || std::isnan(v)) continue;
          column.push_back(v);
          sum += v;
        }
        if (column.empty()) continue;
        centres[c * width + f] =
            points.category[f] ? Mode(column) : sum / static_cast<double>(column.size());
      }
    }
  }
  return out;
}

Clustering ClusterBest(const Points& points, size_t k, size_t starts, uint64_t seed) {
  std::mt19937_64 random(seed);
  Clustering best;
  for (size_t s = 0; s < starts; ++s) {
    Clustering one = ClusterOnce(points, k, random);
    if (one.cost < best.cost) best = std::move(one);
  }
  return best;
}

// How much nearer points are to their own cluster than to the next one (Rousseeuw 1987).
double Silhouette(const Points& points, const Clustering& clustering, size_t k) {
  double total = 0;
  std::vector<double> sum(k), size(k);
  for (const size_t c : clustering.of) ++size[c];
  for (size_t i = 0; i < points.count; ++i) {
    std::ranges::fill(sum, 0.0);
    for (size_t j = 0; j < points.count; ++j) {
      sum[clustering.of[j]] += std::sqrt(points.Distance(points.Row(i), points.Row(j)));
    }
    const size_t own = clustering.of[i];
    if (size[own] < 2) continue;
    const double a = sum[own] / (size[own] - 1);
    double b = std::numeric_limits<double>::infinity();
    for (size_t c = 0; c < k; ++c) {
      if (c != own && size[c] > 0) b = std::min(b, sum[c] / size[c]);
    }
    if (std::isfinite(b) && std::max(a, b) > 0) total += (b - a) / std::max(a, b);
  }
  return total / static_cast<double>(points.count);
}

}  // namespace

bool IsCategory(const FeatureSpace& space, std::span<const double> rows, size_t feature) {
  const Column::Type type = space.type(feature);
  if (type == Column::Type::kText || type == Column::Type::kBoolean) return true;
  if (type != Column::Type::kInteger) return false;
  std::set<double> seen;
  for (size_t i = feature; i < rows.size() && seen.size() <= kFewValues; i += space.size()) {
    seen.insert(rows[i]);
  }
  return seen.size() <= kFewValues;
}

std::vector<double> ClusterBaseline(const FeatureSpace& space, std::span<const double> rows,
                                    const ClusterOptions& options) {
  const size_t width = space.size();
  const size_t count = rows.size() / width;
  std::vector<bool> category(width);
  for (size_t f = 0; f < width; ++f) category[f] = IsCategory(space, rows, f);
  size_t k = std::min(options.clusters, count);
  if (options.clusters == 0) {
    k = 1;
    const Points probe =
        Standardised(rows, width, SomeRows(count, kProbeRows, options.seed), category);
    double best = kApart;
    for (size_t c = 2; c <= std::min(kMostClusters, probe.count / 2); ++c) {
      const double s = Silhouette(probe, ClusterBest(probe, c, kProbeStarts, options.seed), c);
      if (s <= best) continue;
      best = s;
      k = c;
    }
  }
  // One cluster is of all rows.
  const std::vector<size_t> some =
      SomeRows(count, k == 1 ? count : std::max(kClusterRows, k), options.seed);
  Clustering clustering{.of = std::vector<size_t>(some.size(), 0), .cost = 0};
  if (k > 1) {
    const Points points = Standardised(rows, width, some, category);
    clustering = ClusterBest(points, k, kStarts, options.seed);
  }
  std::vector<double> out;
  std::vector<double> column;
  for (size_t c = 0; c < k; ++c) {
    if (std::ranges::find(clustering.of, c) == clustering.of.end()) continue;
    for (size_t f = 0; f < width; ++f) {
      column.clear();
      for (size_t i = 0; i < some.size(); ++i) {
        if (clustering.of[i] == c) column.push_back(rows[some[i] * width + f]);
      }
      out.push_back(category[f] ? Mode(column)
                                : Median(column, space.type(f) == Column::Type::kInteger));
    }
  }
  return out;
}

}  // namespace clary::clarify
