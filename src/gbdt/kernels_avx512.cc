// The kernels for avx512; the flags are set in CMakeLists.txt.
#include "gbdt/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

namespace clary::gbdt {
namespace avx512 {
namespace {
#include "gbdt/internal/kernels_impl.h"
#include "gbdt/internal/losses_impl.h"

inline __mmask16 FirstLanes(size_t count) {
  return count >= 16 ? static_cast<__mmask16>(0xffff) : static_cast<__mmask16>((1U << count) - 1);
}

inline uint32_t CountLanes(__mmask16 lanes) {
  return static_cast<uint32_t>(_mm_popcnt_u32(_cvtmask16_u32(lanes)));
}

// Which block of sixteen cuts a value falls into, then how many of those are not above it.
// Comparisons with NaN are false, so the last item never counts.
void BinBytesWide(const float* value, size_t stride, size_t count, const float* table,
                  uint8_t missing_code, uint8_t* out) {
  const __m512 coarse = _mm512_loadu_ps(table);
  const auto code = [&](size_t i) __attribute__((always_inline)) {
    const __m512 x = _mm512_set1_ps(value[i * stride]);
    const uint32_t block = CountLanes(_mm512_cmp_ps_mask(coarse, x, _CMP_LE_OQ));
    const float* const fine = table + 16 + 16 * size_t{block};
    return 16 * block + CountLanes(_mm512_cmp_ps_mask(x, _mm512_loadu_ps(fine), _CMP_GE_OQ));
  };
  const __m128i missing = _mm_set1_epi8(static_cast<char>(missing_code));
  size_t i = 0;
  if (stride == 1) {
    for (; i + 16 <= count; i += 16) {
      const __m512 x = _mm512_loadu_ps(value + i);
      const __mmask16 absent = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
      for (size_t j = i; j < i + 16; ++j) out[j] = static_cast<uint8_t>(code(j));
      if (absent != 0) _mm_mask_storeu_epi8(out + i, absent, missing);
    }
  }
  for (; i < count; ++i) {
    const float x = value[i * stride];
    out[i] = x != x ? missing_code : static_cast<uint8_t>(code(i));
  }
}

void BinWordsWide(const float* value, size_t count, const float* cuts, size_t cut_count,
                  uint16_t missing_code, uint16_t* out) {
  const __m256i missing = _mm256_set1_epi16(static_cast<short>(missing_code));
  for (size_t i = 0; i < count; i += 16) {
    const __mmask16 lanes = FirstLanes(count - i);
    const __m512 x = _mm512_maskz_loadu_ps(lanes, value + i);
    __m512i at = _mm512_setzero_si512();
    for (size_t left = cut_count; left != 0; left /= 2) {
      const auto half = static_cast<int>((left + 1) / 2);
      const __m512 cut = _mm512_i32gather_ps(at, cuts + (half - 1), 4);
      const __mmask16 up = _mm512_cmp_ps_mask(cut, x, _CMP_LE_OQ);
      at = _mm512_mask_add_epi32(at, up, at, _mm512_set1_epi32(half));
    }
    const __mmask16 absent = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
    _mm256_mask_storeu_epi16(out + i, lanes,
                             _mm256_mask_mov_epi16(_mm512_cvtepi32_epi16(at), absent, missing));
  }
}

size_t BinPresentWide(const float* value, size_t count, const float* table, uint8_t missing_code,
                      uint16_t* at, uint8_t* out, uint8_t* all) {
  constexpr size_t kMost = 512;
  const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  float packed[kMost + 16];
  __mmask16 present[kMost / 16];
  size_t kept = 0;
  for (size_t i = 0; i < count; i += 16) {
    const __mmask16 lanes = FirstLanes(count - i);
    const __m512 x = _mm512_maskz_loadu_ps(lanes, value + i);
    const __mmask16 here = _mm512_mask_cmp_ps_mask(lanes, x, x, _CMP_ORD_Q);
    const __m512i row = _mm512_add_epi32(lane, _mm512_set1_epi32(static_cast<int>(i)));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(at + kept),
                        _mm512_cvtepi32_epi16(_mm512_maskz_compress_epi32(here, row)));
    _mm512_storeu_ps(packed + kept, _mm512_maskz_compress_ps(here, x));
    kept += CountLanes(here);
    present[i / 16] = here;
  }
  // Whole vectors, up to zeros behind the last value.
  BinBytesWide(packed, 1, (kept + 15) / 16 * 16, table, 0, out);
  if (all == nullptr) return kept;
  const __m512i missing = _mm512_set1_epi32(missing_code);
  size_t k = 0;
  for (size_t i = 0; i < count; i += 16) {
    const __mmask16 here = present[i / 16];
    const __m512i codes =
        _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(out + k)));
    const __m512i spread = _mm512_mask_expand_epi32(missing, here, codes);
    _mm_mask_storeu_epi8(all + i, FirstLanes(count - i), _mm512_cvtepi32_epi8(spread));
    k += CountLanes(here);
  }
  return kept;
}

