// Messages to a URL of the operator's.
#pragma once

#include <stop_token>
#include <string>

#include "base/error.h"

namespace clary::net {

// POSTs a JSON document. Blocks for at most 15 s. Errors, none of which holds the URL, since that
// may hold a key: kFailedPrecondition "NotConfigured" if it is none; kUnavailable "Refused" if the
// answer is not 2xx; what HttpClient::Send() says of a connection.
Status PostWebhook(const std::string& url, std::string document, std::stop_token stop = {});

}  // namespace clary::net
