// The kernels for avx512; the flags are set in CMakeLists.txt.
#include "gbdt/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

namespace clary::gbdt {
namespace avx512 {
namespace {
#include "gbdt/internal/kernels_impl.h"

// Which block of sixteen cuts a value falls into, then how many of those are not above it.
// Comparisons with NaN are false, so the last item never counts.
inline uint32_t CountCuts(const float* table, __m512 coarse, float x) {
  const __m512 all = _mm512_set1_ps(x);
  const auto block =
      static_cast<uint32_t>(__builtin_popcount(_mm512_cmp_ps_mask(coarse, all, _CMP_LE_OQ)));
  const __m512 fine = _mm512_loadu_ps(table + 16 + 16 * block);
  const auto within =
      static_cast<uint32_t>(__builtin_popcount(_mm512_cmp_ps_mask(fine, all, _CMP_LE_OQ)));
  return 16 * block + within;
}

void BinBytesWide(const float* value, size_t stride, size_t count, const float* table,
                  uint8_t missing_code, uint8_t* out) {
  const __m512 coarse = _mm512_loadu_ps(table);
  for (size_t i = 0; i < count; ++i) {
    const float x = value[i * stride];
    const uint32_t at = CountCuts(table, coarse, x);
    out[i] = x != x ? missing_code : static_cast<uint8_t>(at);
  }
}

inline __mmask16 FirstLanes(size_t count) {
  return count >= 16 ? static_cast<__mmask16>(0xffff) : static_cast<__mmask16>((1U << count) - 1);
}

size_t BinPresentWide(const float* value, size_t count, const float* table, uint16_t* at,
                      uint8_t* out) {
  const __m512 coarse = _mm512_loadu_ps(table);
  const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  size_t kept = 0;
  for (size_t i = 0; i < count; i += 16) {
    const __mmask16 lanes = FirstLanes(count - i);
    const __m512 x = _mm512_maskz_loadu_ps(lanes, value + i);
    const __mmask16 present = _mm512_mask_cmp_ps_mask(lanes, x, x, _CMP_ORD_Q);
    const __m512i row = _mm512_add_epi32(lane, _mm512_set1_epi32(static_cast<int>(i)));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(at + kept),
                        _mm512_cvtepi32_epi16(_mm512_maskz_compress_epi32(present, row)));
    alignas(64) float packed[16];
    _mm512_store_ps(packed, _mm512_maskz_compress_ps(present, x));
    const auto n = static_cast<size_t>(__builtin_popcount(present));
    for (size_t j = 0; j < n; ++j) {
      out[kept + j] = static_cast<uint8_t>(CountCuts(table, coarse, packed[j]));
    }
    kept += n;
  }
  return kept;
}

void BinEntriesWide(const uint32_t* column, const float* value, size_t count, const float* tables,
                    uint8_t* out) {
  constexpr size_t kLanes = 16;
  for (size_t begin = 0; begin < count; begin += kLanes) {
    const size_t end = begin + kLanes < count ? begin + kLanes : count;
    const size_t ahead = end + kLanes < count ? end + kLanes : count;
    for (size_t i = end; i < ahead; ++i) __builtin_prefetch(tables + kCutTable * column[i]);
    const float* block[kLanes];
    for (size_t i = begin; i < end; ++i) {
      const float* const table = tables + kCutTable * column[i];
      const auto at = 16 * static_cast<uint32_t>(__builtin_popcount(_mm512_cmp_ps_mask(
                               _mm512_loadu_ps(table), _mm512_set1_ps(value[i]), _CMP_LE_OQ)));
      block[i - begin] = table + 16 + at;
      __builtin_prefetch(block[i - begin]);
      out[i] = static_cast<uint8_t>(at);
    }
    for (size_t i = begin; i < end; ++i) {
      const auto within = static_cast<uint32_t>(__builtin_popcount(_mm512_cmp_ps_mask(
          _mm512_loadu_ps(block[i - begin]), _mm512_set1_ps(value[i]), _CMP_LE_OQ)));
      out[i] = static_cast<uint8_t>(out[i] + within);
    }
  }
}

// Sixteen rows of sixteen columns, transposed in registers.
void TransposeWide(const float* const* row, size_t rows, size_t columns, size_t out_stride,
                   float* out) {
  size_t begin = 0;
  for (; begin + 16 <= rows; begin += 16) {
    const float* const* const from = row + begin;
    FetchRows(from + 16, columns);
    for (size_t c = 0; c < columns; c += 16) {
      const __mmask16 lanes = FirstLanes(columns - c);
      __m512 a[16];
      __m512 b[16];
      for (size_t i = 0; i < 16; ++i) a[i] = _mm512_maskz_loadu_ps(lanes, from[i] + c);
      for (size_t i = 0; i < 16; i += 2) {
        b[i] = _mm512_unpacklo_ps(a[i], a[i + 1]);
        b[i + 1] = _mm512_unpackhi_ps(a[i], a[i + 1]);
      }
      // a[4 q + k]: columns k, k + 4, k + 8, k + 12 of rows 4 q .. 4 q + 3
      for (size_t q = 0; q < 16; q += 4) {
        const auto low = [&](size_t i) { return _mm512_castps_pd(b[q + i]); };
        a[q] = _mm512_castpd_ps(_mm512_unpacklo_pd(low(0), low(2)));
        a[q + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low(0), low(2)));
        a[q + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(low(1), low(3)));
        a[q + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(low(1), low(3)));
      }
      const auto store = [&](size_t column, __m512 v) {
        if (c + column < columns) _mm512_storeu_ps(out + (c + column) * out_stride + begin, v);
      };
      for (size_t k = 0; k < 4; ++k) {
        const __m512 top = _mm512_shuffle_f32x4(a[k], a[4 + k], 0x44);
        const __m512 top2 = _mm512_shuffle_f32x4(a[8 + k], a[12 + k], 0x44);
        const __m512 end = _mm512_shuffle_f32x4(a[k], a[4 + k], 0xee);
        const __m512 end2 = _mm512_shuffle_f32x4(a[8 + k], a[12 + k], 0xee);
        store(k, _mm512_shuffle_f32x4(top, top2, 0x88));
        store(4 + k, _mm512_shuffle_f32x4(top, top2, 0xdd));
        store(8 + k, _mm512_shuffle_f32x4(end, end2, 0x88));
        store(12 + k, _mm512_shuffle_f32x4(end, end2, 0xdd));
      }
    }
  }
  for (size_t c = 0; c < columns; ++c) {
    for (size_t r = begin; r < rows; ++r) out[c * out_stride + r] = row[r][c];
  }
}

size_t PresentKeysWide(const float* value, size_t count, uint32_t* keys) {
  const __m512i sign = _mm512_set1_epi32(INT32_MIN);
  size_t n = 0;
  for (size_t i = 0; i < count; i += 16) {
    const __mmask16 lanes = FirstLanes(count - i);
    const __m512 x = _mm512_maskz_loadu_ps(lanes, value + i);
    const __mmask16 present = _mm512_mask_cmp_ps_mask(lanes, x, x, _CMP_ORD_Q);
    const __mmask16 nonzero = _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_NEQ_UQ);
    const __m512i bits = _mm512_maskz_mov_epi32(nonzero, _mm512_castps_si512(x));
    const __m512i key = _mm512_xor_si512(bits, _mm512_or_si512(_mm512_srai_epi32(bits, 31), sign));
    _mm512_storeu_si512(keys + n, _mm512_maskz_compress_epi32(present, key));
    n += static_cast<size_t>(__builtin_popcount(present));
  }
  return n;
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

// Sums up to each of eight slots.
__m512i Prefix(__m512i v) {
  const __m512i zero = _mm512_setzero_si512();
  v = _mm512_add_epi64(v, _mm512_alignr_epi64(v, zero, 7));
  v = _mm512_add_epi64(v, _mm512_alignr_epi64(v, zero, 6));
  return _mm512_add_epi64(v, _mm512_alignr_epi64(v, zero, 4));
}

// Which of sixteen positions, given the levels left of them, have a rough score (kernels_impl.h) of
// at least the scale's bar.
__mmask16 Reaching(__m512i left_g, __m512i left_h, PackedGrad total, const RoughScale& scale) {
  const __m512i right_g =
      _mm512_sub_epi32(_mm512_set1_epi32(static_cast<int32_t>(total >> 32)), left_g);
  const __m512i right_h = _mm512_sub_epi32(_mm512_set1_epi32(static_cast<int32_t>(total)), left_h);
  const __m512i least = _mm512_set1_epi32(scale.least);
  const __mmask16 heavy =
      _mm512_mask_cmpge_epi32_mask(_mm512_cmpge_epi32_mask(left_h, least), right_h, least);
  const __m512 lambda = _mm512_set1_ps(scale.lambda);
  const __m512 gl = _mm512_cvtepi32_ps(left_g);
  const __m512 gr = _mm512_cvtepi32_ps(right_g);
  const __m512 hl = _mm512_add_ps(_mm512_cvtepi32_ps(left_h), lambda);
  const __m512 hr = _mm512_add_ps(_mm512_cvtepi32_ps(right_h), lambda);
  // gl^2 / hl + gr^2 / hr >= bar without a division
  const __m512 sum =
      _mm512_fmadd_ps(_mm512_mul_ps(gl, gl), hr, _mm512_mul_ps(_mm512_mul_ps(gr, gr), hl));
  const __m512 bar = _mm512_mul_ps(_mm512_mul_ps(hl, hr), _mm512_set1_ps(scale.bar));
  return _mm512_mask_cmp_ps_mask(heavy, sum, bar, _CMP_GE_OQ);
}

// Whether any position may be of interest. Empty bins count as positions, too: they have the score
// of another.
bool AnyReaches(const ScanInput& in, PackedGrad missing, const RoughScale& scale) {
  const __m512i pick_g =
      _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
  const __m512i pick_h =
      _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i last = _mm512_set1_epi64(7);
  const __m512i missing_g = _mm512_set1_epi32(static_cast<int32_t>(missing >> 32));
  const __m512i missing_h = _mm512_set1_epi32(static_cast<int32_t>(missing));
  __m512i carry = _mm512_setzero_si512();
  if (missing != 0 && Reaching(missing_g, missing_h, in.total, scale) != 0) return true;
  for (uint32_t i = 0; i < in.bins; i += 16) {
    const uint32_t rest = in.bins - i;
    const auto in_a = static_cast<__mmask8>(rest >= 8 ? 0xff : (1U << rest) - 1);
    const auto in_b = static_cast<__mmask8>(rest >= 16  ? 0xff
                                            : rest <= 8 ? 0
                                                        : (1U << (rest - 8)) - 1);
    __m512i a = _mm512_maskz_loadu_epi64(in_a, in.hist + i);
    __m512i b = _mm512_maskz_loadu_epi64(in_b, in.hist + i + 8);
    const __m512i some = _mm512_or_si512(a, b);
    if (_mm512_test_epi64_mask(some, some) == 0) continue;
    a = Prefix(a);
    b = Prefix(b);
    const __m512i sum_a = _mm512_permutexvar_epi64(last, a);
    const __m512i sum_b = _mm512_permutexvar_epi64(last, b);
    a = _mm512_add_epi64(a, carry);
    carry = _mm512_add_epi64(carry, sum_a);
    b = _mm512_add_epi64(b, carry);
    carry = _mm512_add_epi64(carry, sum_b);
    const __m512i g = _mm512_permutex2var_epi32(a, pick_g, b);
    const __m512i h = _mm512_permutex2var_epi32(a, pick_h, b);
    __mmask16 hit = Reaching(g, h, in.total, scale);
    if (missing != 0) {
      // The halves add without the carry between them: the hessian's 31 bits never carry over.
      hit |=
          Reaching(_mm512_add_epi32(g, missing_g), _mm512_add_epi32(h, missing_h), in.total, scale);
    }
    if (hit != 0) return true;
  }
  return false;
}

// Most scans find nothing better than what is known already, and that is quickly told.
ScanBest ScanWide(const ScanInput& in) {
  const RoughScale scale = ScaleOf(in);
  if (!scale.usable || scale.bar <= 0) return Scan(in);
  PackedGrad missing = in.missing;
  if (in.missing_is_rest) {
    __m512i sum = _mm512_setzero_si512();
    for (uint32_t i = 0; i < in.bins; i += 8) {
      const uint32_t rest = in.bins - i;
      const auto some = static_cast<__mmask8>(rest >= 8 ? 0xff : (1U << rest) - 1);
      sum = _mm512_add_epi64(sum, _mm512_maskz_loadu_epi64(some, in.hist + i));
    }
    const auto present = static_cast<PackedGrad>(_mm512_reduce_add_epi64(sum));
    if (static_cast<int32_t>(present) < scale.least) return {};
    missing = in.total - present;
  }
  return AnyReaches(in, missing, scale) ? Scan(in) : ScanBest{};
}
}  // namespace
}  // namespace avx512

const Kernels kAvx512Kernels = {.name = "avx512",
                                .bin_bytes = avx512::BinBytesWide,
                                .bin_present = avx512::BinPresentWide,
                                .bin_entries = avx512::BinEntriesWide,
                                .transpose = avx512::TransposeWide,
                                .transpose_bytes = avx512::TransposeBytes,
                                .present_keys = avx512::PresentKeysWide,
                                .column_range = avx512::ColumnRange,
                                .count_present = avx512::CountPresent,
                                .scan = avx512::ScanWide,
                                .divide = avx512::DivideWide,
                                .quantize = avx512::Quantize,
                                .absolute_sums = avx512::AbsoluteSums,
                                .logistic = avx512::Logistic,
                                .sigmoid = avx512::Sigmoid,
                                .exp = avx512::ExpOf,
                                .rank_by_count = avx512::RankByCount,
                                .lambda_pairs = avx512::LambdaPairs,
                                .softmax = avx512::Softmax};
}  // namespace clary::gbdt
#endif
