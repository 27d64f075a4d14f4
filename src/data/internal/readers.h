// One function per format; ReadFiles() picks. See ReadFiles() for what they promise.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "data/matrix.h"
#include "data/read.h"

namespace clary::data::internal {

// That no row of training data `m` has a value in the column, which is called `column` ("3").
std::string EmptyColumnWarning(const Matrix& m, std::string_view column);

Result<Matrix> ReadCsv(const std::vector<std::filesystem::path>& files, const ReadOptions& options);
Result<Matrix> ReadLibsvm(const std::vector<std::filesystem::path>& files,
                          const ReadOptions& options);
Result<Matrix> ReadParquet(const std::vector<std::filesystem::path>& files,
                           const ReadOptions& options);
Result<Matrix> ReadRecordIo(const std::vector<std::filesystem::path>& files,
                            const ReadOptions& options);

}  // namespace clary::data::internal
