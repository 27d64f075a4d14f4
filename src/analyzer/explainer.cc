#include "analyzer/explainer.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <vector>

#include "base/file.h"
#include "base/quote.h"
#include "base/strings.h"
#include "clarify/online.h"
#include "net/client.h"
#include "serving/xgboost_model.h"

namespace clary::analyzer {
namespace fs = std::filesystem;
namespace {

constexpr uint64_t kMaxBaselineBytes = uint64_t{64} << 20;
constexpr uint64_t kMaxAnswerBytes = uint64_t{256} << 20;
constexpr std::chrono::seconds kModelTimeout{60};
// What a client may tell the model itself.
constexpr const char* kPassedOn[] = {"X-Amzn-SageMaker-Custom-Attributes",
                                     "X-Amzn-SageMaker-Inference-Id",
                                     "X-Amzn-SageMaker-Target-Model"};

std::string Variable(const serving::ContainerOptions& options, const char* name) {
  const auto it = options.environment.find(name);
  return it != options.environment.end() ? it->second : std::string();
}

net::Response Plain(int status, std::string text) {
  net::Response response{.status = status, .body = std::move(text)};
  response.headers.Set("Content-Type", "text/plain; charset=utf-8");
  return response;
}

// What is behind the explainer: a model of ours in this process, or containers.
class Upstream {
 public:
  static Result<std::shared_ptr<Upstream>> Make(const serving::ContainerOptions& options,
                                                const fs::path& base) {
    auto out = std::make_shared<Upstream>();
    const std::string sockets = Variable(options, "CLARY_UPSTREAM");
    if (sockets.empty()) {
      CLARY_TRY(out->here_,
                serving::XgboostModel::Load(base / "model", {.environment = options.environment,
                                                             .threads = options.cores}));
      std::fprintf(stderr, "Model loaded successfully: %s\n", out->here_->Describe().c_str());
      return out;
    }
    for (const std::string_view socket : Split(sockets, ':')) {
      CLARY_TRY(auto client, net::HttpClient::Create({.unix_socket = fs::path(socket),
                                                      .total_timeout = kModelTimeout,
                                                      .max_body_bytes = kMaxAnswerBytes,
                                                      .max_idle = 64}));
      out->containers_.push_back(std::move(client));
    }
    return out;
  }

  const gbdt::Model* trees() const { return here_ != nullptr ? here_->Plain() : nullptr; }

  Result<clarify::OnlineReply> Ask(const net::Headers& passed_on, const std::string& content_type,
                                   const std::string& accept, std::string_view body) const {
    if (here_ != nullptr) {
      serving::Reply reply = here_->Invoke(content_type, accept, body);
      if (reply.status != 200) return Refused(reply.status, reply.body);
      return clarify::OnlineReply{std::move(reply.content_type), std::move(reply.body)};
    }
    clarify::OnlineReply last{content_type, ""};
    for (size_t i = 0; i < containers_.size(); ++i) {
      net::ClientRequest request{.method = "POST",
                                 .url = "http://model.aws.local/invocations",
                                 .headers = passed_on,
                                 .borrowed = i == 0 ? body : std::string_view(last.body)};
      request.headers.Set("Content-Type", last.content_type);
      if (i + 1 == containers_.size()) request.headers.Set("Accept", accept);
      auto answer = containers_[i]->Send(request);
      if (!answer) {
        return Fail(Code::kUnavailable, "503",
                    "the model does not answer: " + answer.error().message);
      }
      if (answer->status >= 300) return Refused(answer->status, answer->body);
      clarify::OnlineReply next{std::string(answer->headers.Get("Content-Type")),
                                std::move(answer->body)};
      last = std::move(next);
    }
    return last;
  }

 private:
  static std::unexpected<Error> Refused(int status, const std::string& body) {
    return Fail(Code::kInvalidArgument, std::to_string(status), body);
  }

  std::unique_ptr<serving::XgboostModel> here_;
  std::vector<std::unique_ptr<net::HttpClient>> containers_;
};

net::Response Answer(const clarify::OnlineExplainer& explainer, const Upstream& upstream,
                     net::Request& request, uint64_t limit, int cores) {
  auto body = ReadAll(*request.body, limit);
  if (!body && body.error().reason == "TooLarge") {
    return Plain(413,
                 fmt::format("the body has more than {} bytes; send fewer records at once", limit));
  }
  if (!body) return Plain(400, body.error().message);
  net::Headers passed_on;
  for (const char* name : kPassedOn) {
    if (const auto value = request.headers.Find(name)) passed_on.Set(name, std::string(*value));
  }
  const clarify::OnlineModel model{
      .invoke =
          [&](const std::string& content_type, const std::string& accept, std::string_view text) {
            return upstream.Ask(passed_on, content_type, accept, text);
          },
      .trees = upstream.trees(),
      .threads = cores};
  auto answer =
      explainer.Answer({.content_type = request.headers.Get("Content-Type"),
                        .accept = request.headers.Get("Accept"),
                        .enable = request.headers.Get("X-Amzn-SageMaker-Enable-Explanations"),
                        .body = *body},
                       model);
  if (answer) {
    net::Response response{.status = 200, .body = *std::move(answer)};
    response.headers.Set("Content-Type", "application/json");
    return response;
  }
  const Error& error = answer.error();
  const auto status = ParseUint(error.reason);  // the model's own
  std::fprintf(stderr, "%s\n", Printable(error.message, 1000).c_str());
  return Plain(status                                 ? static_cast<int>(*status)
               : error.code == Code::kInvalidArgument ? 400
                                                      : 500,
               error.message);
}

}  // namespace

Result<net::Handler> ExplainerHandler(const serving::ContainerOptions& options) {
  std::string given = Variable(options, "SAGEMAKER_BASE_DIR");
  const fs::path base = given.empty() ? "/opt/ml" : given;
  std::string baseline;
  std::error_code ec;
  if (fs::exists(base / "input/baseline", ec)) {
    CLARY_TRY(baseline, ReadFile(base / "input/baseline", kMaxBaselineBytes));
  }
  CLARY_TRY(auto explainer,
            clarify::OnlineExplainer::Make(Variable(options, "CLARY_EXPLAINER"), baseline));
  CLARY_TRY(const auto upstream, Upstream::Make(options, base));
  const uint64_t limit = serving::MaxBodyBytes(options.environment);
  return [explainer = std::shared_ptr<const clarify::OnlineExplainer>(std::move(explainer)),
          upstream, limit, cores = options.cores](net::Request& request) {
    if (request.path == "/ping") return Plain(200, "");
    if (request.path != "/invocations") return Plain(404, "Not Found");
    if (request.method != "POST") return Plain(405, "Method Not Allowed");
    return Answer(*explainer, *upstream, request, limit, cores);
  };
}

int RunExplainer() { return serving::RunContainer(ExplainerHandler); }

}  // namespace clary::analyzer
