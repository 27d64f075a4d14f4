// Shapes of Amazon CloudWatch, as botocore 1.44.5 states them.
// Made by tools/api_shapes.py from tools/api_shapes.toml: edit that, not this.
// clang-format off
#include "api/internal/shape_rows.h"
#include "api/shapes.h"

namespace clary::api::cloudwatch {
namespace {

[[maybe_unused]] constexpr Shape kNothing = Structure("Nothing");
constexpr Shape kAlarmName = String(1, 255);
constexpr Shape kAlarmNames = List(&kAlarmName, kNoMin, 100);
constexpr Member kDeleteAlarmsInputMembers[] = {{"AlarmNames", &kAlarmNames, true}};
constexpr Shape kDeleteAlarmsInput = Structure("DeleteAlarmsInput", kDeleteAlarmsInputMembers);
constexpr Shape kContributorId = String(1, 16);
constexpr std::string_view kAlarmTypeValues[] = {"CompositeAlarm", "MetricAlarm", "LogAlarm"};
constexpr Shape kAlarmType = Enum(kAlarmTypeValues);
constexpr Shape kAlarmTypes = List(&kAlarmType);
constexpr std::string_view kHistoryItemTypeValues[] = {
    "ConfigurationUpdate", "StateUpdate", "Action", "AlarmContributorStateUpdate",
    "AlarmContributorAction"};
constexpr Shape kHistoryItemType = Enum(kHistoryItemTypeValues);
constexpr Shape kTimestamp = Timestamp();
constexpr Shape kMaxRecords = Integer(1, 100);
constexpr Shape kNextToken = String();
constexpr std::string_view kScanByValues[] = {"TimestampDescending", "TimestampAscending"};
constexpr Shape kScanBy = Enum(kScanByValues);
constexpr Member kDescribeAlarmHistoryInputMembers[] = {
    {"AlarmName", &kAlarmName}, {"AlarmContributorId", &kContributorId},
    {"AlarmTypes", &kAlarmTypes}, {"HistoryItemType", &kHistoryItemType},
    {"StartDate", &kTimestamp}, {"EndDate", &kTimestamp}, {"MaxRecords", &kMaxRecords},
    {"NextToken", &kNextToken}, {"ScanBy", &kScanBy}};
constexpr Shape kDescribeAlarmHistoryInput = Structure("DescribeAlarmHistoryInput", kDescribeAlarmHistoryInputMembers);
constexpr Shape kHistorySummary = String(1, 255);
constexpr Shape kHistoryData = String(1, 4095);
constexpr Shape kAttributeName = String(1, 255);
constexpr Shape kAttributeValue = String(1, 1024);
constexpr Shape kContributorAttributes = Map(&kAttributeName, &kAttributeValue, 0, 150);
constexpr Member kAlarmHistoryItemMembers[] = {
    {"AlarmName", &kAlarmName}, {"AlarmContributorId", &kContributorId}, {"AlarmType", &kAlarmType},
    {"Timestamp", &kTimestamp}, {"HistoryItemType", &kHistoryItemType},
    {"HistorySummary", &kHistorySummary}, {"HistoryData", &kHistoryData},
    {"AlarmContributorAttributes", &kContributorAttributes}};
constexpr Shape kAlarmHistoryItem = Structure("AlarmHistoryItem", kAlarmHistoryItemMembers);
constexpr Shape kAlarmHistoryItems = List(&kAlarmHistoryItem);
constexpr Member kDescribeAlarmHistoryOutputMembers[] = {
    {"AlarmHistoryItems", &kAlarmHistoryItems}, {"NextToken", &kNextToken}};
constexpr Shape kDescribeAlarmHistoryOutput = Structure("DescribeAlarmHistoryOutput", kDescribeAlarmHistoryOutputMembers);
constexpr Shape kAlarmNamePrefix = String(1, 255);
constexpr std::string_view kStateValueValues[] = {"OK", "ALARM", "INSUFFICIENT_DATA"};
constexpr Shape kStateValue = Enum(kStateValueValues);
constexpr Shape kActionPrefix = String(1, 1024);
constexpr Member kDescribeAlarmsInputMembers[] = {
    {"AlarmNames", &kAlarmNames}, {"AlarmNamePrefix", &kAlarmNamePrefix},
    {"AlarmTypes", &kAlarmTypes}, {"ChildrenOfAlarmName", &kAlarmName},
    {"ParentsOfAlarmName", &kAlarmName}, {"StateValue", &kStateValue},
    {"ActionPrefix", &kActionPrefix}, {"MaxRecords", &kMaxRecords}, {"NextToken", &kNextToken}};
constexpr Shape kDescribeAlarmsInput = Structure("DescribeAlarmsInput", kDescribeAlarmsInputMembers);
constexpr Shape kActionsEnabled = Boolean();
constexpr Shape kResourceName = String(1, 1024);
constexpr Shape kResourceList = List(&kResourceName, kNoMin, 5);
constexpr Shape kAlarmArn = String(1, 1600);
constexpr Shape kAlarmDescription = String(0, 1024);
constexpr Shape kAlarmRule = String(1, 10240);
constexpr Shape kStateReason = String(0, 1023);
constexpr Shape kStateReasonData = String(0, 4000);
constexpr std::string_view kActionsSuppressedByValues[] = {
    "WaitPeriod", "ExtensionPeriod", "Alarm"};
constexpr Shape kActionsSuppressedBy = Enum(kActionsSuppressedByValues);
constexpr Shape kActionsSuppressedReason = String(0, 1024);
constexpr Shape kSuppressorPeriod = Integer();
constexpr Shape kAlarmTagsPropagationEnabled = Boolean();
constexpr Shape kAlarmTagsPropagationTagKey = String(1, 128);
constexpr Shape kAlarmTagsPropagationTagKeys = List(&kAlarmTagsPropagationTagKey, 1, 50);
constexpr Member kAlarmTagsPropagationMembers[] = {
    {"Enabled", &kAlarmTagsPropagationEnabled, true},
    {"IncludedTagKeys", &kAlarmTagsPropagationTagKeys},
    {"ExcludedTagKeys", &kAlarmTagsPropagationTagKeys}};
constexpr Shape kAlarmTagsPropagation = Structure("AlarmTagsPropagation", kAlarmTagsPropagationMembers);
constexpr Member kActionConfigurationMembers[] = {{"AlarmTagsPropagation", &kAlarmTagsPropagation}};
constexpr Shape kActionConfiguration = Structure("ActionConfiguration", kActionConfigurationMembers);
constexpr Member kCompositeAlarmMembers[] = {
    {"ActionsEnabled", &kActionsEnabled}, {"AlarmActions", &kResourceList},
    {"AlarmArn", &kAlarmArn}, {"AlarmConfigurationUpdatedTimestamp", &kTimestamp},
    {"AlarmDescription", &kAlarmDescription}, {"AlarmName", &kAlarmName},
    {"AlarmRule", &kAlarmRule}, {"InsufficientDataActions", &kResourceList},
    {"OKActions", &kResourceList}, {"StateReason", &kStateReason},
    {"StateReasonData", &kStateReasonData}, {"StateUpdatedTimestamp", &kTimestamp},
    {"StateValue", &kStateValue}, {"StateTransitionedTimestamp", &kTimestamp},
    {"ActionsSuppressedBy", &kActionsSuppressedBy},
    {"ActionsSuppressedReason", &kActionsSuppressedReason}, {"ActionsSuppressor", &kAlarmArn},
    {"ActionsSuppressorWaitPeriod", &kSuppressorPeriod},
    {"ActionsSuppressorExtensionPeriod", &kSuppressorPeriod},
    {"ActionConfiguration", &kActionConfiguration}};
constexpr Shape kCompositeAlarm = Structure("CompositeAlarm", kCompositeAlarmMembers);
constexpr Shape kCompositeAlarms = List(&kCompositeAlarm);
constexpr Shape kMetricName = String(1, 255);
constexpr Shape kNamespace = String(1, 255, "[^:].*");
constexpr std::string_view kStatisticValues[] = {
    "SampleCount", "Average", "Sum", "Minimum", "Maximum"};
constexpr Shape kStatistic = Enum(kStatisticValues);
constexpr Shape kExtendedStatistic = String();
constexpr Shape kDimensionName = String(1, 255);
constexpr Shape kDimensionValue = String(1, 1024);
constexpr Member kDimensionMembers[] = {
    {"Name", &kDimensionName, true}, {"Value", &kDimensionValue, true}};
constexpr Shape kDimension = Structure("Dimension", kDimensionMembers);
constexpr Shape kDimensions = List(&kDimension, kNoMin, 30);
constexpr Shape kPeriod = Integer(1);
constexpr std::string_view kStandardUnitValues[] = {
    "Seconds", "Microseconds", "Milliseconds", "Bytes", "Kilobytes", "Megabytes", "Gigabytes",
    "Terabytes", "Bits", "Kilobits", "Megabits", "Gigabits", "Terabits", "Percent", "Count",
    "Bytes/Second", "Kilobytes/Second", "Megabytes/Second", "Gigabytes/Second", "Terabytes/Second",
    "Bits/Second", "Kilobits/Second", "Megabits/Second", "Gigabits/Second", "Terabits/Second",
    "Count/Second", "None"};
constexpr Shape kStandardUnit = Enum(kStandardUnitValues);
constexpr Shape kEvaluationPeriods = Integer(1);
constexpr Shape kDatapointsToAlarm = Integer(1);
constexpr Shape kThreshold = Double();
constexpr std::string_view kComparisonOperatorValues[] = {
    "GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanThreshold",
    "LessThanOrEqualToThreshold", "LessThanLowerOrGreaterThanUpperThreshold",
    "LessThanLowerThreshold", "GreaterThanUpperThreshold"};
constexpr Shape kComparisonOperator = Enum(kComparisonOperatorValues);
constexpr Shape kTreatMissingData = String(1, 255);
constexpr Shape kEvaluateLowSampleCountPercentile = String(1, 255);
constexpr Shape kMetricId = String(1, 255);
constexpr Member kMetricMembers[] = {
    {"Namespace", &kNamespace}, {"MetricName", &kMetricName}, {"Dimensions", &kDimensions}};
constexpr Shape kMetric = Structure("Metric", kMetricMembers);
constexpr Shape kStat = String();
constexpr Member kMetricStatMembers[] = {
    {"Metric", &kMetric, true}, {"Period", &kPeriod, true}, {"Stat", &kStat, true},
    {"Unit", &kStandardUnit}};
constexpr Shape kMetricStat = Structure("MetricStat", kMetricStatMembers);
constexpr Shape kMetricExpression = String(1, 2048);
constexpr Shape kMetricLabel = String();
constexpr Shape kReturnData = Boolean();
constexpr Shape kAccountId = String(1, 255);
constexpr Member kMetricDataQueryMembers[] = {
    {"Id", &kMetricId, true}, {"MetricStat", &kMetricStat}, {"Expression", &kMetricExpression},
    {"Label", &kMetricLabel}, {"ReturnData", &kReturnData}, {"Period", &kPeriod},
    {"AccountId", &kAccountId}};
constexpr Shape kMetricDataQuery = Structure("MetricDataQuery", kMetricDataQueryMembers);
constexpr Shape kMetricDataQueries = List(&kMetricDataQuery);
constexpr std::string_view kEvaluationStateValues[] = {
    "PARTIAL_DATA", "EVALUATION_FAILURE", "EVALUATION_ERROR"};
constexpr Shape kEvaluationState = Enum(kEvaluationStateValues);
constexpr Shape kTimezone = String(1, 50);
constexpr Member kWallClockWindowMembers[] = {{"Timezone", &kTimezone}};
constexpr Shape kWallClockWindow = Structure("WallClockWindow", kWallClockWindowMembers);
constexpr Shape kSlidingWindow = Structure("SlidingWindow");
constexpr Member kEvaluationWindowMembers[] = {
    {"WallClockWindow", &kWallClockWindow}, {"SlidingWindow", &kSlidingWindow}};
constexpr Shape kEvaluationWindow = Union("EvaluationWindow", kEvaluationWindowMembers);
constexpr Shape kWarmUpPeriodDurationInMinutes = Integer(1, 2880);
constexpr Shape kOnlyStartEvaluatingAfterWarmUpPeriodEnds = Boolean();
constexpr Member kWarmUpConfigurationMembers[] = {
    {"WarmUpPeriodDurationInMinutes", &kWarmUpPeriodDurationInMinutes, true},
    {"OnlyStartEvaluatingAfterWarmUpPeriodEnds", &kOnlyStartEvaluatingAfterWarmUpPeriodEnds}};
constexpr Shape kWarmUpConfiguration = Structure("WarmUpConfiguration", kWarmUpConfigurationMembers);
constexpr Shape kQuery = String(1, 10000);
constexpr Shape kPendingPeriod = Integer(0, 86400);
constexpr Shape kRecoveryPeriod = Integer(0, 86400);
constexpr Member kAlarmPromQLCriteriaMembers[] = {
    {"Query", &kQuery, true}, {"PendingPeriod", &kPendingPeriod},
    {"RecoveryPeriod", &kRecoveryPeriod}};
constexpr Shape kAlarmPromQLCriteria = Structure("AlarmPromQLCriteria", kAlarmPromQLCriteriaMembers);
constexpr Member kEvaluationCriteriaMembers[] = {{"PromQLCriteria", &kAlarmPromQLCriteria}};
constexpr Shape kEvaluationCriteria = Union("EvaluationCriteria", kEvaluationCriteriaMembers);
constexpr Shape kEvaluationInterval = Integer(10, 3600);
constexpr Member kMetricAlarmMembers[] = {
    {"AlarmName", &kAlarmName}, {"AlarmArn", &kAlarmArn}, {"AlarmDescription", &kAlarmDescription},
    {"AlarmConfigurationUpdatedTimestamp", &kTimestamp}, {"ActionsEnabled", &kActionsEnabled},
    {"OKActions", &kResourceList}, {"AlarmActions", &kResourceList},
    {"InsufficientDataActions", &kResourceList}, {"StateValue", &kStateValue},
    {"StateReason", &kStateReason}, {"StateReasonData", &kStateReasonData},
    {"StateUpdatedTimestamp", &kTimestamp}, {"MetricName", &kMetricName},
    {"Namespace", &kNamespace}, {"Statistic", &kStatistic},
    {"ExtendedStatistic", &kExtendedStatistic}, {"Dimensions", &kDimensions}, {"Period", &kPeriod},
    {"Unit", &kStandardUnit}, {"EvaluationPeriods", &kEvaluationPeriods},
    {"DatapointsToAlarm", &kDatapointsToAlarm}, {"Threshold", &kThreshold},
    {"ComparisonOperator", &kComparisonOperator}, {"TreatMissingData", &kTreatMissingData},
    {"EvaluateLowSampleCountPercentile", &kEvaluateLowSampleCountPercentile},
    {"Metrics", &kMetricDataQueries}, {"ThresholdMetricId", &kMetricId},
    {"EvaluationState", &kEvaluationState}, {"StateTransitionedTimestamp", &kTimestamp},
    {"EvaluationWindow", &kEvaluationWindow}, {"WarmUpConfiguration", &kWarmUpConfiguration},
    {"EvaluationCriteria", &kEvaluationCriteria}, {"EvaluationInterval", &kEvaluationInterval},
    {"ActionConfiguration", &kActionConfiguration}};
constexpr Shape kMetricAlarm = Structure("MetricAlarm", kMetricAlarmMembers);
constexpr Shape kMetricAlarms = List(&kMetricAlarm);
constexpr Shape kQueryString = String(0, 10000);
constexpr Shape kAmazonResourceName = String(1, 1024);
constexpr Shape kLogGroupIdentifiers = List(&kAmazonResourceName, 1, 50);
constexpr Shape kScheduleExpression = String(1, 256);
constexpr Shape kStartTimeOffset = Long(1, 2592000);
constexpr Shape kEndTimeOffset = Long(0, 2592000);
constexpr Member kScheduleConfigurationMembers[] = {
    {"ScheduleExpression", &kScheduleExpression, true},
    {"StartTimeOffset", &kStartTimeOffset, true}, {"EndTimeOffset", &kEndTimeOffset}};
constexpr Shape kScheduleConfiguration = Structure("ScheduleConfiguration", kScheduleConfigurationMembers);
constexpr Shape kAggregationExpression = String(1, 2048);
constexpr Shape kTagKey = String(1, 128);
constexpr Shape kTagValue = String(0, 256);
constexpr Member kTagMembers[] = {{"Key", &kTagKey, true}, {"Value", &kTagValue, true}};
constexpr Shape kTag = Structure("Tag", kTagMembers);
constexpr Shape kTagList = List(&kTag);
constexpr Member kScheduledQueryConfigurationMembers[] = {
    {"QueryString", &kQueryString, true}, {"LogGroupIdentifiers", &kLogGroupIdentifiers},
    {"QueryARN", &kAmazonResourceName}, {"ScheduledQueryRoleARN", &kAmazonResourceName, true},
    {"ScheduleConfiguration", &kScheduleConfiguration, true},
    {"AggregationExpression", &kAggregationExpression, true}, {"Tags", &kTagList}};
constexpr Shape kScheduledQueryConfiguration = Structure("ScheduledQueryConfiguration", kScheduledQueryConfigurationMembers);
constexpr Shape kQueryResultsToEvaluate = Integer(1);
constexpr Shape kQueryResultsToAlarm = Integer(1);
constexpr Shape kActionLogLineCount = Integer();
constexpr Shape kActionLogLineRoleArn = String();
constexpr Member kLogAlarmMembers[] = {
    {"AlarmName", &kAlarmName}, {"AlarmArn", &kAlarmArn}, {"AlarmDescription", &kAlarmDescription},
    {"AlarmConfigurationUpdatedTimestamp", &kTimestamp}, {"ActionsEnabled", &kActionsEnabled},
    {"OKActions", &kResourceList}, {"AlarmActions", &kResourceList},
    {"InsufficientDataActions", &kResourceList}, {"StateValue", &kStateValue},
    {"StateReason", &kStateReason}, {"StateReasonData", &kStateReasonData},
    {"StateUpdatedTimestamp", &kTimestamp},
    {"ScheduledQueryConfiguration", &kScheduledQueryConfiguration},
    {"QueryResultsToEvaluate", &kQueryResultsToEvaluate},
    {"QueryResultsToAlarm", &kQueryResultsToAlarm}, {"Threshold", &kThreshold},
    {"ComparisonOperator", &kComparisonOperator}, {"TreatMissingData", &kTreatMissingData},
    {"StateTransitionedTimestamp", &kTimestamp}, {"EvaluationState", &kEvaluationState},
    {"ActionLogLineCount", &kActionLogLineCount}, {"ActionLogLineRoleArn", &kActionLogLineRoleArn},
    {"WarmUpConfiguration", &kWarmUpConfiguration}, {"ActionConfiguration", &kActionConfiguration}};
constexpr Shape kLogAlarm = Structure("LogAlarm", kLogAlarmMembers);
constexpr Shape kLogAlarms = List(&kLogAlarm);
constexpr Member kDescribeAlarmsOutputMembers[] = {
    {"CompositeAlarms", &kCompositeAlarms}, {"MetricAlarms", &kMetricAlarms},
    {"LogAlarms", &kLogAlarms}, {"NextToken", &kNextToken}};
constexpr Shape kDescribeAlarmsOutput = Structure("DescribeAlarmsOutput", kDescribeAlarmsOutputMembers);
constexpr Shape kGetMetricDataMaxDatapoints = Integer();
constexpr Shape kGetMetricDataLabelTimezone = String();
constexpr Member kLabelOptionsMembers[] = {{"Timezone", &kGetMetricDataLabelTimezone}};
constexpr Shape kLabelOptions = Structure("LabelOptions", kLabelOptionsMembers);
constexpr Member kGetMetricDataInputMembers[] = {
    {"MetricDataQueries", &kMetricDataQueries, true}, {"StartTime", &kTimestamp, true},
    {"EndTime", &kTimestamp, true}, {"NextToken", &kNextToken}, {"ScanBy", &kScanBy},
    {"MaxDatapoints", &kGetMetricDataMaxDatapoints}, {"LabelOptions", &kLabelOptions}};
constexpr Shape kGetMetricDataInput = Structure("GetMetricDataInput", kGetMetricDataInputMembers);
constexpr Shape kTimestamps = List(&kTimestamp);
constexpr Shape kDatapointValue = Double();
constexpr Shape kDatapointValues = List(&kDatapointValue);
constexpr std::string_view kStatusCodeValues[] = {
    "Complete", "InternalError", "PartialData", "Forbidden"};
constexpr Shape kStatusCode = Enum(kStatusCodeValues);
constexpr Shape kMessageDataCode = String();
constexpr Shape kMessageDataValue = String();
constexpr Member kMessageDataMembers[] = {
    {"Code", &kMessageDataCode}, {"Value", &kMessageDataValue}};
constexpr Shape kMessageData = Structure("MessageData", kMessageDataMembers);
constexpr Shape kMetricDataResultMessages = List(&kMessageData);
constexpr Member kMetricDataResultMembers[] = {
    {"Id", &kMetricId}, {"Label", &kMetricLabel}, {"Timestamps", &kTimestamps},
    {"Values", &kDatapointValues}, {"StatusCode", &kStatusCode},
    {"Messages", &kMetricDataResultMessages}};
constexpr Shape kMetricDataResult = Structure("MetricDataResult", kMetricDataResultMembers);
constexpr Shape kMetricDataResults = List(&kMetricDataResult);
constexpr Member kGetMetricDataOutputMembers[] = {
    {"MetricDataResults", &kMetricDataResults}, {"NextToken", &kNextToken},
    {"Messages", &kMetricDataResultMessages}};
constexpr Shape kGetMetricDataOutput = Structure("GetMetricDataOutput", kGetMetricDataOutputMembers);
constexpr Shape kStatistics = List(&kStatistic, 1, 5);
constexpr Shape kExtendedStatistics = List(&kExtendedStatistic, 1, 10);
constexpr Member kGetMetricStatisticsInputMembers[] = {
    {"Namespace", &kNamespace, true}, {"MetricName", &kMetricName, true},
    {"Dimensions", &kDimensions}, {"StartTime", &kTimestamp, true}, {"EndTime", &kTimestamp, true},
    {"Period", &kPeriod, true}, {"Statistics", &kStatistics},
    {"ExtendedStatistics", &kExtendedStatistics}, {"Unit", &kStandardUnit}};
constexpr Shape kGetMetricStatisticsInput = Structure("GetMetricStatisticsInput", kGetMetricStatisticsInputMembers);
constexpr Shape kDatapointValueMap = Map(&kExtendedStatistic, &kDatapointValue);
constexpr Member kDatapointMembers[] = {
    {"Timestamp", &kTimestamp}, {"SampleCount", &kDatapointValue}, {"Average", &kDatapointValue},
    {"Sum", &kDatapointValue}, {"Minimum", &kDatapointValue}, {"Maximum", &kDatapointValue},
    {"Unit", &kStandardUnit}, {"ExtendedStatistics", &kDatapointValueMap}};
constexpr Shape kDatapoint = Structure("Datapoint", kDatapointMembers);
constexpr Shape kDatapoints = List(&kDatapoint);
constexpr Member kGetMetricStatisticsOutputMembers[] = {
    {"Label", &kMetricLabel}, {"Datapoints", &kDatapoints}};
constexpr Shape kGetMetricStatisticsOutput = Structure("GetMetricStatisticsOutput", kGetMetricStatisticsOutputMembers);
constexpr Member kDimensionFilterMembers[] = {
    {"Name", &kDimensionName, true}, {"Value", &kDimensionValue}};
constexpr Shape kDimensionFilter = Structure("DimensionFilter", kDimensionFilterMembers);
constexpr Shape kDimensionFilters = List(&kDimensionFilter, kNoMin, 10);
constexpr std::string_view kRecentlyActiveValues[] = {"PT3H"};
constexpr Shape kRecentlyActive = Enum(kRecentlyActiveValues);
constexpr Shape kIncludeLinkedAccounts = Boolean();
constexpr Member kListMetricsInputMembers[] = {
    {"Namespace", &kNamespace}, {"MetricName", &kMetricName}, {"Dimensions", &kDimensionFilters},
    {"NextToken", &kNextToken}, {"RecentlyActive", &kRecentlyActive},
    {"IncludeLinkedAccounts", &kIncludeLinkedAccounts}, {"OwningAccount", &kAccountId}};
constexpr Shape kListMetricsInput = Structure("ListMetricsInput", kListMetricsInputMembers);
constexpr Shape kMetrics = List(&kMetric);
constexpr Shape kOwningAccounts = List(&kAccountId);
constexpr Member kListMetricsOutputMembers[] = {
    {"Metrics", &kMetrics}, {"NextToken", &kNextToken}, {"OwningAccounts", &kOwningAccounts}};
constexpr Shape kListMetricsOutput = Structure("ListMetricsOutput", kListMetricsOutputMembers);
constexpr Member kPutMetricAlarmInputMembers[] = {
    {"AlarmName", &kAlarmName, true}, {"AlarmDescription", &kAlarmDescription},
    {"ActionsEnabled", &kActionsEnabled}, {"OKActions", &kResourceList},
    {"AlarmActions", &kResourceList}, {"InsufficientDataActions", &kResourceList},
    {"MetricName", &kMetricName}, {"Namespace", &kNamespace}, {"Statistic", &kStatistic},
    {"ExtendedStatistic", &kExtendedStatistic}, {"Dimensions", &kDimensions}, {"Period", &kPeriod},
    {"Unit", &kStandardUnit}, {"EvaluationPeriods", &kEvaluationPeriods},
    {"DatapointsToAlarm", &kDatapointsToAlarm}, {"Threshold", &kThreshold},
    {"ComparisonOperator", &kComparisonOperator}, {"TreatMissingData", &kTreatMissingData},
    {"EvaluateLowSampleCountPercentile", &kEvaluateLowSampleCountPercentile},
    {"Metrics", &kMetricDataQueries}, {"Tags", &kTagList}, {"ThresholdMetricId", &kMetricId},
    {"EvaluationWindow", &kEvaluationWindow}, {"WarmUpConfiguration", &kWarmUpConfiguration},
    {"EvaluationCriteria", &kEvaluationCriteria}, {"EvaluationInterval", &kEvaluationInterval},
    {"ActionConfiguration", &kActionConfiguration}};
constexpr Shape kPutMetricAlarmInput = Structure("PutMetricAlarmInput", kPutMetricAlarmInputMembers);
constexpr Member kStatisticSetMembers[] = {
    {"SampleCount", &kDatapointValue, true}, {"Sum", &kDatapointValue, true},
    {"Minimum", &kDatapointValue, true}, {"Maximum", &kDatapointValue, true}};
constexpr Shape kStatisticSet = Structure("StatisticSet", kStatisticSetMembers);
constexpr Shape kValues = List(&kDatapointValue);
constexpr Shape kCounts = List(&kDatapointValue);
constexpr Shape kStorageResolution = Integer(1);
constexpr Member kMetricDatumMembers[] = {
    {"MetricName", &kMetricName, true}, {"Dimensions", &kDimensions}, {"Timestamp", &kTimestamp},
    {"Value", &kDatapointValue}, {"StatisticValues", &kStatisticSet}, {"Values", &kValues},
    {"Counts", &kCounts}, {"Unit", &kStandardUnit}, {"StorageResolution", &kStorageResolution}};
constexpr Shape kMetricDatum = Structure("MetricDatum", kMetricDatumMembers);
constexpr Shape kMetricData = List(&kMetricDatum);
constexpr Shape kEntityKeyAttributesMapKeyString = String(1, 32);
constexpr Shape kEntityKeyAttributesMapValueString = String(1, 2048);
constexpr Shape kEntityKeyAttributesMap = Map(&kEntityKeyAttributesMapKeyString, &kEntityKeyAttributesMapValueString, 2, 4);
constexpr Shape kEntityAttributesMapKeyString = String(1, 256);
constexpr Shape kEntityAttributesMapValueString = String(1, 2048);
constexpr Shape kEntityAttributesMap = Map(&kEntityAttributesMapKeyString, &kEntityAttributesMapValueString, 0, 10);
constexpr Member kEntityMembers[] = {
    {"KeyAttributes", &kEntityKeyAttributesMap}, {"Attributes", &kEntityAttributesMap}};
constexpr Shape kEntity = Structure("Entity", kEntityMembers);
constexpr Member kEntityMetricDataMembers[] = {{"Entity", &kEntity}, {"MetricData", &kMetricData}};
constexpr Shape kEntityMetricData = Structure("EntityMetricData", kEntityMetricDataMembers);
constexpr Shape kEntityMetricDataList = List(&kEntityMetricData);
constexpr Shape kStrictEntityValidation = Boolean();
constexpr Member kPutMetricDataInputMembers[] = {
    {"Namespace", &kNamespace, true}, {"MetricData", &kMetricData},
    {"EntityMetricData", &kEntityMetricDataList},
    {"StrictEntityValidation", &kStrictEntityValidation}};
constexpr Shape kPutMetricDataInput = Structure("PutMetricDataInput", kPutMetricDataInputMembers);
constexpr Member kSetAlarmStateInputMembers[] = {
    {"AlarmName", &kAlarmName, true}, {"StateValue", &kStateValue, true},
    {"StateReason", &kStateReason, true}, {"StateReasonData", &kStateReasonData}};
constexpr Shape kSetAlarmStateInput = Structure("SetAlarmStateInput", kSetAlarmStateInputMembers);

constexpr Operation kOperations[] = {
    {"DeleteAlarms", &kDeleteAlarmsInput, &kNothing},
    {"DescribeAlarmHistory", &kDescribeAlarmHistoryInput, &kDescribeAlarmHistoryOutput},
    {"DescribeAlarms", &kDescribeAlarmsInput, &kDescribeAlarmsOutput},
    {"GetMetricData", &kGetMetricDataInput, &kGetMetricDataOutput},
    {"GetMetricStatistics", &kGetMetricStatisticsInput, &kGetMetricStatisticsOutput},
    {"ListMetrics", &kListMetricsInput, &kListMetricsOutput},
    {"PutMetricAlarm", &kPutMetricAlarmInput, &kNothing},
    {"PutMetricData", &kPutMetricDataInput, &kNothing},
    {"SetAlarmState", &kSetAlarmStateInput, &kNothing}};

}  // namespace
}  // namespace clary::api::cloudwatch

namespace clary::api {

std::span<const Operation> CloudwatchOperations() { return cloudwatch::kOperations; }

}  // namespace clary::api
