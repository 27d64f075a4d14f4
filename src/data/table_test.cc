#include "data/table.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cmath>
#include <span>

#include "base/file.h"
#include "data/internal/csv_records.h"
#include "data/read.h"

namespace clary::data {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class TableTest : public testing::Test {
 protected:
  void SetUp() override {
    auto dir = TempDir::Make();
    ASSERT_TRUE(dir);
    dir_.emplace(*std::move(dir));
  }
  fs::path Put(const std::string& name, std::string_view text) {
    EXPECT_TRUE(WriteFileAtomic(dir_->path() / name, std::string(text)));
    return dir_->path() / name;
  }
  Result<Table> Scan(std::string_view text, TableOptions options = {.label = "y"}) {
    return ScanTable({Put("t.csv", text)}, options);
  }
  std::string ScanError(std::string_view text, TableOptions options = {.label = "y"}) {
    const auto table = Scan(text, std::move(options));
    return table ? "no error" : table.error().message;
  }
  Result<WrittenTable> Write(std::string_view text, const Columns& columns) {
    written_.clear();
    return WriteTable({Put("w.csv", text)}, ContentType::kCsv, columns, [&](std::string_view part) {
      written_ += part;
      return Status();
    });
  }
  std::string WriteError(std::string_view text, const Columns& columns) {
    const auto done = Write(text, columns);
    return done ? "no error" : done.error().message;
  }
  // What a table becomes: its channel's CSV.
  std::string Encoded(std::string_view text, TableOptions options = {.label = "y"}) {
    const auto table = Scan(text, std::move(options));
    if (!table) return table.error().message;
    const auto done = Write(text, table->columns);
    return done ? written_ : done.error().message;
  }

