#include "analyzer/explainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/stream.h"
#include "clary/gbdt.h"

namespace clary::analyzer {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class ExplainerTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(MakeDirectories(dir_.path() / "model"));
    ASSERT_TRUE(MakeDirectories(dir_.path() / "input"));
    options_.environment = {
        {"SAGEMAKER_BASE_DIR", dir_.path().string()},
        {"CLARY_EXPLAINER", R"({"ShapConfig": {"ShapBaselineConfig": {"ShapBaseline": "1,2"}}})"}};
  }
  void PutModel() {
    const auto params =
        gbdt::TrainParams::FromMap({{"objective", "reg:squarederror"}, {"min_child_weight", "0"}});
    const auto data =
        gbdt::Dataset::FromDense({1, 2, 3, 4, 5, 6, 7, 8}, 4, 2, {.label = {1, 1, 2, 2}});
    ASSERT_TRUE(WriteFileAtomic(dir_.path() / "model/xgboost-model",
                                gbdt::Train(*params, *data)->ToUbjson()));
  }
  // A container at a socket of the folder.
  std::unique_ptr<net::Server> Container(const std::string& name, net::Handler handler) {
    const auto path = dir_.path() / name;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(fd.get(), 8), 0);
    auto& upstream = options_.environment["CLARY_UPSTREAM"];
    upstream += (upstream.empty() ? "" : ":") + path.string();
    return net::Server::Start({.listener = std::move(fd)}, std::move(handler)).value();
  }
  net::Response Ask(const std::string& body, const std::string& enable = "") {
    const auto handler = ExplainerHandler(options_);
    EXPECT_TRUE(handler) << handler.error().message;
    net::Request request{.method = "POST", .path = "/invocations"};
    request.headers.Set("Content-Type", "text/csv");
    if (!enable.empty()) request.headers.Set("X-Amzn-SageMaker-Enable-Explanations", enable);
    request.headers.Set("X-Amzn-SageMaker-Target-Model", "m");
    request.body = NewStringSource(body);
    return (*handler)(request);
  }

  TempDir dir_ = TempDir::Make().value();
  serving::ContainerOptions options_{.environment = {}, .cores = 2};
};

TEST_F(ExplainerTest, AModelOfTheBuiltInAlgorithmAnswersHere) {
  PutModel();
  const net::Response answer = Ask("7,8\n1,2\n");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.headers.Get("Content-Type"), "application/json");
  const json body = json::parse(answer.body);
  EXPECT_THAT(body["predictions"]["content_type"].get<std::string>(), HasSubstr("text/csv"));
  const json shap = body["explanations"]["kernel_shap"];
  ASSERT_EQ(shap.size(), 2U);
  EXPECT_GT(shap[0][0]["attributions"][0]["attribution"][0].get<double>(), 0.1);
  EXPECT_EQ(shap[1][0]["attributions"][0]["attribution"][0], 0.0);
  EXPECT_EQ(json::parse(Ask("7,8", "`false`").body)["explanations"], json::object());
  EXPECT_EQ(Ask("7").status, 400);
}

TEST_F(ExplainerTest, ContainersAreAskedOneAfterTheOther) {
  const auto first = Container("a.sock", [](net::Request& request) {
    EXPECT_EQ(request.headers.Get("X-Amzn-SageMaker-Target-Model"), "m");
    net::Response out{.status = 200, .body = *ReadAll(*request.body, 1000)};
    out.headers.Set("Content-Type", "text/plain");
    return out;
  });
  const auto second = Container("b.sock", [](net::Request& request) {
    EXPECT_EQ(request.headers.Get("Content-Type"), "text/plain");
    EXPECT_EQ(request.headers.Get("Accept"), "text/csv");
    const std::string body = *ReadAll(*request.body, 1000);
    if (body.find("9") != std::string::npos) return net::Response{.status = 422, .body = "no 9"};
    net::Response out{.status = 200};
    for (const char c : body) out.body += c == '\n' ? "0.5\n" : "";
    return out;
  });
  EXPECT_EQ(json::parse(Ask("7,8\n").body)["predictions"]["data"], "0.5\n");
  const net::Response refused = Ask("9,8\n");
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(refused.body, "no 9");
}

TEST_F(ExplainerTest, ABaselineFromTheStore) {
  PutModel();
  options_.environment["CLARY_EXPLAINER"] =
      R"({"ShapConfig": {"ShapBaselineConfig": {"ShapBaselineUri": "s3://b/k"}}})";
  EXPECT_THAT(ExplainerHandler(options_).error().message, HasSubstr("the baseline has no rows"));
  ASSERT_TRUE(WriteFileAtomic(dir_.path() / "input/baseline", "1,2\n3,4\n"));
  EXPECT_EQ(Ask("7,8").status, 200);
}

}  // namespace
}  // namespace clary::analyzer
