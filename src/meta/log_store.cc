#include "meta/log_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <span>
#include <system_error>

#include "base/strings.h"

// A stream "<first>/<rest>" is the file <root>/<group>/<first>/<rest>.log, each part
// percent-encoded; one record is "<digits> <message>\n", or "<digits>+<message>\n" for a message
// whose LF is written as "\n" and whose backslash as "\\". Streams of one job share a directory, so
// a poll for one job never reads the names of all the others.
namespace clary::meta {
namespace fs = std::filesystem;
namespace {

constexpr size_t kMaxMessage = 256 * 1024;
constexpr size_t kMaxRecord = 2 * kMaxMessage + 32;  // escapes may double a message
constexpr std::string_view kSuffix = ".log";
constexpr std::string_view kNoFirstPart = "%";  // directory of streams without '/'

// A name as one path component that is never "", "." or "..".
std::string Encode(std::string_view name) {
  std::string out = UriEncode(name);
  if (out.starts_with('.')) out.replace(0, 1, "%2E");
  return out;
}

Result<fs::path> StreamPath(const fs::path& root, std::string_view group, std::string_view stream) {
  const size_t slash = stream.find('/');
  const bool parts = slash != std::string_view::npos;
  const std::string_view first = parts ? stream.substr(0, slash) : std::string_view();
  const std::string_view rest = parts ? stream.substr(slash + 1) : stream;
  const std::string directory = parts ? Encode(first) : std::string(kNoFirstPart);
  const std::string file = Encode(rest) + std::string(kSuffix);
  if (group.empty() || rest.empty() || directory.empty() || directory.size() > 255 ||
      file.size() > 255 || Encode(group).size() > 255) {
    return Fail(Code::kInvalidArgument, "BadName",
                "log group and stream names must not be empty and their parts not longer than 255 "
                "encoded bytes");
  }
  return root / Encode(group) / directory / file;
}

// What stands between a record's time and its message.
constexpr char kPlain = ' ';
constexpr char kEscaped = '+';
bool IsMark(char c) { return c == kPlain || c == kEscaped; }

std::string Unescape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '\\' && i + 1 < text.size();
    if (escape) ++i;
    out += escape && text[i] == 'n' ? '\n' : text[i];
  }
  return out;
}

// The record that `line` (without its line end) is, or nullopt for bytes that are none.
std::optional<LogEventRecord> Parse(std::string_view line) {
  LogEventRecord record;
  const char* end = line.data() + line.size();
  const auto [p, ec] = std::from_chars(line.data(), end, record.timestamp_ms);
  if (ec != std::errc() || p == end || !IsMark(*p) || record.timestamp_ms < 0) return std::nullopt;
  record.message.assign(p + 1, end);
  if (*p == kEscaped) record.message = Unescape(record.message);
  return record;
}

// The bytes of records as LogStore::Put() writes them.
std::string VerbatimBytes(std::span<const LogEventRecord> events) {
  std::string bytes;
  for (const LogEventRecord& event : events) {
    bytes += std::to_string(event.timestamp_ms);
    if (event.message.contains('\n')) {
      bytes += kEscaped;
      for (const char c : event.message) {
        if (c == '\n') {
          bytes += "\\n";
        } else if (c == '\\') {
          bytes += "\\\\";
        } else {
          bytes += c;
        }
      }
    } else {
      bytes.append(1, kPlain).append(event.message);
    }
    bytes += '\n';
  }
  return bytes;
}

Result<std::string> ReadAt(int fd, uint64_t begin, uint64_t end) {
  std::string out(end - begin, '\0');
  size_t filled = 0;
  while (filled < out.size()) {
    const ssize_t n =
        ::pread(fd, out.data() + filled, out.size() - filled, static_cast<off_t>(begin + filled));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::unexpected(ErrnoError(errno, "reading a log stream"));
    if (n == 0) break;
    filled += static_cast<size_t>(n);
  }
  out.resize(filled);
  return out;
}

Result<uint64_t> FileSize(int fd) {
  struct stat st{};
  if (::fstat(fd, &st) != 0) return std::unexpected(ErrnoError(errno, "log stream"));
  return static_cast<uint64_t>(st.st_size);
}

// The first record that begins at or after a position.
struct Found {
  uint64_t begin = 0;
  int64_t timestamp_ms = 0;
};

