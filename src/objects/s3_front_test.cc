#include "objects/s3_front.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "base/log.h"
#include "base/strings.h"
#include "base/testing/manual_clock.h"
#include "objects/internal/error_details.h"
#include "objects/internal/s3_operations.h"
#include "objects/rules.h"
#include "objects/s3_xml.h"
#include "objects/testing/contract.h"
#include "objects/testing/memory_store.h"

namespace clary::objects {
namespace {

namespace fs = std::filesystem;

// One conversation of tests/wire/s3/<name>.txt with a fresh service. Lines:
//   # comment
//   > METHOD /path?query     then "> Name: value" headers, and after an empty ">" the body
//   < STATUS                 then "< Name: value" headers ("< !Name": absent), and after an empty
//                            "<" texts that the body holds, in this order
//   = NAME <Element>         keeps the element's text, = NAME Header the header's value; ${NAME}
// A "*" in an expected header stands for anything. A body line "@N" stands for N bytes "x".
class Wire {
 public:
  explicit Wire(const fs::path& file) : file_(file) {}

  void Run() {
    std::ifstream in(file_);
    ASSERT_TRUE(in) << file_;
    std::string line;
    int number = 0;
    while (std::getline(in, line)) {
      ++number;
      where_ = file_.filename().string() + ":" + std::to_string(number);
      if (line.empty() || line[0] == '#') continue;
      const std::string text = Fill(line.size() > 2 ? line.substr(2) : "");
      if (line[0] == '>') {
        if (in_answer_) Reset();
        Ask(text);
      } else if (line[0] == '<') {
        if (!in_answer_) Send();
        Expect(text);
      } else if (line[0] == '=') {
        Keep(text);
      } else {
        ADD_FAILURE() << where_ << ": what is this line?";
      }
    }
  }

 private:
  std::string Fill(std::string text) {
    for (const auto& [name, value] : kept_) {
      for (size_t at; (at = text.find("${" + name + "}")) != std::string::npos;) {
        text.replace(at, name.size() + 3, value);
      }
    }
    return text;
  }

  void Reset() {
    request_ = net::Request();
    body_.clear();
    in_answer_ = in_body_ = first_done_ = false;
  }

  void Ask(const std::string& text) {
    if (!first_done_) {
      first_done_ = true;
      const size_t space = text.find(' ');
      request_.method = text.substr(0, space);
      std::string target = text.substr(space + 1);
      const size_t query = target.find('?');
      request_.path = target.substr(0, query);
      if (query != std::string::npos) request_.raw_query = target.substr(query + 1);
      request_.query = net::ParseQuery(request_.raw_query).value_or(net::Query());
      request_.host = "127.0.0.1";
      request_.headers.Add("Host", "127.0.0.1:8460");
    } else if (in_body_) {
      body_ += text.starts_with('@') ? std::string(std::stoul(text.substr(1)), 'x') : text;
    } else if (text.empty()) {
      in_body_ = true;
    } else {
      const size_t colon = text.find(':');
      const std::string name = text.substr(0, colon);
      const std::string value(Trim(std::string_view(text).substr(colon + 1)));
      if (EqualsIgnoreCase(name, "host")) request_.host = value;
      if (EqualsIgnoreCase(name, "trailer-value")) {
        const size_t eq = value.find('=');
        trailers_.Add(value.substr(0, eq), value.substr(eq + 1));
      } else {
        request_.headers.Set(name, value);
      }
    }
  }

  void Send() {
    asked_ = where_;
    request_.content_length = body_.size();
    request_.body = NewStringSource(body_);
    Caller caller{.account_id = "123456789012", .region = "us-east-1", .trailers = nullptr};
    if (!trailers_.all().empty()) caller.trailers = [this] { return trailers_; };
    response_ = front_.Handle(request_, caller);
    clock_.Advance(Duration(1000));
    if (response_.stream) {
      const auto bytes = ReadAll(*response_.stream, 1 << 28);
      response_.body = bytes ? *bytes : "";
      EXPECT_EQ(response_.stream_length, response_.body.size()) << asked_;
    }
    trailers_ = {};
    at_ = 0;
    in_answer_ = true;
    in_body_ = first_done_ = false;
  }

