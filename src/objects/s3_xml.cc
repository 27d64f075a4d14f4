#include "objects/s3_xml.h"

#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <pugixml.hpp>
#include <set>
#include <utility>

#include "base/strings.h"
#include "objects/rules.h"

namespace clary::objects {
namespace {

void Escape(std::string_view text, std::string& out) {
  while (!text.empty()) {
    const char c = text[0];
    const size_t n = Utf8Length(text);
    const bool character = !text.starts_with("\xef\xbf\xbe") && !text.starts_with("\xef\xbf\xbf");
    if (n == 0 || !character || c == '\0') {
      out += "\xef\xbf\xbd";
      text.remove_prefix(std::max<size_t>(n, 1));
      continue;
    }
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&quot;";
    } else if (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') {
      out += "&#x" + HexEncode(text.substr(0, 1)) + ";";
    } else {
      out.append(text, 0, n);
    }
    text.remove_prefix(n);
  }
}

struct Document {
  pugi::xml_document doc;
  pugi::xml_node root;
};

// Element names without a namespace prefix.
std::string_view LocalName(const pugi::xml_node& node) {
  std::string_view name = node.name();
  const size_t colon = name.find(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

pugi::xml_node Child(const pugi::xml_node& node, std::string_view name) {
  for (const pugi::xml_node& child : node.children()) {
    if (LocalName(child) == name) return child;
  }
  return {};
}

std::string Text(const pugi::xml_node& node, std::string_view name) {
  return Child(node, name).text().get();
}

// Are all references of the document to one of XML's own five entities or to a character? The
// parser lets others pass as text.
bool EntitiesAreDefined(std::string_view xml) {
  constexpr std::string_view kNames[] = {"amp", "lt", "gt", "quot", "apos"};
  const auto skip = [&](size_t& at, std::string_view open, std::string_view close) {
    if (!xml.substr(at).starts_with(open)) return false;
    const size_t end = xml.find(close, at + open.size());
    at = end == std::string_view::npos ? xml.size() : end + close.size();
    return true;
  };
  for (size_t at = 0; (at = xml.find_first_of("&<", at)) != std::string_view::npos;) {
    if (skip(at, "<![CDATA[", "]]>") || skip(at, "<!--", "-->") || skip(at, "<?", "?>")) continue;
    if (xml[at] == '<') {
      ++at;
      continue;
    }
    const size_t end = xml.find(';', at);
    if (end == std::string_view::npos) return false;
    const std::string_view name = xml.substr(at + 1, end - at - 1);
    at = end + 1;
    if (name.starts_with('#')) {
      const bool hex = name.size() > 1 && name[1] == 'x';
      const std::string_view digits = name.substr(hex ? 2 : 1);
      const bool good = !digits.empty() && digits.size() <= 8 &&
                        digits.find_first_not_of(hex ? "0123456789abcdefABCDEF" : "0123456789") ==
                            std::string_view::npos;
      const unsigned long value =
          good ? std::stoul(std::string(digits), nullptr, hex ? 16 : 10) : 0;
      if (value == 0 || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) return false;
    } else if (std::ranges::find(kNames, name) == std::end(kNames)) {
      return false;
    }
  }
  return true;
}

bool Load(std::string_view xml, std::string_view root, Document& out) {
  if (xml.size() > 8 * kMaxXmlBytes || !IsUtf8(xml) || !EntitiesAreDefined(xml)) return false;
  const auto parsed =
      out.doc.load_buffer(xml.data(), xml.size(),
                          pugi::parse_default | pugi::parse_ws_pcdata_single | pugi::parse_doctype,
                          pugi::encoding_utf8);
  if (!parsed) return false;
  int roots = 0;
  for (const pugi::xml_node& node : out.doc.children()) {
    if (node.type() == pugi::node_doctype) return false;
    roots += node.type() == pugi::node_element ? 1 : 0;
  }
  out.root = out.doc.document_element();
  return roots == 1 && (root.empty() || LocalName(out.root) == root);
}

// Has `node` no other elements than `names`, each at most once, and any number of `many`?
bool HasOnly(const pugi::xml_node& node, std::initializer_list<std::string_view> names,
             std::string_view many = "") {
  std::set<std::string_view> seen;
  return std::ranges::all_of(node.children(), [&](const pugi::xml_node& child) {
    if (child.type() != pugi::node_element) return true;
    const std::string_view name = LocalName(child);
    if (name == many) return true;
    return std::ranges::find(names, name) != names.end() && seen.insert(name).second;
  });
}

void AddLeaves(const pugi::xml_node& node, const std::string& path,
               std::vector<std::pair<std::string, std::string>>& out) {
  for (const pugi::xml_node& child : node.children()) {
    if (child.type() != pugi::node_element) continue;
    const std::string below = path + std::string(LocalName(child));
    if (std::ranges::none_of(child.children(), [](const pugi::xml_node& n) {
          return n.type() == pugi::node_element;
        })) {
      out.emplace_back(below, child.text().get());
    } else {
      AddLeaves(child, below + "/", out);
    }
  }
}

// An xs:boolean; nullopt for what is none.
std::optional<bool> Boolean(std::string_view text) {
  text = Trim(text);
  if (EqualsIgnoreCase(text, "true") || text == "1") return true;
  if (EqualsIgnoreCase(text, "false") || text == "0") return false;
  return std::nullopt;
}

std::optional<std::vector<std::pair<std::string, std::string>>> TagsIn(const pugi::xml_node& set) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const pugi::xml_node& tag : set.children()) {
    if (tag.type() != pugi::node_element) continue;
    if (LocalName(tag) != "Tag" || !HasOnly(tag, {"Key", "Value"}) || !Child(tag, "Key") ||
        !Child(tag, "Value")) {
      return std::nullopt;
    }
    out.emplace_back(Text(tag, "Key"), Text(tag, "Value"));
  }
  return out;
}

std::unexpected<Error> Malformed() {
  return Fail(Code::kInvalidArgument, "MalformedXML",
              "The XML you provided was not well-formed or did not validate against our "
              "published schema");
}

std::unexpected<Error> BadAnswer(std::string_view what) {
  return Fail(Code::kDataLoss, "BadAnswer",
              "the endpoint's answer is no " + std::string(what) + "; is it an S3 endpoint?");
}

std::optional<Checksum> ChecksumIn(const pugi::xml_node& node) {
  for (const ChecksumName& c : kChecksumNames) {
    if (const auto child = Child(node, c.element)) return Checksum{c.kind, child.text().get()};
  }
  return std::nullopt;
}

std::string Unquote(std::string etag) {
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') {
    return etag.substr(1, etag.size() - 2);
  }
  return etag;
}

