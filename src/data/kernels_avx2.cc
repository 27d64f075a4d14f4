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

// The float nearest to what `d` stands for, within 10 units of d's last place: false if a midpoint
// between two floats is that close, so that this cannot be told. `d` is 0 or of a normal float's
// size.
inline bool ToFloat(double d, bool negative, float* value) {
  const auto bits = std::bit_cast<uint64_t>(d);
  constexpr uint64_t kLow = (uint64_t{1} << 29) - 1;  // bits that a float lacks
  constexpr uint64_t kMidpoint = uint64_t{1} << 28;
  *value = std::bit_cast<float>(std::bit_cast<uint32_t>(static_cast<float>(d)) |
                                (static_cast<uint32_t>(negative) << 31));
  return ((bits - kMidpoint + 10) & kLow) > 20;
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
    // Signs come at random: no branch on them.
    if ((stops == 0) | (((other & 1) != 0) & !negative)) [[unlikely]] {
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
    // 31 characters without an exponent are of a normal float's size.
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
      const double d = mantissa * kPowersOfTen[power - kMinPower];
      if (d != 0 && (d < 1.2e-38 || d > 3.4e38)) return nullptr;
      return ToFloat(d, negative, value) ? after : nullptr;
    }
    return ToFloat(mantissa * kPowersOfTen[power - kMinPower], negative, value) ? after : nullptr;
  }
};

// [t] closes the gap of a dot at byte t: what is before it moves right by one. [16]: no dot.
struct alignas(64) Gaps {
  uint8_t of[17][16];
};
constexpr Gaps MakeGaps() {
  Gaps g{};
  for (int t = 0; t <= 16; ++t) {
    for (int to = 0; to < 16; ++to) {
      const int from = t == 16 || to > t ? to : to - 1;
      g.of[t][to] = from < 0 ? 0x80 : static_cast<uint8_t>(from);
    }
  }
  return g;
}
constexpr Gaps kGaps = MakeGaps();

