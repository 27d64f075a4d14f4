#include "gbdt/predict_fast.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "gbdt/kernels.h"

namespace clary::gbdt {
namespace {

constexpr int kMaxDepth = 8;
constexpr size_t kMaxCuts = 254;  // of a feature in a group: one byte is for missing values
constexpr uint8_t kMissing = 255;
constexpr uint32_t kNone = UINT32_MAX;

// -1 if the tree is deeper than kMaxDepth.
int DepthOf(const Tree& tree) {
  std::vector<std::pair<NodeId, int>> stack = {{0, 0}};
  int depth = 0;
  while (!stack.empty()) {
    const auto [node, at] = stack.back();
    stack.pop_back();
    depth = std::max(depth, at);
    if (depth > kMaxDepth) return -1;
    if (tree.IsLeaf(node)) continue;
    const NodeId left = tree.left[static_cast<size_t>(node)];
    stack.emplace_back(left, at + 1);
    stack.emplace_back(left + 1, at + 1);
  }
  return depth;
}

}  // namespace

std::unique_ptr<FastForest> FastForest::Prepare(const Forest& forest, size_t first, size_t last) {
#if defined(__x86_64__)
  if (&BestKernels() == &kPortableKernels || forest.num_feature > 65536) return nullptr;
  std::unique_ptr<FastForest> fast(new FastForest(forest));
  // Groups are as long as their features' thresholds fit into bytes.
  std::vector<std::vector<float>> thresholds(forest.num_feature);
  const auto finish = [&](size_t begin, size_t end, bool walk) {
    if (begin == end) return;
    if (walk) {
      fast->groups_.push_back(
          {.first = begin, .last = end, .fast = false, .trees = {}, .slots = {}});
    } else {
      fast->AddGroup(begin, end);
    }
  };
  size_t begin = first;
  for (size_t t = first; t < last; ++t) {
    const Tree& tree = forest.trees[t];
    if (!tree.categorical.empty() || DepthOf(tree) < 0) {
      finish(begin, t, false);
      finish(t, t + 1, true);
      begin = t + 1;
      for (auto& of : thresholds) of.clear();
      continue;
    }
    bool fits = true;
    const auto add = [&] {
      for (size_t n = 0; n < tree.size() && fits; ++n) {
        if (tree.left[n] == kNoNode) continue;
        auto& of = thresholds[tree.feature[n]];
        const auto at = std::lower_bound(of.begin(), of.end(), tree.threshold[n]);
        if (at != of.end() && *at == tree.threshold[n]) continue;
        of.insert(at, tree.threshold[n]);
        fits = of.size() <= kMaxCuts && !std::isnan(tree.threshold[n]);
      }
    };
    add();
    if (!fits) {
      finish(begin, t, false);
      begin = t;
      for (auto& of : thresholds) of.clear();
      fits = true;
      add();
      if (!fits) {
        finish(t, t + 1, true);
        begin = t + 1;
        for (auto& of : thresholds) of.clear();
      }
    }
  }
  finish(begin, last, false);
  return fast;
#else
  (void)forest, (void)first, (void)last;
  return nullptr;
#endif
}

void FastForest::AddGroup(size_t first, size_t last) {
  Group group{.first = first, .last = last, .fast = true, .trees = {}, .slots = {}};
  std::vector<uint32_t> slot_of(forest_.num_feature, kNone);
  std::vector<std::vector<float>> thresholds;
  for (size_t t = first; t < last; ++t) {
    const Tree& tree = forest_.trees[t];
    for (size_t n = 0; n < tree.size(); ++n) {
      if (tree.left[n] == kNoNode) continue;
      uint32_t& slot = slot_of[tree.feature[n]];
      if (slot == kNone) {
        slot = static_cast<uint32_t>(group.slots.size());
        group.slots.push_back({.feature = tree.feature[n], .cuts = 0});
        thresholds.emplace_back();
      }
      thresholds[slot].push_back(tree.threshold[n]);
    }
  }
  for (size_t s = 0; s < thresholds.size(); ++s) {
    auto& of = thresholds[s];
    std::sort(of.begin(), of.end());
    of.erase(std::unique(of.begin(), of.end()), of.end());
    group.slots[s].cuts = feature_cuts_.size();
    feature_cuts_.resize(feature_cuts_.size() + kCutTable);
    FillCutTable(of, &feature_cuts_[group.slots[s].cuts]);
  }
  // A group of stumps that never split still needs a column for their empty splits.
  if (group.slots.empty()) {
    group.slots.push_back({.feature = kNone, .cuts = feature_cuts_.size()});
    feature_cuts_.resize(feature_cuts_.size() + kCutTable);
    FillCutTable({}, &feature_cuts_[group.slots[0].cuts]);
  }
  for (size_t t = first; t < last; ++t) {
    AddTree(forest_.trees[t], t, group, thresholds, slot_of);
  }
  groups_.push_back(std::move(group));
}

void FastForest::AddTree(const Tree& tree, size_t index, Group& group,
                         const std::vector<std::vector<float>>& thresholds,
                         const std::vector<uint32_t>& slot_of) {
  const int depth = std::max(1, DepthOf(tree));
  const float weight = forest_.tree_weight.empty() ? 1.0F : forest_.tree_weight[index];
  group.trees.push_back({.depth = depth,
                         .output = static_cast<uint32_t>(forest_.tree_output[index]),
                         .cuts = cuts_.size(),
                         .leaves = leaves_.size()});
  // The perfect tree: below a leaf, splits that mean nothing lead to that leaf again.
  std::vector<NodeId> level = {0};
  for (int d = 0; d < depth; ++d) {
    std::vector<NodeId> next;
    for (const NodeId node : level) {
      const auto n = static_cast<size_t>(node);
      if (tree.left[n] == kNoNode) {
        cuts_.push_back({.column = 0, .threshold = 0});
        next.push_back(node);
        next.push_back(node);
        continue;
      }
      const uint32_t slot = slot_of[tree.feature[n]];
      const auto& of = thresholds[slot];
      const auto above = static_cast<uint32_t>(
          std::upper_bound(of.begin(), of.end(), tree.threshold[n]) - of.begin());
      cuts_.push_back({.column = 2 * slot + (tree.default_left[n] != 0 ? 1U : 0U),
                       .threshold = above * 0x01010101U});
      next.push_back(tree.left[n]);
      next.push_back(tree.left[n] + 1);
    }
    level = std::move(next);
  }
  for (const NodeId node : level) {
    leaves_.push_back(weight * tree.threshold[static_cast<size_t>(node)]);
  }
}

void FastForest::Add(std::span<const float> values, size_t count, size_t columns,
                     float* margins) const {
#if defined(__x86_64__)
  const auto outputs = static_cast<size_t>(forest_.num_output());
  struct alignas(64) Line {
    uint8_t bytes[64];
  };
  std::vector<Line> storage;
  std::vector<float> sums(outputs * kBlock);  // by output
  for (size_t k = 0; k < outputs; ++k) {
    for (size_t r = 0; r < count; ++r) sums[k * kBlock + r] = margins[r * outputs + k];
  }
  const Kernels& kernels = BestKernels();
  const auto add_leaves = &kernels == &kAvx512Kernels ? AddLeavesAvx512 : AddLeavesAvx2;
  for (const Group& group : groups_) {
    if (!group.fast) {
      for (size_t t = group.first; t < group.last; ++t) {
        const Tree& tree = forest_.trees[t];
        const float weight = forest_.tree_weight.empty() ? 1.0F : forest_.tree_weight[t];
        float* const out = &sums[static_cast<size_t>(forest_.tree_output[t]) * kBlock];
        for (size_t r = 0; r < count; ++r) {
          const NodeId leaf = tree.FindLeaf(values.subspan(r * columns, columns));
          out[r] += weight * tree.threshold[static_cast<size_t>(leaf)];
        }
      }
      continue;
    }
    storage.resize(std::max(storage.size(), group.slots.size() * 2 * kBlock / sizeof(Line)));
    auto* const bytes = reinterpret_cast<uint8_t*>(storage.data());
    for (size_t s = 0; s < group.slots.size(); ++s) {
      uint8_t* const right = bytes + 2 * s * kBlock;  // missing goes right
      uint8_t* const left = right + kBlock;
      if (const uint32_t feature = group.slots[s].feature; feature < columns) {
        kernels.bin_bytes(values.data() + feature, columns, count,
                          &feature_cuts_[group.slots[s].cuts], kMissing, right);
      } else {
        std::fill(right, right + count, kMissing);
      }
      for (size_t r = 0; r < count; ++r) left[r] = right[r] == kMissing ? uint8_t{0} : right[r];
    }
    for (const FastTree& tree : group.trees) {
      add_leaves(tree.depth, &cuts_[tree.cuts].column, &leaves_[tree.leaves], bytes, count,
                 &sums[tree.output * kBlock]);
    }
  }
  for (size_t k = 0; k < outputs; ++k) {
    for (size_t r = 0; r < count; ++r) margins[r * outputs + k] = sums[k * kBlock + r];
  }
#else
  (void)values, (void)count, (void)columns, (void)margins;
#endif
}

}  // namespace clary::gbdt
