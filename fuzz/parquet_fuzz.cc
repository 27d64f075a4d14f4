#include "data_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ReadBytes(data, size,
            {.type = clary::data::ContentType::kParquet, .threads = 1, .max_bytes = 16 << 20});
  return 0;
}
