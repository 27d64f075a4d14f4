#include "clarify/dataset.h"

#include <fast_float/fast_float.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "base/file.h"
#include "base/quote.h"
#include "base/strings.h"
#include "clarify/internal/csv_text.h"
#include "clarify/internal/json_text.h"
#include "clarify/jmespath.h"
#include "data/records.h"

namespace clary::clarify {
namespace fs = std::filesystem;
namespace {

using nlohmann::json;

constexpr double kNoNumber = std::numeric_limits<double>::quiet_NaN();
constexpr uint64_t kMaxJsonFile = uint64_t{4} << 30;
constexpr size_t kMaxListed = 30;

std::unexpected<Error> Bad(std::string message) {
  return Fail(Code::kInvalidArgument, "ClientError", std::move(message));
}

// --- Types.

bool IsMissingText(std::string_view text) {
  if (text.empty()) return true;
  static constexpr std::string_view kWords[] = {"NaN",  "nan",  "NA",   "N/A",  "n/a",  "NULL",
                                                "null", "None", "<NA>", "#N/A", "-nan", "-NaN"};
  return std::ranges::find(kWords, text) != std::end(kWords);
}

struct NumberCell {
  double value = 0;
  bool integer = false;
};
std::optional<NumberCell> ReadNumber(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  int64_t whole = 0;
  const char* const last = text.data() + text.size();
  if (const auto [end, error] = std::from_chars(text.data(), last, whole);
      error == std::errc() && end == last) {
    return NumberCell{static_cast<double>(whole), true};
  }
  double value = 0;
  const auto [end, error] = fast_float::from_chars(text.data(), last, value);
  if (error != std::errc() || end != last || std::isnan(value)) return std::nullopt;
  return NumberCell{value, false};
}

std::optional<bool> ReadBoolean(std::string_view text) {
  if (text == "True" || text == "TRUE" || text == "true") return true;
  if (text == "False" || text == "FALSE" || text == "false") return false;
  return std::nullopt;
}

// --- Sets of columns, as cells.

struct Cells {
  std::vector<std::string> names;
  std::vector<std::vector<std::string>> columns;  // cells; missing ones are empty
  size_t rows() const { return columns.empty() ? 0 : columns[0].size(); }
};

std::string Listed(const std::vector<std::string>& names) {
  std::string out;
  for (size_t i = 0; i < names.size() && i < kMaxListed; ++i) {
    out += (i > 0 ? ", '" : "'") + Printable(names[i], 60) + "'";
  }
  if (names.size() > kMaxListed) out += fmt::format(" and {} more", names.size() - kMaxListed);
  return out;
}

std::optional<size_t> Place(const std::vector<std::string>& names, const ColumnRef& ref) {
  if (const auto* place = std::get_if<int64_t>(&ref)) {
    if (*place >= 0 && static_cast<size_t>(*place) < names.size()) {
      return static_cast<size_t>(*place);
    }
    return std::nullopt;
  }
  const auto at = std::ranges::find(names, std::get<std::string>(ref));
  if (at == names.end()) return std::nullopt;
  return static_cast<size_t>(at - names.begin());
}

std::string FileName(const fs::path& file) { return file.filename().string(); }

// Names that the configuration uses: a row that has one is a header.
std::vector<std::string> ConfiguredNames(const AnalysisConfig& c) {
  std::vector<std::string> out;
  const auto add = [&](const std::optional<ColumnRef>& ref) {
    if (ref && std::holds_alternative<std::string>(*ref)) out.push_back(RefText(*ref));
  };
  add(c.label);
  add(c.predicted_label);
  add(c.group_variable);
  add(c.joinsource);
  for (const FacetConfig& f : c.facets) add(f.column);
  for (const ColumnRef& e : c.excluded_columns) add(e);
  if (c.shap) {
    for (const ColumnRef& f : c.shap->features_to_explain) add(f);
  }
  if (c.pdp) {
    for (const ColumnRef& f : c.pdp->features) add(f);
  }
  return out;
}

void CheckUnique(std::vector<std::string>& names, std::vector<std::string>& notes) {
  std::unordered_map<std::string, size_t> seen;
  for (std::string& name : names) {
    const size_t times = seen[name]++;
    if (times == 0) continue;
    // As pandas renames them.
    notes.push_back(fmt::format("column '{}' occurs again; the later one is called '{}.{}'", name,
                                name, times));
    name += fmt::format(".{}", times);
  }
}

// The cells of csv or parquet files. `headers` empty: from the data.
Result<Cells> ReadTable(const std::vector<fs::path>& files, data::ContentType type,
                        const std::vector<std::string>& headers,
                        const std::vector<std::string>& known, std::vector<std::string>& notes) {
  Cells out;
  for (const fs::path& file : files) {
    auto opened = data::Records::Open(type, file, FileName(file));
    if (!opened && opened.error().reason == "NoData") continue;
    if (!opened) return Bad(opened.error().message);
    data::Records& records = **opened;
    const std::vector<std::string>& first = records.first();
    const size_t width = first.size();
    if (!headers.empty() && headers.size() != width) {
      return Bad(
          fmt::format("Headers in config do not match with the number of columns in the "
                      "dataset. The config has {} headers; {} has {} columns.",
                      headers.size(), FileName(file), width));
    }
    if (!out.columns.empty() && out.columns.size() != width) {
      return Bad(fmt::format("{} has {} columns; the files before it have {}", FileName(file),
                             width, out.columns.size()));
    }
    if (out.columns.empty()) out.columns.resize(width);
    const size_t begin = out.rows();
    for (;;) {
      auto more = records.Next();
      if (!more) return Bad(more.error().message);
      if (!*more) break;
      for (size_t c = 0; c < width; ++c) {
        const std::string_view text = records.Text(c);
        out.columns[c].emplace_back(IsMissingText(text) ? std::string_view() : text);
      }
    }
    bool header = type == data::ContentType::kParquet || first == headers;
    if (!header && headers.empty()) {
      const bool texts = std::ranges::none_of(
          first, [](const std::string& cell) { return ReadNumber(cell).has_value(); });
      const bool named = std::ranges::any_of(first, [&](const std::string& cell) {
        return std::ranges::find(known, cell) != known.end();
      });
      const bool numbers = std::ranges::any_of(out.columns, [&](const auto& column) {
        bool any = false;
        for (size_t r = begin; r < column.size(); ++r) {
          if (column[r].empty()) continue;
          if (!ReadNumber(column[r])) return false;
          any = true;
        }
        return any;
      });
      header = texts && (named || numbers);
      notes.push_back(header ? fmt::format("{}: the first row is its header", FileName(file))
                             : fmt::format("{}: no header row; columns are called column_0, "
                                           "column_1, ...; give headers to name them",
                                           FileName(file)));
    }
    if (header && out.names.empty() && headers.empty()) out.names = first;
    if (header) {
      if (type == data::ContentType::kCsv && !headers.empty()) {
        notes.push_back(
            fmt::format("{}: its first row repeats the headers and is skipped", FileName(file)));
      }
      continue;
    }
    for (size_t c = 0; c < width; ++c) {  // the first row is data
      const std::string& cell = first[c];
      out.columns[c].insert(out.columns[c].begin() + static_cast<std::ptrdiff_t>(begin),
                            IsMissingText(cell) ? "" : cell);
    }
  }
  if (!headers.empty()) out.names = headers;
  if (out.names.empty()) {
    for (size_t c = 0; c < out.columns.size(); ++c)
      out.names.push_back(fmt::format("column_{}", c));
  }
  CheckUnique(out.names, notes);
  return out;
}

std::string CellText(const json& value) {
  if (value.is_null()) return "";
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "True" : "False";
  if (value.is_number_float()) return RealText(value.get<double>());
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

struct Paths {
  std::optional<Jmespath> features, label, predicted, join;
};

Result<std::optional<Jmespath>> Compiled(const std::optional<ColumnRef>& ref) {
  if (!ref) return std::nullopt;
  CLARY_TRY(Jmespath path, Jmespath::Compile(RefText(*ref)));
  return path;
}

Result<Paths> CompilePaths(const AnalysisConfig& c) {
  Paths out;
  CLARY_TRY(out.features, Compiled(ColumnRef(c.features)));
  CLARY_TRY(out.label, Compiled(c.label));
  CLARY_TRY(out.predicted, Compiled(c.predicted_label));
  CLARY_TRY(out.join, Compiled(c.joinsource));
  return out;
}

// Appends the columns that one JSON document (or line: `single`) has.
Status AddDocument(const Paths& paths, const json& document, bool single, const std::string& where,
                   std::vector<std::vector<std::string>>& features,
                   std::vector<std::vector<std::string>>& others) {
  CLARY_TRY(const json found, paths.features->Search(document));
  const json rows = single ? json::array({found}) : found;
  if (!rows.is_array()) {
    return Bad(fmt::format("{}: Data must contain features. '{}' finds {}, expected a list of rows",
                           where, paths.features->text(), rows.type_name()));
  }
  size_t place = 0;
  for (const json& row : rows) {
    ++place;
    if (!row.is_array() || row.empty()) {
      return Bad(
          fmt::format("{}{}: Data must contain features. '{}' finds {}, expected a list of "
                      "values",
                      where, single ? "" : fmt::format(", row {}", place), paths.features->text(),
                      row.type_name()));
    }
    if (features.empty()) features.resize(row.size());
    if (row.size() != features.size()) {
      return Bad(fmt::format("{}{}: it has {} features; the rows before it have {}", where,
                             single ? "" : fmt::format(", row {}", place), row.size(),
                             features.size()));
    }
    for (size_t f = 0; f < row.size(); ++f) {
      if (row[f].is_structured()) {
        return Bad(fmt::format("{}{}: feature {} is {}, expected a value", where,
                               single ? "" : fmt::format(", row {}", place), f,
                               row[f].type_name()));
      }
      features[f].push_back(CellText(row[f]));
    }
  }
  size_t other = 0;
  for (const auto* path : {&paths.label, &paths.predicted, &paths.join}) {
    if (!*path) continue;
    std::vector<std::string>& cells = others[other++];
    CLARY_TRY(const json values, (*path)->Search(document));
    if (single) {
      if (values.is_structured()) {
        return Bad(fmt::format("{}: '{}' finds {}, expected a value", where, (*path)->text(),
                               values.type_name()));
      }
      cells.push_back(CellText(values));
      continue;
    }
    if (!values.is_array() || values.size() != rows.size()) {
      return Bad(fmt::format("{}: '{}' finds {}, expected a list of {} values, as many as rows",
                             where, (*path)->text(),
                             values.is_array() ? fmt::format("{} values", values.size())
                                               : std::string(values.type_name()),
                             rows.size()));
    }
    for (const json& value : values) cells.push_back(CellText(value));
  }
  return {};
}

// JSON and JSON lines: features, then label, predicted label and join key as far as there are such.
Result<Cells> ReadJsonData(const AnalysisConfig& config, const std::vector<fs::path>& files) {
  CLARY_TRY(const Paths paths, CompilePaths(config));
  std::vector<std::vector<std::string>> features, others;
  std::vector<std::string> names;
  if (paths.label) names.emplace_back("label");
  if (paths.predicted) names.emplace_back("predicted_label");
  if (paths.join) names.emplace_back("joinsource");
  others.resize(names.size());
  const bool lines = config.dataset_type == DatasetType::kJsonLines;
  for (const fs::path& file : files) {
    CLARY_TRY(const std::string text, ReadFile(file, kMaxJsonFile));
    if (!lines) {
      const auto document = ParseJson(text);
      if (!document) return Bad(FileName(file) + " is no JSON: " + document.error().message);
      CLARY_CHECK_OK(AddDocument(paths, *document, false, FileName(file), features, others));
      continue;
    }
    size_t number = 0;
    for (std::string_view line : Split(text, '\n')) {
      ++number;
      line = Trim(line);
      if (line.empty()) continue;
      const std::string where = fmt::format("{}, line {}", FileName(file), number);
      const auto document = ParseJson(line);
      if (!document) return Bad(where + " is no JSON: " + document.error().message);
      CLARY_CHECK_OK(AddDocument(paths, *document, true, where, features, others));
    }
  }
  Cells out;
  const size_t width = features.size();
  for (auto& column : features) out.columns.push_back(std::move(column));
  // What a join key is called matters to nobody but out.csv.
  const size_t named = width + names.size() - (paths.join ? 1 : 0);
  const auto& headers = config.headers;
  if (headers.empty()) {
    for (size_t f = 0; f < width; ++f) out.names.push_back(fmt::format("column_{}", f));
  } else if (headers.size() == width || headers.size() == named) {
    out.names.assign(headers.begin(), headers.begin() + static_cast<std::ptrdiff_t>(width));
    for (size_t h = width; h < headers.size(); ++h) names[h - width] = headers[h];
  } else if (width > 0) {
    return Bad(fmt::format(
        "Headers in config do not match with the number of columns in the "
        "dataset. The config has {} headers; the data has {} features{}.",
        headers.size(), width, named > width ? fmt::format(" and {} labels", named - width) : ""));
  }
  for (size_t i = 0; i < others.size(); ++i) {
    out.names.push_back(names[i]);
    out.columns.push_back(std::move(others[i]));
  }
  return out;
}

// --- Joining.

// The rows of `other` in the order of `keys`; rows of the data without a partner are left out of
// all: `kept` holds the data's rows that stay.
Status JoinByKey(const std::vector<std::string>& keys, const Cells& other, const ColumnRef& key,
                 const std::string& what, std::vector<std::vector<size_t>>& rows,
                 std::vector<size_t>& kept) {
  const auto at = Place(other.names, key);
  if (!at) {
    return Bad(fmt::format("joinsource_name_or_index '{}' is no column of the {}; it has {}",
                           RefText(key), what, Listed(other.names)));
  }
  std::unordered_map<std::string_view, size_t> where;
  for (size_t r = 0; r < other.rows(); ++r) {
    const std::string& value = other.columns[*at][r];
    if (!where.emplace(value, r).second) {
      return Bad(fmt::format("the key '{}' occurs twice in the {}", Printable(value, 60), what));
    }
  }
  std::vector<size_t> next;
  std::vector<size_t> partner(keys.size(), SIZE_MAX);
  for (const size_t r : kept) {
    const auto found = where.find(keys[r]);
    if (found == where.end()) continue;
    partner[r] = found->second;
    next.push_back(r);
  }
  kept = std::move(next);
  rows.push_back(std::move(partner));
  return {};
}

struct Extra {
  Cells cells;
  std::string what;
  bool several = false;  // it has several files
};

// Joins `extras` to `data`: afterwards all have the same rows.
Status JoinSets(const AnalysisConfig& config, bool several, Cells& data, std::vector<Extra>& extras,
                std::vector<std::string>& notes) {
  if (extras.empty()) return {};
  if (!config.joinsource) {
    for (const Extra& e : extras) {
      several = several || e.several;
      if (e.cells.rows() != data.rows()) {
        return Bad(
            fmt::format("the data set has {} rows, the {} has {}; give "
                        "joinsource_name_or_index to join them by a key",
                        data.rows(), e.what, e.cells.rows()));
      }
    }
    if (several) {
      return Bad(
          "joinsource_name_or_index is required: a data set of several files has no order of its "
          "own");
    }
    return {};
  }
  const auto key = Place(data.names, *config.joinsource);
  if (!key) {
    return Bad(fmt::format("joinsource_name_or_index '{}' is no column of the data set; it has {}",
                           RefText(*config.joinsource), Listed(data.names)));
  }
  const std::vector<std::string> keys = data.columns[*key];
  std::vector<size_t> kept(data.rows());
  for (size_t r = 0; r < kept.size(); ++r) kept[r] = r;
  std::vector<std::vector<size_t>> partners;
  for (const Extra& e : extras) {
    const ColumnRef by = std::holds_alternative<std::string>(*config.joinsource)
                             ? *config.joinsource
                             : ColumnRef(data.names[*key]);
    CLARY_CHECK_OK(JoinByKey(keys, e.cells, by, e.what, partners, kept));
  }
  if (kept.size() < keys.size()) {
    notes.push_back(fmt::format("{} of {} rows have no partner by the join key and are left out",
                                keys.size() - kept.size(), keys.size()));
  }
  const auto take = [&](Cells& cells, const std::vector<size_t>* partner) {
    for (auto& column : cells.columns) {
      std::vector<std::string> next;
      next.reserve(kept.size());
      for (const size_t r : kept) next.push_back(column[partner != nullptr ? (*partner)[r] : r]);
      column = std::move(next);
    }
  };
  take(data, nullptr);
  for (size_t i = 0; i < extras.size(); ++i) take(extras[i].cells, &partners[i]);
  return {};
}

Result<size_t> Located(const std::vector<std::string>& names, size_t begin, size_t end,
                       const ColumnRef& ref, std::string_view sentence, std::string_view key) {
  const std::vector<std::string> some(names.begin() + static_cast<std::ptrdiff_t>(begin),
                                      names.begin() + static_cast<std::ptrdiff_t>(end));
  if (const auto at = Place(some, ref)) return begin + *at;
  return Bad(fmt::format("{} {} '{}' is not there; the columns are {}", sentence, key,
                         Printable(RefText(ref), 60), Listed(some)));
}

}  // namespace

std::vector<std::string> Dataset::feature_names() const {
  std::vector<std::string> names;
  for (const size_t f : features) names.push_back(columns[f].name);
  return names;
}

Column TypedColumn(std::string name, std::vector<std::string> cells) {
  Column out{.name = std::move(name)};
  bool integers = true, numbers = true, booleans = true, missing = false, any = false;
  std::vector<double> values(cells.size(), kNoNumber);
  for (size_t i = 0; i < cells.size(); ++i) {
    const std::string& cell = cells[i];
    if (cell.empty()) {
      missing = true;
      continue;
    }
    any = true;
    if (numbers) {
      if (const auto number = ReadNumber(cell)) {
        values[i] = number->value;
        integers = integers && number->integer;
        booleans = false;
        continue;
      }
      numbers = integers = false;
    }
    booleans = booleans && ReadBoolean(cell).has_value();
    if (!booleans) break;
  }
  if (numbers || !any) {
    out.type = integers && !missing ? Column::Type::kInteger : Column::Type::kReal;
    out.numbers = std::move(values);
    return out;
  }
  if (booleans && !missing) {
    out.type = Column::Type::kBoolean;
    for (size_t i = 0; i < cells.size(); ++i) values[i] = *ReadBoolean(cells[i]) ? 1 : 0;
    out.numbers = std::move(values);
    return out;
  }
  out.type = Column::Type::kText;
  out.missing.resize(cells.size());
  for (size_t i = 0; i < cells.size(); ++i) out.missing[i] = cells[i].empty();
  if (std::ranges::find(out.missing, true) == out.missing.end()) out.missing.clear();
  out.texts = std::move(cells);
  return out;
}

std::optional<size_t> FindColumn(std::span<const Column> columns, const ColumnRef& ref) {
  std::vector<std::string> names;
  for (const Column& c : columns) names.push_back(c.name);
  return Place(names, ref);
}

Result<Dataset> ReadDataset(const AnalysisConfig& config, const DatasetFiles& files) {
  Dataset out;
  const bool is_json =
      config.dataset_type == DatasetType::kJson || config.dataset_type == DatasetType::kJsonLines;
  Cells data;
  if (is_json) {
    CLARY_TRY(data, ReadJsonData(config, files.data));
  } else {
    const auto type = config.dataset_type == DatasetType::kParquet ? data::ContentType::kParquet
                                                                   : data::ContentType::kCsv;
    CLARY_TRY(data,
              ReadTable(files.data, type, config.headers, ConfiguredNames(config), out.notes));
  }
  if (data.rows() == 0) {
    return Bad(fmt::format("The data set has no rows ({} file{}).", files.data.size(),
                           files.data.size() == 1 ? "" : "s"));
  }

  std::vector<Extra> extras;
  size_t predicted_at = SIZE_MAX, facets_at = SIZE_MAX;
  if (!config.predicted_label_dataset_uri.empty()) {
    CLARY_TRY(Cells cells, ReadTable(files.predicted_labels, data::ContentType::kCsv,
                                     config.predicted_label_headers,
                                     {RefText(*config.predicted_label)}, out.notes));
    predicted_at = extras.size();
    extras.push_back({std::move(cells), "predicted labels", files.predicted_labels.size() > 1});
  }
  if (!config.facet_dataset_uri.empty()) {
    CLARY_TRY(Cells cells, ReadTable(files.facets, data::ContentType::kCsv, config.facet_headers,
                                     ConfiguredNames(config), out.notes));
    facets_at = extras.size();
    extras.push_back({std::move(cells), "facet data set", files.facets.size() > 1});
  }
  CLARY_CHECK_OK(JoinSets(config, files.data.size() > 1, data, extras, out.notes));

  // One list of columns; which part of it belongs to which set.
  std::vector<std::string> names = data.names;
  const size_t own = names.size();
  std::vector<size_t> begins;
  for (Extra& e : extras) {
    begins.push_back(names.size());
    names.insert(names.end(), e.cells.names.begin(), e.cells.names.end());
    for (auto& column : e.cells.columns) data.columns.push_back(std::move(column));
  }
  const auto part = [&](size_t extra) {
    if (extra == SIZE_MAX) return std::pair<size_t, size_t>(0, own);
    return std::pair(begins[extra], extra + 1 < begins.size() ? begins[extra + 1] : names.size());
  };

  if (config.label) {
    if (is_json) {
      out.label = own - 1 - (config.joinsource ? 1 : 0) - (config.predicted_label ? 1 : 0);
    } else {
      CLARY_TRY(out.label,
                Located(names, 0, own, *config.label, "Headers must contain label.", "label"));
    }
  }
  if (config.predicted_label) {
    const auto [begin, end] = part(predicted_at);
    if (is_json) {
      out.predicted_label = own - 1 - (config.joinsource ? 1 : 0);
    } else {
      CLARY_TRY(out.predicted_label,
                Located(names, begin, end, *config.predicted_label,
                        "Unable to locate the predicted label.", "predicted_label"));
    }
  }
  if (config.joinsource) {
    if (is_json) {
      out.join = own - 1;
    } else {
      CLARY_TRY(out.join, Located(names, 0, own, *config.joinsource,
                                  "Unable to locate the join key.", "joinsource_name_or_index"));
    }
  }
  if (config.group_variable) {
    CLARY_TRY(out.group_variable,
              Located(names, 0, own, *config.group_variable, "Unable to locate the group variable.",
                      "group_variable"));
  }
  for (const FacetConfig& f : config.facets) {
    const auto [begin, end] = part(facets_at);
    CLARY_TRY(const size_t at, Located(names, begin, end, f.column, "Unable to locate the facet.",
                                       "facet name_or_index"));
    out.facets.push_back(at);
  }
  for (const SegmentConfig& s : config.segments) {
    CLARY_TRY(const size_t at, Located(names, 0, own, s.column, "Unable to locate the segment.",
                                       "segment_config name_or_index"));
    out.segments.push_back(at);
  }
  std::vector<bool> left_out(own);
  for (const auto& role : {out.label, out.predicted_label, out.join}) {
    if (role && *role < own) left_out[*role] = true;
  }
  for (const ColumnRef& e : config.excluded_columns) {
    CLARY_TRY(const size_t at,
              Located(names, 0, own, e, "Feature names not found.", "excluded_columns"));
    left_out[at] = true;
  }
  for (size_t c = 0; c < own; ++c) {
    if (!left_out[c]) out.features.push_back(c);
  }
  if (out.features.empty()) {
    return Bad("Data must contain features. The columns are " + Listed(names));
  }
  out.rows = data.columns.front().size();
  if (out.rows == 0) return Bad("No row has partners in all data sets by the join key.");
  if (out.join) out.keys = data.columns[*out.join];
  for (size_t c = 0; c < names.size(); ++c) {
    out.columns.push_back(TypedColumn(std::move(names[c]), std::move(data.columns[c])));
  }
  return out;
}

namespace {

// Rows of cells, each as long as there are features.
Result<std::vector<Column>> BaselineColumns(const Dataset& dataset,
                                            const std::vector<std::vector<std::string>>& rows) {
  if (rows.empty()) return Bad("The baseline has no rows.");
  std::vector<Column> out;
  for (size_t f = 0; f < dataset.features.size(); ++f) {
    const Column& like = dataset.columns[dataset.features[f]];
    Column column{.name = like.name, .type = like.type};
    for (size_t r = 0; r < rows.size(); ++r) {
      const std::string& cell = rows[r][f];
      if (like.type == Column::Type::kText) {
        column.texts.push_back(cell);
        column.missing.push_back(cell.empty());
        continue;
      }
      double value = kNoNumber;
      if (!cell.empty()) {
        const auto number = ReadNumber(cell);
        const auto boolean = ReadBoolean(cell);
        if (!number && !boolean) {
          return Bad(
              fmt::format("Could not convert string to float. Row {} of the baseline, column "
                          "'{}': '{}'",
                          r + 1, like.name, Printable(cell, 60)));
        }
        value = number ? number->value : *boolean ? 1 : 0;
        if (number && !number->integer && column.type == Column::Type::kInteger &&
            value != std::floor(value)) {
          column.type = Column::Type::kReal;
        }
      }
      column.numbers.push_back(value);
    }
    out.push_back(std::move(column));
  }
  return out;
}

std::unexpected<Error> BaselineWidth(size_t row, size_t found, size_t expected) {
  return Bad(
      fmt::format("Row {} of the baseline has {} values, expected {}: the features, without "
                  "label and excluded columns",
                  row, found, expected));
}

}  // namespace

Result<std::vector<Column>> ReadBaseline(const AnalysisConfig& config, const Dataset& dataset,
                                         const BaselineText& baseline) {
  const size_t width = dataset.features.size();
  std::vector<std::vector<std::string>> rows;
  const auto add = [&](const json& row) -> Status {
    if (!row.is_array()) {
      return Bad(fmt::format("Row {} of the baseline is {}, expected a list of values",
                             rows.size() + 1, row.type_name()));
    }
    if (row.size() != width) return BaselineWidth(rows.size() + 1, row.size(), width);
    auto& cells = rows.emplace_back();
    for (const json& value : row) cells.push_back(CellText(value));
    return {};
  };
  const bool is_json =
      config.dataset_type == DatasetType::kJson || config.dataset_type == DatasetType::kJsonLines;
  if (!baseline.inline_json && !is_json) {
    const auto names = dataset.feature_names();
    size_t number = 0;
    for (auto& cells : CsvLines(baseline.text)) {
      ++number;
      if (cells == names) continue;
      if (cells.size() != width) return BaselineWidth(number, cells.size(), width);
      for (std::string& c : cells) {
        if (IsMissingText(c)) c.clear();
      }
      rows.push_back(std::move(cells));
    }
    return BaselineColumns(dataset, rows);
  }
  const auto no_json = [](const Error& error) {
    return Bad("The baseline is no JSON: " + error.message);
  };
  if (!is_json) {
    const auto list = ParseJson(baseline.text);
    if (!list) return no_json(list.error());
    if (!list->is_array())
      return Bad("The baseline is an object, expected rows: [[1, 2, ...], ...]");
    for (const json& row : *list) CLARY_CHECK_OK(add(row));
    return BaselineColumns(dataset, rows);
  }
  CLARY_TRY(const Jmespath features, Jmespath::Compile(config.features));
  // Objects as the data has them: a whole document, or lines.
  const auto add_object = [&](const json& object, bool single) -> Status {
    if (object.is_array() && single) return add(object);
    CLARY_TRY(const json found, features.Search(object));
    if (single) return add(found);
    if (!found.is_array()) {
      return Bad(fmt::format("The baseline has no features: '{}' finds {}", config.features,
                             found.type_name()));
    }
    for (const json& row : found) CLARY_CHECK_OK(add(row));
    return {};
  };
  const bool lines = config.dataset_type == DatasetType::kJsonLines;
  if (baseline.inline_json || !lines) {
    const auto document = ParseJson(baseline.text);
    if (!document) return no_json(document.error());
    if (document->is_array() && (lines || !document->empty())) {
      for (const json& element : *document) {
        CLARY_CHECK_OK(add_object(element, lines || element.is_array()));
      }
    } else {
      CLARY_CHECK_OK(add_object(*document, lines));
    }
    return BaselineColumns(dataset, rows);
  }
  for (std::string_view line : Split(baseline.text, '\n')) {
    line = Trim(line);
    if (line.empty()) continue;
    const auto document = ParseJson(line);
    if (!document) return no_json(document.error());
    CLARY_CHECK_OK(add_object(*document, true));
  }
  return BaselineColumns(dataset, rows);
}

}  // namespace clary::clarify
