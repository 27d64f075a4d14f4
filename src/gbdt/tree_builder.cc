#include "gbdt/tree_builder.h"

#include <algorithm>
#include <string>
#include <utility>

#include "gbdt/binned_matrix.h"
#include "gbdt/cuts.h"
#include "gbdt/exact_grower.h"
#include "gbdt/grower.h"
#include "gbdt/internal/objective_impl.h"
#include "gbdt/predict.h"
#include "gbdt/quantize.h"
#include "gbdt/rare_search.h"

namespace clary::gbdt {
namespace {

std::span<const float> RowWeights(const Dataset& data) {
  const auto& weight = data.fields().weight;
  return weight.size() == data.rows() ? std::span<const float>(weight) : std::span<const float>();
}

// How few values a bin make a feature rare; hosts have no way to search such together.
float RareBelow(const TrainParams& params, const Shard& shard) {
  return shard.alone() ? RareSearch::ValuesPerBin(params) : 0;
}

Bins::Data BinFor(const TrainParams& params, const Dataset& train, const Shard& shard,
                  ThreadPool& pool) {
  const float rare = RareBelow(params, shard);
  auto cuts = std::make_shared<const Cuts>(
      SharedCuts(train, shard).Find(RowWeights(train), params.max_bin, pool));
  auto bins = std::make_shared<const BinnedMatrix>(train, cuts, true, pool, rare);
  return {.train = train,
          .max_bin = params.max_bin,
          .rare = rare,
          .cuts = std::move(cuts),
          .bins = std::move(bins),
          .watched = {}};
}

std::shared_ptr<const BinnedMatrix> BinWatched(const Dataset& data,
                                               const std::shared_ptr<const Cuts>& cuts,
                                               ThreadPool& pool) {
  return std::make_shared<const BinnedMatrix>(data, cuts, false, pool);
}

// hist: bins once for the whole run.
class HistBuilder : public TreeBuilder {
 public:
  HistBuilder(const TrainParams& params, const Dataset& train, RandomEngine& engine,
              ThreadPool& pool, const Options& options)
      : pool_(pool),
        shard_(options.shard),
        data_(options.bins.Fit(params, train) ? *options.bins.data()
                                              : BinFor(params, train, shard_, pool)),
        features_(params, data_.cuts->features(), engine),
        grower_(params, *data_.bins, features_, pool, options.leaf_rows, shard_, options.phases),
        packed_(train.rows()) {}

  void Prepare(std::span<const OutputGradients> gradients,
               std::span<const uint32_t> seeds) override {
    prepared_.resize(gradients.size());
    next_ = 0;
    std::vector<const PackedGrad*> packed;
    for (size_t k = 0; k < gradients.size(); ++k) {
      prepared_[k].packed.resize(packed_.size());
      prepared_[k].scale = QuantizeGradients(gradients[k].grad, gradients[k].hess, seeds[k], pool_,
                                             shard_, prepared_[k].packed);
      packed.push_back(prepared_[k].packed.data());
    }
    std::vector<Histogram> roots = grower_.Roots(packed);
    for (size_t k = 0; k < roots.size(); ++k) prepared_[k].root = std::move(roots[k]);
  }
  Tree Grow(const OutputGradients& g, uint32_t seed, const RowSample& rows) override {
    dropped_ = rows.dropped;
    if (next_ < prepared_.size()) {
      Prepared& p = prepared_[next_++];
      return grower_.Grow(p.packed.data(), p.scale, std::nullopt, std::move(p.root));
    }
    const GradScale scale = QuantizeGradients(g.grad, g.hess, seed, pool_, shard_, packed_);
    return grower_.Grow(packed_.data(), scale, rows.sample());
  }
  std::vector<LeafRows> leaves() override { return grower_.leaves(); }
  void AddTo(const Tree& tree, float* margin, size_t stride) override {
    grower_.AddTo(tree, margin, stride);
    if (dropped_.empty()) return;
    grower_.binned().AddTo(*data_.bins, dropped_, tree.threshold, margin, stride, pool_);
  }
  size_t Watch(const Dataset& data) override {
    const auto known = std::ranges::find_if(
        data_.watched, [&](const Bins::Data::Watched& w) { return w.data.SameAs(data); });
    watched_.push_back(known != data_.watched.end() ? known->bins
                                                    : BinWatched(data, data_.cuts, pool_));
    return watched_.size() - 1;
  }
  void AddToWatched(size_t set, const Tree& tree, float* margin, size_t stride) override {
    grower_.binned().AddTo(*watched_[set], tree.threshold, margin, stride, pool_);
  }

 private:
  ThreadPool& pool_;
  const Shard shard_;
  const Bins::Data data_;
  FeatureSampler features_;
  TreeGrower grower_;
  std::vector<PackedGrad> packed_;
  std::span<const uint32_t> dropped_;
  std::vector<std::shared_ptr<const BinnedMatrix>> watched_;

