// The XML of the S3 protocol, both ways: documents written for clients and answers of servers, and
// the parsers of what the other side sent.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "objects/object_store.h"

namespace clary::objects {

inline constexpr size_t kMaxXmlBytes = 2 << 20;

// Writes one document. Text is escaped; what XML 1.0 cannot hold comes out as S3 does it, as a
// numeric reference (control characters) or as U+FFFD (bytes that are no UTF-8, NUL).
class XmlWriter {
 public:
  // The declaration, and the root element in S3's namespace.
  explicit XmlWriter(std::string_view root, bool with_namespace = true);
  XmlWriter& Open(std::string_view name);
  XmlWriter& Close();
  XmlWriter& Element(std::string_view name, std::string_view text);
  XmlWriter& Text(std::string_view text);
  XmlWriter& Element(std::string_view name, uint64_t value);
  XmlWriter& Flag(std::string_view name, bool value);
  // Bytes that are XML already, for elements with attributes.
  XmlWriter& Raw(std::string_view xml);
  std::string Finish();  // closes what is open; once

 private:
  std::string out_;
  std::vector<std::string> open_;
};

// Requests. "MalformedXML" if it is not the document wanted (an element that is not known, a
// DOCTYPE, an undefined entity, bytes that are no UTF-8); inputs are at most kMaxXmlBytes.
Result<std::vector<CompletedPart>> ParseCompleteUpload(std::string_view xml);
struct DeleteRequest {
  struct Item {
    std::string key;
    std::string version;
    Conditions conditions;
  };
  std::vector<Item> items;
  bool quiet = false;
};
Result<DeleteRequest> ParseDelete(std::string_view xml);
struct BucketRequest {
  std::string location;  // constraint, or ""
  // The client named a kind or place of bucket that only directory buckets have.
  bool directory = false;
  std::vector<std::pair<std::string, std::string>> tags;  // for TagsOf (rules.h)
};
Result<BucketRequest> ParseCreateBucket(std::string_view xml);  // may be empty
// The texts of all elements without children by their path below the root ("Rule/Status"), in
// order. An element without text is there, too. The root must be `root`.
Result<std::vector<std::pair<std::string, std::string>>> ParseLeaves(std::string_view xml,
                                                                     std::string_view root);

// The tags of an object, in requests and answers.
std::string WriteTagSet(const Tags& tags);
// As listed, for TagsOf (rules.h). "MalformedXML".
Result<std::vector<std::pair<std::string, std::string>>> ParseTagSet(std::string_view xml);

// Answers, as a client sees them. kDataLoss "BadAnswer" if they are not what S3 sends.
struct ListAnswer {
  ListPage page;
  std::string token;  // of the next page
};
Result<ListAnswer> ParseListAnswer(std::string_view xml);  // V2 with encoding-type=url
Result<std::vector<BucketInfo>> ParseBuckets(std::string_view xml);
struct PartsAnswer {
  std::vector<PartInfo> parts;
  bool truncated = false;
  int next = 0;
};
Result<PartsAnswer> ParsePartsAnswer(std::string_view xml);
struct UploadsAnswer {
  std::vector<UploadInfo> uploads;
  bool truncated = false;
  std::string next_key;
  std::string next_id;
};
Result<UploadsAnswer> ParseUploadsAnswer(std::string_view xml);
// Texts of the root's children by name (the first of each), and the root's own name under "".
Result<std::map<std::string, std::string>> ParseFlat(std::string_view xml);

}  // namespace clary::objects