Time TimeIn(const pugi::xml_node& node, std::string_view name) {
  return ParseIso8601(Text(node, name)).value_or(Time{});
}

}  // namespace

XmlWriter::XmlWriter(std::string_view root, bool with_namespace) {
  out_ = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<";
  out_ += root;
  if (with_namespace) out_ += " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";
  out_ += ">";
  open_.emplace_back(root);
}
XmlWriter& XmlWriter::Open(std::string_view name) {
  out_.append("<").append(name).append(">");
  open_.emplace_back(name);
  return *this;
}
XmlWriter& XmlWriter::Close() {
  out_.append("</").append(open_.back()).append(">");
  open_.pop_back();
  return *this;
}
XmlWriter& XmlWriter::Text(std::string_view text) {
  Escape(text, out_);
  return *this;
}
XmlWriter& XmlWriter::Element(std::string_view name, std::string_view text) {
  return Open(name).Text(text).Close();
}
XmlWriter& XmlWriter::Element(std::string_view name, uint64_t value) {
  return Element(name, std::string_view(std::to_string(value)));
}
XmlWriter& XmlWriter::Flag(std::string_view name, bool value) {
  return Element(name, std::string_view(value ? "true" : "false"));
}
XmlWriter& XmlWriter::Raw(std::string_view xml) {
  out_ += xml;
  return *this;
}
std::string XmlWriter::Finish() {
  while (!open_.empty()) Close();
  return std::move(out_);
}

std::string WriteTagSet(const Tags& tags) {
  XmlWriter xml("Tagging");
  xml.Open("TagSet");
  for (const auto& [key, value] : tags) {
    xml.Open("Tag").Element("Key", key).Element("Value", value).Close();
  }
  return xml.Finish();
}

