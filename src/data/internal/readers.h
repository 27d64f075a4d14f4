// One function per format; ReadFiles() picks. See ReadFiles() for what they promise.
#pragma once

#include <filesystem>
#include <vector>

#include "base/error.h"
#include "data/matrix.h"
#include "data/read.h"

namespace clary::data::internal {

Result<Matrix> ReadCsv(const std::vector<std::filesystem::path>& files, const ReadOptions& options);
Result<Matrix> ReadLibsvm(const std::vector<std::filesystem::path>& files,
                          const ReadOptions& options);
Result<Matrix> ReadParquet(const std::vector<std::filesystem::path>& files,
                           const ReadOptions& options);
Result<Matrix> ReadRecordIo(const std::vector<std::filesystem::path>& files,
                            const ReadOptions& options);

}  // namespace clary::data::internal
