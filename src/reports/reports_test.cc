#include <gtest/gtest.h>

#include <filesystem>
#include <limits>

#include "base/file.h"
#include "reports/json.h"
#include "reports/notebook.h"
#include "reports/page.h"
#include "reports/publish.h"
#include "reports/verdict.h"

namespace clary::reports {
namespace {

TEST(Page, NoTextOfAModelIsMarkup) {
  const std::string page = RenderPage("<b>&", R"({"a":"</script><!-- & "})");
  EXPECT_NE(page.find("<title>&lt;b&gt;&amp;</title>"), page.npos);
  EXPECT_NE(page.find(R"({"a":"\u003c/script\u003e\u003c!-- \u0026\u2028"})"), page.npos);
  EXPECT_EQ(page.find("CLARY_REPORT_"), page.npos);
}

TEST(Notebook, IsNbformatFour) {
  const Json book = Json::parse(RenderNotebook({{.kind = NotebookCell::kMarkdown, .source = "# A"},
                                                {.kind = NotebookCell::kCode, .source = "1\xff"}}));
  EXPECT_EQ(book["nbformat"], 4);
  ASSERT_EQ(book["cells"].size(), 2U);
  EXPECT_EQ(book["cells"][0]["cell_type"], "markdown");
  EXPECT_FALSE(book["cells"][0].contains("outputs"));
  EXPECT_EQ(book["cells"][1]["source"], "1\ufffd");
  EXPECT_TRUE(book["cells"][1]["outputs"].empty());
}

TEST(DumpJson, NumbersThatAreNotFiniteAreNull) {
  EXPECT_EQ(DumpJson({{"b", std::numeric_limits<double>::quiet_NaN()}, {"a", 1}}),
            R"({"b":null,"a":1})");
}

TEST(Verdict, KeepsTheOrderOfItsFindings) {
  const Verdict verdict = {.level = Level::kProblem,
                           .headline = "h",
                           .summary = "s",
                           .findings = {{.level = Level::kProblem, .id = "x"}, {.id = "y"}}};
  const Json json = VerdictJson(verdict);
  EXPECT_EQ(json["level"], "problem");
  EXPECT_EQ(json["findings"][0]["id"], "x");
  EXPECT_EQ(json["findings"][1]["level"], "notice");
}

TEST(PublishFile, MakesItsDirectoryAndReplaces) {
  const auto file = std::filesystem::path(testing::TempDir()) / "clary_publish" / "b.json";
  std::filesystem::remove_all(file.parent_path());
  ASSERT_TRUE(PublishFile(file, "one"));
  ASSERT_TRUE(PublishFile(file, "two"));
  EXPECT_EQ(ReadFile(file, 100).value(), "two");
  EXPECT_FALSE(std::filesystem::exists(file.string() + ".tmp"));
}

}  // namespace
}  // namespace clary::reports
