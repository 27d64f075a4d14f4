#include "data_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ReadBytes(data, size, {.type = clary::data::ContentType::kRecordIo, .threads = 1});
  return 0;
}
