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

  // Replaces the endpoint's route; none: there is no such endpoint any more.
  void Set(const std::string& endpoint, std::shared_ptr<const EndpointRoute> route) {
    MutexLock one_writer(writers_);
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
