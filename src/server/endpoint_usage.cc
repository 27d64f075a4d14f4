#include "server/endpoint_usage.h"

#include <utility>
#include <vector>

#include "api/server_spec.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

namespace clary::server {
namespace {

constexpr uint64_t kMostUsageBytes = 64 << 10;
constexpr char kEndpoints[] = "/aws/sagemaker/Endpoints";

}  // namespace

void EndpointUsage::Look(const control::EndpointRoutes& routes, MetricStore& store,
                         InvocationMetrics& metrics) {
  std::map<std::string, int64_t> seen;
  std::vector<MetricDatum> data;
  for (const auto& [name, endpoint] : routes) {
    for (const auto* variants : {&endpoint->variants, &endpoint->shadows, &endpoint->components}) {
      for (const control::VariantRoute& variant : *variants) {
        for (const control::InstanceRoute& instance : variant.instances) {
          int64_t& last = seen[instance.id];
          if (const auto it = seen_.find(instance.id); it != seen_.end()) last = it->second;
          const auto text = ReadFile(instance.directory / "usage.json", kMostUsageBytes);
          if (!text) continue;  // it is younger than a minute
          const auto usage = api::InstanceUsage::FromJson(*text);
          if (!usage || usage->time_ms <= last) continue;
          last = usage->time_ms;
          const auto add = [&](const char* metric, const char* unit, double value) {
            data.push_back(
                {.key = {.space = kEndpoints,
                         .name = metric,
                         .dimensions = {{"EndpointName", name}, {"VariantName", variant.name}}},
                 .samples = {{.time = FromMillis(usage->time_ms),
                              .unit = unit,
                              .sum = value,
                              .low = value,
                              .high = value}}});
          };
          add("CPUUtilization", "Percent", usage->cpu_percent);
          add("MemoryUtilization", "Percent", usage->memory_percent);
          add("DiskUtilization", "Percent", usage->disk_percent);
          if (!usage->multi_model) continue;
          add("LoadedModelCount", "None", static_cast<double>(usage->loaded_models));
          for (const int64_t took : usage->unloads_us) {
            metrics.Add(name, variant.name, "ModelUnloadingTime", "Microseconds",
                        static_cast<double>(took));
          }
        }
      }
    }
  }
  seen_ = std::move(seen);
  if (data.empty()) return;
  if (const Status stored = store.Put(data); !stored) {
    LOG(kWarn, "what endpoints use is not stored", {"message", stored.error().message});
  }
}

}  // namespace clary::server
