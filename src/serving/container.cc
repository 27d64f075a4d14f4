#include "serving/container.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "api/server_spec.h"
#include "base/strings.h"
#include "serving/internal/model_cache.h"

namespace clary::serving {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kDefaultBody = 25 * kMiB;
constexpr uint64_t kMostBody = 2048 * kMiB;
constexpr uint64_t kExecutionPayload = 6;  // MB; what batch transform is told

std::string Variable(const std::map<std::string, std::string>& all, const char* name) {
  const auto it = all.find(name);
  return it != all.end() ? it->second : std::string();
}

net::Response Plain(int status, std::string text) {
  net::Response response{.status = status, .body = std::move(text)};
  response.headers.Set("Content-Type", "text/html; charset=utf-8");
  return response;
}

net::Response FromReply(Reply reply) {
  net::Response response{.status = reply.status, .body = std::move(reply.body)};
  response.headers.Set("Content-Type", std::move(reply.content_type));
  return response;
}

net::Response NoModel(const Error& error) {
  net::Response response = Plain(error.reason == "BadModel"             ? 500
                                 : error.code == Code::kNotFound        ? 404
                                 : error.code == Code::kInvalidArgument ? 400
                                                                        : 503,
                                 error.message);
  if (response.status == 404) response.headers.Set("X-Clary-Model", "missing");
  std::fprintf(stderr, "%d: %s\n", response.status, error.message.c_str());
  return response;
}

net::Response Listing(const LoadedModels& loaded) {
  std::string models;
  for (const std::string& name : loaded.names) {
    models += fmt::format(R"({}{{"modelName":{},"modelUrl":{}}})", models.empty() ? "" : ",",
                          JsonQuote(name), JsonQuote(name));
  }
  std::string unloads;
  for (const auto took : loaded.unloads) {
    unloads += fmt::format("{}{}", unloads.empty() ? "" : ",", took.count());
  }
  net::Response response{
      .body = fmt::format(R"({{"models":[{}],"unloads_us":[{}]}})", models, unloads)};
  response.headers.Set("Content-Type", "application/json");
  return response;
}

net::Response Invocation(const ModelFinder& models, net::Request& request, uint64_t limit) {
  auto body = request.content_length.value_or(0) > limit
                  ? Fail(Code::kResourceExhausted, "TooLarge", "")
                  : ReadAll(*request.body, limit);
  if (!body && body.error().reason == "TooLarge") {
    return Plain(413, fmt::format("Request Entity Too Large: the body has more than {} bytes. "
                                  "Send fewer rows at once, or set MAX_CONTENT_LENGTH in the "
                                  "model's Environment.",
                                  limit));
  }
  if (!body) return Plain(400, body.error().message);
  auto found = models(request.headers.Get("X-Amzn-SageMaker-Target-Model"));
  if (!found) return NoModel(found.error());
  Reply reply = found->model->Invoke(request.headers.Get("Content-Type"),
                                     request.headers.Get("Accept"), *body);
  if (reply.status >= 400) std::fprintf(stderr, "%d: %s\n", reply.status, reply.body.c_str());
  net::Response response = FromReply(std::move(reply));
  if (!found->loading.empty()) {
    response.headers.Set(api::kModelLoadHeader, std::move(found->loading));
  }
  return response;
}

// What the process was given, as a map.
std::map<std::string, std::string> ProcessEnvironment() {
  std::map<std::string, std::string> out;
  for (char** e = environ; e != nullptr && *e != nullptr; ++e) {
    const std::string_view text(*e);
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    out.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return out;
}

int Failed(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  return 1;
}

}  // namespace

uint64_t MaxBodyBytes(const std::map<std::string, std::string>& environment) {
  if (const auto given = ParseUint(Variable(environment, "MAX_CONTENT_LENGTH"))) {
    return std::min(*given, kMostBody);
  }
  const auto payload = ParseUint(Variable(environment, "SAGEMAKER_MAX_PAYLOAD_IN_MB"));
  if (Variable(environment, "SAGEMAKER_BATCH").empty() || !payload) return kDefaultBody;
  if (*payload == 0 || *payload > kMostBody / kMiB) return kMostBody;
  return std::max(*payload * kMiB, kDefaultBody);
}

net::Handler ContainerHandler(ContainerModels models, const ContainerOptions& options) {
  const uint64_t limit = MaxBodyBytes(options.environment);
  const std::string parameters =
      fmt::format(R"({{"MaxConcurrentTransforms": {}, "BatchStrategy": "MULTI_RECORD", )"
                  R"("MaxPayloadInMB": {}}})",
                  options.cores, kExecutionPayload);
  return [models = std::move(models), limit, parameters](net::Request& request) {
    if (request.path == "/invocations") {
      if (request.method == "POST") return Invocation(models.find, request, limit);
      return Plain(405, "Method Not Allowed");
    }
    if (request.path == "/ping") return Plain(200, "");
    if (request.path == "/models" && models.loaded) return Listing(models.loaded());
    if (request.path == "/execution-parameters") {
      net::Response response{.body = parameters};
      response.headers.Set("Content-Type", "application/json");
      return response;
    }
    return Plain(404, "Not Found");
  };
}

namespace {

// What the process was started for: one model, or many.
Result<ContainerModels> FindModels(const ContainerOptions& options) {
  const XgboostModel::Options model = {.environment = options.environment,
                                       .threads = options.cores};
  const auto say = [](const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); };
  if (const std::string library = Variable(options.environment, "CLARY_MODELS"); !library.empty()) {
    CLARY_TRY(auto cache,
              ModelCache::Make(
                  {.socket = library,
                   .model = model,
                   .memory_bytes =
                       ParseUint(Variable(options.environment, "CLARY_MODELS_MEMORY")).value_or(0),
                   .keep = Variable(options.environment, "CLARY_MODELS_CACHE") != "Disabled",
                   .say = say}));
    const std::shared_ptr<ModelCache> shared = std::move(cache);
    return ContainerModels{
        .find = [shared](std::string_view target) -> Result<FoundModel> {
          LoadTimes times;
          CLARY_TRY(auto found, shared->Find(target, &times));
          return FoundModel{
              .model = std::move(found),
              .loading = times.hit ? "hit"
                                   : fmt::format("wait={} download={} load={}", times.wait.count(),
                                                 times.download.count(), times.load.count())};
        },
        .loaded = [shared] { return shared->TakeLoaded(); }};
  }
  std::string base = Variable(options.environment, "SAGEMAKER_BASE_DIR");
  if (base.empty()) base = "/opt/ml";
  CLARY_TRY(auto loaded, XgboostModel::Load(base + "/model", model));
  say("Model loaded successfully: " + loaded->Describe());
  return ContainerModels{
      .find = [only = std::shared_ptr<const XgboostModel>(std::move(loaded))](std::string_view) {
        return Result<FoundModel>(FoundModel{.model = only});
      }};
}

}  // namespace

