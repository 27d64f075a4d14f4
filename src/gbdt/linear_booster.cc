// gblinear: coordinate descent on a linear model with L1 and L2 penalties, a Newton step for each
// weight (Friedman, Hastie and Tibshirani, "Regularization Paths for Generalized Linear Models via
// Coordinate Descent", 2010). The penalties count per row: they are multiplied by the rows' weight.
//
// shotgun takes the steps of different features at the same time upstream, so that its models
// depend on the threads' timing. Here it takes them in the order of one thread. All sums are over
// blocks of a fixed size, so the model does not depend on the number of threads.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "gbdt/gradient_booster.h"

namespace clary::gbdt {
namespace {

constexpr size_t kBlock = 16384;  // entries of a column that are summed in one go

// Present values by feature.
struct Columns {
  struct Column {
    size_t begin = 0;  // in value, and in row unless it is complete
    size_t size = 0;
    bool complete = false;  // no value is missing: entry i is of row i
  };
  std::vector<Column> of;
  std::vector<uint32_t> row;
  std::vector<float> value;
};

Columns ByColumn(const Dataset& data) {
  Columns out;
  out.of.resize(data.columns());
  const auto each = [&](auto&& body) {  // body(row, column, value), rows ascending
    if (data.is_sparse()) {
      const Dataset::Csr csr = data.csr();
      for (size_t r = 0; r < data.rows(); ++r) {
        for (uint64_t k = csr.row_begin[r]; k < csr.row_begin[r + 1]; ++k) {
          if (!std::isnan(csr.value[k])) body(r, csr.column[k], csr.value[k]);
        }
      }
      return;
    }
    const float* x = data.dense().data();
    for (size_t r = 0; r < data.rows(); ++r) {
      for (uint32_t c = 0; c < data.columns(); ++c, ++x) {
        if (!std::isnan(*x)) body(r, c, *x);
      }
    }
  };
  each([&](size_t, uint32_t c, float) { ++out.of[c].size; });
  size_t total = 0;
  bool all_complete = true;
  for (Columns::Column& column : out.of) {
    column.begin = total;
    column.complete = column.size == data.rows();
    all_complete = all_complete && column.complete;
    total += column.size;
    column.size = 0;
  }
  if (!all_complete) out.row.resize(total);
  out.value.resize(total);
  each([&](size_t r, uint32_t c, float x) {
    Columns::Column& column = out.of[c];
    const size_t at = column.begin + column.size++;
    if (!all_complete) out.row[at] = static_cast<uint32_t>(r);
    out.value[at] = x;
  });
  return out;
}

struct Sums {
  double grad = 0;
  double hess = 0;
};

// Sums of g x and h x^2 over entries [0, count), g and h at at(i). In lanes, so that they can be
// added side by side; the order is fixed.
template <typename At>
Sums SumEntries(const float* g, const float* h, const float* x, size_t count, At&& at) {
  constexpr size_t kLanes = 8;
  double grad[kLanes] = {};
  double hess[kLanes] = {};
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (size_t j = 0; j < kLanes; ++j) {
      const size_t r = at(i + j);
      grad[j] += static_cast<double>(g[r] * x[i + j]);
      hess[j] += static_cast<double>(h[r] * x[i + j] * x[i + j]);
    }
  }
  for (; i < count; ++i) {
    const size_t r = at(i);
    grad[0] += static_cast<double>(g[r] * x[i]);
    hess[0] += static_cast<double>(h[r] * x[i] * x[i]);
  }
  Sums sum;
  for (size_t j = 0; j < kLanes; ++j) {
    sum.grad += grad[j];
    sum.hess += hess[j];
  }
  return sum;
}

// The Newton step of a weight w, before the learning rate; it does not cross zero, where the L1
// penalty has its kink.
double Step(const Sums& sum, double w, double alpha, double lambda) {
  if (sum.hess < 1e-5) return 0;
  const double grad = sum.grad + lambda * w;
  const double hess = sum.hess + lambda;
  return w - grad / hess >= 0 ? std::max(-(grad + alpha) / hess, -w)
                              : std::min(-(grad - alpha) / hess, -w);
}

class LinearBooster final : public GradientBooster {
 public:
  explicit LinearBooster(const BoostContext& context)
      : c_(context),
        features_(context.train().columns()),
        columns_(ByColumn(context.train())),
        by_group_(!context.params.updater.empty() &&
                  context.params.updater.front() == "coord_descent") {
    const RowFields& f = c_.train().fields();
    double rows = static_cast<double>(c_.train().rows());
    if (f.weight.size() == c_.train().rows()) {
      rows = 0;
      for (const float w : f.weight) rows += w;
    }
    alpha_ = c_.params.alpha * rows;
    lambda_ = c_.params.lambda * rows;
    c_.forest.linear_weights.resize((size_t{c_.forest.num_feature} + 1) * c_.outputs, 0.0F);
    grad_.resize(c_.outputs);
    hess_.resize(c_.outputs);
    order_.resize(features_);
    std::iota(order_.begin(), order_.end(), 0U);
  }

