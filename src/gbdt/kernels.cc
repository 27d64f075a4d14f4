#include "gbdt/kernels.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string_view>

namespace clary::gbdt {

void FillCutTable(std::span<const float> cuts, float* table) {
  std::fill_n(table, kCutTable, std::numeric_limits<float>::infinity());
  std::ranges::copy(cuts, table + 16);
  table[kCutTable - 1] = std::numeric_limits<float>::quiet_NaN();
  for (size_t i = 0; i < 16; ++i) table[i] = table[16 * i + 31];
}

RoughScale RoughScaleOf(const ScanInput& in) {
  // hess_unit is a power of two, so these are exact or off by a float's rounding.
  const double lambda = in.lambda / in.hess_unit;
  const double least = in.min_child_weight / in.hess_unit;
  RoughScale scale = {};
  scale.bounds = lambda >= 0 && lambda < 1e12 && least < 2147483647.0;
  scale.usable = scale.bounds && in.alpha == 0;
  if (!scale.bounds) return scale;
  scale.lambda = static_cast<float>(lambda);
  scale.least = std::max(1, static_cast<int32_t>(std::ceil(least)));
  // Rough scores are within 2e-6 of the exact ones.
  const double bar =
      static_cast<double>(in.at_least) * 0.99999 / (in.grad_unit * in.grad_unit / in.hess_unit);
  scale.bar = static_cast<float>(std::clamp(bar, 0.0, 1e38));
  return scale;
}

const Kernels& BestKernels() {
  static const Kernels& best = []() -> const Kernels& {
    const char* env = std::getenv("CLARY_KERNELS");
    const std::string_view asked = env == nullptr ? "" : env;
    if (asked == "portable") return kPortableKernels;
#if defined(__x86_64__)
    const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    if (avx512 && asked != "avx2") return kAvx512Kernels;
    if (__builtin_cpu_supports("avx2")) return kAvx2Kernels;
#endif
    return kPortableKernels;
  }();
  return best;
}

}  // namespace clary::gbdt
