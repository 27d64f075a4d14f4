// Files that pyarrow wrote (tests/golden/make_parquet.py) and what is made of them here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cmath>
#include <fstream>
#include <map>
#include <thread>

#include "base/file.h"
#include "data/internal/codecs.h"
#include "data/internal/parquet_column.h"
#include "data/internal/parquet_format.h"
#include "data/internal/thrift.h"
#include "data/read.h"
#include "data/records.h"

namespace clary::data {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const fs::path kGolden = fs::path(CLARY_SOURCE_DIR) / "tests/golden/parquet";

Result<Matrix> Read(const std::vector<fs::path>& files, ReadOptions options = {}) {
  options.type = ContentType::kParquet;
  return ReadFiles(files, options);
}
std::string ErrorOf(const std::vector<fs::path>& files) {
  const auto m = Read(files);
  if (m) return "no error";
  EXPECT_EQ(m.error().code, Code::kInvalidArgument);
  return m.error().message;
}
std::string Bytes(const fs::path& path) { return *ReadFile(path, 1 << 20); }

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// Row r of the script's table, without the label r % 2.
std::vector<float> Expected(size_t r) {
  const auto v = static_cast<int64_t>(r);
  const auto f = static_cast<float>(r);
  return {f * 0.25F - 20,
          static_cast<float>(static_cast<double>(v) / 3),
          static_cast<float>(v * 7 - 1000),
          static_cast<float>((v - 150) * 10'000'000'000),
          static_cast<float>(v % 256 - 128),
          static_cast<float>(uint32_t{4294967295U} - static_cast<uint32_t>(v)),
          static_cast<float>(~uint64_t{0} - static_cast<uint64_t>(v)),
          v % 3 == 0 ? 1.0F : 0.0F,
          f * 0.5F,
          static_cast<float>(static_cast<double>(v - 100) * 1.25),
          v % 4 == 1 || (v >= 40 && v < 60) ? kNaN : f,
          v % 5 == 0 ? kNaN : static_cast<float>(v % 7)};
}

void ExpectRows(const Matrix& m, size_t times = 1) {
  ASSERT_EQ(m.rows, 300 * times);
  ASSERT_EQ(m.cols, 12U);
  EXPECT_FALSE(m.sparse);
  for (size_t r = 0; r < m.rows; ++r) {
    ASSERT_EQ(m.labels[r], static_cast<float>(r % 300 % 2));
    const std::vector<float> expected = Expected(r % 300);
    for (size_t c = 0; c < 12; ++c) {
      const float got = m.values[r * 12 + c];
      ASSERT_TRUE(got == expected[c] || (std::isnan(got) && std::isnan(expected[c])))
          << "row " << r << " column " << c << ": " << got << " not " << expected[c];
    }
  }
}

TEST(Parquet, EveryFormOfTheSameRows) {
  for (const char* name : {"v1_snappy", "v2_zstd", "v1_gzip_plain", "v2_none_delta",
                           "v1_zstd_split", "required", "v2_brotli", "v1_lz4_raw", "v1_lz4_bare"}) {
    SCOPED_TRACE(name);
    for (const int threads : {1, 3}) {
      const auto m = Read({kGolden / (std::string(name) + ".parquet")}, {.threads = threads});
      ASSERT_TRUE(m) << m.error().message;
      ExpectRows(*m);
      EXPECT_EQ(m->Where(299), std::string(name) + ".parquet, row 300");
    }
  }
}

TEST(Parquet, DecimalsAreIntegersWithAScale) {
  const auto m = Read({kGolden / "decimal_int.parquet"});
  ASSERT_TRUE(m) << m.error().message;
  for (size_t r = 0; r < 300; ++r) {
    EXPECT_EQ(m->values[r], static_cast<float>((static_cast<double>(r) - 100) * 1.25));
  }
}

TEST(Parquet, TheIndexOfAPandasFrameIsNoFeature) {
  const auto m = Read({kGolden / "pandas_index.parquet"});
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_THAT(m->values.span(), ElementsAre(1.5F, 2.5F, 3.5F));
}

TEST(Parquet, ManyFilesAndStreams) {
  const fs::path a = kGolden / "v1_snappy.parquet";
  const fs::path b = kGolden / "v2_none_delta.parquet";
  const auto m = Read({a, b, a}, {.threads = 2});
  ASSERT_TRUE(m) << m.error().message;
  ExpectRows(*m, 3);
  EXPECT_EQ(m->Where(301), "v2_none_delta.parquet, row 2");

  const TempDir dir = *TempDir::Make();
  const fs::path fifo = dir.path() / "train_0";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const std::jthread writer([&] { std::ofstream(fifo, std::ios::binary) << Bytes(a) << Bytes(b); });
  const auto streamed = Read({fifo});
  ASSERT_TRUE(streamed) << streamed.error().message;
  ExpectRows(*streamed, 2);
}

TEST(Parquet, ErrorsNameFileColumnAndWhatIsUnsupported) {
  EXPECT_EQ(ErrorOf({kGolden / "text.parquet"}),
            "text.parquet: column 3 ('name') holds text; every column must hold numbers: convert "
            "or remove it");
  EXPECT_THAT(ErrorOf({kGolden / "dates.parquet"}),
              HasSubstr("column 3 ('when') holds timestamps"));
  EXPECT_THAT(ErrorOf({kGolden / "lists.parquet"}), HasSubstr("column 'l' is nested"));
  EXPECT_THAT(ErrorOf({kGolden / "struct.parquet"}), HasSubstr("column 's' is nested"));
  EXPECT_EQ(
      ErrorOf({kGolden / "lzo.parquet"}),
      "lzo.parquet, column 1 ('label'): compression LZO is not supported; write the file with "
      "snappy, gzip, brotli, lz4, zstd or none");
  EXPECT_EQ(ErrorOf({kGolden / "infinite.parquet"}),
            "infinite.parquet, row 2, column 2 ('x'): the value is infinite or too large for a "
            "32-bit float");
  EXPECT_EQ(ErrorOf({kGolden / "no_label.parquet"}),
            "no_label.parquet, row 2, column 1 ('label'): the label is missing");
  EXPECT_EQ(ErrorOf({kGolden / "no_rows.parquet"}), "no_rows.parquet has no rows");
  const auto empty = Read({kGolden / "empty_column.parquet"});
  ASSERT_TRUE(empty) << empty.error().message;
  EXPECT_THAT(
      empty->warnings,
      ElementsAre("empty_column.parquet: column 3 ('y') is missing in all 2 rows, so nothing "
                  "can be learned from it; fill the column in, or remove it"));
  EXPECT_THAT(Read({kGolden / "empty_column.parquet"}, {.features = 2})->warnings, IsEmpty());
  EXPECT_EQ(ErrorOf({kGolden / "required.parquet", kGolden / "pandas_index.parquet"}),
            "pandas_index.parquet: has 2 columns; required.parquet has 13: every file needs the "
            "same");
  EXPECT_THAT(ErrorOf({kGolden / "decimal_int.parquet", kGolden / "pandas_index.parquet"}),
              HasSubstr("has no column 'dec', which decimal_int.parquet has"));
  const auto large = Read({kGolden / "required.parquet"}, {.max_bytes = 1000});
  EXPECT_EQ(large.error().reason, "TooLarge");
}

TEST(Parquet, DamagedFiles) {
  const TempDir dir = *TempDir::Make();
  const fs::path path = dir.path() / "a.parquet";
  const auto error = [&](const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
    return ErrorOf({path});
  };
  const std::string good = Bytes(kGolden / "v2_zstd.parquet");
  EXPECT_THAT(error("1,2,3\n4,5,6\n7,8,9\n"), HasSubstr("a.parquet: this is not a Parquet file"));
  EXPECT_THAT(error("PAR1"), HasSubstr("this is not a Parquet file"));
  EXPECT_THAT(error(good.substr(0, good.size() - 100)), HasSubstr("or it is cut off"));
  EXPECT_THAT(error(good.substr(0, good.size() - 4) + "PARE"), HasSubstr("encrypted"));
  std::string footer = good;
  footer.replace(good.size() - 40, 4, "\xff\xff\xff\xff");
  EXPECT_NE(error(footer), "");
  // Any page may be damaged: an error or other numbers, never a crash.
  size_t errors = 0;
  for (size_t at = 4; at + 2000 < good.size(); at += 97) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x5a);
    std::ofstream(path, std::ios::binary) << bad;
    errors += Read({path}) ? 0 : 1;
  }
  EXPECT_GT(errors, 50U);
}

