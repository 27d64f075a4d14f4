#include "data/internal/csv_records.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "data/internal/text.h"

namespace clary::data::internal {
namespace {

constexpr size_t kChunk = size_t{1} << 20;
// A record that is longer is a quote that does not end.
constexpr size_t kMaxRecord = size_t{64} << 20;
constexpr std::string_view kDelimiters = ",\t;|";

// Digits with at most one point and a sign: no number is spelled more often, and ParseNumber() has
// nothing to add.
bool IsPlainNumber(std::string_view text) {
  if (text.size() > 30) return false;
  size_t i = text.front() == '-' ? 1 : 0;
  bool point = false;
  size_t digits = 0;
  for (; i < text.size(); ++i) {
    if (text[i] == '.') {
      if (point) return false;
      point = true;
    } else if (text[i] < '0' || text[i] > '9') {
      return false;
    } else {
      ++digits;
    }
  }
  return digits > 0;
}

// What no number, and no word for a missing value, begins with: most texts are told by it.
bool BeginsAText(char c) {
  static constexpr std::string_view kOthers = "0123456789+-.nNiI#<? \t\r\n\v\f";
  static constexpr auto kText = [] {
    std::array<bool, 256> text{};
    text.fill(true);
    for (const char other : kOthers) text[static_cast<unsigned char>(other)] = false;
    return text;
  }();
  return kText[static_cast<unsigned char>(c)];
}

bool IsSpaceOrTab(char c) { return c == ' ' || c == '\t'; }

}  // namespace

Result<std::unique_ptr<CsvRecords>> CsvRecords::Open(const std::filesystem::path& path,
                                                     std::string name, char delimiter) {
  auto stream = ByteStream::Open(path);
  if (!stream) return std::unexpected(std::move(stream).error().With(name));
  std::unique_ptr<CsvRecords> records(new CsvRecords(std::move(*stream), std::move(name)));
  CLARY_CHECK_OK(records->Fill());
  const std::string_view start(records->buffer_.data(), records->end_);
  if (start.starts_with("\xff\xfe") || start.starts_with("\xfe\xff")) {
    return Fail(Code::kInvalidArgument, "BadData",
                records->name() + " is UTF-16; save it as UTF-8");
  }
  if (start.starts_with("\xef\xbb\xbf")) records->at_ = 3;
  records->ChooseDelimiter(delimiter);
  return records;
}

std::string CsvRecords::Place() const { return fmt::format("{}, line {}", name(), line_); }

// Moves what is unread to the front and reads more behind it.
Status CsvRecords::Fill() {
  std::copy(buffer_.begin() + static_cast<ptrdiff_t>(at_),
            buffer_.begin() + static_cast<ptrdiff_t>(end_), buffer_.begin());
  end_ -= at_;
  at_ = 0;
  const size_t want = std::max(kChunk, end_);
  if (buffer_.size() < end_ + want + 1) buffer_.resize(end_ + want + 1);
  const auto got = stream_->ReadFully(buffer_.data() + end_, want);
  if (!got) {
    Error error = got.error();
    return std::unexpected(std::move(error).With(name()));
  }
  whole_ = *got < want;
  end_ += *got;
  buffer_[end_] = '\n';
  return {};
}

// Whichever the first line has most of, outside of quotes.
void CsvRecords::ChooseDelimiter(char given) {
  std::array<size_t, kDelimiters.size()> counts{};
  bool quoted = false;
  for (size_t i = at_; i < end_; ++i) {
    const char c = buffer_[i];
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == '\n' || c == '\r') {
      if (i == at_) continue;  // an empty line at the front
      break;
    }
    const size_t d = kDelimiters.find(c);
    if (d != std::string_view::npos) ++counts[d];
  }
  delimiter_ =
      given != '\0'
          ? given
          : kDelimiters[static_cast<size_t>(std::ranges::max_element(counts) - counts.begin())];
  for (const char c : {delimiter_, '\n', '\r'}) ends_field_[static_cast<unsigned char>(c)] = true;
}

