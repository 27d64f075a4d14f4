// gbtree and dart: a tree per output and round, grown by the tree method.
#include <algorithm>
#include <optional>
#include <utility>

#include "gbdt/dart.h"
#include "gbdt/gradient_booster.h"
#include "gbdt/intercept.h"
#include "gbdt/predict.h"
#include "gbdt/tree_builder.h"
#include "gbdt/tree_update.h"

namespace clary::gbdt {
namespace {

class TreeBooster final : public GradientBooster {
 public:
  explicit TreeBooster(const BoostContext& context)
      : c_(context),
        dart_(context.params.booster == Booster::kDart),
        refit_(context.objective.leaf_quantile(0) > 0),
        after_(PlanUpdaters(context.params).value_or(UpdaterPlan{}).after),
        rows_(context.params, context.train().rows(), context.shard()) {
    if (dart_) {
      for (const TrackedSet& set : c_.sets)
        exact_.emplace_back(set.margin.begin(), set.margin.end());
    }
    // dart keeps a weight for every tree, those that it continues from included.
    if (dart_) c_.forest.tree_weight.resize(c_.forest.trees.size(), 1.0F);
  }

  Status SetUp() {
    // Upstream draws the first round's trees before the tree method draws its own seeds.
    if (dart_) next_dropped_ = DrawDropped(c_.params, c_.forest.tree_weight, c_.engine);
    CLARY_TRY(
        builder_,
        TreeBuilder::Make(
            c_.params, c_.train(), c_.engine, c_.pool,
            {.leaf_rows = refit_, .phases = &c_.phases, .bins = c_.bins, .shard = c_.shard()}));
    for (size_t s = 1; s < c_.sets.size(); ++s) builder_->Watch(c_.sets[s].data);
    return {};
  }

  bool StartRound() override {
    if (!dart_) return false;
    dropped_ = next_dropped_ ? *std::exchange(next_dropped_, std::nullopt)
                             : DrawDropped(c_.params, c_.forest.tree_weight, c_.engine);
    without_.clear();
    if (dropped_.empty()) return false;
    for (const TrackedSet& set : c_.sets) {
      std::vector<double>& sum = without_.emplace_back(set.margin.size());
      for (const size_t t : dropped_) {
        const double weight = c_.forest.tree_weight[t];
        const Tree& tree = c_.forest.trees[t];
        double* const out = sum.data() + c_.forest.tree_output[t];
        ForEachLeaf(tree, set.data, c_.pool, [&](size_t row, NodeId leaf) {
          out[row * c_.outputs] += weight * tree.threshold[static_cast<size_t>(leaf)];
        });
      }
    }
    std::vector<float>& margin = c_.sets.front().margin;
    for (size_t i = 0; i < margin.size(); ++i) {
      margin[i] = static_cast<float>(exact_[0][i] - without_[0][i]);
    }
    return true;
  }

  void Boost(int, std::span<float> grad, std::span<float> hess) override {
    // What the round's trees give is collected apart, [outputs * rows], by dart, since their weight
    // comes last, and where a row's margins lie too far apart for adding to one of them at a time.
    const bool apart = dart_ || (c_.outputs > 1 && c_.params.num_parallel_tree == 1);
    std::vector<std::vector<float>> fresh;
    if (apart) {
      for (const TrackedSet& set : c_.sets) fresh.emplace_back(set.margin.size());
    }
    const size_t before = c_.forest.trees.size();
    constexpr size_t kMostTogether = 64;  // gradients of so many trees are kept twice
    if (c_.outputs > 1 && c_.outputs <= kMostTogether && c_.params.num_parallel_tree == 1 &&
        !rows_.active()) {
      Prepare(grad, hess);
    }
    for (size_t output = 0; output < c_.outputs; ++output) {
      std::vector<float*> margins;
      for (size_t s = 0; s < c_.sets.size(); ++s) {
        margins.push_back(apart ? fresh[s].data() + output * c_.sets[s].data.rows()
                                : c_.sets[s].margin.data() + output);
      }
      for (int t = 0; t < c_.params.num_parallel_tree; ++t) {
        GrowTree(output, grad, hess, margins, apart ? 1 : c_.outputs);
      }
    }
    c_.forest.round_begin.push_back(c_.forest.trees.size());
    if (dart_) {
      Weigh(c_.forest.trees.size() - before, fresh);
    } else if (apart) {
      for (size_t s = 0; s < c_.sets.size(); ++s) {
        float* const margin = c_.sets[s].margin.data();
        ForEachByRow(s, [&](size_t at, size_t by_output) { margin[at] += fresh[s][by_output]; });
      }
    }
  }

