#include "clarify/kernel_shap.h"

#include <fmt/format.h>

#include <Eigen/Dense>
#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <optional>
#include <random>

namespace clary::clarify {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr size_t kDefaultSamples = 2048;  // and two for each player
constexpr size_t kMaxExactPlayers = 24;   // whatever exact_up_to says
constexpr size_t kBatchRows = 16384;

using Coalition = std::vector<bool>;  // a player each

bool Same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

// Answers v(S) for one explained row.
class Game {
 public:
  Game(const Model& model, std::span<const double> row, std::span<const double> baseline,
       bool logit)
      : model_(model), row_(row), baseline_(baseline), logit_(logit) {
    const size_t features = row.size();
    for (size_t f = 0; f < features; ++f) {
      for (size_t b = 0; b < baseline.size(); b += features) {
        if (Same(row[f], baseline[b + f])) continue;
        players_.push_back(f);
        break;
      }
    }
  }
  const std::vector<size_t>& players() const { return players_; }

  // v of each coalition, `outputs` columns.
  Result<MatrixXd> Values(const std::vector<Coalition>& coalitions) const {
    const size_t width = row_.size(), copies = baseline_.size() / width;
    const size_t batch = std::max<size_t>(1, kBatchRows / copies);
    MatrixXd out;
    std::vector<double> rows;
    for (size_t begin = 0; begin < coalitions.size(); begin += batch) {
      const size_t end = std::min(coalitions.size(), begin + batch);
      rows.clear();
      for (size_t c = begin; c < end; ++c) {
        for (size_t b = 0; b < copies; ++b) {
          rows.insert(rows.end(), baseline_.begin() + static_cast<ptrdiff_t>(b * width),
                      baseline_.begin() + static_cast<ptrdiff_t>((b + 1) * width));
          double* copy = &rows[rows.size() - width];
          for (size_t p = 0; p < players_.size(); ++p) {
            if (coalitions[c][p]) copy[players_[p]] = row_[players_[p]];
          }
        }
      }
      CLARY_TRY(const std::vector<double> scores, model_(rows));
      const size_t asked = (end - begin) * copies;
      if (scores.empty() || scores.size() % asked != 0) {
        return Fail(Code::kInvalidArgument, "ClientError",
                    fmt::format("the model answered {} scores for {} rows", scores.size(), asked));
      }
      const size_t outputs = scores.size() / asked;
      if (begin == 0) {
        out.resize(static_cast<Index>(coalitions.size()), static_cast<Index>(outputs));
      } else if (outputs != static_cast<size_t>(out.cols())) {
        return Fail(
            Code::kInvalidArgument, "ClientError",
            fmt::format("the model answered {} scores a row, then {}", out.cols(), outputs));
      }
      for (size_t c = begin; c < end; ++c) {
        for (size_t k = 0; k < outputs; ++k) {
          double sum = 0;
          for (size_t b = 0; b < copies; ++b) {
            sum += scores[((c - begin) * copies + b) * outputs + k];
          }
          const double mean = sum / static_cast<double>(copies);
          out(static_cast<Index>(c), static_cast<Index>(k)) =
              logit_ ? std::log(mean / (1 - mean)) : mean;
        }
      }
    }
    return out;
  }

