// The CSV kernel for AVX-512 (with VBMI2). Fields are found first, so that the second pass, eight
// fields at a time, need not wait for one field to know where the next begins.
#include <immintrin.h>

#include "data/internal/kernels_impl.h"

namespace clary::data::internal {

const char* ParseCsvRowsAvx2(const char* begin, const char* end, const CsvTarget& to);
bool ParseFieldAvx2(const char* begin, const char* end, float* value);

namespace {

struct Avx512Ends {
  __m512i d;
  __m512i places;  // 0 to 63
  explicit Avx512Ends(char delimiter) : d(_mm512_set1_epi8(delimiter)) {
    alignas(64) char iota[64];
    for (int i = 0; i < 64; ++i) iota[i] = static_cast<char>(i);
    places = _mm512_load_si512(iota);
  }

  uint64_t Find(const char* p, uint64_t* all) const {
    const __m512i v = _mm512_loadu_si512(p);
    const uint64_t lines = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\n')) |
                           _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\r'));
    *all = lines | _mm512_cmpeq_epi8_mask(v, d);
    return lines;
  }
  // Sixteen at a time, the first without asking whether there are any.
  void Store(uint64_t all, size_t count, uint32_t at, uint32_t* to) const {
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
  }
};

struct Constants {
  __m512i zero = _mm512_set1_epi8('0');
  __m512i nine = _mm512_set1_epi8(9);
  __m512i dot = _mm512_set1_epi8('.');
  __m512i minus = _mm512_set1_epi8('-');
  __m512i one = _mm512_set1_epi8(1);
  __m512i sixteen = _mm512_set1_epi8(16);
  __m512i none = _mm512_setzero_si512();
  // By byte of a lane: 0 to 15, 15 to 0, 16 to 1.
  __m512i place = Bytes([](int i) { return i % 16; });
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
  // Of fields that take 32 bytes, two a register. By byte: 0 to 63; by byte of a half: 30 to 0,
  // 255.
  __m512i byte = Bytes([](int i) { return i; });
  __m512i wide_after = Bytes([](int i) { return 30 - i % 32; });
  // The place of the first byte of a 32-bit lane: of lane 0, then of lane 1.
  __m512i wide_lengths = Bytes([](int i) { return 4 * (i / 32); });

  template <typename Of>
  static __m512i Bytes(Of of) {
    alignas(64) char bytes[64];
    for (int i = 0; i < 64; ++i) bytes[i] = static_cast<char>(of(i));
    return _mm512_load_si512(bytes);
  }
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

// The same of numbers of up to 30 characters before an exponent of a sign and two digits. Each
// takes 32 bytes, two a register. What a bit a byte can tell is told of all eight at once, as
// 32-bit lanes.
[[gnu::noinline]] bool EightLongFields(const Constants& k, const char* text, const uint32_t* ends,
                                       float* to) {
  const auto load = [](const uint32_t* from) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  };
  const auto all = [](int value) { return _mm256_set1_epi32(value); };
  const auto four_bytes_at = [&](__m256i offset) {
    return _mm256_i32gather_epi32(reinterpret_cast<const int*>(text), offset, 1);
  };
  __m256i end = load(ends);
  __m256i begin = _mm256_add_epi32(load(ends - 1), all(1));
  const __mmask8 empty = _mm256_cmpeq_epi32_mask(begin, end);

  // An exponent: 'e', a sign, tens, ones.
  const __m256i before = _mm256_sub_epi32(end, all(4));
  const __m256i tail = four_bytes_at(before);
  const __m256i head = _mm256_and_si256(_mm256_or_si256(tail, all(0x20)), all(0xffff));
  const __mmask8 below_one = _mm256_cmpeq_epi32_mask(head, all('e' | '-' << 8));
  const __m256i tens_ones = _mm256_sub_epi8(_mm256_srli_epi32(tail, 16), all('0' | '0' << 8));
  const auto has_exponent = static_cast<__mmask8>(
      (below_one | _mm256_cmpeq_epi32_mask(head, all('e' | '+' << 8))) &
      _mm256_cmpeq_epi32_mask(_mm256_min_epu8(tens_ones, all(9 | 9 << 8)), tens_ones) &
      _mm256_cmpgt_epi32_mask(before, begin));
  __m256i power = _mm256_maddubs_epi16(tens_ones, all(10 | 1 << 8));
  power = _mm256_mask_sub_epi32(power, below_one, _mm256_setzero_si256(), power);
  power = _mm256_maskz_mov_epi32(has_exponent, power);
  end = _mm256_mask_mov_epi32(end, has_exponent, before);

