// Invocations against containers that the test plays, on real sockets.
#include "server/runtime.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <latch>
#include <nlohmann/json.hpp>
#include <thread>

#include "api/server_spec.h"
#include "base/file.h"
#include "base/strings.h"
#include "base/testing/golden.h"
#include "base/testing/manual_clock.h"
#include "net/server.h"
#include "objects/testing/memory_store.h"
#include "server/capture.h"
#include "server/event_stream.h"
#include "server/invocation_metrics.h"
#include "server/shadow_traffic.h"
#include "server/testing/container.h"

namespace clary::server {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

class RuntimeTest : public testing::Test {
 protected:
  RuntimeTest() {
    account_.id = "123456789012";
    SetRoute({.name = "e",
              .in_service = true,
              .variants = {{.name = "AllTraffic",
                            .weight = 1,
                            .containers = {"primary"},
                            .instances = {{"i-1", directory("i-1")}}}}});
  }
  fs::path directory(const std::string& id) const { return temp_.path() / id; }
  void SetRoute(control::EndpointRoute route) {
    auto routes = std::make_shared<control::EndpointRoutes>();
    const std::string name = route.name;
    (*routes)[name] = std::make_shared<control::EndpointRoute>(std::move(route));
    routes_ = routes;
  }
  control::EndpointRoute Route() const { return *routes_->at("e"); }

  Result<net::Response> Invoke(std::map<std::string, std::string> headers = {},
                               const std::string& body = "1,2",
                               std::string_view operation = "InvokeEndpoint",
                               const std::string& endpoint = "e") {
    net::Request request{.method = "POST"};
    for (const auto& [name, value] : headers) request.headers.Set(name, value);
    return front_.Invoke(operation, endpoint, request, body);
  }

  // By name, of all values since the last call.
  std::map<std::string, double> SumsOfMetrics() {
    const auto store = *MetricStore::Open(":memory:");
    metrics_.Flush(*store, true);
    std::map<std::string, double> sums;
    const auto all = *store->List("", "", 0, 100);
    for (const auto& listed : all) {
      const auto samples =
          *store->Read(listed.key, FromMillis(0), clock_.Now() + std::chrono::hours(1));
      for (const MetricSample& sample : samples) sums[listed.key.name] += sample.sum;
    }
    return sums;
  }

