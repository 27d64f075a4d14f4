#include "gbdt/tree_builder.h"

#include <algorithm>

#include "gbdt/binned_matrix.h"
#include "gbdt/cuts.h"
#include "gbdt/grower.h"
#include "gbdt/quantize.h"

namespace clary::gbdt {
namespace {

std::span<const float> RowWeights(const Dataset& data) {
  const auto& weight = data.fields().weight;
  return weight.size() == data.rows() ? std::span<const float>(weight) : std::span<const float>();
}

// hist: bins once for the whole run.
class HistBuilder : public TreeBuilder {
 public:
  HistBuilder(const TrainParams& params, const Dataset& train, RandomEngine& engine,
              ThreadPool& pool, const Options& options)
      : pool_(pool),
        cuts_(std::make_shared<const Cuts>(
            ComputeCuts(train, RowWeights(train), params.max_bin, pool))),
        bins_(train, cuts_, true, pool),
        features_(params, cuts_->features(), engine),
        grower_(params, bins_, features_, pool, options.leaf_rows, options.phases),
        packed_(train.rows()) {}

  Tree Grow(const OutputGradients& g, uint32_t seed, const RowSample& rows) override {
    dropped_ = rows.dropped;
    const GradScale scale =
        QuantizeGradients(g.grad, g.hess, g.outputs, g.output, seed, pool_, packed_);
    return grower_.Grow(packed_.data(), scale, rows.kept);
  }
  std::vector<LeafRows> leaves() const override { return grower_.leaves(); }
  void AddTo(const Tree& tree, float* margin, size_t stride) override {
    grower_.AddTo(tree, margin, stride);
    if (dropped_.empty()) return;
    grower_.binned().AddTo(bins_, dropped_, tree.threshold, margin, stride, pool_);
  }
  size_t Watch(const Dataset& data) override {
    watched_.push_back(std::make_unique<BinnedMatrix>(data, cuts_, false, pool_));
    return watched_.size() - 1;
  }
  void AddToWatched(size_t set, const Tree& tree, float* margin, size_t stride) override {
    grower_.binned().AddTo(*watched_[set], tree.threshold, margin, stride, pool_);
  }

 private:
  ThreadPool& pool_;
  std::shared_ptr<const Cuts> cuts_;
  BinnedMatrix bins_;
  FeatureSampler features_;
  TreeGrower grower_;
  std::vector<PackedGrad> packed_;
  std::span<const uint32_t> dropped_;
  std::vector<std::unique_ptr<BinnedMatrix>> watched_;
};

}  // namespace

std::unique_ptr<TreeBuilder> TreeBuilder::Make(const TrainParams& params, const Dataset& train,
                                               RandomEngine& engine, ThreadPool& pool,
                                               const Options& options) {
  return std::make_unique<HistBuilder>(params, train, engine, pool, options);
}

void AddLeaves(const Tree& tree, const Dataset& data, float* margin, size_t stride,
               ThreadPool& pool) {
  constexpr size_t kRows = 1024;
  const size_t columns = data.columns();
  pool.ForEach((data.rows() + kRows - 1) / kRows, [&](size_t block, int) {
    std::vector<float> copy(data.is_sparse() ? columns : 0);
    for (size_t r = block * kRows; r < std::min(data.rows(), (block + 1) * kRows); ++r) {
      std::span<const float> row = copy;
      if (data.is_sparse()) {
        data.CopyRow(r, copy);
      } else {
        row = data.dense().subspan(r * columns, columns);
      }
      margin[r * stride] += tree.threshold[static_cast<size_t>(tree.FindLeaf(row))];
    }
  });
}

}  // namespace clary::gbdt
