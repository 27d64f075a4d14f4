// A signed request as text: method, path, query, then headers, an empty line, and an aws-chunked
// body. Parsing, canonical forms, and the decoder must survive anything, and accept nothing.
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "base/stream.h"
#include "base/testing/manual_clock.h"
#include "net/sigv4.h"

namespace {

using namespace clary;

std::string_view Line(std::string_view& rest) {
  const size_t end = std::min(rest.find('\n'), rest.size());
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return line;
}

void Decode(std::string_view body, net::PayloadKind kind) {
  net::Request r;
  r.headers.Add("x-amz-decoded-content-length", "5");
  r.headers.Add("Content-Encoding", "aws-chunked,gzip");
  r.body = NewStringSource(std::string(body));
  net::VerifiedIdentity identity;
  identity.payload = kind;
  identity.signing_key = "key";
  const auto trailers = net::GuardBody(r, identity);
  if (!trailers) std::abort();
  const auto bytes = ReadAll(*r.body, 1 << 20);
  if (bytes && bytes->size() != 5) std::abort();
  // Without the key nobody makes a signature.
  if (bytes && kind != net::PayloadKind::kUnsignedTrailer) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  net::Request r;
  r.method = Line(rest);
  r.path = Line(rest);
  r.raw_query = Line(rest);
  r.query = net::ParseQuery(r.raw_query).value_or(net::Query{});
  while (!rest.empty()) {
    const std::string_view line = Line(rest);
    if (line.empty()) break;
    const size_t colon = std::min(line.find(':'), line.size());
    r.headers.Add(std::string(line.substr(0, colon)),
                  std::string(line.substr(std::min(colon + 1, line.size()))));
  }
  ManualClock clock(FromMillis(1'795'453'895'000));  // 2026-11-23T17:11:35Z, as in the seeds
  const auto lookup = [](std::string_view) { return std::optional<std::string>("a secret"); };
  for (const bool body : {false, true}) {
    net::VerifyOptions options{.virtual_bucket = "b"};
    if (body) options.body = rest;
    if (net::Verify(r, lookup, clock, options)) std::abort();
  }
  (void)net::ClaimedScopeOf(r);
  Decode(rest, net::PayloadKind::kUnsignedTrailer);
  Decode(rest, net::PayloadKind::kSignedChunks);
  Decode(rest, net::PayloadKind::kSignedTrailer);
  return 0;
}
