// One row through every tree, a handful of trees in step.
#include <algorithm>
#include <cmath>
#include <limits>

#include "clary/gbdt.h"
#include "gbdt/flat_tree.h"
#include "gbdt/predict.h"
#include "gbdt/predict_row.h"
#include "gbdt/tree.h"

namespace clary::gbdt {
namespace {

constexpr size_t kLanes = 16;
}  // namespace

struct Predictor::Flat {
  struct Group {  // up to kLanes trees
    uint32_t root[kLanes];
    uint32_t depth = 0;
    size_t trees = 0;
  };

  explicit Flat(const Forest& forest);
  template <FlatTrees::Sets kKind>
  void Add(const float* row, float* margins) const;

  size_t features;
  std::vector<float> base;
  FlatTrees trees;
  std::vector<float> value;      // [nodes]: of a leaf, by the tree's weight
  std::vector<uint32_t> output;  // [trees]
  std::vector<Group> groups;
  std::vector<float> linear;          // gblinear: as in Forest
  std::unique_ptr<RowForest> by_row;  // the faster way, where there is one
};

Predictor::Flat::Flat(const Forest& forest)
    : features(forest.num_feature),
      trees(forest.trees),
      linear(forest.linear_weights),
      by_row(RowForest::Prepare(forest)) {
  const auto start = BaseMargins(forest);
  base = start ? *start : std::vector<float>(static_cast<size_t>(forest.num_output()), 0);
  for (size_t t = 0; t < forest.trees.size(); ++t) {
    const float weight = forest.tree_weight.empty() ? 1.0F : forest.tree_weight[t];
    for (const float threshold : forest.trees[t].threshold) value.push_back(weight * threshold);
    output.push_back(static_cast<uint32_t>(forest.tree_output[t]));
    if (t % kLanes == 0) groups.emplace_back();
    Group& group = groups.back();
    group.depth = std::max(group.depth, trees.roots()[t].depth);
    group.root[group.trees++] = trees.roots()[t].first;
  }
  for (Group& group : groups) {  // idle lanes repeat the first tree
    for (size_t j = group.trees; j < kLanes; ++j) group.root[j] = group.root[0];
  }
}

template <FlatTrees::Sets kKind>
void Predictor::Flat::Add(const float* row, float* margins) const {
  const FlatTrees::Node* const all = trees.nodes().data();
  const uint32_t* its_output = output.data();
  for (const Group& group : groups) {
    uint32_t at[kLanes];
    std::copy_n(group.root, kLanes, at);
    for (uint32_t d = 0; d < group.depth; ++d) {
      for (size_t j = 0; j < kLanes; ++j) {
        const FlatTrees::Node& n = all[at[j]];
        at[j] = trees.Next<kKind>(n, row[n.feature & FlatTrees::kFeature]);
      }
    }
    for (size_t j = 0; j < group.trees; ++j) margins[*its_output++] += value[at[j]];
  }
}

Predictor::Predictor(const Model& model) : flat_(std::make_unique<Flat>(model.forest())) {}

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
  if (flat.by_row != nullptr) return flat.by_row->Add(row, margins.data());
  switch (flat.trees.sets()) {
    case FlatTrees::Sets::kNone:
      return flat.Add<FlatTrees::Sets::kNone>(row.data(), margins.data());
    case FlatTrees::Sets::kBits:
      if (padded.empty()) padded.assign(row.begin(), row.end());
      flat.trees.Encode(padded);
      return flat.Add<FlatTrees::Sets::kBits>(padded.data(), margins.data());
    case FlatTrees::Sets::kLists:
      return flat.Add<FlatTrees::Sets::kLists>(row.data(), margins.data());
  }
}

}  // namespace clary::gbdt
