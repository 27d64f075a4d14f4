#include "data/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/quote.h"
#include "base/strings.h"
#include "base/suggest.h"
#include "data/internal/csv_records.h"
#include "data/internal/number.h"
#include "data/internal/parquet_rows.h"
#include "data/internal/table_rows.h"
#include "data/internal/text.h"

namespace clary::data {
namespace {

namespace fs = std::filesystem;
using internal::NumberKind;
using internal::Shown;
using internal::TableRows;

constexpr size_t kNone = SIZE_MAX;
constexpr size_t kFlush = size_t{1} << 20;
// Of one column's texts together.
constexpr size_t kMaxTextBytes = size_t{64} << 20;

std::unexpected<Error> BadData(std::string message) {
  return Fail(Code::kInvalidArgument, "BadData", std::move(message));
}

struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const {
    // Texts are short: inline, eight bytes at a time.
    uint64_t hash = text.size() + 1;
    const char* p = text.data();
    size_t left = text.size();
    for (; left >= 8; p += 8, left -= 8) hash = Mixed(hash, Load(p, 8));
    return left > 0 ? Mixed(hash, Load(p, left)) : hash;
  }

 private:
  static uint64_t Load(const char* p, size_t bytes) {
    uint64_t word = 0;
    std::memcpy(&word, p, bytes);
    return word;
  }
  static uint64_t Mixed(uint64_t hash, uint64_t word) {
    hash = (hash ^ word) * 0x9E3779B97F4A7C15U;
    return hash ^ (hash >> 32);
  }
};

template <typename T>
using ByText = std::unordered_map<std::string, T, TextHash, std::equal_to<>>;

// The names of the file's columns, each there once.
Result<std::vector<std::string>> Header(TableRows& file) {
  CLARY_TRY(std::vector<std::string> names, file.Header());
  std::set<std::string_view> known;
  for (size_t c = 0; c < names.size(); ++c) {
    if (names[c].empty()) {
      return std::unexpected(file.Bad(fmt::format(
          "column {} of the header has no name{}", c + 1,
          c == 0 ? "; if it is the index that pandas writes, write the file with index=False"
                 : "; give it one, or remove the column")));
    }
    if (!IsUtf8(names[c])) {
      return std::unexpected(file.Bad(
          fmt::format("the name of column {} is not UTF-8; save the file as UTF-8", c + 1)));
    }
    if (!known.insert(names[c]).second) {
      return std::unexpected(
          file.Bad(fmt::format("two columns are called '{}'; rename one", Shown(names[c]))));
    }
  }
  return names;
}

size_t PlaceOf(const std::vector<std::string>& names, std::string_view name) {
  const auto found = std::ranges::find(names, name);
  return found == names.end() ? kNone : static_cast<size_t>(found - names.begin());
}

Error NoColumn(std::string_view file, std::string_view name,
               const std::vector<std::string>& names) {
  const std::vector<std::string_view> views(names.begin(), names.end());
  std::string all;
  for (size_t i = 0; i < names.size() && i < 30; ++i) {
    all += (i == 0 ? "" : ", ") + Shown(names[i]);
  }
  if (names.size() > 30) all += fmt::format(", and {} more", names.size() - 30);
  return {Code::kInvalidArgument, "NoColumn",
          fmt::format("{} has no column '{}'.{}\n  there are: {}", file, Shown(name),
                      DidYouMean(name, views), all)};
}

// "1,5" and "1.234,50", but no other text.
bool HasDecimalComma(std::string_view text) {
  return text.find_first_of("0123456789") != text.npos && text.find(',') != text.npos &&
         text.find_first_not_of("0123456789.,+-") == text.npos;
}

// What is known of a column while its file is read.
struct Seen {
  uint64_t missing = 0;
  uint64_t numbers = 0;
  uint64_t texts = 0;
  std::string infinite_place;  // empty: none
  std::string first_text;
  std::string first_text_place;
  bool lists = false;  // `words` has all values
  size_t word_bytes = 0;
  ByText<uint64_t> words;  // rows of each
};

class Scan {
 public:
  Scan(const std::vector<fs::path>& files, const TableOptions& options)
      : files_(files), names_(internal::DisplayNames(files)), options_(options) {}