// 16 bytes from kTails + n: the last n are 0xff.
alignas(64) constexpr uint8_t kTails[32] = {
    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

// [t] for a dot at byte t of 16, [16] for none, and the same with a minus from [32].
alignas(64) constexpr double kScales[49] = {
    1e-15, 1e-14, 1e-13, 1e-12, 1e-11, 1e-10, 1e-9,   1e-8,   1e-7,   1e-6,   1e-5,   1e-4,   1e-3,
    1e-2,  1e-1,  1,     1,     0,     0,     0,      0,      0,      0,      0,      0,      0,
    0,     0,     0,     0,     0,     0,     -1e-15, -1e-14, -1e-13, -1e-12, -1e-11, -1e-10, -1e-9,
    -1e-8, -1e-7, -1e-6, -1e-5, -1e-4, -1e-3, -1e-2,  -1e-1,  -1,     -1};

inline __m256i Load2(const void* low, const void* high) {
  return _mm256_inserti128_si256(
      _mm256_castsi128_si256(_mm_loadu_si128(static_cast<const __m128i*>(low))),
      _mm_loadu_si128(static_cast<const __m128i*>(high)), 1);
}

// Constants that the compiler would otherwise build anew for each use.
struct Constants {
  __m256i zero = _mm256_set1_epi8('0');
  __m256i nine = _mm256_set1_epi8(9);
  __m256i dot = _mm256_set1_epi8('.');
  __m256i tens = _mm256_set1_epi16(0x010a);
  __m256i hundreds = _mm256_set1_epi32(0x00010064);
  __m256i myriads = _mm256_set1_epi32(0x00012710);
  Constants() {
    asm("" : "+x"(zero), "+x"(nine), "+x"(dot), "+x"(tens), "+x"(hundreds), "+x"(myriads));
  }
};

// Four successive fields, each [text + ends[k - 1] + 1, text + ends[k]), if all are numbers of 1 to
// 16 characters (a sign not counted) without an exponent. Bytes are taken from a field's end, so
// that its last digit is always in the last place; two fields share a register, one a half.
[[gnu::always_inline]] inline bool FourFields(const Constants& k, const char* text,
                                              const uint32_t* ends, float* values) {
  const char* end[4];
  unsigned length[4];
  unsigned minus[4];
  unsigned lengths = 0;
  for (int f = 0; f < 4; ++f) {
    const uint32_t begin = ends[f - 1] + 1;
    end[f] = text + ends[f];
    minus[f] = text[begin] == '-';
    length[f] = ends[f] - begin - minus[f];
    lengths |= length[f] - 1;
  }
  if (lengths > 15) [[unlikely]] {
    return false;
  }
  __m256i eights[2];
  unsigned wrong = 0;
  __m256i strange = _mm256_setzero_si256();
  double scale[4];
  for (int pair = 0; pair < 2; ++pair) {
    const int a = 2 * pair;
    const int b = a + 1;
    const __m256i chars = Load2(end[a] - 16, end[b] - 16);
    const __m256i in_field = Load2(kTails + length[a], kTails + length[b]);
    const __m256i digits = _mm256_sub_epi8(chars, k.zero);
    const __m256i is_digit = _mm256_cmpeq_epi8(_mm256_min_epu8(digits, k.nine), digits);
    const __m256i is_dot = _mm256_and_si256(_mm256_cmpeq_epi8(chars, k.dot), in_field);
    strange =
        _mm256_or_si256(strange, _mm256_andnot_si256(_mm256_or_si256(is_digit, is_dot), in_field));
    const auto dots = static_cast<uint32_t>(_mm256_movemask_epi8(is_dot));
    const uint32_t dots_a = dots & 0xffff;
    const uint32_t dots_b = dots >> 16;
    const unsigned t_a = _tzcnt_u32(dots_a | 0x10000);
    const unsigned t_b = _tzcnt_u32(dots_b | 0x10000);
    // A second dot, or nothing but a dot.
    wrong |= (dots_a & (dots_a - 1)) | (dots_b & (dots_b - 1));
    wrong |= (dots_a >> 15 & unsigned{length[a] == 1}) | (dots_b >> 15 & unsigned{length[b] == 1});
    scale[a] = kScales[t_a + 32 * minus[a]];
    scale[b] = kScales[t_b + 32 * minus[b]];
    const __m256i aligned =
        _mm256_shuffle_epi8(_mm256_and_si256(digits, _mm256_and_si256(is_digit, in_field)),
                            Load2(kGaps.of[t_a], kGaps.of[t_b]));
    const __m256i twos = _mm256_maddubs_epi16(aligned, k.tens);
    const __m256i fours = _mm256_madd_epi16(twos, k.hundreds);
    eights[pair] = _mm256_madd_epi16(_mm256_packus_epi32(fours, fours), k.myriads);
  }
  // Halves of eight digits, high and low, of fields 0, 2 | 1, 3.
  const __m256i parts = _mm256_unpacklo_epi32(eights[0], eights[1]);
  // parts: high0 high2 low0 low2 | high1 high3 low1 low3
  const __m256i sorted =
      _mm256_permutevar8x32_epi32(parts, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
  const __m256d high = _mm256_cvtepi32_pd(_mm256_castsi256_si128(sorted));
  const __m256d low = _mm256_cvtepi32_pd(_mm256_extracti128_si256(sorted, 1));
  // high * 1e8 is exact: it has no more than 46 bits before 8 zero bits.
  const __m256d mantissa = _mm256_add_pd(_mm256_mul_pd(high, _mm256_set1_pd(1e8)), low);
  const __m256d d = _mm256_mul_pd(mantissa, _mm256_setr_pd(scale[0], scale[1], scale[2], scale[3]));
  // As ToFloat().
  const __m256i bits = _mm256_castpd_si256(d);
  const __m256i distance =
      _mm256_and_si256(_mm256_sub_epi64(bits, _mm256_set1_epi64x((int64_t{1} << 28) - 10)),
                       _mm256_set1_epi64x((int64_t{1} << 29) - 1));
  const __m256i near = _mm256_cmpgt_epi64(_mm256_set1_epi64x(21), distance);
  _mm_storeu_ps(values, _mm256_cvtpd_ps(d));
  strange = _mm256_or_si256(strange, near);
  return (wrong == 0) & (_mm256_testz_si256(strange, strange) != 0);
}

// 32 bytes from kLongTails + n: the last n are 0xff.
alignas(64) constexpr std::array<uint8_t, 64> kLongTails = [] {
  std::array<uint8_t, 64> tails{};
  for (size_t i = 32; i < 64; ++i) tails[i] = 0xff;
  return tails;
}();

// Constants of fields that take a register each.
struct LongConstants {
  __m256i place;  // 0 to 31
  __m256i not_last;
  LongConstants() {
    alignas(32) std::array<uint8_t, 32> bytes;
    for (size_t i = 0; i < 32; ++i) bytes[i] = static_cast<uint8_t>(i);
    place = _mm256_load_si256(reinterpret_cast<const __m256i*>(bytes.data()));
    not_last = _mm256_cmpgt_epi8(_mm256_set1_epi8(31), place);
  }
};

// FourFields() for numbers of 1 to 30 characters before an exponent of a sign and two digits. What
// follows the number is in a register's last byte: the dot's place, if it has none.
[[gnu::noinline]] bool FourLongFields(const Constants& k, const LongConstants& l, const char* text,
                                      const uint32_t* ends, float* values) {
  __m256i fours[4];
  alignas(32) double scale[4];
  uint32_t wrong = 0;
  for (int f = 0; f < 4; ++f) {
    const char* const begin = text + (ends[f - 1] + 1);
    const char* end = text + ends[f];
    int power = 0;
    if (end - begin > 4 && (end[-4] | 0x20) == 'e') {
      const auto tens = static_cast<unsigned char>(end[-2] - '0');
      const auto ones = static_cast<unsigned char>(end[-1] - '0');
      const int sign = ',' - end[-3];  // of "+,-"
      if (tens > 9 || ones > 9 || (sign != 1 && sign != -1)) return false;
      power = sign * (10 * tens + ones);
      end -= 4;
    }
    const bool minus = *begin == '-';
    const auto length = static_cast<size_t>(end - begin) - size_t{minus};
    if (length - 1 > 29) return false;
    const auto load = [](const void* from) {
      return _mm256_loadu_si256(static_cast<const __m256i*>(from));
    };
    const __m256i chars = load(end - 31);
    const __m256i in_field = _mm256_and_si256(load(&kLongTails[length + 1]), l.not_last);
    const __m256i digits = _mm256_sub_epi8(chars, k.zero);
    const __m256i is_digit =
        _mm256_and_si256(_mm256_cmpeq_epi8(_mm256_min_epu8(digits, k.nine), digits), in_field);
    const __m256i is_dot = _mm256_and_si256(_mm256_cmpeq_epi8(chars, k.dot), in_field);
    const auto digit_bits = static_cast<uint32_t>(_mm256_movemask_epi8(is_digit));
    const auto dot_bits = static_cast<uint32_t>(_mm256_movemask_epi8(is_dot));
    // A byte of another kind, a second dot, or no digit.
    wrong |= (digit_bits | dot_bits) ^ static_cast<uint32_t>(_mm256_movemask_epi8(in_field));
    wrong |= (dot_bits & (dot_bits - 1)) | uint32_t{digit_bits == 0};
    const auto dot = static_cast<int>(_tzcnt_u32(dot_bits | 0x80000000U));
    // Up to the dot each byte is the one before it: all numbers then end in the last byte, those
    // with a dot with a zero for it.
    const __m256i before =
        _mm256_and_si256(_mm256_sub_epi8(load(end - 32), k.zero), load(&kLongTails[length]));
    const __m256i to_dot = _mm256_cmpgt_epi8(_mm256_set1_epi8(static_cast<char>(dot + 1)), l.place);
    const __m256i aligned = _mm256_blendv_epi8(_mm256_and_si256(digits, is_digit), before, to_dot);
    fours[f] = _mm256_madd_epi16(_mm256_maddubs_epi16(aligned, k.tens), k.hundreds);
    power -= 31 - dot;
    if (power < kMinPower || power > kMaxPower) return false;
    // Signs come at random: no branch on them.
    scale[f] = std::bit_cast<double>(std::bit_cast<uint64_t>(kPowersOfTen[power - kMinPower]) |
                                     uint64_t{minus} << 63);
  }
  if (wrong != 0) return false;
  // By half: eight and eight digits of fields 0 and 1, and of 2 and 3.
  const auto eights = [&](int f) {
    return _mm256_castsi256_ps(
        _mm256_madd_epi16(_mm256_packus_epi32(fours[f], fours[f + 1]), k.myriads));
  };
  const __m256 low = eights(0);
  const __m256 high = eights(2);
  const __m256i firsts = _mm256_castps_si256(_mm256_shuffle_ps(low, high, 0x88));
  const __m256i seconds = _mm256_castps_si256(_mm256_shuffle_ps(low, high, 0xdd));
  const auto sixteen = [](__m128i first, __m128i second) {
    return _mm256_add_pd(_mm256_mul_pd(_mm256_cvtepi32_pd(first), _mm256_set1_pd(1e8)),
                         _mm256_cvtepi32_pd(second));
  };
  const __m256d mantissa = _mm256_add_pd(
      _mm256_mul_pd(sixteen(_mm256_castsi256_si128(firsts), _mm256_castsi256_si128(seconds)),
                    _mm256_set1_pd(1e16)),
      sixteen(_mm256_extracti128_si256(firsts, 1), _mm256_extracti128_si256(seconds, 1)));
  const __m256d d = _mm256_mul_pd(mantissa, _mm256_load_pd(scale));
  // As ToFloat(); the error is at most 5 units of the last place.
  const __m256i distance = _mm256_and_si256(
      _mm256_sub_epi64(_mm256_castpd_si256(d), _mm256_set1_epi64x((int64_t{1} << 28) - 10)),
      _mm256_set1_epi64x((int64_t{1} << 29) - 1));
  const __m256d near = _mm256_castsi256_pd(_mm256_cmpgt_epi64(_mm256_set1_epi64x(21), distance));
  const __m256d size = _mm256_andnot_pd(_mm256_set1_pd(-0.0), d);
  const __m256d no_normal_float =
      _mm256_or_pd(_mm256_cmp_pd(size, _mm256_set1_pd(3.4e38), _CMP_GT_OQ),
                   _mm256_and_pd(_mm256_cmp_pd(size, _mm256_setzero_pd(), _CMP_NEQ_OQ),
                                 _mm256_cmp_pd(size, _mm256_set1_pd(1.2e-38), _CMP_LT_OQ)));
  _mm_storeu_ps(values, _mm256_cvtpd_ps(d));
  return _mm256_movemask_pd(_mm256_or_pd(near, no_normal_float)) == 0;
}

// A whole field of any kind.
[[gnu::noinline]] bool Field(const char* begin, const char* end, float* value) {
  if (begin == end) {
    *value = kNaN;
    return true;
  }
  if (Avx2Number::Read(begin, value) == end) return true;
  const NumberKind kind = ParseNumber({begin, static_cast<size_t>(end - begin)}, value);
  return kind == NumberKind::kValue || kind == NumberKind::kMissing;
}

struct Avx2Ends {
  __m256i d;
  explicit Avx2Ends(char delimiter) : d(_mm256_set1_epi8(delimiter)) {}

  uint64_t Find(const char* p, uint64_t* all) const {
    const __m256i v0 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    const __m256i v1 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + 32));
    const __m256i lf = _mm256_set1_epi8('\n');
    const __m256i cr = _mm256_set1_epi8('\r');
    const auto mask = [](__m256i low, __m256i high) {
      return static_cast<uint32_t>(_mm256_movemask_epi8(low)) |
             uint64_t{static_cast<uint32_t>(_mm256_movemask_epi8(high))} << 32;
    };
    const uint64_t lines =
        mask(_mm256_or_si256(_mm256_cmpeq_epi8(v0, lf), _mm256_cmpeq_epi8(v0, cr)),
             _mm256_or_si256(_mm256_cmpeq_epi8(v1, lf), _mm256_cmpeq_epi8(v1, cr)));
    *all = lines | mask(_mm256_cmpeq_epi8(v0, d), _mm256_cmpeq_epi8(v1, d));
    return lines;
  }
  // Eight at a time, without asking whether there are so many.
  static void Store(uint64_t all, size_t count, uint32_t at, uint32_t* to) {
    for (size_t done = 0; done < count; done += 8) {
      for (size_t i = 0; i < 8; ++i) {
        to[done + i] = at + static_cast<uint32_t>(_tzcnt_u64(all));
        all = _blsr_u64(all);
      }
    }
  }
};

