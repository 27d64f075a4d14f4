#include <algorithm>
#include <chrono>
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

Result<Response> Call::CreateUpload() {
  PutOptions options;
  CLARY_TRY(options.headers, ParseObjectHeaders(r_.headers));
  CLARY_TRY(options.tags, ParseTagging(r_.headers.Get("x-amz-tagging")));
  options.headers.try_emplace("content-type", "binary/octet-stream");
  CLARY_TRY(options.checksum_kind, ParseAlgorithm(r_.headers.Get("x-amz-checksum-algorithm")));
  const std::string_view type = r_.headers.Get("x-amz-checksum-type");
  if (!type.empty() && type != "FULL_OBJECT" && type != "COMPOSITE") {
    return Bad("InvalidRequest", "Value for x-amz-checksum-type header is invalid.");
  }
  if (!type.empty() && !options.checksum_kind) {
    return Bad("InvalidRequest",
               "The x-amz-checksum-type header can only be used with the "
               "x-amz-checksum-algorithm header.");
  }
  if (options.checksum_kind) {
    const ChecksumName& name = NameOf(*options.checksum_kind);
    options.full_object_checksum = type.empty() ? !name.composite : type == "FULL_OBJECT";
    if (options.full_object_checksum ? !name.full : !name.composite) {
      return Bad("InvalidRequest", "The " + std::string(type) +
                                       " checksum type cannot be used with the " +
                                       std::string(name.name) + " checksum algorithm.");
    }
  }
  CLARY_TRY(const UploadInfo upload, store_.CreateUpload(t_.ref(), options));
  XmlWriter xml("InitiateMultipartUploadResult");
  xml.Element("Bucket", t_.bucket).Element("Key", t_.key).Element("UploadId", upload.id);
  Response out = Xml(xml.Finish());
  if (upload.checksum_kind) {
    out.headers.Set("x-amz-checksum-algorithm", std::string(NameOf(*upload.checksum_kind).name));
    out.headers.Set("x-amz-checksum-type",
                    upload.full_object_checksum ? "FULL_OBJECT" : "COMPOSITE");
  }
  EchoEncryption(out.headers, options.headers);
  return out;
}

Result<int> Call::PartNumber() {
  const std::string text = Param(r_, "partNumber");
  const auto number = ParseUint(text);
  if (!number || *number < 1 || *number > kMaxPartNumber) {
    return BadArgument("partNumber", text,
                       "Part number must be an integer between 1 and 10000, inclusive");
  }
  return static_cast<int>(*number);
}

Result<Response> Call::UploadPart() {
  CLARY_TRY(const int number, PartNumber());
  CLARY_TRY(const PutOptions options, ParseBodyChecks(r_.headers, caller_));
  CLARY_TRY(const auto length, BodyLength(r_));
  ExactSource body(*r_.body, length);
  CLARY_TRY(const PartInfo part,
            store_.UploadPart(t_.ref(), Param(r_, "uploadId"), number, body, options));
  Response out = Empty();
  out.headers.Add("ETag", Quoted(part.etag));
  if (part.checksum)
    out.headers.Add(std::string(NameOf(part.checksum->kind).header), part.checksum->value);
  return out;
}

Result<Response> Call::UploadPartCopy() {
  CLARY_TRY(const int number, PartNumber());
  std::optional<ByteRange> range;
  if (const auto text = r_.headers.Find("x-amz-copy-source-range")) {
    range = ParseRange(*text);
    if (!range || range->suffix || !range->last) {
      return Bad("InvalidArgument",
                 "The x-amz-copy-source-range value must be of the form bytes=first-last where "
                 "first and last are the zero-based offsets of the first and last bytes to copy");
    }
  }
  CLARY_TRY(Source source, OpenCopySource(range));
  if (range && *range->last >= source.got.info.size) {
    return Bad("InvalidArgument", "Range specified is not valid for source object of size: " +
                                      std::to_string(source.got.info.size));
  }
  CLARY_TRY(const PartInfo part,
            store_.UploadPart(t_.ref(), Param(r_, "uploadId"), number, *source.got.body, {}));
  XmlWriter xml("CopyPartResult");
  xml.Element("LastModified", FormatIso8601(part.last_modified)).Element("ETag", Quoted(part.etag));
  AddChecksum(xml, part.checksum, /*with_type=*/false);
  return Xml(xml.Finish());
}

