#include "clary/session.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/strings.h"
#include "client/home.h"
#include "client/internal/session_impl.h"
#include "net/client.h"
#include "objects/s3_store.h"

namespace clary {
namespace {

namespace fs = std::filesystem;

std::string Env(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

// One section of an INI file as AWS's tools write it. A missing file or section has no values.
std::map<std::string, std::string> ReadProfile(const fs::path& path, std::string_view section) {
  std::map<std::string, std::string> values;
  const auto text = ReadFile(path, 1 << 20);
  if (!text) return values;
  bool inside = false;
  for (auto line : Split(*text, '\n')) {
    line = Trim(line);
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[') {
      inside = Trim(line.substr(1, line.find(']') - 1)) == section;
    } else if (const auto equals = line.find('='); inside && equals != std::string_view::npos) {
      values.emplace(Trim(line.substr(0, equals)), Trim(line.substr(equals + 1)));
    }
  }
  return values;
}

std::string FirstOf(std::initializer_list<std::string> values) {
  for (const auto& value : values) {
    if (!value.empty()) return value;
  }
  return {};
}

// Asks STS once who the caller is.
Status EnsureIdentity(Session::Impl& impl) {
  {
    MutexLock lock(impl.mu);
    if (!impl.account.empty()) return {};
  }
  CLARY_TRY(const auto xml, impl.aws.Query(Service::kSts, "GetCallerIdentity", "2011-06-15"));
  const auto account = XmlElementText(xml, "Account");
  if (account.empty()) {
    return Fail(Code::kDataLoss, "BadAnswer", "GetCallerIdentity: the answer names no account");
  }
  MutexLock lock(impl.mu);
  impl.account = account;
  impl.caller_arn = XmlElementText(xml, "Arn");
  return {};
}

// The address first: with a wrong one, keys would be looked for in vain.
Status CheckConnection(const Connection& connection) {
  if (!connection.endpoint.empty()) {
    CLARY_CHECK_OK(objects::S3Store::CheckEndpoint(connection.endpoint));
  }
  if (connection.credentials.access_key.empty() || connection.credentials.secret_key.empty()) {
    return Fail(Code::kUnauthenticated, "NoCredentials",
                "no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, run with `clary "
                "exec -- COMMAND`, or start a service with `clary serve`");
  }
  return {};
}

}  // namespace

Result<Session> Session::open() {
  if (!Env("AWS_ENDPOINT_URL").empty() || !Env("AWS_ACCESS_KEY_ID").empty()) {
    return from_environment();
  }
  auto session = from_home();
  if (session || session.error().reason != "NoService") return session;
  if (auto remote = from_environment()) return remote;  // ~/.aws
  return session;
}

Result<Session> Session::from_environment(const std::optional<std::string>& endpoint) {
  const std::string profile = FirstOf({Env("AWS_PROFILE"), "default"});
  const fs::path aws = fs::path(FirstOf({Env("HOME"), "/"})) / ".aws";
  auto keys =
      ReadProfile(FirstOf({Env("AWS_SHARED_CREDENTIALS_FILE"), aws / "credentials"}), profile);
  auto config = ReadProfile(FirstOf({Env("AWS_CONFIG_FILE"), aws / "config"}),
                            profile == "default" ? profile : "profile " + profile);
  Connection connection{
      .endpoint = endpoint ? *endpoint : FirstOf({Env("AWS_ENDPOINT_URL"), config["endpoint_url"]}),
      .region = FirstOf({Env("AWS_REGION"), Env("AWS_DEFAULT_REGION"), config["region"]}),
      .credentials = {.access_key = Env("AWS_ACCESS_KEY_ID"),
                      .secret_key = Env("AWS_SECRET_ACCESS_KEY"),
                      .session_token = Env("AWS_SESSION_TOKEN")},
      .ca_bundle = FirstOf({Env("AWS_CA_BUNDLE"), config["ca_bundle"]})};
  if (connection.credentials.access_key.empty()) {
    connection.credentials = {.access_key = keys["aws_access_key_id"],
                              .secret_key = keys["aws_secret_access_key"],
                              .session_token = keys["aws_session_token"]};
  }
  CLARY_CHECK_OK(CheckConnection(connection));
  if (connection.region.empty()) {
    return Fail(Code::kFailedPrecondition, "NoRegion",
                "no region: set AWS_DEFAULT_REGION, for example to us-east-1");
  }
  return connect(std::move(connection));
}

Result<Session> Session::from_home(const fs::path& home) {
  const auto dir = client::ResolveHome(home);
  CLARY_TRY(const auto endpoint, client::LiveEndpoint(dir));
  CLARY_TRY(const auto identity, client::ReadIdentity(dir));
  return connect({.endpoint = endpoint,
                  .region = identity.region,
                  .credentials = identity.credentials,
                  .ca_bundle = {}});
}

Result<Session> Session::connect(Connection connection) {
  CLARY_CHECK_OK(CheckConnection(connection));
  CLARY_TRY(auto http, net::HttpClient::Create({.ca_bundle = connection.ca_bundle}));
  std::shared_ptr<net::HttpClient> shared = std::move(http);
  auto s3 = std::make_shared<S3::Impl>();
  s3->region = connection.region;
  const auto& keys = connection.credentials;
  CLARY_TRY(s3->store, objects::S3Store::Open({.endpoint = AwsClient::EndpointOf(connection, "s3"),
                                               .region = connection.region,
                                               .access_key = keys.access_key,
                                               .secret_key = keys.secret_key,
                                               .session_token = keys.session_token,
                                               .virtual_host = connection.endpoint.empty(),
                                               .http = {.ca_bundle = connection.ca_bundle}}));
  return Session(std::make_shared<Impl>(
      AwsClient(std::move(connection), std::move(shared), Clock::System()), std::move(s3)));
}

const std::string& Session::region_name() const { return impl_->aws.connection().region; }
const Connection& Session::connection() const { return impl_->aws.connection(); }
S3 Session::s3() const { return S3(impl_->s3); }

Result<std::string> Session::account_id() const {
  CLARY_CHECK_OK(EnsureIdentity(*impl_));
  MutexLock lock(impl_->mu);
  return impl_->account;
}

Result<std::string> Session::get_execution_role() const {
  CLARY_CHECK_OK(EnsureIdentity(*impl_));
  std::string arn;
  {
    MutexLock lock(impl_->mu);
    arn = impl_->caller_arn;
  }
  // arn:aws:sts::ACCOUNT:assumed-role/NAME/SESSION
  constexpr std::string_view kAssumed = ":assumed-role/";
  if (const auto at = arn.find(kAssumed); at != std::string::npos) {
    const auto name_at = at + kAssumed.size();
    const auto name = arn.substr(name_at, arn.find('/', name_at) - name_at);
    const auto parts = Split(std::string_view(arn).substr(0, at), ':');
    return "arn:" + std::string(parts.size() > 1 ? parts[1] : "aws") +
           ":iam::" + std::string(parts.back()) + ":role/" + name;
  }
  if (arn.find(":role/") != std::string::npos) return arn;
  return Fail(Code::kFailedPrecondition, "NotARole",
              "the caller " + arn + " is not a role: pass the ARN of a role that training may use");
}

Result<std::string> Session::default_bucket() const {
  CLARY_TRY(const auto account, account_id());
  std::string name = "sagemaker-" + region_name() + "-" + account;
  auto& store = *impl_->s3->store;
  if (const auto found = store.HeadBucket(name); !found) {
    if (found.error().code != Code::kNotFound) return std::unexpected(found.error());
    CLARY_CHECK_OK(s3().create_bucket(name));
  }
  return name;
}

Result<std::string> Session::upload_data(const fs::path& path, std::string bucket,
                                         const std::string& key_prefix) const {
  if (bucket.empty()) {
    CLARY_TRY(bucket, default_bucket());
  }
  const S3Uri prefix{.bucket = std::move(bucket), .key = key_prefix};
  std::error_code ec;
  if (!fs::is_directory(path, ec)) {
    const auto to = prefix.join(path.filename().string());
    CLARY_CHECK_OK(s3().upload_file(path, to));
    return to.str();
  }
  for (auto it = fs::recursive_directory_iterator(path, ec);
       !ec && it != fs::recursive_directory_iterator(); it.increment(ec)) {
    if (!it->is_regular_file(ec)) continue;
    CLARY_CHECK_OK(s3().upload_file(
        it->path(), prefix.join(it->path().lexically_relative(path).generic_string())));
  }
  if (ec) return std::unexpected(ErrnoError(ec.value(), "reading " + path.string()));
  return prefix.str();
}

Result<std::string> Session::upload_string_as_file_body(std::string body, const std::string& bucket,
                                                        const std::string& key) const {
  const S3Uri uri{.bucket = bucket, .key = key};
  CLARY_CHECK_OK(s3().write(uri, std::move(body)));
  return uri.str();
}

Result<std::vector<fs::path>> Session::download_data(const fs::path& directory,
                                                     const std::string& bucket,
                                                     const std::string& key_prefix) const {
  CLARY_TRY(const auto listing, s3().list({.bucket = bucket, .key = key_prefix}));
  std::vector<fs::path> files;
  for (const auto& object : listing.objects) {
    if (object.key.ends_with('/')) continue;
    CLARY_TRY(const auto below, client::PathBelow(object.key, key_prefix));
    files.push_back(directory / below);
    CLARY_CHECK_OK(s3().download_file({.bucket = bucket, .key = object.key}, files.back()));
  }
  if (files.empty()) {
    return Fail(Code::kNotFound, "NoSuchKey",
                "there is no object below " + S3Uri{.bucket = bucket, .key = key_prefix}.str());
  }
  return files;
}

Result<std::string> Session::request(std::string_view operation, std::string_view json) const {
  const auto body = nlohmann::json::parse(json, nullptr, false);
  if (!body.is_object()) {
    return Fail(Code::kInvalidArgument, "BadJson",
                std::string(operation) + ": the request is not a JSON object");
  }
  CLARY_TRY(const auto answer, impl_->aws.Json(Service::kSageMaker, operation, body));
  return answer.dump();
}

}  // namespace clary
