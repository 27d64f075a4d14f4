#include <algorithm>
#include <utility>

#include "base/page_token.h"
#include "base/strings.h"
#include "objects/internal/error_details.h"
#include "objects/internal/s3_answer.h"
#include "objects/internal/s3_call.h"
#include "objects/rules.h"
#include "objects/s3_xml.h"

namespace clary::objects {

using net::FindParam;
using net::Response;

Result<bool> Call::EncodesUrls() {
  const auto type = FindParam(r_.query, "encoding-type");
  if (!type || type->empty()) return false;
  if (*type != "url") {
    return BadArgument("encoding-type", *type, "Invalid Encoding Method specified in Request");
  }
  return true;
}

std::string Call::ListName(std::initializer_list<std::string_view> parts) {
  std::string out;
  for (const std::string_view part : parts) out.append(UriEncode(part)).append("&");
  return out;
}

Result<std::optional<std::string>> Call::ContinuationToken(std::string_view list) {
  const auto token = FindParam(r_.query, "continuation-token");
  if (!token) return std::nullopt;
  auto after = ReadPageToken(list, *token);
  if (!after) {
    return BadArgument("continuation-token", *token,
                       "The continuation token provided is incorrect");
  }
  return after;
}

std::string Call::Shown(std::string_view text, bool url) {
  return url ? UriEncode(text, /*keep_slash=*/true) : std::string(text);
}

Result<Response> Call::ListV1() { return List(/*v2=*/false); }

Result<Response> Call::ListV2() {
  const std::string type = Param(r_, "list-type");
  if (type != "2") return BadArgument("list-type", type, "Invalid List Type specified in Request");
  return List(/*v2=*/true);
}

Result<Response> Call::List(bool v2) {
  CLARY_TRY(const bool url, EncodesUrls());
  CLARY_TRY(const uint64_t most, NumberParam(r_, "max-keys", kMaxPage, kMaxPage));
  ListOptions options{.prefix = Param(r_, "prefix"),
                      .delimiter = Param(r_, "delimiter"),
                      .start_after = Param(r_, v2 ? "start-after" : "marker"),
                      .max_keys = static_cast<size_t>(most)};
  const std::string list =
      ListName({"ListObjectsV2", t_.bucket, options.prefix, options.delimiter});
  const auto token = v2 ? FindParam(r_.query, "continuation-token") : std::nullopt;
  if (token) {
    CLARY_TRY(auto after, ContinuationToken(list));
    options.start_after = *std::move(after);
  }
  CLARY_TRY(const ListPage page, store_.List(t_.bucket, options));
  XmlWriter xml("ListBucketResult");
  xml.Element("Name", t_.bucket).Element("Prefix", Shown(options.prefix, url));
  if (v2) {
    xml.Element("KeyCount", page.objects.size() + page.common_prefixes.size());
    if (token) xml.Element("ContinuationToken", *token);
    if (Has(r_, "start-after")) xml.Element("StartAfter", Shown(Param(r_, "start-after"), url));
  } else {
    xml.Element("Marker", Shown(options.start_after, url));
  }
  xml.Element("MaxKeys", most);
  if (!options.delimiter.empty()) xml.Element("Delimiter", Shown(options.delimiter, url));
  if (url) xml.Element("EncodingType", "url");
  xml.Flag("IsTruncated", page.truncated);
  if (page.truncated && v2) {
    xml.Element("NextContinuationToken", MakePageToken(list, page.next));
  }
  if (page.truncated && !v2 && !options.delimiter.empty()) {
    xml.Element("NextMarker", Shown(page.next, url));
  }
  const bool owner = !v2 || Param(r_, "fetch-owner") == "true";
  for (const ObjectInfo& o : page.objects) {
    xml.Open("Contents")
        .Element("Key", Shown(o.key, url))
        .Element("LastModified", FormatIso8601(o.last_modified))
        .Element("ETag", Quoted(o.etag));
    if (o.checksum) {
      xml.Element("ChecksumAlgorithm", NameOf(o.checksum->kind).name)
          .Element("ChecksumType", TypeOf(*o.checksum));
    }
    xml.Element("Size", o.size);
    if (owner) AddOwner(xml, "Owner", caller_);
    xml.Element("StorageClass", StorageClassOf(o.headers)).Close();
  }
  for (const std::string& prefix : page.common_prefixes) {
    xml.Open("CommonPrefixes").Element("Prefix", Shown(prefix, url)).Close();
  }
  return Xml(xml.Finish());
}

// Without versioning every object is its own only version, "null".
Result<Response> Call::ListVersions() {
  CLARY_TRY(const bool url, EncodesUrls());
  CLARY_TRY(const uint64_t most, NumberParam(r_, "max-keys", kMaxPage, kMaxPage));
  const ListOptions options{.prefix = Param(r_, "prefix"),
                            .delimiter = Param(r_, "delimiter"),
                            .start_after = Param(r_, "key-marker"),
                            .max_keys = static_cast<size_t>(most)};
  CLARY_TRY(const ListPage page, store_.List(t_.bucket, options));
  XmlWriter xml("ListVersionsResult");
  xml.Element("Name", t_.bucket)
      .Element("Prefix", Shown(options.prefix, url))
      .Element("KeyMarker", Shown(options.start_after, url))
      .Element("VersionIdMarker", Param(r_, "version-id-marker"))
      .Element("MaxKeys", most);
  if (!options.delimiter.empty()) xml.Element("Delimiter", Shown(options.delimiter, url));
  if (url) xml.Element("EncodingType", "url");
  xml.Flag("IsTruncated", page.truncated);
  if (page.truncated) {
    xml.Element("NextKeyMarker", Shown(page.next, url)).Element("NextVersionIdMarker", "null");
  }
  for (const ObjectInfo& o : page.objects) {
    xml.Open("Version")
        .Element("Key", Shown(o.key, url))
        .Element("VersionId", "null")
        .Flag("IsLatest", true)
        .Element("LastModified", FormatIso8601(o.last_modified))
        .Element("ETag", Quoted(o.etag))
        .Element("Size", o.size);
    AddOwner(xml, "Owner", caller_);
    xml.Element("StorageClass", StorageClassOf(o.headers)).Close();
  }
  for (const std::string& prefix : page.common_prefixes) {
    xml.Open("CommonPrefixes").Element("Prefix", Shown(prefix, url)).Close();
  }
  return Xml(xml.Finish());
}

Result<Response> Call::ListUploads() {
  CLARY_TRY(const bool url, EncodesUrls());
  CLARY_TRY(const uint64_t most, NumberParam(r_, "max-uploads", kMaxPage, kMaxPage));
  const std::string prefix = Param(r_, "prefix");
  const std::string delimiter = Param(r_, "delimiter");
  const std::string key_marker = Param(r_, "key-marker");
  const std::string id_marker = Param(r_, "upload-id-marker");
  CLARY_TRY(const auto all, store_.ListUploads(t_.bucket));
  std::vector<const UploadInfo*> shown;
  std::vector<std::string> prefixes;
  bool truncated = false;
  std::string next_key;
  std::string next_id;
  bool past = id_marker.empty();  // of the uploads of key_marker: those after id_marker
  for (const UploadInfo& u : all) {
    if (!u.key.starts_with(prefix) || u.key < key_marker) continue;
    if (u.key == key_marker && !key_marker.empty()) {
      if (id_marker.empty()) continue;
      if (!past) {
        past = u.id == id_marker;
        continue;
      }
    }
    std::string group;
    if (!delimiter.empty()) {
      const size_t at = u.key.find(delimiter, prefix.size());
      if (at != std::string::npos) group = u.key.substr(0, at + delimiter.size());
    }
    if (!group.empty() && ((!prefixes.empty() && prefixes.back() == group) || group <= key_marker))
      continue;
    if (shown.size() + prefixes.size() == most) {
      truncated = true;
      break;
    }
    next_key = group.empty() ? u.key : group;
    next_id = group.empty() ? u.id : "";
    if (group.empty()) {
      shown.push_back(&u);
    } else {
      prefixes.push_back(group);
    }
  }
  XmlWriter xml("ListMultipartUploadsResult");
  xml.Element("Bucket", t_.bucket)
      .Element("KeyMarker", Shown(key_marker, url))
      .Element("UploadIdMarker", id_marker)
      .Element("Prefix", Shown(prefix, url));
  if (!delimiter.empty()) xml.Element("Delimiter", Shown(delimiter, url));
  if (url) xml.Element("EncodingType", "url");
  xml.Element("MaxUploads", most).Flag("IsTruncated", truncated);
  if (truncated) {
    xml.Element("NextKeyMarker", Shown(next_key, url)).Element("NextUploadIdMarker", next_id);
  }
  for (const UploadInfo* u : shown) {
    xml.Open("Upload").Element("Key", Shown(u->key, url)).Element("UploadId", u->id);
    AddOwner(xml, "Initiator", caller_);
    AddOwner(xml, "Owner", caller_);
    xml.Element("StorageClass", StorageClassOf(u->headers))
        .Element("Initiated", FormatIso8601(u->started));
    if (u->checksum_kind) {
      xml.Element("ChecksumAlgorithm", NameOf(*u->checksum_kind).name)
          .Element("ChecksumType", u->full_object_checksum ? "FULL_OBJECT" : "COMPOSITE");
    }
    xml.Close();
  }
  for (const std::string& p : prefixes) {
    xml.Open("CommonPrefixes").Element("Prefix", Shown(p, url)).Close();
  }
  return Xml(xml.Finish());
}

}  // namespace clary::objects
