#include "net/http.h"

#include <gtest/gtest.h>

#include "net/internal/request_parser.h"

namespace clary::net {
namespace {

using internal::Head;
using internal::RequestParser;

Result<Head> ParseHead(std::string_view text, internal::ParserLimits limits = {}) {
  RequestParser parser(limits);
  size_t at = 0;
  // A byte more at a time, as the worst network delivers.
  for (size_t end = 1; end <= text.size() && !parser.head_done(); ++end) {
    CLARY_TRY(const size_t n, parser.PutHead(text.substr(at, end - at)));
    at += n;
  }
  if (!parser.head_done()) return Fail(Code::kUnavailable, "More", "needs more");
  return parser.TakeHead();
}

TEST(Headers, CompareWithoutCaseAndKeepOrder) {
  Headers h;
  h.Add("X-A", "1");
  h.Add("x-a", "2");
  h.Add("B", "3");
  EXPECT_EQ(h.Get("X-a"), "1");
  h.Set("X-A", "9");
  EXPECT_EQ(h.all().size(), 2u);
  EXPECT_EQ(h.Get("x-A"), "9");
  h.Remove("b");
  EXPECT_FALSE(h.Find("B"));
  EXPECT_EQ(h.Get("B", "none"), "none");
}

TEST(Query, DecodesInOrder) {
  const auto q = ParseQuery("uploads&prefix=a%2Fb+c&prefix=&=x");
  ASSERT_TRUE(q);
  ASSERT_EQ(q->size(), 4u);
  EXPECT_EQ(FindParam(*q, "uploads"), "");
  EXPECT_EQ(FindParam(*q, "prefix"), "a/b+c");
  EXPECT_EQ(ParseQuery("a=b+c", true)->at(0).second, "b c");
  EXPECT_EQ(ParseQuery("a=%4").error().reason, "BadQuery");
}

TEST(RequestParser, ReadsAHead) {
  const auto head = ParseHead(
      "PUT /b/a%20key?partNumber=3&uploadId=x%2F HTTP/1.1\r\nHost: LOCALHOST:8460\r\n"
      "content-length: 12\r\nExpect: 100-continue\r\nX-Empty:\r\n\r\n");
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(head->request.method, "PUT");
  EXPECT_EQ(head->request.path, "/b/a%20key");
  EXPECT_EQ(head->request.raw_query, "partNumber=3&uploadId=x%2F");
  EXPECT_EQ(FindParam(head->request.query, "uploadId"), "x/");
  EXPECT_EQ(head->request.host, "localhost");
  EXPECT_EQ(head->request.content_length, 12u);
  EXPECT_TRUE(head->expect_continue);
  EXPECT_TRUE(head->keep_alive);
  EXPECT_EQ(head->request.headers.Get("x-empty", "?"), "");
}

TEST(RequestParser, ForgivesEmptyLinesInFront) {
  RequestParser parser({});
  const std::string text = "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
  EXPECT_EQ(parser.PutHead(text).value_or(0), text.size());
  EXPECT_TRUE(parser.head_done());
}

TEST(RequestParser, ReadsTargetsOfEveryForm) {
  auto head = ParseHead("GET http://S3.amazonaws.com:80?x=1 HTTP/1.1\r\nHost: other\r\n\r\n");
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_TRUE(head->absolute);
  EXPECT_EQ(head->request.host, "s3.amazonaws.com");
  EXPECT_EQ(head->request.path, "/");
  EXPECT_EQ(head->request.raw_query, "x=1");
  head = ParseHead("CONNECT sts.us-east-1.amazonaws.com:443 HTTP/1.0\r\n\r\n");
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(head->request.host, "sts.us-east-1.amazonaws.com");
  EXPECT_EQ(head->request.path, "sts.us-east-1.amazonaws.com:443");
  EXPECT_FALSE(head->keep_alive);
  head = ParseHead("GET / HTTP/1.1\r\nHost: [::1]:80\r\nConnection: Close\r\n\r\n");
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(head->request.host, "::1");
  EXPECT_FALSE(head->keep_alive);
}

TEST(RequestParser, RefusesWhatIsAmbiguousOrBroken) {
  const std::pair<const char*, const char*> cases[] = {
      {"\x16\x03\x01 hello", "BadRequest"},
      {"hello there\r\n", "BadRequest"},
      {"GET / HTTP/2.0\r\n", "BadRequest"},
      {"GET  HTTP/1.1\r\nHost: a\r\n\r\n", "BadRequest"},
      {"GET / HTTP/1.1\r\n\r\n", "BadRequest"},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "BadRequest"},
      {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "BadRequest"},
      {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", "BadRequest"},
      {"GET /?a=%zz HTTP/1.1\r\nHost: a\r\n\r\n", "BadRequest"},
      {"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "BadRequest"},
      {"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", "BadRequest"},
      {"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "BadRequest"},
      {"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
       "BadRequest"},
      {"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", "BadTransferEncoding"},
      {"PUT / HTTP/1.1\r\nHost: a\r\nExpect: magic\r\n\r\n", "BadRequest"},
  };
  for (const auto& [text, reason] : cases) {
    const auto head = ParseHead(text);
    ASSERT_FALSE(head) << text;
    EXPECT_EQ(head.error().reason, reason) << text;
  }
}

TEST(RequestParser, BoundsTheHead) {
  const std::string big = "GET /" + std::string(3000, 'a');
  EXPECT_EQ(ParseHead(big, {.header_bytes = 2048}).error().reason, "HeaderTooLarge");
  const std::string field =
      "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(3000, 'a') + "\r\n\r\n";
  EXPECT_EQ(ParseHead(field, {.header_bytes = 2048}).error().reason, "HeaderTooLarge");
  std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 20; ++i) many += "X: y\r\n";
  EXPECT_EQ(ParseHead(many + "\r\n", {.header_count = 20}).error().reason, "HeaderTooLarge");
}

TEST(RequestParser, DecodesChunks) {
  const std::string head = "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string body = "5\r\nhello\r\n6;ext=\"x\"\r\n world\r\n0\r\nTrailer: 1\r\n\r\nNEXT";
  for (size_t step = 1; step < body.size(); ++step) {
    RequestParser parser({});
    ASSERT_TRUE(parser.PutHead(head));
    std::string out;
    size_t at = 0;
    for (size_t end = step; !parser.body_done(); end = std::min(end + step, body.size())) {
      char buffer[4];
      for (;;) {
        const auto r = parser.PutBody(std::string_view(body).substr(at, end - at), buffer);
        ASSERT_TRUE(r) << r.error().message;
        at += r->consumed;
        out.append(buffer, r->produced);
        if ((r->consumed == 0 && r->produced == 0) || parser.body_done()) break;
      }
    }
    EXPECT_EQ(out, "hello world");
    EXPECT_EQ(body.substr(at), "NEXT");
  }
  RequestParser parser({});
  ASSERT_TRUE(parser.PutHead(head));
  char buffer[4];
  EXPECT_EQ(parser.PutBody("zz\r\n", buffer).error().reason, "BadChunk");
}

}  // namespace
}  // namespace clary::net
