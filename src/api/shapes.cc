#include "api/shapes.h"

#include <re2/re2.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/mutex.h"
#include "base/strings.h"

namespace clary::api {
namespace {

using nlohmann::json;

constexpr size_t kMaxErrors = 20;
constexpr size_t kMaxShownValue = 1024;
constexpr size_t kMaxShownName = 128;

Error Malformed(std::string message) {
  return {Code::kInvalidArgument, "SerializationException", std::move(message)};
}

// Text of a request as messages show it: not more than `limit` bytes, cut between characters.
std::string Shown(std::string_view text, size_t limit) {
  if (text.size() <= limit) return std::string(text);
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xC0) == 0x80) --limit;
  return std::string(text.substr(0, limit)) + "...";
}

// Makes a document of the parser's events, refusing what would be lost or taken for another value.
class DocumentBuilder {
 public:
  bool null() { return Add(json()); }
  bool boolean(bool value) { return Add(value); }
  bool number_integer(int64_t value) { return Add(value); }
  bool number_unsigned(uint64_t value) { return Add(value); }
  bool number_float(double value, const std::string& /*text*/) { return Add(value); }
  bool binary(std::vector<uint8_t>& /*value*/) { return false; }  // not of JSON's text form
  bool string(std::string& value) {
    if (value.find('\0') != std::string::npos) {
      return Refuse("The character U+0000 is not allowed in " + Place());
    }
    return Add(std::move(value));
  }
  bool start_object(size_t /*size*/) { return Open(json::object()); }
  bool start_array(size_t /*size*/) { return Open(json::array()); }
  bool end_object() { return Close(); }
  bool end_array() { return Close(); }
  bool key(std::string& name) {
    if (name.find('\0') != std::string::npos) {
      return Refuse("The character U+0000 is not allowed in a name in " + Place());
    }
    keys_.back() = std::move(name);
    if (open_.back()->contains(keys_.back())) return Refuse(Place() + " is given twice");
    return true;
  }
  bool parse_error(size_t position, const std::string& /*token*/, const json::exception& error) {
    constexpr int kNumberOverflow = 406;
    if (error.id == kNumberOverflow) return Refuse("The number is out of range in " + Place());
    return Refuse("The request body is not valid JSON at byte " + std::to_string(position) +
                  (open_.empty() ? "" : ", in " + Place()));
  }

  Result<json> Finish(bool parsed) && {
    if (parsed) return std::move(root_);
    return std::unexpected(Malformed(std::move(error_)));
  }

 private:
  bool Refuse(std::string message) {
    error_ = std::move(message);
    return false;
  }
  // Where the parser is: "'HyperParameters.eta'".
  std::string Place() const {
    std::string path;
    for (size_t i = 0; i < open_.size(); ++i) {
      if (open_[i]->is_array()) {
        path += "[" + std::to_string(open_[i]->size() - (i + 1 < open_.size() ? 1 : 0)) + "]";
      } else if (!keys_[i].empty()) {
        path += (path.empty() ? "" : ".") + Shown(keys_[i], kMaxShownName);
      }
    }
    return path.empty() ? "the request body" : "'" + path + "'";
  }
  json* Put(json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    json& parent = *open_.back();
    if (parent.is_object()) return &(parent[keys_.back()] = std::move(value));
    parent.push_back(std::move(value));
    return &parent.back();
  }
  bool Add(json value) {
    Put(std::move(value));
    return true;
  }
  bool Open(json value) {
    if (open_.size() == kMaxRequestDepth) {
      return Refuse("The request body is nested deeper than " + std::to_string(kMaxRequestDepth) +
                    " levels");
    }
    // Stays where it is while it is open: its parent grows only after it is closed.
    json* added = Put(std::move(value));
    open_.push_back(added);
    keys_.emplace_back();
    return true;
  }
  bool Close() {
    open_.pop_back();
    keys_.pop_back();
    return true;
  }

  json root_;
  std::vector<json*> open_;        // objects and arrays that are not closed yet, outermost first
  std::vector<std::string> keys_;  // the name read last in each of them; empty in arrays
  std::string error_;
};

