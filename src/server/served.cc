#include "server/served.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "api/shapes.h"
#include "base/clock.h"
#include "base/strings.h"

namespace clary::server {
namespace {

using api::Shape;
using api::Type;
using nlohmann::json;

// A service of the table, and its words for what is wrong.
struct Speech {
  std::string_view name;
  std::string_view title;
  std::span<const api::Operation> (*operations)();
  std::string_view invalid;  // the code for a value that is not allowed
  std::string_view unknown;  // the code for an operation that is not there
  std::string_view version;  // in the message of the Query services
};
constexpr Speech kServices[] = {
    {"sts", "STS", api::StsOperations, "ValidationError", "InvalidAction", "2011-06-15"},
    {"iam", "IAM", api::IamOperations, "ValidationError", "InvalidAction", "2010-05-08"},
    {"logs", "CloudWatch Logs", api::LogsOperations, "InvalidParameterException",
     "UnknownOperationException", ""},
    {"monitoring", "CloudWatch", api::CloudwatchOperations, "ValidationError",
     "UnknownOperationException", ""},
    {"kms", "KMS", api::KmsOperations, "ValidationException", "UnknownOperationException", ""},
    {"application-autoscaling", "Application Auto Scaling", api::AutoscalingOperations,
     "ValidationException", "UnknownOperationException", ""},
};

constexpr Served kServed[] = {
    {"sts", "AssumeRole", "RoleArn RoleSessionName DurationSeconds Policy SourceIdentity"},
    {"sts", "GetAccessKeyInfo", "AccessKeyId"},
    {"sts", "GetCallerIdentity", ""},
    {"sts", "GetFederationToken", "Name DurationSeconds Policy"},
    {"sts", "GetSessionToken", "DurationSeconds"},

    {"iam", "AttachRolePolicy", "RoleName PolicyArn"},
    {"iam", "CreateAccessKey", "UserName"},
    {"iam", "CreateRole",
     "RoleName AssumeRolePolicyDocument Path Description MaxSessionDuration Tags"},
    {"iam", "DeleteAccessKey", "UserName AccessKeyId"},
    {"iam", "DeleteRole", "RoleName"},
    {"iam", "DetachRolePolicy", "RoleName PolicyArn"},
    {"iam", "GetRole", "RoleName"},
    {"iam", "ListAccessKeys", "UserName Marker MaxItems"},
    {"iam", "ListAttachedRolePolicies", "RoleName PathPrefix Marker MaxItems"},
    {"iam", "ListRoles", "PathPrefix Marker MaxItems"},
    {"iam", "SimulatePrincipalPolicy", "PolicySourceArn ActionNames ResourceArns"},
    {"iam", "UpdateAssumeRolePolicy", "RoleName PolicyDocument"},
    {"iam", "UpdateRole", "RoleName Description MaxSessionDuration"},

    {"logs", "CreateLogGroup", "logGroupName tags logGroupClass deletionProtectionEnabled"},
    {"logs", "CreateLogStream", "logGroupName logStreamName"},
    {"logs", "DeleteLogGroup", "logGroupName"},
    {"logs", "DeleteLogStream", "logGroupName logStreamName"},
    {"logs", "DeleteRetentionPolicy", "logGroupName"},
    {"logs", "DescribeLogGroups",
     "logGroupNamePrefix logGroupNamePattern nextToken limit logGroupClass"},
    {"logs", "DescribeLogStreams",
     "logGroupName logGroupIdentifier logStreamNamePrefix orderBy descending nextToken limit"},
    {"logs", "FilterLogEvents",
     "logGroupName logGroupIdentifier logStreamNames logStreamNamePrefix startTime endTime "
     "filterPattern nextToken limit"},
    {"logs", "GetLogEvents",
     "logGroupName logGroupIdentifier logStreamName startTime endTime nextToken limit "
     "startFromHead"},
    {"logs", "ListTagsForResource", "resourceArn"},
    {"logs", "PutLogEvents", "logGroupName logStreamName logEvents"},
    {"logs", "PutRetentionPolicy", "logGroupName retentionInDays"},
    {"logs", "TagResource", "resourceArn tags"},
    {"logs", "UntagResource", "resourceArn tagKeys"},

    {"monitoring", "DeleteAlarms", "AlarmNames"},
    {"monitoring", "DescribeAlarmHistory",
     "AlarmName HistoryItemType StartDate EndDate MaxRecords NextToken ScanBy AlarmTypes"},
    {"monitoring", "DescribeAlarms",
     "AlarmNames AlarmNamePrefix AlarmTypes StateValue MaxRecords NextToken"},
    {"monitoring", "GetMetricData",
     "MetricDataQueries MetricDataQueries.Id MetricDataQueries.MetricStat MetricDataQueries.Label "
     "MetricDataQueries.ReturnData StartTime EndTime NextToken ScanBy MaxDatapoints"},
    {"monitoring", "GetMetricStatistics",
     "Namespace MetricName Dimensions StartTime EndTime Period Statistics ExtendedStatistics Unit"},
    {"monitoring", "ListMetrics", "Namespace MetricName Dimensions NextToken RecentlyActive"},
    {"monitoring", "PutMetricAlarm",
     "AlarmName AlarmDescription ActionsEnabled MetricName Namespace Statistic ExtendedStatistic "
     "Dimensions Period Unit EvaluationPeriods DatapointsToAlarm Threshold ComparisonOperator "
     "TreatMissingData OKActions AlarmActions InsufficientDataActions"},
    {"monitoring", "PutMetricData", "Namespace MetricData"},
    {"monitoring", "SetAlarmState", "AlarmName StateValue StateReason StateReasonData"},

    {"kms", "CancelKeyDeletion", "KeyId"},
    {"kms", "CreateAlias", "AliasName TargetKeyId"},
    {"kms", "CreateKey", "Policy Description KeyUsage KeySpec CustomerMasterKeySpec Origin Tags"},
    {"kms", "DeleteAlias", "AliasName"},
    {"kms", "DescribeKey", "KeyId"},
    {"kms", "DisableKey", "KeyId"},
    {"kms", "EnableKey", "KeyId"},
    {"kms", "GetKeyPolicy", "KeyId PolicyName"},
    {"kms", "ListAliases", "KeyId Limit Marker"},
    {"kms", "ListKeys", "Limit Marker"},
    {"kms", "ListResourceTags", "KeyId Limit Marker"},
    {"kms", "PutKeyPolicy", "KeyId PolicyName Policy"},
    {"kms", "ScheduleKeyDeletion", "KeyId PendingWindowInDays"},
    {"kms", "TagResource", "KeyId Tags"},
    {"kms", "UntagResource", "KeyId TagKeys"},
    {"kms", "UpdateAlias", "AliasName TargetKeyId"},
    {"kms", "UpdateKeyDescription", "KeyId Description"},

    {"application-autoscaling", "DeleteScalingPolicy",
     "PolicyName ServiceNamespace ResourceId ScalableDimension"},
    {"application-autoscaling", "DeleteScheduledAction",
     "ScheduledActionName ServiceNamespace ResourceId ScalableDimension"},
    {"application-autoscaling", "DeregisterScalableTarget",
     "ServiceNamespace ResourceId ScalableDimension"},
    {"application-autoscaling", "DescribeScalableTargets",
     "ServiceNamespace ResourceIds ScalableDimension MaxResults NextToken"},
    {"application-autoscaling", "DescribeScalingActivities",
     "ServiceNamespace ResourceId ScalableDimension MaxResults NextToken"},
    {"application-autoscaling", "DescribeScalingPolicies",
     "ServiceNamespace PolicyNames ResourceId ScalableDimension MaxResults NextToken"},
    {"application-autoscaling", "DescribeScheduledActions",
     "ServiceNamespace ScheduledActionNames ResourceId ScalableDimension MaxResults NextToken"},
    {"application-autoscaling", "PutScalingPolicy",
     "PolicyName ServiceNamespace ResourceId ScalableDimension PolicyType "
     "StepScalingPolicyConfiguration "
     "TargetTrackingScalingPolicyConfiguration "
     "TargetTrackingScalingPolicyConfiguration.TargetValue "
     "TargetTrackingScalingPolicyConfiguration.PredefinedMetricSpecification "
     "TargetTrackingScalingPolicyConfiguration.PredefinedMetricSpecification.PredefinedMetricType "
     "TargetTrackingScalingPolicyConfiguration.CustomizedMetricSpecification "
     "TargetTrackingScalingPolicyConfiguration.CustomizedMetricSpecification.MetricName "
     "TargetTrackingScalingPolicyConfiguration.CustomizedMetricSpecification.Namespace "
     "TargetTrackingScalingPolicyConfiguration.CustomizedMetricSpecification.Dimensions "
     "TargetTrackingScalingPolicyConfiguration.CustomizedMetricSpecification.Statistic "
     "TargetTrackingScalingPolicyConfiguration.ScaleOutCooldown "
     "TargetTrackingScalingPolicyConfiguration.ScaleInCooldown "
     "TargetTrackingScalingPolicyConfiguration.DisableScaleIn"},
    {"application-autoscaling", "PutScheduledAction",
     "ScheduledActionName ServiceNamespace ResourceId ScalableDimension Schedule Timezone "
     "StartTime "
     "EndTime ScalableTargetAction"},
    {"application-autoscaling", "RegisterScalableTarget",
     "ServiceNamespace ResourceId ScalableDimension MinCapacity MaxCapacity SuspendedState"},
};

constexpr std::string_view kNoPolicies = "no policy is evaluated that could ask for it";
constexpr Harmless kHarmless[] = {
    {"sts", "AssumeRole", "ExternalId", kNoPolicies},
    {"sts", "AssumeRole", "Tags", kNoPolicies},
    {"sts", "AssumeRole", "TransitiveTagKeys", kNoPolicies},
    {"sts", "GetFederationToken", "Tags", kNoPolicies},
    {"iam", "SimulatePrincipalPolicy", "MaxItems", "the answer is always whole"},
    {"logs", "CreateLogGroup", "kmsKeyId",
     "nothing is encrypted with KMS keys here; the service's log says so"},
    {"logs", "FilterLogEvents", "interleaved", "events are always interleaved, as in AWS"},
    {"logs", "FilterLogEvents", "unmask", "nothing is masked"},
    {"logs", "GetLogEvents", "unmask", "nothing is masked"},
    {"logs", "PutLogEvents", "sequenceToken", "it means nothing any more, as in AWS"},
    {"monitoring", "GetMetricData", "LabelOptions", "only for labels that are computed"},
    {"monitoring", "PutMetricAlarm", "Tags", "nothing asks for an alarm's tags"},
    {"monitoring", "PutMetricAlarm", "EvaluateLowSampleCountPercentile",
     "percentiles are exact from the first sample"},
    {"kms", "CreateKey", "BypassPolicyLockoutSafetyCheck", "key policies lock nobody out here"},
    {"kms", "PutKeyPolicy", "BypassPolicyLockoutSafetyCheck", "key policies lock nobody out here"},
    {"kms", "DescribeKey", "GrantTokens", "there are no grants"},
    {"application-autoscaling", "DescribeScalingActivities", "IncludeNotScaledActivities",
     "every activity changed something"},
    {"application-autoscaling", "RegisterScalableTarget", "RoleARN",
     "no role limits what the service does on this machine"},
    {"application-autoscaling", "RegisterScalableTarget", "Tags",
     "nothing asks for a target's tags"},
};

// Operations that are refused in words, unlike those that nobody knows.
struct RefusedOperations {
  std::string_view service;
  std::string_view operations;
  std::string_view code;
  std::string_view reason;
};
constexpr RefusedOperations kRefusedOperations[] = {
    {"kms",
     "Decrypt DeriveSharedSecret Encrypt GenerateDataKey GenerateDataKeyPair "
     "GenerateDataKeyPairWithoutPlaintext GenerateDataKeyWithoutPlaintext GenerateMac "
     "GenerateRandom GetParametersForImport GetPublicKey ImportKeyMaterial ReEncrypt Sign Verify "
     "VerifyMac",
     "UnsupportedOperationException",
     "Nothing is encrypted with KMS keys here: keys are names that set-ups make and jobs carry"},
    {"application-autoscaling", "GetPredictiveScalingForecast", "ValidationException",
     "Capacity follows a metric or a schedule here"},
};

const Speech* FindSpeech(std::string_view name) {
  const auto* it = std::ranges::find(kServices, name, &Speech::name);
  return it == std::end(kServices) ? nullptr : it;
}

const Served* FindServed(std::string_view service, std::string_view operation) {
  const auto* it = std::ranges::find_if(kServed, [&](const Served& row) {
    return row.service == service && row.operation == operation;
  });
  return it == std::end(kServed) ? nullptr : it;
}

std::optional<double> NumberIn(const std::string& text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [at, ec] = std::from_chars(text.data(), end, value);
  if (ec != std::errc() || at != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

// Gives texts the types of their shape where they have its form; Conform() names those that do not.
void ReadTexts(json& value, const Shape& shape) {
  if (value.is_string()) {
    const auto text = value.get<std::string>();
    switch (shape.type) {
      case Type::kInteger:
      case Type::kLong:
        if (const auto n = ParseInt(text)) value = *n;
        break;
      case Type::kFloat:
      case Type::kDouble:
        if (const auto n = NumberIn(text)) value = *n;
        break;
      case Type::kBoolean:
        if (text == "true" || text == "false") value = text == "true";
        break;
      case Type::kTimestamp:
        if (const auto time = ParseIso8601(text)) {
          value = ToSeconds(*time);
        } else if (const auto seconds = NumberIn(text)) {
          value = *seconds;
        }
        break;
      case Type::kList:  // a list without items is sent so
        if (text.empty()) value = json::array();
        break;
      default:
        break;
    }
    return;
  }
  if (value.is_object() && shape.type == Type::kStructure) {
    for (auto it = value.begin(); it != value.end(); ++it) {
      if (const api::Member* member = api::FindMember(shape, it.key())) {
        ReadTexts(*it, *member->shape);
      }
    }
  } else if (value.is_array() && shape.type == Type::kList) {
    for (json& item : value) ReadTexts(item, *shape.item);
  }
}

enum class Standing { kWhole, kPartly, kRefused };

Standing StandingOf(const Served& row, const std::string& path) {
  Standing found = Standing::kRefused;
  bool longer = false;
  for (const std::string_view listed : Split(row.members, ' ')) {
    if (listed == path) found = Standing::kWhole;
    if (listed.starts_with(path + ".")) longer = true;
  }
  for (const Harmless& harmless : kHarmless) {
    if (harmless.service == row.service && harmless.operation == row.operation &&
        harmless.member == path) {
      return Standing::kWhole;
    }
  }
  return found == Standing::kWhole && longer ? Standing::kPartly : found;
}

// Refuses members that the shape has and the table does not. What the shape does not have is left
// to Conform(), which knows what may have been meant.
Status CheckMembers(const Served& row, const Speech& service, const json& value, const Shape& shape,
                    const std::string& path) {
  if (value.is_array() && shape.type == Type::kList) {
    for (const json& item : value) {
      CLARY_CHECK_OK(CheckMembers(row, service, item, *shape.item, path));
    }
    return {};
  }
  if (!value.is_object() || shape.type != Type::kStructure) return {};
  for (const auto& [key, below] : value.items()) {
    const api::Member* member = api::FindMember(shape, key);
    if (!member || below.is_null()) continue;
    const std::string at = path.empty() ? key : path + "." + key;
    switch (StandingOf(row, at)) {
      case Standing::kWhole:
        break;
      case Standing::kPartly:
        CLARY_CHECK_OK(CheckMembers(row, service, below, *member->shape, at));
        break;
      case Standing::kRefused:
        return Fail(Code::kInvalidArgument, std::string(service.invalid),
                    "The member '" + at + "' of " + std::string(row.operation) +
                        " is not supported here: leave it out (docs/fronts.md lists what is)");
    }
  }
  return {};
}

// The checks of shapes use the codes of JSON services; this one may have others.
std::unexpected<Error> InWords(Error error, const Speech& service, bool texts) {
  if (texts || error.reason == "ValidationException") error.reason = service.invalid;
  return std::unexpected(std::move(error));
}

}  // namespace

bool IsServed(std::string_view service) { return FindSpeech(service) != nullptr; }

std::span<const Served> ServedOperations() { return kServed; }
std::span<const Harmless> HarmlessMembers() { return kHarmless; }

Result<json> Understand(std::string_view service_name, std::string_view operation_name,
                        json document, bool texts) {
  const Speech* service = FindSpeech(service_name);
  const Served* row = service ? FindServed(service_name, operation_name) : nullptr;
  const api::Operation* operation =
      row ? api::FindOperation(service->operations(), operation_name) : nullptr;
  if (!operation) {
    for (const RefusedOperations& refused : kRefusedOperations) {
      const auto names = Split(refused.operations, ' ');
      if (refused.service == service_name &&
          std::ranges::find(names, operation_name) != names.end()) {
        return Fail(
            Code::kInvalidArgument, std::string(refused.code),
            std::string(operation_name) + " is not supported. " + std::string(refused.reason));
      }
    }
    if (service && service->unknown == "InvalidAction") {
      return Fail(Code::kInvalidArgument, "InvalidAction",
                  "Could not find operation " + std::string(operation_name) + " for version " +
                      std::string(service->version));
    }
    return Fail(Code::kInvalidArgument, "UnknownOperationException",
                std::string(service ? service->title : service_name) + " has no operation '" +
                    std::string(operation_name) + "' here");
  }
  CLARY_CHECK_OK(CheckMembers(*row, *service, document, *operation->input, ""));
  if (texts) ReadTexts(document, *operation->input);
  if (auto conforms = api::Conform(document, *operation->input); !conforms) {
    return InWords(std::move(conforms).error(), *service, texts);
  }
  if (auto allowed = api::CheckValues(document, *operation->input); !allowed) {
    return InWords(std::move(allowed).error(), *service, texts);
  }
  return document;
}

std::string FrontsPage() {
  std::string out =
      "# The fronts: what each service understands\n\n"
      "Made from `src/server/served.cc` by its test; edit that. An operation that is not here is "
      "answered with its service's error for unknown operations. An input member that is not here "
      "is refused with an error that names it, and nothing is done. SageMaker and S3 have tables "
      "of their own.\n";
  for (const Speech& service : kServices) {
    out += "\n## " + std::string(service.title) +
           "\n\n| operation | members that are obeyed | accepted without effect |\n|---|---|---|\n";
    for (const Served& row : kServed) {
      if (row.service != service.name) continue;
      std::string obeyed;
      for (const std::string_view path : Split(row.members, ' ')) {
        if (path.empty()) continue;
        if (!obeyed.empty()) obeyed += ", ";
        obeyed.append("`").append(path).append("`");
      }
      std::string harmless;
      for (const Harmless& member : kHarmless) {
        if (member.service != row.service || member.operation != row.operation) continue;
        if (!harmless.empty()) harmless += "; ";
        harmless.append("`").append(member.member).append("`: ").append(member.reason);
      }
      out += "| " + std::string(row.operation) + " | " + obeyed + " | " + harmless + " |\n";
    }
    for (const RefusedOperations& refused : kRefusedOperations) {
      if (refused.service != service.name) continue;
      out += "\nRefused with " + std::string(refused.code) + ": " +
             std::string(refused.operations) + ". " + std::string(refused.reason) + ".\n";
    }
  }
  return out;
}

}  // namespace clary::server
