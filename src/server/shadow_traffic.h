// Copies of requests for shadow variants: their answers are counted and captured, and told to
// nobody.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "control/routes.h"
#include "server/model_caller.h"

namespace clary::server {

class Capture;
class InvocationMetrics;

// Sends the copies behind the answers, on a few threads of its own. It holds at most 64 MiB of
// requests and 1000 of them; what does not fit is dropped, with a warning in the service's log, and
// no request waits or fails for it. What waits when it goes is dropped. Any thread.
class ShadowTraffic {
 public:
  // Borrowed; `capture` and `metrics` may be null.
  ShadowTraffic(ModelCaller& models, Capture* capture, InvocationMetrics* metrics);
  ~ShadowTraffic();
  // Takes a copy of the request for each shadow of the route, as often as its weight says.
  void Take(const std::shared_ptr<const control::EndpointRoute>& route, const ModelRequest& request)
      EXCLUDES(mu_);

 private:
  struct Copy {
    std::shared_ptr<const control::EndpointRoute> route;
    const control::VariantRoute* shadow = nullptr;  // of the route
    ModelRequest request;                           // whose body is `body`
    std::string body;
  };
  void Work(const std::stop_token& stop) EXCLUDES(mu_);
  void Ask(Copy copy, const std::stop_token& stop);

  ModelCaller& models_;
  Capture* const capture_;
  InvocationMetrics* const metrics_;
  Mutex mu_;
  std::condition_variable_any changed_;
  std::deque<Copy> waiting_ GUARDED_BY(mu_);
  size_t bytes_ GUARDED_BY(mu_) = 0;
  bool dropping_ GUARDED_BY(mu_) = false;
  std::vector<std::jthread> threads_;  // last: joined before what they use goes
};

}  // namespace clary::server
