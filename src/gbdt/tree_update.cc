#include "gbdt/tree_update.h"

#include <algorithm>
#include <cmath>

#include "gbdt/gradient_booster.h"
#include "gbdt/predict.h"
#include "gbdt/tree_builder.h"

namespace clary::gbdt {
namespace {

struct NodeSum {
  double grad = 0;
  double hess = 0;
};

double Shrink(double g, double alpha) {
  return g > alpha ? g - alpha : (g < -alpha ? g + alpha : 0.0);
}

double WeightOf(const TrainParams& p, const NodeSum& sum) {
  if (sum.hess < p.min_child_weight || sum.hess <= 0) return 0;
  const double w = -Shrink(sum.grad, p.alpha) / (sum.hess + p.lambda);
  if (p.max_delta_step == 0 || std::fabs(w) <= p.max_delta_step) return w;
  return std::copysign(static_cast<double>(p.max_delta_step), w);
}

// Other than in a grower's split search, a clamped weight keeps its share of alpha.
double GainOf(const TrainParams& p, const NodeSum& sum) {
  if (sum.hess < p.min_child_weight || sum.hess <= 0) return 0;
  if (p.max_delta_step == 0) {
    const double t = Shrink(sum.grad, p.alpha);
    return t * t / (sum.hess + p.lambda);
  }
  const double w = WeightOf(p, sum);
  return -(2 * sum.grad * w + (sum.hess + p.lambda) * w * w) + p.alpha * std::fabs(w);
}

float LeafRate(const TrainParams& p) { return p.eta / static_cast<float>(p.num_parallel_tree); }

struct UpdaterName {
  std::string_view name;
  enum : uint8_t { kGrow, kChange, kNothing, kLinear } kind;
  TreeMethod method = TreeMethod::kAuto;
};
constexpr UpdaterName kUpdaters[] = {
    {"grow_colmaker", UpdaterName::kGrow, TreeMethod::kExact},
    {"distcol", UpdaterName::kGrow, TreeMethod::kExact},  // the same, of divided columns
    {"grow_histmaker", UpdaterName::kGrow, TreeMethod::kApprox},
    {"grow_local_histmaker", UpdaterName::kGrow, TreeMethod::kApprox},  // sketches of old releases
    {"grow_skmaker", UpdaterName::kGrow, TreeMethod::kApprox},
    {"grow_quantile_histmaker", UpdaterName::kGrow, TreeMethod::kHist},
    {"grow_gpu_hist", UpdaterName::kGrow, TreeMethod::kHist},
    {"refresh", UpdaterName::kChange},
    {"prune", UpdaterName::kChange},
    {"sync", UpdaterName::kNothing},
    {"shotgun", UpdaterName::kLinear},
    {"coord_descent", UpdaterName::kLinear},
};

std::unexpected<Error> BadUpdater(std::string message) {
  return Fail(Code::kInvalidArgument, "BadParameter", std::move(message));
}

class UpdateBooster final : public GradientBooster {
 public:
  UpdateBooster(const BoostContext& context, const Forest& old)
      : c_(context),
        old_(old),
        updaters_(PlanUpdaters(context.params).value_or(UpdaterPlan{}).after) {}

  void Boost(int round, std::span<float> grad, std::span<float> hess) override {
    const auto r = static_cast<size_t>(round);
    const size_t rows = c_.train().rows();
    for (size_t t = old_.round_begin[r]; t < old_.round_begin[r + 1]; ++t) {
      Tree tree = old_.trees[t];
      const auto output = static_cast<size_t>(old_.tree_output[t]);
      for (const std::string& updater : updaters_) {
        if (updater == "refresh") {
          RefreshTree(c_.params, c_.train(), {},
                      {.grad = grad.subspan(output * rows, rows),
                       .hess = hess.subspan(output * rows, rows)},
                      c_.pool, tree);
        } else {
          PruneTree(c_.params, tree);
        }
      }
      for (TrackedSet& set : c_.sets) {
        AddLeaves(tree, set.data, set.margin.data() + output, c_.outputs, c_.pool);
      }
      c_.forest.trees.push_back(std::move(tree));
      c_.forest.tree_output.push_back(old_.tree_output[t]);
    }
    c_.forest.round_begin.push_back(c_.forest.trees.size());
  }

