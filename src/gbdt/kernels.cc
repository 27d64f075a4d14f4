#include "gbdt/kernels.h"

#include <algorithm>
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
