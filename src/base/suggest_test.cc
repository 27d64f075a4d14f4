#include "base/suggest.h"

#include <gtest/gtest.h>

#include <array>

namespace clary {
namespace {

constexpr std::array<std::string_view, 6> kWords = {"max_depth", "max_leaves",       "eta",
                                                    "num_round", "min_child_weight", "gamma"};

TEST(Suggest, DistanceCountsEditsAndSwaps) {
  EXPECT_EQ(EditDistance("", ""), 0U);
  EXPECT_EQ(EditDistance("", "abc"), 3U);
  EXPECT_EQ(EditDistance("abc", "abc"), 0U);
  EXPECT_EQ(EditDistance("abc", "abd"), 1U);
  EXPECT_EQ(EditDistance("abc", "acb"), 1U);   // a swap
  EXPECT_EQ(EditDistance("abc", "bc"), 1U);    // one too few
  EXPECT_EQ(EditDistance("abc", "aabc"), 1U);  // one too many
  EXPECT_EQ(EditDistance("Max-Depth", "max_depth"), 0U);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3U);
  EXPECT_EQ(EditDistance("ca", "abc"), 3U);  // no character is touched twice
}

TEST(Suggest, FindsWhatWasMeant) {
  EXPECT_EQ(Nearest("max_dept", kWords), "max_depth");
  EXPECT_EQ(Nearest("maxdepth", kWords), "max_depth");
  EXPECT_EQ(Nearest("MAX-DEPTH", kWords), "max_depth");
  EXPECT_EQ(Nearest("num_rounds", kWords), "num_round");
  EXPECT_EQ(Nearest("n_round", kWords), "num_round");
  EXPECT_EQ(Nearest("eat", kWords), "eta");
  EXPECT_EQ(Nearest("min_child", kWords), "min_child_weight");
  EXPECT_EQ(Nearest("gam", kWords), "gamma");
}

TEST(Suggest, SaysNothingOfWhatIsFar) {
  EXPECT_EQ(Nearest("", kWords), std::nullopt);
  EXPECT_EQ(Nearest("e", kWords), std::nullopt);
  constexpr std::string_view kLetters[] = {"x", "Y"};
  EXPECT_EQ(Nearest("y", kLetters), "Y");
  EXPECT_EQ(Nearest("z", kLetters), std::nullopt);
  EXPECT_EQ(Nearest("verbosity", kWords), std::nullopt);
  EXPECT_EQ(Nearest("max", kWords), std::nullopt);  // two begin so
  EXPECT_EQ(Nearest(std::string(100'000, 'x'), kWords), std::nullopt);
  EXPECT_EQ(Nearest("eta", {}), std::nullopt);
}

TEST(Suggest, IsASentence) {
  EXPECT_EQ(DidYouMean("max_dept", kWords), " Did you mean max_depth?");
  EXPECT_EQ(DidYouMean("verbosity", kWords), "");
}

}  // namespace
}  // namespace clary