void BinEntriesWide(const uint32_t* column, const float* value, size_t count, const float* tables,
                    uint8_t* out) {
  const auto up_to = [](const float* cuts, float x) {
    const auto mask = _mm512_cmp_ps_mask(_mm512_loadu_ps(cuts), _mm512_set1_ps(x), _CMP_LE_OQ);
    return static_cast<uint32_t>(__builtin_popcount(mask));
  };
  BinEntriesBy(up_to, column, value, count, tables, out);
}

// Sixteen rows of sixteen columns, transposed in registers.
void TransposeWide(const float* const* row, size_t rows, size_t columns, size_t out_stride,
                   float* out) {
  size_t begin = 0;
  for (; begin + 16 <= rows; begin += 16) {
    const float* const* const from = row + begin;
    for (size_t c = 0; c < columns; c += 16) {
      FetchItems(from + 16, c);
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

uint32_t KeyAtWide(const uint32_t* keys, size_t count, size_t rank) {
  if (count > 16) return KeyAt(keys, count, rank);
  const __mmask16 lanes = FirstLanes(count);
  const __m512i all = _mm512_maskz_loadu_epi32(lanes, keys);
  for (size_t i = 0; i + 1 < count; ++i) {
    const __m512i key = _mm512_set1_epi32(static_cast<int>(keys[i]));
    const uint32_t below = CountLanes(_mm512_mask_cmplt_epu32_mask(lanes, all, key));
    const uint32_t up_to = CountLanes(_mm512_mask_cmple_epu32_mask(lanes, all, key));
    if (below <= rank && rank < up_to) return keys[i];
  }
  return keys[count - 1];
}

// Sixteen buckets at a time; they are counted one by one.
size_t SplitKeysWide(const uint32_t* keys, const float* label, size_t count, float positive,
                     uint32_t* of_positive, uint32_t* of_others) {
  const __m512 wanted = _mm512_set1_ps(positive);
  size_t n = 0;
  size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    const __mmask16 is = _mm512_cmp_ps_mask(_mm512_loadu_ps(label + i), wanted, _CMP_EQ_OQ);
    const __m512i key = _mm512_loadu_si512(keys + i);
    _mm512_storeu_si512(of_positive + n, _mm512_maskz_compress_epi32(is, key));
    _mm512_storeu_si512(of_others + (i - n), _mm512_maskz_compress_epi32(_knot_mask16(is), key));
    n += static_cast<size_t>(__builtin_popcount(is));
  }
  return n +
         SplitKeys(keys + i, label + i, count - i, positive, of_positive + n, of_others + (i - n));
}

void BucketKeysWide(const uint32_t* keys, size_t count, uint32_t least, uint32_t shift,
                    const uint32_t* split, uint32_t* counts, uint16_t* bucket) {
  const __m512i low = _mm512_set1_epi32(static_cast<int>(least));
  const __m512i within = _mm512_set1_epi32(static_cast<int>((1U << shift) - 1));
  const __m128i by = _mm_cvtsi32_si128(static_cast<int>(shift));
  const __m512i five = _mm512_set1_epi32(31);
  size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    const __m512i key = _mm512_sub_epi32(_mm512_loadu_si512(keys + i), low);
    const __m512i of = _mm512_i32gather_epi32(_mm512_srl_epi32(key, by), split, 4);
    const __m512i part =
        _mm512_srlv_epi32(_mm512_and_si512(key, within), _mm512_and_si512(of, five));
    const __m512i at = _mm512_add_epi32(_mm512_srli_epi32(of, 5), part);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(bucket + i), _mm512_cvtepi32_epi16(at));
    for (size_t j = i; j < i + 16; ++j) ++counts[bucket[j]];
  }
  BucketKeys(keys + i, count - i, least, shift, split, counts, bucket + i);
}

size_t PickKeysWide(const uint32_t* keys, const uint16_t* bucket, size_t count,
                    const uint32_t* wanted, uint32_t* picked, uint16_t* from) {
  const __m512i one = _mm512_set1_epi32(1);
  const __m512i five = _mm512_set1_epi32(31);
  size_t n = 0;
  size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    const __m512i at =
        _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(bucket + i)));
    const __m512i word = _mm512_i32gather_epi32(_mm512_srli_epi32(at, 5), wanted, 4);
    const __m512i bit = _mm512_sllv_epi32(one, _mm512_and_si512(at, five));
    const __mmask16 taken = _mm512_test_epi32_mask(word, bit);
    _mm512_storeu_si512(picked + n,
                        _mm512_maskz_compress_epi32(taken, _mm512_loadu_si512(keys + i)));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(from + n),
                        _mm512_cvtepi32_epi16(_mm512_maskz_compress_epi32(taken, at)));
    n += static_cast<size_t>(__builtin_popcount(taken));
  }
  return n + PickKeys(keys + i, bucket + i, count - i, wanted, picked + n, from + n);
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

