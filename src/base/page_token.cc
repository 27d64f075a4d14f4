#include "base/page_token.h"

#include "base/hash.h"
#include "base/strings.h"

namespace clary {
namespace {

constexpr size_t kMarkBytes = 12;

std::string MarkOf(std::string_view list) {
  return Hash(HashKind::kSha256, list).substr(0, kMarkBytes);
}

}  // namespace

std::string MakePageToken(std::string_view list, std::string_view position) {
  return Base64Encode(MarkOf(list) + std::string(position));
}

std::optional<std::string> ReadPageToken(std::string_view list, std::string_view token) {
  auto bytes = Base64Decode(token);
  if (!bytes || !bytes->starts_with(MarkOf(list))) return std::nullopt;
  return bytes->substr(kMarkBytes);
}

}  // namespace clary
