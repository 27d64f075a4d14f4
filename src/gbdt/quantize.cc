#include "gbdt/quantize.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace clary::gbdt {
namespace {

constexpr size_t kBlock = 4096;
constexpr double kLimit = 2147483647.0;  // 2^31 - 1

// The largest power of two that keeps `sum` levels, each rounded up by less than one, in range.
double ScaleFor(double sum, size_t rows) {
  if (!(sum > 0)) return 1;
  const double room = (kLimit - static_cast<double>(rows)) / sum;
  return std::exp2(std::clamp(std::floor(std::log2(room)), -900.0, 900.0));
}

// Gives body(block, grad, hess, count) the pairs of one output, contiguous.
template <typename Body>
void ForBlocks(std::span<const float> grad, std::span<const float> hess, size_t outputs,
               size_t output, ThreadPool& pool, Body&& body) {
  const size_t rows = grad.size() / outputs;
  pool.ForEach((rows + kBlock - 1) / kBlock, [&](size_t b, int) {
    const size_t begin = b * kBlock;
    const size_t count = std::min(kBlock, rows - begin);
    if (outputs == 1) {
      body(b, grad.data() + begin, hess.data() + begin, count);
      return;
    }
    float g[kBlock];
    float h[kBlock];
    for (size_t i = 0; i < count; ++i) {
      g[i] = grad[(begin + i) * outputs + output];
      h[i] = hess[(begin + i) * outputs + output];
    }
    body(b, g, h, count);
  });
}

}  // namespace

GradScale QuantizeGradients(std::span<const float> grad, std::span<const float> hess,
                            size_t outputs, size_t output, uint32_t seed, ThreadPool& pool,
                            std::span<PackedGrad> packed) {
  struct Sums {
    double grad = 0;
    double hess = 0;
  };
  const size_t rows = packed.size();
  std::vector<Sums> sums((rows + kBlock - 1) / kBlock);
  ForBlocks(grad, hess, outputs, output, pool,
            [&](size_t b, const float* g, const float* h, size_t count) {
              constexpr size_t kLanes = 8;
              double sg[kLanes] = {};
              double sh[kLanes] = {};
              size_t i = 0;
              for (; i + kLanes <= count; i += kLanes) {
                for (size_t j = 0; j < kLanes; ++j) {
                  sg[j] += std::fabs(g[i + j]);
                  sh[j] += h[i + j];
                }
              }
              for (; i < count; ++i) {
                sg[0] += std::fabs(g[i]);
                sh[0] += h[i];
              }
              for (size_t j = 0; j < kLanes; ++j) {
                sums[b].grad += sg[j];
                sums[b].hess += sh[j];
              }
            });
  Sums total;
  for (const Sums& s : sums) {
    total.grad += s.grad;
    total.hess += s.hess;
  }
  const double grad_scale = ScaleFor(total.grad, rows);
  const double hess_scale = ScaleFor(total.hess, rows);
  const Kernels& kernels = BestKernels();
  ForBlocks(grad, hess, outputs, output, pool,
            [&](size_t b, const float* g, const float* h, size_t count) {
              kernels.quantize(g, h, count, b * kBlock, seed, grad_scale, hess_scale,
                               packed.data() + b * kBlock);
            });
  return {.grad_unit = 1 / grad_scale, .hess_unit = 1 / hess_scale};
}

}  // namespace clary::gbdt
