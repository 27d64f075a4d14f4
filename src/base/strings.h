// Small text helpers that the standard library lacks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace clary {

std::vector<std::string_view> Split(std::string_view s, char sep);  // keeps empty parts
std::string Join(const std::vector<std::string>& parts, std::string_view sep);
std::string_view Trim(std::string_view s);  // ASCII white space, both ends
std::string ToLower(std::string_view s);    // ASCII only
bool EqualsIgnoreCase(std::string_view a, std::string_view b);
// The whole text as a decimal integer; nothing else around it.
std::optional<int64_t> ParseInt(std::string_view s);
std::optional<uint64_t> ParseUint(std::string_view s);

// RFC 3986: everything but A-Z a-z 0-9 - . _ ~ becomes %XX; '/' is kept if asked.
std::string UriEncode(std::string_view s, bool keep_slash = false);
// nullopt for a broken %-sequence. '+' becomes a space only if asked (form bodies).
std::optional<std::string> UriDecode(std::string_view s, bool plus_is_space = false);

// Length of the valid UTF-8 character at the front of `s`, or 0. RFC 3629, section 4.
size_t Utf8Length(std::string_view s);
bool IsUtf8(std::string_view s);  // all of it
// Text of strangers, for people: control characters other than a tab and a line feed, and bytes
// that are no UTF-8, become U+FFFD.
std::string CleanText(std::string_view s);
// Text for XML or HTML, as content or between quotes. What XML 1.0 cannot hold becomes U+FFFD.
std::string XmlEscape(std::string_view s);
// A JSON string literal with quotes, control characters escaped. Bytes that are no UTF-8 become
// U+FFFD.
std::string JsonQuote(std::string_view s);

std::string HexEncode(std::string_view bytes);  // lower case
std::optional<std::string> HexDecode(std::string_view hex);
std::string Base64Encode(std::string_view bytes);
std::optional<std::string> Base64Decode(std::string_view text);  // strict, padded

}  // namespace clary
