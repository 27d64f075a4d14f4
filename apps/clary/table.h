// Tables with a header and texts, made into channels: `clary train --label`.
#pragma once

#include <string>
#include <vector>

#include "clary/estimator.h"
#include "clary/session.h"
#include "command.h"
#include "data/table.h"

namespace clary::cli {

struct TableInput {
  std::string train;       // files or directories
  std::string validation;  // empty: none
  std::string content_type;
  std::string label;
  std::string positive;  // the text that becomes class 1 of a label of two; empty: the later one
  std::vector<std::string> drop;
};

// The files of a table at `path`, a file or a directory of them; the format as said, or by the
// ending of the first. `option` is what messages call the path.
struct TableFiles {
  std::vector<std::filesystem::path> files;
  data::ContentType type = data::ContentType::kCsv;
};
Result<TableFiles> FilesOfTable(const std::string& path, const std::string& content_type,
                                const char* option);

// What the files' columns are, before anything is stored. Of a label of two texts the later by its
// bytes is class 1, unless `positive` names it.
struct TrainTable {
  TableFiles data;
  TableFiles held_out;  // no files: none
  data::Table table;
};
Result<TrainTable> LookAtTable(const TableInput& input);

struct TableChannels {
  std::string train;  // s3:// URIs of the channels
  std::string validation;
  data::WrittenTable held_out;  // of the validation files
  std::string first_row;        // of train, without its label: what its model can be asked
  std::vector<std::string> warnings;
};
// Stores the tables in the channel's form (docs/formats/columns.md) in the default bucket. What is
// there from an earlier call with the same bytes is not stored again.
Result<TableChannels> UploadTable(const Session& session, const TrainTable& train);

// One line about the label, one about each column: its type, its texts, what is missing.
std::vector<std::string> DescribeTable(const data::Columns& columns);

// Completes hyperparameters by what the label is: of texts it has classes, and an objective that
// learns classes; another one is a number. `lines` gets what was chosen.
Status ChooseObjective(const data::Columns& columns, Hyperparameters& values,
                       std::vector<std::string>& lines);

// A file with a header is a table, and `clary COMMAND` says so before a job fails for it.
Status CheckHeader(const TableInput& input, const std::string& command);

// The content type of a file that is no table with names, by its ending.
std::string ContentTypeOf(const std::string& path);

// SHA-256 of a file's bytes, in hexadecimal.
Result<std::string> DigestOf(const std::filesystem::path& path);

// Where the data of `from` is: itself if it is an s3:// URI, else where a local file or folder, as
// it is, has been stored. A file is kept in the default bucket under the digest of its bytes, so
// that training on the same file again stores nothing twice.
Result<std::string> UploadChannel(const Session& session, const std::string& from);

}  // namespace clary::cli
