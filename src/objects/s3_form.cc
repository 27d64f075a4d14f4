#include "objects/internal/s3_form.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "objects/internal/s3_request.h"
#include "objects/rules.h"

namespace clary::objects {
namespace {

using nlohmann::json;

constexpr size_t kReadBytes = 64 << 10;
constexpr size_t kMaxBoundary = 200;
constexpr int kMaxConditions = 100;

std::unexpected<Error> MalformedForm(std::string_view why) {
  return Bad(
      "MalformedPOSTRequest",
      "The body of your POST request is not well-formed multipart/form-data: " + std::string(why));
}

std::unexpected<Error> BadPolicy(std::string_view why) {
  return Bad("InvalidPolicyDocument", "Invalid Policy: " + std::string(why));
}

Status Denied(std::string_view why) {
  return Fail(Code::kPermissionDenied, "AccessDenied",
              "Invalid according to Policy: " + std::string(why));
}

// The object in `text`, in which no object has a name twice; nullopt for what is none.
std::optional<json> ParseOnce(std::string_view text) {
  std::vector<std::set<std::string>> names;  // of the objects that are open
  bool twice = false;
  const auto look = [&](int /*depth*/, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::object_start) names.emplace_back();
    if (event == json::parse_event_t::object_end) names.pop_back();
    if (event == json::parse_event_t::key) {
      twice = !names.back().insert(parsed.get<std::string>()).second || twice;
    }
    return true;
  };
  json document = json::parse(text, look, /*allow_exceptions=*/false);
  if (twice || !document.is_object()) return std::nullopt;
  return document;
}

// `name` of a header's parameters: name="value" or name=value; nullopt if it is not there.
std::optional<std::string> Parameter(std::string_view header, std::string_view name) {
  size_t at = header.find(';');
  while (at != std::string_view::npos) {
    ++at;
    while (at < header.size() && (header[at] == ' ' || header[at] == '\t')) ++at;
    const size_t eq = header.find('=', at);
    if (eq == std::string_view::npos) return std::nullopt;
    const std::string_view found = Trim(header.substr(at, eq - at));
    std::string value;
    size_t end = eq + 1;
    if (end < header.size() && header[end] == '"') {
      for (++end; end < header.size() && header[end] != '"'; ++end) {
        // Browsers escape the quote only; a backslash before another character is one.
        if (header[end] == '\\' && end + 1 < header.size() && header[end + 1] == '"') ++end;
        value += header[end];
      }
      if (end == header.size()) return std::nullopt;
      end = header.find(';', end);
    } else {
      const size_t semicolon = header.find(';', end);
      value = Trim(header.substr(end, semicolon - end));
      end = semicolon;
    }
    if (EqualsIgnoreCase(found, name)) return value;
    at = end;
  }
  return std::nullopt;
}

}  // namespace

Result<std::unique_ptr<FormReader>> FormReader::Create(std::string_view content_type,
                                                       ByteSource& body) {
  auto boundary = Parameter(content_type, "boundary");
  if (!boundary || boundary->empty() || boundary->size() > kMaxBoundary) {
    return MalformedForm("the Content-Type has no boundary");
  }
  return std::unique_ptr<FormReader>(new FormReader(*std::move(boundary), body));
}

Result<bool> FormReader::Fill() {
  const size_t have = buffer_.size();
  buffer_.resize(have + kReadBytes);
  auto n = body_.Read(std::span<char>(buffer_.data() + have, kReadBytes));
  buffer_.resize(have + (n ? *n : 0));
  if (!n) return std::unexpected(std::move(n).error());
  return *n > 0;
}

Result<std::string> FormReader::TakeUntil(std::string_view end) {
  for (size_t from = 0;;) {
    const size_t at = buffer_.find(end, from);
    if (at != std::string::npos) {
      std::string out = buffer_.substr(0, at);
      taken_ += at + end.size();
      if (taken_ > kMaxFormBytes) break;
      buffer_.erase(0, at + end.size());
      return out;
    }
    if (taken_ + buffer_.size() > kMaxFormBytes + kReadBytes) break;
    from = buffer_.size() - std::min(buffer_.size(), end.size() - 1);
    CLARY_TRY(const bool more, Fill());
    if (!more) return MalformedForm("it ends in the middle of a field");
  }
  return Bad("MaxPostPreDataLengthExceededError",
             "Your POST request fields preceding the upload file were too large.");
}

Result<net::Query> FormReader::ReadFields() {
  net::Query fields;
  CLARY_TRY(const std::string preamble, TakeUntil(delimiter_));
  for (;;) {
    for (bool more = true; more && buffer_.size() < 2;) {
      CLARY_TRY(more, Fill());
    }
    if (buffer_.starts_with("--")) {  // the last delimiter
      return BadArgument("file", "0", "POST requires exactly one file upload per request.");
    }
    CLARY_TRY(const std::string rest, TakeUntil("\r\n"));  // of the delimiter's line
    if (!Trim(std::string_view(rest)).empty())
      return MalformedForm("a boundary is followed by text");
    std::string disposition;
    for (;;) {
      CLARY_TRY(const std::string line, TakeUntil("\r\n"));
      if (line.empty()) break;
      const size_t colon = line.find(':');
      if (colon == std::string::npos) return MalformedForm("a field has a broken header");
      if (EqualsIgnoreCase(Trim(std::string_view(line).substr(0, colon)), "content-disposition")) {
        disposition = line.substr(colon + 1);
      }
    }
    const auto name = Parameter(disposition, "name");
    if (!name || name->empty()) return MalformedForm("a field has no name");
    if (EqualsIgnoreCase(*name, "file")) {
      filename_ = Parameter(disposition, "filename").value_or("");
      filename_.erase(0, filename_.find_last_of("/\\") + 1);  // npos + 1 is 0
      return fields;
    }
    CLARY_TRY(std::string value, TakeUntil(delimiter_));
    const std::string lower = ToLower(*name);
    if (net::FindParam(fields, lower)) {
      return BadArgument(*name, value, "POST requires that each field be given once.");
    }
    fields.emplace_back(lower, std::move(value));
  }
}