  std::optional<TempDir> dir_;
  std::string written_;
};

TEST_F(TableTest, LearnsTypesMissingAndTexts) {
  const auto table = Scan(
      "age, job ,income,city\n39,Tech,<=50K,Rome\n50, ?,>50K,\"New York, NY\"\n,Sales,<=50K,NA\n",
      {.label = "income"});
  ASSERT_TRUE(table) << table.error().message;
  const Columns& c = table->columns;
  EXPECT_EQ(c.rows, 3U);
  EXPECT_EQ(c.label, "income");
  EXPECT_THAT(c.classes, ElementsAre("<=50K", ">50K"));
  EXPECT_THAT(c.class_counts, ElementsAre(2, 1));
  ASSERT_THAT(c.features, SizeIs(3));
  EXPECT_EQ(c.features[0].name, "age");
  EXPECT_FALSE(c.features[0].is_category);
  EXPECT_EQ(c.features[0].missing, 1U);
  EXPECT_EQ(c.features[1].name, "job");
  EXPECT_THAT(c.features[1].categories, ElementsAre("Sales", "Tech"));
  EXPECT_EQ(c.features[1].missing, 1U);
  EXPECT_THAT(c.features[2].categories, ElementsAre("New York, NY", "Rome"));
  EXPECT_EQ(c.features[2].missing, 1U);
  EXPECT_THAT(table->warnings, IsEmpty());
}

TEST_F(TableTest, WritesNumbersAsTheyStandAndTextsAsPlaces) {
  EXPECT_EQ(Encoded("a,y,b\n1.50,2,x\n-3e-5,4,\nnan,6,w\n+7,8,x\n"),
            "2,1.50,1\n4,-3e-5,\n6,,0\n8,+7,1\n");
  EXPECT_EQ(Encoded("y;a\nno;1\nyes;2\n"), "0,1\n1,2\n");
  EXPECT_EQ(Encoded("y\ta\tb\n1\t\t2\n1\t3 \t\n"), "1,,2\n1,3,\n");
  EXPECT_EQ(Encoded("y|a\n1|2\n"), "1,2\n");
  EXPECT_EQ(Encoded("id,y,a\nu1,1,5\nu2,0,6\n", {.label = "y", .drop = {"id"}}), "1,5\n0,6\n");
}

TEST_F(TableTest, ReadsQuotesLineEndsAndMarksAsRfc4180) {
  const std::string want = "1,0\n2,1\n";
  EXPECT_EQ(Encoded("\xef\xbb\xbfy,a\n1,p\n2,q\n"), want);
  EXPECT_EQ(Encoded("y,a\r\n1,p\r\n2,q"), want);
  EXPECT_EQ(Encoded("y,a\r1,p\r2,q\r"), want);
  EXPECT_EQ(Encoded("\n\"y\",\"a\"\n\n\"1\", \"p\" \n2,q\n\n"), want);
  const auto table = Scan("y,a\n1,\"two\nlines, \"\"quoted\"\"\"\n2,\"\"\n3,\"\"\"\"\n");
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_THAT(table->columns.features[0].categories, ElementsAre("\"", "two\nlines, \"quoted\""));
  EXPECT_EQ(table->columns.features[0].missing, 1U);
  EXPECT_THAT(Scan("y,a\n1,5\" pipe\n")->columns.features[0].categories, ElementsAre("5\" pipe"));
}

TEST_F(TableTest, SaysWhereAFileIsWrong) {
  EXPECT_THAT(ScanError(""), HasSubstr("t.csv is empty"));
  EXPECT_THAT(ScanError("y,a\n"), HasSubstr("a header but no rows"));
  EXPECT_THAT(ScanError("y,a,y\n1,2,3\n"), HasSubstr("t.csv, line 1: two columns are called 'y'"));
  EXPECT_THAT(
      ScanError(",y,a\n0,1,2\n"),
      AllOf(HasSubstr("line 1: column 1 of the header has no name"), HasSubstr("index=False")));
  EXPECT_THAT(ScanError("y,,a\n0,1,2\n"), HasSubstr("column 2 of the header has no name"));
  EXPECT_THAT(ScanError("y,a\n1,2\n1,2,3\n"),
              HasSubstr("t.csv, line 3: it has 3 fields; the header has 2"));
  EXPECT_THAT(ScanError("y,a\n1,\"x\ny\"\n\n1\n"), HasSubstr("t.csv, line 5: it has 1 field"));
  EXPECT_THAT(ScanError("y,a\n1,2\n1,\"x\n1,2\n"), HasSubstr("line 3: the quote before 'x"));
  EXPECT_THAT(ScanError("y,a\n1,\"x\" y\n"), HasSubstr("line 2: there is text behind the closing"));
  EXPECT_THAT(ScanError("y,a\n1,2\n,3\n"), HasSubstr("line 3: the label 'y' is missing"));
  EXPECT_THAT(ScanError("y,a\n1,2\n3,inf\n"),
              HasSubstr("line 3: column 'a' has an infinite number"));
  EXPECT_THAT(ScanError("y,a\n1,1e99\n"), HasSubstr("line 2: column 'a' has an infinite number"));
  EXPECT_THAT(ScanError("y,a\n1,\xff\xfe\n"), HasSubstr("line 2: column 'a': "));
  EXPECT_THAT(ScanError("y,\xff\n1,2\n"), HasSubstr("the name of column 2 is not UTF-8"));
  EXPECT_THAT(ScanError("\xff\xfey\0,\0a\0"), HasSubstr("UTF-16"));
  EXPECT_THAT(ScanError("y,a[0],a<0]\n1,2,3\n"), HasSubstr("two columns would be called 'a_0_'"));
  EXPECT_THAT(ScanError("y\n1\n"), HasSubstr("no column besides the label"));
}

TEST_F(TableTest, KnowsItsColumns) {
  EXPECT_THAT(ScanError("age,incme\n1,2\n", {.label = "income"}),
              AllOf(HasSubstr("t.csv has no column 'income'."), HasSubstr("Did you mean incme?"),
                    HasSubstr("there are: age, incme")));
  EXPECT_THAT(ScanError("y,a,b\n1,2,3\n", {.label = "y", .drop = {"c"}}),
              HasSubstr("has no column 'c'"));
  EXPECT_THAT(ScanError("y,a\n1,2\n", {.label = "y", .drop = {"y"}}),
              HasSubstr("'y' is the label: it cannot be dropped"));
  EXPECT_THAT(ScanError("y,a\n1,2\n", {.label = "y", .drop = {"a"}}),
              HasSubstr("no column besides the label"));
}

TEST_F(TableTest, TextsAfterNumbersMakeACategoryOfAll) {
  const auto table = Scan("y,zip\n1,10115\n2,10117\n3,EC1A\n4,10115\n");
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_THAT(table->columns.features[0].categories, ElementsAre("10115", "10117", "EC1A"));
  EXPECT_THAT(table->warnings, ElementsAre(HasSubstr("the first text is 'EC1A' in t.csv, line 4")));
  EXPECT_EQ(Encoded("y,zip\n1,10115\n2,10117\n3,EC1A\n4,10115\n"), "1,0\n2,1\n3,2\n4,0\n");
  const auto label = Scan("y,a\n1,1\nno,2\n");
  EXPECT_THAT(label->columns.classes, ElementsAre("1", "no"));
}

TEST_F(TableTest, WarnsOfWhatIsProbablyNotMeant) {
  std::string ids = "y,id,empty,a[m]\n";
  for (int i = 0; i < 30; ++i) ids += "1,user" + std::to_string(i) + ",,1\n";
  const auto table = Scan(ids);
  ASSERT_TRUE(table);
  EXPECT_EQ(table->columns.features[2].name, "a_m_");
  EXPECT_THAT(table->warnings,
              ElementsAre(HasSubstr("'id' has a text of its own in nearly every row"),
                          HasSubstr("'empty' has no value"), HasSubstr("called 'a_m_'")));
}

TEST_F(TableTest, NumbersWithCommasAreTextsWithAWarning) {
  for (const char* number : {"1,5", "-1.234,50", "1,234,567"}) {
    const auto table = Scan(std::string("y;a\n1;") + number + "\n2;7,25\n");
    ASSERT_TRUE(table);
    EXPECT_TRUE(table->columns.features[0].is_category);
    EXPECT_THAT(table->warnings,
                ElementsAre(AllOf(HasSubstr("its numbers have commas"), HasSubstr(number))));
  }
  EXPECT_THAT(Scan("y;a\n1;p,q\n")->warnings, IsEmpty());
}

TEST_F(TableTest, TooManyTextsAreRefused) {
  std::string ids = "y,id\n";
  for (size_t i = 0; i <= kMaxCategories; ++i) ids += "1,u" + std::to_string(i) + "\n";
  EXPECT_THAT(ScanError(ids),
              AllOf(HasSubstr("more than 65534 different texts"), HasSubstr("--drop 'id'")));
}

TEST_F(TableTest, OtherTablesAreWrittenWithTheseTexts) {
  const auto table = Scan("y,n,c\nno,1,a\nyes,2,b\n");
  ASSERT_TRUE(table);
  const auto done = Write("c,more,y,n\nb,1,no,\nz,2,yes,7\nz,2,yes,7\n", table->columns);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(written_, "0,,1\n1,7,\n1,7,\n");
  EXPECT_EQ(done->rows, 3U);
  EXPECT_THAT(done->missing, ElementsAre(1, 2));
  EXPECT_THAT(done->warnings, ElementsAre(AllOf(HasSubstr("column 'c'"), HasSubstr("2 of 3 rows"),
                                                HasSubstr("'z' in w.csv, line 3"))));
  EXPECT_THAT(WriteError("y,n\nno,1\n", table->columns), HasSubstr("has no column 'c'"));
  EXPECT_THAT(WriteError("n,c\n1,a\n", table->columns), HasSubstr("has no column 'y'"));
  EXPECT_THAT(WriteError("y,n,c\nno,x,a\n", table->columns),
              HasSubstr("w.csv, line 2: column 'n': 'x' is no number"));
  EXPECT_THAT(WriteError("y,n,c\nmaybe,1,a\n", table->columns), HasSubstr("a class that the"));
  EXPECT_THAT(WriteError("y,n,c\nno,1\n", table->columns), HasSubstr("line 2: it has 2 fields"));
  EXPECT_THAT(WriteError("y,n,c\n", table->columns), HasSubstr("no rows"));
  const auto numbers = Scan("y,n\n1,1\n");
  EXPECT_THAT(WriteError("y,n\nx,1\n", numbers->columns), HasSubstr("the label 'y' is 'x'"));
}

TEST_F(TableTest, FilesOfATableHaveTheSameColumnsInAnyOrder) {
  const auto a = Put("a.csv", "y,n,c\n1,2,p\n");
  const auto b = Put("b.csv", "c,y,n\nq,3,4\n");
  const auto table = ScanTable({a, b}, {.label = "y"});
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(table->columns.rows, 2U);
  ASSERT_TRUE(WriteTable({a, b}, ContentType::kCsv, table->columns, [&](std::string_view part) {
    written_ += part;
    return Status();
  }));
  EXPECT_EQ(written_, "1,2,0\n3,4,1\n");
  const auto c = Put("c.csv", "c,y,n,new\nq,3,4,5\n");
  EXPECT_THAT(ScanTable({a, c}, {.label = "y"}).error().message,
              HasSubstr("c.csv has a column 'new', which a.csv has not"));
}

// Whatever is cut where, the records are the same: chunks, quotes and escapes meet their ends.
TEST_F(TableTest, LongFilesAreReadInPieces) {
  std::string text = "y,a,b\n";
  for (int i = 0; i < 40'000; ++i) {
    const std::string n = std::to_string(i);
    text += n + ",\"a \"\"" + n + "\"\"\r\n" + std::string(static_cast<size_t>(i) % 61, 'x') +
            "\"," + n + ".5\r\n";
  }
  auto records = internal::CsvRecords::Open(Put("long.csv", text), "long.csv");
  ASSERT_TRUE(records);
  ASSERT_THAT(*(*records)->Header(), ElementsAre("y", "a", "b"));
  for (int i = 0; i < 40'000; ++i) {
    ASSERT_TRUE(*(*records)->Next()) << i;
    const std::string n = std::to_string(i);
    ASSERT_EQ((*records)->TextOf(0), n);
    ASSERT_EQ((*records)->TextOf(1),
              "a \"" + n + "\"\r\n" + std::string(static_cast<size_t>(i) % 61, 'x'));
    ASSERT_EQ((*records)->TextOf(2), n + ".5");
    ASSERT_EQ((*records)->Place(), "long.csv, line " + std::to_string(i * 2 + 2));
  }
  EXPECT_FALSE(*(*records)->Next());
}

TEST_F(TableTest, WriterErrorsEndTheWriting) {
  const auto table = Scan("y,a\n1,2\n");
  const auto done =
      WriteTable({Put("w.csv", "y,a\n1,2\n")}, ContentType::kCsv, table->columns,
                 [](std::string_view) -> Status { return Fail(Code::kInternal, "Full", "full"); });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().reason, "Full");
}