  const __mmask8 negative =
      _mm256_cmpeq_epi32_mask(_mm256_and_si256(four_bytes_at(begin), all(0xff)), all('-'));
  begin = _mm256_mask_add_epi32(begin, negative, begin, all(1));
  const __m256i length = _mm256_sub_epi32(end, begin);
  if (_mm256_cmpgt_epu32_mask(length, all(30)) != 0) return false;

  // The last byte of a half is what follows the number: a dot, if it has none.
  const __m512i lengths = _mm512_castsi256_si512(length);
  alignas(32) uint32_t last[8];
  _mm256_store_si256(reinterpret_cast<__m256i*>(last), end);
  __m512i values[4];
  uint64_t digits[4];
  uint64_t dots[4];
  for (int r = 0; r < 4; ++r) {
    const auto window = [&](int f) {
      return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text + last[f] - 31));
    };
    const __m512i chars =
        _mm512_inserti64x4(_mm512_castsi256_si512(window(2 * r)), window(2 * r + 1), 1);
    const __m512i lane =
        _mm512_add_epi8(k.wide_lengths, _mm512_set1_epi8(static_cast<char>(8 * r)));
    const uint64_t in_field =
        _mm512_cmplt_epu8_mask(k.wide_after, _mm512_permutexvar_epi8(lane, lengths));
    const __m512i value = _mm512_sub_epi8(chars, k.zero);
    digits[r] = _mm512_cmple_epu8_mask(value, k.nine) & in_field;
    dots[r] = _mm512_cmpeq_epi8_mask(chars, k.dot) & in_field;
    values[r] = _mm512_maskz_mov_epi8(digits[r], value);
  }
  const auto lanes = [](const uint64_t* masks) {
    return _mm256_set_epi64x(static_cast<int64_t>(masks[3]), static_cast<int64_t>(masks[2]),
                             static_cast<int64_t>(masks[1]), static_cast<int64_t>(masks[0]));
  };
  const __m256i digit = lanes(digits);
  const __m256i dot = lanes(dots);
  const __m256i in_field = _mm256_sub_epi32(
      all(INT32_MIN), _mm256_sllv_epi32(all(1), _mm256_sub_epi32(all(31), length)));
  // A byte of another kind, a second dot, or no digit.
  const __mmask8 wrong =
      _mm256_cmpneq_epi32_mask(_mm256_or_si256(digit, dot), in_field) |
      _mm256_test_epi32_mask(dot, _mm256_sub_epi32(dot, all(1))) |
      static_cast<__mmask8>(_mm256_testn_epi32_mask(digit, digit) & ~unsigned{empty});

