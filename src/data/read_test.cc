#include "data/read.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <zlib.h>
#include <zstd.h>

#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>
#include <thread>

#include "base/file.h"
#include "data/internal/kernels.h"

namespace clary::data {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class ReadTest : public testing::Test {
 protected:
  fs::path Write(const std::string& name, std::string_view text) {
    const fs::path path = dir_.path() / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  Result<Matrix> Csv(std::string_view text, ReadOptions options = {}) {
    options.type = ContentType::kCsv;
    return ReadFiles({Write("train.csv", text)}, options);
  }
  Result<Matrix> Libsvm(std::string_view text) {
    return ReadFiles({Write("train.txt", text)}, {.type = ContentType::kLibsvm});
  }
  std::string CsvError(std::string_view text, ReadOptions options = {}) {
    const auto m = Csv(text, options);
    if (m) return "no error";
    EXPECT_EQ(m.error().code, Code::kInvalidArgument);
    return m.error().message;
  }
  std::string LibsvmError(std::string_view text) {
    const auto m = Libsvm(text);
    if (m) return "no error";
    EXPECT_EQ(m.error().code, Code::kInvalidArgument);
    return m.error().message;
  }

  TempDir dir_ = *TempDir::Make();
};

std::vector<float> Values(const Buffer<float>& b) { return {b.begin(), b.end()}; }
std::vector<uint32_t> Values(const Buffer<uint32_t>& b) { return {b.begin(), b.end()}; }
std::vector<uint64_t> Values(const Buffer<uint64_t>& b) { return {b.begin(), b.end()}; }
auto IsNan() {
  return testing::ResultOf([](float f) { return std::isnan(f); }, true);
}

// ---- content types and channels

TEST(ContentType, NamesOfEachFormat) {
  EXPECT_EQ(*ParseContentType(""), ContentType::kLibsvm);
  EXPECT_EQ(*ParseContentType("text/csv"), ContentType::kCsv);
  EXPECT_EQ(*ParseContentType("Text/CSV; charset=utf8"), ContentType::kCsv);
  EXPECT_EQ(*ParseContentType("csv;label_size=1"), ContentType::kCsv);
  EXPECT_EQ(*ParseContentType("text/csv; label_size=\"1\""), ContentType::kCsv);
  EXPECT_EQ(*ParseContentType("text/csv; charset=\"utf-8\"; LABEL_SIZE = \"1\""),
            ContentType::kCsv);
  for (const char* size : {"\"2\"", "'1'", "\"", "\"1", "", "01"}) {
    EXPECT_FALSE(ParseContentType(std::string("csv; label_size=") + size)) << size;
  }
  EXPECT_EQ(*ParseContentType("text/x-libsvm"), ContentType::kLibsvm);
  EXPECT_EQ(*ParseContentType("application/x-parquet"), ContentType::kParquet);
  EXPECT_EQ(*ParseContentType("application/x-recordio-protobuf"), ContentType::kRecordIo);
}

TEST(ContentType, RefusesInUpstreamsWords) {
  EXPECT_EQ(ParseContentType("text/html").error().message,
            "text/html is not an accepted ContentType: csv, libsvm, parquet, recordio-protobuf, "
            "text/csv, text/libsvm, text/x-libsvm, application/x-parquet, "
            "application/x-recordio-protobuf.");
  EXPECT_EQ(ParseContentType("text/csv; label_size=2").error().message,
            "text/csv; label_size=2 is not an accepted csv ContentType. Optional parameter "
            "label_size must be equal to 1");
}

TEST_F(ReadTest, CollectsSortedFilesThreeFoldersDeep) {
  Write("b.csv", "1");
  Write("a/z.csv", "1");
  Write("a/_SUCCESS", "1");
  Write("a/empty.csv", "");
  Write("1/2/3/deep.csv", "1");
  Write("1/2/3/4/too-deep.csv", "1");
  const auto found = CollectFiles(dir_.path());
  ASSERT_TRUE(found) << found.error().message;
  std::vector<std::string> names;
  for (const fs::path& f : found->files) names.push_back(fs::relative(f, dir_.path()));
  EXPECT_THAT(names, ElementsAre("1/2/3/deep.csv", "a/z.csv", "b.csv"));
  ASSERT_EQ(found->warnings.size(), 1U);
  EXPECT_THAT(found->warnings[0], HasSubstr("exceed the limit 3"));
}

TEST_F(ReadTest, CollectRefusesHiddenFilesAndTakesMissingAsEmpty) {
  Write("a/.part.crc", "");
  const auto found = CollectFiles(dir_.path());
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().reason, "HiddenFile");
  EXPECT_THAT(found.error().message,
              HasSubstr("Hidden file found in the data path! Remove that before training."));
  EXPECT_TRUE(CollectFiles(dir_.path() / "none")->files.empty());
}

// ---- CSV

TEST_F(ReadTest, CsvLabelThenFeatures) {
  const auto m = Csv("1,2,3.5\n0,-4,\n");
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_EQ(m->rows, 2U);
  EXPECT_EQ(m->cols, 2U);
  EXPECT_FALSE(m->sparse);
  EXPECT_THAT(Values(m->labels), ElementsAre(1, 0));
  EXPECT_THAT(Values(m->values), ElementsAre(2, 3.5, -4, IsNan()));
  EXPECT_TRUE(m->weights.empty());
  EXPECT_EQ(m->Where(1), "train.csv, row 2");
}

TEST_F(ReadTest, CsvWeightsAreTheSecondColumn) {
  const auto m = Csv("1,0.5,7\n0,2,8\n", {.csv_weights = true});
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_THAT(Values(m->weights), ElementsAre(0.5, 2));
  EXPECT_THAT(Values(m->values), ElementsAre(7, 8));
}

TEST_F(ReadTest, CsvTakesLinesOfAllSystemsAndSkipsEmptyOnes) {
  const auto m =
      Csv("\xef\xbb\xbf"
          "1,2\r\n\r\n3,4\r5,6\n\n\n7, 8 ");
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_THAT(Values(m->labels), ElementsAre(1, 3, 5, 7));
  EXPECT_THAT(Values(m->values), ElementsAre(2, 4, 6, 8));
  EXPECT_EQ(m->Where(0), "train.csv, row 1");
  EXPECT_EQ(m->Where(1), "train.csv, row 3");
  EXPECT_EQ(m->Where(2), "train.csv, row 4");
  EXPECT_EQ(m->Where(3), "train.csv, row 7");
}

TEST_F(ReadTest, CsvFindsTheDelimiter) {
  for (const char* text : {"1;2;3\n4;5;6\n", "1\t2\t3\n4\t5\t6\n", "1|2|3\n4|5|6\n",
                           "1:2:3\n4:5:6\n", " 1 2  3\n4   5 6 \n"}) {
    const auto m = Csv(text);
    ASSERT_TRUE(m) << text << m.error().message;
    EXPECT_THAT(Values(m->labels), ElementsAre(1, 4)) << text;
    EXPECT_THAT(Values(m->values), ElementsAre(2, 3, 5, 6)) << text;
  }
  // An empty field between tabs is missing, not swallowed.
  const auto m = Csv("1\t2\t3\n4\t\t6\n");
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_THAT(Values(m->values), ElementsAre(2, 3, IsNan(), 6));
}

TEST_F(ReadTest, CsvMissingValues) {
  const auto m = Csv("1,nan,2,NaN\n1,,-nan,  \n0,1,1,1\n");
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_THAT(Values(m->values),
              ElementsAre(IsNan(), 2, IsNan(), IsNan(), IsNan(), IsNan(), 1, 1, 1));
}

TEST_F(ReadTest, CsvErrorsNameFileRowColumnAndValue) {
  EXPECT_EQ(CsvError("1,2,3\n0,abc,4\n"), "train.csv, row 2, column 2: 'abc' is not a number");
  EXPECT_EQ(CsvError("1,2,3\n\n0,4,1.5.2\n"),
            "train.csv, row 3, column 3: '1.5.2' is not a number");
  EXPECT_EQ(CsvError("1,2,3\n0,4\n"),
            "train.csv, row 2 has 2 columns, separated by ','; train.csv, row 1 has 3: every row "
            "needs the same number");
  EXPECT_THAT(CsvError("1,2,3\n0,4,5,6\n"), HasSubstr("row 2 has 4 columns"));
  EXPECT_EQ(CsvError("1,2\n,3\n"), "train.csv, row 2, column 1: the label is missing");
  EXPECT_EQ(CsvError("1,1,2\n0,,3\n", {.csv_weights = true}),
            "train.csv, row 2, column 2: the weight is missing");
  EXPECT_EQ(CsvError("1,inf\n"),
            "train.csv, row 1, column 2: 'inf' is infinite or too large for a 32-bit float");
  EXPECT_THAT(CsvError("1,1e39\n"), HasSubstr("too large"));
  EXPECT_THAT(CsvError("1,\"2\"\n"), HasSubstr("'\"2\"' is not a number"));
  EXPECT_THAT(CsvError("age,income\n1,2\n"),
              HasSubstr("row 1, column 1: 'age' is not a number; this "
                        "looks like a header line"));
  EXPECT_THAT(CsvError("5\n"), HasSubstr("no delimiter found in '5'"));
  EXPECT_THAT(CsvError("1,2\n", {.csv_weights = true}), HasSubstr("has 2 columns; it needs"));
  EXPECT_THAT(CsvError("1 2\n  \n3 4\n"), HasSubstr("row 2"));
  EXPECT_EQ(CsvError(""), "train.csv has no rows");
  EXPECT_EQ(CsvError("\n\r\n"), "train.csv has no rows");
}

TEST_F(ReadTest, CsvColumnWithoutAnyValue) {
  const auto m = Csv("1,2,,3\n0,4,nan,5\n");
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_EQ(m->cols, 3U);
  EXPECT_THAT(m->warnings,
              ElementsAre("train.csv: column 3 is missing in all 2 rows, so nothing can be learned "
                          "from it; fill the column in, or remove it"));
  EXPECT_THAT(Csv("1,2,,3\n", {.features = 3})->warnings, IsEmpty());
  EXPECT_EQ(CsvError("1,,nan\n0,NA,\n"), "train.csv, row 1: no row has a value in any feature");
}

TEST_F(ReadTest, CsvDelimiterAtTheEndOfEachLine) {
  const auto m = Csv("1,2,3,\n0,4,,\n");
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_EQ(m->cols, 2U);
  EXPECT_THAT(Values(m->values), ElementsAre(2, 3, 4, IsNan()));
  EXPECT_THAT(m->warnings,
              ElementsAre("train.csv: nothing stands behind column 3 in any of the 2 rows, so the "
                          "data has 2 features; does a delimiter end each line?"));
  // What is compared with training data has its features, if it can.
  EXPECT_EQ(Csv("1,2,3,\n", {.features = 2})->cols, 2U);
  EXPECT_EQ(Csv("1,2,3,\n", {.features = 3})->cols, 3U);
  EXPECT_EQ(Csv("1,2,3,\n", {.features = 1})->cols, 2U);
}

TEST_F(ReadTest, CsvWordsForMissing) {
  for (const char delimiter : {',', '\t', ';', '|', ' '}) {
    std::string text = "1,NA,2\n0,N/A,3\n\n1,null,4\n0, None ,?\n1,n/a,<NA>\n0,NULL,5\n1,7,6\n";
    std::ranges::replace(text, ',', delimiter);
    const auto m = Csv(text);
    ASSERT_TRUE(m) << delimiter << m.error().message;
    EXPECT_THAT(Values(m->values), ElementsAre(IsNan(), 2, IsNan(), 3, IsNan(), 4, IsNan(), IsNan(),
                                               IsNan(), IsNan(), IsNan(), 5, 7, 6));
    EXPECT_THAT(m->warnings,
                ElementsAre("train.csv, row 1, column 2: 'NA' is read as a missing value, as in 6 "
                            "rows of this column in all",
                            "train.csv, row 5, column 3: '?' is read as a missing value, as in 2 "
                            "rows of this column in all"));
  }
  EXPECT_EQ(CsvError("1,2\nNA,?\n"), "train.csv, row 2, column 1: the label is missing");
  EXPECT_EQ(CsvError("1,NA\n0,NAN0\n"), "train.csv, row 2, column 2: 'NAN0' is not a number");
  EXPECT_EQ(CsvError("1,?\n0,?!\n"), "train.csv, row 2, column 2: '?!' is not a number");
  EXPECT_EQ(
      Csv("1,2,NA\n0,3,4\n")->warnings,
      std::vector<std::string>{"train.csv, row 1, column 3: 'NA' is read as a missing value"});
}

TEST_F(ReadTest, CsvWordsForMissingInManyBlocks) {
  std::string text;
  for (int r = 0; r < 60'000; ++r) text += r % 7 == 3 ? "1,NA,2.5,?\n" : "0,1.25,3,4\n";
  std::vector<Matrix> read;
  for (const int threads : {1, 2, 5}) {
    auto m = Csv(text, {.threads = threads});
    ASSERT_TRUE(m) << m.error().message;
    read.push_back(std::move(*m));
  }
  for (const Matrix& m : read) {
    EXPECT_EQ(m.warnings, read[0].warnings);
    EXPECT_EQ(std::memcmp(m.values.data(), read[0].values.data(), m.values.size() * 4), 0);
  }
  EXPECT_THAT(read[0].warnings,
              ElementsAre("train.csv, row 4, column 2: 'NA' is read as a missing value, as in 8571 "
                          "rows of this column in all",
                          "train.csv, row 4, column 4: '?' is read as a missing value, as in 8571 "
                          "rows of this column in all"));
}

TEST_F(ReadTest, CsvHeaderIsGuessedOnlyWhereItIsOne) {
  constexpr const char* kGuess = "this looks like a header line";
  for (const char* text : {"y,age,job\n1,2,3\n", "y,,job\n1,2,red\n", "y,x\n\n0,1\n"}) {
    EXPECT_THAT(CsvError(text), HasSubstr(kGuess)) << text;
  }
  // Words in every row, a word among numbers, names of classes, and no row that could tell.
  for (const char* text : {"1,red\n0,blue\n", "1,abc\n0,2\n", "yes,1\nno,2\n", "yes,red\nno,blue\n",
                           "a,b\n", "1,2\na,b\n", "yes,1,2\n0,3,4\n"}) {
    EXPECT_THAT(CsvError(text), AllOf(HasSubstr("is not a number"), Not(HasSubstr(kGuess))))
        << text;
  }
}

TEST_F(ReadTest, CsvFilesFollowOneAnother) {
  const auto a = Write("a/1.csv", "1,2\n3,4");
  const auto b = Write("b/2.csv", "5,6\n7,x\n");
  const auto bad = ReadFiles({a, b}, {.type = ContentType::kCsv});
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().message, "b/2.csv, row 2, column 2: 'x' is not a number");
  Write("b/2.csv", "5,6\n7,8\n");
  const auto m = ReadFiles({a, b}, {.type = ContentType::kCsv});
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_THAT(Values(m->labels), ElementsAre(1, 3, 5, 7));
  EXPECT_EQ(m->Where(3), "b/2.csv, row 2");
  Write("b/2.csv", "5,6,7\n");
  EXPECT_THAT(ReadFiles({a, b}, {.type = ContentType::kCsv}).error().message,
              HasSubstr("b/2.csv, row 1 has 3 columns, separated by ','; a/1.csv, row 1 has 2"));
}

TEST_F(ReadTest, UnreadableFileIsNamed) {
  const auto m =
      ReadFiles({Write("a.csv", "1,2\n"), dir_.path() / "b.csv"}, {.type = ContentType::kCsv});
  ASSERT_FALSE(m);
  EXPECT_EQ(m.error().code, Code::kNotFound);
  EXPECT_THAT(m.error().message, HasSubstr("b.csv"));
}

// A file of many blocks with numbers of every shape.
std::string ManyRows(size_t rows, std::vector<float>* expected) {
  std::mt19937_64 rng(7);
  std::string text;
  for (size_t r = 0; r < rows; ++r) {
    for (int c = 0; c < 6; ++c) {
      const auto x = static_cast<float>(static_cast<double>(rng()) / 1e12 - 9e6);
      char field[64];
      std::snprintf(field, sizeof field, c % 2 == 0 ? "%.9g" : "%.3f", static_cast<double>(x));
      if (c > 0) expected->push_back(std::strtof(field, nullptr));
      text += field;
      text += c == 5 ? '\n' : ',';
    }
    if (r % 1000 == 0) text += "\n";  // empty lines must not shift rows
  }
  return text;
}

TEST_F(ReadTest, CsvDoesNotDependOnThreads) {
  std::vector<float> expected;
  const std::string text = ManyRows(40000, &expected);
  ASSERT_GT(text.size(), size_t{1} << 20);
  for (const int threads : {1, 2, 5}) {
    const auto m = Csv(text, {.threads = threads});
    ASSERT_TRUE(m) << m.error().message;
    EXPECT_EQ(Values(m->values), expected);
    EXPECT_EQ(m->Where(0), "train.csv, row 1");
    EXPECT_EQ(m->Where(1), "train.csv, row 3");
    EXPECT_EQ(m->Where(39999), "train.csv, row 40040") << threads;
  }
  // The first of two errors is the one reported.
  std::string broken = text;
  broken.insert(broken.size() / 2, "x");
  broken.insert(broken.size() / 3, "y");
  for (const int threads : {1, 2, 5}) {
    EXPECT_THAT(CsvError(broken, {.threads = threads}), HasSubstr("y"));
  }
}

TEST_F(ReadTest, LinesLongerThanABlock) {
  std::string row = "1";
  for (int i = 0; i < 200000; ++i) row += ",12";
  const auto m = Csv(row + "\n" + row + "\n" + row, {.threads = 3});
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_EQ(m->rows, 3U);
  EXPECT_EQ(m->cols, 200000U);
  EXPECT_TRUE(std::all_of(m->values.begin(), m->values.end(), [](float f) { return f == 12; }));
}

TEST_F(ReadTest, GzipIsRecognised) {
  std::vector<float> expected;
  const std::string text = ManyRows(20000, &expected);
  const fs::path path = dir_.path() / "part.csv.gz";
  for (const size_t half : {text.size() / 2, text.size()}) {  // the second time as a second member
    gzFile gz = gzopen(path.c_str(), half == text.size() ? "ab" : "wb");
    const std::string part =
        half == text.size() ? text.substr(text.size() / 2) : text.substr(0, half);
    gzwrite(gz, part.data(), static_cast<unsigned>(part.size()));
    gzclose(gz);
  }
  const auto m = ReadFiles({path}, {.type = ContentType::kCsv});
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_EQ(Values(m->values), expected);
  fs::resize_file(path, fs::file_size(path) - 100);
  const auto cut = ReadFiles({path}, {.type = ContentType::kCsv});
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, Code::kDataLoss);
}

