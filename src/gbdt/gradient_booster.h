// What a round of boosting does with the gradients. Training (train.cc) owns the loop, the metrics
// and early stopping; each kind of booster owns how the model grows.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "clary/gbdt.h"
#include "gbdt/objective.h"
#include "gbdt/phases.h"
#include "gbdt/sampler.h"
#include "gbdt/shard.h"
#include "gbdt/tree.h"

namespace clary::gbdt {

// Rows whose margins follow the model from round to round.
struct TrackedSet {
  Dataset data;               // this host's rows
  std::vector<float> margin;  // [rows * outputs]
  Dataset whole;              // of all hosts' rows the fields
  Shard shard;
};

// What the boosters of a run share. Everything is borrowed from Train.
struct BoostContext {
  const TrainParams& params;
  Objective& objective;
  size_t outputs;
  RandomEngine& engine;
  ThreadPool& pool;
  PhaseClock& phases;
  Forest& forest;
  std::vector<TrackedSet>& sets;  // the training data first
  const Bins& bins;

  const Shard& shard() const { return sets.front().shard; }
  const Dataset& train() const { return sets.front().data; }
};

class GradientBooster {
 public:
  virtual ~GradientBooster() = default;
  // Called before a round's gradients are taken, which is at sets.front().margin. What it changes
  // there, Boost puts right again. Returns whether it did.
  virtual bool StartRound() { return false; }
  // Adds round `round` to the forest and to the margins of all sets. grad and hess are
  // [outputs * rows], one output after another; the booster may use them up.
  virtual void Boost(int round, std::span<float> grad, std::span<float> hess) = 0;
  // What later rounds change in earlier ones, so that it can be put back when early stopping
  // returns to a round: dart's tree weights, gblinear's weights. Empty for others.
  virtual std::vector<float> Snapshot() const { return {}; }
  virtual void Restore(std::vector<float> /*snapshot*/) {}
};

// gbtree and dart. kInvalidArgument for what the tree method cannot do.
Result<std::unique_ptr<GradientBooster>> MakeTreeBooster(const BoostContext& context);
// gblinear.
std::unique_ptr<GradientBooster> MakeLinearBooster(const BoostContext& context);
// process_type=update: round by round, the updaters of params.updater go over the trees of `old`.
std::unique_ptr<GradientBooster> MakeUpdateBooster(const BoostContext& context, const Forest& old);

}  // namespace clary::gbdt
