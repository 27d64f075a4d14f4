// What every reader produces and the engine trains on: rows of features with labels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "data/buffer.h"

namespace clary::data {

// Rows of features with their labels. Dense or sparse (CSR); a missing value is NaN in the dense
// form, and absent (or NaN) in the sparse one. Zero is a value. Infinities never come from a
// reader.
struct Matrix {
  size_t rows = 0;
  size_t cols = 0;  // features; labels and weights are not counted
  bool sparse = false;

  // Dense: [rows * cols], row-major.
  // Sparse: the stored entries of all rows, one after another; columns ascend within a row.
  Buffer<float> values;
  Buffer<uint64_t>
      row_begin;            // sparse: [rows + 1], row r owns entries [row_begin[r], row_begin[r+1])
  Buffer<uint32_t> column;  // sparse: [row_begin[rows]], each < cols

  Buffer<float> labels;               // [rows]
  Buffer<float> weights;              // [rows], or empty: every row weighs 1
  std::vector<uint32_t> group_sizes;  // rows of each query in order, or empty: no queries

  // Where rows came from, for messages. A span of rows lies on successive lines of one file.
  struct Origin {
    uint64_t first_row = 0;   // ascending in `origins`
    uint32_t file = 0;        // index into `files`
    uint64_t first_line = 1;  // 1-based line (text) or record (binary) of first_row
  };
  std::vector<std::string> files;  // names relative to the channel
  std::vector<Origin> origins;

  // What was read but may not be what was meant, for the job's log: a line each.
  std::vector<std::string> warnings;

  // "part-0.csv, row 12" (1-based, as an editor counts lines); "row 12" for a matrix without files.
  std::string Where(size_t row) const;
};

}  // namespace clary::data
