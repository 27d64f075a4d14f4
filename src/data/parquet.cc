// Parquet: columns of many files and row groups, a band of columns at a time, into row-major rows.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <thread>

#include "base/thread_pool.h"
#include "data/internal/byte_stream.h"
#include "data/internal/kernels.h"
#include "data/internal/parquet_column.h"
#include "data/internal/parquet_format.h"
#include "data/internal/readers.h"
#include "data/internal/text.h"

namespace clary::data::internal {
namespace {

namespace fs = std::filesystem;

// Columns that one task reads side by side: a cache line of a row.
constexpr size_t kBand = 16;
// Compressed columns of a row group of so many rows are read one after another to their ends, so
// that all use the same memory, and page and dictionary stay in the second-level cache.
constexpr size_t kWholeRows = size_t{5} << 16;
// Otherwise, how many rows are read at a time: a band of them fits the first-level cache. With
// dictionaries that do not fit the second-level cache together, so many that one is used for long
// at a time.
constexpr size_t kBlockRows = 512;
constexpr size_t kLongBlockRows = size_t{1} << 16;
constexpr size_t kLargeDictionaries = size_t{1} << 20;
constexpr size_t kPad = 16;  // between columns of a block, so that they share no cache sets

std::unexpected<Error> Bad(std::string message) {
  return Fail(Code::kInvalidArgument, "BadData", std::move(message));
}

// One Parquet file: a path, or a part of what a stream brought.
struct Part {
  uint32_t file = 0;       // index into the list of files
  std::string_view bytes;  // of a stream
  ParquetFooter footer;
  std::vector<size_t> order;  // where this file has the columns of the first one; empty: the same
  uint64_t first_row = 0;
};

// Splits what files one after another look like: at "PAR1PAR1", where the first ends a file.
Result<std::vector<Part>> SplitStream(std::string_view bytes, uint32_t file) {
  std::vector<Part> parts;
  constexpr std::string_view kBorder = "PAR1PAR1";
  for (size_t search = 0; !bytes.empty();) {
    const size_t at = bytes.find(kBorder, search);
    const size_t end = at == std::string_view::npos ? bytes.size() : at + kBorder.size() / 2;
    const std::string_view candidate = bytes.substr(0, end);
    auto footer = ReadParquetFooter(ByteRange(candidate), ParquetTake::kNumbers);
    if (footer) {
      parts.push_back({.file = file, .bytes = candidate, .footer = std::move(*footer)});
      bytes.remove_prefix(end);
      search = 0;
    } else if (at == std::string_view::npos) {
      return std::unexpected(std::move(footer).error());
    } else {
      search = at + 1;  // the border's bytes were some column's
    }
  }
  return parts;
}

Result<Buffer<char>> ReadAll(ByteStream& stream, uint64_t limit) {
  Buffer<char> bytes;
  for (size_t have = 0;;) {
    bytes.Resize(have + (size_t{1} << 20));
    CLARY_TRY(const size_t got, stream.ReadFully(bytes.data() + have, size_t{1} << 20));
    have += got;
    bytes.Resize(have);
    if (got < size_t{1} << 20) return bytes;
    if (have > limit) {
      return Fail(Code::kResourceExhausted, "TooLarge", "the stream is larger than the memory");
    }
  }
}

class ParquetFiles {
 public:
  ParquetFiles(const std::vector<fs::path>& files, const ReadOptions& options)
      : files_(files), options_(options) {
    limit_ = options.max_bytes != 0 ? options.max_bytes
                                    : static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                                          static_cast<uint64_t>(::sysconf(_SC_PAGE_SIZE));
    m_.files = DisplayNames(files);
  }

  Result<Matrix> Read() {
    for (uint32_t f = 0; f < files_.size(); ++f) {
      Status opened = Open(f);
      if (!opened) return std::unexpected(std::move(opened).error().With(m_.files[f]));
    }
    if (m_.rows == 0) {
      return Fail(Code::kInvalidArgument, "NoData",
                  files_.size() == 1 ? m_.files[0] + " has no rows" : "the files have no rows");
    }
    CLARY_CHECK_OK(Allocate());
    CLARY_CHECK_OK(ReadColumns());
    WarnOfEmptyColumns();
    return std::move(m_);
  }

 private:
  // Columns [first, last) of one row group of one file.
  struct Task {
    const Part* part;
    const ParquetRowGroup* group;
    uint64_t first_row;
    size_t first;
    size_t last;
  };

  // A thread's memory.
  struct Scratch {
    ParquetScratch columns[kBand + 1];
    Buffer<char> window;
    Buffer<float> block;
  };

