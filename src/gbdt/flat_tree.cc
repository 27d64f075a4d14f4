#include "gbdt/flat_tree.h"

#include <algorithm>
#include <limits>

namespace clary::gbdt {

FlatTrees::FlatTrees(std::span<const Tree> trees) {
  size_t nodes = 0;
  for (const Tree& tree : trees) {
    nodes += tree.size();
    if (tree.categorical.empty()) continue;
    kind_ = Sets::kBits;
    for (const uint32_t c : tree.categories) categories_ = std::max(categories_, c + 1);
    for (const NodeId n : tree.categorical) {
      categorical_.push_back(tree.feature[static_cast<size_t>(n)]);
    }
  }
  std::ranges::sort(categorical_);
  categorical_.erase(std::unique(categorical_.begin(), categorical_.end()), categorical_.end());
  if (kind_ == Sets::kBits) {
    sets_.resize(kMaxCodes / 64, 0);
    if (categories_ + 2 > kMaxCodes || SplitsBothWays(trees)) kind_ = Sets::kLists;
  }
  nodes_.reserve(nodes);
  for (const Tree& tree : trees) Add(tree);
}

// Whether a categorical feature is also split by a threshold.
bool FlatTrees::SplitsBothWays(std::span<const Tree> trees) const {
  for (const Tree& tree : trees) {
    for (size_t n = 0; n < tree.size(); ++n) {
      if (!tree.IsLeaf(static_cast<NodeId>(n)) &&
          std::ranges::binary_search(categorical_, tree.feature[n]) &&
          !tree.RightCategories(static_cast<NodeId>(n)).first) {
        return true;
      }
    }
  }
  return false;
}

std::span<const float> FlatTrees::Encoded(std::span<const float> rows, size_t columns,
                                          std::vector<float>& storage) const {
  if (kind_ != Sets::kBits) return rows;
  storage.assign(rows.begin(), rows.end());
  for (size_t at = 0; at < storage.size(); at += columns) {
    Encode(std::span(storage).subspan(at, columns));
  }
  return storage;
}

float FlatTrees::Missing(uint32_t feature) const {
  float x = std::numeric_limits<float>::quiet_NaN();
  if (kind_ == Sets::kBits && std::ranges::binary_search(categorical_, feature)) {
    x = std::bit_cast<float>(kCoded | (categories_ + 1));
  }
  return x;
}

void FlatTrees::Add(const Tree& tree) {
  Root& root = roots_.emplace_back();
  root.first = static_cast<uint32_t>(nodes_.size());
  std::vector<uint32_t> depth(tree.size(), 0);
  for (size_t n = 0; n < tree.size(); ++n) {
    Node node;
    node.left = root.first + static_cast<uint32_t>(n);
    if (!tree.IsLeaf(static_cast<NodeId>(n))) {
      const auto left = static_cast<uint32_t>(tree.left[n]);
      node.left = root.first + left;
      node.step = kInner;
      depth[left] = depth[left + 1] = depth[n] + 1;  // children come after their parent
      root.depth = std::max(root.depth, depth[n] + 1);
      node.threshold = tree.threshold[n];
      node.feature = tree.feature[n] | (tree.default_left[n] != 0 ? kDefaultLeft : 0);
      if (const auto [is, right] = tree.RightCategories(static_cast<NodeId>(n)); is) {
        node.feature |= kCategorical;
        const size_t at = sets_.size();
        node.step |= static_cast<uint32_t>(at) * 2;
        if (kind_ == Sets::kLists) {
          sets_.push_back(right.size());
          sets_.insert(sets_.end(), right.begin(), right.end());
        } else {
          const auto add = [&](uint32_t code) {
            sets_[at + code / 64] |= uint64_t{1} << code % 64;
          };
          sets_.resize(at + (categories_ + 2 + 63) / 64, 0);
          for (const uint32_t c : right) add(c);
          if (tree.default_left[n] == 0) add(categories_ + 1);
          node.feature |= kDefaultLeft;  // codes are NaN: left unless the set says otherwise
        }
      }
    }
    nodes_.push_back(node);
  }
}

bool FlatTrees::GoesRight(const Node& n, float x) const {
  const uint32_t set = n.step / 2;
  if (kind_ == Sets::kBits) {
    const uint32_t code = CategoryCode(x, categories_);
    return (sets_[set + code / 64] >> code % 64 & 1) != 0;
  }
  constexpr float kCategoryLimit = 16777216.0F;  // larger codes are no category
  if (x != x) return n.feature < kDefaultLeft;
  return x >= 0 && x < kCategoryLimit &&
         std::ranges::binary_search(std::span(sets_).subspan(set + 1, sets_[set]),
                                    static_cast<uint32_t>(x));
}

template <FlatTrees::Sets kKind>
void FlatTrees::Walk(const Root& root, const float* rows, size_t columns, size_t count,
                     NodeId* leaf) const {
  constexpr size_t kLanes = 16;
  const Node* const all = nodes_.data();
  for (size_t begin = 0; begin < count; begin += kLanes) {
    const size_t lanes = std::min(kLanes, count - begin);
    uint32_t at[kLanes];
    const float* row[kLanes];
    for (size_t j = 0; j < kLanes; ++j) {
      at[j] = root.first;
      row[j] = rows + (begin + std::min(j, lanes - 1)) * columns;
    }
    for (uint32_t d = 0; d < root.depth; ++d) {
      uint32_t inner = 0;
      for (size_t j = 0; j < kLanes; ++j) {
        const Node& n = all[at[j]];
        const uint32_t f = n.feature & kFeature;
        at[j] = Next<kKind>(n, f < columns ? row[j][f] : Missing(f));
        inner |= n.step;
      }
      if (inner == 0) break;
    }
    for (size_t j = 0; j < lanes; ++j) leaf[begin + j] = static_cast<NodeId>(at[j] - root.first);
  }
}

void FlatTrees::FindLeaves(size_t t, const float* rows, size_t columns, size_t count,
                           NodeId* leaf) const {
  switch (kind_) {
    case Sets::kNone:
      return Walk<Sets::kNone>(roots_[t], rows, columns, count, leaf);
    case Sets::kBits:
      return Walk<Sets::kBits>(roots_[t], rows, columns, count, leaf);
    case Sets::kLists:
      return Walk<Sets::kLists>(roots_[t], rows, columns, count, leaf);
  }
}

}  // namespace clary::gbdt
