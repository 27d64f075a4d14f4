#include "objects/internal/s3_form.h"

#include <gmock/gmock.h>

#include "base/strings.h"
#include "base/testing/manual_clock.h"
#include "objects/s3_front.h"
#include "objects/testing/contract.h"
#include "objects/testing/memory_store.h"

namespace clary::objects {
namespace {

constexpr std::string_view kType = "multipart/form-data; boundary=xYz";

std::string Field(std::string_view name, std::string_view value) {
  return "--xYz\r\nContent-Disposition: form-data; name=\"" + std::string(name) + "\"\r\n\r\n" +
         std::string(value) + "\r\n";
}

std::string File(std::string_view bytes, std::string_view name = "a.csv") {
  return "--xYz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + std::string(name) +
         "\"\r\nContent-Type: text/plain\r\n\r\n" + std::string(bytes) + "\r\n--xYz--\r\n";
}

// Gives `bytes` in pieces of `piece`.
class Pieces final : public ByteSource {
 public:
  Pieces(std::string bytes, size_t piece) : bytes_(std::move(bytes)), piece_(piece) {}
  Result<size_t> Read(std::span<char> buffer) override {
    const size_t n = std::min({piece_, buffer.size(), bytes_.size() - at_});
    std::copy_n(bytes_.data() + at_, n, buffer.data());
    at_ += n;
    return n;
  }

