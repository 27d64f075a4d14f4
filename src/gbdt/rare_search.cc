#include "gbdt/rare_search.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace clary::gbdt {
namespace {

constexpr size_t kNodesAtOnce = 255;
constexpr size_t kFeaturesPerTask = 32;

}  // namespace

RareSearch::RareSearch(const TrainParams& params, const BinnedMatrix& bins,
                       const SplitScorer& scorer, ThreadPool& pool)
    : params_(params),
      bins_(bins),
      scorer_(scorer),
      pool_(pool),
      kernels_(BestKernels()),
      node_of_(bins.rows(), 0),
      scratch_(static_cast<size_t>(pool.size())) {}

float RareSearch::ValuesPerBin(const TrainParams& params) {
  const bool able = params.max_delta_step == 0 && params.colsample_bynode >= 1 &&
                    params.interaction_constraints.empty() &&
                    std::ranges::all_of(params.monotone_constraints, [](int c) { return c == 0; });
  if (!able) return 0;
  // Measured, in nanoseconds: a value here, each time that nodes are searched; a slot of a
  // histogram, in each node; and a value in histograms, for the whole tree.
  constexpr double kValue = 2;
  constexpr double kSlot = 0.8;
  constexpr double kValueInHistograms = 1.5;
  constexpr int kDeepest = 12;
  const int depth = params.max_depth > 0 ? std::min(params.max_depth, kDeepest) : kDeepest;
  double leaves = std::exp2(depth);
  if (params.max_leaves > 0) leaves = std::min<double>(leaves, params.max_leaves);
  const double searches = params.grow_policy == GrowPolicy::kDepthwise ? depth : leaves;
  return static_cast<float>(kSlot * leaves / std::max(kValue * searches - kValueInHistograms, 0.5));
}

void RareSearch::Improve(std::span<const Node> nodes, const PackedGrad* packed,
                         const GradScale& scale, std::span<const uint32_t> features) {
  features_.clear();
  for (const uint32_t f : features) {
    if (bins_.is_rare(f)) features_.push_back(f);
  }
  if (features_.empty()) return;
  for (size_t first = 0; first < nodes.size(); first += kNodesAtOnce) {
    ImproveSome(nodes.subspan(first, std::min(kNodesAtOnce, nodes.size() - first)), packed, scale);
  }
}

void RareSearch::SumValues(const BinnedMatrix::SortedColumn& column, const PackedGrad* packed,
                           Scratch& scratch) const {
  const auto [rows, codes, count] = column;
  if (scratch.sum.size() < count) {
    scratch.sum.resize(count);
    scratch.node.resize(count);
  }
  std::ranges::fill(scratch.present, PackedGrad{0});
  const uint8_t* const node_of = node_of_.data();
  PackedGrad* const present = scratch.present.data();
  PackedGrad* const sum = scratch.sum.data();
  uint8_t* const node = scratch.node.data();
  for (size_t i = 0; i < count; ++i) {
    const uint32_t row = rows[i];
    const uint8_t n = node_of[row];
    node[i] = n;
    sum[i] = present[n] += packed[row];
  }
}

ScanBest RareSearch::Look(const BinnedMatrix::SortedColumn& column, size_t node,
                          const Scratch& scratch, const ScanInput& in) const {
  PackedGrad sum[kMaxScanBins];
  uint8_t bin[kMaxScanBins];
  uint32_t count = 0;
  for (size_t i = 0; i < column.count; ++i) {
    if (scratch.node[i] != node) continue;
    if (count == 0 || bin[count - 1] != column.codes[i]) bin[count++] = column.codes[i];
    sum[count - 1] = scratch.sum[i];
  }
  return kernels_.scan_positions(in, {.sum = sum, .bin = bin, .count = count});
}

