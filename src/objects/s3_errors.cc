#include <algorithm>
#include <iterator>

#include "base/log.h"
#include "base/strings.h"
#include "objects/internal/s3_answer.h"
#include "objects/s3_front.h"
#include "objects/s3_xml.h"

namespace clary::objects {
namespace {

struct ErrorRow {
  std::string_view code;
  int status;
  std::string_view message;     // S3's own text, where clients or people compare it
  std::string_view about = {};  // details that the request itself has, separated by spaces
};

constexpr ErrorRow kErrors[] = {
    {"AccessControlListNotSupported", 400, "The bucket does not allow ACLs"},
    {"AccessDenied", 403, ""},
    {"AuthorizationHeaderMalformed", 400, ""},
    {"AuthorizationQueryParametersError", 400, ""},
    {"BadDigest", 400, ""},
    {"BadRequest", 400, ""},
    {"BucketAlreadyExists", 409,
     "The requested bucket name is not available. The bucket namespace is shared by all users of "
     "the system. Please select a different name and try again.",
     "BucketName"},
    {"BucketAlreadyOwnedByYou", 409,
     "Your previous request to create the named bucket succeeded and you already own it.",
     "BucketName"},
    {"BucketNotEmpty", 409, "The bucket you tried to delete is not empty", "BucketName"},
    {"DiskFull", 507, ""},  // not 503: clients would send the whole body again at once
    {"EntityTooLarge", 400, ""},
    {"EntityTooSmall", 400, ""},
    {"ExpiredToken", 400, "The provided token has expired."},
    {"IllegalLocationConstraintException", 400, ""},
    {"IncompleteBody", 400,
     "You did not provide the number of bytes specified by the Content-Length HTTP header"},
    {"InvalidAccessKeyId", 403, "The AWS Access Key Id you provided does not exist in our records.",
     "AWSAccessKeyId"},
    {"InvalidArgument", 400, ""},
    {"InvalidBucketName", 400, "", "BucketName"},
    {"InvalidDigest", 400, "The Content-MD5 you specified was invalid", "Content-MD5"},
    {"InvalidEncryptionAlgorithmError", 400, ""},
    {"InvalidLocationConstraint", 400, ""},
    {"InvalidPart", 400,
     "One or more of the specified parts could not be found. The part may not have been uploaded, "
     "or the specified entity tag may not match the part's entity tag.",
     "UploadId"},
    {"InvalidPartNumber", 416, ""},
    {"InvalidPartOrder", 400,
     "The list of parts was not in ascending order. The parts list must be specified in order by "
     "part number.",
     "UploadId"},
    {"InvalidPolicyDocument", 400, ""},
    {"InvalidRange", 416, "The requested range is not satisfiable", "RangeRequested"},
    {"InvalidRedirectLocation", 400, ""},
    {"InvalidRequest", 400, ""},
    {"InvalidStorageClass", 400, "The storage class you specified is not valid"},
    {"InvalidTag", 400, ""},
    {"InvalidToken", 400, "The provided token is malformed or otherwise invalid."},
    {"InvalidURI", 400, ""},
    {"KeyTooLongError", 400, "Your key is too long"},
    {"MalformedACLError", 400, ""},
    {"MalformedPOSTRequest", 400, ""},
    {"MalformedXML", 400, ""},
    {"MalformedTrailerError", 400, ""},
    {"MaxMessageLengthExceeded", 400, ""},
    {"MaxPostPreDataLengthExceededError", 400, ""},
    {"MetadataTooLarge", 400, ""},
    {"MethodNotAllowed", 405, ""},
    {"MissingContentLength", 411, "You must provide the Content-Length HTTP header."},
    {"MissingSecurityHeader", 400, ""},
    {"NoSuchBucket", 404, "The specified bucket does not exist", "BucketName"},
    {"NoSuchBucketPolicy", 404, "", "BucketName"},
    {"NoSuchCORSConfiguration", 404, "", "BucketName"},
    {"NoSuchKey", 404, "The specified key does not exist.", "Key"},
    {"NoSuchLifecycleConfiguration", 404, "", "BucketName"},
    {"NoSuchPublicAccessBlockConfiguration", 404, "", "BucketName"},
    {"NoSuchTagSet", 404, "", "BucketName"},
    {"NoSuchUpload", 404,
     "The specified upload does not exist. The upload ID may be invalid, or the upload may have "
     "been aborted or completed.",
     "UploadId"},
    {"NoSuchVersion", 404, "The specified version does not exist.", "Key VersionId"},
    {"NoSuchWebsiteConfiguration", 404, "", "BucketName"},
    {"NotImplemented", 501, ""},
    {"NotModified", 304, ""},
    {"ObjectLockConfigurationNotFoundError", 404, "", "BucketName"},
    {"OperationAborted", 409, ""},
    {"OwnershipControlsNotFoundError", 404, "", "BucketName"},
    {"PreconditionFailed", 412, "At least one of the pre-conditions you specified did not hold"},
    {"ReplicationConfigurationNotFoundError", 404, "", "BucketName"},
    {"RequestTimeTooSkewed", 403,
     "The difference between the request time and the current time is too large.",
     "RequestTime ServerTime MaxAllowedSkewMilliseconds"},
    {"RequestTimeout", 400, ""},
    {"ServerSideEncryptionConfigurationNotFoundError", 404, "", "BucketName"},
    {"SignatureDoesNotMatch", 403,
     "The request signature we calculated does not match the signature you provided. Check your "
     "key and signing method.",
     "AWSAccessKeyId"},
    {"SlowDown", 503, ""},
    {"UnexpectedContent", 400, ""},
    {"XAmzContentChecksumMismatch", 400, ""},
    {"XAmzContentSHA256Mismatch", 400,
     "The provided 'x-amz-content-sha256' header does not match what was computed."},
};

const ErrorRow* FindRow(std::string_view code) {
  const auto* row = std::ranges::find(kErrors, code, &ErrorRow::code);
  return row == std::end(kErrors) ? nullptr : row;
}

}  // namespace

AnsweredError Answer(const Error& e) {
  auto [message, details] = SplitDetails(e.message);
  if (const ErrorRow* row = FindRow(e.reason)) {
    return {std::string(row->code), row->status,
            row->message.empty() ? message : std::string(row->message), std::move(details)};
  }
  switch (e.code) {
    case Code::kInvalidArgument:
      return {"InvalidRequest", 400, message, {}};
    case Code::kUnauthenticated:
    case Code::kPermissionDenied:
      return {"AccessDenied", 403, message, {}};
    case Code::kUnimplemented:
      return {"NotImplemented", 501, message, std::move(details)};
    case Code::kConflict:
      return {"OperationAborted", 409, message, {}};
    case Code::kUnavailable:
    case Code::kResourceExhausted:
    case Code::kDeadlineExceeded:
    case Code::kCancelled:
      return {"ServiceUnavailable", 503, message, {}};
    default:
      return {"InternalError", 500, message, {}};
  }
}

namespace {

void AddContext(AnsweredError& answer, const ErrorDetails& context) {
  const ErrorRow* row = FindRow(answer.code);
  if (row == nullptr || row->about.empty()) return;
  for (const std::string_view name : Split(row->about, ' ')) {
    const auto named = [&](const auto& detail) { return detail.first == name; };
    if (std::ranges::any_of(answer.details, named)) continue;
    const auto it = std::ranges::find_if(context, named);
    if (it != context.end()) answer.details.push_back(*it);
  }
}

}  // namespace

net::Response S3ErrorResponse(const Error& error, std::string_view resource, bool head,
                              std::string_view request_id, const ErrorDetails& context) {
  AnsweredError a = Answer(error);
  AddContext(a, context);
  net::Response out;
  out.status = a.status;
  if (a.status == 304) return out;
  if (a.status >= 500 && a.status != 501) {
    LOG(kError, "S3 request failed", {"request", request_id}, {"resource", resource},
        {"reason", error.reason}, {"message", error.message});
  }
  if (a.code == "InvalidRange") out.headers.Set("Accept-Ranges", "bytes");
  out.headers.Set("Content-Type", "application/xml");
  if (head) return out;
  XmlWriter xml("Error", /*with_namespace=*/false);
  // Whoever reads this must be able to parse it, whatever the request had in it.
  xml.Element("Code", a.code).Element("Message", CleanText(a.message));
  for (const auto& [name, value] : a.details) xml.Element(name, CleanText(value));
  xml.Element("Resource", CleanText(resource));
  if (!request_id.empty()) xml.Element("RequestId", request_id).Element("HostId", request_id);
  out.body = xml.Finish();
  return out;
}

}  // namespace clary::objects