// One opened stream, as long as it was when opened, up to its last whole record.
class View {
 public:
  static Result<View> Open(const fs::path& path) {
    CLARY_TRY(Fd fd, OpenFile(path, O_RDONLY));
    CLARY_TRY(const uint64_t size, FileSize(fd.get()));
    View view(std::move(fd));
    CLARY_TRY(view.end_, view.LineStart(size));
    return view;
  }

  int fd() const { return fd_.get(); }
  uint64_t end() const { return end_; }

  // The greatest position <= `at` at which a line begins.
  Result<uint64_t> LineStart(uint64_t at) const {
    uint64_t block = 512;
    for (uint64_t high = at; high > 0; block = 64 * 1024) {
      const uint64_t low = high - std::min(high, block);
      CLARY_TRY(const std::string bytes, ReadAt(fd_.get(), low, high));
      if (const size_t lf = bytes.rfind('\n'); lf != std::string::npos) return low + lf + 1;
      high = low;
    }
    return 0;
  }

  // The first parseable record of a line that begins in [at, end()), `at` being a line's begin.
  Result<std::optional<Found>> FirstRecord(uint64_t at) const {
    while (at < end_) {
      CLARY_TRY(const std::string head, ReadAt(fd_.get(), at, std::min(end_, at + 32)));
      int64_t ms = 0;
      const auto [p, ec] = std::from_chars(head.data(), head.data() + head.size(), ms);
      if (ec == std::errc() && p != head.data() + head.size() && IsMark(*p)) {
        return Found{.begin = at, .timestamp_ms = ms};
      }
      CLARY_TRY(at, NextLine(at));
    }
    return std::nullopt;
  }

  // The begin of the first line after position `at`, or end().
  Result<uint64_t> NextLine(uint64_t at) const {
    uint64_t block = 512;
    while (at < end_) {
      const uint64_t high = std::min(end_, at + block);
      CLARY_TRY(const std::string bytes, ReadAt(fd_.get(), at, high));
      if (const size_t lf = bytes.find('\n'); lf != std::string::npos) return at + lf + 1;
      at = high;
      block = 64 * 1024;
    }
    return end_;
  }

  // The begin of the first record with timestamp >= `ms`, or end(). Timestamps never decrease.
  Result<uint64_t> LowerBound(int64_t ms) const {
    uint64_t low = 0;      // every record that begins before it is earlier
    uint64_t high = end_;  // a line's begin, or the end; the record there is not earlier
    while (low < high) {
      CLARY_TRY(const uint64_t middle, LineStart(low + (high - low) / 2));
      CLARY_TRY(const auto found, FirstRecord(middle));
      if (!found || found->begin >= high || found->timestamp_ms >= ms) {
        high = middle;
        continue;
      }
      CLARY_TRY(low, NextLine(found->begin));
    }
    return high;
  }

 private:
  explicit View(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
  uint64_t end_ = 0;
};

Error NamedError(Error e, std::string_view what, const std::string& name) {
  if (e.code != Code::kNotFound) return e;
  return {Code::kNotFound, std::string(what),
          "the log " + std::string(what == "NoSuchGroup" ? "group '" : "stream '") + name +
              "' does not exist"};
}

Result<LogStreamInfo> Describe(const fs::path& path, std::string name) {
  CLARY_TRY(const View view, View::Open(path));
  LogStreamInfo info{.name = std::move(name), .bytes = view.end()};
  CLARY_TRY(const auto first, view.FirstRecord(0));
  if (!first) return info;
  info.first_event_ms = info.last_event_ms = first->timestamp_ms;
  for (uint64_t at = view.end(); at > 0;) {
    CLARY_TRY(at, view.LineStart(at - 1));
    CLARY_TRY(const auto last, view.FirstRecord(at));
    if (!last) continue;
    info.last_event_ms = last->timestamp_ms;
    break;
  }
  return info;
}

}  // namespace

Result<LogWriter> LogWriter::Open(const fs::path& root, const std::string& group,
                                  const std::string& stream) {
  CLARY_TRY(const fs::path path, StreamPath(root, group, stream));
  CLARY_CHECK_OK(MakeDirectories(path.parent_path()));
  CLARY_TRY(Fd fd, OpenFile(path, O_RDWR | O_CREAT | O_APPEND));
  CLARY_TRY(const uint64_t size, FileSize(fd.get()));
  int64_t last_ms = 0;
  CLARY_TRY(const View view, View::Open(path));
  if (view.end() != size && ::ftruncate(fd.get(), static_cast<off_t>(view.end())) != 0) {
    return std::unexpected(ErrnoError(errno, path.string()));
  }
  if (size > 0) {
    CLARY_TRY(const LogStreamInfo info, Describe(path, stream));
    last_ms = info.last_event_ms;
  }
  return LogWriter(std::move(fd), last_ms);
}

