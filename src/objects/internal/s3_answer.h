// What the answers of S3's operations have in common.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "net/http.h"
#include "objects/internal/error_details.h"
#include "objects/object_store.h"
#include "objects/s3_front.h"
#include "objects/s3_xml.h"

namespace clary::objects {

// An error as S3 names it.
struct AnsweredError {
  std::string code;
  int status = 500;
  std::string message;
  ErrorDetails details;
};
// A reason that is no S3 code is answered by its Code.
AnsweredError Answer(const Error& e);

std::string Quoted(std::string_view etag);
// S3's owner id is 64 hex digits that say nothing else.
std::string OwnerId(const Caller& caller);
void AddOwner(XmlWriter& xml, std::string_view element, const Caller& caller);
// The default: the owner may do everything, nobody else anything.
net::Response AclAnswer(const Caller& caller);
net::Response Xml(std::string body, int status = 200);
net::Response Empty(int status = 200);

std::string_view TypeOf(const Checksum& c);  // FULL_OBJECT or COMPOSITE
void AddChecksum(net::Headers& headers, const std::optional<Checksum>& c);
void AddChecksum(XmlWriter& xml, const std::optional<Checksum>& c, bool with_type);
void EchoEncryption(net::Headers& headers, const std::map<std::string, std::string>& stored);
std::string StorageClassOf(const std::map<std::string, std::string>& stored);

}  // namespace clary::objects
