#include "objects/internal/s3_answer.h"

#include "base/hash.h"
#include "base/strings.h"
#include "objects/internal/s3_request.h"
#include "objects/rules.h"

namespace clary::objects {

std::string Quoted(std::string_view etag) { return "\"" + std::string(etag) + "\""; }

std::string OwnerId(const Caller& caller) {
  return HexEncode(Sha256("owner:" + caller.account_id));
}

void AddOwner(XmlWriter& xml, std::string_view element, const Caller& caller) {
  xml.Open(element).Element("ID", OwnerId(caller)).Element("DisplayName", "clary").Close();
}

net::Response Xml(std::string body, int status) {
  net::Response r;
  r.status = status;
  r.headers.Add("Content-Type", "application/xml");
  r.body = std::move(body);
  return r;
}

net::Response Empty(int status) {
  net::Response r;
  r.status = status;
  return r;
}

std::string_view TypeOf(const Checksum& c) {
  return c.value.find('-') == std::string::npos ? "FULL_OBJECT" : "COMPOSITE";
}

void AddChecksum(net::Headers& headers, const std::optional<Checksum>& c) {
  if (!c) return;
  headers.Set(NameOf(c->kind).header, c->value);
  headers.Set("x-amz-checksum-type", std::string(TypeOf(*c)));
}

void AddChecksum(XmlWriter& xml, const std::optional<Checksum>& c, bool with_type) {
  if (!c) return;
  xml.Element(NameOf(c->kind).element, c->value);
  if (with_type) xml.Element("ChecksumType", TypeOf(*c));
}

void EchoEncryption(net::Headers& headers, const std::map<std::string, std::string>& stored) {
  for (const std::string_view name : kEncryptionHeaders) {
    if (const auto it = stored.find(std::string(name)); it != stored.end()) {
      headers.Set(name, it->second);
    }
  }
}

std::string StorageClassOf(const std::map<std::string, std::string>& stored) {
  const auto it = stored.find(std::string(kStorageClass));
  return it == stored.end() ? "STANDARD" : it->second;
}

net::Response AclAnswer(const Caller& caller) {
  XmlWriter xml("AccessControlPolicy");
  AddOwner(xml, "Owner", caller);
  xml.Open("AccessControlList").Open("Grant");
  xml.Raw(
      "<Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
      "xsi:type=\"CanonicalUser\"><ID>" +
      OwnerId(caller) + "</ID><DisplayName>clary</DisplayName></Grantee>");
  xml.Element("Permission", "FULL_CONTROL");
  return Xml(xml.Finish());
}

}  // namespace clary::objects