TEST_F(ReadTest, ZstdIsRecognised) {
  std::vector<float> expected;
  const std::string text = ManyRows(20000, &expected);
  const auto frame = [](std::string_view part) {
    std::string out(ZSTD_compressBound(part.size()), '\0');
    out.resize(ZSTD_compress(out.data(), out.size(), part.data(), part.size(), 1));
    return out;
  };
  const std::string_view whole = text;
  const std::string bytes = frame(whole.substr(0, 500000)) + frame(whole.substr(500000));
  const auto m = ReadFiles({Write("part.csv.zst", bytes)}, {.type = ContentType::kCsv});
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_EQ(Values(m->values), expected);
  const auto cut = ReadFiles({Write("part.csv.zst", bytes.substr(0, bytes.size() - 9))},
                             {.type = ContentType::kCsv});
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().reason, "BadZstd");
  const auto svm =
      ReadFiles({Write("part.zst", frame("1 0:2\n0 1:3\n"))}, {.type = ContentType::kLibsvm});
  ASSERT_TRUE(svm) << svm.error().message;
  EXPECT_THAT(Values(svm->values), ElementsAre(2, 3));
}

TEST_F(ReadTest, FifoIsReadAsItComes) {
  const fs::path path = dir_.path() / "train_0";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  std::vector<float> expected;
  const std::string text = ManyRows(20000, &expected);
  const std::jthread writer([&] { std::ofstream(path, std::ios::binary) << text; });
  const auto m = ReadFiles({path}, {.type = ContentType::kCsv});
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_EQ(Values(m->values), expected);
}