  Status Open(uint32_t f) {
    CLARY_TRY(auto stream, ByteStream::Open(files_[f]));
    std::vector<Part> parts;
    if (stream->is_plain()) {
      CLARY_TRY(ParquetFooter footer, ReadParquetFooter(ByteRange(*stream), ParquetTake::kNumbers));
      parts.push_back({.file = f, .footer = std::move(footer)});
    } else {
      CLARY_TRY(Buffer<char> bytes, ReadAll(*stream, limit_));
      streams_.push_back(std::move(bytes));
      CLARY_TRY(parts, SplitStream({streams_.back().data(), streams_.back().size()}, f));
    }
    for (Part& part : parts) {
      CLARY_CHECK_OK(MatchColumns(part));
      part.first_row = m_.rows;
      if (part.footer.rows > 0) {
        m_.origins.push_back({.first_row = m_.rows, .file = f, .first_line = 1});
      }
      m_.rows += part.footer.rows;
      parts_.push_back(std::make_unique<Part>(std::move(part)));
    }
    return {};
  }

  // Files have the same columns, by name if their names differ from one another.
  Status MatchColumns(Part& part) const {
    const std::vector<ParquetColumn>& mine = part.footer.columns;
    if (parts_.empty()) {
      if (mine.size() >= 2) return {};
      return Bad(
          fmt::format("has {} columns; it needs a label and at least one feature", mine.size()));
    }
    const std::vector<ParquetColumn>& first = parts_.front()->footer.columns;
    const std::string& first_name = m_.files[parts_.front()->file];
    if (mine.size() != first.size()) {
      return Bad(fmt::format("has {} columns; {} has {}: every file needs the same", mine.size(),
                             first_name, first.size()));
    }
    if (std::equal(mine.begin(), mine.end(), first.begin(),
                   [](const auto& a, const auto& b) { return a.name == b.name; })) {
      return {};
    }
    std::map<std::string_view, size_t> places;
    for (size_t c = 0; c < mine.size(); ++c) places.emplace(mine[c].name, c);
    for (const ParquetColumn& column : first) {
      const auto found = places.find(column.name);
      if (found == places.end()) {
        return Bad(fmt::format("has no column '{}', which {} has: every file needs the same",
                               Shown(column.name), first_name));
      }
      part.order.push_back(found->second);
      places.erase(found);
    }
    return {};
  }

  Status Allocate() {
    m_.cols = parts_.front()->footer.columns.size() - 1;
    const uint64_t bytes = (m_.cols + 1) * sizeof(float);
    if (m_.rows > limit_ / bytes) {
      return Fail(Code::kResourceExhausted, "TooLarge",
                  fmt::format("{} rows of {} columns need {} MiB of memory; there are {}", m_.rows,
                              m_.cols + 1, m_.rows / 1024 * bytes / 1024, limit_ >> 20));
    }
    m_.labels.Resize(m_.rows);
    m_.values.Resize(m_.rows * m_.cols);
    seen_ = std::vector<std::atomic<bool>>(m_.cols + 1);
    return {};
  }

  Status ReadColumns() {
    std::vector<Task> tasks;
    for (const auto& part : parts_) {
      uint64_t row = part->first_row;
      for (const ParquetRowGroup& group : part->footer.groups) {
        if (group.rows == 0) continue;
        // The label joins the first band of features; bands after it begin at a multiple of kBand.
        for (size_t c = 0; c <= m_.cols;) {
          const size_t last = std::min(m_.cols + 1, c == 0 ? kBand + 1 : c + kBand);
          tasks.push_back({part.get(), &group, row, c, last});
          c = last;
        }
        row += group.rows;
      }
    }
    const size_t cores = std::max(1U, std::thread::hardware_concurrency());
    const size_t threads = options_.threads > 0 ? static_cast<size_t>(options_.threads) : cores;
    ThreadPool pool(static_cast<int>(std::min(threads, tasks.size())));
    // Of several errors the one of the first task is returned, so that it does not depend on the
    // number of threads.
    std::mutex mu;
    std::optional<Error> error;
    std::atomic<size_t> failed = tasks.size();
    std::vector<Scratch> scratch(static_cast<size_t>(pool.size()));
    pool.ForEach(tasks.size(), [&](size_t t, int thread) {
      if (t > failed.load(std::memory_order_relaxed)) return;
      Status done = Run(tasks[t], scratch[static_cast<size_t>(thread)]);
      if (done) return;
      const std::lock_guard lock(mu);
      if (t > failed) return;
      failed = t;
      error = std::move(done).error();
    });
    if (error) return std::unexpected(*std::move(error));
    return {};
  }

  Error At(const Task& task, size_t column, Error error) const {
    const ParquetColumn& c = ColumnOf(*task.part, column);
    return std::move(error).With(
        fmt::format("{}, column {} ('{}')", m_.files[task.part->file], column + 1, Shown(c.name)));
  }

  static const ParquetColumn& ColumnOf(const Part& part, size_t column) {
    return part.footer.columns[part.order.empty() ? column : part.order[column]];
  }

