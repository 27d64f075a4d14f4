// Shapes of Application Auto Scaling, as botocore 1.44.5 states them.
// Made by tools/api_shapes.py from tools/api_shapes.toml: edit that, not this.
// clang-format off
#include "api/internal/shape_rows.h"
#include "api/shapes.h"

namespace clary::api::autoscaling {
namespace {

[[maybe_unused]] constexpr Shape kNothing = Structure("Nothing");
constexpr Shape kResourceIdMaxLen1600 = String(1, 1600, R"([\x{0020}-\x{D7FF}\x{E000}-\x{FFFD}\x{10000}-\x{10FFFF}\r\n\t]*)", R"([\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*)");
constexpr std::string_view kServiceNamespaceValues[] = {
    "ecs", "elasticmapreduce", "ec2", "appstream", "dynamodb", "rds", "sagemaker",
    "custom-resource", "comprehend", "lambda", "cassandra", "kafka", "elasticache", "neptune",
    "workspaces"};
constexpr Shape kServiceNamespace = Enum(kServiceNamespaceValues);
constexpr std::string_view kScalableDimensionValues[] = {
    "ecs:service:DesiredCount", "ec2:spot-fleet-request:TargetCapacity",
    "elasticmapreduce:instancegroup:InstanceCount", "appstream:fleet:DesiredCapacity",
    "dynamodb:table:ReadCapacityUnits", "dynamodb:table:WriteCapacityUnits",
    "dynamodb:index:ReadCapacityUnits", "dynamodb:index:WriteCapacityUnits",
    "rds:cluster:ReadReplicaCount", "sagemaker:variant:DesiredInstanceCount",
    "custom-resource:ResourceType:Property",
    "comprehend:document-classifier-endpoint:DesiredInferenceUnits",
    "comprehend:entity-recognizer-endpoint:DesiredInferenceUnits",
    "lambda:function:ProvisionedConcurrency", "cassandra:table:ReadCapacityUnits",
    "cassandra:table:WriteCapacityUnits", "kafka:broker-storage:VolumeSize",
    "elasticache:cache-cluster:Nodes", "elasticache:replication-group:NodeGroups",
    "elasticache:replication-group:Replicas", "neptune:cluster:ReadReplicaCount",
    "sagemaker:variant:DesiredProvisionedConcurrency",
    "sagemaker:inference-component:DesiredCopyCount",
    "workspaces:workspacespool:DesiredUserSessions"};
constexpr Shape kScalableDimension = Enum(kScalableDimensionValues);
constexpr Member kDeleteScalingPolicyRequestMembers[] = {
    {"PolicyName", &kResourceIdMaxLen1600, true}, {"ServiceNamespace", &kServiceNamespace, true},
    {"ResourceId", &kResourceIdMaxLen1600, true}, {"ScalableDimension", &kScalableDimension, true}};
constexpr Shape kDeleteScalingPolicyRequest = Structure("DeleteScalingPolicyRequest", kDeleteScalingPolicyRequestMembers);
constexpr Shape kDeleteScalingPolicyResponse = Structure("DeleteScalingPolicyResponse");
constexpr Member kDeleteScheduledActionRequestMembers[] = {
    {"ServiceNamespace", &kServiceNamespace, true},
    {"ScheduledActionName", &kResourceIdMaxLen1600, true},
    {"ResourceId", &kResourceIdMaxLen1600, true}, {"ScalableDimension", &kScalableDimension, true}};
constexpr Shape kDeleteScheduledActionRequest = Structure("DeleteScheduledActionRequest", kDeleteScheduledActionRequestMembers);
constexpr Shape kDeleteScheduledActionResponse = Structure("DeleteScheduledActionResponse");
constexpr Member kDeregisterScalableTargetRequestMembers[] = {
    {"ServiceNamespace", &kServiceNamespace, true}, {"ResourceId", &kResourceIdMaxLen1600, true},
    {"ScalableDimension", &kScalableDimension, true}};
constexpr Shape kDeregisterScalableTargetRequest = Structure("DeregisterScalableTargetRequest", kDeregisterScalableTargetRequestMembers);
constexpr Shape kDeregisterScalableTargetResponse = Structure("DeregisterScalableTargetResponse");
constexpr Shape kResourceIdsMaxLen1600 = List(&kResourceIdMaxLen1600, kNoMin, 50);
constexpr Shape kMaxResults = Integer();
constexpr Shape kXmlString = String(kNoMin, kNoMax, R"([\x{0020}-\x{D7FF}\x{E000}-\x{FFFD}\x{10000}-\x{10FFFF}\r\n\t]*)", R"([\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*)");
constexpr Member kDescribeScalableTargetsRequestMembers[] = {
    {"ServiceNamespace", &kServiceNamespace, true}, {"ResourceIds", &kResourceIdsMaxLen1600},
    {"ScalableDimension", &kScalableDimension}, {"MaxResults", &kMaxResults},
    {"NextToken", &kXmlString}};
constexpr Shape kDescribeScalableTargetsRequest = Structure("DescribeScalableTargetsRequest", kDescribeScalableTargetsRequestMembers);
constexpr Shape kResourceCapacity = Integer();
constexpr Shape kTimestampType = Timestamp();
constexpr Shape kScalingSuspended = Boolean();
constexpr Member kSuspendedStateMembers[] = {
    {"DynamicScalingInSuspended", &kScalingSuspended},
    {"DynamicScalingOutSuspended", &kScalingSuspended},
    {"ScheduledScalingSuspended", &kScalingSuspended}};
constexpr Shape kSuspendedState = Structure("SuspendedState", kSuspendedStateMembers);
constexpr Member kScalableTargetMembers[] = {
    {"ServiceNamespace", &kServiceNamespace, true}, {"ResourceId", &kResourceIdMaxLen1600, true},
    {"ScalableDimension", &kScalableDimension, true}, {"MinCapacity", &kResourceCapacity, true},
    {"MaxCapacity", &kResourceCapacity, true}, {"PredictedCapacity", &kResourceCapacity},
    {"RoleARN", &kResourceIdMaxLen1600, true}, {"CreationTime", &kTimestampType, true},
    {"SuspendedState", &kSuspendedState}, {"ScalableTargetARN", &kXmlString}};
constexpr Shape kScalableTarget = Structure("ScalableTarget", kScalableTargetMembers);
constexpr Shape kScalableTargets = List(&kScalableTarget);
constexpr Member kDescribeScalableTargetsResponseMembers[] = {
    {"ScalableTargets", &kScalableTargets}, {"NextToken", &kXmlString}};
constexpr Shape kDescribeScalableTargetsResponse = Structure("DescribeScalableTargetsResponse", kDescribeScalableTargetsResponseMembers);
constexpr Shape kIncludeNotScaledActivities = Boolean();
constexpr Member kDescribeScalingActivitiesRequestMembers[] = {
    {"ServiceNamespace", &kServiceNamespace, true}, {"ResourceId", &kResourceIdMaxLen1600},
    {"ScalableDimension", &kScalableDimension}, {"MaxResults", &kMaxResults},
    {"NextToken", &kXmlString}, {"IncludeNotScaledActivities", &kIncludeNotScaledActivities}};
constexpr Shape kDescribeScalingActivitiesRequest = Structure("DescribeScalingActivitiesRequest", kDescribeScalingActivitiesRequestMembers);
constexpr Shape kResourceId = String();
constexpr std::string_view kScalingActivityStatusCodeValues[] = {
    "Pending", "InProgress", "Successful", "Overridden", "Unfulfilled", "Failed"};
constexpr Shape kScalingActivityStatusCode = Enum(kScalingActivityStatusCodeValues);
constexpr Member kNotScaledReasonMembers[] = {
    {"Code", &kXmlString, true}, {"MaxCapacity", &kResourceCapacity},
    {"MinCapacity", &kResourceCapacity}, {"CurrentCapacity", &kResourceCapacity}};
constexpr Shape kNotScaledReason = Structure("NotScaledReason", kNotScaledReasonMembers);
constexpr Shape kNotScaledReasons = List(&kNotScaledReason);
constexpr Member kScalingActivityMembers[] = {
    {"ActivityId", &kResourceId, true}, {"ServiceNamespace", &kServiceNamespace, true},
    {"ResourceId", &kResourceIdMaxLen1600, true}, {"ScalableDimension", &kScalableDimension, true},
    {"Description", &kXmlString, true}, {"Cause", &kXmlString, true},
    {"StartTime", &kTimestampType, true}, {"EndTime", &kTimestampType},
    {"StatusCode", &kScalingActivityStatusCode, true}, {"StatusMessage", &kXmlString},
    {"Details", &kXmlString}, {"NotScaledReasons", &kNotScaledReasons}};
constexpr Shape kScalingActivity = Structure("ScalingActivity", kScalingActivityMembers);
constexpr Shape kScalingActivities = List(&kScalingActivity);
constexpr Member kDescribeScalingActivitiesResponseMembers[] = {
    {"ScalingActivities", &kScalingActivities}, {"NextToken", &kXmlString}};
constexpr Shape kDescribeScalingActivitiesResponse = Structure("DescribeScalingActivitiesResponse", kDescribeScalingActivitiesResponseMembers);
constexpr Member kDescribeScalingPoliciesRequestMembers[] = {
    {"PolicyNames", &kResourceIdsMaxLen1600}, {"ServiceNamespace", &kServiceNamespace, true},
    {"ResourceId", &kResourceIdMaxLen1600}, {"ScalableDimension", &kScalableDimension},
    {"MaxResults", &kMaxResults}, {"NextToken", &kXmlString}};
constexpr Shape kDescribeScalingPoliciesRequest = Structure("DescribeScalingPoliciesRequest", kDescribeScalingPoliciesRequestMembers);
constexpr Shape kPolicyName = String(1, 256, R"([\x20-\x7E]+)", R"(\p{Print}+)");
constexpr std::string_view kPolicyTypeValues[] = {
    "StepScaling", "TargetTrackingScaling", "PredictiveScaling"};
constexpr Shape kPolicyType = Enum(kPolicyTypeValues);
constexpr std::string_view kAdjustmentTypeValues[] = {
    "ChangeInCapacity", "PercentChangeInCapacity", "ExactCapacity"};
constexpr Shape kAdjustmentType = Enum(kAdjustmentTypeValues);
constexpr Shape kMetricScale = Double();
constexpr Shape kScalingAdjustment = Integer();
constexpr Member kStepAdjustmentMembers[] = {
    {"MetricIntervalLowerBound", &kMetricScale}, {"MetricIntervalUpperBound", &kMetricScale},
    {"ScalingAdjustment", &kScalingAdjustment, true}};
constexpr Shape kStepAdjustment = Structure("StepAdjustment", kStepAdjustmentMembers);
constexpr Shape kStepAdjustments = List(&kStepAdjustment);
constexpr Shape kMinAdjustmentMagnitude = Integer();
constexpr Shape kCooldown = Integer();
constexpr std::string_view kMetricAggregationTypeValues[] = {"Average", "Minimum", "Maximum"};
constexpr Shape kMetricAggregationType = Enum(kMetricAggregationTypeValues);
constexpr Member kStepScalingPolicyConfigurationMembers[] = {
    {"AdjustmentType", &kAdjustmentType}, {"StepAdjustments", &kStepAdjustments},
    {"MinAdjustmentMagnitude", &kMinAdjustmentMagnitude}, {"Cooldown", &kCooldown},
    {"MetricAggregationType", &kMetricAggregationType}};
constexpr Shape kStepScalingPolicyConfiguration = Structure("StepScalingPolicyConfiguration", kStepScalingPolicyConfigurationMembers);
constexpr std::string_view kMetricTypeValues[] = {
    "DynamoDBReadCapacityUtilization", "DynamoDBWriteCapacityUtilization",
    "ALBRequestCountPerTarget", "RDSReaderAverageCPUUtilization",
    "RDSReaderAverageDatabaseConnections", "EC2SpotFleetRequestAverageCPUUtilization",
    "EC2SpotFleetRequestAverageNetworkIn", "EC2SpotFleetRequestAverageNetworkOut",
    "SageMakerVariantInvocationsPerInstance", "ECSServiceAverageCPUUtilization",
    "ECSServiceAverageMemoryUtilization", "AppStreamAverageCapacityUtilization",
    "ComprehendInferenceUtilization", "LambdaProvisionedConcurrencyUtilization",
    "CassandraReadCapacityUtilization", "CassandraWriteCapacityUtilization",
    "KafkaBrokerStorageUtilization", "ElastiCacheEngineCPUUtilization",
    "ElastiCacheDatabaseMemoryUsagePercentage", "ElastiCachePrimaryEngineCPUUtilization",
    "ElastiCacheReplicaEngineCPUUtilization",
    "ElastiCacheDatabaseMemoryUsageCountedForEvictPercentage", "NeptuneReaderAverageCPUUtilization",
    "SageMakerVariantProvisionedConcurrencyUtilization",
    "ElastiCacheDatabaseCapacityUsageCountedForEvictPercentage",
    "SageMakerInferenceComponentInvocationsPerCopy",
    "WorkSpacesAverageUserSessionsCapacityUtilization",
    "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution",
    "SageMakerVariantConcurrentRequestsPerModelHighResolution",
    "ECSServiceAverageCPUUtilizationHighResolution",
    "ECSServiceAverageMemoryUtilizationHighResolution"};
constexpr Shape kMetricType = Enum(kMetricTypeValues);
constexpr Shape kResourceLabel = String(1, 1023);
constexpr Member kPredefinedMetricSpecificationMembers[] = {
    {"PredefinedMetricType", &kMetricType, true}, {"ResourceLabel", &kResourceLabel}};
constexpr Shape kPredefinedMetricSpecification = Structure("PredefinedMetricSpecification", kPredefinedMetricSpecificationMembers);
constexpr Shape kMetricName = String();
constexpr Shape kMetricNamespace = String();
constexpr Shape kMetricDimensionName = String();
constexpr Shape kMetricDimensionValue = String();
constexpr Member kMetricDimensionMembers[] = {
    {"Name", &kMetricDimensionName, true}, {"Value", &kMetricDimensionValue, true}};
constexpr Shape kMetricDimension = Structure("MetricDimension", kMetricDimensionMembers);
constexpr Shape kMetricDimensions = List(&kMetricDimension);
constexpr std::string_view kMetricStatisticValues[] = {
    "Average", "Minimum", "Maximum", "SampleCount", "Sum"};
constexpr Shape kMetricStatistic = Enum(kMetricStatisticValues);
constexpr Shape kMetricUnit = String();
constexpr Shape kExpression = String(1, 2048, R"([\x{0020}-\x{D7FF}\x{E000}-\x{FFFD}\x{10000}-\x{10FFFF}\r\n\t]*)", R"([\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*)");
constexpr Shape kId = String(1, 255, R"([\x{0020}-\x{D7FF}\x{E000}-\x{FFFD}\x{10000}-\x{10FFFF}\r\n\t]*)", R"([\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*)");
constexpr Shape kTargetTrackingMetricDimensionName = String(1, 255, R"([\x{0020}-\x{D7FF}\x{E000}-\x{FFFD}\x{10000}-\x{10FFFF}\r\n\t]*)", R"([\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*)");
constexpr Shape kTargetTrackingMetricDimensionValue = String(1, 1024, R"([\x{0020}-\x{D7FF}\x{E000}-\x{FFFD}\x{10000}-\x{10FFFF}\r\n\t]*)", R"([\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*)");
constexpr Member kTargetTrackingMetricDimensionMembers[] = {
    {"Name", &kTargetTrackingMetricDimensionName, true},
    {"Value", &kTargetTrackingMetricDimensionValue, true}};
constexpr Shape kTargetTrackingMetricDimension = Structure("TargetTrackingMetricDimension", kTargetTrackingMetricDimensionMembers);
constexpr Shape kTargetTrackingMetricDimensions = List(&kTargetTrackingMetricDimension);
constexpr Shape kTargetTrackingMetricName = String(1, 255, R"([\x{0020}-\x{D7FF}\x{E000}-\x{FFFD}\x{10000}-\x{10FFFF}\r\n\t]*)", R"([\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*)");
constexpr Shape kTargetTrackingMetricNamespace = String(1, 255, R"([\x{0020}-\x{D7FF}\x{E000}-\x{FFFD}\x{10000}-\x{10FFFF}\r\n\t]*)", R"([\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*)");
constexpr Member kTargetTrackingMetricMembers[] = {
    {"Dimensions", &kTargetTrackingMetricDimensions}, {"MetricName", &kTargetTrackingMetricName},
    {"Namespace", &kTargetTrackingMetricNamespace}};
constexpr Shape kTargetTrackingMetric = Structure("TargetTrackingMetric", kTargetTrackingMetricMembers);
constexpr Shape kTargetTrackingMetricUnit = String(1, 1023, R"([\x{0020}-\x{D7FF}\x{E000}-\x{FFFD}\x{10000}-\x{10FFFF}\r\n\t]*)", R"([\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*)");
constexpr Member kTargetTrackingMetricStatMembers[] = {
    {"Metric", &kTargetTrackingMetric, true}, {"Stat", &kXmlString, true},
    {"Unit", &kTargetTrackingMetricUnit}};
constexpr Shape kTargetTrackingMetricStat = Structure("TargetTrackingMetricStat", kTargetTrackingMetricStatMembers);
constexpr Shape kReturnData = Boolean();
constexpr Member kTargetTrackingMetricDataQueryMembers[] = {
    {"Expression", &kExpression}, {"Id", &kId, true}, {"Label", &kXmlString},
    {"MetricStat", &kTargetTrackingMetricStat}, {"ReturnData", &kReturnData}};
constexpr Shape kTargetTrackingMetricDataQuery = Structure("TargetTrackingMetricDataQuery", kTargetTrackingMetricDataQueryMembers);
constexpr Shape kTargetTrackingMetricDataQueries = List(&kTargetTrackingMetricDataQuery);
constexpr Member kCustomizedMetricSpecificationMembers[] = {
    {"MetricName", &kMetricName}, {"Namespace", &kMetricNamespace},
    {"Dimensions", &kMetricDimensions}, {"Statistic", &kMetricStatistic}, {"Unit", &kMetricUnit},
    {"Metrics", &kTargetTrackingMetricDataQueries}};
constexpr Shape kCustomizedMetricSpecification = Structure("CustomizedMetricSpecification", kCustomizedMetricSpecificationMembers);
constexpr Shape kDisableScaleIn = Boolean();
constexpr Member kTargetTrackingScalingPolicyConfigurationMembers[] = {
    {"TargetValue", &kMetricScale, true},
    {"PredefinedMetricSpecification", &kPredefinedMetricSpecification},
    {"CustomizedMetricSpecification", &kCustomizedMetricSpecification},
    {"ScaleOutCooldown", &kCooldown}, {"ScaleInCooldown", &kCooldown},
    {"DisableScaleIn", &kDisableScaleIn}};
constexpr Shape kTargetTrackingScalingPolicyConfiguration = Structure("TargetTrackingScalingPolicyConfiguration", kTargetTrackingScalingPolicyConfigurationMembers);
constexpr Shape kPredictiveScalingMetricType = String(1, 128);
constexpr Member kPredictiveScalingPredefinedMetricPairSpecificationMembers[] = {
    {"PredefinedMetricType", &kPredictiveScalingMetricType, true},
    {"ResourceLabel", &kResourceLabel}};
constexpr Shape kPredictiveScalingPredefinedMetricPairSpecification = Structure("PredictiveScalingPredefinedMetricPairSpecification", kPredictiveScalingPredefinedMetricPairSpecificationMembers);
constexpr Member kPredictiveScalingPredefinedScalingMetricSpecificationMembers[] = {
    {"PredefinedMetricType", &kPredictiveScalingMetricType, true},
    {"ResourceLabel", &kResourceLabel}};
constexpr Shape kPredictiveScalingPredefinedScalingMetricSpecification = Structure("PredictiveScalingPredefinedScalingMetricSpecification", kPredictiveScalingPredefinedScalingMetricSpecificationMembers);
constexpr Member kPredictiveScalingPredefinedLoadMetricSpecificationMembers[] = {
    {"PredefinedMetricType", &kPredictiveScalingMetricType, true},
    {"ResourceLabel", &kResourceLabel}};
constexpr Shape kPredictiveScalingPredefinedLoadMetricSpecification = Structure("PredictiveScalingPredefinedLoadMetricSpecification", kPredictiveScalingPredefinedLoadMetricSpecificationMembers);
constexpr Shape kPredictiveScalingMetricDimensionName = String(1, 255, R"([\x{0020}-\x{D7FF}\x{E000}-\x{FFFD}\x{10000}-\x{10FFFF}\r\n\t]*)", R"([\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*)");
constexpr Shape kPredictiveScalingMetricDimensionValue = String(1, 1024, R"([\x{0020}-\x{D7FF}\x{E000}-\x{FFFD}\x{10000}-\x{10FFFF}\r\n\t]*)", R"([\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*)");
constexpr Member kPredictiveScalingMetricDimensionMembers[] = {
    {"Name", &kPredictiveScalingMetricDimensionName, true},
    {"Value", &kPredictiveScalingMetricDimensionValue, true}};
constexpr Shape kPredictiveScalingMetricDimension = Structure("PredictiveScalingMetricDimension", kPredictiveScalingMetricDimensionMembers);
constexpr Shape kPredictiveScalingMetricDimensions = List(&kPredictiveScalingMetricDimension);
constexpr Shape kPredictiveScalingMetricName = String(1, 255, R"([\x{0020}-\x{D7FF}\x{E000}-\x{FFFD}\x{10000}-\x{10FFFF}\r\n\t]*)", R"([\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*)");
constexpr Shape kPredictiveScalingMetricNamespace = String(1, 255, R"([\x{0020}-\x{D7FF}\x{E000}-\x{FFFD}\x{10000}-\x{10FFFF}\r\n\t]*)", R"([\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*)");
constexpr Member kPredictiveScalingMetricMembers[] = {
    {"Dimensions", &kPredictiveScalingMetricDimensions},
    {"MetricName", &kPredictiveScalingMetricName}, {"Namespace", &kPredictiveScalingMetricNamespace}};
constexpr Shape kPredictiveScalingMetric = Structure("PredictiveScalingMetric", kPredictiveScalingMetricMembers);
constexpr Shape kPredictiveScalingMetricUnit = String(1, 1023, R"([\x{0020}-\x{D7FF}\x{E000}-\x{FFFD}\x{10000}-\x{10FFFF}\r\n\t]*)", R"([\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*)");
constexpr Member kPredictiveScalingMetricStatMembers[] = {
    {"Metric", &kPredictiveScalingMetric, true}, {"Stat", &kXmlString, true},
    {"Unit", &kPredictiveScalingMetricUnit}};
constexpr Shape kPredictiveScalingMetricStat = Structure("PredictiveScalingMetricStat", kPredictiveScalingMetricStatMembers);
constexpr Member kPredictiveScalingMetricDataQueryMembers[] = {
    {"Id", &kId, true}, {"Expression", &kExpression}, {"MetricStat", &kPredictiveScalingMetricStat},
    {"Label", &kXmlString}, {"ReturnData", &kReturnData}};
constexpr Shape kPredictiveScalingMetricDataQuery = Structure("PredictiveScalingMetricDataQuery", kPredictiveScalingMetricDataQueryMembers);
constexpr Shape kPredictiveScalingMetricDataQueries = List(&kPredictiveScalingMetricDataQuery);
constexpr Member kPredictiveScalingCustomizedMetricSpecificationMembers[] = {
    {"MetricDataQueries", &kPredictiveScalingMetricDataQueries, true}};
constexpr Shape kPredictiveScalingCustomizedMetricSpecification = Structure("PredictiveScalingCustomizedMetricSpecification", kPredictiveScalingCustomizedMetricSpecificationMembers);
constexpr Member kPredictiveScalingMetricSpecificationMembers[] = {
    {"TargetValue", &kMetricScale, true},
    {"PredefinedMetricPairSpecification", &kPredictiveScalingPredefinedMetricPairSpecification},
    {"PredefinedScalingMetricSpecification", &kPredictiveScalingPredefinedScalingMetricSpecification},
    {"PredefinedLoadMetricSpecification", &kPredictiveScalingPredefinedLoadMetricSpecification},
    {"CustomizedScalingMetricSpecification", &kPredictiveScalingCustomizedMetricSpecification},
    {"CustomizedLoadMetricSpecification", &kPredictiveScalingCustomizedMetricSpecification},
    {"CustomizedCapacityMetricSpecification", &kPredictiveScalingCustomizedMetricSpecification}};
constexpr Shape kPredictiveScalingMetricSpecification = Structure("PredictiveScalingMetricSpecification", kPredictiveScalingMetricSpecificationMembers);
constexpr Shape kPredictiveScalingMetricSpecifications = List(&kPredictiveScalingMetricSpecification);
constexpr std::string_view kPredictiveScalingModeValues[] = {"ForecastOnly", "ForecastAndScale"};
constexpr Shape kPredictiveScalingMode = Enum(kPredictiveScalingModeValues);
constexpr Shape kPredictiveScalingSchedulingBufferTime = Integer(0, 3600);
constexpr std::string_view kPredictiveScalingMaxCapacityBreachBehaviorValues[] = {
    "HonorMaxCapacity", "IncreaseMaxCapacity"};
constexpr Shape kPredictiveScalingMaxCapacityBreachBehavior = Enum(kPredictiveScalingMaxCapacityBreachBehaviorValues);
constexpr Shape kPredictiveScalingMaxCapacityBuffer = Integer(0, 100);
constexpr Member kPredictiveScalingPolicyConfigurationMembers[] = {
    {"MetricSpecifications", &kPredictiveScalingMetricSpecifications, true},
    {"Mode", &kPredictiveScalingMode},
    {"SchedulingBufferTime", &kPredictiveScalingSchedulingBufferTime},
    {"MaxCapacityBreachBehavior", &kPredictiveScalingMaxCapacityBreachBehavior},
    {"MaxCapacityBuffer", &kPredictiveScalingMaxCapacityBuffer}};
constexpr Shape kPredictiveScalingPolicyConfiguration = Structure("PredictiveScalingPolicyConfiguration", kPredictiveScalingPolicyConfigurationMembers);
constexpr Member kAlarmMembers[] = {
    {"AlarmName", &kResourceId, true}, {"AlarmARN", &kResourceId, true}};
constexpr Shape kAlarm = Structure("Alarm", kAlarmMembers);
constexpr Shape kAlarms = List(&kAlarm);
constexpr Member kScalingPolicyMembers[] = {
    {"PolicyARN", &kResourceIdMaxLen1600, true}, {"PolicyName", &kPolicyName, true},
    {"ServiceNamespace", &kServiceNamespace, true}, {"ResourceId", &kResourceIdMaxLen1600, true},
    {"ScalableDimension", &kScalableDimension, true}, {"PolicyType", &kPolicyType, true},
    {"StepScalingPolicyConfiguration", &kStepScalingPolicyConfiguration},
    {"TargetTrackingScalingPolicyConfiguration", &kTargetTrackingScalingPolicyConfiguration},
    {"PredictiveScalingPolicyConfiguration", &kPredictiveScalingPolicyConfiguration},
    {"Alarms", &kAlarms}, {"CreationTime", &kTimestampType, true}};
constexpr Shape kScalingPolicy = Structure("ScalingPolicy", kScalingPolicyMembers);
constexpr Shape kScalingPolicies = List(&kScalingPolicy);
constexpr Member kDescribeScalingPoliciesResponseMembers[] = {
    {"ScalingPolicies", &kScalingPolicies}, {"NextToken", &kXmlString}};
constexpr Shape kDescribeScalingPoliciesResponse = Structure("DescribeScalingPoliciesResponse", kDescribeScalingPoliciesResponseMembers);
constexpr Member kDescribeScheduledActionsRequestMembers[] = {
    {"ScheduledActionNames", &kResourceIdsMaxLen1600},
    {"ServiceNamespace", &kServiceNamespace, true}, {"ResourceId", &kResourceIdMaxLen1600},
    {"ScalableDimension", &kScalableDimension}, {"MaxResults", &kMaxResults},
    {"NextToken", &kXmlString}};
constexpr Shape kDescribeScheduledActionsRequest = Structure("DescribeScheduledActionsRequest", kDescribeScheduledActionsRequestMembers);
constexpr Shape kScheduledActionName = String(1, 256, R"([^\x00-\x20\x7f-\x9f:/|]([^\x00-\x1f\x7f-\x9f:/|]*[^\x00-\x20\x7f-\x9f:/|])?)", R"((?!((^[ ]+.*)|(.*([\u0000-\u001f]|[\u007f-\u009f]|[:/|])+.*)|(.*[ ]+$))).+)");
constexpr Member kScalableTargetActionMembers[] = {
    {"MinCapacity", &kResourceCapacity}, {"MaxCapacity", &kResourceCapacity}};
constexpr Shape kScalableTargetAction = Structure("ScalableTargetAction", kScalableTargetActionMembers);
constexpr Member kScheduledActionMembers[] = {
    {"ScheduledActionName", &kScheduledActionName, true},
    {"ScheduledActionARN", &kResourceIdMaxLen1600, true},
    {"ServiceNamespace", &kServiceNamespace, true}, {"Schedule", &kResourceIdMaxLen1600, true},
    {"Timezone", &kResourceIdMaxLen1600}, {"ResourceId", &kResourceIdMaxLen1600, true},
    {"ScalableDimension", &kScalableDimension}, {"StartTime", &kTimestampType},
    {"EndTime", &kTimestampType}, {"ScalableTargetAction", &kScalableTargetAction},
    {"CreationTime", &kTimestampType, true}};
constexpr Shape kScheduledAction = Structure("ScheduledAction", kScheduledActionMembers);
constexpr Shape kScheduledActions = List(&kScheduledAction);
constexpr Member kDescribeScheduledActionsResponseMembers[] = {
    {"ScheduledActions", &kScheduledActions}, {"NextToken", &kXmlString}};
constexpr Shape kDescribeScheduledActionsResponse = Structure("DescribeScheduledActionsResponse", kDescribeScheduledActionsResponseMembers);
constexpr Member kPutScalingPolicyRequestMembers[] = {
    {"PolicyName", &kPolicyName, true}, {"ServiceNamespace", &kServiceNamespace, true},
    {"ResourceId", &kResourceIdMaxLen1600, true}, {"ScalableDimension", &kScalableDimension, true},
    {"PolicyType", &kPolicyType},
    {"StepScalingPolicyConfiguration", &kStepScalingPolicyConfiguration},
    {"TargetTrackingScalingPolicyConfiguration", &kTargetTrackingScalingPolicyConfiguration},
    {"PredictiveScalingPolicyConfiguration", &kPredictiveScalingPolicyConfiguration}};
constexpr Shape kPutScalingPolicyRequest = Structure("PutScalingPolicyRequest", kPutScalingPolicyRequestMembers);
constexpr Member kPutScalingPolicyResponseMembers[] = {
    {"PolicyARN", &kResourceIdMaxLen1600, true}, {"Alarms", &kAlarms}};
constexpr Shape kPutScalingPolicyResponse = Structure("PutScalingPolicyResponse", kPutScalingPolicyResponseMembers);
constexpr Member kPutScheduledActionRequestMembers[] = {
    {"ServiceNamespace", &kServiceNamespace, true}, {"Schedule", &kResourceIdMaxLen1600},
    {"Timezone", &kResourceIdMaxLen1600}, {"ScheduledActionName", &kScheduledActionName, true},
    {"ResourceId", &kResourceIdMaxLen1600, true}, {"ScalableDimension", &kScalableDimension, true},
    {"StartTime", &kTimestampType}, {"EndTime", &kTimestampType},
    {"ScalableTargetAction", &kScalableTargetAction}};
constexpr Shape kPutScheduledActionRequest = Structure("PutScheduledActionRequest", kPutScheduledActionRequestMembers);
constexpr Shape kPutScheduledActionResponse = Structure("PutScheduledActionResponse");
constexpr Shape kTagKey = String(1, 128);
constexpr Shape kTagValue = String(0, 256);
constexpr Shape kTagMap = Map(&kTagKey, &kTagValue);
constexpr Member kRegisterScalableTargetRequestMembers[] = {
    {"ServiceNamespace", &kServiceNamespace, true}, {"ResourceId", &kResourceIdMaxLen1600, true},
    {"ScalableDimension", &kScalableDimension, true}, {"MinCapacity", &kResourceCapacity},
    {"MaxCapacity", &kResourceCapacity}, {"RoleARN", &kResourceIdMaxLen1600},
    {"SuspendedState", &kSuspendedState}, {"Tags", &kTagMap}};
constexpr Shape kRegisterScalableTargetRequest = Structure("RegisterScalableTargetRequest", kRegisterScalableTargetRequestMembers);
constexpr Member kRegisterScalableTargetResponseMembers[] = {{"ScalableTargetARN", &kXmlString}};
constexpr Shape kRegisterScalableTargetResponse = Structure("RegisterScalableTargetResponse", kRegisterScalableTargetResponseMembers);

constexpr Operation kOperations[] = {
    {"DeleteScalingPolicy", &kDeleteScalingPolicyRequest, &kDeleteScalingPolicyResponse},
    {"DeleteScheduledAction", &kDeleteScheduledActionRequest, &kDeleteScheduledActionResponse},
    {"DeregisterScalableTarget", &kDeregisterScalableTargetRequest, &kDeregisterScalableTargetResponse},
    {"DescribeScalableTargets", &kDescribeScalableTargetsRequest, &kDescribeScalableTargetsResponse},
    {"DescribeScalingActivities", &kDescribeScalingActivitiesRequest, &kDescribeScalingActivitiesResponse},
    {"DescribeScalingPolicies", &kDescribeScalingPoliciesRequest, &kDescribeScalingPoliciesResponse},
    {"DescribeScheduledActions", &kDescribeScheduledActionsRequest, &kDescribeScheduledActionsResponse},
    {"PutScalingPolicy", &kPutScalingPolicyRequest, &kPutScalingPolicyResponse},
    {"PutScheduledAction", &kPutScheduledActionRequest, &kPutScheduledActionResponse},
    {"RegisterScalableTarget", &kRegisterScalableTargetRequest, &kRegisterScalableTargetResponse}};

}  // namespace
}  // namespace clary::api::autoscaling

namespace clary::api {

std::span<const Operation> AutoscalingOperations() { return autoscaling::kOperations; }

}  // namespace clary::api
