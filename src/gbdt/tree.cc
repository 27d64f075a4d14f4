#include "gbdt/tree.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace clary::gbdt {

NodeId Tree::AddNode(NodeId its_parent) {
  const auto id = static_cast<NodeId>(size());
  left.push_back(kNoNode);
  parent.push_back(its_parent);
  feature.push_back(0);
  threshold.push_back(0);
  default_left.push_back(0);
  gain.push_back(0);
  cover.push_back(0);
  base_weight.push_back(0);
  return id;
}

NodeId Tree::Split(NodeId n, uint32_t split_feature, float split_threshold, bool is_default_left) {
  const NodeId child = AddNode(n);
  AddNode(n);
  const auto i = static_cast<size_t>(n);
  left[i] = child;
  feature[i] = split_feature;
  threshold[i] = split_threshold;
  default_left[i] = is_default_left ? 1 : 0;
  return child;
}

NodeId Tree::SplitByCategories(NodeId n, uint32_t split_feature, std::span<const uint32_t> right,
                               bool is_default_left) {
  // Upstream's filler where a numeric node has its threshold.
  const NodeId child =
      Split(n, split_feature, std::numeric_limits<float>::denorm_min(), is_default_left);
  if (category_begin.empty()) category_begin.push_back(0);
  const auto at = std::ranges::lower_bound(categorical, n);
  const auto k = at - categorical.begin();
  const uint32_t begin = category_begin[static_cast<size_t>(k)];
  const auto count = static_cast<uint32_t>(right.size());
  categories.insert(categories.begin() + begin, right.begin(), right.end());
  category_begin.insert(category_begin.begin() + k, begin);
  for (auto it = category_begin.begin() + k + 1; it != category_begin.end(); ++it) *it += count;
  categorical.insert(at, n);
  return child;
}

std::pair<bool, std::span<const uint32_t>> Tree::RightCategories(NodeId n) const {
  const auto it = std::ranges::lower_bound(categorical, n);
  if (it == categorical.end() || *it != n) return {false, {}};
  const auto k = static_cast<size_t>(it - categorical.begin());
  return {
      true,
      std::span(categories).subspan(category_begin[k], category_begin[k + 1] - category_begin[k])};
}

NodeId Tree::Child(NodeId n, float x) const {
  constexpr float kCategoryLimit = 16777216.0F;  // 2^24: larger codes are no category
  const auto i = static_cast<size_t>(n);
  bool go_left = default_left[i] != 0;
  if (!std::isnan(x)) {
    if (const auto [is_categorical, set] = RightCategories(n); is_categorical) {
      go_left = !(x >= 0 && x < kCategoryLimit) ||
                !std::ranges::binary_search(set, static_cast<uint32_t>(x));
    } else {
      go_left = x < threshold[i];
    }
  }
  return left[i] + (go_left ? 0 : 1);
}

NodeId Tree::FindLeaf(std::span<const float> row) const {
  NodeId n = 0;
  while (!IsLeaf(n)) {
    const uint32_t f = feature[static_cast<size_t>(n)];
    n = Child(n, f < row.size() ? row[f] : std::numeric_limits<float>::quiet_NaN());
  }
  return n;
}

NodeId Tree::FindLeafSparse(std::span<const uint32_t> column, std::span<const float> value) const {
  NodeId n = 0;
  while (!IsLeaf(n)) {
    const uint32_t f = feature[static_cast<size_t>(n)];
    const auto at = std::ranges::lower_bound(column, f);
    const bool there = at != column.end() && *at == f;
    n = Child(n, there ? value[static_cast<size_t>(at - column.begin())]
                       : std::numeric_limits<float>::quiet_NaN());
  }
  return n;
}

}  // namespace clary::gbdt