  std::vector<float> Snapshot() const override { return c_.forest.tree_weight; }
  void Restore(std::vector<float> snapshot) override {
    std::ranges::copy(snapshot, c_.forest.tree_weight.begin());
  }

 private:
  // Any fixed mixing will do; it only has to differ from tree to tree.
  uint32_t SeedOf(size_t tree) const {
    return static_cast<uint32_t>(c_.params.seed) * 0x9E3779B1U +
           static_cast<uint32_t>(tree) * 0x85EBCA77U;
  }

  // Tells the builder of the round's trees.
  void Prepare(std::span<const float> grad, std::span<const float> hess) {
    c_.phases.Enter(Phase::kGradient);
    const size_t rows = c_.train().rows();
    std::vector<OutputGradients> gradients;
    std::vector<uint32_t> seeds;
    for (size_t k = 0; k < c_.outputs; ++k) {
      gradients.push_back(
          {.grad = grad.subspan(k * rows, rows), .hess = hess.subspan(k * rows, rows)});
      seeds.push_back(SeedOf(c_.forest.trees.size() + k));
    }
    builder_->Prepare(gradients, seeds);
  }

  // margins: of each set, at the first row's item of the output, the next row's `stride` on.
  void GrowTree(size_t output, std::span<const float> grad, std::span<const float> hess,
                std::span<float* const> margins, size_t stride) {
    Forest& forest = c_.forest;
    c_.phases.Enter(Phase::kGradient);
    const size_t rows = c_.train().rows();
    const OutputGradients gradients = rows_.Draw(
        c_.engine, c_.pool,
        {.grad = grad.subspan(output * rows, rows), .hess = hess.subspan(output * rows, rows)});
    Tree tree = builder_->Grow(gradients, SeedOf(forest.trees.size()),
                               {.kept = rows_.kept(), .dropped = rows_.dropped()});
    c_.phases.Enter(Phase::kPredict);
    const bool changed = ApplyUpdaters(tree, gradients);
    // As upstream: only if the tree is as it was grown.
    if (refit_ && after_.empty()) RefitLeaves(tree, output);
    for (size_t s = 0; s < c_.sets.size(); ++s) {
      if (changed) {
        AddLeaves(tree, c_.sets[s].data, margins[s], stride, c_.pool);
      } else if (s == 0) {
        builder_->AddTo(tree, margins[0], stride);
      } else {
        builder_->AddToWatched(s - 1, tree, margins[s], stride);
      }
    }
    forest.trees.push_back(std::move(tree));
    forest.tree_output.push_back(static_cast<int>(output));
  }

  // The updaters after the one that grew the tree. True if they may have changed its nodes.
  bool ApplyUpdaters(Tree& tree, const OutputGradients& gradients) {
    bool changed = false;
    for (const std::string& updater : after_) {
      // Rows that were left out of the sample have no gradient.
      if (updater == "refresh") {
        if (rows_.kept().size() + rows_.dropped().size() > 0 && rows_.kept().empty()) continue;
        RefreshTree(c_.params, c_.train(), rows_.kept(), gradients, c_.pool, tree);
      } else if (updater == "prune") {
        changed = PruneTree(c_.params, tree) || changed;
      }
    }
    return changed;
  }

  // Sets each leaf to the objective's quantile of its rows' residuals.
  void RefitLeaves(Tree& tree, size_t output) {
    const Dataset& train = c_.train();
    const RowFields& f = train.fields();
    const std::vector<float>& margin = c_.sets.front().margin;
    const size_t targets = f.label.size() / std::max<size_t>(1, train.rows());
    const double share = c_.objective.leaf_quantile(static_cast<int>(output));
    // 1.x does not shrink refitted leaves, not even those of several trees a round.
    const float rate = c_.params.version < 200
                           ? 1.0F
                           : c_.params.eta / static_cast<float>(c_.params.num_parallel_tree);
    const auto leaves = builder_->leaves();
    struct Residuals {
      std::vector<float> value;
      std::vector<float> weight;
    };
    std::vector<Residuals> of_leaf(leaves.size());
    c_.pool.ForEach(leaves.size(), [&](size_t k, int) {
      for (const uint32_t r : leaves[k].rows) {
        of_leaf[k].value.push_back(f.label[r * targets + output % targets] -
                                   margin[r * c_.outputs + output]);
        if (f.weight.size() == train.rows()) of_leaf[k].weight.push_back(f.weight[r]);
      }
    });
    for (auto list : {&Residuals::value, &Residuals::weight}) GatherLists(of_leaf, list);
    c_.pool.ForEach(leaves.size(), [&](size_t k, int) {
      if (of_leaf[k].value.empty()) return;
      tree.threshold[static_cast<size_t>(leaves[k].node)] =
          rate * static_cast<float>(WeightedQuantile(of_leaf[k].value, of_leaf[k].weight, share));
    });
  }

