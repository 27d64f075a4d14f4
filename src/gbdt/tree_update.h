// Updaters that change a tree instead of growing it: refresh and prune.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "clary/gbdt.h"
#include "gbdt/sampler.h"
#include "gbdt/tree.h"

namespace clary::gbdt {

// Recomputes every node's cover, weight and gain from the gradients of the rows that pass it,
// and with refresh_leaf each leaf's value. `rows`: those that count,
// ascending; empty for all. Sums do not depend on the size of the pool.
void RefreshTree(const TrainParams& params, const Dataset& data, std::span<const uint32_t> rows,
                 const OutputGradients& gradients, ThreadPool& pool, Tree& tree);

// From the leaves up: a split of two leaves becomes a leaf if its gain is below gamma or its leaves
// lie below max_depth. Removed nodes leave no gaps. True if anything was removed.
bool PruneTree(const TrainParams& params, Tree& tree);

// What `params.updater` says, read once: the tree method of the updater that grows trees (that of
// tree_method if none is named), and the updaters that follow it, without those that do nothing on
// one machine (sync). kInvalidArgument "BadParameter" for unknown names and for sequences that
// upstream refuses.
struct UpdaterPlan {
  TreeMethod tree_method = TreeMethod::kAuto;
  std::vector<std::string> after;
};
Result<UpdaterPlan> PlanUpdaters(const TrainParams& params);

}  // namespace clary::gbdt
