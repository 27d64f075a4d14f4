#include "api/sagemaker.h"

#include <re2/re2.h>

#include <cmath>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "api/internal/shapes.h"
#include "base/mutex.h"

namespace clary::api {
namespace {

using nlohmann::json;

constexpr size_t kMaxErrors = 20;
constexpr size_t kMaxShownValue = 1024;

Error Malformed(std::string message) {
  return {Code::kInvalidArgument, "SerializationException", std::move(message)};
}

const Shape* InputOf(std::string_view operation) {
  for (const Operation& op : Operations()) {
    if (op.name == operation) return op.input;
  }
  return nullptr;
}

// Nesting of brackets outside of strings; nlohmann's own parser has no limit.
bool TooDeep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMaxRequestDepth) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

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
    case json::value_t::number_float:
      return "DECIMAL_VALUE";
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
    case Type::kDouble:
      return "a Double";
    case Type::kBoolean:
      return "a Boolean";
    case Type::kTimestamp:
      return "a Timestamp (epoch seconds)";
    case Type::kList:
      return "a List";
    case Type::kMap:
      return "a Map";
    default:
      return "a Structure";
  }
}

bool HasType(const json& value, Type type) {
  switch (type) {
    case Type::kString:
      return value.is_string();
    case Type::kInteger:
    case Type::kLong: {
      // 5.0 is an integer too: typed clients of other languages send it.
      if (value.is_number_float()) {
        const double d = value.get<double>();
        return d == std::floor(d) && std::abs(d) < 9e15;
      }
      if (value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX) return false;
      return value.is_number_integer();
    }
    case Type::kDouble:
    case Type::kTimestamp:
      return value.is_number();
    case Type::kBoolean:
      return value.is_boolean();
    case Type::kList:
      return value.is_array();
    case Type::kMap:
    case Type::kStructure:
      return value.is_object();
    case Type::kDocument:
      return true;
  }
  return false;
}

const Member* FindMember(const Shape& shape, std::string_view name) {
  for (const Member& m : std::span(shape.members, shape.member_count)) {
    if (m.name == name) return &m;
  }
  return nullptr;
}

// Names as paths show them: "S3Uri" -> "s3Uri".
std::string Lower(std::string_view name) {
  std::string out(name);
  if (!out.empty() && out[0] >= 'A' && out[0] <= 'Z') out[0] = static_cast<char>(out[0] + 32);
  return out;
}

std::string Child(const std::string& path, std::string_view name) {
  return path.empty() ? std::string(name) : path + "." + std::string(name);
}