// ---- The parts

// As texts, numbers keep all that the file has of them.
TEST(ParquetRecords, NumbersAreExact) {
  for (const char* name :
       {"v1_snappy", "v2_zstd", "v1_gzip_plain", "v2_none_delta", "v1_zstd_split", "required"}) {
    SCOPED_TRACE(name);
    const std::string file = std::string(name) + ".parquet";
    const auto records = Records::Open(ContentType::kParquet, kGolden / file, file);
    ASSERT_TRUE(records) << records.error().message;
    std::map<std::string, size_t> at;
    for (size_t c = 0; c < (*records)->first().size(); ++c) at[(*records)->first()[c]] = c;
    const auto text = [&](const char* column) {
      return std::string((*records)->Text(at.at(column)));
    };
    int64_t r = 0;
    for (; *(*records)->Next(); ++r) {
      SCOPED_TRACE(r);
      EXPECT_EQ(text("i64"), std::to_string((r - 150) * 10'000'000'000));
      EXPECT_EQ(text("u64"), std::to_string(UINT64_MAX - static_cast<uint64_t>(r)));
      EXPECT_EQ(text("i8"), std::to_string(r % 256 - 128));
      EXPECT_EQ(text("u32"), std::to_string(4294967295 - r));
      EXPECT_EQ(std::stod(text("d")), static_cast<double>(r) / 3);
      EXPECT_EQ(text("d").find('.') != std::string::npos, true);  // a real number
      EXPECT_EQ(std::stod(text("f")), static_cast<double>(r) * 0.25 - 20);
      EXPECT_EQ(text("b"), r % 3 == 0 ? "True" : "False");
      EXPECT_EQ(std::stod(text("h")), static_cast<double>(r) * 0.5);
      EXPECT_EQ(std::stod(text("dec")), static_cast<double>(r - 100) * 1.25);
      EXPECT_EQ(text("n"), r % 4 == 1 || (r >= 40 && r < 60) ? "" : std::to_string(r) + ".0");
      EXPECT_EQ(text("ni"), r % 5 == 0 ? "" : std::to_string(r % 7));
    }
    EXPECT_EQ(r, 300);
  }
}

TEST(Hybrid, RunsAndGroups) {
  // Seven times 5, then 0..7 of three bits, then a group of which only two integers are there.
  std::string bytes = {0x0e, 0x05, 0x03, '\x88', '\xc6', '\xfa', 0x03, 0x3a};
  const size_t size = bytes.size();
  bytes.resize(size + internal::HybridDecoder::kSlack);
  internal::HybridDecoder in({bytes.data(), size}, 3);
  EXPECT_TRUE(in.SkipRun(2, 5));
  EXPECT_FALSE(in.SkipRun(6, 5));
  EXPECT_FALSE(in.SkipRun(2, 4));
  uint32_t got[15];
  ASSERT_TRUE(in.Read(15, got));
  EXPECT_THAT(got, ElementsAre(5, 5, 5, 5, 5, 0, 1, 2, 3, 4, 5, 6, 7, 2, 7));
  EXPECT_FALSE(in.Read(1, got));
}

// Flags that are more than flags would count more values than there are rows.
TEST(Hybrid, ARunHasNoMoreBitsThanItsWidth) {
  std::string bytes = "\x06\xff\x03\x05";  // three times 255, then eight flags
  const size_t size = bytes.size();
  bytes.resize(size + internal::HybridDecoder::kSlack);
  internal::HybridDecoder in({bytes.data(), size}, 1);
  uint8_t got[11];
  ASSERT_TRUE(in.ReadFlags(11, got));
  EXPECT_THAT(got, ElementsAre(1, 1, 1, 1, 0, 1, 0, 0, 0, 0, 0));
}

TEST(Hybrid, EveryWidth) {
  for (uint32_t width = 0; width <= 32; ++width) {
    std::string bytes(1 + 4 * size_t{width} + internal::HybridDecoder::kSlack, '\0');
    bytes[0] = 4 << 1 | 1;
    std::vector<uint32_t> expected;
    for (uint32_t i = 0; i < 32; ++i) {
      const auto v =
          static_cast<uint32_t>((uint64_t{i} * 2654435761U) & ((uint64_t{1} << width) - 1));
      expected.push_back(v);
      for (uint32_t b = 0; b < width; ++b) {
        const size_t bit = size_t{i} * width + b;
        bytes[1 + bit / 8] = static_cast<char>(bytes[1 + bit / 8] | (v >> b & 1) << bit % 8);
      }
    }
    internal::HybridDecoder in({bytes.data(), 1 + 4 * size_t{width}}, width);
    std::vector<uint32_t> got(32);
    ASSERT_TRUE(in.Read(3, got.data()));
    ASSERT_TRUE(in.Read(20, got.data() + 3));
    ASSERT_TRUE(in.Read(9, got.data() + 23));
    EXPECT_EQ(got, expected) << width;
  }
}

TEST(Thrift, BoundsAreKept) {
  // A list that claims more items than bytes, structs deeper than any, a field without an end.
  for (const std::string& bytes :
       {std::string("\x19\xfc\xff\xff\xff\x0f"), std::string(100, '\x1c'), std::string("\x18\x7f"),
        std::string("\x15\xff\xff")}) {
    internal::ThriftReader in(bytes);
    in.Skip(internal::ThriftType::kStruct);
    EXPECT_FALSE(in.ok());
  }
}

}  // namespace
}  // namespace clary::data
