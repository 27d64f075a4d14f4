// Compiled with -mavx2; called only on a processor that has it.
#include <immintrin.h>

#include <array>
#include <bit>

#include "data/internal/kernels_impl.h"

namespace clary::data::internal {
namespace {

// Shuffle [dot][end]: the digits of bytes [0, end) but for the byte at `dot`, moved to the right
// end of the register; zero before them. dot == end: no dot.
struct alignas(64) Shuffles {
  uint8_t of[17][17][16];
};
constexpr Shuffles MakeShuffles() {
  Shuffles s{};
  for (int dot = 0; dot <= 16; ++dot) {
    for (int end = 0; end <= 16; ++end) {
      int to = 15;
      for (int from = end - 1; from >= 0 && to >= 0; --from) {
        if (from != dot) s.of[dot][end][to--] = static_cast<uint8_t>(from);
      }
      for (; to >= 0; --to) s.of[dot][end][to] = 0x80;
    }
  }
  return s;
}
constexpr Shuffles kShuffles = MakeShuffles();

// The number of up to 16 digit values (0-9) in text order.
inline uint64_t SumDigits(__m128i digits) {
  const __m128i tens = _mm_setr_epi8(10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1);
  const __m128i hundreds = _mm_setr_epi16(100, 1, 100, 1, 100, 1, 100, 1);
  const __m128i myriads = _mm_setr_epi16(10000, 1, 10000, 1, 10000, 1, 10000, 1);
  const __m128i two = _mm_maddubs_epi16(digits, tens);
  const __m128i four = _mm_madd_epi16(two, hundreds);
  const __m128i eight = _mm_madd_epi16(_mm_packus_epi32(four, four), myriads);
  const auto both = static_cast<uint64_t>(_mm_cvtsi128_si64(eight));
  return (both & 0xffffffffU) * 100000000 + (both >> 32);
}

// The float nearest to what `d` stands for, if `d` is within 8 units in its last place of it:
// nullptr-like false when that cannot be told, because a midpoint between floats is that close,
// or the result is no normal float.
inline bool ToFloat(double d, bool negative, float* value) {
  const auto bits = std::bit_cast<uint64_t>(d);
  constexpr uint64_t kLow = (uint64_t{1} << 29) - 1;  // bits that a float lacks
  constexpr uint64_t kMidpoint = uint64_t{1} << 28;
  const bool unsure = ((bits - kMidpoint + 10) & kLow) <= 20;
  const bool normal = d == 0 || (d >= 1.2e-38 && d <= 3.4e38);
  *value = std::bit_cast<float>(std::bit_cast<uint32_t>(static_cast<float>(d)) |
                                (static_cast<uint32_t>(negative) << 31));
  return !unsure & normal;
}

struct Avx2Number {
  // Numbers of up to 31 characters before an exponent. The mantissa is summed as an integer (16
  // digits) or two; one or two multiplications by powers of ten then leave an error of at most 5
  // units of a double, which decides the float but for values next to a midpoint.
  [[gnu::always_inline]] static inline const char* Read(const char* p, float* value) {
    const __m256i text = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    const __m256i digits = _mm256_sub_epi8(text, _mm256_set1_epi8('0'));
    const __m256i is_digit =
        _mm256_cmpeq_epi8(_mm256_min_epu8(digits, _mm256_set1_epi8(9)), digits);
    const __m256i is_dot = _mm256_cmpeq_epi8(text, _mm256_set1_epi8('.'));
    const auto other =
        ~static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_or_si256(is_digit, is_dot)));
    const uint32_t stops = other & ~1U;  // a sign may come first
    const bool negative = *p == '-';
    if (stops == 0 || ((other & 1) != 0 && !negative)) [[unlikely]] {
      return nullptr;
    }
    const auto end = static_cast<unsigned>(std::countr_zero(stops));
    const uint32_t dots = static_cast<uint32_t>(_mm256_movemask_epi8(is_dot)) & ((1U << end) - 1);
    const bool has_dot = dots != 0;
    const unsigned dot = has_dot ? static_cast<unsigned>(std::countr_zero(dots)) : end;
    // At least one digit, at most one dot.
    if ((dots & (dots - 1)) != 0 || end == unsigned{negative} + unsigned{has_dot}) [[unlikely]] {
      return nullptr;
    }
    const __m256i values = _mm256_and_si256(digits, is_digit);
    int power = -static_cast<int>(end - dot - unsigned{has_dot});
    double mantissa;
    if (end <= 16) [[likely]] {
      const __m128i shuffle =
          _mm_load_si128(reinterpret_cast<const __m128i*>(kShuffles.of[dot][end]));
      mantissa = static_cast<double>(static_cast<int64_t>(
          SumDigits(_mm_shuffle_epi8(_mm256_castsi256_si128(values), shuffle))));
    } else {
      const unsigned dot1 = dot < 16 ? dot : 16;
      const unsigned end2 = end - 16;
      const unsigned dot2 = dot >= 16 ? dot - 16 : end2;
      const uint64_t first = SumDigits(_mm_shuffle_epi8(
          _mm256_castsi256_si128(values),
          _mm_load_si128(reinterpret_cast<const __m128i*>(kShuffles.of[dot1][16]))));
      const uint64_t second = SumDigits(_mm_shuffle_epi8(
          _mm256_extracti128_si256(values, 1),
          _mm_load_si128(reinterpret_cast<const __m128i*>(kShuffles.of[dot2][end2]))));
      const unsigned digits2 = end2 - unsigned{dot2 < end2};
      mantissa = static_cast<double>(static_cast<int64_t>(first)) *
                     kPowersOfTen[static_cast<int>(digits2) - kMinPower] +
                 static_cast<double>(static_cast<int64_t>(second));
    }
    const char* after = p + end;
    if ((*after | 0x20) == 'e') {
      ++after;
      const bool minus = *after == '-';
      after += minus || *after == '+';
      if (static_cast<unsigned char>(*after - '0') > 9) return nullptr;
      int exponent = *after++ - '0';
      if (static_cast<unsigned char>(*after - '0') <= 9)
        exponent = exponent * 10 + (*after++ - '0');
      if (static_cast<unsigned char>(*after - '0') <= 9) return nullptr;
      power += minus ? -exponent : exponent;
      if (power < kMinPower || power > kMaxPower) return nullptr;
    }
    return ToFloat(mantissa * kPowersOfTen[power - kMinPower], negative, value) ? after : nullptr;
  }
};

}  // namespace

const char* ParseCsvRowsAvx2(const char* begin, const char* end, const CsvTarget& to) {
  return CsvRows<Avx2Number>(begin, end, to);
}

const char* ParseLibsvmRowsAvx2(const char* begin, const char* end, LibsvmTarget& to) {
  return LibsvmRows<Avx2Number>(begin, end, to);
}

}  // namespace clary::data::internal
