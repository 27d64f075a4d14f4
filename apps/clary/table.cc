#include "table.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/file.h"
#include "base/hash.h"
#include "base/stream.h"
#include "base/strings.h"
#include "clary/s3.h"
#include "data/read.h"

namespace clary::cli {
namespace {

namespace fs = std::filesystem;

// Of columns that are told one by one; more are summed up.
constexpr size_t kMaxLines = 40;

// The table's files at `path`, a file or a directory of them.
Result<std::vector<fs::path>> FilesAt(const std::string& path, const char* option) {
  if (path.starts_with("s3://")) {
    return Usage(
        fmt::format("--label reads local files, and {} is {}: fetch it first\n"
                    "  clary s3 cp --recursive {} data/",
                    option, path, path));
  }
  std::error_code ec;
  const auto status = fs::status(path, ec);
  if (!fs::exists(status)) return Fail(Code::kNotFound, "NoSuchFile", "there is no file " + path);
  if (!fs::is_directory(status) && !fs::is_regular_file(status)) {
    return Usage(
        fmt::format("{} {}: --label reads a table twice, so it must be a file", option, path));
  }
  CLARY_TRY(auto found, data::CollectFiles(path));
  if (found.files.empty()) return Usage(fmt::format("{} {} has no data", option, path));
  return std::move(found.files);
}

// The format of a table's files: as said, or by the ending of the first.
Result<data::ContentType> TypeOf(const std::vector<fs::path>& files, const std::string& said) {
  if (said.empty()) {
    return files.front().extension() == ".parquet" ? data::ContentType::kParquet
                                                   : data::ContentType::kCsv;
  }
  CLARY_TRY(const auto type, data::ParseContentType(said));
  if (type != data::ContentType::kCsv && type != data::ContentType::kParquet) {
    return Usage("--content-type " + said +
                 " has no names of columns for --label; csv and parquet have");
  }
  return type;
}

std::string Percent(uint64_t part, uint64_t whole) {
  return fmt::format("{:.1f} %", 100 * static_cast<double>(part) / static_cast<double>(whole));
}

// 'a', 'b', 'c' ... of a list, as far as a line goes.
std::string Some(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    if (text.size() > 40) return text + ", ...";
    text += fmt::format("{}'{}'", text.empty() ? "" : ", ", word.substr(0, 30));
  }
  return text;
}

// Writes one channel: its rows, and behind them what its columns are, so that whoever finds the
// second finds all.
Result<std::string> Store(
    const Session& session, const std::string& key, const data::Columns& columns,
    const std::function<Status(const std::function<Status(std::string_view)>&)>& write) {
  CLARY_TRY(const auto bucket, session.default_bucket());
  const S3Uri channel{.bucket = bucket, .key = key};
  const S3Uri mark = channel.join(data::kColumnsFile);
  CLARY_TRY(const auto there, session.s3().list(channel));
  const bool stored = std::ranges::any_of(
      there.objects, [&](const S3Object& object) { return object.key == mark.key; });
  if (stored) {
    CLARY_CHECK_OK(write([](std::string_view) { return Status(); }));
    return channel.str() + "/";
  }
  CLARY_TRY(const TempDir dir, TempDir::Make(fs::temp_directory_path()));
  const fs::path file = dir.path() / "data.csv";
  {
    CLARY_TRY(const Fd fd, OpenFile(file, O_WRONLY | O_CREAT | O_EXCL, 0600));
    CLARY_CHECK_OK(write([&](std::string_view part) { return WriteAll(fd.get(), part); }));
  }
  CLARY_CHECK_OK(session.s3().upload_file(file, channel.join("data.csv")));
  CLARY_CHECK_OK(session.s3().write(mark, data::ColumnsToJson(columns, data::Detail::kAll)));
  return channel.str() + "/";
}

// Names the channel of these files with these columns: other bytes, another name.
Result<std::string> KeyOf(const std::vector<fs::path>& files, const data::Columns& columns) {
  Hasher hasher(HashKind::kSha256);
  for (const fs::path& file : files) {
    CLARY_TRY(const std::string digest, DigestOf(file));
    hasher.Update(digest);
  }
  hasher.Update(data::ColumnsToJson(columns, data::Detail::kAll));
  return "clary/data/" + HexEncode(hasher.Finish()).substr(0, 32);
}

Status ChoosePositive(const std::string& positive, data::Columns& columns) {
  if (positive.empty()) return {};
  if (columns.classes.size() != 2) {
    return Usage(fmt::format(
        "--positive {}: label {} {}; only a label of two texts has a positive class", positive,
        columns.label,
        columns.classes.empty() ? "is a number"
                                : fmt::format("has {} classes", columns.classes.size())));
  }
  const auto found = std::ranges::find(columns.classes, positive);
  if (found == columns.classes.end()) {
    return Usage(fmt::format("--positive {}: label {} is '{}' or '{}'", positive, columns.label,
                             columns.classes[0], columns.classes[1]));
  }
  if (found == columns.classes.begin()) {
    std::swap(columns.classes[0], columns.classes[1]);
    std::swap(columns.class_counts[0], columns.class_counts[1]);
  }
  return {};
}

}  // namespace

