// The CSV kernel for AVX-512 (with VBMI2). Fields are found first, so that the second pass, eight
// fields at a time, need not wait for one field to know where the next begins.
#include <immintrin.h>

#include <bit>

#include "data/internal/kernels.h"

namespace clary::data::internal {

const char* ParseCsvRowsAvx2(const char* begin, const char* end, const CsvTarget& to);
bool ParseFieldAvx2(const char* begin, const char* end, float* value);

namespace {

// As in kernels_avx2.cc: the offsets of all delimiters and line ends, and which of them end a line.
// Returns how many end a line. Room: one for each byte and 64 more.
size_t FindEnds(const char* text, size_t size, char delimiter, uint32_t* const ends,
                uint32_t* const lines) {
  const __m512i d = _mm512_set1_epi8(delimiter);
  const __m512i lf = _mm512_set1_epi8('\n');
  const __m512i cr = _mm512_set1_epi8('\r');
  alignas(64) char iota[64];
  for (int i = 0; i < 64; ++i) iota[i] = static_cast<char>(i);
  const __m512i places = _mm512_load_si512(iota);
  uint32_t* to = ends;
  uint32_t* line = lines;
  for (size_t at = 0; at < size; at += 64) {
    const __m512i v = _mm512_loadu_si512(text + at);
    uint64_t line_ends = _mm512_cmpeq_epi8_mask(v, lf) | _mm512_cmpeq_epi8_mask(v, cr);
    uint64_t all = line_ends | _mm512_cmpeq_epi8_mask(v, d);
    if (size - at < 64) {
      const uint64_t valid = (uint64_t{1} << (size - at)) - 1;
      line_ends &= valid;
      all &= valid;
    }
    for (; line_ends != 0; line_ends &= line_ends - 1) {
      const uint64_t before = (line_ends & -line_ends) - 1;
      *line++ =
          static_cast<uint32_t>(to - ends) + static_cast<uint32_t>(std::popcount(all & before));
    }
    const auto count = static_cast<size_t>(std::popcount(all));
    __m512i found = _mm512_maskz_compress_epi8(all, places);
    const __m512i base = _mm512_set1_epi32(static_cast<int>(at));
    for (size_t done = 0;;) {
      _mm512_storeu_si512(
          to + done, _mm512_add_epi32(_mm512_cvtepu8_epi32(_mm512_castsi512_si128(found)), base));
      done += 16;
      if (done >= count) [[likely]] {
        break;
      }
      found = _mm512_alignr_epi64(found, found, 2);
    }
    to += count;
  }
  if (size > 0 && text[size - 1] != '\n' && text[size - 1] != '\r') {
    *line++ = static_cast<uint32_t>(to - ends);
    *to = static_cast<uint32_t>(size);
  }
  return static_cast<size_t>(line - lines);
}

struct Constants {
  __m512i zero = _mm512_set1_epi8('0');
  __m512i nine = _mm512_set1_epi8(9);
  __m512i dot = _mm512_set1_epi8('.');
  __m512i minus = _mm512_set1_epi8('-');
  __m512i one = _mm512_set1_epi8(1);
  __m512i sixteen = _mm512_set1_epi8(16);
  __m512i none = _mm512_setzero_si512();
  // By byte of a lane: 0 to 15, 15 to 0, 16 to 1.
  __m512i place =
      _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
  __m512i after = _mm512_sub_epi8(_mm512_set1_epi8(15), place);
  __m512i width = _mm512_sub_epi8(_mm512_set1_epi8(16), place);
  __m512i tens = _mm512_set1_epi16(0x010a);
  __m512i hundreds = _mm512_set1_epi32(0x00010064);
  __m512i myriads = _mm512_set1_epi32(0x00012710);
  __m512i low_lengths = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
  __m512i high_lengths = _mm512_setr_epi32(4, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7);
  // By the number of characters from the dot on; 0: there is no dot.
  __m512d scales0 = _mm512_setr_pd(1, 1, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6);
  __m512d scales8 = _mm512_setr_pd(1e-7, 1e-8, 1e-9, 1e-10, 1e-11, 1e-12, 1e-13, 1e-14);
};

constexpr uint64_t kFirsts = 0x0001000100010001;  // a bit for each lane's first byte

// Four fields, one a lane, each at the end of its 16 bytes.
struct Four {
  __m512i digits;  // groups of four digits as 32-bit numbers
  __m512i places;  // 64-bit: characters from the dot on
  uint64_t minus;  // a bit in the lane of a negative number
  uint64_t wrong;  // not 0: some field is not of digits, at most one dot and a sign in front
};

[[gnu::always_inline]] inline Four ReadFour(const Constants& k, const char* text,
                                            const uint32_t* ends, __m512i length) {
  const auto load = [&](int f) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(text + ends[f] - 16));
  };
  __m512i chars = _mm512_castsi128_si512(load(0));
  chars = _mm512_inserti32x4(chars, load(1), 1);
  chars = _mm512_inserti32x4(chars, load(2), 2);
  chars = _mm512_inserti32x4(chars, load(3), 3);
  const uint64_t in_field = _mm512_cmplt_epu8_mask(k.after, length);
  const uint64_t empty = _mm512_cmpeq_epi8_mask(length, k.none);
  const __m512i values = _mm512_sub_epi8(chars, k.zero);
  const uint64_t digit = _mm512_cmple_epu8_mask(values, k.nine) & in_field;
  const uint64_t dot = _mm512_cmpeq_epi8_mask(chars, k.dot) & in_field;
  const uint64_t first = in_field & ~((in_field << 1) & ~kFirsts);
  Four out;
  out.minus = _mm512_cmpeq_epi8_mask(chars, k.minus) & first;
  out.wrong = in_field & ~(digit | dot | out.minus);
  // A lane without any digit.
  const uint64_t some = digit | empty;
  out.wrong |= (some - kFirsts) & ~some & (kFirsts << 15);
  // A lane with two dots: lanes 0 and 2, then 1 and 3, with a bit above to borrow from.
  constexpr uint64_t kEven = 0x0000ffff0000ffff;
  const auto two = [](uint64_t dots) {
    return (((dots & kEven) | ~kEven) - 0x0000000100000001) & dots & kEven;
  };
  out.wrong |= two(dot) | two(dot >> 16);
  // One before 15 digits: there is no scale for it.
  out.wrong |= dot & kFirsts;
  const __m512i halves = _mm512_sad_epu8(_mm512_maskz_mov_epi8(dot, k.width), k.none);
  out.places = _mm512_add_epi64(halves, _mm512_shuffle_epi32(halves, _MM_PERM_BADC));
  // What is before the dot moves right by one, over it.
  const __m512i from_dot = _mm512_shuffle_epi8(out.places, k.none);
  const uint64_t moves = _mm512_cmple_epu8_mask(_mm512_add_epi8(k.place, from_dot), k.sixteen) &
                         _mm512_test_epi8_mask(from_dot, from_dot);
  const __m512i order = _mm512_mask_sub_epi8(k.place, moves, k.place, k.one);
  const __m512i aligned = _mm512_shuffle_epi8(_mm512_maskz_mov_epi8(digit, values), order);
  out.digits = _mm512_madd_epi16(_mm512_maddubs_epi16(aligned, k.tens), k.hundreds);
  return out;
}

