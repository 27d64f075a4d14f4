// Regression and binary classification: losses with a closed formula per row.
#include <cmath>
#include <limits>

#include "gbdt/internal/objective_impl.h"
#include "gbdt/kernels.h"

namespace clary::gbdt {
namespace {

float Logit(float p) { return -std::log(1.0F / p - 1.0F); }
float SigmoidOf(float x) { return 1.0F / (1.0F + std::exp(-x)); }

class SquaredError final : public PointwiseObjective {
 public:
  using PointwiseObjective::PointwiseObjective;
  std::string_view default_metric() const override { return "rmse"; }
  bool intercept_is_mean() const override { return true; }

 protected:
  bool weighs_positives() const override { return true; }
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
  bool knows_gradient_of_predictions() const override { return true; }
  bool transforms() const override { return true; }

 protected:
  bool weighs_positives() const override { return true; }
  void Losses(const float* margin, const float* label, size_t count, float* grad,
              float* hess) const override {
    BestKernels().logistic(margin, label, count, grad, hess);
  }
  void LossesOf(const float* prediction, const float* label, size_t count, float* grad,
                float* hess) const override {
    BestKernels().logistic_of(prediction, label, count, grad, hess);
  }
  void TransformBlock(const float* margin, size_t count, float* out) const override {
    BestKernels().sigmoid(margin, count, out);
  }
};

// The margin itself is the prediction; its intercept too (since 2.0).
class LogitRaw final : public Logistic {
 public:
  using Logistic::Logistic;
  float ToMargin(float base_score) const override { return base_score; }
  float FromMargin(float margin) const override { return margin; }
  bool knows_gradient_of_predictions() const override { return false; }
  bool transforms() const override { return false; }

 protected:
  void TransformBlock(const float* margin, size_t count, float* out) const override {
    PointwiseObjective::TransformBlock(margin, count, out);
  }
};

class Hinge final : public PointwiseObjective {
 public:
  using PointwiseObjective::PointwiseObjective;
  std::string_view default_metric() const override { return "error"; }
  float FromMargin(float margin) const override { return margin > 0 ? 1.0F : 0.0F; }
  bool transforms() const override { return true; }

 protected:
  void Losses(const float* margin, const float* label, size_t count, float* grad,
              float* hess) const override {
    for (size_t i = 0; i < count; ++i) {
      const float y = 2 * label[i] - 1;
      const bool inside = margin[i] * y < 1;
      grad[i] = inside ? -y : 0;
      hess[i] = inside ? 1 : std::numeric_limits<float>::min();
    }
  }
  void TransformBlock(const float* margin, size_t count, float* out) const override {
    for (size_t i = 0; i < count; ++i) out[i] = margin[i] > 0 ? 1.0F : 0.0F;
  }
};

class SquaredLogError final : public PointwiseObjective {
 public:
  using PointwiseObjective::PointwiseObjective;
  Status CheckLabels(const Dataset& data) const override {
    return CheckEach(
        data, [](float y) { return y > -1; }, "label must be greater than -1 for rmsle");
  }
  std::string_view default_metric() const override { return "rmsle"; }

 protected:
  bool weighs_positives() const override { return true; }
  void Losses(const float* margin, const float* label, size_t count, float* grad,
              float* hess) const override {
    for (size_t i = 0; i < count; ++i) {
      const float p = std::max(margin[i], -1 + 1e-6F);
      const float d = std::log1p(p) - std::log1p(label[i]);
      grad[i] = d / (p + 1);
      hess[i] = std::max((1 - d) / ((p + 1) * (p + 1)), 1e-6F);
    }
  }
};

class PseudoHuber final : public PointwiseObjective {
 public:
  using PointwiseObjective::PointwiseObjective;
  std::string_view default_metric() const override { return "mphe"; }

 protected:
  void Losses(const float* margin, const float* label, size_t count, float* grad,
              float* hess) const override {
    const float d2 = config_.huber_slope * config_.huber_slope;
    for (size_t i = 0; i < count; ++i) {
      const float z = margin[i] - label[i];
      const float root = std::sqrt(1 + z * z / d2);
      grad[i] = z / root;
      hess[i] = d2 / ((d2 + z * z) * root);
    }
  }
};

// Quantiles of the label, one output each; the absolute error is the median (its gradient is twice
// as large).
class Quantile final : public PointwiseObjective {
 public:
  explicit Quantile(const ObjectiveConfig& config) : PointwiseObjective(config) {
    if (config.name == "reg:quantileerror" && !config.quantile_alpha.empty()) {
      alpha_ = config.quantile_alpha;
    }
  }
  std::string_view default_metric() const override { return absolute() ? "mae" : "quantile"; }
  float leaf_quantile(int output) const override {
    return alpha_[static_cast<size_t>(output) % alpha_.size()];
  }
  size_t OutputsFor(size_t targets) const override { return targets * alpha_.size(); }
  bool takes_targets() const override { return absolute(); }

