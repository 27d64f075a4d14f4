// What a rule does when it fires: RuleParameters' action_json.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace clary::rules {

struct RuleAction {
  enum class Kind { kStopTraining, kEmail, kSms };
  Kind kind = Kind::kStopTraining;
  std::string target;  // the job's name or a beginning of it; an address; a telephone number
};

// Reads a JSON list of {"name": "stoptraining", "training_job_prefix": ...} and {"name": "email" or
// "sms", "endpoint": ...}. SDKs put a backslash before each quote and fold the case; both forms are
// taken. Empty text: none. kInvalidArgument "BadAction".
Result<std::vector<RuleAction>> ParseActions(std::string_view action_json);

// Whether a StopTraining action means this job. Case does not count: SDKs fold it.
bool StopsJob(const RuleAction& action, std::string_view job_name);

// What happened, for people and for programs.
struct RuleMessage {
  std::string rule;  // its name
  std::string job_name;
  std::string details;
};

// Sends an email or SMS action's message the way the operator's settings say
// (docs/operations.md, "Notifications"). kFailedPrecondition "NotConfigured" if they say none;
// otherwise what the webhook or the mail server did not take. Blocks for at most half a minute.
Status SendNotification(const RuleAction& action, const RuleMessage& message,
                        const std::filesystem::path& settings);

}  // namespace clary::rules
