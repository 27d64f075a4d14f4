// A connection to a training service: Clary, or Amazon SageMaker itself. The words are those of
// sagemaker.Session.
//
//   CLARY_TRY(auto session, clary::Session::open());
//   CLARY_TRY(auto bucket, session.default_bucket());
//   CLARY_TRY(auto uri, session.upload_data("train.csv", bucket, "census"));
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clary/error.h"
#include "clary/s3.h"

namespace clary {

struct Credentials {
  std::string access_key;
  std::string secret_key;
  std::string session_token;  // empty: long-term keys
};

// Where a service is and who calls it.
struct Connection {
  std::string endpoint;  // "http://127.0.0.1:8460"; empty: AWS's own endpoints of the region
  std::string region = "us-east-1";
  Credentials credentials;
  std::string ca_bundle;  // PEM file for https; empty: the system's
};

// A handle; copies are cheap and share one connection pool. Any thread. Every call that reaches
// the service returns its error code as Error.reason ("ValidationException", "ResourceInUse").
class Session {
 public:
  // The environment if it names a service or keys, else the service that listens on the Clary home
  // ($CLARY_HOME or ~/.clary). kFailedPrecondition "NoService" says how to start one.
  static Result<Session> open();
  // As AWS's own tools read it: AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
  // AWS_SESSION_TOKEN, AWS_REGION or AWS_DEFAULT_REGION, AWS_CA_BUNDLE; what is missing comes from
  // ~/.aws/credentials and ~/.aws/config (AWS_PROFILE). `endpoint`, if given, goes before those of
  // the environment; "" is AWS itself. kUnauthenticated "NoCredentials".
  static Result<Session> from_environment(const std::optional<std::string>& endpoint = {});
  // The service that listens on a Clary home, with its default key. kFailedPrecondition
  // "NoService" if none does. An empty path is the default home.
  static Result<Session> from_home(const std::filesystem::path& home = {});
  static Result<Session> connect(Connection connection);

  const std::string& region_name() const;
  const Connection& connection() const;

  Result<std::string> account_id() const;
  // The role of the caller, for jobs to run as: the ARN with assumed-role/NAME/... turned into
  // role/NAME. kFailedPrecondition "NotARole" if the caller is no role.
  Result<std::string> get_execution_role() const;

  // "sagemaker-<region>-<account>"; created if it does not exist.
  Result<std::string> default_bucket() const;
  // Uploads a file, or every file below a directory, to s3://bucket/key_prefix/...; an empty
  // bucket is the default one. Returns the URI of the file, or of the prefix for a directory.
  Result<std::string> upload_data(const std::filesystem::path& path, std::string bucket = {},
                                  const std::string& key_prefix = "data") const;
  Result<std::string> upload_string_as_file_body(std::string body, const std::string& bucket,
                                                 const std::string& key) const;
  // Downloads every object below the prefix into `directory`, keeping the folders under it (one
  // object: its last name). Returns the files. kNotFound "NoSuchKey" if there is none.
  Result<std::vector<std::filesystem::path>> download_data(const std::filesystem::path& directory,
                                                           const std::string& bucket,
                                                           const std::string& key_prefix) const;
  S3 s3() const;

  // One call of the SageMaker API: a JSON document in, a JSON document out.
  //   session.request("DescribeTrainingJob", R"({"TrainingJobName": "my-job"})")
  Result<std::string> request(std::string_view operation, std::string_view json) const;

  // Not for use: what the rest of the SDK is built on.
  struct Impl;
  Impl& impl() const { return *impl_; }
  explicit Session(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace clary