 protected:
  void Losses(const float* margin, const float* label, size_t count, float* grad,
              float* hess) const override {
    for (size_t i = 0; i < count; ++i) {
      hess[i] = 1;
      if (absolute()) {
        grad[i] = margin[i] > label[i] ? 1.0F : (margin[i] < label[i] ? -1.0F : 0.0F);
      } else {
        const float alpha = alpha_[i % alpha_.size()];
        grad[i] = margin[i] >= label[i] ? 1 - alpha : -alpha;
      }
    }
  }

 private:
  bool absolute() const { return config_.name == "reg:absoluteerror"; }
  std::vector<float> alpha_ = {0.5F};
};

// Losses whose margin is the logarithm of the mean.
class LogLink : public PointwiseObjective {
 public:
  using PointwiseObjective::PointwiseObjective;
  float ToMargin(float base_score) const override { return std::log(base_score); }
  float FromMargin(float margin) const override { return std::exp(margin); }
  bool intercept_is_mean() const override { return true; }
  bool transforms() const override { return true; }

 protected:
  void TransformBlock(const float* margin, size_t count, float* out) const override {
    ExpBlock(margin, count, out);
  }
};

class Gamma final : public LogLink {
 public:
  using LogLink::LogLink;
  Status CheckLabels(const Dataset& data) const override {
    return CheckEach(
        data, [](float y) { return y > 0; }, "label must be positive for gamma regression.");
  }
  std::string_view default_metric() const override { return "gamma-deviance"; }

 protected:
  bool weighs_positives() const override { return true; }
  void Losses(const float* margin, const float* label, size_t count, float* grad,
              float* hess) const override {
    for (size_t i = 0; i < count; ++i) {
      const float ratio = label[i] / std::exp(margin[i]);
      grad[i] = 1 - ratio;
      hess[i] = ratio;
    }
  }
};

class Poisson final : public LogLink {
 public:
  using LogLink::LogLink;
  Status CheckLabels(const Dataset& data) const override {
    return CheckEach(
        data, [](float y) { return y >= 0; }, "PoissonRegression: label must be nonnegative");
  }
  std::string_view default_metric() const override { return "poisson-nloglik"; }

 protected:
  void Losses(const float* margin, const float* label, size_t count, float* grad,
              float* hess) const override {
    for (size_t i = 0; i < count; ++i) {
      grad[i] = std::exp(margin[i]) - label[i];
      hess[i] = std::exp(margin[i] + config_.max_delta_step);
    }
  }
};

class Tweedie final : public LogLink {
 public:
  explicit Tweedie(const ObjectiveConfig& config)
      : LogLink(config), metric_("tweedie-nloglik@" + ShortText(config.tweedie_variance_power)) {}
  Status CheckLabels(const Dataset& data) const override {
    return CheckEach(
        data, [](float y) { return y >= 0; }, "TweedieRegression: label must be nonnegative");
  }
  std::string_view default_metric() const override { return metric_; }

 protected:
  void Losses(const float* margin, const float* label, size_t count, float* grad,
              float* hess) const override {
    const float rho = config_.tweedie_variance_power;
    for (size_t i = 0; i < count; ++i) {
      const float a = label[i] * std::exp((1 - rho) * margin[i]);
      const float b = std::exp((2 - rho) * margin[i]);
      grad[i] = -a + b;
      hess[i] = -(1 - rho) * a + (2 - rho) * b;
    }
  }

 private:
  std::string metric_;
};

constexpr std::pair<std::string_view, ObjectiveMaker> kRegression[] = {
    {"reg:squarederror", MakeFrom<SquaredError>},
    {"reg:linear", MakeFrom<SquaredError>},
    {"reg:logistic", MakeFrom<Logistic>},
    {"binary:logistic", MakeFrom<Logistic>},
    {"binary:logitraw", MakeFrom<LogitRaw>},
    {"binary:hinge", MakeFrom<Hinge>},
    {"reg:squaredlogerror", MakeFrom<SquaredLogError>},
    {"reg:pseudohubererror", MakeFrom<PseudoHuber>},
    {"reg:absoluteerror", MakeFrom<Quantile>},
    {"reg:quantileerror", MakeFrom<Quantile>},
    {"reg:gamma", MakeFrom<Gamma>},
    {"reg:tweedie", MakeFrom<Tweedie>},
    {"count:poisson", MakeFrom<Poisson>},
};

}  // namespace

std::unique_ptr<Objective> MakeRegression(const ObjectiveConfig& config, const TrainParams* p) {
  for (const auto& [name, make] : kRegression) {
    if (name == config.name) return make(config, p);
  }
  return nullptr;
}

}  // namespace clary::gbdt
