#include "server/shadow_traffic.h"

#include <chrono>
#include <utility>

#include "base/log.h"
#include "server/capture.h"
#include "server/invocation_metrics.h"

namespace clary::server {
namespace {

constexpr size_t kMostCopies = 1000;
constexpr size_t kMostCopiedBytes = size_t{64} << 20;
constexpr size_t kShadowThreads = 4;

}  // namespace

ShadowTraffic::ShadowTraffic(ModelCaller& models, Capture* capture, InvocationMetrics* metrics)
    : models_(models), capture_(capture), metrics_(metrics) {}

ShadowTraffic::~ShadowTraffic() {
  for (std::jthread& thread : threads_) thread.request_stop();
}

void ShadowTraffic::Take(const std::shared_ptr<const control::EndpointRoute>& route,
                         const ModelRequest& request) {
  for (const control::VariantRoute& shadow : route->shadows) {
    if (shadow.instances.empty() || RandomShare() >= shadow.weight) continue;
    Copy copy{.route = route, .shadow = &shadow, .request = request, .body = {}};
    bool first_drop = false;
    {
      const MutexLock lock(mu_);
      // Started by the first copy: most services have no shadows.
      for (size_t i = threads_.size(); i < kShadowThreads; ++i) {
        threads_.emplace_back([this](const std::stop_token& stop) { Work(stop); });
      }
      const size_t size = request.body.size();
      if (waiting_.size() >= kMostCopies || bytes_ + size > kMostCopiedBytes) {
        first_drop = !std::exchange(dropping_, true);
      } else {
        dropping_ = false;
        copy.body = request.body;
        bytes_ += size;
        waiting_.push_back(std::move(copy));
      }
    }
    changed_.notify_one();
    if (first_drop) {
      LOG(kWarn, "a shadow variant falls behind and misses requests", {"endpoint", route->name},
          {"variant", shadow.name});
    }
  }
}

void ShadowTraffic::Work(const std::stop_token& stop) {
  for (;;) {
    Copy copy;
    {
      MutexLock lock(mu_);
      const bool any =
          changed_.wait(lock, stop, [this]() REQUIRES(mu_) { return !waiting_.empty(); });
      if (!any || stop.stop_requested()) return;
      copy = std::move(waiting_.front());
      waiting_.pop_front();
      bytes_ -= copy.body.size();
    }
    Ask(std::move(copy), stop);
  }
}

void ShadowTraffic::Ask(Copy copy, const std::stop_token& stop) {
  copy.request.body = copy.body;
  copy.request.stream = false;
  copy.request.stop = stop;
  const auto began = std::chrono::steady_clock::now();
  const auto answer = models_.Call(*copy.route, *copy.shadow, copy.request);
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::steady_clock::now() - began);
  if (!answer && answer.error().code == Code::kCancelled) return;
  if (metrics_ != nullptr) {
    metrics_->Count(copy.route->name, copy.shadow->name,
                    {.status = answer ? answer->status : 503,
                     .instances = copy.shadow->instances.size(),
                     .model_latency = took});
  }
  if (!answer || answer->status >= 300 || !copy.route->capture || capture_ == nullptr) return;
  const net::Headers& headers = copy.request.headers;
  capture_->Take(*copy.route->capture,
                 {.endpoint = copy.route->name,
                  .variant = copy.shadow->name,
                  .inference_id = headers.Get("X-Amzn-SageMaker-Inference-Id"),
                  .custom_attributes = headers.Get("X-Amzn-SageMaker-Custom-Attributes"),
                  .input = {headers.Get("Content-Type"), copy.body},
                  .output = {answer->headers.Get("Content-Type"), answer->body}});
}

}  // namespace clary::server