// ---- Numbers: every kernel reads exactly what strtof reads.

std::vector<std::string> Numbers() {
  std::vector<std::string> numbers = {"0",
                                      "-0",
                                      "0.0",
                                      "-0.0",
                                      "1",
                                      "-1",
                                      "+1",
                                      "1.",
                                      ".5",
                                      "-.5",
                                      "00012",
                                      "1e5",
                                      "1E5",
                                      "1e+5",
                                      "1e-5",
                                      "1.5e005",
                                      "16777216",
                                      "16777217",
                                      "16777219",
                                      "33554433",
                                      "9007199254740993",
                                      "0.1",
                                      "0.2",
                                      "0.30000001192092896",
                                      "3.4028234663852886e38",
                                      "340282346638528859811704183484516925440",
                                      "1.17549435e-38",
                                      "1.1754942e-38",
                                      "1e-45",
                                      "7e-46",
                                      "1.4e-45",
                                      "4.9e-324",
                                      "1e-400",
                                      "0.000000000000000000000000000000000000000000001",
                                      "123456789012345678901234567890",
                                      "0.123456789012345678901234567890",
                                      "1234567890123456",
                                      "12345678901234567",
                                      "123456789.0123456",
                                      "1234567890123456.7",
                                      "8.692932128906250000e-01",
                                      "-6.350818276405334473e-01",
                                      "1e22",
                                      "1e23",
                                      "2.5000000596046448",
                                      "2.50000005960464477539062500001",
                                      "0.500000029802322387695312",
                                      "0.50000002980232238769531250",
                                      "0.5000000298023223876953125000001"};
  std::mt19937_64 rng(11);
  char text[80];
  for (int i = 0; i < 200000; ++i) {
    const auto bits = static_cast<uint32_t>(rng());
    const auto f = std::bit_cast<float>(bits);
    if (!std::isfinite(f)) continue;
    // Half of them of everyday size.
    const double x =
        i % 2 == 0
            ? static_cast<double>(f)
            : std::ldexp(static_cast<double>(static_cast<int64_t>(rng()) >> (rng() % 40)), -40);
    switch (rng() % 9) {
      case 8: {  // long ones, with what the widest field holds and one character more
        const double small = std::fmod(x, 1000);
        std::snprintf(text, sizeof text, rng() % 2 == 0 ? "%.*e" : "%.*f",
                      static_cast<int>(15 + rng() % 14), small);
        break;
      }
      case 0:
        std::snprintf(text, sizeof text, "%.9g", x);
        break;
      case 1:
        std::snprintf(text, sizeof text, "%.17g", x);
        break;
      case 2:
        std::snprintf(text, sizeof text, "%.*e", static_cast<int>(rng() % 25), x);
        break;
      case 3:
        std::snprintf(text, sizeof text, "%.*f", static_cast<int>(rng() % 20), std::fmod(x, 1e9));
        break;
      case 4:
        std::snprintf(text, sizeof text, "%.6g", x);
        break;
      case 5:
        std::snprintf(text, sizeof text, "%lld", static_cast<long long>(rng() >> (rng() % 64)));
        break;
      case 6: {  // exactly between two floats, and next to it
        const float next = std::nextafter(f, 1e30F);
        if (std::fabs(f) > 1e20F || std::fabs(f) < 1e-6F) continue;
        const double middle = (static_cast<double>(f) + static_cast<double>(next)) / 2;
        std::snprintf(text, sizeof text, "%.*e", rng() % 2 == 0 ? 16 : 24, middle);
        break;
      }
      default:
        std::snprintf(text, sizeof text, "%.*f", static_cast<int>(rng() % 4), std::fmod(x, 1e6));
    }
    numbers.emplace_back(text);
  }
  return numbers;
}

