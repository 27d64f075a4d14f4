// Reads files for comparisons with other readers: clary_data_tool TYPE FILE...
//
// Writes to standard output "rows columns\n", then as raw floats the labels and the values, row by
// row with NaN for missing; or the error's message, with exit status 1.
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

#include "data/read.h"

int main(int argc, char** argv) {
  const auto type = clary::data::ParseContentType(argc > 1 ? argv[1] : "");
  if (!type || argc < 3) {
    std::fprintf(stderr, "usage: %s csv|libsvm|parquet|recordio-protobuf FILE...\n", argv[0]);
    return 2;
  }
  const auto m = clary::data::ReadFiles({argv + 2, argv + argc}, {.type = *type});
  if (!m) {
    std::printf("%s\n", m.error().message.c_str());
    return 1;
  }
  std::printf("%zu %zu\n", m->rows, m->cols);
  std::fwrite(m->labels.data(), sizeof(float), m->rows, stdout);
  std::vector<float> row(m->cols);
  for (size_t r = 0; r < m->rows; ++r) {
    const float* values = m->values.data() + r * m->cols;
    if (m->sparse) {
      row.assign(m->cols, std::numeric_limits<float>::quiet_NaN());
      for (uint64_t i = m->row_begin[r]; i < m->row_begin[r + 1]; ++i) {
        row[m->column[i]] = m->values[i];
      }
      values = row.data();
    }
    std::fwrite(values, sizeof(float), m->cols, stdout);
  }
  return std::fflush(stdout) == 0 ? 0 : 3;
}
