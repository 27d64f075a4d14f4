#include "net/http.h"

#include <algorithm>

#include "base/strings.h"

namespace clary::net {

void Headers::Add(std::string name, std::string value) {
  fields_.emplace_back(std::move(name), std::move(value));
}

void Headers::Set(std::string_view name, std::string value) {
  Remove(name);
  fields_.emplace_back(name, std::move(value));
}

void Headers::Remove(std::string_view name) {
  std::erase_if(fields_, [&](const auto& field) { return EqualsIgnoreCase(field.first, name); });
}

std::optional<std::string_view> Headers::Find(std::string_view name) const {
  for (const auto& [key, value] : fields_) {
    if (EqualsIgnoreCase(key, name)) return value;
  }
  return std::nullopt;
}

std::string_view Headers::Get(std::string_view name, std::string_view fallback) const {
  return Find(name).value_or(fallback);
}

std::optional<std::string_view> FindParam(const Query& query, std::string_view name) {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return std::nullopt;
}

Result<Query> ParseQuery(std::string_view raw, bool form) {
  Query query;
  for (const std::string_view part : Split(raw, '&')) {
    if (part.empty()) continue;
    const size_t eq = part.find('=');
    auto name = UriDecode(part.substr(0, eq), form);
    auto value =
        eq == std::string_view::npos ? std::string() : UriDecode(part.substr(eq + 1), form);
    if (!name || !value) {
      return Fail(Code::kInvalidArgument, "BadQuery",
                  "the query holds a '%' that two hexadecimal digits do not follow");
    }
    query.emplace_back(*std::move(name), *std::move(value));
  }
  return query;
}

namespace {
struct Phrase {
  int status;
  std::string_view text;
};
constexpr Phrase kPhrases[] = {
    {100, "Continue"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {424, "Failed Dependency"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
};
}  // namespace

std::string_view ReasonPhrase(int status) {
  const auto* it = std::ranges::find(kPhrases, status, &Phrase::status);
  return it == std::end(kPhrases) ? std::string_view("Unknown") : it->text;
}

}  // namespace clary::net