  // What is before the dot moves right by one, over it: all numbers then end in a half's last byte,
  // those with a dot with a zero for it.
  const __m256i dot_or_end = _mm256_or_si256(dot, all(INT32_MIN));
  const __m256i lowest =
      _mm256_and_si256(dot_or_end, _mm256_sub_epi32(_mm256_setzero_si256(), dot_or_end));
  const __m256i move = _mm256_or_si256(lowest, _mm256_sub_epi32(lowest, all(1)));
  const uint64_t moves[4] = {static_cast<uint64_t>(_mm256_extract_epi64(move, 0)),
                             static_cast<uint64_t>(_mm256_extract_epi64(move, 1)),
                             static_cast<uint64_t>(_mm256_extract_epi64(move, 2)),
                             static_cast<uint64_t>(_mm256_extract_epi64(move, 3))};
  __m512i fours[4];
  for (int r = 0; r < 4; ++r) {
    const __m512i order = _mm512_mask_sub_epi8(k.byte, moves[r], k.byte, k.one);
    const __m512i aligned = _mm512_permutexvar_epi8(order, values[r]);
    fours[r] = _mm512_madd_epi16(_mm512_maddubs_epi16(aligned, k.tens), k.hundreds);
  }
  // Groups of eight digits: of fields 0 to 3, and of 4 to 7.
  const __m512i low4 = _mm512_madd_epi16(_mm512_packus_epi32(fours[0], fours[1]), k.myriads);
  const __m512i high4 = _mm512_madd_epi16(_mm512_packus_epi32(fours[2], fours[3]), k.myriads);
  const __m512i upper = _mm512_permutex2var_epi32(
      low4, _mm512_setr_epi32(1, 9, 3, 11, 17, 25, 19, 27, 0, 8, 2, 10, 16, 24, 18, 26), high4);
  const __m512i lower = _mm512_permutex2var_epi32(
      low4, _mm512_setr_epi32(5, 13, 7, 15, 21, 29, 23, 31, 4, 12, 6, 14, 20, 28, 22, 30), high4);
  const auto sixteen = [](__m512i groups) {
    return _mm512_fmadd_pd(_mm512_cvtepi32_pd(_mm512_extracti64x4_epi64(groups, 1)),
                           _mm512_set1_pd(1e8), _mm512_cvtepi32_pd(_mm512_castsi512_si256(groups)));
  };
  const __m512d mantissa = _mm512_fmadd_pd(sixteen(upper), _mm512_set1_pd(1e16), sixteen(lower));
  // The dot's place, from the exponent of 2^place as a float.
  const __m256i place = _mm256_sub_epi32(
      _mm256_and_si256(_mm256_srli_epi32(_mm256_castps_si256(_mm256_cvtepi32_ps(lowest)), 23),
                       all(0xff)),
      all(127));
  const __m256i index = _mm256_add_epi32(power, _mm256_sub_epi32(place, all(31 + kMinPower)));
  if (_mm256_cmpgt_epu32_mask(index, all(kMaxPower - kMinPower)) != 0) return false;
  __m512d d = _mm512_mul_pd(mantissa, _mm512_i32gather_pd(index, kPowersOfTen, 8));
  // As ToFloat() in kernels_avx2.cc; the error is at most 4 units of the last place.
  const __m512i distance = _mm512_and_si512(
      _mm512_sub_epi64(_mm512_castpd_si512(d), _mm512_set1_epi64((int64_t{1} << 28) - 10)),
      _mm512_set1_epi64((int64_t{1} << 29) - 1));
  const __mmask8 near = _mm512_cmplt_epu64_mask(distance, _mm512_set1_epi64(21));
  const __mmask8 no_normal_float =
      _mm512_cmp_pd_mask(d, _mm512_set1_pd(3.4e38), _CMP_GT_OQ) |
      _mm512_mask_cmp_pd_mask(_mm512_cmp_pd_mask(d, _mm512_setzero_pd(), _CMP_NEQ_OQ), d,
                              _mm512_set1_pd(1.2e-38), _CMP_LT_OQ);
  d = _mm512_mask_xor_pd(d, negative, d, _mm512_set1_pd(-0.0));
  d = _mm512_mask_mov_pd(d, empty, _mm512_set1_pd(__builtin_nan("")));
  _mm256_storeu_ps(to, _mm512_cvtpd_ps(d));
  return (wrong | near | no_normal_float) == 0;
}

struct Avx512Fields {
  static constexpr size_t kFields = 8;
  Constants constants;

  bool Read(const char* text, const uint32_t* ends, float* to) const {
    return EightFields(constants, text, ends, to) || EightLongFields(constants, text, ends, to);
  }
  static bool ReadOne(const char* begin, const char* end, float* value) {
    return ParseFieldAvx2(begin, end, value);
  }
};

}  // namespace

const char* ParseCsvRowsAvx512(const char* const text, const char* text_end, const CsvTarget& to) {
  if (to.cols < Avx512Fields::kFields) return ParseCsvRowsAvx2(text, text_end, to);
  return CsvRowsByIndex<Avx512Ends, Avx512Fields>(text, text_end, to);
}

}  // namespace clary::data::internal