Status LogWriter::Append(const std::vector<LogEventRecord>& events) {
  std::string bytes;
  for (const LogEventRecord& event : events) {
    last_ms_ = std::max(last_ms_, event.timestamp_ms);
    const std::string stamp = std::to_string(last_ms_) + " ";
    std::string escaped;
    std::string_view rest = event.message;
    if (rest.find_first_of("\t\n") != std::string_view::npos) {
      for (const char c : rest) {
        if (c == '\t') {
          escaped += "#011";
        } else if (c == '\n') {
          escaped += "#012";
        } else {
          escaped += c;
        }
      }
      rest = escaped;
    }
    do {
      size_t n = std::min(rest.size(), kMaxMessage);
      // Do not cut a UTF-8 character in two.
      if (n < rest.size()) {
        for (int i = 0; i < 3 && (static_cast<unsigned char>(rest[n]) & 0xC0) == 0x80; ++i) --n;
      }
      bytes.append(stamp).append(rest.substr(0, n)).push_back('\n');
      rest.remove_prefix(n);
    } while (!rest.empty());
  }
  return WriteAll(fd_.get(), bytes);
}

Result<std::vector<std::string>> LogStore::Groups(const std::string& prefix) const {
  std::vector<std::string> groups;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(root_, ec)) {
    auto name = UriDecode(entry.path().filename().string());
    if (name && name->starts_with(prefix)) groups.push_back(*std::move(name));
  }
  std::ranges::sort(groups);
  return groups;
}

Result<std::vector<LogStreamInfo>> LogStore::Streams(const std::string& group,
                                                     const std::string& prefix) const {
  const fs::path directory = root_ / Encode(group);
  std::error_code ec;
  if (group.empty() || !fs::is_directory(directory, ec)) {
    return std::unexpected(NamedError({.code = Code::kNotFound}, "NoSuchGroup", group));
  }
  std::vector<LogStreamInfo> streams;
  const auto add = [&](const fs::path& part) -> Status {
    const std::string encoded = part.filename().string();
    std::string first;
    if (encoded != kNoFirstPart) {
      const auto decoded = UriDecode(encoded);
      if (!decoded) return {};  // not ours
      first = *decoded + "/";
    }
    const size_t shared = std::min(first.size(), prefix.size());
    if (first.substr(0, shared) != prefix.substr(0, shared)) return {};
    std::error_code no_directory;
    for (const auto& entry : fs::directory_iterator(part, no_directory)) {
      const std::string file = entry.path().filename().string();
      if (!file.ends_with(kSuffix)) continue;
      const auto rest = UriDecode(std::string_view(file).substr(0, file.size() - kSuffix.size()));
      if (!rest) continue;
      std::string name = first + *rest;
      if (!name.starts_with(prefix)) continue;
      auto info = Describe(entry.path(), std::move(name));
      if (!info && info.error().code == Code::kNotFound) continue;  // removed meanwhile
      if (!info) return std::unexpected(std::move(info).error());
      streams.push_back(*std::move(info));
    }
    return {};
  };
  if (const size_t slash = prefix.find('/'); slash != std::string::npos && slash > 0) {
    CLARY_CHECK_OK(add(directory / Encode(std::string_view(prefix).substr(0, slash))));
  } else {
    for (const auto& part : fs::directory_iterator(directory, ec)) CLARY_CHECK_OK(add(part.path()));
  }
  std::ranges::sort(streams, {}, &LogStreamInfo::name);
  return streams;
}

Status LogStore::Remove(const std::string& group, const std::string& first) const {
  if (group.empty() || first.empty()) {
    return Fail(Code::kInvalidArgument, "BadName", "a group and the first part of a stream");
  }
  return RemoveTree(root_ / Encode(group) / Encode(first));
}

bool LogStore::HasGroup(const std::string& group) const {
  std::error_code ec;
  return !group.empty() && fs::is_directory(root_ / Encode(group), ec);
}

