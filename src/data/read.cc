#include "data/read.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <system_error>

#include "base/strings.h"
#include "data/internal/readers.h"

namespace clary::data {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxDepth = 3;  // folders below the channel's own

struct TypeName {
  std::string_view name;
  ContentType type;
};
constexpr std::array kTypeNames = {
    TypeName{"csv", ContentType::kCsv},
    TypeName{"text/csv", ContentType::kCsv},
    TypeName{"libsvm", ContentType::kLibsvm},
    TypeName{"text/libsvm", ContentType::kLibsvm},
    TypeName{"text/x-libsvm", ContentType::kLibsvm},
    TypeName{"parquet", ContentType::kParquet},
    TypeName{"application/x-parquet", ContentType::kParquet},
    TypeName{"recordio-protobuf", ContentType::kRecordIo},
    TypeName{"application/x-recordio-protobuf", ContentType::kRecordIo},
};

Status Collect(const fs::path& dir, int depth, ChannelFiles& out) {
  std::error_code ec;
  std::vector<fs::directory_entry> entries;
  for (fs::directory_iterator it(dir, ec), end; !ec && it != end; it.increment(ec)) {
    entries.push_back(*it);
  }
  if (ec) return std::unexpected(ErrnoError(ec.value(), "listing " + dir.string()));
  std::sort(entries.begin(), entries.end());
  for (const fs::directory_entry& entry : entries) {
    const std::string name = entry.path().filename().string();
    if (entry.is_directory(ec)) {
      if (depth == kMaxDepth) {
        out.warnings.push_back(fmt::format(
            "The depth of folder {} exceed the limit {}. Files in deeper sub dirs won't be loaded. "
            "Please adjust the folder structure accordingly.",
            entry.path().string(), kMaxDepth));
      } else {
        CLARY_CHECK_OK(Collect(entry.path(), depth + 1, out));
      }
      continue;
    }
    if (name.starts_with('.')) {
      return Fail(Code::kInvalidArgument, "HiddenFile",
                  fmt::format("Hidden file found in the data path! Remove that before training. "
                              "The file is {}",
                              entry.path().string()));
    }
    if (name.starts_with('_')) continue;
    if (entry.is_regular_file(ec) && entry.file_size(ec) == 0 && !ec) continue;
    out.files.push_back(entry.path());
  }
  return {};
}

}  // namespace

std::string_view ContentTypeName(ContentType type) {
  switch (type) {
    case ContentType::kCsv:
      return "csv";
    case ContentType::kLibsvm:
      return "libsvm";
    case ContentType::kParquet:
      return "parquet";
    case ContentType::kRecordIo:
      return "recordio-protobuf";
  }
  return "";
}

Result<ContentType> ParseContentType(std::string_view text) {
  if (Trim(text).empty()) return ContentType::kLibsvm;
  const std::string lower = ToLower(text);
  const std::vector<std::string_view> parts = Split(lower, ';');
  const auto found = std::find_if(kTypeNames.begin(), kTypeNames.end(),
                                  [&](const TypeName& t) { return t.name == Trim(parts.front()); });
  if (found == kTypeNames.end()) {
    return Fail(Code::kInvalidArgument, "BadContentType",
                fmt::format("{} is not an accepted ContentType: csv, libsvm, parquet, "
                            "recordio-protobuf, text/csv, text/libsvm, text/x-libsvm, "
                            "application/x-parquet, application/x-recordio-protobuf.",
                            text));
  }
  if (found->type == ContentType::kCsv) {
    for (size_t i = 1; i < parts.size(); ++i) {
      const std::string_view part = Trim(parts[i]);
      const size_t eq = part.find('=');
      if (Trim(part.substr(0, eq)) != "label_size") continue;
      std::string_view value = eq == part.npos ? part : Trim(part.substr(eq + 1));
      if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
        value = value.substr(1, value.size() - 2);
      }
      if (eq == part.npos || value != "1") {
        return Fail(Code::kInvalidArgument, "BadContentType",
                    fmt::format("{} is not an accepted csv ContentType. Optional parameter "
                                "label_size must be equal to 1",
                                text));
      }
    }
  }
  return found->type;
}

Result<ChannelFiles> CollectFiles(const fs::path& dir) {
  std::error_code ec;
  ChannelFiles out;
  const fs::file_status status = fs::status(dir, ec);
  if (!fs::exists(status)) return out;
  if (fs::is_directory(status)) {
    CLARY_CHECK_OK(Collect(dir, 0, out));
  } else {
    out.files.push_back(dir);
  }
  return out;
}

Result<Matrix> ReadFiles(const std::vector<fs::path>& files, const ReadOptions& options) {
  switch (options.type) {
    case ContentType::kCsv:
      return internal::ReadCsv(files, options);
    case ContentType::kLibsvm:
      return internal::ReadLibsvm(files, options);
    case ContentType::kRecordIo:
      return internal::ReadRecordIo(files, options);
    case ContentType::kParquet:
      return internal::ReadParquet(files, options);
  }
  return Fail(Code::kInternal, "ContentType", "no such content type");
}

}  // namespace clary::data
