// Asynchronous invocations against containers that the test plays, on real sockets.
#include "server/async.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <latch>
#include <nlohmann/json.hpp>

#include "base/mutex.h"
#include "base/testing/manual_clock.h"
#include "meta/sqlite_store.h"
#include "objects/testing/memory_store.h"
#include "server/capture.h"
#include "server/invocation_metrics.h"
#include "server/testing/container.h"

namespace clary::server {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

// An object store that tells of each put.
class Watched : public objects::MemoryStore {
 public:
  using MemoryStore::MemoryStore;
  Result<objects::ObjectInfo> Put(const objects::ObjectRef& ref, ByteSource& body,
                                  const objects::PutOptions& options) override {
    auto put = MemoryStore::Put(ref, body, options);
    {
      const MutexLock lock(mu_);
      ++puts_;
    }
    changed_.notify_all();
    return put;
  }
  // Waits for the object, and gives its text.
  std::string Await(const std::string& uri) {
    const auto ref = *objects::ObjectRef::ParseUri(uri);
    MutexLock lock(mu_);
    for (;;) {
      auto got = Get(ref);
      if (got) return *ReadAll(*got->body, 1 << 20);
      changed_.wait(lock, [this, seen = puts_] { return puts_ != seen; });
    }
  }
  Mutex mu_;
  std::condition_variable_any changed_;
  int puts_ GUARDED_BY(mu_) = 0;
};

class AsyncTest : public testing::Test {
 protected:
  AsyncTest() {
    EXPECT_TRUE(objects_.CreateBucket("bkt", "us-east-1"));
    SetRoute({.name = "e",
              .in_service = true,
              .variants = {{.name = "v",
                            .weight = 1,
                            .containers = {"primary"},
                            .instances = {{"i-1", temp_.path() / "i-1"}}}},
              .async = control::AsyncRoute{.output_uri = "s3://bkt/out",
                                           .failure_uri = "s3://bkt/failed"}});
    Open();
  }
  void SetRoute(control::EndpointRoute route) {
    auto routes = std::make_shared<control::EndpointRoutes>();
    (*routes)[route.name] = std::make_shared<control::EndpointRoute>(route);
    routes_.store(routes);
  }
  void SetNoRoutes() { routes_.store(std::make_shared<control::EndpointRoutes>()); }
  control::EndpointRoute Route() const { return *routes_.load()->at("e"); }
  void Open(AsyncLimits limits = {.retry = Duration(0)}) {
    async_.reset();
    async_ = *AsyncInvocations::Open({.routes = [this] { return routes_.load(); },
                                      .models = models_,
                                      .objects = objects_,
                                      .records = *records_,
                                      .logs = logs_,
                                      .metrics = metrics_,
                                      .clock = clock_,
                                      .capture = capture_.get(),
                                      .notify = temp_.path() / "notify.json"},
                                     limits);
  }
  Result<net::Response> Take(const std::map<std::string, std::string>& headers,
                             const std::string& body = "") {
    net::Request request{.method = "POST"};
    for (const auto& [name, value] : headers) {
      request.headers.Set(
          name.contains('-') && !name.starts_with("I") ? name : "X-Amzn-SageMaker-" + name, value);
    }
    return async_->Take(Route(), request, body);
  }
  void PutInput(const std::string& text) {
    objects::PutOptions options;
    options.headers["content-type"] = "text/csv";
    ASSERT_TRUE(objects_.Put(*objects::ObjectRef::ParseUri("s3://bkt/in.csv"),
                             *NewStringSource(text), options));
  }
  size_t Kept() {
    return static_cast<meta::MetadataStore&>(*records_).List("async_invocations")->size();
  }

