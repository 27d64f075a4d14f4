#include "server/async.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>

#include "base/hash.h"
#include "base/log.h"
#include "base/strings.h"
#include "server/capture.h"
#include "server/internal/record_body.h"
#include "server/invocation_metrics.h"

namespace clary::server {
namespace {

using control::AsyncRoute;
using control::EndpointRoute;
using control::VariantRoute;
using nlohmann::json;

constexpr char kInvocations[] = "async_invocations";
constexpr size_t kMostInline = 128'000;
constexpr size_t kPerInstance = 4;  // at once, if the endpoint does not say
constexpr int kMostAttempts = 3;
constexpr Duration kNextLook{250};                 // while requests wait for an instance
constexpr size_t kMostCaptured = size_t{4} << 20;  // of an input or an answer

std::unexpected<Error> RefusedAsync(std::string message) {
  return std::unexpected(Error{Code::kInvalidArgument, "ValidationError", std::move(message)});
}

// A header that is a whole number from `low` to `high`.
Result<int64_t> HeaderSeconds(const net::Request& request, const char* name, int64_t low,
                              int64_t high, int64_t otherwise) {
  const std::string header = std::string("X-Amzn-SageMaker-") + name;
  const auto text = request.headers.Find(header);
  if (!text) return otherwise;
  const auto value = ParseInt(*text);
  if (value && *value >= low && *value <= high) return *value;
  return RefusedAsync(fmt::format("{} is from {} to {}, and is '{}'.", name, low, high, *text));
}

// What the answer and the failure are called.
std::string Below(const std::string& prefix, const std::string& name) {
  return prefix.empty() ? std::string() : prefix + "/" + name;
}

size_t InstancesOf(const EndpointRoute& route) {
  size_t count = 0;
  for (const VariantRoute& v : route.variants) count += v.instances.size();
  return count;
}

size_t AtOnce(const EndpointRoute& route) {
  const int given = route.async ? route.async->max_concurrency : 0;
  return InstancesOf(route) * (given > 0 ? static_cast<size_t>(given) : kPerInstance);
}

Status StoreObject(objects::ObjectStore& store, const std::string& uri, ByteSource& bytes,
                   const std::string& content_type) {
  CLARY_TRY(const auto ref, objects::ObjectRef::ParseUri(uri));
  objects::PutOptions options;
  options.headers["content-type"] = content_type;
  const auto put = store.Put(ref, bytes, options);
  return put ? Status() : std::unexpected(put.error());
}

double Micros(int64_t ms) { return static_cast<double>(ms) * 1000; }

}  // namespace

// Passes a stream on and keeps what it was, unless that is too long to be captured.
class AsyncInvocations::Copied final : public ByteSource {
 public:
  explicit Copied(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {}
  Result<size_t> Read(std::span<char> buffer) override {
    CLARY_TRY(const size_t n, source_->Read(buffer));
    whole_ = whole_ && text_.size() + n <= kMostCaptured;
    if (whole_) text_.append(buffer.data(), n);
    return n;
  }
  // nullopt: it was too long.
  std::optional<std::string_view> text() const {
    return whole_ ? std::optional<std::string_view>(text_) : std::nullopt;
  }

 private:
  const std::unique_ptr<ByteSource> source_;
  std::string text_;
  bool whole_ = true;
};

Result<std::unique_ptr<AsyncInvocations>> AsyncInvocations::Open(Parts parts, AsyncLimits limits) {
  std::unique_ptr<AsyncInvocations> opened(new AsyncInvocations(std::move(parts), limits));
  if (!opened->parts_.shared) CLARY_CHECK_OK(opened->Load());
  return opened;
}

AsyncInvocations::~AsyncInvocations() {
  std::vector<std::jthread> workers;
  {
    const MutexLock lock(mu_);
    workers.swap(workers_);
  }
  for (std::jthread& worker : workers) worker.request_stop();
}

Status AsyncInvocations::Load() {
  CLARY_TRY(const auto kept, parts_.records.List(kInvocations));  // in the order of arrival
  const MutexLock lock(mu_);
  for (const meta::Record& record : kept) Enqueue(record);
  HireIfNeeded();
  return {};
}

void AsyncInvocations::Enqueue(const meta::Record& record) {
  const auto body = BodyOf(kInvocations, record);
  if (!body) {
    LOG(kError, "an asynchronous invocation is lost", {"message", body.error().message});
    return;
  }
  if (parts_.shared && !known_.insert(record.key).second) return;
  queues_[TextIn(*body, "endpoint")].waiting.push_back({.key = record.key,
                                                        .received_ms = IntIn(*body, "received_ms"),
                                                        .expires_ms = IntIn(*body, "expires_ms")});
  ++waiting_;
}

Status AsyncInvocations::Lead(bool leads) {
  {
    const MutexLock lock(mu_);
    if (leads == leads_) return {};
    leads_ = leads;
    if (!leads) {  // what is under way ends as it may
      for (auto& [endpoint, queue] : queues_) {
        for (const Item& item : queue.waiting) known_.erase(item.key);
        queue.waiting.clear();
      }
      std::erase_if(queues_, [](const auto& entry) { return entry.second.running == 0; });
      waiting_ = 0;
      return {};
    }
  }
  const Status loaded = Load();
  if (!loaded) {
    const MutexLock lock(mu_);
    leads_ = false;
  }
  changed_.notify_all();
  return loaded;
}

Status AsyncInvocations::Absorb(const meta::Change& change) {
  if (change.gone) return {};
  {
    const MutexLock lock(mu_);
    if (!leads_) return {};
    Enqueue(change.record);
    ++changes_;
    HireIfNeeded();
  }
  changed_.notify_one();
  return {};
}

Result<net::Response> AsyncInvocations::Take(const EndpointRoute& route,
                                             const net::Request& request, std::string_view body) {
  const auto header = [&](const char* name) {
    return std::string(request.headers.Get(std::string("X-Amzn-SageMaker-") + name));
  };
  const std::string input = header("InputLocation");
  if (input.empty() == body.empty()) {
    return RefusedAsync(input.empty()
                            ? "The request needs an InputLocation or a body."
                            : "The request has both an InputLocation and a body: send one.");
  }
  if (body.size() > kMostInline) {
    return RefusedAsync(fmt::format(
        "The body has {} bytes, and at most {} may be sent with the request: put it into S3 and "
        "send its InputLocation.",
        body.size(), kMostInline));
  }
  if (!input.empty()) {
    const auto ref = objects::ObjectRef::ParseUri(input);
    if (!ref || ref->key.empty() || input.size() > 1024) {
      return RefusedAsync("InputLocation '" + input.substr(0, 1024) +
                          "' is no object: s3://bucket/key.");
    }
  }
  for (const char* name : {"S3OutputPathExtension", "Filename", "Target-Variant", "Target-Model",
                           "Inference-Component", "Enable-Explanations"}) {
    if (header(name).empty()) continue;
    return RefusedAsync(std::string("X-Amzn-SageMaker-") + name +
                        " is not supported of asynchronous invocations; leave it out.");
  }
  CLARY_TRY(const int64_t ttl_s, HeaderSeconds(request, "RequestTTLSeconds", 60, 21'600, 21'600));
  CLARY_TRY(const int64_t timeout_s,
            HeaderSeconds(request, "InvocationTimeoutSeconds", 1, 3'600, 900));
  std::string id = header("Inference-Id");
  if (id.empty()) id = RandomId();
  const int64_t now = ToMillis(parts_.clock.Now());
  const std::string output = Below(route.async->output_uri, id + ".out");
  const std::string failure = Below(route.async->failure_uri, id + "-error.out");
  json record = {{"endpoint", route.name},
                 {"inference_id", id},
                 {"received_ms", now},
                 {"expires_ms", now + ttl_s * 1000},
                 {"timeout_s", timeout_s},
                 {"output", output},
                 {"failure", failure},
                 {"accept", header("Accept")},
                 {"attributes", header("Custom-Attributes")}};
  // Clients say the input's type by a header of this operation's own, or as that of their body.
  std::string type = header("Content-Type");
  if (type.empty() && !body.empty()) type = request.headers.Get("Content-Type");
  record["content_type"] = type;
  if (body.empty()) {
    record["input"] = input;
  } else {
    record["body"] = Base64Encode(body);
  }
  // Keys sort by arrival.
  Item item{.key = fmt::format("{:013}-{}", now, RandomId()),
            .received_ms = now,
            .expires_ms = now + ttl_s * 1000};
  {
    const MutexLock lock(mu_);
    const auto queue = queues_.find(route.name);
    if (waiting_ >= limits_.in_all ||
        (queue != queues_.end() && queue->second.waiting.size() >= limits_.per_endpoint)) {
      return std::unexpected(
          Error{Code::kUnavailable, "ThrottlingException",
                "Rate exceeded: too many requests wait for endpoint " + route.name + "."});
    }
    if (!parts_.shared) ++waiting_;  // its place
  }
  const auto kept = parts_.records.Put(
      kInvocations, item.key, record.dump(-1, ' ', false, json::error_handler_t::replace), 0);
  {
    const MutexLock lock(mu_);
    if (!kept) {
      if (!parts_.shared) --waiting_;
      return std::unexpected(kept.error());
    }
    if (!parts_.shared) {  // else it comes to the one that leads, as all do
      queues_[route.name].waiting.push_back(std::move(item));
      ++changes_;
      HireIfNeeded();
    }
  }
  changed_.notify_one();
  net::Response response{.status = 202};
  response.headers.Set("Content-Type", "application/json");
  if (!output.empty()) response.headers.Set("X-Amzn-SageMaker-OutputLocation", output);
  if (!failure.empty()) response.headers.Set("X-Amzn-SageMaker-FailureLocation", failure);
  response.body = fmt::format(R"({{"InferenceId":{}}})", JsonQuote(id));
  return response;
}

void AsyncInvocations::HireIfNeeded() {
  if (waiting_ == 0 || idle_ > 0 || workers_.size() >= limits_.workers) return;
  workers_.emplace_back([this](const std::stop_token& stop) { Work(stop); });
}

// The oldest request that may be asked now.
std::optional<AsyncInvocations::Pick> AsyncInvocations::Next(
    const control::EndpointRoutes& routes) {
  const int64_t now = ToMillis(parts_.clock.Now());
  std::map<std::string, Queue>::iterator best = queues_.end();
  std::shared_ptr<const EndpointRoute> best_route;
  for (auto it = queues_.begin(); it != queues_.end(); ++it) {
    const Queue& queue = it->second;
    if (queue.waiting.empty() || queue.waiting.front().not_before_ms > now) continue;
    const auto route = routes.find(it->first);
    const bool gone = route == routes.end();
    if (!gone && (!route->second->in_service || queue.running >= AtOnce(*route->second))) continue;
    if (best != queues_.end() && best->second.waiting.front().key < queue.waiting.front().key) {
      continue;
    }
    best = it;
    best_route = gone ? nullptr : route->second;
  }
  if (best == queues_.end()) return std::nullopt;
  Pick pick{.endpoint = best->first, .item = best->second.waiting.front(), .route = best_route};
  best->second.waiting.pop_front();
  ++best->second.running;
  --waiting_;
  return pick;
}

void AsyncInvocations::Work(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto routes = parts_.routes();
    std::optional<Pick> pick;
    {
      MutexLock lock(mu_);
      pick = Next(*routes);
      if (!pick) {
        ++idle_;
        const auto changed = [this, seen = changes_]() REQUIRES(mu_) { return changes_ != seen; };
        if (waiting_ == 0) {
          changed_.wait(lock, stop, changed);
        } else {
          changed_.wait_for(lock, stop, kNextLook, changed);
        }
        --idle_;
        continue;
      }
      HireIfNeeded();
    }
    const After after = Process(*pick, stop);
    {
      const MutexLock lock(mu_);
      Queue& queue = queues_[pick->endpoint];
      --queue.running;
      if (after == After::kAgain && (leads_ || !parts_.shared)) {
        queue.waiting.push_front(std::move(pick->item));
        ++waiting_;
      } else {
        known_.erase(pick->item.key);
      }
      if (queue.waiting.empty() && queue.running == 0) queues_.erase(pick->endpoint);
      ++changes_;
    }
    changed_.notify_all();
  }
}

AsyncInvocations::After AsyncInvocations::Process(Pick& pick, const std::stop_token& stop) {
  const auto kept = parts_.records.Get(kInvocations, pick.item.key);
  if (!kept && kept.error().code == Code::kNotFound) return After::kDone;
  if (!kept) {
    LOG(kWarn, "an asynchronous invocation cannot be read", {"message", kept.error().message});
    pick.item.not_before_ms = ToMillis(parts_.clock.Now() + limits_.retry);
    return After::kAgain;
  }
  const auto record = BodyOf(kInvocations, *kept);
  if (!record) {
    LOG(kError, "an asynchronous invocation is lost", {"message", record.error().message});
    Forget(pick.item.key);
    return After::kDone;
  }
  if (pick.route == nullptr) {
    GiveUp(pick, *record, "Endpoint " + pick.endpoint + " was deleted before it had answered.",
           "InvocationFailures");
    return After::kDone;
  }
  if (ToMillis(parts_.clock.Now()) >= pick.item.expires_ms) {
    GiveUp(pick, *record, "The request waited longer than its RequestTTLSeconds.",
           "ExpiredRequests");
    return After::kDone;
  }
  return Ask(pick, *record, stop);
}

AsyncInvocations::After AsyncInvocations::Ask(Pick& pick, const json& record,
                                              const std::stop_token& stop) {
  const std::string input = TextIn(record, "input");
  std::string type = TextIn(record, "content_type");
  ModelRequest request{.headers = {},
                       .accept = TextIn(record, "accept"),
                       .stream = true,
                       .timeout = Duration(IntIn(record, "timeout_s", 900) * 1000),
                       .stop = stop};
  std::string body;
  std::unique_ptr<ByteSource> source;
  const bool captures = pick.route->capture && parts_.capture != nullptr;
  const Copied* copy = nullptr;
  if (input.empty()) {
    body = Base64Decode(TextIn(record, "body")).value_or("");
    request.body = body;
  } else {
    const auto ref = objects::ObjectRef::ParseUri(input);
    auto object = ref ? parts_.objects.Get(*ref) : std::unexpected(ref.error());
    if (!object || object->length > limits_.input_bytes) {
      GiveUp(pick, record,
             object ? fmt::format("{} has {} bytes; an asynchronous request takes at most {}.",
                                  input, object->length, limits_.input_bytes)
                    : "Failed to download the input " + input + ": " + object.error().message,
             "RequestDownloadFailures");
      return After::kDone;
    }
    if (type.empty()) {
      const auto given = object->info.headers.find("content-type");
      if (given != object->info.headers.end()) type = given->second;
    }
    source = std::move(object->body);
    if (captures) {
      auto copied = std::make_unique<Copied>(std::move(source));
      copy = copied.get();
      source = std::move(copied);
    }
    request.upload = source.get();
    request.upload_length = object->length;
  }
  if (type.empty()) type = "application/octet-stream";
  request.headers.Add("Content-Type", type);
  request.headers.Add("X-Amzn-SageMaker-Inference-Id", TextIn(record, "inference_id"));
  if (const std::string attributes = TextIn(record, "attributes"); !attributes.empty()) {
    request.headers.Add("X-Amzn-SageMaker-Custom-Attributes", attributes);
  }
  const VariantRoute* variant = PickVariant(*pick.route, "");
  auto answer = variant != nullptr
                    ? parts_.models.Call(*pick.route, *variant, request)
                    : std::unexpected(Error{Code::kUnavailable, "CouldNotConnect", "no instance"});
  if (!answer) return TryAgain(pick, record, answer.error());
  if (answer->status >= 300) {
    const json error = json::parse(answer->body, nullptr, false);
    const std::string text = error.is_object() ? TextIn(error, "Message") : std::string();
    GiveUp(pick, record, text.empty() ? answer->body : text, "InvocationFailures");
    return After::kDone;
  }
  return Finish(pick, record, variant->name, {.type = type, .text = body, .copy = copy},
                *std::move(answer));
}

// No instance has answered, or not to the end.
AsyncInvocations::After AsyncInvocations::TryAgain(Pick& pick, const json& record,
                                                   const Error& why) {
  if (why.code == Code::kCancelled) return After::kAgain;  // by the next process
  if (!WasNotSent(why)) ++pick.item.attempts;
  if (pick.item.attempts < kMostAttempts && why.code == Code::kUnavailable) {
    pick.item.not_before_ms = ToMillis(parts_.clock.Now() + limits_.retry);
    return After::kAgain;
  }
  GiveUp(pick, record, "The model did not answer: " + why.message, "InvocationFailures");
  return After::kDone;
}

AsyncInvocations::After AsyncInvocations::Finish(Pick& pick, const json& record,
                                                 const std::string& variant, const Body& input,
                                                 net::Response answer) {
  const std::string output = TextIn(record, "output");
  const std::string type(answer.headers.Get("Content-Type"));
  if (!answer.stream) answer.stream = NewStringSource(std::move(answer.body));
  const bool captures = pick.route->capture && parts_.capture != nullptr;
  const Copied* copy = nullptr;
  if (captures) {
    auto copied = std::make_unique<Copied>(std::move(answer.stream));
    copy = copied.get();
    answer.stream = std::move(copied);
  }
  const Status stored = StoreObject(parts_.objects, output, *answer.stream, type);
  if (!stored) {
    const Code code = stored.error().code;
    if (code == Code::kCancelled || code == Code::kUnavailable || code == Code::kDeadlineExceeded) {
      return TryAgain(pick, record, stored.error());  // of the model's stream
    }
    GiveUp(pick, record, "The answer cannot be stored at " + output + ": " + stored.error().message,
           "ResponseUploadFailures");
    return After::kDone;
  }
  if (captures) {
    const std::string id = TextIn(record, "inference_id");
    const auto asked = input.copy != nullptr ? input.copy->text() : std::optional(input.text);
    const auto answered = copy->text();
    if (asked && answered) {
      const std::string attributes = TextIn(record, "attributes");
      parts_.capture->Take(*pick.route->capture, {.endpoint = pick.endpoint,
                                                  .variant = variant,
                                                  .inference_id = id,
                                                  .custom_attributes = attributes,
                                                  .input = {input.type, *asked},
                                                  .output = {type, *answered}});
    } else {
      Say(pick.endpoint, fmt::format("{}: not captured: its input or its answer has more than {} "
                                     "bytes",
                                     id, kMostCaptured));
    }
  }
  TellTopic(pick, record,
            {{"invocationStatus", "Completed"},
             {"responseParameters", {{"contentType", type}, {"outputLocation", output}}}});
  Forget(pick.item.key);
  const int64_t now = ToMillis(parts_.clock.Now());
  parts_.metrics.Add(pick.endpoint, variant, "InvocationsProcesssed", "Count", 1);  // AWS's word
  parts_.metrics.Add(pick.endpoint, variant, "TotalProcessingTime", "Microseconds",
                     Micros(now - pick.item.received_ms));
  return After::kDone;
}

void AsyncInvocations::GiveUp(const Pick& pick, const json& record, const std::string& why,
                              const char* metric) {
  const std::string id = TextIn(record, "inference_id");
  const std::string failure = TextIn(record, "failure");
  Say(pick.endpoint, id + ": " + why);
  if (!failure.empty()) {
    const Status stored = StoreObject(parts_.objects, failure, *NewStringSource(why), "text/plain");
    if (!stored) {
      Say(pick.endpoint,
          id + ": the failure cannot be stored at " + failure + ": " + stored.error().message);
    }
  }
  TellTopic(pick, record, {{"invocationStatus", "Failed"}, {"failureReason", why}});
  Forget(pick.item.key);
  const std::string variant =
      pick.route && !pick.route->variants.empty() ? pick.route->variants.front().name : "";
  parts_.metrics.Add(pick.endpoint, variant, metric, "Count", 1);
}

// Tells the topic of the endpoint for such an outcome, if it has one.
void AsyncInvocations::TellTopic(const Pick& pick, const json& record, const json& outcome) {
  if (pick.route == nullptr || !pick.route->async) return;
  const bool failed = outcome.contains("failureReason");
  const AsyncRoute& async = *pick.route->async;
  const std::string& topic = failed ? async.error_topic : async.success_topic;
  if (topic.empty()) return;
  json message = Event(topic, pick.endpoint, "InferenceResult");
  message["receivedTime"] = FormatIso8601(FromMillis(pick.item.received_ms));
  message["inferenceId"] = TextIn(record, "inference_id");
  message.update(outcome);
  json& asked = message["requestParameters"];
  if (const std::string type = TextIn(record, "content_type"); !type.empty()) {
    asked["contentType"] = type;
  }
  if (const std::string input = TextIn(record, "input"); !input.empty()) {
    asked["inputLocation"] = input;
  }
  Tell(pick.endpoint, topic, TextIn(record, "inference_id"), message);
}

void AsyncInvocations::TestTopic(const std::string& endpoint, const std::string& topic) {
  Tell(endpoint, topic, "TestNotification", Event(topic, endpoint, "TestNotification"));
}

json AsyncInvocations::Event(const std::string& topic, const std::string& endpoint,
                             const char* name) const {
  const auto arn = Split(topic, ':');
  return {{"awsRegion", arn.size() > 3 ? std::string(arn[3]) : std::string()},
          {"eventTime", FormatIso8601(parts_.clock.Now())},
          {"requestParameters", {{"endpointName", endpoint}}},
          {"eventVersion", "1.0"},
          {"eventSource", "aws:sagemaker"},
          {"eventName", name}};
}

void AsyncInvocations::Tell(const std::string& endpoint, const std::string& topic,
                            const std::string& what, const json& message) {
  topics_.Tell(topic, message.dump(-1, ' ', false, json::error_handler_t::replace),
               [this, endpoint, topic, what](const Status& told) {
                 if (told || told.error().code == Code::kCancelled) return;
                 Say(endpoint,
                     what + ": the topic " + topic + " is not told: " + told.error().message);
                 parts_.metrics.Add(endpoint, "", "NotificationFailures", "Count", 1);
               });
}

void AsyncInvocations::Forget(const std::string& key) {
  const auto done = parts_.records.Apply({{.table = kInvocations, .key = key}});
  if (!done && done.error().code != Code::kNotFound) {
    LOG(kWarn, "an asynchronous invocation cannot be forgotten", {"message", done.error().message});
  }
}

void AsyncInvocations::Say(const std::string& endpoint, const std::string& line) {
  // The group is there as long as anybody looks at the endpoint; of a deleted one, too.
  auto writer = meta::LogWriter::Open(parts_.logs.root(), "/aws/sagemaker/Endpoints/" + endpoint,
                                      "async/data-log");
  const Status said =
      writer ? writer->Append({{.timestamp_ms = ToMillis(parts_.clock.Now()), .message = line}})
             : std::unexpected(writer.error());
  if (!said) LOG(kWarn, "asynchronous invocation failed", {"endpoint", endpoint}, {"why", line});
}

void AsyncInvocations::LookAtTheTime() {
  const int64_t now = ToMillis(parts_.clock.Now());
  const auto routes = parts_.routes();
  std::vector<Pick> expired;
  struct Gauge {
    std::string endpoint;
    size_t waiting;
    size_t instances;
    int64_t oldest_ms;
  };
  std::vector<Gauge> gauges;
  {
    const MutexLock lock(mu_);
    for (auto& [endpoint, queue] : queues_) {
      const auto route = routes->find(endpoint);
      const auto found = route == routes->end() ? nullptr : route->second;
      std::erase_if(queue.waiting, [&](Item& item) {
        if (item.expires_ms > now) return false;
        expired.push_back({.endpoint = endpoint, .item = item, .route = found});
        known_.erase(item.key);
        return true;
      });
      if (found == nullptr) continue;
      gauges.push_back(
          {.endpoint = endpoint,
           .waiting = queue.waiting.size() + queue.running,
           .instances = InstancesOf(*found),
           .oldest_ms = queue.waiting.empty() ? 0 : now - queue.waiting.front().received_ms});
    }
    waiting_ -= expired.size();
  }
  for (const Gauge& g : gauges) {
    const auto add = [&](const char* name, const char* unit, double value) {
      parts_.metrics.Add(g.endpoint, "", name, unit, value);
    };
    const auto waiting = static_cast<double>(g.waiting);
    add("ApproximateBacklogSize", "Count", waiting);
    add("ApproximateBacklogSizePerInstance", "Count",
        waiting / static_cast<double>(std::max<size_t>(1, g.instances)));
    add("ApproximateAgeOfOldestRequest", "Seconds", static_cast<double>(g.oldest_ms) / 1000);
    add("HasBacklogWithoutCapacity", "Count", g.waiting > 0 && g.instances == 0 ? 1 : 0);
  }
  for (const Pick& pick : expired) {
    const auto kept = parts_.records.Get(kInvocations, pick.item.key);
    const auto record = kept ? BodyOf(kInvocations, *kept) : std::unexpected(kept.error());
    if (record) {
      GiveUp(pick, *record, "The request waited longer than its RequestTTLSeconds.",
             "ExpiredRequests");
    }
  }
}

size_t AsyncInvocations::Waiting(const std::string& endpoint) const {
  const MutexLock lock(mu_);
  const auto it = queues_.find(endpoint);
  return it == queues_.end() ? 0 : it->second.waiting.size() + it->second.running;
}

}  // namespace clary::server
