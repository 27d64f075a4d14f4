// Bytes on the move: a body, an object, a file. Pull only, so that memory stays flat.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/file.h"

namespace clary {

// One reader at a time; not rewindable.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Fills the front of `buffer` (not empty) and returns how many bytes; 0 is the end. After an
  // error the source is spent.
  virtual Result<size_t> Read(std::span<char> buffer) = 0;
  // A file that holds exactly the rest of this source in [offset, offset + length), so that a
  // sender may use sendfile(2) or a receiver may link it; nullopt if there is none.
  struct FileRange {
    int fd;  // borrowed
    uint64_t offset;
    uint64_t length;
  };
  virtual std::optional<FileRange> AsFile() { return std::nullopt; }
};

// Owns its bytes.
std::unique_ptr<ByteSource> NewStringSource(std::string bytes);
// Reads [offset, offset + length) of `fd`, which it owns. kDataLoss if the file ends early.
std::unique_ptr<ByteSource> NewFileSource(Fd fd, uint64_t offset, uint64_t length);

// Reads to the end; kResourceExhausted "TooLarge" beyond `max_bytes`.
Result<std::string> ReadAll(ByteSource& source, uint64_t max_bytes);

}  // namespace clary