// One csv row through a kernel, between bytes that look like more of the number.
const char* ParseRow(const internal::Kernels& kernels, const std::string& row, float* values,
                     uint32_t cols, std::string& text) {
  text = std::string(internal::kPadding, '9') + row + "\n" + std::string(internal::kPadding, '7');
  const char* const begin = text.data() + internal::kPadding;
  Buffer<uint32_t> scratch(2 * (row.size() + 67));
  float label = 0;
  return kernels.csv(begin, begin + row.size() + 1,
                     {.labels = &label,
                      .weights = nullptr,
                      .features = values,
                      .cols = cols,
                      .delimiter = ',',
                      .scratch = scratch.data()});
}

TEST(Number, EveryKernelReadsWhatStrtofReads) {
  std::string text;
  for (const internal::Kernels& kernels : internal::AllKernels()) {
    std::string before = "0.5";
    for (const std::string& number : Numbers()) {
      // More than four and more than eight, because kernels take so many at a time.
      for (const std::vector<std::string>& row :
           {std::vector{number, before, number, number, number},
            std::vector{before, number, std::string(), number, before, before, number, before,
                        number, std::string("-1.5"), number}}) {
        std::vector<float> values(row.size());
        std::string line = "1";
        for (const std::string& field : row) line += "," + field;
        ASSERT_EQ(ParseRow(kernels, line, values.data(), static_cast<uint32_t>(row.size()), text),
                  nullptr)
            << line;
        for (size_t i = 0; i < row.size(); ++i) {
          if (row[i].empty()) {
            ASSERT_TRUE(std::isnan(values[i])) << line;
            continue;
          }
          const float expected = std::strtof(row[i].c_str(), nullptr);
          ASSERT_EQ(std::bit_cast<uint32_t>(values[i]), std::bit_cast<uint32_t>(expected))
              << row[i] << " at " << i << ": " << values[i] << " is not " << expected;
        }
      }
      before = number;
    }
  }
}

