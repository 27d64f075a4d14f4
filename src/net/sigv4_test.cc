#include "net/sigv4.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "base/hash.h"
#include "base/strings.h"
#include "base/testing/manual_clock.h"
#include "net/internal/signing.h"

namespace clary::net {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kKey = "AKIDEXAMPLE";
constexpr std::string_view kSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

std::optional<std::string> Lookup(std::string_view key) {
  if (key != kKey) return std::nullopt;
  return std::string(kSecret);
}

// A request that one of botocore's signers has signed; see make_cases.py.
struct Case {
  std::map<std::string, std::string> fields;
  Headers headers;

  Request request() const {
    Request r;
    r.method = fields.at("method");
    r.path = fields.at("path");
    if (fields.contains("query")) r.raw_query = fields.at("query");
    r.query = ParseQuery(r.raw_query).value_or(Query{});
    r.headers = headers;
    r.body = NewStringSource(body());
    r.content_length = body().size();
    return r;
  }
  std::string body() const { return fields.contains("body") ? fields.at("body") : ""; }
  std::string auth() const { return fields.at("auth"); }
  std::string name() const { return fields.at("name"); }
  bool s3() const { return fields.at("service") == "s3"; }
  Time time() const { return ParseIso8601(fields.at("time")).value_or(Time()); }
};

std::vector<Case> LoadCases() {
  std::vector<Case> cases(1);
  std::ifstream in(CLARY_SOURCE_DIR "/tests/wire/sigv4/cases.txt");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with('#')) continue;
    if (line.empty()) {
      if (!cases.back().fields.empty()) cases.emplace_back();
      continue;
    }
    const size_t space = line.find(' ');
    const std::string value = line.substr(space + 1);
    if (line.starts_with("header ")) {
      const size_t colon = value.find(": ");
      cases.back().headers.Add(value.substr(0, colon), value.substr(colon + 2));
    } else {
      cases.back().fields[line.substr(0, space)] = value;
    }
  }
  cases.pop_back();
  return cases;
}

Case CaseNamed(std::string_view name) {
  for (Case& c : LoadCases()) {
    if (c.name() == name) return c;
  }
  ADD_FAILURE() << "no case " << name;
  return {};
}

Result<VerifiedIdentity> VerifyCase(const Case& c, const Request& r, Duration later = 0s) {
  ManualClock clock(c.time() + later);
  const std::string body = c.body();
  VerifyOptions options;
  if (!c.s3()) options.body = body;
  return Verify(r, Lookup, clock, options);
}

std::string ReasonOf(const auto& result) { return result ? "ok" : result.error().reason; }

TEST(SigV4, AcceptsWhatBotocoreSigns) {
  const auto cases = LoadCases();
  ASSERT_GE(cases.size(), 20u);
  for (const Case& c : cases) {
    Request r = c.request();
    const auto identity = VerifyCase(c, r);
    ASSERT_TRUE(identity) << c.name() << ": " << identity.error().message;
    EXPECT_EQ(identity->access_key, kKey);
    EXPECT_EQ(identity->service, c.fields.at("service"));
    EXPECT_EQ(identity->presigned, c.auth() != "header");
    const bool token = c.name().ends_with("-token") && c.s3();
    if (c.s3()) {
      EXPECT_EQ(identity->session_token, token ? "tok/en+=" : "") << c.name();
    }
    const auto guard = GuardBody(r, *identity);
    ASSERT_TRUE(guard);
    EXPECT_EQ(ReadAll(*r.body, 1000).value_or("?"), c.body());
  }
}

TEST(SigV4, SignsAsBotocoreDoes) {
  for (const Case& c : LoadCases()) {
    if (c.auth() != "header") continue;
    const Request r = c.request();
    Signer signer{.access_key = std::string(kKey),
                  .secret_key = std::string(kSecret),
                  .session_token = std::string(r.headers.Get("X-Amz-Security-Token")),
                  .region = c.fields.at("region"),
                  .service = c.fields.at("service")};
    Headers headers = r.headers;
    const std::string sent_hash(r.headers.Get("X-Amz-Content-SHA256"));
    for (const char* name : {"Authorization", "X-Amz-Date", "X-Amz-Security-Token"}) {
      headers.Remove(name);
    }
    const Headers added =
        SignHeaders(signer, {r.method, r.path, r.raw_query, &headers},
                    sent_hash.empty() ? HexEncode(Sha256(c.body())) : sent_hash, c.time());
    EXPECT_EQ(added.Get("Authorization"), r.headers.Get("Authorization")) << c.name();
  }
}