std::string_view FoundName(const json& value) {
  switch (value.type()) {
    case json::value_t::string:
      return "STRING_VALUE";
    case json::value_t::boolean:
      return value.get<bool>() ? "TRUE_VALUE" : "FALSE_VALUE";
    case json::value_t::object:
      return "START_OBJECT";
    case json::value_t::array:
      return "START_ARRAY";
    case json::value_t::null:
      return "NULL_VALUE";
    case json::value_t::number_float: {
      const double d = value.get<double>();
      return d == std::floor(d) ? "NUMBER_VALUE" : "DECIMAL_VALUE";
    }
    default:
      return "NUMBER_VALUE";
  }
}

std::string_view WantedName(Type type) {
  switch (type) {
    case Type::kString:
      return "a String";
    case Type::kInteger:
      return "an Integer";
    case Type::kLong:
      return "a Long";
    case Type::kFloat:
      return "a Float";
    case Type::kDouble:
      return "a Double";
    case Type::kBoolean:
      return "a Boolean";
    case Type::kTimestamp:
      return "a Timestamp (epoch seconds, years 1 to 9999)";
    case Type::kBlob:
      return "a Blob (base64)";
    case Type::kList:
      return "a List";
    case Type::kMap:
      return "a Map";
    case Type::kStructure:
      return "a Structure";
  }
  return "";
}

// Years 1 to 9999: what clients can show.
constexpr double kFirstTime = -62135596800.0;
constexpr double kEndOfTimes = 253402300800.0;

bool IsWhole(const json& value, int64_t max) {
  if (value.is_number_float()) {
    // 5.0 is an integer too: typed clients of other languages send it.
    constexpr double kExact = 0x1p53;
    const double d = value.get<double>();
    return d == std::floor(d) && std::abs(d) <= std::min(static_cast<double>(max), kExact);
  }
  if (value.is_number_unsigned()) return value.get<uint64_t>() <= static_cast<uint64_t>(max);
  return value.is_number_integer() && value.get<int64_t>() >= -max - 1;
}

bool HasType(const json& value, Type type) {
  switch (type) {
    case Type::kString:
      return value.is_string();
    case Type::kBlob:
      return value.is_string() && Base64Decode(value.get_ref<const std::string&>()).has_value();
    case Type::kInteger:
      return IsWhole(value, INT32_MAX);
    case Type::kLong:
      return IsWhole(value, INT64_MAX);
    case Type::kFloat:
    case Type::kDouble:
      return value.is_number();
    case Type::kTimestamp:
      return value.is_number() && value.get<double>() >= kFirstTime &&
             value.get<double>() < kEndOfTimes;
    case Type::kBoolean:
      return value.is_boolean();
    case Type::kList:
      return value.is_array();
    case Type::kMap:
    case Type::kStructure:
      return value.is_object();
  }
  return false;
}

std::string Child(const std::string& path, std::string_view name) {
  return path.empty() ? std::string(name) : path + "." + std::string(name);
}

std::unexpected<Error> UnknownMember(const Shape& shape, const std::string& path,
                                     const std::string& name) {
  std::string message = "'" + Child(path, Shown(name, kMaxShownName)) + "' is no member of " +
                        std::string(shape.name);
  for (const Member& m : Members(shape)) {
    if (EqualsIgnoreCase(m.name, name)) {
      message += "; did you mean '" + std::string(m.name) + "'? Names are case-sensitive";
    }
  }
  return Fail(Code::kInvalidArgument, "ValidationException", std::move(message));
}

Status ConformAt(json& value, const Shape& shape, const std::string& path) {
  if (!HasType(value, shape.type)) {
    return std::unexpected(Malformed(std::string(FoundName(value)) + " can not be converted to " +
                                     std::string(WantedName(shape.type)) + " at '" +
                                     (path.empty() ? "the request body" : path) + "'"));
  }
  switch (shape.type) {
    case Type::kInteger:
    case Type::kLong:
      if (value.is_number_float()) value = static_cast<int64_t>(value.get<double>());
      break;
    case Type::kList: {
      size_t i = 0;
      for (json& item : value) {
        CLARY_CHECK_OK(ConformAt(item, *shape.item, path + "[" + std::to_string(i++) + "]"));
      }
      break;
    }
    case Type::kMap:
      for (auto it = value.begin(); it != value.end();) {
        if (it->is_null()) {
          it = value.erase(it);
          continue;
        }
        CLARY_CHECK_OK(ConformAt(*it, *shape.item, Child(path, Shown(it.key(), kMaxShownName))));
        ++it;
      }
      break;
    case Type::kStructure:
      for (auto it = value.begin(); it != value.end();) {
        if (it->is_null()) {
          it = value.erase(it);
          continue;
        }
        const Member* member = FindMember(shape, it.key());
        if (member == nullptr) return UnknownMember(shape, path, it.key());
        CLARY_CHECK_OK(ConformAt(*it, *member->shape, Child(path, MemberInPath(it.key()))));
        ++it;
      }
      break;
    default:
      break;
  }
  return {};
}

