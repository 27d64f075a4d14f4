// The kernels for avx512; the flags are set in CMakeLists.txt.
#include "gbdt/kernels.h"

#if defined(__x86_64__)
namespace clary::gbdt {
namespace avx512 {
namespace {
#include "gbdt/internal/kernels_impl.h"
}  // namespace
}  // namespace avx512

const Kernels kAvx512Kernels = {.name = "avx512",
                                .bin_bytes = avx512::BinBytes,
                                .scan = avx512::Scan,
                                .quantize = avx512::Quantize,
                                .logistic = avx512::Logistic,
                                .sigmoid = avx512::Sigmoid};
}  // namespace clary::gbdt
#endif