  Result<Table> Run() {
    if (files_.empty()) return Fail(Code::kInvalidArgument, "NoData", "there are no files");
    CLARY_CHECK_OK(Pass(&Scan::Look));
    if (rows_ == 0) {
      return Fail(Code::kInvalidArgument, "NoData", names_.front() + " has a header but no rows");
    }
    bool again = false;
    for (Seen& s : seen_) again = again || (s.texts > 0 && !s.lists);
    if (again) CLARY_CHECK_OK(Pass(&Scan::List));
    return Finish();
  }

 private:
  // Columns of the result, the label first, by their place in a file.
  Result<std::vector<size_t>> Match(TableRows& file) {
    CLARY_TRY(std::vector<std::string> header, Header(file));
    if (wanted_.empty()) {
      for (const std::string& name : options_.drop) {
        if (PlaceOf(header, name) == kNone) {
          return std::unexpected(NoColumn(file.name(), name, header));
        }
      }
      if (std::ranges::find(options_.drop, options_.label) != options_.drop.end()) {
        return BadData(
            fmt::format("column '{}' is the label: it cannot be dropped", options_.label));
      }
      if (PlaceOf(header, options_.label) == kNone) {
        return std::unexpected(NoColumn(file.name(), options_.label, header));
      }
      wanted_.push_back(options_.label);
      for (const std::string& name : header) {
        if (name != options_.label && std::ranges::find(options_.drop, name) == options_.drop.end())
          wanted_.push_back(name);
      }
      if (wanted_.size() < 2) {
        return BadData(file.name() + " has no column besides the label to learn from");
      }
      seen_.resize(wanted_.size());
    }
    std::vector<size_t> places;
    for (const std::string& name : wanted_) {
      const size_t place = PlaceOf(header, name);
      if (place == kNone) return std::unexpected(NoColumn(file.name(), name, header));
      places.push_back(place);
    }
    for (const std::string& name : header) {
      if (std::ranges::find(wanted_, name) == wanted_.end() &&
          std::ranges::find(options_.drop, name) == options_.drop.end()) {
        return BadData(fmt::format("{} has a column '{}', which {} has not", file.name(),
                                   Shown(name), names_.front()));
      }
    }
    return places;
  }

  Status Pass(Status (Scan::*look)(TableRows&, size_t, size_t)) {
    for (size_t f = 0; f < files_.size(); ++f) {
      CLARY_TRY(const auto file, TableRows::Open(options_.type, files_[f], names_[f]));
      CLARY_TRY(const std::vector<size_t> places, Match(*file));
      CLARY_CHECK_OK(file->Select(places));
      for (;;) {
        CLARY_TRY(const bool more, file->Next());
        if (!more) break;
        for (size_t c = 0; c < places.size(); ++c) {
          CLARY_CHECK_OK((this->*look)(*file, c, places[c]));
        }
        if (look == &Scan::Look) ++rows_;
      }
    }
    return {};
  }

  Status Look(TableRows& file, size_t c, size_t place) {
    Seen& s = seen_[c];
    switch (file.KindOf(place)) {
      case NumberKind::kMissing:
        ++s.missing;
        if (c > 0) return {};
        return std::unexpected(file.Bad(
            fmt::format("the label '{}' is missing; fill it in, or remove the row", wanted_[0])));
      case NumberKind::kInfinite:
        if (s.infinite_place.empty()) s.infinite_place = file.Place();
        [[fallthrough]];
      case NumberKind::kValue:
        ++s.numbers;
        break;
      case NumberKind::kText:
        if (s.texts++ == 0) {
          s.first_text = Shown(file.TextOf(place));
          s.first_text_place = file.Place();
          s.lists = s.numbers == 0;
        }
        break;
    }
    return s.lists ? Add(file, c, file.TextOf(place)) : Status();
  }

  // The second pass: values of columns that turned out to have texts after numbers.
  Status List(TableRows& file, size_t c, size_t place) {
    const Seen& s = seen_[c];
    if (s.texts == 0 || s.lists || file.KindOf(place) == NumberKind::kMissing) return {};
    return Add(file, c, file.TextOf(place));
  }

  Status Add(TableRows& file, size_t c, std::string_view text) {
    Seen& s = seen_[c];
    if (const auto found = s.words.find(text); found != s.words.end()) {
      ++found->second;
      return {};
    }
    if (!IsUtf8(text)) {
      return std::unexpected(file.Bad(fmt::format(
          "column '{}': '{}' is not UTF-8; save the file as UTF-8", wanted_[c], Shown(text))));
    }
    s.word_bytes += text.size();
    if (s.words.size() == kMaxCategories || s.word_bytes > kMaxTextBytes) {
      return BadData(fmt::format(
          "column '{}' has more than {} different texts, the first of them '{}' in {}: too many "
          "for {}",
          wanted_[c], s.words.size(), s.first_text, s.first_text_place,
          c == 0 ? "classes"
                 : "categories; leave the column out with --drop '" + wanted_[c] + "'"));
    }
    s.words.emplace(text, 1);
    return {};
  }

