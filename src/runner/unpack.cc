#include "runner/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/strings.h"
#include "base/utf8_names.h"

namespace clary::runner {
namespace {

namespace fs = std::filesystem;

// What libarchive pulls from.
struct Pull {
  ByteSource& source;
  std::vector<char> buffer = std::vector<char>(1 << 16);
  std::optional<Error> error;
};

la_ssize_t ReadFrom(archive*, void* self, const void** bytes) {
  auto& pull = *static_cast<Pull*>(self);
  auto got = pull.source.Read(pull.buffer);
  if (!got) {
    pull.error = std::move(got).error();
    return -1;
  }
  *bytes = pull.buffer.data();
  return static_cast<la_ssize_t>(*got);
}

std::unexpected<Error> BadArchive(std::string_view what) {
  return Fail(Code::kInvalidArgument, "BadArchive", std::string(what));
}

// The member's path below the directory; empty for the directory itself.
Result<std::string> SafePath(const char* name) {
  const std::string_view path = name != nullptr ? name : "";
  if (path.empty() || path.starts_with('/')) {
    return BadArchive("'" + std::string(path) + "' is no path for a file of an archive");
  }
  std::string out;
  for (const std::string_view part : Split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") return BadArchive("'" + std::string(path) + "' leaves the archive's folder");
    if (!out.empty()) out += '/';
    out += part;
  }
  return out;
}

class TarReader {
 public:
  explicit TarReader(ByteSource& source)
      : pull_{source}, archive_(::archive_read_new(), &::archive_read_free) {
    ::archive_read_support_filter_gzip(archive_.get());
    ::archive_read_support_format_tar(archive_.get());
  }

  Status Open() {
    if (::archive_read_open(archive_.get(), &pull_, nullptr, ReadFrom, nullptr) != ARCHIVE_OK) {
      return Broken();
    }
    return {};
  }

  // The next member; nullptr at the end.
  Result<archive_entry*> Next() {
    archive_entry* entry = nullptr;
    const int code = ::archive_read_next_header(archive_.get(), &entry);
    if (code == ARCHIVE_EOF) return nullptr;
    if (code != ARCHIVE_OK && code != ARCHIVE_WARN) return std::unexpected(Broken().error());
    return entry;
  }

  // The member's bytes; empty at the end. Valid until the next call.
  Result<std::string_view> Bytes() {
    const void* bytes = nullptr;
    size_t size = 0;
    la_int64_t offset = 0;
    const int code = ::archive_read_data_block(archive_.get(), &bytes, &size, &offset);
    if (code == ARCHIVE_EOF) return std::string_view();
    if (code != ARCHIVE_OK) return std::unexpected(Broken().error());
    if (offset != written_) return BadArchive("the archive has a file with holes");
    written_ += static_cast<la_int64_t>(size);
    return std::string_view(static_cast<const char*>(bytes), size);
  }
  void StartMember() { written_ = 0; }

 private:
  Status Broken() {
    if (pull_.error) return std::unexpected(*pull_.error);
    const char* text = ::archive_error_string(archive_.get());
    return BadArchive(std::string("it is no .tar.gz, or a damaged one: ") +
                      (text != nullptr ? text : "unknown error"));
  }

  Pull pull_;
  std::unique_ptr<archive, int (*)(archive*)> archive_;
  la_int64_t written_ = 0;
};

}  // namespace

Result<Unpacked> UnpackTar(ByteSource& source, const fs::path& directory,
                           const UnpackLimits& limits) {
  const Utf8Names utf8;
  TarReader reader(source);
  CLARY_CHECK_OK(reader.Open());
  Unpacked out;
  for (size_t members = 0;; ++members) {
    CLARY_TRY(archive_entry* const entry, reader.Next());
    if (entry == nullptr) break;
    if (members == limits.members) {
      return Fail(Code::kResourceExhausted, "TooLarge",
                  "the archive has more than " + std::to_string(limits.members) + " members");
    }
    CLARY_TRY(const std::string path, SafePath(::archive_entry_pathname(entry)));
    const bool link = ::archive_entry_hardlink(entry) != nullptr;
    const auto type = ::archive_entry_filetype(entry);
    if (type == AE_IFDIR && !link) {
      if (!path.empty()) CLARY_CHECK_OK(MakeDirectories(directory / path));
      continue;
    }
    if (type != AE_IFREG || link || path.empty()) {
      return BadArchive("'" + path +
                        "' is a link or a special file, which an archive must not have");
    }
    const fs::path to = directory / path;
    CLARY_CHECK_OK(MakeDirectories(to.parent_path()));
    const int mode = (::archive_entry_perm(entry) & 0100) != 0 ? 0755 : 0644;
    CLARY_TRY(const Fd fd, OpenFile(to, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode));
    reader.StartMember();
    for (;;) {
      CLARY_TRY(const std::string_view bytes, reader.Bytes());
      if (bytes.empty()) break;
      out.bytes += bytes.size();
      if (out.bytes > limits.bytes) {
        return Fail(Code::kResourceExhausted, "TooLarge",
                    "the archive holds more than " + std::to_string(limits.bytes) + " bytes");
      }
      CLARY_CHECK_OK(WriteAll(fd.get(), bytes));
    }
    ++out.files;
  }
  return out;
}

}  // namespace clary::runner
