// What instances of endpoints say of themselves (usage.json), as CloudWatch has it: CPUUtilization,
// MemoryUtilization, DiskUtilization and LoadedModelCount in /aws/sagemaker/Endpoints, by
// EndpointName and VariantName, a value an instance and minute; and ModelUnloadingTime.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "control/routes.h"
#include "server/invocation_metrics.h"
#include "server/metric_store.h"

namespace clary::server {

// One thread.
class EndpointUsage {
 public:
  // Stores what the instances have written since the last look. For housekeeping.
  void Look(const control::EndpointRoutes& routes, MetricStore& store, InvocationMetrics& metrics);

 private:
  std::map<std::string, int64_t> seen_;  // by instance: time_ms of its last file
};

}  // namespace clary::server