// Checks types along the shape and drops what does not belong.
Status Conform(json& value, const Shape& shape, const std::string& path) {
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
        CLARY_CHECK_OK(Conform(item, *shape.item, path + "[" + std::to_string(i++) + "]"));
      }
      break;
    }
    case Type::kMap:
      for (auto it = value.begin(); it != value.end();) {
        if (it->is_null()) {
          it = value.erase(it);
          continue;
        }
        CLARY_CHECK_OK(Conform(*it, *shape.item, Child(path, it.key())));
        ++it;
      }
      break;
    case Type::kStructure:
      for (auto it = value.begin(); it != value.end();) {
        const Member* member = FindMember(shape, it.key());
        if (member == nullptr || it->is_null()) {
          it = value.erase(it);
          continue;
        }
        CLARY_CHECK_OK(Conform(*it, member->shape, Child(path, Lower(it.key()))));
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

int64_t CodePoints(const std::string& text) {
  int64_t n = 0;
  for (const char c : text) n += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return n;
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

class Validator {
 public:
  void Check(const json& value, const Shape& shape, const std::string& path) {
    switch (shape.type) {
      case Type::kString:
        for (std::string& c : Broken(value, shape)) Add(value, path, std::move(c));
        break;
      case Type::kInteger:
      case Type::kLong: {
        const auto n = value.get<int64_t>();
        if (shape.max != kNoLimit && n > shape.max) {
          Add(value, path,
              "Member must have value less than or equal to " + std::to_string(shape.max));
        }
        if (shape.min != kNoLimit && n < shape.min) {
          Add(value, path,
              "Member must have value greater than or equal to " + std::to_string(shape.min));
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
          if (keys && shape.key != nullptr && !Broken(it.key(), *shape.key).empty()) {
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
        for (const Member& m : std::span(shape.members, shape.member_count)) {
          const auto it = value.find(m.name);
          if (it != value.end()) {
            Check(*it, m.shape, Child(path, Lower(m.name)));
          } else if (m.required) {
            Add(json(), Child(path, Lower(m.name)), "Member must not be null");
          }
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
      for (const auto e : std::span(shape.enums, shape.enum_count)) {
        if (e == text) return out;
      }
      out.push_back(EnumText(shape));
      return out;
    }
    const int64_t n = CodePoints(text);
    if (shape.max != kNoLimit && n > shape.max) out.push_back(MaxText(shape));
    if (shape.min != kNoLimit && n < shape.min) out.push_back(MinText(shape));
    if (shape.pattern != nullptr && !Matches(shape.pattern, text)) {
      out.push_back(PatternText(shape));
    }
    return out;
  }

  static std::string MaxText(const Shape& shape) {
    return "Member must have length less than or equal to " + std::to_string(shape.max);
  }
  static std::string MinText(const Shape& shape) {
    return "Member must have length greater than or equal to " + std::to_string(shape.min);
  }
  static std::string PatternText(const Shape& shape) {
    return shape.pattern_text != nullptr
               ? shape.pattern_text
               : "Member must satisfy regular expression pattern: " + std::string(shape.pattern);
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
    if (shape.max != kNoLimit) add(MaxText(shape));
    if (shape.min != kNoLimit) add(MinText(shape));
    if (shape.pattern != nullptr) add(PatternText(shape));
    return out;
  }

  void CheckSize(const json& value, const Shape& shape, const std::string& path) {
    const auto n = static_cast<int64_t>(value.size());
    if (shape.max != kNoLimit && n > shape.max) Add(value, path, MaxText(shape));
    if (shape.min != kNoLimit && n < shape.min) Add(value, path, MinText(shape));
  }

  void Add(const json& value, const std::string& path, std::string constraint) {
    ++count_;
    if (count_ > kMaxErrors) return;  // counted, not printed: a message stays readable
    std::string shown;
    Print(value, shown);
    if (shown.size() > kMaxShownValue) {
      size_t cut = kMaxShownValue;
      while ((static_cast<unsigned char>(shown[cut]) & 0xC0) == 0x80) --cut;
      shown = shown.substr(0, cut) + "...";
    }
    if (!text_.empty()) text_ += "; ";
    text_ += "Value " + (value.is_null() ? "null" : "'" + shown + "'") + " at '" + path +
             "' failed to satisfy constraint: " + constraint;
  }

  size_t count_ = 0;
  std::string text_;
};

}  // namespace

bool IsOperation(std::string_view operation) { return InputOf(operation) != nullptr; }

Result<json> Decode(std::string_view operation, std::string_view body) {
  const Shape* shape = InputOf(operation);
  if (shape == nullptr) {
    return Fail(Code::kInvalidArgument, "UnknownOperationException",
                "The requested operation '" + std::string(operation) +
                    "' is not supported by this service.");
  }
  if (body.size() > kMaxRequestBytes) {
    return std::unexpected(Malformed("The request body is larger than " +
                                     std::to_string(kMaxRequestBytes) + " bytes"));
  }
  if (TooDeep(body)) {
    return std::unexpected(Malformed("The request body is nested deeper than " +
                                     std::to_string(kMaxRequestDepth) + " levels"));
  }
  json value = body.empty() ? json::object() : json::parse(body, nullptr, false);
  if (value.is_discarded()) {
    return std::unexpected(Malformed("The request body is not valid JSON"));
  }
  CLARY_CHECK_OK(Conform(value, *shape, ""));
  return value;
}

Status Validate(std::string_view operation, const json& input) {
  const Shape* shape = InputOf(operation);
  if (shape == nullptr) return Fail(Code::kInvalidArgument, "UnknownOperationException", "");
  Validator validator;
  validator.Check(input, *shape, "");
  return validator.Finish();
}

}  // namespace clary::api
