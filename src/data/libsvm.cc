#include "data/internal/readers.h"

namespace clary::data::internal {

Result<Matrix> ReadLibsvm(const std::vector<std::filesystem::path>&, const ReadOptions&) {
  return Fail(Code::kUnimplemented, "ContentType", "not there yet");
}

}  // namespace clary::data::internal
