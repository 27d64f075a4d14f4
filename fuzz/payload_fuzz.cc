// Bodies of requests, of every content type: a byte for the type, then the body.
#include <cstdlib>
#include <string_view>

#include "data/payload.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace clary::data;
  if (size == 0) return 0;
  constexpr ContentType kTypes[] = {ContentType::kCsv, ContentType::kLibsvm,
                                    ContentType::kRecordIo};
  const auto m =
      ReadPayload(kTypes[data[0] % 3], {reinterpret_cast<const char*>(data) + 1, size - 1});
  if (!m) return 0;
  if (m->rows == 0) std::abort();
  if (!m->sparse && m->values.size() != m->rows * m->cols) std::abort();
  if (m->sparse && m->row_begin.size() != m->rows + 1) std::abort();
  for (const uint32_t c : m->column) {
    if (c >= m->cols) std::abort();
  }
  return 0;
}