std::string ContentTypeOf(const std::string& path) {
  for (const auto& [suffix, type] : {std::pair{".libsvm", "libsvm"},
                                     {".svm", "libsvm"},
                                     {".parquet", "application/x-parquet"},
                                     {".pbr", "application/x-recordio-protobuf"},
                                     {".recordio", "application/x-recordio-protobuf"}}) {
    if (path.ends_with(suffix)) return type;
  }
  return "csv";
}

Result<std::string> DigestOf(const fs::path& path) {
  CLARY_TRY(auto fd, OpenFile(path, O_RDONLY));
  std::error_code ec;
  const auto size = fs::file_size(path, ec);
  if (ec) {
    return Fail(Code::kInvalidArgument, "NotAFile", path.string() + ": " + ec.message());
  }
  const auto source = NewFileSource(std::move(fd), 0, size);
  Hasher hasher(HashKind::kSha256);
  std::array<char, 1 << 16> buffer;
  for (;;) {
    CLARY_TRY(const size_t n, source->Read(buffer));
    if (n == 0) return HexEncode(hasher.Finish());
    hasher.Update({buffer.data(), n});
  }
}

Result<TableFiles> FilesOfTable(const std::string& path, const std::string& content_type,
                                const char* option) {
  TableFiles out;
  CLARY_TRY(out.files, FilesAt(path, option));
  CLARY_TRY(out.type, TypeOf(out.files, content_type));
  return out;
}

Result<TrainTable> LookAtTable(const TableInput& input) {
  TrainTable out;
  CLARY_TRY(out.data, FilesOfTable(input.train, input.content_type, "--train"));
  if (!input.validation.empty()) {  // before the long look at the training files
    CLARY_TRY(out.held_out, FilesOfTable(input.validation, input.content_type, "--validation"));
  }
  auto table = data::ScanTable(out.data.files,
                               {.type = out.data.type, .label = input.label, .drop = input.drop});
  if (!table && table.error().reason == "NoColumn" && out.data.type == data::ContentType::kCsv) {
    const auto header = data::ReadHeader(out.data.files.front());
    if (header && header->empty()) {
      return Usage(fmt::format(
          "{} has no header: its first line is data, and --label {} names a column by it\n"
          "  add a first line with the columns' names; or put the label first, numbers alone, and "
          "leave --label out",
          out.data.files.front().string(), input.label));
    }
  }
  CLARY_TRY(out.table, std::move(table));
  CLARY_CHECK_OK(ChoosePositive(input.positive, out.table.columns));
  return out;
}

Result<TableChannels> UploadTable(const Session& session, const TrainTable& train) {
  TableChannels out;
  const data::Columns& columns = train.table.columns;
  const auto upload = [&](const TableFiles& from, data::WrittenTable& written,
                          std::string& start) -> Result<std::string> {
    CLARY_TRY(const std::string key, KeyOf(from.files, columns));
    return Store(
        session, key, columns, [&](const std::function<Status(std::string_view)>& write) -> Status {
          CLARY_TRY(written,
                    data::WriteTable(from.files, from.type, columns, [&](std::string_view part) {
                      if (!start.contains('\n')) start += part;
                      return write(part);
                    }));
          return {};
        });
  };
  std::string start;
  // The validation files first: what is wrong with them is known before anything large is stored.
  if (!train.held_out.files.empty()) {
    CLARY_TRY(out.validation, upload(train.held_out, out.held_out, start));
  }
  data::WrittenTable written;
  start.clear();
  CLARY_TRY(out.train, upload(train.data, written, start));
  const std::string_view line = std::string_view(start).substr(0, start.find('\n'));
  if (const size_t comma = line.find(','); comma != std::string_view::npos) {
    out.first_row = line.substr(comma + 1);
  }
  out.warnings = train.table.warnings;
  out.warnings.insert(out.warnings.end(), out.held_out.warnings.begin(),
                      out.held_out.warnings.end());
  return out;
}