bool LogStore::HasStream(const std::string& group, const std::string& stream) const {
  const auto path = StreamPath(root_, group, stream);
  std::error_code ec;
  return path && fs::is_regular_file(*path, ec);
}

Status LogStore::CreateGroup(const std::string& group) const {
  CLARY_CHECK_OK(StreamPath(root_, group, "any"));
  CLARY_CHECK_OK(MakeDirectories(root_ / Encode(group)));
  return SyncDirectory(root_);
}

Status LogStore::CreateStream(const std::string& group, const std::string& stream) const {
  CLARY_CHECK_OK(LogWriter::Open(root_, group, stream));
  CLARY_TRY(const fs::path path, StreamPath(root_, group, stream));
  CLARY_CHECK_OK(SyncDirectory(path.parent_path()));
  return SyncDirectory(path.parent_path().parent_path());
}

Status LogStore::RemoveGroup(const std::string& group) const {
  if (group.empty()) return Fail(Code::kInvalidArgument, "BadName", "a group has a name");
  return RemoveTree(root_ / Encode(group));
}

Status LogStore::RemoveStream(const std::string& group, const std::string& stream) const {
  CLARY_TRY(const fs::path path, StreamPath(root_, group, stream));
  std::error_code ec;
  fs::remove(path, ec);
  if (ec) return std::unexpected(ErrnoError(ec.value(), path.string()));
  return SyncDirectory(path.parent_path());
}

namespace {

// Waits until no other process writes to streams of users in the group of the stream at `path`. The
// lock goes with the descriptor; where there is no group there is nothing to lock.
Fd LockGroup(const fs::path& path) {
  auto fd = OpenFile(path.parent_path().parent_path(), O_RDONLY | O_DIRECTORY);
  if (!fd) return Fd();
  while (::flock(fd->get(), LOCK_EX) != 0 && errno == EINTR) {
  }
  return *std::move(fd);
}

// Replaces a stream by its bytes [begin, end) and then `tail`.
Status Rewrite(const fs::path& path, const View& view, uint64_t begin, uint64_t end,
               std::string_view tail) {
  const fs::path fresh = path.string() + ".new";
  CLARY_TRY(const Fd fd, OpenFile(fresh, O_WRONLY | O_CREAT | O_TRUNC));
  const auto write = [&]() -> Status {
    for (uint64_t at = begin; at < end;) {
      CLARY_TRY(const std::string bytes, ReadAt(view.fd(), at, std::min(end, at + (1 << 20))));
      CLARY_CHECK_OK(WriteAll(fd.get(), bytes));
      at += bytes.size();
    }
    CLARY_CHECK_OK(WriteAll(fd.get(), tail));
    CLARY_CHECK_OK(SyncFile(fd.get()));
    std::error_code ec;
    fs::rename(fresh, path, ec);
    if (ec) return std::unexpected(ErrnoError(ec.value(), path.string()));
    return SyncDirectory(path.parent_path());
  };
  Status done = write();
  if (!done) {
    std::error_code ignored;
    fs::remove(fresh, ignored);
  }
  return done;
}

// Appends to a stream, or leaves it as it was.
Status AppendBytes(const fs::path& path, const View& view, std::string_view bytes) {
  CLARY_TRY(const Fd fd, OpenFile(path, O_WRONLY | O_APPEND));
  const auto whole = static_cast<off_t>(view.end());  // without a record that a crash has torn
  if (::ftruncate(fd.get(), whole) != 0) return std::unexpected(ErrnoError(errno, path.string()));
  Status written = WriteAll(fd.get(), bytes);
  if (written) written = SyncFile(fd.get());
  if (!written) (void)::ftruncate(fd.get(), whole);
  return written;
}

}  // namespace

Status LogStore::Put(const std::string& group, const std::string& stream,
                     const std::vector<LogEventRecord>& events) const {
  CLARY_TRY(const fs::path path, StreamPath(root_, group, stream));
  const auto alone = LockGroup(path);
  auto opened = View::Open(path);
  if (!opened) {
    return std::unexpected(NamedError(std::move(opened).error(), "NoSuchStream", stream));
  }
  if (events.empty()) return {};
  const View& view = *opened;
  CLARY_TRY(uint64_t at, view.LowerBound(events.front().timestamp_ms + 1));
  if (at == view.end()) return AppendBytes(path, view, VerbatimBytes(events));
  const uint64_t begin = at;
  CLARY_TRY(const std::string later, ReadAt(view.fd(), begin, view.end()));
  std::string tail;
  std::string_view rest = later;
  for (const LogEventRecord& event : events) {
    while (!rest.empty()) {
      const std::string_view line = rest.substr(0, rest.find('\n') + 1);
      const auto record = Parse(line.substr(0, line.size() - 1));
      if (record && record->timestamp_ms > event.timestamp_ms) break;
      tail += line;
      rest.remove_prefix(line.size());
    }
    tail += VerbatimBytes({&event, 1});
  }
  tail += rest;
  return Rewrite(path, view, 0, begin, tail);
}