  TempDir temp_ = *TempDir::Make();
  Account account_;
  std::shared_ptr<const control::EndpointRoutes> routes_;
  ManualClock clock_;
  InvocationMetrics metrics_{clock_};
  ModelCaller models_{
      {.id = "123456789012", .region = "us-east-1"}, {.timeout = Duration(2'000)}, &metrics_};
  RuntimeFront front_{
      {.id = "123456789012", .region = "us-east-1"},
      {.routes = [this] { return routes_; }, .models = models_, .metrics = &metrics_}};
};

TEST_F(RuntimeTest, AModelOfThisProcessAnswersWhatItCan) {
  int loaded = 0;
  ModelCaller models({.id = "123456789012", .region = "us-east-1"},
                     {.timeout = Duration(2'000),
                      .local = [&](const std::filesystem::path&) -> LocalModel {
                        ++loaded;
                        return [](std::string_view type, std::string_view accept,
                                  std::string_view body) -> std::optional<net::Response> {
                          if (body != "1,2") return std::nullopt;
                          net::Response answer{.body = fmt::format("here {} {}", type, accept)};
                          answer.headers.Set("Content-Type", "text/csv");
                          return answer;
                        };
                      }},
                     nullptr);
  const auto container =
      Container(directory("i-1"), 0, [](net::Request&) { return Text(200, "there"); });
  const control::EndpointRoute route = Route();
  const auto call = [&](std::string_view body, bool stream) {
    ModelRequest asked{.headers = {}, .accept = "a/b", .body = body, .stream = stream};
    asked.headers.Set("Content-Type", "text/csv");
    return models.Call(route, route.variants[0], asked);
  };
  EXPECT_EQ(call("1,2", false)->body, "here text/csv a/b");
  EXPECT_EQ(call("3", false)->body, "there");
  EXPECT_NE(call("1,2", true)->stream, nullptr);  // streams are the instance's
  EXPECT_EQ(loaded, 1);
}

TEST_F(RuntimeTest, AMultiModelEndpointNeedsAndPassesOnTheModelsName) {
  std::atomic<int> asked = 0;
  const auto container = Container(directory("i-1"), 0, [&](net::Request& r) {
    const std::string model(r.headers.Get("X-Amzn-SageMaker-Target-Model"));
    if (model == "a") {
      net::Response answer = Text(200, "answer of a");
      answer.headers.Set(api::kModelLoadHeader,
                         asked++ > 0 ? "hit" : "wait=30 download=10 load=20");
      return answer;
    }
    net::Response none = Text(404, "Failed to download model data");
    if (model == "none") none.headers.Set("X-Clary-Model", "missing");
    return none;
  });
  control::EndpointRoute route = Route();
  route.variants[0].multi_model = true;
  SetRoute(std::move(route));
  const auto first = Invoke({{"X-Amzn-SageMaker-Target-Model", "a"}});
  EXPECT_EQ(first->body, "answer of a");
  EXPECT_FALSE(first->headers.Find(api::kModelLoadHeader));
  EXPECT_EQ(Invoke({{"X-Amzn-SageMaker-Target-Model", "a"}})->body, "answer of a");
  EXPECT_THAT(Invoke().error().message, HasSubstr("is missing a target model header"));
  const auto none = Invoke({{"X-Amzn-SageMaker-Target-Model", "none"}});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().reason, "ValidationError");
  EXPECT_EQ(none.error().message, "Failed to download model data");
  EXPECT_EQ(Invoke({{"X-Amzn-SageMaker-Target-Model", "own"}})->status, 424);
  const auto sums = SumsOfMetrics();
  EXPECT_EQ(sums.at("ModelCacheHit"), 1);
  EXPECT_EQ(sums.at("ModelLoadingWaitTime"), 30);
  EXPECT_EQ(sums.at("ModelDownloadingTime"), 10);
  EXPECT_EQ(sums.at("ModelLoadingTime"), 20);
}

TEST_F(RuntimeTest, AnExplainerIsToldWhatToExplain) {
  const auto container = Container(directory("i-1"), 0, [](net::Request& r) {
    return Text(200, std::string(r.headers.Get("X-Amzn-SageMaker-Enable-Explanations", "none")));
  });
  EXPECT_THAT(Invoke({{"X-Amzn-SageMaker-Enable-Explanations", "`true`"}}).error().message,
              HasSubstr("Endpoint e has no explainer"));
  control::EndpointRoute route = Route();
  route.explains = true;
  SetRoute(std::move(route));
  EXPECT_EQ(Invoke({{"X-Amzn-SageMaker-Enable-Explanations", "`false`"}})->body, "`false`");
  EXPECT_EQ(Invoke()->body, "none");
  EXPECT_THAT(Invoke({}, "", "InvokeEndpointWithResponseStream").error().message,
              HasSubstr("are not streamed"));
}

TEST_F(RuntimeTest, PassesTheRequestAndTheAnswerOn) {
  const auto container = Container(directory("i-1"), 0, [](net::Request& r) {
    net::Response answer =
        Text(200, *ReadAll(*r.body, 100) + "|" + std::string(r.headers.Get("Content-Type")) + "|" +
                      std::string(r.headers.Get("Accept", "none")) + "|" +
                      std::string(r.headers.Get("Authorization", "none")));
    answer.headers.Set("X-Amzn-SageMaker-Custom-Attributes", "b=2");
    EXPECT_EQ(r.headers.Get("X-Amzn-SageMaker-Custom-Attributes"), "a=1");
    EXPECT_EQ(r.path, "/invocations");
    return answer;
  });
  const auto answer = Invoke({{"Content-Type", "text/csv"},
                              {"Authorization", "secret"},
                              {"X-Amzn-SageMaker-Custom-Attributes", "a=1"}});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, "1,2|text/csv|none|none");
  EXPECT_EQ(answer->headers.Get("Content-Type"), "text/csv");
  EXPECT_EQ(answer->headers.Get("x-Amzn-Invoked-Production-Variant"), "AllTraffic");
  EXPECT_EQ(answer->headers.Get("X-Amzn-SageMaker-Custom-Attributes"), "b=2");
}

TEST_F(RuntimeTest, AModelErrorHasItsFiveFields) {
  const auto container = Container(directory("i-1"), 0, [](net::Request& r) {
    const std::string status = *ReadAll(*r.body, 100);
    return Text(std::stoi(status), "bad \"row\"");
  });
  const auto client = Invoke({}, "415");
  ASSERT_TRUE(client);
  EXPECT_EQ(client->status, 424);
  EXPECT_EQ(client->headers.Get("x-amzn-ErrorType"), "ModelError");
  const json body = json::parse(client->body);
  EXPECT_EQ(body["ErrorCode"], "CLIENT_ERROR_FROM_MODEL");
  EXPECT_EQ(body["OriginalStatusCode"], 415);
  EXPECT_EQ(body["OriginalMessage"], "bad \"row\"");
  EXPECT_EQ(body["LogStreamArn"],
            "arn:aws:logs:us-east-1:123456789012:log-group:/aws/sagemaker/Endpoints/e");
  EXPECT_THAT(body["Message"].get<std::string>(),
              testing::StartsWith(
                  "Received client error (415) from primary with message \"bad \"row\"\". See "));
  EXPECT_EQ(json::parse(Invoke({}, "500")->body)["ErrorCode"], "INTERNAL_FAILURE_FROM_MODEL");
  EXPECT_EQ(Invoke({}, "204")->status, 204);
}

TEST_F(RuntimeTest, TellsWhatIsWrongWithTheRequest) {
  const auto says = [&](std::map<std::string, std::string> headers) {
    const auto answer = Invoke(std::move(headers));
    if (answer) return std::string("answered");
    EXPECT_EQ(answer.error().reason, "ValidationError");
    return answer.error().message;
  };
  EXPECT_THAT(says({{"X-Amzn-SageMaker-Target-Variant", "Other"}}), HasSubstr("Other"));
  EXPECT_EQ(says({{"X-Amzn-SageMaker-Target-Model", "m.tar.gz"}}),
            "Endpoint e is not a multi-model endpoint and does not support target model header.");
  EXPECT_THAT(says({{"X-Amzn-SageMaker-Inference-Id", std::string(65, 'x')}}),
              HasSubstr("at 'inferenceId' failed to satisfy constraint"));
  EXPECT_THAT(says({{"X-Amzn-SageMaker-Session-Id", "NEW_SESSION"}}), HasSubstr("SessionId"));
  EXPECT_EQ(Invoke({}, "", "InvokeEndpoint", "missing").error().message,
            "Endpoint missing of account 123456789012 not found.");
  auto route = Route();
  route.in_service = false;
  SetRoute(route);
  EXPECT_EQ(says({}), "Endpoint e of account 123456789012 not found.");
}

TEST_F(RuntimeTest, PicksVariantsByWeightOrByName) {
  std::vector<std::unique_ptr<net::Server>> containers;
  control::EndpointRoute route = Route();
  route.variants.clear();
  for (const std::string name : {"a", "b", "off"}) {
    containers.push_back(
        Container(directory(name), 0, [name](net::Request&) { return Text(200, name); }));
    route.variants.push_back({.name = name,
                              .weight = name == "a"   ? 3.0
                                        : name == "b" ? 1.0
                                                      : 0.0,
                              .containers = {"primary"},
                              .instances = {{name, directory(name)}}});
  }
  SetRoute(route);
  std::map<std::string, int> count;
  for (int i = 0; i < 400; ++i) ++count[Invoke()->body];
  EXPECT_EQ(count["off"], 0);
  EXPECT_GT(count["a"], 240);
  EXPECT_GT(count["b"], 50);
  EXPECT_EQ(Invoke({{"X-Amzn-SageMaker-Target-Variant", "off"}})->body, "off");
  EXPECT_EQ(Invoke({{"X-Amzn-SageMaker-Target-Variant", "b"}})
                ->headers.Get("x-Amzn-Invoked-Production-Variant"),
            "b");
}

TEST_F(RuntimeTest, GoesToAnotherInstanceWhenOneIsGone) {
  auto route = Route();
  route.variants[0].instances.push_back({"i-2", directory("i-2")});
  SetRoute(route);
  std::latch waits(1);
  std::latch go_on(1);
  auto first = Container(directory("i-1"), 0, [&](net::Request& r) {
    if (*ReadAll(*r.body, 100) == "wait") {
      waits.count_down();
      go_on.wait();
    }
    return Text(200, "one");
  });
  auto second = Container(directory("i-2"), 0, [](net::Request&) { return Text(200, "two"); });
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Invoke()->status, 200);
  second->Stop();
  // Control takes the instance out of the routes when it sees the end of it; until then it refuses.
  for (int i = 0; i < 40; ++i) {
    const auto answer = Invoke();
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->body, "one");
  }
  // The one that lives is asked even though the dead one has less to do.
  std::jthread other([&] { EXPECT_EQ(Invoke({}, "wait")->body, "one"); });
  waits.wait();
  EXPECT_EQ(Invoke()->body, "one");
  go_on.count_down();
  other.join();
  first->Stop();
  EXPECT_EQ(Invoke().error().reason, "ServiceUnavailable");
}

TEST_F(RuntimeTest, APipelineHandsOnBodiesAndTypes) {
  auto route = Route();
  route.variants[0].containers = {"container-1", "container-2"};
  SetRoute(route);
  const auto one = Container(directory("i-1"), 0, [](net::Request& r) {
    EXPECT_FALSE(r.headers.Find("Accept").has_value());
    return Text(200, "[" + *ReadAll(*r.body, 100) + "]", "application/json");
  });
  const auto two = Container(directory("i-1"), 1, [](net::Request& r) {
    const std::string body = *ReadAll(*r.body, 100);
    if (body == "[fail]") return Text(415, "no");
    return Text(200, body + std::string(r.headers.Get("Content-Type")) +
                         std::string(r.headers.Get("Accept")));
  });
  EXPECT_EQ(Invoke({{"Accept", "text/csv"}})->body, "[1,2]application/jsontext/csv");
  EXPECT_THAT(Invoke({}, "fail")->body, HasSubstr("from container-2 with message"));
}

TEST_F(RuntimeTest, ASlowContainerIsATimeoutOfTheModel) {
  std::latch release(1);
  const auto container = Container(directory("i-1"), 0, [&](net::Request&) {
    release.wait();
    return Text(200, "late");
  });
  ModelCaller models{account_, {.timeout = Duration(1)}};
  RuntimeFront impatient{account_, {.routes = [this] { return routes_; }, .models = models}};
  const auto answer = impatient.Invoke("InvokeEndpoint", "e", net::Request{}, "1");
  release.count_down();
  ASSERT_TRUE(answer) << answer.error().message;
  const json body = json::parse(answer->body);
  EXPECT_EQ(body["OriginalStatusCode"], 0);
  EXPECT_THAT(body["OriginalMessage"].get<std::string>(),
              testing::StartsWith("Your invocation timed out while waiting for a response from "
                                  "container primary."));
}

TEST_F(RuntimeTest, CountsForCloudWatch) {
  const auto container = Container(directory("i-1"), 0, [](net::Request& r) {
    return Text(std::stoi(*ReadAll(*r.body, 100)), "");
  });
  for (const char* status : {"200", "200", "415", "500"}) EXPECT_TRUE(Invoke({}, status));
  const auto store = *MetricStore::Open(":memory:");
  metrics_.Flush(*store, false);  // the minute has not ended
  const auto read = [&](const char* name) {
    return *store->Read({.space = "AWS/SageMaker",
                         .name = name,
                         .dimensions = {{"EndpointName", "e"}, {"VariantName", "AllTraffic"}}},
                        Time{}, clock_.Now() + std::chrono::hours(1));
  };
  EXPECT_TRUE(read("Invocations").empty());
  clock_.Advance(std::chrono::minutes(1));
  metrics_.Flush(*store, false);
  ASSERT_EQ(read("Invocations").size(), 1U);
  EXPECT_EQ(read("Invocations")[0].sum, 4);
  EXPECT_EQ(read("Invocation4XXErrors")[0].sum, 1);
  EXPECT_EQ(read("Invocation5XXErrors")[0].sum, 1);
  EXPECT_EQ(read("InvocationModelErrors")[0].sum, 2);
  EXPECT_EQ(read("ModelLatency")[0].unit, "Microseconds");
  metrics_.Flush(*store, true);
  EXPECT_EQ(read("Invocations").size(), 1U);
}

TEST_F(RuntimeTest, StreamsParts) {
  const auto container = Container(directory("i-1"), 0, [](net::Request& r) {
    if (*ReadAll(*r.body, 100) == "bad") return Text(400, "bad");
    net::Response answer = Text(200, "");
    answer.stream = NewStringSource("0.5\n");
    return answer;
  });
  auto answer = Invoke({}, "1,2", "InvokeEndpointWithResponseStream");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->headers.Get("Content-Type"), "application/vnd.amazon.eventstream");
  EXPECT_EQ(answer->headers.Get("X-Amzn-SageMaker-Content-Type"), "text/csv");
  EXPECT_EQ(*ReadAll(*answer->stream, 1000),
            EventMessage({{":message-type", "event"},
                          {":event-type", "PayloadPart"},
                          {":content-type", "application/octet-stream"}},
                         "0.5\n"));
  answer->stream.reset();
  EXPECT_EQ(Invoke({}, "bad", "InvokeEndpointWithResponseStream")->status, 424);
}