TEST_F(TableTest, HeadersAreRecognised) {
  EXPECT_THAT(*ReadHeader(Put("h.csv", "age,job\n1,2\n")), ElementsAre("age", "job"));
  EXPECT_THAT(*ReadHeader(Put("h.csv", ",job\n1,2\n")), ElementsAre("", "job"));
  EXPECT_THAT(*ReadHeader(Put("h.csv", "1,2\n1,2\n")), IsEmpty());
  EXPECT_THAT(*ReadHeader(Put("h.csv", "1,x\n")), IsEmpty());
  EXPECT_THAT(*ReadHeader(Put("h.csv", ",\n")), IsEmpty());
  EXPECT_THAT(*ReadHeader(Put("h.csv", "")), IsEmpty());
}

// tests/golden/make_parquet.py made it.
TEST_F(TableTest, ParquetHasTypesOfItsOwn) {
  const std::vector<fs::path> files = {fs::path(CLARY_SOURCE_DIR) /
                                       "tests/golden/parquet/table.parquet"};
  const auto scan = [&](std::vector<std::string> drop) {
    return ScanTable(files,
                     {.type = ContentType::kParquet, .label = "bought", .drop = std::move(drop)});
  };
  EXPECT_THAT(scan({}).error().message,
              HasSubstr("table.parquet: column 'when' holds timestamps; convert it"));
  const auto table = scan({"when"});
  ASSERT_TRUE(table) << table.error().message;
  const Columns& c = table->columns;
  EXPECT_EQ(c.rows, 50U);
  EXPECT_THAT(c.classes, ElementsAre("no", "yes"));
  EXPECT_THAT(c.class_counts, ElementsAre(37, 13));
  ASSERT_THAT(c.features, SizeIs(4));
  EXPECT_FALSE(c.features[0].is_category);
  EXPECT_EQ(c.features[0].missing, 5U);
  EXPECT_THAT(c.features[1].categories, ElementsAre("Bern", "Oslo", "Rome, Italy", "Ćwikła"));
  EXPECT_EQ(c.features[1].missing, 10U);
  EXPECT_THAT(c.features[2].categories, ElementsAre("c0", "c1", "c2"));
  EXPECT_EQ(c.features[2].missing, 1U);
  EXPECT_FALSE(c.features[3].is_category);
  const auto done = WriteTable(files, ContentType::kParquet, c, [&](std::string_view part) {
    written_ += part;
    return Status();
  });
  ASSERT_TRUE(done) << done.error().message;
  std::string want;
  for (int v = 0; v < 50; ++v) {
    constexpr const char* kTowns[] = {"2", "1", "", "3", "0"};
    want += fmt::format("{},{},{},{},{}\n", v % 4 == 0 ? 1 : 0,
                        v % 10 == 3 ? "" : fmt::format("{}", static_cast<float>(v) + 0.5F),
                        kTowns[v % 5], v == 7 ? "" : fmt::format("{}", v % 3),
                        fmt::format("{}", static_cast<float>(v * 1e12)));
  }
  EXPECT_EQ(written_, want);
  // The same rows as CSV are encoded the same; a text is new.
  const auto other = Write("bought,age,town,code,big\nyes,0.5,Paris,c1,0\n", c);
  ASSERT_TRUE(other);
  EXPECT_EQ(written_, "1,0.5,,1,0\n");
  EXPECT_THAT(ScanTable(files, {.type = ContentType::kParquet, .label = "bough"}).error().message,
              HasSubstr("Did you mean bought?"));
  EXPECT_THAT(
      ScanTable({Put("x.parquet", "PAR1....PAR1")}, {.type = ContentType::kParquet, .label = "y"})
          .error()
          .message,
      HasSubstr("x.parquet"));
}

