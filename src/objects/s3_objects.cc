#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "base/strings.h"
#include "objects/internal/error_details.h"
#include "objects/internal/s3_answer.h"
#include "objects/internal/s3_call.h"
#include "objects/rules.h"
#include "objects/s3_xml.h"

namespace clary::objects {

using net::FindParam;
using net::Response;

Status Call::CheckVersion() {
  const auto version = FindParam(r_.query, "versionId");
  if (version && !version->empty() && *version != "null") {
    return Fail(Code::kNotFound, "NoSuchVersion", "The specified version does not exist.");
  }
  return {};
}

Result<Conditions> Call::WriteConditions() {
  Conditions out{.if_match = std::string(r_.headers.Get("if-match")),
                 .if_none_match = std::string(r_.headers.Get("if-none-match"))};
  if (!out.if_none_match.empty() && out.if_none_match != "*") {
    return FailWith(Code::kUnimplemented, "NotImplemented",
                    "A header you provided implies functionality that is not implemented",
                    {{"Header", "If-None-Match"},
                     {"additionalMessage",
                      "We don't accept the provided value of If-None-Match "
                      "header for this API"}});
  }
  return out;
}

Result<Response> Call::Put() {
  CLARY_TRY(PutOptions options, ParseBodyChecks(r_.headers, caller_));
  CLARY_TRY(options.headers, ParseObjectHeaders(r_.headers));
  CLARY_TRY(options.tags, ParseTagging(r_.headers.Get("x-amz-tagging")));
  options.headers.try_emplace("content-type", "binary/octet-stream");
  CLARY_TRY(options.conditions, WriteConditions());
  CLARY_TRY(const auto length, BodyLength(r_));
  ExactSource body(*r_.body, length);
  CLARY_TRY(const ObjectInfo info, store_.Put(t_.ref(), body, options));
  Response out = Empty();
  out.headers.Add("ETag", Quoted(info.etag));
  AddChecksum(out.headers, info.checksum);
  EchoEncryption(out.headers, info.headers);
  return out;
}

Result<Response> Call::PostWithoutForm() {
  return FailWith(Code::kFailedPrecondition, "PreconditionFailed",
                  "an upload by form needs multipart/form-data and no other signature",
                  {{"Condition", "Bucket POST must be of the enclosure-type multipart/form-data"}});
}

// Query parameters of a GET that replace stored headers.
constexpr std::pair<std::string_view, std::string_view> kOverrides[] = {
    {"response-content-type", "content-type"},
    {"response-content-language", "content-language"},
    {"response-expires", "expires"},
    {"response-cache-control", "cache-control"},
    {"response-content-disposition", "content-disposition"},
    {"response-content-encoding", "content-encoding"},
};

Result<Response> Call::Get() {
  CLARY_CHECK_OK(CheckVersion());
  const bool head = r_.method == "HEAD";
  GetOptions options{.range = ParseRange(r_.headers.Get("range")),
                     .conditions = ParseConditions(r_.headers)};
  if (const auto same = r_.headers.Find("if-range"); same && options.range) {
    // The range is of the object that the client has seen, else it wants the whole of the new one.
    CLARY_TRY(const ObjectInfo now, store_.Head(t_.ref()));
    const auto seen = ParseS3Time(*same);
    const bool unchanged =
        seen ? FormatRfc1123(now.last_modified) == FormatRfc1123(*seen) : *same == Quoted(now.etag);
    if (!unchanged) {
      options.range.reset();
    } else if (options.conditions.if_match.empty()) {
      options.conditions.if_match = now.etag;
    }
  }
  std::optional<size_t> parts;
  std::optional<size_t> part;  // one of them that is asked for
  if (const auto text = FindParam(r_.query, "partNumber")) {
    const auto number = ParseUint(*text);
    if (!number || *number < 1 || *number > kMaxPartNumber || options.range) {
      return Bad("InvalidArgument", "partNumber must be 1 to 10000, without a Range");
    }
    CLARY_TRY(const ObjectInfo info, store_.Head(t_.ref()));
    const std::vector<uint64_t> sizes =
        info.part_sizes.empty() ? std::vector<uint64_t>{info.size} : info.part_sizes;
    if (*number > sizes.size()) {
      return FailWith(Code::kInvalidArgument, "InvalidPartNumber",
                      "The requested partnumber is not satisfiable",
                      {{"PartNumberRequested", std::to_string(*number)},
                       {"ActualPartCount", std::to_string(sizes.size())}});
    }
    uint64_t first = 0;
    for (size_t i = 0; i + 1 < *number; ++i) first += sizes[i];
    const uint64_t length = sizes[*number - 1];
    if (length > 0) options.range = ByteRange{.first = first, .last = first + length - 1};
    options.conditions.if_match = info.etag;  // the parts are those of this object
    if (!info.part_sizes.empty()) {
      parts = sizes.size();
      part = *number;
    }
  }

  // Answers that carry more than their error: 304 the validators, 416 the size.
  const auto refuse = [&](Error e) -> Result<Response> {
    if (e.reason != "NotModified" && e.reason != "InvalidRange") return std::unexpected(e);
    const auto now = store_.Head(t_.ref());
    if (!now) return std::unexpected(std::move(e));
    Response out = S3ErrorResponse(e, r_.path, head);
    if (out.status == 304) {
      out.headers.Set("Last-Modified", FormatRfc1123(now->last_modified));
      out.headers.Set("ETag", Quoted(now->etag));
    } else {
      out.headers.Set("Content-Range", "bytes */" + std::to_string(now->size));
    }
    return out;
  };
  GetResult got;
  if (head) {
    auto info = store_.Head(t_.ref(), options.conditions);
    if (!info) return refuse(std::move(info).error());
    got.info = *std::move(info);
    const auto extent = ResolveRange(options.range, got.info.size);
    if (!extent) return refuse(extent.error());
    got.first = extent->first;
    got.length = extent->length;
  } else {
    auto result = store_.Get(t_.ref(), options);
    if (!result) return refuse(std::move(result).error());
    got = *std::move(result);
  }
  const ObjectInfo& info = got.info;

  Response out;
  for (const auto& [name, value] : info.headers) out.headers.Set(name, value);
  for (const auto& [param, header] : kOverrides) {
    const auto value = FindParam(r_.query, param);
    if (!value) continue;
    if (!IsHeaderValue(*value)) {
      return Bad("InvalidArgument", std::string(param) + " holds characters that no header may");
    }
    out.headers.Set(header, std::string(*value));
  }
  out.headers.Set("Last-Modified", FormatRfc1123(info.last_modified));
  out.headers.Set("ETag", Quoted(info.etag));
  out.headers.Set("Accept-Ranges", "bytes");
  if (parts) out.headers.Set("x-amz-mp-parts-count", std::to_string(*parts));
  if (info.tag_count > 0) out.headers.Set("x-amz-tagging-count", std::to_string(info.tag_count));
  if (options.range) {
    out.status = 206;
    out.headers.Set("Content-Range", "bytes " + std::to_string(got.first) + "-" +
                                         std::to_string(got.first + got.length - 1) + "/" +
                                         std::to_string(info.size));
  }
  if (r_.headers.Find("x-amz-checksum-mode")) {
    if (!options.range) {
      AddChecksum(out.headers, info.checksum);
    } else if (part && info.checksum) {  // the part's own
      CLARY_TRY(const auto of_parts, store_.GetParts(t_.ref()));
      if (*part <= of_parts.size() && of_parts[*part - 1].checksum) {
        const Checksum& sum = *of_parts[*part - 1].checksum;
        out.headers.Set(NameOf(sum.kind).header, sum.value);
        out.headers.Set("x-amz-checksum-type", std::string(TypeOf(*info.checksum)));
      }
    }
  }
  if (head) {
    out.headers.Set("Content-Length", std::to_string(got.length));
  } else {
    out.stream = std::move(got.body);
    out.stream_length = got.length;
  }
  return out;
}

Result<Response> Call::Delete() {
  CLARY_CHECK_OK(CheckVersion());
  CLARY_TRY(const Conditions conditions, ParseDeleteConditions(r_.headers));
  CLARY_CHECK_OK(store_.Delete(t_.ref(), conditions));
  return Empty(204);
}

Result<Response> Call::DeleteObjects() {
  if (!r_.headers.Find("content-md5") && !r_.headers.Find("x-amz-trailer")) {
    CLARY_TRY(const auto sum, ParseChecksum(r_.headers));
    if (!sum) {
      return Bad("InvalidRequest",
                 "Missing required header for this request: Content-MD5 OR x-amz-checksum-*");
    }
  }
  CLARY_TRY(const std::string body, ReadXml(r_, caller_));
  CLARY_TRY(const DeleteRequest request, ParseDelete(body));
  std::vector<KeyToDelete> keys;
  std::vector<Status> invalid(request.items.size());
  for (size_t i = 0; i < request.items.size(); ++i) {
    const auto& item = request.items[i];
    invalid[i] = CheckKey(item.key);
    if (invalid[i] && !item.version.empty() && item.version != "null") {
      invalid[i] = Fail(Code::kNotFound, "NoSuchVersion", "The specified version does not exist.");
    }
    if (invalid[i]) keys.push_back({item.key, item.conditions});
  }
  CLARY_TRY(const auto done, store_.DeleteMany(t_.bucket, keys));
  XmlWriter xml("DeleteResult");
  for (size_t i = 0, next = 0; i < request.items.size(); ++i) {
    const Status& status = invalid[i] ? done[next++] : invalid[i];
    if (status && !request.quiet) {
      xml.Open("Deleted").Element("Key", request.items[i].key).Close();
    } else if (!status) {
      const AnsweredError a = Answer(status.error());
      xml.Open("Error")
          .Element("Key", request.items[i].key)
          .Element("Code", a.code)
          .Element("Message", a.message)
          .Close();
    }
  }
  return Xml(xml.Finish());
}

namespace {

// x-amz-object-attributes, in one header or in several.
Result<std::set<std::string>> ParseAttributes(const net::Headers& headers) {
  constexpr std::string_view kNames[] = {"ETag", "Checksum", "ObjectParts", "StorageClass",
                                         "ObjectSize"};
  std::set<std::string> out;
  for (const auto& [name, value] : headers.all()) {
    if (!EqualsIgnoreCase(name, "x-amz-object-attributes")) continue;
    for (const std::string_view item : Split(value, ',')) {
      if (std::ranges::find(kNames, Trim(item)) == std::end(kNames)) {
        return BadArgument("x-amz-object-attributes", Trim(item),
                           "Invalid attribute name specified.");
      }
      out.emplace(Trim(item));
    }
  }
  if (out.empty()) {
    return BadArgument("x-amz-object-attributes", "",
                       "The x-amz-object-attributes header specifying the attributes to be "
                       "retrieved is either missing or empty");
  }
  return out;
}

Result<uint64_t> NumberHeader(const net::Headers& headers, std::string_view name, uint64_t fallback,
                              uint64_t most) {
  const auto text = headers.Find(name);
  if (!text) return fallback;
  const auto value = ParseUint(*text);
  if (!value) return BadArgument(name, *text, "Provided " + std::string(name) + " not an integer");
  return std::min(*value, most);
}

}  // namespace

Result<Response> Call::GetAttributes() {
  CLARY_CHECK_OK(CheckVersion());
  CLARY_TRY(const auto wanted, ParseAttributes(r_.headers));
  CLARY_TRY(const uint64_t most, NumberHeader(r_.headers, "x-amz-max-parts", kMaxPage, kMaxPage));
  CLARY_TRY(const uint64_t after,
            NumberHeader(r_.headers, "x-amz-part-number-marker", 0, kMaxPartNumber));
  CLARY_TRY(const ObjectInfo info, store_.Head(t_.ref()));
  XmlWriter xml("GetObjectAttributesResponse");
  if (wanted.contains("ETag")) xml.Element("ETag", info.etag);
  if (wanted.contains("Checksum") && info.checksum) {
    xml.Open("Checksum");
    AddChecksum(xml, info.checksum, /*with_type=*/true);
    xml.Close();
  }
  if (wanted.contains("ObjectParts") && !info.part_sizes.empty()) {
    xml.Open("ObjectParts").Element("PartsCount", info.part_sizes.size());
    if (info.checksum) {  // S3 lists the parts of objects with checksums only
      CLARY_TRY(const auto parts, store_.GetParts(t_.ref()));
      const size_t first = std::min<size_t>(after, parts.size());
      const size_t end = std::min<size_t>(first + most, parts.size());
      xml.Element("PartNumberMarker", after)
          .Element("NextPartNumberMarker", end)
          .Element("MaxParts", most)
          .Flag("IsTruncated", end < parts.size());
      for (size_t i = first; i < end; ++i) {
        xml.Open("Part").Element("PartNumber", static_cast<uint64_t>(parts[i].number));
        xml.Element("Size", parts[i].size);
        AddChecksum(xml, parts[i].checksum, /*with_type=*/false);
        xml.Close();
      }
    }
    xml.Close();
  }
  if (wanted.contains("StorageClass")) xml.Element("StorageClass", StorageClassOf(info.headers));
  if (wanted.contains("ObjectSize")) xml.Element("ObjectSize", info.size);
  Response out = Xml(xml.Finish());
  out.headers.Set("Last-Modified", FormatRfc1123(info.last_modified));
  return out;
}

Result<Response> Call::GetTagging() {
  CLARY_CHECK_OK(CheckVersion());
  CLARY_TRY(const Tags tags, store_.GetTags(t_.ref()));
  return Xml(WriteTagSet(tags));
}

Result<Response> Call::PutTagging() {
  CLARY_CHECK_OK(CheckVersion());
  CLARY_TRY(const std::string body, ReadXml(r_, caller_));
  CLARY_TRY(const auto listed, ParseTagSet(body));
  CLARY_TRY(const Tags tags, TagsOf(listed));
  CLARY_CHECK_OK(store_.SetTags(t_.ref(), tags));
  return Empty();
}

Result<Response> Call::DeleteTagging() {
  CLARY_CHECK_OK(CheckVersion());
  CLARY_CHECK_OK(store_.SetTags(t_.ref(), {}));
  return Empty(204);
}

Result<Call::Source> Call::OpenCopySource(const std::optional<ByteRange>& range) {
  std::string_view text = r_.headers.Get("x-amz-copy-source");
  const auto invalid = [] {
    return Bad("InvalidArgument",
               "Copy Source must mention the source bucket and key: sourcebucket/sourcekey");
  };
  const size_t query = text.find('?');
  if (query != std::string_view::npos) {
    const std::string_view version = text.substr(query + 1);
    if (!version.starts_with("versionId=")) return invalid();
    if (version != "versionId=null") {
      return Fail(Code::kNotFound, "NoSuchVersion", "The specified version does not exist.");
    }
    text = text.substr(0, query);
  }
  const auto decoded = UriDecode(text);
  if (!decoded) return invalid();
  std::string_view path = *decoded;
  if (path.starts_with('/')) path.remove_prefix(1);
  const size_t slash = path.find('/');
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == path.size()) return invalid();
  if (const auto owner = r_.headers.Find("x-amz-source-expected-bucket-owner");
      owner && *owner != caller_.account_id) {
    return Fail(Code::kPermissionDenied, "AccessDenied", "Access Denied");
  }
  Source out;
  out.ref = {std::string(path.substr(0, slash)), std::string(path.substr(slash + 1))};
  auto got = store_.Get(
      out.ref, {.range = range, .conditions = ParseConditions(r_.headers, "x-amz-copy-source-")});
  if (!got) {
    if (got.error().reason == "NotModified") {
      return Fail(Code::kFailedPrecondition, "PreconditionFailed", "the source is not modified");
    }
    return std::unexpected(std::move(got).error());
  }
  out.got = *std::move(got);
  return out;
}

