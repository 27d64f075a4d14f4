// The S3 REST protocol over any ObjectStore: one authenticated HTTP request in, one response out.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "net/http.h"
#include "objects/object_store.h"

namespace clary::objects {

// Who calls; the server has checked the signature.
struct Caller {
  std::string account_id;
  std::string region;  // of new buckets that name none
  // Of an aws-chunked body, whose decoded bytes are `request.body`: the headers that followed it.
  // Called after the body has ended. Null if there are none.
  std::function<net::Headers()> trailers = nullptr;
};

// The error as S3 sends it: status, and <Error> unless `head`. The one table of S3 errors; the
// reason of `error` is S3's code. `context` has what the request says of itself (BucketName, Key,
// AWSAccessKeyId, ...), of which each error shows what S3 shows. Used also by the server for what
// fails before S3Front.
net::Response S3ErrorResponse(const Error& error, std::string_view resource, bool head,
                              std::string_view request_id = {},
                              const std::vector<std::pair<std::string, std::string>>& context = {});

// The bucket that a virtual-host style Host names ("b.s3.us-east-1.amazonaws.com", "b.localhost",
// "b.s3.localhost"), or nullopt for path style.
std::optional<std::string> BucketOfHost(std::string_view host);

// Does the host belong to another service whose name begins with "s3" (S3 Control, access points,
// Outposts, Express, websites, ...)?
bool IsOtherS3Host(std::string_view host);

// A Range header with one range of bytes; nullopt for what HTTP says to ignore (several ranges,
// other units, bad syntax).
std::optional<ByteRange> ParseRange(std::string_view header);

// Any thread. Memory per call: the copy buffer of the store; XML bodies up to 2 MiB.
class S3Front {
 public:
  // Keeps both.
  explicit S3Front(ObjectStore& store, Clock& clock = Clock::System())
      : store_(store), clock_(clock) {}
  // Never fails: errors are responses. A body that it does not need is left unread.
  net::Response Handle(net::Request& request, const Caller& caller);
  // An upload by HTML form (multipart/form-data), which is signed in its fields: `verify` gets them
  // by lower-case names and says who calls, or fails with S3's code.
  net::Response HandleForm(net::Request& request,
                           const std::function<Result<Caller>(const net::Query&)>& verify);

 private:
  ObjectStore& store_;
  Clock& clock_;
};

}  // namespace clary::objects