TEST(SigV4, PresignsWhatItAccepts) {
  for (const char* service : {"s3", "sts"}) {
    const Signer signer{std::string(kKey), std::string(kSecret), "to/ken", "eu-west-1", service};
    ManualClock clock;
    Request r;
    r.method = "GET";
    r.path = "/b/a%20b";
    r.headers.Add("Host", "localhost:1");
    r.raw_query = PresignQuery(signer, {"GET", r.path, "x=1", &r.headers}, 60s, clock.Now());
    r.query = *ParseQuery(r.raw_query);
    const auto ok = Verify(r, Lookup, clock, {.body = ""});
    ASSERT_TRUE(ok) << ok.error().message;
    EXPECT_EQ(ok->session_token, "to/ken");
    EXPECT_TRUE(ok->presigned);
    clock.Advance(61s);
    EXPECT_EQ(ReasonOf(Verify(r, Lookup, clock, {.body = ""})), "ExpiredPresign");
  }
}

TEST(SigV4, EveryChangeOfASignedRequestIsSeen) {
  for (const Case& c : LoadCases()) {
    const auto expect_refused = [&](const char* what, const auto& change) {
      Request r = c.request();
      change(r);
      r.query = ParseQuery(r.raw_query).value_or(Query{});
      EXPECT_EQ(ReasonOf(VerifyCase(c, r)), "SignatureDoesNotMatch") << c.name() << ": " << what;
    };
    expect_refused("method", [](Request& r) { r.method = "DELETE"; });
    expect_refused("path", [](Request& r) { r.path += "x"; });
    if (c.auth() != "queryv2") {  // signs neither
      expect_refused("query", [](Request& r) { r.raw_query += "&extra=1"; });
      expect_refused("host", [](Request& r) { r.headers.Set("Host", "elsewhere"); });
    } else {
      expect_refused("subresource", [](Request& r) { r.raw_query += "&acl"; });
      expect_refused("amz header", [](Request& r) { r.headers.Add("x-amz-acl", "public"); });
    }
  }
  Case body = CaseNamed("json");
  body.fields["body"] += " ";
  EXPECT_EQ(ReasonOf(VerifyCase(body, body.request())), "SignatureDoesNotMatch");
}

TEST(SigV4, S3BodiesAreCheckedWhileTheyAreRead) {
  const Case c = CaseNamed("s3-put");
  for (const bool chunked : {false, true}) {
    Request r = c.request();
    const auto identity = VerifyCase(c, r);
    ASSERT_TRUE(identity);
    EXPECT_EQ(identity->payload, PayloadKind::kHashed);
    r.body = NewStringSource("a,c");
    if (chunked) r.content_length.reset();
    ASSERT_TRUE(GuardBody(r, *identity));
    // Not even a reader that stops at the announced length may believe the bytes.
    EXPECT_EQ(ReasonOf(ReadAll(*r.body, 1000)), "XAmzContentSHA256Mismatch");
    char byte[1];
    EXPECT_EQ(ReasonOf(r.body->Read(byte)), "XAmzContentSHA256Mismatch");
  }
  Request r = c.request();
  const auto identity = VerifyCase(c, r);
  r.body = NewStringSource("a,c");
  ASSERT_TRUE(GuardBody(r, *identity));
  char three[3];
  EXPECT_FALSE(r.body->Read(three));
}