struct Avx2Fields {
  static constexpr size_t kFields = 4;
  Constants constants;
  LongConstants long_constants;

  bool Read(const char* text, const uint32_t* ends, float* to) const {
    return FourFields(constants, text, ends, to) ||
           FourLongFields(constants, long_constants, text, ends, to);
  }
  static bool ReadOne(const char* begin, const char* end, float* value) {
    return Field(begin, end, value);
  }
};

struct Avx2LineEnds {
  static void Find(const char* p, uint64_t* lf, uint64_t* cr) {
    const __m256i v0 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    const __m256i v1 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + 32));
    const auto find = [&](char c) {
      const __m256i all = _mm256_set1_epi8(c);
      return static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(v0, all))) |
             uint64_t{static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(v1, all)))}
                 << 32;
    };
    *lf = find('\n');
    *cr = find('\r');
  }
};

// Eight columns of eight rows, in registers.
[[gnu::always_inline]] inline void Transpose8(const float* from, size_t from_stride, float* to,
                                              size_t to_stride) {
  __m256 v[8];
  for (size_t c = 0; c < 4; ++c) {
    // Rows 0 to 3 of columns c and c + 4, then rows 4 to 7.
    const auto pair = [&](size_t row) {
      return _mm256_insertf128_ps(
          _mm256_castps128_ps256(_mm_loadu_ps(from + c * from_stride + row)),
          _mm_loadu_ps(from + (c + 4) * from_stride + row), 1);
    };
    v[c] = pair(0);
    v[c + 4] = pair(4);
  }
  for (size_t half = 0; half < 8; half += 4) {
    const __m256 a = _mm256_unpacklo_ps(v[half], v[half + 1]);
    const __m256 b = _mm256_unpackhi_ps(v[half], v[half + 1]);
    const __m256 c = _mm256_unpacklo_ps(v[half + 2], v[half + 3]);
    const __m256 d = _mm256_unpackhi_ps(v[half + 2], v[half + 3]);
    float* const row = to + half * to_stride;
    _mm256_storeu_ps(row, _mm256_shuffle_ps(a, c, 0x44));
    _mm256_storeu_ps(row + to_stride, _mm256_shuffle_ps(a, c, 0xee));
    _mm256_storeu_ps(row + 2 * to_stride, _mm256_shuffle_ps(b, d, 0x44));
    _mm256_storeu_ps(row + 3 * to_stride, _mm256_shuffle_ps(b, d, 0xee));
  }
}