TEST(Capture, WritesLinesBehindTheAnswers) {
  ManualClock clock;
  objects::MemoryStore store(clock);
  ASSERT_TRUE(store.CreateBucket("bkt", "us-east-1"));
  const control::CaptureRoute route{.input = true,
                                    .output = true,
                                    .percentage = 100,
                                    .destination_uri = "s3://bkt/cap",
                                    .csv_types = {"text/csv"},
                                    .json_types = {"application/json"}};
  const CapturedCall call{.endpoint = "e",
                          .variant = "v",
                          .inference_id = "id-1",
                          .input = {"text/csv; charset=utf-8", "1,2"},
                          .output = {"image/png", "\x01"}};
  {
    Capture capture(store, clock);
    capture.Take(route, call);
    control::CaptureRoute none = route;
    none.percentage = 0;
    for (int i = 0; i < 100; ++i) capture.Take(none, call);
    capture.Take(route, call);
  }
  const auto page = store.List("bkt", {.prefix = "cap/e/v/"});
  ASSERT_TRUE(page);
  std::string all;
  for (const auto& object : page->objects) {
    EXPECT_TRUE(object.key.ends_with(".jsonl")) << object.key;
    all += *ReadAll(*store.Get({"bkt", object.key})->body, 10'000);
  }
  EXPECT_EQ(std::ranges::count(all, '\n'), 2);
  const json line = json::parse(all.substr(0, all.find('\n')));
  EXPECT_EQ(line["captureData"]["endpointInput"],
            json::parse(R"({"observedContentType":"text/csv; charset=utf-8","mode":"INPUT",)"
                        R"("data":"1,2","encoding":"CSV"})"));
  EXPECT_EQ(line["captureData"]["endpointOutput"]["encoding"], "BASE64");
  EXPECT_EQ(line["captureData"]["endpointOutput"]["data"], "AQ==");
  EXPECT_EQ(line["eventMetadata"]["inferenceId"], "id-1");
  EXPECT_EQ(line["eventMetadata"]["inferenceTime"].get<std::string>().size(), 20U);
  EXPECT_EQ(line["eventVersion"], "0");
}

TEST(EventStream, HasTheBytesThatClientsDecoded) {
  const auto path = GoldenPath("wire/serving/response-stream.json");
  std::ifstream in(path);
  if (!in) GTEST_SKIP() << path << " is missing (set CLARY_SHARED)";
  const json golden = json::parse(in);
  auto parts = NewPayloadParts(NewStringSource("0.5\n"));
  const std::string recorded = *HexDecode(golden["payload_part_hex"].get<std::string>());
  const std::string ours = *ReadAll(*parts, 1000);
  EXPECT_EQ(HexEncode(ours), HexEncode(recorded));
  class Broken final : public ByteSource {
    Result<size_t> Read(std::span<char>) override {
      return Fail(Code::kUnavailable, "Disconnected", "boom");
    }
  };
  EXPECT_EQ(HexEncode(*ReadAll(*NewPayloadParts(std::make_unique<Broken>()), 1000)),
            golden["exception_hex"].get<std::string>());
}

TEST_F(RuntimeTest, AServerlessVariantTakesSoManyAtOnce) {
  auto route = Route();
  route.variants[0].max_concurrency = 1;
  SetRoute(route);
  std::latch arrived(1);
  std::latch release(1);
  const auto container = Container(directory("i-1"), 0, [&](net::Request&) {
    arrived.count_down();
    release.wait();
    return Text(200, "done");
  });
  Result<net::Response> first;
  std::jthread asking([&] { first = Invoke(); });
  arrived.wait();
  const auto second = Invoke();
  release.count_down();
  asking.join();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->status, 429);
  EXPECT_EQ(second->headers.Get("x-amzn-ErrorType"), "ThrottlingException");
  EXPECT_THAT(second->body, HasSubstr("Rate exceeded"));
  ASSERT_TRUE(first);
  EXPECT_EQ(first->body, "done");
  EXPECT_EQ(Invoke()->status, 200);  // its place is free again
}