// One record from at_ on. Nothing is consumed unless it is whole.
Result<CsvRecords::Parsed> CsvRecords::Parse() {
  const char* const begin = buffer_.data() + at_;
  const char* const end = buffer_.data() + end_;
  const char* p = begin;
  uint64_t lines = 0;  // that end within quotes
  fields_.clear();
  escaped_.clear();
  line_ = next_line_;
  for (;;) {
    while (IsSpaceOrTab(*p) && *p != delimiter_) ++p;
    if (*p == '"') {
      const char* const open = ++p;
      bool escaped = false;
      for (;;) {
        p = static_cast<const char*>(std::memchr(p, '"', static_cast<size_t>(end - p)));
        if (p == nullptr) {
          if (!whole_ && static_cast<size_t>(end - begin) < kMaxRecord) return Parsed::kMore;
          return std::unexpected(Bad(fmt::format("the quote before '{}' does not end",
                                                 Shown({open, static_cast<size_t>(end - open)}))));
        }
        if (p + 1 == end && !whole_) return Parsed::kMore;
        if (p + 1 == end || p[1] != '"') break;
        escaped = true;
        p += 2;
      }
      const std::string_view text(open, static_cast<size_t>(p - open));
      for (size_t i = 0; (i = text.find_first_of("\r\n", i)) != text.npos; ++i) {
        if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') ++i;
        ++lines;
      }
      if (escaped) escaped_.push_back(fields_.size());
      fields_.push_back(text);
      ++p;
      while (IsSpaceOrTab(*p) && *p != delimiter_) ++p;
      if (!ends_field_[static_cast<unsigned char>(*p)]) {
        return std::unexpected(Bad(fmt::format(
            "there is text behind the closing quote of '{}'; a quote within quotes is written "
            "twice (\"\")",
            Shown(text))));
      }
    } else {
      const char* const field = p;
      while (!ends_field_[static_cast<unsigned char>(*p)]) ++p;
      const char* last = p;
      while (last != field && IsSpaceOrTab(last[-1])) --last;
      fields_.emplace_back(field, static_cast<size_t>(last - field));
    }
    if (p == end) {
      if (!whole_) return Parsed::kMore;
      break;
    }
    if (*p == delimiter_) {
      ++p;
      continue;
    }
    if (*p == '\r') {
      if (p + 1 == end && !whole_) return Parsed::kMore;
      if (p + 1 != end && p[1] == '\n') ++p;
    }
    ++p;
    break;
  }
  at_ = static_cast<size_t>(p - buffer_.data());
  next_line_ = line_ + lines + 1;
  for (const size_t f : escaped_) {
    char* const from = buffer_.data() + (fields_[f].data() - buffer_.data());
    char* to = from;
    for (size_t i = 0; i < fields_[f].size(); ++i) {
      *to++ = from[i];
      if (from[i] == '"') ++i;
    }
    fields_[f] = {from, static_cast<size_t>(to - from)};
  }
  return Parsed::kRecord;
}

Result<bool> CsvRecords::NextRecord() {
  for (;;) {
    if (at_ == end_ && whole_) return false;
    CLARY_TRY(const Parsed parsed, Parse());
    if (parsed == Parsed::kMore) {
      CLARY_CHECK_OK(Fill());
    } else if (fields_.size() > 1 || !fields_.front().empty()) {
      return true;
    }
  }
}

Result<std::vector<std::string>> CsvRecords::Header() {
  CLARY_TRY(const bool any, NextRecord());
  if (!any) return Fail(Code::kInvalidArgument, "NoData", name() + " is empty");
  columns_ = fields_.size();
  return std::vector<std::string>(fields_.begin(), fields_.end());
}

Result<bool> CsvRecords::Next() {
  CLARY_TRY(const bool more, NextRecord());
  if (more && fields_.size() != columns_) {
    return std::unexpected(Bad(fmt::format("it has {} field{}; the header has {}", fields_.size(),
                                           fields_.size() == 1 ? "" : "s", columns_)));
  }
  return more;
}

NumberKind CsvRecords::KindOfField(std::string_view field) {
  if (field.empty()) return NumberKind::kMissing;
  if (BeginsAText(field.front())) return NumberKind::kText;
  if (IsPlainNumber(field)) return NumberKind::kValue;
  if (IsMissingWord(field)) return NumberKind::kMissing;
  float value;
  return ParseNumber(field, &value);
}

}  // namespace clary::data::internal