TEST(Number, NoKernelTakesWhatIsNoNumber) {
  std::string text;
  for (const internal::Kernels& kernels : internal::AllKernels()) {
    for (const std::string number : {"-",
                                     "+",
                                     ".",
                                     "-.",
                                     "e5",
                                     "1e",
                                     "1e+",
                                     "1..2",
                                     "1.2.3",
                                     "--1",
                                     "+-1",
                                     "1-2",
                                     "0x10",
                                     "1f",
                                     "12345678901234567890123456789012345678901.2.3",
                                     "infinity",
                                     "-inf",
                                     "nano",
                                     "1 2",
                                     "1e5e5",
                                     "-1-",
                                     "1.-",
                                     "..",
                                     "1234567890123456-",
                                     ".1.",
                                     "1.2.",
                                     "12345678901234..",
                                     "e-05",
                                     "-e-05",
                                     ".e-05",
                                     "1.2.3e-05",
                                     "-.e+05",
                                     "1e-05e-05",
                                     "1.234567890123456789e-0x",
                                     "1.234567890123456789e*05",
                                     "1.234567890.123456789e-01",
                                     "1.2345678901-3456789e-01",
                                     "--1.234567890123456789e-01",
                                     "1.23456789012345678 9e-01",
                                     "1.234567890123456789e-1.",
                                     "1.234567890123456789-e01"}) {
      for (std::string row : {"1,1,2," + number + ",4", "1,1,2,3,4," + number,
                              "1," + number + ",2,3,4", number + ",1,2,3,4,5"}) {
        for (const char* more : {"", ",5,6,7,8,9,10,11"}) {
          row += more;
          std::vector<float> values(16);
          const auto cols = static_cast<uint32_t>(std::count(row.begin(), row.end(), ','));
          const char* const bad = ParseRow(kernels, row, values.data(), cols, text);
          EXPECT_EQ(bad, text.data() + internal::kPadding) << row;
        }
      }
    }
  }
}