  static bool Matches(std::string_view pattern, std::string_view text) {
    const size_t star = pattern.find('*');
    if (star == std::string_view::npos) return pattern == text;
    return text.size() + 1 >= pattern.size() && text.starts_with(pattern.substr(0, star)) &&
           text.ends_with(pattern.substr(star + 1));
  }

  void Expect(const std::string& text) {
    if (!first_done_) {
      first_done_ = true;
      EXPECT_EQ(std::to_string(response_.status), text) << where_ << "\n" << response_.body;
    } else if (in_body_) {
      const size_t found = response_.body.find(text, at_);
      EXPECT_NE(found, std::string::npos)
          << where_ << ": not in the body (from " << at_ << "): " << text << "\n"
          << response_.body;
      if (found != std::string::npos) at_ = found + text.size();
    } else if (text.empty()) {
      in_body_ = true;
    } else if (text[0] == '!') {
      EXPECT_FALSE(response_.headers.Find(text.substr(1))) << where_ << " " << text;
    } else {
      const size_t colon = text.find(':');
      const std::string_view want = Trim(std::string_view(text).substr(colon + 1));
      const std::string_view got = response_.headers.Get(text.substr(0, colon), "(absent)");
      EXPECT_TRUE(Matches(want, got)) << where_ << ": " << text << "\nbut it is: " << got;
    }
  }

  void Keep(const std::string& text) {
    const size_t space = text.find(' ');
    const std::string what = text.substr(space + 1);
    std::string value;
    if (what.starts_with('<')) {
      const auto flat = ParseFlat(response_.body);
      ASSERT_TRUE(flat) << where_;
      const auto it = flat->find(what.substr(1, what.size() - 2));
      ASSERT_NE(it, flat->end()) << where_ << "\n" << response_.body;
      value = it->second;
    } else {
      value = std::string(response_.headers.Get(what));
    }
    kept_[text.substr(0, space)] = value;
  }

