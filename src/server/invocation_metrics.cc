#include "server/invocation_metrics.h"

#include <algorithm>
#include <vector>

#include "base/log.h"

namespace clary::server {
namespace {

constexpr int64_t kMinuteMs = 60'000;
constexpr char kSpace[] = "AWS/SageMaker";

}  // namespace

void InvocationMetrics::Sum::Add(double value) {
  low = count == 0 ? value : std::min(low, value);
  high = count == 0 ? value : std::max(high, value);
  sum += value;
  ++count;
}

void InvocationMetrics::Count(std::string_view endpoint, std::string_view variant,
                              const InvocationOutcome& outcome) {
  const bool model_error = outcome.status == 424;
  const bool client =
      model_error ? outcome.model_client_error : outcome.status >= 400 && outcome.status < 500;
  const bool server = model_error ? !outcome.model_client_error : outcome.status >= 500;
  const int64_t minute = ToMillis(clock_.Now()) / kMinuteMs;
  const MutexLock lock(mu_);
  Variant& v = minutes_[minute][{std::string(endpoint), std::string(variant)}];
  v.invocations.Add(1);
  v.per_instance.Add(1.0 / static_cast<double>(std::max<size_t>(outcome.instances, 1)));
  v.client_errors.Add(client ? 1 : 0);
  v.server_errors.Add(server ? 1 : 0);
  v.model_errors.Add(model_error ? 1 : 0);
  if (outcome.model_latency.count() > 0) {
    v.model_latency.Add(static_cast<double>(outcome.model_latency.count()));
  }
  v.overhead.Add(static_cast<double>(outcome.overhead.count()));
}

void InvocationMetrics::Add(std::string_view endpoint, std::string_view variant, const char* name,
                            const char* unit, double value) {
  const int64_t minute = ToMillis(clock_.Now()) / kMinuteMs;
  const MutexLock lock(mu_);
  auto& [its_unit, sum] =
      minutes_[minute][{std::string(endpoint), std::string(variant)}].others[name];
  its_unit = unit;
  sum.Add(value);
}

void InvocationMetrics::Flush(MetricStore& store, bool all) {
  std::vector<MetricDatum> data;
  {
    const int64_t now = ToMillis(clock_.Now()) / kMinuteMs;
    const MutexLock lock(mu_);
    while (!minutes_.empty() && (all || minutes_.begin()->first < now)) {
      const Time time = FromMillis(minutes_.begin()->first * kMinuteMs);
      for (const auto& [key, v] : minutes_.begin()->second) {
        std::vector<std::pair<std::string, std::string>> dimensions = {{"EndpointName", key.first}};
        if (!key.second.empty()) dimensions.emplace_back("VariantName", key.second);
        const auto add = [&](std::string_view name, const char* unit, const Sum& sum) {
          if (sum.count == 0) return;
          data.push_back(
              {.key = {.space = kSpace, .name = std::string(name), .dimensions = dimensions},
               .samples = {{.time = time,
                            .unit = unit,
                            .count = sum.count,
                            .sum = sum.sum,
                            .low = sum.low,
                            .high = sum.high}}});
        };
        add("Invocations", "None", v.invocations);
        add("InvocationsPerInstance", "None", v.per_instance);
        add("Invocation4XXErrors", "None", v.client_errors);
        add("Invocation5XXErrors", "None", v.server_errors);
        add("InvocationModelErrors", "None", v.model_errors);
        add("ModelLatency", "Microseconds", v.model_latency);
        add("OverheadLatency", "Microseconds", v.overhead);
        for (const auto& [name, other] : v.others) add(name, other.first, other.second);
      }
      minutes_.erase(minutes_.begin());
    }
  }
  if (data.empty()) return;
  if (const Status stored = store.Put(data); !stored) {
    LOG(kWarn, "metrics of invocations not stored", {"message", stored.error().message});
  }
}

}  // namespace clary::server