Result<Response> Call::CompleteUpload() {
  // The x-amz-checksum-* of this request is the object's, not of the XML.
  CLARY_TRY(const std::string body, ReadSmallBody(r_));
  CLARY_TRY(const auto parts, ParseCompleteUpload(body));
  PutOptions options;
  CLARY_TRY(options.checksum, ParseChecksum(r_.headers, /*of_parts=*/true));
  CLARY_TRY(options.conditions, WriteConditions());
  const std::string id = Param(r_, "uploadId");
  if (const auto type = r_.headers.Find("x-amz-checksum-type")) {
    CLARY_TRY(const auto uploads, store_.ListUploads(t_.bucket));
    const auto it = std::ranges::find(uploads, id, &UploadInfo::id);
    // One that is not there may have been completed: the store knows.
    const bool open = it != uploads.end();
    // An upload without an algorithm has at most a checksum of the whole, which this request
    // brings.
    const bool full =
        open && (it->full_object_checksum || (!it->checksum_kind && options.checksum));
    if (open && (*type != (full ? "FULL_OBJECT" : "COMPOSITE") || (!it->checksum_kind && !full))) {
      return Bad("InvalidRequest", "The upload was not created with the checksum type " +
                                       std::string(*type) + "; it cannot be completed with it");
    }
  }
  if (const auto text = r_.headers.Find("x-amz-mp-object-size")) {
    const auto stored = store_.ListParts(t_.ref(), id);
    if (!stored && stored.error().reason != "NoSuchUpload") {
      return std::unexpected(stored.error());
    }
    uint64_t size = 0;
    for (const CompletedPart& part : parts) {
      if (!stored) break;
      const auto it = std::ranges::find(*stored, part.number, &PartInfo::number);
      if (it != stored->end()) size += it->size;
    }
    if (stored && ParseUint(*text) != size) {
      return Bad("InvalidRequest",
                 "The provided 'x-amz-mp-object-size' header does not match what was computed");
    }
  }
  CLARY_TRY(const ObjectInfo info, store_.CompleteUpload(t_.ref(), id, parts, options));
  XmlWriter xml("CompleteMultipartUploadResult");
  xml.Element("Location", (r_.tls ? "https://" : "http://") + std::string(r_.headers.Get("host")) +
                              "/" + t_.bucket + "/" + UriEncode(t_.key, /*keep_slash=*/true))
      .Element("Bucket", t_.bucket)
      .Element("Key", t_.key)
      .Element("ETag", Quoted(info.etag));
  AddChecksum(xml, info.checksum, /*with_type=*/true);
  Response out = Xml(xml.Finish());
  EchoEncryption(out.headers, info.headers);
  return out;
}

Result<Response> Call::AbortUpload() {
  const std::string id = Param(r_, "uploadId");
  CLARY_TRY(const auto started, StrictTimeHeader(r_.headers, "x-amz-if-match-initiated-time"));
  if (started) {
    CLARY_TRY(const auto uploads, store_.ListUploads(t_.bucket));
    const auto it = std::ranges::find(uploads, id, &UploadInfo::id);
    if (it == uploads.end()) return std::unexpected(NoSuchUpload(id));
    const auto seconds = [](Time t) { return std::chrono::floor<std::chrono::seconds>(t); };
    if (seconds(it->started) != seconds(*started)) {
      return FailWith(Code::kFailedPrecondition, "PreconditionFailed",
                      "the upload was started at another time",
                      {{"Condition", "x-amz-if-match-initiated-time"}});
    }
  }
  CLARY_CHECK_OK(store_.AbortUpload(t_.ref(), id));
  return Empty(204);
}

Result<Response> Call::ListParts() {
  CLARY_TRY(const bool url, EncodesUrls());
  CLARY_TRY(const uint64_t most, NumberParam(r_, "max-parts", kMaxPage, kMaxPage));
  CLARY_TRY(const uint64_t after, NumberParam(r_, "part-number-marker", 0, kMaxPartNumber));
  const std::string id = Param(r_, "uploadId");
  CLARY_TRY(const auto all, store_.ListParts(t_.ref(), id));
  std::vector<const PartInfo*> shown;
  bool truncated = false;
  for (const PartInfo& part : all) {
    if (static_cast<uint64_t>(part.number) <= after) continue;
    truncated = shown.size() == most;
    if (truncated) break;
    shown.push_back(&part);
  }
  XmlWriter xml("ListPartsResult");
  xml.Element("Bucket", t_.bucket).Element("Key", Shown(t_.key, url)).Element("UploadId", id);
  AddOwner(xml, "Initiator", caller_);
  AddOwner(xml, "Owner", caller_);
  xml.Element("StorageClass", "STANDARD")
      .Element("PartNumberMarker", after)
      .Element("NextPartNumberMarker",
               shown.empty() ? uint64_t{0} : static_cast<uint64_t>(shown.back()->number))
      .Element("MaxParts", most)
      .Flag("IsTruncated", truncated);
  for (const PartInfo* part : shown) {
    xml.Open("Part")
        .Element("PartNumber", static_cast<uint64_t>(part->number))
        .Element("LastModified", FormatIso8601(part->last_modified))
        .Element("ETag", Quoted(part->etag))
        .Element("Size", part->size);
    AddChecksum(xml, part->checksum, /*with_type=*/false);
    xml.Close();
  }
  return Xml(xml.Finish());
}

}  // namespace clary::objects
