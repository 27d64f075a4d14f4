#include "data/internal/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <optional>
#include <thread>

#include "base/quote.h"
#include "data/internal/byte_stream.h"

namespace clary::data::internal {
namespace {

namespace fs = std::filesystem;

// Fits a core's second-level cache together with what is parsed from it.
constexpr size_t kBlockBytes = size_t{256} << 10;
// Lines longer than this are no data.
constexpr size_t kMaxLineBytes = size_t{256} << 20;

Status LineTooLong() {
  return Fail(Code::kInvalidArgument, "BadData",
              fmt::format("a line is longer than {} MiB; is this text?", kMaxLineBytes >> 20));
}

}  // namespace

struct BlockReader::File {
  uint32_t index = 0;
  std::unique_ptr<ByteStream> stream;
  uint64_t next_offset = 0;  // plain: where the next block begins
  bool started = false;
  std::string carry;  // not plain: bytes after the last whole line

  Status ReadPlain(uint64_t begin, TextBlock& block) const;
};

// The lines that begin in [begin, begin + kBlockBytes).
Status BlockReader::File::ReadPlain(uint64_t begin, TextBlock& block) const {
  const uint64_t size = stream->size();
  // One byte earlier, to see whether a line begins at `begin`.
  const uint64_t from = begin == 0 ? 0 : begin - 1;
  const uint64_t limit = std::min(begin + kBlockBytes, size);  // the first byte of later blocks
  size_t want = static_cast<size_t>(limit - from) + 4096;
  size_t have = 0;
  const char* text = nullptr;
  size_t first = 0;  // of the block's lines, in `text`
  for (;;) {
    want = static_cast<size_t>(std::min<uint64_t>(want, size - from));
    block.storage.Resize(want + 2 * kPadding);
    char* to = block.storage.data() + kPadding;
    CLARY_TRY(const size_t got, stream->ReadAt(to + have, want - have, from + have));
    if (got < want - have) {
      return Fail(Code::kDataLoss, "FileShrank", "the file became shorter while it was read");
    }
    have = want;
    text = to;
    if (begin > 0) {
      const void* nl = std::memchr(text, '\n', static_cast<size_t>(limit - from));
      // No line begins here: all of it belongs to an earlier block.
      if (nl == nullptr) break;
      first = static_cast<size_t>(static_cast<const char*>(nl) - text) + 1;
      if (from + first >= limit) break;
    }
    if (from + have == size) {
      block.text = {text + first, have - first};
      break;
    }
    const size_t last = static_cast<size_t>(limit - from) - 1;
    const void* nl = std::memchr(text + last, '\n', have - last);
    if (nl != nullptr) {
      block.text = {text + first,
                    static_cast<size_t>(static_cast<const char*>(nl) - text) + 1 - first};
      break;
    }
    if (want > kMaxLineBytes) return LineTooLong();
    want *= 2;
  }
  return {};
}

BlockReader::BlockReader(std::span<const fs::path> files)
    : files_(files), names_(DisplayNames(files)) {
  for (const fs::path& file : files) {
    std::error_code ec;
    const uint64_t size = fs::is_regular_file(file, ec) ? fs::file_size(file, ec) : 0;
    if (!ec) expected_bytes_ += size;
    // A stream may have any length.
    expected_blocks_ += size == 0 ? 1024 : static_cast<size_t>(size / kBlockBytes) + 1;
  }
}

BlockReader::~BlockReader() = default;

Result<std::shared_ptr<BlockReader::File>> BlockReader::Open(uint32_t index) {
  auto file = std::make_shared<File>();
  file->index = index;
  CLARY_TRY(file->stream, ByteStream::Open(files_[index]));
  return file;
}

Status BlockReader::ReadStream(File& file, TextBlock& block, bool* end) {
  size_t have = file.carry.size();
  block.storage.Resize(std::max(kBlockBytes, 2 * have) + 2 * kPadding);
  std::copy(file.carry.begin(), file.carry.end(), block.storage.data() + kPadding);
  file.carry.clear();
  for (;;) {
    const size_t room = block.storage.size() - 2 * kPadding;
    while (have < room) {
      CLARY_TRY(const size_t got,
                file.stream->Read(block.storage.data() + kPadding + have, room - have));
      if (got == 0) {
        *end = true;
        block.text = {block.storage.data() + kPadding, have};
        return {};
      }
      have += got;
    }
    const char* text = block.storage.data() + kPadding;
    const void* nl = ::memrchr(text, '\n', have);
    if (nl != nullptr) {
      const size_t length = static_cast<size_t>(static_cast<const char*>(nl) - text) + 1;
      file.carry.assign(text + length, have - length);
      block.text = {text, length};
      return {};
    }
    if (have > kMaxLineBytes) return LineTooLong();
    block.storage.Resize(2 * room + 2 * kPadding);
  }
}

Result<bool> BlockReader::Next(TextBlock& block) {
  std::shared_ptr<File> file;
  uint64_t offset = 0;
  block.text = {};
  {
    MutexLock lock(mu_);
    block.index = next_index_++;
    for (;;) {
      if (current_ == nullptr) {
        if (next_file_ == files_.size()) return false;
        block.file = next_file_;
        CLARY_TRY(current_, Open(next_file_));
        ++next_file_;
      }
      if (!current_->stream->is_plain() || current_->next_offset < current_->stream->size()) break;
      current_ = nullptr;
    }
    file = current_;
    block.file = file->index;
    block.first = !file->started;
    file->started = true;
    if (file->stream->is_plain()) {
      offset = file->next_offset;
      file->next_offset += kBlockBytes;
    } else {
      bool end = false;
      CLARY_CHECK_OK(ReadStream(*file, block, &end));
      if (end) current_ = nullptr;
    }
  }
  if (file->stream->is_plain()) CLARY_CHECK_OK(file->ReadPlain(offset, block));
  if (block.first && block.text.starts_with("\xef\xbb\xbf")) block.text.remove_prefix(3);
  if (!block.text.empty())
    block.storage[static_cast<size_t>(block.text.end() - block.storage.data())] = '\n';
  return true;
}

LineCount CountLines(std::string_view text) {
  return BestKernels().count(text.data(), text.size());
}

void AddOrigins(std::string_view text, LineCount shape, uint32_t file, uint64_t first_row,
                uint64_t first_line, std::vector<Matrix::Origin>& origins) {
  if (shape.rows == 0) return;
  const auto add = [&](uint64_t row, uint64_t line) {
    if (!origins.empty() && origins.back().file == file &&
        line - origins.back().first_line == row - origins.back().first_row) {
      return;
    }
    origins.push_back({.first_row = row, .file = file, .first_line = line});
  };
  if (shape.rows == shape.lines) return add(first_row, first_line);
  uint64_t row = first_row;
  uint64_t line = first_line;
  bool in_row = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n' || text[i] == '\r') {
      if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') ++i;
      ++line;
      in_row = false;
    } else if (!in_row) {
      add(row++, line);
      in_row = true;
    }
  }
}

