// One row through every tree. A handful of trees is walked in step, so that their loads overlap,
// and without branches: leaves lead to themselves.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "clary/gbdt.h"
#include "gbdt/predict.h"
#include "gbdt/tree.h"

namespace clary::gbdt {
namespace {

constexpr size_t kLanes = 16;
constexpr uint32_t kDefaultLeft = 1U << 31;
constexpr uint32_t kCategorical = 1U << 30;
constexpr uint32_t kFeature = kCategorical - 1;

struct FlatNode {
  float threshold = 0;  // categorical: the bits of an index into `categories`
  uint32_t feature = 0;
  uint32_t left = 0;
  uint32_t step = 0;  // what is added to `left` for the right child; 0 for a leaf
};

}  // namespace

struct Predictor::Flat {
  struct Group {  // up to kLanes trees
    uint32_t root[kLanes];
    uint32_t depth = 0;
    bool categorical = false;
    uint32_t trees = 0;
  };

  size_t features = 0;
  std::vector<float> base;
  std::vector<FlatNode> nodes;
  std::vector<float> value;      // [nodes]: of a leaf, by the tree's weight
  std::vector<uint32_t> output;  // [trees]
  std::vector<Group> groups;
  std::vector<std::vector<uint32_t>> categories;  // that go right, ascending
  std::vector<float> linear;                      // gblinear: as in Forest

  void AddTree(const Tree& tree, float weight, uint32_t its_output);
  template <bool kCategories>
  void Walk(const Group& group, const float* row, uint32_t* at) const;
};

void Predictor::Flat::AddTree(const Tree& tree, float weight, uint32_t its_output) {
  const auto first = static_cast<uint32_t>(nodes.size());
  std::vector<uint32_t> depth(tree.size(), 0);
  if (groups.empty() || groups.back().trees == kLanes) groups.emplace_back();
  Group& group = groups.back();
  for (size_t n = 0; n < tree.size(); ++n) {
    FlatNode node;
    node.left = first + static_cast<uint32_t>(n);
    if (!tree.IsLeaf(static_cast<NodeId>(n))) {
      const auto left = static_cast<uint32_t>(tree.left[n]);
      node.left = first + left;
      node.step = 1;
      depth[left] = depth[left + 1] = depth[n] + 1;  // children come after their parent
      group.depth = std::max(group.depth, depth[n] + 1);
      node.threshold = tree.threshold[n];
      node.feature = tree.feature[n] | (tree.default_left[n] != 0 ? kDefaultLeft : 0);
      if (const auto [is, right] = tree.RightCategories(static_cast<NodeId>(n)); is) {
        node.feature |= kCategorical;
        node.threshold = std::bit_cast<float>(static_cast<uint32_t>(categories.size()));
        categories.emplace_back(right.begin(), right.end());
        group.categorical = true;
      }
    }
    nodes.push_back(node);
    value.push_back(weight * tree.threshold[n]);
  }
  group.root[group.trees++] = first;
  output.push_back(its_output);
}

template <bool kCategories>
void Predictor::Flat::Walk(const Group& group, const float* row, uint32_t* at) const {
  const FlatNode* const all = nodes.data();
  for (size_t j = 0; j < kLanes; ++j) at[j] = group.root[j];
  for (uint32_t d = 0; d < group.depth; ++d) {
    for (size_t j = 0; j < kLanes; ++j) {
      const FlatNode& n = all[at[j]];
      const float x = row[n.feature & kFeature];
      bool left = (x < n.threshold) | ((x != x) & (n.feature >= kDefaultLeft));
      if constexpr (kCategories) {
        if ((n.feature & kCategorical) != 0 && x == x) {
          const auto& right = categories[std::bit_cast<uint32_t>(n.threshold)];
          left = !(x >= 0 && x < 16777216.0F) ||
                 !std::binary_search(right.begin(), right.end(), static_cast<uint32_t>(x));
        }
      }
      at[j] = n.left + (n.step & static_cast<uint32_t>(!left));
    }
  }
}

Predictor::Predictor(const Model& model) {
  const Forest& forest = model.forest();
  auto flat = std::make_unique<Flat>();
  flat->features = forest.num_feature;
  const auto base = BaseMargins(forest);
  flat->base = base ? *base : std::vector<float>(static_cast<size_t>(forest.num_output()), 0);
  flat->linear = forest.linear_weights;
  for (size_t t = 0; t < forest.trees.size(); ++t) {
    flat->AddTree(forest.trees[t], forest.tree_weight.empty() ? 1.0F : forest.tree_weight[t],
                  static_cast<uint32_t>(forest.tree_output[t]));
  }
  for (auto& group : flat->groups) {  // idle lanes repeat the first tree
    for (size_t j = group.trees; j < kLanes; ++j) group.root[j] = group.root[0];
  }
  flat_ = std::move(flat);
}

Predictor::~Predictor() = default;
Predictor::Predictor(Predictor&&) noexcept = default;
Predictor& Predictor::operator=(Predictor&&) noexcept = default;

size_t Predictor::num_output() const { return flat_->base.size(); }

void Predictor::Margins(std::span<const float> row, std::span<float> margins) const {
  const Flat& flat = *flat_;
  std::vector<float> padded;
  if (row.size() < flat.features) {
    padded.assign(row.begin(), row.end());
    padded.resize(flat.features, std::numeric_limits<float>::quiet_NaN());
    row = padded;
  }
  std::copy(flat.base.begin(), flat.base.end(), margins.begin());
  if (!flat.linear.empty()) {
    const size_t outputs = flat.base.size();
    for (size_t k = 0; k < outputs; ++k) {
      float sum = margins[k] + flat.linear[flat.features * outputs + k];
      for (size_t f = 0; f < flat.features; ++f) {
        if (!std::isnan(row[f])) sum += row[f] * flat.linear[f * outputs + k];
      }
      margins[k] = sum;
    }
  }
  size_t tree = 0;
  for (const Flat::Group& group : flat.groups) {
    uint32_t at[kLanes];
    if (group.categorical) {
      flat.Walk<true>(group, row.data(), at);
    } else {
      flat.Walk<false>(group, row.data(), at);
    }
    for (uint32_t j = 0; j < group.trees; ++j) margins[flat.output[tree++]] += flat.value[at[j]];
  }
}

}  // namespace clary::gbdt
