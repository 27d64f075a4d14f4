// What the objectives share, and their makers.
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>
#include <string>
#include <string_view>

#include "gbdt/kernels.h"
#include "gbdt/objective.h"

namespace clary::gbdt {

inline constexpr size_t kGradientBlock = 4096;
inline constexpr float kMinHess = 1e-16F;

// Calls body(begin, end) over blocks of [0, count).
template <typename Body>
void ForBlocks(ThreadPool& pool, size_t count, Body&& body) {
  pool.ForEach((count + kGradientBlock - 1) / kGradientBlock, [&](size_t b, int) {
    body(b * kGradientBlock, std::min(count, (b + 1) * kGradientBlock));
  });
}

// out = in for the items [begin, end), unless that is the same place.
inline void CopyBlock(std::span<const float> in, std::span<float> out, size_t begin, size_t end) {
  if (in.data() == out.data()) return;
  std::copy_n(in.data() + begin, end - begin, out.data() + begin);
}

// The shortest decimal that reads back as the same float.
inline std::string ShortText(float x) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, x).ptr};
}

// out = e^margin; `out` may be `margin`.
inline void ExpBlock(const float* margin, size_t count, float* out) {
  constexpr float kMost = 87;  // of the kernel
  constexpr size_t kAtOnce = 1024;
  for (size_t begin = 0; begin < count; begin += kAtOnce) {
    const size_t n = std::min(kAtOnce, count - begin);
    const float* const from = margin + begin;
    bool beyond = false;
    for (size_t i = 0; i < n; ++i) beyond |= !(std::fabs(from[i]) <= kMost);
    if (beyond) {
      for (size_t i = 0; i < n; ++i) out[begin + i] = std::exp(from[i]);
    } else {
      BestKernels().exp(from, 0, 1, n, out + begin);
    }
  }
}

// Fails with the first label that `ok` refuses.
template <typename Ok>
Status CheckEach(const Dataset& data, Ok&& ok, std::string_view rule) {
  const auto& label = data.fields().label;
  const size_t targets = label.size() / std::max<size_t>(1, data.rows());
  for (size_t i = 0; i < label.size(); ++i) {
    if (!ok(label[i])) {
      return Fail(Code::kInvalidArgument, "BadLabel",
                  std::string(rule) + ": row " + std::to_string(i / targets) + " has " +
                      ShortText(label[i]));
    }
  }
  return {};
}

// Losses with a closed formula for each margin and its label.
class PointwiseObjective : public Objective {
 public:
  explicit PointwiseObjective(const ObjectiveConfig& config) : config_(config) {}

  Status CheckLabels(const Dataset&) const override { return {}; }
  void Gradient(std::span<const float> margin, const Dataset& data, int /*round*/, ThreadPool& pool,
                std::span<float> grad, std::span<float> hess) override {
    Weighted(margin, data, pool, grad, hess, [&](auto... of) { Losses(of...); });
  }
  void GradientOf(std::span<const float> predictions, const Dataset& data, ThreadPool& pool,
                  std::span<float> grad, std::span<float> hess) const override {
    Weighted(predictions, data, pool, grad, hess, [&](auto... of) { LossesOf(of...); });
  }
  bool takes_targets() const override { return true; }
  bool transforms() const override { return false; }
  void Transform(std::span<const float> margin, std::span<float> out,
                 ThreadPool& pool) const override {
    ForBlocks(pool, margin.size(), [&](size_t begin, size_t end) {
      TransformBlock(margin.data() + begin, end - begin, out.data() + begin);
    });
  }

 protected:
  // Of `count` margins that begin with output 0 of a row, without weights.
  virtual void Losses(const float* margin, const float* label, size_t count, float* grad,
                      float* hess) const = 0;
  // The same of predictions, if knows_gradient_of_predictions().
  virtual void LossesOf(const float* /*prediction*/, const float* /*label*/, size_t /*count*/,
                        float* /*grad*/, float* /*hess*/) const {}
  // `out` may be `margin`. Who has this, transforms().
  virtual void TransformBlock(const float* margin, size_t count, float* out) const {
    CopyBlock({margin, count}, {out, count}, 0, count);
  }
  // Whether scale_pos_weight counts.
  virtual bool weighs_positives() const { return false; }
  const ObjectiveConfig config_;

 private:
  // Gradients by losses(from, label, count, grad, hess), times the weights.
  template <typename Of>
  void Weighted(std::span<const float> from, const Dataset& data, ThreadPool& pool,
                std::span<float> grad, std::span<float> hess, Of&& losses) const {
    const RowFields& f = data.fields();
    const size_t rows = data.rows();
    const size_t outputs = from.size() / std::max<size_t>(1, rows);
    const size_t targets = f.label.size() / std::max<size_t>(1, rows);
    const float positive = weighs_positives() ? config_.scale_pos_weight : 1.0F;
    const bool weighted = f.weight.size() == rows;
    ForBlocks(pool, rows, [&](size_t begin, size_t end) {
      const size_t count = (end - begin) * outputs;
      const float* label = f.label.data() + begin * targets;
      std::vector<float> repeated;  // for outputs that share a label
      if (targets != outputs) {
        for (size_t i = 0; i < count; ++i) repeated.push_back(label[i / outputs]);
        label = repeated.data();
      }
      float* g = grad.data() + begin;
      float* h = hess.data() + begin;
      std::vector<float> by_row;
      if (outputs != 1) {
        by_row.resize(2 * count);
        g = by_row.data();
        h = g + count;
      }
      losses(from.data() + begin * outputs, label, count, g, h);
      if (weighted || positive != 1) {
        for (size_t i = 0; i < count; ++i) {
          float w = weighted ? f.weight[begin + i / outputs] : 1.0F;
          if (label[i] == 1.0F) w *= positive;
          g[i] *= w;
          h[i] *= w;
        }
      }
      if (outputs == 1) return;
      for (size_t i = 0; i < count; ++i) {
        const size_t to = i % outputs * rows + begin + i / outputs;
        grad[to] = g[i];
        hess[to] = h[i];
      }
    });
  }
};

using ObjectiveMaker = std::unique_ptr<Objective> (*)(const ObjectiveConfig&, const TrainParams*);

template <typename T>
std::unique_ptr<Objective> MakeFrom(const ObjectiveConfig& config, const TrainParams*) {
  return std::make_unique<T>(config);
}

std::unique_ptr<Objective> MakeRegression(const ObjectiveConfig& config, const TrainParams*);
std::unique_ptr<Objective> MakeCox(const ObjectiveConfig& config, const TrainParams*);
std::unique_ptr<Objective> MakeAft(const ObjectiveConfig& config, const TrainParams*);
// `params` may be nullptr (prediction only).
std::unique_ptr<Objective> MakeLambdaRank(const ObjectiveConfig& config, const TrainParams* params);

}  // namespace clary::gbdt
