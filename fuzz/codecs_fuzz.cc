// Compressed pages by themselves, so that frames are reached without a Parquet file around them: a
// byte for the codec, two for the size of what comes out.
#include <string>

#include "data/internal/codecs.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace clary::data::internal;
  if (size < 3 || data[0] == 0 || !IsSupportedCodec(data[0])) return 0;
  const auto codec = static_cast<Codec>(data[0]);
  const std::string_view from(reinterpret_cast<const char*>(data) + 3, size - 3);
  std::string to(size_t{data[1]} | size_t{data[2]} << 8, '\0');
  const auto done = Decompress(codec, from, to.data(), to.size());
  if (done && !CanExpandTo(codec, from.size(), to.size())) __builtin_trap();
  return 0;
}
