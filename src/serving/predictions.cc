#include "serving/internal/predictions.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

#include "base/float_text.h"
#include "base/strings.h"

namespace clary::serving {
namespace {

struct FormatName {
  std::string_view mime;
  Format format;
};
constexpr FormatName kFormats[] = {{"application/json", Format::kJson},
                                   {"application/jsonlines", Format::kJsonLines},
                                   {"application/x-recordio-protobuf", Format::kRecordIo},
                                   {"text/csv", Format::kCsv}};

// In the order in which an answer has them.
enum Key { kPredictedLabel, kLabels, kProbability, kProbabilities, kRawScore, kRawScores, kScore };
constexpr std::string_view kKeys[] = {"predicted_label", "labels",    "probability",
                                      "probabilities",   "raw_score", "raw_scores",
                                      "predicted_score"};

constexpr unsigned Bit(Key key) { return 1U << key; }
constexpr unsigned kScores = Bit(kRawScore) | Bit(kRawScores);
constexpr unsigned kClasses = Bit(kPredictedLabel) | Bit(kLabels) | kScores;
constexpr unsigned kAllOfClasses = kClasses | Bit(kProbability) | Bit(kProbabilities);

struct Selectable {
  std::string_view objective;
  unsigned keys;
};
constexpr Selectable kSelectable[] = {
    {"reg:squarederror", Bit(kScore)},  {"reg:linear", Bit(kScore)},
    {"reg:logistic", Bit(kScore)},      {"reg:gamma", Bit(kScore)},
    {"reg:absoluteerror", Bit(kScore)}, {"reg:tweedie", Bit(kScore)},
    {"binary:logistic", kAllOfClasses}, {"binary:logitraw", kClasses},
    {"binary:hinge", kClasses},         {"multi:softmax", kClasses},
    {"multi:softprob", kAllOfClasses},
};

// A selected value: a whole number, a number, or a list of either.
struct Item {
  bool list = false;
  bool whole = false;
  std::vector<double> numbers;
};

Item One(double v, bool whole = false) { return {false, whole, {v}}; }

Item Select(Key key, const Selection& selection, std::span<const float> row) {
  const std::string& objective = selection.objective;
  const bool softprob = objective == "multi:softprob";
  const double value = row[0];
  const auto largest = std::ranges::max_element(row);
  switch (key) {
    case kPredictedLabel:
      if (softprob) return One(static_cast<double>(largest - row.begin()), true);
      if (objective == "binary:logistic") return One(value > 0.5 ? 1 : 0, true);
      if (objective == "binary:logitraw") return One(value > 0 ? 1 : 0, true);
      return One(value);
    case kLabels: {
      Item labels{.list = true, .whole = true};
      const size_t n = objective.starts_with("multi:") ? selection.classes : 2;
      for (size_t i = 0; i < n; ++i) labels.numbers.push_back(static_cast<double>(i));
      return labels;
    }
    case kProbability:
    case kRawScore:
      return One(softprob ? *largest : value);
    case kProbabilities:
    case kRawScores:
      if (softprob) return {true, false, {row.begin(), row.end()}};
      return {true, false, {1.0 - value, value}};
    case kScore:
      break;
  }
  return One(value);
}

void AppendNumber(std::string& out, double v, bool whole, bool json) {
  if (whole) {
    out += std::to_string(static_cast<int64_t>(v));
  } else if (json && std::isnan(v)) {
    out += "NaN";
  } else if (json && std::isinf(v)) {
    out += v < 0 ? "-Infinity" : "Infinity";
  } else {
    AppendFloat(out, v);
  }
}

void AppendList(std::string& out, std::span<const double> numbers, bool whole, bool json) {
  out += '[';
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (i > 0) out += ", ";
    AppendNumber(out, numbers[i], whole, json);
  }
  out += ']';
}

void AppendItem(std::string& out, const Item& item, bool json) {
  if (item.list) return AppendList(out, item.numbers, item.whole, json);
  AppendNumber(out, item.numbers[0], item.whole, json);
}

// Protobuf by hand: Record{label: map<string, Value{float32_tensor{values}}>}.
void AppendBytes(std::string& out, char tag, std::string_view bytes) {
  out += tag;
  for (size_t n = bytes.size();; n >>= 7) {
    out += static_cast<char>(n < 0x80 ? n : 0x80 | (n & 0x7f));
    if (n < 0x80) break;
  }
  out += bytes;
}

void AppendLabel(std::string& record, std::string_view key, std::span<const double> numbers) {
  std::string floats;
  for (const double v : numbers) {
    const auto f = static_cast<float>(v);
    char bytes[sizeof f];
    std::memcpy(bytes, &f, sizeof f);
    floats.append(bytes, sizeof f);
  }
  std::string tensor;
  std::string value;
  std::string entry;
  AppendBytes(tensor, '\x0A', floats);
  AppendBytes(value, '\x12', tensor);
  AppendBytes(entry, '\x0A', key);
  AppendBytes(entry, '\x12', value);
  AppendBytes(record, '\x12', entry);
}

void AppendRecord(std::string& out, std::string_view record) {
  constexpr uint32_t kMagic = 0xCED7230A;
  const uint32_t header[] = {kMagic, static_cast<uint32_t>(record.size())};
  char bytes[sizeof header];
  std::memcpy(bytes, header, sizeof header);
  out.append(bytes, sizeof header).append(record);
  out.append((4 - record.size() % 4) % 4, '\0');
}

std::string EncodePlain(std::span<const float> values, size_t width, Format format, bool batch) {
  std::string out;
  out.reserve(values.size() * 22 + 32);
  if (format == Format::kJson) out += "{\"predictions\": [";
  for (size_t at = 0; at < values.size(); at += width) {
    const std::vector<double> row(values.begin() + static_cast<ptrdiff_t>(at),
                                  values.begin() + static_cast<ptrdiff_t>(at + width));
    if (format == Format::kCsv && width == 1) {
      AppendFloat(out, row[0]);
      out += '\n';
    } else if (format == Format::kCsv && batch) {
      AppendList(out, row, false, false);
      out += '\n';
    } else if (format == Format::kCsv) {
      for (size_t i = 0; i < width; ++i) {
        if (i > 0) out += ',';
        AppendFloat(out, row[i]);
      }
      out += '\n';
    } else if (format == Format::kRecordIo) {
      std::string record;
      AppendLabel(record, "score", row);
      AppendRecord(out, record);
    } else {
      if (format == Format::kJson && at > 0) out += ", ";
      out += "{\"score\": ";
      if (width == 1) {
        AppendNumber(out, row[0], false, true);
      } else {
        AppendList(out, row, false, true);
      }
      out += format == Format::kJson ? "}" : "}\n";
    }
  }
  if (format == Format::kJson) out += "]}";
  return out;
}

}  // namespace