Result<std::vector<CompletedPart>> ParseCompleteUpload(std::string_view xml) {
  Document d;
  if (!Load(xml, "CompleteMultipartUpload", d)) return Malformed();
  if (!HasOnly(d.root, {}, "Part")) return Malformed();
  std::vector<CompletedPart> out;
  for (const pugi::xml_node& node : d.root.children()) {
    if (LocalName(node) != "Part") continue;
    size_t known = Child(node, "PartNumber") ? 1 : 0;
    known += Child(node, "ETag") ? 1 : 0;
    known += ChecksumIn(node) ? 1 : 0;  // one at most
    size_t elements = 0;
    for (const pugi::xml_node& child : node.children()) {
      elements += child.type() == pugi::node_element ? 1 : 0;
    }
    if (elements != known) return Malformed();
    const auto number = ParseUint(Trim(Text(node, "PartNumber")));
    const std::string etag = Text(node, "ETag");
    if (!number || *number < 1 || *number > kMaxPartNumber || Trim(etag).empty()) {
      return Malformed();
    }
    out.push_back({static_cast<int>(*number), std::string(Trim(etag)), ChecksumIn(node)});
  }
  if (out.empty() || out.size() > kMaxPartNumber) return Malformed();
  return out;
}

Result<DeleteRequest> ParseDelete(std::string_view xml) {
  Document d;
  if (!Load(xml, "Delete", d)) return Malformed();
  if (!HasOnly(d.root, {"Quiet"}, "Object")) return Malformed();
  DeleteRequest out;
  if (const auto quiet = Child(d.root, "Quiet")) {
    const auto value = Boolean(quiet.text().get());
    if (!value) return Malformed();
    out.quiet = *value;
  }
  for (const pugi::xml_node& node : d.root.children()) {
    if (LocalName(node) != "Object") continue;
    DeleteRequest::Item item{.key = Text(node, "Key"), .version = Text(node, "VersionId")};
    if (item.key.empty() ||
        !HasOnly(node, {"Key", "VersionId", "ETag", "LastModifiedTime", "Size"})) {
      return Malformed();
    }
    if (const auto etag = Child(node, "ETag")) {
      item.conditions.if_match = Trim(std::string_view(etag.text().get()));
      if (item.conditions.if_match.empty()) return Malformed();
    }
    if (const auto size = Child(node, "Size")) {
      item.conditions.if_match_size = ParseUint(Trim(std::string_view(size.text().get())));
      if (!item.conditions.if_match_size) return Malformed();
    }
    if (const auto time = Child(node, "LastModifiedTime")) {
      item.conditions.if_match_modified = ParseS3Time(Trim(std::string_view(time.text().get())));
      if (!item.conditions.if_match_modified) return Malformed();
    }
    out.items.push_back(std::move(item));
  }
  if (out.items.empty() || out.items.size() > 1000) return Malformed();
  return out;
}

Result<BucketRequest> ParseCreateBucket(std::string_view xml) {
  BucketRequest out;
  if (Trim(xml).empty()) return out;
  Document d;
  if (!Load(xml, "CreateBucketConfiguration", d)) return Malformed();
  if (!HasOnly(d.root, {"LocationConstraint", "Location", "Bucket", "Tags"})) return Malformed();
  out.location = Trim(Text(d.root, "LocationConstraint"));
  out.directory = Child(d.root, "Location") || Child(d.root, "Bucket");
  auto tags = TagsIn(Child(d.root, "Tags"));
  if (!tags) return Malformed();
  out.tags = *std::move(tags);
  return out;
}

Result<std::vector<std::pair<std::string, std::string>>> ParseLeaves(std::string_view xml,
                                                                     std::string_view root) {
  Document d;
  if (!Load(xml, root, d)) return Malformed();
  std::vector<std::pair<std::string, std::string>> out;
  AddLeaves(d.root, "", out);
  return out;
}

Result<std::vector<std::pair<std::string, std::string>>> ParseTagSet(std::string_view xml) {
  Document d;
  if (!Load(xml, "Tagging", d) || !HasOnly(d.root, {"TagSet"})) return Malformed();
  const pugi::xml_node set = Child(d.root, "TagSet");
  if (!set) return Malformed();
  auto tags = TagsIn(set);
  if (!tags) return Malformed();
  return *std::move(tags);
}