  // The words of a column in order.
  static std::vector<std::string> Sorted(const Seen& s) {
    std::vector<std::string> words;
    words.reserve(s.words.size());
    for (const auto& [word, rows] : s.words) words.push_back(word);
    std::ranges::sort(words);
    return words;
  }

  Result<Table> Finish() {
    Table out;
    Columns& columns = out.columns;
    columns.rows = rows_;
    columns.label = wanted_[0];
    for (size_t c = 0; c < wanted_.size(); ++c) {
      const Seen& s = seen_[c];
      if (s.texts == 0 && !s.infinite_place.empty()) {
        return BadData(fmt::format(
            "{}: column '{}' has an infinite number, or one too large for a 32-bit float",
            s.infinite_place, wanted_[c]));
      }
      if (c == 0) {
        if (s.texts == 0) continue;
        columns.classes = Sorted(s);
        for (const std::string& name : columns.classes) {
          columns.class_counts.push_back(s.words.find(name)->second);
        }
        continue;
      }
      columns.features.push_back(
          {.name = NameInModel(wanted_[c], out.warnings),
           .is_category = s.texts > 0,
           .categories = s.texts > 0 ? Sorted(s) : std::vector<std::string>(),
           .missing = s.missing});
      Judge(wanted_[c], s, out.warnings);
    }
    std::set<std::string_view> known;
    for (const Column& column : columns.features) {
      if (!known.insert(column.name).second) {
        return BadData(
            fmt::format("two columns would be called '{}' in the model, where [, ] and < "
                        "become _; rename one",
                        column.name));
      }
    }
    return out;
  }

  static std::string NameInModel(const std::string& name, std::vector<std::string>& warnings) {
    std::string safe = name;
    for (char& ch : safe) {
      if (ch == '[' || ch == ']' || ch == '<') ch = '_';
    }
    if (safe != name) {
      warnings.push_back(
          fmt::format("column '{}' is called '{}' in the model: XGBoost's names have no [, ] and <",
                      name, safe));
    }
    return safe;
  }

  // What is probably not meant.
  void Judge(const std::string& name, const Seen& s, std::vector<std::string>& warnings) const {
    if (s.texts > 0 && s.numbers > s.texts) {
      warnings.push_back(fmt::format(
          "column '{}' is read as texts, though most of it are numbers: the first text is '{}' in "
          "{}; correct it if numbers are meant",
          name, s.first_text, s.first_text_place));
    } else if (s.texts > 0 && HasDecimalComma(s.first_text)) {
      warnings.push_back(
          fmt::format("column '{}' is read as texts: its numbers have commas, as '{}' in {}; write "
                      "them with a point, and without signs between thousands",
                      name, s.first_text, s.first_text_place));
    } else if (s.texts > 0 && s.words.size() > 20 && s.words.size() * 2 > rows_) {
      warnings.push_back(fmt::format(
          "column '{}' has a text of its own in nearly every row: little can be learned from it; "
          "--drop '{}' leaves it out",
          name, name));
    } else if (s.missing == rows_) {
      warnings.push_back(fmt::format("column '{}' has no value in any row", name));
    }
  }

  const std::vector<fs::path>& files_;
  const std::vector<std::string> names_;
  const TableOptions& options_;
  std::vector<std::string> wanted_;  // names: the label, then the features
  std::vector<Seen> seen_;           // as wanted_
  uint64_t rows_ = 0;
};

// Rows as a channel's CSV has them.
class CsvOut {
 public:
  static constexpr bool kWithLabel = true;
  explicit CsvOut(const std::function<Status(std::string_view)>& write) : write_(write) {}

  void LabelNumber(std::string_view text) { text_ += text; }
  void LabelCode(uint32_t code) { Append(code); }
  void Number(std::string_view text) {
    text_ += ',';
    text_ += text;
  }
  void Code(uint32_t code) {
    text_ += ',';
    Append(code);
  }
  void Missing() { text_ += ','; }
  Status EndRow() {
    text_ += '\n';
    return text_.size() >= kFlush ? Flush() : Status();
  }
  Status Flush() {
    CLARY_CHECK_OK(write_(text_));
    text_.clear();
    return {};
  }