Result<Format> ParseAccept(std::string_view accept, std::string_view fallback) {
  for (int round = 0; round < 2; ++round) {
    bool any = false;
    for (const std::string_view part : Split(accept, ',')) {
      const std::string type = ToLower(Trim(part.substr(0, part.find(';'))));
      any = any || type == "*/*" || (type.empty() && Trim(accept).empty());
      for (const FormatName& f : kFormats) {
        if (f.mime == type || (type == "text/*" && f.format == Format::kCsv) ||
            (type == "application/*" && f.format == Format::kJson)) {
          return f.format;
        }
      }
    }
    if (!any || round == 1) break;
    accept = fallback.empty() ? "text/csv" : fallback;
  }
  return Fail(Code::kInvalidArgument, "BadAccept",
              fmt::format("Accept type {} is not supported. Please use supported accept types: "
                          "['application/json', 'application/jsonlines', "
                          "'application/x-recordio-protobuf', 'text/csv'].",
                          accept));
}

std::string_view MimeType(Format format) {
  return std::ranges::find(kFormats, format, &FormatName::format)->mime;
}

std::vector<std::string> ParseSelection(std::string_view text) {
  std::string clean = ToLower(text);
  std::erase(clean, ' ');
  std::vector<std::string> keys;
  for (const std::string_view key : Split(clean, ',')) {
    const std::string name(key);
    if (!key.empty() && std::ranges::find(keys, name) == keys.end()) keys.push_back(name);
  }
  return keys;
}

Result<std::string> Encode(std::span<const float> values, size_t width, Format format, bool batch,
                           const Selection& selection) {
  if (selection.keys.empty()) return EncodePlain(values, width, format, batch);
  const auto* const row_of =
      std::ranges::find(kSelectable, std::string_view(selection.objective), &Selectable::objective);
  if (row_of == std::end(kSelectable)) {
    return Fail(Code::kInvalidArgument, "Unselectable",
                fmt::format("Objective `{}` unsupported for selectable inference predictions.",
                            selection.objective));
  }
  // Keys by their place in `selection.keys`; those that make no sense here are NaN.
  struct Chosen {
    std::string name;
    std::optional<Key> key;
  };
  std::vector<Chosen> chosen;
  for (const std::string& name : selection.keys) {
    const auto* const at = std::ranges::find(kKeys, std::string_view(name));
    const auto key = static_cast<Key>(at - std::begin(kKeys));
    const bool valid = at != std::end(kKeys) && (row_of->keys & Bit(key)) != 0;
    chosen.push_back({name, valid ? std::optional(key) : std::nullopt});
  }
  if (format != Format::kCsv) {  // objects have the keys in the order of the table
    std::ranges::stable_sort(chosen, {}, [](const Chosen& c) { return c.key.value_or(Key(7)); });
  }
  std::string out;
  if (format == Format::kJson) out += "{\"predictions\": [";
  for (size_t at = 0; at < values.size(); at += width) {
    const std::span<const float> row = values.subspan(at, width);
    std::string record;
    if (format == Format::kCsv && at > 0) out += '\n';
    if (format == Format::kJson && at > 0) out += ", ";
    if (format == Format::kJson || format == Format::kJsonLines) out += '{';
    for (size_t i = 0; i < chosen.size(); ++i) {
      const Item item = chosen[i].key ? Select(*chosen[i].key, selection, row)
                                      : One(std::numeric_limits<double>::quiet_NaN());
      if (format == Format::kRecordIo) {
        AppendLabel(record, chosen[i].name, item.numbers);
        continue;
      }
      if (format == Format::kCsv) {
        if (i > 0) out += ',';
        if (item.list) out += '"';
        AppendItem(out, item, false);
        if (item.list) out += '"';
        continue;
      }
      if (i > 0) out += ", ";
      out += JsonQuote(chosen[i].name) + ": ";
      AppendItem(out, item, true);
    }
    if (format == Format::kRecordIo) AppendRecord(out, record);
    if (format == Format::kJson) out += '}';
    if (format == Format::kJsonLines) out += "}\n";
  }
  if (format == Format::kCsv && batch) out += '\n';
  if (format == Format::kJson) out += "]}";
  return out;
}

}  // namespace clary::serving
