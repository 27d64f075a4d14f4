// The opaque text by which a client asks for the next page of a list. It says where the page begins
// and of which list: the token of another list is none. It is no secret and keeps nothing: what
// comes back is foreign, and its position is checked as such.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace clary {

// `list`: whatever makes it this list, the operation and what was asked of it but the size of a
// page. `position`: any bytes. Letters, digits, '+', '/' and '='.
std::string MakePageToken(std::string_view list, std::string_view position);
// The position; nullopt for what is no token of this list.
std::optional<std::string> ReadPageToken(std::string_view list, std::string_view token);

}  // namespace clary
