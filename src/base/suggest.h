// "Did you mean max_depth?": the known word that a mistyped one was meant to be.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace clary {

// How many characters have to be put in, taken out, replaced or swapped with their neighbour to
// make `b` of `a` (Damerau's and Levenshtein's distance, of the kind that touches no character
// twice). Letters count the same in any case, and so do '-' and '_'.
size_t EditDistance(std::string_view a, std::string_view b);

// The word nearest to `given`, the first of several; nullopt if none is near enough to be what was
// meant: a third of its length may differ, of two and three letters one, of one letter its case,
// and a beginning of three letters or more stands for the only word that begins so.
std::optional<std::string_view> Nearest(std::string_view given,
                                        std::span<const std::string_view> words);

// " Did you mean NAME?" to go behind a message, or "".
std::string DidYouMean(std::string_view given, std::span<const std::string_view> words);

}  // namespace clary