// Sixteen sums.
struct Levels {
  __m512i g;
  __m512i h;
};

Levels Unpack(__m512i a, __m512i b) {
  const __m512i odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  return {_mm512_permutex2var_epi32(a, odd, b), _mm512_permutex2var_epi32(a, even, b)};
}

Levels AllOf(PackedGrad p) {
  return {_mm512_set1_epi32(static_cast<int32_t>(p >> 32)),
          _mm512_set1_epi32(static_cast<int32_t>(p))};
}

// The halves by themselves: of a sum's low one nothing ever carries.
Levels Add(const Levels& a, const Levels& b) {
  return {_mm512_add_epi32(a.g, b.g), _mm512_add_epi32(a.h, b.h)};
}
Levels Subtract(const Levels& a, const Levels& b) {
  return {_mm512_sub_epi32(a.g, b.g), _mm512_sub_epi32(a.h, b.h)};
}

// Reaches() of sixteen splits.
__mmask16 ReachesWide(const Levels& left, const Levels& right, __m512 bar, __m512 lambda,
                      __m512i least) {
  const __mmask16 heavy =
      _mm512_mask_cmpge_epi32_mask(_mm512_cmpge_epi32_mask(left.h, least), right.h, least);
  const __m512 gl = _mm512_cvtepi32_ps(left.g);
  const __m512 gr = _mm512_cvtepi32_ps(right.g);
  const __m512 hl = _mm512_add_ps(_mm512_cvtepi32_ps(left.h), lambda);
  const __m512 hr = _mm512_add_ps(_mm512_cvtepi32_ps(right.h), lambda);
  const __m512 gain =
      _mm512_fmadd_ps(_mm512_mul_ps(gl, gl), hr, _mm512_mul_ps(_mm512_mul_ps(gr, gr), hl));
  return _mm512_mask_cmp_ps_mask(heavy, gain, _mm512_mul_ps(_mm512_mul_ps(hl, hr), bar),
                                 _CMP_GE_OQ);
}

// Slots i to i + 7 of those before `end`, 0 beyond.
__m512i LoadSlots(const PackedGrad* from, uint32_t i, uint32_t end) {
  if (i + 8 <= end) return _mm512_loadu_si512(from + i);
  const uint32_t some = i < end ? (1U << (end - i)) - 1 : 0;
  return _mm512_maskz_loadu_epi64(static_cast<__mmask8>(some), from + i);
}

void ReachingNodesWide(const PackedGrad* sum, const uint8_t* node, size_t count,
                       const NodesOfScan& nodes, uint8_t* flag) {
  const __m512 lambda = _mm512_set1_ps(nodes.lambda);
  const __m512i least = _mm512_set1_epi32(nodes.least);
  size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    const __m128i ids = _mm_loadu_si128(reinterpret_cast<const __m128i*>(node + i));
    const __m512i id = _mm512_cvtepu8_epi32(ids);
    const __m256i id_a = _mm512_castsi512_si256(id);
    const __m256i id_b = _mm512_extracti64x4_epi64(id, 1);
    const __m512 bar = _mm512_i32gather_ps(id, nodes.bar, 4);
    const __m512i left_a = _mm512_loadu_si512(sum + i);
    const __m512i left_b = _mm512_loadu_si512(sum + i + 8);
    const __m512i total_a = _mm512_i32gather_epi64(id_a, nodes.total, 8);
    const __m512i total_b = _mm512_i32gather_epi64(id_b, nodes.total, 8);
    const __m512i present_a = _mm512_i32gather_epi64(id_a, nodes.present, 8);
    const __m512i present_b = _mm512_i32gather_epi64(id_b, nodes.present, 8);
    const Levels left = Unpack(left_a, left_b);
    const Levels right =
        Unpack(_mm512_sub_epi64(total_a, left_a), _mm512_sub_epi64(total_b, left_b));
    const Levels rest =
        Unpack(_mm512_sub_epi64(present_a, left_a), _mm512_sub_epi64(present_b, left_b));
    // What is left of it backward is what the rest lacks of the total.
    const Levels other = Subtract(Add(left, right), rest);
    uint32_t hit = ReachesWide(left, right, bar, lambda, least) |
                   static_cast<uint32_t>(ReachesWide(other, rest, bar, lambda, least));
    for (; hit != 0; hit &= hit - 1) flag[node[i + static_cast<size_t>(__builtin_ctz(hit))]] = 1;
  }
  ReachingNodes(sum + i, node + i, count - i, nodes, flag);
}