// Four columns of four rows.
[[gnu::always_inline]] inline void Transpose4(const float* from, size_t from_stride, float* to,
                                              size_t to_stride) {
  __m128 a = _mm_loadu_ps(from);
  __m128 b = _mm_loadu_ps(from + from_stride);
  __m128 c = _mm_loadu_ps(from + 2 * from_stride);
  __m128 d = _mm_loadu_ps(from + 3 * from_stride);
  _MM_TRANSPOSE4_PS(a, b, c, d);
  _mm_storeu_ps(to, a);
  _mm_storeu_ps(to + to_stride, b);
  _mm_storeu_ps(to + 2 * to_stride, c);
  _mm_storeu_ps(to + 3 * to_stride, d);
}

}  // namespace

bool LookUpAvx2(const uint32_t* index, size_t n, std::span<const float> values, float* to) {
  const size_t whole = n / 8 * 8;
  const auto load = [&](size_t i) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(index + i));
  };
  __m256i largest = _mm256_setzero_si256();
  for (size_t i = 0; i < whole; i += 8) largest = _mm256_max_epu32(largest, load(i));
  uint32_t lanes[8];
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(lanes), largest);
  // A gather takes signed numbers.
  const size_t bound = std::min<size_t>(values.size(), INT32_MAX);
  for (const uint32_t lane : lanes) {
    if (whole > 0 && lane >= bound) return false;
  }
  for (size_t i = 0; i < whole; i += 8) {
    _mm256_storeu_ps(to + i, _mm256_i32gather_ps(values.data(), load(i), 4));
  }
  return LookUpEach(index + whole, n - whole, values, to + whole);
}

