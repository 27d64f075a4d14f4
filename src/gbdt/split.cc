#include "gbdt/split.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

namespace clary::gbdt {
namespace {

// Takes `alpha` off the size of g.
double Shrink(double g, double alpha) {
  if (g > alpha) return g - alpha;
  if (g < -alpha) return g + alpha;
  return 0;
}

}  // namespace

SplitScorer::SplitScorer(const TrainParams& params) : params_(params) {
  monotone_ = std::ranges::any_of(params.monotone_constraints, [](int c) { return c != 0; });
}

float SplitScorer::Weight(GradSum sum, const WeightBounds& bounds) const {
  if (sum.hess < params_.min_child_weight || sum.hess <= 0) return 0;
  double w = -Shrink(sum.grad, params_.alpha) / (sum.hess + params_.lambda);
  if (params_.max_delta_step != 0 && std::fabs(w) > params_.max_delta_step) {
    w = std::copysign(static_cast<double>(params_.max_delta_step), w);
  }
  const auto weight = static_cast<float>(w);
  return monotone_ ? std::clamp(weight, bounds.low, bounds.high) : weight;
}

float SplitScorer::TermGiven(GradSum sum, float weight) const {
  if (sum.hess <= 0) return 0;
  if (params_.max_delta_step == 0 && !monotone_) {
    const double t = Shrink(sum.grad, params_.alpha);
    return static_cast<float>(t * t / (sum.hess + params_.lambda));
  }
  const auto grad = static_cast<float>(sum.grad);  // float32 throughout, as upstream has it
  const auto hess = static_cast<float>(sum.hess);
  return -(2.0F * grad * weight + (hess + params_.lambda) * weight * weight);
}

float SplitScorer::NodeGain(GradSum sum, const WeightBounds& bounds) const {
  return TermGiven(sum, Weight(sum, bounds));
}

std::optional<float> SplitScorer::SplitScore(GradSum left, GradSum right, uint32_t feature,
                                             const WeightBounds& bounds) const {
  const double least = params_.min_child_weight;
  if (!(left.hess >= least && right.hess >= least && left.hess > 0 && right.hess > 0)) return {};
  const float wl = Weight(left, bounds);
  const float wr = Weight(right, bounds);
  const int direction = MonotoneDirection(feature);
  if ((direction > 0 && wl > wr) || (direction < 0 && wl < wr)) return {};
  return TermGiven(left, wl) + TermGiven(right, wr);
}

std::pair<WeightBounds, WeightBounds> SplitScorer::ChildBounds(const WeightBounds& bounds,
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

SplitFinder::SplitFinder(const TrainParams& params, const BinnedMatrix& bins)
    : params_(params), bins_(bins), kernels_(BestKernels()), scorer_(params) {}

ScanBest SplitFinder::ScanConstrained(const ScanInput& in, uint32_t feature,
                                      const WeightBounds& bounds) const {
  const GradScale scale{in.grad_unit, in.hess_unit};
  ScanBest best;
  const auto consider = [&](PackedGrad left, int32_t bin, bool default_left) {
    const auto score =
        scorer_.SplitScore(scale.ToReal(left), scale.ToReal(in.total - left), feature, bounds);
    // Scores can be negative here; "none yet" is told by best.left.
    if (score && (best.left == 0 || *score > best.score)) {
      best = {.score = *score, .bin = bin, .default_left = default_left, .left = left};
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

ScanBest SplitFinder::ScanCategories(const ScanInput& in, uint32_t feature,
                                     const WeightBounds& bounds,
                                     std::vector<uint32_t>& right) const {
  const GradScale scale{in.grad_unit, in.hess_unit};
  const uint32_t categories = bins_.cuts().categories(feature);
  ScanBest best;
  uint32_t chosen = 0;  // the category, or how many of `order` go right
  const auto consider = [&](PackedGrad right_sum, uint32_t choice, bool default_left) {
    const PackedGrad left = in.total - right_sum;
    const auto score =
        scorer_.SplitScore(scale.ToReal(left), scale.ToReal(right_sum), feature, bounds);
    if (score && (best.left == 0 || *score > best.score)) {
      best = {.score = *score, .bin = 0, .default_left = default_left, .left = left};
      chosen = choice;
    }
  };
  right.clear();
  if (categories < static_cast<uint32_t>(params_.max_cat_to_onehot)) {
    for (uint32_t c = 0; c < categories; ++c) {
      consider(in.hist[c], c, true);
      consider(in.hist[c] + in.missing, c, false);
    }
    if (best.left != 0) right.push_back(chosen);
    return best;
  }
  std::vector<float> weight(categories);
  for (uint32_t c = 0; c < categories; ++c)
    weight[c] = scorer_.Weight(scale.ToReal(in.hist[c]), {});
  std::vector<uint32_t> order(categories);
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::stable_sort(order, [&](uint32_t a, uint32_t b) { return weight[a] < weight[b]; });
  const uint32_t steps = std::min(static_cast<uint32_t>(params_.max_cat_threshold), categories) - 1;
  PackedGrad sum = 0;
  for (uint32_t i = 0; i < steps; ++i) {
    sum += in.hist[order[i]];
    consider(sum, i + 1, true);
  }
  sum = 0;  // of those that go left
  for (uint32_t i = 0; i < steps; ++i) {
    sum += in.hist[order[categories - 1 - i]];
    consider(in.total - sum, categories - 1 - i, false);
  }
  if (best.left != 0) {
    right.assign(order.begin(), order.begin() + chosen);
    std::ranges::sort(right);
  }
  return best;
}

SplitFinder::Search SplitFinder::StartSearch(const NodeToSplit& node,
                                             const GradScale& scale) const {
  return {.node = node, .own = scorer_.NodeGain(scale.ToReal(node.total), node.bounds)};
}

void SplitFinder::Consider(uint32_t f, const PackedGrad* hist, const GradScale& scale,
                           Search& search) const {
  const NodeToSplit& node = search.node;
  SplitCandidate& best = search.best;
  const Cuts& cuts = bins_.cuts();
  const uint32_t bins = cuts.bins(f);
  const bool categorical = cuts.is_categorical(f);
  const bool plain =
      !scorer_.monotone() && params_.max_delta_step == 0 && bins <= kMaxScanBins && !categorical;
  PackedGrad missing = 0;
  if (!bins_.is_thin(f)) {
    if (cuts.has_missing[f] != 0) missing = hist[bins];
  } else if (!plain) {
    missing = std::accumulate(hist, hist + bins, node.total, std::minus<>());
  }
  const ScanInput in{.hist = hist,
                     .bins = bins,
                     .missing = missing,
                     .missing_is_rest = bins_.is_thin(f),
                     .total = node.total,
                     .grad_unit = scale.grad_unit,
                     .hess_unit = scale.hess_unit,
                     .lambda = params_.lambda,
                     .alpha = params_.alpha,
                     .min_child_weight = params_.min_child_weight,
                     .at_least = search.own + best.gain};
  const ScanBest found = plain         ? kernels_.scan(in)
                         : categorical ? ScanCategories(in, f, node.bounds, search.right)
                                       : ScanConstrained(in, f, node.bounds);
  if (found.left == 0) return;
  const float gain = found.score - search.own;
  if (gain > best.gain && !std::isinf(gain)) {
    best = {.gain = gain,
            .feature = f,
            .bin = found.bin,
            .default_left = found.default_left,
            .left = found.left,
            .right_categories = {}};
    if (categorical) best.right_categories = search.right;
  }
}

SplitCandidate SplitFinder::Best(const NodeToSplit& node, const GradScale& scale, uint32_t first,
                                 uint32_t end) const {
  Search search = StartSearch(node, scale);
  for (auto f = std::ranges::lower_bound(node.features, first);
       f != node.features.end() && *f < end; ++f) {
    if (bins_.is_rare(*f)) continue;
    Consider(*f, node.histogram->data() + bins_.HistOffset(*f), scale, search);
  }
  return std::move(search.best);
}

std::pair<SplitCandidate, SplitCandidate> SplitFinder::BestOfBoth(
    const NodeToSplit& part, const NodeToSplit& rest, Histogram& parent, bool keep,
    const GradScale& scale, uint32_t first, uint32_t end) const {
  Search searches[2] = {StartSearch(part, scale), StartSearch(rest, scale)};
  auto in_part = std::ranges::lower_bound(part.features, first);
  auto in_rest = std::ranges::lower_bound(rest.features, first);
  alignas(64) PackedGrad scratch[kMaxScanBins];
  for (uint32_t f = first; f < end; ++f) {
    const bool of_part = in_part != part.features.end() && *in_part == f;
    const bool of_rest = in_rest != rest.features.end() && *in_rest == f;
    if (of_part) ++in_part;
    if (of_rest) ++in_rest;
    if (bins_.is_rare(f)) continue;
    const size_t offset = bins_.HistOffset(f);
    const size_t slots = bins_.HistSlots(f);
    const PackedGrad* const hist = part.histogram->data() + offset;
    if (of_rest || keep) {
      PackedGrad* const from = parent.data() + offset;
      PackedGrad* const to = keep || slots > kMaxScanBins ? from : scratch;
      kernels_.difference(from, hist, slots, to);
      if (of_rest) Consider(f, to, scale, searches[1]);
    }
    if (of_part) Consider(f, hist, scale, searches[0]);
  }
  return {std::move(searches[0].best), std::move(searches[1].best)};
}

}  // namespace clary::gbdt