  fs::path file_;
  ManualClock clock_;
  MemoryStore store_{clock_};
  S3Front front_{store_};
  net::Request request_;
  net::Headers trailers_;
  net::Response response_;
  std::string body_;
  std::map<std::string, std::string> kept_;
  std::string where_;
  std::string asked_;
  size_t at_ = 0;
  bool in_answer_ = false;
  bool in_body_ = false;
  bool first_done_ = false;
};

class S3Wire : public testing::TestWithParam<std::string> {};

TEST_P(S3Wire, Conversation) { Wire(fs::path(CLARY_WIRE_DIR) / (GetParam() + ".txt")).Run(); }

std::vector<std::string> WireFiles() {
  std::vector<std::string> out;
  for (const auto& e : fs::directory_iterator(CLARY_WIRE_DIR)) {
    if (e.path().extension() == ".txt") out.push_back(e.path().stem().string());
  }
  std::ranges::sort(out);
  return out;
}
INSTANTIATE_TEST_SUITE_P(All, S3Wire, testing::ValuesIn(WireFiles()),
                         [](const auto& test) { return test.param; });

TEST(S3Front, BucketOfHost) {
  const std::pair<const char*, const char*> cases[] = {
      {"127.0.0.1", nullptr},
      {"localhost", nullptr},
      {"s3.localhost", nullptr},
      {"b.localhost", "b"},
      {"my.bucket.s3.localhost", "my.bucket"},
      {"s3.amazonaws.com", nullptr},
      {"s3.us-east-1.amazonaws.com", nullptr},
      {"s3-us-west-2.amazonaws.com", nullptr},
      {"b.s3.amazonaws.com", "b"},
      {"b.s3.eu-west-1.amazonaws.com", "b"},
      {"b.c.s3-eu-west-1.amazonaws.com", "b.c"},
      {"b.s3.dualstack.us-east-1.amazonaws.com", "b"},
      {"b.s3.cn-north-1.amazonaws.com.cn", "b"},
      {"example.com", nullptr},
  };
  for (const auto& [host, bucket] : cases) {
    EXPECT_EQ(BucketOfHost(host),
              bucket != nullptr ? std::optional<std::string>(bucket) : std::optional<std::string>())
        << host;
  }
}

TEST(S3Front, ParseRange) {
  const auto show = [](std::string_view header) -> std::string {
    const auto r = ParseRange(header);
    if (!r) return "none";
    if (r->suffix) return "-" + std::to_string(*r->suffix);
    return std::to_string(r->first) + "-" + (r->last ? std::to_string(*r->last) : "");
  };
  EXPECT_EQ(show("bytes=0-9"), "0-9");
  EXPECT_EQ(show("bytes=5-"), "5-");
  EXPECT_EQ(show("bytes=-7"), "-7");
  EXPECT_EQ(show("Bytes= 1 - 2 "), "1-2");
  for (const char* bad : {"", "bytes", "bytes=", "bytes=-", "bytes=9-0", "bytes=0-1,3-4",
                          "items=0-1", "bytes=a-b", "bytes=99999999999999999999-"}) {
    EXPECT_EQ(show(bad), "none") << bad;
  }
}

TEST(S3Front, TagsHaveLimits) {
  const auto reason = [](const std::vector<std::pair<std::string, std::string>>& listed) {
    const auto tags = TagsOf(listed);
    return tags ? "" : tags.error().reason;
  };
  std::vector<std::pair<std::string, std::string>> many;
  for (int i = 0; i < 10; ++i) many.emplace_back("k" + std::to_string(i), "v");
  EXPECT_EQ(reason(many), "");
  many.emplace_back("k10", "v");
  EXPECT_EQ(reason(many), "BadRequest");
  std::string letters;  // characters count, not bytes
  for (int i = 0; i < 128; ++i) letters += "\xc3\xa9";
  EXPECT_EQ(reason({{letters, letters + letters}}), "");
  EXPECT_EQ(reason({{letters + "a", ""}}), "InvalidTag");
  EXPECT_EQ(reason({{"a", letters + letters + "a"}}), "InvalidTag");
  EXPECT_EQ(reason({{"", "v"}}), "InvalidTag");
  EXPECT_EQ(reason({{"a", "1"}, {"a", "2"}}), "InvalidTag");
  EXPECT_EQ(reason({{"aws:x", "1"}}), "InvalidTag");
  EXPECT_EQ(reason({{"a", "\x80"}}), "InvalidTag");
  EXPECT_EQ(reason({{"a", "tab\t"}}), "InvalidTag");
  EXPECT_EQ(reason({{"a _.:/=+-@", "a _.:/=+-@"}}), "");

  EXPECT_EQ(*ParseTagging("a=b&c&d=e%20f+g=h"), (Tags{{"a", "b"}, {"c", ""}, {"d", "e f g=h"}}));
  EXPECT_EQ(*ParseTagging(""), Tags());
  EXPECT_EQ(Reason(ParseTagging("a=1&a=2")), "InvalidArgument");
  EXPECT_EQ(Reason(ParseTagging("a=%2")), "InvalidArgument");
  EXPECT_EQ(FormatTagging({{"a b", "c=d"}, {"e", ""}}), "a%20b=c%3Dd&e=");
}

TEST(S3Front, BucketNames) {
  for (const char* good : {"abc", "sagemaker-us-east-1-123456789012", "a.b.c", "1.2.3"}) {
    EXPECT_TRUE(CheckBucketName(good)) << good;
  }
  for (const char* bad : {"", "ab", "Abc", "a_b", "-abc", "abc-", "a..b", "1.2.3.4", "xn--abc",
                          "a/b", "..", "abc-s3alias"}) {
    EXPECT_FALSE(CheckBucketName(bad)) << bad;
  }
  EXPECT_FALSE(CheckBucketName(std::string(64, 'a')));
}

TEST(S3Operations, TheDocumentIsTheTable) {
  const fs::path file = fs::path(CLARY_SOURCE_DIR) / "docs/s3.md";
  if (std::getenv("CLARY_UPDATE_GOLDEN") != nullptr) std::ofstream(file) << DescribeOperations();
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  EXPECT_EQ(text.str(), DescribeOperations()) << "run this test with CLARY_UPDATE_GOLDEN=1";
}

TEST(S3Operations, NothingIsSaidTwice) {
  net::Request request;
  request.method = "DELETE";
  const auto refused = [&] {
    const auto operation = FindOperation(request, Level::kObject);
    EXPECT_TRUE(operation);
    const Status checked = CheckInputs(request, **operation);
    return checked ? "" : checked.error().reason;
  };
  request.headers.Add("x-amz-if-match-size", "4");
  request.headers.Add("X-Amz-If-Match-Size", "4");
  EXPECT_EQ(refused(), "");
  request.headers.Add("x-amz-if-match-size", "5");
  EXPECT_EQ(refused(), "InvalidArgument");
  request.headers = {};
  request.query = {{"versionId", "null"}, {"versionId", "null"}};
  EXPECT_EQ(refused(), "");
  request.query.emplace_back("versionId", "other");
  EXPECT_EQ(refused(), "InvalidArgument");
}

TEST(S3Operations, EveryInputHasARowAndEveryRowIsUsed) {
  std::set<std::string_view> rows;
  for (const Input& input : AllInputs()) {
    EXPECT_TRUE(rows.insert(input.name).second) << input.name;
    const bool needs_code = input.does == Does::kOnly || input.does == Does::kRefused;
    EXPECT_EQ(needs_code, !input.code.empty()) << input.name;
    EXPECT_EQ(needs_code || input.does == Does::kIgnored, !input.note.empty()) << input.name;
  }
  for (const Operation& o : AllOperations()) {
    EXPECT_NE(o.run == nullptr, o.note.empty()) << o.name;
    for (const Names& names : o.inputs) {
      for (const std::string_view name : names) EXPECT_TRUE(rows.contains(name)) << o.name << name;
    }
  }
}

// No settings, inputs or operations that are answered by a crash.
TEST(S3Operations, EveryOperationAnswers) {
  MemoryStore store;
  S3Front front(store);
  ASSERT_TRUE(store.CreateBucket("bkt", "us-east-1"));
  for (const Operation& o : AllOperations()) {
    ASSERT_TRUE(store.Put({"bkt", "k"}, *NewStringSource("x")));
    (void)store.CreateBucket("bkt", "us-east-1");
    net::Request request;
    request.method = o.method;
    request.path = o.level == Level::kService ? "/" : o.level == Level::kBucket ? "/bkt" : "/bkt/k";
    if (!o.selector.empty()) request.query = {{std::string(o.selector), ""}};
    if (!o.by_header.empty()) request.headers.Add(std::string(o.by_header), "bkt/k");
    request.host = "127.0.0.1";
    request.body = NewStringSource("");
    const net::Response answer =
        front.Handle(request, {.account_id = "123456789012", .region = "us-east-1"});
    EXPECT_NE(answer.status, 500) << o.name;
    EXPECT_EQ(answer.status == 501, o.run == nullptr) << o.name << answer.body;
  }
}

TEST(S3Front, NobodyAddsElementsToAnError) {
  MemoryStore store;
  S3Front front(store);
  ASSERT_TRUE(store.CreateBucket("bkt", "us-east-1"));
  net::Request request;
  request.method = "GET";
  request.path = "/bkt/k";
  request.query = {{"a\nEvil>: x\n: y\nMore", "v"}};
  request.host = "127.0.0.1";
  request.body = NewStringSource("");
  const auto answer = front.Handle(request, {.account_id = "1", .region = "us-east-1"});
  EXPECT_EQ(answer.status, 501);
  const auto flat = ParseFlat(answer.body);
  ASSERT_TRUE(flat) << answer.body;
  EXPECT_FALSE(flat->contains("Evil>"));
  EXPECT_EQ(flat->at("Parameter"), "a Evil>: x : y More");
  const auto listed = SplitDetails("first\nCondition: If-Match\n<b>: x");
  EXPECT_EQ(listed.first, "first <b>: x");
  EXPECT_EQ(listed.second, (ErrorDetails{{"Condition", "If-Match"}}));
}

TEST(S3Front, OtherServicesHosts) {
  for (const char* host :
       {"123456789012.s3-control.us-east-1.amazonaws.com", "s3-control.us-east-1.amazonaws.com",
        "123456789012.s3-control-fips.us-east-1.amazonaws.com",
        "ap-1.s3-accesspoint.us-east-1.amazonaws.com",
        "b--use1-az4--x-s3.s3express-use1-az4.us-east-1.amazonaws.com",
        "b.s3-website-us-east-1.amazonaws.com", "s3tables.us-east-1.amazonaws.com",
        "x.s3-object-lambda.us-east-1.amazonaws.com", "123456789012.s3-control.localhost"}) {
    EXPECT_TRUE(IsOtherS3Host(host)) << host;
  }
  for (const char* host :
       {"b.s3.us-east-1.amazonaws.com", "b.s3-us-west-2.amazonaws.com", "s3.amazonaws.com",
        "b.s3-fips.us-east-1.amazonaws.com", "b.s3-accelerate.amazonaws.com", "127.0.0.1",
        "b.localhost", "s3express-data.s3.us-east-1.amazonaws.com"}) {
    EXPECT_FALSE(IsOtherS3Host(host)) << host;
  }
}

TEST(S3Front, ParseUri) {
  const auto ref = ObjectRef::ParseUri("s3://b/a//k");
  ASSERT_TRUE(ref);
  EXPECT_EQ(ref->bucket, "b");
  EXPECT_EQ(ref->key, "a//k");
  EXPECT_EQ(ObjectRef::ParseUri("s3://b")->key, "");
  EXPECT_FALSE(ObjectRef::ParseUri("s3:///k"));
  EXPECT_FALSE(ObjectRef::ParseUri("http://b/k"));
}

TEST(S3Xml, EscapesWhatXmlCannotHold) {
  XmlWriter xml("R", /*with_namespace=*/false);
  const std::string out = xml.Element("K", "<a&\"b\">\x01\r\n\xff\xc3\xa9").Finish();
  EXPECT_THAT(out, testing::EndsWith("<R><K>&lt;a&amp;&quot;b&quot;&gt;&#x01;&#x0d;\n"
                                     "\xef\xbf\xbd\xc3\xa9</K></R>"));
}

TEST(S3Xml, ParsesRequests) {
  const auto del = ParseDelete(
      "<Delete xmlns='http://s3.amazonaws.com/doc/2006-03-01/'><Quiet>true</Quiet>"
      "<Object><Key> </Key></Object><Object><Key>a&amp;&#x0d;</Key><VersionId>null</VersionId>"
      "</Object></Delete>");
  ASSERT_TRUE(del);
  EXPECT_TRUE(del->quiet);
  ASSERT_EQ(del->items.size(), 2u);
  EXPECT_EQ(del->items[0].key, " ");
  EXPECT_EQ(del->items[1].key, "a&\r");
  for (const auto& [text, quiet] :
       {std::pair("false", false), std::pair("True", true), std::pair(" 1 ", true)}) {
    const auto parsed = ParseDelete("<Delete><Quiet>" + std::string(text) +
                                    "</Quiet><Object><Key>k</Key></Object></Delete>");
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(parsed->quiet, quiet) << text;
  }
  for (const char* text : {"maybe", "", "10", "yes"}) {
    EXPECT_EQ(Reason(ParseDelete("<Delete><Quiet>" + std::string(text) +
                                 "</Quiet><Object><Key>k</Key></Object></Delete>")),
              "MalformedXML")
        << text;
  }
  EXPECT_EQ(Reason(ParseDelete("<Delete><Object><Key>k</Key><ETag/></Object></Delete>")),
            "MalformedXML");
  EXPECT_EQ(Reason(ParseDelete("<Delete/>")), "MalformedXML");
  EXPECT_EQ(Reason(ParseDelete("<Delete><Object>")), "MalformedXML");
  EXPECT_EQ(Reason(ParseDelete("not xml")), "MalformedXML");
  EXPECT_EQ(Reason(ParseCompleteUpload("<CompleteMultipartUpload/>")), "MalformedXML");
  EXPECT_EQ(Reason(ParseCompleteUpload("<CompleteMultipartUpload><Part><PartNumber>x</PartNumber>"
                                       "<ETag>e</ETag></Part></CompleteMultipartUpload>")),
            "MalformedXML");
  const auto tags = ParseTagSet(
      "<Tagging xmlns='http://s3.amazonaws.com/doc/2006-03-01/'><TagSet><Tag><Key>a</Key>"
      "<Value/></Tag><Tag><Key> </Key><Value>b&amp;</Value></Tag></TagSet></Tagging>");
  ASSERT_TRUE(tags);
  EXPECT_EQ(*tags, (std::vector<std::pair<std::string, std::string>>{{"a", ""}, {" ", "b&"}}));
  EXPECT_EQ(Reason(ParseTagSet("<Tagging/>")), "MalformedXML");
  EXPECT_EQ(Reason(ParseTagSet("<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>")),
            "MalformedXML");
  EXPECT_EQ(ParseCreateBucket("")->location, "");
  EXPECT_EQ(ParseCreateBucket("<CreateBucketConfiguration><LocationConstraint>eu-west-1"
                              "</LocationConstraint></CreateBucketConfiguration>")
                ->location,
            "eu-west-1");
}

TEST(S3Xml, RefusesWhatItDoesNotUnderstand) {
  const auto part = [](std::string_view inside) {
    return Reason(
        ParseCompleteUpload("<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
                            "<ETag>e</ETag>" +
                            std::string(inside) + "</Part></CompleteMultipartUpload>"));
  };
  EXPECT_EQ(part(""), "");
  EXPECT_EQ(part("<ChecksumCRC32>a</ChecksumCRC32>"), "");
  EXPECT_EQ(part("<ChecksumCRC32>a</ChecksumCRC32><ChecksumSHA1>a</ChecksumSHA1>"), "MalformedXML");
  EXPECT_EQ(part("<ChecksumCRC99>a</ChecksumCRC99>"), "MalformedXML");
  EXPECT_EQ(part("<ETag>f</ETag>"), "MalformedXML");
  const auto key = [](std::string_view text, std::string_view before = "") {
    const auto parsed = ParseDelete(std::string(before) + "<Delete><Object><Key>" +
                                    std::string(text) + "</Key></Object></Delete>");
    return parsed ? parsed->items[0].key : "!" + parsed.error().reason;
  };
  EXPECT_EQ(key("a&amp;&lt;&gt;&quot;&apos;&#98;&#x63;"), "a&<>\"'bc");
  EXPECT_EQ(key("<![CDATA[&any;]]>"), "&any;");
  EXPECT_EQ(key("&any;"), "!MalformedXML");
  EXPECT_EQ(key("&"), "!MalformedXML");
  EXPECT_EQ(key("&#0;"), "!MalformedXML");
  EXPECT_EQ(key("&#xd800;"), "!MalformedXML");
  EXPECT_EQ(key("\xff"), "!MalformedXML");
  EXPECT_EQ(key("a", "<!DOCTYPE Delete [<!ENTITY any \"x\">]>"), "!MalformedXML");
  EXPECT_EQ(key("a", "<!DOCTYPE Delete>"), "!MalformedXML");
  EXPECT_EQ(key("a", "<Delete/>"), "!MalformedXML");
  EXPECT_EQ(key("a</Key><Key>b"), "!MalformedXML");
  EXPECT_EQ(key("a</Key><Unknown>b</Unknown><Key>"), "!MalformedXML");
}

TEST(S3Front, UnknownFailuresAreAnsweredByTheirCode) {
  SetLogLevel(LogLevel::kOff);
  EXPECT_EQ(S3ErrorResponse({Code::kInternal, "Errno", "x"}, "/", false).status, 500);
  EXPECT_EQ(S3ErrorResponse({Code::kResourceExhausted, "DiskFull", "x"}, "/", false).status, 507);
  EXPECT_EQ(S3ErrorResponse({Code::kUnavailable, "", "x"}, "/", true).body, "");
  // An error is a document whatever it quotes.
  EXPECT_THAT(
      S3ErrorResponse({Code::kInvalidArgument, "InvalidArgument", "\x1B\xFFx"}, "/\x01", false)
          .body,
      testing::HasSubstr("<Message>\xEF\xBF\xBD\xEF\xBF\xBDx</Message>"
                         "<Resource>/\xEF\xBF\xBD</Resource>"));
}

}  // namespace
}  // namespace clary::objects
