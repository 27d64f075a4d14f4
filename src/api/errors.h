// The one table between our errors and the wire's: AWS error code and HTTP status. Used by the
// server to answer and by the client to understand answers. S3 has its own table in objects.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace clary::api {

struct ApiError {
  std::string code;  // "ValidationException"
  int status = 400;
};

// The code and status that answer `error`: its reason if that is a known AWS code, else what its
// Code stands for.
ApiError ToApiError(const Error& error);

// The Error that an answer with this AWS code and HTTP status stands for; its reason is `code`.
Error FromApiError(std::string code, int status, std::string message);

}  // namespace clary::api
