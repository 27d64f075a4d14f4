#include "base/error.h"

#include <cerrno>
#include <cstring>

namespace clary {

std::string_view CodeName(Code code) {
  switch (code) {
    case Code::kCancelled:
      return "Cancelled";
    case Code::kInvalidArgument:
      return "InvalidArgument";
    case Code::kNotFound:
      return "NotFound";
    case Code::kAlreadyExists:
      return "AlreadyExists";
    case Code::kUnauthenticated:
      return "Unauthenticated";
    case Code::kPermissionDenied:
      return "PermissionDenied";
    case Code::kFailedPrecondition:
      return "FailedPrecondition";
    case Code::kConflict:
      return "Conflict";
    case Code::kResourceExhausted:
      return "ResourceExhausted";
    case Code::kDeadlineExceeded:
      return "DeadlineExceeded";
    case Code::kUnavailable:
      return "Unavailable";
    case Code::kUnimplemented:
      return "Unimplemented";
    case Code::kDataLoss:
      return "DataLoss";
    case Code::kInternal:
      return "Internal";
  }
  return "Internal";
}

Error ErrnoError(int err, std::string_view context) {
  Error e{Code::kInternal, "Errno", std::string(context) + ": " + std::strerror(err)};
  switch (err) {
    case ENOENT:
    case ENOTDIR:
      e.code = Code::kNotFound;
      break;
    case EEXIST:
      e.code = Code::kAlreadyExists;
      break;
    case EACCES:
    case EPERM:
    case EROFS:
      e.code = Code::kPermissionDenied;
      break;
    case ENOSPC:
    case EDQUOT:
      e.code = Code::kResourceExhausted;
      e.reason = "DiskFull";
      e.message += "; free some space and try again";
      break;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      e.code = Code::kResourceExhausted;
      break;
    case EAGAIN:
    case EINTR:
    case ECONNREFUSED:
    case ECONNRESET:
    case EPIPE:
      e.code = Code::kUnavailable;
      break;
    case ETIMEDOUT:
      e.code = Code::kDeadlineExceeded;
      break;
    default:
      break;
  }
  return e;
}

}  // namespace clary
