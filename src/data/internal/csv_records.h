// RFC 4180's records, one after another, with the line that each begins on.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "data/internal/byte_stream.h"
#include "data/internal/table_rows.h"

namespace clary::data::internal {

class CsvRecords : public TableRows {
 public:
  // `delimiter`: '\0' is whichever of comma, tab, semicolon and bar the first line has most of.
  static Result<std::unique_ptr<CsvRecords>> Open(const std::filesystem::path& path,
                                                  std::string name, char delimiter = '\0');

  // The fields of the first record.
  Result<std::vector<std::string>> Header() override;
  Status Select(std::span<const size_t>) override { return {}; }
  // Every record has the header's length; empty lines are none.
  Result<bool> Next() override;
  NumberKind KindOf(size_t column) override { return KindOfField(fields_[column]); }
  // Without quotes and the blanks around.
  std::string_view TextOf(size_t column) override { return fields_[column]; }
  std::string Place() const override;

  // Of any field of any file.
  static NumberKind KindOfField(std::string_view field);

 private:
  CsvRecords(std::unique_ptr<ByteStream> stream, std::string name)
      : TableRows(std::move(name)), stream_(std::move(stream)) {}

  Status Fill();
  void ChooseDelimiter(char given);
  Result<bool> NextRecord();
  enum class Parsed : uint8_t { kRecord, kMore };
  Result<Parsed> Parse();

  std::unique_ptr<ByteStream> stream_;
  size_t columns_ = 0;  // of the header
  // Unread bytes are [at_, end_); *end_ is '\n'.
  std::vector<char> buffer_;
  size_t at_ = 0;
  size_t end_ = 0;
  bool whole_ = false;  // the stream has ended
  char delimiter_ = '\0';
  std::array<bool, 256> ends_field_{};
  uint64_t line_ = 0;
  uint64_t next_line_ = 1;
  std::vector<std::string_view> fields_;
  std::vector<size_t> escaped_;  // fields that hold ""
};

}  // namespace clary::data::internal
