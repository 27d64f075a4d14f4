// Responses as bytes: their heads, their framing, and sending them.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "net/http.h"
#include "net/internal/connection.h"

namespace clary::net::internal {

Response TextResponse(int status, std::string text);

// What answers a request that could not be parsed or is refused for its form.
Response RefusalOf(const Error& e);

// The status line and headers of an answer without a stream to `request`.
std::string ResponseHead(const Response& response, const Head& request, bool keep_alive);

// Sends the answer to the request in `c.head`, waiting for the peer for at most `budget`. May clear
// `keep`. False when the connection is beyond use.
bool SendResponse(Connection& c, Response& response, Duration budget, bool& keep);

}  // namespace clary::net::internal
