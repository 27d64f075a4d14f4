#include "serving/internal/data_filter.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/nesting.h"
#include "base/strings.h"

namespace clary::serving {
namespace {

using json = nlohmann::ordered_json;

std::unexpected<Error> BadFilter(std::string message) {
  return Fail(Code::kInvalidArgument, "BadFilter", std::move(message));
}

std::string Dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<json> ParseJson(std::string_view text, const char* what) {
  constexpr int kMaxDepth = 200;
  if (NestsDeeper(text, kMaxDepth)) {
    return Fail(Code::kInvalidArgument, "BadRecord", fmt::format("{} nests too deep", what));
  }
  json value = json::parse(text, nullptr, false);
  if (value.is_discarded()) {
    return Fail(Code::kInvalidArgument, "BadRecord", fmt::format("{} is no JSON", what));
  }
  return value;
}

// Reads a path from front to end.
class PathParser {
 public:
  explicit PathParser(std::string_view text) : text_(text) {}

  Result<std::vector<DataFilter::Step>> Parse() {
    if (!Take('$')) return Bad("it begins with $");
    std::vector<DataFilter::Step> steps;
    while (at_ < text_.size()) {
      DataFilter::Step step;
      if (Take('.')) {
        CLARY_CHECK_OK(Dot(step));
      } else if (Take('[')) {
        CLARY_CHECK_OK(Bracket(step));
      } else {
        return Bad("expected . or [");
      }
      steps.push_back(std::move(step));
    }
    return steps;
  }

 private:
  std::unexpected<Error> Bad(std::string_view why) const {
    return BadFilter(
        fmt::format("the filter '{}' is not understood at position {}: {}", text_, at_ + 1, why));
  }
  bool Take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void SkipBlanks() {
    while (Take(' ')) continue;
  }

  Status Dot(DataFilter::Step& step) {
    if (Take('*')) {
      step.all = true;
      return {};
    }
    const size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != '.' && text_[at_] != '[') ++at_;
    if (at_ == begin) return Bad("a name is missing");
    step.names.emplace_back(text_.substr(begin, at_ - begin));
    return {};
  }

  Status Bracket(DataFilter::Step& step) {
    SkipBlanks();
    if (Take('*')) {
      step.all = true;
      SkipBlanks();
      return Take(']') ? Status() : Bad("expected ]");
    }
    for (;;) {
      SkipBlanks();
      if (Take('\'') || Take('"')) {
        const char quote = text_[at_ - 1];
        const size_t end = text_.find(quote, at_);
        if (end == std::string_view::npos) return Bad("the quote does not end");
        step.names.emplace_back(text_.substr(at_, end - at_));
        at_ = end + 1;
      } else {
        CLARY_CHECK_OK(IndexOrSlice(step));
      }
      SkipBlanks();
      if (Take(']')) break;
      if (!Take(',')) return Bad("expected , or ]");
    }
    if (!step.names.empty() && !step.slices.empty()) return Bad("names and indices do not mix");
    return {};
  }

  Status IndexOrSlice(DataFilter::Step& step) {
    DataFilter::Slice slice;
    CLARY_TRY(slice.first, Number());
    SkipBlanks();
    if (Take(':')) {
      SkipBlanks();
      CLARY_TRY(slice.end, Number());
    } else if (slice.first) {
      slice.single = true;
    } else {
      return Bad("expected a number or a quoted name");
    }
    step.slices.push_back(slice);
    return {};
  }

  Result<std::optional<int64_t>> Number() {
    const size_t begin = at_;
    if (at_ < text_.size() && text_[at_] == '-') ++at_;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
    if (at_ == begin) return std::nullopt;
    const auto value = ParseInt(text_.substr(begin, at_ - begin));
    if (!value) return Bad("the number is too large or none");
    return *value;
  }