// ---- LIBSVM

TEST_F(ReadTest, LibsvmToSparseRows) {
  const auto m = Libsvm("1 0:1.5 3:-2\n# a comment\n\n0\n-1 1:4 2:nan  5:6 # more\n");
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_TRUE(m->sparse);
  EXPECT_EQ(m->rows, 3U);
  EXPECT_EQ(m->cols, 6U);
  EXPECT_THAT(Values(m->labels), ElementsAre(1, 0, -1));
  EXPECT_THAT(Values(m->row_begin), ElementsAre(0, 2, 2, 4));
  EXPECT_THAT(Values(m->column), ElementsAre(0, 3, 1, 5));
  EXPECT_THAT(Values(m->values), ElementsAre(1.5, -2, 4, 6));
  EXPECT_TRUE(m->weights.empty());
  EXPECT_TRUE(m->group_sizes.empty());
  EXPECT_EQ(m->Where(0), "train.txt, row 1");
  EXPECT_EQ(m->Where(1), "train.txt, row 4");
  EXPECT_EQ(m->Where(2), "train.txt, row 5");
}

TEST_F(ReadTest, LibsvmWeightsAndQueries) {
  const auto m = Libsvm("1:0.5 qid:1 0:1\n0:2 qid:1 0:2\n1:1 qid:4 0:3\n");
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_THAT(Values(m->weights), ElementsAre(0.5, 2, 1));
  EXPECT_THAT(m->group_sizes, ElementsAre(2, 1));
}

