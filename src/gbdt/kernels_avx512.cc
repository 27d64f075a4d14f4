// The kernels for avx512; the flags are set in CMakeLists.txt.
#include "gbdt/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

namespace clary::gbdt {
namespace avx512 {
namespace {
#include "gbdt/internal/kernels_impl.h"

// A value at a time: which block of sixteen cuts it falls into, then how many of those are not
// above it. Comparisons with NaN are false, so the last item never counts.
void BinBytesWide(const float* value, size_t stride, size_t count, const float* cuts,
                  uint8_t missing_code, uint8_t* out) {
  alignas(64) float lasts[16];
  for (size_t j = 0; j < 16; ++j) lasts[j] = cuts[16 * j + 15];
  const __m512 coarse = _mm512_load_ps(lasts);
  for (size_t i = 0; i < count; ++i) {
    const float x = value[i * stride];
    const __m512 all = _mm512_set1_ps(x);
    const auto block =
        static_cast<uint32_t>(__builtin_popcount(_mm512_cmp_ps_mask(coarse, all, _CMP_LE_OQ)));
    const __m512 fine = _mm512_loadu_ps(cuts + 16 * block);
    const auto within =
        static_cast<uint32_t>(__builtin_popcount(_mm512_cmp_ps_mask(fine, all, _CMP_LE_OQ)));
    out[i] = x != x ? missing_code : static_cast<uint8_t>(16 * block + within);
  }
}

// Sixteen rows at a time: their codes are gathered, and both sides packed by the mask. Packing
// writes sixteen items, never beyond what has been read.
uint32_t DivideWide(uint32_t* rows, uint32_t count, const uint8_t* column, bool by_row, int32_t bin,
                    uint32_t missing, uint32_t* right) {
  const __m512i last = _mm512_set1_epi32(bin);
  const __m512i also = _mm512_set1_epi32(static_cast<int>(missing));
  const __m512i low = _mm512_set1_epi32(255);
  uint32_t left = 0;
  uint32_t i = 0;
  for (; i + 16 <= count; i += 16) {
    const __m512i row = _mm512_loadu_si512(rows + i);
    const uint32_t first = rows[i];
    __m512i code;
    if (!by_row || rows[i + 15] - first == 15) {
      const uint8_t* const from = column + (by_row ? first : i);
      code = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
    } else {
      code = _mm512_and_si512(_mm512_i32gather_epi32(row, column, 1), low);
    }
    const __mmask16 to_left = static_cast<__mmask16>(_mm512_cmple_epi32_mask(code, last) |
                                                     _mm512_cmpeq_epi32_mask(code, also));
    const auto to_right = static_cast<__mmask16>(~to_left);
    _mm512_storeu_si512(rows + left, _mm512_maskz_compress_epi32(to_left, row));
    _mm512_storeu_si512(right + (i - left), _mm512_maskz_compress_epi32(to_right, row));
    left += static_cast<uint32_t>(__builtin_popcount(to_left));
  }
  for (; i < count; ++i) {
    const uint32_t row = rows[i];
    const uint32_t code = column[by_row ? row : i];
    rows[left] = row;
    right[i - left] = row;
    left += static_cast<int32_t>(code) <= bin || code == missing ? 1 : 0;
  }
  return left;
}
}  // namespace
}  // namespace avx512

const Kernels kAvx512Kernels = {.name = "avx512",
                                .bin_bytes = avx512::BinBytesWide,
                                .scan = avx512::Scan,
                                .divide = avx512::DivideWide,
                                .quantize = avx512::Quantize,
                                .logistic = avx512::Logistic,
                                .sigmoid = avx512::Sigmoid};
}  // namespace clary::gbdt
#endif