TEST(SigV4, TimeMatters) {
  const Case header = CaseNamed("s3-get");
  EXPECT_EQ(ReasonOf(VerifyCase(header, header.request(), 15min)), "ok");
  EXPECT_EQ(ReasonOf(VerifyCase(header, header.request(), 15min + 1s)), "RequestTimeTooSkewed");
  EXPECT_EQ(ReasonOf(VerifyCase(header, header.request(), -15min - 1s)), "RequestTimeTooSkewed");
  const Case query = CaseNamed("s3-presigned");
  EXPECT_EQ(ReasonOf(VerifyCase(query, query.request(), 3600s)), "ok");
  EXPECT_EQ(ReasonOf(VerifyCase(query, query.request(), 3601s)), "ExpiredPresign");
  EXPECT_EQ(ReasonOf(VerifyCase(query, query.request(), -16min)), "RequestTimeTooSkewed");
  const Case v2 = CaseNamed("s3-v2");
  EXPECT_EQ(ReasonOf(VerifyCase(v2, v2.request(), 3601s)), "ExpiredPresign");
}

TEST(SigV4, SaysWhatIsMissing) {
  const Case c = CaseNamed("s3-get");
  const Case json = CaseNamed("json");
  const auto header_reason = [](const Case& of, const std::string& value) {
    Request r = of.request();
    value.empty() ? r.headers.Remove("Authorization") : r.headers.Set("Authorization", value);
    return ReasonOf(VerifyCase(of, r));
  };
  const std::string date = "20261123";
  EXPECT_EQ(header_reason(c, ""), "MissingAuthenticationToken");
  EXPECT_EQ(header_reason(c, "Basic abc"), "UnsupportedMechanism");
  EXPECT_EQ(header_reason(c, "AWS AKIDEXAMPLE:c2ln"), "UnsupportedMechanism");
  EXPECT_EQ(header_reason(c, "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/" + date +
                                 "/us-east-1/s3/aws4_request, SignedHeaders=host"),
            "AuthorizationHeaderMalformed");
  EXPECT_EQ(header_reason(json, "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/" + date +
                                    "/us-east-1/sagemaker/aws4_request, Signature=ab"),
            "IncompleteSignature");
  EXPECT_EQ(header_reason(json,
                          "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/us-east-1/"
                          "sagemaker/aws4_request, SignedHeaders=host, Signature=ab"),
            "IncompleteSignature");
  EXPECT_EQ(header_reason(c, "AWS4-HMAC-SHA256 Credential=OTHER/" + date +
                                 "/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=ab"),
            "UnknownKey");
  EXPECT_EQ(header_reason(c, "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/" + date +
                                 "/us-east-1/s3/aws4_request, SignedHeaders=x-amz-date, "
                                 "Signature=ab"),
            "HeadersNotSigned");
  Request no_date = c.request();
  no_date.headers.Remove("X-Amz-Date");
  EXPECT_EQ(ReasonOf(VerifyCase(c, no_date)), "AuthorizationHeaderMalformed");
  Request no_hash = c.request();
  no_hash.headers.Remove("X-Amz-Content-SHA256");
  EXPECT_EQ(ReasonOf(VerifyCase(c, no_hash)), "AuthorizationHeaderMalformed");
  Request unsigned_header = c.request();
  unsigned_header.headers.Add("x-amz-copy-source", "/other/secret");
  EXPECT_EQ(ReasonOf(VerifyCase(c, unsigned_header)), "HeadersNotSigned");
}

TEST(SigV4, NoServiceTakesHeadersThatNobodySigned) {
  for (const char* name : {"s3-get", "json", "query-sts"}) {
    const Case c = CaseNamed(name);
    Request r = c.request();
    r.headers.Add("X-Amz-Something", "new");
    EXPECT_EQ(ReasonOf(VerifyCase(c, r)), "HeadersNotSigned") << name;
    r = c.request();
    r.headers.Add("X-Amz-User-Agent", "aws-sdk-php/3");
    r.headers.Add("x-amzn-trace-id", "Root=1");
    EXPECT_EQ(ReasonOf(VerifyCase(c, r)), "ok") << name;
  }
  const Case json = CaseNamed("json");
  Request moved = json.request();
  std::string auth(moved.headers.Get("Authorization"));
  const std::string target = ";x-amz-target";
  ASSERT_NE(auth.find(target), std::string::npos);
  auth.erase(auth.find(target), target.size());
  moved.headers.Set("Authorization", auth);
  EXPECT_EQ(ReasonOf(VerifyCase(json, moved)), "HeadersNotSigned");
}

