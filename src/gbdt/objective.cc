#include "gbdt/objective.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "gbdt/kernels.h"

namespace clary::gbdt {
namespace {

constexpr size_t kBlock = 4096;
constexpr float kMinHess = 1e-16F;

// Calls body(begin, end) over blocks of [0, count).
template <typename Body>
void ForBlocks(ThreadPool& pool, size_t count, Body&& body) {
  pool.ForEach((count + kBlock - 1) / kBlock,
               [&](size_t b, int) { body(b * kBlock, std::min(count, (b + 1) * kBlock)); });
}

// Fails with the first label that `ok` refuses.
template <typename Ok>
Status CheckEach(const Dataset& data, Ok&& ok, std::string_view rule) {
  const auto& label = data.fields().label;
  for (size_t i = 0; i < label.size(); ++i) {
    if (!ok(label[i])) {
      return Fail(
          Code::kInvalidArgument, "BadLabel",
          std::string(rule) + ": row " + std::to_string(i) + " has " + std::to_string(label[i]));
    }
  }
  return {};
}

float Logit(float p) { return -std::log(1.0F / p - 1.0F); }
float SigmoidOf(float x) { return 1.0F / (1.0F + std::exp(-x)); }

// Losses with one margin a row and a closed formula. A Loss has
//   static/members: void operator()(float p, float y, float& g, float& h) const; float Link(float),
//   float Unlink(float), const char* name.
class PointwiseObjective : public Objective {
 public:
  explicit PointwiseObjective(const ObjectiveConfig& config) : config_(config) {}

  void Gradient(std::span<const float> margin, const Dataset& data, int /*round*/, ThreadPool& pool,
                std::span<float> grad, std::span<float> hess) override {
    const RowFields& f = data.fields();
    ForBlocks(pool, margin.size(), [&](size_t begin, size_t end) {
      Losses(margin.data() + begin, f.label.data() + begin, end - begin, grad.data() + begin,
             hess.data() + begin);
      const bool weighted = f.weight.size() == margin.size();
      if (!weighted && config_.scale_pos_weight == 1) return;
      for (size_t i = begin; i < end; ++i) {
        float w = weighted ? f.weight[i] : 1.0F;
        if (f.label[i] == 1.0F) w *= config_.scale_pos_weight;
        grad[i] *= w;
        hess[i] *= w;
      }
    });
  }
  void Transform(std::span<float> values, ThreadPool& pool) const override {
    ForBlocks(pool, values.size(), [&](size_t begin, size_t end) {
      TransformBlock(values.data() + begin, end - begin);
    });
  }

 protected:
  virtual void Losses(const float* margin, const float* label, size_t count, float* grad,
                      float* hess) const = 0;
  virtual void TransformBlock(float* /*values*/, size_t /*count*/) const {}
  const ObjectiveConfig config_;
};

class SquaredError final : public PointwiseObjective {
 public:
  using PointwiseObjective::PointwiseObjective;
  Status CheckLabels(const Dataset&) const override { return {}; }
  std::string_view default_metric() const override { return "rmse"; }
  bool intercept_is_mean() const override { return true; }

 protected:
  void Losses(const float* margin, const float* label, size_t count, float* grad,
              float* hess) const override {
    for (size_t i = 0; i < count; ++i) {
      grad[i] = margin[i] - label[i];
      hess[i] = 1;
    }
  }
};

class Logistic : public PointwiseObjective {
 public:
  using PointwiseObjective::PointwiseObjective;
  Status CheckLabels(const Dataset& data) const override {
    return CheckEach(
        data, [](float y) { return y >= 0 && y <= 1; },
        "label must be in [0,1] for logistic regression");
  }
  float ToMargin(float base_score) const override { return Logit(base_score); }
  float FromMargin(float margin) const override { return SigmoidOf(margin); }
  std::string_view default_metric() const override {
    return config_.name == "reg:logistic" ? "rmse" : "logloss";
  }
  bool intercept_is_mean() const override { return config_.scale_pos_weight == 1; }

 protected:
  void Losses(const float* margin, const float* label, size_t count, float* grad,
              float* hess) const override {
    BestKernels().logistic(margin, label, count, grad, hess);
  }
  void TransformBlock(float* values, size_t count) const override {
    BestKernels().sigmoid(values, count);
  }
};

class Softmax final : public Objective {
 public:
  explicit Softmax(const ObjectiveConfig& config)
      : classes_(static_cast<size_t>(config.num_class)) {}