 private:
  void Append(uint32_t code) {
    char digits[12];
    text_.append(digits, std::to_chars(digits, digits + sizeof digits, code).ptr);
  }

  const std::function<Status(std::string_view)>& write_;
  std::string text_;
};

// Rows as a model takes them.
class ValuesOut {
 public:
  static constexpr bool kWithLabel = false;
  explicit ValuesOut(const std::function<Status(std::span<const float>)>& take) : take_(take) {}

  void LabelNumber(std::string_view) {}
  void LabelCode(uint32_t) {}
  void Number(std::string_view text) {
    float value = 0;
    internal::ParseNumber(text, &value);
    values_.push_back(value);
  }
  void Code(uint32_t code) { values_.push_back(static_cast<float>(code)); }
  void Missing() { values_.push_back(std::numeric_limits<float>::quiet_NaN()); }
  Status EndRow() { return values_.size() >= kFlush / sizeof(float) ? Flush() : Status(); }
  Status Flush() {
    if (!values_.empty()) CLARY_CHECK_OK(take_(values_));
    values_.clear();
    return {};
  }

 private:
  const std::function<Status(std::span<const float>)>& take_;
  std::vector<float> values_;
};

// Reads files whose columns are known.
template <typename Out>
class Converter {
 public:
  Converter(const std::vector<fs::path>& files, ContentType type, const Columns& columns, Out out)
      : files_(files),
        type_(type),
        names_(internal::DisplayNames(files)),
        columns_(columns),
        rows_(std::move(out)),
        codes_(columns.features.size() + 1),
        unseen_(columns.features.size()) {
    Codes(columns.classes, codes_[0]);
    for (size_t f = 0; f < columns.features.size(); ++f) {
      Codes(columns.features[f].categories, codes_[f + 1]);
    }
    out_.missing.resize(columns.features.size());
  }

  Result<WrittenTable> Run() {
    for (size_t f = 0; f < files_.size(); ++f) {
      CLARY_TRY(const auto file, TableRows::Open(type_, files_[f], names_[f]));
      CLARY_TRY(const std::vector<size_t> places, Match(*file));
      CLARY_CHECK_OK(file->Select(places));
      for (;;) {
        CLARY_TRY(const bool more, file->Next());
        if (!more) break;
        CLARY_CHECK_OK(Row(*file, places));
      }
    }
    if (out_.rows == 0) {
      return Fail(Code::kInvalidArgument, "NoData", names_.front() + " has a header but no rows");
    }
    CLARY_CHECK_OK(rows_.Flush());
    for (size_t f = 0; f < unseen_.size(); ++f) {
      if (unseen_[f].rows == 0) continue;
      out_.warnings.push_back(fmt::format(
          "column '{}' has texts that the training data do not have, in {} of {} rows: they count "
          "as missing ('{}' in {})",
          columns_.features[f].name, unseen_[f].rows, out_.rows, unseen_[f].first,
          unseen_[f].place));
    }
    return std::move(out_);
  }

 private:
  struct Unseen {
    uint64_t rows = 0;
    std::string first;
    std::string place;
  };

  static void Codes(const std::vector<std::string>& words, ByText<uint32_t>& to) {
    to.reserve(words.size());
    for (size_t i = 0; i < words.size(); ++i) to.emplace(words[i], static_cast<uint32_t>(i));
  }

  Result<std::vector<size_t>> Match(TableRows& file) const {
    CLARY_TRY(const std::vector<std::string> header, Header(file));
    std::vector<std::string> known = header;
    std::vector<size_t> places;
    if (Out::kWithLabel) {
      places.push_back(PlaceOf(header, columns_.label));
      if (places[0] == kNone) return std::unexpected(NoColumn(file.name(), columns_.label, header));
    }
    for (std::string& name : known) {  // as in the model
      for (char& ch : name) {
        if (ch == '[' || ch == ']' || ch == '<') ch = '_';
      }
    }
    for (const Column& column : columns_.features) {
      places.push_back(PlaceOf(known, column.name));
      if (places.back() == kNone) {
        return std::unexpected(NoColumn(file.name(), column.name, header));
      }
    }
    return places;
  }

  Status Row(TableRows& file, const std::vector<size_t>& places) {
    ++out_.rows;
    if (Out::kWithLabel) CLARY_CHECK_OK(Label(file, places[0]));
    const size_t first = Out::kWithLabel ? 1 : 0;
    for (size_t f = 0; f < columns_.features.size(); ++f) {
      CLARY_CHECK_OK(Value(file, f, places[first + f]));
    }
    return rows_.EndRow();
  }

