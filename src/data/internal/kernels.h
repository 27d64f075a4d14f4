// The loops that see every byte, in one form for any machine, one for AVX2 and one for AVX-512.
//
// A kernel reads up to kPadding bytes before and after its text. The byte after the text is '\n'.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace clary::data::internal {

constexpr size_t kPadding = 64;

struct CsvTarget {
  float* labels;
  float* weights;   // nullptr: there is no weight column
  float* features;  // row-major, `cols` a row
  uint32_t cols;    // >= 1
  char delimiter;
  uint32_t* scratch;  // room for 2 * (bytes + 66)
};

// ParseCsv: parses every row of [begin, end) into `to`. nullptr if all is well, else the first byte
// of the first row that is not what it should be: its fields are not `cols` and a label (and a
// weight), a field is no finite number, or the label or weight is missing.
using ParseCsv = const char*(const char* begin, const char* end, const CsvTarget& to);

struct LibsvmTarget {
  // Room for as many entries as a text of this length can have.
  float* labels;
  float* weights;     // NaN: none given
  uint64_t* queries;  // kNoQuery: none given
  uint32_t* lengths;  // entries of each row
  uint32_t* starts;   // offset of each row's first byte
  uint32_t* columns;
  float* values;
  uint64_t rows = 0;        // out
  uint64_t entries = 0;     // out
  uint32_t max_column = 0;  // out; of all entries, missing ones too
  bool ascending = true;    // out: columns ascend within every row
};
constexpr uint64_t kNoQuery = UINT64_MAX;
constexpr uint32_t kMaxColumn = (uint32_t{1} << 27) - 1;

// ParseLibsvm: the same for LIBSVM rows.
using ParseLibsvm = const char*(const char* begin, const char* end, LibsvmTarget& to);

struct LineCount {
  size_t lines = 0;
  size_t rows = 0;  // lines that are not empty
};
// A line ends at \n, \r\n or \r; what follows the last end is a line too. Reads the text by blocks
// of 64 bytes.
using CountLinesIn = LineCount(const char* text, size_t size);

// Of columns on their way into rows.

// to[i] = values[index[i]]; false, and `to` is of no use, if an index is too large.
using LookUpIn = bool(const uint32_t* index, size_t n, std::span<const float> values, float* to);
// `n` doubles, of any alignment, to the nearest floats.
using NarrowDoubles = void(const char* from, size_t n, float* to);
// What there is among some floats.
struct FloatKinds {
  bool value = false;  // neither NaN nor infinite
  bool missing = false;
  bool infinite = false;
  FloatKinds& operator|=(FloatKinds o) {
    value |= o.value;
    missing |= o.missing;
    infinite |= o.infinite;
    return *this;
  }
};
using FindKinds = FloatKinds(const float* from, size_t n);
// `columns` columns of `rows` floats, `from_stride` apart, into rows `to_stride` apart.
using TransposeTo = void(const float* from, size_t from_stride, size_t columns, size_t rows,
                         float* to, size_t to_stride);

struct Kernels {
  CountLinesIn* count;
  ParseCsv* csv;
  ParseLibsvm* libsvm;
  LookUpIn* look_up;
  NarrowDoubles* narrow;
  FindKinds* kinds;
  TransposeTo* transpose;
};
const Kernels& BestKernels();       // for this processor
std::vector<Kernels> AllKernels();  // that this processor can run; the best is the last

}  // namespace clary::data::internal