TEST_F(ReadTest, LibsvmSortsColumns) {
  const auto m = Libsvm("1 3:30 1:10\n0 1:1 2:2\n");
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_THAT(Values(m->column), ElementsAre(1, 3, 1, 2));
  EXPECT_THAT(Values(m->values), ElementsAre(10, 30, 1, 2));
}

TEST_F(ReadTest, LibsvmErrorsNameFileRowColumnAndValue) {
  EXPECT_EQ(LibsvmError("1 0:1\nabc 1:2\n"),
            "train.txt, row 2, column 1: the label 'abc' is not a number");
  EXPECT_EQ(LibsvmError("1 0:1\n\n1 1:2 x:3\n"),
            "train.txt, row 3, column 3: the index in 'x:3' is not a whole number");
  EXPECT_EQ(LibsvmError("1 0:1 7\n"), "train.txt, row 1, column 3: '7' is not index:value");
  EXPECT_EQ(LibsvmError("1 0:1z\n"),
            "train.txt, row 1, column 2: the value in '0:1z' is not a number");
  EXPECT_EQ(LibsvmError("1 0:\n"), "train.txt, row 1, column 2: the value in '0:' is not a number");
  EXPECT_THAT(LibsvmError("1 0:inf\n"), HasSubstr("infinite"));
  EXPECT_THAT(LibsvmError("1 99999999999:1\n"), HasSubstr("is larger than"));
  EXPECT_THAT(LibsvmError("1 -1:1\n"), HasSubstr("the index in '-1:1'"));
  EXPECT_THAT(LibsvmError("1 2:1 2:3\n"), HasSubstr("row 1: index 2 occurs twice"));
  EXPECT_EQ(
      LibsvmError("1:1 0:1\n0 0:1\n"),
      "train.txt, row 2 has no weight, but train.txt, row 1 has one: give a weight to every row "
      "or to none");
  EXPECT_THAT(LibsvmError("1 qid:1 0:1\n0 0:1\n"), HasSubstr("row 2 has no qid"));
  EXPECT_THAT(LibsvmError("1 qid:2 0:1\n0 qid:1 0:1\n"), HasSubstr("row 2: qid 1 after 2"));
  EXPECT_EQ(LibsvmError("1,2,3\n"),
            "train.txt, row 1, column 1: the label '1,2,3' is not a number");
  EXPECT_THAT(LibsvmError("1\n0\n"), HasSubstr("no row has a feature"));
  EXPECT_EQ(LibsvmError("# nothing\n"), "train.txt has no rows");
}

TEST_F(ReadTest, LibsvmDoesNotDependOnThreads) {
  std::mt19937_64 rng(3);
  std::string text;
  std::vector<float> values;
  std::vector<uint32_t> columns;
  for (int r = 0; r < 30000; ++r) {
    text += std::to_string(r % 3) + " qid:" + std::to_string(r / 10);
    for (uint32_t c = 0; c < 40; c += 1 + static_cast<uint32_t>(rng() % 12)) {
      char value[40];
      std::snprintf(value, sizeof value, " %u:%.7g", c, static_cast<double>(rng()) / 1e17 - 90);
      columns.push_back(c);
      values.push_back(std::strtof(std::strchr(value, ':') + 1, nullptr));
      text += value;
    }
    text += r % 100 == 0 ? " # c\r\n#\n" : "\n";
  }
  ASSERT_GT(text.size(), size_t{1} << 20);
  for (const int threads : {1, 4}) {
    const auto m =
        ReadFiles({Write("t", text)}, {.type = ContentType::kLibsvm, .threads = threads});
    ASSERT_TRUE(m) << m.error().message;
    EXPECT_EQ(m->rows, 30000U);
    EXPECT_EQ(Values(m->values), values);
    EXPECT_EQ(Values(m->column), columns);
    EXPECT_EQ(m->group_sizes.size(), 3000U);
    EXPECT_EQ(m->Where(29999), "t, row 30300");
  }
}

// ---- RecordIO

std::string Varint(uint64_t v) {
  std::string out;
  for (; v >= 0x80; v >>= 7) out += static_cast<char>(v | 0x80);
  return out + static_cast<char>(v);
}
std::string Bytes(uint32_t field, const std::string& bytes) {
  return Varint(field << 3 | 2) + Varint(bytes.size()) + bytes;
}
template <typename T>
std::string Packed(const std::vector<T>& values) {
  return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}
std::string Integers(const std::vector<uint64_t>& values) {
  std::string out;
  for (const uint64_t v : values) out += Varint(v);
  return out;
}
// A map entry "values" with a tensor of type 2 (float32), 3 (float64) or 7 (int32).
std::string Entry(uint32_t field, uint32_t type, const std::string& tensor) {
  return Bytes(field, Bytes(1, "values") + Bytes(2, Bytes(type, tensor)));
}
std::string Framed(const std::string& payload) {
  std::string out = Packed<uint32_t>({0xCED7230A, static_cast<uint32_t>(payload.size())}) + payload;
  out.resize((out.size() + 3) / 4 * 4);
  return out;
}
std::string Label(float v) { return Entry(2, 2, Bytes(1, Packed<float>({v}))); }