  void Boost(int, std::span<float> grad, std::span<float> hess) override {
    const std::vector<float> before = c_.forest.linear_weights;
    const size_t rows = c_.train().rows();
    for (size_t k = 0; k < c_.outputs; ++k) {
      grad_[k] = grad.data() + k * rows;
      hess_[k] = hess.data() + k * rows;
    }
    for (size_t k = 0; k < c_.outputs; ++k) StepBias(k);
    StartSelection();
    if (by_group_) {
      for (size_t k = 0; k < c_.outputs; ++k) {
        for (uint32_t i = 0; i < features_; ++i) {
          const auto f = Select(i, k);
          if (!f) break;
          StepFeature(*f, k);
        }
      }
    } else {
      for (uint32_t i = 0; i < features_; ++i) {
        const auto f = Select(i, 0);
        for (size_t k = 0; k < c_.outputs; ++k) StepFeature(*f, k);
      }
    }
    ++c_.forest.linear_rounds;
    for (TrackedSet& set : c_.sets) AddChange(before, set);
  }

  std::vector<float> Snapshot() const override { return c_.forest.linear_weights; }
  void Restore(std::vector<float> snapshot) override {
    c_.forest.linear_weights = std::move(snapshot);
  }

 private:
  float& Weight(uint32_t feature, size_t k) {
    return c_.forest.linear_weights[feature * c_.outputs + k];
  }

  // Calls body(block, begin, end) for blocks of [0, size).
  template <typename Body>
  void ForBlocks(size_t size, Body&& body) {
    c_.pool.ForEach((size + kBlock - 1) / kBlock,
                    [&](size_t b, int) { body(b, b * kBlock, std::min(size, (b + 1) * kBlock)); });
  }
  // The sum of body(begin, end) over blocks of [0, size), in their order.
  template <typename Body>
  Sums SumOver(size_t size, Body&& body) {
    blocks_.assign((size + kBlock - 1) / kBlock, {});
    ForBlocks(size, [&](size_t b, size_t begin, size_t end) { blocks_[b] = body(begin, end); });
    Sums total;
    for (const Sums& s : blocks_) {
      total.grad += s.grad;
      total.hess += s.hess;
    }
    return total;
  }

  void StepBias(size_t k) {
    const size_t rows = c_.train().rows();
    float* const grad = grad_[k];
    const float* const hess = hess_[k];
    const Sums sum = SumOver(rows, [&](size_t begin, size_t end) {
      Sums s;
      for (size_t r = begin; r < end; ++r) {
        s.grad += grad[r];
        s.hess += hess[r];
      }
      return s;
    });
    if (!(sum.hess > 0)) return;
    const auto step = static_cast<float>(c_.params.eta * (-sum.grad / sum.hess));
    c_.forest.linear_weights[size_t{c_.forest.num_feature} * c_.outputs + k] += step;
    ForBlocks(rows, [&](size_t, size_t begin, size_t end) {
      for (size_t r = begin; r < end; ++r) grad[r] += hess[r] * step;
    });
  }

  Sums SumsOf(uint32_t feature, size_t k) {
    const Columns::Column& column = columns_.of[feature];
    const float* const x = columns_.value.data() + column.begin;
    const float* const g = grad_[k];
    const float* const h = hess_[k];
    return SumOver(column.size, [&](size_t begin, size_t end) {
      if (column.complete) {
        return SumEntries(g + begin, h + begin, x + begin, end - begin, [](size_t i) { return i; });
      }
      const uint32_t* const row = columns_.row.data() + column.begin + begin;
      return SumEntries(g, h, x + begin, end - begin, [row](size_t i) { return row[i]; });
    });
  }