  // What Prepare has done of a tree.
  struct Prepared {
    std::vector<PackedGrad> packed;
    GradScale scale;
    Histogram root;
  };
  std::vector<Prepared> prepared_;
  size_t next_ = 0;  // the tree that comes next
};

// What exact and approx share: other datasets are walked by value.
class ByValueBuilder : public TreeBuilder {
 public:
  size_t Watch(const Dataset& data) override {
    watched_.push_back(data);
    return watched_.size() - 1;
  }
  void AddToWatched(size_t set, const Tree& tree, float* margin, size_t stride) override {
    AddLeaves(tree, watched_[set], margin, stride, pool_);
  }

 protected:
  explicit ByValueBuilder(ThreadPool& pool) : pool_(pool) {}
  ThreadPool& pool_;

 private:
  std::vector<Dataset> watched_;
};

// approx: new bins for each tree, from quantiles weighted by the second derivatives (and, as
// upstream, by the weights once more), so that bins are narrow where the loss is curved. Only once
// where the second derivatives never change.
class ApproxBuilder : public ByValueBuilder {
 public:
  ApproxBuilder(const TrainParams& params, const Dataset& train, RandomEngine& engine,
                ThreadPool& pool, const Options& options)
      : ByValueBuilder(pool),
        params_(params),
        train_(train),
        options_(options),
        cuts_(train, options.shard),
        constant_hessian_(params.objective == "reg:squarederror" ||
                          params.objective == "reg:absoluteerror" ||
                          params.objective == "reg:quantileerror"),
        features_(params, train.columns(), engine),
        packed_(train.rows()) {}

  Tree Grow(const OutputGradients& g, uint32_t seed, const RowSample& rows) override {
    dropped_ = rows.dropped;
    if (grower_ == nullptr || !constant_hessian_) Bin(g);
    const GradScale scale = QuantizeGradients(g.grad, g.hess, seed, pool_, options_.shard, packed_);
    return grower_->Grow(packed_.data(), scale, rows.sample());
  }
  std::vector<LeafRows> leaves() override { return grower_->leaves(); }
  void AddTo(const Tree& tree, float* margin, size_t stride) override {
    grower_->AddTo(tree, margin, stride);
    if (dropped_.empty()) return;
    grower_->binned().AddTo(*bins_, dropped_, tree.threshold, margin, stride, pool_);
  }

 private:
  void Bin(const OutputGradients& g) {
    if (options_.phases != nullptr) options_.phases->Enter(Phase::kBinning);
    const auto weight = RowWeights(train_);
    std::vector<float> curvature(train_.rows());
    for (size_t r = 0; r < curvature.size(); ++r) {
      curvature[r] = g.hess[r] * (weight.empty() ? 1.0F : weight[r]);
    }
    for (const uint32_t r : dropped_) curvature[r] = 0;
    auto cuts = std::make_shared<const Cuts>(cuts_.Find(curvature, params_.max_bin, pool_));
    // With few distinct values the cuts are always the same.
    if (grower_ != nullptr && cuts->value == bins_->cuts().value) return;
    grower_ = nullptr;
    bins_ = std::make_unique<BinnedMatrix>(train_, std::move(cuts), true, pool_,
                                           RareBelow(params_, options_.shard));
    grower_ = std::make_unique<TreeGrower>(params_, *bins_, features_, pool_, options_.leaf_rows,
                                           options_.shard, options_.phases);
  }

  const TrainParams& params_;
  const Dataset& train_;
  const Options options_;
  const SharedCuts cuts_;
  const bool constant_hessian_;
  FeatureSampler features_;
  std::unique_ptr<BinnedMatrix> bins_;
  std::unique_ptr<TreeGrower> grower_;
  std::vector<PackedGrad> packed_;
  std::span<const uint32_t> dropped_;
};

// exact: no bins; features are sampled afresh for each tree.
class ExactBuilder : public ByValueBuilder {
 public:
  ExactBuilder(const TrainParams& params, const Dataset& train, RandomEngine& engine,
               ThreadPool& pool, const Options& options)
      : ByValueBuilder(pool),
        params_(params),
        phases_(options.phases),
        shard_(options.shard),
        columns_(train.columns()),
        engine_(engine),
        grower_(params, train, pool),
        packed_(train.rows()) {}