TEST(Columns, ComeBackFromJson) {
  const Columns columns{.label = "y",
                        .classes = {"no", "yes"},
                        .class_counts = {3, 4},
                        .features = {{.name = "n", .missing = 2},
                                     {.name = "ä \"c\"", .is_category = true, .categories = {"a"}}},
                        .rows = 7};
  const auto back = ColumnsFromJson(ColumnsToJson(columns, Detail::kAll));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->label, "y");
  EXPECT_EQ(back->classes, columns.classes);
  EXPECT_EQ(back->class_counts, columns.class_counts);
  EXPECT_EQ(back->rows, 7U);
  ASSERT_THAT(back->features, SizeIs(2));
  EXPECT_EQ(back->features[0].missing, 2U);
  EXPECT_FALSE(back->features[0].is_category);
  EXPECT_EQ(back->features[1].name, "ä \"c\"");
  EXPECT_EQ(back->features[1].categories, columns.features[1].categories);
  EXPECT_EQ(ColumnsToJson(columns, Detail::kMeaning).find("missing"), std::string::npos);
}

TEST(Columns, RefuseWhatTheyDoNotKnow) {
  const auto error = [](std::string_view text) {
    const auto columns = ColumnsFromJson(text);
    return columns ? "no error" : columns.error().message;
  };
  EXPECT_THAT(error("x"), HasSubstr("not a JSON object"));
  EXPECT_THAT(error("{}"), HasSubstr("version is missing"));
  EXPECT_THAT(error(R"({"version":2})"), HasSubstr("version 2 is newer"));
  EXPECT_THAT(error(R"({"version":1,"features":[]})"), HasSubstr("label is missing"));
  EXPECT_THAT(error(R"({"version":1,"label":{"name":"y"}})"), HasSubstr("features are missing"));
  const auto feature = [&](const std::string& text) {
    return error(R"({"version":1,"label":{"name":"y"},"features":[)" + text + "]}");
  };
  EXPECT_EQ(feature(R"({"name":"a","type":"number"})"), "no error");
  EXPECT_THAT(feature(R"({"name":"a","type":"text"})"), HasSubstr("feature 0: type is neither"));
  EXPECT_THAT(feature(R"({"name":"a[","type":"number"})"), HasSubstr("XGBoost's names"));
  EXPECT_THAT(feature(R"({"name":"","type":"number"})"), HasSubstr("is empty"));
  EXPECT_THAT(feature(R"({"name":"a","type":"category"})"), HasSubstr("categories belong to"));
  EXPECT_THAT(feature(R"({"name":"a","type":"number","categories":[]})"), HasSubstr("belong to"));
  EXPECT_THAT(feature(R"({"name":"a","type":"category","categories":["x","x"]})"),
              HasSubstr("'x' twice"));
  EXPECT_THAT(feature(R"({"name":"a","type":"number","missing":-1})"), HasSubstr("missing is not"));
  EXPECT_THAT(feature(R"({"name":"a","type":"number"},{"name":"a","type":"number"})"),
              HasSubstr("two features are called 'a'"));
}

TEST_F(TableTest, RowsToPredictNeedNoLabel) {
  const auto table = Scan("town,x,y\nBern,1,0\nOslo,2.5,1\n");
  ASSERT_TRUE(table) << table.error().message;
  std::vector<float> values;
  const auto read = ReadTable({Put("new.csv", "other,x,town\n9,-3,Oslo\n9,NA,Paris\n")},
                              ContentType::kCsv, table->columns, [&](std::span<const float> part) {
                                values.insert(values.end(), part.begin(), part.end());
                                return Status();
                              });
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->rows, 2U);
  ASSERT_THAT(values, SizeIs(4));
  EXPECT_THAT(std::span(values).first(2), ElementsAre(1, -3));
  EXPECT_TRUE(std::isnan(values[2])) << "Paris is new";
  EXPECT_TRUE(std::isnan(values[3]));
  EXPECT_THAT(read->warnings, ElementsAre(HasSubstr("'Paris' in new.csv, line 3")));
  const auto without = ReadTable({Put("new.csv", "town\nBern\n")}, ContentType::kCsv,
                                 table->columns, [](auto) { return Status(); });
  EXPECT_THAT(without.error().message, HasSubstr("new.csv has no column 'x'"));
}

}  // namespace
}  // namespace clary::data
