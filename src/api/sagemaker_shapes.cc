// Shapes of Amazon SageMaker Service, as botocore 1.44.5 states them.
// Made by tools/api_shapes.py from tools/api_shapes.toml: edit that, not this.
// clang-format off
#include "api/internal/shape_rows.h"
#include "api/shapes.h"

namespace clary::api::sagemaker {
namespace {

[[maybe_unused]] constexpr Shape kNothing = Structure("Nothing");
extern const Shape kSearchExpression;
constexpr Shape kAssociationEntityArn = String(0, 256, R"(arn:aws[a-z\-]*:sagemaker:[a-z0-9\-]*:[0-9]{12}:(experiment|experiment-trial-component|artifact|action|context)/.*)");
constexpr std::string_view kAssociationEdgeTypeValues[] = {
    "ContributedTo", "AssociatedWith", "DerivedFrom", "Produced", "SameAs"};
constexpr Shape kAssociationEdgeType = Enum(kAssociationEdgeTypeValues);
constexpr Member kAddAssociationRequestMembers[] = {
    {"SourceArn", &kAssociationEntityArn, true}, {"DestinationArn", &kAssociationEntityArn, true},
    {"AssociationType", &kAssociationEdgeType}};
constexpr Shape kAddAssociationRequest = Structure("AddAssociationRequest", kAddAssociationRequestMembers);
constexpr Member kAddAssociationResponseMembers[] = {
    {"SourceArn", &kAssociationEntityArn}, {"DestinationArn", &kAssociationEntityArn}};
constexpr Shape kAddAssociationResponse = Structure("AddAssociationResponse", kAddAssociationResponseMembers);
constexpr Shape kResourceArn = String(0, 256, "arn:aws[a-z-]*:sagemaker:[a-z0-9-]*:[0-9]{12}:.+");
constexpr Shape kTagKey = String(1, 128, R"(([\p{L}\p{Z}\p{N}_.:/=+\-@]*))", R"(^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$)");
constexpr Shape kTagValue = String(0, 256, R"(([\p{L}\p{Z}\p{N}_.:/=+\-@]*))", R"(^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$)");
constexpr Member kTagMembers[] = {{"Key", &kTagKey, true}, {"Value", &kTagValue, true}};
constexpr Shape kTag = Structure("Tag", kTagMembers);
constexpr Shape kTagList = List(&kTag, 0, 50);
constexpr Member kAddTagsInputMembers[] = {
    {"ResourceArn", &kResourceArn, true}, {"Tags", &kTagList, true}};
constexpr Shape kAddTagsInput = Structure("AddTagsInput", kAddTagsInputMembers);
constexpr Member kAddTagsOutputMembers[] = {{"Tags", &kTagList}};
constexpr Shape kAddTagsOutput = Structure("AddTagsOutput", kAddTagsOutputMembers);
constexpr Shape kExperimentEntityName = String(1, 120, "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,119}", "^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,119}");
constexpr Member kAssociateTrialComponentRequestMembers[] = {
    {"TrialComponentName", &kExperimentEntityName, true},
    {"TrialName", &kExperimentEntityName, true}};
constexpr Shape kAssociateTrialComponentRequest = Structure("AssociateTrialComponentRequest", kAssociateTrialComponentRequestMembers);
constexpr Shape kTrialComponentArn = String(0, 256);
constexpr Shape kTrialArn = String(0, 256);
constexpr Member kAssociateTrialComponentResponseMembers[] = {
    {"TrialComponentArn", &kTrialComponentArn}, {"TrialArn", &kTrialArn}};
constexpr Shape kAssociateTrialComponentResponse = Structure("AssociateTrialComponentResponse", kAssociateTrialComponentResponseMembers);
constexpr Shape kModelPackageArn = String(1, 2048, R"(arn:aws[a-z\-]*:sagemaker:[a-z0-9\-]{9,16}:[0-9]{12}:model-package/[\S]{1,})", R"(arn:aws[a-z\-]*:sagemaker:[a-z0-9\-]{9,16}:[0-9]{12}:model-package/[\S]{1,2048})");
constexpr Shape kModelPackageArnList = List(&kModelPackageArn, 1, 100);
constexpr Member kBatchDescribeModelPackageInputMembers[] = {
    {"ModelPackageArnList", &kModelPackageArnList, true}};
constexpr Shape kBatchDescribeModelPackageInput = Structure("BatchDescribeModelPackageInput", kBatchDescribeModelPackageInputMembers);
constexpr Shape kEntityName = String(1, 63, "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", "^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$");
constexpr Shape kModelPackageVersion = Integer(1);
constexpr Shape kEntityDescription = String(0, 1024, R"([\p{L}\p{M}\p{Z}\p{S}\p{N}\p{P}]*)");
constexpr Shape kCreationTime = Timestamp();
constexpr Shape kContainerHostname = String(0, 63, "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", "^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}");
constexpr Shape kContainerImage = String(0, 255, R"([\S]+)");
constexpr Shape kImageDigest = String(0, 72, "[Ss][Hh][Aa]256:[0-9a-fA-F]{64}", "^[Ss][Hh][Aa]256:[0-9a-fA-F]{64}$");
constexpr Shape kUrl = String(0, 1024, "(https|s3)://([^/]+)/?(.*)", "^(https|s3)://([^/]+)/?(.*)$");
constexpr Shape kS3ModelUri = String(0, 1024, "(https|s3)://([^/]+)/?(.*)", "^(https|s3)://([^/]+)/?(.*)$");
constexpr std::string_view kS3ModelDataTypeValues[] = {"S3Prefix", "S3Object"};
constexpr Shape kS3ModelDataType = Enum(kS3ModelDataTypeValues);
constexpr std::string_view kModelCompressionTypeValues[] = {"None", "Gzip"};
constexpr Shape kModelCompressionType = Enum(kModelCompressionTypeValues);
constexpr Shape kAcceptEula = Boolean();
constexpr Member kModelAccessConfigMembers[] = {{"AcceptEula", &kAcceptEula, true}};
constexpr Shape kModelAccessConfig = Structure("ModelAccessConfig", kModelAccessConfigMembers);
constexpr Shape kHubContentArn = String(0, 255, ".*");
constexpr Member kInferenceHubAccessConfigMembers[] = {{"HubContentArn", &kHubContentArn, true}};
constexpr Shape kInferenceHubAccessConfig = Structure("InferenceHubAccessConfig", kInferenceHubAccessConfigMembers);
constexpr Shape kString = String();
constexpr Member kS3ModelDataSourceMembers[] = {
    {"S3Uri", &kS3ModelUri, true}, {"S3DataType", &kS3ModelDataType, true},
    {"CompressionType", &kModelCompressionType, true}, {"ModelAccessConfig", &kModelAccessConfig},
    {"HubAccessConfig", &kInferenceHubAccessConfig}, {"ManifestS3Uri", &kS3ModelUri},
    {"ETag", &kString}, {"ManifestEtag", &kString}};
constexpr Shape kS3ModelDataSource = Structure("S3ModelDataSource", kS3ModelDataSourceMembers);
constexpr Member kModelDataSourceMembers[] = {{"S3DataSource", &kS3ModelDataSource}};
constexpr Shape kModelDataSource = Structure("ModelDataSource", kModelDataSourceMembers);
constexpr Shape kProductId = String(0, 256, "[a-zA-Z0-9](-*[a-zA-Z0-9])*", "^[a-zA-Z0-9](-*[a-zA-Z0-9])*$");
constexpr Shape kEnvironmentKey = String(0, 1024, "[a-zA-Z_][a-zA-Z0-9_]*");
constexpr Shape kEnvironmentValue = String(0, 1024, R"([\S\s]*)");
constexpr Shape kEnvironmentMap = Map(&kEnvironmentKey, &kEnvironmentValue, 0, 100);
constexpr Shape kDataInputConfig = String(1, 16384, R"([\S\s]+)");
constexpr Member kModelInputMembers[] = {{"DataInputConfig", &kDataInputConfig, true}};
constexpr Shape kModelInput = Structure("ModelInput", kModelInputMembers);
constexpr Shape kModelPackageFrameworkVersion = String(3, 10, R"([0-9]\.[A-Za-z0-9.-]+)");
constexpr Shape kAdditionalModelChannelName = String(1, 64, R"([A-Za-z0-9\.\-_]+)");
constexpr Member kAdditionalModelDataSourceMembers[] = {
    {"ChannelName", &kAdditionalModelChannelName, true}, {"S3DataSource", &kS3ModelDataSource, true}};
constexpr Shape kAdditionalModelDataSource = Structure("AdditionalModelDataSource", kAdditionalModelDataSourceMembers);
constexpr Shape kAdditionalModelDataSources = List(&kAdditionalModelDataSource, 0, 5);
constexpr std::string_view kAdditionalS3DataSourceDataTypeValues[] = {"S3Object", "S3Prefix"};
constexpr Shape kAdditionalS3DataSourceDataType = Enum(kAdditionalS3DataSourceDataTypeValues);
constexpr Shape kS3Uri = String(0, 1024, "(https|s3)://([^/]+)/?(.*)", "^(https|s3)://([^/]+)/?(.*)$");
constexpr std::string_view kCompressionTypeValues[] = {"None", "Gzip"};
constexpr Shape kCompressionType = Enum(kCompressionTypeValues);
constexpr Member kAdditionalS3DataSourceMembers[] = {
    {"S3DataType", &kAdditionalS3DataSourceDataType, true}, {"S3Uri", &kS3Uri, true},
    {"CompressionType", &kCompressionType}, {"ETag", &kString}};
constexpr Shape kAdditionalS3DataSource = Structure("AdditionalS3DataSource", kAdditionalS3DataSourceMembers);
constexpr Shape kBoolean = Boolean();
constexpr Shape kHubContentName = String(0, 63, "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}");
constexpr Shape kHubContentVersion = String(5, 14, R"(\d{1,4}.\d{1,4}.\d{1,4})");
constexpr Shape kRecipeName = String(0, 255);
constexpr Member kBaseModelMembers[] = {
    {"HubContentName", &kHubContentName}, {"HubContentVersion", &kHubContentVersion},
    {"RecipeName", &kRecipeName}};
constexpr Shape kBaseModel = Structure("BaseModel", kBaseModelMembers);
constexpr Member kModelPackageContainerDefinitionMembers[] = {
    {"ContainerHostname", &kContainerHostname}, {"Image", &kContainerImage},
    {"ImageDigest", &kImageDigest}, {"ModelDataUrl", &kUrl}, {"ModelDataSource", &kModelDataSource},
    {"ProductId", &kProductId}, {"Environment", &kEnvironmentMap}, {"ModelInput", &kModelInput},
    {"Framework", &kString}, {"FrameworkVersion", &kModelPackageFrameworkVersion},
    {"NearestModelName", &kString}, {"AdditionalModelDataSources", &kAdditionalModelDataSources},
    {"AdditionalS3DataSource", &kAdditionalS3DataSource}, {"ModelDataETag", &kString},
    {"IsCheckpoint", &kBoolean}, {"BaseModel", &kBaseModel}};
constexpr Shape kModelPackageContainerDefinition = Structure("ModelPackageContainerDefinition", kModelPackageContainerDefinitionMembers);
constexpr Shape kModelPackageContainerDefinitionList = List(&kModelPackageContainerDefinition, 1, 15);
constexpr std::string_view kTransformInstanceTypeValues[] = {
    "ml.m4.xlarge", "ml.m5.large", "ml.m5.xlarge", "ml.c5.xlarge", "ml.p3.2xlarge",
    "... (any 'ml.<family>.<size>')"};
constexpr Shape kTransformInstanceType = Enum(kTransformInstanceTypeValues, R"(ml\.[a-z0-9-]+\.[a-z0-9-]+)");
constexpr Shape kTransformInstanceTypes = List(&kTransformInstanceType, 1);
constexpr std::string_view kProductionVariantInstanceTypeValues[] = {
    "ml.m4.xlarge", "ml.m5.large", "ml.m5.xlarge", "ml.c5.xlarge", "ml.p3.2xlarge",
    "... (any 'ml.<family>.<size>')"};
constexpr Shape kProductionVariantInstanceType = Enum(kProductionVariantInstanceTypeValues, R"(ml\.[a-z0-9-]+\.[a-z0-9-]+)");
constexpr Shape kRealtimeInferenceInstanceTypes = List(&kProductionVariantInstanceType);
constexpr Shape kContentType = String(0, 256, ".*");
constexpr Shape kContentTypes = List(&kContentType);
constexpr Shape kResponseMIMEType = String(0, 1024, R"([-\w]+\/.+)", R"(^[-\w]+\/.+$)");
constexpr Shape kResponseMIMETypes = List(&kResponseMIMEType);
constexpr Member kInferenceSpecificationMembers[] = {
    {"Containers", &kModelPackageContainerDefinitionList, true},
    {"SupportedTransformInstanceTypes", &kTransformInstanceTypes},
    {"SupportedRealtimeInferenceInstanceTypes", &kRealtimeInferenceInstanceTypes},
    {"SupportedContentTypes", &kContentTypes}, {"SupportedResponseMIMETypes", &kResponseMIMETypes}};
constexpr Shape kInferenceSpecification = Structure("InferenceSpecification", kInferenceSpecificationMembers);
constexpr std::string_view kModelPackageStatusValues[] = {
    "Pending", "InProgress", "Completed", "Failed", "Deleting"};
constexpr Shape kModelPackageStatus = Enum(kModelPackageStatusValues);
constexpr std::string_view kModelApprovalStatusValues[] = {
    "Approved", "Rejected", "PendingManualApproval"};
constexpr Shape kModelApprovalStatus = Enum(kModelApprovalStatusValues);
constexpr std::string_view kModelPackageRegistrationTypeValues[] = {"Logged", "Registered"};
constexpr Shape kModelPackageRegistrationType = Enum(kModelPackageRegistrationTypeValues);
constexpr Member kBatchDescribeModelPackageSummaryMembers[] = {
    {"ModelPackageGroupName", &kEntityName, true}, {"ModelPackageVersion", &kModelPackageVersion},
    {"ModelPackageArn", &kModelPackageArn, true}, {"ModelPackageDescription", &kEntityDescription},
    {"CreationTime", &kCreationTime, true},
    {"InferenceSpecification", &kInferenceSpecification, true},
    {"ModelPackageStatus", &kModelPackageStatus, true},
    {"ModelApprovalStatus", &kModelApprovalStatus},
    {"ModelPackageRegistrationType", &kModelPackageRegistrationType}};
constexpr Shape kBatchDescribeModelPackageSummary = Structure("BatchDescribeModelPackageSummary", kBatchDescribeModelPackageSummaryMembers);
constexpr Shape kModelPackageSummaries = Map(&kModelPackageArn, &kBatchDescribeModelPackageSummary);
constexpr Member kBatchDescribeModelPackageErrorMembers[] = {
    {"ErrorCode", &kString, true}, {"ErrorResponse", &kString, true}};
constexpr Shape kBatchDescribeModelPackageError = Structure("BatchDescribeModelPackageError", kBatchDescribeModelPackageErrorMembers);
constexpr Shape kBatchDescribeModelPackageErrorMap = Map(&kModelPackageArn, &kBatchDescribeModelPackageError);
constexpr Member kBatchDescribeModelPackageOutputMembers[] = {
    {"ModelPackageSummaries", &kModelPackageSummaries},
    {"BatchDescribeModelPackageErrorMap", &kBatchDescribeModelPackageErrorMap}};
constexpr Shape kBatchDescribeModelPackageOutput = Structure("BatchDescribeModelPackageOutput", kBatchDescribeModelPackageOutputMembers);
constexpr Shape kParameterName = String(0, 256, R"([\p{L}\p{M}\p{Z}\p{S}\p{N}\p{P}]*)");
constexpr std::string_view kParameterTypeValues[] = {
    "Integer", "Continuous", "Categorical", "FreeText"};
constexpr Shape kParameterType = Enum(kParameterTypeValues);
constexpr Shape kParameterValue = String(0, 256, ".*");
constexpr Member kIntegerParameterRangeSpecificationMembers[] = {
    {"MinValue", &kParameterValue, true}, {"MaxValue", &kParameterValue, true}};
constexpr Shape kIntegerParameterRangeSpecification = Structure("IntegerParameterRangeSpecification", kIntegerParameterRangeSpecificationMembers);
constexpr Member kContinuousParameterRangeSpecificationMembers[] = {
    {"MinValue", &kParameterValue, true}, {"MaxValue", &kParameterValue, true}};
constexpr Shape kContinuousParameterRangeSpecification = Structure("ContinuousParameterRangeSpecification", kContinuousParameterRangeSpecificationMembers);
constexpr Shape kParameterValues = List(&kParameterValue, 1, 30);
constexpr Member kCategoricalParameterRangeSpecificationMembers[] = {
    {"Values", &kParameterValues, true}};
constexpr Shape kCategoricalParameterRangeSpecification = Structure("CategoricalParameterRangeSpecification", kCategoricalParameterRangeSpecificationMembers);
constexpr Member kParameterRangeMembers[] = {
    {"IntegerParameterRangeSpecification", &kIntegerParameterRangeSpecification},
    {"ContinuousParameterRangeSpecification", &kContinuousParameterRangeSpecification},
    {"CategoricalParameterRangeSpecification", &kCategoricalParameterRangeSpecification}};
constexpr Shape kParameterRange = Structure("ParameterRange", kParameterRangeMembers);
constexpr Shape kHyperParameterValue = String(0, 2500, ".*");
constexpr Member kHyperParameterSpecificationMembers[] = {
    {"Name", &kParameterName, true}, {"Description", &kEntityDescription},
    {"Type", &kParameterType, true}, {"Range", &kParameterRange}, {"IsTunable", &kBoolean},
    {"IsRequired", &kBoolean}, {"DefaultValue", &kHyperParameterValue}};
constexpr Shape kHyperParameterSpecification = Structure("HyperParameterSpecification", kHyperParameterSpecificationMembers);
constexpr Shape kHyperParameterSpecifications = List(&kHyperParameterSpecification, 0, 100);
constexpr std::string_view kTrainingInstanceTypeValues[] = {
    "ml.m4.xlarge", "ml.m5.large", "ml.m5.xlarge", "ml.c5.xlarge", "ml.p3.2xlarge",
    "... (any 'ml.<family>.<size>')"};
constexpr Shape kTrainingInstanceType = Enum(kTrainingInstanceTypeValues, R"(ml\.[a-z0-9-]+\.[a-z0-9-]+)");
constexpr Shape kTrainingInstanceTypes = List(&kTrainingInstanceType);
constexpr Shape kMetricName = String(1, 255, ".+");
constexpr Shape kMetricRegex = String(1, 500, ".+");
constexpr Member kMetricDefinitionMembers[] = {
    {"Name", &kMetricName, true}, {"Regex", &kMetricRegex, true}};
constexpr Shape kMetricDefinition = Structure("MetricDefinition", kMetricDefinitionMembers);
constexpr Shape kMetricDefinitionList = List(&kMetricDefinition, 0, 40);
constexpr Shape kChannelName = String(1, 64, R"([A-Za-z0-9\.\-_]+)");
constexpr Shape kCompressionTypes = List(&kCompressionType);
constexpr std::string_view kTrainingInputModeValues[] = {"Pipe", "File", "FastFile"};
constexpr Shape kTrainingInputMode = Enum(kTrainingInputModeValues);
constexpr Shape kInputModes = List(&kTrainingInputMode, 1);
constexpr Member kChannelSpecificationMembers[] = {
    {"Name", &kChannelName, true}, {"Description", &kEntityDescription}, {"IsRequired", &kBoolean},
    {"SupportedContentTypes", &kContentTypes, true},
    {"SupportedCompressionTypes", &kCompressionTypes}, {"SupportedInputModes", &kInputModes, true}};
constexpr Shape kChannelSpecification = Structure("ChannelSpecification", kChannelSpecificationMembers);
constexpr Shape kChannelSpecifications = List(&kChannelSpecification, 1, 8);
constexpr std::string_view kHyperParameterTuningJobObjectiveTypeValues[] = {"Maximize", "Minimize"};
constexpr Shape kHyperParameterTuningJobObjectiveType = Enum(kHyperParameterTuningJobObjectiveTypeValues);
constexpr Member kHyperParameterTuningJobObjectiveMembers[] = {
    {"Type", &kHyperParameterTuningJobObjectiveType, true}, {"MetricName", &kMetricName, true}};
constexpr Shape kHyperParameterTuningJobObjective = Structure("HyperParameterTuningJobObjective", kHyperParameterTuningJobObjectiveMembers);
constexpr Shape kHyperParameterTuningJobObjectives = List(&kHyperParameterTuningJobObjective);
constexpr Member kTrainingSpecificationMembers[] = {
    {"TrainingImage", &kContainerImage, true}, {"TrainingImageDigest", &kImageDigest},
    {"SupportedHyperParameters", &kHyperParameterSpecifications},
    {"SupportedTrainingInstanceTypes", &kTrainingInstanceTypes, true},
    {"SupportsDistributedTraining", &kBoolean}, {"MetricDefinitions", &kMetricDefinitionList},
    {"TrainingChannels", &kChannelSpecifications, true},
    {"SupportedTuningJobObjectiveMetrics", &kHyperParameterTuningJobObjectives},
    {"AdditionalS3DataSource", &kAdditionalS3DataSource}};
constexpr Shape kTrainingSpecification = Structure("TrainingSpecification", kTrainingSpecificationMembers);
constexpr Shape kRoleArn = String(20, 2048, R"(arn:aws[a-z\-]*:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+)", R"(^arn:aws[a-z\-]*:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+$)");
constexpr Shape kHyperParameterKey = String(0, 256, ".*");
constexpr Shape kHyperParameters = Map(&kHyperParameterKey, &kHyperParameterValue, 0, 100);
constexpr std::string_view kS3DataTypeValues[] = {
    "ManifestFile", "S3Prefix", "AugmentedManifestFile", "Converse"};
constexpr Shape kS3DataType = Enum(kS3DataTypeValues);
constexpr std::string_view kS3DataDistributionValues[] = {"FullyReplicated", "ShardedByS3Key"};
constexpr Shape kS3DataDistribution = Enum(kS3DataDistributionValues);
constexpr Shape kAttributeName = String(1, 256, ".+");
constexpr Shape kAttributeNames = List(&kAttributeName, 0, 16);
constexpr Shape kInstanceGroupName = String(1, 64, ".+");
constexpr Shape kInstanceGroupNames = List(&kInstanceGroupName, 0, 5);
constexpr Member kHubAccessConfigMembers[] = {{"HubContentArn", &kHubContentArn, true}};
constexpr Shape kHubAccessConfig = Structure("HubAccessConfig", kHubAccessConfigMembers);
constexpr Member kS3DataSourceMembers[] = {
    {"S3DataType", &kS3DataType, true}, {"S3Uri", &kS3Uri, true},
    {"S3DataDistributionType", &kS3DataDistribution}, {"AttributeNames", &kAttributeNames},
    {"InstanceGroupNames", &kInstanceGroupNames}, {"ModelAccessConfig", &kModelAccessConfig},
    {"HubAccessConfig", &kHubAccessConfig}};
constexpr Shape kS3DataSource = Structure("S3DataSource", kS3DataSourceMembers);
constexpr Shape kFileSystemId = String(11, 21, "(fs-[0-9a-f]{8,})");
constexpr std::string_view kFileSystemAccessModeValues[] = {"rw", "ro"};
constexpr Shape kFileSystemAccessMode = Enum(kFileSystemAccessModeValues);
constexpr std::string_view kFileSystemTypeValues[] = {"EFS", "FSxLustre"};
constexpr Shape kFileSystemType = Enum(kFileSystemTypeValues);
constexpr Shape kDirectoryPath = String(0, 4096, ".*");
constexpr Member kFileSystemDataSourceMembers[] = {
    {"FileSystemId", &kFileSystemId, true}, {"FileSystemAccessMode", &kFileSystemAccessMode, true},
    {"FileSystemType", &kFileSystemType, true}, {"DirectoryPath", &kDirectoryPath, true}};
constexpr Shape kFileSystemDataSource = Structure("FileSystemDataSource", kFileSystemDataSourceMembers);
constexpr Shape kHubDataSetArn = String(0, 2048, R"((arn:[a-z0-9-\.]{1,63}:sagemaker:\w+(?:-\w+)+:(\d{12}|aws):hub-content\/)[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}\/DataSet\/[a-zA-Z0-9](-*[a-zA-Z0-9]){0,63}(\/\d{1,4}.\d{1,4}.\d{1,4})?)");
constexpr Member kDatasetSourceMembers[] = {{"DatasetArn", &kHubDataSetArn, true}};
constexpr Shape kDatasetSource = Structure("DatasetSource", kDatasetSourceMembers);
constexpr Member kDataSourceMembers[] = {
    {"S3DataSource", &kS3DataSource}, {"FileSystemDataSource", &kFileSystemDataSource},
    {"DatasetSource", &kDatasetSource}};
constexpr Shape kDataSource = Structure("DataSource", kDataSourceMembers);
constexpr std::string_view kRecordWrapperValues[] = {"None", "RecordIO"};
constexpr Shape kRecordWrapper = Enum(kRecordWrapperValues);
constexpr Shape kSeed = Long();
constexpr Member kShuffleConfigMembers[] = {{"Seed", &kSeed, true}};
constexpr Shape kShuffleConfig = Structure("ShuffleConfig", kShuffleConfigMembers);
constexpr Member kChannelMembers[] = {
    {"ChannelName", &kChannelName, true}, {"DataSource", &kDataSource, true},
    {"ContentType", &kContentType}, {"CompressionType", &kCompressionType},
    {"RecordWrapperType", &kRecordWrapper}, {"InputMode", &kTrainingInputMode},
    {"ShuffleConfig", &kShuffleConfig}};
constexpr Shape kChannel = Structure("Channel", kChannelMembers);
constexpr Shape kInputDataConfig = List(&kChannel, 1, 20);
constexpr Shape kKmsKeyId = String(0, 2048, "[a-zA-Z0-9:/_-]*");
constexpr std::string_view kOutputCompressionTypeValues[] = {"GZIP", "NONE"};
constexpr Shape kOutputCompressionType = Enum(kOutputCompressionTypeValues);
constexpr Member kOutputDataConfigMembers[] = {
    {"KmsKeyId", &kKmsKeyId}, {"S3OutputPath", &kS3Uri, true},
    {"CompressionType", &kOutputCompressionType}};
constexpr Shape kOutputDataConfig = Structure("OutputDataConfig", kOutputDataConfigMembers);
constexpr Shape kTrainingInstanceCount = Integer(1);
constexpr Shape kOptionalVolumeSizeInGB = Integer(0);
constexpr Shape kKeepAlivePeriodInSeconds = Integer(0, 21600);
constexpr Member kInstanceGroupMembers[] = {
    {"InstanceType", &kTrainingInstanceType, true},
    {"InstanceCount", &kTrainingInstanceCount, true},
    {"InstanceGroupName", &kInstanceGroupName, true}};
constexpr Shape kInstanceGroup = Structure("InstanceGroup", kInstanceGroupMembers);
constexpr Shape kInstanceGroups = List(&kInstanceGroup, 0, 5);
constexpr Shape kTrainingPlanArn = String(50, 2048, R"(arn:aws[a-z\-]*:sagemaker:[a-z0-9\-]*:[0-9]{12}:training-plan/.*)");
constexpr Shape kString256 = String(0, 256);
constexpr Member kPlacementSpecificationMembers[] = {
    {"UltraServerId", &kString256}, {"InstanceCount", &kTrainingInstanceCount, true}};
constexpr Shape kPlacementSpecification = Structure("PlacementSpecification", kPlacementSpecificationMembers);
constexpr Shape kPlacementSpecifications = List(&kPlacementSpecification, 0, 10);
constexpr Member kInstancePlacementConfigMembers[] = {
    {"EnableMultipleJobs", &kBoolean}, {"PlacementSpecifications", &kPlacementSpecifications}};
constexpr Shape kInstancePlacementConfig = Structure("InstancePlacementConfig", kInstancePlacementConfigMembers);
constexpr Shape kTrainingPlanArnList = List(&kTrainingPlanArn, 1, 1);
constexpr Member kInstancePreferenceMembers[] = {
    {"InstanceType", &kTrainingInstanceType, true}, {"InstanceCount", &kTrainingInstanceCount},
    {"TrainingPlanArns", &kTrainingPlanArnList}};
constexpr Shape kInstancePreference = Structure("InstancePreference", kInstancePreferenceMembers);
constexpr Shape kInstancePreferenceList = List(&kInstancePreference, 1, 5);
constexpr Member kResourceConfigMembers[] = {
    {"InstanceType", &kTrainingInstanceType}, {"InstanceCount", &kTrainingInstanceCount},
    {"VolumeSizeInGB", &kOptionalVolumeSizeInGB}, {"VolumeKmsKeyId", &kKmsKeyId},
    {"KeepAlivePeriodInSeconds", &kKeepAlivePeriodInSeconds}, {"InstanceGroups", &kInstanceGroups},
    {"TrainingPlanArn", &kTrainingPlanArn}, {"InstancePlacementConfig", &kInstancePlacementConfig},
    {"InstancePreferences", &kInstancePreferenceList},
    {"SelectedInstanceType", &kTrainingInstanceType},
    {"SelectedInstanceCount", &kTrainingInstanceCount}};
constexpr Shape kResourceConfig = Structure("ResourceConfig", kResourceConfigMembers);
constexpr Shape kMaxRuntimeInSeconds = Integer(1);
constexpr Shape kMaxWaitTimeInSeconds = Integer(1);
constexpr Shape kMaxPendingTimeInSeconds = Integer(1800, 2419200);
constexpr Member kStoppingConditionMembers[] = {
    {"MaxRuntimeInSeconds", &kMaxRuntimeInSeconds},
    {"MaxWaitTimeInSeconds", &kMaxWaitTimeInSeconds},
    {"MaxPendingTimeInSeconds", &kMaxPendingTimeInSeconds}};
constexpr Shape kStoppingCondition = Structure("StoppingCondition", kStoppingConditionMembers);
constexpr Member kTrainingJobDefinitionMembers[] = {
    {"TrainingInputMode", &kTrainingInputMode, true}, {"HyperParameters", &kHyperParameters},
    {"InputDataConfig", &kInputDataConfig, true}, {"OutputDataConfig", &kOutputDataConfig, true},
    {"ResourceConfig", &kResourceConfig, true}, {"StoppingCondition", &kStoppingCondition, true}};
constexpr Shape kTrainingJobDefinition = Structure("TrainingJobDefinition", kTrainingJobDefinitionMembers);
constexpr Shape kMaxConcurrentTransforms = Integer(0);
constexpr Shape kMaxPayloadInMB = Integer(0);
constexpr std::string_view kBatchStrategyValues[] = {"MultiRecord", "SingleRecord"};
constexpr Shape kBatchStrategy = Enum(kBatchStrategyValues);
constexpr Shape kTransformEnvironmentKey = String(0, 1024, "[a-zA-Z_][a-zA-Z0-9_]{0,}", "[a-zA-Z_][a-zA-Z0-9_]{0,1023}");
constexpr Shape kTransformEnvironmentValue = String(0, 10240, R"([\S\s]*)");
constexpr Shape kTransformEnvironmentMap = Map(&kTransformEnvironmentKey, &kTransformEnvironmentValue, 0, 16);
constexpr Member kTransformS3DataSourceMembers[] = {
    {"S3DataType", &kS3DataType, true}, {"S3Uri", &kS3Uri, true}};
constexpr Shape kTransformS3DataSource = Structure("TransformS3DataSource", kTransformS3DataSourceMembers);
constexpr Member kTransformDataSourceMembers[] = {{"S3DataSource", &kTransformS3DataSource, true}};
constexpr Shape kTransformDataSource = Structure("TransformDataSource", kTransformDataSourceMembers);
constexpr std::string_view kSplitTypeValues[] = {"None", "Line", "RecordIO", "TFRecord"};
constexpr Shape kSplitType = Enum(kSplitTypeValues);
constexpr Member kTransformInputMembers[] = {
    {"DataSource", &kTransformDataSource, true}, {"ContentType", &kContentType},
    {"CompressionType", &kCompressionType}, {"SplitType", &kSplitType}};
constexpr Shape kTransformInput = Structure("TransformInput", kTransformInputMembers);
constexpr Shape kAccept = String(0, 256, ".*");
constexpr std::string_view kAssemblyTypeValues[] = {"None", "Line"};
constexpr Shape kAssemblyType = Enum(kAssemblyTypeValues);
constexpr Member kTransformOutputMembers[] = {
    {"S3OutputPath", &kS3Uri, true}, {"Accept", &kAccept}, {"AssembleWith", &kAssemblyType},
    {"KmsKeyId", &kKmsKeyId}};
constexpr Shape kTransformOutput = Structure("TransformOutput", kTransformOutputMembers);
constexpr Shape kTransformInstanceCount = Integer(1);
constexpr Shape kTransformAmiVersion = String(1, 63, "[a-zA-Z0-9]+(-[a-zA-Z0-9]+)*");
constexpr Member kTransformResourcesMembers[] = {
    {"InstanceType", &kTransformInstanceType, true},
    {"InstanceCount", &kTransformInstanceCount, true}, {"VolumeKmsKeyId", &kKmsKeyId},
    {"TransformAmiVersion", &kTransformAmiVersion}};
constexpr Shape kTransformResources = Structure("TransformResources", kTransformResourcesMembers);
constexpr Member kTransformJobDefinitionMembers[] = {
    {"MaxConcurrentTransforms", &kMaxConcurrentTransforms}, {"MaxPayloadInMB", &kMaxPayloadInMB},
    {"BatchStrategy", &kBatchStrategy}, {"Environment", &kTransformEnvironmentMap},
    {"TransformInput", &kTransformInput, true}, {"TransformOutput", &kTransformOutput, true},
    {"TransformResources", &kTransformResources, true}};
constexpr Shape kTransformJobDefinition = Structure("TransformJobDefinition", kTransformJobDefinitionMembers);
constexpr Member kAlgorithmValidationProfileMembers[] = {
    {"ProfileName", &kEntityName, true}, {"TrainingJobDefinition", &kTrainingJobDefinition, true},
    {"TransformJobDefinition", &kTransformJobDefinition}};
constexpr Shape kAlgorithmValidationProfile = Structure("AlgorithmValidationProfile", kAlgorithmValidationProfileMembers);
constexpr Shape kAlgorithmValidationProfiles = List(&kAlgorithmValidationProfile, 1, 1);
constexpr Member kAlgorithmValidationSpecificationMembers[] = {
    {"ValidationRole", &kRoleArn, true}, {"ValidationProfiles", &kAlgorithmValidationProfiles, true}};
constexpr Shape kAlgorithmValidationSpecification = Structure("AlgorithmValidationSpecification", kAlgorithmValidationSpecificationMembers);
constexpr Shape kCertifyForMarketplace = Boolean();
constexpr Member kCreateAlgorithmInputMembers[] = {
    {"AlgorithmName", &kEntityName, true}, {"AlgorithmDescription", &kEntityDescription},
    {"TrainingSpecification", &kTrainingSpecification, true},
    {"InferenceSpecification", &kInferenceSpecification},
    {"ValidationSpecification", &kAlgorithmValidationSpecification},
    {"CertifyForMarketplace", &kCertifyForMarketplace}, {"Tags", &kTagList}};
constexpr Shape kCreateAlgorithmInput = Structure("CreateAlgorithmInput", kCreateAlgorithmInputMembers);
constexpr Shape kAlgorithmArn = String(1, 2048);
constexpr Member kCreateAlgorithmOutputMembers[] = {{"AlgorithmArn", &kAlgorithmArn, true}};
constexpr Shape kCreateAlgorithmOutput = Structure("CreateAlgorithmOutput", kCreateAlgorithmOutputMembers);
constexpr Shape kSourceUri = String(1, 2048, ".*");
constexpr std::string_view kArtifactSourceIdTypeValues[] = {
    "MD5Hash", "S3ETag", "S3Version", "Custom"};
constexpr Shape kArtifactSourceIdType = Enum(kArtifactSourceIdTypeValues);
constexpr Member kArtifactSourceTypeMembers[] = {
    {"SourceIdType", &kArtifactSourceIdType, true}, {"Value", &kString256, true}};
constexpr Shape kArtifactSourceType = Structure("ArtifactSourceType", kArtifactSourceTypeMembers);
constexpr Shape kArtifactSourceTypes = List(&kArtifactSourceType);
constexpr Member kArtifactSourceMembers[] = {
    {"SourceUri", &kSourceUri, true}, {"SourceTypes", &kArtifactSourceTypes}};
constexpr Shape kArtifactSource = Structure("ArtifactSource", kArtifactSourceMembers);
constexpr Shape kStringParameterValue = String(0, 2500, ".*");
constexpr Shape kArtifactPropertyValue = String(0, 4096, ".*");
constexpr Shape kArtifactProperties = Map(&kStringParameterValue, &kArtifactPropertyValue, 0, 30);
constexpr Shape kMetadataPropertyValue = String(0, 1024, ".*");
constexpr Member kMetadataPropertiesMembers[] = {
    {"CommitId", &kMetadataPropertyValue}, {"Repository", &kMetadataPropertyValue},
    {"GeneratedBy", &kMetadataPropertyValue}, {"ProjectId", &kMetadataPropertyValue}};
constexpr Shape kMetadataProperties = Structure("MetadataProperties", kMetadataPropertiesMembers);
constexpr Member kCreateArtifactRequestMembers[] = {
    {"ArtifactName", &kExperimentEntityName}, {"Source", &kArtifactSource, true},
    {"ArtifactType", &kString256, true}, {"Properties", &kArtifactProperties},
    {"MetadataProperties", &kMetadataProperties}, {"Tags", &kTagList}};
constexpr Shape kCreateArtifactRequest = Structure("CreateArtifactRequest", kCreateArtifactRequestMembers);
constexpr Shape kArtifactArn = String(0, 256, R"(arn:aws[a-z\-]*:sagemaker:[a-z0-9\-]*:[0-9]{12}:artifact/.*)");
constexpr Member kCreateArtifactResponseMembers[] = {{"ArtifactArn", &kArtifactArn}};
constexpr Shape kCreateArtifactResponse = Structure("CreateArtifactResponse", kCreateArtifactResponseMembers);
constexpr Shape kAutoMLJobName = String(1, 32, "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,31}", "^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,31}");
constexpr std::string_view kAutoMLS3DataTypeValues[] = {
    "ManifestFile", "S3Prefix", "AugmentedManifestFile"};
constexpr Shape kAutoMLS3DataType = Enum(kAutoMLS3DataTypeValues);
constexpr Member kAutoMLS3DataSourceMembers[] = {
    {"S3DataType", &kAutoMLS3DataType, true}, {"S3Uri", &kS3Uri, true}};
constexpr Shape kAutoMLS3DataSource = Structure("AutoMLS3DataSource", kAutoMLS3DataSourceMembers);
constexpr Member kAutoMLDataSourceMembers[] = {{"S3DataSource", &kAutoMLS3DataSource, true}};
constexpr Shape kAutoMLDataSource = Structure("AutoMLDataSource", kAutoMLDataSourceMembers);
constexpr Shape kTargetAttributeName = String(1);
constexpr std::string_view kAutoMLChannelTypeValues[] = {"training", "validation"};
constexpr Shape kAutoMLChannelType = Enum(kAutoMLChannelTypeValues);
constexpr Shape kSampleWeightAttributeName = String(1, 256, "[a-zA-Z0-9_-]+", "^[a-zA-Z0-9_-]+$");
constexpr Member kAutoMLChannelMembers[] = {
    {"DataSource", &kAutoMLDataSource}, {"CompressionType", &kCompressionType},
    {"TargetAttributeName", &kTargetAttributeName, true}, {"ContentType", &kContentType},
    {"ChannelType", &kAutoMLChannelType}, {"SampleWeightAttributeName", &kSampleWeightAttributeName}};
constexpr Shape kAutoMLChannel = Structure("AutoMLChannel", kAutoMLChannelMembers);
constexpr Shape kAutoMLInputDataConfig = List(&kAutoMLChannel, 1, 2);
constexpr Member kAutoMLOutputDataConfigMembers[] = {
    {"KmsKeyId", &kKmsKeyId}, {"S3OutputPath", &kS3Uri, true}};
constexpr Shape kAutoMLOutputDataConfig = Structure("AutoMLOutputDataConfig", kAutoMLOutputDataConfigMembers);
constexpr std::string_view kProblemTypeValues[] = {
    "BinaryClassification", "MulticlassClassification", "Regression"};
constexpr Shape kProblemType = Enum(kProblemTypeValues);
constexpr std::string_view kAutoMLMetricEnumValues[] = {
    "Accuracy", "MSE", "F1", "F1macro", "AUC", "RMSE", "BalancedAccuracy", "R2", "Recall",
    "RecallMacro", "Precision", "PrecisionMacro", "MAE", "MAPE", "MASE", "WAPE",
    "AverageWeightedQuantileLoss"};
constexpr Shape kAutoMLMetricEnum = Enum(kAutoMLMetricEnumValues);
constexpr Member kAutoMLJobObjectiveMembers[] = {{"MetricName", &kAutoMLMetricEnum, true}};
constexpr Shape kAutoMLJobObjective = Structure("AutoMLJobObjective", kAutoMLJobObjectiveMembers);
constexpr Shape kMaxCandidates = Integer(1, 750);
constexpr Shape kMaxRuntimePerTrainingJobInSeconds = Integer(1);
constexpr Shape kMaxAutoMLJobRuntimeInSeconds = Integer(1);
constexpr Member kAutoMLJobCompletionCriteriaMembers[] = {
    {"MaxCandidates", &kMaxCandidates},
    {"MaxRuntimePerTrainingJobInSeconds", &kMaxRuntimePerTrainingJobInSeconds},
    {"MaxAutoMLJobRuntimeInSeconds", &kMaxAutoMLJobRuntimeInSeconds}};
constexpr Shape kAutoMLJobCompletionCriteria = Structure("AutoMLJobCompletionCriteria", kAutoMLJobCompletionCriteriaMembers);
constexpr Shape kSecurityGroupId = String(0, 32, "[-0-9a-zA-Z]+");
constexpr Shape kVpcSecurityGroupIds = List(&kSecurityGroupId, 1, 5);
constexpr Shape kSubnetId = String(0, 32, "[-0-9a-zA-Z]+");
constexpr Shape kSubnets = List(&kSubnetId, 1, 16);
constexpr Member kVpcConfigMembers[] = {
    {"SecurityGroupIds", &kVpcSecurityGroupIds, true}, {"Subnets", &kSubnets, true}};
constexpr Shape kVpcConfig = Structure("VpcConfig", kVpcConfigMembers);
constexpr Member kAutoMLSecurityConfigMembers[] = {
    {"VolumeKmsKeyId", &kKmsKeyId}, {"EnableInterContainerTrafficEncryption", &kBoolean},
    {"VpcConfig", &kVpcConfig}};
constexpr Shape kAutoMLSecurityConfig = Structure("AutoMLSecurityConfig", kAutoMLSecurityConfigMembers);
constexpr std::string_view kAutoMLAlgorithmValues[] = {
    "xgboost", "linear-learner", "mlp", "lightgbm", "catboost", "randomforest", "extra-trees",
    "nn-torch", "fastai", "cnn-qr", "deepar", "prophet", "npts", "arima", "ets"};
constexpr Shape kAutoMLAlgorithm = Enum(kAutoMLAlgorithmValues);
constexpr Shape kAutoMLAlgorithms = List(&kAutoMLAlgorithm, 0, 11);
constexpr Member kAutoMLAlgorithmConfigMembers[] = {{"AutoMLAlgorithms", &kAutoMLAlgorithms, true}};
constexpr Shape kAutoMLAlgorithmConfig = Structure("AutoMLAlgorithmConfig", kAutoMLAlgorithmConfigMembers);
constexpr Shape kAutoMLAlgorithmsConfig = List(&kAutoMLAlgorithmConfig, 0, 1);
constexpr Member kAutoMLCandidateGenerationConfigMembers[] = {
    {"FeatureSpecificationS3Uri", &kS3Uri}, {"AlgorithmsConfig", &kAutoMLAlgorithmsConfig}};
constexpr Shape kAutoMLCandidateGenerationConfig = Structure("AutoMLCandidateGenerationConfig", kAutoMLCandidateGenerationConfigMembers);
constexpr Shape kValidationFraction = Float(0, 1);
constexpr Member kAutoMLDataSplitConfigMembers[] = {{"ValidationFraction", &kValidationFraction}};
constexpr Shape kAutoMLDataSplitConfig = Structure("AutoMLDataSplitConfig", kAutoMLDataSplitConfigMembers);
constexpr std::string_view kAutoMLModeValues[] = {"AUTO", "ENSEMBLING", "HYPERPARAMETER_TUNING"};
constexpr Shape kAutoMLMode = Enum(kAutoMLModeValues);
constexpr Member kAutoMLJobConfigMembers[] = {
    {"CompletionCriteria", &kAutoMLJobCompletionCriteria},
    {"SecurityConfig", &kAutoMLSecurityConfig},
    {"CandidateGenerationConfig", &kAutoMLCandidateGenerationConfig},
    {"DataSplitConfig", &kAutoMLDataSplitConfig}, {"Mode", &kAutoMLMode}};
constexpr Shape kAutoMLJobConfig = Structure("AutoMLJobConfig", kAutoMLJobConfigMembers);
constexpr Shape kGenerateCandidateDefinitionsOnly = Boolean();
constexpr Shape kAutoGenerateEndpointName = Boolean();
constexpr Shape kEndpointName = String(0, 63, "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", "^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}");
constexpr Member kModelDeployConfigMembers[] = {
    {"AutoGenerateEndpointName", &kAutoGenerateEndpointName}, {"EndpointName", &kEndpointName}};
constexpr Shape kModelDeployConfig = Structure("ModelDeployConfig", kModelDeployConfigMembers);
constexpr Member kCreateAutoMLJobRequestMembers[] = {
    {"AutoMLJobName", &kAutoMLJobName, true}, {"InputDataConfig", &kAutoMLInputDataConfig, true},
    {"OutputDataConfig", &kAutoMLOutputDataConfig, true}, {"ProblemType", &kProblemType},
    {"AutoMLJobObjective", &kAutoMLJobObjective}, {"AutoMLJobConfig", &kAutoMLJobConfig},
    {"RoleArn", &kRoleArn, true},
    {"GenerateCandidateDefinitionsOnly", &kGenerateCandidateDefinitionsOnly}, {"Tags", &kTagList},
    {"ModelDeployConfig", &kModelDeployConfig}};
constexpr Shape kCreateAutoMLJobRequest = Structure("CreateAutoMLJobRequest", kCreateAutoMLJobRequestMembers);
constexpr Shape kAutoMLJobArn = String(1, 256);
constexpr Member kCreateAutoMLJobResponseMembers[] = {{"AutoMLJobArn", &kAutoMLJobArn, true}};
constexpr Shape kCreateAutoMLJobResponse = Structure("CreateAutoMLJobResponse", kCreateAutoMLJobResponseMembers);
constexpr Member kAutoMLJobChannelMembers[] = {
    {"ChannelType", &kAutoMLChannelType}, {"ContentType", &kContentType},
    {"CompressionType", &kCompressionType}, {"DataSource", &kAutoMLDataSource}};
constexpr Shape kAutoMLJobChannel = Structure("AutoMLJobChannel", kAutoMLJobChannelMembers);
constexpr Shape kAutoMLJobInputDataConfig = List(&kAutoMLJobChannel, 1, 2);
constexpr Member kImageClassificationJobConfigMembers[] = {
    {"CompletionCriteria", &kAutoMLJobCompletionCriteria}};
constexpr Shape kImageClassificationJobConfig = Structure("ImageClassificationJobConfig", kImageClassificationJobConfigMembers);
constexpr Shape kContentColumn = String(1, 256);
constexpr Shape kTargetLabelColumn = String(1, 256);
constexpr Member kTextClassificationJobConfigMembers[] = {
    {"CompletionCriteria", &kAutoMLJobCompletionCriteria}, {"ContentColumn", &kContentColumn, true},
    {"TargetLabelColumn", &kTargetLabelColumn, true}};
constexpr Shape kTextClassificationJobConfig = Structure("TextClassificationJobConfig", kTextClassificationJobConfigMembers);
constexpr Shape kForecastFrequency = String(1, 5, "(1Y|Y|([1-9]|1[0-1])M|M|[1-4]W|W|[1-6]D|D|([1-9]|1[0-9]|2[0-3])H|H|([1-9]|[1-5][0-9])min)");
constexpr Shape kForecastHorizon = Integer(1);
constexpr Shape kForecastQuantile = String(2, 4, R"((^p[1-9]\d?$))");
constexpr Shape kForecastQuantiles = List(&kForecastQuantile, 1, 5);
constexpr Shape kTransformationAttributeName = String(1, 256);
constexpr std::string_view kFillingTypeValues[] = {
    "frontfill", "middlefill", "backfill", "futurefill", "frontfill_value", "middlefill_value",
    "backfill_value", "futurefill_value"};
constexpr Shape kFillingType = Enum(kFillingTypeValues);
constexpr Shape kFillingTransformationValue = String(1, 256, R"([a-zA-Z0-9\_\-]+)", R"(^[a-zA-Z0-9\_\-]+$)");
constexpr Shape kFillingTransformationMap = Map(&kFillingType, &kFillingTransformationValue, 1, 6);
constexpr Shape kFillingTransformations = Map(&kTransformationAttributeName, &kFillingTransformationMap, 1, 50);
constexpr std::string_view kAggregationTransformationValueValues[] = {
    "sum", "avg", "first", "min", "max"};
constexpr Shape kAggregationTransformationValue = Enum(kAggregationTransformationValueValues);
constexpr Shape kAggregationTransformations = Map(&kTransformationAttributeName, &kAggregationTransformationValue, 1, 50);
constexpr Member kTimeSeriesTransformationsMembers[] = {
    {"Filling", &kFillingTransformations}, {"Aggregation", &kAggregationTransformations}};
constexpr Shape kTimeSeriesTransformations = Structure("TimeSeriesTransformations", kTimeSeriesTransformationsMembers);
constexpr Shape kTimestampAttributeName = String(1, 256);
constexpr Shape kItemIdentifierAttributeName = String(1, 256);
constexpr Shape kGroupingAttributeName = String(1, 256);
constexpr Shape kGroupingAttributeNames = List(&kGroupingAttributeName, 1, 5);
constexpr Member kTimeSeriesConfigMembers[] = {
    {"TargetAttributeName", &kTargetAttributeName, true},
    {"TimestampAttributeName", &kTimestampAttributeName, true},
    {"ItemIdentifierAttributeName", &kItemIdentifierAttributeName, true},
    {"GroupingAttributeNames", &kGroupingAttributeNames}};
constexpr Shape kTimeSeriesConfig = Structure("TimeSeriesConfig", kTimeSeriesConfigMembers);
constexpr Shape kCountryCode = String(2, 2, "[A-Z]{2}");
constexpr Member kHolidayConfigAttributesMembers[] = {{"CountryCode", &kCountryCode}};
constexpr Shape kHolidayConfigAttributes = Structure("HolidayConfigAttributes", kHolidayConfigAttributesMembers);
constexpr Shape kHolidayConfig = List(&kHolidayConfigAttributes, 1, 1);
constexpr Member kCandidateGenerationConfigMembers[] = {
    {"AlgorithmsConfig", &kAutoMLAlgorithmsConfig}};
constexpr Shape kCandidateGenerationConfig = Structure("CandidateGenerationConfig", kCandidateGenerationConfigMembers);
constexpr Member kTimeSeriesForecastingJobConfigMembers[] = {
    {"FeatureSpecificationS3Uri", &kS3Uri}, {"CompletionCriteria", &kAutoMLJobCompletionCriteria},
    {"ForecastFrequency", &kForecastFrequency, true}, {"ForecastHorizon", &kForecastHorizon, true},
    {"ForecastQuantiles", &kForecastQuantiles}, {"Transformations", &kTimeSeriesTransformations},
    {"TimeSeriesConfig", &kTimeSeriesConfig, true}, {"HolidayConfig", &kHolidayConfig},
    {"CandidateGenerationConfig", &kCandidateGenerationConfig}};
constexpr Shape kTimeSeriesForecastingJobConfig = Structure("TimeSeriesForecastingJobConfig", kTimeSeriesForecastingJobConfigMembers);
constexpr Member kTabularJobConfigMembers[] = {
    {"CandidateGenerationConfig", &kCandidateGenerationConfig},
    {"CompletionCriteria", &kAutoMLJobCompletionCriteria}, {"FeatureSpecificationS3Uri", &kS3Uri},
    {"Mode", &kAutoMLMode},
    {"GenerateCandidateDefinitionsOnly", &kGenerateCandidateDefinitionsOnly},
    {"ProblemType", &kProblemType}, {"TargetAttributeName", &kTargetAttributeName, true},
    {"SampleWeightAttributeName", &kSampleWeightAttributeName}};
constexpr Shape kTabularJobConfig = Structure("TabularJobConfig", kTabularJobConfigMembers);
constexpr Shape kBaseModelName = String(1, 256, "[a-zA-Z0-9](-*[a-zA-Z0-9])*");
constexpr Shape kTextGenerationHyperParameterKey = String(0, 32, "[a-zA-Z0-9._-]+");
constexpr Shape kTextGenerationHyperParameterValue = String(0, 16, "[a-zA-Z0-9._-]+");
constexpr Shape kTextGenerationHyperParameters = Map(&kTextGenerationHyperParameterKey, &kTextGenerationHyperParameterValue, 0, 30);
constexpr Member kTextGenerationJobConfigMembers[] = {
    {"CompletionCriteria", &kAutoMLJobCompletionCriteria}, {"BaseModelName", &kBaseModelName},
    {"TextGenerationHyperParameters", &kTextGenerationHyperParameters},
    {"ModelAccessConfig", &kModelAccessConfig}};
constexpr Shape kTextGenerationJobConfig = Structure("TextGenerationJobConfig", kTextGenerationJobConfigMembers);
constexpr Member kAutoMLProblemTypeConfigMembers[] = {
    {"ImageClassificationJobConfig", &kImageClassificationJobConfig},
    {"TextClassificationJobConfig", &kTextClassificationJobConfig},
    {"TimeSeriesForecastingJobConfig", &kTimeSeriesForecastingJobConfig},
    {"TabularJobConfig", &kTabularJobConfig}, {"TextGenerationJobConfig", &kTextGenerationJobConfig}};
constexpr Shape kAutoMLProblemTypeConfig = Union("AutoMLProblemTypeConfig", kAutoMLProblemTypeConfigMembers);
constexpr Member kEmrServerlessComputeConfigMembers[] = {{"ExecutionRoleARN", &kRoleArn, true}};
constexpr Shape kEmrServerlessComputeConfig = Structure("EmrServerlessComputeConfig", kEmrServerlessComputeConfigMembers);
constexpr Member kAutoMLComputeConfigMembers[] = {
    {"EmrServerlessComputeConfig", &kEmrServerlessComputeConfig}};
constexpr Shape kAutoMLComputeConfig = Structure("AutoMLComputeConfig", kAutoMLComputeConfigMembers);
constexpr Member kCreateAutoMLJobV2RequestMembers[] = {
    {"AutoMLJobName", &kAutoMLJobName, true},
    {"AutoMLJobInputDataConfig", &kAutoMLJobInputDataConfig, true},
    {"OutputDataConfig", &kAutoMLOutputDataConfig, true},
    {"AutoMLProblemTypeConfig", &kAutoMLProblemTypeConfig, true}, {"RoleArn", &kRoleArn, true},
    {"Tags", &kTagList}, {"SecurityConfig", &kAutoMLSecurityConfig},
    {"AutoMLJobObjective", &kAutoMLJobObjective}, {"ModelDeployConfig", &kModelDeployConfig},
    {"DataSplitConfig", &kAutoMLDataSplitConfig}, {"AutoMLComputeConfig", &kAutoMLComputeConfig}};
constexpr Shape kCreateAutoMLJobV2Request = Structure("CreateAutoMLJobV2Request", kCreateAutoMLJobV2RequestMembers);
constexpr Member kCreateAutoMLJobV2ResponseMembers[] = {{"AutoMLJobArn", &kAutoMLJobArn, true}};
constexpr Shape kCreateAutoMLJobV2Response = Structure("CreateAutoMLJobV2Response", kCreateAutoMLJobV2ResponseMembers);
constexpr Shape kMonitoringJobDefinitionName = String(1, 63, "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}");
constexpr Shape kProcessingJobName = String(1, 63, "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", "^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}");
constexpr Member kMonitoringConstraintsResourceMembers[] = {{"S3Uri", &kS3Uri}};
constexpr Shape kMonitoringConstraintsResource = Structure("MonitoringConstraintsResource", kMonitoringConstraintsResourceMembers);
constexpr Member kMonitoringStatisticsResourceMembers[] = {{"S3Uri", &kS3Uri}};
constexpr Shape kMonitoringStatisticsResource = Structure("MonitoringStatisticsResource", kMonitoringStatisticsResourceMembers);
constexpr Member kDataQualityBaselineConfigMembers[] = {
    {"BaseliningJobName", &kProcessingJobName},
    {"ConstraintsResource", &kMonitoringConstraintsResource},
    {"StatisticsResource", &kMonitoringStatisticsResource}};
constexpr Shape kDataQualityBaselineConfig = Structure("DataQualityBaselineConfig", kDataQualityBaselineConfigMembers);
constexpr Shape kImageUri = String(0, 255, ".*");
constexpr Shape kContainerEntrypointString = String(0, 256, ".*");
constexpr Shape kContainerEntrypoint = List(&kContainerEntrypointString, 1, 100);
constexpr Shape kContainerArgument = String(0, 256, ".*");
constexpr Shape kMonitoringContainerArguments = List(&kContainerArgument, 1, 50);
constexpr Shape kProcessingEnvironmentKey = String(0, 256, "[a-zA-Z_][a-zA-Z0-9_]*");
constexpr Shape kProcessingEnvironmentValue = String(0, 256, R"([\S\s]*)");
constexpr Shape kMonitoringEnvironmentMap = Map(&kProcessingEnvironmentKey, &kProcessingEnvironmentValue, 0, 50);
constexpr Member kDataQualityAppSpecificationMembers[] = {
    {"ImageUri", &kImageUri, true}, {"ContainerEntrypoint", &kContainerEntrypoint},
    {"ContainerArguments", &kMonitoringContainerArguments},
    {"RecordPreprocessorSourceUri", &kS3Uri}, {"PostAnalyticsProcessorSourceUri", &kS3Uri},
    {"Environment", &kMonitoringEnvironmentMap}};
constexpr Shape kDataQualityAppSpecification = Structure("DataQualityAppSpecification", kDataQualityAppSpecificationMembers);
constexpr Shape kProcessingLocalPath = String(0, 256, ".*");
constexpr std::string_view kProcessingS3InputModeValues[] = {"Pipe", "File"};
constexpr Shape kProcessingS3InputMode = Enum(kProcessingS3InputModeValues);
constexpr std::string_view kProcessingS3DataDistributionTypeValues[] = {
    "FullyReplicated", "ShardedByS3Key"};
constexpr Shape kProcessingS3DataDistributionType = Enum(kProcessingS3DataDistributionTypeValues);
constexpr Shape kProbabilityThresholdAttribute = Double();
constexpr Shape kMonitoringTimeOffsetString = String(1, 15, ".?P.*", "^.?P.*");
constexpr Shape kExcludeFeaturesAttribute = String(0, 100);
constexpr Member kEndpointInputMembers[] = {
    {"EndpointName", &kEndpointName, true}, {"LocalPath", &kProcessingLocalPath, true},
    {"S3InputMode", &kProcessingS3InputMode},
    {"S3DataDistributionType", &kProcessingS3DataDistributionType}, {"FeaturesAttribute", &kString},
    {"InferenceAttribute", &kString}, {"ProbabilityAttribute", &kString},
    {"ProbabilityThresholdAttribute", &kProbabilityThresholdAttribute},
    {"StartTimeOffset", &kMonitoringTimeOffsetString},
    {"EndTimeOffset", &kMonitoringTimeOffsetString},
    {"ExcludeFeaturesAttribute", &kExcludeFeaturesAttribute}};
constexpr Shape kEndpointInput = Structure("EndpointInput", kEndpointInputMembers);
constexpr Shape kDestinationS3Uri = String(0, 512, "(https|s3)://([^/])/?(.*)", "^(https|s3)://([^/])/?(.*)$");
constexpr Member kMonitoringCsvDatasetFormatMembers[] = {{"Header", &kBoolean}};
constexpr Shape kMonitoringCsvDatasetFormat = Structure("MonitoringCsvDatasetFormat", kMonitoringCsvDatasetFormatMembers);
constexpr Member kMonitoringJsonDatasetFormatMembers[] = {{"Line", &kBoolean}};
constexpr Shape kMonitoringJsonDatasetFormat = Structure("MonitoringJsonDatasetFormat", kMonitoringJsonDatasetFormatMembers);
constexpr Shape kMonitoringParquetDatasetFormat = Structure("MonitoringParquetDatasetFormat");
constexpr Member kMonitoringDatasetFormatMembers[] = {
    {"Csv", &kMonitoringCsvDatasetFormat}, {"Json", &kMonitoringJsonDatasetFormat},
    {"Parquet", &kMonitoringParquetDatasetFormat}};
constexpr Shape kMonitoringDatasetFormat = Structure("MonitoringDatasetFormat", kMonitoringDatasetFormatMembers);
constexpr Member kBatchTransformInputMembers[] = {
    {"DataCapturedDestinationS3Uri", &kDestinationS3Uri, true},
    {"DatasetFormat", &kMonitoringDatasetFormat, true}, {"LocalPath", &kProcessingLocalPath, true},
    {"S3InputMode", &kProcessingS3InputMode},
    {"S3DataDistributionType", &kProcessingS3DataDistributionType}, {"FeaturesAttribute", &kString},
    {"InferenceAttribute", &kString}, {"ProbabilityAttribute", &kString},
    {"ProbabilityThresholdAttribute", &kProbabilityThresholdAttribute},
    {"StartTimeOffset", &kMonitoringTimeOffsetString},
    {"EndTimeOffset", &kMonitoringTimeOffsetString},
    {"ExcludeFeaturesAttribute", &kExcludeFeaturesAttribute}};
constexpr Shape kBatchTransformInput = Structure("BatchTransformInput", kBatchTransformInputMembers);
constexpr Member kDataQualityJobInputMembers[] = {
    {"EndpointInput", &kEndpointInput}, {"BatchTransformInput", &kBatchTransformInput}};
constexpr Shape kDataQualityJobInput = Structure("DataQualityJobInput", kDataQualityJobInputMembers);
constexpr Shape kMonitoringS3Uri = String(0, 512, "(https|s3)://([^/]+)/?(.*)", "^(https|s3)://([^/]+)/?(.*)$");
constexpr std::string_view kProcessingS3UploadModeValues[] = {"Continuous", "EndOfJob"};
constexpr Shape kProcessingS3UploadMode = Enum(kProcessingS3UploadModeValues);
constexpr Member kMonitoringS3OutputMembers[] = {
    {"S3Uri", &kMonitoringS3Uri, true}, {"LocalPath", &kProcessingLocalPath, true},
    {"S3UploadMode", &kProcessingS3UploadMode}};
constexpr Shape kMonitoringS3Output = Structure("MonitoringS3Output", kMonitoringS3OutputMembers);
constexpr Member kMonitoringOutputMembers[] = {{"S3Output", &kMonitoringS3Output, true}};
constexpr Shape kMonitoringOutput = Structure("MonitoringOutput", kMonitoringOutputMembers);
constexpr Shape kMonitoringOutputs = List(&kMonitoringOutput, 1, 1);
constexpr Member kMonitoringOutputConfigMembers[] = {
    {"MonitoringOutputs", &kMonitoringOutputs, true}, {"KmsKeyId", &kKmsKeyId}};
constexpr Shape kMonitoringOutputConfig = Structure("MonitoringOutputConfig", kMonitoringOutputConfigMembers);
constexpr Shape kProcessingInstanceCount = Integer(1, 100);
constexpr std::string_view kProcessingInstanceTypeValues[] = {
    "ml.m4.xlarge", "ml.m5.large", "ml.m5.xlarge", "ml.c5.xlarge", "ml.p3.2xlarge",
    "... (any 'ml.<family>.<size>')"};
constexpr Shape kProcessingInstanceType = Enum(kProcessingInstanceTypeValues, R"(ml\.[a-z0-9-]+\.[a-z0-9-]+)");
constexpr Shape kProcessingVolumeSizeInGB = Integer(1, 16384);
constexpr Member kMonitoringClusterConfigMembers[] = {
    {"InstanceCount", &kProcessingInstanceCount, true},
    {"InstanceType", &kProcessingInstanceType, true},
    {"VolumeSizeInGB", &kProcessingVolumeSizeInGB, true}, {"VolumeKmsKeyId", &kKmsKeyId}};
constexpr Shape kMonitoringClusterConfig = Structure("MonitoringClusterConfig", kMonitoringClusterConfigMembers);
constexpr Member kMonitoringResourcesMembers[] = {
    {"ClusterConfig", &kMonitoringClusterConfig, true}};
constexpr Shape kMonitoringResources = Structure("MonitoringResources", kMonitoringResourcesMembers);
constexpr Member kMonitoringNetworkConfigMembers[] = {
    {"EnableInterContainerTrafficEncryption", &kBoolean}, {"EnableNetworkIsolation", &kBoolean},
    {"VpcConfig", &kVpcConfig}};
constexpr Shape kMonitoringNetworkConfig = Structure("MonitoringNetworkConfig", kMonitoringNetworkConfigMembers);
constexpr Shape kMonitoringMaxRuntimeInSeconds = Integer(1, 86400);
constexpr Member kMonitoringStoppingConditionMembers[] = {
    {"MaxRuntimeInSeconds", &kMonitoringMaxRuntimeInSeconds, true}};
constexpr Shape kMonitoringStoppingCondition = Structure("MonitoringStoppingCondition", kMonitoringStoppingConditionMembers);
constexpr Member kCreateDataQualityJobDefinitionRequestMembers[] = {
    {"JobDefinitionName", &kMonitoringJobDefinitionName, true},
    {"DataQualityBaselineConfig", &kDataQualityBaselineConfig},
    {"DataQualityAppSpecification", &kDataQualityAppSpecification, true},
    {"DataQualityJobInput", &kDataQualityJobInput, true},
    {"DataQualityJobOutputConfig", &kMonitoringOutputConfig, true},
    {"JobResources", &kMonitoringResources, true}, {"NetworkConfig", &kMonitoringNetworkConfig},
    {"RoleArn", &kRoleArn, true}, {"StoppingCondition", &kMonitoringStoppingCondition},
    {"Tags", &kTagList}};
constexpr Shape kCreateDataQualityJobDefinitionRequest = Structure("CreateDataQualityJobDefinitionRequest", kCreateDataQualityJobDefinitionRequestMembers);
constexpr Shape kMonitoringJobDefinitionArn = String(0, 256);
constexpr Member kCreateDataQualityJobDefinitionResponseMembers[] = {
    {"JobDefinitionArn", &kMonitoringJobDefinitionArn, true}};
constexpr Shape kCreateDataQualityJobDefinitionResponse = Structure("CreateDataQualityJobDefinitionResponse", kCreateDataQualityJobDefinitionResponseMembers);
constexpr Shape kEndpointConfigName = String(0, 63, "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", "^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}");
constexpr std::string_view kTrafficRoutingConfigTypeValues[] = {"ALL_AT_ONCE", "CANARY", "LINEAR"};
constexpr Shape kTrafficRoutingConfigType = Enum(kTrafficRoutingConfigTypeValues);
constexpr Shape kWaitIntervalInSeconds = Integer(0, 3600);
constexpr std::string_view kCapacitySizeTypeValues[] = {"INSTANCE_COUNT", "CAPACITY_PERCENT"};
constexpr Shape kCapacitySizeType = Enum(kCapacitySizeTypeValues);
constexpr Shape kCapacitySizeValue = Integer(1);
constexpr Member kCapacitySizeMembers[] = {
    {"Type", &kCapacitySizeType, true}, {"Value", &kCapacitySizeValue, true}};
constexpr Shape kCapacitySize = Structure("CapacitySize", kCapacitySizeMembers);
constexpr Member kTrafficRoutingConfigMembers[] = {
    {"Type", &kTrafficRoutingConfigType, true},
    {"WaitIntervalInSeconds", &kWaitIntervalInSeconds, true}, {"CanarySize", &kCapacitySize},
    {"LinearStepSize", &kCapacitySize}};
constexpr Shape kTrafficRoutingConfig = Structure("TrafficRoutingConfig", kTrafficRoutingConfigMembers);
constexpr Shape kTerminationWaitInSeconds = Integer(0, 3600);
constexpr Shape kMaximumExecutionTimeoutInSeconds = Integer(600, 28800);
constexpr Member kBlueGreenUpdatePolicyMembers[] = {
    {"TrafficRoutingConfiguration", &kTrafficRoutingConfig, true},
    {"TerminationWaitInSeconds", &kTerminationWaitInSeconds},
    {"MaximumExecutionTimeoutInSeconds", &kMaximumExecutionTimeoutInSeconds}};
constexpr Shape kBlueGreenUpdatePolicy = Structure("BlueGreenUpdatePolicy", kBlueGreenUpdatePolicyMembers);
constexpr Member kRollingUpdatePolicyMembers[] = {
    {"MaximumBatchSize", &kCapacitySize, true},
    {"WaitIntervalInSeconds", &kWaitIntervalInSeconds, true},
    {"MaximumExecutionTimeoutInSeconds", &kMaximumExecutionTimeoutInSeconds},
    {"RollbackMaximumBatchSize", &kCapacitySize}};
constexpr Shape kRollingUpdatePolicy = Structure("RollingUpdatePolicy", kRollingUpdatePolicyMembers);
constexpr Shape kAlarmName = String(1, 255, R"(.*\S.*)", R"((?!\s*$).+)");
constexpr Member kAlarmMembers[] = {{"AlarmName", &kAlarmName}};
constexpr Shape kAlarm = Structure("Alarm", kAlarmMembers);
constexpr Shape kAlarmList = List(&kAlarm, 1, 10);
constexpr Member kAutoRollbackConfigMembers[] = {{"Alarms", &kAlarmList}};
constexpr Shape kAutoRollbackConfig = Structure("AutoRollbackConfig", kAutoRollbackConfigMembers);
constexpr Member kDeploymentConfigMembers[] = {
    {"BlueGreenUpdatePolicy", &kBlueGreenUpdatePolicy},
    {"RollingUpdatePolicy", &kRollingUpdatePolicy},
    {"AutoRollbackConfiguration", &kAutoRollbackConfig}};
constexpr Shape kDeploymentConfig = Structure("DeploymentConfig", kDeploymentConfigMembers);
constexpr Member kCreateEndpointInputMembers[] = {
    {"EndpointName", &kEndpointName, true}, {"EndpointConfigName", &kEndpointConfigName, true},
    {"DeploymentConfig", &kDeploymentConfig}, {"Tags", &kTagList}};
constexpr Shape kCreateEndpointInput = Structure("CreateEndpointInput", kCreateEndpointInputMembers);
constexpr Shape kEndpointArn = String(20, 2048);
constexpr Member kCreateEndpointOutputMembers[] = {{"EndpointArn", &kEndpointArn, true}};
constexpr Shape kCreateEndpointOutput = Structure("CreateEndpointOutput", kCreateEndpointOutputMembers);
constexpr Shape kVariantName = String(0, 63, "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", "^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}");
constexpr Shape kModelName = String(0, 63, R"([a-zA-Z0-9]([\-a-zA-Z0-9]*[a-zA-Z0-9])?)", R"(^[a-zA-Z0-9]([\-a-zA-Z0-9]*[a-zA-Z0-9])?)");
constexpr Shape kInitialTaskCount = Integer(1);
constexpr Shape kInstancePoolPriority = Integer(1, 5);
constexpr Member kInstancePoolMembers[] = {
    {"InstanceType", &kProductionVariantInstanceType, true}, {"ModelNameOverride", &kModelName},
    {"Priority", &kInstancePoolPriority, true}};
constexpr Shape kInstancePool = Structure("InstancePool", kInstancePoolMembers);
constexpr Shape kInstancePoolList = List(&kInstancePool, 1, 5);
constexpr Shape kVariantInstanceProvisionTimeoutInSeconds = Integer(300, 3600);
constexpr Shape kVariantWeight = Float(0);
constexpr std::string_view kProductionVariantAcceleratorTypeValues[] = {
    "ml.eia1.medium", "ml.eia1.large", "ml.eia1.xlarge", "ml.eia2.medium", "ml.eia2.large",
    "ml.eia2.xlarge"};
constexpr Shape kProductionVariantAcceleratorType = Enum(kProductionVariantAcceleratorTypeValues);
constexpr Member kProductionVariantCoreDumpConfigMembers[] = {
    {"DestinationS3Uri", &kDestinationS3Uri, true}, {"KmsKeyId", &kKmsKeyId}};
constexpr Shape kProductionVariantCoreDumpConfig = Structure("ProductionVariantCoreDumpConfig", kProductionVariantCoreDumpConfigMembers);
constexpr Shape kServerlessMemorySizeInMB = Integer(1024, 6144);
constexpr Shape kServerlessMaxConcurrency = Integer(1, 200);
constexpr Shape kServerlessProvisionedConcurrency = Integer(1, 200);
constexpr Member kProductionVariantServerlessConfigMembers[] = {
    {"MemorySizeInMB", &kServerlessMemorySizeInMB, true},
    {"MaxConcurrency", &kServerlessMaxConcurrency, true},
    {"ProvisionedConcurrency", &kServerlessProvisionedConcurrency}};
constexpr Shape kProductionVariantServerlessConfig = Structure("ProductionVariantServerlessConfig", kProductionVariantServerlessConfigMembers);
constexpr Shape kProductionVariantVolumeSizeInGB = Integer(1, 512);
constexpr Shape kProductionVariantModelDataDownloadTimeoutInSeconds = Integer(60, 3600);
constexpr Shape kProductionVariantContainerStartupHealthCheckTimeoutInSeconds = Integer(60, 3600);
constexpr Shape kProductionVariantSSMAccess = Boolean();
constexpr std::string_view kManagedInstanceScalingStatusValues[] = {"ENABLED", "DISABLED"};
constexpr Shape kManagedInstanceScalingStatus = Enum(kManagedInstanceScalingStatusValues);
constexpr Shape kManagedInstanceScalingMinInstanceCount = Integer(0);
constexpr Shape kManagedInstanceScalingMaxInstanceCount = Integer(1);
constexpr std::string_view kManagedInstanceScalingScaleInStrategyValues[] = {
    "IDLE_RELEASE", "CONSOLIDATION"};
constexpr Shape kManagedInstanceScalingScaleInStrategy = Enum(kManagedInstanceScalingScaleInStrategyValues);
constexpr Shape kManagedInstanceScalingMaximumStepSize = Integer(1, 100);
constexpr Shape kManagedInstanceScalingCooldownInMinutes = Integer(5, 1440);
constexpr Member kProductionVariantManagedInstanceScalingScaleInPolicyMembers[] = {
    {"Strategy", &kManagedInstanceScalingScaleInStrategy, true},
    {"MaximumStepSize", &kManagedInstanceScalingMaximumStepSize},
    {"CooldownInMinutes", &kManagedInstanceScalingCooldownInMinutes}};
constexpr Shape kProductionVariantManagedInstanceScalingScaleInPolicy = Structure("ProductionVariantManagedInstanceScalingScaleInPolicy", kProductionVariantManagedInstanceScalingScaleInPolicyMembers);
constexpr Member kProductionVariantManagedInstanceScalingMembers[] = {
    {"Status", &kManagedInstanceScalingStatus},
    {"MinInstanceCount", &kManagedInstanceScalingMinInstanceCount},
    {"MaxInstanceCount", &kManagedInstanceScalingMaxInstanceCount},
    {"ScaleInPolicy", &kProductionVariantManagedInstanceScalingScaleInPolicy}};
constexpr Shape kProductionVariantManagedInstanceScaling = Structure("ProductionVariantManagedInstanceScaling", kProductionVariantManagedInstanceScalingMembers);
constexpr std::string_view kRoutingStrategyValues[] = {
    "LEAST_OUTSTANDING_REQUESTS", "RANDOM", "PREFIX_AWARE", "KV_AWARE"};
constexpr Shape kRoutingStrategy = Enum(kRoutingStrategyValues);
constexpr Shape kPrefixAwareRoutingPrefixLength = Integer(1024, 65536);
constexpr Shape kPrefixAwareRoutingConcurrencyThreshold = Integer(1, 1024);
constexpr Member kPrefixAwareRoutingConfigMembers[] = {
    {"PrefixLength", &kPrefixAwareRoutingPrefixLength},
    {"ConcurrencyThreshold", &kPrefixAwareRoutingConcurrencyThreshold}};
constexpr Shape kPrefixAwareRoutingConfig = Structure("PrefixAwareRoutingConfig", kPrefixAwareRoutingConfigMembers);
constexpr Member kProductionVariantRoutingConfigMembers[] = {
    {"RoutingStrategy", &kRoutingStrategy, true},
    {"PrefixAwareRoutingConfig", &kPrefixAwareRoutingConfig}};
constexpr Shape kProductionVariantRoutingConfig = Structure("ProductionVariantRoutingConfig", kProductionVariantRoutingConfigMembers);
constexpr std::string_view kProductionVariantInferenceAmiVersionValues[] = {
    "al2-ami-sagemaker-inference-gpu-2", "al2-ami-sagemaker-inference-gpu-2-1",
    "al2-ami-sagemaker-inference-gpu-3-1", "al2-ami-sagemaker-inference-neuron-2",
    "al2023-ami-sagemaker-inference-gpu-4-1"};
constexpr Shape kProductionVariantInferenceAmiVersion = Enum(kProductionVariantInferenceAmiVersionValues);
constexpr std::string_view kCapacityReservationPreferenceValues[] = {"capacity-reservations-only"};
constexpr Shape kCapacityReservationPreference = Enum(kCapacityReservationPreferenceValues);
constexpr Shape kMlReservationArn = String(20, 258, R"(arn:aws[a-z\-]*:sagemaker:[a-z0-9\-]*:[0-9]{12}:[a-z0-9\-]{1,14}/.*)");
constexpr Member kProductionVariantCapacityReservationConfigMembers[] = {
    {"CapacityReservationPreference", &kCapacityReservationPreference},
    {"MlReservationArn", &kMlReservationArn}};
constexpr Shape kProductionVariantCapacityReservationConfig = Structure("ProductionVariantCapacityReservationConfig", kProductionVariantCapacityReservationConfigMembers);
constexpr Shape kAcceleratorPartitionType = String(0, 32, R"(mig-[0-9]+g\.[0-9]+gb([+-][a-z0-9.]+)*)");
constexpr Shape kAcceleratorPartitionTypeList = List(&kAcceleratorPartitionType, 0, 32);
constexpr Member kAcceleratorPartitionLayoutMembers[] = {
    {"AcceleratorPartitionTypes", &kAcceleratorPartitionTypeList}};
constexpr Shape kAcceleratorPartitionLayout = Structure("AcceleratorPartitionLayout", kAcceleratorPartitionLayoutMembers);
constexpr Shape kProductionVariantAcceleratorPartitionLayoutsList = List(&kAcceleratorPartitionLayout, 1, 32);
constexpr Member kProductionVariantMembers[] = {
    {"VariantName", &kVariantName, true}, {"ModelName", &kModelName},
    {"InitialInstanceCount", &kInitialTaskCount}, {"InstanceType", &kProductionVariantInstanceType},
    {"InstancePools", &kInstancePoolList},
    {"VariantInstanceProvisionTimeoutInSeconds", &kVariantInstanceProvisionTimeoutInSeconds},
    {"InitialVariantWeight", &kVariantWeight},
    {"AcceleratorType", &kProductionVariantAcceleratorType},
    {"CoreDumpConfig", &kProductionVariantCoreDumpConfig},
    {"ServerlessConfig", &kProductionVariantServerlessConfig},
    {"VolumeSizeInGB", &kProductionVariantVolumeSizeInGB},
    {"ModelDataDownloadTimeoutInSeconds", &kProductionVariantModelDataDownloadTimeoutInSeconds},
    {"ContainerStartupHealthCheckTimeoutInSeconds", &kProductionVariantContainerStartupHealthCheckTimeoutInSeconds},
    {"EnableSSMAccess", &kProductionVariantSSMAccess},
    {"ManagedInstanceScaling", &kProductionVariantManagedInstanceScaling},
    {"RoutingConfig", &kProductionVariantRoutingConfig},
    {"InferenceAmiVersion", &kProductionVariantInferenceAmiVersion},
    {"CapacityReservationConfig", &kProductionVariantCapacityReservationConfig},
    {"AcceleratorPartitionLayouts", &kProductionVariantAcceleratorPartitionLayoutsList}};
constexpr Shape kProductionVariant = Structure("ProductionVariant", kProductionVariantMembers);
constexpr Shape kProductionVariantList = List(&kProductionVariant, 1, 10);
constexpr Shape kEnableCapture = Boolean();
constexpr Shape kSamplingPercentage = Integer(0, 100);
constexpr std::string_view kCaptureModeValues[] = {"Input", "Output", "InputAndOutput"};
constexpr Shape kCaptureMode = Enum(kCaptureModeValues);
constexpr Member kCaptureOptionMembers[] = {{"CaptureMode", &kCaptureMode, true}};
constexpr Shape kCaptureOption = Structure("CaptureOption", kCaptureOptionMembers);
constexpr Shape kCaptureOptionList = List(&kCaptureOption, 1, 32);
constexpr Shape kCsvContentType = String(1, 256, R"([a-zA-Z0-9](-*[a-zA-Z0-9])*\/[a-zA-Z0-9](-*[a-zA-Z0-9.])*)", R"(^[a-zA-Z0-9](-*[a-zA-Z0-9])*\/[a-zA-Z0-9](-*[a-zA-Z0-9.])*)");
constexpr Shape kCsvContentTypes = List(&kCsvContentType, 1, 10);
constexpr Shape kJsonContentType = String(1, 256, R"([a-zA-Z0-9](-*[a-zA-Z0-9])*\/[a-zA-Z0-9](-*[a-zA-Z0-9.])*)", R"(^[a-zA-Z0-9](-*[a-zA-Z0-9])*\/[a-zA-Z0-9](-*[a-zA-Z0-9.])*)");
constexpr Shape kJsonContentTypes = List(&kJsonContentType, 1, 10);
constexpr Member kCaptureContentTypeHeaderMembers[] = {
    {"CsvContentTypes", &kCsvContentTypes}, {"JsonContentTypes", &kJsonContentTypes}};
constexpr Shape kCaptureContentTypeHeader = Structure("CaptureContentTypeHeader", kCaptureContentTypeHeaderMembers);
constexpr Member kDataCaptureConfigMembers[] = {
    {"EnableCapture", &kEnableCapture}, {"InitialSamplingPercentage", &kSamplingPercentage, true},
    {"DestinationS3Uri", &kDestinationS3Uri, true}, {"KmsKeyId", &kKmsKeyId},
    {"CaptureOptions", &kCaptureOptionList, true},
    {"CaptureContentTypeHeader", &kCaptureContentTypeHeader}};
constexpr Shape kDataCaptureConfig = Structure("DataCaptureConfig", kDataCaptureConfigMembers);
constexpr Shape kMaxConcurrentInvocationsPerInstance = Integer(1, 1000);
constexpr Member kAsyncInferenceClientConfigMembers[] = {
    {"MaxConcurrentInvocationsPerInstance", &kMaxConcurrentInvocationsPerInstance}};
constexpr Shape kAsyncInferenceClientConfig = Structure("AsyncInferenceClientConfig", kAsyncInferenceClientConfigMembers);
constexpr Shape kSnsTopicArn = String(0, 2048, R"(arn:aws[a-z\-]*:sns:[a-z0-9\-]*:[0-9]{12}:[a-zA-Z0-9_.-]+)");
constexpr std::string_view kAsyncNotificationTopicTypesValues[] = {
    "SUCCESS_NOTIFICATION_TOPIC", "ERROR_NOTIFICATION_TOPIC"};
constexpr Shape kAsyncNotificationTopicTypes = Enum(kAsyncNotificationTopicTypesValues);
constexpr Shape kAsyncNotificationTopicTypeList = List(&kAsyncNotificationTopicTypes, 0, 2);
constexpr Member kAsyncInferenceNotificationConfigMembers[] = {
    {"SuccessTopic", &kSnsTopicArn}, {"ErrorTopic", &kSnsTopicArn},
    {"IncludeInferenceResponseIn", &kAsyncNotificationTopicTypeList}};
constexpr Shape kAsyncInferenceNotificationConfig = Structure("AsyncInferenceNotificationConfig", kAsyncInferenceNotificationConfigMembers);
constexpr Member kAsyncInferenceOutputConfigMembers[] = {
    {"KmsKeyId", &kKmsKeyId}, {"S3OutputPath", &kDestinationS3Uri},
    {"NotificationConfig", &kAsyncInferenceNotificationConfig},
    {"S3FailurePath", &kDestinationS3Uri}};
constexpr Shape kAsyncInferenceOutputConfig = Structure("AsyncInferenceOutputConfig", kAsyncInferenceOutputConfigMembers);
constexpr Member kAsyncInferenceConfigMembers[] = {
    {"ClientConfig", &kAsyncInferenceClientConfig},
    {"OutputConfig", &kAsyncInferenceOutputConfig, true}};
constexpr Shape kAsyncInferenceConfig = Structure("AsyncInferenceConfig", kAsyncInferenceConfigMembers);
constexpr Shape kClarifyEnableExplanations = String(1, 64, ".*");
constexpr Shape kClarifyFeaturesAttribute = String(1, 64, ".*");
constexpr Shape kClarifyContentTemplate = String(1, 64, ".*");
constexpr Shape kClarifyMaxRecordCount = Integer(1);
constexpr Shape kClarifyMaxPayloadInMB = Integer(1, 25);
constexpr Shape kClarifyProbabilityIndex = Integer(0);
constexpr Shape kClarifyLabelIndex = Integer(0);
constexpr Shape kClarifyProbabilityAttribute = String(1, 64, ".*");
constexpr Shape kClarifyLabelAttribute = String(1, 64, ".*");
constexpr Shape kClarifyHeader = String(1, 64, ".*");
constexpr Shape kClarifyLabelHeaders = List(&kClarifyHeader, 1, 16);
constexpr Shape kClarifyFeatureHeaders = List(&kClarifyHeader, 1, 256);
constexpr std::string_view kClarifyFeatureTypeValues[] = {"numerical", "categorical", "text"};
constexpr Shape kClarifyFeatureType = Enum(kClarifyFeatureTypeValues);
constexpr Shape kClarifyFeatureTypes = List(&kClarifyFeatureType, 1, 256);
constexpr Member kClarifyInferenceConfigMembers[] = {
    {"FeaturesAttribute", &kClarifyFeaturesAttribute},
    {"ContentTemplate", &kClarifyContentTemplate}, {"MaxRecordCount", &kClarifyMaxRecordCount},
    {"MaxPayloadInMB", &kClarifyMaxPayloadInMB}, {"ProbabilityIndex", &kClarifyProbabilityIndex},
    {"LabelIndex", &kClarifyLabelIndex}, {"ProbabilityAttribute", &kClarifyProbabilityAttribute},
    {"LabelAttribute", &kClarifyLabelAttribute}, {"LabelHeaders", &kClarifyLabelHeaders},
    {"FeatureHeaders", &kClarifyFeatureHeaders}, {"FeatureTypes", &kClarifyFeatureTypes}};
constexpr Shape kClarifyInferenceConfig = Structure("ClarifyInferenceConfig", kClarifyInferenceConfigMembers);
constexpr Shape kClarifyMimeType = String(0, 255, R"([a-zA-Z0-9](-*[a-zA-Z0-9])*\/[a-zA-Z0-9](-*[a-zA-Z0-9+.])*)", R"(^[a-zA-Z0-9](-*[a-zA-Z0-9])*\/[a-zA-Z0-9](-*[a-zA-Z0-9+.])*)");
constexpr Shape kClarifyShapBaseline = String(1, 4096, R"([\s\S]+)");
constexpr Member kClarifyShapBaselineConfigMembers[] = {
    {"MimeType", &kClarifyMimeType}, {"ShapBaseline", &kClarifyShapBaseline},
    {"ShapBaselineUri", &kUrl}};
constexpr Shape kClarifyShapBaselineConfig = Structure("ClarifyShapBaselineConfig", kClarifyShapBaselineConfigMembers);
constexpr Shape kClarifyShapNumberOfSamples = Integer(1);
constexpr Shape kClarifyShapUseLogit = Boolean();
constexpr Shape kClarifyShapSeed = Integer();
constexpr std::string_view kClarifyTextLanguageValues[] = {
    "af", "sq", "ar", "hy", "eu", "bn", "bg", "ca", "zh", "hr", "cs", "da", "nl", "en", "et", "fi",
    "fr", "de", "el", "gu", "he", "hi", "hu", "is", "id", "ga", "it", "kn", "ky", "lv", "lt", "lb",
    "mk", "ml", "mr", "ne", "nb", "fa", "pl", "pt", "ro", "ru", "sa", "sr", "tn", "si", "sk", "sl",
    "es", "sv", "tl", "ta", "tt", "te", "tr", "uk", "ur", "yo", "lij", "xx"};
constexpr Shape kClarifyTextLanguage = Enum(kClarifyTextLanguageValues);
constexpr std::string_view kClarifyTextGranularityValues[] = {"token", "sentence", "paragraph"};
constexpr Shape kClarifyTextGranularity = Enum(kClarifyTextGranularityValues);
constexpr Member kClarifyTextConfigMembers[] = {
    {"Language", &kClarifyTextLanguage, true}, {"Granularity", &kClarifyTextGranularity, true}};
constexpr Shape kClarifyTextConfig = Structure("ClarifyTextConfig", kClarifyTextConfigMembers);
constexpr Member kClarifyShapConfigMembers[] = {
    {"ShapBaselineConfig", &kClarifyShapBaselineConfig, true},
    {"NumberOfSamples", &kClarifyShapNumberOfSamples}, {"UseLogit", &kClarifyShapUseLogit},
    {"Seed", &kClarifyShapSeed}, {"TextConfig", &kClarifyTextConfig}};
constexpr Shape kClarifyShapConfig = Structure("ClarifyShapConfig", kClarifyShapConfigMembers);
constexpr Member kClarifyExplainerConfigMembers[] = {
    {"EnableExplanations", &kClarifyEnableExplanations},
    {"InferenceConfig", &kClarifyInferenceConfig}, {"ShapConfig", &kClarifyShapConfig, true}};
constexpr Shape kClarifyExplainerConfig = Structure("ClarifyExplainerConfig", kClarifyExplainerConfigMembers);
constexpr Member kExplainerConfigMembers[] = {{"ClarifyExplainerConfig", &kClarifyExplainerConfig}};
constexpr Shape kExplainerConfig = Structure("ExplainerConfig", kExplainerConfigMembers);
constexpr Shape kEnableEnhancedMetrics = Boolean();
constexpr Shape kEnableDetailedObservability = Boolean();
constexpr Shape kMetricPublishFrequencyInSeconds = Integer();
constexpr Member kMetricsConfigMembers[] = {
    {"EnableEnhancedMetrics", &kEnableEnhancedMetrics},
    {"EnableDetailedObservability", &kEnableDetailedObservability},
    {"MetricPublishFrequencyInSeconds", &kMetricPublishFrequencyInSeconds}};
constexpr Shape kMetricsConfig = Structure("MetricsConfig", kMetricsConfigMembers);
constexpr Shape kCrossRegionMaxInvocationsPerSecondPerInstance = Integer(1, 10000);
constexpr Shape kCrossRegionPercentPerEndpoint = Integer(1, 100);
constexpr Member kCrossRegionTrafficConfigMembers[] = {
    {"MaxInvocationsPerSecondPerInstance", &kCrossRegionMaxInvocationsPerSecondPerInstance, true},
    {"MaxCrossRegionPercentPerEndpoint", &kCrossRegionPercentPerEndpoint, true}};
constexpr Shape kCrossRegionTrafficConfig = Structure("CrossRegionTrafficConfig", kCrossRegionTrafficConfigMembers);
constexpr Member kCreateEndpointConfigInputMembers[] = {
    {"EndpointConfigName", &kEndpointConfigName, true},
    {"ProductionVariants", &kProductionVariantList, true},
    {"DataCaptureConfig", &kDataCaptureConfig}, {"Tags", &kTagList}, {"KmsKeyId", &kKmsKeyId},
    {"AsyncInferenceConfig", &kAsyncInferenceConfig}, {"ExplainerConfig", &kExplainerConfig},
    {"ShadowProductionVariants", &kProductionVariantList}, {"ExecutionRoleArn", &kRoleArn},
    {"VpcConfig", &kVpcConfig}, {"EnableNetworkIsolation", &kBoolean},
    {"MetricsConfig", &kMetricsConfig}, {"CrossRegionTrafficConfig", &kCrossRegionTrafficConfig}};
constexpr Shape kCreateEndpointConfigInput = Structure("CreateEndpointConfigInput", kCreateEndpointConfigInputMembers);
constexpr Shape kEndpointConfigArn = String(20, 2048);
constexpr Member kCreateEndpointConfigOutputMembers[] = {
    {"EndpointConfigArn", &kEndpointConfigArn, true}};
constexpr Shape kCreateEndpointConfigOutput = Structure("CreateEndpointConfigOutput", kCreateEndpointConfigOutputMembers);
constexpr Shape kExperimentDescription = String(0, 3072, ".*");
constexpr Member kCreateExperimentRequestMembers[] = {
    {"ExperimentName", &kExperimentEntityName, true}, {"DisplayName", &kExperimentEntityName},
    {"Description", &kExperimentDescription}, {"Tags", &kTagList}};
constexpr Shape kCreateExperimentRequest = Structure("CreateExperimentRequest", kCreateExperimentRequestMembers);
constexpr Shape kExperimentArn = String(0, 256);
constexpr Member kCreateExperimentResponseMembers[] = {{"ExperimentArn", &kExperimentArn}};
constexpr Shape kCreateExperimentResponse = Structure("CreateExperimentResponse", kCreateExperimentResponseMembers);
constexpr Shape kHyperParameterTuningJobName = String(1, 32, "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,31}", "^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,31}");
constexpr std::string_view kHyperParameterTuningJobStrategyTypeValues[] = {
    "Bayesian", "Random", "Hyperband", "Grid"};
constexpr Shape kHyperParameterTuningJobStrategyType = Enum(kHyperParameterTuningJobStrategyTypeValues);
constexpr Shape kHyperbandStrategyMinResource = Integer(1);
constexpr Shape kHyperbandStrategyMaxResource = Integer(1);
constexpr Member kHyperbandStrategyConfigMembers[] = {
    {"MinResource", &kHyperbandStrategyMinResource}, {"MaxResource", &kHyperbandStrategyMaxResource}};
constexpr Shape kHyperbandStrategyConfig = Structure("HyperbandStrategyConfig", kHyperbandStrategyConfigMembers);
constexpr Member kHyperParameterTuningJobStrategyConfigMembers[] = {
    {"HyperbandStrategyConfig", &kHyperbandStrategyConfig}};
constexpr Shape kHyperParameterTuningJobStrategyConfig = Structure("HyperParameterTuningJobStrategyConfig", kHyperParameterTuningJobStrategyConfigMembers);
constexpr Shape kMaxNumberOfTrainingJobs = Integer(1);
constexpr Shape kMaxParallelTrainingJobs = Integer(1);
constexpr Shape kHyperParameterTuningMaxRuntimeInSeconds = Integer(120, 15768000);
constexpr Member kResourceLimitsMembers[] = {
    {"MaxNumberOfTrainingJobs", &kMaxNumberOfTrainingJobs},
    {"MaxParallelTrainingJobs", &kMaxParallelTrainingJobs, true},
    {"MaxRuntimeInSeconds", &kHyperParameterTuningMaxRuntimeInSeconds}};
constexpr Shape kResourceLimits = Structure("ResourceLimits", kResourceLimitsMembers);
constexpr Shape kParameterKey = String(0, 256, ".*");
constexpr std::string_view kHyperParameterScalingTypeValues[] = {
    "Auto", "Linear", "Logarithmic", "ReverseLogarithmic"};
constexpr Shape kHyperParameterScalingType = Enum(kHyperParameterScalingTypeValues);
constexpr Member kIntegerParameterRangeMembers[] = {
    {"Name", &kParameterKey, true}, {"MinValue", &kParameterValue, true},
    {"MaxValue", &kParameterValue, true}, {"ScalingType", &kHyperParameterScalingType}};
constexpr Shape kIntegerParameterRange = Structure("IntegerParameterRange", kIntegerParameterRangeMembers);
constexpr Shape kIntegerParameterRanges = List(&kIntegerParameterRange, 0, 30);
constexpr Member kContinuousParameterRangeMembers[] = {
    {"Name", &kParameterKey, true}, {"MinValue", &kParameterValue, true},
    {"MaxValue", &kParameterValue, true}, {"ScalingType", &kHyperParameterScalingType}};
constexpr Shape kContinuousParameterRange = Structure("ContinuousParameterRange", kContinuousParameterRangeMembers);
constexpr Shape kContinuousParameterRanges = List(&kContinuousParameterRange, 0, 30);
constexpr Member kCategoricalParameterRangeMembers[] = {
    {"Name", &kParameterKey, true}, {"Values", &kParameterValues, true}};
constexpr Shape kCategoricalParameterRange = Structure("CategoricalParameterRange", kCategoricalParameterRangeMembers);
constexpr Shape kCategoricalParameterRanges = List(&kCategoricalParameterRange, 0, 30);
constexpr Member kAutoParameterMembers[] = {
    {"Name", &kParameterKey, true}, {"ValueHint", &kParameterValue, true}};
constexpr Shape kAutoParameter = Structure("AutoParameter", kAutoParameterMembers);
constexpr Shape kAutoParameters = List(&kAutoParameter, 0, 100);
constexpr Member kParameterRangesMembers[] = {
    {"IntegerParameterRanges", &kIntegerParameterRanges},
    {"ContinuousParameterRanges", &kContinuousParameterRanges},
    {"CategoricalParameterRanges", &kCategoricalParameterRanges},
    {"AutoParameters", &kAutoParameters}};
constexpr Shape kParameterRanges = Structure("ParameterRanges", kParameterRangesMembers);
constexpr std::string_view kTrainingJobEarlyStoppingTypeValues[] = {"Off", "Auto"};
constexpr Shape kTrainingJobEarlyStoppingType = Enum(kTrainingJobEarlyStoppingTypeValues);
constexpr Shape kTargetObjectiveMetricValue = Float();
constexpr Shape kMaxNumberOfTrainingJobsNotImproving = Integer(3);
constexpr Member kBestObjectiveNotImprovingMembers[] = {
    {"MaxNumberOfTrainingJobsNotImproving", &kMaxNumberOfTrainingJobsNotImproving}};
constexpr Shape kBestObjectiveNotImproving = Structure("BestObjectiveNotImproving", kBestObjectiveNotImprovingMembers);
constexpr std::string_view kCompleteOnConvergenceValues[] = {"Disabled", "Enabled"};
constexpr Shape kCompleteOnConvergence = Enum(kCompleteOnConvergenceValues);
constexpr Member kConvergenceDetectedMembers[] = {
    {"CompleteOnConvergence", &kCompleteOnConvergence}};
constexpr Shape kConvergenceDetected = Structure("ConvergenceDetected", kConvergenceDetectedMembers);
constexpr Member kTuningJobCompletionCriteriaMembers[] = {
    {"TargetObjectiveMetricValue", &kTargetObjectiveMetricValue},
    {"BestObjectiveNotImproving", &kBestObjectiveNotImproving},
    {"ConvergenceDetected", &kConvergenceDetected}};
constexpr Shape kTuningJobCompletionCriteria = Structure("TuningJobCompletionCriteria", kTuningJobCompletionCriteriaMembers);
constexpr Shape kRandomSeed = Integer(0);
constexpr Member kHyperParameterTuningJobConfigMembers[] = {
    {"Strategy", &kHyperParameterTuningJobStrategyType, true},
    {"StrategyConfig", &kHyperParameterTuningJobStrategyConfig},
    {"HyperParameterTuningJobObjective", &kHyperParameterTuningJobObjective},
    {"ResourceLimits", &kResourceLimits, true}, {"ParameterRanges", &kParameterRanges},
    {"TrainingJobEarlyStoppingType", &kTrainingJobEarlyStoppingType},
    {"TuningJobCompletionCriteria", &kTuningJobCompletionCriteria}, {"RandomSeed", &kRandomSeed}};
constexpr Shape kHyperParameterTuningJobConfig = Structure("HyperParameterTuningJobConfig", kHyperParameterTuningJobConfigMembers);
constexpr Shape kHyperParameterTrainingJobDefinitionName = String(1, 64, "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,63}", "^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,63}");
constexpr Shape kAlgorithmImage = String(0, 255, ".*");
constexpr Shape kArnOrName = String(1, 170, R"((arn:aws[a-z\-]*:sagemaker:[a-z0-9\-]*:[0-9]{12}:[a-z\-]*/)?[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)", R"((arn:aws[a-z\-]*:sagemaker:[a-z0-9\-]*:[0-9]{12}:[a-z\-]*\/)?([a-zA-Z0-9]([a-zA-Z0-9-]){0,62})(?<!-))");
constexpr Member kHyperParameterAlgorithmSpecificationMembers[] = {
    {"TrainingImage", &kAlgorithmImage}, {"TrainingInputMode", &kTrainingInputMode, true},
    {"AlgorithmName", &kArnOrName}, {"MetricDefinitions", &kMetricDefinitionList}};
constexpr Shape kHyperParameterAlgorithmSpecification = Structure("HyperParameterAlgorithmSpecification", kHyperParameterAlgorithmSpecificationMembers);
constexpr std::string_view kHyperParameterTuningAllocationStrategyValues[] = {"Prioritized"};
constexpr Shape kHyperParameterTuningAllocationStrategy = Enum(kHyperParameterTuningAllocationStrategyValues);
constexpr Shape kVolumeSizeInGB = Integer(1);
constexpr Member kHyperParameterTuningInstanceConfigMembers[] = {
    {"InstanceType", &kTrainingInstanceType, true},
    {"InstanceCount", &kTrainingInstanceCount, true}, {"VolumeSizeInGB", &kVolumeSizeInGB, true}};
constexpr Shape kHyperParameterTuningInstanceConfig = Structure("HyperParameterTuningInstanceConfig", kHyperParameterTuningInstanceConfigMembers);
constexpr Shape kHyperParameterTuningInstanceConfigs = List(&kHyperParameterTuningInstanceConfig, 1, 6);
constexpr Member kHyperParameterTuningResourceConfigMembers[] = {
    {"InstanceType", &kTrainingInstanceType}, {"InstanceCount", &kTrainingInstanceCount},
    {"VolumeSizeInGB", &kOptionalVolumeSizeInGB}, {"VolumeKmsKeyId", &kKmsKeyId},
    {"AllocationStrategy", &kHyperParameterTuningAllocationStrategy},
    {"InstanceConfigs", &kHyperParameterTuningInstanceConfigs}};
constexpr Shape kHyperParameterTuningResourceConfig = Structure("HyperParameterTuningResourceConfig", kHyperParameterTuningResourceConfigMembers);
constexpr Member kCheckpointConfigMembers[] = {
    {"S3Uri", &kS3Uri, true}, {"LocalPath", &kDirectoryPath}};
constexpr Shape kCheckpointConfig = Structure("CheckpointConfig", kCheckpointConfigMembers);
constexpr Shape kMaximumRetryAttempts = Integer(1, 30);
constexpr Member kRetryStrategyMembers[] = {{"MaximumRetryAttempts", &kMaximumRetryAttempts, true}};
constexpr Shape kRetryStrategy = Structure("RetryStrategy", kRetryStrategyMembers);
constexpr Shape kHyperParameterTrainingJobEnvironmentKey = String(0, 512, "[a-zA-Z_][a-zA-Z0-9_]*");
constexpr Shape kHyperParameterTrainingJobEnvironmentValue = String(0, 512, R"([\S\s]*)");
constexpr Shape kHyperParameterTrainingJobEnvironmentMap = Map(&kHyperParameterTrainingJobEnvironmentKey, &kHyperParameterTrainingJobEnvironmentValue, 0, 48);
constexpr Member kHyperParameterTrainingJobDefinitionMembers[] = {
    {"DefinitionName", &kHyperParameterTrainingJobDefinitionName},
    {"TuningObjective", &kHyperParameterTuningJobObjective},
    {"HyperParameterRanges", &kParameterRanges}, {"StaticHyperParameters", &kHyperParameters},
    {"AlgorithmSpecification", &kHyperParameterAlgorithmSpecification, true},
    {"RoleArn", &kRoleArn, true}, {"InputDataConfig", &kInputDataConfig},
    {"VpcConfig", &kVpcConfig}, {"OutputDataConfig", &kOutputDataConfig, true},
    {"ResourceConfig", &kResourceConfig},
    {"HyperParameterTuningResourceConfig", &kHyperParameterTuningResourceConfig},
    {"StoppingCondition", &kStoppingCondition, true}, {"EnableNetworkIsolation", &kBoolean},
    {"EnableInterContainerTrafficEncryption", &kBoolean}, {"EnableManagedSpotTraining", &kBoolean},
    {"CheckpointConfig", &kCheckpointConfig}, {"RetryStrategy", &kRetryStrategy},
    {"Environment", &kHyperParameterTrainingJobEnvironmentMap}};
constexpr Shape kHyperParameterTrainingJobDefinition = Structure("HyperParameterTrainingJobDefinition", kHyperParameterTrainingJobDefinitionMembers);
constexpr Shape kHyperParameterTrainingJobDefinitions = List(&kHyperParameterTrainingJobDefinition, 1, 10);
constexpr Member kParentHyperParameterTuningJobMembers[] = {
    {"HyperParameterTuningJobName", &kHyperParameterTuningJobName}};
constexpr Shape kParentHyperParameterTuningJob = Structure("ParentHyperParameterTuningJob", kParentHyperParameterTuningJobMembers);
constexpr Shape kParentHyperParameterTuningJobs = List(&kParentHyperParameterTuningJob, 1, 5);
constexpr std::string_view kHyperParameterTuningJobWarmStartTypeValues[] = {
    "IdenticalDataAndAlgorithm", "TransferLearning"};
constexpr Shape kHyperParameterTuningJobWarmStartType = Enum(kHyperParameterTuningJobWarmStartTypeValues);
constexpr Member kHyperParameterTuningJobWarmStartConfigMembers[] = {
    {"ParentHyperParameterTuningJobs", &kParentHyperParameterTuningJobs, true},
    {"WarmStartType", &kHyperParameterTuningJobWarmStartType, true}};
constexpr Shape kHyperParameterTuningJobWarmStartConfig = Structure("HyperParameterTuningJobWarmStartConfig", kHyperParameterTuningJobWarmStartConfigMembers);
constexpr std::string_view kAutotuneModeValues[] = {"Enabled"};
constexpr Shape kAutotuneMode = Enum(kAutotuneModeValues);
constexpr Member kAutotuneMembers[] = {{"Mode", &kAutotuneMode, true}};
constexpr Shape kAutotune = Structure("Autotune", kAutotuneMembers);
constexpr Member kCreateHyperParameterTuningJobRequestMembers[] = {
    {"HyperParameterTuningJobName", &kHyperParameterTuningJobName, true},
    {"HyperParameterTuningJobConfig", &kHyperParameterTuningJobConfig, true},
    {"TrainingJobDefinition", &kHyperParameterTrainingJobDefinition},
    {"TrainingJobDefinitions", &kHyperParameterTrainingJobDefinitions},
    {"WarmStartConfig", &kHyperParameterTuningJobWarmStartConfig}, {"Tags", &kTagList},
    {"Autotune", &kAutotune}};
constexpr Shape kCreateHyperParameterTuningJobRequest = Structure("CreateHyperParameterTuningJobRequest", kCreateHyperParameterTuningJobRequestMembers);
constexpr Shape kHyperParameterTuningJobArn = String(0, 256);
constexpr Member kCreateHyperParameterTuningJobResponseMembers[] = {
    {"HyperParameterTuningJobArn", &kHyperParameterTuningJobArn, true}};
constexpr Shape kCreateHyperParameterTuningJobResponse = Structure("CreateHyperParameterTuningJobResponse", kCreateHyperParameterTuningJobResponseMembers);
constexpr Shape kInferenceComponentName = String(0, 63, R"([a-zA-Z0-9]([\-a-zA-Z0-9]*[a-zA-Z0-9])?)");
constexpr Shape kMetricsEndpointPath = String(0, 256, R"(/(\.|(\.?[a-zA-Z0-9/_\-])+\.?))", R"(/(?!.*\.\.)[a-zA-Z0-9/_.\-]+)");
constexpr Member kMetricsEndpointMembers[] = {
    {"MetricsEndpointPath", &kMetricsEndpointPath, true},
    {"MetricPublishFrequencyInSeconds", &kMetricPublishFrequencyInSeconds}};
constexpr Shape kMetricsEndpoint = Structure("MetricsEndpoint", kMetricsEndpointMembers);
constexpr Shape kMetricsEndpointList = List(&kMetricsEndpoint, 0, 1);
constexpr Member kContainerMetricsConfigMembers[] = {{"MetricsEndpoints", &kMetricsEndpointList}};
constexpr Shape kContainerMetricsConfig = Structure("ContainerMetricsConfig", kContainerMetricsConfigMembers);
constexpr Member kInferenceComponentContainerSpecificationMembers[] = {
    {"Image", &kContainerImage}, {"ArtifactUrl", &kUrl}, {"Environment", &kEnvironmentMap},
    {"ContainerMetricsConfig", &kContainerMetricsConfig}};
constexpr Shape kInferenceComponentContainerSpecification = Structure("InferenceComponentContainerSpecification", kInferenceComponentContainerSpecificationMembers);
constexpr Member kInferenceComponentStartupParametersMembers[] = {
    {"ModelDataDownloadTimeoutInSeconds", &kProductionVariantModelDataDownloadTimeoutInSeconds},
    {"ContainerStartupHealthCheckTimeoutInSeconds", &kProductionVariantContainerStartupHealthCheckTimeoutInSeconds}};
constexpr Shape kInferenceComponentStartupParameters = Structure("InferenceComponentStartupParameters", kInferenceComponentStartupParametersMembers);
constexpr Shape kNumberOfCpuCores = Float(0.25);
constexpr Shape kNumberOfAcceleratorDevices = Float(1);
constexpr Shape kMemoryInMb = Integer(128);
constexpr Member kInferenceComponentComputeResourceRequirementsMembers[] = {
    {"NumberOfCpuCoresRequired", &kNumberOfCpuCores},
    {"NumberOfAcceleratorDevicesRequired", &kNumberOfAcceleratorDevices},
    {"MinMemoryRequiredInMb", &kMemoryInMb, true}, {"MaxMemoryRequiredInMb", &kMemoryInMb},
    {"AcceleratorPartitionType", &kAcceleratorPartitionType}};
constexpr Shape kInferenceComponentComputeResourceRequirements = Structure("InferenceComponentComputeResourceRequirements", kInferenceComponentComputeResourceRequirementsMembers);
constexpr Shape kEnableCaching = Boolean();
constexpr Member kInferenceComponentDataCacheConfigMembers[] = {
    {"EnableCaching", &kEnableCaching, true}};
constexpr Shape kInferenceComponentDataCacheConfig = Structure("InferenceComponentDataCacheConfig", kInferenceComponentDataCacheConfigMembers);
constexpr std::string_view kInferenceComponentPlacementStrategyValues[] = {"SPREAD", "BINPACK"};
constexpr Shape kInferenceComponentPlacementStrategy = Enum(kInferenceComponentPlacementStrategyValues);
constexpr std::string_view kAvailabilityZoneBalanceEnforcementModeValues[] = {"PERMISSIVE"};
constexpr Shape kAvailabilityZoneBalanceEnforcementMode = Enum(kAvailabilityZoneBalanceEnforcementModeValues);
constexpr Shape kAvailabilityZoneBalanceMaxImbalance = Integer(0, 100);
constexpr Member kInferenceComponentAvailabilityZoneBalanceMembers[] = {
    {"EnforcementMode", &kAvailabilityZoneBalanceEnforcementMode, true},
    {"MaxImbalance", &kAvailabilityZoneBalanceMaxImbalance}};
constexpr Shape kInferenceComponentAvailabilityZoneBalance = Structure("InferenceComponentAvailabilityZoneBalance", kInferenceComponentAvailabilityZoneBalanceMembers);
constexpr Member kInferenceComponentSchedulingConfigMembers[] = {
    {"PlacementStrategy", &kInferenceComponentPlacementStrategy, true},
    {"AvailabilityZoneBalance", &kInferenceComponentAvailabilityZoneBalance}};
constexpr Shape kInferenceComponentSchedulingConfig = Structure("InferenceComponentSchedulingConfig", kInferenceComponentSchedulingConfigMembers);
constexpr Member kInferenceComponentSpecificationMembers[] = {
    {"InstanceType", &kProductionVariantInstanceType}, {"ModelName", &kModelName},
    {"Container", &kInferenceComponentContainerSpecification},
    {"StartupParameters", &kInferenceComponentStartupParameters},
    {"ComputeResourceRequirements", &kInferenceComponentComputeResourceRequirements},
    {"BaseInferenceComponentName", &kInferenceComponentName},
    {"DataCacheConfig", &kInferenceComponentDataCacheConfig},
    {"SchedulingConfig", &kInferenceComponentSchedulingConfig}};
constexpr Shape kInferenceComponentSpecification = Structure("InferenceComponentSpecification", kInferenceComponentSpecificationMembers);
constexpr Shape kInferenceComponentSpecificationList = List(&kInferenceComponentSpecification, 1, 5);
constexpr Shape kInferenceComponentCopyCount = Integer(0);
constexpr Member kInferenceComponentRuntimeConfigMembers[] = {
    {"CopyCount", &kInferenceComponentCopyCount, true}};
constexpr Shape kInferenceComponentRuntimeConfig = Structure("InferenceComponentRuntimeConfig", kInferenceComponentRuntimeConfigMembers);
constexpr Member kCreateInferenceComponentInputMembers[] = {
    {"InferenceComponentName", &kInferenceComponentName, true},
    {"EndpointName", &kEndpointName, true}, {"VariantName", &kVariantName},
    {"Specification", &kInferenceComponentSpecification},
    {"Specifications", &kInferenceComponentSpecificationList},
    {"RuntimeConfig", &kInferenceComponentRuntimeConfig}, {"Tags", &kTagList}};
constexpr Shape kCreateInferenceComponentInput = Structure("CreateInferenceComponentInput", kCreateInferenceComponentInputMembers);
constexpr Shape kInferenceComponentArn = String(20, 2048);
constexpr Member kCreateInferenceComponentOutputMembers[] = {
    {"InferenceComponentArn", &kInferenceComponentArn, true}};
constexpr Shape kCreateInferenceComponentOutput = Structure("CreateInferenceComponentOutput", kCreateInferenceComponentOutputMembers);
constexpr std::string_view kRepositoryAccessModeValues[] = {"Platform", "Vpc"};
constexpr Shape kRepositoryAccessMode = Enum(kRepositoryAccessModeValues);
constexpr Shape kRepositoryCredentialsProviderArn = String(1, 2048, ".*");
constexpr Member kRepositoryAuthConfigMembers[] = {
    {"RepositoryCredentialsProviderArn", &kRepositoryCredentialsProviderArn, true}};
constexpr Shape kRepositoryAuthConfig = Structure("RepositoryAuthConfig", kRepositoryAuthConfigMembers);
constexpr Member kImageConfigMembers[] = {
    {"RepositoryAccessMode", &kRepositoryAccessMode, true},
    {"RepositoryAuthConfig", &kRepositoryAuthConfig}};
constexpr Shape kImageConfig = Structure("ImageConfig", kImageConfigMembers);
constexpr std::string_view kContainerModeValues[] = {"SingleModel", "MultiModel"};
constexpr Shape kContainerMode = Enum(kContainerModeValues);
constexpr Shape kVersionedArnOrName = String(1, 176, R"((arn:aws[a-z\-]*:sagemaker:[a-z0-9\-]*:[0-9]{12}:[a-z\-]*/)?[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(/[0-9]{1,9})?)", R"((arn:aws[a-z\-]*:sagemaker:[a-z0-9\-]*:[0-9]{12}:[a-z\-]*\/)?([a-zA-Z0-9]([a-zA-Z0-9-]){0,62})(?<!-)(\/[0-9]{1,9})?)");
constexpr Shape kInferenceSpecificationName = String(1, 63, "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", "^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$");
constexpr std::string_view kModelCacheSettingValues[] = {"Enabled", "Disabled"};
constexpr Shape kModelCacheSetting = Enum(kModelCacheSettingValues);
constexpr Member kMultiModelConfigMembers[] = {{"ModelCacheSetting", &kModelCacheSetting}};
constexpr Shape kMultiModelConfig = Structure("MultiModelConfig", kMultiModelConfigMembers);
constexpr Member kContainerDefinitionMembers[] = {
    {"ContainerHostname", &kContainerHostname}, {"Image", &kContainerImage},
    {"ImageConfig", &kImageConfig}, {"Mode", &kContainerMode}, {"ModelDataUrl", &kUrl},
    {"ModelDataSource", &kModelDataSource},
    {"AdditionalModelDataSources", &kAdditionalModelDataSources}, {"Environment", &kEnvironmentMap},
    {"ModelPackageName", &kVersionedArnOrName},
    {"InferenceSpecificationName", &kInferenceSpecificationName},
    {"MultiModelConfig", &kMultiModelConfig}, {"ContainerMetricsConfig", &kContainerMetricsConfig}};
constexpr Shape kContainerDefinition = Structure("ContainerDefinition", kContainerDefinitionMembers);
constexpr Shape kContainerDefinitionList = List(&kContainerDefinition, 0, 15);
constexpr std::string_view kInferenceExecutionModeValues[] = {"Serial", "Direct"};
constexpr Shape kInferenceExecutionMode = Enum(kInferenceExecutionModeValues);
constexpr Member kInferenceExecutionConfigMembers[] = {{"Mode", &kInferenceExecutionMode, true}};
constexpr Shape kInferenceExecutionConfig = Structure("InferenceExecutionConfig", kInferenceExecutionConfigMembers);
constexpr Member kCreateModelInputMembers[] = {
    {"ModelName", &kModelName, true}, {"PrimaryContainer", &kContainerDefinition},
    {"Containers", &kContainerDefinitionList},
    {"InferenceExecutionConfig", &kInferenceExecutionConfig}, {"ExecutionRoleArn", &kRoleArn},
    {"Tags", &kTagList}, {"VpcConfig", &kVpcConfig}, {"EnableNetworkIsolation", &kBoolean}};
constexpr Shape kCreateModelInput = Structure("CreateModelInput", kCreateModelInputMembers);
constexpr Shape kModelArn = String(20, 2048);
constexpr Member kCreateModelOutputMembers[] = {{"ModelArn", &kModelArn, true}};
constexpr Shape kCreateModelOutput = Structure("CreateModelOutput", kCreateModelOutputMembers);
constexpr Member kModelBiasBaselineConfigMembers[] = {
    {"BaseliningJobName", &kProcessingJobName},
    {"ConstraintsResource", &kMonitoringConstraintsResource}};
constexpr Shape kModelBiasBaselineConfig = Structure("ModelBiasBaselineConfig", kModelBiasBaselineConfigMembers);
constexpr Member kModelBiasAppSpecificationMembers[] = {
    {"ImageUri", &kImageUri, true}, {"ConfigUri", &kS3Uri, true},
    {"Environment", &kMonitoringEnvironmentMap}};
constexpr Shape kModelBiasAppSpecification = Structure("ModelBiasAppSpecification", kModelBiasAppSpecificationMembers);
constexpr Member kMonitoringGroundTruthS3InputMembers[] = {{"S3Uri", &kMonitoringS3Uri}};
constexpr Shape kMonitoringGroundTruthS3Input = Structure("MonitoringGroundTruthS3Input", kMonitoringGroundTruthS3InputMembers);
constexpr Member kModelBiasJobInputMembers[] = {
    {"EndpointInput", &kEndpointInput}, {"BatchTransformInput", &kBatchTransformInput},
    {"GroundTruthS3Input", &kMonitoringGroundTruthS3Input, true}};
constexpr Shape kModelBiasJobInput = Structure("ModelBiasJobInput", kModelBiasJobInputMembers);
constexpr Member kCreateModelBiasJobDefinitionRequestMembers[] = {
    {"JobDefinitionName", &kMonitoringJobDefinitionName, true},
    {"ModelBiasBaselineConfig", &kModelBiasBaselineConfig},
    {"ModelBiasAppSpecification", &kModelBiasAppSpecification, true},
    {"ModelBiasJobInput", &kModelBiasJobInput, true},
    {"ModelBiasJobOutputConfig", &kMonitoringOutputConfig, true},
    {"JobResources", &kMonitoringResources, true}, {"NetworkConfig", &kMonitoringNetworkConfig},
    {"RoleArn", &kRoleArn, true}, {"StoppingCondition", &kMonitoringStoppingCondition},
    {"Tags", &kTagList}};
constexpr Shape kCreateModelBiasJobDefinitionRequest = Structure("CreateModelBiasJobDefinitionRequest", kCreateModelBiasJobDefinitionRequestMembers);
constexpr Member kCreateModelBiasJobDefinitionResponseMembers[] = {
    {"JobDefinitionArn", &kMonitoringJobDefinitionArn, true}};
constexpr Shape kCreateModelBiasJobDefinitionResponse = Structure("CreateModelBiasJobDefinitionResponse", kCreateModelBiasJobDefinitionResponseMembers);
constexpr Member kModelExplainabilityBaselineConfigMembers[] = {
    {"BaseliningJobName", &kProcessingJobName},
    {"ConstraintsResource", &kMonitoringConstraintsResource}};
constexpr Shape kModelExplainabilityBaselineConfig = Structure("ModelExplainabilityBaselineConfig", kModelExplainabilityBaselineConfigMembers);
constexpr Member kModelExplainabilityAppSpecificationMembers[] = {
    {"ImageUri", &kImageUri, true}, {"ConfigUri", &kS3Uri, true},
    {"Environment", &kMonitoringEnvironmentMap}};
constexpr Shape kModelExplainabilityAppSpecification = Structure("ModelExplainabilityAppSpecification", kModelExplainabilityAppSpecificationMembers);
constexpr Member kModelExplainabilityJobInputMembers[] = {
    {"EndpointInput", &kEndpointInput}, {"BatchTransformInput", &kBatchTransformInput}};
constexpr Shape kModelExplainabilityJobInput = Structure("ModelExplainabilityJobInput", kModelExplainabilityJobInputMembers);
constexpr Member kCreateModelExplainabilityJobDefinitionRequestMembers[] = {
    {"JobDefinitionName", &kMonitoringJobDefinitionName, true},
    {"ModelExplainabilityBaselineConfig", &kModelExplainabilityBaselineConfig},
    {"ModelExplainabilityAppSpecification", &kModelExplainabilityAppSpecification, true},
    {"ModelExplainabilityJobInput", &kModelExplainabilityJobInput, true},
    {"ModelExplainabilityJobOutputConfig", &kMonitoringOutputConfig, true},
    {"JobResources", &kMonitoringResources, true}, {"NetworkConfig", &kMonitoringNetworkConfig},
    {"RoleArn", &kRoleArn, true}, {"StoppingCondition", &kMonitoringStoppingCondition},
    {"Tags", &kTagList}};
constexpr Shape kCreateModelExplainabilityJobDefinitionRequest = Structure("CreateModelExplainabilityJobDefinitionRequest", kCreateModelExplainabilityJobDefinitionRequestMembers);
constexpr Member kCreateModelExplainabilityJobDefinitionResponseMembers[] = {
    {"JobDefinitionArn", &kMonitoringJobDefinitionArn, true}};
constexpr Shape kCreateModelExplainabilityJobDefinitionResponse = Structure("CreateModelExplainabilityJobDefinitionResponse", kCreateModelExplainabilityJobDefinitionResponseMembers);
constexpr Member kModelPackageValidationProfileMembers[] = {
    {"ProfileName", &kEntityName, true}, {"TransformJobDefinition", &kTransformJobDefinition, true}};
constexpr Shape kModelPackageValidationProfile = Structure("ModelPackageValidationProfile", kModelPackageValidationProfileMembers);
constexpr Shape kModelPackageValidationProfiles = List(&kModelPackageValidationProfile, 0, 1);
constexpr Member kModelPackageValidationSpecificationMembers[] = {
    {"ValidationRole", &kRoleArn, true},
    {"ValidationProfiles", &kModelPackageValidationProfiles, true}};
constexpr Shape kModelPackageValidationSpecification = Structure("ModelPackageValidationSpecification", kModelPackageValidationSpecificationMembers);
constexpr Member kSourceAlgorithmMembers[] = {
    {"ModelDataUrl", &kUrl}, {"ModelDataSource", &kModelDataSource}, {"ModelDataETag", &kString},
    {"AlgorithmName", &kArnOrName, true}};
constexpr Shape kSourceAlgorithm = Structure("SourceAlgorithm", kSourceAlgorithmMembers);
constexpr Shape kSourceAlgorithmList = List(&kSourceAlgorithm, 1, 1);
constexpr Member kSourceAlgorithmSpecificationMembers[] = {
    {"SourceAlgorithms", &kSourceAlgorithmList, true}};
constexpr Shape kSourceAlgorithmSpecification = Structure("SourceAlgorithmSpecification", kSourceAlgorithmSpecificationMembers);
constexpr Shape kContentDigest = String(0, 72, "[Ss][Hh][Aa]256:[0-9a-fA-F]{64}", "^[Ss][Hh][Aa]256:[0-9a-fA-F]{64}$");
constexpr Member kMetricsSourceMembers[] = {
    {"ContentType", &kContentType, true}, {"ContentDigest", &kContentDigest},
    {"S3Uri", &kS3Uri, true}};
constexpr Shape kMetricsSource = Structure("MetricsSource", kMetricsSourceMembers);
constexpr Member kModelQualityMembers[] = {
    {"Statistics", &kMetricsSource}, {"Constraints", &kMetricsSource}};
constexpr Shape kModelQuality = Structure("ModelQuality", kModelQualityMembers);
constexpr Member kModelDataQualityMembers[] = {
    {"Statistics", &kMetricsSource}, {"Constraints", &kMetricsSource}};
constexpr Shape kModelDataQuality = Structure("ModelDataQuality", kModelDataQualityMembers);
constexpr Member kBiasMembers[] = {
    {"Report", &kMetricsSource}, {"PreTrainingReport", &kMetricsSource},
    {"PostTrainingReport", &kMetricsSource}};
constexpr Shape kBias = Structure("Bias", kBiasMembers);
constexpr Member kExplainabilityMembers[] = {{"Report", &kMetricsSource}};
constexpr Shape kExplainability = Structure("Explainability", kExplainabilityMembers);
constexpr Member kModelMetricsMembers[] = {
    {"ModelQuality", &kModelQuality}, {"ModelDataQuality", &kModelDataQuality}, {"Bias", &kBias},
    {"Explainability", &kExplainability}};
constexpr Shape kModelMetrics = Structure("ModelMetrics", kModelMetricsMembers);
constexpr Shape kClientToken = String(1, 36, "[a-zA-Z0-9-]+", "^[a-zA-Z0-9-]+$");
constexpr Shape kCustomerMetadataKey = String(1, 128, R"(([\p{L}\p{Z}\p{N}_.:\/=+\-@]*)${1,128})", R"(^([\p{L}\p{Z}\p{N}_.:\/=+\-@]*)${1,128})");
constexpr Shape kCustomerMetadataValue = String(1, 256, R"(([\p{L}\p{Z}\p{N}_.:\/=+\-@]*)${1,256})", R"(^([\p{L}\p{Z}\p{N}_.:\/=+\-@]*)${1,256})");
constexpr Shape kCustomerMetadataMap = Map(&kCustomerMetadataKey, &kCustomerMetadataValue, 1, 50);
constexpr Member kFileSourceMembers[] = {
    {"ContentType", &kContentType}, {"ContentDigest", &kContentDigest}, {"S3Uri", &kS3Uri, true}};
constexpr Shape kFileSource = Structure("FileSource", kFileSourceMembers);
constexpr Member kDriftCheckBiasMembers[] = {
    {"ConfigFile", &kFileSource}, {"PreTrainingConstraints", &kMetricsSource},
    {"PostTrainingConstraints", &kMetricsSource}};
constexpr Shape kDriftCheckBias = Structure("DriftCheckBias", kDriftCheckBiasMembers);
constexpr Member kDriftCheckExplainabilityMembers[] = {
    {"Constraints", &kMetricsSource}, {"ConfigFile", &kFileSource}};
constexpr Shape kDriftCheckExplainability = Structure("DriftCheckExplainability", kDriftCheckExplainabilityMembers);
constexpr Member kDriftCheckModelQualityMembers[] = {
    {"Statistics", &kMetricsSource}, {"Constraints", &kMetricsSource}};
constexpr Shape kDriftCheckModelQuality = Structure("DriftCheckModelQuality", kDriftCheckModelQualityMembers);
constexpr Member kDriftCheckModelDataQualityMembers[] = {
    {"Statistics", &kMetricsSource}, {"Constraints", &kMetricsSource}};
constexpr Shape kDriftCheckModelDataQuality = Structure("DriftCheckModelDataQuality", kDriftCheckModelDataQualityMembers);
constexpr Member kDriftCheckBaselinesMembers[] = {
    {"Bias", &kDriftCheckBias}, {"Explainability", &kDriftCheckExplainability},
    {"ModelQuality", &kDriftCheckModelQuality}, {"ModelDataQuality", &kDriftCheckModelDataQuality}};
constexpr Shape kDriftCheckBaselines = Structure("DriftCheckBaselines", kDriftCheckBaselinesMembers);
constexpr Member kAdditionalInferenceSpecificationDefinitionMembers[] = {
    {"Name", &kEntityName, true}, {"Description", &kEntityDescription},
    {"Containers", &kModelPackageContainerDefinitionList, true},
    {"SupportedTransformInstanceTypes", &kTransformInstanceTypes},
    {"SupportedRealtimeInferenceInstanceTypes", &kRealtimeInferenceInstanceTypes},
    {"SupportedContentTypes", &kContentTypes}, {"SupportedResponseMIMETypes", &kResponseMIMETypes}};
constexpr Shape kAdditionalInferenceSpecificationDefinition = Structure("AdditionalInferenceSpecificationDefinition", kAdditionalInferenceSpecificationDefinitionMembers);
constexpr Shape kAdditionalInferenceSpecifications = List(&kAdditionalInferenceSpecificationDefinition, 1, 15);
constexpr std::string_view kSkipModelValidationValues[] = {"All", "None"};
constexpr Shape kSkipModelValidation = Enum(kSkipModelValidationValues);
constexpr Shape kModelPackageSourceUri = String(0, 1024, R"([\p{L}\p{M}\p{Z}\p{N}\p{P}]{0,})", R"([\p{L}\p{M}\p{Z}\p{N}\p{P}]{0,1024})");
constexpr Member kModelPackageSecurityConfigMembers[] = {{"KmsKeyId", &kKmsKeyId, true}};
constexpr Shape kModelPackageSecurityConfig = Structure("ModelPackageSecurityConfig", kModelPackageSecurityConfigMembers);
constexpr Shape kModelCardContent = String(0, 100000, ".*");
constexpr std::string_view kModelCardStatusValues[] = {
    "Draft", "PendingReview", "Approved", "Archived"};
constexpr Shape kModelCardStatus = Enum(kModelCardStatusValues);
constexpr Member kModelPackageModelCardMembers[] = {
    {"ModelCardContent", &kModelCardContent}, {"ModelCardStatus", &kModelCardStatus}};
constexpr Shape kModelPackageModelCard = Structure("ModelPackageModelCard", kModelPackageModelCardMembers);
constexpr Shape kStageDescription = String(0, 1024, ".{0,}", ".{0,1024}");
constexpr Member kModelLifeCycleMembers[] = {
    {"Stage", &kEntityName, true}, {"StageStatus", &kEntityName, true},
    {"StageDescription", &kStageDescription}};
constexpr Shape kModelLifeCycle = Structure("ModelLifeCycle", kModelLifeCycleMembers);
constexpr std::string_view kManagedStorageTypeValues[] = {"Restricted"};
constexpr Shape kManagedStorageType = Enum(kManagedStorageTypeValues);
constexpr Member kCreateModelPackageInputMembers[] = {
    {"ModelPackageName", &kEntityName}, {"ModelPackageGroupName", &kArnOrName},
    {"ModelPackageDescription", &kEntityDescription},
    {"ModelPackageRegistrationType", &kModelPackageRegistrationType},
    {"InferenceSpecification", &kInferenceSpecification},
    {"ValidationSpecification", &kModelPackageValidationSpecification},
    {"SourceAlgorithmSpecification", &kSourceAlgorithmSpecification},
    {"CertifyForMarketplace", &kCertifyForMarketplace}, {"Tags", &kTagList},
    {"ModelApprovalStatus", &kModelApprovalStatus}, {"MetadataProperties", &kMetadataProperties},
    {"ModelMetrics", &kModelMetrics}, {"ClientToken", &kClientToken}, {"Domain", &kString},
    {"Task", &kString}, {"SamplePayloadUrl", &kS3Uri},
    {"CustomerMetadataProperties", &kCustomerMetadataMap},
    {"DriftCheckBaselines", &kDriftCheckBaselines},
    {"AdditionalInferenceSpecifications", &kAdditionalInferenceSpecifications},
    {"SkipModelValidation", &kSkipModelValidation}, {"SourceUri", &kModelPackageSourceUri},
    {"SecurityConfig", &kModelPackageSecurityConfig}, {"ModelCard", &kModelPackageModelCard},
    {"ModelLifeCycle", &kModelLifeCycle}, {"ManagedStorageType", &kManagedStorageType}};
constexpr Shape kCreateModelPackageInput = Structure("CreateModelPackageInput", kCreateModelPackageInputMembers);
constexpr Member kCreateModelPackageOutputMembers[] = {
    {"ModelPackageArn", &kModelPackageArn, true}};
constexpr Shape kCreateModelPackageOutput = Structure("CreateModelPackageOutput", kCreateModelPackageOutputMembers);
constexpr Member kManagedConfigurationMembers[] = {{"ManagedStorageType", &kManagedStorageType}};
constexpr Shape kManagedConfiguration = Structure("ManagedConfiguration", kManagedConfigurationMembers);
constexpr Member kCreateModelPackageGroupInputMembers[] = {
    {"ModelPackageGroupName", &kEntityName, true},
    {"ModelPackageGroupDescription", &kEntityDescription}, {"Tags", &kTagList},
    {"ManagedConfiguration", &kManagedConfiguration}};
constexpr Shape kCreateModelPackageGroupInput = Structure("CreateModelPackageGroupInput", kCreateModelPackageGroupInputMembers);
constexpr Shape kModelPackageGroupArn = String(1, 2048, R"(arn:aws[a-z\-]*:sagemaker:[a-z0-9\-]{9,16}:[0-9]{12}:model-package-group/[\S]{1,})", R"(arn:aws[a-z\-]*:sagemaker:[a-z0-9\-]{9,16}:[0-9]{12}:model-package-group/[\S]{1,2048})");
constexpr Member kCreateModelPackageGroupOutputMembers[] = {
    {"ModelPackageGroupArn", &kModelPackageGroupArn, true}};
constexpr Shape kCreateModelPackageGroupOutput = Structure("CreateModelPackageGroupOutput", kCreateModelPackageGroupOutputMembers);
constexpr Member kModelQualityBaselineConfigMembers[] = {
    {"BaseliningJobName", &kProcessingJobName},
    {"ConstraintsResource", &kMonitoringConstraintsResource}};
constexpr Shape kModelQualityBaselineConfig = Structure("ModelQualityBaselineConfig", kModelQualityBaselineConfigMembers);
constexpr std::string_view kMonitoringProblemTypeValues[] = {
    "BinaryClassification", "MulticlassClassification", "Regression"};
constexpr Shape kMonitoringProblemType = Enum(kMonitoringProblemTypeValues);
constexpr Member kModelQualityAppSpecificationMembers[] = {
    {"ImageUri", &kImageUri, true}, {"ContainerEntrypoint", &kContainerEntrypoint},
    {"ContainerArguments", &kMonitoringContainerArguments},
    {"RecordPreprocessorSourceUri", &kS3Uri}, {"PostAnalyticsProcessorSourceUri", &kS3Uri},
    {"ProblemType", &kMonitoringProblemType}, {"Environment", &kMonitoringEnvironmentMap}};
constexpr Shape kModelQualityAppSpecification = Structure("ModelQualityAppSpecification", kModelQualityAppSpecificationMembers);
constexpr Member kModelQualityJobInputMembers[] = {
    {"EndpointInput", &kEndpointInput}, {"BatchTransformInput", &kBatchTransformInput},
    {"GroundTruthS3Input", &kMonitoringGroundTruthS3Input, true}};
constexpr Shape kModelQualityJobInput = Structure("ModelQualityJobInput", kModelQualityJobInputMembers);
constexpr Member kCreateModelQualityJobDefinitionRequestMembers[] = {
    {"JobDefinitionName", &kMonitoringJobDefinitionName, true},
    {"ModelQualityBaselineConfig", &kModelQualityBaselineConfig},
    {"ModelQualityAppSpecification", &kModelQualityAppSpecification, true},
    {"ModelQualityJobInput", &kModelQualityJobInput, true},
    {"ModelQualityJobOutputConfig", &kMonitoringOutputConfig, true},
    {"JobResources", &kMonitoringResources, true}, {"NetworkConfig", &kMonitoringNetworkConfig},
    {"RoleArn", &kRoleArn, true}, {"StoppingCondition", &kMonitoringStoppingCondition},
    {"Tags", &kTagList}};
constexpr Shape kCreateModelQualityJobDefinitionRequest = Structure("CreateModelQualityJobDefinitionRequest", kCreateModelQualityJobDefinitionRequestMembers);
constexpr Member kCreateModelQualityJobDefinitionResponseMembers[] = {
    {"JobDefinitionArn", &kMonitoringJobDefinitionArn, true}};
constexpr Shape kCreateModelQualityJobDefinitionResponse = Structure("CreateModelQualityJobDefinitionResponse", kCreateModelQualityJobDefinitionResponseMembers);
constexpr Shape kMonitoringScheduleName = String(1, 63, "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", "^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$");
constexpr Shape kScheduleExpression = String(1, 256);
constexpr Member kScheduleConfigMembers[] = {
    {"ScheduleExpression", &kScheduleExpression, true}, {"DataAnalysisStartTime", &kString},
    {"DataAnalysisEndTime", &kString}};
constexpr Shape kScheduleConfig = Structure("ScheduleConfig", kScheduleConfigMembers);
constexpr Member kMonitoringBaselineConfigMembers[] = {
    {"BaseliningJobName", &kProcessingJobName},
    {"ConstraintsResource", &kMonitoringConstraintsResource},
    {"StatisticsResource", &kMonitoringStatisticsResource}};
constexpr Shape kMonitoringBaselineConfig = Structure("MonitoringBaselineConfig", kMonitoringBaselineConfigMembers);
constexpr Member kMonitoringInputMembers[] = {
    {"EndpointInput", &kEndpointInput}, {"BatchTransformInput", &kBatchTransformInput}};
constexpr Shape kMonitoringInput = Structure("MonitoringInput", kMonitoringInputMembers);
constexpr Shape kMonitoringInputs = List(&kMonitoringInput, 1, 1);
constexpr Member kMonitoringAppSpecificationMembers[] = {
    {"ImageUri", &kImageUri, true}, {"ContainerEntrypoint", &kContainerEntrypoint},
    {"ContainerArguments", &kMonitoringContainerArguments},
    {"RecordPreprocessorSourceUri", &kS3Uri}, {"PostAnalyticsProcessorSourceUri", &kS3Uri}};
constexpr Shape kMonitoringAppSpecification = Structure("MonitoringAppSpecification", kMonitoringAppSpecificationMembers);
constexpr Member kNetworkConfigMembers[] = {
    {"EnableInterContainerTrafficEncryption", &kBoolean}, {"EnableNetworkIsolation", &kBoolean},
    {"VpcConfig", &kVpcConfig}};
constexpr Shape kNetworkConfig = Structure("NetworkConfig", kNetworkConfigMembers);
constexpr Member kMonitoringJobDefinitionMembers[] = {
    {"BaselineConfig", &kMonitoringBaselineConfig}, {"MonitoringInputs", &kMonitoringInputs, true},
    {"MonitoringOutputConfig", &kMonitoringOutputConfig, true},
    {"MonitoringResources", &kMonitoringResources, true},
    {"MonitoringAppSpecification", &kMonitoringAppSpecification, true},
    {"StoppingCondition", &kMonitoringStoppingCondition},
    {"Environment", &kMonitoringEnvironmentMap}, {"NetworkConfig", &kNetworkConfig},
    {"RoleArn", &kRoleArn, true}};
constexpr Shape kMonitoringJobDefinition = Structure("MonitoringJobDefinition", kMonitoringJobDefinitionMembers);
constexpr std::string_view kMonitoringTypeValues[] = {
    "DataQuality", "ModelQuality", "ModelBias", "ModelExplainability"};
constexpr Shape kMonitoringType = Enum(kMonitoringTypeValues);
constexpr Member kMonitoringScheduleConfigMembers[] = {
    {"ScheduleConfig", &kScheduleConfig}, {"MonitoringJobDefinition", &kMonitoringJobDefinition},
    {"MonitoringJobDefinitionName", &kMonitoringJobDefinitionName},
    {"MonitoringType", &kMonitoringType}};
constexpr Shape kMonitoringScheduleConfig = Structure("MonitoringScheduleConfig", kMonitoringScheduleConfigMembers);
constexpr Member kCreateMonitoringScheduleRequestMembers[] = {
    {"MonitoringScheduleName", &kMonitoringScheduleName, true},
    {"MonitoringScheduleConfig", &kMonitoringScheduleConfig, true}, {"Tags", &kTagList}};
constexpr Shape kCreateMonitoringScheduleRequest = Structure("CreateMonitoringScheduleRequest", kCreateMonitoringScheduleRequestMembers);
constexpr Shape kMonitoringScheduleArn = String(0, 256);
constexpr Member kCreateMonitoringScheduleResponseMembers[] = {
    {"MonitoringScheduleArn", &kMonitoringScheduleArn, true}};
constexpr Shape kCreateMonitoringScheduleResponse = Structure("CreateMonitoringScheduleResponse", kCreateMonitoringScheduleResponseMembers);
constexpr Shape kAppManaged = Boolean();
constexpr std::string_view kProcessingS3DataTypeValues[] = {"ManifestFile", "S3Prefix"};
constexpr Shape kProcessingS3DataType = Enum(kProcessingS3DataTypeValues);
constexpr std::string_view kProcessingS3CompressionTypeValues[] = {"None", "Gzip"};
constexpr Shape kProcessingS3CompressionType = Enum(kProcessingS3CompressionTypeValues);
constexpr Member kProcessingS3InputMembers[] = {
    {"S3Uri", &kS3Uri, true}, {"LocalPath", &kProcessingLocalPath},
    {"S3DataType", &kProcessingS3DataType, true}, {"S3InputMode", &kProcessingS3InputMode},
    {"S3DataDistributionType", &kProcessingS3DataDistributionType},
    {"S3CompressionType", &kProcessingS3CompressionType}};
constexpr Shape kProcessingS3Input = Structure("ProcessingS3Input", kProcessingS3InputMembers);
constexpr Shape kAthenaCatalog = String(1, 256, R"([\x{0020}-\x{D7FF}\x{E000}-\x{FFFD}\x{10000}-\x{10FFFF}\t]*)", R"([\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*)");
constexpr Shape kAthenaDatabase = String(1, 255, ".*");
constexpr Shape kAthenaQueryString = String(1, 4096, R"([\s\S]+)");
constexpr Shape kAthenaWorkGroup = String(1, 128, "[a-zA-Z0-9._-]+");
constexpr std::string_view kAthenaResultFormatValues[] = {
    "PARQUET", "ORC", "AVRO", "JSON", "TEXTFILE"};
constexpr Shape kAthenaResultFormat = Enum(kAthenaResultFormatValues);
constexpr std::string_view kAthenaResultCompressionTypeValues[] = {"GZIP", "SNAPPY", "ZLIB"};
constexpr Shape kAthenaResultCompressionType = Enum(kAthenaResultCompressionTypeValues);
constexpr Member kAthenaDatasetDefinitionMembers[] = {
    {"Catalog", &kAthenaCatalog, true}, {"Database", &kAthenaDatabase, true},
    {"QueryString", &kAthenaQueryString, true}, {"WorkGroup", &kAthenaWorkGroup},
    {"OutputS3Uri", &kS3Uri, true}, {"KmsKeyId", &kKmsKeyId},
    {"OutputFormat", &kAthenaResultFormat, true},
    {"OutputCompression", &kAthenaResultCompressionType}};
constexpr Shape kAthenaDatasetDefinition = Structure("AthenaDatasetDefinition", kAthenaDatasetDefinitionMembers);
constexpr Shape kRedshiftClusterId = String(1, 63, ".*");
constexpr Shape kRedshiftDatabase = String(1, 64, ".*");
constexpr Shape kRedshiftUserName = String(1, 128, ".*");
constexpr Shape kRedshiftQueryString = String(1, 4096, R"([\s\S]+)");
constexpr std::string_view kRedshiftResultFormatValues[] = {"PARQUET", "CSV"};
constexpr Shape kRedshiftResultFormat = Enum(kRedshiftResultFormatValues);
constexpr std::string_view kRedshiftResultCompressionTypeValues[] = {
    "None", "GZIP", "BZIP2", "ZSTD", "SNAPPY"};
constexpr Shape kRedshiftResultCompressionType = Enum(kRedshiftResultCompressionTypeValues);
constexpr Member kRedshiftDatasetDefinitionMembers[] = {
    {"ClusterId", &kRedshiftClusterId, true}, {"Database", &kRedshiftDatabase, true},
    {"DbUser", &kRedshiftUserName, true}, {"QueryString", &kRedshiftQueryString, true},
    {"ClusterRoleArn", &kRoleArn, true}, {"OutputS3Uri", &kS3Uri, true}, {"KmsKeyId", &kKmsKeyId},
    {"OutputFormat", &kRedshiftResultFormat, true},
    {"OutputCompression", &kRedshiftResultCompressionType}};
constexpr Shape kRedshiftDatasetDefinition = Structure("RedshiftDatasetDefinition", kRedshiftDatasetDefinitionMembers);
constexpr std::string_view kDataDistributionTypeValues[] = {"FullyReplicated", "ShardedByS3Key"};
constexpr Shape kDataDistributionType = Enum(kDataDistributionTypeValues);
constexpr std::string_view kInputModeValues[] = {"Pipe", "File"};
constexpr Shape kInputMode = Enum(kInputModeValues);
constexpr Member kDatasetDefinitionMembers[] = {
    {"AthenaDatasetDefinition", &kAthenaDatasetDefinition},
    {"RedshiftDatasetDefinition", &kRedshiftDatasetDefinition},
    {"LocalPath", &kProcessingLocalPath}, {"DataDistributionType", &kDataDistributionType},
    {"InputMode", &kInputMode}};
constexpr Shape kDatasetDefinition = Structure("DatasetDefinition", kDatasetDefinitionMembers);
constexpr Member kProcessingInputMembers[] = {
    {"InputName", &kString, true}, {"AppManaged", &kAppManaged}, {"S3Input", &kProcessingS3Input},
    {"DatasetDefinition", &kDatasetDefinition}};
constexpr Shape kProcessingInput = Structure("ProcessingInput", kProcessingInputMembers);
constexpr Shape kProcessingInputs = List(&kProcessingInput, 0, 10);
constexpr Member kProcessingS3OutputMembers[] = {
    {"S3Uri", &kS3Uri, true}, {"LocalPath", &kProcessingLocalPath},
    {"S3UploadMode", &kProcessingS3UploadMode, true}};
constexpr Shape kProcessingS3Output = Structure("ProcessingS3Output", kProcessingS3OutputMembers);
constexpr Shape kFeatureGroupName = String(1, 64, "[a-zA-Z0-9]([_-]*[a-zA-Z0-9]){0,63}");
constexpr Member kProcessingFeatureStoreOutputMembers[] = {
    {"FeatureGroupName", &kFeatureGroupName, true}};
constexpr Shape kProcessingFeatureStoreOutput = Structure("ProcessingFeatureStoreOutput", kProcessingFeatureStoreOutputMembers);
constexpr Member kProcessingOutputMembers[] = {
    {"OutputName", &kString, true}, {"S3Output", &kProcessingS3Output},
    {"FeatureStoreOutput", &kProcessingFeatureStoreOutput}, {"AppManaged", &kAppManaged}};
constexpr Shape kProcessingOutput = Structure("ProcessingOutput", kProcessingOutputMembers);
constexpr Shape kProcessingOutputs = List(&kProcessingOutput, 0, 10);
constexpr Member kProcessingOutputConfigMembers[] = {
    {"Outputs", &kProcessingOutputs, true}, {"KmsKeyId", &kKmsKeyId}};
constexpr Shape kProcessingOutputConfig = Structure("ProcessingOutputConfig", kProcessingOutputConfigMembers);
constexpr Member kProcessingInstancePreferenceMembers[] = {
    {"InstanceType", &kProcessingInstanceType, true}, {"InstanceCount", &kProcessingInstanceCount}};
constexpr Shape kProcessingInstancePreference = Structure("ProcessingInstancePreference", kProcessingInstancePreferenceMembers);
constexpr Shape kProcessingInstancePreferenceList = List(&kProcessingInstancePreference, 1, 5);
constexpr Member kProcessingClusterConfigMembers[] = {
    {"InstanceCount", &kProcessingInstanceCount}, {"InstanceType", &kProcessingInstanceType},
    {"VolumeSizeInGB", &kProcessingVolumeSizeInGB, true}, {"VolumeKmsKeyId", &kKmsKeyId},
    {"InstancePreferences", &kProcessingInstancePreferenceList},
    {"SelectedInstanceType", &kProcessingInstanceType},
    {"SelectedInstanceCount", &kProcessingInstanceCount}};
constexpr Shape kProcessingClusterConfig = Structure("ProcessingClusterConfig", kProcessingClusterConfigMembers);
constexpr Member kProcessingResourcesMembers[] = {
    {"ClusterConfig", &kProcessingClusterConfig, true}};
constexpr Shape kProcessingResources = Structure("ProcessingResources", kProcessingResourcesMembers);
constexpr Shape kProcessingMaxRuntimeInSeconds = Integer(1, 777600);
constexpr Member kProcessingStoppingConditionMembers[] = {
    {"MaxRuntimeInSeconds", &kProcessingMaxRuntimeInSeconds, true}};
constexpr Shape kProcessingStoppingCondition = Structure("ProcessingStoppingCondition", kProcessingStoppingConditionMembers);
constexpr Shape kContainerArguments = List(&kContainerArgument, 1, 100);
constexpr Member kAppSpecificationMembers[] = {
    {"ImageUri", &kImageUri, true}, {"ContainerEntrypoint", &kContainerEntrypoint},
    {"ContainerArguments", &kContainerArguments}};
constexpr Shape kAppSpecification = Structure("AppSpecification", kAppSpecificationMembers);
constexpr Shape kProcessingEnvironmentMap = Map(&kProcessingEnvironmentKey, &kProcessingEnvironmentValue, 0, 100);
constexpr Member kExperimentConfigMembers[] = {
    {"ExperimentName", &kExperimentEntityName}, {"TrialName", &kExperimentEntityName},
    {"TrialComponentDisplayName", &kExperimentEntityName}, {"RunName", &kExperimentEntityName}};
constexpr Shape kExperimentConfig = Structure("ExperimentConfig", kExperimentConfigMembers);
constexpr Member kCreateProcessingJobRequestMembers[] = {
    {"ProcessingInputs", &kProcessingInputs}, {"ProcessingOutputConfig", &kProcessingOutputConfig},
    {"ProcessingJobName", &kProcessingJobName, true},
    {"ProcessingResources", &kProcessingResources, true},
    {"StoppingCondition", &kProcessingStoppingCondition},
    {"AppSpecification", &kAppSpecification, true}, {"Environment", &kProcessingEnvironmentMap},
    {"NetworkConfig", &kNetworkConfig}, {"RoleArn", &kRoleArn, true}, {"Tags", &kTagList},
    {"ExperimentConfig", &kExperimentConfig}};
constexpr Shape kCreateProcessingJobRequest = Structure("CreateProcessingJobRequest", kCreateProcessingJobRequestMembers);
constexpr Shape kProcessingJobArn = String(0, 256);
constexpr Member kCreateProcessingJobResponseMembers[] = {
    {"ProcessingJobArn", &kProcessingJobArn, true}};
constexpr Shape kCreateProcessingJobResponse = Structure("CreateProcessingJobResponse", kCreateProcessingJobResponseMembers);
constexpr Shape kTrainingJobName = String(1, 63, "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", "^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}");
constexpr Shape kTrainingContainerEntrypointString = String(0, 256, ".*");
constexpr Shape kTrainingContainerEntrypoint = List(&kTrainingContainerEntrypointString, 1, 100);
constexpr Shape kTrainingContainerArgument = String(0, 256, ".*");
constexpr Shape kTrainingContainerArguments = List(&kTrainingContainerArgument, 1, 100);
constexpr std::string_view kTrainingRepositoryAccessModeValues[] = {"Platform", "Vpc"};
constexpr Shape kTrainingRepositoryAccessMode = Enum(kTrainingRepositoryAccessModeValues);
constexpr Shape kTrainingRepositoryCredentialsProviderArn = String(1, 2048, R"(arn:[[:alnum:]\-]+:lambda:[[:alnum:]\-]+:[0-9]{12}:function:.*)", R"(arn:[\p{Alnum}\-]+:lambda:[\p{Alnum}\-]+:[0-9]{12}:function:.*)");
constexpr Member kTrainingRepositoryAuthConfigMembers[] = {
    {"TrainingRepositoryCredentialsProviderArn", &kTrainingRepositoryCredentialsProviderArn, true}};
constexpr Shape kTrainingRepositoryAuthConfig = Structure("TrainingRepositoryAuthConfig", kTrainingRepositoryAuthConfigMembers);
constexpr Member kTrainingImageConfigMembers[] = {
    {"TrainingRepositoryAccessMode", &kTrainingRepositoryAccessMode, true},
    {"TrainingRepositoryAuthConfig", &kTrainingRepositoryAuthConfig}};
constexpr Shape kTrainingImageConfig = Structure("TrainingImageConfig", kTrainingImageConfigMembers);
constexpr Member kAlgorithmSpecificationMembers[] = {
    {"TrainingImage", &kAlgorithmImage}, {"AlgorithmName", &kArnOrName},
    {"TrainingInputMode", &kTrainingInputMode, true}, {"MetricDefinitions", &kMetricDefinitionList},
    {"EnableSageMakerMetricsTimeSeries", &kBoolean},
    {"ContainerEntrypoint", &kTrainingContainerEntrypoint},
    {"ContainerArguments", &kTrainingContainerArguments},
    {"TrainingImageConfig", &kTrainingImageConfig}};
constexpr Shape kAlgorithmSpecification = Structure("AlgorithmSpecification", kAlgorithmSpecificationMembers);
constexpr Shape kConfigKey = String(1, 256, ".*");
constexpr Shape kConfigValue = String(0, 256, ".*");
constexpr Shape kHookParameters = Map(&kConfigKey, &kConfigValue, 0, 20);
constexpr Shape kCollectionName = String(1, 256, ".*");
constexpr Shape kCollectionParameters = Map(&kConfigKey, &kConfigValue, 0, 20);
constexpr Member kCollectionConfigurationMembers[] = {
    {"CollectionName", &kCollectionName}, {"CollectionParameters", &kCollectionParameters}};
constexpr Shape kCollectionConfiguration = Structure("CollectionConfiguration", kCollectionConfigurationMembers);
constexpr Shape kCollectionConfigurations = List(&kCollectionConfiguration, 0, 20);
constexpr Member kDebugHookConfigMembers[] = {
    {"LocalPath", &kDirectoryPath}, {"S3OutputPath", &kS3Uri, true},
    {"HookParameters", &kHookParameters}, {"CollectionConfigurations", &kCollectionConfigurations}};
constexpr Shape kDebugHookConfig = Structure("DebugHookConfig", kDebugHookConfigMembers);
constexpr Shape kRuleConfigurationName = String(1, 256, ".*");
constexpr Shape kRuleParameterValue = String(0, 8192, ".*");
constexpr Shape kRuleParameters = Map(&kConfigKey, &kRuleParameterValue, 0, 100);
constexpr Member kDebugRuleConfigurationMembers[] = {
    {"RuleConfigurationName", &kRuleConfigurationName, true}, {"LocalPath", &kDirectoryPath},
    {"S3OutputPath", &kS3Uri}, {"RuleEvaluatorImage", &kAlgorithmImage, true},
    {"InstanceType", &kProcessingInstanceType}, {"VolumeSizeInGB", &kOptionalVolumeSizeInGB},
    {"RuleParameters", &kRuleParameters}};
constexpr Shape kDebugRuleConfiguration = Structure("DebugRuleConfiguration", kDebugRuleConfigurationMembers);
constexpr Shape kDebugRuleConfigurations = List(&kDebugRuleConfiguration, 0, 20);
constexpr Member kTensorBoardOutputConfigMembers[] = {
    {"LocalPath", &kDirectoryPath}, {"S3OutputPath", &kS3Uri, true}};
constexpr Shape kTensorBoardOutputConfig = Structure("TensorBoardOutputConfig", kTensorBoardOutputConfigMembers);
constexpr Shape kProfilingIntervalInMilliseconds = Long();
constexpr Shape kProfilingParameters = Map(&kConfigKey, &kConfigValue, 0, 20);
constexpr Shape kDisableProfiler = Boolean();
constexpr Member kProfilerConfigMembers[] = {
    {"S3OutputPath", &kS3Uri},
    {"ProfilingIntervalInMilliseconds", &kProfilingIntervalInMilliseconds},
    {"ProfilingParameters", &kProfilingParameters}, {"DisableProfiler", &kDisableProfiler}};
constexpr Shape kProfilerConfig = Structure("ProfilerConfig", kProfilerConfigMembers);
constexpr Member kProfilerRuleConfigurationMembers[] = {
    {"RuleConfigurationName", &kRuleConfigurationName, true}, {"LocalPath", &kDirectoryPath},
    {"S3OutputPath", &kS3Uri}, {"RuleEvaluatorImage", &kAlgorithmImage, true},
    {"InstanceType", &kProcessingInstanceType}, {"VolumeSizeInGB", &kOptionalVolumeSizeInGB},
    {"RuleParameters", &kRuleParameters}};
constexpr Shape kProfilerRuleConfiguration = Structure("ProfilerRuleConfiguration", kProfilerRuleConfigurationMembers);
constexpr Shape kProfilerRuleConfigurations = List(&kProfilerRuleConfiguration, 0, 20);
constexpr Shape kTrainingEnvironmentKey = String(0, 512, "[a-zA-Z_][a-zA-Z0-9_]*");
constexpr Shape kTrainingEnvironmentValue = String(0, 512, R"([\S\s]*)");
constexpr Shape kTrainingEnvironmentMap = Map(&kTrainingEnvironmentKey, &kTrainingEnvironmentValue, 0, 100);
constexpr Shape kEnableRemoteDebug = Boolean();
constexpr Member kRemoteDebugConfigMembers[] = {{"EnableRemoteDebug", &kEnableRemoteDebug}};
constexpr Shape kRemoteDebugConfig = Structure("RemoteDebugConfig", kRemoteDebugConfigMembers);
constexpr Shape kEnableInfraCheck = Boolean();
constexpr Member kInfraCheckConfigMembers[] = {{"EnableInfraCheck", &kEnableInfraCheck}};
constexpr Shape kInfraCheckConfig = Structure("InfraCheckConfig", kInfraCheckConfigMembers);
constexpr Shape kEnableSessionTagChaining = Boolean();
constexpr Member kSessionChainingConfigMembers[] = {
    {"EnableSessionTagChaining", &kEnableSessionTagChaining}};
constexpr Shape kSessionChainingConfig = Structure("SessionChainingConfig", kSessionChainingConfigMembers);
constexpr Shape kServerlessJobBaseModelArn = String(1, 2048, R"((arn:[a-z0-9-\.]{1,63}:sagemaker:\w+(?:-\w+)+:(\d{12}|aws):hub-content\/)[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}\/Model\/[a-zA-Z0-9](-*[a-zA-Z0-9]){0,63}(\/\d{1,4}.\d{1,4}.\d{1,4})?)");
constexpr std::string_view kServerlessJobTypeValues[] = {"FineTuning", "Evaluation"};
constexpr Shape kServerlessJobType = Enum(kServerlessJobTypeValues);
constexpr std::string_view kCustomizationTechniqueValues[] = {"SFT", "DPO", "RLVR", "RLAIF"};
constexpr Shape kCustomizationTechnique = Enum(kCustomizationTechniqueValues);
constexpr std::string_view kPeftValues[] = {"LORA"};
constexpr Shape kPeft = Enum(kPeftValues);
constexpr std::string_view kEvaluationTypeValues[] = {
    "LLMAJEvaluation", "CustomScorerEvaluation", "BenchmarkEvaluation"};
constexpr Shape kEvaluationType = Enum(kEvaluationTypeValues);
constexpr Shape kEvaluatorArn = String(kNoMin, kNoMax, ".*");
constexpr Shape kSequenceLength = String(1, 50, R"(\d+K)");
constexpr Member kServerlessJobConfigMembers[] = {
    {"BaseModelArn", &kServerlessJobBaseModelArn, true}, {"AcceptEula", &kAcceptEula},
    {"JobType", &kServerlessJobType, true}, {"CustomizationTechnique", &kCustomizationTechnique},
    {"Peft", &kPeft}, {"EvaluationType", &kEvaluationType}, {"EvaluatorArn", &kEvaluatorArn},
    {"SequenceLength", &kSequenceLength}};
constexpr Shape kServerlessJobConfig = Structure("ServerlessJobConfig", kServerlessJobConfigMembers);
constexpr Shape kMlFlowResourceArn = String(0, 2048, R"(arn:aws[a-z\-]*:sagemaker:[a-z0-9\-]*:[0-9]{12}:mlflow-[a-zA-Z-]*/.*)");
constexpr Shape kMlflowExperimentName = String(1, 256, ".*");
constexpr Shape kMlflowRunName = String(1, 256, ".*");
constexpr Member kMlflowConfigMembers[] = {
    {"MlflowResourceArn", &kMlFlowResourceArn, true},
    {"MlflowExperimentName", &kMlflowExperimentName}, {"MlflowRunName", &kMlflowRunName}};
constexpr Shape kMlflowConfig = Structure("MlflowConfig", kMlflowConfigMembers);
constexpr Member kModelPackageConfigMembers[] = {
    {"ModelPackageGroupArn", &kModelPackageGroupArn, true},
    {"SourceModelPackageArn", &kModelPackageArn}};
constexpr Shape kModelPackageConfig = Structure("ModelPackageConfig", kModelPackageConfigMembers);
constexpr Member kCreateTrainingJobRequestMembers[] = {
    {"TrainingJobName", &kTrainingJobName, true}, {"HyperParameters", &kHyperParameters},
    {"AlgorithmSpecification", &kAlgorithmSpecification, true}, {"RoleArn", &kRoleArn, true},
    {"InputDataConfig", &kInputDataConfig}, {"OutputDataConfig", &kOutputDataConfig, true},
    {"ResourceConfig", &kResourceConfig, true}, {"VpcConfig", &kVpcConfig},
    {"StoppingCondition", &kStoppingCondition}, {"Tags", &kTagList},
    {"EnableNetworkIsolation", &kBoolean}, {"EnableInterContainerTrafficEncryption", &kBoolean},
    {"EnableManagedSpotTraining", &kBoolean}, {"CheckpointConfig", &kCheckpointConfig},
    {"DebugHookConfig", &kDebugHookConfig}, {"DebugRuleConfigurations", &kDebugRuleConfigurations},
    {"TensorBoardOutputConfig", &kTensorBoardOutputConfig},
    {"ExperimentConfig", &kExperimentConfig}, {"ProfilerConfig", &kProfilerConfig},
    {"ProfilerRuleConfigurations", &kProfilerRuleConfigurations},
    {"Environment", &kTrainingEnvironmentMap}, {"RetryStrategy", &kRetryStrategy},
    {"RemoteDebugConfig", &kRemoteDebugConfig}, {"InfraCheckConfig", &kInfraCheckConfig},
    {"SessionChainingConfig", &kSessionChainingConfig},
    {"ServerlessJobConfig", &kServerlessJobConfig}, {"MlflowConfig", &kMlflowConfig},
    {"ModelPackageConfig", &kModelPackageConfig}};
constexpr Shape kCreateTrainingJobRequest = Structure("CreateTrainingJobRequest", kCreateTrainingJobRequestMembers);
constexpr Shape kTrainingJobArn = String(0, 256);
constexpr Member kCreateTrainingJobResponseMembers[] = {{"TrainingJobArn", &kTrainingJobArn, true}};
constexpr Shape kCreateTrainingJobResponse = Structure("CreateTrainingJobResponse", kCreateTrainingJobResponseMembers);
constexpr Shape kTransformJobName = String(1, 63, "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", "^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}");
constexpr Shape kInvocationsTimeoutInSeconds = Integer(1, 3600);
constexpr Shape kInvocationsMaxRetries = Integer(0, 3);
constexpr Member kModelClientConfigMembers[] = {
    {"InvocationsTimeoutInSeconds", &kInvocationsTimeoutInSeconds},
    {"InvocationsMaxRetries", &kInvocationsMaxRetries}};
constexpr Shape kModelClientConfig = Structure("ModelClientConfig", kModelClientConfigMembers);
constexpr Member kBatchDataCaptureConfigMembers[] = {
    {"DestinationS3Uri", &kS3Uri, true}, {"KmsKeyId", &kKmsKeyId},
    {"GenerateInferenceId", &kBoolean}};
constexpr Shape kBatchDataCaptureConfig = Structure("BatchDataCaptureConfig", kBatchDataCaptureConfigMembers);
constexpr Shape kJsonPath = String(0, 63);
constexpr std::string_view kJoinSourceValues[] = {"Input", "None"};
constexpr Shape kJoinSource = Enum(kJoinSourceValues);
constexpr Member kDataProcessingMembers[] = {
    {"InputFilter", &kJsonPath}, {"OutputFilter", &kJsonPath}, {"JoinSource", &kJoinSource}};
constexpr Shape kDataProcessing = Structure("DataProcessing", kDataProcessingMembers);
constexpr Member kCreateTransformJobRequestMembers[] = {
    {"TransformJobName", &kTransformJobName, true}, {"ModelName", &kModelName, true},
    {"MaxConcurrentTransforms", &kMaxConcurrentTransforms},
    {"ModelClientConfig", &kModelClientConfig}, {"MaxPayloadInMB", &kMaxPayloadInMB},
    {"BatchStrategy", &kBatchStrategy}, {"Environment", &kTransformEnvironmentMap},
    {"TransformInput", &kTransformInput, true}, {"TransformOutput", &kTransformOutput, true},
    {"DataCaptureConfig", &kBatchDataCaptureConfig},
    {"TransformResources", &kTransformResources, true}, {"DataProcessing", &kDataProcessing},
    {"Tags", &kTagList}, {"ExperimentConfig", &kExperimentConfig}};
constexpr Shape kCreateTransformJobRequest = Structure("CreateTransformJobRequest", kCreateTransformJobRequestMembers);
constexpr Shape kTransformJobArn = String(0, 256);
constexpr Member kCreateTransformJobResponseMembers[] = {
    {"TransformJobArn", &kTransformJobArn, true}};
constexpr Shape kCreateTransformJobResponse = Structure("CreateTransformJobResponse", kCreateTransformJobResponseMembers);
constexpr Member kCreateTrialRequestMembers[] = {
    {"TrialName", &kExperimentEntityName, true}, {"DisplayName", &kExperimentEntityName},
    {"ExperimentName", &kExperimentEntityName, true}, {"MetadataProperties", &kMetadataProperties},
    {"Tags", &kTagList}};
constexpr Shape kCreateTrialRequest = Structure("CreateTrialRequest", kCreateTrialRequestMembers);
constexpr Member kCreateTrialResponseMembers[] = {{"TrialArn", &kTrialArn}};
constexpr Shape kCreateTrialResponse = Structure("CreateTrialResponse", kCreateTrialResponseMembers);
constexpr std::string_view kTrialComponentPrimaryStatusValues[] = {
    "InProgress", "Completed", "Failed", "Stopping", "Stopped"};
constexpr Shape kTrialComponentPrimaryStatus = Enum(kTrialComponentPrimaryStatusValues);
constexpr Shape kTrialComponentStatusMessage = String(0, 1024, ".*");
constexpr Member kTrialComponentStatusMembers[] = {
    {"PrimaryStatus", &kTrialComponentPrimaryStatus}, {"Message", &kTrialComponentStatusMessage}};
constexpr Shape kTrialComponentStatus = Structure("TrialComponentStatus", kTrialComponentStatusMembers);
constexpr Shape kTimestamp = Timestamp();
constexpr Shape kTrialComponentKey320 = String(0, 320, ".*");
constexpr Shape kDoubleParameterValue = Double();
constexpr Member kTrialComponentParameterValueMembers[] = {
    {"StringValue", &kStringParameterValue}, {"NumberValue", &kDoubleParameterValue}};
constexpr Shape kTrialComponentParameterValue = Structure("TrialComponentParameterValue", kTrialComponentParameterValueMembers);
constexpr Shape kTrialComponentParameters = Map(&kTrialComponentKey320, &kTrialComponentParameterValue, 0, 300);
constexpr Shape kTrialComponentKey128 = String(0, 128, ".*");
constexpr Shape kMediaType = String(0, 64, R"([-\w]+\/[-\w+]+)");
constexpr Shape kTrialComponentArtifactValue = String(0, 2048, ".*");
constexpr Member kTrialComponentArtifactMembers[] = {
    {"MediaType", &kMediaType}, {"Value", &kTrialComponentArtifactValue, true}};
constexpr Shape kTrialComponentArtifact = Structure("TrialComponentArtifact", kTrialComponentArtifactMembers);
constexpr Shape kTrialComponentArtifacts = Map(&kTrialComponentKey128, &kTrialComponentArtifact, 0, 60);
constexpr Member kCreateTrialComponentRequestMembers[] = {
    {"TrialComponentName", &kExperimentEntityName, true}, {"DisplayName", &kExperimentEntityName},
    {"Status", &kTrialComponentStatus}, {"StartTime", &kTimestamp}, {"EndTime", &kTimestamp},
    {"Parameters", &kTrialComponentParameters}, {"InputArtifacts", &kTrialComponentArtifacts},
    {"OutputArtifacts", &kTrialComponentArtifacts}, {"MetadataProperties", &kMetadataProperties},
    {"Tags", &kTagList}};
constexpr Shape kCreateTrialComponentRequest = Structure("CreateTrialComponentRequest", kCreateTrialComponentRequestMembers);
constexpr Member kCreateTrialComponentResponseMembers[] = {
    {"TrialComponentArn", &kTrialComponentArn}};
constexpr Shape kCreateTrialComponentResponse = Structure("CreateTrialComponentResponse", kCreateTrialComponentResponseMembers);
constexpr Member kDeleteAlgorithmInputMembers[] = {{"AlgorithmName", &kEntityName, true}};
constexpr Shape kDeleteAlgorithmInput = Structure("DeleteAlgorithmInput", kDeleteAlgorithmInputMembers);
constexpr Member kDeleteArtifactRequestMembers[] = {
    {"ArtifactArn", &kArtifactArn}, {"Source", &kArtifactSource}};
constexpr Shape kDeleteArtifactRequest = Structure("DeleteArtifactRequest", kDeleteArtifactRequestMembers);
constexpr Member kDeleteArtifactResponseMembers[] = {{"ArtifactArn", &kArtifactArn}};
constexpr Shape kDeleteArtifactResponse = Structure("DeleteArtifactResponse", kDeleteArtifactResponseMembers);
constexpr Member kDeleteAssociationRequestMembers[] = {
    {"SourceArn", &kAssociationEntityArn, true}, {"DestinationArn", &kAssociationEntityArn, true}};
constexpr Shape kDeleteAssociationRequest = Structure("DeleteAssociationRequest", kDeleteAssociationRequestMembers);
constexpr Member kDeleteAssociationResponseMembers[] = {
    {"SourceArn", &kAssociationEntityArn}, {"DestinationArn", &kAssociationEntityArn}};
constexpr Shape kDeleteAssociationResponse = Structure("DeleteAssociationResponse", kDeleteAssociationResponseMembers);
constexpr Member kDeleteDataQualityJobDefinitionRequestMembers[] = {
    {"JobDefinitionName", &kMonitoringJobDefinitionName, true}};
constexpr Shape kDeleteDataQualityJobDefinitionRequest = Structure("DeleteDataQualityJobDefinitionRequest", kDeleteDataQualityJobDefinitionRequestMembers);
constexpr Member kDeleteEndpointInputMembers[] = {{"EndpointName", &kEndpointName, true}};
constexpr Shape kDeleteEndpointInput = Structure("DeleteEndpointInput", kDeleteEndpointInputMembers);
constexpr Member kDeleteEndpointConfigInputMembers[] = {
    {"EndpointConfigName", &kEndpointConfigName, true}};
constexpr Shape kDeleteEndpointConfigInput = Structure("DeleteEndpointConfigInput", kDeleteEndpointConfigInputMembers);
constexpr Member kDeleteExperimentRequestMembers[] = {
    {"ExperimentName", &kExperimentEntityName, true}};
constexpr Shape kDeleteExperimentRequest = Structure("DeleteExperimentRequest", kDeleteExperimentRequestMembers);
constexpr Member kDeleteExperimentResponseMembers[] = {{"ExperimentArn", &kExperimentArn}};
constexpr Shape kDeleteExperimentResponse = Structure("DeleteExperimentResponse", kDeleteExperimentResponseMembers);
constexpr Member kDeleteHyperParameterTuningJobRequestMembers[] = {
    {"HyperParameterTuningJobName", &kHyperParameterTuningJobName, true}};
constexpr Shape kDeleteHyperParameterTuningJobRequest = Structure("DeleteHyperParameterTuningJobRequest", kDeleteHyperParameterTuningJobRequestMembers);
constexpr Member kDeleteInferenceComponentInputMembers[] = {
    {"InferenceComponentName", &kInferenceComponentName, true}};
constexpr Shape kDeleteInferenceComponentInput = Structure("DeleteInferenceComponentInput", kDeleteInferenceComponentInputMembers);
constexpr Member kDeleteModelInputMembers[] = {{"ModelName", &kModelName, true}};
constexpr Shape kDeleteModelInput = Structure("DeleteModelInput", kDeleteModelInputMembers);
constexpr Member kDeleteModelBiasJobDefinitionRequestMembers[] = {
    {"JobDefinitionName", &kMonitoringJobDefinitionName, true}};
constexpr Shape kDeleteModelBiasJobDefinitionRequest = Structure("DeleteModelBiasJobDefinitionRequest", kDeleteModelBiasJobDefinitionRequestMembers);
constexpr Member kDeleteModelExplainabilityJobDefinitionRequestMembers[] = {
    {"JobDefinitionName", &kMonitoringJobDefinitionName, true}};
constexpr Shape kDeleteModelExplainabilityJobDefinitionRequest = Structure("DeleteModelExplainabilityJobDefinitionRequest", kDeleteModelExplainabilityJobDefinitionRequestMembers);
constexpr Member kDeleteModelPackageInputMembers[] = {
    {"ModelPackageName", &kVersionedArnOrName, true}};
constexpr Shape kDeleteModelPackageInput = Structure("DeleteModelPackageInput", kDeleteModelPackageInputMembers);
constexpr Member kDeleteModelPackageGroupInputMembers[] = {
    {"ModelPackageGroupName", &kArnOrName, true}};
constexpr Shape kDeleteModelPackageGroupInput = Structure("DeleteModelPackageGroupInput", kDeleteModelPackageGroupInputMembers);
constexpr Member kDeleteModelPackageGroupPolicyInputMembers[] = {
    {"ModelPackageGroupName", &kEntityName, true}};
constexpr Shape kDeleteModelPackageGroupPolicyInput = Structure("DeleteModelPackageGroupPolicyInput", kDeleteModelPackageGroupPolicyInputMembers);
constexpr Member kDeleteModelQualityJobDefinitionRequestMembers[] = {
    {"JobDefinitionName", &kMonitoringJobDefinitionName, true}};
constexpr Shape kDeleteModelQualityJobDefinitionRequest = Structure("DeleteModelQualityJobDefinitionRequest", kDeleteModelQualityJobDefinitionRequestMembers);
constexpr Member kDeleteMonitoringScheduleRequestMembers[] = {
    {"MonitoringScheduleName", &kMonitoringScheduleName, true}};
constexpr Shape kDeleteMonitoringScheduleRequest = Structure("DeleteMonitoringScheduleRequest", kDeleteMonitoringScheduleRequestMembers);
constexpr Member kDeleteProcessingJobRequestMembers[] = {
    {"ProcessingJobName", &kProcessingJobName, true}};
constexpr Shape kDeleteProcessingJobRequest = Structure("DeleteProcessingJobRequest", kDeleteProcessingJobRequestMembers);
constexpr Shape kTagKeyList = List(&kTagKey, 1, 50);
constexpr Member kDeleteTagsInputMembers[] = {
    {"ResourceArn", &kResourceArn, true}, {"TagKeys", &kTagKeyList, true}};
constexpr Shape kDeleteTagsInput = Structure("DeleteTagsInput", kDeleteTagsInputMembers);
constexpr Shape kDeleteTagsOutput = Structure("DeleteTagsOutput");
constexpr Member kDeleteTrainingJobRequestMembers[] = {
    {"TrainingJobName", &kTrainingJobName, true}};
constexpr Shape kDeleteTrainingJobRequest = Structure("DeleteTrainingJobRequest", kDeleteTrainingJobRequestMembers);
constexpr Member kDeleteTrialRequestMembers[] = {{"TrialName", &kExperimentEntityName, true}};
constexpr Shape kDeleteTrialRequest = Structure("DeleteTrialRequest", kDeleteTrialRequestMembers);
constexpr Member kDeleteTrialResponseMembers[] = {{"TrialArn", &kTrialArn}};
constexpr Shape kDeleteTrialResponse = Structure("DeleteTrialResponse", kDeleteTrialResponseMembers);
constexpr Member kDeleteTrialComponentRequestMembers[] = {
    {"TrialComponentName", &kExperimentEntityName, true}};
constexpr Shape kDeleteTrialComponentRequest = Structure("DeleteTrialComponentRequest", kDeleteTrialComponentRequestMembers);
constexpr Member kDeleteTrialComponentResponseMembers[] = {
    {"TrialComponentArn", &kTrialComponentArn}};
constexpr Shape kDeleteTrialComponentResponse = Structure("DeleteTrialComponentResponse", kDeleteTrialComponentResponseMembers);
constexpr Member kDescribeAlgorithmInputMembers[] = {{"AlgorithmName", &kArnOrName, true}};
constexpr Shape kDescribeAlgorithmInput = Structure("DescribeAlgorithmInput", kDescribeAlgorithmInputMembers);
constexpr std::string_view kAlgorithmStatusValues[] = {
    "Pending", "InProgress", "Completed", "Failed", "Deleting"};
constexpr Shape kAlgorithmStatus = Enum(kAlgorithmStatusValues);
constexpr std::string_view kDetailedAlgorithmStatusValues[] = {
    "NotStarted", "InProgress", "Completed", "Failed"};
constexpr Shape kDetailedAlgorithmStatus = Enum(kDetailedAlgorithmStatusValues);
constexpr Member kAlgorithmStatusItemMembers[] = {
    {"Name", &kEntityName, true}, {"Status", &kDetailedAlgorithmStatus, true},
    {"FailureReason", &kString}};
constexpr Shape kAlgorithmStatusItem = Structure("AlgorithmStatusItem", kAlgorithmStatusItemMembers);
constexpr Shape kAlgorithmStatusItemList = List(&kAlgorithmStatusItem);
constexpr Member kAlgorithmStatusDetailsMembers[] = {
    {"ValidationStatuses", &kAlgorithmStatusItemList},
    {"ImageScanStatuses", &kAlgorithmStatusItemList}};
constexpr Shape kAlgorithmStatusDetails = Structure("AlgorithmStatusDetails", kAlgorithmStatusDetailsMembers);
constexpr Member kDescribeAlgorithmOutputMembers[] = {
    {"AlgorithmName", &kEntityName, true}, {"AlgorithmArn", &kAlgorithmArn, true},
    {"AlgorithmDescription", &kEntityDescription}, {"CreationTime", &kCreationTime, true},
    {"TrainingSpecification", &kTrainingSpecification, true},
    {"InferenceSpecification", &kInferenceSpecification},
    {"ValidationSpecification", &kAlgorithmValidationSpecification},
    {"AlgorithmStatus", &kAlgorithmStatus, true},
    {"AlgorithmStatusDetails", &kAlgorithmStatusDetails, true}, {"ProductId", &kProductId},
    {"CertifyForMarketplace", &kCertifyForMarketplace}};
constexpr Shape kDescribeAlgorithmOutput = Structure("DescribeAlgorithmOutput", kDescribeAlgorithmOutputMembers);
constexpr Member kDescribeArtifactRequestMembers[] = {{"ArtifactArn", &kArtifactArn, true}};
constexpr Shape kDescribeArtifactRequest = Structure("DescribeArtifactRequest", kDescribeArtifactRequestMembers);
constexpr Shape kExperimentEntityNameOrArn = String(1, 256, R"((arn:aws[a-z\-]*:sagemaker:[a-z0-9\-]*:[0-9]{12}:(experiment|experiment-trial|experiment-trial-component|artifact|action|context)\/)?([a-zA-Z0-9](-*[a-zA-Z0-9]){0,119}))");
constexpr Shape kLineageEntityParameters = Map(&kStringParameterValue, &kStringParameterValue, 0, 30);
constexpr Member kIamIdentityMembers[] = {
    {"Arn", &kString}, {"PrincipalId", &kString}, {"SourceIdentity", &kString}};
constexpr Shape kIamIdentity = Structure("IamIdentity", kIamIdentityMembers);
constexpr Member kUserContextMembers[] = {
    {"UserProfileArn", &kString}, {"UserProfileName", &kString}, {"DomainId", &kString},
    {"IamIdentity", &kIamIdentity}};
constexpr Shape kUserContext = Structure("UserContext", kUserContextMembers);
constexpr Shape kLineageGroupArn = String(0, 256);
constexpr Member kDescribeArtifactResponseMembers[] = {
    {"ArtifactName", &kExperimentEntityNameOrArn}, {"ArtifactArn", &kArtifactArn},
    {"Source", &kArtifactSource}, {"ArtifactType", &kString256},
    {"Properties", &kLineageEntityParameters}, {"CreationTime", &kTimestamp},
    {"CreatedBy", &kUserContext}, {"LastModifiedTime", &kTimestamp},
    {"LastModifiedBy", &kUserContext}, {"MetadataProperties", &kMetadataProperties},
    {"LineageGroupArn", &kLineageGroupArn}};
constexpr Shape kDescribeArtifactResponse = Structure("DescribeArtifactResponse", kDescribeArtifactResponseMembers);
constexpr Member kDescribeAutoMLJobRequestMembers[] = {{"AutoMLJobName", &kAutoMLJobName, true}};
constexpr Shape kDescribeAutoMLJobRequest = Structure("DescribeAutoMLJobRequest", kDescribeAutoMLJobRequestMembers);
constexpr Shape kAutoMLFailureReason = String(0, 1024);
constexpr Member kAutoMLPartialFailureReasonMembers[] = {
    {"PartialFailureMessage", &kAutoMLFailureReason}};
constexpr Shape kAutoMLPartialFailureReason = Structure("AutoMLPartialFailureReason", kAutoMLPartialFailureReasonMembers);
constexpr Shape kAutoMLPartialFailureReasons = List(&kAutoMLPartialFailureReason, 1, 5);
constexpr Shape kCandidateName = String(1, 64);
constexpr std::string_view kAutoMLJobObjectiveTypeValues[] = {"Maximize", "Minimize"};
constexpr Shape kAutoMLJobObjectiveType = Enum(kAutoMLJobObjectiveTypeValues);
constexpr Shape kMetricValue = Float();
constexpr Member kFinalAutoMLJobObjectiveMetricMembers[] = {
    {"Type", &kAutoMLJobObjectiveType}, {"MetricName", &kAutoMLMetricEnum, true},
    {"Value", &kMetricValue, true}, {"StandardMetricName", &kAutoMLMetricEnum}};
constexpr Shape kFinalAutoMLJobObjectiveMetric = Structure("FinalAutoMLJobObjectiveMetric", kFinalAutoMLJobObjectiveMetricMembers);
constexpr std::string_view kObjectiveStatusValues[] = {"Succeeded", "Pending", "Failed"};
constexpr Shape kObjectiveStatus = Enum(kObjectiveStatusValues);
constexpr std::string_view kCandidateStepTypeValues[] = {
    "AWS::SageMaker::TrainingJob", "AWS::SageMaker::TransformJob", "AWS::SageMaker::ProcessingJob"};
constexpr Shape kCandidateStepType = Enum(kCandidateStepTypeValues);
constexpr Shape kCandidateStepArn = String(1, 256);
constexpr Shape kCandidateStepName = String(1, 64);
constexpr Member kAutoMLCandidateStepMembers[] = {
    {"CandidateStepType", &kCandidateStepType, true},
    {"CandidateStepArn", &kCandidateStepArn, true}, {"CandidateStepName", &kCandidateStepName, true}};
constexpr Shape kAutoMLCandidateStep = Structure("AutoMLCandidateStep", kAutoMLCandidateStepMembers);
constexpr Shape kCandidateSteps = List(&kAutoMLCandidateStep);
constexpr std::string_view kCandidateStatusValues[] = {
    "Completed", "InProgress", "Failed", "Stopped", "Stopping"};
constexpr Shape kCandidateStatus = Enum(kCandidateStatusValues);
constexpr Member kAutoMLContainerDefinitionMembers[] = {
    {"Image", &kContainerImage, true}, {"ModelDataUrl", &kUrl, true},
    {"Environment", &kEnvironmentMap}};
constexpr Shape kAutoMLContainerDefinition = Structure("AutoMLContainerDefinition", kAutoMLContainerDefinitionMembers);
constexpr Shape kAutoMLContainerDefinitions = List(&kAutoMLContainerDefinition, 0, 5);
constexpr Shape kExplainabilityLocation = String(1);
constexpr Shape kModelInsightsLocation = String(1);
constexpr Shape kBacktestResultsLocation = String(1);
constexpr Member kCandidateArtifactLocationsMembers[] = {
    {"Explainability", &kExplainabilityLocation, true}, {"ModelInsights", &kModelInsightsLocation},
    {"BacktestResults", &kBacktestResultsLocation}};
constexpr Shape kCandidateArtifactLocations = Structure("CandidateArtifactLocations", kCandidateArtifactLocationsMembers);
constexpr std::string_view kAutoMLMetricExtendedEnumValues[] = {
    "Accuracy", "MSE", "F1", "F1macro", "AUC", "RMSE", "MAE", "R2", "BalancedAccuracy", "Precision",
    "PrecisionMacro", "Recall", "RecallMacro", "LogLoss", "InferenceLatency", "MAPE", "MASE",
    "WAPE", "AverageWeightedQuantileLoss", "Rouge1", "Rouge2", "RougeL", "RougeLSum", "Perplexity",
    "ValidationLoss", "TrainingLoss"};
constexpr Shape kAutoMLMetricExtendedEnum = Enum(kAutoMLMetricExtendedEnumValues);
constexpr Shape kFloat = Float();
constexpr std::string_view kMetricSetSourceValues[] = {"Train", "Validation", "Test"};
constexpr Shape kMetricSetSource = Enum(kMetricSetSourceValues);
constexpr Member kMetricDatumMembers[] = {
    {"MetricName", &kAutoMLMetricEnum}, {"StandardMetricName", &kAutoMLMetricExtendedEnum},
    {"Value", &kFloat}, {"Set", &kMetricSetSource}};
constexpr Shape kMetricDatum = Structure("MetricDatum", kMetricDatumMembers);
constexpr Shape kMetricDataList = List(&kMetricDatum, 0, 40);
constexpr Member kCandidatePropertiesMembers[] = {
    {"CandidateArtifactLocations", &kCandidateArtifactLocations},
    {"CandidateMetrics", &kMetricDataList}};
constexpr Shape kCandidateProperties = Structure("CandidateProperties", kCandidatePropertiesMembers);
constexpr std::string_view kAutoMLProcessingUnitValues[] = {"CPU", "GPU"};
constexpr Shape kAutoMLProcessingUnit = Enum(kAutoMLProcessingUnitValues);
constexpr Shape kAutoMLInferenceContainerDefinitions = Map(&kAutoMLProcessingUnit, &kAutoMLContainerDefinitions, 0, 2);
constexpr Member kAutoMLCandidateMembers[] = {
    {"CandidateName", &kCandidateName, true},
    {"FinalAutoMLJobObjectiveMetric", &kFinalAutoMLJobObjectiveMetric},
    {"ObjectiveStatus", &kObjectiveStatus, true}, {"CandidateSteps", &kCandidateSteps, true},
    {"CandidateStatus", &kCandidateStatus, true},
    {"InferenceContainers", &kAutoMLContainerDefinitions}, {"CreationTime", &kTimestamp, true},
    {"EndTime", &kTimestamp}, {"LastModifiedTime", &kTimestamp, true},
    {"FailureReason", &kAutoMLFailureReason}, {"CandidateProperties", &kCandidateProperties},
    {"InferenceContainerDefinitions", &kAutoMLInferenceContainerDefinitions}};
constexpr Shape kAutoMLCandidate = Structure("AutoMLCandidate", kAutoMLCandidateMembers);
constexpr std::string_view kAutoMLJobStatusValues[] = {
    "Completed", "InProgress", "Failed", "Stopped", "Stopping"};
constexpr Shape kAutoMLJobStatus = Enum(kAutoMLJobStatusValues);
constexpr std::string_view kAutoMLJobSecondaryStatusValues[] = {
    "Starting", "MaxCandidatesReached", "Failed", "Stopped", "MaxAutoMLJobRuntimeReached",
    "Stopping", "CandidateDefinitionsGenerated", "Completed", "ExplainabilityError",
    "DeployingModel", "ModelDeploymentError", "GeneratingModelInsightsReport", "ModelInsightsError",
    "AnalyzingData", "FeatureEngineering", "ModelTuning", "GeneratingExplainabilityReport",
    "TrainingModels", "PreTraining"};
constexpr Shape kAutoMLJobSecondaryStatus = Enum(kAutoMLJobSecondaryStatusValues);
constexpr Shape kCandidateDefinitionNotebookLocation = String(1);
constexpr Shape kDataExplorationNotebookLocation = String(1);
constexpr Member kAutoMLJobArtifactsMembers[] = {
    {"CandidateDefinitionNotebookLocation", &kCandidateDefinitionNotebookLocation},
    {"DataExplorationNotebookLocation", &kDataExplorationNotebookLocation}};
constexpr Shape kAutoMLJobArtifacts = Structure("AutoMLJobArtifacts", kAutoMLJobArtifactsMembers);
constexpr Member kResolvedAttributesMembers[] = {
    {"AutoMLJobObjective", &kAutoMLJobObjective}, {"ProblemType", &kProblemType},
    {"CompletionCriteria", &kAutoMLJobCompletionCriteria}};
constexpr Shape kResolvedAttributes = Structure("ResolvedAttributes", kResolvedAttributesMembers);
constexpr Member kModelDeployResultMembers[] = {{"EndpointName", &kEndpointName}};
constexpr Shape kModelDeployResult = Structure("ModelDeployResult", kModelDeployResultMembers);
constexpr Member kDescribeAutoMLJobResponseMembers[] = {
    {"AutoMLJobName", &kAutoMLJobName, true}, {"AutoMLJobArn", &kAutoMLJobArn, true},
    {"InputDataConfig", &kAutoMLInputDataConfig, true},
    {"OutputDataConfig", &kAutoMLOutputDataConfig, true}, {"RoleArn", &kRoleArn, true},
    {"AutoMLJobObjective", &kAutoMLJobObjective}, {"ProblemType", &kProblemType},
    {"AutoMLJobConfig", &kAutoMLJobConfig}, {"CreationTime", &kTimestamp, true},
    {"EndTime", &kTimestamp}, {"LastModifiedTime", &kTimestamp, true},
    {"FailureReason", &kAutoMLFailureReason},
    {"PartialFailureReasons", &kAutoMLPartialFailureReasons}, {"BestCandidate", &kAutoMLCandidate},
    {"AutoMLJobStatus", &kAutoMLJobStatus, true},
    {"AutoMLJobSecondaryStatus", &kAutoMLJobSecondaryStatus, true},
    {"GenerateCandidateDefinitionsOnly", &kGenerateCandidateDefinitionsOnly},
    {"AutoMLJobArtifacts", &kAutoMLJobArtifacts}, {"ResolvedAttributes", &kResolvedAttributes},
    {"ModelDeployConfig", &kModelDeployConfig}, {"ModelDeployResult", &kModelDeployResult}};
constexpr Shape kDescribeAutoMLJobResponse = Structure("DescribeAutoMLJobResponse", kDescribeAutoMLJobResponseMembers);
constexpr Member kDescribeAutoMLJobV2RequestMembers[] = {{"AutoMLJobName", &kAutoMLJobName, true}};
constexpr Shape kDescribeAutoMLJobV2Request = Structure("DescribeAutoMLJobV2Request", kDescribeAutoMLJobV2RequestMembers);
constexpr std::string_view kAutoMLProblemTypeConfigNameValues[] = {
    "ImageClassification", "TextClassification", "TimeSeriesForecasting", "Tabular",
    "TextGeneration"};
constexpr Shape kAutoMLProblemTypeConfigName = Enum(kAutoMLProblemTypeConfigNameValues);
constexpr Member kTabularResolvedAttributesMembers[] = {{"ProblemType", &kProblemType}};
constexpr Shape kTabularResolvedAttributes = Structure("TabularResolvedAttributes", kTabularResolvedAttributesMembers);
constexpr Member kTextGenerationResolvedAttributesMembers[] = {{"BaseModelName", &kBaseModelName}};
constexpr Shape kTextGenerationResolvedAttributes = Structure("TextGenerationResolvedAttributes", kTextGenerationResolvedAttributesMembers);
constexpr Member kAutoMLProblemTypeResolvedAttributesMembers[] = {
    {"TabularResolvedAttributes", &kTabularResolvedAttributes},
    {"TextGenerationResolvedAttributes", &kTextGenerationResolvedAttributes}};
constexpr Shape kAutoMLProblemTypeResolvedAttributes = Union("AutoMLProblemTypeResolvedAttributes", kAutoMLProblemTypeResolvedAttributesMembers);
constexpr Member kAutoMLResolvedAttributesMembers[] = {
    {"AutoMLJobObjective", &kAutoMLJobObjective},
    {"CompletionCriteria", &kAutoMLJobCompletionCriteria},
    {"AutoMLProblemTypeResolvedAttributes", &kAutoMLProblemTypeResolvedAttributes}};
constexpr Shape kAutoMLResolvedAttributes = Structure("AutoMLResolvedAttributes", kAutoMLResolvedAttributesMembers);
constexpr Member kDescribeAutoMLJobV2ResponseMembers[] = {
    {"AutoMLJobName", &kAutoMLJobName, true}, {"AutoMLJobArn", &kAutoMLJobArn, true},
    {"AutoMLJobInputDataConfig", &kAutoMLJobInputDataConfig, true},
    {"OutputDataConfig", &kAutoMLOutputDataConfig, true}, {"RoleArn", &kRoleArn, true},
    {"AutoMLJobObjective", &kAutoMLJobObjective},
    {"AutoMLProblemTypeConfig", &kAutoMLProblemTypeConfig},
    {"AutoMLProblemTypeConfigName", &kAutoMLProblemTypeConfigName},
    {"CreationTime", &kTimestamp, true}, {"EndTime", &kTimestamp},
    {"LastModifiedTime", &kTimestamp, true}, {"FailureReason", &kAutoMLFailureReason},
    {"PartialFailureReasons", &kAutoMLPartialFailureReasons}, {"BestCandidate", &kAutoMLCandidate},
    {"AutoMLJobStatus", &kAutoMLJobStatus, true},
    {"AutoMLJobSecondaryStatus", &kAutoMLJobSecondaryStatus, true},
    {"AutoMLJobArtifacts", &kAutoMLJobArtifacts},
    {"ResolvedAttributes", &kAutoMLResolvedAttributes}, {"ModelDeployConfig", &kModelDeployConfig},
    {"ModelDeployResult", &kModelDeployResult}, {"DataSplitConfig", &kAutoMLDataSplitConfig},
    {"SecurityConfig", &kAutoMLSecurityConfig}, {"AutoMLComputeConfig", &kAutoMLComputeConfig}};
constexpr Shape kDescribeAutoMLJobV2Response = Structure("DescribeAutoMLJobV2Response", kDescribeAutoMLJobV2ResponseMembers);
constexpr Member kDescribeDataQualityJobDefinitionRequestMembers[] = {
    {"JobDefinitionName", &kMonitoringJobDefinitionName, true}};
constexpr Shape kDescribeDataQualityJobDefinitionRequest = Structure("DescribeDataQualityJobDefinitionRequest", kDescribeDataQualityJobDefinitionRequestMembers);
constexpr Member kDescribeDataQualityJobDefinitionResponseMembers[] = {
    {"JobDefinitionArn", &kMonitoringJobDefinitionArn, true},
    {"JobDefinitionName", &kMonitoringJobDefinitionName, true}, {"CreationTime", &kTimestamp, true},
    {"DataQualityBaselineConfig", &kDataQualityBaselineConfig},
    {"DataQualityAppSpecification", &kDataQualityAppSpecification, true},
    {"DataQualityJobInput", &kDataQualityJobInput, true},
    {"DataQualityJobOutputConfig", &kMonitoringOutputConfig, true},
    {"JobResources", &kMonitoringResources, true}, {"NetworkConfig", &kMonitoringNetworkConfig},
    {"RoleArn", &kRoleArn, true}, {"StoppingCondition", &kMonitoringStoppingCondition}};
constexpr Shape kDescribeDataQualityJobDefinitionResponse = Structure("DescribeDataQualityJobDefinitionResponse", kDescribeDataQualityJobDefinitionResponseMembers);
constexpr Member kDescribeEndpointInputMembers[] = {{"EndpointName", &kEndpointName, true}};
constexpr Shape kDescribeEndpointInput = Structure("DescribeEndpointInput", kDescribeEndpointInputMembers);
constexpr Member kDeployedImageMembers[] = {
    {"SpecifiedImage", &kContainerImage}, {"ResolvedImage", &kContainerImage},
    {"ResolutionTime", &kTimestamp}};
constexpr Shape kDeployedImage = Structure("DeployedImage", kDeployedImageMembers);
constexpr Shape kDeployedImages = List(&kDeployedImage);
constexpr Shape kTaskCount = Integer(0);
constexpr Member kInstancePoolSummaryMembers[] = {
    {"InstanceType", &kProductionVariantInstanceType, true},
    {"CurrentInstanceCount", &kTaskCount, true}};
constexpr Shape kInstancePoolSummary = Structure("InstancePoolSummary", kInstancePoolSummaryMembers);
constexpr Shape kInstancePoolSummaryList = List(&kInstancePoolSummary, 1);
constexpr std::string_view kVariantStatusValues[] = {
    "Creating", "Updating", "Deleting", "ActivatingTraffic", "Baking"};
constexpr Shape kVariantStatus = Enum(kVariantStatusValues);
constexpr Shape kVariantStatusMessage = String(0, 1024);
constexpr Member kProductionVariantStatusMembers[] = {
    {"Status", &kVariantStatus, true}, {"StatusMessage", &kVariantStatusMessage},
    {"StartTime", &kTimestamp}};
constexpr Shape kProductionVariantStatus = Structure("ProductionVariantStatus", kProductionVariantStatusMembers);
constexpr Shape kProductionVariantStatusList = List(&kProductionVariantStatus, 0, 5);
constexpr Shape kEc2CapacityReservationId = String();
constexpr Member kEc2CapacityReservationMembers[] = {
    {"Ec2CapacityReservationId", &kEc2CapacityReservationId}, {"TotalInstanceCount", &kTaskCount},
    {"AvailableInstanceCount", &kTaskCount}, {"UsedByCurrentEndpoint", &kTaskCount}};
constexpr Shape kEc2CapacityReservation = Structure("Ec2CapacityReservation", kEc2CapacityReservationMembers);
constexpr Shape kEc2CapacityReservationsList = List(&kEc2CapacityReservation);
constexpr Member kProductionVariantCapacityReservationSummaryMembers[] = {
    {"MlReservationArn", &kMlReservationArn},
    {"CapacityReservationPreference", &kCapacityReservationPreference},
    {"TotalInstanceCount", &kTaskCount}, {"AvailableInstanceCount", &kTaskCount},
    {"UsedByCurrentEndpoint", &kTaskCount},
    {"Ec2CapacityReservations", &kEc2CapacityReservationsList}};
constexpr Shape kProductionVariantCapacityReservationSummary = Structure("ProductionVariantCapacityReservationSummary", kProductionVariantCapacityReservationSummaryMembers);
constexpr Shape kAcceleratorPartitionLayouts = List(&kAcceleratorPartitionLayout, 0, 32);
constexpr Member kProductionVariantSummaryMembers[] = {
    {"VariantName", &kVariantName, true}, {"DeployedImages", &kDeployedImages},
    {"CurrentWeight", &kVariantWeight}, {"DesiredWeight", &kVariantWeight},
    {"CurrentInstanceCount", &kTaskCount}, {"DesiredInstanceCount", &kTaskCount},
    {"InstancePools", &kInstancePoolSummaryList}, {"VariantStatus", &kProductionVariantStatusList},
    {"CurrentServerlessConfig", &kProductionVariantServerlessConfig},
    {"DesiredServerlessConfig", &kProductionVariantServerlessConfig},
    {"ManagedInstanceScaling", &kProductionVariantManagedInstanceScaling},
    {"RoutingConfig", &kProductionVariantRoutingConfig},
    {"CapacityReservationConfig", &kProductionVariantCapacityReservationSummary},
    {"AcceleratorPartitionLayouts", &kAcceleratorPartitionLayouts}};
constexpr Shape kProductionVariantSummary = Structure("ProductionVariantSummary", kProductionVariantSummaryMembers);
constexpr Shape kProductionVariantSummaryList = List(&kProductionVariantSummary, 1);
constexpr std::string_view kCaptureStatusValues[] = {"Started", "Stopped"};
constexpr Shape kCaptureStatus = Enum(kCaptureStatusValues);
constexpr Member kDataCaptureConfigSummaryMembers[] = {
    {"EnableCapture", &kEnableCapture, true}, {"CaptureStatus", &kCaptureStatus, true},
    {"CurrentSamplingPercentage", &kSamplingPercentage, true},
    {"DestinationS3Uri", &kDestinationS3Uri, true}, {"KmsKeyId", &kKmsKeyId, true}};
constexpr Shape kDataCaptureConfigSummary = Structure("DataCaptureConfigSummary", kDataCaptureConfigSummaryMembers);
constexpr std::string_view kEndpointStatusValues[] = {
    "OutOfService", "Creating", "Updating", "SystemUpdating", "RollingBack", "InService",
    "Deleting", "Failed", "UpdateRollbackFailed"};
constexpr Shape kEndpointStatus = Enum(kEndpointStatusValues);
constexpr Shape kFailureReason = String(0, 1024);
constexpr Member kPendingProductionVariantSummaryMembers[] = {
    {"VariantName", &kVariantName, true}, {"DeployedImages", &kDeployedImages},
    {"CurrentWeight", &kVariantWeight}, {"DesiredWeight", &kVariantWeight},
    {"CurrentInstanceCount", &kTaskCount}, {"DesiredInstanceCount", &kTaskCount},
    {"InstanceType", &kProductionVariantInstanceType}, {"InstancePools", &kInstancePoolSummaryList},
    {"AcceleratorType", &kProductionVariantAcceleratorType},
    {"VariantStatus", &kProductionVariantStatusList},
    {"CurrentServerlessConfig", &kProductionVariantServerlessConfig},
    {"DesiredServerlessConfig", &kProductionVariantServerlessConfig},
    {"ManagedInstanceScaling", &kProductionVariantManagedInstanceScaling},
    {"RoutingConfig", &kProductionVariantRoutingConfig},
    {"AcceleratorPartitionLayouts", &kAcceleratorPartitionLayouts}};
constexpr Shape kPendingProductionVariantSummary = Structure("PendingProductionVariantSummary", kPendingProductionVariantSummaryMembers);
constexpr Shape kPendingProductionVariantSummaryList = List(&kPendingProductionVariantSummary, 1);
constexpr Member kPendingDeploymentSummaryMembers[] = {
    {"EndpointConfigName", &kEndpointConfigName, true},
    {"ProductionVariants", &kPendingProductionVariantSummaryList}, {"StartTime", &kTimestamp},
    {"ShadowProductionVariants", &kPendingProductionVariantSummaryList}};
constexpr Shape kPendingDeploymentSummary = Structure("PendingDeploymentSummary", kPendingDeploymentSummaryMembers);
constexpr Member kDescribeEndpointOutputMembers[] = {
    {"EndpointName", &kEndpointName, true}, {"EndpointArn", &kEndpointArn, true},
    {"EndpointConfigName", &kEndpointConfigName},
    {"ProductionVariants", &kProductionVariantSummaryList},
    {"DataCaptureConfig", &kDataCaptureConfigSummary}, {"EndpointStatus", &kEndpointStatus, true},
    {"FailureReason", &kFailureReason}, {"CreationTime", &kTimestamp, true},
    {"LastModifiedTime", &kTimestamp, true}, {"LastDeploymentConfig", &kDeploymentConfig},
    {"AsyncInferenceConfig", &kAsyncInferenceConfig},
    {"PendingDeploymentSummary", &kPendingDeploymentSummary},
    {"ExplainerConfig", &kExplainerConfig},
    {"ShadowProductionVariants", &kProductionVariantSummaryList},
    {"MetricsConfig", &kMetricsConfig}, {"CrossRegionTrafficConfig", &kCrossRegionTrafficConfig}};
constexpr Shape kDescribeEndpointOutput = Structure("DescribeEndpointOutput", kDescribeEndpointOutputMembers);
constexpr Member kDescribeEndpointConfigInputMembers[] = {
    {"EndpointConfigName", &kEndpointConfigName, true}};
constexpr Shape kDescribeEndpointConfigInput = Structure("DescribeEndpointConfigInput", kDescribeEndpointConfigInputMembers);
constexpr Member kDescribeEndpointConfigOutputMembers[] = {
    {"EndpointConfigName", &kEndpointConfigName, true},
    {"EndpointConfigArn", &kEndpointConfigArn, true},
    {"ProductionVariants", &kProductionVariantList, true},
    {"DataCaptureConfig", &kDataCaptureConfig}, {"KmsKeyId", &kKmsKeyId},
    {"CreationTime", &kTimestamp, true}, {"AsyncInferenceConfig", &kAsyncInferenceConfig},
    {"ExplainerConfig", &kExplainerConfig}, {"ShadowProductionVariants", &kProductionVariantList},
    {"ExecutionRoleArn", &kRoleArn}, {"VpcConfig", &kVpcConfig},
    {"EnableNetworkIsolation", &kBoolean}, {"MetricsConfig", &kMetricsConfig},
    {"CrossRegionTrafficConfig", &kCrossRegionTrafficConfig}};
constexpr Shape kDescribeEndpointConfigOutput = Structure("DescribeEndpointConfigOutput", kDescribeEndpointConfigOutputMembers);
constexpr Member kDescribeExperimentRequestMembers[] = {
    {"ExperimentName", &kExperimentEntityName, true}};
constexpr Shape kDescribeExperimentRequest = Structure("DescribeExperimentRequest", kDescribeExperimentRequestMembers);
constexpr Shape kExperimentSourceArn = String(0, 256);
constexpr Shape kSourceType = String(0, 128);
constexpr Member kExperimentSourceMembers[] = {
    {"SourceArn", &kExperimentSourceArn, true}, {"SourceType", &kSourceType}};
constexpr Shape kExperimentSource = Structure("ExperimentSource", kExperimentSourceMembers);
constexpr Member kDescribeExperimentResponseMembers[] = {
    {"ExperimentName", &kExperimentEntityName}, {"ExperimentArn", &kExperimentArn},
    {"DisplayName", &kExperimentEntityName}, {"Source", &kExperimentSource},
    {"Description", &kExperimentDescription}, {"CreationTime", &kTimestamp},
    {"CreatedBy", &kUserContext}, {"LastModifiedTime", &kTimestamp},
    {"LastModifiedBy", &kUserContext}};
constexpr Shape kDescribeExperimentResponse = Structure("DescribeExperimentResponse", kDescribeExperimentResponseMembers);
constexpr Member kDescribeHyperParameterTuningJobRequestMembers[] = {
    {"HyperParameterTuningJobName", &kHyperParameterTuningJobName, true}};
constexpr Shape kDescribeHyperParameterTuningJobRequest = Structure("DescribeHyperParameterTuningJobRequest", kDescribeHyperParameterTuningJobRequestMembers);
constexpr std::string_view kHyperParameterTuningJobStatusValues[] = {
    "Completed", "InProgress", "Failed", "Stopped", "Stopping", "Deleting", "DeleteFailed"};
constexpr Shape kHyperParameterTuningJobStatus = Enum(kHyperParameterTuningJobStatusValues);
constexpr Shape kTrainingJobStatusCounter = Integer(0);
constexpr Member kTrainingJobStatusCountersMembers[] = {
    {"Completed", &kTrainingJobStatusCounter}, {"InProgress", &kTrainingJobStatusCounter},
    {"RetryableError", &kTrainingJobStatusCounter},
    {"NonRetryableError", &kTrainingJobStatusCounter}, {"Stopped", &kTrainingJobStatusCounter}};
constexpr Shape kTrainingJobStatusCounters = Structure("TrainingJobStatusCounters", kTrainingJobStatusCountersMembers);
constexpr Shape kObjectiveStatusCounter = Integer(0);
constexpr Member kObjectiveStatusCountersMembers[] = {
    {"Succeeded", &kObjectiveStatusCounter}, {"Pending", &kObjectiveStatusCounter},
    {"Failed", &kObjectiveStatusCounter}};
constexpr Shape kObjectiveStatusCounters = Structure("ObjectiveStatusCounters", kObjectiveStatusCountersMembers);
constexpr std::string_view kTrainingJobStatusValues[] = {
    "InProgress", "Completed", "Failed", "Stopping", "Stopped", "Deleting"};
constexpr Shape kTrainingJobStatus = Enum(kTrainingJobStatusValues);
constexpr Member kFinalHyperParameterTuningJobObjectiveMetricMembers[] = {
    {"Type", &kHyperParameterTuningJobObjectiveType}, {"MetricName", &kMetricName, true},
    {"Value", &kMetricValue, true}};
constexpr Shape kFinalHyperParameterTuningJobObjectiveMetric = Structure("FinalHyperParameterTuningJobObjectiveMetric", kFinalHyperParameterTuningJobObjectiveMetricMembers);
constexpr Member kHyperParameterTrainingJobSummaryMembers[] = {
    {"TrainingJobDefinitionName", &kHyperParameterTrainingJobDefinitionName},
    {"TrainingJobName", &kTrainingJobName, true}, {"TrainingJobArn", &kTrainingJobArn, true},
    {"TuningJobName", &kHyperParameterTuningJobName}, {"CreationTime", &kTimestamp, true},
    {"TrainingStartTime", &kTimestamp}, {"TrainingEndTime", &kTimestamp},
    {"TrainingJobStatus", &kTrainingJobStatus, true},
    {"TunedHyperParameters", &kHyperParameters, true}, {"FailureReason", &kFailureReason},
    {"FinalHyperParameterTuningJobObjectiveMetric", &kFinalHyperParameterTuningJobObjectiveMetric},
    {"ObjectiveStatus", &kObjectiveStatus}};
constexpr Shape kHyperParameterTrainingJobSummary = Structure("HyperParameterTrainingJobSummary", kHyperParameterTrainingJobSummaryMembers);
constexpr Shape kInteger = Integer();
constexpr Member kHyperParameterTuningJobCompletionDetailsMembers[] = {
    {"NumberOfTrainingJobsObjectiveNotImproving", &kInteger},
    {"ConvergenceDetectedTime", &kTimestamp}};
constexpr Shape kHyperParameterTuningJobCompletionDetails = Structure("HyperParameterTuningJobCompletionDetails", kHyperParameterTuningJobCompletionDetailsMembers);
constexpr Member kHyperParameterTuningJobConsumedResourcesMembers[] = {
    {"RuntimeInSeconds", &kInteger}};
constexpr Shape kHyperParameterTuningJobConsumedResources = Structure("HyperParameterTuningJobConsumedResources", kHyperParameterTuningJobConsumedResourcesMembers);
constexpr Member kDescribeHyperParameterTuningJobResponseMembers[] = {
    {"HyperParameterTuningJobName", &kHyperParameterTuningJobName, true},
    {"HyperParameterTuningJobArn", &kHyperParameterTuningJobArn, true},
    {"HyperParameterTuningJobConfig", &kHyperParameterTuningJobConfig, true},
    {"TrainingJobDefinition", &kHyperParameterTrainingJobDefinition},
    {"TrainingJobDefinitions", &kHyperParameterTrainingJobDefinitions},
    {"HyperParameterTuningJobStatus", &kHyperParameterTuningJobStatus, true},
    {"CreationTime", &kTimestamp, true}, {"HyperParameterTuningEndTime", &kTimestamp},
    {"LastModifiedTime", &kTimestamp},
    {"TrainingJobStatusCounters", &kTrainingJobStatusCounters, true},
    {"ObjectiveStatusCounters", &kObjectiveStatusCounters, true},
    {"BestTrainingJob", &kHyperParameterTrainingJobSummary},
    {"OverallBestTrainingJob", &kHyperParameterTrainingJobSummary},
    {"WarmStartConfig", &kHyperParameterTuningJobWarmStartConfig}, {"Autotune", &kAutotune},
    {"FailureReason", &kFailureReason},
    {"TuningJobCompletionDetails", &kHyperParameterTuningJobCompletionDetails},
    {"ConsumedResources", &kHyperParameterTuningJobConsumedResources}};
constexpr Shape kDescribeHyperParameterTuningJobResponse = Structure("DescribeHyperParameterTuningJobResponse", kDescribeHyperParameterTuningJobResponseMembers);
constexpr Member kDescribeInferenceComponentInputMembers[] = {
    {"InferenceComponentName", &kInferenceComponentName, true}};
constexpr Shape kDescribeInferenceComponentInput = Structure("DescribeInferenceComponentInput", kDescribeInferenceComponentInputMembers);
constexpr Member kInferenceComponentContainerSpecificationSummaryMembers[] = {
    {"DeployedImage", &kDeployedImage}, {"ArtifactUrl", &kUrl}, {"Environment", &kEnvironmentMap},
    {"ContainerMetricsConfig", &kContainerMetricsConfig}};
constexpr Shape kInferenceComponentContainerSpecificationSummary = Structure("InferenceComponentContainerSpecificationSummary", kInferenceComponentContainerSpecificationSummaryMembers);
constexpr Member kInferenceComponentDataCacheConfigSummaryMembers[] = {
    {"EnableCaching", &kEnableCaching, true}};
constexpr Shape kInferenceComponentDataCacheConfigSummary = Structure("InferenceComponentDataCacheConfigSummary", kInferenceComponentDataCacheConfigSummaryMembers);
constexpr Member kInferenceComponentSpecificationSummaryMembers[] = {
    {"InstanceType", &kProductionVariantInstanceType}, {"ModelName", &kModelName},
    {"Container", &kInferenceComponentContainerSpecificationSummary},
    {"StartupParameters", &kInferenceComponentStartupParameters},
    {"ComputeResourceRequirements", &kInferenceComponentComputeResourceRequirements},
    {"BaseInferenceComponentName", &kInferenceComponentName},
    {"DataCacheConfig", &kInferenceComponentDataCacheConfigSummary},
    {"SchedulingConfig", &kInferenceComponentSchedulingConfig}};
constexpr Shape kInferenceComponentSpecificationSummary = Structure("InferenceComponentSpecificationSummary", kInferenceComponentSpecificationSummaryMembers);
constexpr Shape kInferenceComponentSpecificationSummaryList = List(&kInferenceComponentSpecificationSummary, 1);
constexpr Member kInferenceComponentPlacementStatusMembers[] = {
    {"InstanceType", &kProductionVariantInstanceType, true},
    {"CurrentCopyCount", &kInferenceComponentCopyCount, true}};
constexpr Shape kInferenceComponentPlacementStatus = Structure("InferenceComponentPlacementStatus", kInferenceComponentPlacementStatusMembers);
constexpr Shape kInferenceComponentPlacementStatusList = List(&kInferenceComponentPlacementStatus, 1);
constexpr Member kInferenceComponentRuntimeConfigSummaryMembers[] = {
    {"DesiredCopyCount", &kInferenceComponentCopyCount},
    {"CurrentCopyCount", &kInferenceComponentCopyCount},
    {"PlacementStatus", &kInferenceComponentPlacementStatusList}};
constexpr Shape kInferenceComponentRuntimeConfigSummary = Structure("InferenceComponentRuntimeConfigSummary", kInferenceComponentRuntimeConfigSummaryMembers);
constexpr std::string_view kInferenceComponentStatusValues[] = {
    "InService", "Creating", "Updating", "Failed", "Deleting"};
constexpr Shape kInferenceComponentStatus = Enum(kInferenceComponentStatusValues);
constexpr std::string_view kInferenceComponentCapacitySizeTypeValues[] = {
    "COPY_COUNT", "CAPACITY_PERCENT"};
constexpr Shape kInferenceComponentCapacitySizeType = Enum(kInferenceComponentCapacitySizeTypeValues);
constexpr Member kInferenceComponentCapacitySizeMembers[] = {
    {"Type", &kInferenceComponentCapacitySizeType, true}, {"Value", &kCapacitySizeValue, true}};
constexpr Shape kInferenceComponentCapacitySize = Structure("InferenceComponentCapacitySize", kInferenceComponentCapacitySizeMembers);
constexpr Member kInferenceComponentRollingUpdatePolicyMembers[] = {
    {"MaximumBatchSize", &kInferenceComponentCapacitySize, true},
    {"WaitIntervalInSeconds", &kWaitIntervalInSeconds, true},
    {"MaximumExecutionTimeoutInSeconds", &kMaximumExecutionTimeoutInSeconds},
    {"RollbackMaximumBatchSize", &kInferenceComponentCapacitySize}};
constexpr Shape kInferenceComponentRollingUpdatePolicy = Structure("InferenceComponentRollingUpdatePolicy", kInferenceComponentRollingUpdatePolicyMembers);
constexpr Member kInferenceComponentDeploymentConfigMembers[] = {
    {"RollingUpdatePolicy", &kInferenceComponentRollingUpdatePolicy, true},
    {"AutoRollbackConfiguration", &kAutoRollbackConfig}};
constexpr Shape kInferenceComponentDeploymentConfig = Structure("InferenceComponentDeploymentConfig", kInferenceComponentDeploymentConfigMembers);
constexpr Member kDescribeInferenceComponentOutputMembers[] = {
    {"InferenceComponentName", &kInferenceComponentName, true},
    {"InferenceComponentArn", &kInferenceComponentArn, true},
    {"EndpointName", &kEndpointName, true}, {"EndpointArn", &kEndpointArn, true},
    {"VariantName", &kVariantName}, {"FailureReason", &kFailureReason},
    {"Specification", &kInferenceComponentSpecificationSummary},
    {"Specifications", &kInferenceComponentSpecificationSummaryList},
    {"RuntimeConfig", &kInferenceComponentRuntimeConfigSummary},
    {"CreationTime", &kTimestamp, true}, {"LastModifiedTime", &kTimestamp, true},
    {"InferenceComponentStatus", &kInferenceComponentStatus},
    {"LastDeploymentConfig", &kInferenceComponentDeploymentConfig}};
constexpr Shape kDescribeInferenceComponentOutput = Structure("DescribeInferenceComponentOutput", kDescribeInferenceComponentOutputMembers);
constexpr Member kDescribeModelInputMembers[] = {{"ModelName", &kModelName, true}};
constexpr Shape kDescribeModelInput = Structure("DescribeModelInput", kDescribeModelInputMembers);
constexpr std::string_view kRecommendationStatusValues[] = {
    "IN_PROGRESS", "COMPLETED", "FAILED", "NOT_APPLICABLE"};
constexpr Shape kRecommendationStatus = Enum(kRecommendationStatusValues);
constexpr Member kRealTimeInferenceRecommendationMembers[] = {
    {"RecommendationId", &kString, true}, {"InstanceType", &kProductionVariantInstanceType, true},
    {"Environment", &kEnvironmentMap}};
constexpr Shape kRealTimeInferenceRecommendation = Structure("RealTimeInferenceRecommendation", kRealTimeInferenceRecommendationMembers);
constexpr Shape kRealTimeInferenceRecommendations = List(&kRealTimeInferenceRecommendation, 0, 3);
constexpr Member kDeploymentRecommendationMembers[] = {
    {"RecommendationStatus", &kRecommendationStatus, true},
    {"RealTimeInferenceRecommendations", &kRealTimeInferenceRecommendations}};
constexpr Shape kDeploymentRecommendation = Structure("DeploymentRecommendation", kDeploymentRecommendationMembers);
constexpr Member kDescribeModelOutputMembers[] = {
    {"ModelName", &kModelName, true}, {"PrimaryContainer", &kContainerDefinition},
    {"Containers", &kContainerDefinitionList},
    {"InferenceExecutionConfig", &kInferenceExecutionConfig}, {"ExecutionRoleArn", &kRoleArn},
    {"VpcConfig", &kVpcConfig}, {"CreationTime", &kTimestamp, true}, {"ModelArn", &kModelArn, true},
    {"EnableNetworkIsolation", &kBoolean}, {"DeploymentRecommendation", &kDeploymentRecommendation}};
constexpr Shape kDescribeModelOutput = Structure("DescribeModelOutput", kDescribeModelOutputMembers);
constexpr Member kDescribeModelBiasJobDefinitionRequestMembers[] = {
    {"JobDefinitionName", &kMonitoringJobDefinitionName, true}};
constexpr Shape kDescribeModelBiasJobDefinitionRequest = Structure("DescribeModelBiasJobDefinitionRequest", kDescribeModelBiasJobDefinitionRequestMembers);
constexpr Member kDescribeModelBiasJobDefinitionResponseMembers[] = {
    {"JobDefinitionArn", &kMonitoringJobDefinitionArn, true},
    {"JobDefinitionName", &kMonitoringJobDefinitionName, true}, {"CreationTime", &kTimestamp, true},
    {"ModelBiasBaselineConfig", &kModelBiasBaselineConfig},
    {"ModelBiasAppSpecification", &kModelBiasAppSpecification, true},
    {"ModelBiasJobInput", &kModelBiasJobInput, true},
    {"ModelBiasJobOutputConfig", &kMonitoringOutputConfig, true},
    {"JobResources", &kMonitoringResources, true}, {"NetworkConfig", &kMonitoringNetworkConfig},
    {"RoleArn", &kRoleArn, true}, {"StoppingCondition", &kMonitoringStoppingCondition}};
constexpr Shape kDescribeModelBiasJobDefinitionResponse = Structure("DescribeModelBiasJobDefinitionResponse", kDescribeModelBiasJobDefinitionResponseMembers);
constexpr Member kDescribeModelExplainabilityJobDefinitionRequestMembers[] = {
    {"JobDefinitionName", &kMonitoringJobDefinitionName, true}};
constexpr Shape kDescribeModelExplainabilityJobDefinitionRequest = Structure("DescribeModelExplainabilityJobDefinitionRequest", kDescribeModelExplainabilityJobDefinitionRequestMembers);
constexpr Member kDescribeModelExplainabilityJobDefinitionResponseMembers[] = {
    {"JobDefinitionArn", &kMonitoringJobDefinitionArn, true},
    {"JobDefinitionName", &kMonitoringJobDefinitionName, true}, {"CreationTime", &kTimestamp, true},
    {"ModelExplainabilityBaselineConfig", &kModelExplainabilityBaselineConfig},
    {"ModelExplainabilityAppSpecification", &kModelExplainabilityAppSpecification, true},
    {"ModelExplainabilityJobInput", &kModelExplainabilityJobInput, true},
    {"ModelExplainabilityJobOutputConfig", &kMonitoringOutputConfig, true},
    {"JobResources", &kMonitoringResources, true}, {"NetworkConfig", &kMonitoringNetworkConfig},
    {"RoleArn", &kRoleArn, true}, {"StoppingCondition", &kMonitoringStoppingCondition}};
constexpr Shape kDescribeModelExplainabilityJobDefinitionResponse = Structure("DescribeModelExplainabilityJobDefinitionResponse", kDescribeModelExplainabilityJobDefinitionResponseMembers);
constexpr std::string_view kIncludedDataValues[] = {"AllData", "MetadataOnly"};
constexpr Shape kIncludedData = Enum(kIncludedDataValues);
constexpr Member kDescribeModelPackageInputMembers[] = {
    {"ModelPackageName", &kVersionedArnOrName, true}, {"IncludedData", &kIncludedData}};
constexpr Shape kDescribeModelPackageInput = Structure("DescribeModelPackageInput", kDescribeModelPackageInputMembers);
constexpr std::string_view kDetailedModelPackageStatusValues[] = {
    "NotStarted", "InProgress", "Completed", "Failed"};
constexpr Shape kDetailedModelPackageStatus = Enum(kDetailedModelPackageStatusValues);
constexpr Member kModelPackageStatusItemMembers[] = {
    {"Name", &kEntityName, true}, {"Status", &kDetailedModelPackageStatus, true},
    {"FailureReason", &kString}};
constexpr Shape kModelPackageStatusItem = Structure("ModelPackageStatusItem", kModelPackageStatusItemMembers);
constexpr Shape kModelPackageStatusItemList = List(&kModelPackageStatusItem);
constexpr Member kModelPackageStatusDetailsMembers[] = {
    {"ValidationStatuses", &kModelPackageStatusItemList, true},
    {"ImageScanStatuses", &kModelPackageStatusItemList}};
constexpr Shape kModelPackageStatusDetails = Structure("ModelPackageStatusDetails", kModelPackageStatusDetailsMembers);
constexpr Shape kApprovalDescription = String(0, 1024, ".*");
constexpr Member kDescribeModelPackageOutputMembers[] = {
    {"ModelPackageName", &kEntityName, true}, {"ModelPackageGroupName", &kEntityName},
    {"ModelPackageVersion", &kModelPackageVersion},
    {"ModelPackageRegistrationType", &kModelPackageRegistrationType},
    {"ModelPackageArn", &kModelPackageArn, true}, {"ModelPackageDescription", &kEntityDescription},
    {"CreationTime", &kCreationTime, true}, {"InferenceSpecification", &kInferenceSpecification},
    {"SourceAlgorithmSpecification", &kSourceAlgorithmSpecification},
    {"ValidationSpecification", &kModelPackageValidationSpecification},
    {"ModelPackageStatus", &kModelPackageStatus, true},
    {"ModelPackageStatusDetails", &kModelPackageStatusDetails, true},
    {"CertifyForMarketplace", &kCertifyForMarketplace},
    {"ModelApprovalStatus", &kModelApprovalStatus}, {"CreatedBy", &kUserContext},
    {"MetadataProperties", &kMetadataProperties}, {"ModelMetrics", &kModelMetrics},
    {"LastModifiedTime", &kTimestamp}, {"LastModifiedBy", &kUserContext},
    {"ApprovalDescription", &kApprovalDescription}, {"Domain", &kString}, {"Task", &kString},
    {"SamplePayloadUrl", &kString}, {"CustomerMetadataProperties", &kCustomerMetadataMap},
    {"DriftCheckBaselines", &kDriftCheckBaselines},
    {"AdditionalInferenceSpecifications", &kAdditionalInferenceSpecifications},
    {"SkipModelValidation", &kSkipModelValidation}, {"SourceUri", &kModelPackageSourceUri},
    {"SecurityConfig", &kModelPackageSecurityConfig}, {"ModelCard", &kModelPackageModelCard},
    {"ModelLifeCycle", &kModelLifeCycle}, {"ManagedStorageType", &kManagedStorageType}};
constexpr Shape kDescribeModelPackageOutput = Structure("DescribeModelPackageOutput", kDescribeModelPackageOutputMembers);
constexpr Member kDescribeModelPackageGroupInputMembers[] = {
    {"ModelPackageGroupName", &kArnOrName, true}};
constexpr Shape kDescribeModelPackageGroupInput = Structure("DescribeModelPackageGroupInput", kDescribeModelPackageGroupInputMembers);
constexpr std::string_view kModelPackageGroupStatusValues[] = {
    "Pending", "InProgress", "Completed", "Failed", "Deleting", "DeleteFailed"};
constexpr Shape kModelPackageGroupStatus = Enum(kModelPackageGroupStatusValues);
constexpr Member kDescribeModelPackageGroupOutputMembers[] = {
    {"ModelPackageGroupName", &kEntityName, true},
    {"ModelPackageGroupArn", &kModelPackageGroupArn, true},
    {"ModelPackageGroupDescription", &kEntityDescription}, {"CreationTime", &kCreationTime, true},
    {"CreatedBy", &kUserContext, true},
    {"ModelPackageGroupStatus", &kModelPackageGroupStatus, true},
    {"ManagedConfiguration", &kManagedConfiguration}};
constexpr Shape kDescribeModelPackageGroupOutput = Structure("DescribeModelPackageGroupOutput", kDescribeModelPackageGroupOutputMembers);
constexpr Member kDescribeModelQualityJobDefinitionRequestMembers[] = {
    {"JobDefinitionName", &kMonitoringJobDefinitionName, true}};
constexpr Shape kDescribeModelQualityJobDefinitionRequest = Structure("DescribeModelQualityJobDefinitionRequest", kDescribeModelQualityJobDefinitionRequestMembers);
constexpr Member kDescribeModelQualityJobDefinitionResponseMembers[] = {
    {"JobDefinitionArn", &kMonitoringJobDefinitionArn, true},
    {"JobDefinitionName", &kMonitoringJobDefinitionName, true}, {"CreationTime", &kTimestamp, true},
    {"ModelQualityBaselineConfig", &kModelQualityBaselineConfig},
    {"ModelQualityAppSpecification", &kModelQualityAppSpecification, true},
    {"ModelQualityJobInput", &kModelQualityJobInput, true},
    {"ModelQualityJobOutputConfig", &kMonitoringOutputConfig, true},
    {"JobResources", &kMonitoringResources, true}, {"NetworkConfig", &kMonitoringNetworkConfig},
    {"RoleArn", &kRoleArn, true}, {"StoppingCondition", &kMonitoringStoppingCondition}};
constexpr Shape kDescribeModelQualityJobDefinitionResponse = Structure("DescribeModelQualityJobDefinitionResponse", kDescribeModelQualityJobDefinitionResponseMembers);
constexpr Member kDescribeMonitoringScheduleRequestMembers[] = {
    {"MonitoringScheduleName", &kMonitoringScheduleName, true}};
constexpr Shape kDescribeMonitoringScheduleRequest = Structure("DescribeMonitoringScheduleRequest", kDescribeMonitoringScheduleRequestMembers);
constexpr std::string_view kScheduleStatusValues[] = {"Pending", "Failed", "Scheduled", "Stopped"};
constexpr Shape kScheduleStatus = Enum(kScheduleStatusValues);
constexpr std::string_view kExecutionStatusValues[] = {
    "Pending", "Completed", "CompletedWithViolations", "InProgress", "Failed", "Stopping", "Stopped"};
constexpr Shape kExecutionStatus = Enum(kExecutionStatusValues);
constexpr Member kMonitoringExecutionSummaryMembers[] = {
    {"MonitoringScheduleName", &kMonitoringScheduleName, true},
    {"ScheduledTime", &kTimestamp, true}, {"CreationTime", &kTimestamp, true},
    {"LastModifiedTime", &kTimestamp, true}, {"MonitoringExecutionStatus", &kExecutionStatus, true},
    {"ProcessingJobArn", &kProcessingJobArn}, {"EndpointName", &kEndpointName},
    {"FailureReason", &kFailureReason},
    {"MonitoringJobDefinitionName", &kMonitoringJobDefinitionName},
    {"MonitoringType", &kMonitoringType}};
constexpr Shape kMonitoringExecutionSummary = Structure("MonitoringExecutionSummary", kMonitoringExecutionSummaryMembers);
constexpr Member kDescribeMonitoringScheduleResponseMembers[] = {
    {"MonitoringScheduleArn", &kMonitoringScheduleArn, true},
    {"MonitoringScheduleName", &kMonitoringScheduleName, true},
    {"MonitoringScheduleStatus", &kScheduleStatus, true}, {"MonitoringType", &kMonitoringType},
    {"FailureReason", &kFailureReason}, {"CreationTime", &kTimestamp, true},
    {"LastModifiedTime", &kTimestamp, true},
    {"MonitoringScheduleConfig", &kMonitoringScheduleConfig, true},
    {"EndpointName", &kEndpointName},
    {"LastMonitoringExecutionSummary", &kMonitoringExecutionSummary}};
constexpr Shape kDescribeMonitoringScheduleResponse = Structure("DescribeMonitoringScheduleResponse", kDescribeMonitoringScheduleResponseMembers);
constexpr Member kDescribeProcessingJobRequestMembers[] = {
    {"ProcessingJobName", &kProcessingJobName, true}};
constexpr Shape kDescribeProcessingJobRequest = Structure("DescribeProcessingJobRequest", kDescribeProcessingJobRequestMembers);
constexpr std::string_view kProcessingJobStatusValues[] = {
    "InProgress", "Completed", "Failed", "Stopping", "Stopped"};
constexpr Shape kProcessingJobStatus = Enum(kProcessingJobStatusValues);
constexpr Shape kExitMessage = String(0, 1024);
constexpr Member kDescribeProcessingJobResponseMembers[] = {
    {"ProcessingInputs", &kProcessingInputs}, {"ProcessingOutputConfig", &kProcessingOutputConfig},
    {"ProcessingJobName", &kProcessingJobName, true},
    {"ProcessingResources", &kProcessingResources, true},
    {"StoppingCondition", &kProcessingStoppingCondition},
    {"AppSpecification", &kAppSpecification, true}, {"Environment", &kProcessingEnvironmentMap},
    {"NetworkConfig", &kNetworkConfig}, {"RoleArn", &kRoleArn},
    {"ExperimentConfig", &kExperimentConfig}, {"ProcessingJobArn", &kProcessingJobArn, true},
    {"ProcessingJobStatus", &kProcessingJobStatus, true}, {"ExitMessage", &kExitMessage},
    {"FailureReason", &kFailureReason}, {"ProcessingEndTime", &kTimestamp},
    {"ProcessingStartTime", &kTimestamp}, {"LastModifiedTime", &kTimestamp},
    {"CreationTime", &kTimestamp, true}, {"MonitoringScheduleArn", &kMonitoringScheduleArn},
    {"AutoMLJobArn", &kAutoMLJobArn}, {"TrainingJobArn", &kTrainingJobArn}};
constexpr Shape kDescribeProcessingJobResponse = Structure("DescribeProcessingJobResponse", kDescribeProcessingJobResponseMembers);
constexpr Member kDescribeTrainingJobRequestMembers[] = {
    {"TrainingJobName", &kTrainingJobName, true}};
constexpr Shape kDescribeTrainingJobRequest = Structure("DescribeTrainingJobRequest", kDescribeTrainingJobRequestMembers);
constexpr Shape kLabelingJobArn = String(0, 2048);
constexpr Member kModelArtifactsMembers[] = {{"S3ModelArtifacts", &kS3Uri, true}};
constexpr Shape kModelArtifacts = Structure("ModelArtifacts", kModelArtifactsMembers);
constexpr std::string_view kSecondaryStatusValues[] = {
    "Starting", "LaunchingMLInstances", "PreparingTrainingStack", "Downloading",
    "DownloadingTrainingImage", "Training", "Uploading", "Stopping", "Stopped",
    "MaxRuntimeExceeded", "Completed", "Failed", "Interrupted", "MaxWaitTimeExceeded", "Updating",
    "Restarting", "Pending"};
constexpr Shape kSecondaryStatus = Enum(kSecondaryStatusValues);
constexpr std::string_view kWarmPoolResourceStatusValues[] = {
    "Available", "Terminated", "Reused", "InUse"};
constexpr Shape kWarmPoolResourceStatus = Enum(kWarmPoolResourceStatusValues);
constexpr Shape kResourceRetainedBillableTimeInSeconds = Integer(0);
constexpr Member kWarmPoolStatusMembers[] = {
    {"Status", &kWarmPoolResourceStatus, true},
    {"ResourceRetainedBillableTimeInSeconds", &kResourceRetainedBillableTimeInSeconds},
    {"ReusedByJob", &kTrainingJobName}};
constexpr Shape kWarmPoolStatus = Structure("WarmPoolStatus", kWarmPoolStatusMembers);
constexpr Shape kStatusMessage = String();
constexpr Member kSecondaryStatusTransitionMembers[] = {
    {"Status", &kSecondaryStatus, true}, {"StartTime", &kTimestamp, true}, {"EndTime", &kTimestamp},
    {"StatusMessage", &kStatusMessage}};
constexpr Shape kSecondaryStatusTransition = Structure("SecondaryStatusTransition", kSecondaryStatusTransitionMembers);
constexpr Shape kSecondaryStatusTransitions = List(&kSecondaryStatusTransition);
constexpr Member kMetricDataMembers[] = {
    {"MetricName", &kMetricName}, {"Value", &kFloat}, {"Timestamp", &kTimestamp}};
constexpr Shape kMetricData = Structure("MetricData", kMetricDataMembers);
constexpr Shape kFinalMetricDataList = List(&kMetricData, 0, 40);
constexpr Shape kTrainingTimeInSeconds = Integer(1);
constexpr Shape kBillableTimeInSeconds = Integer(1);
constexpr Shape kBillableTokenCount = Long(0);
constexpr std::string_view kRuleEvaluationStatusValues[] = {
    "InProgress", "NoIssuesFound", "IssuesFound", "Error", "Stopping", "Stopped"};
constexpr Shape kRuleEvaluationStatus = Enum(kRuleEvaluationStatusValues);
constexpr Shape kStatusDetails = String(0, 1024);
constexpr Member kDebugRuleEvaluationStatusMembers[] = {
    {"RuleConfigurationName", &kRuleConfigurationName},
    {"RuleEvaluationJobArn", &kProcessingJobArn}, {"RuleEvaluationStatus", &kRuleEvaluationStatus},
    {"StatusDetails", &kStatusDetails}, {"LastModifiedTime", &kTimestamp}};
constexpr Shape kDebugRuleEvaluationStatus = Structure("DebugRuleEvaluationStatus", kDebugRuleEvaluationStatusMembers);
constexpr Shape kDebugRuleEvaluationStatuses = List(&kDebugRuleEvaluationStatus, 0, 20);
constexpr Member kProfilerRuleEvaluationStatusMembers[] = {
    {"RuleConfigurationName", &kRuleConfigurationName},
    {"RuleEvaluationJobArn", &kProcessingJobArn}, {"RuleEvaluationStatus", &kRuleEvaluationStatus},
    {"StatusDetails", &kStatusDetails}, {"LastModifiedTime", &kTimestamp}};
constexpr Shape kProfilerRuleEvaluationStatus = Structure("ProfilerRuleEvaluationStatus", kProfilerRuleEvaluationStatusMembers);
constexpr Shape kProfilerRuleEvaluationStatuses = List(&kProfilerRuleEvaluationStatus, 0, 20);
constexpr std::string_view kProfilingStatusValues[] = {"Enabled", "Disabled"};
constexpr Shape kProfilingStatus = Enum(kProfilingStatusValues);
constexpr Shape kMlflowExperimentId = String(1, 256);
constexpr Shape kMlflowRunId = String(1, 256);
constexpr Member kMlflowDetailsMembers[] = {
    {"MlflowExperimentId", &kMlflowExperimentId}, {"MlflowRunId", &kMlflowRunId}};
constexpr Shape kMlflowDetails = Structure("MlflowDetails", kMlflowDetailsMembers);
constexpr Shape kTotalStepCountPerEpoch = Long(0);
constexpr Shape kTrainingStepIndex = Long(0);
constexpr Shape kTrainingEpochIndex = Long(0);
constexpr Shape kTrainingEpochCount = Long(0);
constexpr Member kTrainingProgressInfoMembers[] = {
    {"TotalStepCountPerEpoch", &kTotalStepCountPerEpoch}, {"CurrentStep", &kTrainingStepIndex},
    {"CurrentEpoch", &kTrainingEpochIndex}, {"MaxEpoch", &kTrainingEpochCount}};
constexpr Shape kTrainingProgressInfo = Structure("TrainingProgressInfo", kTrainingProgressInfoMembers);
constexpr Member kDescribeTrainingJobResponseMembers[] = {
    {"TrainingJobName", &kTrainingJobName, true}, {"TrainingJobArn", &kTrainingJobArn, true},
    {"TuningJobArn", &kHyperParameterTuningJobArn}, {"LabelingJobArn", &kLabelingJobArn},
    {"AutoMLJobArn", &kAutoMLJobArn}, {"ModelArtifacts", &kModelArtifacts, true},
    {"TrainingJobStatus", &kTrainingJobStatus, true}, {"SecondaryStatus", &kSecondaryStatus, true},
    {"FailureReason", &kFailureReason}, {"HyperParameters", &kHyperParameters},
    {"AlgorithmSpecification", &kAlgorithmSpecification}, {"RoleArn", &kRoleArn},
    {"InputDataConfig", &kInputDataConfig}, {"OutputDataConfig", &kOutputDataConfig},
    {"ResourceConfig", &kResourceConfig}, {"WarmPoolStatus", &kWarmPoolStatus},
    {"VpcConfig", &kVpcConfig}, {"StoppingCondition", &kStoppingCondition, true},
    {"CreationTime", &kTimestamp, true}, {"TrainingStartTime", &kTimestamp},
    {"TrainingEndTime", &kTimestamp}, {"LastModifiedTime", &kTimestamp},
    {"SecondaryStatusTransitions", &kSecondaryStatusTransitions},
    {"FinalMetricDataList", &kFinalMetricDataList}, {"EnableNetworkIsolation", &kBoolean},
    {"EnableInterContainerTrafficEncryption", &kBoolean}, {"EnableManagedSpotTraining", &kBoolean},
    {"CheckpointConfig", &kCheckpointConfig}, {"TrainingTimeInSeconds", &kTrainingTimeInSeconds},
    {"BillableTimeInSeconds", &kBillableTimeInSeconds},
    {"BillableTokenCount", &kBillableTokenCount}, {"DebugHookConfig", &kDebugHookConfig},
    {"ExperimentConfig", &kExperimentConfig},
    {"DebugRuleConfigurations", &kDebugRuleConfigurations},
    {"TensorBoardOutputConfig", &kTensorBoardOutputConfig},
    {"DebugRuleEvaluationStatuses", &kDebugRuleEvaluationStatuses},
    {"ProfilerConfig", &kProfilerConfig},
    {"ProfilerRuleConfigurations", &kProfilerRuleConfigurations},
    {"ProfilerRuleEvaluationStatuses", &kProfilerRuleEvaluationStatuses},
    {"ProfilingStatus", &kProfilingStatus}, {"Environment", &kTrainingEnvironmentMap},
    {"RetryStrategy", &kRetryStrategy}, {"RemoteDebugConfig", &kRemoteDebugConfig},
    {"InfraCheckConfig", &kInfraCheckConfig}, {"ServerlessJobConfig", &kServerlessJobConfig},
    {"MlflowConfig", &kMlflowConfig}, {"ModelPackageConfig", &kModelPackageConfig},
    {"MlflowDetails", &kMlflowDetails}, {"ProgressInfo", &kTrainingProgressInfo},
    {"OutputModelPackageArn", &kModelPackageArn}};
constexpr Shape kDescribeTrainingJobResponse = Structure("DescribeTrainingJobResponse", kDescribeTrainingJobResponseMembers);
constexpr Member kDescribeTransformJobRequestMembers[] = {
    {"TransformJobName", &kTransformJobName, true}};
constexpr Shape kDescribeTransformJobRequest = Structure("DescribeTransformJobRequest", kDescribeTransformJobRequestMembers);
constexpr std::string_view kTransformJobStatusValues[] = {
    "InProgress", "Completed", "Failed", "Stopping", "Stopped"};
constexpr Shape kTransformJobStatus = Enum(kTransformJobStatusValues);
constexpr Member kDescribeTransformJobResponseMembers[] = {
    {"TransformJobName", &kTransformJobName, true}, {"TransformJobArn", &kTransformJobArn, true},
    {"TransformJobStatus", &kTransformJobStatus, true}, {"FailureReason", &kFailureReason},
    {"ModelName", &kModelName, true}, {"MaxConcurrentTransforms", &kMaxConcurrentTransforms},
    {"ModelClientConfig", &kModelClientConfig}, {"MaxPayloadInMB", &kMaxPayloadInMB},
    {"BatchStrategy", &kBatchStrategy}, {"Environment", &kTransformEnvironmentMap},
    {"TransformInput", &kTransformInput, true}, {"TransformOutput", &kTransformOutput},
    {"DataCaptureConfig", &kBatchDataCaptureConfig},
    {"TransformResources", &kTransformResources, true}, {"CreationTime", &kTimestamp, true},
    {"TransformStartTime", &kTimestamp}, {"TransformEndTime", &kTimestamp},
    {"LabelingJobArn", &kLabelingJobArn}, {"AutoMLJobArn", &kAutoMLJobArn},
    {"DataProcessing", &kDataProcessing}, {"ExperimentConfig", &kExperimentConfig}};
constexpr Shape kDescribeTransformJobResponse = Structure("DescribeTransformJobResponse", kDescribeTransformJobResponseMembers);
constexpr Member kDescribeTrialRequestMembers[] = {{"TrialName", &kExperimentEntityName, true}};
constexpr Shape kDescribeTrialRequest = Structure("DescribeTrialRequest", kDescribeTrialRequestMembers);
constexpr Shape kTrialSourceArn = String(0, 256);
constexpr Member kTrialSourceMembers[] = {
    {"SourceArn", &kTrialSourceArn, true}, {"SourceType", &kSourceType}};
constexpr Shape kTrialSource = Structure("TrialSource", kTrialSourceMembers);
constexpr Member kDescribeTrialResponseMembers[] = {
    {"TrialName", &kExperimentEntityName}, {"TrialArn", &kTrialArn},
    {"DisplayName", &kExperimentEntityName}, {"ExperimentName", &kExperimentEntityName},
    {"Source", &kTrialSource}, {"CreationTime", &kTimestamp}, {"CreatedBy", &kUserContext},
    {"LastModifiedTime", &kTimestamp}, {"LastModifiedBy", &kUserContext},
    {"MetadataProperties", &kMetadataProperties}};
constexpr Shape kDescribeTrialResponse = Structure("DescribeTrialResponse", kDescribeTrialResponseMembers);
constexpr Member kDescribeTrialComponentRequestMembers[] = {
    {"TrialComponentName", &kExperimentEntityNameOrArn, true}};
constexpr Shape kDescribeTrialComponentRequest = Structure("DescribeTrialComponentRequest", kDescribeTrialComponentRequestMembers);
constexpr Shape kTrialComponentSourceArn = String(0, 256);
constexpr Member kTrialComponentSourceMembers[] = {
    {"SourceArn", &kTrialComponentSourceArn, true}, {"SourceType", &kSourceType}};
constexpr Shape kTrialComponentSource = Structure("TrialComponentSource", kTrialComponentSourceMembers);
constexpr Shape kOptionalDouble = Double();
constexpr Shape kOptionalInteger = Integer();
constexpr Member kTrialComponentMetricSummaryMembers[] = {
    {"MetricName", &kMetricName}, {"SourceArn", &kTrialComponentSourceArn},
    {"TimeStamp", &kTimestamp}, {"Max", &kOptionalDouble}, {"Min", &kOptionalDouble},
    {"Last", &kOptionalDouble}, {"Count", &kOptionalInteger}, {"Avg", &kOptionalDouble},
    {"StdDev", &kOptionalDouble}};
constexpr Shape kTrialComponentMetricSummary = Structure("TrialComponentMetricSummary", kTrialComponentMetricSummaryMembers);
constexpr Shape kTrialComponentMetricSummaries = List(&kTrialComponentMetricSummary);
constexpr Shape kTrialComponentSources = List(&kTrialComponentSource);
constexpr Member kDescribeTrialComponentResponseMembers[] = {
    {"TrialComponentName", &kExperimentEntityName}, {"TrialComponentArn", &kTrialComponentArn},
    {"DisplayName", &kExperimentEntityName}, {"Source", &kTrialComponentSource},
    {"Status", &kTrialComponentStatus}, {"StartTime", &kTimestamp}, {"EndTime", &kTimestamp},
    {"CreationTime", &kTimestamp}, {"CreatedBy", &kUserContext}, {"LastModifiedTime", &kTimestamp},
    {"LastModifiedBy", &kUserContext}, {"Parameters", &kTrialComponentParameters},
    {"InputArtifacts", &kTrialComponentArtifacts}, {"OutputArtifacts", &kTrialComponentArtifacts},
    {"MetadataProperties", &kMetadataProperties}, {"Metrics", &kTrialComponentMetricSummaries},
    {"LineageGroupArn", &kLineageGroupArn}, {"Sources", &kTrialComponentSources}};
constexpr Shape kDescribeTrialComponentResponse = Structure("DescribeTrialComponentResponse", kDescribeTrialComponentResponseMembers);
constexpr Member kDisassociateTrialComponentRequestMembers[] = {
    {"TrialComponentName", &kExperimentEntityName, true},
    {"TrialName", &kExperimentEntityName, true}};
constexpr Shape kDisassociateTrialComponentRequest = Structure("DisassociateTrialComponentRequest", kDisassociateTrialComponentRequestMembers);
constexpr Member kDisassociateTrialComponentResponseMembers[] = {
    {"TrialComponentArn", &kTrialComponentArn}, {"TrialArn", &kTrialArn}};
constexpr Shape kDisassociateTrialComponentResponse = Structure("DisassociateTrialComponentResponse", kDisassociateTrialComponentResponseMembers);
constexpr Member kGetModelPackageGroupPolicyInputMembers[] = {
    {"ModelPackageGroupName", &kEntityName, true}};
constexpr Shape kGetModelPackageGroupPolicyInput = Structure("GetModelPackageGroupPolicyInput", kGetModelPackageGroupPolicyInputMembers);
constexpr Shape kPolicyString = String(1, 20480, ".*");
constexpr Member kGetModelPackageGroupPolicyOutputMembers[] = {
    {"ResourcePolicy", &kPolicyString, true}};
constexpr Shape kGetModelPackageGroupPolicyOutput = Structure("GetModelPackageGroupPolicyOutput", kGetModelPackageGroupPolicyOutputMembers);
constexpr std::string_view kResourceTypeValues[] = {
    "TrainingJob", "Experiment", "ExperimentTrial", "ExperimentTrialComponent", "Endpoint", "Model",
    "ModelPackage", "ModelPackageGroup", "Pipeline", "PipelineExecution", "FeatureGroup",
    "FeatureMetadata", "Image", "ImageVersion", "Project", "HyperParameterTuningJob", "ModelCard",
    "PipelineVersion", "Job", "HubContent"};
constexpr Shape kResourceType = Enum(kResourceTypeValues);
constexpr Shape kPropertyNameHint = String(0, 100, ".*");
constexpr Member kPropertyNameQueryMembers[] = {{"PropertyNameHint", &kPropertyNameHint, true}};
constexpr Shape kPropertyNameQuery = Structure("PropertyNameQuery", kPropertyNameQueryMembers);
constexpr Member kSuggestionQueryMembers[] = {{"PropertyNameQuery", &kPropertyNameQuery}};
constexpr Shape kSuggestionQuery = Structure("SuggestionQuery", kSuggestionQueryMembers);
constexpr Member kGetSearchSuggestionsRequestMembers[] = {
    {"Resource", &kResourceType, true}, {"SuggestionQuery", &kSuggestionQuery}};
constexpr Shape kGetSearchSuggestionsRequest = Structure("GetSearchSuggestionsRequest", kGetSearchSuggestionsRequestMembers);
constexpr Shape kResourcePropertyName = String(1, 255, ".+");
constexpr Member kPropertyNameSuggestionMembers[] = {{"PropertyName", &kResourcePropertyName}};
constexpr Shape kPropertyNameSuggestion = Structure("PropertyNameSuggestion", kPropertyNameSuggestionMembers);
constexpr Shape kPropertyNameSuggestionList = List(&kPropertyNameSuggestion);
constexpr Member kGetSearchSuggestionsResponseMembers[] = {
    {"PropertyNameSuggestions", &kPropertyNameSuggestionList}};
constexpr Shape kGetSearchSuggestionsResponse = Structure("GetSearchSuggestionsResponse", kGetSearchSuggestionsResponseMembers);
constexpr std::string_view kSortActionsByValues[] = {"Name", "CreationTime"};
constexpr Shape kSortActionsBy = Enum(kSortActionsByValues);
constexpr std::string_view kSortOrderValues[] = {"Ascending", "Descending"};
constexpr Shape kSortOrder = Enum(kSortOrderValues);
constexpr Shape kNextToken = String(0, 8192, ".*");
constexpr Shape kMaxResults = Integer(1, 100);
constexpr Member kListActionsRequestMembers[] = {
    {"SourceUri", &kSourceUri}, {"ActionType", &kString256}, {"CreatedAfter", &kTimestamp},
    {"CreatedBefore", &kTimestamp}, {"SortBy", &kSortActionsBy}, {"SortOrder", &kSortOrder},
    {"NextToken", &kNextToken}, {"MaxResults", &kMaxResults}};
constexpr Shape kListActionsRequest = Structure("ListActionsRequest", kListActionsRequestMembers);
constexpr Shape kActionArn = String(0, 256);
constexpr Member kActionSourceMembers[] = {
    {"SourceUri", &kSourceUri, true}, {"SourceType", &kString256}, {"SourceId", &kString256}};
constexpr Shape kActionSource = Structure("ActionSource", kActionSourceMembers);
constexpr Shape kString64 = String(0, 64);
constexpr std::string_view kActionStatusValues[] = {
    "Unknown", "InProgress", "Completed", "Failed", "Stopping", "Stopped"};
constexpr Shape kActionStatus = Enum(kActionStatusValues);
constexpr Member kActionSummaryMembers[] = {
    {"ActionArn", &kActionArn}, {"ActionName", &kExperimentEntityName}, {"Source", &kActionSource},
    {"ActionType", &kString64}, {"Status", &kActionStatus}, {"CreationTime", &kTimestamp},
    {"LastModifiedTime", &kTimestamp}};
constexpr Shape kActionSummary = Structure("ActionSummary", kActionSummaryMembers);
constexpr Shape kActionSummaries = List(&kActionSummary);
constexpr Member kListActionsResponseMembers[] = {
    {"ActionSummaries", &kActionSummaries}, {"NextToken", &kNextToken}};
constexpr Shape kListActionsResponse = Structure("ListActionsResponse", kListActionsResponseMembers);
constexpr Shape kNameContains = String(0, 63, R"([a-zA-Z0-9\-]+)");
constexpr std::string_view kAlgorithmSortByValues[] = {"Name", "CreationTime"};
constexpr Shape kAlgorithmSortBy = Enum(kAlgorithmSortByValues);
constexpr Member kListAlgorithmsInputMembers[] = {
    {"CreationTimeAfter", &kCreationTime}, {"CreationTimeBefore", &kCreationTime},
    {"MaxResults", &kMaxResults}, {"NameContains", &kNameContains}, {"NextToken", &kNextToken},
    {"SortBy", &kAlgorithmSortBy}, {"SortOrder", &kSortOrder}};
constexpr Shape kListAlgorithmsInput = Structure("ListAlgorithmsInput", kListAlgorithmsInputMembers);
constexpr Member kAlgorithmSummaryMembers[] = {
    {"AlgorithmName", &kEntityName, true}, {"AlgorithmArn", &kAlgorithmArn, true},
    {"AlgorithmDescription", &kEntityDescription}, {"CreationTime", &kCreationTime, true},
    {"AlgorithmStatus", &kAlgorithmStatus, true}};
constexpr Shape kAlgorithmSummary = Structure("AlgorithmSummary", kAlgorithmSummaryMembers);
constexpr Shape kAlgorithmSummaryList = List(&kAlgorithmSummary);
constexpr Member kListAlgorithmsOutputMembers[] = {
    {"AlgorithmSummaryList", &kAlgorithmSummaryList, true}, {"NextToken", &kNextToken}};
constexpr Shape kListAlgorithmsOutput = Structure("ListAlgorithmsOutput", kListAlgorithmsOutputMembers);
constexpr std::string_view kSortArtifactsByValues[] = {"CreationTime"};
constexpr Shape kSortArtifactsBy = Enum(kSortArtifactsByValues);
constexpr Member kListArtifactsRequestMembers[] = {
    {"SourceUri", &kSourceUri}, {"ArtifactType", &kString256}, {"CreatedAfter", &kTimestamp},
    {"CreatedBefore", &kTimestamp}, {"SortBy", &kSortArtifactsBy}, {"SortOrder", &kSortOrder},
    {"NextToken", &kNextToken}, {"MaxResults", &kMaxResults}};
constexpr Shape kListArtifactsRequest = Structure("ListArtifactsRequest", kListArtifactsRequestMembers);
constexpr Member kArtifactSummaryMembers[] = {
    {"ArtifactArn", &kArtifactArn}, {"ArtifactName", &kExperimentEntityName},
    {"Source", &kArtifactSource}, {"ArtifactType", &kString256}, {"CreationTime", &kTimestamp},
    {"LastModifiedTime", &kTimestamp}};
constexpr Shape kArtifactSummary = Structure("ArtifactSummary", kArtifactSummaryMembers);
constexpr Shape kArtifactSummaries = List(&kArtifactSummary);
constexpr Member kListArtifactsResponseMembers[] = {
    {"ArtifactSummaries", &kArtifactSummaries}, {"NextToken", &kNextToken}};
constexpr Shape kListArtifactsResponse = Structure("ListArtifactsResponse", kListArtifactsResponseMembers);
constexpr std::string_view kSortAssociationsByValues[] = {
    "SourceArn", "DestinationArn", "SourceType", "DestinationType", "CreationTime"};
constexpr Shape kSortAssociationsBy = Enum(kSortAssociationsByValues);
constexpr Member kListAssociationsRequestMembers[] = {
    {"SourceArn", &kAssociationEntityArn}, {"DestinationArn", &kAssociationEntityArn},
    {"SourceType", &kString256}, {"DestinationType", &kString256},
    {"AssociationType", &kAssociationEdgeType}, {"CreatedAfter", &kTimestamp},
    {"CreatedBefore", &kTimestamp}, {"SortBy", &kSortAssociationsBy}, {"SortOrder", &kSortOrder},
    {"NextToken", &kNextToken}, {"MaxResults", &kMaxResults}};
constexpr Shape kListAssociationsRequest = Structure("ListAssociationsRequest", kListAssociationsRequestMembers);
constexpr Member kAssociationSummaryMembers[] = {
    {"SourceArn", &kAssociationEntityArn}, {"DestinationArn", &kAssociationEntityArn},
    {"SourceType", &kString256}, {"DestinationType", &kString256},
    {"AssociationType", &kAssociationEdgeType}, {"SourceName", &kExperimentEntityName},
    {"DestinationName", &kExperimentEntityName}, {"CreationTime", &kTimestamp},
    {"CreatedBy", &kUserContext}};
constexpr Shape kAssociationSummary = Structure("AssociationSummary", kAssociationSummaryMembers);
constexpr Shape kAssociationSummaries = List(&kAssociationSummary);
constexpr Member kListAssociationsResponseMembers[] = {
    {"AssociationSummaries", &kAssociationSummaries}, {"NextToken", &kNextToken}};
constexpr Shape kListAssociationsResponse = Structure("ListAssociationsResponse", kListAssociationsResponseMembers);
constexpr Shape kAutoMLNameContains = String(0, 63, R"([a-zA-Z0-9\-]+)");
constexpr std::string_view kAutoMLSortOrderValues[] = {"Ascending", "Descending"};
constexpr Shape kAutoMLSortOrder = Enum(kAutoMLSortOrderValues);
constexpr std::string_view kAutoMLSortByValues[] = {"Name", "CreationTime", "Status"};
constexpr Shape kAutoMLSortBy = Enum(kAutoMLSortByValues);
constexpr Shape kAutoMLMaxResults = Integer(1, 100);
constexpr Member kListAutoMLJobsRequestMembers[] = {
    {"CreationTimeAfter", &kTimestamp}, {"CreationTimeBefore", &kTimestamp},
    {"LastModifiedTimeAfter", &kTimestamp}, {"LastModifiedTimeBefore", &kTimestamp},
    {"NameContains", &kAutoMLNameContains}, {"StatusEquals", &kAutoMLJobStatus},
    {"SortOrder", &kAutoMLSortOrder}, {"SortBy", &kAutoMLSortBy},
    {"MaxResults", &kAutoMLMaxResults}, {"NextToken", &kNextToken}};
constexpr Shape kListAutoMLJobsRequest = Structure("ListAutoMLJobsRequest", kListAutoMLJobsRequestMembers);
constexpr Member kAutoMLJobSummaryMembers[] = {
    {"AutoMLJobName", &kAutoMLJobName, true}, {"AutoMLJobArn", &kAutoMLJobArn, true},
    {"AutoMLJobStatus", &kAutoMLJobStatus, true},
    {"AutoMLJobSecondaryStatus", &kAutoMLJobSecondaryStatus, true},
    {"CreationTime", &kTimestamp, true}, {"EndTime", &kTimestamp},
    {"LastModifiedTime", &kTimestamp, true}, {"FailureReason", &kAutoMLFailureReason},
    {"PartialFailureReasons", &kAutoMLPartialFailureReasons}};
constexpr Shape kAutoMLJobSummary = Structure("AutoMLJobSummary", kAutoMLJobSummaryMembers);
constexpr Shape kAutoMLJobSummaries = List(&kAutoMLJobSummary);
constexpr Member kListAutoMLJobsResponseMembers[] = {
    {"AutoMLJobSummaries", &kAutoMLJobSummaries, true}, {"NextToken", &kNextToken}};
constexpr Shape kListAutoMLJobsResponse = Structure("ListAutoMLJobsResponse", kListAutoMLJobsResponseMembers);
constexpr std::string_view kCandidateSortByValues[] = {
    "CreationTime", "Status", "FinalObjectiveMetricValue"};
constexpr Shape kCandidateSortBy = Enum(kCandidateSortByValues);
constexpr Shape kAutoMLMaxResultsForTrials = Integer(1, 300);
constexpr Member kListCandidatesForAutoMLJobRequestMembers[] = {
    {"AutoMLJobName", &kAutoMLJobName, true}, {"StatusEquals", &kCandidateStatus},
    {"CandidateNameEquals", &kCandidateName}, {"SortOrder", &kAutoMLSortOrder},
    {"SortBy", &kCandidateSortBy}, {"MaxResults", &kAutoMLMaxResultsForTrials},
    {"NextToken", &kNextToken}};
constexpr Shape kListCandidatesForAutoMLJobRequest = Structure("ListCandidatesForAutoMLJobRequest", kListCandidatesForAutoMLJobRequestMembers);
constexpr Shape kAutoMLCandidates = List(&kAutoMLCandidate);
constexpr Member kListCandidatesForAutoMLJobResponseMembers[] = {
    {"Candidates", &kAutoMLCandidates, true}, {"NextToken", &kNextToken}};
constexpr Shape kListCandidatesForAutoMLJobResponse = Structure("ListCandidatesForAutoMLJobResponse", kListCandidatesForAutoMLJobResponseMembers);
constexpr std::string_view kSortContextsByValues[] = {"Name", "CreationTime"};
constexpr Shape kSortContextsBy = Enum(kSortContextsByValues);
constexpr Member kListContextsRequestMembers[] = {
    {"SourceUri", &kSourceUri}, {"ContextType", &kString256}, {"CreatedAfter", &kTimestamp},
    {"CreatedBefore", &kTimestamp}, {"SortBy", &kSortContextsBy}, {"SortOrder", &kSortOrder},
    {"NextToken", &kNextToken}, {"MaxResults", &kMaxResults}};
constexpr Shape kListContextsRequest = Structure("ListContextsRequest", kListContextsRequestMembers);
constexpr Shape kContextArn = String(0, 256);
constexpr Shape kContextName = String(1, 120);
constexpr Member kContextSourceMembers[] = {
    {"SourceUri", &kSourceUri, true}, {"SourceType", &kString256}, {"SourceId", &kString256}};
constexpr Shape kContextSource = Structure("ContextSource", kContextSourceMembers);
constexpr Member kContextSummaryMembers[] = {
    {"ContextArn", &kContextArn}, {"ContextName", &kContextName}, {"Source", &kContextSource},
    {"ContextType", &kString256}, {"CreationTime", &kTimestamp}, {"LastModifiedTime", &kTimestamp}};
constexpr Shape kContextSummary = Structure("ContextSummary", kContextSummaryMembers);
constexpr Shape kContextSummaries = List(&kContextSummary);
constexpr Member kListContextsResponseMembers[] = {
    {"ContextSummaries", &kContextSummaries}, {"NextToken", &kNextToken}};
constexpr Shape kListContextsResponse = Structure("ListContextsResponse", kListContextsResponseMembers);
constexpr std::string_view kMonitoringJobDefinitionSortKeyValues[] = {"Name", "CreationTime"};
constexpr Shape kMonitoringJobDefinitionSortKey = Enum(kMonitoringJobDefinitionSortKeyValues);
constexpr Member kListDataQualityJobDefinitionsRequestMembers[] = {
    {"EndpointName", &kEndpointName}, {"SortBy", &kMonitoringJobDefinitionSortKey},
    {"SortOrder", &kSortOrder}, {"NextToken", &kNextToken}, {"MaxResults", &kMaxResults},
    {"NameContains", &kNameContains}, {"CreationTimeBefore", &kTimestamp},
    {"CreationTimeAfter", &kTimestamp}};
constexpr Shape kListDataQualityJobDefinitionsRequest = Structure("ListDataQualityJobDefinitionsRequest", kListDataQualityJobDefinitionsRequestMembers);
constexpr Member kMonitoringJobDefinitionSummaryMembers[] = {
    {"MonitoringJobDefinitionName", &kMonitoringJobDefinitionName, true},
    {"MonitoringJobDefinitionArn", &kMonitoringJobDefinitionArn, true},
    {"CreationTime", &kTimestamp, true}, {"EndpointName", &kEndpointName, true}};
constexpr Shape kMonitoringJobDefinitionSummary = Structure("MonitoringJobDefinitionSummary", kMonitoringJobDefinitionSummaryMembers);
constexpr Shape kMonitoringJobDefinitionSummaryList = List(&kMonitoringJobDefinitionSummary);
constexpr Member kListDataQualityJobDefinitionsResponseMembers[] = {
    {"JobDefinitionSummaries", &kMonitoringJobDefinitionSummaryList, true},
    {"NextToken", &kNextToken}};
constexpr Shape kListDataQualityJobDefinitionsResponse = Structure("ListDataQualityJobDefinitionsResponse", kListDataQualityJobDefinitionsResponseMembers);
constexpr std::string_view kEndpointConfigSortKeyValues[] = {"Name", "CreationTime"};
constexpr Shape kEndpointConfigSortKey = Enum(kEndpointConfigSortKeyValues);
constexpr std::string_view kOrderKeyValues[] = {"Ascending", "Descending"};
constexpr Shape kOrderKey = Enum(kOrderKeyValues);
constexpr Shape kPaginationToken = String(0, 8192, ".*");
constexpr Shape kEndpointConfigNameContains = String(0, 63, "[a-zA-Z0-9-]+");
constexpr Member kListEndpointConfigsInputMembers[] = {
    {"SortBy", &kEndpointConfigSortKey}, {"SortOrder", &kOrderKey},
    {"NextToken", &kPaginationToken}, {"MaxResults", &kMaxResults},
    {"NameContains", &kEndpointConfigNameContains}, {"CreationTimeBefore", &kTimestamp},
    {"CreationTimeAfter", &kTimestamp}};
constexpr Shape kListEndpointConfigsInput = Structure("ListEndpointConfigsInput", kListEndpointConfigsInputMembers);
constexpr Member kEndpointConfigSummaryMembers[] = {
    {"EndpointConfigName", &kEndpointConfigName, true},
    {"EndpointConfigArn", &kEndpointConfigArn, true}, {"CreationTime", &kTimestamp, true}};
constexpr Shape kEndpointConfigSummary = Structure("EndpointConfigSummary", kEndpointConfigSummaryMembers);
constexpr Shape kEndpointConfigSummaryList = List(&kEndpointConfigSummary);
constexpr Member kListEndpointConfigsOutputMembers[] = {
    {"EndpointConfigs", &kEndpointConfigSummaryList, true}, {"NextToken", &kPaginationToken}};
constexpr Shape kListEndpointConfigsOutput = Structure("ListEndpointConfigsOutput", kListEndpointConfigsOutputMembers);
constexpr std::string_view kEndpointSortKeyValues[] = {"Name", "CreationTime", "Status"};
constexpr Shape kEndpointSortKey = Enum(kEndpointSortKeyValues);
constexpr Shape kEndpointNameContains = String(0, 63, "[a-zA-Z0-9-]+");
constexpr Member kListEndpointsInputMembers[] = {
    {"SortBy", &kEndpointSortKey}, {"SortOrder", &kOrderKey}, {"NextToken", &kPaginationToken},
    {"MaxResults", &kMaxResults}, {"NameContains", &kEndpointNameContains},
    {"CreationTimeBefore", &kTimestamp}, {"CreationTimeAfter", &kTimestamp},
    {"LastModifiedTimeBefore", &kTimestamp}, {"LastModifiedTimeAfter", &kTimestamp},
    {"StatusEquals", &kEndpointStatus}};
constexpr Shape kListEndpointsInput = Structure("ListEndpointsInput", kListEndpointsInputMembers);
constexpr Member kEndpointSummaryMembers[] = {
    {"EndpointName", &kEndpointName, true}, {"EndpointArn", &kEndpointArn, true},
    {"CreationTime", &kTimestamp, true}, {"LastModifiedTime", &kTimestamp, true},
    {"EndpointStatus", &kEndpointStatus, true}};
constexpr Shape kEndpointSummary = Structure("EndpointSummary", kEndpointSummaryMembers);
constexpr Shape kEndpointSummaryList = List(&kEndpointSummary);
constexpr Member kListEndpointsOutputMembers[] = {
    {"Endpoints", &kEndpointSummaryList, true}, {"NextToken", &kPaginationToken}};
constexpr Shape kListEndpointsOutput = Structure("ListEndpointsOutput", kListEndpointsOutputMembers);
constexpr std::string_view kSortExperimentsByValues[] = {"Name", "CreationTime"};
constexpr Shape kSortExperimentsBy = Enum(kSortExperimentsByValues);
constexpr Member kListExperimentsRequestMembers[] = {
    {"CreatedAfter", &kTimestamp}, {"CreatedBefore", &kTimestamp}, {"SortBy", &kSortExperimentsBy},
    {"SortOrder", &kSortOrder}, {"NextToken", &kNextToken}, {"MaxResults", &kMaxResults}};
constexpr Shape kListExperimentsRequest = Structure("ListExperimentsRequest", kListExperimentsRequestMembers);
constexpr Member kExperimentSummaryMembers[] = {
    {"ExperimentArn", &kExperimentArn}, {"ExperimentName", &kExperimentEntityName},
    {"DisplayName", &kExperimentEntityName}, {"ExperimentSource", &kExperimentSource},
    {"CreationTime", &kTimestamp}, {"LastModifiedTime", &kTimestamp}};
constexpr Shape kExperimentSummary = Structure("ExperimentSummary", kExperimentSummaryMembers);
constexpr Shape kExperimentSummaries = List(&kExperimentSummary);
constexpr Member kListExperimentsResponseMembers[] = {
    {"ExperimentSummaries", &kExperimentSummaries}, {"NextToken", &kNextToken}};
constexpr Shape kListExperimentsResponse = Structure("ListExperimentsResponse", kListExperimentsResponseMembers);
constexpr std::string_view kHyperParameterTuningJobSortByOptionsValues[] = {
    "Name", "Status", "CreationTime"};
constexpr Shape kHyperParameterTuningJobSortByOptions = Enum(kHyperParameterTuningJobSortByOptionsValues);
constexpr Member kListHyperParameterTuningJobsRequestMembers[] = {
    {"NextToken", &kNextToken}, {"MaxResults", &kMaxResults},
    {"SortBy", &kHyperParameterTuningJobSortByOptions}, {"SortOrder", &kSortOrder},
    {"NameContains", &kNameContains}, {"CreationTimeAfter", &kTimestamp},
    {"CreationTimeBefore", &kTimestamp}, {"LastModifiedTimeAfter", &kTimestamp},
    {"LastModifiedTimeBefore", &kTimestamp}, {"StatusEquals", &kHyperParameterTuningJobStatus}};
constexpr Shape kListHyperParameterTuningJobsRequest = Structure("ListHyperParameterTuningJobsRequest", kListHyperParameterTuningJobsRequestMembers);
constexpr Member kHyperParameterTuningJobSummaryMembers[] = {
    {"HyperParameterTuningJobName", &kHyperParameterTuningJobName, true},
    {"HyperParameterTuningJobArn", &kHyperParameterTuningJobArn, true},
    {"HyperParameterTuningJobStatus", &kHyperParameterTuningJobStatus, true},
    {"Strategy", &kHyperParameterTuningJobStrategyType, true}, {"CreationTime", &kTimestamp, true},
    {"HyperParameterTuningEndTime", &kTimestamp}, {"LastModifiedTime", &kTimestamp},
    {"TrainingJobStatusCounters", &kTrainingJobStatusCounters, true},
    {"ObjectiveStatusCounters", &kObjectiveStatusCounters, true},
    {"ResourceLimits", &kResourceLimits}};
constexpr Shape kHyperParameterTuningJobSummary = Structure("HyperParameterTuningJobSummary", kHyperParameterTuningJobSummaryMembers);
constexpr Shape kHyperParameterTuningJobSummaries = List(&kHyperParameterTuningJobSummary);
constexpr Member kListHyperParameterTuningJobsResponseMembers[] = {
    {"HyperParameterTuningJobSummaries", &kHyperParameterTuningJobSummaries, true},
    {"NextToken", &kNextToken}};
constexpr Shape kListHyperParameterTuningJobsResponse = Structure("ListHyperParameterTuningJobsResponse", kListHyperParameterTuningJobsResponseMembers);
constexpr std::string_view kInferenceComponentSortKeyValues[] = {"Name", "CreationTime", "Status"};
constexpr Shape kInferenceComponentSortKey = Enum(kInferenceComponentSortKeyValues);
constexpr Shape kInferenceComponentNameContains = String(0, 63, "[a-zA-Z0-9-]+");
constexpr Member kListInferenceComponentsInputMembers[] = {
    {"SortBy", &kInferenceComponentSortKey}, {"SortOrder", &kOrderKey},
    {"NextToken", &kPaginationToken}, {"MaxResults", &kMaxResults},
    {"NameContains", &kInferenceComponentNameContains}, {"CreationTimeBefore", &kTimestamp},
    {"CreationTimeAfter", &kTimestamp}, {"LastModifiedTimeBefore", &kTimestamp},
    {"LastModifiedTimeAfter", &kTimestamp}, {"StatusEquals", &kInferenceComponentStatus},
    {"EndpointNameEquals", &kEndpointName}, {"VariantNameEquals", &kVariantName}};
constexpr Shape kListInferenceComponentsInput = Structure("ListInferenceComponentsInput", kListInferenceComponentsInputMembers);
constexpr Member kInferenceComponentSummaryMembers[] = {
    {"CreationTime", &kTimestamp, true}, {"InferenceComponentArn", &kInferenceComponentArn, true},
    {"InferenceComponentName", &kInferenceComponentName, true},
    {"EndpointArn", &kEndpointArn, true}, {"EndpointName", &kEndpointName, true},
    {"VariantName", &kVariantName, true}, {"InferenceComponentStatus", &kInferenceComponentStatus},
    {"LastModifiedTime", &kTimestamp, true}};
constexpr Shape kInferenceComponentSummary = Structure("InferenceComponentSummary", kInferenceComponentSummaryMembers);
constexpr Shape kInferenceComponentSummaryList = List(&kInferenceComponentSummary);
constexpr Member kListInferenceComponentsOutputMembers[] = {
    {"InferenceComponents", &kInferenceComponentSummaryList, true}, {"NextToken", &kPaginationToken}};
constexpr Shape kListInferenceComponentsOutput = Structure("ListInferenceComponentsOutput", kListInferenceComponentsOutputMembers);
constexpr Member kListModelBiasJobDefinitionsRequestMembers[] = {
    {"EndpointName", &kEndpointName}, {"SortBy", &kMonitoringJobDefinitionSortKey},
    {"SortOrder", &kSortOrder}, {"NextToken", &kNextToken}, {"MaxResults", &kMaxResults},
    {"NameContains", &kNameContains}, {"CreationTimeBefore", &kTimestamp},
    {"CreationTimeAfter", &kTimestamp}};
constexpr Shape kListModelBiasJobDefinitionsRequest = Structure("ListModelBiasJobDefinitionsRequest", kListModelBiasJobDefinitionsRequestMembers);
constexpr Member kListModelBiasJobDefinitionsResponseMembers[] = {
    {"JobDefinitionSummaries", &kMonitoringJobDefinitionSummaryList, true},
    {"NextToken", &kNextToken}};
constexpr Shape kListModelBiasJobDefinitionsResponse = Structure("ListModelBiasJobDefinitionsResponse", kListModelBiasJobDefinitionsResponseMembers);
constexpr Member kListModelExplainabilityJobDefinitionsRequestMembers[] = {
    {"EndpointName", &kEndpointName}, {"SortBy", &kMonitoringJobDefinitionSortKey},
    {"SortOrder", &kSortOrder}, {"NextToken", &kNextToken}, {"MaxResults", &kMaxResults},
    {"NameContains", &kNameContains}, {"CreationTimeBefore", &kTimestamp},
    {"CreationTimeAfter", &kTimestamp}};
constexpr Shape kListModelExplainabilityJobDefinitionsRequest = Structure("ListModelExplainabilityJobDefinitionsRequest", kListModelExplainabilityJobDefinitionsRequestMembers);
constexpr Member kListModelExplainabilityJobDefinitionsResponseMembers[] = {
    {"JobDefinitionSummaries", &kMonitoringJobDefinitionSummaryList, true},
    {"NextToken", &kNextToken}};
constexpr Shape kListModelExplainabilityJobDefinitionsResponse = Structure("ListModelExplainabilityJobDefinitionsResponse", kListModelExplainabilityJobDefinitionsResponseMembers);
constexpr std::string_view kModelMetadataFilterTypeValues[] = {
    "Domain", "Framework", "Task", "FrameworkVersion"};
constexpr Shape kModelMetadataFilterType = Enum(kModelMetadataFilterTypeValues);
constexpr Member kModelMetadataFilterMembers[] = {
    {"Name", &kModelMetadataFilterType, true}, {"Value", &kString256, true}};
constexpr Shape kModelMetadataFilter = Structure("ModelMetadataFilter", kModelMetadataFilterMembers);
constexpr Shape kModelMetadataFilters = List(&kModelMetadataFilter, 1, 4);
constexpr Member kModelMetadataSearchExpressionMembers[] = {{"Filters", &kModelMetadataFilters}};
constexpr Shape kModelMetadataSearchExpression = Structure("ModelMetadataSearchExpression", kModelMetadataSearchExpressionMembers);
constexpr Member kListModelMetadataRequestMembers[] = {
    {"SearchExpression", &kModelMetadataSearchExpression}, {"NextToken", &kNextToken},
    {"MaxResults", &kMaxResults}};
constexpr Shape kListModelMetadataRequest = Structure("ListModelMetadataRequest", kListModelMetadataRequestMembers);
constexpr Member kModelMetadataSummaryMembers[] = {
    {"Domain", &kString, true}, {"Framework", &kString, true}, {"Task", &kString, true},
    {"Model", &kString, true}, {"FrameworkVersion", &kString, true}};
constexpr Shape kModelMetadataSummary = Structure("ModelMetadataSummary", kModelMetadataSummaryMembers);
constexpr Shape kModelMetadataSummaries = List(&kModelMetadataSummary);
constexpr Member kListModelMetadataResponseMembers[] = {
    {"ModelMetadataSummaries", &kModelMetadataSummaries, true}, {"NextToken", &kNextToken}};
constexpr Shape kListModelMetadataResponse = Structure("ListModelMetadataResponse", kListModelMetadataResponseMembers);
constexpr std::string_view kModelPackageGroupSortByValues[] = {"Name", "CreationTime"};
constexpr Shape kModelPackageGroupSortBy = Enum(kModelPackageGroupSortByValues);
constexpr std::string_view kCrossAccountFilterOptionValues[] = {"SameAccount", "CrossAccount"};
constexpr Shape kCrossAccountFilterOption = Enum(kCrossAccountFilterOptionValues);
constexpr Member kListModelPackageGroupsInputMembers[] = {
    {"CreationTimeAfter", &kCreationTime}, {"CreationTimeBefore", &kCreationTime},
    {"MaxResults", &kMaxResults}, {"NameContains", &kNameContains}, {"NextToken", &kNextToken},
    {"SortBy", &kModelPackageGroupSortBy}, {"SortOrder", &kSortOrder},
    {"CrossAccountFilterOption", &kCrossAccountFilterOption}};
constexpr Shape kListModelPackageGroupsInput = Structure("ListModelPackageGroupsInput", kListModelPackageGroupsInputMembers);
constexpr Member kModelPackageGroupSummaryMembers[] = {
    {"ModelPackageGroupName", &kEntityName, true},
    {"ModelPackageGroupArn", &kModelPackageGroupArn, true},
    {"ModelPackageGroupDescription", &kEntityDescription}, {"CreationTime", &kCreationTime, true},
    {"ModelPackageGroupStatus", &kModelPackageGroupStatus, true},
    {"ManagedConfiguration", &kManagedConfiguration}};
constexpr Shape kModelPackageGroupSummary = Structure("ModelPackageGroupSummary", kModelPackageGroupSummaryMembers);
constexpr Shape kModelPackageGroupSummaryList = List(&kModelPackageGroupSummary);
constexpr Member kListModelPackageGroupsOutputMembers[] = {
    {"ModelPackageGroupSummaryList", &kModelPackageGroupSummaryList, true},
    {"NextToken", &kNextToken}};
constexpr Shape kListModelPackageGroupsOutput = Structure("ListModelPackageGroupsOutput", kListModelPackageGroupsOutputMembers);
constexpr std::string_view kModelPackageTypeValues[] = {"Versioned", "Unversioned", "Both"};
constexpr Shape kModelPackageType = Enum(kModelPackageTypeValues);
constexpr std::string_view kModelPackageSortByValues[] = {"Name", "CreationTime"};
constexpr Shape kModelPackageSortBy = Enum(kModelPackageSortByValues);
constexpr Member kListModelPackagesInputMembers[] = {
    {"CreationTimeAfter", &kCreationTime}, {"CreationTimeBefore", &kCreationTime},
    {"MaxResults", &kMaxResults}, {"NameContains", &kNameContains},
    {"ModelApprovalStatus", &kModelApprovalStatus}, {"ModelPackageGroupName", &kArnOrName},
    {"ModelPackageType", &kModelPackageType}, {"NextToken", &kNextToken},
    {"SortBy", &kModelPackageSortBy}, {"SortOrder", &kSortOrder}};
constexpr Shape kListModelPackagesInput = Structure("ListModelPackagesInput", kListModelPackagesInputMembers);
constexpr Member kModelPackageSummaryMembers[] = {
    {"ModelPackageName", &kEntityName}, {"ModelPackageGroupName", &kEntityName},
    {"ModelPackageVersion", &kModelPackageVersion}, {"ModelPackageArn", &kModelPackageArn, true},
    {"ModelPackageDescription", &kEntityDescription}, {"CreationTime", &kCreationTime, true},
    {"ModelPackageStatus", &kModelPackageStatus, true},
    {"ModelApprovalStatus", &kModelApprovalStatus}, {"ModelLifeCycle", &kModelLifeCycle},
    {"ModelPackageRegistrationType", &kModelPackageRegistrationType}};
constexpr Shape kModelPackageSummary = Structure("ModelPackageSummary", kModelPackageSummaryMembers);
constexpr Shape kModelPackageSummaryList = List(&kModelPackageSummary);
constexpr Member kListModelPackagesOutputMembers[] = {
    {"ModelPackageSummaryList", &kModelPackageSummaryList, true}, {"NextToken", &kNextToken}};
constexpr Shape kListModelPackagesOutput = Structure("ListModelPackagesOutput", kListModelPackagesOutputMembers);
constexpr Member kListModelQualityJobDefinitionsRequestMembers[] = {
    {"EndpointName", &kEndpointName}, {"SortBy", &kMonitoringJobDefinitionSortKey},
    {"SortOrder", &kSortOrder}, {"NextToken", &kNextToken}, {"MaxResults", &kMaxResults},
    {"NameContains", &kNameContains}, {"CreationTimeBefore", &kTimestamp},
    {"CreationTimeAfter", &kTimestamp}};
constexpr Shape kListModelQualityJobDefinitionsRequest = Structure("ListModelQualityJobDefinitionsRequest", kListModelQualityJobDefinitionsRequestMembers);
constexpr Member kListModelQualityJobDefinitionsResponseMembers[] = {
    {"JobDefinitionSummaries", &kMonitoringJobDefinitionSummaryList, true},
    {"NextToken", &kNextToken}};
constexpr Shape kListModelQualityJobDefinitionsResponse = Structure("ListModelQualityJobDefinitionsResponse", kListModelQualityJobDefinitionsResponseMembers);
constexpr std::string_view kModelSortKeyValues[] = {"Name", "CreationTime"};
constexpr Shape kModelSortKey = Enum(kModelSortKeyValues);
constexpr Shape kModelNameContains = String(0, 63, "[a-zA-Z0-9-]+");
constexpr Member kListModelsInputMembers[] = {
    {"SortBy", &kModelSortKey}, {"SortOrder", &kOrderKey}, {"NextToken", &kPaginationToken},
    {"MaxResults", &kMaxResults}, {"NameContains", &kModelNameContains},
    {"CreationTimeBefore", &kTimestamp}, {"CreationTimeAfter", &kTimestamp}};
constexpr Shape kListModelsInput = Structure("ListModelsInput", kListModelsInputMembers);
constexpr Member kModelSummaryMembers[] = {
    {"ModelName", &kModelName, true}, {"ModelArn", &kModelArn, true},
    {"CreationTime", &kTimestamp, true}};
constexpr Shape kModelSummary = Structure("ModelSummary", kModelSummaryMembers);
constexpr Shape kModelSummaryList = List(&kModelSummary);
constexpr Member kListModelsOutputMembers[] = {
    {"Models", &kModelSummaryList, true}, {"NextToken", &kPaginationToken}};
constexpr Shape kListModelsOutput = Structure("ListModelsOutput", kListModelsOutputMembers);
constexpr Shape kMonitoringAlertName = String(1, 63, "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", "^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$");
constexpr std::string_view kMonitoringAlertHistorySortKeyValues[] = {"CreationTime", "Status"};
constexpr Shape kMonitoringAlertHistorySortKey = Enum(kMonitoringAlertHistorySortKeyValues);
constexpr std::string_view kMonitoringAlertStatusValues[] = {"InAlert", "OK"};
constexpr Shape kMonitoringAlertStatus = Enum(kMonitoringAlertStatusValues);
constexpr Member kListMonitoringAlertHistoryRequestMembers[] = {
    {"MonitoringScheduleName", &kMonitoringScheduleName},
    {"MonitoringAlertName", &kMonitoringAlertName}, {"SortBy", &kMonitoringAlertHistorySortKey},
    {"SortOrder", &kSortOrder}, {"NextToken", &kNextToken}, {"MaxResults", &kMaxResults},
    {"CreationTimeBefore", &kTimestamp}, {"CreationTimeAfter", &kTimestamp},
    {"StatusEquals", &kMonitoringAlertStatus}};
constexpr Shape kListMonitoringAlertHistoryRequest = Structure("ListMonitoringAlertHistoryRequest", kListMonitoringAlertHistoryRequestMembers);
constexpr Member kMonitoringAlertHistorySummaryMembers[] = {
    {"MonitoringScheduleName", &kMonitoringScheduleName, true},
    {"MonitoringAlertName", &kMonitoringAlertName, true}, {"CreationTime", &kTimestamp, true},
    {"AlertStatus", &kMonitoringAlertStatus, true}};
constexpr Shape kMonitoringAlertHistorySummary = Structure("MonitoringAlertHistorySummary", kMonitoringAlertHistorySummaryMembers);
constexpr Shape kMonitoringAlertHistoryList = List(&kMonitoringAlertHistorySummary);
constexpr Member kListMonitoringAlertHistoryResponseMembers[] = {
    {"MonitoringAlertHistory", &kMonitoringAlertHistoryList}, {"NextToken", &kNextToken}};
constexpr Shape kListMonitoringAlertHistoryResponse = Structure("ListMonitoringAlertHistoryResponse", kListMonitoringAlertHistoryResponseMembers);
constexpr Member kListMonitoringAlertsRequestMembers[] = {
    {"MonitoringScheduleName", &kMonitoringScheduleName, true}, {"NextToken", &kNextToken},
    {"MaxResults", &kMaxResults}};
constexpr Shape kListMonitoringAlertsRequest = Structure("ListMonitoringAlertsRequest", kListMonitoringAlertsRequestMembers);
constexpr Shape kMonitoringDatapointsToAlert = Integer(1, 100);
constexpr Shape kMonitoringEvaluationPeriod = Integer(1, 100);
constexpr Member kModelDashboardIndicatorActionMembers[] = {{"Enabled", &kBoolean}};
constexpr Shape kModelDashboardIndicatorAction = Structure("ModelDashboardIndicatorAction", kModelDashboardIndicatorActionMembers);
constexpr Member kMonitoringAlertActionsMembers[] = {
    {"ModelDashboardIndicator", &kModelDashboardIndicatorAction}};
constexpr Shape kMonitoringAlertActions = Structure("MonitoringAlertActions", kMonitoringAlertActionsMembers);
constexpr Member kMonitoringAlertSummaryMembers[] = {
    {"MonitoringAlertName", &kMonitoringAlertName, true}, {"CreationTime", &kTimestamp, true},
    {"LastModifiedTime", &kTimestamp, true}, {"AlertStatus", &kMonitoringAlertStatus, true},
    {"DatapointsToAlert", &kMonitoringDatapointsToAlert, true},
    {"EvaluationPeriod", &kMonitoringEvaluationPeriod, true},
    {"Actions", &kMonitoringAlertActions, true}};
constexpr Shape kMonitoringAlertSummary = Structure("MonitoringAlertSummary", kMonitoringAlertSummaryMembers);
constexpr Shape kMonitoringAlertSummaryList = List(&kMonitoringAlertSummary, 1, 100);
constexpr Member kListMonitoringAlertsResponseMembers[] = {
    {"MonitoringAlertSummaries", &kMonitoringAlertSummaryList}, {"NextToken", &kNextToken}};
constexpr Shape kListMonitoringAlertsResponse = Structure("ListMonitoringAlertsResponse", kListMonitoringAlertsResponseMembers);
constexpr std::string_view kMonitoringExecutionSortKeyValues[] = {
    "CreationTime", "ScheduledTime", "Status"};
constexpr Shape kMonitoringExecutionSortKey = Enum(kMonitoringExecutionSortKeyValues);
constexpr Member kListMonitoringExecutionsRequestMembers[] = {
    {"MonitoringScheduleName", &kMonitoringScheduleName}, {"EndpointName", &kEndpointName},
    {"SortBy", &kMonitoringExecutionSortKey}, {"SortOrder", &kSortOrder},
    {"NextToken", &kNextToken}, {"MaxResults", &kMaxResults}, {"ScheduledTimeBefore", &kTimestamp},
    {"ScheduledTimeAfter", &kTimestamp}, {"CreationTimeBefore", &kTimestamp},
    {"CreationTimeAfter", &kTimestamp}, {"LastModifiedTimeBefore", &kTimestamp},
    {"LastModifiedTimeAfter", &kTimestamp}, {"StatusEquals", &kExecutionStatus},
    {"MonitoringJobDefinitionName", &kMonitoringJobDefinitionName},
    {"MonitoringTypeEquals", &kMonitoringType}};
constexpr Shape kListMonitoringExecutionsRequest = Structure("ListMonitoringExecutionsRequest", kListMonitoringExecutionsRequestMembers);
constexpr Shape kMonitoringExecutionSummaryList = List(&kMonitoringExecutionSummary);
constexpr Member kListMonitoringExecutionsResponseMembers[] = {
    {"MonitoringExecutionSummaries", &kMonitoringExecutionSummaryList, true},
    {"NextToken", &kNextToken}};
constexpr Shape kListMonitoringExecutionsResponse = Structure("ListMonitoringExecutionsResponse", kListMonitoringExecutionsResponseMembers);
constexpr std::string_view kMonitoringScheduleSortKeyValues[] = {"Name", "CreationTime", "Status"};
constexpr Shape kMonitoringScheduleSortKey = Enum(kMonitoringScheduleSortKeyValues);
constexpr Member kListMonitoringSchedulesRequestMembers[] = {
    {"EndpointName", &kEndpointName}, {"SortBy", &kMonitoringScheduleSortKey},
    {"SortOrder", &kSortOrder}, {"NextToken", &kNextToken}, {"MaxResults", &kMaxResults},
    {"NameContains", &kNameContains}, {"CreationTimeBefore", &kTimestamp},
    {"CreationTimeAfter", &kTimestamp}, {"LastModifiedTimeBefore", &kTimestamp},
    {"LastModifiedTimeAfter", &kTimestamp}, {"StatusEquals", &kScheduleStatus},
    {"MonitoringJobDefinitionName", &kMonitoringJobDefinitionName},
    {"MonitoringTypeEquals", &kMonitoringType}};
constexpr Shape kListMonitoringSchedulesRequest = Structure("ListMonitoringSchedulesRequest", kListMonitoringSchedulesRequestMembers);
constexpr Member kMonitoringScheduleSummaryMembers[] = {
    {"MonitoringScheduleName", &kMonitoringScheduleName, true},
    {"MonitoringScheduleArn", &kMonitoringScheduleArn, true}, {"CreationTime", &kTimestamp, true},
    {"LastModifiedTime", &kTimestamp, true}, {"MonitoringScheduleStatus", &kScheduleStatus, true},
    {"EndpointName", &kEndpointName},
    {"MonitoringJobDefinitionName", &kMonitoringJobDefinitionName},
    {"MonitoringType", &kMonitoringType}};
constexpr Shape kMonitoringScheduleSummary = Structure("MonitoringScheduleSummary", kMonitoringScheduleSummaryMembers);
constexpr Shape kMonitoringScheduleSummaryList = List(&kMonitoringScheduleSummary);
constexpr Member kListMonitoringSchedulesResponseMembers[] = {
    {"MonitoringScheduleSummaries", &kMonitoringScheduleSummaryList, true},
    {"NextToken", &kNextToken}};
constexpr Shape kListMonitoringSchedulesResponse = Structure("ListMonitoringSchedulesResponse", kListMonitoringSchedulesResponseMembers);
constexpr std::string_view kSortByValues[] = {"Name", "CreationTime", "Status"};
constexpr Shape kSortBy = Enum(kSortByValues);
constexpr Member kListProcessingJobsRequestMembers[] = {
    {"CreationTimeAfter", &kTimestamp}, {"CreationTimeBefore", &kTimestamp},
    {"LastModifiedTimeAfter", &kTimestamp}, {"LastModifiedTimeBefore", &kTimestamp},
    {"NameContains", &kString}, {"StatusEquals", &kProcessingJobStatus}, {"SortBy", &kSortBy},
    {"SortOrder", &kSortOrder}, {"NextToken", &kNextToken}, {"MaxResults", &kMaxResults}};
constexpr Shape kListProcessingJobsRequest = Structure("ListProcessingJobsRequest", kListProcessingJobsRequestMembers);
constexpr Member kProcessingJobSummaryMembers[] = {
    {"ProcessingJobName", &kProcessingJobName, true},
    {"ProcessingJobArn", &kProcessingJobArn, true}, {"CreationTime", &kTimestamp, true},
    {"ProcessingEndTime", &kTimestamp}, {"LastModifiedTime", &kTimestamp},
    {"ProcessingJobStatus", &kProcessingJobStatus, true}, {"FailureReason", &kFailureReason},
    {"ExitMessage", &kExitMessage}};
constexpr Shape kProcessingJobSummary = Structure("ProcessingJobSummary", kProcessingJobSummaryMembers);
constexpr Shape kProcessingJobSummaries = List(&kProcessingJobSummary);
constexpr Member kListProcessingJobsResponseMembers[] = {
    {"ProcessingJobSummaries", &kProcessingJobSummaries, true}, {"NextToken", &kNextToken}};
constexpr Shape kListProcessingJobsResponse = Structure("ListProcessingJobsResponse", kListProcessingJobsResponseMembers);
constexpr Shape kListTagsMaxResults = Integer(50);
constexpr Member kListTagsInputMembers[] = {
    {"ResourceArn", &kResourceArn, true}, {"NextToken", &kNextToken},
    {"MaxResults", &kListTagsMaxResults}};
constexpr Shape kListTagsInput = Structure("ListTagsInput", kListTagsInputMembers);
constexpr Member kListTagsOutputMembers[] = {{"Tags", &kTagList}, {"NextToken", &kNextToken}};
constexpr Shape kListTagsOutput = Structure("ListTagsOutput", kListTagsOutputMembers);
constexpr Member kListTrainingJobsRequestMembers[] = {
    {"NextToken", &kNextToken}, {"MaxResults", &kMaxResults}, {"CreationTimeAfter", &kTimestamp},
    {"CreationTimeBefore", &kTimestamp}, {"LastModifiedTimeAfter", &kTimestamp},
    {"LastModifiedTimeBefore", &kTimestamp}, {"NameContains", &kNameContains},
    {"StatusEquals", &kTrainingJobStatus}, {"SortBy", &kSortBy}, {"SortOrder", &kSortOrder},
    {"WarmPoolStatusEquals", &kWarmPoolResourceStatus}, {"TrainingPlanArnEquals", &kTrainingPlanArn}};
constexpr Shape kListTrainingJobsRequest = Structure("ListTrainingJobsRequest", kListTrainingJobsRequestMembers);
constexpr Member kTrainingJobSummaryMembers[] = {
    {"TrainingJobName", &kTrainingJobName, true}, {"TrainingJobArn", &kTrainingJobArn, true},
    {"CreationTime", &kTimestamp, true}, {"TrainingEndTime", &kTimestamp},
    {"LastModifiedTime", &kTimestamp}, {"TrainingJobStatus", &kTrainingJobStatus, true},
    {"SecondaryStatus", &kSecondaryStatus}, {"WarmPoolStatus", &kWarmPoolStatus},
    {"TrainingPlanArn", &kTrainingPlanArn}};
constexpr Shape kTrainingJobSummary = Structure("TrainingJobSummary", kTrainingJobSummaryMembers);
constexpr Shape kTrainingJobSummaries = List(&kTrainingJobSummary);
constexpr Member kListTrainingJobsResponseMembers[] = {
    {"TrainingJobSummaries", &kTrainingJobSummaries, true}, {"NextToken", &kNextToken}};
constexpr Shape kListTrainingJobsResponse = Structure("ListTrainingJobsResponse", kListTrainingJobsResponseMembers);
constexpr std::string_view kTrainingJobSortByOptionsValues[] = {
    "Name", "CreationTime", "Status", "FinalObjectiveMetricValue"};
constexpr Shape kTrainingJobSortByOptions = Enum(kTrainingJobSortByOptionsValues);
constexpr Member kListTrainingJobsForHyperParameterTuningJobRequestMembers[] = {
    {"HyperParameterTuningJobName", &kHyperParameterTuningJobName, true},
    {"NextToken", &kNextToken}, {"MaxResults", &kMaxResults}, {"StatusEquals", &kTrainingJobStatus},
    {"SortBy", &kTrainingJobSortByOptions}, {"SortOrder", &kSortOrder}};
constexpr Shape kListTrainingJobsForHyperParameterTuningJobRequest = Structure("ListTrainingJobsForHyperParameterTuningJobRequest", kListTrainingJobsForHyperParameterTuningJobRequestMembers);
constexpr Shape kHyperParameterTrainingJobSummaries = List(&kHyperParameterTrainingJobSummary);
constexpr Member kListTrainingJobsForHyperParameterTuningJobResponseMembers[] = {
    {"TrainingJobSummaries", &kHyperParameterTrainingJobSummaries, true}, {"NextToken", &kNextToken}};
constexpr Shape kListTrainingJobsForHyperParameterTuningJobResponse = Structure("ListTrainingJobsForHyperParameterTuningJobResponse", kListTrainingJobsForHyperParameterTuningJobResponseMembers);
constexpr Member kListTransformJobsRequestMembers[] = {
    {"CreationTimeAfter", &kTimestamp}, {"CreationTimeBefore", &kTimestamp},
    {"LastModifiedTimeAfter", &kTimestamp}, {"LastModifiedTimeBefore", &kTimestamp},
    {"NameContains", &kNameContains}, {"StatusEquals", &kTransformJobStatus}, {"SortBy", &kSortBy},
    {"SortOrder", &kSortOrder}, {"NextToken", &kNextToken}, {"MaxResults", &kMaxResults}};
constexpr Shape kListTransformJobsRequest = Structure("ListTransformJobsRequest", kListTransformJobsRequestMembers);
constexpr Member kTransformJobSummaryMembers[] = {
    {"TransformJobName", &kTransformJobName, true}, {"TransformJobArn", &kTransformJobArn, true},
    {"CreationTime", &kTimestamp, true}, {"TransformEndTime", &kTimestamp},
    {"LastModifiedTime", &kTimestamp}, {"TransformJobStatus", &kTransformJobStatus, true},
    {"FailureReason", &kFailureReason}};
constexpr Shape kTransformJobSummary = Structure("TransformJobSummary", kTransformJobSummaryMembers);
constexpr Shape kTransformJobSummaries = List(&kTransformJobSummary);
constexpr Member kListTransformJobsResponseMembers[] = {
    {"TransformJobSummaries", &kTransformJobSummaries, true}, {"NextToken", &kNextToken}};
constexpr Shape kListTransformJobsResponse = Structure("ListTransformJobsResponse", kListTransformJobsResponseMembers);
constexpr std::string_view kSortTrialComponentsByValues[] = {"Name", "CreationTime"};
constexpr Shape kSortTrialComponentsBy = Enum(kSortTrialComponentsByValues);
constexpr Member kListTrialComponentsRequestMembers[] = {
    {"ExperimentName", &kExperimentEntityName}, {"TrialName", &kExperimentEntityName},
    {"SourceArn", &kString256}, {"CreatedAfter", &kTimestamp}, {"CreatedBefore", &kTimestamp},
    {"SortBy", &kSortTrialComponentsBy}, {"SortOrder", &kSortOrder}, {"MaxResults", &kMaxResults},
    {"NextToken", &kNextToken}};
constexpr Shape kListTrialComponentsRequest = Structure("ListTrialComponentsRequest", kListTrialComponentsRequestMembers);
constexpr Member kTrialComponentSummaryMembers[] = {
    {"TrialComponentName", &kExperimentEntityName}, {"TrialComponentArn", &kTrialComponentArn},
    {"DisplayName", &kExperimentEntityName}, {"TrialComponentSource", &kTrialComponentSource},
    {"Status", &kTrialComponentStatus}, {"StartTime", &kTimestamp}, {"EndTime", &kTimestamp},
    {"CreationTime", &kTimestamp}, {"CreatedBy", &kUserContext}, {"LastModifiedTime", &kTimestamp},
    {"LastModifiedBy", &kUserContext}};
constexpr Shape kTrialComponentSummary = Structure("TrialComponentSummary", kTrialComponentSummaryMembers);
constexpr Shape kTrialComponentSummaries = List(&kTrialComponentSummary);
constexpr Member kListTrialComponentsResponseMembers[] = {
    {"TrialComponentSummaries", &kTrialComponentSummaries}, {"NextToken", &kNextToken}};
constexpr Shape kListTrialComponentsResponse = Structure("ListTrialComponentsResponse", kListTrialComponentsResponseMembers);
constexpr std::string_view kSortTrialsByValues[] = {"Name", "CreationTime"};
constexpr Shape kSortTrialsBy = Enum(kSortTrialsByValues);
constexpr Member kListTrialsRequestMembers[] = {
    {"ExperimentName", &kExperimentEntityName}, {"TrialComponentName", &kExperimentEntityName},
    {"CreatedAfter", &kTimestamp}, {"CreatedBefore", &kTimestamp}, {"SortBy", &kSortTrialsBy},
    {"SortOrder", &kSortOrder}, {"MaxResults", &kMaxResults}, {"NextToken", &kNextToken}};
constexpr Shape kListTrialsRequest = Structure("ListTrialsRequest", kListTrialsRequestMembers);
constexpr Member kTrialSummaryMembers[] = {
    {"TrialArn", &kTrialArn}, {"TrialName", &kExperimentEntityName},
    {"DisplayName", &kExperimentEntityName}, {"TrialSource", &kTrialSource},
    {"CreationTime", &kTimestamp}, {"LastModifiedTime", &kTimestamp}};
constexpr Shape kTrialSummary = Structure("TrialSummary", kTrialSummaryMembers);
constexpr Shape kTrialSummaries = List(&kTrialSummary);
constexpr Member kListTrialsResponseMembers[] = {
    {"TrialSummaries", &kTrialSummaries}, {"NextToken", &kNextToken}};
constexpr Shape kListTrialsResponse = Structure("ListTrialsResponse", kListTrialsResponseMembers);
constexpr Member kPutModelPackageGroupPolicyInputMembers[] = {
    {"ModelPackageGroupName", &kEntityName, true}, {"ResourcePolicy", &kPolicyString, true}};
constexpr Shape kPutModelPackageGroupPolicyInput = Structure("PutModelPackageGroupPolicyInput", kPutModelPackageGroupPolicyInputMembers);
constexpr Member kPutModelPackageGroupPolicyOutputMembers[] = {
    {"ModelPackageGroupArn", &kModelPackageGroupArn, true}};
constexpr Shape kPutModelPackageGroupPolicyOutput = Structure("PutModelPackageGroupPolicyOutput", kPutModelPackageGroupPolicyOutputMembers);
constexpr std::string_view kOperatorValues[] = {
    "Equals", "NotEquals", "GreaterThan", "GreaterThanOrEqualTo", "LessThan", "LessThanOrEqualTo",
    "Contains", "Exists", "NotExists", "In"};
constexpr Shape kOperator = Enum(kOperatorValues);
constexpr Shape kFilterValue = String(1, 1024, ".+");
constexpr Member kFilterMembers[] = {
    {"Name", &kResourcePropertyName, true}, {"Operator", &kOperator}, {"Value", &kFilterValue}};
constexpr Shape kFilter = Structure("Filter", kFilterMembers);
constexpr Shape kFilterList = List(&kFilter, 1, 20);
constexpr Member kNestedFiltersMembers[] = {
    {"NestedPropertyName", &kResourcePropertyName, true}, {"Filters", &kFilterList, true}};
constexpr Shape kNestedFilters = Structure("NestedFilters", kNestedFiltersMembers);
constexpr Shape kNestedFiltersList = List(&kNestedFilters, 1, 20);
constexpr Shape kSearchExpressionList = List(&kSearchExpression, 1, 20);
constexpr std::string_view kBooleanOperatorValues[] = {"And", "Or"};
constexpr Shape kBooleanOperator = Enum(kBooleanOperatorValues);
constexpr Member kSearchExpressionMembers[] = {
    {"Filters", &kFilterList}, {"NestedFilters", &kNestedFiltersList},
    {"SubExpressions", &kSearchExpressionList}, {"Operator", &kBooleanOperator}};
constexpr Shape kSearchExpression = Structure("SearchExpression", kSearchExpressionMembers);
constexpr std::string_view kSearchSortOrderValues[] = {"Ascending", "Descending"};
constexpr Shape kSearchSortOrder = Enum(kSearchSortOrderValues);
constexpr Shape kVisibilityConditionsKey = String(1, 128, R"(([\p{L}\p{Z}\p{N}_.:/=+\-@]*))");
constexpr Shape kVisibilityConditionsValue = String(0, 256, R"(([\p{L}\p{Z}\p{N}_.:/=+\-@]*))");
constexpr Member kVisibilityConditionsMembers[] = {
    {"Key", &kVisibilityConditionsKey}, {"Value", &kVisibilityConditionsValue}};
constexpr Shape kVisibilityConditions = Structure("VisibilityConditions", kVisibilityConditionsMembers);
constexpr Shape kVisibilityConditionsList = List(&kVisibilityConditions, 1, 5);
constexpr Member kSearchRequestMembers[] = {
    {"Resource", &kResourceType, true}, {"SearchExpression", &kSearchExpression},
    {"SortBy", &kResourcePropertyName}, {"SortOrder", &kSearchSortOrder},
    {"NextToken", &kNextToken}, {"MaxResults", &kMaxResults},
    {"CrossAccountFilterOption", &kCrossAccountFilterOption},
    {"VisibilityConditions", &kVisibilityConditionsList}};
constexpr Shape kSearchRequest = Structure("SearchRequest", kSearchRequestMembers);
constexpr Member kTrainingJobMembers[] = {
    {"TrainingJobName", &kTrainingJobName}, {"TrainingJobArn", &kTrainingJobArn},
    {"TuningJobArn", &kHyperParameterTuningJobArn}, {"LabelingJobArn", &kLabelingJobArn},
    {"AutoMLJobArn", &kAutoMLJobArn}, {"ModelArtifacts", &kModelArtifacts},
    {"TrainingJobStatus", &kTrainingJobStatus}, {"SecondaryStatus", &kSecondaryStatus},
    {"FailureReason", &kFailureReason}, {"HyperParameters", &kHyperParameters},
    {"AlgorithmSpecification", &kAlgorithmSpecification}, {"RoleArn", &kRoleArn},
    {"InputDataConfig", &kInputDataConfig}, {"OutputDataConfig", &kOutputDataConfig},
    {"ResourceConfig", &kResourceConfig}, {"WarmPoolStatus", &kWarmPoolStatus},
    {"VpcConfig", &kVpcConfig}, {"StoppingCondition", &kStoppingCondition},
    {"CreationTime", &kTimestamp}, {"TrainingStartTime", &kTimestamp},
    {"TrainingEndTime", &kTimestamp}, {"LastModifiedTime", &kTimestamp},
    {"SecondaryStatusTransitions", &kSecondaryStatusTransitions},
    {"FinalMetricDataList", &kFinalMetricDataList}, {"EnableNetworkIsolation", &kBoolean},
    {"EnableInterContainerTrafficEncryption", &kBoolean}, {"EnableManagedSpotTraining", &kBoolean},
    {"CheckpointConfig", &kCheckpointConfig}, {"TrainingTimeInSeconds", &kTrainingTimeInSeconds},
    {"BillableTimeInSeconds", &kBillableTimeInSeconds}, {"DebugHookConfig", &kDebugHookConfig},
    {"ExperimentConfig", &kExperimentConfig},
    {"DebugRuleConfigurations", &kDebugRuleConfigurations},
    {"TensorBoardOutputConfig", &kTensorBoardOutputConfig},
    {"DebugRuleEvaluationStatuses", &kDebugRuleEvaluationStatuses},
    {"OutputModelPackageArn", &kModelPackageArn}, {"ModelPackageConfig", &kModelPackageConfig},
    {"ProfilerConfig", &kProfilerConfig}, {"Environment", &kTrainingEnvironmentMap},
    {"RetryStrategy", &kRetryStrategy}, {"Tags", &kTagList}};
constexpr Shape kTrainingJob = Structure("TrainingJob", kTrainingJobMembers);
constexpr Member kExperimentMembers[] = {
    {"ExperimentName", &kExperimentEntityName}, {"ExperimentArn", &kExperimentArn},
    {"DisplayName", &kExperimentEntityName}, {"Source", &kExperimentSource},
    {"Description", &kExperimentDescription}, {"CreationTime", &kTimestamp},
    {"CreatedBy", &kUserContext}, {"LastModifiedTime", &kTimestamp},
    {"LastModifiedBy", &kUserContext}, {"Tags", &kTagList}};
constexpr Shape kExperiment = Structure("Experiment", kExperimentMembers);
constexpr Member kTrialComponentSimpleSummaryMembers[] = {
    {"TrialComponentName", &kExperimentEntityName}, {"TrialComponentArn", &kTrialComponentArn},
    {"TrialComponentSource", &kTrialComponentSource}, {"CreationTime", &kTimestamp},
    {"CreatedBy", &kUserContext}};
constexpr Shape kTrialComponentSimpleSummary = Structure("TrialComponentSimpleSummary", kTrialComponentSimpleSummaryMembers);
constexpr Shape kTrialComponentSimpleSummaries = List(&kTrialComponentSimpleSummary);
constexpr Member kTrialMembers[] = {
    {"TrialName", &kExperimentEntityName}, {"TrialArn", &kTrialArn},
    {"DisplayName", &kExperimentEntityName}, {"ExperimentName", &kExperimentEntityName},
    {"Source", &kTrialSource}, {"CreationTime", &kTimestamp}, {"CreatedBy", &kUserContext},
    {"LastModifiedTime", &kTimestamp}, {"LastModifiedBy", &kUserContext},
    {"MetadataProperties", &kMetadataProperties}, {"Tags", &kTagList},
    {"TrialComponentSummaries", &kTrialComponentSimpleSummaries}};
constexpr Shape kTrial = Structure("Trial", kTrialMembers);
constexpr Member kProcessingJobMembers[] = {
    {"ProcessingInputs", &kProcessingInputs}, {"ProcessingOutputConfig", &kProcessingOutputConfig},
    {"ProcessingJobName", &kProcessingJobName}, {"ProcessingResources", &kProcessingResources},
    {"StoppingCondition", &kProcessingStoppingCondition}, {"AppSpecification", &kAppSpecification},
    {"Environment", &kProcessingEnvironmentMap}, {"NetworkConfig", &kNetworkConfig},
    {"RoleArn", &kRoleArn}, {"ExperimentConfig", &kExperimentConfig},
    {"ProcessingJobArn", &kProcessingJobArn}, {"ProcessingJobStatus", &kProcessingJobStatus},
    {"ExitMessage", &kExitMessage}, {"FailureReason", &kFailureReason},
    {"ProcessingEndTime", &kTimestamp}, {"ProcessingStartTime", &kTimestamp},
    {"LastModifiedTime", &kTimestamp}, {"CreationTime", &kTimestamp},
    {"MonitoringScheduleArn", &kMonitoringScheduleArn}, {"AutoMLJobArn", &kAutoMLJobArn},
    {"TrainingJobArn", &kTrainingJobArn}, {"Tags", &kTagList}};
constexpr Shape kProcessingJob = Structure("ProcessingJob", kProcessingJobMembers);
constexpr Member kTransformJobMembers[] = {
    {"TransformJobName", &kTransformJobName}, {"TransformJobArn", &kTransformJobArn},
    {"TransformJobStatus", &kTransformJobStatus}, {"FailureReason", &kFailureReason},
    {"ModelName", &kModelName}, {"MaxConcurrentTransforms", &kMaxConcurrentTransforms},
    {"ModelClientConfig", &kModelClientConfig}, {"MaxPayloadInMB", &kMaxPayloadInMB},
    {"BatchStrategy", &kBatchStrategy}, {"Environment", &kTransformEnvironmentMap},
    {"TransformInput", &kTransformInput}, {"TransformOutput", &kTransformOutput},
    {"DataCaptureConfig", &kBatchDataCaptureConfig}, {"TransformResources", &kTransformResources},
    {"CreationTime", &kTimestamp}, {"TransformStartTime", &kTimestamp},
    {"TransformEndTime", &kTimestamp}, {"LabelingJobArn", &kLabelingJobArn},
    {"AutoMLJobArn", &kAutoMLJobArn}, {"DataProcessing", &kDataProcessing},
    {"ExperimentConfig", &kExperimentConfig}, {"Tags", &kTagList}};
constexpr Shape kTransformJob = Structure("TransformJob", kTransformJobMembers);
constexpr Member kTrialComponentSourceDetailMembers[] = {
    {"SourceArn", &kTrialComponentSourceArn}, {"TrainingJob", &kTrainingJob},
    {"ProcessingJob", &kProcessingJob}, {"TransformJob", &kTransformJob}};
constexpr Shape kTrialComponentSourceDetail = Structure("TrialComponentSourceDetail", kTrialComponentSourceDetailMembers);
constexpr Member kParentMembers[] = {
    {"TrialName", &kExperimentEntityName}, {"ExperimentName", &kExperimentEntityName}};
constexpr Shape kParent = Structure("Parent", kParentMembers);
constexpr Shape kParents = List(&kParent);
constexpr Member kTrialComponentMembers[] = {
    {"TrialComponentName", &kExperimentEntityName}, {"DisplayName", &kExperimentEntityName},
    {"TrialComponentArn", &kTrialComponentArn}, {"Source", &kTrialComponentSource},
    {"Status", &kTrialComponentStatus}, {"StartTime", &kTimestamp}, {"EndTime", &kTimestamp},
    {"CreationTime", &kTimestamp}, {"CreatedBy", &kUserContext}, {"LastModifiedTime", &kTimestamp},
    {"LastModifiedBy", &kUserContext}, {"Parameters", &kTrialComponentParameters},
    {"InputArtifacts", &kTrialComponentArtifacts}, {"OutputArtifacts", &kTrialComponentArtifacts},
    {"Metrics", &kTrialComponentMetricSummaries}, {"MetadataProperties", &kMetadataProperties},
    {"SourceDetail", &kTrialComponentSourceDetail}, {"LineageGroupArn", &kLineageGroupArn},
    {"Tags", &kTagList}, {"Parents", &kParents}, {"RunName", &kExperimentEntityName}};
constexpr Shape kTrialComponent = Structure("TrialComponent", kTrialComponentMembers);
constexpr Member kMonitoringScheduleMembers[] = {
    {"MonitoringScheduleArn", &kMonitoringScheduleArn},
    {"MonitoringScheduleName", &kMonitoringScheduleName},
    {"MonitoringScheduleStatus", &kScheduleStatus}, {"MonitoringType", &kMonitoringType},
    {"FailureReason", &kFailureReason}, {"CreationTime", &kTimestamp},
    {"LastModifiedTime", &kTimestamp}, {"MonitoringScheduleConfig", &kMonitoringScheduleConfig},
    {"EndpointName", &kEndpointName},
    {"LastMonitoringExecutionSummary", &kMonitoringExecutionSummary}, {"Tags", &kTagList}};
constexpr Shape kMonitoringSchedule = Structure("MonitoringSchedule", kMonitoringScheduleMembers);
constexpr Shape kMonitoringScheduleList = List(&kMonitoringSchedule);
constexpr Member kEndpointMembers[] = {
    {"EndpointName", &kEndpointName, true}, {"EndpointArn", &kEndpointArn, true},
    {"EndpointConfigName", &kEndpointConfigName, true},
    {"ProductionVariants", &kProductionVariantSummaryList},
    {"DataCaptureConfig", &kDataCaptureConfigSummary}, {"EndpointStatus", &kEndpointStatus, true},
    {"FailureReason", &kFailureReason}, {"CreationTime", &kTimestamp, true},
    {"LastModifiedTime", &kTimestamp, true}, {"MonitoringSchedules", &kMonitoringScheduleList},
    {"Tags", &kTagList}, {"ShadowProductionVariants", &kProductionVariantSummaryList}};
constexpr Shape kEndpoint = Structure("Endpoint", kEndpointMembers);
constexpr Member kModelPackageMembers[] = {
    {"ModelPackageName", &kEntityName}, {"ModelPackageGroupName", &kEntityName},
    {"ModelPackageVersion", &kModelPackageVersion},
    {"ModelPackageRegistrationType", &kModelPackageRegistrationType},
    {"ModelPackageArn", &kModelPackageArn}, {"ModelPackageDescription", &kEntityDescription},
    {"CreationTime", &kCreationTime}, {"InferenceSpecification", &kInferenceSpecification},
    {"SourceAlgorithmSpecification", &kSourceAlgorithmSpecification},
    {"ValidationSpecification", &kModelPackageValidationSpecification},
    {"ModelPackageStatus", &kModelPackageStatus},
    {"ModelPackageStatusDetails", &kModelPackageStatusDetails},
    {"CertifyForMarketplace", &kCertifyForMarketplace},
    {"ModelApprovalStatus", &kModelApprovalStatus}, {"CreatedBy", &kUserContext},
    {"MetadataProperties", &kMetadataProperties}, {"ModelMetrics", &kModelMetrics},
    {"LastModifiedTime", &kTimestamp}, {"LastModifiedBy", &kUserContext},
    {"ApprovalDescription", &kApprovalDescription}, {"Domain", &kString}, {"Task", &kString},
    {"SamplePayloadUrl", &kString},
    {"AdditionalInferenceSpecifications", &kAdditionalInferenceSpecifications},
    {"SourceUri", &kModelPackageSourceUri}, {"SecurityConfig", &kModelPackageSecurityConfig},
    {"ModelCard", &kModelPackageModelCard}, {"ModelLifeCycle", &kModelLifeCycle},
    {"Tags", &kTagList}, {"CustomerMetadataProperties", &kCustomerMetadataMap},
    {"DriftCheckBaselines", &kDriftCheckBaselines}, {"SkipModelValidation", &kSkipModelValidation}};
constexpr Shape kModelPackage = Structure("ModelPackage", kModelPackageMembers);
constexpr Member kModelPackageGroupMembers[] = {
    {"ModelPackageGroupName", &kEntityName}, {"ModelPackageGroupArn", &kModelPackageGroupArn},
    {"ModelPackageGroupDescription", &kEntityDescription}, {"CreationTime", &kCreationTime},
    {"CreatedBy", &kUserContext}, {"ModelPackageGroupStatus", &kModelPackageGroupStatus},
    {"Tags", &kTagList}};
constexpr Shape kModelPackageGroup = Structure("ModelPackageGroup", kModelPackageGroupMembers);
constexpr Shape kPipelineArn = String(0, 2048);
constexpr Shape kPipelineName = String(1, 256);
constexpr Shape kPipelineDescription = String(0, 3072);
constexpr std::string_view kPipelineStatusValues[] = {"Active", "Deleting"};
constexpr Shape kPipelineStatus = Enum(kPipelineStatusValues);
constexpr Shape kMaxParallelExecutionSteps = Integer(1);
constexpr Member kParallelismConfigurationMembers[] = {
    {"MaxParallelExecutionSteps", &kMaxParallelExecutionSteps, true}};
constexpr Shape kParallelismConfiguration = Structure("ParallelismConfiguration", kParallelismConfigurationMembers);
constexpr Member kPipelineMembers[] = {
    {"PipelineArn", &kPipelineArn}, {"PipelineName", &kPipelineName},
    {"PipelineDisplayName", &kPipelineName}, {"PipelineDescription", &kPipelineDescription},
    {"RoleArn", &kRoleArn}, {"PipelineStatus", &kPipelineStatus}, {"CreationTime", &kTimestamp},
    {"LastModifiedTime", &kTimestamp}, {"LastRunTime", &kTimestamp}, {"CreatedBy", &kUserContext},
    {"LastModifiedBy", &kUserContext}, {"ParallelismConfiguration", &kParallelismConfiguration},
    {"Tags", &kTagList}};
constexpr Shape kPipeline = Structure("Pipeline", kPipelineMembers);
constexpr Shape kPipelineExecutionArn = String(0, 2048);
constexpr Shape kPipelineExecutionName = String(1, 82);
constexpr std::string_view kPipelineExecutionStatusValues[] = {
    "Executing", "Stopping", "Stopped", "Failed", "Succeeded", "CompletedWithFailures"};
constexpr Shape kPipelineExecutionStatus = Enum(kPipelineExecutionStatusValues);
constexpr Shape kPipelineExecutionDescription = String(0, 3072);
constexpr Member kPipelineExperimentConfigMembers[] = {
    {"ExperimentName", &kExperimentEntityName}, {"TrialName", &kExperimentEntityName}};
constexpr Shape kPipelineExperimentConfig = Structure("PipelineExperimentConfig", kPipelineExperimentConfigMembers);
constexpr Shape kPipelineExecutionFailureReason = String(0, 1300);
constexpr Member kSelectedStepMembers[] = {{"StepName", &kString256, true}};
constexpr Shape kSelectedStep = Structure("SelectedStep", kSelectedStepMembers);
constexpr Shape kSelectedStepList = List(&kSelectedStep, 1, 50);
constexpr Member kSelectiveExecutionConfigMembers[] = {
    {"SourcePipelineExecutionArn", &kPipelineExecutionArn},
    {"SelectedSteps", &kSelectedStepList, true}};
constexpr Shape kSelectiveExecutionConfig = Structure("SelectiveExecutionConfig", kSelectiveExecutionConfigMembers);
constexpr Shape kPipelineParameterName = String(1, 256);
constexpr Shape kString1024 = String(0, 1024);
constexpr Member kParameterMembers[] = {
    {"Name", &kPipelineParameterName, true}, {"Value", &kString1024, true}};
constexpr Shape kParameter = Structure("Parameter", kParameterMembers);
constexpr Shape kParameterList = List(&kParameter, 0, 200);
constexpr Shape kPipelineVersionId = Long(1);
constexpr Shape kPipelineVersionName = String(1, 82);
constexpr Member kPipelineExecutionMembers[] = {
    {"PipelineArn", &kPipelineArn}, {"PipelineExecutionArn", &kPipelineExecutionArn},
    {"PipelineExecutionDisplayName", &kPipelineExecutionName},
    {"PipelineExecutionStatus", &kPipelineExecutionStatus},
    {"PipelineExecutionDescription", &kPipelineExecutionDescription},
    {"PipelineExperimentConfig", &kPipelineExperimentConfig},
    {"FailureReason", &kPipelineExecutionFailureReason}, {"CreationTime", &kTimestamp},
    {"LastModifiedTime", &kTimestamp}, {"CreatedBy", &kUserContext},
    {"LastModifiedBy", &kUserContext}, {"ParallelismConfiguration", &kParallelismConfiguration},
    {"SelectiveExecutionConfig", &kSelectiveExecutionConfig},
    {"PipelineParameters", &kParameterList}, {"PipelineVersionId", &kPipelineVersionId},
    {"PipelineVersionDisplayName", &kPipelineVersionName}};
constexpr Shape kPipelineExecution = Structure("PipelineExecution", kPipelineExecutionMembers);
constexpr Shape kPipelineVersionDescription = String(0, 3072);
constexpr Shape kPipelineVersionAlias = String(1, 128);
constexpr Shape kPipelineVersionAliasList = List(&kPipelineVersionAlias, 0, 10);
constexpr Member kPipelineVersionMembers[] = {
    {"PipelineArn", &kPipelineArn}, {"PipelineVersionId", &kPipelineVersionId},
    {"PipelineVersionDisplayName", &kPipelineVersionName},
    {"PipelineVersionDescription", &kPipelineVersionDescription}, {"CreationTime", &kTimestamp},
    {"LastModifiedTime", &kTimestamp}, {"CreatedBy", &kUserContext},
    {"LastModifiedBy", &kUserContext}, {"LastExecutedPipelineExecutionArn", &kPipelineExecutionArn},
    {"LastExecutedPipelineExecutionDisplayName", &kPipelineExecutionName},
    {"LastExecutedPipelineExecutionStatus", &kPipelineExecutionStatus},
    {"PipelineVersionAliases", &kPipelineVersionAliasList}};
constexpr Shape kPipelineVersion = Structure("PipelineVersion", kPipelineVersionMembers);
constexpr Shape kFeatureGroupArn = String(0, 256);
constexpr Shape kFeatureName = String(1, 64);
constexpr std::string_view kFeatureTypeValues[] = {"Integral", "Fractional", "String"};
constexpr Shape kFeatureType = Enum(kFeatureTypeValues);
constexpr std::string_view kCollectionTypeValues[] = {"List", "Set", "Vector"};
constexpr Shape kCollectionType = Enum(kCollectionTypeValues);
constexpr Shape kDimension = Integer(1, 8192);
constexpr Member kVectorConfigMembers[] = {{"Dimension", &kDimension, true}};
constexpr Shape kVectorConfig = Structure("VectorConfig", kVectorConfigMembers);
constexpr Member kCollectionConfigMembers[] = {{"VectorConfig", &kVectorConfig}};
constexpr Shape kCollectionConfig = Union("CollectionConfig", kCollectionConfigMembers);
constexpr Member kFeatureDefinitionMembers[] = {
    {"FeatureName", &kFeatureName, true}, {"FeatureType", &kFeatureType, true},
    {"CollectionType", &kCollectionType}, {"CollectionConfig", &kCollectionConfig}};
constexpr Shape kFeatureDefinition = Structure("FeatureDefinition", kFeatureDefinitionMembers);
constexpr Shape kFeatureDefinitions = List(&kFeatureDefinition, 1, 2500);
constexpr Shape kLastModifiedTime = Timestamp();
constexpr Member kOnlineStoreSecurityConfigMembers[] = {{"KmsKeyId", &kKmsKeyId}};
constexpr Shape kOnlineStoreSecurityConfig = Structure("OnlineStoreSecurityConfig", kOnlineStoreSecurityConfigMembers);
constexpr std::string_view kTtlDurationUnitValues[] = {
    "Seconds", "Minutes", "Hours", "Days", "Weeks"};
constexpr Shape kTtlDurationUnit = Enum(kTtlDurationUnitValues);
constexpr Shape kTtlDurationValue = Integer(1);
constexpr Member kTtlDurationMembers[] = {
    {"Unit", &kTtlDurationUnit}, {"Value", &kTtlDurationValue}};
constexpr Shape kTtlDuration = Structure("TtlDuration", kTtlDurationMembers);
constexpr std::string_view kStorageTypeValues[] = {"Standard", "Standard_V2", "InMemory"};
constexpr Shape kStorageType = Enum(kStorageTypeValues);
constexpr Member kOnlineStoreConfigMembers[] = {
    {"SecurityConfig", &kOnlineStoreSecurityConfig}, {"EnableOnlineStore", &kBoolean},
    {"TtlDuration", &kTtlDuration}, {"StorageType", &kStorageType}};
constexpr Shape kOnlineStoreConfig = Structure("OnlineStoreConfig", kOnlineStoreConfigMembers);
constexpr Member kS3StorageConfigMembers[] = {
    {"S3Uri", &kS3Uri, true}, {"KmsKeyId", &kKmsKeyId}, {"ResolvedOutputS3Uri", &kS3Uri}};
constexpr Shape kS3StorageConfig = Structure("S3StorageConfig", kS3StorageConfigMembers);
constexpr Shape kTableName = String(1, 255);
constexpr Shape kCatalog = String(1, 255);
constexpr Shape kDatabase = String(1, 255);
constexpr Member kDataCatalogConfigMembers[] = {
    {"TableName", &kTableName, true}, {"Catalog", &kCatalog, true}, {"Database", &kDatabase, true}};
constexpr Shape kDataCatalogConfig = Structure("DataCatalogConfig", kDataCatalogConfigMembers);
constexpr std::string_view kTableFormatValues[] = {"Default", "Glue", "Iceberg"};
constexpr Shape kTableFormat = Enum(kTableFormatValues);
constexpr Member kOfflineStoreConfigMembers[] = {
    {"S3StorageConfig", &kS3StorageConfig, true}, {"DisableGlueTableCreation", &kBoolean},
    {"DataCatalogConfig", &kDataCatalogConfig}, {"TableFormat", &kTableFormat}};
constexpr Shape kOfflineStoreConfig = Structure("OfflineStoreConfig", kOfflineStoreConfigMembers);
constexpr std::string_view kFeatureGroupStatusValues[] = {
    "Creating", "Created", "CreateFailed", "Deleting", "DeleteFailed"};
constexpr Shape kFeatureGroupStatus = Enum(kFeatureGroupStatusValues);
constexpr std::string_view kOfflineStoreStatusValueValues[] = {"Active", "Blocked", "Disabled"};
constexpr Shape kOfflineStoreStatusValue = Enum(kOfflineStoreStatusValueValues);
constexpr Shape kBlockedReason = String(0, 1024);
constexpr Member kOfflineStoreStatusMembers[] = {
    {"Status", &kOfflineStoreStatusValue, true}, {"BlockedReason", &kBlockedReason}};
constexpr Shape kOfflineStoreStatus = Structure("OfflineStoreStatus", kOfflineStoreStatusMembers);
constexpr std::string_view kLastUpdateStatusValueValues[] = {"Successful", "Failed", "InProgress"};
constexpr Shape kLastUpdateStatusValue = Enum(kLastUpdateStatusValueValues);
constexpr Member kLastUpdateStatusMembers[] = {
    {"Status", &kLastUpdateStatusValue, true}, {"FailureReason", &kFailureReason}};
constexpr Shape kLastUpdateStatus = Structure("LastUpdateStatus", kLastUpdateStatusMembers);
constexpr Shape kDescription = String(0, 128);
constexpr Member kFeatureGroupMembers[] = {
    {"FeatureGroupArn", &kFeatureGroupArn}, {"FeatureGroupName", &kFeatureGroupName},
    {"RecordIdentifierFeatureName", &kFeatureName}, {"EventTimeFeatureName", &kFeatureName},
    {"FeatureDefinitions", &kFeatureDefinitions}, {"CreationTime", &kCreationTime},
    {"LastModifiedTime", &kLastModifiedTime}, {"OnlineStoreConfig", &kOnlineStoreConfig},
    {"OfflineStoreConfig", &kOfflineStoreConfig}, {"RoleArn", &kRoleArn},
    {"FeatureGroupStatus", &kFeatureGroupStatus}, {"OfflineStoreStatus", &kOfflineStoreStatus},
    {"LastUpdateStatus", &kLastUpdateStatus}, {"FailureReason", &kFailureReason},
    {"Description", &kDescription}, {"Tags", &kTagList}};
constexpr Shape kFeatureGroup = Structure("FeatureGroup", kFeatureGroupMembers);
constexpr Shape kFeatureDescription = String(0, 255);
constexpr Shape kFeatureParameterKey = String(1, 255);
constexpr Shape kFeatureParameterValue = String(1, 255);
constexpr Member kFeatureParameterMembers[] = {
    {"Key", &kFeatureParameterKey}, {"Value", &kFeatureParameterValue}};
constexpr Shape kFeatureParameter = Structure("FeatureParameter", kFeatureParameterMembers);
constexpr Shape kFeatureParameters = List(&kFeatureParameter, 0, 25);
constexpr Member kFeatureMetadataMembers[] = {
    {"FeatureGroupArn", &kFeatureGroupArn}, {"FeatureGroupName", &kFeatureGroupName},
    {"FeatureName", &kFeatureName}, {"FeatureType", &kFeatureType},
    {"CreationTime", &kCreationTime}, {"LastModifiedTime", &kLastModifiedTime},
    {"Description", &kFeatureDescription}, {"Parameters", &kFeatureParameters}};
constexpr Shape kFeatureMetadata = Structure("FeatureMetadata", kFeatureMetadataMembers);
constexpr Shape kProjectArn = String(1, 2048);
constexpr Shape kProjectEntityName = String(1, 32);
constexpr Shape kProjectId = String(1, 20);
constexpr Shape kServiceCatalogEntityId = String(1, 100);
constexpr Shape kProvisioningParameterKey = String(1, 1000);
constexpr Shape kProvisioningParameterValue = String(0, 4096);
constexpr Member kProvisioningParameterMembers[] = {
    {"Key", &kProvisioningParameterKey}, {"Value", &kProvisioningParameterValue}};
constexpr Shape kProvisioningParameter = Structure("ProvisioningParameter", kProvisioningParameterMembers);
constexpr Shape kProvisioningParameters = List(&kProvisioningParameter);
constexpr Member kServiceCatalogProvisioningDetailsMembers[] = {
    {"ProductId", &kServiceCatalogEntityId, true},
    {"ProvisioningArtifactId", &kServiceCatalogEntityId}, {"PathId", &kServiceCatalogEntityId},
    {"ProvisioningParameters", &kProvisioningParameters}};
constexpr Shape kServiceCatalogProvisioningDetails = Structure("ServiceCatalogProvisioningDetails", kServiceCatalogProvisioningDetailsMembers);
constexpr Shape kProvisionedProductStatusMessage = String();
constexpr Member kServiceCatalogProvisionedProductDetailsMembers[] = {
    {"ProvisionedProductId", &kServiceCatalogEntityId},
    {"ProvisionedProductStatusMessage", &kProvisionedProductStatusMessage}};
constexpr Shape kServiceCatalogProvisionedProductDetails = Structure("ServiceCatalogProvisionedProductDetails", kServiceCatalogProvisionedProductDetailsMembers);
constexpr std::string_view kProjectStatusValues[] = {
    "Pending", "CreateInProgress", "CreateCompleted", "CreateFailed", "DeleteInProgress",
    "DeleteFailed", "DeleteCompleted", "UpdateInProgress", "UpdateCompleted", "UpdateFailed"};
constexpr Shape kProjectStatus = Enum(kProjectStatusValues);
constexpr Shape kCfnTemplateName = String(1, 32);
constexpr Shape kCfnTemplateURL = String(1, 1024);
constexpr Shape kCfnStackParameterKey = String(1, 255);
constexpr Shape kCfnStackParameterValue = String(0, 4096);
constexpr Member kCfnStackParameterMembers[] = {
    {"Key", &kCfnStackParameterKey, true}, {"Value", &kCfnStackParameterValue}};
constexpr Shape kCfnStackParameter = Structure("CfnStackParameter", kCfnStackParameterMembers);
constexpr Shape kCfnStackParameters = List(&kCfnStackParameter, 0, 180);
constexpr Shape kCfnStackName = String(1, 128);
constexpr Shape kCfnStackId = String(1, 256);
constexpr Shape kCfnStackStatusMessage = String(1, 4096);
constexpr Member kCfnStackDetailMembers[] = {
    {"Name", &kCfnStackName}, {"Id", &kCfnStackId}, {"StatusMessage", &kCfnStackStatusMessage, true}};
constexpr Shape kCfnStackDetail = Structure("CfnStackDetail", kCfnStackDetailMembers);
constexpr Member kCfnTemplateProviderDetailMembers[] = {
    {"TemplateName", &kCfnTemplateName, true}, {"TemplateURL", &kCfnTemplateURL, true},
    {"RoleARN", &kRoleArn}, {"Parameters", &kCfnStackParameters}, {"StackDetail", &kCfnStackDetail}};
constexpr Shape kCfnTemplateProviderDetail = Structure("CfnTemplateProviderDetail", kCfnTemplateProviderDetailMembers);
constexpr Member kTemplateProviderDetailMembers[] = {
    {"CfnTemplateProviderDetail", &kCfnTemplateProviderDetail}};
constexpr Shape kTemplateProviderDetail = Structure("TemplateProviderDetail", kTemplateProviderDetailMembers);
constexpr Shape kTemplateProviderDetailList = List(&kTemplateProviderDetail, 1, 1);
constexpr Member kProjectMembers[] = {
    {"ProjectArn", &kProjectArn}, {"ProjectName", &kProjectEntityName}, {"ProjectId", &kProjectId},
    {"ProjectDescription", &kEntityDescription},
    {"ServiceCatalogProvisioningDetails", &kServiceCatalogProvisioningDetails},
    {"ServiceCatalogProvisionedProductDetails", &kServiceCatalogProvisionedProductDetails},
    {"ProjectStatus", &kProjectStatus}, {"CreatedBy", &kUserContext}, {"CreationTime", &kTimestamp},
    {"TemplateProviderDetails", &kTemplateProviderDetailList}, {"Tags", &kTagList},
    {"LastModifiedTime", &kTimestamp}, {"LastModifiedBy", &kUserContext}};
constexpr Shape kProject = Structure("Project", kProjectMembers);
constexpr Member kHyperParameterTuningJobSearchEntityMembers[] = {
    {"HyperParameterTuningJobName", &kHyperParameterTuningJobName},
    {"HyperParameterTuningJobArn", &kHyperParameterTuningJobArn},
    {"HyperParameterTuningJobConfig", &kHyperParameterTuningJobConfig},
    {"TrainingJobDefinition", &kHyperParameterTrainingJobDefinition},
    {"TrainingJobDefinitions", &kHyperParameterTrainingJobDefinitions},
    {"HyperParameterTuningJobStatus", &kHyperParameterTuningJobStatus},
    {"CreationTime", &kTimestamp}, {"HyperParameterTuningEndTime", &kTimestamp},
    {"LastModifiedTime", &kTimestamp}, {"TrainingJobStatusCounters", &kTrainingJobStatusCounters},
    {"ObjectiveStatusCounters", &kObjectiveStatusCounters},
    {"BestTrainingJob", &kHyperParameterTrainingJobSummary},
    {"OverallBestTrainingJob", &kHyperParameterTrainingJobSummary},
    {"WarmStartConfig", &kHyperParameterTuningJobWarmStartConfig},
    {"FailureReason", &kFailureReason},
    {"TuningJobCompletionDetails", &kHyperParameterTuningJobCompletionDetails},
    {"ConsumedResources", &kHyperParameterTuningJobConsumedResources}, {"Tags", &kTagList}};
constexpr Shape kHyperParameterTuningJobSearchEntity = Structure("HyperParameterTuningJobSearchEntity", kHyperParameterTuningJobSearchEntityMembers);
constexpr Shape kModelCardArn = String(0, 256);
constexpr Member kModelCardSecurityConfigMembers[] = {{"KmsKeyId", &kKmsKeyId}};
constexpr Shape kModelCardSecurityConfig = Structure("ModelCardSecurityConfig", kModelCardSecurityConfigMembers);
constexpr Member kModelCardMembers[] = {
    {"ModelCardArn", &kModelCardArn}, {"ModelCardName", &kEntityName},
    {"ModelCardVersion", &kInteger}, {"Content", &kModelCardContent},
    {"ModelCardStatus", &kModelCardStatus}, {"SecurityConfig", &kModelCardSecurityConfig},
    {"CreationTime", &kTimestamp}, {"CreatedBy", &kUserContext}, {"LastModifiedTime", &kTimestamp},
    {"LastModifiedBy", &kUserContext}, {"Tags", &kTagList}, {"ModelId", &kString},
    {"RiskRating", &kString}, {"ModelPackageGroupName", &kString}};
constexpr Shape kModelCard = Structure("ModelCard", kModelCardMembers);
constexpr Member kModelMembers[] = {
    {"ModelName", &kModelName}, {"PrimaryContainer", &kContainerDefinition},
    {"Containers", &kContainerDefinitionList},
    {"InferenceExecutionConfig", &kInferenceExecutionConfig}, {"ExecutionRoleArn", &kRoleArn},
    {"VpcConfig", &kVpcConfig}, {"CreationTime", &kTimestamp}, {"ModelArn", &kModelArn},
    {"EnableNetworkIsolation", &kBoolean}, {"Tags", &kTagList},
    {"DeploymentRecommendation", &kDeploymentRecommendation}};
constexpr Shape kModel = Structure("Model", kModelMembers);
constexpr Member kModelDashboardEndpointMembers[] = {
    {"EndpointName", &kEndpointName, true}, {"EndpointArn", &kEndpointArn, true},
    {"CreationTime", &kTimestamp, true}, {"LastModifiedTime", &kTimestamp, true},
    {"EndpointStatus", &kEndpointStatus, true}};
constexpr Shape kModelDashboardEndpoint = Structure("ModelDashboardEndpoint", kModelDashboardEndpointMembers);
constexpr Shape kModelDashboardEndpoints = List(&kModelDashboardEndpoint);
constexpr Member kModelDashboardMonitoringScheduleMembers[] = {
    {"MonitoringScheduleArn", &kMonitoringScheduleArn},
    {"MonitoringScheduleName", &kMonitoringScheduleName},
    {"MonitoringScheduleStatus", &kScheduleStatus}, {"MonitoringType", &kMonitoringType},
    {"FailureReason", &kFailureReason}, {"CreationTime", &kTimestamp},
    {"LastModifiedTime", &kTimestamp}, {"MonitoringScheduleConfig", &kMonitoringScheduleConfig},
    {"EndpointName", &kEndpointName}, {"MonitoringAlertSummaries", &kMonitoringAlertSummaryList},
    {"LastMonitoringExecutionSummary", &kMonitoringExecutionSummary},
    {"BatchTransformInput", &kBatchTransformInput}};
constexpr Shape kModelDashboardMonitoringSchedule = Structure("ModelDashboardMonitoringSchedule", kModelDashboardMonitoringScheduleMembers);
constexpr Shape kModelDashboardMonitoringSchedules = List(&kModelDashboardMonitoringSchedule);
constexpr Member kModelDashboardModelCardMembers[] = {
    {"ModelCardArn", &kModelCardArn}, {"ModelCardName", &kEntityName},
    {"ModelCardVersion", &kInteger}, {"ModelCardStatus", &kModelCardStatus},
    {"SecurityConfig", &kModelCardSecurityConfig}, {"CreationTime", &kTimestamp},
    {"CreatedBy", &kUserContext}, {"LastModifiedTime", &kTimestamp},
    {"LastModifiedBy", &kUserContext}, {"Tags", &kTagList}, {"ModelId", &kString},
    {"RiskRating", &kString}};
constexpr Shape kModelDashboardModelCard = Structure("ModelDashboardModelCard", kModelDashboardModelCardMembers);
constexpr Member kModelDashboardModelMembers[] = {
    {"Model", &kModel}, {"Endpoints", &kModelDashboardEndpoints},
    {"LastBatchTransformJob", &kTransformJob},
    {"MonitoringSchedules", &kModelDashboardMonitoringSchedules},
    {"ModelCard", &kModelDashboardModelCard}};
constexpr Shape kModelDashboardModel = Structure("ModelDashboardModel", kModelDashboardModelMembers);
constexpr Shape kJobName = String(1, 63);
constexpr Shape kJobArn = String(0, 256);
constexpr std::string_view kJobCategoryValues[] = {
    "AgentRFT", "SyntheticDataGeneration", "DataQualityEvaluation", "AgentRFTEvaluation",
    "DataTransformation"};
constexpr Shape kJobCategory = Enum(kJobCategoryValues);
constexpr Shape kJobSchemaVersion = String(5, 16);
constexpr Shape kJobConfigDocument = String(1, 262144);
constexpr std::string_view kJobStatusValues[] = {
    "InProgress", "Completed", "Failed", "Stopping", "Stopped", "Deleting", "DeleteFailed"};
constexpr Shape kJobStatus = Enum(kJobStatusValues);
constexpr std::string_view kJobSecondaryStatusValues[] = {
    "Starting", "Downloading", "Training", "Uploading", "Stopping", "Stopped", "MaxRuntimeExceeded",
    "Interrupted", "Failed", "Completed", "Restarting", "Pending", "Generating",
    "PartialGeneration", "Evaluating", "Validating", "Preparing", "Executing", "Publishing",
    "Finalizing", "Transforming", "Deleting", "DeleteFailed"};
constexpr Shape kJobSecondaryStatus = Enum(kJobSecondaryStatusValues);
constexpr Member kJobSecondaryStatusTransitionMembers[] = {
    {"Status", &kJobSecondaryStatus, true}, {"StartTime", &kTimestamp, true},
    {"EndTime", &kTimestamp}, {"StatusMessage", &kString}};
constexpr Shape kJobSecondaryStatusTransition = Structure("JobSecondaryStatusTransition", kJobSecondaryStatusTransitionMembers);
constexpr Shape kJobSecondaryStatusTransitions = List(&kJobSecondaryStatusTransition, 0, 100);
constexpr Member kJobMembers[] = {
    {"JobName", &kJobName}, {"JobArn", &kJobArn}, {"RoleArn", &kRoleArn},
    {"JobCategory", &kJobCategory}, {"JobConfigSchemaVersion", &kJobSchemaVersion},
    {"JobConfigDocument", &kJobConfigDocument}, {"CreationTime", &kTimestamp},
    {"LastModifiedTime", &kTimestamp}, {"EndTime", &kTimestamp}, {"JobStatus", &kJobStatus},
    {"SecondaryStatus", &kJobSecondaryStatus},
    {"SecondaryStatusTransitions", &kJobSecondaryStatusTransitions},
    {"FailureReason", &kFailureReason}, {"Tags", &kTagList}};
constexpr Shape kJob = Structure("Job", kJobMembers);
constexpr std::string_view kHubContentTypeValues[] = {
    "Model", "Notebook", "ModelReference", "DataSet", "JsonDoc"};
constexpr Shape kHubContentType = Enum(kHubContentTypeValues);
constexpr Shape kDocumentSchemaVersion = String(5, 14);
constexpr Shape kHubName = String(0, 63);
constexpr Shape kHubArn = String(0, 255);
constexpr Shape kHubContentDisplayName = String(0, 255);
constexpr Shape kHubContentDescription = String(0, 1023);
constexpr Shape kHubContentMarkdown = String(0, 170391);
constexpr Shape kHubContentDocument = String(0, 327680);
constexpr Shape kSageMakerPublicHubContentArn = String(0, 255);
constexpr Shape kReferenceMinVersion = String(5, 14);
constexpr std::string_view kHubContentSupportStatusValues[] = {
    "Supported", "Deprecated", "Restricted"};
constexpr Shape kHubContentSupportStatus = Enum(kHubContentSupportStatusValues);
constexpr Shape kHubContentSearchKeyword = String(0, 255);
constexpr Shape kHubContentSearchKeywordList = List(&kHubContentSearchKeyword, 0, 50);
constexpr Shape kDependencyOriginPath = String(0, 1023);
constexpr Shape kDependencyCopyPath = String(0, 1023);
constexpr Member kHubContentDependencyMembers[] = {
    {"DependencyOriginPath", &kDependencyOriginPath}, {"DependencyCopyPath", &kDependencyCopyPath}};
constexpr Shape kHubContentDependency = Structure("HubContentDependency", kHubContentDependencyMembers);
constexpr Shape kHubContentDependencyList = List(&kHubContentDependency, 0, 50);
constexpr std::string_view kHubContentStatusValues[] = {
    "Available", "Importing", "Deleting", "ImportFailed", "DeleteFailed", "PendingImport",
    "PendingDelete"};
constexpr Shape kHubContentStatus = Enum(kHubContentStatusValues);
constexpr Member kHubContentMembers[] = {
    {"HubContentName", &kHubContentName, true}, {"HubContentArn", &kHubContentArn, true},
    {"HubContentVersion", &kHubContentVersion, true}, {"HubContentType", &kHubContentType, true},
    {"DocumentSchemaVersion", &kDocumentSchemaVersion, true}, {"HubName", &kHubName, true},
    {"HubArn", &kHubArn, true}, {"HubContentDisplayName", &kHubContentDisplayName},
    {"HubContentDescription", &kHubContentDescription},
    {"HubContentMarkdown", &kHubContentMarkdown}, {"HubContentDocument", &kHubContentDocument},
    {"SageMakerPublicHubContentArn", &kSageMakerPublicHubContentArn},
    {"ReferenceMinVersion", &kReferenceMinVersion}, {"SupportStatus", &kHubContentSupportStatus},
    {"HubContentSearchKeywords", &kHubContentSearchKeywordList},
    {"HubContentDependencies", &kHubContentDependencyList},
    {"HubContentStatus", &kHubContentStatus, true}, {"FailureReason", &kFailureReason},
    {"CreationTime", &kTimestamp, true}, {"LastModifiedTime", &kTimestamp},
    {"CreatedBy", &kUserContext}, {"LastModifiedBy", &kUserContext}, {"Tags", &kTagList}};
constexpr Shape kHubContent = Structure("HubContent", kHubContentMembers);
constexpr Member kSearchRecordMembers[] = {
    {"TrainingJob", &kTrainingJob}, {"Experiment", &kExperiment}, {"Trial", &kTrial},
    {"TrialComponent", &kTrialComponent}, {"Endpoint", &kEndpoint},
    {"ModelPackage", &kModelPackage}, {"ModelPackageGroup", &kModelPackageGroup},
    {"Pipeline", &kPipeline}, {"PipelineExecution", &kPipelineExecution},
    {"PipelineVersion", &kPipelineVersion}, {"FeatureGroup", &kFeatureGroup},
    {"FeatureMetadata", &kFeatureMetadata}, {"Project", &kProject},
    {"HyperParameterTuningJob", &kHyperParameterTuningJobSearchEntity}, {"ModelCard", &kModelCard},
    {"Model", &kModelDashboardModel}, {"Job", &kJob}, {"HubContent", &kHubContent}};
constexpr Shape kSearchRecord = Structure("SearchRecord", kSearchRecordMembers);
constexpr Shape kSearchResultsList = List(&kSearchRecord);
constexpr Shape kLong = Long();
constexpr std::string_view kRelationValues[] = {"EqualTo", "GreaterThanOrEqualTo"};
constexpr Shape kRelation = Enum(kRelationValues);
constexpr Member kTotalHitsMembers[] = {{"Value", &kLong}, {"Relation", &kRelation}};
constexpr Shape kTotalHits = Structure("TotalHits", kTotalHitsMembers);
constexpr Member kSearchResponseMembers[] = {
    {"Results", &kSearchResultsList}, {"NextToken", &kNextToken}, {"TotalHits", &kTotalHits}};
constexpr Shape kSearchResponse = Structure("SearchResponse", kSearchResponseMembers);
constexpr Member kStartMonitoringScheduleRequestMembers[] = {
    {"MonitoringScheduleName", &kMonitoringScheduleName, true}};
constexpr Shape kStartMonitoringScheduleRequest = Structure("StartMonitoringScheduleRequest", kStartMonitoringScheduleRequestMembers);
constexpr Member kStopAutoMLJobRequestMembers[] = {{"AutoMLJobName", &kAutoMLJobName, true}};
constexpr Shape kStopAutoMLJobRequest = Structure("StopAutoMLJobRequest", kStopAutoMLJobRequestMembers);
constexpr Member kStopHyperParameterTuningJobRequestMembers[] = {
    {"HyperParameterTuningJobName", &kHyperParameterTuningJobName, true}};
constexpr Shape kStopHyperParameterTuningJobRequest = Structure("StopHyperParameterTuningJobRequest", kStopHyperParameterTuningJobRequestMembers);
constexpr Member kStopMonitoringScheduleRequestMembers[] = {
    {"MonitoringScheduleName", &kMonitoringScheduleName, true}};
constexpr Shape kStopMonitoringScheduleRequest = Structure("StopMonitoringScheduleRequest", kStopMonitoringScheduleRequestMembers);
constexpr Member kStopProcessingJobRequestMembers[] = {
    {"ProcessingJobName", &kProcessingJobName, true}};
constexpr Shape kStopProcessingJobRequest = Structure("StopProcessingJobRequest", kStopProcessingJobRequestMembers);
constexpr Member kStopTrainingJobRequestMembers[] = {{"TrainingJobName", &kTrainingJobName, true}};
constexpr Shape kStopTrainingJobRequest = Structure("StopTrainingJobRequest", kStopTrainingJobRequestMembers);
constexpr Member kStopTransformJobRequestMembers[] = {
    {"TransformJobName", &kTransformJobName, true}};
constexpr Shape kStopTransformJobRequest = Structure("StopTransformJobRequest", kStopTransformJobRequestMembers);
constexpr Shape kListLineageEntityParameterKey = List(&kStringParameterValue);
constexpr Member kUpdateArtifactRequestMembers[] = {
    {"ArtifactArn", &kArtifactArn, true}, {"ArtifactName", &kExperimentEntityName},
    {"Properties", &kArtifactProperties}, {"PropertiesToRemove", &kListLineageEntityParameterKey}};
constexpr Shape kUpdateArtifactRequest = Structure("UpdateArtifactRequest", kUpdateArtifactRequestMembers);
constexpr Member kUpdateArtifactResponseMembers[] = {{"ArtifactArn", &kArtifactArn}};
constexpr Shape kUpdateArtifactResponse = Structure("UpdateArtifactResponse", kUpdateArtifactResponseMembers);
constexpr std::string_view kVariantPropertyTypeValues[] = {
    "DesiredInstanceCount", "DesiredWeight", "DataCaptureConfig"};
constexpr Shape kVariantPropertyType = Enum(kVariantPropertyTypeValues);
constexpr Member kVariantPropertyMembers[] = {{"VariantPropertyType", &kVariantPropertyType, true}};
constexpr Shape kVariantProperty = Structure("VariantProperty", kVariantPropertyMembers);
constexpr Shape kVariantPropertyList = List(&kVariantProperty, 0, 3);
constexpr Member kUpdateEndpointInputMembers[] = {
    {"EndpointName", &kEndpointName, true}, {"EndpointConfigName", &kEndpointConfigName, true},
    {"RetainAllVariantProperties", &kBoolean},
    {"ExcludeRetainedVariantProperties", &kVariantPropertyList},
    {"DeploymentConfig", &kDeploymentConfig}, {"RetainDeploymentConfig", &kBoolean}};
constexpr Shape kUpdateEndpointInput = Structure("UpdateEndpointInput", kUpdateEndpointInputMembers);
constexpr Member kUpdateEndpointOutputMembers[] = {{"EndpointArn", &kEndpointArn, true}};
constexpr Shape kUpdateEndpointOutput = Structure("UpdateEndpointOutput", kUpdateEndpointOutputMembers);
constexpr Member kProductionVariantServerlessUpdateConfigMembers[] = {
    {"MaxConcurrency", &kServerlessMaxConcurrency},
    {"ProvisionedConcurrency", &kServerlessProvisionedConcurrency}};
constexpr Shape kProductionVariantServerlessUpdateConfig = Structure("ProductionVariantServerlessUpdateConfig", kProductionVariantServerlessUpdateConfigMembers);
constexpr Member kDesiredWeightAndCapacityMembers[] = {
    {"VariantName", &kVariantName, true}, {"DesiredWeight", &kVariantWeight},
    {"DesiredInstanceCount", &kTaskCount},
    {"ServerlessUpdateConfig", &kProductionVariantServerlessUpdateConfig}};
constexpr Shape kDesiredWeightAndCapacity = Structure("DesiredWeightAndCapacity", kDesiredWeightAndCapacityMembers);
constexpr Shape kDesiredWeightAndCapacityList = List(&kDesiredWeightAndCapacity, 1);
constexpr Member kUpdateEndpointWeightsAndCapacitiesInputMembers[] = {
    {"EndpointName", &kEndpointName, true},
    {"DesiredWeightsAndCapacities", &kDesiredWeightAndCapacityList, true}};
constexpr Shape kUpdateEndpointWeightsAndCapacitiesInput = Structure("UpdateEndpointWeightsAndCapacitiesInput", kUpdateEndpointWeightsAndCapacitiesInputMembers);
constexpr Member kUpdateEndpointWeightsAndCapacitiesOutputMembers[] = {
    {"EndpointArn", &kEndpointArn, true}};
constexpr Shape kUpdateEndpointWeightsAndCapacitiesOutput = Structure("UpdateEndpointWeightsAndCapacitiesOutput", kUpdateEndpointWeightsAndCapacitiesOutputMembers);
constexpr Member kUpdateExperimentRequestMembers[] = {
    {"ExperimentName", &kExperimentEntityName, true}, {"DisplayName", &kExperimentEntityName},
    {"Description", &kExperimentDescription}};
constexpr Shape kUpdateExperimentRequest = Structure("UpdateExperimentRequest", kUpdateExperimentRequestMembers);
constexpr Member kUpdateExperimentResponseMembers[] = {{"ExperimentArn", &kExperimentArn}};
constexpr Shape kUpdateExperimentResponse = Structure("UpdateExperimentResponse", kUpdateExperimentResponseMembers);
constexpr Member kUpdateInferenceComponentInputMembers[] = {
    {"InferenceComponentName", &kInferenceComponentName, true},
    {"Specification", &kInferenceComponentSpecification},
    {"Specifications", &kInferenceComponentSpecificationList},
    {"RuntimeConfig", &kInferenceComponentRuntimeConfig},
    {"DeploymentConfig", &kInferenceComponentDeploymentConfig}};
constexpr Shape kUpdateInferenceComponentInput = Structure("UpdateInferenceComponentInput", kUpdateInferenceComponentInputMembers);
constexpr Member kUpdateInferenceComponentOutputMembers[] = {
    {"InferenceComponentArn", &kInferenceComponentArn, true}};
constexpr Shape kUpdateInferenceComponentOutput = Structure("UpdateInferenceComponentOutput", kUpdateInferenceComponentOutputMembers);
constexpr Member kUpdateInferenceComponentRuntimeConfigInputMembers[] = {
    {"InferenceComponentName", &kInferenceComponentName, true},
    {"DesiredRuntimeConfig", &kInferenceComponentRuntimeConfig, true}};
constexpr Shape kUpdateInferenceComponentRuntimeConfigInput = Structure("UpdateInferenceComponentRuntimeConfigInput", kUpdateInferenceComponentRuntimeConfigInputMembers);
constexpr Member kUpdateInferenceComponentRuntimeConfigOutputMembers[] = {
    {"InferenceComponentArn", &kInferenceComponentArn, true}};
constexpr Shape kUpdateInferenceComponentRuntimeConfigOutput = Structure("UpdateInferenceComponentRuntimeConfigOutput", kUpdateInferenceComponentRuntimeConfigOutputMembers);
constexpr Shape kCustomerMetadataKeyList = List(&kCustomerMetadataKey);
constexpr Member kUpdateModelPackageInputMembers[] = {
    {"ModelPackageArn", &kModelPackageArn, true}, {"ModelApprovalStatus", &kModelApprovalStatus},
    {"ModelPackageRegistrationType", &kModelPackageRegistrationType},
    {"ApprovalDescription", &kApprovalDescription},
    {"CustomerMetadataProperties", &kCustomerMetadataMap},
    {"CustomerMetadataPropertiesToRemove", &kCustomerMetadataKeyList},
    {"AdditionalInferenceSpecificationsToAdd", &kAdditionalInferenceSpecifications},
    {"InferenceSpecification", &kInferenceSpecification}, {"SourceUri", &kModelPackageSourceUri},
    {"ModelCard", &kModelPackageModelCard}, {"ModelLifeCycle", &kModelLifeCycle},
    {"ClientToken", &kClientToken}};
constexpr Shape kUpdateModelPackageInput = Structure("UpdateModelPackageInput", kUpdateModelPackageInputMembers);
constexpr Member kUpdateModelPackageOutputMembers[] = {
    {"ModelPackageArn", &kModelPackageArn, true}};
constexpr Shape kUpdateModelPackageOutput = Structure("UpdateModelPackageOutput", kUpdateModelPackageOutputMembers);
constexpr Member kUpdateMonitoringAlertRequestMembers[] = {
    {"MonitoringScheduleName", &kMonitoringScheduleName, true},
    {"MonitoringAlertName", &kMonitoringAlertName, true},
    {"DatapointsToAlert", &kMonitoringDatapointsToAlert, true},
    {"EvaluationPeriod", &kMonitoringEvaluationPeriod, true}};
constexpr Shape kUpdateMonitoringAlertRequest = Structure("UpdateMonitoringAlertRequest", kUpdateMonitoringAlertRequestMembers);
constexpr Member kUpdateMonitoringAlertResponseMembers[] = {
    {"MonitoringScheduleArn", &kMonitoringScheduleArn, true},
    {"MonitoringAlertName", &kMonitoringAlertName}};
constexpr Shape kUpdateMonitoringAlertResponse = Structure("UpdateMonitoringAlertResponse", kUpdateMonitoringAlertResponseMembers);
constexpr Member kUpdateMonitoringScheduleRequestMembers[] = {
    {"MonitoringScheduleName", &kMonitoringScheduleName, true},
    {"MonitoringScheduleConfig", &kMonitoringScheduleConfig, true}};
constexpr Shape kUpdateMonitoringScheduleRequest = Structure("UpdateMonitoringScheduleRequest", kUpdateMonitoringScheduleRequestMembers);
constexpr Member kUpdateMonitoringScheduleResponseMembers[] = {
    {"MonitoringScheduleArn", &kMonitoringScheduleArn, true}};
constexpr Shape kUpdateMonitoringScheduleResponse = Structure("UpdateMonitoringScheduleResponse", kUpdateMonitoringScheduleResponseMembers);
constexpr Member kProfilerConfigForUpdateMembers[] = {
    {"S3OutputPath", &kS3Uri},
    {"ProfilingIntervalInMilliseconds", &kProfilingIntervalInMilliseconds},
    {"ProfilingParameters", &kProfilingParameters}, {"DisableProfiler", &kDisableProfiler}};
constexpr Shape kProfilerConfigForUpdate = Structure("ProfilerConfigForUpdate", kProfilerConfigForUpdateMembers);
constexpr Member kResourceConfigForUpdateMembers[] = {
    {"KeepAlivePeriodInSeconds", &kKeepAlivePeriodInSeconds, true}};
constexpr Shape kResourceConfigForUpdate = Structure("ResourceConfigForUpdate", kResourceConfigForUpdateMembers);
constexpr Member kRemoteDebugConfigForUpdateMembers[] = {
    {"EnableRemoteDebug", &kEnableRemoteDebug}};
constexpr Shape kRemoteDebugConfigForUpdate = Structure("RemoteDebugConfigForUpdate", kRemoteDebugConfigForUpdateMembers);
constexpr Member kUpdateTrainingJobRequestMembers[] = {
    {"TrainingJobName", &kTrainingJobName, true}, {"ProfilerConfig", &kProfilerConfigForUpdate},
    {"ProfilerRuleConfigurations", &kProfilerRuleConfigurations},
    {"ResourceConfig", &kResourceConfigForUpdate},
    {"RemoteDebugConfig", &kRemoteDebugConfigForUpdate}};
constexpr Shape kUpdateTrainingJobRequest = Structure("UpdateTrainingJobRequest", kUpdateTrainingJobRequestMembers);
constexpr Member kUpdateTrainingJobResponseMembers[] = {{"TrainingJobArn", &kTrainingJobArn, true}};
constexpr Shape kUpdateTrainingJobResponse = Structure("UpdateTrainingJobResponse", kUpdateTrainingJobResponseMembers);
constexpr Member kUpdateTrialRequestMembers[] = {
    {"TrialName", &kExperimentEntityName, true}, {"DisplayName", &kExperimentEntityName}};
constexpr Shape kUpdateTrialRequest = Structure("UpdateTrialRequest", kUpdateTrialRequestMembers);
constexpr Member kUpdateTrialResponseMembers[] = {{"TrialArn", &kTrialArn}};
constexpr Shape kUpdateTrialResponse = Structure("UpdateTrialResponse", kUpdateTrialResponseMembers);
constexpr Shape kTrialComponentKey256 = String(0, 256, ".*");
constexpr Shape kListTrialComponentKey256 = List(&kTrialComponentKey256);
constexpr Member kUpdateTrialComponentRequestMembers[] = {
    {"TrialComponentName", &kExperimentEntityName, true}, {"DisplayName", &kExperimentEntityName},
    {"Status", &kTrialComponentStatus}, {"StartTime", &kTimestamp}, {"EndTime", &kTimestamp},
    {"Parameters", &kTrialComponentParameters}, {"ParametersToRemove", &kListTrialComponentKey256},
    {"InputArtifacts", &kTrialComponentArtifacts},
    {"InputArtifactsToRemove", &kListTrialComponentKey256},
    {"OutputArtifacts", &kTrialComponentArtifacts},
    {"OutputArtifactsToRemove", &kListTrialComponentKey256}};
constexpr Shape kUpdateTrialComponentRequest = Structure("UpdateTrialComponentRequest", kUpdateTrialComponentRequestMembers);
constexpr Member kUpdateTrialComponentResponseMembers[] = {
    {"TrialComponentArn", &kTrialComponentArn}};
constexpr Shape kUpdateTrialComponentResponse = Structure("UpdateTrialComponentResponse", kUpdateTrialComponentResponseMembers);

constexpr Operation kOperations[] = {
    {"AddAssociation", &kAddAssociationRequest, &kAddAssociationResponse},
    {"AddTags", &kAddTagsInput, &kAddTagsOutput},
    {"AssociateTrialComponent", &kAssociateTrialComponentRequest, &kAssociateTrialComponentResponse},
    {"BatchDescribeModelPackage", &kBatchDescribeModelPackageInput, &kBatchDescribeModelPackageOutput},
    {"CreateAlgorithm", &kCreateAlgorithmInput, &kCreateAlgorithmOutput},
    {"CreateArtifact", &kCreateArtifactRequest, &kCreateArtifactResponse},
    {"CreateAutoMLJob", &kCreateAutoMLJobRequest, &kCreateAutoMLJobResponse},
    {"CreateAutoMLJobV2", &kCreateAutoMLJobV2Request, &kCreateAutoMLJobV2Response},
    {"CreateDataQualityJobDefinition", &kCreateDataQualityJobDefinitionRequest, &kCreateDataQualityJobDefinitionResponse},
    {"CreateEndpoint", &kCreateEndpointInput, &kCreateEndpointOutput},
    {"CreateEndpointConfig", &kCreateEndpointConfigInput, &kCreateEndpointConfigOutput},
    {"CreateExperiment", &kCreateExperimentRequest, &kCreateExperimentResponse},
    {"CreateHyperParameterTuningJob", &kCreateHyperParameterTuningJobRequest, &kCreateHyperParameterTuningJobResponse},
    {"CreateInferenceComponent", &kCreateInferenceComponentInput, &kCreateInferenceComponentOutput},
    {"CreateModel", &kCreateModelInput, &kCreateModelOutput},
    {"CreateModelBiasJobDefinition", &kCreateModelBiasJobDefinitionRequest, &kCreateModelBiasJobDefinitionResponse},
    {"CreateModelExplainabilityJobDefinition", &kCreateModelExplainabilityJobDefinitionRequest, &kCreateModelExplainabilityJobDefinitionResponse},
    {"CreateModelPackage", &kCreateModelPackageInput, &kCreateModelPackageOutput},
    {"CreateModelPackageGroup", &kCreateModelPackageGroupInput, &kCreateModelPackageGroupOutput},
    {"CreateModelQualityJobDefinition", &kCreateModelQualityJobDefinitionRequest, &kCreateModelQualityJobDefinitionResponse},
    {"CreateMonitoringSchedule", &kCreateMonitoringScheduleRequest, &kCreateMonitoringScheduleResponse},
    {"CreateProcessingJob", &kCreateProcessingJobRequest, &kCreateProcessingJobResponse},
    {"CreateTrainingJob", &kCreateTrainingJobRequest, &kCreateTrainingJobResponse},
    {"CreateTransformJob", &kCreateTransformJobRequest, &kCreateTransformJobResponse},
    {"CreateTrial", &kCreateTrialRequest, &kCreateTrialResponse},
    {"CreateTrialComponent", &kCreateTrialComponentRequest, &kCreateTrialComponentResponse},
    {"DeleteAlgorithm", &kDeleteAlgorithmInput, &kNothing},
    {"DeleteArtifact", &kDeleteArtifactRequest, &kDeleteArtifactResponse},
    {"DeleteAssociation", &kDeleteAssociationRequest, &kDeleteAssociationResponse},
    {"DeleteDataQualityJobDefinition", &kDeleteDataQualityJobDefinitionRequest, &kNothing},
    {"DeleteEndpoint", &kDeleteEndpointInput, &kNothing},
    {"DeleteEndpointConfig", &kDeleteEndpointConfigInput, &kNothing},
    {"DeleteExperiment", &kDeleteExperimentRequest, &kDeleteExperimentResponse},
    {"DeleteHyperParameterTuningJob", &kDeleteHyperParameterTuningJobRequest, &kNothing},
    {"DeleteInferenceComponent", &kDeleteInferenceComponentInput, &kNothing},
    {"DeleteModel", &kDeleteModelInput, &kNothing},
    {"DeleteModelBiasJobDefinition", &kDeleteModelBiasJobDefinitionRequest, &kNothing},
    {"DeleteModelExplainabilityJobDefinition", &kDeleteModelExplainabilityJobDefinitionRequest, &kNothing},
    {"DeleteModelPackage", &kDeleteModelPackageInput, &kNothing},
    {"DeleteModelPackageGroup", &kDeleteModelPackageGroupInput, &kNothing},
    {"DeleteModelPackageGroupPolicy", &kDeleteModelPackageGroupPolicyInput, &kNothing},
    {"DeleteModelQualityJobDefinition", &kDeleteModelQualityJobDefinitionRequest, &kNothing},
    {"DeleteMonitoringSchedule", &kDeleteMonitoringScheduleRequest, &kNothing},
    {"DeleteProcessingJob", &kDeleteProcessingJobRequest, &kNothing},
    {"DeleteTags", &kDeleteTagsInput, &kDeleteTagsOutput},
    {"DeleteTrainingJob", &kDeleteTrainingJobRequest, &kNothing},
    {"DeleteTrial", &kDeleteTrialRequest, &kDeleteTrialResponse},
    {"DeleteTrialComponent", &kDeleteTrialComponentRequest, &kDeleteTrialComponentResponse},
    {"DescribeAlgorithm", &kDescribeAlgorithmInput, &kDescribeAlgorithmOutput},
    {"DescribeArtifact", &kDescribeArtifactRequest, &kDescribeArtifactResponse},
    {"DescribeAutoMLJob", &kDescribeAutoMLJobRequest, &kDescribeAutoMLJobResponse},
    {"DescribeAutoMLJobV2", &kDescribeAutoMLJobV2Request, &kDescribeAutoMLJobV2Response},
    {"DescribeDataQualityJobDefinition", &kDescribeDataQualityJobDefinitionRequest, &kDescribeDataQualityJobDefinitionResponse},
    {"DescribeEndpoint", &kDescribeEndpointInput, &kDescribeEndpointOutput},
    {"DescribeEndpointConfig", &kDescribeEndpointConfigInput, &kDescribeEndpointConfigOutput},
    {"DescribeExperiment", &kDescribeExperimentRequest, &kDescribeExperimentResponse},
    {"DescribeHyperParameterTuningJob", &kDescribeHyperParameterTuningJobRequest, &kDescribeHyperParameterTuningJobResponse},
    {"DescribeInferenceComponent", &kDescribeInferenceComponentInput, &kDescribeInferenceComponentOutput},
    {"DescribeModel", &kDescribeModelInput, &kDescribeModelOutput},
    {"DescribeModelBiasJobDefinition", &kDescribeModelBiasJobDefinitionRequest, &kDescribeModelBiasJobDefinitionResponse},
    {"DescribeModelExplainabilityJobDefinition", &kDescribeModelExplainabilityJobDefinitionRequest, &kDescribeModelExplainabilityJobDefinitionResponse},
    {"DescribeModelPackage", &kDescribeModelPackageInput, &kDescribeModelPackageOutput},
    {"DescribeModelPackageGroup", &kDescribeModelPackageGroupInput, &kDescribeModelPackageGroupOutput},
    {"DescribeModelQualityJobDefinition", &kDescribeModelQualityJobDefinitionRequest, &kDescribeModelQualityJobDefinitionResponse},
    {"DescribeMonitoringSchedule", &kDescribeMonitoringScheduleRequest, &kDescribeMonitoringScheduleResponse},
    {"DescribeProcessingJob", &kDescribeProcessingJobRequest, &kDescribeProcessingJobResponse},
    {"DescribeTrainingJob", &kDescribeTrainingJobRequest, &kDescribeTrainingJobResponse},
    {"DescribeTransformJob", &kDescribeTransformJobRequest, &kDescribeTransformJobResponse},
    {"DescribeTrial", &kDescribeTrialRequest, &kDescribeTrialResponse},
    {"DescribeTrialComponent", &kDescribeTrialComponentRequest, &kDescribeTrialComponentResponse},
    {"DisassociateTrialComponent", &kDisassociateTrialComponentRequest, &kDisassociateTrialComponentResponse},
    {"GetModelPackageGroupPolicy", &kGetModelPackageGroupPolicyInput, &kGetModelPackageGroupPolicyOutput},
    {"GetSearchSuggestions", &kGetSearchSuggestionsRequest, &kGetSearchSuggestionsResponse},
    {"ListActions", &kListActionsRequest, &kListActionsResponse},
    {"ListAlgorithms", &kListAlgorithmsInput, &kListAlgorithmsOutput},
    {"ListArtifacts", &kListArtifactsRequest, &kListArtifactsResponse},
    {"ListAssociations", &kListAssociationsRequest, &kListAssociationsResponse},
    {"ListAutoMLJobs", &kListAutoMLJobsRequest, &kListAutoMLJobsResponse},
    {"ListCandidatesForAutoMLJob", &kListCandidatesForAutoMLJobRequest, &kListCandidatesForAutoMLJobResponse},
    {"ListContexts", &kListContextsRequest, &kListContextsResponse},
    {"ListDataQualityJobDefinitions", &kListDataQualityJobDefinitionsRequest, &kListDataQualityJobDefinitionsResponse},
    {"ListEndpointConfigs", &kListEndpointConfigsInput, &kListEndpointConfigsOutput},
    {"ListEndpoints", &kListEndpointsInput, &kListEndpointsOutput},
    {"ListExperiments", &kListExperimentsRequest, &kListExperimentsResponse},
    {"ListHyperParameterTuningJobs", &kListHyperParameterTuningJobsRequest, &kListHyperParameterTuningJobsResponse},
    {"ListInferenceComponents", &kListInferenceComponentsInput, &kListInferenceComponentsOutput},
    {"ListModelBiasJobDefinitions", &kListModelBiasJobDefinitionsRequest, &kListModelBiasJobDefinitionsResponse},
    {"ListModelExplainabilityJobDefinitions", &kListModelExplainabilityJobDefinitionsRequest, &kListModelExplainabilityJobDefinitionsResponse},
    {"ListModelMetadata", &kListModelMetadataRequest, &kListModelMetadataResponse},
    {"ListModelPackageGroups", &kListModelPackageGroupsInput, &kListModelPackageGroupsOutput},
    {"ListModelPackages", &kListModelPackagesInput, &kListModelPackagesOutput},
    {"ListModelQualityJobDefinitions", &kListModelQualityJobDefinitionsRequest, &kListModelQualityJobDefinitionsResponse},
    {"ListModels", &kListModelsInput, &kListModelsOutput},
    {"ListMonitoringAlertHistory", &kListMonitoringAlertHistoryRequest, &kListMonitoringAlertHistoryResponse},
    {"ListMonitoringAlerts", &kListMonitoringAlertsRequest, &kListMonitoringAlertsResponse},
    {"ListMonitoringExecutions", &kListMonitoringExecutionsRequest, &kListMonitoringExecutionsResponse},
    {"ListMonitoringSchedules", &kListMonitoringSchedulesRequest, &kListMonitoringSchedulesResponse},
    {"ListProcessingJobs", &kListProcessingJobsRequest, &kListProcessingJobsResponse},
    {"ListTags", &kListTagsInput, &kListTagsOutput},
    {"ListTrainingJobs", &kListTrainingJobsRequest, &kListTrainingJobsResponse},
    {"ListTrainingJobsForHyperParameterTuningJob", &kListTrainingJobsForHyperParameterTuningJobRequest, &kListTrainingJobsForHyperParameterTuningJobResponse},
    {"ListTransformJobs", &kListTransformJobsRequest, &kListTransformJobsResponse},
    {"ListTrialComponents", &kListTrialComponentsRequest, &kListTrialComponentsResponse},
    {"ListTrials", &kListTrialsRequest, &kListTrialsResponse},
    {"PutModelPackageGroupPolicy", &kPutModelPackageGroupPolicyInput, &kPutModelPackageGroupPolicyOutput},
    {"Search", &kSearchRequest, &kSearchResponse},
    {"StartMonitoringSchedule", &kStartMonitoringScheduleRequest, &kNothing},
    {"StopAutoMLJob", &kStopAutoMLJobRequest, &kNothing},
    {"StopHyperParameterTuningJob", &kStopHyperParameterTuningJobRequest, &kNothing},
    {"StopMonitoringSchedule", &kStopMonitoringScheduleRequest, &kNothing},
    {"StopProcessingJob", &kStopProcessingJobRequest, &kNothing},
    {"StopTrainingJob", &kStopTrainingJobRequest, &kNothing},
    {"StopTransformJob", &kStopTransformJobRequest, &kNothing},
    {"UpdateArtifact", &kUpdateArtifactRequest, &kUpdateArtifactResponse},
    {"UpdateEndpoint", &kUpdateEndpointInput, &kUpdateEndpointOutput},
    {"UpdateEndpointWeightsAndCapacities", &kUpdateEndpointWeightsAndCapacitiesInput, &kUpdateEndpointWeightsAndCapacitiesOutput},
    {"UpdateExperiment", &kUpdateExperimentRequest, &kUpdateExperimentResponse},
    {"UpdateInferenceComponent", &kUpdateInferenceComponentInput, &kUpdateInferenceComponentOutput},
    {"UpdateInferenceComponentRuntimeConfig", &kUpdateInferenceComponentRuntimeConfigInput, &kUpdateInferenceComponentRuntimeConfigOutput},
    {"UpdateModelPackage", &kUpdateModelPackageInput, &kUpdateModelPackageOutput},
    {"UpdateMonitoringAlert", &kUpdateMonitoringAlertRequest, &kUpdateMonitoringAlertResponse},
    {"UpdateMonitoringSchedule", &kUpdateMonitoringScheduleRequest, &kUpdateMonitoringScheduleResponse},
    {"UpdateTrainingJob", &kUpdateTrainingJobRequest, &kUpdateTrainingJobResponse},
    {"UpdateTrial", &kUpdateTrialRequest, &kUpdateTrialResponse},
    {"UpdateTrialComponent", &kUpdateTrialComponentRequest, &kUpdateTrialComponentResponse}};

}  // namespace
}  // namespace clary::api::sagemaker

namespace clary::api {

std::span<const Operation> SageMakerOperations() { return sagemaker::kOperations; }

}  // namespace clary::api
