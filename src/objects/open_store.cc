#include "objects/open_store.h"

#include <algorithm>
#include <cstdlib>

#include "base/strings.h"
#include "objects/file_store.h"
#include "objects/s3_store.h"

namespace clary::objects {
namespace {

constexpr std::string_view kScheme = "s3://";

std::string EnvironmentValue(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Endpoint and region, without keys.
Result<S3StoreOptions> ParseLocation(std::string_view location) {
  S3StoreOptions options;
  std::string_view rest = IsS3Location(location) ? location.substr(kScheme.size()) : "";
  std::string_view query;
  if (const size_t mark = rest.find('?'); mark != std::string_view::npos) {
    query = rest.substr(mark + 1);
    rest = rest.substr(0, mark);
  }
  while (rest.ends_with('/')) rest.remove_suffix(1);
  bool tls = true;
  bool known = true;
  while (!query.empty()) {
    const std::string_view one = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), one.size() + 1));
    if (one == "tls=off") {
      tls = false;
    } else if (one.starts_with("region=") && one.size() > 7) {
      options.region = one.substr(7);
    } else {
      known = false;
    }
  }
  options.endpoint = (tls ? "https://" : "http://") + std::string(rest);
  if (!known || !S3Store::CheckEndpoint(options.endpoint)) {
    return Fail(Code::kInvalidArgument, "BadLocation",
                "'" + std::string(location) +
                    "' is no location of objects: a directory, or the endpoint of an S3 service, "
                    "s3://host:port, with ?tls=off for plain HTTP and &region=NAME if it is not "
                    "us-east-1");
  }
  return options;
}

Result<S3StoreOptions> S3Options(std::string_view location) {
  CLARY_TRY(S3StoreOptions options, ParseLocation(location));
  options.access_key = EnvironmentValue("AWS_ACCESS_KEY_ID");
  options.secret_key = EnvironmentValue("AWS_SECRET_ACCESS_KEY");
  options.session_token = EnvironmentValue("AWS_SESSION_TOKEN");
  if (options.access_key.empty() || options.secret_key.empty()) {
    return Fail(Code::kInvalidArgument, "NoCredentials",
                "the keys of " + std::string(location) +
                    " are not in the environment: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
  }
  return options;
}

}  // namespace

bool IsS3Location(std::string_view location) { return location.starts_with(kScheme); }

Result<std::string> EndpointOf(std::string_view location) {
  CLARY_TRY(S3StoreOptions options, ParseLocation(location));
  return std::move(options.endpoint);
}

Result<std::unique_ptr<ObjectStore>> OpenStore(const std::string& location, Clock& clock,
                                               Duration patience) {
  if (!IsS3Location(location)) {
    CLARY_TRY(auto files, FileStore::Open(location, clock));
    return files;
  }
  CLARY_TRY(S3StoreOptions options, S3Options(location));
  options.patience = patience;
  CLARY_TRY(auto s3, S3Store::Open(std::move(options), clock));
  return s3;
}

}  // namespace clary::objects