 private:
  const Model& model_;
  std::span<const double> row_, baseline_;
  bool logit_;
  std::vector<size_t> players_;
};

// Shapley's formula over all coalitions: phi_i = sum over S without i of
// |S|! (M - |S| - 1)! / M! (v(S and i) - v(S)).
Result<MatrixXd> AllCoalitions(const Game& game) {
  const size_t m = game.players().size();
  const size_t count = size_t{1} << m;
  std::vector<Coalition> coalitions(count, Coalition(m));
  for (size_t s = 0; s < count; ++s) {
    for (size_t p = 0; p < m; ++p) coalitions[s][p] = (s >> p & 1) != 0;
  }
  CLARY_TRY(const MatrixXd v, game.Values(coalitions));
  std::vector<double> weight(m);  // of a coalition of that size, without the player
  double binomial = 1;            // of m - 1 over size
  for (size_t size = 0; size < m; ++size) {
    weight[size] = 1 / (static_cast<double>(m) * binomial);
    binomial *= static_cast<double>(m - 1 - size) / static_cast<double>(size + 1);
  }
  MatrixXd phi = MatrixXd::Zero(static_cast<Index>(m), v.cols());
  for (size_t s = 0; s < count; ++s) {
    for (size_t p = 0; p < m; ++p) {
      if ((s >> p & 1) != 0) continue;
      phi.row(static_cast<Index>(p)) +=
          weight[static_cast<size_t>(std::popcount(s))] *
          (v.row(static_cast<Index>(s | size_t{1} << p)) - v.row(static_cast<Index>(s)));
    }
  }
  return phi;
}

struct Weighted {
  std::vector<Coalition> coalitions;
  std::vector<double> weights;  // sum to 1
};

Coalition Complement(Coalition c) {
  c.flip();
  return c;
}

// Coalitions by the kernel's weights: whole sizes from both ends while the budget holds, the rest
// drawn, each with its complement.
Weighted Draw(size_t m, size_t budget, std::mt19937_64& random) {
  const size_t sizes = m / 2;  // a size and its complement's are one
  std::vector<double> mass(sizes + 1, 0);
  double total = 0;
  for (size_t s = 1; s <= sizes; ++s) {
    mass[s] = static_cast<double>(m - 1) / (static_cast<double>(s) * static_cast<double>(m - s));
    if (2 * s != m) mass[s] *= 2;
    total += mass[s];
  }
  for (double& w : mass) w /= total;

  Weighted out;
  double left = static_cast<double>(budget), unused = 1;
  size_t next = 1;
  for (; next <= sizes; ++next) {
    double count = 1;  // coalitions of this size, and of its complement's
    for (size_t i = 0; i < next; ++i) {
      count *= static_cast<double>(m - i) / static_cast<double>(i + 1);
    }
    count = std::round(count) * (2 * next != m ? 2 : 1);
    if (left * mass[next] / unused < count - 1e-8) break;
    std::vector<bool> chosen(m, false);
    std::fill(chosen.end() - static_cast<ptrdiff_t>(next), chosen.end(), true);
    do {
      out.coalitions.push_back(chosen);
      out.weights.push_back(mass[next] / count);
      if (2 * next != m) {
        out.coalitions.push_back(Complement(chosen));
        out.weights.push_back(mass[next] / count);
      }
    } while (std::next_permutation(chosen.begin(), chosen.end()));
    left -= count;
    unused -= mass[next];
  }
  if (next > sizes || left < 1) return out;

  std::discrete_distribution<size_t> size_of(mass.begin() + static_cast<ptrdiff_t>(next),
                                             mass.end());
  std::map<Coalition, double> drawn;
  double draws = 0;
  std::vector<size_t> order(m);
  // Repeats add weight and cost nothing, so there are more draws than places; but not without end.
  for (size_t i = 0; i < 4 * budget && static_cast<double>(drawn.size()) < left; ++i) {
    const size_t size = next + size_of(random);
    for (size_t p = 0; p < m; ++p) order[p] = p;
    Coalition c(m);
    for (size_t p = 0; p < size; ++p) {
      const size_t other = p + static_cast<size_t>(random() % (m - p));
      std::swap(order[p], order[other]);
      c[order[p]] = true;
    }
    drawn[c] += 1;
    ++draws;
    if (2 * size == m || static_cast<double>(drawn.size()) >= left) continue;
    drawn[Complement(std::move(c))] += 1;
    ++draws;
  }
  for (const auto& [c, n] : drawn) {
    out.coalitions.push_back(c);
    out.weights.push_back(unused * n / draws);
  }
  return out;
}

// Least squares with the values' sum held: the last player is what is left of it. With fewer
// coalitions than players the smallest solution.
Result<MatrixXd> Sampled(const Game& game, size_t budget, uint64_t seed, size_t* asked) {
  const size_t m = game.players().size();
  std::mt19937_64 random(seed);
  Weighted drawn = Draw(m, budget, random);
  drawn.coalitions.emplace_back(m, false);
  drawn.coalitions.emplace_back(m, true);
  *asked = drawn.coalitions.size();
  CLARY_TRY(const MatrixXd v, game.Values(drawn.coalitions));
  const auto n = static_cast<Index>(drawn.weights.size()), last = static_cast<Index>(m) - 1;
  const Eigen::RowVectorXd none = v.row(n), all = v.row(n + 1) - none;
  MatrixXd a(n, last), y(n, v.cols());
  for (Index i = 0; i < n; ++i) {
    const Coalition& c = drawn.coalitions[static_cast<size_t>(i)];
    const double root = std::sqrt(drawn.weights[static_cast<size_t>(i)]);
    const double z = c.back() ? 1 : 0;
    for (Index p = 0; p < last; ++p) a(i, p) = root * ((c[static_cast<size_t>(p)] ? 1 : 0) - z);
    y.row(i) = root * (v.row(i) - none - z * all);
  }
  MatrixXd phi(static_cast<Index>(m), v.cols());
  phi.topRows(last) = a.completeOrthogonalDecomposition().solve(y);
  phi.row(last) = all - phi.topRows(last).colwise().sum();
  return phi;
}

uint64_t RowSeed(uint64_t seed, size_t row) {
  std::seed_seq words{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32),
                      static_cast<uint32_t>(row)};
  uint32_t out[2];
  words.generate(std::begin(out), std::end(out));
  return uint64_t{out[0]} << 32 | out[1];
}

}  // namespace

