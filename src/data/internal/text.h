// Text files as blocks of whole lines, parsed by several threads in file order.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "data/buffer.h"
#include "data/internal/kernels.h"
#include "data/matrix.h"

namespace clary::data::internal {

// Whole lines of one file. A line ends at \n, \r\n or \r; the last of a file may lack its end, but
// the byte after a block is always '\n'.
struct TextBlock {
  size_t index = 0;    // over all files, in order, from 0
  uint32_t file = 0;   // index into the list of files
  bool first = false;  // of its file
  std::string_view text;
  Buffer<char> storage;
};

// Hands out the blocks of many files, plain or gzip-compressed, regular or FIFOs. A plain file is
// read by the thread that parses the block; a stream by whoever asks next.
class BlockReader {
 public:
  explicit BlockReader(std::span<const std::filesystem::path> files);
  ~BlockReader();

  // The next block (its text may be empty) into `block`, whose storage is used again; false after
  // the last one. Any thread.
  Result<bool> Next(TextBlock& block);
  // Uncompressed bytes of all files, as far as known in advance: an estimate for reservations.
  uint64_t expected_bytes() const { return expected_bytes_; }
  size_t expected_blocks() const { return expected_blocks_; }
  // Relative to the directory that the files share: what messages show.
  const std::vector<std::string>& names() const { return names_; }

 private:
  struct File;
  Result<std::shared_ptr<File>> Open(uint32_t index);
  Status ReadStream(File& file, TextBlock& block, bool* end);

  std::span<const std::filesystem::path> files_;
  std::vector<std::string> names_;
  size_t expected_blocks_ = 0;
  uint64_t expected_bytes_ = 0;
  Mutex mu_;
  std::shared_ptr<File> current_ GUARDED_BY(mu_);
  uint32_t next_file_ GUARDED_BY(mu_) = 0;
  size_t next_index_ GUARDED_BY(mu_) = 0;
};

std::vector<std::string> DisplayNames(std::span<const std::filesystem::path> files);

// The work of one thread on one block; one object a thread.
class BlockParser {
 public:
  virtual ~BlockParser() = default;
  // Counts a block. Runs in parallel.
  virtual LineCount Count(const TextBlock& block) = 0;
  // Called in block order, never in parallel, with what earlier blocks have. `line` is 1-based
  // within the file. Makes room.
  virtual Status Place(const TextBlock& block, LineCount shape, uint64_t first_row,
                       uint64_t first_line) = 0;
  // Parses the block. Runs in parallel.
  virtual Status Parse(const TextBlock& block) = 0;
};

// Runs blocks through `threads` parsers (0: one per core). Of several errors the one of the
// earliest block is returned, whatever the number of threads.
Status ParseBlocks(BlockReader& reader, int threads,
                   const std::function<std::unique_ptr<BlockParser>()>& make);

// Of a text with kPadding readable bytes after it.
LineCount CountLines(std::string_view text);

// Adds the place of a block's rows to `origins`. `text` is needed when it has empty lines.
void AddOrigins(std::string_view text, LineCount shape, uint32_t file, uint64_t first_row,
                uint64_t first_line, std::vector<Matrix::Origin>& origins);

// At most 40 characters of a field, fit for a message.
std::string Shown(std::string_view field);

}  // namespace clary::data::internal
