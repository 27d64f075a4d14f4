#include "model_file.h"

#include <archive.h>
#include <archive_entry.h>

#include <memory>
#include <string_view>
#include <utility>

#include "base/file.h"

namespace clary::cli {
namespace {

constexpr size_t kMaxModelBytes = size_t{1} << 31;
constexpr std::string_view kModelName = "xgboost-model";

struct FreeArchive {
  void operator()(archive* a) const { archive_read_free(a); }
};

std::unexpected<Error> BadArchive(const std::filesystem::path& path, archive* a) {
  const char* why = archive_error_string(a);
  return Fail(Code::kDataLoss, "BadArchive",
              path.string() + " is a damaged archive: " + (why != nullptr ? why : "unknown"));
}

Result<std::string> ReadMember(const std::filesystem::path& path, archive* a) {
  std::string bytes;
  char buffer[1 << 16];
  for (;;) {
    const la_ssize_t n = archive_read_data(a, buffer, sizeof buffer);
    if (n == 0) return bytes;
    if (n < 0) return BadArchive(path, a);
    bytes.append(buffer, static_cast<size_t>(n));
    if (bytes.size() > kMaxModelBytes) {
      return Fail(Code::kResourceExhausted, "TooLarge", path.string() + " holds more than 2 GiB");
    }
  }
}

// Nothing is written anywhere: members are read in memory, by name.
Result<std::string> ReadFromArchive(const std::filesystem::path& path) {
  const std::unique_ptr<archive, FreeArchive> a(archive_read_new());
  if (a == nullptr) return Fail(Code::kInternal, "Archive", "out of memory");
  archive_read_support_filter_gzip(a.get());
  archive_read_support_format_tar(a.get());
  if (archive_read_open_filename(a.get(), path.c_str(), 1 << 16) != ARCHIVE_OK) {
    return BadArchive(path, a.get());
  }
  std::string model;
  int models = 0;
  archive_entry* entry = nullptr;
  for (;;) {
    const int status = archive_read_next_header(a.get(), &entry);
    if (status == ARCHIVE_EOF) break;
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN) return BadArchive(path, a.get());
    const char* full = archive_entry_pathname(entry);
    std::string_view name = full != nullptr ? full : "";
    name.remove_prefix(name.rfind('/') + 1);
    if (archive_entry_filetype(entry) != AE_IFREG || !name.starts_with(kModelName)) continue;
    if (++models > 1) {
      return Fail(Code::kInvalidArgument, "NoModel",
                  path.string() +
                      " holds the models of a cross validation, one a fold: unpack it and name "
                      "one, or train without _kfold");
    }
    CLARY_TRY(model, ReadMember(path, a.get()));
  }
  if (models == 0) {
    return Fail(Code::kInvalidArgument, "NoModel", path.string() + " holds no xgboost-model");
  }
  return model;
}

}  // namespace

Result<std::string> ReadModelFile(const std::filesystem::path& path) {
  CLARY_TRY(std::string bytes, ReadFile(path, kMaxModelBytes));
  if (!bytes.starts_with("\x1f\x8b")) return bytes;
  return ReadFromArchive(path);
}

}  // namespace clary::cli
