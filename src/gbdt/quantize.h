// Gradients as integers, so that sums do not depend on their order.
#pragma once

#include <cstdint>
#include <span>

#include "base/thread_pool.h"
#include "gbdt/kernels.h"
#include "gbdt/shard.h"
#include "gbdt/split.h"

namespace clary::gbdt {

// Turns gradient pairs, [rows of this host] each, into packed levels. The scales are the largest
// powers of two that keep the sums of all rows within 31 bits; they come from sums in a fixed
// order, so they do not depend on the size of the pool, nor on how `shard` is held. Values between
// two levels are rounded up or down at random, unbiased, keyed by row and `seed`. At most 2^30
// rows.
GradScale QuantizeGradients(std::span<const float> grad, std::span<const float> hess, uint32_t seed,
                            ThreadPool& pool, const Shard& shard, std::span<PackedGrad> packed);

}  // namespace clary::gbdt
