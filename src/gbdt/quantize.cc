#include "gbdt/quantize.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace clary::gbdt {
namespace {

constexpr size_t kBlock = kSumBlock;
constexpr double kLimit = 2147483647.0;  // 2^31 - 1

// The largest power of two that keeps `sum` levels, each rounded up by less than one, in range.
double ScaleFor(double sum, size_t rows) {
  if (!(sum > 0)) return 1;
  const double room = (kLimit - static_cast<double>(rows)) / sum;
  return std::exp2(std::clamp(std::floor(std::log2(room)), -900.0, 900.0));
}

// Calls body(block, first row, rows).
template <typename Body>
void ForBlocks(size_t rows, ThreadPool& pool, Body&& body) {
  pool.ForEach((rows + kBlock - 1) / kBlock,
               [&](size_t b, int) { body(b, b * kBlock, std::min(kBlock, rows - b * kBlock)); });
}

}  // namespace

GradScale QuantizeGradients(std::span<const float> grad, std::span<const float> hess, uint32_t seed,
                            ThreadPool& pool, const Shard& shard, std::span<PackedGrad> packed) {
  const size_t rows = packed.size();
  const Kernels& kernels = BestKernels();
  struct Sums {
    double grad = 0;
    double hess = 0;
  };
  std::vector<Sums> sums((rows + kBlock - 1) / kBlock);
  ForBlocks(rows, pool, [&](size_t b, size_t first, size_t count) {
    kernels.absolute_sums(grad.data() + first, hess.data() + first, count, &sums[b].grad,
                          &sums[b].hess);
  });
  if (!shard.alone()) {
    sums = shard.hosts->Gather(std::span<const Sums>(sums), (shard.rows + kBlock - 1) / kBlock);
  }
  Sums total;
  for (const Sums& s : sums) {
    total.grad += s.grad;
    total.hess += s.hess;
  }
  const double grad_scale = ScaleFor(total.grad, shard.rows);
  const double hess_scale = ScaleFor(total.hess, shard.rows);
  ForBlocks(rows, pool, [&](size_t, size_t first, size_t count) {
    kernels.quantize(grad.data() + first, hess.data() + first, count, shard.first + first, seed,
                     grad_scale, hess_scale, packed.data() + first);
  });
  return {.grad_unit = 1 / grad_scale, .hess_unit = 1 / hess_scale};
}

}  // namespace clary::gbdt
