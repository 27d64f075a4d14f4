#include "clarify/kernel_shap.h"

#include <fmt/format.h>

#include <Eigen/Dense>
#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <random>

namespace clary::clarify {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr size_t kDefaultSamples = 2048;  // and two for each player
constexpr size_t kBatchRows = 32768;

using Coalition = std::vector<bool>;  // a player each

bool Same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

// One explained row: who plays, and the rows that a coalition stands for.
class Game {
 public:
  static constexpr size_t kWhole = SIZE_MAX;
  struct Player {
    size_t feature = 0;
    size_t part = kWhole;
  };

  Game(std::span<const double> row, std::span<const double> baseline,
       const KernelShapOptions& options)
      : row_(row), baseline_(baseline), may_play_(options.may_play), parts_(options.parts) {
    for (const size_t f : Players(row, baseline, options.may_play)) {
      const size_t count = parts_ != nullptr ? parts_->Count(f, row[f]) : 0;
      if (count == 0) players_.push_back({.feature = f});
      for (size_t i = 0; i < count; ++i) players_.push_back({.feature = f, .part = i});
    }
  }
  const std::vector<Player>& players() const { return players_; }

  // Appends a row for each row of the baseline.
  void Append(const Coalition& coalition, std::vector<double>& rows) const {
    const size_t width = row_.size();
    for (size_t b = 0; b < baseline_.size(); b += width) {
      rows.insert(rows.end(), baseline_.begin() + static_cast<ptrdiff_t>(b),
                  baseline_.begin() + static_cast<ptrdiff_t>(b + width));
      double* copy = &rows[rows.size() - width];
      for (size_t f = 0; f < may_play_.size(); ++f) {
        if (!may_play_[f]) copy[f] = row_[f];
      }
      for (size_t p = 0; p < players_.size(); ++p) {
        const size_t f = players_[p].feature;
        if (players_[p].part == 0) {
          copy[f] = parts_->Compose(f, row_[f], baseline_[b + f], coalition, p);
        } else if (players_[p].part == kWhole && coalition[p]) {
          copy[f] = row_[f];
        }
      }
    }
  }