void RareSearch::ImproveSome(std::span<const Node> nodes, const PackedGrad* packed,
                             const GradScale& scale) {
  pool_.ForEach(nodes.size(), [&](size_t n, int) {
    for (const uint32_t row : nodes[n].rows) node_of_[row] = static_cast<uint8_t>(n + 1);
  });
  const size_t numbers = nodes.size() + 1;
  std::vector<PackedGrad> total(numbers, 0);
  std::vector<float> own(numbers, 0);  // scores of the nodes by themselves
  std::vector<float> bar(numbers, std::numeric_limits<float>::infinity());
  ScanInput common{.hist = nullptr,
                   .bins = 0,
                   .missing = 0,
                   .total = 0,
                   .grad_unit = scale.grad_unit,
                   .hess_unit = scale.hess_unit,
                   .lambda = params_.lambda,
                   .alpha = params_.alpha,
                   .min_child_weight = params_.min_child_weight};
  const RoughScale rough = RoughScaleOf(common);
  const auto bar_of = [&](float score) {
    ScanInput in = common;
    in.at_least = score;
    return RoughScaleOf(in).bar;
  };
  for (size_t n = 1; n < numbers; ++n) {
    total[n] = nodes[n - 1].total;
    own[n] = scorer_.NodeGain(scale.ToReal(total[n]), {});
    bar[n] = bar_of(own[n] + nodes[n - 1].best->gain);
  }
  for (Scratch& s : scratch_) {
    s.present.assign(numbers, 0);
    s.bar = bar;
    s.flag.assign(numbers, 0);
    s.found.assign(numbers, {});
    for (size_t n = 1; n < numbers; ++n) {
      s.found[n] = {
          .gain = nodes[n - 1].best->gain, .feature = nodes[n - 1].best->feature, .split = {}};
    }
  }
  const size_t tasks = (features_.size() + kFeaturesPerTask - 1) / kFeaturesPerTask;
  pool_.ForEach(tasks, [&](size_t task, int thread) {
    Scratch& s = scratch_[static_cast<size_t>(thread)];
    const size_t end = std::min(features_.size(), (task + 1) * kFeaturesPerTask);
    for (size_t i = task * kFeaturesPerTask; i < end; ++i) {
      const uint32_t f = features_[i];
      const auto column = bins_.sorted(f);
      SumValues(column, packed, s);
      if (rough.bounds) {
        std::ranges::fill(s.flag, uint8_t{0});
        kernels_.reaching_nodes(s.sum.data(), s.node.data(), column.count,
                                {.total = total.data(),
                                 .present = s.present.data(),
                                 .bar = s.bar.data(),
                                 .lambda = rough.lambda,
                                 .least = rough.least},
                                s.flag.data());
      } else {
        // One side of any split is a part of the present values.
        for (size_t n = 1; n < numbers; ++n) {
          s.flag[n] = scale.ToReal(s.present[n]).hess >= params_.min_child_weight ? 1 : 0;
        }
      }
      for (size_t n = 1; n < numbers; ++n) {
        if (s.flag[n] == 0) continue;
        Found& best = s.found[n];
        ScanInput in = common;
        in.bins = bins_.cuts().bins(f);
        in.total = total[n];
        in.missing = total[n] - s.present[n];
        in.at_least = own[n] + best.gain;
        const ScanBest split = Look(column, n, s, in);
        if (split.left == 0) continue;
        const float gain = split.score - own[n];
        if (std::isinf(gain) || gain <= 0 || gain < best.gain ||
            (gain == best.gain && f > best.feature)) {
          continue;
        }
        best = {.gain = gain, .feature = f, .split = split};
        s.bar[n] = bar_of(split.score);
      }
    }
  });
  for (size_t n = 1; n < numbers; ++n) {
    SplitCandidate& best = *nodes[n - 1].best;
    for (const Scratch& s : scratch_) {
      const Found& found = s.found[n];
      if (found.split.left == 0 || found.gain < best.gain ||
          (found.gain == best.gain && found.feature > best.feature)) {
        continue;
      }
      best = {.gain = found.gain,
              .feature = found.feature,
              .bin = found.split.bin,
              .default_left = found.split.default_left,
              .left = found.split.left,
              .right_categories = {}};
    }
  }
  pool_.ForEach(nodes.size(), [&](size_t n, int) {
    for (const uint32_t row : nodes[n].rows) node_of_[row] = 0;
  });
}

}  // namespace clary::gbdt