void NarrowAvx2(const char* from, size_t n, float* to) {
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const auto four = [&](size_t at) {
      return _mm256_cvtpd_ps(
          _mm256_castsi256_pd(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + 8 * at))));
    };
    _mm_storeu_ps(to + i, four(i));
    _mm_storeu_ps(to + i + 4, four(i + 4));
  }
  NarrowEach(from + 8 * i, n - i, to + i);
}

FloatKinds FindKindsAvx2(const float* from, size_t n) {
  const __m256i top = _mm256_set1_epi32(0x7f800000);
  __m256i infinite = _mm256_setzero_si256();
  __m256i missing = infinite;
  __m256i value = infinite;
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m256i magnitude =
        _mm256_and_si256(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i)),
                         _mm256_set1_epi32(0x7fffffff));
    infinite = _mm256_or_si256(infinite, _mm256_cmpeq_epi32(magnitude, top));
    missing = _mm256_or_si256(missing, _mm256_cmpgt_epi32(magnitude, top));
    value = _mm256_or_si256(value, _mm256_cmpgt_epi32(top, magnitude));
  }
  FloatKinds out = KindsOfEach(from + i, n - i);
  out.infinite |= _mm256_testz_si256(infinite, infinite) == 0;
  out.missing |= _mm256_testz_si256(missing, missing) == 0;
  out.value |= _mm256_testz_si256(value, value) == 0;
  return out;
}