 private:
  std::span<const double> row_, baseline_;
  const std::vector<bool>& may_play_;  // empty: every feature
  PartPlay* const parts_;
  std::vector<Player> players_;
};

// Scores of `rows`, at most kBatchRows at a time.
Result<std::vector<double>> AskAll(const Model& model, const std::vector<double>& rows,
                                   size_t width, size_t* outputs) {
  std::vector<double> all;
  for (size_t begin = 0; begin < rows.size(); begin += kBatchRows * width) {
    const size_t size = std::min(kBatchRows * width, rows.size() - begin);
    CLARY_TRY(const std::vector<double> scores, model(std::span(rows).subspan(begin, size)));
    const size_t asked = size / width;
    if (scores.empty() || scores.size() % asked != 0) {
      return Fail(Code::kInvalidArgument, "ClientError",
                  fmt::format("the model answered {} scores for {} rows", scores.size(), asked));
    }
    if (*outputs == 0) *outputs = scores.size() / asked;
    if (scores.size() / asked != *outputs) {
      return Fail(Code::kInvalidArgument, "ClientError",
                  fmt::format("the model answered {} scores a row, then {}", *outputs,
                              scores.size() / asked));
    }
    all.insert(all.end(), scores.begin(), scores.end());
  }
  return all;
}

std::vector<Coalition> EveryCoalition(size_t m) {
  std::vector<Coalition> coalitions(size_t{1} << m, Coalition(m));
  for (size_t s = 0; s < coalitions.size(); ++s) {
    for (size_t p = 0; p < m; ++p) coalitions[s][p] = (s >> p & 1) != 0;
  }
  return coalitions;
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
// coalitions than players the smallest solution. `v`: of the drawn coalitions, then of none and of
// all.
MatrixXd LeastSquares(const Weighted& drawn, size_t m, const MatrixXd& v) {
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

// What is asked about one row, and what becomes of the answers.
struct Question {
  Game game;
  bool exact = true;
  Weighted drawn;  // exact: every coalition, without weights
};

Question Ask(std::span<const double> row, std::span<const double> baseline, uint64_t seed,
             const KernelShapOptions& options) {
  Question q{.game = Game(row, baseline, options), .exact = true, .drawn = {}};
  const size_t m = q.game.players().size();
  const size_t budget = options.samples > 0 ? options.samples : 2 * m + kDefaultSamples;
  q.exact = m <= kMaxExactPlayers &&
            (size_t{1} << m) <= std::max(options.exact_up_to, std::min(budget, SIZE_MAX - 2) + 2);
  if (q.exact) {
    q.drawn.coalitions = EveryCoalition(m);
    return q;
  }
  std::mt19937_64 random(seed);
  q.drawn = Draw(m, budget, random);
  q.drawn.coalitions.emplace_back(m, false);
  q.drawn.coalitions.emplace_back(m, true);
  return q;
}

// v of each coalition from the scores of its rows: the link of their mean.
MatrixXd ValuesOf(std::span<const double> scores, size_t coalitions, size_t copies, size_t outputs,
                  bool logit) {
  MatrixXd v(static_cast<Index>(coalitions), static_cast<Index>(outputs));
  for (size_t c = 0; c < coalitions; ++c) {
    for (size_t k = 0; k < outputs; ++k) {
      double sum = 0;
      for (size_t b = 0; b < copies; ++b) sum += scores[(c * copies + b) * outputs + k];
      const double mean = sum / static_cast<double>(copies);
      v(static_cast<Index>(c), static_cast<Index>(k)) = logit ? std::log(mean / (1 - mean)) : mean;
    }
  }
  return v;
}

}  // namespace

std::vector<size_t> Players(std::span<const double> row, std::span<const double> baseline,
                            const std::vector<bool>& may_play) {
  std::vector<size_t> players;
  const size_t features = row.size();
  for (size_t f = 0; f < features; ++f) {
    if (!may_play.empty() && !may_play[f]) continue;
    for (size_t b = 0; b < baseline.size(); b += features) {
      if (Same(row[f], baseline[b + f])) continue;
      players.push_back(f);
      break;
    }
  }
  return players;
}

void ShapleyOfCoalitions(std::span<const double> v, size_t players, size_t outputs,
                         std::span<double> values) {
  std::ranges::fill(values, 0.0);
  double weight[kMaxExactPlayers];  // of a coalition of that size, without the player
  double binomial = 1;              // of players - 1 over size
  for (size_t size = 0; size < players; ++size) {
    weight[size] = 1 / (static_cast<double>(players) * binomial);
    binomial *= static_cast<double>(players - 1 - size) / static_cast<double>(size + 1);
  }
  // Differences, so that who changes nothing gets 0 to the last bit.
  const size_t count = size_t{1} << players;
  for (size_t s = 0; s < count; ++s) {
    const auto size = static_cast<size_t>(std::popcount(s));
    if (size == players) break;
    for (size_t p = 0; p < players; ++p) {
      const size_t with = s | size_t{1} << p;
      if (with == s) continue;
      for (size_t k = 0; k < outputs; ++k) {
        values[p * outputs + k] += weight[size] * (v[with * outputs + k] - v[s * outputs + k]);
      }
    }
  }
}

Result<Explanations> KernelShap(const Model& model, std::span<const double> rows,
                                std::span<const double> baseline, size_t features,
                                const KernelShapOptions& options) {
  if (features == 0 || baseline.empty() || baseline.size() % features != 0 ||
      rows.size() % features != 0) {
    return Fail(Code::kInvalidArgument, "ClientError",
                fmt::format("{} and {} values are no rows of {} features", rows.size(),
                            baseline.size(), features));
  }
  const size_t copies = baseline.size() / features;
  Explanations out;
  {
    const std::vector<double> own(baseline.begin(), baseline.end());
    CLARY_TRY(const auto scores, AskAll(model, own, features, &out.outputs));
    const MatrixXd v = ValuesOf(scores, 1, copies, out.outputs, options.logit);
    out.expected_value.assign(v.data(), v.data() + v.size());
  }
  const size_t count = rows.size() / features;
  std::vector<double> asked;
  for (size_t begin = 0; begin < count;) {
    // As many rows together as fill a batch.
    std::vector<Question> questions;
    asked.clear();
    while (begin + questions.size() < count && asked.size() < kBatchRows * features) {
      const size_t i = begin + questions.size();
      questions.push_back(
          Ask(rows.subspan(i * features, features), baseline, RowSeed(options.seed, i), options));
      const Question& q = questions.back();
      if (q.game.players().empty()) continue;
      for (const Coalition& c : q.drawn.coalitions) q.game.Append(c, asked);
    }
    CLARY_TRY(const auto scores, AskAll(model, asked, features, &out.outputs));
    if (options.parts != nullptr) options.parts->Forget();
    size_t at = 0;
    for (const Question& q : questions) {
      Explanation& row = out.rows.emplace_back();
      row.values.assign(features * out.outputs, 0);
      const auto& players = q.game.players();
      const size_t m = players.size();
      if (m == 0) continue;
      row.exact = q.exact;
      row.coalitions = q.drawn.coalitions.size();
      const MatrixXd v = ValuesOf(std::span(scores).subspan(at), row.coalitions, copies,
                                  out.outputs, options.logit);
      at += row.coalitions * copies * out.outputs;
      MatrixXd phi(static_cast<Index>(m), static_cast<Index>(out.outputs));
      if (q.exact) {
        const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> flat = v;
        std::vector<double> values(m * out.outputs);
        ShapleyOfCoalitions({flat.data(), static_cast<size_t>(flat.size())}, m, out.outputs,
                            values);
        for (size_t p = 0; p < m; ++p) {
          for (size_t k = 0; k < out.outputs; ++k) {
            phi(static_cast<Index>(p), static_cast<Index>(k)) = values[p * out.outputs + k];
          }
        }
      } else {
        phi = LeastSquares(q.drawn, m, v);
      }
      for (size_t p = 0; p < m; ++p) {
        const size_t f = players[p].feature;
        if (players[p].part == 0) row.parts.push_back({.feature = f, .values = {}});
        for (size_t k = 0; k < out.outputs; ++k) {
          const double value = phi(static_cast<Index>(p), static_cast<Index>(k));
          row.values[f * out.outputs + k] += value;
          if (players[p].part != Game::kWhole) row.parts.back().values.push_back(value);
        }
      }
    }
    begin += questions.size();
    if (options.on_progress) options.on_progress(begin, count);
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