  Status Label(TableRows& file, size_t place) {
    const NumberKind kind = file.KindOf(place);
    const std::string_view label = file.TextOf(place);
    if (kind == NumberKind::kMissing) {
      return std::unexpected(file.Bad(
          fmt::format("the label '{}' is missing; fill it in, or remove the row", columns_.label)));
    }
    if (columns_.classes.empty()) {
      if (kind != NumberKind::kValue) {
        return std::unexpected(
            file.Bad(fmt::format("the label '{}' is '{}', where the training data have numbers",
                                 columns_.label, Shown(label))));
      }
      rows_.LabelNumber(label);
      return {};
    }
    const auto code = codes_[0].find(label);
    if (code == codes_[0].end()) {
      return std::unexpected(
          file.Bad(fmt::format("the label '{}' is '{}', a class that the training data do not have",
                               columns_.label, Shown(label))));
    }
    rows_.LabelCode(code->second);
    return {};
  }

  Status Value(TableRows& file, size_t f, size_t place) {
    const Column& column = columns_.features[f];
    const NumberKind kind = file.KindOf(place);
    if (kind == NumberKind::kMissing) {
      ++out_.missing[f];
      rows_.Missing();
      return {};
    }
    const std::string_view text = file.TextOf(place);
    if (column.is_category) {
      const auto code = codes_[f + 1].find(text);
      if (code != codes_[f + 1].end()) {
        rows_.Code(code->second);
        return {};
      }
      ++out_.missing[f];
      rows_.Missing();
      if (unseen_[f].rows++ == 0) {
        unseen_[f].first = Shown(text);
        unseen_[f].place = file.Place();
      }
    } else if (kind == NumberKind::kValue) {
      rows_.Number(text);
    } else {
      return std::unexpected(file.Bad(fmt::format(
          "column '{}': '{}' is {}; the training data have numbers there", column.name, Shown(text),
          kind == NumberKind::kText ? "no number" : "infinite or too large for a 32-bit float")));
    }
    return {};
  }

  const std::vector<fs::path>& files_;
  const ContentType type_;
  const std::vector<std::string> names_;
  const Columns& columns_;
  Out rows_;
  std::vector<ByText<uint32_t>> codes_;  // of the label, then the features
  std::vector<Unseen> unseen_;           // by feature
  WrittenTable out_;
};

}  // namespace

Result<std::vector<std::string>> ReadHeader(const fs::path& file) {
  CLARY_TRY(const auto records, internal::CsvRecords::Open(file, file.filename().string()));
  auto names = records->Header();
  if (!names && names.error().reason == "NoData") return std::vector<std::string>();
  if (!names) return std::unexpected(names.error());
  bool words = false;
  for (const std::string& name : *names) {
    const NumberKind kind = internal::CsvRecords::KindOfField(name);
    if (kind == NumberKind::kValue || Printable(name) != name) return std::vector<std::string>();
    words = words || kind == NumberKind::kText;
  }
  return words ? std::move(*names) : std::vector<std::string>();
}

Result<Table> ScanTable(const std::vector<fs::path>& files, const TableOptions& options) {
  return Scan(files, options).Run();
}

Result<WrittenTable> WriteTable(const std::vector<fs::path>& files, ContentType type,
                                const Columns& columns,
                                const std::function<Status(std::string_view)>& write) {
  return Converter(files, type, columns, CsvOut(write)).Run();
}

Result<WrittenTable> ReadTable(const std::vector<fs::path>& files, ContentType type,
                               const Columns& columns,
                               const std::function<Status(std::span<const float>)>& take) {
  return Converter(files, type, columns, ValuesOut(take)).Run();
}

Result<std::unique_ptr<TableRows>> internal::TableRows::Open(ContentType type, const fs::path& path,
                                                             std::string name) {
  switch (type) {
    case ContentType::kCsv: {
      CLARY_TRY(auto rows, CsvRecords::Open(path, std::move(name)));
      return rows;
    }
    case ContentType::kParquet: {
      CLARY_TRY(auto rows, ParquetRows::Open(path, std::move(name)));
      return rows;
    }
    default:
      return Fail(Code::kUnimplemented, "NoTable",
                  fmt::format("{}: {} has no names of columns; csv and parquet have", name,
                              ContentTypeName(type)));
  }
}

}  // namespace clary::data
