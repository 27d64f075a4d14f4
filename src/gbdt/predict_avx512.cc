// Compiled for AVX-512 (F, BW, DQ, VL); called only on a processor that has it.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "gbdt/predict_fast.h"

namespace clary::gbdt {
namespace {

constexpr size_t kBlock = 512;

// Sixty-four rows; a word has a bit for each.
struct Rows {
  const uint32_t* cuts;
  const uint8_t* columns;  // from the first row
  uint64_t path[8];        // by level: which rows went right
};

// Which rows go right at split `node`.
[[gnu::always_inline]] inline uint64_t Decide(const Rows& r, int node) {
  const __m512i x = _mm512_load_si512(r.columns + size_t{r.cuts[2 * node]} * kBlock);
  const __m512i t = _mm512_set1_epi32(static_cast<int>(r.cuts[2 * node + 1]));
  return _cvtmask64_u64(_mm512_cmpge_epu8_mask(x, t));
}

// The decision of each row at its own split among kCount ones from kFirst on; kBit is the level
// whose decision halves them.
template <int kFirst, int kCount, int kBit>
[[gnu::always_inline]] inline uint64_t Select(const Rows& r) {
  if constexpr (kCount == 1) {
    return Decide(r, kFirst);
  } else {
    const uint64_t left = Select<kFirst, kCount / 2, kBit + 1>(r);
    const uint64_t right = Select<kFirst + kCount / 2, kCount / 2, kBit + 1>(r);
    return left ^ ((left ^ right) & r.path[kBit]);
  }
}

template <int kDepth, int kLevel>
[[gnu::always_inline]] inline __m512i LeafIndex(Rows& r, __m512i index) {
  if constexpr (kLevel == kDepth) {
    return index;
  } else {
    r.path[kLevel] = Select<(1 << kLevel) - 1, 1 << kLevel, 0>(r);
    const auto bit = static_cast<char>(1 << (kDepth - 1 - kLevel));
    index =
        _mm512_mask_add_epi8(index, _cvtu64_mask64(r.path[kLevel]), index, _mm512_set1_epi8(bit));
    return LeafIndex<kDepth, kLevel + 1>(r, index);
  }
}

// Leaf values by index; tables that fit registers are looked up there.
template <int kDepth>
[[gnu::always_inline]] inline __m512 Values(const float* leaves, __m512i at) {
  if constexpr (kDepth == 6) {
    const __m512 low =
        _mm512_permutex2var_ps(_mm512_loadu_ps(leaves), at, _mm512_loadu_ps(leaves + 16));
    const __m512 high =
        _mm512_permutex2var_ps(_mm512_loadu_ps(leaves + 32), at, _mm512_loadu_ps(leaves + 48));
    return _mm512_mask_blend_ps(_mm512_test_epi32_mask(at, _mm512_set1_epi32(32)), low, high);
  } else if constexpr (kDepth == 5) {
    return _mm512_permutex2var_ps(_mm512_loadu_ps(leaves), at, _mm512_loadu_ps(leaves + 16));
  } else {
    return _mm512_i32gather_ps(at, leaves, 4);
  }
}

template <int kDepth>
void AddLeaves(const uint32_t* cuts, const float* leaves, const uint8_t* columns, size_t rows,
               float* out) {
  for (size_t row = 0; row < rows; row += 64) {
    Rows r{.cuts = cuts, .columns = columns + row, .path = {}};
    alignas(64) uint8_t index[64];
    _mm512_store_si512(index, LeafIndex<kDepth, 0>(r, _mm512_setzero_si512()));
    for (size_t i = 0; i < 64; i += 16) {
      const __m512i at =
          _mm512_cvtepu8_epi32(_mm_load_si128(reinterpret_cast<const __m128i*>(index + i)));
      float* const to = out + row + i;
      _mm512_storeu_ps(to, _mm512_add_ps(_mm512_loadu_ps(to), Values<kDepth>(leaves, at)));
    }
  }
}

// Four times sixteen rows down one tree, level by level, so that their loads overlap.
void WalkRows(const DeepNode* nodes, uint32_t depth, const float* rows, size_t columns,
              size_t count, const float* values, float* out) {
  constexpr size_t kParts = 4;
  const __m512i lane = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  const __m512i width = _mm512_set1_epi32(static_cast<int>(columns));
  const __m512i default_left = _mm512_set1_epi32(1 << DeepNode::kDefaultLeftBit);
  const __m512i left_mask = _mm512_set1_epi32(DeepNode::kMaxNodes - 1);
  const __m512i one = _mm512_set1_epi32(1);
  const __m512 missing = _mm512_set1_ps(__builtin_nanf(""));
  __m512i at[kParts];
  __m512i begin[kParts];
  for (size_t p = 0; p < kParts; ++p) {
    const __m512i row =
        _mm512_min_epi32(_mm512_add_epi32(lane, _mm512_set1_epi32(static_cast<int>(16 * p))),
                         _mm512_set1_epi32(static_cast<int>(count) - 1));
    begin[p] = _mm512_mullo_epi32(row, width);
    at[p] = _mm512_setzero_si512();
  }
  for (uint32_t d = 0; d < depth; ++d) {
    uint32_t moved = 0;
    for (size_t p = 0; p < kParts; ++p) {
      const __m512 threshold = _mm512_i32gather_ps(at[p], &nodes->threshold, 8);
      const __m512i word = _mm512_i32gather_epi32(at[p], &nodes->word, 8);
      const __m512i feature = _mm512_srli_epi32(word, DeepNode::kDefaultLeftBit + 1);
      const __m512 x = _mm512_mask_i32gather_ps(missing, _mm512_cmplt_epu32_mask(feature, width),
                                                _mm512_add_epi32(begin[p], feature), rows, 4);
      const auto absent = static_cast<uint32_t>(
          _mm512_mask_testn_epi32_mask(_mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), word, default_left));
      const auto above = static_cast<uint32_t>(_mm512_cmp_ps_mask(x, threshold, _CMP_GE_OQ));
      const __m512i left = _mm512_and_si512(word, left_mask);
      const __m512i next =
          _mm512_mask_add_epi32(left, static_cast<__mmask16>(absent | above), left, one);
      moved |= static_cast<uint32_t>(_mm512_cmpneq_epi32_mask(next, at[p]));
      at[p] = next;
    }
    if (moved == 0) break;
  }
  for (size_t p = 0; p < kParts && 16 * p < count; ++p) {
    const size_t left = count - 16 * p;
    const auto some = static_cast<__mmask16>(left < 16 ? (1U << left) - 1 : 0xffffU);
    float* const to = out + 16 * p;
    const __m512 value = _mm512_mask_i32gather_ps(_mm512_setzero_ps(), some, at[p], values, 4);
    _mm512_mask_storeu_ps(to, some, _mm512_add_ps(_mm512_maskz_loadu_ps(some, to), value));
  }
}

}  // namespace

void WalkAvx512(const DeepNode* nodes, uint32_t depth, const float* rows, size_t columns,
                size_t count, const float* values, float* out) {
  for (size_t r = 0; r < count; r += 64) {
    WalkRows(nodes, depth, rows + r * columns, columns, count - r < 64 ? count - r : 64, values,
             out + r);
  }
}

void AddLeavesAvx512(int depth, const uint32_t* cuts, const float* leaves, const uint8_t* columns,
                     size_t rows, float* out) {
  using Add = void (*)(const uint32_t*, const float*, const uint8_t*, size_t, float*);
  constexpr Add kByDepth[] = {AddLeaves<1>, AddLeaves<2>, AddLeaves<3>, AddLeaves<4>,
                              AddLeaves<5>, AddLeaves<6>, AddLeaves<7>, AddLeaves<8>};
  kByDepth[depth - 1](cuts, leaves, columns, rows, out);
}

}  // namespace clary::gbdt