std::string Shown(std::string_view field) { return Printable(field, 40); }

std::vector<std::string> DisplayNames(std::span<const fs::path> files) {
  std::vector<std::string> names;
  if (files.empty()) return names;
  std::string common = files.front().parent_path().string() + "/";
  for (const fs::path& file : files) {
    const std::string dir = file.parent_path().string() + "/";
    while (!dir.starts_with(common)) {
      common.resize(common.rfind('/', common.size() - 2) + 1);
      if (common.empty()) break;
    }
  }
  for (const fs::path& file : files) {
    const std::string full = file.string();
    names.push_back(full.starts_with(common) ? full.substr(common.size()) : full);
  }
  return names;
}

namespace {

// Blocks take their places in order; what a thread waits for is being counted by another one.
class Order {
 public:
  // Waits until all blocks before `block` are placed; false if one of them failed.
  bool Await(size_t block) {
    std::unique_lock lock(mu_);
    turn_.wait(lock, [&] { return next_ == block || failed_ < block; });
    return failed_ >= block;
  }
  void Done(uint32_t file, LineCount shape) {
    {
      const std::lock_guard lock(mu_);
      ++next_;
      first_row_ += shape.rows;
      if (file != file_) first_line_ = 1;
      file_ = file;
      first_line_ += shape.lines;
    }
    turn_.notify_all();
  }
  void Failed(size_t block, Error error) {
    {
      const std::lock_guard lock(mu_);
      if (block < failed_) {
        failed_ = block;
        error_ = std::move(error);
      }
    }
    turn_.notify_all();
  }
  // For the thread whose turn it is.
  uint64_t first_row() const { return first_row_; }
  uint64_t first_line(uint32_t file) const { return file == file_ ? first_line_ : 1; }
  bool failed() {
    const std::lock_guard lock(mu_);
    return failed_ != SIZE_MAX;
  }
  std::optional<Error>& error() { return error_; }

 private:
  std::mutex mu_;
  std::condition_variable turn_;
  size_t next_ = 0;
  size_t failed_ = SIZE_MAX;  // the earliest block with an error
  std::optional<Error> error_;
  uint64_t first_row_ = 0;
  uint64_t first_line_ = 1;
  uint32_t file_ = 0;
};

}  // namespace

Status ParseBlocks(BlockReader& reader, int threads,
                   const std::function<std::unique_ptr<BlockParser>()>& make) {
  Order order;
  const auto work = [&] {
    const std::unique_ptr<BlockParser> parser = make();
    TextBlock block;
    while (!order.failed()) {
      Result<bool> more = reader.Next(block);
      if (!more) {
        order.Failed(block.index, std::move(more).error().With(reader.names()[block.file]));
        return;
      }
      if (!*more) return;
      const LineCount shape = parser->Count(block);
      if (!order.Await(block.index)) return;
      if (Status placed =
              parser->Place(block, shape, order.first_row(), order.first_line(block.file));
          !placed) {
        order.Failed(block.index, std::move(placed).error());
        return;
      }
      order.Done(block.file, shape);
      if (Status parsed = parser->Parse(block); !parsed) {
        order.Failed(block.index, std::move(parsed).error());
        return;
      }
    }
  };
  const size_t cores = std::max(1U, std::thread::hardware_concurrency());
  const size_t workers =
      std::min(threads > 0 ? static_cast<size_t>(threads) : cores, reader.expected_blocks());
  {
    std::vector<std::jthread> others;
    for (size_t t = 1; t < workers; ++t) others.emplace_back(work);
    work();
  }
  if (order.error()) return std::unexpected(*std::move(order.error()));
  return {};
}

}  // namespace clary::data::internal
