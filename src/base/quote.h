// Texts of others put where they could be taken for something else: a terminal, a shell's words.
#pragma once

#include <string>
#include <string_view>

namespace clary {

// On one line, for people: control characters, which a terminal would obey, and bytes that are no
// UTF-8 become '?'. What is
// longer than `limit` bytes is cut between characters and ends in "...".
std::string Printable(std::string_view text, size_t limit = std::string_view::npos);

// A word for a POSIX shell: as it is, or in single quotes.
std::string ShellQuote(std::string_view word);

}  // namespace clary
