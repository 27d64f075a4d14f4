// The records of an object that a batch transform reads: its SplitType.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/stream.h"

namespace clary::serving {

// Where one record ends and the next begins.
enum class SplitType {
  kNone,      // the whole object is one
  kLine,      // a record is a line
  kRecordIo,  // frames of a magic number, a length, the record, and padding to four bytes
  kTfRecord,  // frames of a length, its checksum, the record, and its checksum
};
// "None", "Line", "RecordIO" or "TFRecord", as the API has them.
std::optional<SplitType> SplitOf(std::string_view name);

struct Record {
  std::string_view framed;   // with its line end or frame
  std::string_view payload;  // without; of a line, "\r\n" is a line end, too
};

// Reads one object from front to end; memory is that of its largest record. One thread.
class RecordReader {
 public:
  // `limit`: the most bytes that a framed record may have.
  RecordReader(std::unique_ptr<ByteSource> source, SplitType split, uint64_t limit);

  // The next record, valid until the next call; nothing at the end. kResourceExhausted
  // "RecordTooLarge" names the record's number and the limit; kInvalidArgument "BadRecord" for a
  // frame that is none or ends early.
  Result<std::optional<Record>> Next();

 private:
  Result<std::string_view> Peek(size_t size);
  Result<std::optional<Record>> Line();
  Result<std::optional<Record>> Whole();
  Result<std::optional<Record>> Framed();
  std::unexpected<Error> TooLarge() const;
  std::unexpected<Error> Bad(std::string_view what) const;

  const std::unique_ptr<ByteSource> source_;
  const SplitType split_;
  const uint64_t limit_;
  uint64_t number_ = 0;  // of the record that is read now, from 1
  std::string buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
  bool source_ended_ = false;
};

// The uncompressed bytes of a gzip file, of one or more members. kDataLoss "BadGzip".
std::unique_ptr<ByteSource> NewGunzipSource(std::unique_ptr<ByteSource> source);

}  // namespace clary::serving