TEST_F(RuntimeTest, AComponentIsAskedByItsName) {
  auto route = Route();
  route.variants.clear();
  route.takes_components = true;
  route.components = {
      {.name = "c", .containers = {"primary"}, .instances = {{"i-1", directory("i-1")}}}};
  SetRoute(route);
  const auto container =
      Container(directory("i-1"), 0, [](net::Request&) { return Text(200, "from c"); });
  const auto answer = Invoke({{"X-Amzn-SageMaker-Inference-Component", "c"}});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "from c");
  EXPECT_THAT(Invoke().error().message,
              testing::StartsWith("Inference Component Name header is required"));
  EXPECT_THAT(Invoke({{"X-Amzn-SageMaker-Inference-Component", "d"}}).error().message,
              HasSubstr("Inference Component d"));
}

TEST_F(RuntimeTest, AShadowGetsACopyAndItsAnswerIsDropped) {
  auto route = Route();
  route.shadows = {{.name = "shadow",
                    .weight = 1,
                    .containers = {"primary"},
                    .instances = {{"i-2", directory("i-2")}}}};
  SetRoute(route);
  const auto production =
      Container(directory("i-1"), 0, [](net::Request&) { return Text(200, "production"); });
  std::latch copied(1);
  std::string body;
  const auto shadow = Container(directory("i-2"), 0, [&](net::Request& r) {
    body = *ReadAll(*r.body, 100) + std::string(r.headers.Get("Content-Type"));
    copied.count_down();
    return Text(500, "shadow");
  });
  ShadowTraffic shadows(models_, nullptr, &metrics_);
  RuntimeFront front{
      account_, {.routes = [this] { return routes_; }, .models = models_, .shadows = &shadows}};
  net::Request request{.method = "POST"};
  request.headers.Set("Content-Type", "text/csv");
  const auto answer = front.Invoke("InvokeEndpoint", "e", request, "1,2");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "production");
  EXPECT_EQ(answer->headers.Get("x-Amzn-Invoked-Production-Variant"), "AllTraffic");
  copied.wait();
  EXPECT_EQ(body, "1,2text/csv");
}

}  // namespace
}  // namespace clary::server
