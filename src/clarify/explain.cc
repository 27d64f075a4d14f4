#include "clarify/explain.h"

#include <algorithm>
#include <cmath>

#include "base/thread_pool.h"
#include "gbdt/coalitions.h"

namespace clary::clarify {
namespace {

constexpr size_t kMostWaysBytes = size_t{64} << 20;
constexpr size_t kMaxTreePlayers = 16;
constexpr size_t kFewSamples = 2048;  // of our models, and two for each player

double Logistic(double margin) { return 1 / (1 + std::exp(-margin)); }
double LogOdds(double p) { return std::log(p / (1 - p)); }

// What a model makes of margins.
enum class Link { kNone, kLogistic, kOther };

Link LinkOf(const gbdt::Model& model) {
  if (model.objective() == "binary:logistic" || model.objective() == "reg:logistic") {
    return Link::kLogistic;
  }
  const auto outputs = static_cast<size_t>(model.num_output());
  std::vector<float> probe;
  for (const float value : {-3.7F, 0.3F, 12.5F}) {
    for (size_t k = 0; k < outputs; ++k) probe.push_back(value + static_cast<float>(k));
  }
  return model.FromMargins(probe) == probe ? Link::kNone : Link::kOther;
}

class TreeExplainer {
 public:
  TreeExplainer(const gbdt::Model& model, gbdt::Coalitions coalitions, std::span<const double> rows,
                std::span<const double> baseline, size_t features, const ExplainOptions& options)
      : model_(model),
        trees_(std::move(coalitions)),
        options_(options),
        features_(features),
        rows_(rows),
        baseline_(baseline),
        x_(rows.begin(), rows.end()),
        b_(baseline.begin(), baseline.end()),
        copies_(baseline.size() / features),
        link_(LinkOf(model)),
        by_margins_(options.logit ? link_ == Link::kLogistic && copies_ == 1
                                  : link_ == Link::kNone) {
    // Where somebody may not play, the baseline has the row's values.
    if (!by_margins_ || !options.may_play.empty() ||
        copies_ * trees_.BytesOfWays() > kMostWaysBytes) {
      return;
    }
    for (size_t c = 0; c < copies_; ++c) {
      ways_.push_back(trees_.WaysOf(std::span(b_).subspan(c * features_, features_)));
    }
  }

  // Whether the margins are the game.
  bool by_margins() const { return by_margins_; }

  // The expected value, and how many scores a row has.
  std::vector<double> Expected() {
    gbdt::Coalitions::Scratch scratch;
    std::vector<double> v;
    const auto row = std::span(b_).first(features_);
    Values(row, {}, v, scratch);
    return v;
  }

  // Rows with too many players are left out and listed in `left`.
  void Run(Explanations& out, std::vector<size_t>& left) {
    const size_t count = rows_.size() / features_;
    out.rows.resize(count);
    ThreadPool pool(options_.threads);
    constexpr size_t kBlock = 64;
    std::vector<gbdt::Coalitions::Scratch> scratch(static_cast<size_t>(pool.size()));
    std::vector<std::vector<double>> tables(scratch.size());
    std::vector<uint8_t> too_many(count);
    constexpr size_t kPart = 4096;  // then progress is told
    for (size_t begin = 0; begin < count; begin += kPart) {
      const size_t end = std::min(count, begin + kPart);
      pool.ForEach((end - begin + kBlock - 1) / kBlock, [&](size_t task, int part) {
        const size_t first = begin + task * kBlock;
        const auto own = static_cast<size_t>(part);
        for (size_t r = first; r < std::min(end, first + kBlock); ++r) {
          too_many[r] = Row(r, out.outputs, out.rows[r], tables[own], scratch[own]) ? 0 : 1;
        }
      });
      if (options_.on_progress) options_.on_progress(end, count);
    }
    for (size_t r = 0; r < count; ++r) {
      if (too_many[r] != 0) left.push_back(r);
    }
  }

 private:
  bool Row(size_t r, size_t outputs, Explanation& out, std::vector<double>& table,
           gbdt::Coalitions::Scratch& scratch) const {
    const auto players =
        Players(rows_.subspan(r * features_, features_), baseline_, options_.may_play);
    out.values.assign(features_ * outputs, 0);
    if (players.empty()) return true;
    const std::vector<uint32_t> some(players.begin(), players.end());
    const auto x = std::span(x_).subspan(r * features_, features_);
    std::vector<double> values(players.size() * outputs);
    if (by_margins_) {
      for (size_t c = 0; c < copies_; ++c) {
        if (ways_.empty()) {
          trees_.AddShapley(x, Baseline(c, x), some, values, scratch);
        } else {
          trees_.AddShapley(x, ways_[c], some, values, scratch);
        }
      }
      for (double& v : values) v /= static_cast<double>(copies_);
    } else {
      if (players.size() > kMaxTreePlayers) return false;
      Values(x, some, table, scratch);
      ShapleyOfCoalitions(table, players.size(), outputs, values);
    }
    out.exact = true;
    out.coalitions = players.size() < 63 ? size_t{1} << players.size() : SIZE_MAX;
    for (size_t p = 0; p < players.size(); ++p) {
      for (size_t k = 0; k < outputs; ++k) {
        out.values[players[p] * outputs + k] = values[p * outputs + k];
      }
    }
    return true;
  }

