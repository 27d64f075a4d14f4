// Compiled with -mavx2; called only on a processor that has it.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace clary::gbdt {
namespace {

constexpr size_t kBlock = 512;

struct Rows {
  const uint32_t* cuts;
  const uint8_t* columns;  // from the first of 32 rows
  __m256i path[8];         // by level: 0xff where a row went right
};

// 0xff where the rows go right at split `node`.
[[gnu::always_inline]] inline __m256i Decide(const Rows& r, int node) {
  const __m256i x = _mm256_load_si256(
      reinterpret_cast<const __m256i*>(r.columns + size_t{r.cuts[2 * node]} * kBlock));
  const __m256i t = _mm256_set1_epi32(static_cast<int>(r.cuts[2 * node + 1]));
  return _mm256_cmpeq_epi8(_mm256_max_epu8(x, t), x);
}

// The decision of each row at its own split among kCount ones from kFirst on; kBit is the level
// whose decision halves them.
template <int kFirst, int kCount, int kBit>
[[gnu::always_inline]] inline __m256i Select(const Rows& r) {
  if constexpr (kCount == 1) {
    return Decide(r, kFirst);
  } else {
    const __m256i left = Select<kFirst, kCount / 2, kBit + 1>(r);
    const __m256i right = Select<kFirst + kCount / 2, kCount / 2, kBit + 1>(r);
    return _mm256_blendv_epi8(left, right, r.path[kBit]);
  }
}

template <int kDepth, int kLevel>
[[gnu::always_inline]] inline __m256i LeafIndex(Rows& r, __m256i index) {
  if constexpr (kLevel == kDepth) {
    return index;
  } else {
    r.path[kLevel] = Select<(1 << kLevel) - 1, 1 << kLevel, 0>(r);
    const auto bit = static_cast<char>(1 << (kDepth - 1 - kLevel));
    index = _mm256_or_si256(index, _mm256_and_si256(r.path[kLevel], _mm256_set1_epi8(bit)));
    return LeafIndex<kDepth, kLevel + 1>(r, index);
  }
}

template <int kDepth>
void AddLeaves(const uint32_t* cuts, const float* leaves, const uint8_t* columns, size_t rows,
               float* out) {
  for (size_t row = 0; row < rows; row += 32) {
    Rows r{.cuts = cuts, .columns = columns + row, .path = {}};
    alignas(32) uint8_t index[32];
    _mm256_store_si256(reinterpret_cast<__m256i*>(index),
                       LeafIndex<kDepth, 0>(r, _mm256_setzero_si256()));
    for (size_t i = 0; i < 32; i += 8) {
      const __m256i at =
          _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(index + i)));
      const __m256 value = _mm256_i32gather_ps(leaves, at, 4);
      _mm256_storeu_ps(out + row + i, _mm256_add_ps(_mm256_loadu_ps(out + row + i), value));
    }
  }
}

}  // namespace

void MembersAvx2(const uint8_t* codes, const uint8_t* table, uint8_t* right) {
  const auto twice = [](const uint8_t* from) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
  };
  alignas(16) constexpr uint8_t kBits[16] = {1, 2, 4, 8, 16, 32, 64, 128,
                                             1, 2, 4, 8, 16, 32, 64, 128};
  const __m256i low = twice(table);
  const __m256i high = twice(table + 16);
  const __m256i bits = twice(kBits);
  const __m256i nibble = _mm256_set1_epi8(15);
  for (size_t row = 0; row < kBlock; row += 32) {
    const __m256i code = _mm256_load_si256(reinterpret_cast<const __m256i*>(codes + row));
    const __m256i column = _mm256_and_si256(code, nibble);
    const __m256i of = _mm256_blendv_epi8(_mm256_shuffle_epi8(low, column),
                                          _mm256_shuffle_epi8(high, column), code);
    const __m256i bit =
        _mm256_shuffle_epi8(bits, _mm256_and_si256(_mm256_srli_epi16(code, 4), nibble));
    const __m256i in = _mm256_cmpeq_epi8(_mm256_and_si256(of, bit), bit);
    _mm256_store_si256(reinterpret_cast<__m256i*>(right + row), in);
  }
}

void AddLeavesAvx2(int depth, const uint32_t* cuts, const float* leaves, const uint8_t* columns,
                   size_t rows, float* out) {
  switch (depth) {
    case 1:
      return AddLeaves<1>(cuts, leaves, columns, rows, out);
    case 2:
      return AddLeaves<2>(cuts, leaves, columns, rows, out);
    case 3:
      return AddLeaves<3>(cuts, leaves, columns, rows, out);
    case 4:
      return AddLeaves<4>(cuts, leaves, columns, rows, out);
    case 5:
      return AddLeaves<5>(cuts, leaves, columns, rows, out);
    case 6:
      return AddLeaves<6>(cuts, leaves, columns, rows, out);
    case 7:
      return AddLeaves<7>(cuts, leaves, columns, rows, out);
    default:
      return AddLeaves<8>(cuts, leaves, columns, rows, out);
  }
}

}  // namespace clary::gbdt