// Most scans find nothing better than what is known already, and that is quickly told.
ScanBest ScanWide(const ScanInput& in) {
  const RoughScale scale = RoughScaleOf(in);
  if (!scale.bounds || scale.bar <= 0) return Scan(in);
  PackedGrad missing = in.missing;
  if (in.missing_is_rest) {
    __m512i sum = _mm512_setzero_si512();
    for (uint32_t i = 0; i < in.bins; i += 8) {
      sum = _mm512_add_epi64(sum, LoadSlots(in.hist, i, in.bins));
    }
    const auto present = static_cast<PackedGrad>(_mm512_reduce_add_epi64(sum));
    if (static_cast<int32_t>(present) < scale.least) return {};
    missing = in.total - present;
  }
  // Missing left, every value right.
  if (missing != 0 && Reaches(missing, in.total - missing, scale.bar, scale.lambda, scale.least)) {
    return Scan(in);
  }
  const __m512 bar = _mm512_set1_ps(scale.bar);
  const __m512 lambda = _mm512_set1_ps(scale.lambda);
  const __m512i least = _mm512_set1_epi32(scale.least);
  const Levels total = AllOf(in.total);
  const Levels apart = AllOf(missing);
  const __m512i last = _mm512_set1_epi64(7);
  __m512i before = _mm512_setzero_si512();
  for (uint32_t i = 0; i < in.bins; i += 16) {
    __m512i a = LoadSlots(in.hist, i, in.bins);
    __m512i b = LoadSlots(in.hist, i + 8, in.bins);
    const __m512i either = _mm512_or_si512(a, b);
    if (_mm512_test_epi64_mask(either, either) == 0) continue;
    a = Prefix(a);
    b = Prefix(b);
    const __m512i of_a = _mm512_permutexvar_epi64(last, a);
    const __m512i of_b = _mm512_permutexvar_epi64(last, b);
    a = _mm512_add_epi64(a, before);
    before = _mm512_add_epi64(before, of_a);
    b = _mm512_add_epi64(b, before);
    before = _mm512_add_epi64(before, of_b);
    // An empty bin is the same position as the one before it.
    Levels left = Unpack(a, b);
    __mmask16 hit = ReachesWide(left, Subtract(total, left), bar, lambda, least);
    if (missing != 0) {
      left = Add(left, apart);
      hit |= ReachesWide(left, Subtract(total, left), bar, lambda, least);
    }
    if (hit != 0) return Scan(in);
  }
  return {};
}
}  // namespace
}  // namespace avx512

const Kernels kAvx512Kernels = {.name = "avx512",
                                .bin_bytes = avx512::BinBytesWide,
                                .bin_words = avx512::BinWordsWide,
                                .bin_present = avx512::BinPresentWide,
                                .bin_entries = avx512::BinEntriesWide,
                                .transpose = avx512::TransposeWide,
                                .transpose_bytes = avx512::TransposeBytes,
                                .present_keys = avx512::PresentKeysWide,
                                .key_range = avx512::KeyRange,
                                .count_key = avx512::CountKey,
                                .key_at = avx512::KeyAtWide,
                                .split_keys = avx512::SplitKeysWide,
                                .bucket_keys = avx512::BucketKeysWide,
                                .pick_keys = avx512::PickKeysWide,
                                .column_range = avx512::ColumnRange,
                                .count_present = avx512::CountPresent,
                                .add_lanes = avx512::AddLanes,
                                .difference = avx512::Difference,
                                .scan = avx512::ScanWide,
                                .scan_positions = avx512::ScanPositions,
                                .reaching_nodes = avx512::ReachingNodesWide,
                                .divide = avx512::DivideWide,
                                .quantize = avx512::Quantize,
                                .absolute_sums = avx512::AbsoluteSums,
                                .logistic = avx512::Logistic,
                                .logistic_of = avx512::LogisticOf,
                                .sigmoid = avx512::Sigmoid,
                                .likelihood = avx512::Likelihood,
                                .exp = avx512::ExpOf,
                                .log = avx512::LogOf,
                                .losses = avx512::Losses,
                                .loss_sum = avx512::LossSum,
                                .aft_likelihood = avx512::AftLikelihood,
                                .count_pairs = avx512::CountPairs,
                                .precision_area = avx512::PrecisionArea,
                                .rank_by_count = avx512::RankByCount,
                                .lambda_pairs = avx512::LambdaPairs,
                                .softmax = avx512::Softmax};
}  // namespace clary::gbdt
#endif