  std::string_view text_;
  size_t at_ = 0;
};

// The places in a list of `size` that the slices name, in their order.
Result<std::vector<size_t>> PlacesOf(const std::vector<DataFilter::Slice>& slices, size_t size) {
  const auto n = static_cast<int64_t>(size);
  std::vector<size_t> out;
  for (const DataFilter::Slice& s : slices) {
    if (s.single) {
      const int64_t at = *s.first < 0 ? *s.first + n : *s.first;
      if (at < 0 || at >= n) {
        return BadFilter(
            fmt::format("the index {} is out of range: there are {} items", *s.first, size));
      }
      out.push_back(static_cast<size_t>(at));
      continue;
    }
    const auto bound = [&](int64_t v) { return std::clamp<int64_t>(v < 0 ? v + n : v, 0, n); };
    const int64_t end = bound(s.end.value_or(n));
    for (int64_t i = bound(s.first.value_or(0)); i < end; ++i)
      out.push_back(static_cast<size_t>(i));
    if (out.size() > 4 * size + 64) return BadFilter("the filter selects too much");
  }
  return out;
}

// The fields of a line, as they stand there.
Result<std::vector<std::string_view>> CsvFields(std::string_view line) {
  std::vector<std::string_view> fields;
  for (size_t at = 0;;) {
    size_t end = at;
    if (end < line.size() && line[end] == '"') {
      for (++end;; ++end) {
        end = line.find('"', end);
        if (end == std::string_view::npos) {
          return Fail(Code::kInvalidArgument, "BadRecord",
                      "extraneous or missing \" in quoted-field");
        }
        if (end + 1 >= line.size() || line[end + 1] != '"') break;
        ++end;
      }
      ++end;
      if (end < line.size() && line[end] != ',') {
        return Fail(Code::kInvalidArgument, "BadRecord",
                    "extraneous or missing \" in quoted-field");
      }
    } else {
      end = std::min(line.find(',', at), line.size());
      if (line.substr(at, end - at).find('"') != std::string_view::npos) {
        return Fail(Code::kInvalidArgument, "BadRecord", "bare \" in non-quoted-field");
      }
    }
    fields.push_back(line.substr(at, end - at));
    if (end == line.size()) return fields;
    at = end + 1;
  }
}

Result<json> Select(const json& value, const DataFilter::Step& step) {
  if (step.all) {
    json out = json::array();
    if (!value.is_structured()) return BadFilter("* needs a list or an object");
    for (const auto& item : value) out.push_back(item);
    return out;
  }
  if (!step.names.empty()) {
    if (!value.is_object()) {
      return BadFilter(fmt::format("there is no object with the name '{}'", step.names.front()));
    }
    json out = json::object();
    for (const std::string& name : step.names) {
      const auto it = value.find(name);
      if (it == value.end()) return BadFilter(fmt::format("the name '{}' is missing", name));
      if (step.names.size() == 1) return *it;
      out[name] = *it;
    }
    return out;
  }
  if (!value.is_array()) return BadFilter("an index needs a list");
  CLARY_TRY(const auto places, PlacesOf(step.slices, value.size()));
  if (step.slices.size() == 1 && step.slices.front().single) return value[places.front()];
  json out = json::array();
  for (const size_t place : places) out.push_back(value[place]);
  return out;
}

}  // namespace

std::optional<RecordKind> RecordKindOf(std::string_view mime_type) {
  const std::string type = ToLower(Trim(mime_type.substr(0, mime_type.find(';'))));
  if (type == "text/csv") return RecordKind::kCsv;
  if (type == "application/json" || type == "application/jsonlines" ||
      type == "application/x-jsonlines") {
    return RecordKind::kJson;
  }
  return std::nullopt;
}

Result<DataFilter> DataFilter::Parse(std::string_view path, RecordKind kind) {
  DataFilter filter;
  filter.kind_ = kind;
  CLARY_TRY(filter.steps_, PathParser(path).Parse());
  if (kind == RecordKind::kCsv && !filter.steps_.empty() &&
      (filter.steps_.size() > 1 || !filter.steps_.front().names.empty())) {
    return BadFilter(
        fmt::format("the filter '{}' is for JSON: of CSV, columns are selected by one list of "
                    "indices, as $[1:]",
                    path));
  }
  return filter;
}

Result<std::string> DataFilter::Apply(std::string_view record) const {
  if (everything()) return std::string(record);
  if (kind_ == RecordKind::kCsv) {
    CLARY_TRY(const auto fields, CsvFields(record));
    if (steps_.front().all) return std::string(record);
    CLARY_TRY(const auto places, PlacesOf(steps_.front().slices, fields.size()));
    std::string out;
    for (size_t i = 0; i < places.size(); ++i) {
      if (i > 0) out += ',';
      out += fields[places[i]];
    }
    return out;
  }
  CLARY_TRY(json value, ParseJson(record, "the record"));
  for (const Step& step : steps_) {
    CLARY_TRY(json selected, Select(value, step));
    value = std::move(selected);
  }
  return Dump(value);
}

Result<std::string> JoinRecord(RecordKind kind, std::string_view input, std::string_view result) {
  if (kind == RecordKind::kCsv) return fmt::format("{},{}", input, result);
  CLARY_TRY(json record, ParseJson(input, "the record"));
  CLARY_TRY(json answer, ParseJson(result, "the model's answer"));
  if (!record.is_object()) {
    json wrapped = json::object();
    wrapped["SageMakerInput"] = std::move(record);
    record = std::move(wrapped);
  }
  record["SageMakerOutput"] = std::move(answer);
  return Dump(record);
}

}  // namespace clary::serving
