// The routes of all endpoints, replaced as a whole and read without waiting for a writer.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "control/routes.h"

namespace clary::control {

// Any thread.
class RouteTable {
 public:
  std::shared_ptr<const EndpointRoutes> Read() const { return routes_.load(); }

  // Replaces the endpoint's route by what `make` answers; none: there is no such endpoint any more.
  // `make` is called while no other writer is, so the last one of several sees the newest state; it
  // must not take long or wait.
  template <typename Make>
  void Refresh(const std::string& endpoint, Make&& make) {
    MutexLock one_writer(writers_);
    std::shared_ptr<const EndpointRoute> route = make();
    auto next = std::make_shared<EndpointRoutes>(*routes_.load());
    if (route) {
      next->insert_or_assign(endpoint, std::move(route));
    } else {
      next->erase(endpoint);
    }
    routes_.store(std::move(next));
  }

 private:
  Mutex writers_;
  std::atomic<std::shared_ptr<const EndpointRoutes>> routes_ =
      std::make_shared<const EndpointRoutes>();
};

}  // namespace clary::control
