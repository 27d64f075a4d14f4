#include "data/columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/file.h"
#include "base/strings.h"

namespace clary::data {
namespace {

using nlohmann::json;

constexpr size_t kMaxBytes = size_t{256} << 20;

std::unexpected<Error> Bad(std::string message) {
  return Fail(Code::kInvalidArgument, "BadColumns", std::move(message));
}

// A member that may be absent.
Result<std::vector<std::string>> Texts(const json& object, const char* member) {
  std::vector<std::string> out;
  const auto it = object.find(member);
  if (it == object.end()) return out;
  if (!it->is_array()) return Bad(fmt::format("{} is not a list", member));
  if (it->size() > kMaxCategories) {
    return Bad(fmt::format("{} has {} texts; there may be {}", member, it->size(), kMaxCategories));
  }
  std::set<std::string_view> known;
  out.reserve(it->size());
  for (const json& text : *it) {
    if (!text.is_string()) return Bad(fmt::format("{} has an item that is no text", member));
    out.push_back(text.get<std::string>());
  }
  for (const std::string& text : out) {
    if (!known.insert(text).second) return Bad(fmt::format("{} has '{}' twice", member, text));
  }
  return out;
}

Result<uint64_t> Count(const json& object, const char* member) {
  const auto it = object.find(member);
  if (it == object.end()) return 0;
  if (!it->is_number_unsigned()) return Bad(fmt::format("{} is not a number of rows", member));
  return it->get<uint64_t>();
}

Result<std::string> Name(const json& object) {
  const auto it = object.find("name");
  if (it == object.end() || !it->is_string()) return Bad("name is missing or no text");
  return it->get<std::string>();
}

Result<Column> ReadFeature(const json& feature) {
  if (!feature.is_object()) return Bad("is not an object");
  Column column;
  CLARY_TRY(column.name, Name(feature));
  if (const char* why = BadName(column.name)) {
    return Bad(fmt::format("name '{}' {}", column.name, why));
  }
  const auto type = feature.find("type");
  const std::string word =
      type != feature.end() && type->is_string() ? type->get<std::string>() : std::string();
  if (word != "number" && word != "category") {
    return Bad("type is neither \"number\" nor \"category\"");
  }
  column.is_category = word == "category";
  if (column.is_category != feature.contains("categories")) {
    return Bad("categories belong to type \"category\", and to no other");
  }
  CLARY_TRY(column.categories, Texts(feature, "categories"));
  CLARY_TRY(column.missing, Count(feature, "missing"));
  return column;
}

}  // namespace

const char* BadName(std::string_view name) {
  if (name.empty()) return "is empty";
  if (name.find_first_of("[]<") != std::string_view::npos) {
    return "has one of [, ] and <, which XGBoost's names must not have";
  }
  if (!IsUtf8(name)) return "is not UTF-8";
  return nullptr;
}

std::string ColumnsToJson(const Columns& columns, Detail detail) {
  const bool all = detail == Detail::kAll;
  json label = {{"name", columns.label}};
  if (!columns.classes.empty()) label["classes"] = columns.classes;
  if (all && !columns.class_counts.empty()) label["counts"] = columns.class_counts;
  json features = json::array();
  for (const Column& c : columns.features) {
    json feature = {{"name", c.name}, {"type", c.is_category ? "category" : "number"}};
    if (c.is_category) feature["categories"] = c.categories;
    if (all) feature["missing"] = c.missing;
    features.push_back(std::move(feature));
  }
  json doc = {{"version", 1}, {"label", std::move(label)}, {"features", std::move(features)}};
  if (all) doc["rows"] = columns.rows;
  return doc.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<Columns> ColumnsFromJson(std::string_view text) {
  const json doc = json::parse(text, nullptr, false);
  if (!doc.is_object()) return Bad("is not a JSON object");
  const auto version = doc.find("version");
  if (version == doc.end() || !version->is_number_unsigned()) return Bad("version is missing");
  if (*version != 1) {
    return Bad(
        fmt::format("version {} is newer than this program, which knows 1", version->dump()));
  }
  Columns out;
  CLARY_TRY(out.rows, Count(doc, "rows"));
  const auto label = doc.find("label");
  if (label == doc.end() || !label->is_object()) return Bad("label is missing or no object");
  auto name = Name(*label);
  if (!name) return std::unexpected(std::move(name).error().With("label"));
  out.label = std::move(*name);
  CLARY_TRY(out.classes, Texts(*label, "classes"));
  if (const auto counts = label->find("counts"); counts != label->end()) {
    if (!counts->is_array() || counts->size() != out.classes.size() ||
        !std::ranges::all_of(*counts, [](const json& n) { return n.is_number_unsigned(); })) {
      return Bad("label: counts are not one number a class");
    }
    out.class_counts = counts->get<std::vector<uint64_t>>();
  }
  const auto features = doc.find("features");
  if (features == doc.end() || !features->is_array()) return Bad("features are missing or no list");
  for (const json& feature : *features) {
    auto column = ReadFeature(feature);
    if (!column) {
      return std::unexpected(
          std::move(column).error().With(fmt::format("feature {}", out.features.size())));
    }
    out.features.push_back(std::move(*column));
  }
  std::set<std::string_view> names;
  for (const Column& column : out.features) {
    if (!names.insert(column.name).second) {
      return Bad(fmt::format("two features are called '{}'", column.name));
    }
  }
  return out;
}

Result<std::optional<Columns>> ReadColumnsOf(const std::filesystem::path& directory) {
  const auto text = ReadFile(directory / kColumnsFile, kMaxBytes);
  if (!text && text.error().code == Code::kNotFound) return std::nullopt;
  if (!text) return std::unexpected(text.error());
  auto columns = ColumnsFromJson(*text);
  if (!columns) return std::unexpected(std::move(columns).error().With(std::string(kColumnsFile)));
  return std::move(*columns);
}

}  // namespace clary::data
