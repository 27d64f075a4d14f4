// A fuzzer's bytes as a file for data::ReadFiles().
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "data/read.h"

// Reads the bytes as one file of `options.type` and checks what a Matrix promises.
inline void ReadBytes(const uint8_t* data, size_t size, const clary::data::ReadOptions& options) {
  const int fd = ::memfd_create("fuzz", MFD_CLOEXEC);
  if (::write(fd, data, size) != static_cast<ssize_t>(size)) std::abort();
  const auto m = clary::data::ReadFiles({"/proc/self/fd/" + std::to_string(fd)}, options);
  ::close(fd);
  if (!m) {
    if (m.error().message.empty() || m.error().code == clary::Code::kInternal) std::abort();
    return;
  }
  if (m->rows == 0 || m->labels.size() != m->rows) std::abort();
  if (m->sparse) {
    if (m->row_begin.size() != m->rows + 1 || m->row_begin[m->rows] != m->values.size())
      std::abort();
    for (const uint32_t c : m->column.span()) {
      if (c >= m->cols) std::abort();
    }
  } else if (m->values.size() != m->rows * m->cols) {
    std::abort();
  }
  for (const float f : m->values.span()) {
    if (std::isinf(f)) std::abort();
  }
  for (size_t r = 0; r < m->rows; ++r) {
    if (m->Where(r).empty()) std::abort();
  }
}
