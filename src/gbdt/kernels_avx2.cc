// The kernels for avx2; the flags are set in CMakeLists.txt.
#include "gbdt/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

namespace clary::gbdt {
namespace avx2 {
namespace {
#include "gbdt/internal/kernels_impl.h"
#include "gbdt/internal/losses_impl.h"

// How many of sixteen items are <= x.
inline uint32_t CountOf16(__m256 low, __m256 high, __m256 x) {
  const __m256i a = _mm256_castps_si256(_mm256_cmp_ps(low, x, _CMP_LE_OQ));
  const __m256i b = _mm256_castps_si256(_mm256_cmp_ps(high, x, _CMP_LE_OQ));
  const auto lanes = static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_packs_epi32(a, b)));
  return static_cast<uint32_t>(__builtin_popcount(lanes)) / 2;
}

// Which block of sixteen cuts a value falls into, then how many of those are not above it.
// Comparisons with NaN are false, so the last item never counts.
void BinBytesWide(const float* value, size_t stride, size_t count, const float* table,
                  uint8_t missing_code, uint8_t* out) {
  const __m256 low = _mm256_loadu_ps(table);
  const __m256 high = _mm256_loadu_ps(table + 8);
  for (size_t i = 0; i < count; ++i) {
    const float v = value[i * stride];
    const __m256 x = _mm256_set1_ps(v);
    const uint32_t block = CountOf16(low, high, x);
    const float* const fine = table + 16 + 16 * size_t{block};
    const uint32_t within = CountOf16(_mm256_loadu_ps(fine), _mm256_loadu_ps(fine + 8), x);
    out[i] = v != v ? missing_code : static_cast<uint8_t>(16 * block + within);
  }
}

// For every set of eight lanes, those lanes first.
struct Packing {
  uint8_t lane[256][8];
};
constexpr Packing kPacking = [] {
  Packing p{};
  for (uint32_t set = 0; set < 256; ++set) {
    size_t n = 0;
    for (uint8_t lane = 0; lane < 8; ++lane) {
      if ((set >> lane & 1) != 0) p.lane[set][n++] = lane;
    }
  }
  return p;
}();

size_t PresentKeysWide(const float* value, size_t count, uint32_t* keys) {
  const __m256i sign = _mm256_set1_epi32(INT32_MIN);
  size_t n = 0;
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m256 x = _mm256_loadu_ps(value + i);
    const auto present = static_cast<uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(x, x, _CMP_ORD_Q)));
    const __m256 nonzero = _mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_NEQ_UQ);
    const __m256i bits = _mm256_castps_si256(_mm256_and_ps(x, nonzero));
    const __m256i key = _mm256_xor_si256(bits, _mm256_or_si256(_mm256_srai_epi32(bits, 31), sign));
    const __m256i order = _mm256_cvtepu8_epi32(
        _mm_loadl_epi64(reinterpret_cast<const __m128i*>(kPacking.lane[present])));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(keys + n),
                        _mm256_permutevar8x32_epi32(key, order));
    n += static_cast<size_t>(__builtin_popcount(present));
  }
  return n + PresentKeys(value + i, count - i, keys + n);
}
}  // namespace
}  // namespace avx2

const Kernels kAvx2Kernels = {.name = "avx2",
                              .bin_bytes = avx2::BinBytesWide,
                              .bin_words = avx2::BinWords,
                              .bin_present = avx2::BinPresent<avx2::BinBytesWide>,
                              .bin_entries = avx2::BinEntries,
                              .transpose = avx2::Transpose,
                              .transpose_bytes = avx2::TransposeBytes,
                              .present_keys = avx2::PresentKeysWide,
                              .key_range = avx2::KeyRange,
                              .count_key = avx2::CountKey,
                              .key_at = avx2::KeyAt,
                              .split_keys = avx2::SplitKeys,
                              .bucket_keys = avx2::BucketKeys,
                              .pick_keys = avx2::PickKeys,
                              .column_range = avx2::ColumnRange,
                              .count_present = avx2::CountPresent,
                              .add_lanes = avx2::AddLanes,
                              .difference = avx2::Difference,
                              .scan = avx2::Scan,
                              .scan_positions = avx2::ScanPositions,
                              .reaching_nodes = avx2::ReachingNodes,
                              .divide = avx2::Divide,
                              .quantize = avx2::Quantize,
                              .absolute_sums = avx2::AbsoluteSums,
                              .logistic = avx2::Logistic,
                              .logistic_of = avx2::LogisticOf,
                              .sigmoid = avx2::Sigmoid,
                              .likelihood = avx2::Likelihood,
                              .exp = avx2::ExpOf,
                              .log = avx2::LogOf,
                              .losses = avx2::Losses,
                              .loss_sum = avx2::LossSum,
                              .aft_likelihood = avx2::AftLikelihood,
                              .count_pairs = avx2::CountPairs,
                              .precision_area = avx2::PrecisionArea,
                              .rank_by_count = avx2::RankByCount,
                              .lambda_pairs = avx2::LambdaPairs,
                              .softmax = avx2::Softmax};
}  // namespace clary::gbdt
#endif
