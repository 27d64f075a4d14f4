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

// What separates the fields of a line of CSV; '\0' if nothing does.
char FindDelimiter(std::string_view line);

Result<Matrix> ReadCsv(const std::vector<std::filesystem::path>& files, const ReadOptions& options);
Result<Matrix> ReadLibsvm(const std::vector<std::filesystem::path>& files,
                          const ReadOptions& options);
Result<Matrix> ReadParquet(const std::vector<std::filesystem::path>& files,
                           const ReadOptions& options);
Result<Matrix> ReadRecordIo(const std::vector<std::filesystem::path>& files,
                            const ReadOptions& options);
// Records as they are in memory, whose labels are left alone.
Result<Matrix> ReadRecordIoPayload(std::string_view bytes);

}  // namespace clary::data::internal