// Compiled once per pattern for the life of the process.
bool Matches(const char* pattern, const std::string& text) {
  static Mutex mu;
  static auto& compiled = *new std::map<std::string_view, std::unique_ptr<RE2>>;
  const RE2* re = nullptr;
  {
    MutexLock lock(mu);
    auto& slot = compiled[pattern];
    if (!slot) slot = std::make_unique<RE2>(pattern);
    re = slot.get();
  }
  return RE2::FullMatch(text, *re);
}

double CodePoints(const std::string& text) {
  int64_t n = 0;
  for (const char c : text) n += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return static_cast<double>(n);
}

// A value as AWS prints it: text as it is, {k=v, ...}, [a, b].
void Print(const json& value, std::string& out) {
  if (out.size() > kMaxShownValue) return;
  if (value.is_string()) {
    out += value.get_ref<const std::string&>();
  } else if (value.is_object()) {
    out += '{';
    for (auto it = value.begin(); it != value.end(); ++it) {
      if (it != value.begin()) out += ", ";
      out += it.key() + "=";
      Print(*it, out);
    }
    out += '}';
  } else if (value.is_array()) {
    out += '[';
    for (size_t i = 0; i < value.size(); ++i) {
      if (i > 0) out += ", ";
      Print(value[i], out);
    }
    out += ']';
  } else {
    out += value.dump();
  }
}

std::string Number(double limit) {
  return limit == std::floor(limit) ? std::to_string(static_cast<int64_t>(limit))
                                    : json(limit).dump();
}

class Validator {
 public:
  void Check(const json& value, const Shape& shape, const std::string& path) {
    switch (shape.type) {
      case Type::kString:
        for (std::string& c : Broken(value, shape)) Add(value, path, std::move(c));
        break;
      case Type::kInteger:
      case Type::kLong:
      case Type::kFloat:
      case Type::kDouble: {
        const auto n = value.get<double>();
        constexpr std::string_view kHave = "Member must have value ";
        if (n > shape.max) {
          Add(value, path, std::string(kHave) + "less than or equal to " + Number(shape.max));
        }
        if (n < shape.min) {
          Add(value, path, std::string(kHave) + "greater than or equal to " + Number(shape.min));
        }
        break;
      }
      case Type::kList: {
        CheckSize(value, shape, path);
        const bool flat = shape.item->type == Type::kString;
        size_t i = 0;
        for (const json& item : value) {
          ++i;
          if (!flat) {
            Check(item, *shape.item, path + "." + std::to_string(i) + ".member");
          } else if (!Broken(item, *shape.item).empty()) {
            Add(value, path, "Member must satisfy constraint: [" + Constraints(*shape.item) + "]");
            break;
          }
        }
        break;
      }
      case Type::kMap: {
        CheckSize(value, shape, path);
        bool keys = true;
        bool values = true;
        for (auto it = value.begin(); it != value.end(); ++it) {
          if (keys && !Broken(it.key(), *shape.key).empty()) {
            Add(value, path, "Map keys must satisfy constraint: [" + Constraints(*shape.key) + "]");
            keys = false;
          }
          if (shape.item->type != Type::kString) {
            Check(*it, *shape.item, path + "." + it.key() + ".member");
          } else if (values && !Broken(*it, *shape.item).empty()) {
            Add(value, path,
                "Map value must satisfy constraint: [" + Constraints(*shape.item) + "]");
            values = false;
          }
        }
        break;
      }
      case Type::kStructure:
        for (const Member& m : Members(shape)) {
          const auto it = value.find(m.name);
          if (it != value.end()) {
            Check(*it, *m.shape, Child(path, MemberInPath(m.name)));
          } else if (m.required) {
            Add(json(), Child(path, MemberInPath(m.name)), "Member must not be null");
          }
        }
        if (shape.one_of && value.size() != 1) {
          std::string names;
          for (const Member& m : Members(shape)) {
            names += (names.empty() ? "" : ", ") + std::string(m.name);
          }
          Add(value, path, "Exactly one of [" + names + "] must be given");
        }
        break;
      default:
        break;
    }
  }

