// Evaluation metrics, as XGBoost computes and prints them.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/thread_pool.h"
#include "clary/gbdt.h"
#include "gbdt/shard.h"

namespace clary::gbdt {

class Metric {
 public:
  virtual ~Metric() = default;
  // Of transformed predictions [rows * outputs]; weighted by the rows' weights. NaN where the
  // metric is not defined (auc of one class). The result does not depend on the size of the pool.
  // Keeps what stays the same for a dataset from call to call; for one thread at a time.
  virtual double Evaluate(std::span<const float> predictions, const Dataset& data,
                          ThreadPool& pool) = 0;
  // Whether it is made of sums over blocks of rows. Then several hosts take those of their own
  // rows: what predictions of all rows say of others' is not looked at.
  virtual bool by_blocks() const { return false; }
  // The rows that Evaluate is about from now on are those of `shard`; it is told on every host.
  void Share(const Shard& shard) { shard_ = shard; }

 protected:
  Shard shard_;
};

// kInvalidArgument "UnknownMetric" or "BadMetric" (its parameter). Some metrics have the
// objective's parameters (huber_slope, quantile_alpha, those of survival:aft); without `params`
// these are the defaults.
Result<std::unique_ptr<Metric>> MakeMetric(std::string_view name,
                                           const TrainParams* params = nullptr);

// Whether the metric is defined for rows with this many predictions and labels each, of an
// objective. kInvalidArgument "BadMetric".
Status CheckMetric(std::string_view name, std::string_view objective, size_t outputs,
                   size_t targets);

}  // namespace clary::gbdt