void TransposeAvx2(const float* from, size_t from_stride, size_t columns, size_t rows, float* to,
                   size_t to_stride) {
  const size_t eights = columns / 8 * 8;
  const size_t fours = columns / 4 * 4;
  size_t r = 0;
  for (; r + 8 <= rows; r += 8) {
    float* const row = to + r * to_stride;
    for (size_t c = 0; c < eights; c += 8) {
      Transpose8(from + c * from_stride + r, from_stride, row + c, to_stride);
    }
    if (eights < fours) {
      const float* const at = from + eights * from_stride + r;
      Transpose4(at, from_stride, row + eights, to_stride);
      Transpose4(at + 4, from_stride, row + eights + 4 * to_stride, to_stride);
    }
    if (fours < columns) {
      TransposeEach(from + fours * from_stride + r, from_stride, columns - fours, 8, row + fours,
                    to_stride);
    }
  }
  TransposeEach(from + r, from_stride, columns, rows - r, to + r * to_stride, to_stride);
}

LineCount CountLinesAvx2(const char* text, size_t size) {
  return LinesOf<Avx2LineEnds>(text, size);
}

const char* ParseCsvRowsAvx2(const char* begin, const char* end, const CsvTarget& to) {
  return CsvRowsByIndex<Avx2Ends, Avx2Fields>(begin, end, to);
}

bool ParseFieldAvx2(const char* begin, const char* end, float* value) {
  return Field(begin, end, value);
}

const char* ParseLibsvmRowsAvx2(const char* begin, const char* end, LibsvmTarget& to) {
  return LibsvmRows<Avx2Number>(begin, end, to);
}

}  // namespace clary::data::internal
