#include "server/internal/query.h"

#include "base/strings.h"

namespace clary::server {

std::string XmlElement(std::string_view name, std::string_view text) {
  return XmlWrap(name, XmlEscape(text));
}

std::string XmlWrap(std::string_view name, std::string_view inner) {
  std::string out;
  out.reserve(inner.size() + 2 * name.size() + 5);
  out.append("<").append(name).append(">").append(inner);
  out.append("</").append(name).append(">");
  return out;
}

}  // namespace clary::server
