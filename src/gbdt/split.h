// Scoring splits: XGBoost's regularised gain and weight, and the search of a node's best split.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "clary/gbdt.h"
#include "gbdt/binned_matrix.h"
#include "gbdt/histogram.h"
#include "gbdt/kernels.h"

namespace clary::gbdt {

// Sums of a set of rows in real units.
struct GradSum {
  double grad = 0;
  double hess = 0;
};

// How levels of packed gradients turn into real units.
struct GradScale {
  double grad_unit = 1;
  double hess_unit = 1;
  GradSum ToReal(PackedGrad p) const {
    return {static_cast<double>(GradOf(p)) * grad_unit, static_cast<double>(HessOf(p)) * hess_unit};
  }
};

// Limits on a node's weight that monotone constraints above it have set.
struct WeightBounds {
  float low = -std::numeric_limits<float>::infinity();
  float high = std::numeric_limits<float>::infinity();
};

struct SplitCandidate {
  float gain = 0;  // what the split takes off the loss; 0 if there is none
  uint32_t feature = 0;
  int32_t bin = 0;  // bins <= bin go left; -1: every present value goes right
  bool default_left = false;
  PackedGrad left = 0;
  // A categorical split instead: these go right, ascending; never empty then.
  std::vector<uint32_t> right_categories;
  bool found() const { return gain > 0; }
};

// XGBoost's scores under one set of parameters. Scores are float32, as they are compared there.
class SplitScorer {
 public:
  explicit SplitScorer(const TrainParams& params);

  bool monotone() const { return monotone_; }
  // w(G, H) within `bounds`, without eta; 0 below min_child_weight.
  float Weight(GradSum sum, const WeightBounds& bounds) const;
  // The gain that a node has by itself, as it is subtracted from that of its children.
  float NodeGain(GradSum sum, const WeightBounds& bounds) const;
  // The sum of both children's gains; nothing if the split is not allowed: a child below
  // min_child_weight or without weight, or against the feature's monotone direction.
  std::optional<float> SplitScore(GradSum left, GradSum right, uint32_t feature,
                                  const WeightBounds& bounds) const;
  // The bounds of both children of a split.
  std::pair<WeightBounds, WeightBounds> ChildBounds(const WeightBounds& bounds, uint32_t feature,
                                                    GradSum left, GradSum right) const;

 private:
  float TermGiven(GradSum sum, float weight) const;
  int MonotoneDirection(uint32_t f) const {
    return f < params_.monotone_constraints.size() ? params_.monotone_constraints[f] : 0;
  }

  const TrainParams& params_;
  bool monotone_ = false;
};

// The node whose splits are asked for.
struct NodeToSplit {
  PackedGrad total;
  WeightBounds bounds;
  const Histogram* histogram;
  std::span<const uint32_t> features;  // ascending
};

// The search over histograms.
class SplitFinder {
 public:
  SplitFinder(const TrainParams& params, const BinnedMatrix& bins);

  const SplitScorer& scorer() const { return scorer_; }
  // The best split of a node among its features from number `first` to before `end` that are not
  // rare: higher gain, then lower feature, then earlier in scan order. Any thread.
  SplitCandidate Best(const NodeToSplit& node, const GradScale& scale, uint32_t first,
                      uint32_t end) const;
  // The same for both children of a node, of which `rest` has no histogram yet: it is `parent` less
  // that of `part`, and replaces `parent` if `keep` (else `parent` is undefined). In one pass, as
  // what is subtracted is best looked at at once.
  std::pair<SplitCandidate, SplitCandidate> BestOfBoth(const NodeToSplit& part,
                                                       const NodeToSplit& rest, Histogram& parent,
                                                       bool keep, const GradScale& scale,
                                                       uint32_t first, uint32_t end) const;

 private:
  // What is known of a node while its features are looked at.
  struct Search {
    const NodeToSplit& node;
    float own;  // its gain by itself
    SplitCandidate best = {};
    std::vector<uint32_t> right = {};  // scratch
  };
  Search StartSearch(const NodeToSplit& node, const GradScale& scale) const;
  // Looks at a feature, whose part of the histogram is `hist`.
  void Consider(uint32_t f, const PackedGrad* hist, const GradScale& scale, Search& search) const;
  ScanBest ScanConstrained(const ScanInput& in, uint32_t feature, const WeightBounds& bounds) const;
  // Splits of a categorical feature by `max_cat_to_onehot`: one category against the rest, or the
  // categories in the order of their weights, cut in two. `right` gets those that go right.
  ScanBest ScanCategories(const ScanInput& in, uint32_t feature, const WeightBounds& bounds,
                          std::vector<uint32_t>& right) const;

  const TrainParams& params_;
  const BinnedMatrix& bins_;
  const Kernels& kernels_;
  SplitScorer scorer_;
};

}  // namespace clary::gbdt