Status LogStore::Trim(const std::string& group, const std::string& stream,
                      int64_t before_ms) const {
  CLARY_TRY(const fs::path path, StreamPath(root_, group, stream));
  const auto alone = LockGroup(path);
  auto opened = View::Open(path);
  if (!opened) {
    return std::unexpected(NamedError(std::move(opened).error(), "NoSuchStream", stream));
  }
  CLARY_TRY(const uint64_t keep, opened->LowerBound(before_ms));
  if (keep == 0) return {};
  return Rewrite(path, *opened, keep, opened->end(), "");
}

Result<LogPage> LogStore::Read(const std::string& group, const std::string& stream,
                               const ReadOptions& options) const {
  CLARY_TRY(const fs::path path, StreamPath(root_, group, stream));
  auto opened = View::Open(path);
  if (!opened) {
    return std::unexpected(NamedError(std::move(opened).error(), "NoSuchStream", stream));
  }
  const View& view = *opened;

  // Records wanted are those that begin in [low, high).
  uint64_t low = 0;
  uint64_t high = view.end();
  if (options.backward) {
    if (options.position < high) {
      CLARY_TRY(high, view.LineStart(options.position));
    }
  } else {
    if (options.position > view.end()) {
      return Fail(Code::kInvalidArgument, "BadPosition",
                  "position " + std::to_string(options.position) + " is beyond the end (" +
                      std::to_string(view.end()) + ") of log stream '" + stream + "'");
    }
    CLARY_TRY(low, view.LineStart(options.position));
    if (low != options.position) {
      CLARY_TRY(low, view.NextLine(options.position));
    }
  }
  if (options.start_ms > 0) {
    CLARY_TRY(const uint64_t bound, view.LowerBound(options.start_ms));
    low = std::max(low, bound);
  }
  if (options.end_ms != INT64_MAX) {
    CLARY_TRY(const uint64_t bound, view.LowerBound(options.end_ms));
    high = std::min(high, bound);
  }

  LogPage page;
  page.next = options.backward ? high : low;
  page.previous = page.next;
  if (low >= high || options.max_events == 0) return page;

  // One record may be longer than max_bytes, so at least the longest record is read.
  const uint64_t window = std::max<uint64_t>(options.max_bytes, kMaxRecord);
  uint64_t begin = low;
  uint64_t end = high;
  if (options.backward && high - low > window) {
    CLARY_TRY(begin, view.NextLine(high - window));
  } else if (!options.backward && high - low > window) {
    CLARY_TRY(end, view.LineStart(low + window));
  }
  CLARY_TRY(const std::string bytes, ReadAt(view.fd(), begin, end));
  std::string_view rest = bytes;
  const auto take = [&](std::string_view line, uint64_t position) {
    auto record = Parse(line);
    if (!record) return;
    record->position = position;
    page.events.push_back(*std::move(record));
  };
  uint64_t used = 0;
  const auto full = [&] {
    return page.events.size() >= options.max_events ||
           (used >= options.max_bytes && !page.events.empty());
  };
  if (options.backward) {
    while (!rest.empty() && !full()) {
      const size_t lf = rest.substr(0, rest.size() - 1).rfind('\n');
      const size_t start = lf == std::string_view::npos ? 0 : lf + 1;
      take(rest.substr(start, rest.size() - 1 - start), begin + start);
      used += rest.size() - start;
      rest = rest.substr(0, start);
    }
    std::ranges::reverse(page.events);
    page.previous = begin + rest.size();
  } else {
    while (!rest.empty() && !full()) {
      const size_t lf = rest.find('\n');
      if (lf == std::string_view::npos) break;
      take(rest.substr(0, lf), begin + used);
      used += lf + 1;
      rest.remove_prefix(lf + 1);
    }
    page.next = begin + used;
  }
  return page;
}

}  // namespace clary::meta