Result<size_t> FormReader::ReadFile(std::span<char> out) {
  while (!file_done_) {
    const size_t at = buffer_.find(delimiter_);
    // Bytes that cannot be the beginning of the delimiter.
    const size_t safe = at != std::string::npos ? at
                        : buffer_.size() >= delimiter_.size()
                            ? buffer_.size() - delimiter_.size() + 1
                            : 0;
    if (safe > 0) {
      const size_t n = std::min(safe, out.size());
      std::copy_n(buffer_.data(), n, out.data());
      buffer_.erase(0, n);
      return n;
    }
    if (at == 0) {
      file_done_ = true;
      break;
    }
    CLARY_TRY(const bool more, Fill());
    if (!more) {
      return Bad("IncompleteBody", "The body of your POST request ends in the middle of the file");
    }
  }
  return 0;
}

Status PostPolicy::Add(bool prefix, std::string_view field, const std::string& value) {
  if (conditions_.size() >= kMaxConditions) return BadPolicy("Too many conditions.");
  json text = {prefix ? "starts-with" : "eq", "$" + std::string(field), value};
  conditions_.push_back({.prefix = prefix,
                         .field = ToLower(field),
                         .value = value,
                         .text = text.dump(-1, ' ', false, json::error_handler_t::replace)});
  return {};
}

Result<PostPolicy> PostPolicy::Parse(std::string_view base64) {
  std::string compact(base64);
  std::erase_if(compact, [](char c) { return c == '\r' || c == '\n'; });
  const auto text = Base64Decode(compact);
  if (!text) return BadPolicy("it is not encoded in base64.");
  const auto document = ParseOnce(*text);
  if (!document) return BadPolicy("Invalid JSON.");
  for (const auto& [name, value] : document->items()) {
    if (name != "expiration" && name != "conditions") {
      return BadPolicy("Unexpected: '" + name + "'.");
    }
  }
  const auto expiration = document->find("expiration");
  const auto conditions = document->find("conditions");
  if (expiration == document->end()) return BadPolicy("Policy missing expiration.");
  if (conditions == document->end()) return BadPolicy("Policy missing conditions.");
  if (!expiration->is_string()) return BadPolicy("Invalid 'expiration' value.");
  PostPolicy out;
  const auto until = ParseIso8601(expiration->get_ref<const std::string&>());
  if (!until) {
    return BadPolicy("Invalid 'expiration' value: '" + expiration->get<std::string>() + "'");
  }
  out.expiration_ = *until;
  if (!conditions->is_array()) return BadPolicy("Invalid 'conditions' value: must be a List.");
  for (const json& condition : *conditions) {
    if (condition.is_object()) {
      if (condition.size() != 1) {
        return BadPolicy(
            "Invalid Simple-Condition: Simple-Conditions must "
            "have exactly one property specified.");
      }
      const auto field = condition.begin();
      if (!field->is_string()) {
        return BadPolicy("Invalid Simple-Condition: value must be a string.");
      }
      CLARY_CHECK_OK(out.Add(/*prefix=*/false, field.key(), field->get<std::string>()));
      continue;
    }
    if (!condition.is_array() || condition.size() != 3 || !condition[0].is_string()) {
      return BadPolicy("Invalid Condition: wrong number of arguments or unknown form.");
    }
    const std::string op = ToLower(condition[0].get<std::string>());
    if (op == "content-length-range") {
      if (!condition[1].is_number_unsigned() || !condition[2].is_number_unsigned()) {
        return BadPolicy("Invalid content-length-range: numbers are wanted.");
      }
      out.min_bytes_ = std::max(out.min_bytes_, condition[1].get<uint64_t>());
      out.max_bytes_ = std::min(out.max_bytes_, condition[2].get<uint64_t>());
      continue;
    }
    if (op != "eq" && op != "starts-with") {
      return BadPolicy("Invalid Condition: unknown operator '" + op + "'.");
    }
    if (!condition[1].is_string() || !condition[2].is_string() ||
        !condition[1].get_ref<const std::string&>().starts_with('$')) {
      return BadPolicy("Invalid Condition: a field must begin with '$'.");
    }
    CLARY_CHECK_OK(out.Add(op == "starts-with", condition[1].get<std::string>().substr(1),
                           condition[2].get<std::string>()));
  }
  return out;
}

Status PostPolicy::Check(const net::Query& fields, Time now) const {
  if (now > expiration_) return Denied("Policy expired.");
  for (const Condition& c : conditions_) {
    const auto value = net::FindParam(fields, c.field);
    if (!value || (c.prefix ? !value->starts_with(c.value) : *value != c.value)) {
      return Denied("Policy Condition failed: " + c.text);
    }
  }
  constexpr std::string_view kFree[] = {"policy", "x-amz-signature", "signature", "awsaccesskeyid"};
  for (const auto& [name, value] : fields) {
    if (name.starts_with("x-ignore-") || std::ranges::find(kFree, name) != std::end(kFree))
      continue;
    if (std::ranges::find(conditions_, name, &Condition::field) == conditions_.end()) {
      return Denied("Extra input fields: " + name);
    }
  }
  return {};
}

}  // namespace clary::objects
