// Page tokens (base/page_token.h) of the services that speak in documents: a token is good for its
// operation and for the question that it was made for.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace clary::api {

// The token of the page that begins at `position`. Members of `input` that only turn pages (the
// token before, the size of a page) may differ from page to page.
std::string MakePageToken(std::string_view operation, const nlohmann::json& input,
                          const nlohmann::json& position);
// The position; nullopt for what is no token of this list. It is foreign: check its type and range.
std::optional<nlohmann::json> ReadPageToken(std::string_view operation, const nlohmann::json& input,
                                            std::string_view token);

}  // namespace clary::api