Result<Explanations> KernelShap(const Model& model, std::span<const double> rows,
                                std::span<const double> baseline, size_t features,
                                const KernelShapOptions& options) {
  if (features == 0 || baseline.empty() || baseline.size() % features != 0 ||
      rows.size() % features != 0) {
    return Fail(Code::kInvalidArgument, "ClientError",
                fmt::format("{} and {} values are no rows of {} features", rows.size(),
                            baseline.size(), features));
  }
  Explanations out;
  {
    const Game nobody(model, baseline.first(features), baseline, options.logit);
    CLARY_TRY(const MatrixXd v, nobody.Values({Coalition(nobody.players().size(), false)}));
    out.outputs = static_cast<size_t>(v.cols());
    out.expected_value.assign(v.data(), v.data() + v.size());
  }
  for (size_t i = 0; i * features < rows.size(); ++i) {
    const Game game(model, rows.subspan(i * features, features), baseline, options.logit);
    const size_t m = game.players().size();
    Explanation& row = out.rows.emplace_back();
    row.values.assign(features * out.outputs, 0);
    if (m == 0) continue;
    const size_t budget = options.samples > 0 ? options.samples : 2 * m + kDefaultSamples;
    row.exact =
        m <= kMaxExactPlayers &&
        (size_t{1} << m) <= std::max(options.exact_up_to, std::min(budget, SIZE_MAX - 2) + 2);
    MatrixXd phi;
    if (row.exact) {
      row.coalitions = size_t{1} << m;
      CLARY_TRY(phi, AllCoalitions(game));
    } else {
      CLARY_TRY(phi, Sampled(game, budget, RowSeed(options.seed, i), &row.coalitions));
    }
    if (static_cast<size_t>(phi.cols()) != out.outputs) {
      return Fail(
          Code::kInvalidArgument, "ClientError",
          fmt::format("the model answered {} scores a row, then {}", out.outputs, phi.cols()));
    }
    for (size_t p = 0; p < m; ++p) {
      for (size_t k = 0; k < out.outputs; ++k) {
        row.values[game.players()[p] * out.outputs + k] =
            phi(static_cast<Index>(p), static_cast<Index>(k));
      }
    }
  }
  return out;
}

std::vector<double> Aggregate(const Explanations& explanations, Aggregation how) {
  if (explanations.rows.empty()) return {};
  std::vector<double> out(explanations.rows[0].values.size());
  std::vector<double> column;
  for (size_t j = 0; j < out.size(); ++j) {
    column.clear();
    for (const Explanation& row : explanations.rows) column.push_back(row.values[j]);
    const auto n = static_cast<double>(column.size());
    double sum = 0;
    switch (how) {
      case Aggregation::kMeanAbs:
        for (const double v : column) sum += std::abs(v);
        out[j] = sum / n;
        break;
      case Aggregation::kMeanSquare:
        for (const double v : column) sum += v * v;
        out[j] = sum / n;
        break;
      case Aggregation::kMedian: {
        std::ranges::sort(column);
        const size_t half = column.size() / 2;
        out[j] = column.size() % 2 == 1 ? column[half] : (column[half - 1] + column[half]) / 2;
        break;
      }
    }
  }
  return out;
}

}  // namespace clary::clarify
