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
    size_t begin = 0;  // in row and value
    size_t size = 0;
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
  for (Columns::Column& column : out.of) {
    column.begin = total;
    total += column.size;
    column.size = 0;
  }
  out.row.resize(total);
  out.value.resize(total);
  each([&](size_t r, uint32_t c, float x) {
    Columns::Column& column = out.of[c];
    out.row[column.begin + column.size] = static_cast<uint32_t>(r);
    out.value[column.begin + column.size++] = x;
  });
  return out;
}

struct Sums {
  double grad = 0;
  double hess = 0;
};

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
    order_.resize(features_);
    std::iota(order_.begin(), order_.end(), 0U);
  }

  void Boost(int, std::span<float> grad, std::span<float> hess) override {
    const std::vector<float> before = c_.forest.linear_weights;
    for (size_t k = 0; k < c_.outputs; ++k) StepBias(k, grad, hess);
    StartSelection(grad, hess);
    if (by_group_) {
      for (size_t k = 0; k < c_.outputs; ++k) {
        for (uint32_t i = 0; i < features_; ++i) {
          const auto f = Select(i, k, grad, hess);
          if (!f) break;
          StepFeature(*f, k, grad, hess);
        }
      }
    } else {
      for (uint32_t i = 0; i < features_; ++i) {
        const auto f = Select(i, 0, grad, hess);
        for (size_t k = 0; k < c_.outputs; ++k) StepFeature(*f, k, grad, hess);
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

  // Sums of body(entry) over [0, size), the same for any number of threads.
  template <typename Body>
  Sums SumOver(size_t size, Body&& body) {
    blocks_.assign((size + kBlock - 1) / kBlock, {});
    c_.pool.ForEach(blocks_.size(), [&](size_t b, int) {
      for (size_t i = b * kBlock; i < std::min(size, (b + 1) * kBlock); ++i) body(i, blocks_[b]);
    });
    Sums total;
    for (const Sums& s : blocks_) {
      total.grad += s.grad;
      total.hess += s.hess;
    }
    return total;
  }
  template <typename Body>
  void ForEachOf(size_t size, Body&& body) {
    c_.pool.ForEach((size + kBlock - 1) / kBlock, [&](size_t b, int) {
      for (size_t i = b * kBlock; i < std::min(size, (b + 1) * kBlock); ++i) body(i);
    });
  }

  void StepBias(size_t k, std::span<float> grad, std::span<const float> hess) {
    const size_t rows = c_.train().rows();
    const Sums sum = SumOver(rows, [&](size_t r, Sums& s) {
      s.grad += grad[r * c_.outputs + k];
      s.hess += hess[r * c_.outputs + k];
    });
    if (!(sum.hess > 0)) return;
    const auto step = static_cast<float>(c_.params.eta * (-sum.grad / sum.hess));
    c_.forest.linear_weights[size_t{c_.forest.num_feature} * c_.outputs + k] += step;
    ForEachOf(rows, [&](size_t r) { grad[r * c_.outputs + k] += hess[r * c_.outputs + k] * step; });
  }

  Sums SumsOf(uint32_t feature, size_t k, std::span<const float> grad,
              std::span<const float> hess) {
    const Columns::Column& column = columns_.of[feature];
    const uint32_t* row = columns_.row.data() + column.begin;
    const float* value = columns_.value.data() + column.begin;
    return SumOver(column.size, [&](size_t i, Sums& s) {
      const size_t at = row[i] * c_.outputs + k;
      s.grad += grad[at] * value[i];
      s.hess += hess[at] * value[i] * value[i];
    });
  }

  void StepFeature(uint32_t feature, size_t k, std::span<float> grad, std::span<const float> hess) {
    float& w = Weight(feature, k);
    const auto step = static_cast<float>(c_.params.eta *
                                         Step(SumsOf(feature, k, grad, hess), w, alpha_, lambda_));
    if (step == 0) return;
    w += step;
    const Columns::Column& column = columns_.of[feature];
    const uint32_t* row = columns_.row.data() + column.begin;
    const float* value = columns_.value.data() + column.begin;
    ForEachOf(column.size, [&](size_t i) {
      const size_t at = row[i] * c_.outputs + k;
      grad[at] += hess[at] * value[i] * step;
    });
  }

  // How far each feature's weight of output k would move now, without the learning rate.
  std::vector<float> Moves(size_t k, std::span<const float> grad, std::span<const float> hess) {
    std::vector<float> move(features_);
    for (uint32_t f = 0; f < features_; ++f) {
      move[f] = std::fabs(
          static_cast<float>(Step(SumsOf(f, k, grad, hess), Weight(f, k), alpha_, lambda_)));
    }
    return move;
  }

  void StartSelection(std::span<const float> grad, std::span<const float> hess) {
    const std::string& selector = c_.params.feature_selector;
    taken_.assign(c_.outputs, 0);
    if (selector == "shuffle") std::shuffle(order_.begin(), order_.end(), c_.engine);
    if (selector != "thrifty") return;
    ranked_.resize(c_.outputs);
    for (size_t k = 0; k < c_.outputs; ++k) {
      const std::vector<float> move = Moves(k, grad, hess);
      ranked_[k].resize(features_);
      std::iota(ranked_[k].begin(), ranked_[k].end(), 0U);
      std::ranges::stable_sort(ranked_[k],
                               [&](uint32_t a, uint32_t b) { return move[a] > move[b]; });
    }
  }

  // The feature of step i for output k; none when the round has had all it should.
  std::optional<uint32_t> Select(uint32_t i, size_t k, std::span<const float> grad,
                                 std::span<const float> hess) {
    const std::string& selector = c_.params.feature_selector;
    if (selector == "cyclic") return i;
    if (selector == "shuffle") return order_[i];
    if (selector == "random") return static_cast<uint32_t>(c_.engine() % features_);
    // greedy and thrifty: the first top_k, and never the last of all features, as upstream has it.
    const uint32_t n = taken_[k]++;
    const uint32_t most = c_.params.top_k > 0 ? static_cast<uint32_t>(c_.params.top_k) : features_;
    if (n >= most || n + 1 == features_) return std::nullopt;
    if (selector == "thrifty") return ranked_[k][n];
    const std::vector<float> move = Moves(k, grad, hess);
    return static_cast<uint32_t>(std::ranges::max_element(move) - move.begin());
  }

  // Adds what the round changed to the margins of a set.
  void AddChange(const std::vector<float>& before, TrackedSet& set) {
    std::vector<float> change = c_.forest.linear_weights;
    for (size_t i = 0; i < change.size(); ++i) change[i] -= before[i];
    const float* const bias = change.data() + size_t{c_.forest.num_feature} * c_.outputs;
    const Dataset& data = set.data;
    const Dataset::Csr csr = data.csr();
    ForEachOf(data.rows(), [&](size_t r) {
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
    });
  }

  const BoostContext c_;
  const uint32_t features_;
  const Columns columns_;
  const bool by_group_;  // coord_descent takes outputs one after the other, shotgun features
  double alpha_ = 0;
  double lambda_ = 0;
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
