// What CloudWatch knows of invocations: namespace AWS/SageMaker, by EndpointName and VariantName, a
// point a minute.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/mutex.h"
#include "server/metric_store.h"

namespace clary::server {

struct InvocationOutcome {
  int status = 200;                           // of the answer; 424: the model's error
  bool model_client_error = false;            // of a 424: the container answered 4xx
  size_t instances = 1;                       // of the variant
  std::chrono::microseconds model_latency{};  // 0: no container was asked
  std::chrono::microseconds overhead{};
};

// Any thread.
class InvocationMetrics {
 public:
  explicit InvocationMetrics(Clock& clock) : clock_(clock) {}

  void Count(std::string_view endpoint, std::string_view variant, const InvocationOutcome& outcome)
      EXCLUDES(mu_);
  // Counts one value of another metric of the namespace; without a variant it is the endpoint's.
  // `name` and `unit` are literals.
  void Add(std::string_view endpoint, std::string_view variant, const char* name, const char* unit,
           double value) EXCLUDES(mu_);
  // Stores the minutes that have ended, with `all` the current one, too. What cannot be stored is
  // lost, with a warning in the log.
  void Flush(MetricStore& store, bool all) EXCLUDES(mu_);

 private:
  struct Sum {
    double count = 0;
    double sum = 0;
    double low = 0;
    double high = 0;
    void Add(double value);
  };
  struct Variant {
    Sum invocations, per_instance, client_errors, server_errors, model_errors, model_latency,
        overhead;
    std::map<std::string_view, std::pair<const char*, Sum>> others;  // by name: unit, values
  };
  using Key = std::pair<std::string, std::string>;  // endpoint, variant

  Clock& clock_;
  Mutex mu_;
  std::map<int64_t, std::map<Key, Variant>> minutes_ GUARDED_BY(mu_);
};

}  // namespace clary::server