 private:
  std::string bytes_;
  size_t piece_;
  size_t at_ = 0;
};

struct Read {
  net::Query fields;
  std::string filename;
  std::string file;
  std::string error;
};
Read ReadForm(const std::string& body, size_t piece = 1 << 20, std::string_view type = kType) {
  Read out;
  Pieces source(body, piece);
  auto reader = FormReader::Create(type, source);
  if (!reader) return {.error = reader.error().reason};
  auto fields = (*reader)->ReadFields();
  if (!fields) return {.error = fields.error().reason};
  out.fields = *fields;
  out.filename = (*reader)->filename();
  auto file = ReadAll((*reader)->file(), 1 << 24);
  if (!file) {
    out.error = file.error().reason;
  } else {
    out.file = *file;
  }
  return out;
}

TEST(S3Form, ReadsFieldsAndTheFileInPiecesOfAnySize) {
  const std::string bytes = "one\r\n--xY\r\n--x\r\n\r\n--xY" + std::string(100'000, 'q');
  const std::string body = Field("Key", "a b") + Field("empty", "") + Field("lines", "1\r\n2") +
                           File(bytes, "C:\\dir\\a \\\"b\\\".csv");
  for (const size_t piece : {1, 2, 3, 7, 64, 5000, 1 << 20}) {
    const Read got = ReadForm(body, static_cast<size_t>(piece));
    EXPECT_EQ(got.error, "");
    EXPECT_EQ(got.fields, (net::Query{{"key", "a b"}, {"empty", ""}, {"lines", "1\r\n2"}}));
    EXPECT_TRUE(got.file == bytes) << piece;
  }
  EXPECT_EQ(ReadForm(File("")).file, "");
  EXPECT_EQ(ReadForm(File("", "../x/y.txt")).filename, "y.txt");
  EXPECT_EQ(ReadForm(File("x"), 1 << 20, "multipart/form-data; charset=x; boundary=\"xYz\"").file,
            "x");
}

TEST(S3Form, RefusesWhatIsNoForm) {
  EXPECT_EQ(ReadForm(File("x"), 1 << 20, "multipart/form-data").error, "MalformedPOSTRequest");
  EXPECT_EQ(ReadForm("").error, "MalformedPOSTRequest");
  EXPECT_EQ(ReadForm("nonsense").error, "MalformedPOSTRequest");
  EXPECT_EQ(ReadForm(Field("a", "b") + "--xYz--").error, "InvalidArgument");  // no file
  EXPECT_EQ(ReadForm(Field("a", "b") + Field("A", "c") + File("x")).error, "InvalidArgument");
  EXPECT_EQ(ReadForm("--xYz\r\nContent-Disposition: form-data\r\n\r\nv\r\n" + File("x")).error,
            "MalformedPOSTRequest");
  const std::string whole = Field("key", "k") + File("bytes");
  EXPECT_EQ(ReadForm(whole.substr(0, whole.size() - 12)).error, "IncompleteBody");
  for (const size_t piece : {100, 1 << 20}) {
    EXPECT_EQ(ReadForm(Field("a", std::string(kMaxFormBytes, 'a')) + File("x"), piece).error,
              "MaxPostPreDataLengthExceededError");
    EXPECT_EQ(ReadForm(std::string(1 << 20, 'a'), piece).error,
              "MaxPostPreDataLengthExceededError");
  }
}

std::string Policy(std::string_view conditions,
                   std::string_view expiration = "2098-01-01T00:00:00Z") {
  return Base64Encode("{\"expiration\":\"" + std::string(expiration) + "\",\"conditions\":[" +
                      std::string(conditions) + "]}");
}

std::string Check(std::string_view conditions, const net::Query& fields) {
  const auto policy = PostPolicy::Parse(Policy(conditions));
  if (!policy) return policy.error().reason;
  const Status status = policy->Check(fields, FromMillis(1'800'000'000'000));
  return status ? "" : status.error().message;
}

TEST(S3Form, PoliciesHoldEveryField) {
  const net::Query key = {{"key", "user/a"}};
  EXPECT_EQ(Check(R"({"key":"user/a"})", key), "");
  EXPECT_EQ(Check(R"(["eq","$Key","user/a"])", key), "");
  EXPECT_EQ(Check(R"(["Starts-With","$key","user/"])", key), "");
  EXPECT_EQ(Check(R"(["starts-with","$key",""])", key), "");
  EXPECT_EQ(Check(R"({"key":"user/b"})", key),
            "Invalid according to Policy: Policy Condition failed: [\"eq\",\"$key\",\"user/b\"]");
  EXPECT_EQ(Check(R"(["starts-with","$key","User"])", key),
            "Invalid according to Policy: Policy Condition failed: "
            "[\"starts-with\",\"$key\",\"User\"]");
  EXPECT_EQ(Check(R"({"key":"user/a"})", {{"key", "user/a"}, {"acl", "private"}}),
            "Invalid according to Policy: Extra input fields: acl");
  EXPECT_EQ(
      Check(R"({"key":"user/a"})",
            {{"key", "user/a"}, {"policy", "p"}, {"x-amz-signature", "s"}, {"x-ignore-me", "1"}}),
      "");
  EXPECT_THAT(Check(R"({"key":"user/a"},["starts-with","$x-amz-meta-a","b"])", key),
              testing::HasSubstr("Policy Condition failed"));
}

TEST(S3Form, PoliciesThatAreNone) {
  for (const char* conditions :
       {"{}", "1", "[]", R"(["eq","$key"])", R"(["eq","key","a"])", R"(["near","$key","a"])",
        R"({"key":1})", R"(["content-length-range",0])", R"(["content-length-range",-1,5])",
        R"(["content-length-range","0","5"])", R"({"key":"a","acl":"private"})",
        R"({"key":"a","key":"b"})"}) {
    EXPECT_EQ(Reason(PostPolicy::Parse(Policy(conditions))), "InvalidPolicyDocument") << conditions;
  }
  EXPECT_EQ(Reason(PostPolicy::Parse(Policy("", "tomorrow"))), "InvalidPolicyDocument");
  EXPECT_EQ(Reason(PostPolicy::Parse("%")), "InvalidPolicyDocument");
  for (const char* more : {R"(,"more":1)", R"(,"conditions":[])"}) {
    EXPECT_EQ(
        Reason(PostPolicy::Parse(Base64Encode(
            R"({"expiration":"2098-01-01T00:00:00Z","conditions":[])" + std::string(more) + "}"))),
        "InvalidPolicyDocument")
        << more;
  }
  EXPECT_EQ(Reason(PostPolicy::Parse(Base64Encode("[1]"))), "InvalidPolicyDocument");
  EXPECT_EQ(Reason(PostPolicy::Parse(Base64Encode("{\"conditions\":[]}"))),
            "InvalidPolicyDocument");
  EXPECT_EQ(Reason(PostPolicy::Parse(Base64Encode("{\"expiration\":\"2098-01-01T00:00:00Z\"}"))),
            "InvalidPolicyDocument");
  const auto old = PostPolicy::Parse(Policy("", "2001-01-01T00:00:00Z"));
  ASSERT_TRUE(old);
  EXPECT_EQ(old->Check({}, FromMillis(1'800'000'000'000)).error().message,
            "Invalid according to Policy: Policy expired.");
  const auto range =
      PostPolicy::Parse(Policy(R"(["content-length-range",2,9],["content-length-range",1,7])"));
  ASSERT_TRUE(range);
  EXPECT_EQ(range->min_bytes(), 2u);
  EXPECT_EQ(range->max_bytes(), 7u);
}

class S3FormUpload : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(store_.CreateBucket("bkt", "us-east-1")); }

