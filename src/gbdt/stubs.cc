#include "gbdt/model_io.h"
namespace clary::gbdt {
Result<Forest> ReadModel(std::string_view) {
  return Fail(Code::kUnimplemented, "Unimplemented", "reading models");
}
}  // namespace clary::gbdt