  TempDir temp_ = *TempDir::Make();
  ManualClock clock_;
  Watched objects_{clock_};
  std::unique_ptr<meta::SqliteStore> records_ = *meta::SqliteStore::Open(":memory:");
  meta::LogStore logs_{temp_.path() / "logs"};
  InvocationMetrics metrics_{clock_};
  ModelCaller models_{{.id = "123456789012"}};
  std::atomic<std::shared_ptr<const control::EndpointRoutes>> routes_;
  std::unique_ptr<Capture> capture_;  // none, but where a test makes it
  std::unique_ptr<AsyncInvocations> async_;
};

TEST_F(AsyncTest, AnswersAreObjectsOfTheContainersType) {
  const auto container = Container(temp_.path() / "i-1", 0, [](net::Request& r) {
    return Text(200, *ReadAll(*r.body, 100) + "|" + std::string(r.headers.Get("Content-Type")),
                "application/json");
  });
  PutInput("1,2");
  const auto taken = Take({{"InputLocation", "s3://bkt/in.csv"}, {"Inference-Id", "one"}});
  ASSERT_TRUE(taken) << taken.error().message;
  EXPECT_EQ(taken->status, 202);
  EXPECT_EQ(json::parse(taken->body), json({{"InferenceId", "one"}}));
  EXPECT_EQ(taken->headers.Get("X-Amzn-SageMaker-OutputLocation"), "s3://bkt/out/one.out");
  EXPECT_EQ(taken->headers.Get("X-Amzn-SageMaker-FailureLocation"),
            "s3://bkt/failed/one-error.out");
  EXPECT_EQ(objects_.Await("s3://bkt/out/one.out"), "1,2|text/csv");
  EXPECT_EQ(objects_.Head({"bkt", "out/one.out"})->headers.at("content-type"), "application/json");
  const auto inlined = Take({{"Inference-Id", "two"}, {"Content-Type", "text/libsvm"}}, "body");
  ASSERT_TRUE(inlined) << inlined.error().message;
  EXPECT_EQ(objects_.Await("s3://bkt/out/two.out"), "body|text/libsvm");
  async_.reset();  // joins the workers
  EXPECT_EQ(Kept(), 0U);
}

TEST_F(AsyncTest, FailuresAreObjectsInTheContainersWords) {
  const auto container =
      Container(temp_.path() / "i-1", 0, [](net::Request&) { return Text(415, "no such type"); });
  PutInput("1");
  ASSERT_TRUE(Take({{"InputLocation", "s3://bkt/in.csv"}, {"Inference-Id", "x"}}));
  EXPECT_THAT(objects_.Await("s3://bkt/failed/x-error.out"), HasSubstr("no such type"));
  ASSERT_TRUE(Take({{"InputLocation", "s3://bkt/none"}, {"Inference-Id", "y"}}));
  EXPECT_THAT(objects_.Await("s3://bkt/failed/y-error.out"),
              HasSubstr("Failed to download the input s3://bkt/none"));
  const auto lines = logs_.Streams("/aws/sagemaker/Endpoints/e", "");
  ASSERT_TRUE(lines);
  EXPECT_EQ(lines->at(0).name, "async/data-log");
}

TEST_F(AsyncTest, WhatWaitsSurvivesTheProcess) {
  auto route = Route();
  route.variants[0].instances.clear();  // scaled to zero
  SetRoute(route);
  PutInput("kept");
  ASSERT_TRUE(Take({{"InputLocation", "s3://bkt/in.csv"}, {"Inference-Id", "a"}}));
  ASSERT_TRUE(Take({{"Inference-Id", "b"}}, "inline"));
  EXPECT_EQ(async_->Waiting("e"), 2U);
  async_.reset();
  EXPECT_EQ(Kept(), 2U);
  const auto container = Container(temp_.path() / "i-1", 0,
                                   [](net::Request& r) { return Text(200, *ReadAll(*r.body, 9)); });
  route.variants[0].instances = {{"i-1", temp_.path() / "i-1"}};
  SetRoute(route);
  Open();
  EXPECT_EQ(objects_.Await("s3://bkt/out/a.out"), "kept");
  EXPECT_EQ(objects_.Await("s3://bkt/out/b.out"), "inline");
}

TEST_F(AsyncTest, ARequestUnderWayIsBrokenOffAndAskedAgain) {
  std::latch arrived(1);
  std::latch release(1);
  std::atomic<int> asked = 0;
  const auto container = Container(temp_.path() / "i-1", 0, [&](net::Request&) {
    if (asked++ == 0) {
      arrived.count_down();
      release.wait();
    }
    return Text(200, "answer");
  });
  ASSERT_TRUE(Take({{"Inference-Id", "a"}}, "1"));
  arrived.wait();
  async_.reset();  // does not wait for the model
  EXPECT_EQ(Kept(), 1U);
  release.count_down();
  Open();
  EXPECT_EQ(objects_.Await("s3://bkt/out/a.out"), "answer");
}

TEST_F(AsyncTest, AsManyAtOnceAsTheEndpointSays) {
  auto route = Route();
  route.async->max_concurrency = 2;
  SetRoute(route);
  std::latch two(2);
  std::latch release(1);
  std::atomic<int> at_once = 0;
  std::atomic<int> most = 0;
  const auto container = Container(temp_.path() / "i-1", 0, [&](net::Request&) {
    const int now = ++at_once;
    if (now > most) most = now;
    if (now <= 2) two.count_down();
    release.wait();
    --at_once;
    return Text(200, "x");
  });
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(Take({{"Inference-Id", std::to_string(i)}}, "1"));
  }
  two.wait();
  release.count_down();
  for (int i = 0; i < 6; ++i) objects_.Await("s3://bkt/out/" + std::to_string(i) + ".out");
  EXPECT_LE(most, 2);
}

