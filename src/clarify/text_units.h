// Free text by its units: what plays where a text's words, sentences or paragraphs are explained.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clarify/analysis_config.h"
#include "clarify/feature_space.h"
#include "clarify/kernel_shap.h"

namespace clary::clarify {

struct TextUnit {
  size_t begin = 0;  // bytes
  size_t size = 0;
  size_t start = 0;  // of `begin`, in code points
};

// token: a run of letters, digits and apostrophes, or one other character that is no space; in
// Chinese, Japanese and Thai each character. sentence: up to a run of . ! ? (or their East Asian
// forms) before a space or the end. paragraph: up to an empty line. Spaces around a unit are not
// its own. Bytes that are no UTF-8 count as letters.
std::vector<TextUnit> SplitText(std::string_view text, const FreeTextConfig& config);

// The features of a space that are taken for free text: texts with a space in at least half of
// those that are there, and more different ones than a list to choose from has (20, or half of the
// rows). `rows` are of the space.
std::vector<size_t> FreeTextFeatures(const FeatureSpace& space, std::span<const double> rows);

// Free texts play by their units: where one does not play, the baseline's text stands in its place.
class TextPlay final : public PartPlay {
 public:
  // `space` must stay, and get no other texts while this lives.
  TextPlay(FeatureSpace& space, std::vector<size_t> features, FreeTextConfig config);

  size_t Count(size_t feature, double value) override;
  double Compose(size_t feature, double value, double baseline, const std::vector<bool>& coalition,
                 size_t first) override;
  void Forget() override;

  bool IsFreeText(size_t feature) const { return known_.contains(feature); }
  std::vector<size_t> features() const;
  // Of a value of a free text; valid until Compose() or Forget().
  const std::vector<TextUnit>& Units(size_t feature, double value);
  std::string UnitText(size_t feature, double value, const TextUnit& unit) const;

 private:
  struct Split {
    double value = -1;
    std::vector<TextUnit> units;
  };
  FeatureSpace& space_;
  const FreeTextConfig config_;
  std::map<size_t, size_t> known_;  // feature: how many texts it had
  std::map<size_t, Split> last_;    // the last text that was split, of each feature
};

}  // namespace clary::clarify