  Status Run(const Task& task, Scratch& scratch) {
    std::unique_ptr<ByteStream> stream;
    if (task.part->bytes.empty()) {
      auto opened = ByteStream::Open(files_[task.part->file]);
      if (!opened) return std::unexpected(std::move(opened).error());
      stream = std::move(*opened);
    }
    const ByteRange bytes = stream ? ByteRange(*stream) : ByteRange(task.part->bytes);
    const bool whole = task.group->rows <= kWholeRows &&
                       task.group->chunks.front().codec != static_cast<int>(Codec::kNone);
    std::vector<ParquetColumnReader> readers;
    for (size_t c = task.first; c < task.last; ++c) {
      const size_t place = task.part->order.empty() ? c : task.part->order[c];
      const ParquetChunk& chunk = task.group->chunks[place];
      if (chunk.offset > bytes.size() || chunk.size > bytes.size() - chunk.offset) {
        return std::unexpected(At(
            task, c, Error{Code::kDataLoss, "FileShrank", "the file changed while it was read"}));
      }
      auto reader =
          ParquetColumnReader::Open(bytes, ColumnOf(*task.part, c), chunk,
                                    scratch.columns[whole ? 0 : c - task.first], scratch.window);
      if (!reader) return std::unexpected(At(task, c, std::move(reader).error()));
      readers.push_back(std::move(*reader));
    }
    const size_t labels = task.first == 0 ? 1 : 0;
    std::vector<bool> seen(readers.size());
    size_t block_rows = whole ? static_cast<size_t>(task.group->rows) : kBlockRows;
    for (uint64_t done = 0; done < task.group->rows;) {
      const auto rows =
          static_cast<size_t>(std::min<uint64_t>(block_rows, task.group->rows - done));
      const uint64_t row = task.first_row + done;
      const size_t stride = rows + kPad;
      if (scratch.block.size() < stride * readers.size()) {
        scratch.block = Buffer<float>(stride * readers.size());
      }
      float* const block = scratch.block.data();
      size_t dictionaries = 0;
      for (size_t i = 0; i < readers.size(); ++i) {
        const size_t c = task.first + i;
        float* const to = c == 0 ? m_.labels.data() + row : block + i * stride;
        auto kinds = readers[i].Read(rows, to);
        if (!kinds) return std::unexpected(At(task, c, std::move(kinds).error()));
        if (kinds->infinite || (kinds->missing && c == 0)) {
          return std::unexpected(BadValue({to, rows}, task, c, row));
        }
        seen[i] = seen[i] || kinds->value;
        dictionaries += readers[i].dictionary_bytes();
      }
      kernels_.transpose(block + labels * stride, stride, readers.size() - labels, rows,
                         m_.values.data() + row * m_.cols + (task.first + labels - 1), m_.cols);
      done += rows;
      if (!whole) block_rows = dictionaries > kLargeDictionaries ? kLongBlockRows : kBlockRows;
    }
    for (size_t i = 0; i < readers.size(); ++i) {
      if (seen[i]) seen_[task.first + i].store(true, std::memory_order_relaxed);
    }
    return {};
  }

  // The first value of column `c` that must not be; the first of all is in row `row` of the matrix.
  Error BadValue(std::span<const float> values, const Task& task, size_t c, uint64_t row) const {
    const auto bad = std::ranges::find_if(
        values, [&](float v) { return std::isinf(v) || (std::isnan(v) && c == 0); });
    return Bad(fmt::format(
                   "{}, row {}, column {} ('{}'): {}", m_.files[task.part->file],
                   row + static_cast<uint64_t>(bad - values.begin()) - task.part->first_row + 1,
                   c + 1, Shown(ColumnOf(*task.part, c).name),
                   std::isinf(*bad) ? "the value is infinite or too large for a 32-bit float"
                                    : "the label is missing"))
        .error();
  }

  void WarnOfEmptyColumns() {
    if (options_.features != 0) return;
    for (size_t c = 1; c <= m_.cols; ++c) {
      if (seen_[c].load(std::memory_order_relaxed)) continue;
      m_.warnings.push_back(EmptyColumnWarning(
          m_, fmt::format("{} ('{}')", c + 1, Shown(parts_.front()->footer.columns[c].name))));
    }
  }

  const std::vector<fs::path>& files_;
  const ReadOptions& options_;
  const Kernels& kernels_ = BestKernels();
  uint64_t limit_;
  Matrix m_;
  std::vector<std::unique_ptr<Part>> parts_;
  std::vector<Buffer<char>> streams_;
  std::vector<std::atomic<bool>> seen_;  // a value that is not missing, by column
};

}  // namespace

Result<Matrix> ReadParquet(const std::vector<fs::path>& files, const ReadOptions& options) {
  return ParquetFiles(files, options).Read();
}

}  // namespace clary::data::internal