// One bit a lane: whether any is set in it.
inline unsigned AnyOfLane(uint64_t bits) {
  bits |= bits >> 8;
  bits |= bits >> 4;
  bits |= bits >> 2;
  bits |= bits >> 1;
  return static_cast<unsigned>(_pext_u64(bits, kFirsts));
}

// Eight successive fields, each [text + ends[k - 1] + 1, text + ends[k]), if all are empty (NaN) or
// numbers of up to 16 characters without an exponent.
[[gnu::always_inline]] inline bool EightFields(const Constants& k, const char* text,
                                               const uint32_t* ends, float* to) {
  const auto load = [](const uint32_t* from) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  };
  const __m256i length =
      _mm256_sub_epi32(_mm256_sub_epi32(load(ends), load(ends - 1)), _mm256_set1_epi32(1));
  if (_mm256_cmpgt_epu32_mask(length, _mm256_set1_epi32(16)) != 0) [[unlikely]] {
    return false;
  }
  const __m512i lengths = _mm512_castsi256_si512(length);
  const auto of_lanes = [&](__m512i index) {
    return _mm512_shuffle_epi8(_mm512_permutexvar_epi32(index, lengths), k.none);
  };
  const Four a = ReadFour(k, text, ends, of_lanes(k.low_lengths));
  const Four b = ReadFour(k, text, ends + 4, of_lanes(k.high_lengths));
  // By lane: high and low eight digits of a field of `a`, then of `b`.
  const __m512i eights = _mm512_madd_epi16(_mm512_packus_epi32(a.digits, b.digits), k.myriads);
  const auto pick = [&](__m512i index) {
    return _mm512_cvtepi32_pd(_mm512_castsi512_si256(_mm512_permutexvar_epi32(index, eights)));
  };
  const __m512d high = pick(_mm512_setr_epi32(0, 4, 8, 12, 2, 6, 10, 14, 0, 0, 0, 0, 0, 0, 0, 0));
  const __m512d low = pick(_mm512_setr_epi32(1, 5, 9, 13, 3, 7, 11, 15, 0, 0, 0, 0, 0, 0, 0, 0));
  // high * 1e8 is exact: it has no more than 46 bits before 8 zero bits.
  const __m512d mantissa = _mm512_add_pd(_mm512_mul_pd(high, _mm512_set1_pd(1e8)), low);
  const __m512i places =
      _mm512_permutex2var_epi64(a.places, _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14), b.places);
  __m512d d = _mm512_mul_pd(mantissa, _mm512_permutex2var_pd(k.scales0, places, k.scales8));
  // As ToFloat() in kernels_avx2.cc.
  const __m512i distance = _mm512_and_si512(
      _mm512_sub_epi64(_mm512_castpd_si512(d), _mm512_set1_epi64((int64_t{1} << 28) - 10)),
      _mm512_set1_epi64((int64_t{1} << 29) - 1));
  const __mmask8 near = _mm512_cmplt_epu64_mask(distance, _mm512_set1_epi64(21));
  const auto negative = static_cast<__mmask8>(AnyOfLane(a.minus) | AnyOfLane(b.minus) << 4);
  d = _mm512_mask_xor_pd(d, negative, d, _mm512_set1_pd(-0.0));
  const __mmask8 empty = _mm256_cmpeq_epi32_mask(length, _mm256_setzero_si256());
  d = _mm512_mask_mov_pd(d, empty, _mm512_set1_pd(__builtin_nan("")));
  _mm256_storeu_ps(to, _mm512_cvtpd_ps(d));
  return ((a.wrong | b.wrong) == 0) & (near == 0);
}

}  // namespace