  // Replaces a list of each item by that of all hosts, whose lists follow each other by rank.
  template <typename Item>
  void GatherLists(std::vector<Item>& items, std::vector<float> Item::* list) const {
    if (c_.shard().alone()) return;
    collective::Collective& hosts = *c_.shard().hosts;
    std::vector<uint64_t> sizes;
    std::vector<float> mine;
    for (const Item& item : items) {
      sizes.push_back((item.*list).size());
      mine.insert(mine.end(), (item.*list).begin(), (item.*list).end());
    }
    const auto n = static_cast<size_t>(hosts.size());
    const auto all_sizes = hosts.Gather(std::span<const uint64_t>(sizes), n * sizes.size());
    size_t total = 0;
    for (const uint64_t size : all_sizes) total += size;
    const std::vector<float> all = hosts.Gather(std::span<const float>(mine), total);
    for (Item& item : items) (item.*list).clear();
    size_t at = 0;
    for (size_t i = 0; i < all_sizes.size() && hosts.status(); ++i) {
      std::vector<float>& to = items[i % items.size()].*list;
      to.insert(to.end(), all.begin() + static_cast<std::ptrdiff_t>(at),
                all.begin() + static_cast<std::ptrdiff_t>(at + all_sizes[i]));
      at += all_sizes[i];
    }
  }

  // dart: gives the round's trees their weight, the dropped ones their smaller one, and all margins
  // what that makes them.
  void Weigh(size_t new_trees, const std::vector<std::vector<float>>& fresh) {
    const DropScale scale = ScaleAfter(c_.params, dropped_.size(), new_trees);
    for (const size_t t : dropped_) c_.forest.tree_weight[t] *= scale.dropped;
    c_.forest.tree_weight.resize(c_.forest.trees.size(), scale.fresh);
    for (size_t s = 0; s < c_.sets.size(); ++s) {
      std::vector<double>& exact = exact_[s];
      ForEachByRow(s, [&](size_t at, size_t by_output) {
        if (!dropped_.empty()) exact[at] -= without_[s][at] * (1 - double{scale.dropped});
        exact[at] += double{scale.fresh} * fresh[s][by_output];
        c_.sets[s].margin[at] = static_cast<float>(exact[at]);
      });
    }
  }

  // Calls body(at, by_output) for every margin of a set: where it lies row by row, and where by
  // output.
  template <typename Body>
  void ForEachByRow(size_t set, Body&& body) {
    const size_t rows = c_.sets[set].data.rows();
    constexpr size_t kBlock = 4096;
    c_.pool.ForEach((rows + kBlock - 1) / kBlock, [&](size_t b, int) {
      for (size_t row = b * kBlock; row < std::min(rows, (b + 1) * kBlock); ++row) {
        for (size_t k = 0; k < c_.outputs; ++k) body(row * c_.outputs + k, k * rows + row);
      }
    });
  }

  const BoostContext c_;
  const bool dart_;
  const bool refit_;                      // leaves become quantiles of residuals
  const std::vector<std::string> after_;  // updaters that follow the one that grows
  std::unique_ptr<TreeBuilder> builder_;
  RowSampler rows_;

  // dart. Margins are kept in doubles, since trees are taken out and put back many times.
  std::vector<std::vector<double>> exact_;           // a set each
  std::optional<std::vector<size_t>> next_dropped_;  // drawn already
  std::vector<size_t> dropped_;
  std::vector<std::vector<double>> without_;  // a set each: what the dropped trees gave
};

}  // namespace

Result<std::unique_ptr<GradientBooster>> MakeTreeBooster(const BoostContext& context) {
  auto booster = std::make_unique<TreeBooster>(context);
  CLARY_CHECK_OK(booster->SetUp());
  return booster;
}

}  // namespace clary::gbdt