TEST_F(AsyncTest, ARequestExpires) {
  auto route = Route();
  route.variants[0].instances.clear();
  SetRoute(route);
  ASSERT_TRUE(Take({{"Inference-Id", "late"}, {"RequestTTLSeconds", "60"}}, "1"));
  async_->LookAtTheTime();
  EXPECT_EQ(async_->Waiting("e"), 1U);
  clock_.Advance(std::chrono::seconds(61));
  async_->LookAtTheTime();
  EXPECT_EQ(async_->Waiting("e"), 0U);
  EXPECT_THAT(objects_.Await("s3://bkt/failed/late-error.out"), HasSubstr("RequestTTLSeconds"));
  EXPECT_EQ(Kept(), 0U);
}

TEST_F(AsyncTest, ADeletedEndpointFailsWhatWaits) {
  auto route = Route();
  route.variants[0].instances.clear();
  SetRoute(route);
  ASSERT_TRUE(Take({{"Inference-Id", "orphan"}}, "1"));
  SetNoRoutes();
  EXPECT_THAT(objects_.Await("s3://bkt/failed/orphan-error.out"), HasSubstr("was deleted"));
}

TEST_F(AsyncTest, AnInstanceThatBreaksOffIsAskedThreeTimes) {
  std::atomic<int> asked = 0;
  const auto container = Container(temp_.path() / "i-1", 0, [&](net::Request&) -> net::Response {
    ++asked;
    // A stream that fails at once, behind its head, cuts the connection.
    class Broken final : public ByteSource {
      Result<size_t> Read(std::span<char> buffer) override {
        if (std::exchange(begun_, true)) return Fail(Code::kInternal, "Broken", "");
        buffer[0] = 'x';
        return 1;
      }
      bool begun_ = false;
    };
    net::Response response = Text(200, "");
    response.stream = std::make_unique<Broken>();
    response.stream_length = 10;
    return response;
  });
  ASSERT_TRUE(Take({{"Inference-Id", "b"}}, "1"));
  EXPECT_THAT(objects_.Await("s3://bkt/failed/b-error.out"), HasSubstr("did not answer"));
  EXPECT_EQ(asked, 3);
}

TEST_F(AsyncTest, AnswersAreCaptured) {
  auto route = Route();
  route.capture = control::CaptureRoute{.input = true,
                                        .output = true,
                                        .percentage = 100,
                                        .destination_uri = "s3://bkt/captured",
                                        .csv_types = {"text/csv"}};
  SetRoute(route);
  capture_ = std::make_unique<Capture>(objects_, clock_);
  Open();
  const auto container = Container(temp_.path() / "i-1", 0, [](net::Request& r) {
    return Text(200, "answer to " + ReadAll(*r.body, 8 << 20)->substr(0, 9));
  });
  PutInput("1,2");
  ASSERT_TRUE(Take({{"InputLocation", "s3://bkt/in.csv"}, {"Inference-Id", "object"}}));
  ASSERT_TRUE(Take({{"Inference-Id", "inline"}, {"Content-Type", "text/csv"}}, "3,4"));
  objects_.Await("s3://bkt/out/object.out");
  objects_.Await("s3://bkt/out/inline.out");
  PutInput(std::string((4 << 20) + 1, '1'));
  ASSERT_TRUE(Take({{"InputLocation", "s3://bkt/in.csv"}, {"Inference-Id", "long"}}));
  objects_.Await("s3://bkt/out/long.out");
  async_.reset();
  capture_.reset();  // writes what it has
  std::string lines;
  const auto page = objects_.List("bkt", {.prefix = "captured/e/v/"});
  ASSERT_TRUE(page);
  for (const auto& object : page->objects) {
    lines += *ReadAll(*objects_.Get({"bkt", object.key})->body, 1 << 20);
  }
  EXPECT_THAT(lines, HasSubstr(R"("mode":"INPUT","data":"1,2","encoding":"CSV")"));
  EXPECT_THAT(lines, HasSubstr(R"("mode":"OUTPUT","data":"answer to 3,4","encoding":"CSV")"));
  EXPECT_THAT(lines, HasSubstr(R"("inferenceId":"object")"));
  EXPECT_THAT(lines, testing::Not(HasSubstr(R"("inferenceId":"long")")));
}

