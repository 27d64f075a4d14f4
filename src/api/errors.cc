#include "api/errors.h"

#include <algorithm>

namespace clary::api {
namespace {

struct Entry {
  std::string_view code;
  int status;
  Code meaning;
};

// The first entry of a Code is what an error without an AWS code becomes.
constexpr Entry kErrors[] = {
    {"ValidationException", 400, Code::kInvalidArgument},
    {"SerializationException", 400, Code::kInvalidArgument},
    {"UnknownOperationException", 400, Code::kInvalidArgument},
    {"ValidationError", 400, Code::kInvalidArgument},
    {"InvalidParameterException", 400, Code::kInvalidArgument},
    {"InvalidParameterValue", 400, Code::kInvalidArgument},
    {"InvalidParameterCombination", 400, Code::kInvalidArgument},
    {"MissingParameter", 400, Code::kInvalidArgument},
    {"MalformedQueryString", 404, Code::kInvalidArgument},
    {"MalformedPolicyDocument", 400, Code::kInvalidArgument},
    {"InvalidAction", 400, Code::kInvalidArgument},
    {"InvalidInput", 400, Code::kInvalidArgument},
    {"InvalidFormat", 400, Code::kInvalidArgument},
    {"InvalidNextToken", 400, Code::kInvalidArgument},
    {"InvalidMarkerException", 400, Code::kInvalidArgument},
    {"InvalidNextTokenException", 400, Code::kInvalidArgument},
    {"MalformedPolicyDocumentException", 400, Code::kInvalidArgument},
    {"UnsupportedOperationException", 400, Code::kInvalidArgument},
    {"TooManyTagsException", 400, Code::kInvalidArgument},
    {"TagException", 400, Code::kInvalidArgument},
    {"ResourceNotFound", 400, Code::kNotFound},
    {"ResourceNotFoundException", 400, Code::kNotFound},
    {"NotFoundException", 400, Code::kNotFound},
    {"ObjectNotFoundException", 400, Code::kNotFound},
    {"NoSuchEntity", 404, Code::kNotFound},
    {"ResourceInUse", 400, Code::kAlreadyExists},
    {"AlreadyExistsException", 400, Code::kAlreadyExists},
    {"ResourceAlreadyExistsException", 400, Code::kAlreadyExists},
    {"EntityAlreadyExists", 409, Code::kAlreadyExists},
    {"UnrecognizedClientException", 400, Code::kUnauthenticated},
    {"InvalidSignatureException", 400, Code::kUnauthenticated},
    {"IncompleteSignatureException", 400, Code::kUnauthenticated},
    {"MissingAuthenticationTokenException", 400, Code::kUnauthenticated},
    {"InvalidClientTokenId", 403, Code::kUnauthenticated},
    {"SignatureDoesNotMatch", 403, Code::kUnauthenticated},
    {"MissingAuthenticationToken", 403, Code::kUnauthenticated},
    {"IncompleteSignature", 400, Code::kUnauthenticated},
    {"ExpiredTokenException", 400, Code::kUnauthenticated},
    {"ExpiredToken", 403, Code::kUnauthenticated},
    {"RequestExpired", 400, Code::kUnauthenticated},
    {"AccessDeniedException", 400, Code::kPermissionDenied},
    {"NotAuthorizedException", 400, Code::kPermissionDenied},
    {"AccessDenied", 403, Code::kPermissionDenied},
    {"ConflictException", 400, Code::kConflict},
    {"KMSInvalidStateException", 400, Code::kConflict},
    {"DeleteConflict", 409, Code::kConflict},
    {"ResourceLimitExceeded", 400, Code::kResourceExhausted},
    {"LimitExceededException", 400, Code::kResourceExhausted},
    {"LimitExceeded", 409, Code::kResourceExhausted},
    {"RequestEntityTooLarge", 413, Code::kResourceExhausted},
    {"ThrottlingException", 400, Code::kUnavailable},
    {"ServiceUnavailable", 503, Code::kUnavailable},
    {"InternalFailure", 500, Code::kInternal},
    {"InternalServerError", 500, Code::kInternal},
};

}  // namespace

ApiError ToApiError(const Error& error) {
  for (const Entry& e : kErrors) {
    if (e.code == error.reason) return {.code = std::string(e.code), .status = e.status};
  }
  for (const Entry& e : kErrors) {
    if (e.meaning == error.code) return {.code = std::string(e.code), .status = e.status};
  }
  switch (error.code) {
    case Code::kFailedPrecondition:
    case Code::kUnimplemented:
      return {.code = "ValidationException", .status = 400};
    default:
      return {.code = "InternalFailure", .status = 500};
  }
}

Error FromApiError(std::string code, int status, std::string message) {
  const Entry* known = std::ranges::find(kErrors, std::string_view(code), &Entry::code);
  Code meaning = Code::kInvalidArgument;
  if (known != std::end(kErrors)) {
    meaning = known->meaning;
  } else if (status >= 500) {
    meaning = Code::kUnavailable;
  } else if (status == 403 || status == 401) {
    meaning = Code::kPermissionDenied;
  } else if (status == 404) {
    meaning = Code::kNotFound;
  } else if (status == 409) {
    meaning = Code::kConflict;
  }
  return {.code = meaning, .reason = std::move(code), .message = std::move(message)};
}

}  // namespace clary::api
