#include "data/payload.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

namespace clary::data {
namespace {

std::vector<float> ValuesOf(const Matrix& m) { return {m.values.begin(), m.values.end()}; }

TEST(Payload, CsvHasNoLabel) {
  const auto m = ReadPayload(ContentType::kCsv, "1,2.5,-3e2\r\n\n4,,NA");
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_EQ(m->rows, 2U);
  EXPECT_EQ(m->cols, 3U);
  EXPECT_EQ(m->values[2], -300.0F);
  EXPECT_TRUE(std::isnan(m->values[4]));
  EXPECT_TRUE(std::isnan(m->values[5]));
  EXPECT_TRUE(m->labels.empty());
}

TEST(Payload, CsvFindsItsDelimiter) {
  EXPECT_EQ(ValuesOf(*ReadPayload(ContentType::kCsv, "1\t2\n")), (std::vector<float>{1, 2}));
  EXPECT_EQ(ValuesOf(*ReadPayload(ContentType::kCsv, "1;2")), (std::vector<float>{1, 2}));
  EXPECT_EQ(ValuesOf(*ReadPayload(ContentType::kCsv, " 1   2 ")), (std::vector<float>{1, 2}));
  EXPECT_EQ(ReadPayload(ContentType::kCsv, "1\n2\n3")->rows, 3U);
}

TEST(Payload, ManyRowsOfCsvAreReadAsFew) {
  std::string text;
  std::vector<float> expected;
  for (int i = 0; i < 20'000; ++i) {
    const bool odd = i % 1'000 == 7;  // what the quick way does not know
    text += (odd ? "" : std::to_string(i)) + ",0.5," + (odd ? "NA" : "-2e1") +
            (i % 3 == 0 ? "\r\n" : "\n");
    if (i % 5'000 == 0) text += "\n";
    expected.push_back(odd ? NAN : static_cast<float>(i));
    expected.push_back(0.5F);
    expected.push_back(odd ? NAN : -20.0F);
  }
  for (const bool last_ends : {true, false}) {
    if (!last_ends) text.pop_back();
    const auto m = ReadPayload(ContentType::kCsv, text);
    ASSERT_TRUE(m) << m.error().message;
    ASSERT_EQ(m->rows, 20'000U);
    ASSERT_EQ(m->values.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      if (std::isnan(expected[i])) {
        ASSERT_TRUE(std::isnan(m->values[i])) << i;
      } else {
        ASSERT_EQ(m->values[i], expected[i]) << i;
      }
    }
  }
  EXPECT_EQ(ReadPayload(ContentType::kCsv, text + "\n1,2,x").error().message,
            "could not convert string to float: 'x' (row 20001, column 3)");
  EXPECT_EQ(ReadPayload(ContentType::kCsv, text + "\n1,2").error().message,
            "row 20001 has 2 columns, the rows before it have 3");
}

TEST(Payload, CsvSaysWhatIsWrong) {
  const auto text = ReadPayload(ContentType::kCsv, "1,2\na,b");
  EXPECT_EQ(text.error().message, "could not convert string to float: 'a' (row 2, column 1)");
  EXPECT_EQ(ReadPayload(ContentType::kCsv, "1,2\n3").error().message,
            "row 2 has 1 columns, the rows before it have 2");
  EXPECT_EQ(ReadPayload(ContentType::kCsv, "1,inf").error().reason, "BadData");
  EXPECT_EQ(ReadPayload(ContentType::kCsv, "\n\n").error().reason, "NoData");
}

TEST(Payload, LibsvmTakesAnyOrderAndIgnoresLabels) {
  const auto m = ReadPayload(ContentType::kLibsvm, "0 3:1 1:2.5 # why\n2:7\n1\n");
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_EQ(m->rows, 3U);
  EXPECT_EQ(m->cols, 4U);
  EXPECT_EQ(m->column[0], 1U);
  EXPECT_EQ(m->values[0], 2.5F);
  EXPECT_EQ(m->row_begin[3], 3U);
  EXPECT_FALSE(ReadPayload(ContentType::kLibsvm, "0 1:x"));
  EXPECT_FALSE(ReadPayload(ContentType::kLibsvm, "0 1:1 1:2"));
  EXPECT_FALSE(ReadPayload(ContentType::kLibsvm, "0 1:1 99999999999:2"));
}

TEST(Payload, RecordIoNeedsNoLabel) {
  // Record{features{"values": Value{float32_tensor{values [1, 2]}}}}
  std::string tensor("\x0A\x08", 2);
  const float values[] = {1, 2};
  tensor.append(reinterpret_cast<const char*>(values), sizeof values);
  const std::string value = "\x12" + std::string(1, static_cast<char>(tensor.size())) + tensor;
  const std::string entry =
      "\x0A\x06values\x12" + std::string(1, static_cast<char>(value.size())) + value;
  const std::string record = "\x0A" + std::string(1, static_cast<char>(entry.size())) + entry;
  std::string framed("\x0A\x23\xD7\xCE", 4);
  framed += std::string(1, static_cast<char>(record.size())) + std::string(3, '\0') + record;
  framed.resize((framed.size() + 3) / 4 * 4);
  const auto m = ReadPayload(ContentType::kRecordIo, framed + framed);
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_EQ(m->rows, 2U);
  EXPECT_EQ(ValuesOf(*m), (std::vector<float>{1, 2, 1, 2}));
  EXPECT_FALSE(ReadPayload(ContentType::kRecordIo, framed.substr(0, 20)));
  EXPECT_FALSE(ReadPayload(ContentType::kRecordIo, "1,2,3,4,5,6"));
}

TEST(Payload, ContentTypesHaveAnyParameters) {
  EXPECT_EQ(PayloadContentType("text/csv; charset=utf-8"), ContentType::kCsv);
  EXPECT_EQ(PayloadContentType("text/csv; label_size=0"), ContentType::kCsv);
  EXPECT_EQ(PayloadContentType(""), ContentType::kLibsvm);
  EXPECT_EQ(PayloadContentType("application/json").error().reason, "BadContentType");
}

}  // namespace
}  // namespace clary::data
