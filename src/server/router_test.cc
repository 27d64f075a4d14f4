// Conversations of tests/wire/server/*.txt through the Router, and what text cannot say.
//
//   > POST /                       a request: method and target, headers, empty line, body
//   > Sign: sts                    signed for that service with the default key; a second word is
//                                  a fault: wrong, unknown, stale, expired, token; or session
//                                  or federated for a temporary key, job for a job's
//   < 403                          the status; then headers and, after an empty line, texts that
//   < x-amzn-RequestId: *          the body must contain. '*' stands for anything, ${account},
//   <                              ${key} and ${role} for the world's, ${now}, ${old} and ${late}
//   <                              for times in ms.
//   < <Code>SignatureDoesNotMatch</Code>
//
// Requests without a Sign line are not signed. '# ' begins a comment.
#include "server/router.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <latch>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/hash.h"
#include "base/strings.h"
#include "base/testing/manual_clock.h"
#include "control/service.h"
#include "exec/testing/fake_executor.h"
#include "meta/testing/stores.h"
#include "net/client.h"
#include "net/server.h"
#include "net/sigv4.h"
#include "objects/s3_front.h"
#include "objects/testing/memory_store.h"
#include "server/documents.h"
#include "server/served.h"
#include "server/testing/container.h"

namespace clary::server {
namespace {

namespace fs = std::filesystem;
constexpr char kGroup[] = "/aws/sagemaker/TrainingJobs";

// A service without sockets, processes and real time.
struct World {
  TempDir dir = *TempDir::Make();
  ManualClock clock;
  meta::MemoryStore records;
  objects::MemoryStore objects{clock};
  exec::FakeExecutor executor;
  meta::LogStore logs{dir.path() / "logs"};
  std::unique_ptr<Identity> identity = *Identity::Open(dir.path(), records, clock);
  std::unique_ptr<IamFront> iam = *IamFront::Open(*identity, records, clock);
  StsFront sts{*identity, *iam};
  std::unique_ptr<LogsFront> logs_front =
      *LogsFront::Open(logs, records, identity->account(), clock);
  std::unique_ptr<MetricStore> metrics = *MetricStore::Open(":memory:");
  std::unique_ptr<CloudWatchFront> cloudwatch = *CloudWatchFront::Open(
      {.series = [](const std::string& job, std::string_view name) { return Series(job, name); },
       .jobs = [] { return std::vector<std::string>{"job-1"}; }},
      *metrics, records, identity->account(), clock);
  KmsFront kms{records, identity->account(), clock};
  objects::S3Front s3{objects};
  std::shared_ptr<const control::EndpointRoutes> routes =
      std::make_shared<control::EndpointRoutes>();
  ModelCaller models{identity->account()};
  RuntimeFront runtime{identity->account(),
                       {.routes = [this] { return routes; }, .models = models}};
  std::unique_ptr<control::Service> control = *control::Service::Start(
      {.records = records, .objects = objects, .executor = executor, .logs = logs, .clock = clock},
      {.account_id = identity->account().id,
       .jobs_directory = dir.path() / "jobs",
       .object_root = dir.path() / "objects",
       .runner_command = {"/bin/false"},
       .rule_command = {"/bin/false"},
       .model_server_command = {"/bin/false"},
       .transform_command = {"/bin/false"},
       .start_reconciler = false});
  std::unique_ptr<AutoscalingFront> autoscaling =
      *AutoscalingFront::Open({.sagemaker =
                                   [this](std::string_view operation, const nlohmann::json& input) {
                                     return control->Handle(operation, input);
                                   },
                               .metrics = *metrics,
                               .records = records,
                               .clock = clock},
                              identity->account());
  Router router{{.identity = *identity,
                 .clock = clock,
                 .iam = *iam,
                 .sts = sts,
                 .logs = *logs_front,
                 .cloudwatch = *cloudwatch,
                 .kms = kms,
                 .autoscaling = *autoscaling,
                 .runtime = runtime,
                 .s3 = s3,
                 .sagemaker = [this](std::string_view operation, std::string_view body) {
                   return control->Call(operation, body);
                 }}};

