// Data capture: samples of what an endpoint was asked and answered, as objects of JSON lines
// (docs/formats/data-capture.md).
#pragma once

#include <condition_variable>
#include <map>
#include <string>
#include <string_view>
#include <thread>

#include "base/clock.h"
#include "base/mutex.h"
#include "control/routes.h"
#include "objects/object_store.h"

namespace clary::server {

struct CaptureSide {
  std::string_view content_type;
  std::string_view body;
};

// One invocation that a container answered.
struct CapturedCall {
  std::string_view endpoint;
  std::string_view variant;
  std::string_view inference_id;       // empty: none given
  std::string_view custom_attributes;  // likewise
  CaptureSide input;
  CaptureSide output;
};

// The line of a call, with its line end. `event_id` is a UUID.
std::string CaptureLine(const control::CaptureRoute& route, const CapturedCall& call,
                        std::string_view event_id, Time when);

// Collects lines and writes them behind the answers: when a variant was silent for a second, a
// minute after the first line, or at 4 MiB. It holds at most 64 MiB; what does not fit, and what
// cannot be stored, is dropped with a warning in the service's log, and no request waits or fails
// for it. What was taken is written before the destructor returns. Any thread.
class Capture {
 public:
  Capture(objects::ObjectStore& store, Clock& clock);
  ~Capture();
  // Samples by the route's percentage.
  void Take(const control::CaptureRoute& route, const CapturedCall& call) EXCLUDES(mu_);

 private:
  struct Pending {
    std::string lines;
    Time first{};
    Time last{};
  };
  void Run(const std::stop_token& stop);
  void Flush(bool all) EXCLUDES(mu_);
  void Store(const std::string& prefix, Pending pending);

  objects::ObjectStore& store_;
  Clock& clock_;
  Mutex mu_;
  std::condition_variable_any changed_;
  std::map<std::string, Pending> pending_ GUARDED_BY(mu_);  // by "s3://bucket/prefix/e/variant"
  size_t bytes_ GUARDED_BY(mu_) = 0;
  bool dropping_ GUARDED_BY(mu_) = false;
  std::jthread thread_;  // last: joined before what it uses goes
};

}  // namespace clary::server
