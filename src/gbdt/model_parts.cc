#include "gbdt/internal/model_parts.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace clary::gbdt {

bool IsInt(double v, double low, double high) {
  return v >= low && v <= high && v == std::floor(v);
}

Status CheckTree(Tree& tree, uint32_t num_feature) {
  const size_t n = tree.size();
  if (n == 0) return BadModel("a tree has no nodes");
  std::vector<NodeId> parent(n, kNoNode);
  for (size_t i = 0; i < n; ++i) {
    const NodeId left = tree.left[i];
    if (left == kNoNode) {
      tree.feature[i] = 0;
      continue;
    }
    // Children come after their parent, so that every walk ends.
    if (left <= static_cast<NodeId>(i) || static_cast<size_t>(left) + 1 >= n) {
      return BadModel("node " + std::to_string(i) + " of a tree has child " + std::to_string(left));
    }
    if (tree.feature[i] >= num_feature) {
      return BadModel("node " + std::to_string(i) + " of a tree splits feature " +
                      std::to_string(tree.feature[i]) + " of " + std::to_string(num_feature));
    }
    for (const auto child : {static_cast<size_t>(left), static_cast<size_t>(left) + 1}) {
      if (parent[child] != kNoNode) return BadModel("a node of a tree has two parents");
      parent[child] = static_cast<NodeId>(i);
    }
  }
  tree.parent = std::move(parent);
  return {};
}

Status Renumber(Tree& tree, const std::vector<NodeId>& right) {
  const size_t n = tree.size();
  bool ordered = true;
  for (size_t i = 0; i < n && ordered; ++i) {
    ordered = tree.left[i] == kNoNode || (tree.left[i] > static_cast<NodeId>(i) &&
                                          int64_t{right[i]} == int64_t{tree.left[i]} + 1);
  }
  if (ordered) return {};
  std::vector<NodeId> order = {0};  // old ids by new id
  std::vector<uint8_t> seen(n);
  std::vector<NodeId> left;
  for (size_t i = 0; i < order.size(); ++i) {
    const auto old = static_cast<size_t>(order[i]);
    if (seen[old] != 0) return BadModel("a node of a tree has two parents");
    seen[old] = 1;
    left.push_back(kNoNode);
    if (tree.left[old] == kNoNode) continue;
    for (const NodeId child : {tree.left[old], right[old]}) {
      if (child <= 0 || static_cast<size_t>(child) >= n) {
        return BadModel("node " + std::to_string(old) + " of a tree has child " +
                        std::to_string(child));
      }
    }
    left[i] = static_cast<NodeId>(order.size());
    order.push_back(tree.left[old]);
    order.push_back(right[old]);
    if (order.size() > n) return BadModel("a node of a tree has two parents");
  }
  if (!tree.categorical.empty()) {
    return BadModel("a tree with categories has children that are not next to one another");
  }
  const auto reorder = [&](auto& v) {
    auto out = v;
    out.resize(order.size());
    for (size_t i = 0; i < order.size(); ++i) out[i] = v[static_cast<size_t>(order[i])];
    v = std::move(out);
  };
  reorder(tree.feature);
  reorder(tree.threshold);
  reorder(tree.default_left);
  reorder(tree.gain);
  reorder(tree.cover);
  reorder(tree.base_weight);
  tree.left = std::move(left);
  return {};
}

Status FillRounds(Forest& forest) {
  const auto outputs = static_cast<size_t>(forest.num_output());
  const size_t a_round = outputs * static_cast<size_t>(forest.num_parallel_tree);
  if (forest.trees.size() % a_round != 0) {
    return BadModel(std::to_string(forest.trees.size()) +
                    " trees are no whole number of rounds of " + std::to_string(a_round));
  }
  forest.round_begin = {0};
  for (size_t end = a_round; end <= forest.trees.size(); end += a_round)
    forest.round_begin.push_back(end);
  return {};
}

// Checks of the trees' outputs, for all formats.
Status CheckForest(Forest& forest, const std::vector<double>& tree_info) {
  if (tree_info.size() != forest.trees.size()) {
    return BadModel(std::to_string(forest.trees.size()) + " trees, but tree_info of " +
                    std::to_string(tree_info.size()));
  }
  for (const double output : tree_info) {
    if (!IsInt(output, 0, forest.num_output() - 1))
      return BadModel("tree_info names an unknown class");
    forest.tree_output.push_back(static_cast<int>(output));
  }
  if (!forest.tree_weight.empty() && forest.tree_weight.size() != forest.trees.size()) {
    return BadModel("weight_drop does not fit the trees");
  }
  return {};
}

Status SetSizes(Forest& forest, int64_t num_feature, int64_t num_class, int64_t num_target) {
  if (num_feature < 0 || num_feature > 4294967295 || num_class < 0 || num_class > 10000000 ||
      num_target < 0 || num_target > 10000000) {
    return BadModel("num_feature, num_class or num_target is out of range");
  }
  forest.num_feature = static_cast<uint32_t>(num_feature);
  forest.objective.num_class = static_cast<int>(num_class);
  forest.num_target = std::max(1, static_cast<int>(num_target));
  // Since 2.0 multi-class models carry num_target = 1; older loaders wrote the larger of both.
  if (num_class > 1) forest.num_target = 1;
  return {};
}

void ReadOldIntercept(Forest& forest) {
  if (forest.objective.name != "binary:logitraw") return;
  for (float& b : forest.base_score) b = -std::log(1 / b - 1);
}

}  // namespace clary::gbdt