const char* ParseCsvRowsAvx512(const char* const text, const char* text_end, const CsvTarget& to) {
  if (to.cols < 8) return ParseCsvRowsAvx2(text, text_end, to);
  const auto size = static_cast<size_t>(text_end - text);
  uint32_t* const ends = to.scratch + 1;
  ends[-1] = UINT32_MAX;  // the end before the first field: its begin is 0
  uint32_t* const lines = ends + size + 65;
  const size_t line_count = FindEnds(text, size, to.delimiter, ends, lines);
  const Constants constants;
  const size_t lead = to.weights != nullptr ? 2 : 1;
  const size_t fields = to.cols + lead;
  float* labels = to.labels;
  float* weights = to.weights;
  float* row_features = to.features;
  size_t i = 0;
  const auto field = [&](size_t at, float* value) {
    return ParseFieldAvx2(text + (ends[at - 1] + 1), text + ends[at], value);
  };
  for (size_t line = 0; line < line_count; ++line) {
    const size_t first = i;
    i = lines[line] + 1;
    const char* const row = text + (ends[first - 1] + 1);
    if (i - first != fields) [[unlikely]] {
      if (i - first == 1 && row == text + ends[first]) continue;  // an empty line
      return row;
    }
    float value;
    // Labels of classes are one digit.
    if (ends[first] - ends[first - 1] == 2 && static_cast<unsigned char>(*row - '0') <= 9) {
      value = static_cast<float>(*row - '0');
    } else if (!field(first, &value) || value != value) {
      return row;
    }
    *labels++ = value;
    if (weights != nullptr) {
      if (!field(first + 1, &value) || value != value) return row;
      *weights++ = value;
    }
    // The last eight may overlap those before.
    const size_t begin = first + lead;
    for (size_t at = begin;;) {
      float* const features = row_features + (at - begin);
      if (!EightFields(constants, text, ends + at, features)) [[unlikely]] {
        for (size_t f = 0; f < 8; ++f) {
          if (!field(at + f, features + f)) return row;
        }
      }
      if (at + 8 == i) break;
      at = at + 16 <= i ? at + 8 : i - 8;
    }
    row_features += to.cols;
  }
  return nullptr;
}

}  // namespace clary::data::internal
