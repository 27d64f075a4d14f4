// Training and validation channels: which files count, what their content type is, and their rows.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "data/matrix.h"

namespace clary::data {

enum class ContentType { kCsv, kLibsvm, kParquet, kRecordIo };

// "csv", "libsvm", "parquet", "recordio-protobuf": the short name, as in messages.
std::string_view ContentTypeName(ContentType type);

// A channel's ContentType: "text/csv", "csv; label_size=1", "text/x-libsvm", ...; letters of any
// case, MIME parameters ignored but for csv's label_size, which must be 1. Empty means libsvm.
// kInvalidArgument "BadContentType" in the words of SageMaker's XGBoost.
Result<ContentType> ParseContentType(std::string_view text);

struct ChannelFiles {
  std::vector<std::filesystem::path> files;  // sorted by path; data files with at least one byte
  std::vector<std::string> warnings;         // for the job's log
};

// The data files of a channel directory, from folders at most three levels deep. Files whose name
// starts with "_" are skipped; one that starts with "." is an error (kInvalidArgument
// "HiddenFile"). A missing directory and one without data give an empty list: the caller knows
// whether that is an error. A path that is a file (or a FIFO) stands for itself.
Result<ChannelFiles> CollectFiles(const std::filesystem::path& dir);

struct ReadOptions {
  ContentType type = ContentType::kLibsvm;
  bool csv_weights = false;  // csv: the second column is the row's weight
  // The features of the training data that these rows are to be compared with; 0: these are the
  // training data.
  size_t features = 0;
  int threads = 0;         // 0: one per core
  uint64_t max_bytes = 0;  // parquet: of the matrix; 0: the machine's memory
};

// Reads all rows of `files`, in order, into one matrix; files compressed with gzip or zstd are
// recognised by their first bytes. Names in messages and in Matrix::files are relative to the
// files' common directory. The result does not depend on `threads`.
//
// kInvalidArgument "BadData" for what is wrong in a file; its message names file, row, column and
// value, and the first error in file order is the one reported. "NoData" if there is no row at all.
// csv: a row is a label, with csv_weights a weight, then features. An empty field and "nan" are
// missing; so are NA, N/A, #N/A, <NA>, null, None and ? in letters of any case, with a warning a
// column. Text, infinities, a ragged row, a missing label and a header line are errors. Columns at
// the end that have no value in any row (a delimiter ends each line) are no features; beyond those
// of the training data, if that is given.
// libsvm: "label[:weight] [qid:n] index:value ...", 0-based indices that ascend, "#" comments.
// parquet: flat columns of numbers or booleans; the first is the label, null and NaN are missing.
// A later file's columns are found by name. kResourceExhausted "TooLarge" beyond max_bytes.
// csv and parquet: a feature of training data without any value gets a warning.
// recordio-protobuf: a Record is a row, dense or with keys.
Result<Matrix> ReadFiles(const std::vector<std::filesystem::path>& files,
                         const ReadOptions& options);

}  // namespace clary::data
