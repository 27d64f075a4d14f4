// What this release does with every input member of the SageMaker operations that it serves.
#include "api/members.h"
#include "api/sagemaker.h"

namespace clary::api {
namespace {

using enum Verdict;

constexpr std::string_view kServed[] = {
    "AddTags",
    "AssociateTrialComponent",
    "BatchPutMetrics",
    "CreateExperiment",
    "CreateProcessingJob",
    "CreateTrainingJob",
    "CreateTrial",
    "CreateTrialComponent",
    "DeleteExperiment",
    "DeleteProcessingJob",
    "DeleteTags",
    "DeleteTrainingJob",
    "DeleteTrial",
    "DeleteTrialComponent",
    "DescribeExperiment",
    "DescribeProcessingJob",
    "DescribeTrainingJob",
    "DescribeTrial",
    "DescribeTrialComponent",
    "DisassociateTrialComponent",
    "ListExperiments",
    "ListProcessingJobs",
    "ListTags",
    "ListTrainingJobs",
    "ListTrialComponents",
    "ListTrials",
    "Search",
    "StopProcessingJob",
    "StopTrainingJob",
    "UpdateExperiment",
    "UpdateTrainingJob",
    "UpdateTrial",
    "UpdateTrialComponent",
};

constexpr DoneRow kDone[] = {
    {"AddTagsInput", "ResourceArn"},
    {"AlgorithmSpecification",
     "TrainingImage TrainingInputMode ContainerEntrypoint ContainerArguments"},
    {"AppSpecification", "ImageUri ContainerEntrypoint ContainerArguments"},
    {"AssociateTrialComponentRequest", "TrialComponentName TrialName"},
    {"BatchPutMetricsRequest", "TrialComponentName"},
    {"Channel", "ChannelName ContentType CompressionType RecordWrapperType InputMode"},
    {"CheckpointConfig", "S3Uri LocalPath"},
    {"CollectionConfiguration", "CollectionName CollectionParameters"},
    {"CreateExperimentRequest", "ExperimentName DisplayName Description"},
    {"CreateProcessingJobRequest", "ProcessingJobName Environment RoleArn"},
    {"CreateTrainingJobRequest",
     "TrainingJobName HyperParameters RoleArn EnableNetworkIsolation EnableManagedSpotTraining "
     "Environment"},
    {"CreateTrialComponentRequest", "TrialComponentName DisplayName StartTime EndTime"},
    {"CreateTrialRequest", "TrialName DisplayName ExperimentName"},
    {"DebugHookConfig", "LocalPath S3OutputPath HookParameters"},
    {"DebugRuleConfiguration",
     "RuleConfigurationName S3OutputPath RuleEvaluatorImage RuleParameters"},
    {"DeleteExperimentRequest", "ExperimentName"},
    {"DeleteProcessingJobRequest", "ProcessingJobName"},
    {"DeleteTagsInput", "ResourceArn TagKeys"},
    {"DeleteTrainingJobRequest", "TrainingJobName"},
    {"DeleteTrialComponentRequest", "TrialComponentName"},
    {"DeleteTrialRequest", "TrialName"},
    {"DescribeExperimentRequest", "ExperimentName"},
    {"DescribeProcessingJobRequest", "ProcessingJobName"},
    {"DescribeTrainingJobRequest", "TrainingJobName"},
    {"DescribeTrialComponentRequest", "TrialComponentName"},
    {"DescribeTrialRequest", "TrialName"},
    {"DisassociateTrialComponentRequest", "TrialComponentName TrialName"},
    {"ExperimentConfig", "ExperimentName TrialName TrialComponentDisplayName RunName"},
    {"Filter", "Name Operator Value"},
    {"ListExperimentsRequest", "CreatedAfter CreatedBefore SortBy SortOrder NextToken MaxResults"},
    {"ListProcessingJobsRequest",
     "CreationTimeAfter CreationTimeBefore LastModifiedTimeAfter LastModifiedTimeBefore "
     "NameContains StatusEquals SortBy SortOrder NextToken MaxResults"},
    {"ListTagsInput", "ResourceArn"},
    {"ListTrainingJobsRequest",
     "NextToken MaxResults CreationTimeAfter CreationTimeBefore LastModifiedTimeAfter "
     "LastModifiedTimeBefore NameContains StatusEquals SortBy SortOrder WarmPoolStatusEquals "
     "TrainingPlanArnEquals"},
    {"ListTrialComponentsRequest",
     "ExperimentName TrialName SourceArn CreatedAfter CreatedBefore SortBy SortOrder MaxResults "
     "NextToken"},
    {"ListTrialsRequest",
     "ExperimentName TrialComponentName CreatedAfter CreatedBefore SortBy SortOrder MaxResults "
     "NextToken"},
    {"MetadataProperties", "CommitId Repository GeneratedBy ProjectId"},
    {"MetricDefinition", "Name Regex"},
    {"NestedFilters", "NestedPropertyName"},
    {"NetworkConfig", "EnableNetworkIsolation"},
    {"OutputDataConfig", "S3OutputPath CompressionType"},
    {"ProcessingClusterConfig", "InstanceCount InstanceType"},
    {"ProcessingInput", "InputName AppManaged"},
    {"ProcessingOutput", "OutputName AppManaged"},
    {"ProcessingS3Input",
     "S3Uri LocalPath S3DataType S3InputMode S3DataDistributionType S3CompressionType"},
    {"ProcessingS3Output", "S3Uri LocalPath S3UploadMode"},
    {"ProcessingStoppingCondition", "MaxRuntimeInSeconds"},
    {"ProfilerConfig", "S3OutputPath ProfilingIntervalInMilliseconds DisableProfiler"},
    {"ProfilerConfigForUpdate", "S3OutputPath ProfilingIntervalInMilliseconds DisableProfiler"},
    {"ProfilerRuleConfiguration",
     "RuleConfigurationName S3OutputPath RuleEvaluatorImage RuleParameters"},
    {"RawMetricData", "MetricName Timestamp Step Value"},
    {"ResourceConfig", "InstanceType InstanceCount KeepAlivePeriodInSeconds"},
    {"ResourceConfigForUpdate", "KeepAlivePeriodInSeconds"},
    {"RetryStrategy", "MaximumRetryAttempts"},
    {"S3DataSource", "S3DataType S3Uri S3DataDistributionType"},
    {"SearchExpression", "Operator"},
    {"SearchRequest", "Resource SortBy SortOrder NextToken MaxResults"},
    {"StopProcessingJobRequest", "ProcessingJobName"},
    {"StopTrainingJobRequest", "TrainingJobName"},
    {"StoppingCondition", "MaxRuntimeInSeconds MaxWaitTimeInSeconds MaxPendingTimeInSeconds"},
    {"Tag", "Key Value"},
    {"TensorBoardOutputConfig", "LocalPath S3OutputPath"},
    {"TrialComponentArtifact", "MediaType Value"},
    {"TrialComponentParameterValue", "StringValue NumberValue"},
    {"TrialComponentStatus", "PrimaryStatus Message"},
    {"UpdateExperimentRequest", "ExperimentName DisplayName Description"},
    {"UpdateTrainingJobRequest", "TrainingJobName"},
    {"UpdateTrialComponentRequest",
     "TrialComponentName DisplayName StartTime EndTime ParametersToRemove InputArtifactsToRemove "
     "OutputArtifactsToRemove"},
    {"UpdateTrialRequest", "TrialName DisplayName"},
};

constexpr std::string_view kUnsupported = "is not supported by this release; leave it out";
constexpr std::string_view kRuleHere = "a rule runs on this machine, beside its job";
constexpr std::string_view kRulePath =
    "a rule reads and writes the object store; the path is shown, nothing is there";
constexpr std::string_view kProfilingParameters =
    "handed to the program in profilerconfig.json; the built-in algorithm has no finer profiling";
constexpr std::string_view kNoShell =
    "there is no remote shell into a job; look into its directory on this machine instead";

constexpr std::string_view kNoVpc =
    "this machine has no VPC: neither its subnets nor its security groups limit what the job can "
    "reach; EnableNetworkIsolation does";
constexpr std::string_view kNoTraffic =
    "traffic between hosts of the job is not encrypted; a job of one host has none";
constexpr std::string_view kSharedDisk =
    "a job's files lie on the state directory's disk, whose room it shares";
constexpr std::string_view kPlainVolume =
    "the job's files are not encrypted with this key; encrypt the state directory's disk instead";

constexpr VerdictRow kOthers[] = {
    {"AlgorithmSpecification", "AlgorithmName", kRefused,
     "is not supported; give a TrainingImage instead"},
    {"AlgorithmSpecification", "EnableSageMakerMetricsTimeSeries", kIgnored,
     "every job's metrics are kept and answered as time series"},
    {"AlgorithmSpecification", "TrainingImageConfig", kIgnored,
     "an image is known by its name; none is pulled from a registry"},
    {"Channel", "ShuffleConfig", kRefused,
     "is not supported by this release, which reads a channel's files in the order of their names; "
     "leave it out"},
    {"CreateTrainingJobRequest", "VpcConfig", kNotProvided, kNoVpc},
    {"CreateTrainingJobRequest", "EnableInterContainerTrafficEncryption", kNotProvided, kNoTraffic},
    {"CreateTrainingJobRequest", "InfraCheckConfig", kIgnored,
     "checks accelerators before a job, and this machine's are not used"},
    {"CreateTrainingJobRequest", "SessionChainingConfig", kIgnored,
     "no policy is evaluated, so none reads the tags of a session"},
    {"CreateTrainingJobRequest", "ServerlessJobConfig", kRefused, kUnsupported},
    {"CreateTrainingJobRequest", "MlflowConfig", kRefused, kUnsupported},
    {"CreateTrainingJobRequest", "ModelPackageConfig", kRefused, kUnsupported},
    {"DataSource", "FileSystemDataSource", kRefused,
     "is not supported: only S3DataSource is supported as data source"},
    {"DataSource", "DatasetSource", kRefused,
     "is not supported: only S3DataSource is supported as data source"},
    {"DebugRuleConfiguration", "LocalPath", kIgnored, kRulePath},
    {"DebugRuleConfiguration", "InstanceType", kIgnored, kRuleHere},
    {"DebugRuleConfiguration", "VolumeSizeInGB", kIgnored, kRuleHere},
    {"ListTagsInput", "NextToken", kIgnored, "a resource's tags always fit into one answer"},
    {"ListTagsInput", "MaxResults", kIgnored, "at least 50, which is all that a resource can have"},
    {"NetworkConfig", "EnableInterContainerTrafficEncryption", kNotProvided, kNoTraffic},
    {"NetworkConfig", "VpcConfig", kNotProvided, kNoVpc},
    {"OutputDataConfig", "KmsKeyId", kNotProvided,
     "artifacts are not encrypted with this key; they lie in the state directory as they are"},
    {"ProcessingClusterConfig", "VolumeSizeInGB", kIgnored, kSharedDisk},
    {"ProcessingClusterConfig", "VolumeKmsKeyId", kNotProvided, kPlainVolume},
    {"ProcessingClusterConfig", "InstancePreferences", kRefused, kUnsupported},
    {"ProcessingClusterConfig", "SelectedInstanceType", kRefused, "is for answers; leave it out"},
    {"ProcessingClusterConfig", "SelectedInstanceCount", kRefused, "is for answers; leave it out"},
    {"ProcessingInput", "DatasetDefinition", kRefused,
     "is not supported: there is neither Athena nor Redshift here; export the data to S3 and give "
     "an S3Input"},
    {"ProcessingOutput", "FeatureStoreOutput", kRefused,
     "is not supported: there is no Feature Store here; give an S3Output"},
    {"ProcessingOutputConfig", "KmsKeyId", kNotProvided,
     "outputs are not encrypted with this key; they lie in the state directory as they are"},
    {"ProfilerConfig", "ProfilingParameters", kIgnored, kProfilingParameters},
    {"ProfilerConfigForUpdate", "ProfilingParameters", kIgnored, kProfilingParameters},
    {"ProfilerRuleConfiguration", "LocalPath", kIgnored, kRulePath},
    {"ProfilerRuleConfiguration", "InstanceType", kIgnored, kRuleHere},
    {"ProfilerRuleConfiguration", "VolumeSizeInGB", kIgnored, kRuleHere},
    {"RemoteDebugConfig", "EnableRemoteDebug", kNotProvided, kNoShell},
    {"RemoteDebugConfigForUpdate", "EnableRemoteDebug", kIgnored, kNoShell},
    {"ResourceConfig", "VolumeSizeInGB", kIgnored, kSharedDisk},
    {"ResourceConfig", "VolumeKmsKeyId", kNotProvided, kPlainVolume},
    {"ResourceConfig", "InstanceGroups", kRefused, kUnsupported},
    {"ResourceConfig", "TrainingPlanArn", kRefused, kUnsupported},
    {"ResourceConfig", "InstancePlacementConfig", kRefused, kUnsupported},
    {"ResourceConfig", "InstancePreferences", kRefused, kUnsupported},
    {"ResourceConfig", "SelectedInstanceType", kRefused, "is for answers; leave it out"},
    {"ResourceConfig", "SelectedInstanceCount", kRefused, "is for answers; leave it out"},
    {"S3DataSource", "AttributeNames", kIgnored,
     "means something in an AugmentedManifestFile only, and that is refused"},
    {"S3DataSource", "InstanceGroupNames", kRefused, kUnsupported},
    {"S3DataSource", "ModelAccessConfig", kIgnored,
     "accepts a licence of the data's owner, who is not asked here"},
    {"S3DataSource", "HubAccessConfig", kRefused, kUnsupported},
    {"SearchRequest", "CrossAccountFilterOption", kRefused,
     "is not supported: there is one account", "SameAccount"},
    {"SearchRequest", "VisibilityConditions", kRefused, kUnsupported},
};

}  // namespace

const MemberTable& SageMakerMembers() {
  static constexpr MemberTable kTable = {.operations = kServed, .done = kDone, .others = kOthers};
  return kTable;
}

}  // namespace clary::api
