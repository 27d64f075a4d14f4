// What the columns of a channel are called and hold: docs/formats/columns.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace clary::data {

inline constexpr std::string_view kColumnsFile = "_columns.json";
// What the engine has codes for.
inline constexpr size_t kMaxCategories = 65'534;

struct Column {
  std::string name;
  bool is_category = false;             // values are indices into `categories`
  std::vector<std::string> categories;  // sorted by bytes
  uint64_t missing = 0;                 // rows without a value
};

struct Columns {
  std::string label;
  std::vector<std::string> classes;    // empty: the label is a number
  std::vector<uint64_t> class_counts;  // rows of each class, or empty: not known
  std::vector<Column> features;
  uint64_t rows = 0;  // 0: not known
};

enum class Detail : uint8_t { kAll, kMeaning };  // kMeaning: nothing about particular rows
std::string ColumnsToJson(const Columns& columns, Detail detail);
// kInvalidArgument "BadColumns"; the message names the member.
Result<Columns> ColumnsFromJson(std::string_view text);
// The file of a channel directory; nullopt if there is none.
Result<std::optional<Columns>> ReadColumnsOf(const std::filesystem::path& directory);

// Why XGBoost would not take this as a feature's name; nullptr if it would.
const char* BadName(std::string_view name);

}  // namespace clary::data