Result<ListAnswer> ParseListAnswer(std::string_view xml) {
  Document d;
  if (!Load(xml, "ListBucketResult", d)) return BadAnswer("listing");
  const bool url = Text(d.root, "EncodingType") == "url";
  const auto decode = [&](const std::string& text) {
    return url ? UriDecode(text, /*plus_is_space=*/true).value_or(text) : text;
  };
  ListAnswer out;
  for (const pugi::xml_node& node : d.root.children()) {
    if (LocalName(node) == "Contents") {
      ObjectInfo info;
      info.key = decode(Text(node, "Key"));
      info.size = ParseUint(Text(node, "Size")).value_or(0);
      info.etag = Unquote(Text(node, "ETag"));
      info.last_modified = TimeIn(node, "LastModified");
      out.page.objects.push_back(std::move(info));
    } else if (LocalName(node) == "CommonPrefixes") {
      out.page.common_prefixes.push_back(decode(Text(node, "Prefix")));
    }
  }
  out.page.truncated = Text(d.root, "IsTruncated") == "true";
  out.token = Text(d.root, "NextContinuationToken");
  if (!out.page.objects.empty()) out.page.next = out.page.objects.back().key;
  if (!out.page.common_prefixes.empty()) {
    out.page.next = std::max(out.page.next, out.page.common_prefixes.back());
  }
  return out;
}

Result<std::vector<BucketInfo>> ParseBuckets(std::string_view xml) {
  Document d;
  if (!Load(xml, "ListAllMyBucketsResult", d)) return BadAnswer("list of buckets");
  std::vector<BucketInfo> out;
  for (const pugi::xml_node& node : Child(d.root, "Buckets").children()) {
    out.push_back({.name = Text(node, "Name"),
                   .created = TimeIn(node, "CreationDate"),
                   .region = Text(node, "BucketRegion")});
  }
  return out;
}

Result<PartsAnswer> ParsePartsAnswer(std::string_view xml) {
  Document d;
  if (!Load(xml, "ListPartsResult", d)) return BadAnswer("list of parts");
  PartsAnswer out;
  for (const pugi::xml_node& node : d.root.children()) {
    if (LocalName(node) != "Part") continue;
    out.parts.push_back(
        {.number = static_cast<int>(ParseUint(Text(node, "PartNumber")).value_or(0)),
         .size = ParseUint(Text(node, "Size")).value_or(0),
         .etag = Unquote(Text(node, "ETag")),
         .last_modified = TimeIn(node, "LastModified"),
         .checksum = ChecksumIn(node)});
  }
  out.truncated = Text(d.root, "IsTruncated") == "true";
  out.next = static_cast<int>(ParseUint(Text(d.root, "NextPartNumberMarker")).value_or(0));
  return out;
}

Result<UploadsAnswer> ParseUploadsAnswer(std::string_view xml) {
  Document d;
  if (!Load(xml, "ListMultipartUploadsResult", d)) return BadAnswer("list of uploads");
  const bool url = Text(d.root, "EncodingType") == "url";
  const auto decode = [&](const std::string& text) {
    return url ? UriDecode(text, /*plus_is_space=*/true).value_or(text) : text;
  };
  UploadsAnswer out;
  for (const pugi::xml_node& node : d.root.children()) {
    if (LocalName(node) != "Upload") continue;
    UploadInfo u;
    u.key = decode(Text(node, "Key"));
    u.id = Text(node, "UploadId");
    u.started = TimeIn(node, "Initiated");
    if (const ChecksumName* c = FindChecksumName(Text(node, "ChecksumAlgorithm"))) {
      u.checksum_kind = c->kind;
    }
    u.full_object_checksum = Text(node, "ChecksumType") == "FULL_OBJECT";
    out.uploads.push_back(std::move(u));
  }
  out.truncated = Text(d.root, "IsTruncated") == "true";
  out.next_key = decode(Text(d.root, "NextKeyMarker"));
  out.next_id = Text(d.root, "NextUploadIdMarker");
  return out;
}

Result<std::map<std::string, std::string>> ParseFlat(std::string_view xml) {
  Document d;
  if (!Load(xml, "", d)) return BadAnswer("XML document");
  std::map<std::string, std::string> out;
  out.emplace("", std::string(LocalName(d.root)));
  for (const pugi::xml_node& node : d.root.children()) {
    out.emplace(std::string(LocalName(node)), node.text().get());
  }
  return out;
}

}  // namespace clary::objects