TEST_F(AsyncTest, TopicsAreTold) {
  Mutex mu;
  std::condition_variable_any changed;
  std::vector<json> told;
  const auto webhook = *net::Server::Start({}, [&](net::Request& r) {
    {
      const MutexLock lock(mu);
      told.push_back(json::parse(*ReadAll(*r.body, 1 << 16)));
    }
    changed.notify_all();
    return net::Response{.status = 204};
  });
  const auto next = [&](size_t count) {
    MutexLock lock(mu);
    changed.wait(lock, [&] { return told.size() >= count; });
    return told[count - 1];
  };
  ASSERT_TRUE(WriteFileAtomic(
      temp_.path() / "notify.json",
      json{{"webhook", "http://127.0.0.1:" + std::to_string(webhook->port())}}.dump()));
  auto route = Route();
  route.async->success_topic = "arn:aws:sns:us-east-1:123456789012:good";
  route.async->error_topic = "arn:aws:sns:us-east-1:123456789012:bad";
  SetRoute(route);
  std::atomic<int> status = 200;
  const auto container = Container(temp_.path() / "i-1", 0, [&](net::Request&) {
    return Text(status, "because", "application/json");
  });
  PutInput("1");
  ASSERT_TRUE(Take({{"InputLocation", "s3://bkt/in.csv"}, {"Inference-Id", "a"}}));
  const json good = next(1);
  EXPECT_EQ(good["Type"], "Notification");
  EXPECT_EQ(good["TopicArn"], "arn:aws:sns:us-east-1:123456789012:good");
  const json message = json::parse(good["Message"].get<std::string>());
  EXPECT_EQ(message["invocationStatus"], "Completed");
  EXPECT_EQ(message["awsRegion"], "us-east-1");
  EXPECT_EQ(message["inferenceId"], "a");
  EXPECT_EQ(message["requestParameters"],
            json({{"endpointName", "e"}, {"inputLocation", "s3://bkt/in.csv"}}));
  EXPECT_EQ(message["responseParameters"],
            json({{"contentType", "application/json"}, {"outputLocation", "s3://bkt/out/a.out"}}));
  status = 400;
  ASSERT_TRUE(Take({{"InputLocation", "s3://bkt/in.csv"}, {"Inference-Id", "b"}}));
  const json bad = json::parse(next(2)["Message"].get<std::string>());
  EXPECT_EQ(bad["invocationStatus"], "Failed");
  EXPECT_THAT(bad["failureReason"].get<std::string>(), HasSubstr("because"));
  async_->TestTopic("e", "arn:aws:sns:us-east-1:123456789012:good");
  const json test = json::parse(next(3)["Message"].get<std::string>());
  EXPECT_EQ(test["eventName"], "TestNotification");
  EXPECT_EQ(test["requestParameters"], json({{"endpointName", "e"}}));
  // Without a webhook the endpoint's log says so.
  std::filesystem::remove(temp_.path() / "notify.json");
  ASSERT_TRUE(Take({{"InputLocation", "s3://bkt/in.csv"}, {"Inference-Id", "c"}}));
  objects_.Await("s3://bkt/failed/c-error.out");
}

TEST_F(AsyncTest, WhatIsWrongIsRefused) {
  const auto refused = [&](const std::map<std::string, std::string>& headers,
                           const std::string& body = "") {
    const auto taken = Take(headers, body);
    return taken ? "taken" : taken.error().reason + ": " + taken.error().message;
  };
  EXPECT_THAT(refused({}), HasSubstr("needs an InputLocation or a body"));
  EXPECT_THAT(refused({{"InputLocation", "s3://bkt/k"}}, "x"), HasSubstr("send one"));
  EXPECT_THAT(refused({}, std::string(128'001, 'x')), HasSubstr("128001 bytes"));
  EXPECT_THAT(refused({{"InputLocation", "https://x/y"}}), HasSubstr("s3://bucket/key"));
  EXPECT_THAT(refused({{"InputLocation", "s3://bkt/"}}), HasSubstr("s3://bucket/key"));
  EXPECT_THAT(refused({{"RequestTTLSeconds", "59"}}, "x"), HasSubstr("from 60 to 21600"));
  EXPECT_THAT(refused({{"InvocationTimeoutSeconds", "x"}}, "x"), HasSubstr("from 1 to 3600"));
  EXPECT_THAT(refused({{"Filename", "f"}}, "x"), HasSubstr("Filename is not supported"));
  EXPECT_EQ(Kept(), 0U);
}

TEST_F(AsyncTest, TheQueueIsBounded) {
  auto route = Route();
  route.variants[0].instances.clear();
  SetRoute(route);
  Open({.per_endpoint = 2});
  ASSERT_TRUE(Take({}, "1"));
  ASSERT_TRUE(Take({}, "2"));
  EXPECT_EQ(Take({}, "3").error().reason, "ThrottlingException");
}

}  // namespace
}  // namespace clary::server
