// Input shapes of the SageMaker operations that this release serves.
#include "api/internal/shapes.h"

namespace clary::api {
namespace {

constexpr Shape Str(int64_t min = kNoLimit, int64_t max = kNoLimit, const char* pattern = nullptr,
                    const char* pattern_text = nullptr) {
  return {.type = Type::kString,
          .min = min,
          .max = max,
          .pattern = pattern,
          .pattern_text = pattern_text};
}
template <size_t N>
constexpr Shape Enum(const std::string_view (&values)[N]) {
  return {.type = Type::kString, .enums = values, .enum_count = N};
}
constexpr Shape Int(int64_t min = kNoLimit, int64_t max = kNoLimit) {
  return {.type = Type::kInteger, .min = min, .max = max};
}
constexpr Shape List(const Shape& item, int64_t min = kNoLimit, int64_t max = kNoLimit) {
  return {.type = Type::kList, .min = min, .max = max, .item = &item};
}
constexpr Shape Map(const Shape& key, const Shape& value, int64_t min = kNoLimit,
                    int64_t max = kNoLimit) {
  return {.type = Type::kMap, .min = min, .max = max, .key = &key, .item = &value};
}
template <size_t N>
constexpr Shape Struct(const Member (&members)[N]) {
  return {.type = Type::kStructure, .members = members, .member_count = N};
}
constexpr Shape kBool = {.type = Type::kBoolean};
constexpr Shape kTime = {.type = Type::kTimestamp};
constexpr Shape kAnything = {.type = Type::kDocument};

// --- Scalars used more than once.
constexpr Shape kJobName = Str(1, 63, "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}",
                               "Member must satisfy regular expression pattern: "
                               "^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}");
constexpr Shape kTrialName = Str(1, 120, "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,119}");
constexpr Shape kS3Uri = Str(0, 1024, "(https|s3)://([^/]+)/?(?s:.*)",
                             "Member must satisfy regular expression pattern: "
                             "^(https|s3)://([^/]+)/?(.*)$");
constexpr Shape kDirectory = Str(0, 4096);
constexpr Shape kKmsKey = Str(0, 2048, "[a-zA-Z0-9:/_-]*");
constexpr Shape kRoleArn = Str(
    20, 2048, R"(arn:aws[a-z\-]*:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+)",
    R"(Member must satisfy regular expression pattern: ^arn:aws[a-z\-]*:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+$)");
constexpr Shape kImage = Str(0, 255);
// The service model lists every type; one that looks like a type is accepted, whatever it is.
constexpr Shape kInstanceType =
    Str(kNoLimit, kNoLimit, R"(ml\.[a-z0-9-]+\.[a-z0-9-]+)",
        "Member must satisfy enum value set: [ml.m4.xlarge, ml.m5.large, ml.m5.xlarge, "
        "ml.c5.xlarge, ml.p3.2xlarge, ... (any 'ml.<family>.<size>')]");
constexpr Shape kToken = Str(0, 8192);
constexpr Shape kResourceArn = Str(0, 256, "arn:.*");

constexpr std::string_view kInputModes[] = {"Pipe", "File", "FastFile"};
constexpr std::string_view kSortOrders[] = {"Ascending", "Descending"};

// --- Tags.
constexpr Shape kTagKey =
    Str(1, 128, R"(([\p{L}\p{Z}\p{N}_.:/=+\-@]*))",
        R"(Member must satisfy regular expression pattern: ^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$)");
constexpr Member kTagMembers[] = {
    {"Key", kTagKey, true},
    {"Value",
     Str(0, 256, R"(([\p{L}\p{Z}\p{N}_.:/=+\-@]*))",
         R"(Member must satisfy regular expression pattern: ^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$)"),
     true}};
constexpr Shape kTag = Struct(kTagMembers);
constexpr Shape kTags = List(kTag, 0, 50);

// --- AlgorithmSpecification.
constexpr Member kMetricDefinitionMembers[] = {{"Name", Str(1, 255), true},
                                               {"Regex", Str(1, 500), true}};
constexpr Shape kMetricDefinition = Struct(kMetricDefinitionMembers);
constexpr Shape kArgument = Str(0, 256);
constexpr std::string_view kRepositoryModes[] = {"Platform", "Vpc"};
constexpr Member kRepositoryAuthMembers[] = {
    {"TrainingRepositoryCredentialsProviderArn", Str(1, 512), true}};
constexpr Member kImageConfigMembers[] = {
    {"TrainingRepositoryAccessMode", Enum(kRepositoryModes), true},
    {"TrainingRepositoryAuthConfig", Struct(kRepositoryAuthMembers)}};
constexpr Member kAlgorithmMembers[] = {{"TrainingImage", kImage},
                                        {"AlgorithmName", Str(1, 170)},
                                        {"TrainingInputMode", Enum(kInputModes), true},
                                        {"MetricDefinitions", List(kMetricDefinition, 0, 40)},
                                        {"EnableSageMakerMetricsTimeSeries", kBool},
                                        {"ContainerEntrypoint", List(kArgument, 1, 100)},
                                        {"ContainerArguments", List(kArgument, 1, 100)},
                                        {"TrainingImageConfig", Struct(kImageConfigMembers)}};

// --- InputDataConfig.
constexpr std::string_view kS3DataTypes[] = {"ManifestFile", "S3Prefix", "AugmentedManifestFile",
                                             "Converse"};
constexpr std::string_view kDistributions[] = {"FullyReplicated", "ShardedByS3Key"};
constexpr Shape kAttributeName = Str(1, 256);
constexpr Shape kGroupName = Str(1, 64);
constexpr Member kS3DataSourceMembers[] = {{"S3DataType", Enum(kS3DataTypes), true},
                                           {"S3Uri", kS3Uri, true},
                                           {"S3DataDistributionType", Enum(kDistributions)},
                                           {"AttributeNames", List(kAttributeName, 0, 16)},
                                           {"InstanceGroupNames", List(kGroupName, 0, 5)},
                                           {"ModelAccessConfig", kAnything},
                                           {"HubAccessConfig", kAnything}};
constexpr std::string_view kAccessModes[] = {"rw", "ro"};
constexpr std::string_view kFileSystems[] = {"EFS", "FSxLustre"};
constexpr Member kFileSystemMembers[] = {{"FileSystemId", Str(11, kNoLimit), true},
                                         {"FileSystemAccessMode", Enum(kAccessModes), true},
                                         {"FileSystemType", Enum(kFileSystems), true},
                                         {"DirectoryPath", kDirectory, true}};
constexpr Member kDataSourceMembers[] = {{"S3DataSource", Struct(kS3DataSourceMembers)},
                                         {"FileSystemDataSource", Struct(kFileSystemMembers)},
                                         {"DatasetSource", kAnything}};
constexpr std::string_view kCompressions[] = {"None", "Gzip"};
constexpr std::string_view kWrappers[] = {"None", "RecordIO"};
constexpr Member kShuffleMembers[] = {{"Seed", {.type = Type::kLong}, true}};
constexpr Member kChannelMembers[] = {{"ChannelName", Str(1, 64, R"([A-Za-z0-9\.\-_]+)"), true},
                                      {"DataSource", Struct(kDataSourceMembers), true},
                                      {"ContentType", Str(0, 256)},
                                      {"CompressionType", Enum(kCompressions)},
                                      {"RecordWrapperType", Enum(kWrappers)},
                                      {"InputMode", Enum(kInputModes)},
                                      {"ShuffleConfig", Struct(kShuffleMembers)}};
constexpr Shape kChannel = Struct(kChannelMembers);

// --- Output, resources, stopping.
constexpr std::string_view kOutputCompressions[] = {"GZIP", "NONE"};
constexpr Member kOutputMembers[] = {{"KmsKeyId", kKmsKey},
                                     {"S3OutputPath", kS3Uri, true},
                                     {"CompressionType", Enum(kOutputCompressions)}};
constexpr Member kInstanceGroupMembers[] = {{"InstanceType", kInstanceType, true},
                                            {"InstanceCount", Int(0), true},
                                            {"InstanceGroupName", kGroupName, true}};
constexpr Shape kInstanceGroup = Struct(kInstanceGroupMembers);
constexpr Member kResourceMembers[] = {{"InstanceType", kInstanceType},
                                       {"InstanceCount", Int(1)},
                                       {"VolumeSizeInGB", Int(0)},
                                       {"VolumeKmsKeyId", kKmsKey},
                                       {"KeepAlivePeriodInSeconds", Int(0, 21600)},
                                       {"InstanceGroups", List(kInstanceGroup, 0, 5)},
                                       {"TrainingPlanArn", Str(50, 2048)},
                                       {"InstancePlacementConfig", kAnything}};
constexpr Shape kSecurityGroup = Str(0, 32, "[-0-9a-zA-Z]+");
constexpr Shape kSubnet = Str(0, 32, "[-0-9a-zA-Z]+");
constexpr Member kVpcMembers[] = {{"SecurityGroupIds", List(kSecurityGroup, 1, 5), true},
                                  {"Subnets", List(kSubnet, 1, 16), true}};
constexpr Member kStoppingMembers[] = {{"MaxRuntimeInSeconds", Int(1, 2'419'200)},
                                       {"MaxWaitTimeInSeconds", Int(1)},
                                       {"MaxPendingTimeInSeconds", Int(7200, 2'419'200)}};
constexpr Member kCheckpointMembers[] = {{"S3Uri", kS3Uri, true}, {"LocalPath", kDirectory}};

// --- Debugger and profiler.
constexpr Shape kConfigKey = Str(1, 256);
constexpr Shape kConfigValue = Str(0, 256);
// A rule's action list arrives as one value and may be longer than the model's 256.
constexpr Shape kRuleValue = Str(0, 8192);
constexpr Member kCollectionMembers[] = {
    {"CollectionName", Str(1, 256)},
    {"CollectionParameters", Map(kConfigKey, kConfigValue, 0, 20)}};
constexpr Shape kCollection = Struct(kCollectionMembers);
constexpr Member kDebugHookMembers[] = {{"LocalPath", kDirectory},
                                        {"S3OutputPath", kS3Uri, true},
                                        {"HookParameters", Map(kConfigKey, kConfigValue, 0, 20)},
                                        {"CollectionConfigurations", List(kCollection, 0, 20)}};
constexpr Member kRuleMembers[] = {{"RuleConfigurationName", Str(1, 256), true},
                                   {"LocalPath", kDirectory},
                                   {"S3OutputPath", kS3Uri},
                                   {"RuleEvaluatorImage", kImage, true},
                                   {"InstanceType", kInstanceType},
                                   {"VolumeSizeInGB", Int(0)},
                                   {"RuleParameters", Map(kConfigKey, kRuleValue, 0, 100)}};
constexpr Shape kRule = Struct(kRuleMembers);
constexpr Member kTensorBoardMembers[] = {{"LocalPath", kDirectory},
                                          {"S3OutputPath", kS3Uri, true}};
constexpr Member kProfilerMembers[] = {
    {"S3OutputPath", kS3Uri},
    {"ProfilingIntervalInMilliseconds", {.type = Type::kLong}},
    {"ProfilingParameters", Map(kConfigKey, kConfigValue, 0, 20)},
    {"DisableProfiler", kBool}};

// --- The rest of CreateTrainingJob.
constexpr Shape kHyperParameterKey = Str(0, 256);
constexpr Shape kHyperParameterValue = Str(0, 2500);
constexpr Shape kEnvironmentKey = Str(0, 512, "[a-zA-Z_][a-zA-Z0-9_]*");
constexpr Shape kEnvironmentValue = Str(0, 512);
constexpr Member kExperimentMembers[] = {{"ExperimentName", kTrialName},
                                         {"TrialName", kTrialName},
                                         {"TrialComponentDisplayName", kTrialName},
                                         {"RunName", kTrialName}};
constexpr Member kRetryMembers[] = {{"MaximumRetryAttempts", Int(1, 30), true}};
constexpr Member kRemoteDebugMembers[] = {{"EnableRemoteDebug", kBool}};
constexpr Member kInfraCheckMembers[] = {{"EnableInfraCheck", kBool}};
constexpr Member kSessionChainingMembers[] = {{"EnableSessionTagChaining", kBool}};

constexpr Member kCreateTrainingJobMembers[] = {
    {"TrainingJobName", kJobName, true},
    {"HyperParameters", Map(kHyperParameterKey, kHyperParameterValue, 0, 100)},
    {"AlgorithmSpecification", Struct(kAlgorithmMembers), true},
    {"RoleArn", kRoleArn, true},
    {"InputDataConfig", List(kChannel, 1, 20)},
    {"OutputDataConfig", Struct(kOutputMembers), true},
    {"ResourceConfig", Struct(kResourceMembers), true},
    {"VpcConfig", Struct(kVpcMembers)},
    {"StoppingCondition", Struct(kStoppingMembers)},
    {"Tags", kTags},
    {"EnableNetworkIsolation", kBool},
    {"EnableInterContainerTrafficEncryption", kBool},
    {"EnableManagedSpotTraining", kBool},
    {"CheckpointConfig", Struct(kCheckpointMembers)},
    {"DebugHookConfig", Struct(kDebugHookMembers)},
    {"DebugRuleConfigurations", List(kRule, 0, 20)},
    {"TensorBoardOutputConfig", Struct(kTensorBoardMembers)},
    {"ExperimentConfig", Struct(kExperimentMembers)},
    {"ProfilerConfig", Struct(kProfilerMembers)},
    {"ProfilerRuleConfigurations", List(kRule, 0, 20)},
    {"Environment", Map(kEnvironmentKey, kEnvironmentValue, 0, 100)},
    {"RetryStrategy", Struct(kRetryMembers)},
    {"RemoteDebugConfig", Struct(kRemoteDebugMembers)},
    {"InfraCheckConfig", Struct(kInfraCheckMembers)},
    {"SessionChainingConfig", Struct(kSessionChainingMembers)},
    {"ServerlessJobConfig", kAnything},
    {"MlflowConfig", kAnything},
    {"ModelPackageConfig", kAnything}};

constexpr Member kNamedJobMembers[] = {{"TrainingJobName", kJobName, true}};

// --- UpdateTrainingJob.
constexpr Member kResourceUpdateMembers[] = {{"KeepAlivePeriodInSeconds", Int(0, 21600), true}};
constexpr Member kUpdateTrainingJobMembers[] = {{"TrainingJobName", kJobName, true},
                                                {"ProfilerConfig", Struct(kProfilerMembers)},
                                                {"ProfilerRuleConfigurations", List(kRule, 0, 20)},
                                                {"ResourceConfig", Struct(kResourceUpdateMembers)},
                                                {"RemoteDebugConfig", Struct(kRemoteDebugMembers)}};

// --- ListTrainingJobs.
constexpr std::string_view kJobStatuses[] = {"InProgress", "Completed", "Failed",
                                             "Stopping",   "Stopped",   "Deleting"};
constexpr std::string_view kWarmPoolStatuses[] = {"Available", "Terminated", "Reused", "InUse"};
constexpr std::string_view kListSortBy[] = {"Name", "CreationTime", "Status"};
constexpr Member kListTrainingJobsMembers[] = {{"NextToken", kToken},
                                               {"MaxResults", Int(1, 100)},
                                               {"CreationTimeAfter", kTime},
                                               {"CreationTimeBefore", kTime},
                                               {"LastModifiedTimeAfter", kTime},
                                               {"LastModifiedTimeBefore", kTime},
                                               {"NameContains", Str(0, 63, "[a-zA-Z0-9\\-]+")},
                                               {"StatusEquals", Enum(kJobStatuses)},
                                               {"SortBy", Enum(kListSortBy)},
                                               {"SortOrder", Enum(kSortOrders)},
                                               {"WarmPoolStatusEquals", Enum(kWarmPoolStatuses)},
                                               {"TrainingPlanArnEquals", Str(50, 2048)}};

// --- Processing jobs: those that evaluate rules.
constexpr Member kNamedProcessingJobMembers[] = {{"ProcessingJobName", kJobName, true}};
constexpr std::string_view kProcessingStatuses[] = {"InProgress", "Completed", "Failed", "Stopping",
                                                    "Stopped"};
constexpr Member kListProcessingJobsMembers[] = {{"NextToken", kToken},
                                                 {"MaxResults", Int(1, 100)},
                                                 {"CreationTimeAfter", kTime},
                                                 {"CreationTimeBefore", kTime},
                                                 {"LastModifiedTimeAfter", kTime},
                                                 {"LastModifiedTimeBefore", kTime},
                                                 {"NameContains", Str(0, kNoLimit)},
                                                 {"StatusEquals", Enum(kProcessingStatuses)},
                                                 {"SortBy", Enum(kListSortBy)},
                                                 {"SortOrder", Enum(kSortOrders)}};

// --- Tag operations.
constexpr Member kAddTagsMembers[] = {{"ResourceArn", kResourceArn, true}, {"Tags", kTags, true}};
constexpr Member kListTagsMembers[] = {
    {"ResourceArn", kResourceArn, true}, {"NextToken", kToken}, {"MaxResults", Int(50)}};
constexpr Member kDeleteTagsMembers[] = {{"ResourceArn", kResourceArn, true},
                                         {"TagKeys", List(kTagKey, 1, 50), true}};

// --- Search.
constexpr std::string_view kResources[] = {"TrainingJob",     "Experiment",
                                           "ExperimentTrial", "ExperimentTrialComponent",
                                           "Endpoint",        "Model",
                                           "ModelPackage",    "ModelPackageGroup",
                                           "Pipeline",        "PipelineExecution",
                                           "FeatureGroup",    "FeatureMetadata",
                                           "Image",           "ImageVersion",
                                           "Project",         "HyperParameterTuningJob",
                                           "ModelCard",       "PipelineVersion"};
constexpr std::string_view kOperators[] = {"Equals",      "NotEquals",
                                           "GreaterThan", "GreaterThanOrEqualTo",
                                           "LessThan",    "LessThanOrEqualTo",
                                           "Contains",    "Exists",
                                           "NotExists",   "In"};
constexpr std::string_view kBooleanOperators[] = {"And", "Or"};
constexpr Member kFilterMembers[] = {
    {"Name", Str(1, 255), true}, {"Operator", Enum(kOperators)}, {"Value", Str(1, 1024)}};
constexpr Shape kFilter = Struct(kFilterMembers);
constexpr Member kNestedFilterMembers[] = {{"NestedPropertyName", Str(1, 255), true},
                                           {"Filters", List(kFilter, 1, 20), true}};
constexpr Shape kNestedFilter = Struct(kNestedFilterMembers);
extern const Shape kSearchExpression;
constexpr Member kSearchExpressionMembers[] = {
    {"Filters", List(kFilter, 1, 20)},
    {"NestedFilters", List(kNestedFilter, 1, 20)},
    {"SubExpressions", {.type = Type::kList, .min = 1, .max = 20, .item = &kSearchExpression}},
    {"Operator", Enum(kBooleanOperators)}};
constexpr Shape kSearchExpression = Struct(kSearchExpressionMembers);
constexpr Member kSearchMembers[] = {{"Resource", Enum(kResources), true},
                                     {"SearchExpression", Struct(kSearchExpressionMembers)},
                                     {"SortBy", Str(1, 255)},
                                     {"SortOrder", Enum(kSortOrders)},
                                     {"NextToken", kToken},
                                     {"MaxResults", Int(1, 100)}};

constexpr Shape kCreateTrainingJob = Struct(kCreateTrainingJobMembers);
constexpr Shape kNamedJob = Struct(kNamedJobMembers);
constexpr Shape kUpdateTrainingJob = Struct(kUpdateTrainingJobMembers);
constexpr Shape kListTrainingJobs = Struct(kListTrainingJobsMembers);
constexpr Shape kNamedProcessingJob = Struct(kNamedProcessingJobMembers);
constexpr Shape kListProcessingJobs = Struct(kListProcessingJobsMembers);
constexpr Shape kAddTags = Struct(kAddTagsMembers);
constexpr Shape kListTags = Struct(kListTagsMembers);
constexpr Shape kDeleteTags = Struct(kDeleteTagsMembers);
constexpr Shape kSearch = Struct(kSearchMembers);

constexpr Operation kOperations[] = {{"AddTags", &kAddTags},
                                     {"CreateTrainingJob", &kCreateTrainingJob},
                                     {"DeleteTags", &kDeleteTags},
                                     {"DeleteTrainingJob", &kNamedJob},
                                     {"DescribeProcessingJob", &kNamedProcessingJob},
                                     {"DescribeTrainingJob", &kNamedJob},
                                     {"ListProcessingJobs", &kListProcessingJobs},
                                     {"ListTags", &kListTags},
                                     {"ListTrainingJobs", &kListTrainingJobs},
                                     {"Search", &kSearch},
                                     {"StopProcessingJob", &kNamedProcessingJob},
                                     {"StopTrainingJob", &kNamedJob},
                                     {"UpdateTrainingJob", &kUpdateTrainingJob}};

}  // namespace

std::span<const Operation> Operations() { return kOperations; }

}  // namespace clary::api
