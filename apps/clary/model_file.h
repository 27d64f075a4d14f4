// The bytes of a model in a file, whatever it is packed in.
#pragma once

#include <filesystem>
#include <string>

#include "base/error.h"

namespace clary::cli {

// A model file as it is, or the one named xgboost-model* in a model.tar.gz. kDataLoss "BadArchive";
// kInvalidArgument "NoModel" if an archive has none, or the several of a cross validation;
// kResourceExhausted "TooLarge" beyond 2 GiB.
Result<std::string> ReadModelFile(const std::filesystem::path& path);

}  // namespace clary::cli
