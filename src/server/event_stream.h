// AWS's binary event stream (application/vnd.amazon.eventstream), as answers have it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/stream.h"

namespace clary::server {

// One message: headers of type text, in order, and a payload of at most 16 MiB.
std::string EventMessage(const std::vector<std::pair<std::string, std::string>>& headers,
                         std::string_view payload);

// The bytes of `source` as PayloadPart events, each of what one read gives; a failure on the way
// ends them with a ModelStreamError.
std::unique_ptr<ByteSource> NewPayloadParts(std::unique_ptr<ByteSource> source);

}  // namespace clary::server