  Status CheckLabels(const Dataset& data) const override {
    const auto limit = static_cast<float>(classes_);
    return CheckEach(
        data, [&](float y) { return y >= 0 && y < limit; }, "label must be in [0, num_class)");
  }
  void Gradient(std::span<const float> margin, const Dataset& data, int /*round*/, ThreadPool& pool,
                std::span<float> grad, std::span<float> hess) override {
    const RowFields& f = data.fields();
    ForBlocks(pool, data.rows(), [&](size_t begin, size_t end) {
      std::vector<float> p(classes_);
      for (size_t r = begin; r < end; ++r) {
        std::copy_n(margin.data() + r * classes_, classes_, p.data());
        Normalize(p);
        const float w = f.weight.empty() ? 1.0F : f.weight[r];
        const auto y = static_cast<size_t>(f.label[r]);
        for (size_t c = 0; c < classes_; ++c) {
          grad[r * classes_ + c] = (c == y ? p[c] - 1.0F : p[c]) * w;
          hess[r * classes_ + c] = std::max(2.0F * p[c] * (1.0F - p[c]) * w, kMinHess);
        }
      }
    });
  }
  void Transform(std::span<float> values, ThreadPool& pool) const override {
    ForBlocks(pool, values.size() / classes_, [&](size_t begin, size_t end) {
      for (size_t r = begin; r < end; ++r) Normalize(values.subspan(r * classes_, classes_));
    });
  }
  std::string_view default_metric() const override { return "mlogloss"; }
  bool intercept_is_fixed() const override { return true; }

 private:
  static void Normalize(std::span<float> p) {
    float top = p[0];
    for (const float x : p) top = std::max(top, x);
    double sum = 0;
    for (float& x : p) {
      x = std::exp(x - top);
      sum += x;
    }
    for (float& x : p) x /= static_cast<float>(sum);
  }
  size_t classes_;
};

using Maker = std::unique_ptr<Objective> (*)(const ObjectiveConfig&);
template <typename T>
std::unique_ptr<Objective> Make(const ObjectiveConfig& config) {
  return std::make_unique<T>(config);
}

struct Entry {
  std::string_view name;
  Maker make;  // nullptr: known, but not in this version
};
constexpr Entry kObjectives[] = {
    {"reg:squarederror", Make<SquaredError>},
    {"reg:linear", Make<SquaredError>},
    {"reg:logistic", Make<Logistic>},
    {"binary:logistic", Make<Logistic>},
    {"multi:softmax", Make<Softmax>},
    {"multi:softprob", Make<Softmax>},
    {"reg:squaredlogerror", nullptr},
    {"reg:pseudohubererror", nullptr},
    {"reg:absoluteerror", nullptr},
    {"reg:quantileerror", nullptr},
    {"reg:gamma", nullptr},
    {"reg:tweedie", nullptr},
    {"count:poisson", nullptr},
    {"binary:logitraw", nullptr},
    {"binary:hinge", nullptr},
    {"survival:cox", nullptr},
    {"survival:aft", nullptr},
    {"rank:pairwise", nullptr},
    {"rank:ndcg", nullptr},
    {"rank:map", nullptr},
};

}  // namespace

Result<std::unique_ptr<Objective>> MakeObjective(const ObjectiveConfig& config, int /*version*/) {
  for (const Entry& entry : kObjectives) {
    if (entry.name != config.name) continue;
    if (entry.make == nullptr) {
      return Fail(Code::kUnimplemented, "Unimplemented",
                  "objective '" + config.name + "' is not in this version");
    }
    return entry.make(config);
  }
  return Fail(Code::kInvalidArgument, "UnknownObjective",
              "unknown objective '" + config.name + "'");
}

std::vector<float> FinishPrediction(const ObjectiveConfig& config, std::vector<float> margin,
                                    ThreadPool& pool) {
  if (config.name == "multi:softmax") {
    const auto classes = static_cast<size_t>(config.num_class);
    std::vector<float> ids(margin.size() / classes);
    for (size_t r = 0; r < ids.size(); ++r) {
      const auto row = margin.begin() + static_cast<std::ptrdiff_t>(r * classes);
      ids[r] = static_cast<float>(
          std::max_element(row, row + static_cast<std::ptrdiff_t>(classes)) - row);
    }
    return ids;
  }
  // A model that was read may have an objective that this version cannot train; its margins are
  // right, and its link is the identity then.
  if (const auto objective = MakeObjective(config, 3)) (*objective)->Transform(margin, pool);
  return margin;
}

}  // namespace clary::gbdt
