#include "clarify/pdp.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include "clarify/baseline.h"

namespace clary::clarify {
namespace {

constexpr size_t kMaxQuestions = 10'000'000;
constexpr size_t kCurves = 50;
constexpr size_t kMaxCategories = 200;  // more is text that nobody chose from a list

// What to set the feature to, and what share of rows has it.
void FindGrid(const FeatureSpace& space, std::span<const double> rows, size_t f, size_t grid,
              PartialDependence& out, std::vector<double>& values) {
  const size_t width = space.size();
  const auto count = static_cast<double>(rows.size() / width);
  if (out.categorical) {
    std::map<std::string, std::pair<double, double>> seen;  // value, rows
    for (size_t i = f; i < rows.size(); i += width) {
      auto& one = seen[space.Text(f, rows[i])];
      one.first = rows[i];
      ++one.second;
      if (seen.size() > kMaxCategories) {
        out.error = "the feature has more than 200 different texts: it is no category";
        return;
      }
    }
    for (const auto& [text, one] : seen) {
      out.categories.push_back(text);
      out.distribution.push_back(one.second / count);
      values.push_back(one.first);
    }
    return;
  }
  double low = INFINITY, high = -INFINITY;
  for (size_t i = f; i < rows.size(); i += width) {
    if (!std::isfinite(rows[i])) continue;
    low = std::min(low, rows[i]);
    high = std::max(high, rows[i]);
  }
  if (low > high) {
    out.error = "the feature has no values";
    return;
  }
  const double step = (high - low) / static_cast<double>(grid);
  out.distribution.assign(grid, 0);
  for (size_t g = 0; g < grid; ++g) {
    out.grid.push_back(low + (static_cast<double>(g) + 0.5) * step);
  }
  for (size_t i = f; i < rows.size(); i += width) {
    if (!std::isfinite(rows[i])) continue;
    const double at = step > 0 ? std::floor((rows[i] - low) / step) : 0;
    ++out.distribution[static_cast<size_t>(std::clamp(at, 0.0, static_cast<double>(grid - 1)))];
  }
  for (double& share : out.distribution) share /= count;
  values = out.grid;
}

}  // namespace

Result<std::vector<PartialDependence>> DependenceOf(ModelAccess& model, const FeatureSpace& space,
                                                    std::span<const double> rows,
                                                    std::span<const size_t> features, size_t grid,
                                                    uint64_t seed) {
  const size_t width = space.size();
  std::vector<PartialDependence> out;
  std::mt19937_64 random(seed);
  for (const size_t f : features) {
    PartialDependence& one = out.emplace_back(PartialDependence{.feature = f});
    one.categorical = IsCategory(space, rows, f);
    std::vector<double> values;
    FindGrid(space, rows, f, grid, one, values);
    if (!one.error.empty()) continue;
    std::vector<double> some(rows.begin(), rows.end());
    if (rows.size() / width * values.size() > kMaxQuestions) {
      const size_t keep = std::max<size_t>(1, kMaxQuestions / values.size());
      const size_t count = rows.size() / width;
      std::vector<size_t> order(count);
      for (size_t r = 0; r < count; ++r) order[r] = r;
      some.clear();
      for (size_t r = 0; r < keep; ++r) {
        std::swap(order[r], order[r + random() % (count - r)]);
        some.insert(some.end(), rows.begin() + static_cast<std::ptrdiff_t>(order[r] * width),
                    rows.begin() + static_cast<std::ptrdiff_t>((order[r] + 1) * width));
      }
    }
    const size_t asked = some.size() / width;
    one.curves.resize(std::min(asked, kCurves));
    for (const double value : values) {
      for (size_t i = f; i < some.size(); i += width) some[i] = value;
      CLARY_TRY(const auto scores, model.Scores(some));
      const size_t outputs = scores.size() / asked;
      one.predictions.resize(outputs);
      for (size_t k = 0; k < outputs; ++k) {
        double sum = 0;
        for (size_t r = 0; r < asked; ++r) sum += scores[r * outputs + k];
        one.predictions[k].push_back(sum / static_cast<double>(asked));
      }
      for (size_t c = 0; c < one.curves.size(); ++c) {
        one.curves[c].push_back(scores[c * asked / one.curves.size() * outputs]);
      }
    }
  }
  return out;
}

}  // namespace clary::clarify
