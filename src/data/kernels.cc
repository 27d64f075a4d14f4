#include "data/internal/kernels.h"

#include <fast_float/fast_float.h>

#include <cmath>

#include "data/internal/kernels_impl.h"

namespace clary::data::internal {

#if defined(__x86_64__)
LineCount CountLinesAvx2(const char* text, size_t size);
const char* ParseCsvRowsAvx2(const char* begin, const char* end, const CsvTarget& to);
const char* ParseCsvRowsAvx512(const char* begin, const char* end, const CsvTarget& to);
const char* ParseLibsvmRowsAvx2(const char* begin, const char* end, LibsvmTarget& to);
LookUpIn LookUpAvx2;
NarrowDoubles NarrowAvx2;
FindKinds FindKindsAvx2;
TransposeTo TransposeAvx2;
#endif

namespace {

struct PortableNumber {
  static const char* Read(const char* p, float* value) {
    // A sentinel that is no part of a number ends every text, so a bound is not needed; fields
    // longer than this take the slow way.
    const char* last = p;
    while (last < p + 40 && (static_cast<unsigned char>(*last - '0') <= 9 || *last == '.' ||
                             *last == '-' || *last == '+' || (*last | 0x20) == 'e')) {
      ++last;
    }
    const auto [end, ec] = fast_float::from_chars(p, last, *value);
    return ec == std::errc() && std::isfinite(*value) ? end : nullptr;
  }
};

struct PortableLineEnds {
  static void Find(const char* p, uint64_t* lf, uint64_t* cr) {
    *lf = *cr = 0;
    for (unsigned i = 0; i < 64; ++i) {
      *lf |= uint64_t{p[i] == '\n'} << i;
      *cr |= uint64_t{p[i] == '\r'} << i;
    }
  }
};

LineCount CountPortable(const char* text, size_t size) {
  return LinesOf<PortableLineEnds>(text, size);
}

const char* CsvPortable(const char* begin, const char* end, const CsvTarget& to) {
  return CsvRows<PortableNumber>(begin, end, to);
}

const char* LibsvmPortable(const char* begin, const char* end, LibsvmTarget& to) {
  return LibsvmRows<PortableNumber>(begin, end, to);
}

}  // namespace

std::vector<Kernels> AllKernels() {
  std::vector<Kernels> all = {{CountPortable, CsvPortable, LibsvmPortable, LookUpEach, NarrowEach,
                               KindsOfEach, TransposeEach}};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
      __builtin_cpu_supports("popcnt")) {
    Kernels avx2 = {CountLinesAvx2, ParseCsvRowsAvx2, ParseLibsvmRowsAvx2, LookUpAvx2,
                    NarrowAvx2,     FindKindsAvx2,    TransposeAvx2};
    all.push_back(avx2);
    if (__builtin_cpu_supports("bmi2") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2")) {
      Kernels avx512 = avx2;
      avx512.csv = ParseCsvRowsAvx512;
      all.push_back(avx512);
    }
  }
#endif
  return all;
}

const Kernels& BestKernels() {
  static const Kernels best = AllKernels().back();
  return best;
}

}  // namespace clary::data::internal