int RunContainer(const std::function<Result<net::Handler>(const ContainerOptions&)>& make) {
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  ::sigprocmask(SIG_BLOCK, &stop, nullptr);
  ContainerOptions options{.environment = ProcessEnvironment()};
  const auto listener = ParseUint(Variable(options.environment, "CLARY_LISTENER"));
  if (!listener) return Failed("CLARY_LISTENER names no socket: `clary model-server` starts this");
  options.cores = static_cast<int>(std::clamp<uint64_t>(
      ParseUint(Variable(options.environment, "SM_NUM_CPUS")).value_or(1), 1, 1024));
  auto handler = make(options);
  if (!handler) return Failed(handler.error().message);
  auto server = net::Server::Start(
      {.listener = Fd(static_cast<int>(*listener)),
       .handler_threads = static_cast<size_t>(std::max(options.cores, 2)),
       .inline_handlers = static_cast<size_t>(std::max(options.cores, 2)),
       .max_content_length = {},
       .idle_timeout = std::chrono::hours(24),
       // A ping does not wait behind large requests.
       .lane = net::Lane{.takes = [](const net::Request& r) { return r.path == "/ping"; },
                         .handler_threads = 1,
                         .max_queue = 64}},
      *std::move(handler));
  if (!server) return Failed(server.error().message);
  int signal = 0;
  while (::sigwait(&stop, &signal) != 0) continue;
  (*server)->Stop();
  return 0;
}

int RunXgboostContainer() {
  return RunContainer([](const ContainerOptions& options) -> Result<net::Handler> {
    CLARY_TRY(ContainerModels models, FindModels(options));
    return ContainerHandler(std::move(models), options);
  });
}

}  // namespace clary::serving