Result<Response> Call::Copy() {
  CLARY_TRY(Source source, OpenCopySource(std::nullopt));
  if (source.got.info.size > kMaxPutBytes) {
    return Bad("InvalidRequest",
               "The specified copy source is larger than the maximum allowable size for a copy "
               "source: 5368709120");
  }
  const std::string_view directive = r_.headers.Get("x-amz-metadata-directive", "COPY");
  PutOptions options;
  CLARY_TRY(auto given, ParseObjectHeaders(r_.headers));
  if (directive == "REPLACE") {
    options.headers = std::move(given);
    options.headers.try_emplace("content-type", "binary/octet-stream");
  } else {
    // A copy keeps its metadata; class, encryption and redirect are always what this request says.
    const auto changes = [&](std::string_view name) { return given.contains(std::string(name)); };
    if (source.ref == t_.ref() && !r_.headers.Find(kStorageClass) && !changes(kRedirect) &&
        std::ranges::none_of(kEncryptionHeaders, changes)) {
      return Bad("InvalidRequest",
                 "This copy request is illegal because it is trying to copy an object to itself "
                 "without changing the object's metadata, storage class, website redirect location "
                 "or encryption attributes.");
    }
    options.headers = source.got.info.headers;
    for (const std::string_view name : {kEncryptionHeaders[0], kEncryptionHeaders[1],
                                        kEncryptionHeaders[2], kStorageClass, kRedirect}) {
      options.headers.erase(std::string(name));
      if (const auto it = given.find(std::string(name)); it != given.end()) {
        options.headers.insert(*it);
      }
    }
  }
  const std::string_view tagging = r_.headers.Get("x-amz-tagging-directive", "COPY");
  if (tagging == "REPLACE") {
    CLARY_TRY(options.tags, ParseTagging(r_.headers.Get("x-amz-tagging")));
  } else if (source.got.info.tag_count > 0) {
    CLARY_TRY(options.tags, store_.GetTags(source.ref));
  }
  CLARY_TRY(options.checksum_kind, ParseAlgorithm(r_.headers.Get("x-amz-checksum-algorithm")));
  if (!options.checksum_kind && source.got.info.checksum) {
    options.checksum_kind = source.got.info.checksum->kind;
  }
  CLARY_TRY(options.conditions, WriteConditions());
  CLARY_TRY(const ObjectInfo info, store_.Put(t_.ref(), *source.got.body, options));
  XmlWriter xml("CopyObjectResult");
  xml.Element("LastModified", FormatIso8601(info.last_modified)).Element("ETag", Quoted(info.etag));
  AddChecksum(xml, info.checksum, /*with_type=*/true);
  Response out = Xml(xml.Finish());
  EchoEncryption(out.headers, info.headers);
  return out;
}

}  // namespace clary::objects