  Tree Grow(const OutputGradients& g, uint32_t seed, const RowSample& rows) override {
    const GradScale scale = QuantizeGradients(g.grad, g.hess, seed, pool_, shard_, packed_);
    FeatureSampler features(params_, columns_, engine_);
    if (phases_ != nullptr) phases_->Enter(Phase::kSplit);
    return grower_.Grow(packed_.data(), scale, rows.dropped, features);
  }
  std::vector<LeafRows> leaves() override { return grower_.leaves(); }
  void AddTo(const Tree& tree, float* margin, size_t stride) override {
    const auto leaf = grower_.leaf_of();
    constexpr size_t kRows = 16384;
    pool_.ForEach((leaf.size() + kRows - 1) / kRows, [&](size_t b, int) {
      for (size_t r = b * kRows; r < std::min(leaf.size(), (b + 1) * kRows); ++r) {
        margin[r * stride] += tree.threshold[static_cast<size_t>(leaf[r])];
      }
    });
  }

 private:
  const TrainParams& params_;
  PhaseClock* const phases_;
  const Shard shard_;
  const uint32_t columns_;
  RandomEngine& engine_;
  ExactGrower grower_;
  std::vector<PackedGrad> packed_;
};

// Categories are numbers from 0, and each gets a bin.
Status CheckCategories(const Dataset& data) {
  constexpr float kMost = 65533;  // what two-byte codes leave room for
  const auto& types = data.fields().feature_types;
  if (std::ranges::find(types, "c") == types.end()) return {};
  std::vector<float> row(data.columns());
  for (size_t r = 0; r < data.rows(); ++r) {
    data.CopyRow(r, row);
    for (uint32_t f = 0; f < data.columns(); ++f) {
      if (types[f] != "c" || !(row[f] < 0 || row[f] > kMost)) continue;
      return Fail(Code::kInvalidArgument, "BadCategory",
                  "feature " + std::to_string(f) + " is categorical, but its value in row " +
                      std::to_string(r) + " is " + ShortText(row[f]) +
                      "; categories are numbers from 0 to 65533");
    }
  }
  return {};
}

}  // namespace

Bins::Bins() = default;

Result<Bins> Bins::Make(const TrainParams& params, const Dataset& train,
                        const std::vector<EvalSet>& evals) {
  CLARY_CHECK_OK(params.Validate());
  const Dataset weighted = train.Weighted();
  CLARY_CHECK_OK(CheckCategories(weighted));
  ThreadPool pool(params.nthread);
  auto data = std::make_shared<Data>(BinFor(params, weighted, {.rows = weighted.rows()}, pool));
  for (const EvalSet& set : evals) {
    if (set.data.SameAs(weighted)) continue;
    data->watched.push_back({set.data, BinWatched(set.data, data->cuts, pool)});
  }
  Bins out;
  out.data_ = std::move(data);
  return out;
}

bool Bins::Fit(const TrainParams& params, const Dataset& train) const {
  if (!data_ || !data_->train.SameAs(train) || data_->max_bin != params.max_bin) return false;
  // Features that could be rare are laid out by the shape of the trees.
  const bool thin = std::ranges::any_of(
      data_->cuts->present_share, [](float share) { return share < BinnedMatrix::kListShare; });
  return !thin || data_->rare == RareSearch::ValuesPerBin(params);
}

Result<std::unique_ptr<TreeBuilder>> TreeBuilder::Make(const TrainParams& params,
                                                       const Dataset& train, RandomEngine& engine,
                                                       ThreadPool& pool, const Options& options) {
  const Status categories = CheckCategories(train);
  CLARY_CHECK_OK(options.shard.alone() ? categories : options.shard.hosts->Agree(categories));
  std::unique_ptr<TreeBuilder> builder;
  switch (params.tree_method) {
    case TreeMethod::kExact: {
      const auto refuse = [](std::string message) {
        return Fail(Code::kInvalidArgument, "BadParameter", std::move(message));
      };
      if (params.max_depth == 0) {
        return refuse("tree_method=exact needs a max_depth above 0");
      }
      if (params.colsample_bynode < 1) {
        return refuse("tree_method=exact cannot sample columns by node; use hist or approx");
      }
      if (std::ranges::find(train.fields().feature_types, "c") !=
          train.fields().feature_types.end()) {
        return refuse("tree_method=exact cannot split on categories; use hist or approx");
      }
      builder = std::make_unique<ExactBuilder>(params, train, engine, pool, options);
      break;
    }
    case TreeMethod::kApprox:
      builder = std::make_unique<ApproxBuilder>(params, train, engine, pool, options);
      break;
    case TreeMethod::kAuto:
    case TreeMethod::kHist:
      builder = std::make_unique<HistBuilder>(params, train, engine, pool, options);
      break;
  }
  return builder;
}

void AddLeaves(const Tree& tree, const Dataset& data, float* margin, size_t stride,
               ThreadPool& pool) {
  ForEachLeaf(tree, data, pool, [&](size_t row, NodeId leaf) {
    margin[row * stride] += tree.threshold[static_cast<size_t>(leaf)];
  });
}

}  // namespace clary::gbdt