TEST(SigV4, AHashBesideAPresignedUrlHoldsTheBody) {
  const Signer signer{std::string(kKey), std::string(kSecret), "", "us-east-1", "s3"};
  ManualClock clock;
  const auto put = [&](std::string hash, const std::string& body) {
    Request r;
    r.method = "PUT";
    r.path = "/b/k";
    r.headers.Add("Host", "localhost:1");
    r.raw_query = PresignQuery(signer, {"PUT", r.path, "", &r.headers}, 60s, clock.Now());
    r.query = *ParseQuery(r.raw_query);
    r.headers.Add("X-Amz-Content-Sha256", std::move(hash));
    r.body = NewStringSource(body);
    r.content_length = body.size();
    const auto identity = Verify(r, Lookup, clock);
    if (!identity) return ReasonOf(identity);
    const auto guard = GuardBody(r, *identity);
    return guard ? ReasonOf(ReadAll(*r.body, 1000)) : ReasonOf(guard);
  };
  const std::string hash = HexEncode(Sha256("body"));
  EXPECT_EQ(put(hash, "body"), "ok");
  EXPECT_EQ(put(std::string(kUnsignedPayload), "body"), "ok");
  EXPECT_EQ(put(hash, "other"), "XAmzContentSHA256Mismatch");
  EXPECT_EQ(put("nonsense", "body"), "AuthorizationHeaderMalformed");
  EXPECT_EQ(put("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "body"), "HeadersNotSigned");
  // Taken for what it says, not stored with its chunks' headers.
  EXPECT_EQ(put("STREAMING-UNSIGNED-PAYLOAD-TRAILER", "body"), "MissingContentLength");
}

TEST(SigV4, ChecksPresignedParameters) {
  const Case c = CaseNamed("s3-presigned");
  const auto with = [&](std::string_view from, std::string_view to) {
    Request r = c.request();
    const size_t at = r.raw_query.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    r.raw_query.replace(at, from.size(), to);
    r.query = *ParseQuery(r.raw_query);
    return ReasonOf(VerifyCase(c, r));
  };
  EXPECT_EQ(with("X-Amz-Expires=3600", "X-Amz-Expires=604801"),
            "AuthorizationQueryParametersError");
  EXPECT_EQ(with("X-Amz-Expires=3600", "X-Amz-Expires=0"), "AuthorizationQueryParametersError");
  EXPECT_EQ(with("X-Amz-Expires=3600", "X-Amz-Expires=-1"), "AuthorizationQueryParametersError");
  EXPECT_EQ(with("X-Amz-Expires=3600", "X-Amz-Expires=604800"), "SignatureDoesNotMatch");
  EXPECT_EQ(with("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"), "AuthorizationQueryParametersError");
  EXPECT_EQ(with("X-Amz-Date=2026", "X-Amz-Date=2o26"), "AuthorizationQueryParametersError");
  EXPECT_EQ(with("aws4_request", "aws5_request"), "AuthorizationQueryParametersError");
}

TEST(SigV4, TellsTheScopeBeforeAnyCheck) {
  const auto scope = ClaimedScopeOf(CaseNamed("query-sts").request());
  ASSERT_TRUE(scope);
  EXPECT_EQ(scope->service, "sts");
  EXPECT_EQ(scope->region, "eu-west-1");
  EXPECT_EQ(ClaimedScopeOf(CaseNamed("s3-v2").request())->service, "s3");
  EXPECT_FALSE(ClaimedScopeOf(Request{}));
}

// The worked examples of AWS's S3 documentation: 66,560 bytes 'a' in chunks of 64 KiB.
struct ChunkExample {
  const char* payload;
  std::vector<const char*> signatures;  // of the request, the chunks, and the trailer
  const char* trailer;
};
const ChunkExample kSignedExample = {
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    {"4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
     "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
     "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
     "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"},
    ""};
const ChunkExample kTrailerExample = {
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    {"106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
     "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
     "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
     "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
     "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435"},
    "x-amz-checksum-crc32c:sOO8/Q=="};

constexpr std::string_view kChunkTime = "20130524T000000Z";
constexpr size_t kChunkBytes = 66560;

Request ChunkRequest(const ChunkExample& e) {
  Request r;
  r.method = "PUT";
  r.path = "/examplebucket/chunkObject.txt";
  r.headers.Add("Host", "s3.amazonaws.com");
  r.headers.Add("x-amz-date", std::string(kChunkTime));
  r.headers.Add("x-amz-storage-class", "REDUCED_REDUNDANCY");
  r.headers.Add("x-amz-content-sha256", e.payload);
  r.headers.Add("Content-Encoding", "aws-chunked");
  r.headers.Add("x-amz-decoded-content-length", std::to_string(kChunkBytes));
  const bool trailer = *e.trailer != '\0';
  if (trailer) {
    r.headers.Add("x-amz-trailer", "x-amz-checksum-crc32c");
  } else {
    r.headers.Add("Content-Length", "66824");
  }
  r.headers.Add("Authorization",
                std::string("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/"
                            "s3/aws4_request,SignedHeaders=content-encoding;") +
                    (trailer ? "" : "content-length;") +
                    "host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;"
                    "x-amz-storage-class;" +
                    (trailer ? "x-amz-trailer" : "") + ",Signature=" + e.signatures[0]);
  return r;
}

std::string ChunkBody(const ChunkExample& e) {
  const auto chunk = [&](size_t n, size_t i) {
    char size[20];
    std::snprintf(size, sizeof size, "%zx", n);
    return std::string(size) + ";chunk-signature=" + e.signatures[i] + "\r\n" +
           (n > 0 ? std::string(n, 'a') + "\r\n" : "");
  };
  std::string out = chunk(65536, 1) + chunk(1024, 2) + chunk(0, 3);
  if (*e.trailer != '\0') {
    out.append(e.trailer).append("\r\nx-amz-trailer-signature:").append(e.signatures[4]);
    out += "\r\n";
  }
  return out + "\r\n";
}

// Gives at most `step` bytes a time.
class Slow final : public ByteSource {
 public:
  Slow(std::string bytes, size_t step) : inner_(NewStringSource(std::move(bytes))), step_(step) {}
  Result<size_t> Read(std::span<char> buffer) override {
    return inner_->Read(buffer.first(std::min(step_, buffer.size())));
  }

 private:
  std::unique_ptr<ByteSource> inner_;
  size_t step_;
};

struct Decoded {
  std::string reason;
  std::string bytes;
  Headers trailers;
};

Decoded DecodeExample(const ChunkExample& e, std::string body, size_t step = 1 << 20) {
  Request r = ChunkRequest(e);
  ManualClock clock(*ParseAmzDate(kChunkTime));
  const auto identity = Verify(
      r,
      [](std::string_view) -> std::optional<std::string> {
        return "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
      },
      clock);
  if (!identity) return {identity.error().reason, identity.error().message, {}};
  r.body = std::make_unique<Slow>(std::move(body), step);
  const auto trailers = GuardBody(r, *identity);
  EXPECT_TRUE(trailers);
  EXPECT_EQ(r.content_length, kChunkBytes);
  EXPECT_FALSE(r.headers.Find("Content-Encoding"));
  // As a store would that reads the announced length and no more.
  Decoded out{"ok", "", {}};
  char buffer[777];
  while (out.bytes.size() < kChunkBytes) {
    const auto n = r.body->Read(buffer);
    if (!n || *n == 0) {
      out.reason = n ? "early end" : n.error().reason;
      return out;
    }
    out.bytes.append(buffer, *n);
  }
  EXPECT_EQ(r.body->Read(buffer).value_or(99), 0u);
  out.trailers = (*trailers)();
  return out;
}

TEST(AwsChunked, DecodesThePublishedExamples) {
  for (const ChunkExample* e : {&kSignedExample, &kTrailerExample}) {
    for (const size_t step : {1uz, 7uz, 1000uz, 1uz << 20}) {
      const Decoded d = DecodeExample(*e, ChunkBody(*e), step);
      EXPECT_EQ(d.reason, "ok") << d.bytes.substr(0, 200);
      EXPECT_TRUE(d.bytes == std::string(kChunkBytes, 'a'));
      EXPECT_EQ(d.trailers.Get("X-Amz-Checksum-Crc32c"), *e->trailer ? "sOO8/Q==" : "");
    }
  }
}

TEST(AwsChunked, SeesEveryChange) {
  const std::string good = ChunkBody(kTrailerExample);
  const auto changed = [&](size_t at, char to) {
    std::string body = good;
    body[at] = to;
    return DecodeExample(kTrailerExample, body).reason;
  };
  EXPECT_EQ(changed(200, 'b'), "SignatureDoesNotMatch");                // data
  EXPECT_EQ(changed(25, 'x'), "SignatureDoesNotMatch");                 // a signature
  EXPECT_EQ(changed(good.find("sOO8"), 'S'), "SignatureDoesNotMatch");  // a trailer
  EXPECT_EQ(changed(good.find(":sOO8"), 'S'), "MalformedTrailerError");
  // One that was not announced.
  EXPECT_EQ(changed(good.find("crc32c:"), 'x'), "MalformedTrailerError");
  EXPECT_EQ(changed(0, '2'), "IncompleteBody");  // 0x20000 is more than was announced
  EXPECT_EQ(changed(0, 'z'), "BadChunk");
  for (const size_t cut : {1uz, 2uz, 5uz, 80uz, 200uz, 30000uz, 66000uz}) {
    const std::string reason =
        DecodeExample(kTrailerExample, good.substr(0, good.size() - cut)).reason;
    EXPECT_EQ(reason, "BadChunk") << cut;
  }
  EXPECT_EQ(DecodeExample(kTrailerExample, good + "x").reason, "BadChunk");
  EXPECT_EQ(DecodeExample(kTrailerExample, std::string(100'000, 'x')).reason, "BadChunk");
  EXPECT_EQ(DecodeExample(kTrailerExample, "ffffffffffffffffff;chunk-signature=\r\n").reason,
            "BadChunk");
}

Result<std::string> DecodeUnsigned(const std::string& body, std::string_view length, Headers* out) {
  Request r;
  r.headers.Add("Content-Encoding", "gzip, aws-chunked");
  if (!length.empty()) r.headers.Add("x-amz-decoded-content-length", std::string(length));
  r.headers.Add("x-amz-trailer", "x-amz-meta-a, X-Amz-Checksum-Crc32");
  r.body = NewStringSource(body);
  VerifiedIdentity identity;
  identity.payload = PayloadKind::kUnsignedTrailer;
  CLARY_TRY(const auto trailers, GuardBody(r, identity));
  EXPECT_EQ(r.headers.Get("Content-Encoding"), "gzip");
  CLARY_TRY(auto bytes, ReadAll(*r.body, 1000));
  *out = trailers();
  return bytes;
}

TEST(AwsChunked, DecodesUnsignedTrailers) {
  Headers t;
  const std::string body = "5\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32: abcd==\r\n\r\n";
  EXPECT_EQ(DecodeUnsigned(body, "11", &t).value_or("?"), "hello world");
  EXPECT_EQ(t.Get("x-amz-checksum-crc32"), "abcd==");
  EXPECT_EQ(DecodeUnsigned("0\r\n\r\n", "0", &t).value_or("?"), "");
  for (const char* trailers :
       {"x-amz-checksum-sha1: a\r\n", "x-amz-checksum-crc32: a\r\nx-amz-checksum-crc32: b\r\n"}) {
    EXPECT_EQ(ReasonOf(DecodeUnsigned("0\r\n" + std::string(trailers) + "\r\n", "0", &t)),
              "MalformedTrailerError");
  }
  EXPECT_EQ(ReasonOf(DecodeUnsigned(body, "12", &t)), "IncompleteBody");
  EXPECT_EQ(ReasonOf(DecodeUnsigned(body, "10", &t)), "IncompleteBody");
  EXPECT_EQ(ReasonOf(DecodeUnsigned(body, "", &t)), "MissingContentLength");
  EXPECT_EQ(ReasonOf(DecodeUnsigned("5\nhello\n0\n\n", "5", &t)), "BadChunk");
  EXPECT_EQ(ReasonOf(DecodeUnsigned("5\r\nhelloo\r\n0\r\n\r\n", "5", &t)), "BadChunk");
}

}  // namespace
}  // namespace clary::net
