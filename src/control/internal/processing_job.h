// What control knows of a processing job beside what every record has.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "control/internal/record.h"

namespace clary::control {

inline constexpr char kProcessingLogGroup[] = "/aws/sagemaker/ProcessingJobs";

struct ProcessingFacts : Facts {
  std::string exit_message;
  int64_t max_runtime_s = 0;  // of a user's
  // Of one that evaluates a rule:
  std::string rule;        // RuleConfigurationName; empty: it evaluates none
  bool profiler = false;   // of ProfilerRuleConfigurations
  int place = 0;           // in its list
  std::string evaluation;  // the RuleEvaluationStatus that it ended in

  nlohmann::json ToJson() const override;
  static FactsPtr FromJson(const nlohmann::json& j);  // throws what nlohmann throws
};

}  // namespace clary::control
