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
// Codes of categories: their numbers, then these.
constexpr uint8_t kNoCategory = 254;

bool IsCategorical(const Tree& tree, size_t n) {
  return std::ranges::binary_search(tree.categorical, static_cast<NodeId>(n));
}

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
  std::unique_ptr<FastForest> fast(new FastForest(forest, first, last));
  // Groups are as long as their features' thresholds fit into bytes.
  std::vector<std::vector<float>> thresholds(forest.num_feature);
  const auto finish = [&](size_t begin, size_t end, bool walk) {
    if (begin == end) return;
    if (walk) {
      Group& group = fast->groups_.emplace_back();
      group.first = begin;
      group.last = end;
      group.deep = fast->deep_trees_.size();
      for (size_t t = begin; t < end; ++t) {
        if (!fast->AddDeep(t)) group.deep = kNone;
      }
    } else {
      fast->AddGroup(begin, end);
    }
  };
  size_t begin = first;
  for (size_t t = first; t < last; ++t) {
    const Tree& tree = forest.trees[t];
    if (DepthOf(tree) < 0) {
      finish(begin, t, false);
      finish(t, t + 1, true);
      begin = t + 1;
      for (auto& of : thresholds) of.clear();
      continue;
    }
    bool fits = true;
    const auto add = [&] {
      for (size_t n = 0; n < tree.size() && fits; ++n) {
        if (tree.left[n] == kNoNode || IsCategorical(tree, n)) continue;
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
  Group group;
  group.first = first;
  group.last = last;
  group.fast = true;
  std::vector<uint32_t> slot_of(forest_.num_feature, kNone);
  std::vector<std::vector<float>> thresholds;
  for (size_t t = first; t < last; ++t) {
    const Tree& tree = forest_.trees[t];
    for (size_t n = 0; n < tree.size(); ++n) {
      if (tree.left[n] == kNoNode || IsCategorical(tree, n)) continue;
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
                         .leaves = leaves_.size(),
                         .members = members_.size(),
                         .members_end = members_.size()});
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
      next.push_back(tree.left[n]);
      next.push_back(tree.left[n] + 1);
      if (IsCategorical(tree, n)) {
        const auto column = static_cast<uint32_t>(2 * group.slots.size() + members_.size() -
                                                  group.trees.back().members);
        cuts_.push_back({.column = column, .threshold = 0x01010101U});
        AddMember(tree, index, node, group);
        continue;
      }
      const uint32_t slot = slot_of[tree.feature[n]];
      const auto& of = thresholds[slot];
      const auto above = static_cast<uint32_t>(
          std::upper_bound(of.begin(), of.end(), tree.threshold[n]) - of.begin());
      cuts_.push_back({.column = 2 * slot + (tree.default_left[n] != 0 ? 1U : 0U),
                       .threshold = above * 0x01010101U});
    }
    level = std::move(next);
  }
  for (const NodeId node : level) {
    leaves_.push_back(weight * tree.threshold[static_cast<size_t>(node)]);
  }
  group.trees.back().members_end = members_.size();
  group.most_members = std::max(group.most_members, members_.size() - group.trees.back().members);
}

bool FastForest::AddDeep(size_t index) {
  const Tree& tree = forest_.trees[index];
  if (&BestKernels() != &kAvx512Kernels || !tree.categorical.empty() ||
      tree.size() > DeepNode::kMaxNodes || forest_.num_feature > DeepNode::kMaxFeatures) {
    return false;
  }
  const float weight = forest_.tree_weight.empty() ? 1.0F : forest_.tree_weight[index];
  deep_trees_.push_back(
      {.first = deep_nodes_.size(), .depth = flat_.roots()[index - first_].depth});
  for (size_t n = 0; n < tree.size(); ++n) {
    const bool leaf = tree.IsLeaf(static_cast<NodeId>(n));
    if (!leaf && std::isnan(tree.threshold[n])) return false;
    const auto left = leaf ? static_cast<uint32_t>(n) : static_cast<uint32_t>(tree.left[n]);
    const uint32_t default_left = leaf || tree.default_left[n] != 0 ? 1 : 0;
    deep_nodes_.push_back({.threshold = leaf ? std::nanf("") : tree.threshold[n],
                           .word = left | default_left << DeepNode::kDefaultLeftBit |
                                   tree.feature[n] << (DeepNode::kDefaultLeftBit + 1)});
    deep_values_.push_back(weight * tree.threshold[n]);
  }
  return true;
}

