#include "serving/internal/model_library.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "base/strings.h"
#include "net/server.h"
#include "runner/unpack.h"

namespace clary::serving {
namespace fs = std::filesystem;
namespace {

constexpr size_t kLoads = 8;  // at once; more wait, but nobody else for them
constexpr char kTargetModel[] = "X-Amzn-SageMaker-Target-Model";
constexpr char kPath[] = "/model";

net::Response Say(int status, std::string text, const char* type = "text/plain; charset=utf-8") {
  net::Response response{.status = status, .body = std::move(text)};
  response.headers.Set("Content-Type", type);
  return response;
}

net::Response Json(std::string text) { return Say(200, std::move(text), "application/json"); }

}  // namespace

struct ModelLibrary::State {
  // Where the model of that name is. kInvalidArgument "BadName".
  Result<objects::ObjectRef> RefOf(std::string_view name) const {
    const bool plain = !name.empty() && !name.starts_with('/') &&
                       std::ranges::none_of(Split(name, '/'), [](std::string_view part) {
                         return part == "." || part == "..";
                       });
    if (!plain) {
      return Fail(Code::kInvalidArgument, "BadName",
                  fmt::format("\"{}\" is no name of a model: it is what follows the model's "
                              "ModelDataUrl in S3, such as \"a/model.tar.gz\".",
                              name));
    }
    return objects::ObjectRef{prefix.bucket, prefix.key + std::string(name)};
  }

  net::Response Failed(const objects::ObjectRef& ref, const Error& error) const {
    if (error.code == Code::kNotFound || error.code == Code::kInvalidArgument) {
      return Say(404,
                 fmt::format("Failed to download model data(bucket: {}, key: {}). Please ensure "
                             "that there is an object located at the URL and that the role "
                             "passed to CreateModel has permissions to download the model.",
                             ref.bucket, ref.key));
    }
    return Say(500, error.message);
  }

  net::Response Find(const objects::ObjectRef& ref) {
    const auto info = store->Head(ref);
    if (!info) return Failed(ref, info.error());
    return Json(fmt::format(R"({{"etag":{}}})", JsonQuote(info->etag)));
  }

  net::Response Bring(const objects::ObjectRef& ref) {
    auto object = store->Get(ref);
    if (!object) return Failed(ref, object.error());
    const uint64_t id = ++last_id;
    const fs::path folder = options.directory / std::to_string(id);
    Status made = MakeDirectories(folder / "model");
    if (made) {
      const auto unpacked = runner::UnpackTar(*object->body, folder / "model");
      if (!unpacked) made = std::unexpected(unpacked.error());
    }
    if (!made) {
      (void)RemoveTree(folder);
      return Say(made.error().code == Code::kInvalidArgument ? 422 : 500,
                 fmt::format("{}: {}", ref.Uri(), made.error().message));
    }
    return Json(fmt::format(R"({{"etag":{},"id":{},"path":{}}})", JsonQuote(object->info.etag), id,
                            JsonQuote((options.inside / std::to_string(id) / "model").string())));
  }

  net::Response Answer(net::Request& request) {
    if (request.method == "DELETE" && request.path.starts_with("/model/")) {
      const auto id = ParseUint(std::string_view(request.path).substr(sizeof kPath));
      if (!id) return Say(404, "there are no such files");
      (void)RemoveTree(options.directory / std::to_string(*id));
      return Say(200, "");
    }
    if (request.path != kPath) return Say(404, "there is no such path");
    const auto ref = RefOf(request.headers.Get(kTargetModel));
    if (!ref) return Say(400, ref.error().message);
    if (request.method == "GET") return Find(*ref);
    return request.method == "POST" ? Bring(*ref) : Say(405, "");
  }

  objects::ObjectStore* store = nullptr;
  Options options;
  objects::ObjectRef prefix;
  std::atomic<uint64_t> last_id = 0;
  std::unique_ptr<net::Server> server;
};

ModelLibrary::ModelLibrary(std::unique_ptr<State> state) : state_(std::move(state)) {}
ModelLibrary::~ModelLibrary() = default;

Result<std::unique_ptr<ModelLibrary>> ModelLibrary::Start(objects::ObjectStore& store,
                                                          Options options) {
  auto state = std::make_unique<State>();
  if (!options.prefix_uri.ends_with('/')) options.prefix_uri += '/';
  CLARY_TRY(state->prefix, objects::ObjectRef::ParseUri(options.prefix_uri));
  state->store = &store;
  Fd listener = std::move(options.listener);
  state->options = std::move(options);
  CLARY_TRY(
      state->server,
      net::Server::Start({.listener = std::move(listener),
                          .handler_threads = 2,
                          .idle_timeout = std::chrono::hours(24),
                          .lane = net::Lane{.takes =
                                                [](const net::Request& request) {
                                                  return request.method == "POST";
                                                },
                                            .handler_threads = kLoads}},
                         [s = state.get()](net::Request& request) { return s->Answer(request); }));
  return std::unique_ptr<ModelLibrary>(new ModelLibrary(std::move(state)));
}

}  // namespace clary::serving
