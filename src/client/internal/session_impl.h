// What a Session's copies share.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/mutex.h"
#include "clary/session.h"
#include "client/internal/aws_client.h"
#include "objects/object_store.h"

namespace clary {

struct S3::Impl {
  std::shared_ptr<objects::ObjectStore> store;
  std::string region;
};

struct Session::Impl {
  Impl(AwsClient client, std::shared_ptr<S3::Impl> s3_impl)
      : aws(std::move(client)), s3(std::move(s3_impl)) {}

  AwsClient aws;
  std::shared_ptr<S3::Impl> s3;
  Mutex mu;
  std::string account GUARDED_BY(mu);  // of GetCallerIdentity, once asked
  std::string caller_arn GUARDED_BY(mu);
};

namespace client {

// Where an object of the listing of `prefix` goes below a directory. kInvalidArgument "UnsafeKey"
// if its path would leave it.
Result<std::filesystem::path> PathBelow(std::string_view key, std::string_view prefix);

}  // namespace client
}  // namespace clary
