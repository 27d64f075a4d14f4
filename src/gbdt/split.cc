#include "gbdt/split.h"

#include <algorithm>
#include <cmath>

namespace clary::gbdt {
namespace {

// Takes `alpha` off the size of g.
double Shrink(double g, double alpha) {
  if (g > alpha) return g - alpha;
  if (g < -alpha) return g + alpha;
  return 0;
}

}  // namespace

SplitFinder::SplitFinder(const TrainParams& params, const BinnedMatrix& bins)
    : params_(params), bins_(bins), kernels_(BestKernels()) {
  monotone_ = std::ranges::any_of(params.monotone_constraints, [](int c) { return c != 0; });
}

float SplitFinder::Weight(GradSum sum, const WeightBounds& bounds) const {
  if (sum.hess < params_.min_child_weight || sum.hess <= 0) return 0;
  double w = -Shrink(sum.grad, params_.alpha) / (sum.hess + params_.lambda);
  if (params_.max_delta_step != 0 && std::fabs(w) > params_.max_delta_step) {
    w = std::copysign(static_cast<double>(params_.max_delta_step), w);
  }
  const auto weight = static_cast<float>(w);
  return monotone_ ? std::clamp(weight, bounds.low, bounds.high) : weight;
}

float SplitFinder::TermGiven(GradSum sum, float weight) const {
  if (sum.hess <= 0) return 0;
  if (params_.max_delta_step == 0 && !monotone_) {
    const double t = Shrink(sum.grad, params_.alpha);
    return static_cast<float>(t * t / (sum.hess + params_.lambda));
  }
  const auto grad = static_cast<float>(sum.grad);  // float32 throughout, as upstream has it
  const auto hess = static_cast<float>(sum.hess);
  return -(2.0F * grad * weight + (hess + params_.lambda) * weight * weight);
}

float SplitFinder::NodeGain(GradSum sum, const WeightBounds& bounds) const {
  return TermGiven(sum, Weight(sum, bounds));
}

ScanBest SplitFinder::ScanConstrained(const ScanInput& in, int direction,
                                      const WeightBounds& bounds) const {
  const GradScale scale{in.grad_unit, in.hess_unit};
  const GradSum total = scale.ToReal(in.total);
  ScanBest best;
  const auto consider = [&](PackedGrad left_sum, int32_t bin, bool default_left) {
    const GradSum left = scale.ToReal(left_sum);
    const GradSum right{total.grad - left.grad, total.hess - left.hess};
    const double least = in.min_child_weight;
    if (!(left.hess >= least && right.hess >= least && left.hess > 0 && right.hess > 0)) return;
    const float wl = Weight(left, bounds);
    const float wr = Weight(right, bounds);
    if ((direction > 0 && wl > wr) || (direction < 0 && wl < wr)) return;
    const float score = TermGiven(left, wl) + TermGiven(right, wr);
    // Scores can be negative here; "none yet" is told by best.left.
    if (best.left == 0 || score > best.score) {
      best = {.score = score, .bin = bin, .default_left = default_left, .left = left_sum};
    }
  };
  PackedGrad sum = 0;
  for (uint32_t i = 0; i < in.bins; ++i) {
    sum += in.hist[i];
    consider(sum, static_cast<int32_t>(i), false);
  }
  if (in.missing == 0) return best;
  for (auto i = static_cast<int32_t>(in.bins) - 2; i >= -1; --i) {
    sum -= in.hist[i + 1];
    consider(sum + in.missing, i, true);
  }
  return best;
}

SplitCandidate SplitFinder::Best(const NodeToSplit& node, const GradScale& scale,
                                 std::span<const uint32_t> features) const {
  const GradSum total = scale.ToReal(node.total);
  const float own = NodeGain(total, node.bounds);
  SplitCandidate best;
  for (const uint32_t f : features) {
    const PackedGrad* hist = node.histogram->data() + bins_.HistOffset(f);
    const uint32_t bins = bins_.cuts().bins(f);
    const ScanInput in{.hist = hist,
                       .bins = bins,
                       .missing = bins_.cuts().has_missing[f] != 0 ? hist[bins] : 0,
                       .total = node.total,
                       .grad_unit = scale.grad_unit,
                       .hess_unit = scale.hess_unit,
                       .lambda = params_.lambda,
                       .alpha = params_.alpha,
                       .min_child_weight = params_.min_child_weight};
    const bool plain = !monotone_ && params_.max_delta_step == 0 && bins <= kMaxScanBins;
    const ScanBest found =
        plain ? kernels_.scan(in) : ScanConstrained(in, MonotoneDirection(f), node.bounds);
    if (found.left == 0) continue;
    const float gain = found.score - own;
    if (gain > best.gain && !std::isinf(gain)) {
      best = {.gain = gain,
              .feature = f,
              .bin = found.bin,
              .default_left = found.default_left,
              .left = found.left};
    }
  }
  return best;
}

std::pair<WeightBounds, WeightBounds> SplitFinder::ChildBounds(const WeightBounds& bounds,
                                                               uint32_t feature, GradSum left,
                                                               GradSum right) const {
  std::pair<WeightBounds, WeightBounds> children{bounds, bounds};
  const int direction = MonotoneDirection(feature);
  if (direction == 0) return children;
  const float middle = (Weight(left, bounds) + Weight(right, bounds)) / 2;
  (direction > 0 ? children.first.high : children.first.low) = middle;
  (direction > 0 ? children.second.low : children.second.high) = middle;
  return children;
}

}  // namespace clary::gbdt
