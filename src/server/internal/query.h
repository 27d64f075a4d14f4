// XML for the answers of the AWS Query protocol.
#pragma once

#include <string>
#include <string_view>

namespace clary::server {

// "<name>escaped text</name>"
std::string XmlElement(std::string_view name, std::string_view text);

// "<name>inner</name>", `inner` being XML already.
std::string XmlWrap(std::string_view name, std::string_view inner);

}  // namespace clary::server
