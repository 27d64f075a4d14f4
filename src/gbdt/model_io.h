// XGBoost's model files. Facts of the formats: docs/formats/model.md.
#pragma once

#include <string>
#include <string_view>

#include "clary/gbdt.h"
#include "gbdt/tree.h"

namespace clary::gbdt {

// Text JSON that XGBoost 1.0 to 3.x load.
std::string WriteJson(const Forest& forest);
// UBJSON that XGBoost 1.6 to 3.x load.
std::string WriteUbjson(const Forest& forest);
// JSON, UBJSON or the legacy binary format, told apart by content. kDataLoss "BadModel".
Result<Forest> ReadModel(std::string_view bytes);

}  // namespace clary::gbdt