std::vector<std::string> DescribeTable(const data::Columns& columns) {
  std::vector<std::string> lines;
  std::string label = fmt::format("{} row{}, label {}: ", columns.rows,
                                  columns.rows == 1 ? "" : "s", columns.label);
  if (columns.classes.empty()) {
    label += "a number";
  } else {
    for (size_t i = 0; i < columns.classes.size() && i < 10; ++i) {
      label += fmt::format("{}{} is '{}' ({})", i == 0 ? "" : ", ", i, columns.classes[i],
                           Percent(columns.class_counts[i], columns.rows));
    }
    if (columns.classes.size() == 2) {
      label += fmt::format("; predicted is the probability of '{}' (--positive chooses)",
                           columns.classes[1]);
    }
    if (columns.classes.size() > 10) label += fmt::format(", ... {}", columns.classes.size() - 1);
  }
  lines.push_back(std::move(label));
  size_t width = 0;
  for (const data::Column& c : columns.features) width = std::max(width, c.name.size());
  width = std::min<size_t>(width, 32);
  size_t told = 0;
  for (const data::Column& c : columns.features) {
    if (told++ == kMaxLines) break;
    std::string line = fmt::format("  {:<{}}  ", c.name, width);
    line += c.is_category ? fmt::format("category, {} text{}: {}", c.categories.size(),
                                        c.categories.size() == 1 ? "" : "s", Some(c.categories))
                          : "number";
    if (c.missing > 0) {
      line += fmt::format("; {} missing ({})", c.missing, Percent(c.missing, columns.rows));
    }
    lines.push_back(std::move(line));
  }
  if (columns.features.size() > kMaxLines) {
    size_t categories = 0;
    size_t missing = 0;
    const size_t rest = columns.features.size() - kMaxLines;
    for (size_t f = kMaxLines; f < columns.features.size(); ++f) {
      categories += columns.features[f].is_category ? 1 : 0;
      missing += columns.features[f].missing > 0 ? 1 : 0;
    }
    lines.push_back(
        fmt::format("  and {} columns more: {} of numbers, {} of texts; {} with missing values",
                    rest, rest - categories, categories, missing));
  }
  return lines;
}

Status ChooseObjective(const data::Columns& columns, Hyperparameters& values,
                       std::vector<std::string>& lines) {
  const size_t classes = columns.classes.size();
  if (classes == 1) {
    return Usage("label '" + columns.label + "' is '" + columns.classes[0] +
                 "' in every row: there is nothing to learn");
  }
  const std::string label =
      classes == 0 ? "a label of numbers" : "a label of " + std::to_string(classes) + " classes";
  const bool given = values.contains("objective");
  if (!given) {
    values.emplace("objective", classes == 0   ? "reg:squarederror"
                                : classes == 2 ? "binary:logistic"
                                               : "multi:softprob");
  }
  const std::string objective = values.at("objective").text();
  lines.push_back("objective " + objective +
                  (given ? "" : ", for " + label + " (--objective chooses another)"));
  if (classes == 0) return {};
  const bool multi = objective.starts_with("multi:");
  if (multi) {
    values.try_emplace("num_class", classes);
  } else if (!objective.starts_with("binary:") || classes > 2) {
    return Usage("label '" + columns.label + "' has " + std::to_string(classes) +
                 " classes, which objective " + objective + " cannot learn; use " +
                 (classes == 2 ? "binary:logistic" : "multi:softprob"));
  }
  return {};
}

Status CheckHeader(const TableInput& input, const std::string& command) {
  const std::string& type = input.content_type;
  if (input.train.starts_with("s3://") ||
      (type.empty() ? ContentTypeOf(input.train) : type).find("csv") == std::string::npos) {
    return {};
  }
  const auto found = data::CollectFiles(input.train);
  if (!found || found->files.empty()) return {};  // told when they are stored or read
  const auto header = data::ReadHeader(found->files.front());
  if (!header || header->empty()) return {};
  const std::string names = Join(*header, ", ");
  return Usage(found->files.front().string() + " has a header: name the column to learn\n  " +
               "clary " + command + " --train " + input.train + " --label COLUMN\n  there are: " +
               (names.size() > 1000 ? names.substr(0, 1000) + " ..." : names));
}

}  // namespace clary::cli
