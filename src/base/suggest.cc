#include "base/suggest.h"

#include <algorithm>
#include <vector>

namespace clary {
namespace {

// Longer words are not mistyped but something else.
constexpr size_t kMaxLength = 64;

char Fold(char c) {
  if (c >= 'A' && c <= 'Z') return static_cast<char>(c - 'A' + 'a');
  return c == '_' ? '-' : c;
}

bool BeginsWith(std::string_view word, std::string_view start) {
  return word.size() >= start.size() &&
         std::equal(start.begin(), start.end(), word.begin(),
                    [](char a, char b) { return Fold(a) == Fold(b); });
}

}  // namespace

size_t EditDistance(std::string_view a, std::string_view b) {
  // Rows of the table of distances between beginnings: two back, one back, this one.
  std::vector<size_t> before(b.size() + 1);
  std::vector<size_t> last(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    std::swap(before, last);
    std::swap(last, row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool same = Fold(a[i - 1]) == Fold(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && Fold(a[i - 1]) == Fold(b[j - 2]) && Fold(a[i - 2]) == Fold(b[j - 1])) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
  }
  return row[b.size()];
}

std::optional<std::string_view> Nearest(std::string_view given,
                                        std::span<const std::string_view> words) {
  if (given.size() > kMaxLength) return std::nullopt;
  if (given.size() < 2) {  // only another case
    for (const std::string_view word : words) {
      if (!given.empty() && word.size() == 1 && BeginsWith(word, given)) return word;
    }
    return std::nullopt;
  }
  std::optional<std::string_view> best;
  size_t least = std::max<size_t>(1, (given.size() + 1) / 3) + 1;
  for (const std::string_view word : words) {
    if (word.size() > kMaxLength) continue;
    const size_t distance = EditDistance(given, word);
    if (distance < least) {
      least = distance;
      best = word;
    }
  }
  if (best || given.size() < 3) return best;
  for (const std::string_view word : words) {
    if (!BeginsWith(word, given)) continue;
    if (best) return std::nullopt;
    best = word;
  }
  return best;
}

std::string DidYouMean(std::string_view given, std::span<const std::string_view> words) {
  const auto word = Nearest(given, words);
  return word ? " Did you mean " + std::string(*word) + "?" : std::string();
}

}  // namespace clary
