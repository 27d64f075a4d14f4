// Tables with a header and texts, made into channels: `clary train --label`.
#pragma once

#include <string>
#include <vector>

#include "clary/session.h"
#include "command.h"
#include "data/table.h"

namespace clary::cli {

struct TableInput {
  std::string train;       // files or directories
  std::string validation;  // empty: none
  std::string content_type;
  std::string label;
  std::vector<std::string> drop;
};

// What the files' columns are, before anything is stored.
struct TrainTable {
  std::vector<std::filesystem::path> files;
  data::ContentType type = data::ContentType::kCsv;
  data::Table table;
};
Result<TrainTable> LookAtTable(const TableInput& input);

struct TableChannels {
  std::string train;  // s3:// URIs of the channels
  std::string validation;
  data::WrittenTable held_out;  // of the validation files
  std::vector<std::string> warnings;
};
// Stores the tables in the channel's form (docs/formats/columns.md) in the default bucket. What is
// there from an earlier call with the same bytes is not stored again.
Result<TableChannels> UploadTable(const Session& session, const TableInput& input,
                                  const TrainTable& train);

// One line about the label, one about each column: its type, its texts, what is missing.
std::vector<std::string> DescribeTable(const data::Columns& columns);

// SHA-256 of a file's bytes, in hexadecimal.
Result<std::string> DigestOf(const std::filesystem::path& path);

}  // namespace clary::cli