  Status Finish() const {
    if (count_ == 0) return {};
    return Fail(Code::kInvalidArgument, "ValidationException",
                std::to_string(count_) + " validation error" + (count_ == 1 ? "" : "s") +
                    " detected: " + text_);
  }

 private:
  // The constraints that a string breaks, as texts.
  static std::vector<std::string> Broken(const json& value, const Shape& shape) {
    std::vector<std::string> out;
    const auto& text = value.get_ref<const std::string&>();
    if (shape.enums != nullptr) {
      const std::span values(shape.enums, shape.enum_count);
      if (shape.pattern != nullptr ? Matches(shape.pattern, text)
                                   : std::ranges::find(values, text) != values.end()) {
        return out;
      }
      out.push_back(EnumText(shape));
      return out;
    }
    const double n = CodePoints(text);
    if (n > shape.max) out.push_back(MaxText(shape));
    if (n < shape.min) out.push_back(MinText(shape));
    if (shape.pattern != nullptr && !Matches(shape.pattern, text)) {
      out.push_back(PatternText(shape));
    }
    return out;
  }

  static std::string MaxText(const Shape& shape) {
    return "Member must have length less than or equal to " + Number(shape.max);
  }
  static std::string MinText(const Shape& shape) {
    return "Member must have length greater than or equal to " + Number(shape.min);
  }
  static std::string PatternText(const Shape& shape) {
    return std::string("Member must satisfy regular expression pattern: ") +
           (shape.pattern_text != nullptr ? shape.pattern_text : shape.pattern);
  }
  static std::string EnumText(const Shape& shape) {
    std::string out = "Member must satisfy enum value set: [";
    for (size_t i = 0; i < shape.enum_count; ++i) {
      if (i > 0) out += ", ";
      out += shape.enums[i];
    }
    return out + "]";
  }
  static std::string Constraints(const Shape& shape) {
    if (shape.enums != nullptr) return EnumText(shape);
    std::string out;
    const auto add = [&](const std::string& c) { out += (out.empty() ? "" : ", ") + c; };
    if (shape.max != kNoMax) add(MaxText(shape));
    if (shape.min != kNoMin) add(MinText(shape));
    if (shape.pattern != nullptr) add(PatternText(shape));
    return out;
  }

  void CheckSize(const json& value, const Shape& shape, const std::string& path) {
    const auto n = static_cast<double>(value.size());
    if (n > shape.max) Add(value, path, MaxText(shape));
    if (n < shape.min) Add(value, path, MinText(shape));
  }

  void Add(const json& value, const std::string& path, std::string constraint) {
    ++count_;
    if (count_ > kMaxErrors) return;  // counted, not printed: a message stays readable
    std::string shown;
    Print(value, shown);
    if (!text_.empty()) text_ += "; ";
    text_ += "Value " + (value.is_null() ? "null" : "'" + Shown(shown, kMaxShownValue) + "'") +
             " at '" + path + "' failed to satisfy constraint: " + constraint;
  }

  size_t count_ = 0;
  std::string text_;
};

}  // namespace

std::span<const Member> Members(const Shape& structure) {
  return {structure.members, structure.member_count};
}

const Operation* FindOperation(std::span<const Operation> operations, std::string_view name) {
  const auto it = std::ranges::find(operations, name, &Operation::name);
  return it != operations.end() ? &*it : nullptr;
}

const Member* FindMember(const Shape& structure, std::string_view name) {
  const auto members = Members(structure);
  const auto it = std::ranges::find(members, name, &Member::name);
  return it != members.end() ? &*it : nullptr;
}

std::string MemberInPath(std::string_view name) {
  std::string out(name);
  if (!out.empty() && out[0] >= 'A' && out[0] <= 'Z') out[0] = static_cast<char>(out[0] + 32);
  return out;
}

Result<json> ParseDocument(std::string_view body) {
  if (body.size() > kMaxRequestBytes) {
    return std::unexpected(Malformed("The request body is larger than " +
                                     std::to_string(kMaxRequestBytes) + " bytes"));
  }
  if (body.empty()) return json::object();
  DocumentBuilder builder;
  const bool parsed = json::sax_parse(body, &builder);
  return std::move(builder).Finish(parsed);
}

Status Conform(json& value, const Shape& shape) { return ConformAt(value, shape, ""); }

Status CheckValues(const json& value, const Shape& shape) {
  Validator validator;
  validator.Check(value, shape, "");
  return validator.Finish();
}

}  // namespace clary::api
