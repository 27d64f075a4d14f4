#include "clarify/text_units.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace clary::clarify {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> Units(std::string_view text, FreeTextConfig config) {
  std::vector<std::string> out;
  for (const TextUnit& unit : SplitText(text, config)) {
    out.emplace_back(text.substr(unit.begin, unit.size));
  }
  return out;
}

TEST(SplitText, Tokens) {
  const FreeTextConfig english{.language = "en"};
  EXPECT_THAT(Units("I don't  like it, at all!", english),
              ElementsAre("I", "don't", "like", "it", ",", "at", "all", "!"));
  EXPECT_THAT(Units("  \n\t ", english), IsEmpty());
  EXPECT_THAT(Units("", english), IsEmpty());
  EXPECT_THAT(Units("Tür für 5€", english), ElementsAre("Tür", "für", "5", "€"));
  EXPECT_THAT(Units("很好 ok", {.language = "zh"}), ElementsAre("很", "好", "ok"));
  EXPECT_THAT(Units("很好", english), ElementsAre("很好"));
  // Bytes that are no UTF-8 are letters, and none is lost.
  EXPECT_THAT(Units("a\xff\xfe b\xe2\x82", english), ElementsAre("a\xff\xfe", "b\xe2\x82"));
  EXPECT_EQ(SplitText("für dich", english)[1].start, 4U);  // code points
  EXPECT_EQ(SplitText("für dich", english)[1].begin, 5U);
}

TEST(SplitText, SentencesAndParagraphs) {
  const FreeTextConfig sentence{.granularity = TextGranularity::kSentence, .language = "en"};
  EXPECT_THAT(Units("It cost 3.50 euros. Really?! Yes", sentence),
              ElementsAre("It cost 3.50 euros.", "Really?!", "Yes"));
  EXPECT_THAT(Units("好。很好。", {.granularity = TextGranularity::kSentence, .language = "zh"}),
              ElementsAre("好。", "很好。"));
  const FreeTextConfig paragraph{.granularity = TextGranularity::kParagraph, .language = "en"};
  EXPECT_THAT(Units("one\ntwo\n \nthree\n\n\nfour\n", paragraph),
              ElementsAre("one\ntwo", "three", "four"));
}

TEST(FreeText, IsToldFromCategories) {
  Column category{.name = "c", .type = Column::Type::kText};
  Column comment{.name = "t", .type = Column::Type::kText};
  for (int i = 0; i < 50; ++i) {
    category.texts.emplace_back(i % 2 == 0 ? "New York" : "Los Angeles");
    comment.texts.push_back("comment number " + std::to_string(i));
  }
  const Column number{.name = "n", .numbers = std::vector<double>(50, 1)};
  const std::vector<const Column*> columns = {&category, &comment, &number};
  FeatureSpace space(columns);
  const auto rows = space.Rows(columns);
  EXPECT_THAT(FreeTextFeatures(space, rows), ElementsAre(1));
}

// A model that counts words.
class TextGame : public testing::Test {
 protected:
  void Make(std::vector<std::string> texts, const std::string& baseline) {
    column_ = {.name = "t", .type = Column::Type::kText, .texts = std::move(texts)};
    base_ = {.name = "t", .type = Column::Type::kText, .texts = {baseline}};
    const std::vector<const Column*> columns = {&column_};
    space_.emplace(columns);
    rows_ = space_->Rows(columns);
    const std::vector<const Column*> base = {&base_};
    baseline_ = space_->Rows(base);
    play_.emplace(*space_, std::vector<size_t>{0}, FreeTextConfig{.language = "en"});
  }
  Explanations Run(KernelShapOptions options = {}) {
    options.parts = &*play_;
    const Model model = [&](std::span<const double> rows) -> Result<std::vector<double>> {
      std::vector<double> out;
      for (const double row : rows) {
        const std::string text = space_->Text(0, row);
        asked_.push_back(text);
        double score = text.find("good") != std::string::npos ? 2 : 0;
        score -= text.find("bad") != std::string::npos ? 1 : 0;
        if (text.find("not good") != std::string::npos) score -= 3;
        out.push_back(score);
      }
      return out;
    };
    return KernelShap(model, rows_, baseline_, 1, options).value();
  }
  Column column_, base_;
  std::optional<FeatureSpace> space_;
  std::optional<TextPlay> play_;
  std::vector<double> rows_, baseline_;
  std::vector<std::string> asked_;
};

TEST_F(TextGame, WordsShareWhatTheTextAdds) {
  Make({"not good", "bad  and good", ""}, "");
  const size_t before = space_->texts(0);
  const auto out = Run();
  EXPECT_EQ(space_->texts(0), before);  // what was made up is forgotten
  ASSERT_EQ(out.rows[0].parts.size(), 1U);
  // v(not) = 0, v(good) = 2, v(both) = -1: -1.5 and 0.5.
  EXPECT_THAT(out.rows[0].parts[0].values,
              ElementsAre(testing::DoubleNear(-1.5, 1e-12), testing::DoubleNear(0.5, 1e-12)));
  EXPECT_NEAR(out.rows[0].values[0], -1, 1e-12);
  EXPECT_THAT(out.rows[1].parts[0].values,
              ElementsAre(testing::DoubleNear(-1, 1e-12), testing::DoubleNear(0, 1e-12),
                          testing::DoubleNear(2, 1e-12)));
  EXPECT_THAT(out.rows[2].parts, IsEmpty());  // it is the baseline
  // Spaces stay where they were.
  EXPECT_THAT(asked_, testing::Contains("bad   good"));
}

TEST_F(TextGame, TheBaselineStandsInPlaceOfAUnit) {
  Make({"not good"}, "<UNK>");
  Run();
  EXPECT_THAT(asked_,
              testing::IsSupersetOf({"<UNK> <UNK>", "<UNK> good", "not <UNK>", "not good"}));
}

TEST_F(TextGame, LongTextsAreSampledAndAddUp) {
  std::string text;
  for (int i = 0; i < 60; ++i) text += "word" + std::to_string(i) + " ";
  Make({text + "good"}, "");
  const auto out = Run({.samples = 200, .exact_up_to = 0, .seed = 3});
  EXPECT_FALSE(out.rows[0].exact);
  ASSERT_EQ(out.rows[0].parts[0].values.size(), 61U);
  EXPECT_NEAR(out.rows[0].values[0], 2, 1e-9);
  EXPECT_GT(out.rows[0].parts[0].values[60], 1);
  asked_.clear();
  EXPECT_EQ(Run({.samples = 200, .exact_up_to = 0, .seed = 3}).rows[0].values, out.rows[0].values);
}

TEST(Language, ByNameOrCode) {
  EXPECT_EQ(LanguageCode("English"), "en");
  EXPECT_EQ(LanguageCode("th"), "th");
  EXPECT_EQ(LanguageCode("klingon"), "");
}

}  // namespace
}  // namespace clary::clarify