  void StepFeature(uint32_t feature, size_t k) {
    float& w = Weight(feature, k);
    const auto step =
        static_cast<float>(c_.params.eta * Step(SumsOf(feature, k), w, alpha_, lambda_));
    if (step == 0) return;
    w += step;
    const Columns::Column& column = columns_.of[feature];
    const float* const x = columns_.value.data() + column.begin;
    float* const g = grad_[k];
    const float* const h = hess_[k];
    ForBlocks(column.size, [&](size_t, size_t begin, size_t end) {
      if (column.complete) {
        for (size_t i = begin; i < end; ++i) g[i] += h[i] * x[i] * step;
        return;
      }
      const uint32_t* const row = columns_.row.data() + column.begin;
      for (size_t i = begin; i < end; ++i) g[row[i]] += h[row[i]] * x[i] * step;
    });
  }

  // How far each feature's weight of output k would move now, without the learning rate.
  std::vector<float> Moves(size_t k) {
    std::vector<float> move(features_);
    for (uint32_t f = 0; f < features_; ++f) {
      move[f] = std::fabs(static_cast<float>(Step(SumsOf(f, k), Weight(f, k), alpha_, lambda_)));
    }
    return move;
  }

  void StartSelection() {
    const std::string& selector = c_.params.feature_selector;
    taken_.assign(c_.outputs, 0);
    if (selector == "shuffle") std::shuffle(order_.begin(), order_.end(), c_.engine);
    if (selector != "thrifty") return;
    ranked_.resize(c_.outputs);
    for (size_t k = 0; k < c_.outputs; ++k) {
      const std::vector<float> move = Moves(k);
      ranked_[k].resize(features_);
      std::iota(ranked_[k].begin(), ranked_[k].end(), 0U);
      std::ranges::stable_sort(ranked_[k],
                               [&](uint32_t a, uint32_t b) { return move[a] > move[b]; });
    }
  }

  // The feature of step i for output k; none when the round has had all it should.
  std::optional<uint32_t> Select(uint32_t i, size_t k) {
    const std::string& selector = c_.params.feature_selector;
    if (selector == "cyclic") return i;
    if (selector == "shuffle") return order_[i];
    if (selector == "random") return static_cast<uint32_t>(c_.engine() % features_);
    // greedy and thrifty: the first top_k, and never the last of all features, as upstream has it.
    const uint32_t n = taken_[k]++;
    const uint32_t most = c_.params.top_k > 0 ? static_cast<uint32_t>(c_.params.top_k) : features_;
    if (n >= most || n + 1 == features_) return std::nullopt;
    if (selector == "thrifty") return ranked_[k][n];
    const std::vector<float> move = Moves(k);
    return static_cast<uint32_t>(std::ranges::max_element(move) - move.begin());
  }

  // Adds what the round changed to the margins of a set.
  void AddChange(const std::vector<float>& before, TrackedSet& set) {
    std::vector<float> change = c_.forest.linear_weights;
    for (size_t i = 0; i < change.size(); ++i) change[i] -= before[i];
    const float* const bias = change.data() + size_t{c_.forest.num_feature} * c_.outputs;
    const Dataset& data = set.data;
    const Dataset::Csr csr = data.csr();
    const auto add_row = [&](size_t r) {
      float* const out = set.margin.data() + r * c_.outputs;
      for (size_t k = 0; k < c_.outputs; ++k) {
        double sum = bias[k];
        const auto add = [&](uint32_t c, float x) {
          if (!std::isnan(x)) sum += double{x} * change[c * c_.outputs + k];
        };
        if (data.is_sparse()) {
          for (uint64_t e = csr.row_begin[r]; e < csr.row_begin[r + 1]; ++e) {
            add(csr.column[e], csr.value[e]);
          }
        } else {
          const float* const x = data.dense().data() + r * data.columns();
          for (uint32_t c = 0; c < data.columns(); ++c) add(c, x[c]);
        }
        out[k] += static_cast<float>(sum);
      }
    };
    ForBlocks(data.rows(), [&](size_t, size_t begin, size_t end) {
      for (size_t r = begin; r < end; ++r) add_row(r);
    });
  }

  const BoostContext c_;
  const uint32_t features_;
  const Columns columns_;
  const bool by_group_;  // coord_descent takes outputs one after the other, shotgun features
  double alpha_ = 0;
  double lambda_ = 0;
  // Of the round: [rows] of each output.
  std::vector<float*> grad_;
  std::vector<const float*> hess_;
  std::vector<Sums> blocks_;
  std::vector<uint32_t> order_;                // shuffle
  std::vector<std::vector<uint32_t>> ranked_;  // thrifty: per output, largest move first
  std::vector<uint32_t> taken_;                // greedy and thrifty: steps of each output
};

}  // namespace

std::unique_ptr<GradientBooster> MakeLinearBooster(const BoostContext& context) {
  return std::make_unique<LinearBooster>(context);
}

}  // namespace clary::gbdt