void FastForest::AddMember(const Tree& tree, size_t index, NodeId node, Group& group) {
  const auto n = static_cast<size_t>(node);
  Member member{.feature = tree.feature[n],
                .codes = kNone,
                .node = flat_.roots()[index - first_].first + static_cast<uint32_t>(node),
                .table = {}};
  const auto right = tree.RightCategories(node).second;
  if (right.empty() || right.back() < kNoCategory) {
    const auto at = std::ranges::find(group.coded, member.feature);
    member.codes = static_cast<uint32_t>(at - group.coded.begin());
    if (at == group.coded.end()) group.coded.push_back(member.feature);
    const auto add = [&](uint32_t code) {
      member.table[code % 16 + (code < 128 ? 0 : 16)] |=
          static_cast<uint8_t>(1U << (code / 16 % 8));
    };
    for (const uint32_t category : right) add(category);
    if (tree.default_left[n] == 0) add(kMissing);
  }
  members_.push_back(member);
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
  std::vector<float> encoded;
  for (const Group& group : groups_) {
    if (!group.fast && group.deep != kNone) {
      for (size_t t = group.first; t < group.last; ++t) {
        const DeepTree& tree = deep_trees_[group.deep + t - group.first];
        WalkAvx512(&deep_nodes_[tree.first], tree.depth, values.data(), columns, count,
                   &deep_values_[tree.first],
                   &sums[static_cast<size_t>(forest_.tree_output[t]) * kBlock]);
      }
      continue;
    }
    if (!group.fast) {
      const std::span<const float> rows = encoded.empty() ? flat_.Encoded(values, columns, encoded)
                                                          : std::span<const float>(encoded);
      for (size_t t = group.first; t < group.last; ++t) {
        const Tree& tree = forest_.trees[t];
        const float weight = forest_.tree_weight.empty() ? 1.0F : forest_.tree_weight[t];
        float* const out = &sums[static_cast<size_t>(forest_.tree_output[t]) * kBlock];
        NodeId leaf[kBlock];
        flat_.FindLeaves(t - first_, rows.data(), columns, count, leaf);
        for (size_t r = 0; r < count; ++r) {
          out[r] += weight * tree.threshold[static_cast<size_t>(leaf[r])];
        }
      }
      continue;
    }
    const size_t byte_columns = 2 * group.slots.size() + group.most_members;
    storage.resize(
        std::max(storage.size(), (byte_columns + group.coded.size()) * kBlock / sizeof(Line)));
    auto* const bytes = reinterpret_cast<uint8_t*>(storage.data());
    uint8_t* const codes = bytes + byte_columns * kBlock;
    for (size_t c = 0; c < group.coded.size(); ++c) {
      for (size_t r = 0; r < count; ++r) {
        const uint32_t f = group.coded[c];
        const float x = f < columns ? values[r * columns + f] : std::nanf("");
        codes[c * kBlock + r] =
            x != x ? kMissing : (x >= 0 && x < kNoCategory ? static_cast<uint8_t>(x) : kNoCategory);
      }
    }
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
      uint8_t* right = bytes + 2 * group.slots.size() * kBlock;
      for (size_t m = tree.members; m < tree.members_end; ++m, right += kBlock) {
        const Member& member = members_[m];
        if (member.codes != kNone) {
          MembersAvx2(codes + member.codes * kBlock, member.table, right);
          continue;
        }
        for (size_t r = 0; r < count; ++r) {
          const float x =
              member.feature < columns ? values[r * columns + member.feature] : std::nanf("");
          right[r] = flat_.GoesRight(flat_.nodes()[member.node], x) ? 0xff : 0;
        }
      }
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