  // `conditions` beside those of bucket and key.
  net::Response Post(const std::string& key, const std::string& fields, const std::string& file,
                     const std::string& conditions = "") {
    net::Request request;
    request.method = "POST";
    request.path = "/bkt";
    request.host = "127.0.0.1";
    request.headers.Add("Host", "127.0.0.1:1");
    request.headers.Add("Content-Type", std::string(kType));
    request.body = NewStringSource(
        Field("key", key) +
        Field("policy", Policy(R"({"bucket":"bkt"},["starts-with","$key",""])" + conditions)) +
        fields + File(file));
    return front_.HandleForm(request, [&](const net::Query&) -> Result<Caller> {
      if (!allow_) return Fail(Code::kPermissionDenied, "SignatureDoesNotMatch", "no");
      return Caller{.account_id = "123456789012", .region = "us-east-1"};
    });
  }
  std::string Get(const std::string& key) {
    auto got = store_.Get({"bkt", key});
    return got ? *ReadAll(*got->body, 1 << 20) : "!" + got.error().reason;
  }

  ManualClock clock_;
  MemoryStore store_{clock_};
  S3Front front_{store_, clock_};
  bool allow_ = true;
};

TEST_F(S3FormUpload, StoresTheFileWithWhatTheFieldsSay) {
  const auto done = Post(
      "dir/${filename}",
      Field("Content-Type", "text/csv") + Field("x-amz-meta-who", "me") + Field("acl", "private") +
          Field("tagging",
                "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>"),
      "hello",
      R"(,{"Content-Type":"text/csv"},{"x-amz-meta-who":"me"},{"acl":"private"},)"
      R"(["starts-with","$tagging",""],["content-length-range",1,5])");
  EXPECT_EQ(done.status, 204) << done.body;
  EXPECT_EQ(done.headers.Get("ETag"), "\"5d41402abc4b2a76b9719d911017c592\"");
  EXPECT_EQ(done.headers.Get("Location"), "http://127.0.0.1:1/bkt/dir/a.csv");
  EXPECT_EQ(Get("dir/a.csv"), "hello");
  const auto head = store_.Head({"bkt", "dir/a.csv"});
  ASSERT_TRUE(head);
  EXPECT_EQ(head->headers.at("content-type"), "text/csv");
  EXPECT_EQ(head->headers.at("x-amz-meta-who"), "me");
  EXPECT_EQ(*store_.GetTags({"bkt", "dir/a.csv"}), (Tags{{"a", "1"}}));
}

TEST_F(S3FormUpload, AnswersAsAsked) {
  auto done =
      Post("k", Field("success_action_status", "201"), "x", R"(,{"success_action_status":"201"})");
  EXPECT_EQ(done.status, 201);
  EXPECT_THAT(done.body, testing::HasSubstr("<Bucket>bkt</Bucket><Key>k</Key>"));
  done =
      Post("k", Field("success_action_status", "404"), "x", R"(,{"success_action_status":"404"})");
  EXPECT_EQ(done.status, 204);
  done = Post("a b", Field("success_action_redirect", "http://h/p"), "x",
              R"(,{"success_action_redirect":"http://h/p"})");
  EXPECT_EQ(done.status, 303);
  EXPECT_EQ(done.headers.Get("Location"),
            "http://h/p?bucket=bkt&key=a%20b&etag=%229dd4e461268c8034f5c8564e155c67a6%22");
  done = Post("k", Field("success_action_redirect", "nowhere"), "x",
              R"(,{"success_action_redirect":"nowhere"})");
  EXPECT_EQ(done.status, 204);
}

TEST_F(S3FormUpload, LeavesNothingWhenItRefuses) {
  const auto code = [&](const net::Response& r) {
    const size_t at = r.body.find("<Code>");
    return at == std::string::npos ? "" : r.body.substr(at + 6, r.body.find('<', at + 6) - at - 6);
  };
  EXPECT_EQ(code(Post("k", "", "hello", R"(,["content-length-range",0,4])")), "EntityTooLarge");
  EXPECT_EQ(code(Post("k", "", "hello", R"(,["content-length-range",6,9])")), "EntityTooSmall");
  EXPECT_EQ(code(Post("k", Field("x-amz-meta-a", "1"), "x")), "AccessDenied");
  EXPECT_EQ(code(Post("k", Field("acl", "public-read"), "x", R"(,{"acl":"public-read"})")),
            "AccessControlListNotSupported");
  EXPECT_EQ(code(Post("k", Field("x-amz-anything", "1"), "x", R"(,{"x-amz-anything":"1"})")),
            "NotImplemented");
  EXPECT_EQ(code(Post("k", Field("x-amz-checksum-crc32", "AAAAAA=="), "x",
                      R"(,{"x-amz-checksum-crc32":"AAAAAA=="})")),
            "BadDigest");
  EXPECT_EQ(code(Post("", "", "x")), "InvalidArgument");
  EXPECT_EQ(code(Post("k", "", "x", ",1")), "InvalidPolicyDocument");
  allow_ = false;
  EXPECT_EQ(code(Post("k", "", "x")), "SignatureDoesNotMatch");
  EXPECT_TRUE(store_.List("bkt", {})->objects.empty());
}

}  // namespace
}  // namespace clary::objects
