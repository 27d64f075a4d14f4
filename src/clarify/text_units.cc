#include "clarify/text_units.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace clary::clarify {
namespace {

constexpr size_t kFewTexts = 20;

struct CodePoint {
  char32_t value = 0;
  size_t begin = 0;
  size_t size = 1;
};

// Bytes that are no UTF-8 stand for themselves.
std::vector<CodePoint> CodePoints(std::string_view text) {
  std::vector<CodePoint> out;
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    size_t size = lead < 0x80       ? 1
                  : lead >> 5 == 6  ? 2
                  : lead >> 4 == 14 ? 3
                  : lead >> 3 == 30 ? 4
                                    : 1;
    char32_t value = size == 1 ? lead : lead & (0x7FU >> size);
    for (size_t k = 1; k < size; ++k) {
      const auto next = i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0;
      if (next >> 6 != 2) {
        size = 1;
        value = lead;
        break;
      }
      value = value << 6 | (next & 0x3FU);
    }
    out.push_back({.value = value, .begin = i, .size = size});
    i += size;
  }
  return out;
}

bool IsSpace(char32_t c) {
  return c == ' ' || (c >= '\t' && c <= '\r') || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

// Beyond ASCII everything is a letter but spaces and the blocks of punctuation and symbols.
bool IsWord(char32_t c) {
  if (c < 0x80) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '\'';
  }
  if (c == 0x2019) return true;  // an apostrophe
  const bool mark = (c >= 0xA1 && c <= 0xBF && c != 0xAA && c != 0xB5 && c != 0xBA) || c == 0xD7 ||
                    c == 0xF7 || (c >= 0x2010 && c <= 0x2BFF) || (c >= 0x3001 && c <= 0x303F) ||
                    (c >= 0xFF01 && c <= 0xFF0F) || (c >= 0xFF1A && c <= 0xFF20) || c >= 0x1F000;
  return !mark && !IsSpace(c);
}

bool EndsSentence(char32_t c) {
  return c == '.' || c == '!' || c == '?' || c == 0x3002 || c == 0xFF01 || c == 0xFF1F ||
         c == 0x0964 || c == 0x06D4;
}

bool HasNoSpaces(const std::string& language) {
  return language == "zh" || language == "ja" || language == "th";
}

class Splitter {
 public:
  Splitter(std::string_view text, const FreeTextConfig& config)
      : config_(config), points_(CodePoints(text)) {}

  std::vector<TextUnit> All() {
    const size_t n = points_.size();
    for (size_t i = 0; i < n;) {
      if (IsSpace(points_[i].value)) {
        ++i;
        continue;
      }
      const size_t end = End(i);
      Add(i, end);
      i = end;
    }
    return std::move(out_);
  }

 private:
  // One past the unit that begins at `i`.
  size_t End(size_t i) const {
    const size_t n = points_.size();
    switch (config_.granularity) {
      case TextGranularity::kToken: {
        if (!IsWord(points_[i].value)) return i + 1;
        const bool alone = HasNoSpaces(config_.language) && points_[i].value >= 0x80;
        size_t end = i + 1;
        while (!alone && end < n && IsWord(points_[end].value) &&
               !(HasNoSpaces(config_.language) && points_[end].value >= 0x80)) {
          ++end;
        }
        return end;
      }
      case TextGranularity::kSentence:
        for (size_t end = i; end < n; ++end) {
          if (!EndsSentence(points_[end].value)) continue;
          while (end < n && EndsSentence(points_[end].value)) ++end;
          // East Asian writing has no space behind.
          if (end == n || IsSpace(points_[end].value) || points_[end - 1].value >= 0x80) return end;
        }
        return n;
      case TextGranularity::kParagraph:
        for (size_t end = i; end < n; ++end) {
          if (points_[end].value != '\n') continue;
          size_t next = end + 1;
          while (next < n && IsSpace(points_[next].value) && points_[next].value != '\n') ++next;
          if (next < n && points_[next].value == '\n') return end;
        }
        return n;
    }
    return n;
  }

  void Add(size_t begin, size_t end) {
    while (end > begin + 1 && IsSpace(points_[end - 1].value)) --end;
    const size_t last = points_[end - 1].begin + points_[end - 1].size;
    out_.push_back(
        {.begin = points_[begin].begin, .size = last - points_[begin].begin, .start = begin});
  }

  const FreeTextConfig& config_;
  const std::vector<CodePoint> points_;
  std::vector<TextUnit> out_;
};

}  // namespace

std::vector<TextUnit> SplitText(std::string_view text, const FreeTextConfig& config) {
  return Splitter(text, config).All();
}

std::vector<size_t> FreeTextFeatures(const FeatureSpace& space, std::span<const double> rows) {
  std::vector<size_t> out;
  const size_t width = space.size(), count = width > 0 ? rows.size() / width : 0;
  for (size_t f = 0; f < width; ++f) {
    if (!space.is_text(f)) continue;
    size_t there = 0, spaced = 0;
    std::set<double> different;
    for (size_t r = 0; r < count; ++r) {
      const double value = rows[r * width + f];
      if (std::isnan(value)) continue;
      ++there;
      different.insert(value);
      const std::string text = space.Text(f, value);
      spaced += text.find_first_of(" \t\n") != std::string::npos ? 1 : 0;
    }
    if (spaced * 2 >= there && there > 0 && different.size() > std::min(kFewTexts, there / 2)) {
      out.push_back(f);
    }
  }
  return out;
}

TextPlay::TextPlay(FeatureSpace& space, std::vector<size_t> features, FreeTextConfig config)
    : space_(space), config_(std::move(config)) {
  for (const size_t f : features) known_.emplace(f, space.texts(f));
}

std::vector<size_t> TextPlay::features() const {
  std::vector<size_t> out;
  for (const auto& [f, count] : known_) out.push_back(f);
  return out;
}

const std::vector<TextUnit>& TextPlay::Units(size_t feature, double value) {
  Split& last = last_[feature];
  if (last.value != value)
    last = {.value = value, .units = SplitText(space_.Text(feature, value), config_)};
  return last.units;
}

std::string TextPlay::UnitText(size_t feature, double value, const TextUnit& unit) const {
  return space_.Text(feature, value).substr(unit.begin, unit.size);
}

size_t TextPlay::Count(size_t feature, double value) {
  if (!IsFreeText(feature) || std::isnan(value)) return 0;
  return Units(feature, value).size();
}

double TextPlay::Compose(size_t feature, double value, double baseline,
                         const std::vector<bool>& coalition, size_t first) {
  const std::string text = space_.Text(feature, value);
  const std::string instead = std::isnan(baseline) ? "" : space_.Text(feature, baseline);
  std::string out;
  size_t done = 0;
  const std::vector<TextUnit>& units = Units(feature, value);
  for (size_t i = 0; i < units.size(); ++i) {
    out.append(text, done, units[i].begin - done);
    if (coalition[first + i]) {
      out.append(text, units[i].begin, units[i].size);
    } else {
      out += instead;
    }
    done = units[i].begin + units[i].size;
  }
  out.append(text, done);
  return space_.Code(feature, out);
}

void TextPlay::Forget() {
  for (const auto& [f, count] : known_) space_.Forget(f, count);
}

}  // namespace clary::clarify