  World() {
    auto writer = meta::LogWriter::Open(logs.root(), kGroup, "job-1/algo-1-100");
    EXPECT_TRUE(writer);
    EXPECT_TRUE(writer->Append(
        {{1000, "[0]\ttrain-auc:0.5"}, {2000, "[1]\ttrain-auc:0.6"}, {2000, "same ms"}}));
    auto other = meta::LogWriter::Open(logs.root(), kGroup, "job-2/algo-1-100");
    EXPECT_TRUE(other->Append({{1500, "other"}}));
  }

  static Result<std::vector<control::MetricSeries>> Series(const std::string& job,
                                                           std::string_view name) {
    if (job != "job-1") return Fail(Code::kNotFound, "ResourceNotFound", "no job " + job);
    std::vector<control::MetricSeries> all = {
        {"validation:auc",
         {{FromMillis(60'000), 0.5}, {FromMillis(90'000), 0.7}, {FromMillis(120'000), 0.75}}},
        {"train:auc", {{FromMillis(60'000), 0.9}}}};
    if (!name.empty()) {
      std::erase_if(all, [&](const auto& series) { return series.name != name; });
    }
    return all;
  }

  // A request signed for `service` with the fault that `how` names; unsigned if it is empty.
  net::Request Sign(net::Request request, const std::string& body, const std::string& service,
                    const std::string& how) {
    request.query = net::ParseQuery(request.raw_query).value_or(net::Query());
    if (!request.headers.Find("Host")) request.headers.Set("Host", "127.0.0.1:8460");
    request.host = ToLower(request.headers.Get("Host"));
    request.host = request.host.substr(0, request.host.find(':'));
    request.content_length = body.size();
    request.body = NewStringSource(body);
    if (service.empty()) return request;
    net::Signer signer{.access_key = identity->account().access_key_id,
                       .secret_key = identity->account().secret_access_key,
                       .region = "us-east-1",
                       .service = service};
    Time now = clock.Now();
    if (how == "wrong") signer.secret_key += "x";
    if (how == "unknown") signer.access_key = "AKIAUNKNOWN";
    if (how == "stale") now -= std::chrono::minutes(16);
    if (how == "session" || how == "expired" || how == "token" || how == "federated" ||
        how == "job") {
      const AccessKey key =
          *identity->CreateSession(how == "federated" ? "" : "ClaryExecutionRole", "test",
                                   Duration(1'000'000), how == "job" ? "arn:job" : "");
      signer.access_key = key.id;
      signer.secret_key = key.secret;
      signer.session_token = how == "token" ? "bogus" : key.session_token;
      if (how == "expired") clock.Advance(Duration(1'000'001));
      now = clock.Now();
    }
    const auto add = net::SignHeaders(signer,
                                      {.method = request.method,
                                       .path = request.path,
                                       .raw_query = request.raw_query,
                                       .headers = &request.headers},
                                      HexEncode(Sha256(body)), now);
    for (const auto& [name, value] : add.all()) request.headers.Set(name, value);
    return request;
  }
};

// Glob: '*' is any text.
bool Matches(std::string_view pattern, std::string_view text) {
  const size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text;
  if (!text.starts_with(pattern.substr(0, star))) return false;
  const std::string_view rest = pattern.substr(star + 1);
  for (size_t i = star; i <= text.size(); ++i) {
    if (Matches(rest, text.substr(i))) return true;
  }
  return false;
}

class Wire : public testing::TestWithParam<std::string> {
 protected:
  struct Message {
    std::string first;
    std::vector<std::pair<std::string, std::string>> headers;
    std::vector<std::string> body;
    int line = 0;
  };

  // Consecutive lines with the same mark are one message.
  static std::vector<std::pair<char, Message>> Read(const fs::path& path) {
    std::ifstream in(path);
    std::vector<std::pair<char, Message>> out;
    std::string text;
    char last = 0;
    bool in_body = false;
    for (int number = 1; std::getline(in, text); ++number) {
      if (text.empty() || text[0] == '#') {
        last = 0;
        continue;
      }
      const char mark = text[0];
      std::string rest = text.size() > 2 ? text.substr(2) : "";
      if (mark != last) {
        out.push_back({mark, {.first = rest, .line = number}});
        last = mark;
        in_body = false;
      } else if (in_body) {
        out.back().second.body.push_back(rest);
      } else if (rest.empty()) {
        in_body = true;
      } else {
        const size_t colon = rest.find(": ");
        out.back().second.headers.emplace_back(rest.substr(0, colon), rest.substr(colon + 2));
      }
    }
    return out;
  }

  std::string Fill(std::string text) {
    const Account& account = world_.identity->account();
    const int64_t now = ToMillis(world_.clock.Now());
    constexpr int64_t kDay = 86'400'000;
    for (const auto& [name, value] : {std::pair<std::string, std::string>{"${account}", account.id},
                                      {"${key}", account.access_key_id},
                                      {"${role}", account.role_arn},
                                      {"${now}", std::to_string(now)},
                                      {"${old}", std::to_string(now - 15 * kDay)},
                                      {"${late}", std::to_string(now + kDay)}}) {
      for (size_t at; (at = text.find(name)) != std::string::npos;) {
        text.replace(at, name.size(), value);
      }
    }
    return text;
  }

  net::Response Send(const Message& message) {
    net::Request request;
    const size_t space = message.first.find(' ');
    request.method = message.first.substr(0, space);
    const std::string target = Fill(message.first.substr(space + 1));
    const size_t query = target.find('?');
    request.path = target.substr(0, query);
    if (query != std::string::npos) request.raw_query = target.substr(query + 1);
    std::string service, how;
    for (const auto& [name, value] : message.headers) {
      if (name != "Sign") {
        request.headers.Add(name, value);
        continue;
      }
      service = value.substr(0, value.find(' '));
      if (service.size() < value.size()) how = value.substr(service.size() + 1);
    }
    std::string body;
    for (const std::string& line : message.body) body += Fill(line);
    request = world_.Sign(std::move(request), body, service, how);
    net::Response response = world_.router.Handle(request);
    if (response.stream) response.body = ReadAll(*response.stream, 1 << 20).value_or("unreadable");
    return response;
  }

  World world_;
};

TEST_P(Wire, Conversation) {
  const fs::path path = fs::path(CLARY_WIRE_DIR) / (GetParam() + ".txt");
  net::Response response;
  size_t checks = 0;
  for (const auto& [mark, message] : Read(path)) {
    const std::string where = GetParam() + ".txt:" + std::to_string(message.line);
    if (mark == '>') {
      response = Send(message);
      continue;
    }
    ASSERT_EQ(mark, '<') << where;
    ++checks;
    EXPECT_EQ(std::to_string(response.status), message.first) << where << "\n" << response.body;
    for (const auto& [name, value] : message.headers) {
      EXPECT_TRUE(response.headers.Find(name)) << where << ": no header " << name;
      EXPECT_TRUE(Matches(Fill(value), response.headers.Get(name)))
          << where << ": " << name << ": " << response.headers.Get(name);
    }
    for (const std::string& text : message.body) {
      EXPECT_TRUE(Matches("*" + Fill(text) + "*", response.body))
          << where << ": " << text << "\nis not in: " << response.body;
    }
  }
  EXPECT_GT(checks, 0u);
}

std::vector<std::string> Conversations() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(CLARY_WIRE_DIR)) {
    names.push_back(entry.path().stem().string());
  }
  std::ranges::sort(names);
  return names;
}
INSTANTIATE_TEST_SUITE_P(Files, Wire, testing::ValuesIn(Conversations()),
                         [](const auto& param) { return param.param; });

nlohmann::json CallLogs(World& world, const std::string& operation, const nlohmann::json& input) {
  auto out = world.logs_front->Handle(operation, input);
  EXPECT_TRUE(out) << out.error().message;
  return out ? *out : nlohmann::json();
}

// The client that starts anew at the last time it saw, and skips what it has seen of that time.
TEST(LogTailing, ByStartTimeSeesEveryLineOnce) {
  World world;
  auto writer = *meta::LogWriter::Open(world.logs.root(), kGroup, "tail/algo-1-1");
  std::vector<std::string> seen;
  int64_t last = 0;
  size_t skip = 0;
  int written = 0;
  for (int poll = 0; poll < 20; ++poll) {
    for (int i = 0; i < poll % 4; ++i, ++written) {
      ASSERT_TRUE(writer.Append({{1000 + written / 3, std::to_string(written)}}));
    }
    std::string token;
    size_t to_skip = skip;
    while (true) {
      nlohmann::json input = {{"logGroupName", kGroup},
                              {"logStreamName", "tail/algo-1-1"},
                              {"startTime", last},
                              {"startFromHead", true},
                              {"limit", 2}};
      if (!token.empty()) input["nextToken"] = token;
      const auto page = CallLogs(world, "GetLogEvents", input);
      token = page["nextForwardToken"];
      if (page["events"].empty()) break;
      for (const auto& event : page["events"]) {
        if (to_skip > 0) {
          --to_skip;
          continue;
        }
        seen.push_back(event["message"]);
        const int64_t ms = event["timestamp"];
        skip = ms == last ? skip + 1 : 1;
        last = ms;
      }
    }
  }
  ASSERT_EQ(seen.size(), static_cast<size_t>(written));
  for (int i = 0; i < written; ++i) EXPECT_EQ(seen[static_cast<size_t>(i)], std::to_string(i));
}

// The client that keeps its token for ever.
TEST(LogTailing, ByTokenSeesEveryLineOnce) {
  World world;
  auto writer = *meta::LogWriter::Open(world.logs.root(), kGroup, "tail/algo-1-1");
  std::vector<std::string> seen;
  std::string token;
  int written = 0;
  for (int poll = 0; poll < 20; ++poll) {
    for (int i = 0; i < poll % 3; ++i, ++written) {
      ASSERT_TRUE(writer.Append({{1000, std::to_string(written)}}));
    }
    while (true) {
      nlohmann::json input = {{"logGroupName", kGroup},
                              {"logStreamName", "tail/algo-1-1"},
                              {"startFromHead", true},
                              {"limit", 2}};
      if (!token.empty()) input["nextToken"] = token;
      const auto page = CallLogs(world, "GetLogEvents", input);
      const std::string next = page["nextForwardToken"];
      for (const auto& event : page["events"]) seen.push_back(event["message"]);
      if (page["events"].empty()) {
        EXPECT_TRUE(token.empty() || token == next);
        break;
      }
      token = next;
    }
  }
  ASSERT_EQ(seen.size(), static_cast<size_t>(written));
  for (int i = 0; i < written; ++i) EXPECT_EQ(seen[static_cast<size_t>(i)], std::to_string(i));
}

TEST(FilterLogEvents, MergesStreamsByTimeOverPages) {
  World world;
  for (int s = 0; s < 3; ++s) {
    auto writer =
        *meta::LogWriter::Open(world.logs.root(), kGroup, "many/algo-" + std::to_string(s));
    for (int i = 0; i < 50; ++i) {
      ASSERT_TRUE(writer.Append({{1000 + 3 * i + s, std::to_string(3 * i + s)}}));
    }
  }
  nlohmann::json input = {{"logGroupName", kGroup}, {"logStreamNamePrefix", "many/"}, {"limit", 7}};
  std::vector<std::string> ids;
  int next = 0;
  while (true) {
    const auto page = CallLogs(world, "FilterLogEvents", input);
    for (const auto& event : page["events"]) {
      EXPECT_EQ(event["message"], std::to_string(next++));
      ids.push_back(event["eventId"]);
    }
    if (!page.contains("nextToken")) break;
    input["nextToken"] = page["nextToken"];
  }
  EXPECT_EQ(next, 150);
  std::ranges::sort(ids);
  EXPECT_EQ(std::ranges::unique(ids).size(), 0u);
}

TEST(Router, BoundsTheBodyOfACall) {
  World world;
  net::Request request{.method = "POST", .path = "/"};
  request.headers.Set("X-Amz-Target", "SageMaker.ListTrainingJobs");
  request = world.Sign(std::move(request), std::string((4 << 20) + 1, ' '), "sagemaker", "");
  EXPECT_EQ(world.router.Handle(request).status, 413);
  request.content_length = std::nullopt;  // chunked: found out while reading
  request.body = NewStringSource(std::string((4 << 20) + 1, ' '));
  EXPECT_EQ(world.router.Handle(request).status, 413);
}

// A connection that ends in the middle of a request.
class TornSource final : public ByteSource {
 public:
  Result<size_t> Read(std::span<char> /*buffer*/) override {
    return Fail(Code::kDataLoss, "IncompleteBody", "the connection was closed");
  }
};

TEST(Router, ABodyThatEndsTooEarlyIsTheClients) {
  World world;
  net::Request request{.method = "POST", .path = "/"};
  request.headers.Set("X-Amz-Target", "SageMaker.ListTrainingJobs");
  request.body = std::make_unique<TornSource>();
  const auto response = world.router.Handle(request);
  EXPECT_EQ(response.status, 400);
  EXPECT_TRUE(response.body.contains("the connection was closed")) << response.body;
}

TEST(Router, InternalErrorsKeepTheirTextToTheLog) {
  World world;
  meta::FaultyStore faulty(world.records);
  auto iam = *IamFront::Open(*world.identity, faulty, world.clock);
  StsFront sts{*world.identity, *iam};
  Router router{{.identity = *world.identity,
                 .clock = world.clock,
                 .iam = *iam,
                 .sts = sts,
                 .logs = *world.logs_front,
                 .cloudwatch = *world.cloudwatch,
                 .kms = world.kms,
                 .autoscaling = *world.autoscaling,
                 .runtime = world.runtime,
                 .s3 = world.s3,
                 .sagemaker = [](std::string_view, std::string_view) -> Result<std::string> {
                   return Fail(Code::kDataLoss, "Corrupt", "secret path");
                 }}};
  net::Request request{.method = "POST", .path = "/"};
  request.headers.Set("X-Amz-Target", "SageMaker.ListTrainingJobs");
  request = world.Sign(std::move(request), "{}", "sagemaker", "");
  const auto response = router.Handle(request);
  EXPECT_EQ(response.status, 500);
  EXPECT_TRUE(response.body.contains("InternalFailure")) << response.body;
  EXPECT_FALSE(response.body.contains("secret path")) << response.body;
}

TEST(CloudWatchForms, CborRoundTripAndBounds) {
  const nlohmann::json document = {
      {"a", {1, -2, 70000, 2.5, "text", true, nullptr}}, {"Timestamp", 12.5}, {"n", {{"x", "y"}}}};
  const auto back = CborToJson(JsonToCbor(document));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, document);
  EXPECT_FALSE(CborToJson(std::string(100'000, '\x81')));  // nested arrays without an end
  EXPECT_EQ((*CborToJson(std::string_view("\xA1\x61\x61\xF9\x3E\x00", 6)))["a"],
            1.5);                                            // half a float
  EXPECT_FALSE(CborToJson("\xA2\x61\x61\x01\x61\x61\x02"));  // "a" twice
  EXPECT_FALSE(CborToJson("\xBF\x61\x61\xFF"));
  EXPECT_FALSE(CborToJson("\xA1\x61\x61\x61\xFF"));  // a text that is no UTF-8
  EXPECT_FALSE(CborToJson("\xA1\x61\xFF\x61\x61"));  // and a name
  EXPECT_FALSE(CborToJson(std::string_view("\xA1\x61\x61\x61\x00", 5)));
  EXPECT_FALSE(CborToJson("\x9B\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"));
}

TEST(CloudWatchForms, FormsInAnyOrderAndNothingLost) {
  const auto read = [](std::string_view text) { return FormToJson(*net::ParseQuery(text, true)); };
  EXPECT_EQ(*read("A.member.2.B=2&C=x&A.member.1.B=1"),
            (nlohmann::json{{"A", {{{"B", "1"}}, {{"B", "2"}}}}, {"C", "x"}}));
  EXPECT_EQ((*read("A.member.10=j&A.member.1=a&A.member.2=b&A.member.3=c&A.member.4=d&A.member.5=e&"
                   "A.member.6=f&A.member.7=g&A.member.8=h&A.member.9=i"))["A"]
                .size(),
            10u);
  for (const char* bad : {"A=1&A=2", "A.member.2=1", "A.member.0=1", "A.member.x=1", "A=1&A.B=2",
                          "A.member.1=1&A.B=2", "A..B=1", ".A=1"}) {
    EXPECT_EQ(read(bad).error().reason, "ValidationError") << bad;
  }
}

TEST(Router, TakesTheGzipOffABody) {
  // gzip of {"Namespace":"own","MetricData":[{"MetricName":"m","Value":1}]}, made by Python's gzip.
  const std::string packed = *HexDecode(
      "1f8b0800000000000203ab56f24bcc4d2d2e484c4e55b252ca2fcf53d251f24d2d29ca4c76492c49"
      "54b28aae867241ca802a7281f2618939a540b6616d6c2d00f68d82293f000000");
  World world;
  const auto send = [&](std::string body, const char* coding) {
    net::Request request{.method = "POST", .path = "/"};
    request.headers.Set("X-Amz-Target", "GraniteServiceVersion20100801.PutMetricData");
    request.headers.Set("Content-Encoding", coding);
    request = world.Sign(std::move(request), body, "monitoring", "");
    return world.router.Handle(request);
  };
  EXPECT_EQ(send(packed, "gzip").status, 200);
  EXPECT_EQ(world.metrics->List("own", "m", 0, 10)->size(), 1u);
  // And off a form.
  const std::string form = *HexDecode(
      "1f8b0800000000000203734c2ec9cccfb3f5c92c2ef14d2d29ca4c2e560b4b2d2a06891919181ae8"
      "1a58e81a18aaf925e6a616172426a7dae697e701004605271433000000");
  net::Request list{.method = "POST", .path = "/"};
  list.headers.Set("Content-Type", "application/x-www-form-urlencoded");
  list.headers.Set("Content-Encoding", "gzip");
  list = world.Sign(std::move(list), form, "monitoring", "");
  EXPECT_TRUE(world.router.Handle(list).body.contains("<MetricName>m</MetricName>"));
  EXPECT_TRUE(send(packed, "br").body.contains("SerializationException"));
  EXPECT_TRUE(send(packed + "x", "gzip").body.contains("SerializationException"));
  EXPECT_TRUE(send(packed.substr(0, packed.size() - 1), "gzip").body.contains("Serialization"));
}

// 200 invocations that wait for their models, and nobody else waits with them.
TEST(Router, SlowModelsDelayNobodyElse) {
  constexpr int kSlowOnes = 200;
  World world;
  auto routes = std::make_shared<control::EndpointRoutes>();
  (*routes)["slow"] = std::make_shared<control::EndpointRoute>(
      control::EndpointRoute{.name = "slow",
                             .in_service = true,
                             .variants = {{.name = "v",
                                           .weight = 1,
                                           .containers = {"primary"},
                                           .instances = {{"i-1", world.dir.path() / "i-1"}}}}});
  world.routes = routes;
  std::latch arrived(kSlowOnes);
  std::latch release(1);
  const auto container = Container(
      world.dir.path() / "i-1", 0,
      [&](net::Request&) {
        arrived.count_down();
        release.wait();
        return Text(200, "late");
      },
      kSlowOnes);
  const auto server = *net::Server::Start(
      {.overloaded = Router::Throttled, .lane = net::Lane{.takes = IsInvocation}},
      [&world](net::Request& request) { return world.router.Handle(request); });
  const auto ask = [&](const std::string& path, const std::string& target) {
    const auto client = *net::HttpClient::Create({});
    net::ClientRequest request{.method = "POST",
                               .url = "http://127.0.0.1:" + std::to_string(server->port()) + path,
                               .body = "{}"};
    if (!target.empty()) request.headers.Set("X-Amz-Target", "SageMaker." + target);
    const Account& account = world.identity->account();
    net::SignRequest(request,
                     {.access_key = account.access_key_id,
                      .secret_key = account.secret_access_key,
                      .region = "us-east-1",
                      .service = "sagemaker"},
                     world.clock.Now());
    const auto answer = client->Send(request);
    return answer ? std::to_string(answer->status) + " " + answer->body : answer.error().message;
  };
  std::atomic<int> late = 0;
  {
    std::vector<std::jthread> asking;
    for (int i = 0; i < kSlowOnes; ++i) {
      asking.emplace_back([&] { late += ask("/endpoints/slow/invocations", "") == "200 late"; });
    }
    arrived.wait();  // all of them, at once
    EXPECT_EQ(ask("/", "ListTrainingJobs"), "200 {\"TrainingJobSummaries\":[]}");
    EXPECT_EQ(late, 0);
    release.count_down();
  }
  EXPECT_EQ(late, kSlowOnes);
}

}  // namespace
}  // namespace clary::server