class RecordIoTest : public ReadTest {
 protected:
  Result<Matrix> Read(std::string_view bytes) {
    return ReadFiles({Write("train.pbr", bytes)}, {.type = ContentType::kRecordIo});
  }
};

TEST_F(RecordIoTest, DenseRows) {
  const auto m =
      Read(Framed(Entry(1, 2, Bytes(1, Packed<float>({1, std::nanf(""), 3}))) + Label(1)) +
           Framed(Label(0) + Entry(1, 3, Bytes(1, Packed<double>({4, 5, 0.1})))) +
           Framed(Entry(1, 7, Bytes(1, Integers({7, 8, ~uint64_t{0}}))) + Label(2)));
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_FALSE(m->sparse);
  EXPECT_EQ(m->cols, 3U);
  EXPECT_THAT(Values(m->labels), ElementsAre(1, 0, 2));
  EXPECT_THAT(Values(m->values), ElementsAre(1, IsNan(), 3, 4, 5, 0.1F, 7, 8, -1));
  EXPECT_EQ(m->Where(2), "train.pbr, row 3");
}

TEST_F(RecordIoTest, SparseRowsAmongDenseOnes) {
  const auto m = Read(Framed(Entry(1, 2, Bytes(1, Packed<float>({1, 2}))) + Label(1)) +
                      Framed(Entry(1, 2,
                                   Bytes(1, Packed<float>({30, 10})) + Bytes(2, Integers({3, 1})) +
                                       Bytes(3, Integers({300}))) +
                             Label(0)) +
                      Framed(Entry(1, 2, Bytes(3, Integers({300}))) + Label(0)) +
                      Framed(Entry(1, 2, Bytes(1, Packed<float>({5, 6}))) + Label(1)));
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_TRUE(m->sparse);
  EXPECT_EQ(m->cols, 300U);
  EXPECT_THAT(Values(m->row_begin), ElementsAre(0, 2, 4, 4, 6));
  EXPECT_THAT(Values(m->column), ElementsAre(0, 1, 1, 3, 0, 1));
  EXPECT_THAT(Values(m->values), ElementsAre(1, 2, 10, 30, 5, 6));
}

TEST_F(RecordIoTest, RowsWithoutAnyEntry) {
  // An empty packed list, and a row of nothing but a width.
  const auto m =
      Read(Framed(Entry(1, 2, Bytes(1, "") + Bytes(2, "") + Bytes(3, Integers({4}))) + Label(1)) +
           Framed(Entry(1, 2, Bytes(3, Integers({4}))) + Label(0)));
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_EQ(m->rows, 2U);
  EXPECT_EQ(m->cols, 4U);
  EXPECT_TRUE(m->values.empty());
}

TEST_F(RecordIoTest, Errors) {
  const std::string row = Framed(Entry(1, 2, Bytes(1, Packed<float>({1, 2}))) + Label(1));
  const auto error = [&](const std::string& bytes) {
    const auto m = Read(bytes);
    return m ? "no error" : m.error().message;
  };
  EXPECT_EQ(error(""), "No records found in RecordIO-Protobuf data");
  EXPECT_EQ(error("1,2,3,4\n5,6"), "train.pbr, record 1: this is not RecordIO");
  EXPECT_EQ(error(row + row.substr(0, 20)), "train.pbr, record 2: the file ends too early");
  EXPECT_EQ(error(Framed(Entry(1, 2, Bytes(1, Packed<float>({1}))))),
            "train.pbr, record 1: has 0 labels; it needs one");
  EXPECT_EQ(error(row + Framed(Entry(1, 2, Bytes(1, Packed<float>({1}))) + Label(1))),
            "train.pbr, record 2: has 1 features; records before it have 2");
  EXPECT_EQ(error(row + Framed("\x0b")), "train.pbr, record 2: not a protobuf Record");
  EXPECT_THAT(error(Framed(Entry(1, 2, Bytes(1, Packed<float>({1})) + Bytes(2, Integers({1, 2}))) +
                           Label(1))),
              HasSubstr("has 2 keys but 1 values"));
  EXPECT_THAT(error(Framed(Entry(1, 2, Bytes(1, Packed<float>({INFINITY}))) + Label(1))),
              HasSubstr("infinite"));
}

TEST(Buffer, KeepsItsBytesWhenItGrowsAndShrinks) {
  Buffer<uint32_t> b;
  for (uint32_t i = 0; i < 3000000; ++i) b.PushBack(i);
  b.ShrinkToFit();
  b.Resize(100);
  b.ShrinkToFit();
  for (uint32_t i = 0; i < 100; ++i) ASSERT_EQ(b[i], i);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(b.data()) % 64, 0U);
}

}  // namespace
}  // namespace clary::data
