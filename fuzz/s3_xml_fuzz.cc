// Everything of the S3 protocol that a client writes freely: a whole request (line, headers, body)
// against the front over a memory store, and the XML parsers of both sides.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/log.h"
#include "base/strings.h"
#include "objects/rules.h"
#include "objects/s3_front.h"
#include "objects/s3_xml.h"
#include "objects/testing/memory_store.h"

namespace {

using namespace clary;
using namespace clary::objects;

// "METHOD /path?query\nName: value\n...\n\nbody"
void Request(S3Front& front, std::string_view text) {
  net::Request request;
  const auto line = [&] {
    const size_t end = text.find('\n');
    const std::string_view out = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return out;
  };
  const std::string_view first = line();
  const size_t space = first.find(' ');
  request.method = std::string(first.substr(0, space));
  const std::string_view target =
      space == std::string_view::npos ? std::string_view("/") : first.substr(space + 1);
  const size_t query = target.find('?');
  request.path = std::string(target.substr(0, query));
  if (query != std::string_view::npos) request.raw_query = std::string(target.substr(query + 1));
  auto parsed = net::ParseQuery(request.raw_query);
  if (!parsed) return;
  request.query = *std::move(parsed);
  net::Headers trailers;
  while (!text.empty()) {
    const std::string_view header = line();
    if (header.empty()) break;
    const size_t colon = header.find(':');
    if (colon == std::string_view::npos) continue;
    std::string name(header.substr(0, colon));
    std::string value(Trim(header.substr(colon + 1)));
    if (EqualsIgnoreCase(name, "host")) request.host = value;
    trailers.Add(name, value);
    request.headers.Add(std::move(name), std::move(value));
  }
  request.content_length = text.size();
  request.body = NewStringSource(std::string(text));
  const Caller caller{
      .account_id = "1", .region = "us-east-1", .trailers = [&] { return trailers; }};
  net::Response answer = front.Handle(request, caller);
  if (answer.status < 200 || answer.status > 599) std::abort();
  if (answer.stream) {
    const auto body = ReadAll(*answer.stream, 1 << 20);
    if (!body || body->size() != answer.stream_length) std::abort();
  }
  // What we write, we can read.
  if (answer.headers.Get("Content-Type") == "application/xml" && answer.body.starts_with("<?xml") &&
      !ParseFlat(answer.body)) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  SetLogLevel(LogLevel::kOff);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)ParseCompleteUpload(text);
  (void)ParseDelete(text);
  (void)ParseCreateBucket(text);
  (void)ParseLeaves(text, "Delete");
  (void)ParseTagSet(text);
  if (const auto tags = ParseTagging(text)) {
    const auto again = ParseTagging(FormatTagging(*tags));
    if (!again || *again != *tags) std::abort();
  }
  (void)ParseListAnswer(text);
  (void)ParseBuckets(text);
  (void)ParsePartsAnswer(text);
  (void)ParseUploadsAnswer(text);
  (void)ParseFlat(text);
  (void)ParseRange(text);
  (void)BucketOfHost(text);

  MemoryStore store;
  S3Front front(store);
  (void)store.CreateBucket("bkt", "us-east-1");
  for (const char* key : {"k", "d/1", "d/2"}) {
    (void)store.Put({"bkt", key}, *NewStringSource("hello"));
  }
  Request(front, text);
  return 0;
}