 private:
  const BoostContext c_;
  const Forest& old_;
  const std::vector<std::string> updaters_;
};

}  // namespace

void RefreshTree(const TrainParams& params, const Dataset& data, std::span<const uint32_t> rows,
                 const OutputGradients& gradients, ThreadPool& pool, Tree& tree) {
  // Leaves first, in any order, then sums in row order.
  std::vector<NodeId> leaf(data.rows());
  ForEachLeaf(tree, data, pool, [&](size_t row, NodeId n) { leaf[row] = n; });
  std::vector<NodeSum> sum(tree.size());
  const auto add = [&](size_t row) {
    NodeSum& s = sum[static_cast<size_t>(leaf[row])];
    s.grad += gradients.grad[row];
    s.hess += gradients.hess[row];
  };
  if (rows.empty()) {
    for (size_t r = 0; r < data.rows(); ++r) add(r);
  } else {
    for (const uint32_t r : rows) add(r);
  }
  for (size_t n = tree.size(); n-- > 1;) {  // children come after their parent
    NodeSum& up = sum[static_cast<size_t>(tree.parent[n])];
    up.grad += sum[n].grad;
    up.hess += sum[n].hess;
  }
  for (size_t n = 0; n < tree.size(); ++n) {
    const auto weight = static_cast<float>(WeightOf(params, sum[n]));
    tree.base_weight[n] = weight;
    tree.cover[n] = static_cast<float>(sum[n].hess);
    if (tree.left[n] == kNoNode) {
      if (params.refresh_leaf) tree.threshold[n] = weight * LeafRate(params);
      continue;
    }
    const auto left = static_cast<size_t>(tree.left[n]);
    tree.gain[n] = static_cast<float>(GainOf(params, sum[left]) + GainOf(params, sum[left + 1]) -
                                      GainOf(params, sum[n]));
  }
}

bool PruneTree(const TrainParams& params, Tree& tree) {
  std::vector<int> depth(tree.size(), 0);
  for (size_t n = 1; n < tree.size(); ++n) {
    depth[n] = depth[static_cast<size_t>(tree.parent[n])] + 1;
  }
  std::vector<uint8_t> is_leaf(tree.size());
  bool any = false;
  for (size_t n = tree.size(); n-- > 0;) {  // both children are decided before their parent
    is_leaf[n] = tree.left[n] == kNoNode ? 1 : 0;
    if (is_leaf[n] != 0) continue;
    const auto left = static_cast<size_t>(tree.left[n]);
    const bool leaves = is_leaf[left] != 0 && is_leaf[left + 1] != 0;
    const bool deep = params.max_depth != 0 && depth[left] > params.max_depth;
    if (leaves && (tree.gain[n] < params.gamma || deep)) {
      is_leaf[n] = 1;
      any = true;
    }
  }
  if (!any) return false;
  // A copy without what lies below the new leaves.
  Tree kept;
  kept.AddNode(kNoNode);
  std::vector<NodeId> old = {0};  // by new id
  for (size_t n = 0; n < old.size(); ++n) {
    const auto o = static_cast<size_t>(old[n]);
    kept.cover[n] = tree.cover[o];
    kept.base_weight[n] = tree.base_weight[o];
    if (tree.left[o] == kNoNode) {
      kept.threshold[n] = tree.threshold[o];
    } else if (is_leaf[o] != 0) {
      kept.threshold[n] = tree.base_weight[o] * LeafRate(params);
    } else {
      const auto [categorical, right] = tree.RightCategories(old[n]);
      const bool default_left = tree.default_left[o] != 0;
      kept.gain[n] = tree.gain[o];
      if (categorical) {
        kept.SplitByCategories(static_cast<NodeId>(n), tree.feature[o], right, default_left);
      } else {
        kept.Split(static_cast<NodeId>(n), tree.feature[o], tree.threshold[o], default_left);
      }
      old.push_back(tree.left[o]);
      old.push_back(tree.left[o] + 1);
    }
  }
  tree = std::move(kept);
  return true;
}

Result<UpdaterPlan> PlanUpdaters(const TrainParams& params) {
  UpdaterPlan plan{.tree_method = params.tree_method, .after = {}};
  bool first = true;
  for (const std::string& name : params.updater) {
    const auto it = std::ranges::find(kUpdaters, name, &UpdaterName::name);
    if (it == std::end(kUpdaters)) return BadUpdater("unknown updater '" + name + "'");
    if ((it->kind == UpdaterName::kLinear) != (params.booster == Booster::kGblinear)) {
      return BadUpdater("updater '" + name + "' is for " +
                        (it->kind == UpdaterName::kLinear ? "booster=gblinear" : "tree boosters"));
    }
    if (it->kind == UpdaterName::kLinear && !first) {
      return BadUpdater("booster=gblinear takes one updater: shotgun or coord_descent");
    }
    if (params.process_type == ProcessType::kUpdate && it->kind == UpdaterName::kGrow) {
      return BadUpdater("updater '" + name +
                        "' cannot change trees; process_type=update takes refresh and prune");
    }
    if (params.process_type == ProcessType::kDefault) {
      if (first && it->kind == UpdaterName::kChange) {
        return BadUpdater("updater '" + name +
                          "' cannot make new trees; set process_type=update to change those of a "
                          "model, or put an updater that grows before it");
      }
      if (!first && it->kind == UpdaterName::kGrow) {
        return BadUpdater("updater '" + name + "' must be the first: only one can grow a tree");
      }
    }
    if (it->kind == UpdaterName::kGrow) plan.tree_method = it->method;
    if (it->kind == UpdaterName::kChange) plan.after.push_back(name);
    first = false;
  }
  return plan;
}

std::unique_ptr<GradientBooster> MakeUpdateBooster(const BoostContext& context, const Forest& old) {
  return std::make_unique<UpdateBooster>(context, old);
}

}  // namespace clary::gbdt
