// Shapes of Amazon CloudWatch Logs, as botocore 1.44.5 states them.
// Made by tools/api_shapes.py from tools/api_shapes.toml: edit that, not this.
// clang-format off
#include "api/internal/shape_rows.h"
#include "api/shapes.h"

namespace clary::api::logs {
namespace {

[[maybe_unused]] constexpr Shape kNothing = Structure("Nothing");
constexpr Shape kLogGroupName = String(1, 512, R"([\.\-_/#A-Za-z0-9]+)");
constexpr Shape kKmsKeyId = String(kNoMin, 256);
constexpr Shape kTagKey = String(1, 128, R"(^([\p{L}\p{Z}\p{N}_.:/=+\-@]+)$)");
constexpr Shape kTagValue = String(kNoMin, 256, R"(^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$)");
constexpr Shape kTags = Map(&kTagKey, &kTagValue, 1, 50);
constexpr std::string_view kLogGroupClassValues[] = {
    "STANDARD", "INFREQUENT_ACCESS", "DELIVERY", "ESSENTIALS"};
constexpr Shape kLogGroupClass = Enum(kLogGroupClassValues);
constexpr Shape kDeletionProtectionEnabled = Boolean();
constexpr Member kCreateLogGroupRequestMembers[] = {
    {"logGroupName", &kLogGroupName, true}, {"kmsKeyId", &kKmsKeyId}, {"tags", &kTags},
    {"logGroupClass", &kLogGroupClass}, {"deletionProtectionEnabled", &kDeletionProtectionEnabled}};
constexpr Shape kCreateLogGroupRequest = Structure("CreateLogGroupRequest", kCreateLogGroupRequestMembers);
constexpr Shape kLogStreamName = String(1, 512, "[^:*]*");
constexpr Member kCreateLogStreamRequestMembers[] = {
    {"logGroupName", &kLogGroupName, true}, {"logStreamName", &kLogStreamName, true}};
constexpr Shape kCreateLogStreamRequest = Structure("CreateLogStreamRequest", kCreateLogStreamRequestMembers);
constexpr Member kDeleteLogGroupRequestMembers[] = {{"logGroupName", &kLogGroupName, true}};
constexpr Shape kDeleteLogGroupRequest = Structure("DeleteLogGroupRequest", kDeleteLogGroupRequestMembers);
constexpr Member kDeleteLogStreamRequestMembers[] = {
    {"logGroupName", &kLogGroupName, true}, {"logStreamName", &kLogStreamName, true}};
constexpr Shape kDeleteLogStreamRequest = Structure("DeleteLogStreamRequest", kDeleteLogStreamRequestMembers);
constexpr Member kDeleteRetentionPolicyRequestMembers[] = {{"logGroupName", &kLogGroupName, true}};
constexpr Shape kDeleteRetentionPolicyRequest = Structure("DeleteRetentionPolicyRequest", kDeleteRetentionPolicyRequestMembers);
constexpr Shape kAccountId = String(12, 12, R"(^\d{12}$)");
constexpr Shape kAccountIds = List(&kAccountId, 0, 20);
constexpr Shape kLogGroupNamePattern = String(0, 512, R"([\.\-_/#A-Za-z0-9]*)");
constexpr Shape kNextToken = String(1);
constexpr Shape kDescribeLimit = Integer(1, 50);
constexpr Shape kIncludeLinkedAccounts = Boolean();
constexpr Shape kLogGroupIdentifier = String(1, 2048, R"([\w#+=/:,.@-]*)");
constexpr Shape kDescribeLogGroupsLogGroupIdentifiers = List(&kLogGroupIdentifier, 1, 50);
constexpr Member kDescribeLogGroupsRequestMembers[] = {
    {"accountIdentifiers", &kAccountIds}, {"logGroupNamePrefix", &kLogGroupName},
    {"logGroupNamePattern", &kLogGroupNamePattern}, {"nextToken", &kNextToken},
    {"limit", &kDescribeLimit}, {"includeLinkedAccounts", &kIncludeLinkedAccounts},
    {"logGroupClass", &kLogGroupClass},
    {"logGroupIdentifiers", &kDescribeLogGroupsLogGroupIdentifiers}};
constexpr Shape kDescribeLogGroupsRequest = Structure("DescribeLogGroupsRequest", kDescribeLogGroupsRequestMembers);
constexpr Shape kTimestamp = Long(0);
constexpr Shape kDays = Integer();
constexpr Shape kFilterCount = Integer();
constexpr Shape kArn = String();
constexpr Shape kStoredBytes = Long(0);
constexpr std::string_view kDataProtectionStatusValues[] = {
    "ACTIVATED", "DELETED", "ARCHIVED", "DISABLED"};
constexpr Shape kDataProtectionStatus = Enum(kDataProtectionStatusValues);
constexpr std::string_view kInheritedPropertyValues[] = {"ACCOUNT_DATA_PROTECTION"};
constexpr Shape kInheritedProperty = Enum(kInheritedPropertyValues);
constexpr Shape kInheritedProperties = List(&kInheritedProperty);
constexpr Shape kBearerTokenAuthenticationEnabled = Boolean();
constexpr Shape kPolicyName = String();
constexpr Member kLogGroupMembers[] = {
    {"logGroupName", &kLogGroupName}, {"creationTime", &kTimestamp}, {"retentionInDays", &kDays},
    {"metricFilterCount", &kFilterCount}, {"arn", &kArn}, {"storedBytes", &kStoredBytes},
    {"kmsKeyId", &kKmsKeyId}, {"dataProtectionStatus", &kDataProtectionStatus},
    {"inheritedProperties", &kInheritedProperties}, {"logGroupClass", &kLogGroupClass},
    {"logGroupArn", &kArn}, {"deletionProtectionEnabled", &kDeletionProtectionEnabled},
    {"bearerTokenAuthenticationEnabled", &kBearerTokenAuthenticationEnabled},
    {"retentionPolicyName", &kPolicyName}};
constexpr Shape kLogGroup = Structure("LogGroup", kLogGroupMembers);
constexpr Shape kLogGroups = List(&kLogGroup);
constexpr Member kDescribeLogGroupsResponseMembers[] = {
    {"logGroups", &kLogGroups}, {"nextToken", &kNextToken}};
constexpr Shape kDescribeLogGroupsResponse = Structure("DescribeLogGroupsResponse", kDescribeLogGroupsResponseMembers);
constexpr std::string_view kOrderByValues[] = {"LogStreamName", "LastEventTime"};
constexpr Shape kOrderBy = Enum(kOrderByValues);
constexpr Shape kDescending = Boolean();
constexpr Member kDescribeLogStreamsRequestMembers[] = {
    {"logGroupName", &kLogGroupName}, {"logGroupIdentifier", &kLogGroupIdentifier},
    {"logStreamNamePrefix", &kLogStreamName}, {"orderBy", &kOrderBy}, {"descending", &kDescending},
    {"nextToken", &kNextToken}, {"limit", &kDescribeLimit}};
constexpr Shape kDescribeLogStreamsRequest = Structure("DescribeLogStreamsRequest", kDescribeLogStreamsRequestMembers);
constexpr Shape kSequenceToken = String(1);
constexpr Member kLogStreamMembers[] = {
    {"logStreamName", &kLogStreamName}, {"creationTime", &kTimestamp},
    {"firstEventTimestamp", &kTimestamp}, {"lastEventTimestamp", &kTimestamp},
    {"lastIngestionTime", &kTimestamp}, {"uploadSequenceToken", &kSequenceToken}, {"arn", &kArn},
    {"storedBytes", &kStoredBytes}};
constexpr Shape kLogStream = Structure("LogStream", kLogStreamMembers);
constexpr Shape kLogStreams = List(&kLogStream);
constexpr Member kDescribeLogStreamsResponseMembers[] = {
    {"logStreams", &kLogStreams}, {"nextToken", &kNextToken}};
constexpr Shape kDescribeLogStreamsResponse = Structure("DescribeLogStreamsResponse", kDescribeLogStreamsResponseMembers);
constexpr Shape kInputLogStreamNames = List(&kLogStreamName, 1, 100);
constexpr Shape kFilterPattern = String(0, 1024);
constexpr Shape kEventsLimit = Integer(1, 10000);
constexpr Shape kStartFromHead = Boolean();
constexpr Shape kInterleaved = Boolean();
constexpr Shape kUnmask = Boolean();
constexpr Member kFilterLogEventsRequestMembers[] = {
    {"logGroupName", &kLogGroupName}, {"logGroupIdentifier", &kLogGroupIdentifier},
    {"logStreamNames", &kInputLogStreamNames}, {"logStreamNamePrefix", &kLogStreamName},
    {"startTime", &kTimestamp}, {"endTime", &kTimestamp}, {"filterPattern", &kFilterPattern},
    {"nextToken", &kNextToken}, {"limit", &kEventsLimit}, {"startFromHead", &kStartFromHead},
    {"interleaved", &kInterleaved}, {"unmask", &kUnmask}};
constexpr Shape kFilterLogEventsRequest = Structure("FilterLogEventsRequest", kFilterLogEventsRequestMembers);
constexpr Shape kEventMessage = String(1);
constexpr Shape kEventId = String();
constexpr Member kFilteredLogEventMembers[] = {
    {"logStreamName", &kLogStreamName}, {"timestamp", &kTimestamp}, {"message", &kEventMessage},
    {"ingestionTime", &kTimestamp}, {"eventId", &kEventId}};
constexpr Shape kFilteredLogEvent = Structure("FilteredLogEvent", kFilteredLogEventMembers);
constexpr Shape kFilteredLogEvents = List(&kFilteredLogEvent);
constexpr Shape kLogStreamSearchedCompletely = Boolean();
constexpr Member kSearchedLogStreamMembers[] = {
    {"logStreamName", &kLogStreamName}, {"searchedCompletely", &kLogStreamSearchedCompletely}};
constexpr Shape kSearchedLogStream = Structure("SearchedLogStream", kSearchedLogStreamMembers);
constexpr Shape kSearchedLogStreams = List(&kSearchedLogStream);
constexpr Member kFilterLogEventsResponseMembers[] = {
    {"events", &kFilteredLogEvents}, {"searchedLogStreams", &kSearchedLogStreams},
    {"nextToken", &kNextToken}};
constexpr Shape kFilterLogEventsResponse = Structure("FilterLogEventsResponse", kFilterLogEventsResponseMembers);
constexpr Member kGetLogEventsRequestMembers[] = {
    {"logGroupName", &kLogGroupName}, {"logGroupIdentifier", &kLogGroupIdentifier},
    {"logStreamName", &kLogStreamName, true}, {"startTime", &kTimestamp}, {"endTime", &kTimestamp},
    {"nextToken", &kNextToken}, {"limit", &kEventsLimit}, {"startFromHead", &kStartFromHead},
    {"unmask", &kUnmask}};
constexpr Shape kGetLogEventsRequest = Structure("GetLogEventsRequest", kGetLogEventsRequestMembers);
constexpr Member kOutputLogEventMembers[] = {
    {"timestamp", &kTimestamp}, {"message", &kEventMessage}, {"ingestionTime", &kTimestamp}};
constexpr Shape kOutputLogEvent = Structure("OutputLogEvent", kOutputLogEventMembers);
constexpr Shape kOutputLogEvents = List(&kOutputLogEvent);
constexpr Member kGetLogEventsResponseMembers[] = {
    {"events", &kOutputLogEvents}, {"nextForwardToken", &kNextToken},
    {"nextBackwardToken", &kNextToken}};
constexpr Shape kGetLogEventsResponse = Structure("GetLogEventsResponse", kGetLogEventsResponseMembers);
constexpr Shape kAmazonResourceName = String(1, 1011, R"([\w+=/:,.@-]*)");
constexpr Member kListTagsForResourceRequestMembers[] = {
    {"resourceArn", &kAmazonResourceName, true}};
constexpr Shape kListTagsForResourceRequest = Structure("ListTagsForResourceRequest", kListTagsForResourceRequestMembers);
constexpr Member kListTagsForResourceResponseMembers[] = {{"tags", &kTags}};
constexpr Shape kListTagsForResourceResponse = Structure("ListTagsForResourceResponse", kListTagsForResourceResponseMembers);
constexpr Member kInputLogEventMembers[] = {
    {"timestamp", &kTimestamp, true}, {"message", &kEventMessage, true}};
constexpr Shape kInputLogEvent = Structure("InputLogEvent", kInputLogEventMembers);
constexpr Shape kInputLogEvents = List(&kInputLogEvent, 1, 10000);
constexpr Shape kEntityKeyAttributesKey = String(1, 32);
constexpr Shape kEntityKeyAttributesValue = String(1, 512);
constexpr Shape kEntityKeyAttributes = Map(&kEntityKeyAttributesKey, &kEntityKeyAttributesValue, 2, 4);
constexpr Shape kEntityAttributesKey = String(1, 256);
constexpr Shape kEntityAttributesValue = String(1, 512);
constexpr Shape kEntityAttributes = Map(&kEntityAttributesKey, &kEntityAttributesValue, 0, 10);
constexpr Member kEntityMembers[] = {
    {"keyAttributes", &kEntityKeyAttributes}, {"attributes", &kEntityAttributes}};
constexpr Shape kEntity = Structure("Entity", kEntityMembers);
constexpr Member kPutLogEventsRequestMembers[] = {
    {"logGroupName", &kLogGroupName, true}, {"logStreamName", &kLogStreamName, true},
    {"logEvents", &kInputLogEvents, true}, {"sequenceToken", &kSequenceToken}, {"entity", &kEntity}};
constexpr Shape kPutLogEventsRequest = Structure("PutLogEventsRequest", kPutLogEventsRequestMembers);
constexpr Shape kLogEventIndex = Integer();
constexpr Member kRejectedLogEventsInfoMembers[] = {
    {"tooNewLogEventStartIndex", &kLogEventIndex}, {"tooOldLogEventEndIndex", &kLogEventIndex},
    {"expiredLogEventEndIndex", &kLogEventIndex}};
constexpr Shape kRejectedLogEventsInfo = Structure("RejectedLogEventsInfo", kRejectedLogEventsInfoMembers);
constexpr std::string_view kEntityRejectionErrorTypeValues[] = {
    "InvalidEntity", "InvalidTypeValue", "InvalidKeyAttributes", "InvalidAttributes",
    "EntitySizeTooLarge", "UnsupportedLogGroupType", "MissingRequiredFields"};
constexpr Shape kEntityRejectionErrorType = Enum(kEntityRejectionErrorTypeValues);
constexpr Member kRejectedEntityInfoMembers[] = {{"errorType", &kEntityRejectionErrorType, true}};
constexpr Shape kRejectedEntityInfo = Structure("RejectedEntityInfo", kRejectedEntityInfoMembers);
constexpr Member kPutLogEventsResponseMembers[] = {
    {"nextSequenceToken", &kSequenceToken}, {"rejectedLogEventsInfo", &kRejectedLogEventsInfo},
    {"rejectedEntityInfo", &kRejectedEntityInfo}};
constexpr Shape kPutLogEventsResponse = Structure("PutLogEventsResponse", kPutLogEventsResponseMembers);
constexpr Member kPutRetentionPolicyRequestMembers[] = {
    {"logGroupName", &kLogGroupName, true}, {"retentionInDays", &kDays, true}};
constexpr Shape kPutRetentionPolicyRequest = Structure("PutRetentionPolicyRequest", kPutRetentionPolicyRequestMembers);
constexpr Member kTagResourceRequestMembers[] = {
    {"resourceArn", &kAmazonResourceName, true}, {"tags", &kTags, true}};
constexpr Shape kTagResourceRequest = Structure("TagResourceRequest", kTagResourceRequestMembers);
constexpr Shape kTagKeyList = List(&kTagKey, 0, 50);
constexpr Member kUntagResourceRequestMembers[] = {
    {"resourceArn", &kAmazonResourceName, true}, {"tagKeys", &kTagKeyList, true}};
constexpr Shape kUntagResourceRequest = Structure("UntagResourceRequest", kUntagResourceRequestMembers);

constexpr Operation kOperations[] = {
    {"CreateLogGroup", &kCreateLogGroupRequest, &kNothing},
    {"CreateLogStream", &kCreateLogStreamRequest, &kNothing},
    {"DeleteLogGroup", &kDeleteLogGroupRequest, &kNothing},
    {"DeleteLogStream", &kDeleteLogStreamRequest, &kNothing},
    {"DeleteRetentionPolicy", &kDeleteRetentionPolicyRequest, &kNothing},
    {"DescribeLogGroups", &kDescribeLogGroupsRequest, &kDescribeLogGroupsResponse},
    {"DescribeLogStreams", &kDescribeLogStreamsRequest, &kDescribeLogStreamsResponse},
    {"FilterLogEvents", &kFilterLogEventsRequest, &kFilterLogEventsResponse},
    {"GetLogEvents", &kGetLogEventsRequest, &kGetLogEventsResponse},
    {"ListTagsForResource", &kListTagsForResourceRequest, &kListTagsForResourceResponse},
    {"PutLogEvents", &kPutLogEventsRequest, &kPutLogEventsResponse},
    {"PutRetentionPolicy", &kPutRetentionPolicyRequest, &kNothing},
    {"TagResource", &kTagResourceRequest, &kNothing},
    {"UntagResource", &kUntagResourceRequest, &kNothing}};

}  // namespace
}  // namespace clary::api::logs

namespace clary::api {

std::span<const Operation> LogsOperations() { return logs::kOperations; }

}  // namespace clary::api
