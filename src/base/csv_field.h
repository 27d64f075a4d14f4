// Texts as fields of CSV (RFC 4180).
#pragma once

#include <string>
#include <string_view>

namespace clary {

// Adds `text` as it is, or, where it has a comma, a quote or a line's end, in quotes.
void AppendCsvField(std::string& out, std::string_view text);

}  // namespace clary
