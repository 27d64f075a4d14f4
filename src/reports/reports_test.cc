#include <gtest/gtest.h>

#include <filesystem>
#include <limits>

#include "base/file.h"
#include "reports/json.h"
#include "reports/notebook.h"
#include "reports/page.h"
#include "reports/pdf.h"
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

TEST(PdfDocument, IsWellFormedWhateverTheText) {
  PdfDocument pdf("A (title) \\ é");
  pdf.Heading("Heading");
  std::string text = "long text \n with control \x01 and a char that is not there: \xe4\xb8\xad ";
  for (int i = 0; i < 9; ++i) text += text.substr(0, 200);
  pdf.Text(text);
  std::vector<std::vector<std::string>> rows = {{"a", "b"}};
  for (int i = 0; i < 200; ++i) rows.push_back({std::to_string(i), std::string(300, 'x')});
  pdf.Table({1, 2}, rows);
  pdf.Bars({{"up", 2, "2"}, {"down", -1, "-1"}, {"none", std::nan(""), "-"}});
  const std::string bytes = pdf.Finish();
  EXPECT_TRUE(bytes.starts_with("%PDF-1.4\n"));
  EXPECT_TRUE(bytes.ends_with("%%EOF\n"));
  EXPECT_NE(bytes.find("A \\(title\\) \\\\ \xe9"), std::string::npos);
  // Each object stands where the table says.
  const size_t table = bytes.rfind("\nxref\n") + 1;
  EXPECT_NE(bytes.find("startxref\n" + std::to_string(table) + "\n"), std::string::npos);
  size_t at = bytes.find("00000 n", table) - 11;
  for (int number = 1; bytes.substr(at + 11, 7) == "00000 n"; ++number, at += 20) {
    const size_t offset = std::stoul(bytes.substr(at, 10));
    EXPECT_TRUE(bytes.substr(offset).starts_with(std::to_string(number) + " 0 obj")) << number;
  }
  EXPECT_TRUE(PdfDocument("").Finish().ends_with("%%EOF\n"));
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
