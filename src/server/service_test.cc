#include "server/service.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "clary/embedded.h"
#include "net/client.h"

namespace clary::server {
namespace {

class ServiceTest : public testing::Test {
 protected:
  ServiceTest() { SetLogLevel(LogLevel::kError); }

  Options At(uint16_t port = 0) const {
    return {.home = home_.path() / "state", .port = port, .executable = "/bin/false"};
  }
  std::unique_ptr<Service> Start() {
    auto service = Service::Start(At());
    EXPECT_TRUE(service) << service.error().message;
    return service ? *std::move(service) : nullptr;
  }
  net::Response Send(const Service& service, std::string method, const std::string& target,
                     std::string body = "", std::string scope = "s3") {
    net::ClientRequest request{
        .method = std::move(method), .url = service.endpoint() + target, .body = std::move(body)};
    if (scope == "sagemaker") {
      request.headers.Set("X-Amz-Target", "SageMaker.ListTrainingJobs");
      request.headers.Set("Content-Type", "application/x-amz-json-1.1");
    }
    if (!scope.empty()) {
      net::SignRequest(request,
                       {.access_key = service.account().access_key_id,
                        .secret_key = service.account().secret_access_key,
                        .region = "us-east-1",
                        .service = scope},
                       Clock::System().Now());
    }
    auto response = client_->Send(request);
    EXPECT_TRUE(response) << response.error().message;
    return response ? *std::move(response) : net::Response{.status = 0};
  }

  TempDir home_ = *TempDir::Make();
  std::unique_ptr<net::HttpClient> client_ = *net::HttpClient::Create();
};

TEST_F(ServiceTest, ServesOverHttp) {
  const auto service = Start();
  ASSERT_TRUE(service);
  EXPECT_EQ(Send(*service, "GET", "/health", "", "").status, 200);
  EXPECT_EQ(Send(*service, "PUT", "/bucket").status, 200);
  EXPECT_EQ(Send(*service, "PUT", "/bucket/key", "bytes").status, 200);
  EXPECT_EQ(Send(*service, "GET", "/bucket/key").body, "bytes");
  EXPECT_EQ(Send(*service, "POST", "/", "{}", "sagemaker").status, 200);
  EXPECT_EQ(Send(*service, "GET", "/bucket/key", "", "").status, 403);
}

TEST_F(ServiceTest, OneServiceAStateDirectory) {
  auto first = Start();
  ASSERT_TRUE(first);
  const auto second = Service::Start(At());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kFailedPrecondition);
  EXPECT_EQ(second.error().reason, "AlreadyServing");
  EXPECT_TRUE(second.error().message.contains(first->endpoint())) << second.error().message;
  first->Stop();
  EXPECT_FALSE(std::filesystem::exists(first->home() / "service.json"));
  first.reset();
  EXPECT_TRUE(Start());
}

TEST_F(ServiceTest, RefusesAPortInUseAndANewerState) {
  const auto first = Start();
  ASSERT_TRUE(first);
  const auto port =
      static_cast<uint16_t>(std::stoi(first->endpoint().substr(first->endpoint().rfind(':') + 1)));
  const auto taken = Service::Start({.home = home_.path() / "other", .port = port});
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().reason, "AddressInUse");
  ASSERT_TRUE(WriteFileAtomic(home_.path() / "other" / "version", "2\n"));
  const auto newer = Service::Start({.home = home_.path() / "other", .port = 0});
  ASSERT_FALSE(newer);
  EXPECT_EQ(newer.error().reason, "NewerState");
}

TEST_F(ServiceTest, AKilledServiceLosesNothing) {
  // The child serves until it is killed; the pipe says when it does, and how to reach it.
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto service = Service::Start(At());
    char byte = service ? 'y' : 'n';
    (void)!::write(ends[1], &byte, 1);
    while (true) ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(ends[0], &byte, 1), 1);
  ASSERT_EQ(byte, 'y');
  EXPECT_EQ(Service::Start(At()).error().reason, "AlreadyServing");
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  const auto service = Start();
  ASSERT_TRUE(service);
  const std::string key = service->account().access_key_id;
  EXPECT_EQ(LoadOrCreateAccount(service->home())->access_key_id, key);
  EXPECT_EQ(Send(*service, "PUT", "/bucket").status, 200);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_F(ServiceTest, EnvironmentReachesEveryClient) {
  const auto service = Start();
  ASSERT_TRUE(service);
  std::map<std::string, std::string> env;
  for (auto& [name, value] :
       Environment(service->account(), service->endpoint(), service->home())) {
    env[name] = value;
  }
  EXPECT_EQ(env["AWS_ENDPOINT_URL"], service->endpoint());
  EXPECT_EQ(env["HTTPS_PROXY"], service->endpoint());
  EXPECT_EQ(env["AWS_ACCESS_KEY_ID"], service->account().access_key_id);
  EXPECT_EQ(env["AWS_DEFAULT_REGION"], "us-east-1");
  EXPECT_FALSE(env["NO_PROXY"].contains("amazonaws"));
  const auto bundle = ReadFile(env["AWS_CA_BUNDLE"], 16 << 20);
  ASSERT_TRUE(bundle);
  EXPECT_TRUE(bundle->contains("BEGIN CERTIFICATE"));
}

TEST_F(ServiceTest, Embedded) {
  auto service =
      EmbeddedService::start({.home = home_.path() / "state", .executable = "/bin/true"});
  ASSERT_TRUE(service) << service.error().message;
  EXPECT_TRUE(service->endpoint().starts_with("http://127.0.0.1:"));
  EXPECT_EQ(EmbeddedService::start({.home = home_.path() / "state", .executable = "/bin/true"})
                .error()
                .reason,
            "AlreadyServing");
}

}  // namespace
}  // namespace clary::server
