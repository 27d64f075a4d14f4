#include "serving/internal/transform_object.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <atomic>
#include <map>

#include "base/strings.h"

namespace clary::serving {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> Records(const std::string& text, SplitType split, uint64_t limit = 1000) {
  RecordReader reader(NewStringSource(text), split, limit);
  std::vector<std::string> out;
  for (;;) {
    const auto record = reader.Next();
    if (!record) {
      out.push_back("!" + record.error().message);
      return out;
    }
    if (!*record) return out;
    out.emplace_back((*record)->payload);
  }
}

std::string RecordIo(const std::string& payload) {
  std::string out("\x0A\x23\xD7\xCE", 4);
  out += std::string(1, static_cast<char>(payload.size())) + std::string(3, '\0') + payload;
  return out + std::string((4 - payload.size() % 4) % 4, '\0');
}

TEST(RecordReader, SplitsLines) {
  EXPECT_THAT(Records("a\nb\r\n\nc", SplitType::kLine), ElementsAre("a", "b", "", "c"));
  EXPECT_THAT(Records("", SplitType::kLine), ElementsAre());
  EXPECT_THAT(Records("ab\ncdef\n", SplitType::kLine, 3),
              ElementsAre("ab", "!record 2 has more than 3 bytes, the payload limit"));
  std::string many;
  for (int i = 0; i < 100'000; ++i) many += "0123456789\n";
  EXPECT_EQ(Records(many, SplitType::kLine).size(), 100'000U);
}

TEST(RecordReader, TakesWholeObjects) {
  EXPECT_THAT(Records("a\nb", SplitType::kNone), ElementsAre("a\nb"));
  EXPECT_THAT(Records("abcd", SplitType::kNone, 3)[0], HasSubstr("more than 3 bytes"));
}

TEST(RecordReader, TakesFramesApart) {
  EXPECT_THAT(Records(RecordIo("one") + RecordIo("four"), SplitType::kRecordIo),
              ElementsAre("one", "four"));
  EXPECT_THAT(Records(RecordIo("one") + "x", SplitType::kRecordIo),
              ElementsAre("one", "!record 2 ends early"));
  EXPECT_THAT(Records("12345678", SplitType::kRecordIo), ElementsAre("!record 1 is not RecordIO"));
  const std::string tf = std::string("\x02\0\0\0\0\0\0\0", 8) + "crc1hicrc2";
  EXPECT_THAT(Records(tf + tf, SplitType::kTfRecord), ElementsAre("hi", "hi"));
  EXPECT_THAT(Records(std::string(12, '\xff'), SplitType::kTfRecord)[0],
              HasSubstr("payload limit"));
}

TEST(Gunzip, ReadsMembersOneAfterAnother) {
  const auto zip = [](const std::string& text) {
    z_stream z{};
    ::deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    std::string out(text.size() + 100, '\0');
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    z.avail_in = static_cast<uInt>(text.size());
    z.next_out = reinterpret_cast<Bytef*>(out.data());
    z.avail_out = static_cast<uInt>(out.size());
    ::deflate(&z, Z_FINISH);
    out.resize(z.total_out);
    ::deflateEnd(&z);
    return out;
  };
  const std::string both = zip("hello ") + zip("world");
  EXPECT_EQ(*ReadAll(*NewGunzipSource(NewStringSource(both)), 100), "hello world");
  EXPECT_EQ(*ReadAll(*NewGunzipSource(NewStringSource("")), 100), "");
  EXPECT_EQ(ReadAll(*NewGunzipSource(NewStringSource("plain")), 100).error().reason, "BadGzip");
  EXPECT_EQ(ReadAll(*NewGunzipSource(NewStringSource(both.substr(0, 10))), 100).error().reason,
            "BadGzip");
}

std::string Filtered(const std::string& path, RecordKind kind, const std::string& record) {
  const auto filter = DataFilter::Parse(path, kind);
  if (!filter) return "!" + filter.error().message;
  auto out = filter->Apply(record);
  return out ? *out : "!" + out.error().message;
}

TEST(DataFilter, SelectsColumns) {
  const auto csv = [](const std::string& path) {
    return Filtered(path, RecordKind::kCsv, "a,\"b,1\",c,d");
  };
  EXPECT_EQ(csv("$"), "a,\"b,1\",c,d");
  EXPECT_EQ(csv("$[1:]"), "\"b,1\",c,d");
  EXPECT_EQ(csv("$[0,-1]"), "a,d");
  EXPECT_EQ(csv("$[0, 2:]"), "a,c,d");
  EXPECT_EQ(csv("$[1:3]"), "\"b,1\",c");
  EXPECT_EQ(csv("$[:2]"), "a,\"b,1\"");
  EXPECT_EQ(csv("$[-2:]"), "c,d");
  EXPECT_EQ(csv("$[2]"), "c");
  EXPECT_THAT(csv("$[4]"), HasSubstr("the index 4 is out of range: there are 4 items"));
  EXPECT_THAT(csv("$.a"), HasSubstr("is for JSON"));
  EXPECT_EQ(Filtered("$[0]", RecordKind::kCsv, "a\"b,c"), "!bare \" in non-quoted-field");
}

TEST(DataFilter, SelectsMembers) {
  const auto pick = [](const std::string& path) {
    return Filtered(path, RecordKind::kJson, R"({"id":7,"features":[1,2,{"x":3}],"b":{"c":"d"}})");
  };
  EXPECT_EQ(pick("$.features"), R"([1,2,{"x":3}])");
  EXPECT_EQ(pick("$.b.c"), R"("d")");
  EXPECT_EQ(pick("$['b']['c']"), R"("d")");
  EXPECT_EQ(pick("$['id','b']"), R"({"id":7,"b":{"c":"d"}})");
  EXPECT_EQ(pick("$.features[0:2]"), "[1,2]");
  EXPECT_EQ(pick("$.features[-1].x"), "3");
  EXPECT_EQ(pick("$.b.*"), R"(["d"])");
  EXPECT_THAT(pick("$.missing"), HasSubstr("'missing' is missing"));
  EXPECT_THAT(pick("$.id[0]"), HasSubstr("an index needs a list"));
  EXPECT_EQ(Filtered("$.a", RecordKind::kJson, "nonsense"), "!the record is no JSON");
  EXPECT_THAT(Filtered("$.a", RecordKind::kJson, std::string(100'000, '[')),
              HasSubstr("nests too deep"));
}

TEST(DataFilter, SaysWhereAPathIsWrong) {
  for (const char* path : {"", "a", "$x", "$.", "$[", "$[]", "$['a]", "$[1", "$[1,'a']", "$[a]",
                           "$[99999999999999999999]"}) {
    const auto filter = DataFilter::Parse(path, RecordKind::kJson);
    ASSERT_FALSE(filter) << path;
    EXPECT_THAT(filter.error().message, HasSubstr("is not understood at position")) << path;
  }
}

TEST(JoinRecord, PutsTheResultBehind) {
  EXPECT_EQ(*JoinRecord(RecordKind::kCsv, "1,2", "0.5"), "1,2,0.5");
  EXPECT_EQ(*JoinRecord(RecordKind::kJson, R"({"a":1})", "[2]"),
            R"({"a":1,"SageMakerOutput":[2]})");
  EXPECT_EQ(*JoinRecord(RecordKind::kJson, "[1]", R"({"p":2})"),
            R"({"SageMakerInput":[1],"SageMakerOutput":{"p":2}})");
}

// A model that answers each line with its length.
class TransformTest : public testing::Test {
 protected:
  Result<std::string> Run(const std::string& input) {
    const auto source =
        NewTransformSource(NewStringSource(input), plan_, [this](const net::ClientRequest& r) {
          requests_ += 1;
          return Answer(r);
        });
    return ReadAll(*source, 1 << 24);
  }
  static Result<net::Response> Answer(const net::ClientRequest& request) {
    net::Response response;
    std::string_view body = request.body;
    if (body.ends_with('\n')) body.remove_suffix(1);
    for (const std::string_view line : clary::Split(body, '\n')) {
      if (line == "bad") return net::Response{.status = 400, .body = "bad row"};
      if (line == "broken") return net::Response{.status = 503, .body = "broken"};
      response.body += std::to_string(line.size()) + "\n";
    }
    return response;
  }
  TransformPlan plan_{
      .split = SplitType::kLine, .payload_bytes = 20, .concurrency = 3, .retries = 2};
  std::atomic<int> requests_ = 0;
};

TEST_F(TransformTest, PacksRecordsAndKeepsTheirOrder) {
  std::string input;
  std::string expected;
  for (size_t i = 1; i < 15; ++i) {
    input += std::string(i, 'x') + "\n";
    expected += std::to_string(i) + "\n";
  }
  EXPECT_EQ(*Run(input), expected);
  EXPECT_LT(requests_, 14);
  requests_ = 0;
  plan_.multi_record = false;
  EXPECT_EQ(*Run(input), expected);
  EXPECT_EQ(requests_, 14);
}

TEST_F(TransformTest, FiltersAndJoins) {
  plan_.input_filter = *DataFilter::Parse("$[1:]", RecordKind::kCsv);
  plan_.output_filter = *DataFilter::Parse("$[0,-1]", RecordKind::kCsv);
  plan_.join = true;
  EXPECT_EQ(*Run("id1,aa\nid2,bbbb\n\nid3,c"), "id1,2\nid2,4\nid3,1\n");
  plan_.output_filter.reset();
  EXPECT_EQ(*Run("id1,aa\n"), "id1,aa,2\n");
}

TEST_F(TransformTest, SaysWhatTheModelSaid) {
  const auto refused = Run("a\nbad\n");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "ClientError: 400");
  EXPECT_EQ(refused.error().message, "bad row");
  EXPECT_EQ(requests_, 1);
  requests_ = 0;
  EXPECT_EQ(Run("broken\n").error().reason, "Bad HTTP status received from algorithm: 503");
  EXPECT_EQ(requests_, 3);  // two retries
  EXPECT_EQ(Run(std::string(30, 'x')).error().reason, "RecordTooLarge");
}

TEST_F(TransformTest, EndsLinesIfAsked) {
  plan_.split = SplitType::kNone;
  plan_.assemble_lines = true;
  EXPECT_EQ(*Run("abc"), "3\n");
}

}  // namespace
}  // namespace clary::serving