  // Row `c` of the baseline, with x's values where nobody plays.
  std::vector<float> Baseline(size_t c, std::span<const float> x) const {
    std::vector<float> b(b_.begin() + static_cast<std::ptrdiff_t>(c * features_),
                         b_.begin() + static_cast<std::ptrdiff_t>((c + 1) * features_));
    for (size_t f = 0; f < options_.may_play.size(); ++f) {
      if (!options_.may_play[f]) b[f] = x[f];
    }
    return b;
  }

  // v of every set of `players`: [2^players x outputs].
  void Values(std::span<const float> x, std::span<const uint32_t> players,
              std::vector<double>& table, gbdt::Coalitions::Scratch& scratch) const {
    const size_t outputs = trees_.outputs();
    const size_t size = (size_t{1} << players.size()) * outputs;
    std::vector<double> margins(size);
    table.clear();
    for (size_t c = 0; c < copies_; ++c) {
      // Nobody plays: the baseline itself.
      const std::vector<float> b =
          players.empty()
              ? std::vector<float>(b_.begin() + static_cast<std::ptrdiff_t>(c * features_),
                                   b_.begin() + static_cast<std::ptrdiff_t>((c + 1) * features_))
              : Baseline(c, x);
      trees_.Margins(x, b, players, margins, scratch);
      if (by_margins_ || link_ == Link::kNone) {
        AddTo(table, margins);
      } else if (link_ == Link::kLogistic) {
        for (double& m : margins) m = Logistic(m);
        AddTo(table, margins);
      } else {
        const auto scores = model_.FromMargins(std::vector<float>(margins.begin(), margins.end()));
        AddTo(table, {scores.begin(), scores.end()});
      }
    }
    for (double& v : table) {
      v /= static_cast<double>(copies_);
      if (options_.logit && !by_margins_) v = LogOdds(v);
    }
  }

  static void AddTo(std::vector<double>& table, const std::vector<double>& more) {
    table.resize(more.size(), 0);
    for (size_t i = 0; i < more.size(); ++i) table[i] += more[i];
  }

  const gbdt::Model& model_;
  const gbdt::Coalitions trees_;
  const ExplainOptions& options_;
  const size_t features_;
  const std::span<const double> rows_, baseline_;
  const std::vector<float> x_, b_;
  const size_t copies_;
  const Link link_;
  const bool by_margins_;
  std::vector<gbdt::Coalitions::Ways> ways_;  // of each baseline row; empty: not made
};

void Count(ShapValues& out) {
  std::vector<double> counts;
  for (const Explanation& row : out.explanations.rows) {
    counts.push_back(static_cast<double>(row.coalitions));
    if (!row.exact) ++out.sampled_rows;
  }
  if (out.sampled_rows > 0) out.method = ShapMethod::kSampled;
  if (counts.empty()) return;
  std::ranges::sort(counts);
  out.min_coalitions = counts.front();
  out.median_coalitions = counts[counts.size() / 2];
  out.max_coalitions = counts.back();
}

}  // namespace

std::string_view ShapMethodName(ShapMethod method) {
  switch (method) {
    case ShapMethod::kExactCoalitions:
      return "exact_coalitions";
    case ShapMethod::kInterventionalTree:
      return "interventional_tree";
    case ShapMethod::kSampled:
      return "sampled";
  }
  return "";
}

Result<ShapValues> Explain(ModelAccess& model, std::span<const double> rows,
                           std::span<const double> baseline, size_t features,
                           const ExplainOptions& options) {
  const Model ask = [&](std::span<const double> some) { return model.Scores(some); };
  KernelShapOptions kernel{.logit = options.logit,
                           .samples = options.samples,
                           .exact_up_to = 0,
                           .seed = options.seed,
                           .may_play = options.may_play,
                           .parts = options.parts,
                           .on_progress = options.on_progress};
  ShapValues out;
  CLARY_TRY(const gbdt::Model* trees, model.Trees(rows));
  auto coalitions = trees != nullptr ? gbdt::Coalitions::Make(trees->forest())
                                     : Result<gbdt::Coalitions>(Fail(Code::kUnimplemented, "", ""));
  if (!coalitions) {
    CLARY_TRY(out.explanations, KernelShap(ask, rows, baseline, features, kernel));
    Count(out);
    return out;
  }
  TreeExplainer explainer(*trees, *std::move(coalitions), rows, baseline, features, options);
  out.explanations.expected_value = explainer.Expected();
  out.explanations.outputs = out.explanations.expected_value.size();
  std::vector<size_t> left;
  explainer.Run(out.explanations, left);
  if (explainer.by_margins()) out.method = ShapMethod::kInterventionalTree;
  if (!left.empty()) {
    kernel.samples = std::max(options.samples, 2 * features + kFewSamples);
    kernel.on_progress = nullptr;
    for (const size_t r : left) {
      kernel.seed = options.seed + r;  // a stream of its own
      CLARY_TRY(Explanations one,
                KernelShap(ask, rows.subspan(r * features, features), baseline, features, kernel));
      out.explanations.rows[r] = std::move(one.rows[0]);
    }
  }
  Count(out);
  return out;
}

}  // namespace clary::clarify
