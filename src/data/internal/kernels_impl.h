// Bodies of the kernels over a way to read numbers. Included by kernels.cc, kernels_avx2.cc and
// kernels_avx512.cc; all of it has internal linkage, because they are compiled for different
// machines.
#pragma once

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <span>

#include "data/internal/kernels.h"
#include "data/internal/number.h"

namespace clary::data::internal {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

inline bool IsLineEnd(char c) { return c == '\n' || c == '\r'; }

// LineEnds(p, &lf, &cr) gives a bit for each of 64 bytes, set for \n and for \r.
template <typename LineEnds>
inline LineCount LinesOf(const char* text, size_t size) {
  // A row begins at a byte that ends no line, at the front or after one that does.
  LineCount count;
  uint64_t after_end = 1;  // bit 0: the byte before was an end
  uint64_t after_cr = 0;
  for (size_t at = 0; at < size; at += 64) {
    uint64_t lf;
    uint64_t cr;
    LineEnds::Find(text + at, &lf, &cr);
    uint64_t valid = ~uint64_t{0};
    if (size - at < 64) valid = (uint64_t{1} << (size - at)) - 1;
    lf &= valid;
    cr &= valid;
    const uint64_t ends = lf | cr;
    count.rows +=
        static_cast<size_t>(__builtin_popcountll(~ends & valid & ((ends << 1) | after_end)));
    count.lines += static_cast<size_t>(__builtin_popcountll(cr | (lf & ~((cr << 1) | after_cr))));
    after_end = ends >> 63;
    after_cr = cr >> 63;
  }
  if (size > 0 && !IsLineEnd(text[size - 1])) ++count.lines;
  return count;
}

// The field at `p` when the fast way fails; the end of the field, or nullptr.
inline const char* SlowCsvField(const char* p, char delimiter, float* value) {
  const char* end = p;
  while (*end != delimiter && !IsLineEnd(*end)) ++end;
  const NumberKind kind = ParseNumber({p, static_cast<size_t>(end - p)}, value);
  return kind == NumberKind::kValue || kind == NumberKind::kMissing ? end : nullptr;
}

// Number::Read(p, &value) gives the end of the number at `p`, or nullptr if it cannot say.
template <typename Number>
inline const char* CsvField(const char* p, char delimiter, float* value) {
  const char* end = Number::Read(p, value);
  if (end != nullptr && (*end == delimiter || IsLineEnd(*end))) [[likely]] {
    return end;
  }
  if (*p == delimiter || IsLineEnd(*p)) {
    *value = kNaN;
    return p;
  }
  return SlowCsvField(p, delimiter, value);
}

template <typename Number>
inline const char* CsvRows(const char* p, const char* end, CsvTarget to) {
  const char delimiter = to.delimiter;
  float* feature = to.features;
  while (p < end) {
    if (IsLineEnd(*p)) {
      ++p;
      continue;
    }
    const char* const row = p;
    float value;
    p = CsvField<Number>(p, delimiter, &value);
    if (p == nullptr || *p != delimiter || value != value) return row;
    *to.labels++ = value;
    if (to.weights != nullptr) {
      p = CsvField<Number>(p + 1, delimiter, &value);
      if (p == nullptr || *p != delimiter || value != value) return row;
      *to.weights++ = value;
    }
    for (const float* const last = feature + to.cols - 1; feature < last; ++feature) {
      p = CsvField<Number>(p + 1, delimiter, feature);
      if (p == nullptr || *p != delimiter) [[unlikely]] {
        return row;
      }
    }
    p = CsvField<Number>(p + 1, delimiter, feature++);
    if (p == nullptr || !IsLineEnd(*p)) return row;
  }
  return nullptr;
}

// Writes the offsets of all delimiters and line ends of the text to `ends`, and to `lines` which of
// them end a line; returns how many do. Room: one for each byte and 64 more.
//
// Kernel::Find(p, delimiter, &all) gives a bit for each of 64 bytes that ends a line, and in `all`
// for each that ends a field. Kernel::Store(all, at, to) writes the place of each bit of `all`,
// counted from `at`; what is beyond them is written over later.
template <typename Kernel>
inline size_t FindEnds(const char* text, size_t size, char delimiter, uint32_t* const ends,
                       uint32_t* const lines) {
  const Kernel kernel(delimiter);
  uint32_t* to = ends;
  uint32_t* line = lines;
  for (size_t at = 0; at < size; at += 64) {
    uint64_t all;
    uint64_t line_ends = kernel.Find(text + at, &all);
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
    kernel.Store(all, count, static_cast<uint32_t>(at), to);
    to += count;
  }
  if (size > 0 && !IsLineEnd(text[size - 1])) {
    *line++ = static_cast<uint32_t>(to - ends);
    *to = static_cast<uint32_t>(size);
  }
  return static_cast<size_t>(line - lines);
}

// Rows in two passes: first where fields end (EndFinder as FindEnds() wants it), so that the second
// need not wait for one field to know where the next begins.
//
// Reader::kFields successive fields, each [text + ends[k - 1] + 1, text + ends[k]), are read by
// Reader::Read(text, ends, to); where that is false, and in narrower rows, each is by
// Reader::ReadOne(begin, end, to), which is false if it is neither a number nor missing.
template <typename EndFinder, typename Reader>
inline const char* CsvRowsByIndex(const char* const text, const char* text_end,
                                  const CsvTarget& to) {
  const auto size = static_cast<size_t>(text_end - text);
  uint32_t* const before = to.scratch;  // [k]: the end of the field before field k
  before[0] = UINT32_MAX;               // its begin is 0
  uint32_t* const ends = before + 1;
  uint32_t* const lines = ends + size + 65;
  const size_t line_count = FindEnds<EndFinder>(text, size, to.delimiter, ends, lines);
  const Reader reader;
  const size_t lead = to.weights != nullptr ? 2 : 1;
  const size_t fields = to.cols + lead;
  constexpr size_t kFields = Reader::kFields;
  float* labels = to.labels;
  float* weights = to.weights;
  float* row_features = to.features;
  size_t i = 0;
  const auto one = [&](size_t at, float* value) {
    return Reader::ReadOne(text + (before[at] + 1), text + ends[at], value);
  };
  for (size_t line = 0; line < line_count; ++line) {
    const size_t first = i;
    i = lines[line] + 1;
    const char* const row = text + (before[first] + 1);
    if (i - first != fields) [[unlikely]] {
      if (i - first == 1 && row == text + ends[first]) continue;  // an empty line
      return row;
    }
    float value;
    // Labels of classes are one digit.
    if (ends[first] - before[first] == 2 && static_cast<unsigned char>(*row - '0') <= 9) {
      value = static_cast<float>(*row - '0');
    } else if (!one(first, &value) || value != value) {
      return row;
    }
    *labels++ = value;
    if (weights != nullptr) {
      if (!one(first + 1, &value) || value != value) return row;
      *weights++ = value;
    }
    const size_t begin = first + lead;
    for (size_t at = begin; at < i;) {
      // The last ones may overlap those before.
      if (at + kFields > i && to.cols >= kFields) at = i - kFields;
      const size_t count = std::min(kFields, i - at);
      float* const features = row_features + (at - begin);
      if (count < kFields || !reader.Read(text, ends + at, features)) [[unlikely]] {
        for (size_t f = 0; f < count; ++f) {
          if (!one(at + f, features + f)) return row;
        }
      }
      at += count;
    }
    row_features += to.cols;
  }
  return nullptr;
}

inline bool IsBlank(char c) { return c == ' ' || c == '\t'; }
inline bool EndsToken(char c) { return IsBlank(c) || IsLineEnd(c) || c == '#'; }

// A number that ends at a token's end or, if `colon`, at a ':'.
template <typename Number>
inline const char* TokenNumber(const char* p, bool colon, float* value) {
  const char* end = Number::Read(p, value);
  if (end != nullptr && (EndsToken(*end) || (colon && *end == ':'))) [[likely]] {
    return end;
  }
  end = p;
  while (!EndsToken(*end) && !(colon && *end == ':')) ++end;
  if (end == p) return nullptr;
  const NumberKind kind = ParseNumber({p, static_cast<size_t>(end - p)}, value);
  return kind == NumberKind::kValue || kind == NumberKind::kMissing ? end : nullptr;
}

// Decimal digits up to a value of `max`; the end, or nullptr.
inline const char* Digits(const char* p, uint64_t max, uint64_t* value) {
  uint64_t v = 0;
  const char* const begin = p;
  for (; static_cast<unsigned char>(*p - '0') <= 9; ++p) {
    const auto digit = static_cast<uint64_t>(*p - '0');
    if (v > (max - digit) / 10) return nullptr;
    v = v * 10 + digit;
  }
  *value = v;
  return p == begin ? nullptr : p;
}

template <typename Number>
inline const char* LibsvmRows(const char* const begin, const char* end, LibsvmTarget& to) {
  const char* p = begin;
  uint64_t entries = 0;
  uint64_t rows = 0;
  for (;;) {
    while (p < end && (IsBlank(*p) || IsLineEnd(*p))) ++p;
    if (p < end && *p == '#') {
      while (!IsLineEnd(*p)) ++p;
      continue;
    }
    if (p >= end) break;
    const char* const row = p;
    float value;
    p = TokenNumber<Number>(p, true, &value);
    if (p == nullptr || value != value) return row;
    to.labels[rows] = value;
    float weight = kNaN;
    if (*p == ':') {
      p = TokenNumber<Number>(p + 1, false, &weight);
      if (p == nullptr || weight != weight) return row;
    }
    to.weights[rows] = weight;
    while (IsBlank(*p)) ++p;
    uint64_t query = kNoQuery;
    if (*p == 'q' && std::memcmp(p, "qid:", 4) == 0) {
      p = Digits(p + 4, kNoQuery - 1, &query);
      if (p == nullptr || !EndsToken(*p)) return row;
      while (IsBlank(*p)) ++p;
    }
    to.queries[rows] = query;
    to.starts[rows] = static_cast<uint32_t>(row - begin);
    const uint64_t first = entries;
    uint64_t next = 0;  // the smallest column that would ascend
    while (!IsLineEnd(*p) && *p != '#') {
      uint64_t column;
      p = Digits(p, kMaxColumn, &column);
      if (p == nullptr || *p != ':') return row;
      p = TokenNumber<Number>(p + 1, false, &value);
      if (p == nullptr) return row;
      if (column < next) to.ascending = false;
      next = column + 1;
      if (column > to.max_column) to.max_column = static_cast<uint32_t>(column);
      to.columns[entries] = static_cast<uint32_t>(column);
      to.values[entries] = value;
      entries += value == value;  // a missing entry is not stored
      while (IsBlank(*p)) ++p;
    }
    while (!IsLineEnd(*p)) ++p;  // a comment
    to.lengths[rows] = static_cast<uint32_t>(entries - first);
    ++rows;
  }
  to.rows = rows;
  to.entries = entries;
  return nullptr;
}

// The loops of columns for what is left of a few at a time.

inline bool LookUpEach(const uint32_t* index, size_t n, std::span<const float> values, float* to) {
  for (size_t i = 0; i < n; ++i) {
    if (index[i] >= values.size()) return false;
    to[i] = values[index[i]];
  }
  return true;
}

inline void NarrowEach(const char* from, size_t n, float* to) {
  for (size_t i = 0; i < n; ++i) {
    double value;
    std::memcpy(&value, from + i * sizeof value, sizeof value);
    to[i] = static_cast<float>(value);
  }
}

inline FloatKinds KindsOfEach(const float* from, size_t n) {
  FloatKinds out;
  for (size_t i = 0; i < n; ++i) {
    const uint32_t magnitude = std::bit_cast<uint32_t>(from[i]) & 0x7fffffffU;
    out.value |= magnitude < 0x7f800000U;
    out.infinite |= magnitude == 0x7f800000U;
    out.missing |= magnitude > 0x7f800000U;
  }
  return out;
}

inline void TransposeEach(const float* from, size_t from_stride, size_t columns, size_t rows,
                          float* to, size_t to_stride) {
  for (size_t r = 0; r < rows; ++r) {
    for (size_t c = 0; c < columns; ++c) to[r * to_stride + c] = from[c * from_stride + r];
  }
}

}  // namespace
}  // namespace clary::data::internal
