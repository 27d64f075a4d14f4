// S3's uploads by form: the body, its fields, and the policy among them. The first byte says how
// the body arrives.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

#include "objects/internal/s3_form.h"

namespace {

class Pieces final : public clary::ByteSource {
 public:
  Pieces(std::string_view bytes, size_t piece) : bytes_(bytes), piece_(piece) {}
  clary::Result<size_t> Read(std::span<char> buffer) override {
    const size_t n = std::min({piece_, buffer.size(), bytes_.size()});
    std::copy_n(bytes_.data(), n, buffer.data());
    bytes_.remove_prefix(n);
    return n;
  }

 private:
  std::string_view bytes_;
  size_t piece_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data + 1), size - 1);
  Pieces source(body, 1 + data[0]);
  auto reader = clary::objects::FormReader::Create("multipart/form-data; boundary=xYz", source);
  if (!reader) std::abort();
  auto fields = (*reader)->ReadFields();
  if (!fields) return 0;
  const auto file = clary::ReadAll((*reader)->file(), size);
  if (file && file->size() > body.size()) std::abort();
  const auto policy = clary::objects::PostPolicy::Parse(
      clary::net::FindParam(*fields, "policy").value_or(std::string_view()));
  if (policy) (void)policy->Check(*fields, clary::FromMillis(1'800'000'000'000));
  return 0;
}
