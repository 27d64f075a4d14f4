// A table of the bytes, CSV or Parquet by their first letters: what it becomes is a channel that
// can be read, with as many rows, missing values and categories as was said. The label is the first
// column.
#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "data/read.h"
#include "data/table.h"

namespace {

using clary::data::ContentType;

void Check(bool good) {
  if (!good) std::abort();
}

std::string FileOf(std::string_view bytes, int* fd) {
  *fd = ::memfd_create("fuzz", MFD_CLOEXEC);
  Check(::write(*fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  return "/proc/self/fd/" + std::to_string(*fd);
}

void CheckChannel(const std::string& csv, const clary::data::Columns& columns) {
  int fd;
  const std::string path = FileOf(csv, &fd);
  const auto m = clary::data::ReadFiles(
      {path}, {.type = ContentType::kCsv, .features = columns.features.size(), .threads = 1});
  ::close(fd);
  Check(m.has_value());
  Check(m->rows == columns.rows && m->cols == columns.features.size());
  std::vector<uint64_t> missing(m->cols);
  for (size_t r = 0; r < m->rows; ++r) {
    for (size_t c = 0; c < m->cols; ++c) {
      const float value = m->values[r * m->cols + c];
      missing[c] += std::isnan(value) ? 1 : 0;
      if (!columns.features[c].is_category || std::isnan(value)) continue;
      Check(value >= 0 && value < static_cast<float>(columns.features[c].categories.size()));
    }
    if (!columns.classes.empty()) Check(m->labels[r] < static_cast<float>(columns.classes.size()));
  }
  for (size_t c = 0; c < m->cols; ++c) Check(missing[c] == columns.features[c].missing);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto json = clary::data::ColumnsFromJson(bytes);
  if (json) {
    const std::string text = ColumnsToJson(*json, clary::data::Detail::kAll);
    const auto again = clary::data::ColumnsFromJson(text);
    Check(again.has_value() && ColumnsToJson(*again, clary::data::Detail::kAll) == text);
  }
  int fd;
  const std::string path = FileOf(bytes, &fd);
  const auto type = bytes.starts_with("PAR1") ? ContentType::kParquet : ContentType::kCsv;
  const auto header = clary::data::ReadHeader(path);
  const std::string label = type == ContentType::kParquet ? "bought"
                            : header && !header->empty()  ? header->front()
                                                          : "y";
  const auto table = clary::data::ScanTable({path}, {.type = type, .label = label});
  if (!table) {
    Check(!table.error().message.empty() && table.error().code != clary::Code::kInternal);
  } else {
    std::string csv;
    const auto written =
        clary::data::WriteTable({path}, type, table->columns, [&](std::string_view part) {
          csv += part;
          return clary::Status();
        });
    Check(written.has_value() && written->warnings.empty());
    Check(written->rows == table->columns.rows);
    CheckChannel(csv, table->columns);
  }
  ::close(fd);
  return 0;
}
