// Survival analysis: Cox's partial likelihood and accelerated failure time.
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "gbdt/internal/aft.h"
#include "gbdt/internal/objective_impl.h"

namespace clary::gbdt {
namespace {

class LogMargin : public PointwiseObjective {
 public:
  using PointwiseObjective::PointwiseObjective;
  float ToMargin(float base_score) const override { return std::log(base_score); }
  float FromMargin(float margin) const override { return std::exp(margin); }
  bool transforms() const override { return true; }

 protected:
  void Losses(const float*, const float*, size_t, float*, float*) const override {}
  void TransformBlock(const float* margin, size_t count, float* out) const override {
    ExpBlock(margin, count, out);
  }
};

// A label below zero is a censoring time. Breslow's handling of ties; the sum over rows at risk
// runs in the order of time, so this is serial.
class Cox final : public LogMargin {
 public:
  using LogMargin::LogMargin;
  std::string_view default_metric() const override { return "cox-nloglik"; }
  bool rows_apart() const override { return false; }

  void Gradient(std::span<const float> margin, const Dataset& data, int, ThreadPool&,
                std::span<float> grad, std::span<float> hess) override {
    const RowFields& f = data.fields();
    std::vector<uint32_t> order(margin.size());
    std::iota(order.begin(), order.end(), 0U);
    std::ranges::stable_sort(order, [&](uint32_t a, uint32_t b) {
      return std::fabs(f.label[a]) < std::fabs(f.label[b]);
    });
    double at_risk = 0;
    for (const float m : margin) at_risk += std::exp(static_cast<double>(m));
    double left = 0;  // rows of the current time that leave the risk set after it
    double time = 0;
    double r = 0;
    double s = 0;
    for (const uint32_t i : order) {
      const double y = f.label[i];
      const double e = std::exp(static_cast<double>(margin[i]));
      if (std::fabs(y) > time) {
        at_risk -= left;
        left = 0;
        time = std::fabs(y);
      }
      left += e;
      if (y > 0) {
        r += 1 / at_risk;
        s += 1 / (at_risk * at_risk);
      }
      const double w = f.weight.size() == margin.size() ? f.weight[i] : 1.0;
      grad[i] = static_cast<float>((e * r - (y > 0 ? 1 : 0)) * w);
      hess[i] = static_cast<float>(std::max(e * r - e * e * s, 0.0) * w);
    }
  }
};

class AftObjective final : public LogMargin {
 public:
  explicit AftObjective(const ObjectiveConfig& config)
      : LogMargin(config), aft_(config.aft_loss_distribution, config.aft_loss_distribution_scale) {}
  Status CheckLabels(const Dataset& data) const override {
    const RowFields& f = data.fields();
    if (f.label_lower.size() != data.rows() || f.label_upper.size() != data.rows()) {
      return Fail(Code::kInvalidArgument, "BadLabel",
                  "survival:aft needs a lower and an upper label bound for every row");
    }
    return {};
  }
  std::string_view default_metric() const override { return "aft-nloglik"; }
  bool intercept_is_fixed() const override { return true; }

  void Gradient(std::span<const float> margin, const Dataset& data, int, ThreadPool& pool,
                std::span<float> grad, std::span<float> hess) override {
    const RowFields& f = data.fields();
    ForBlocks(pool, margin.size(), [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) {
        const AftLoss loss = aft_.Evaluate(f.label_lower[i], f.label_upper[i], margin[i]);
        const double w = f.weight.size() == margin.size() ? f.weight[i] : 1.0;
        grad[i] = static_cast<float>(loss.grad * w);
        hess[i] = static_cast<float>(loss.hess * w);
      }
    });
  }

 private:
  Aft aft_;
};

}  // namespace

std::unique_ptr<Objective> MakeCox(const ObjectiveConfig& config, const TrainParams*) {
  return std::make_unique<Cox>(config);
}
std::unique_ptr<Objective> MakeAft(const ObjectiveConfig& config, const TrainParams*) {
  return std::make_unique<AftObjective>(config);
}

}  // namespace clary::gbdt
