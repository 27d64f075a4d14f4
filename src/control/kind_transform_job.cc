// Batch transforms: a model over the objects below a prefix. Queued for cores and run as training
// jobs are, by a runner of their own.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/sagemaker.h"
#include "api/server_spec.h"
#include "control/internal/endpoint.h"
#include "control/internal/experiments.h"
#include "control/internal/models.h"
#include "control/internal/programs.h"
#include "control/internal/training_request.h"

namespace clary::control {
namespace transform_job {
namespace {

using nlohmann::json;

constexpr char kLogGroup[] = "/aws/sagemaker/TransformJobs";
constexpr int64_t kMaxPayloads = 100;  // MB, of all requests under way
constexpr std::chrono::minutes kGrace{2};

struct TransformFacts : Facts {
  std::string model;  // its containers when the job was made: JSON text
  bool isolated = false;

  json ToJson() const override { return {{"model", model}, {"isolated", isolated}}; }
  static FactsPtr FromJson(const json& j) {
    auto facts = std::make_shared<TransformFacts>();
    facts->model = j.at("model");
    facts->isolated = j.at("isolated");
    return facts;
  }
};

// --- Create.

Status CheckFilters(const json& request) {
  const json processing = request.value("DataProcessing", json::object());
  if (processing.value("JoinSource", "None") != "Input") return {};
  const std::string split = request.at("TransformInput").value("SplitType", "None");
  const std::string assemble = request.at("TransformOutput").value("AssembleWith", "None");
  if (split == "Line" && assemble == "Line") return {};
  return Invalid(
      "DataProcessing.JoinSource Input joins records with their results: it needs "
      "TransformInput.SplitType Line and TransformOutput.AssembleWith Line.");
}

Status Create(Context& context, json request, Record& job, Plan& plan) {
  CLARY_TRY(const SnapshotPtr model, Named(context, kModel, request));
  const json model_request = model->record.Request();
  CLARY_TRY(const json containers, ResolveContainers(context, model_request));
  if (HasManyModels(containers)) {
    return Invalid(
        "Model \"" + model->record.name +
        "\" has Mode MultiModel, and a transform job runs one model: make a model with the "
        "ModelDataUrl of that one.");
  }
  const json& source = request.at("TransformInput").at("DataSource").at("S3DataSource");
  const std::string type = source.at("S3DataType");
  if (type == "AugmentedManifestFile") {
    return Invalid(
        "TransformInput.DataSource.S3DataSource.S3DataType AugmentedManifestFile is not supported "
        "by this release; give an S3Prefix or a ManifestFile.");
  }
  CLARY_CHECK_OK(CheckHasData(source.at("S3Uri"), type == "ManifestFile",
                              model_request.value("ExecutionRoleArn", ""), context.env,
                              context.options));
  CLARY_CHECK_OK(CheckTarget(request.at("TransformOutput").at("S3OutputPath"),
                             "TransformOutput.S3OutputPath", context.env));
  CLARY_CHECK_OK(CheckFilters(request));
  const int64_t payload = request.value("MaxPayloadInMB", int64_t{6});
  if (payload * std::max<int64_t>(1, request.value("MaxConcurrentTransforms", int64_t{1})) >
      kMaxPayloads) {
    return Invalid("MaxConcurrentTransforms times MaxPayloadInMB may be at most 100 MB.");
  }
  CLARY_CHECK_OK(PlanTransformComponent(context, job, request, plan));
  auto& facts = job.Edit<TransformFacts>();
  facts.model =
      json{{"containers", containers}, {"role", model_request.value("ExecutionRoleArn", "")}}
          .dump();
  facts.isolated = model_request.value("EnableNetworkIsolation", false);
  const std::string instance = request.at("TransformResources").at("InstanceType");
  // '_' is in no name of a training job, whose directories lie beside it.
  job.launches.push_back({.directory = "transform_jobs/" + job.name,
                          .cpus = std::clamp(InstanceCpus(instance), 1, context.job_capacity)});
  job.status = "InProgress";
  job.request = request.dump();
  return {};
}

// --- Step.

Result<api::TransformSpec> MakeSpec(const Context& context, const Record& job) {
  const auto& facts = job.As<TransformFacts>();
  const json request = job.Request();
  const json& input = request.at("TransformInput");
  const json& source = input.at("DataSource").at("S3DataSource");
  const json& output = request.at("TransformOutput");
  const json processing = request.value("DataProcessing", json::object());
  const json client = request.value("ModelClientConfig", json::object());
  api::TransformSpec spec = {
      .job_name = job.name,
      .job_arn = job.arn,
      .region = context.options.region,
      .instance_type = request.at("TransformResources").at("InstanceType"),
      .input_uri = source.at("S3Uri"),
      .s3_data_type = source.at("S3DataType"),
      .content_type = input.value("ContentType", ""),
      .compression = input.value("CompressionType", "None"),
      .split_type = input.value("SplitType", "None"),
      .output_uri = output.at("S3OutputPath"),
      .accept = output.value("Accept", ""),
      .assemble_with = output.value("AssembleWith", "None"),
      .batch_strategy = request.value("BatchStrategy", ""),
      .max_concurrent_transforms = request.value("MaxConcurrentTransforms", int64_t{0}),
      .max_payload_mb = request.value("MaxPayloadInMB", int64_t{-1}),
      .invocation_timeout_s = client.value("InvocationsTimeoutInSeconds", int64_t{600}),
      .invocation_retries = client.value("InvocationsMaxRetries", int64_t{3}),
      .input_filter = processing.value("InputFilter", "$"),
      .output_filter = processing.value("OutputFilter", "$"),
      .join_source = processing.value("JoinSource", "None"),
      .network_isolation = facts.isolated,
      .notices = api::Notices("CreateTransformJob", request),
      .store = context.options.object_root,
      .log_root = context.env.logs.root().string(),
      .log_group = kLogGroup,
      .log_stream = job.launches.front().log_stream(),
      .cpus = job.launches.front().cpus};
  const json model = json::parse(facts.model);
  CLARY_TRY(spec.containers, MakeContainers(context, model.at("containers")));
  CLARY_TRY(spec.access, MakeAccess(context, spec.containers, spec.network_isolation, job.arn,
                                    model.value("role", "")));
  const auto environment = request.value("Environment", std::map<std::string, std::string>());
  for (api::ContainerSpec& container : spec.containers) {
    for (const auto& [name, value] : environment) container.environment[name] = value;
  }
  return spec;
}

Result<Program> ProgramOf(const Context& context, const Record& job) {
  CLARY_TRY(const std::string wrong,
            WhatIsWrongWith(context, json::parse(job.As<TransformFacts>().model).at("containers")));
  if (!wrong.empty()) return Invalid(wrong);
  CLARY_TRY(const api::TransformSpec spec, MakeSpec(context, job));
  return Program{.command = context.options.transform_command,
                 .file = "transform.json",
                 .spec = spec.ToJson(),
                 .log = "transform-job.log",
                 .hosts = {{spec.instance_type, InstanceCpus(spec.instance_type), 1}}};
}

Status Step(Steps& steps, const SnapshotPtr& job) {
  return StepPlainJob(
      steps, job,
      {.program = [&](const Record& record) { return ProgramOf(steps.context, record); },
       .grace = kGrace});
}

// --- Views.

json Summary(const Context& /*context*/, const Record& job) {
  json view = {{"TransformJobName", job.name},
               {"TransformJobArn", job.arn},
               {"TransformJobStatus", job.status},
               {"CreationTime", Seconds(job.created_ms)},
               {"LastModifiedTime", Seconds(job.modified_ms)}};
  if (job.ended_ms > 0 && job.terminal()) view["TransformEndTime"] = Seconds(job.ended_ms);
  if (!job.failure_reason.empty()) view["FailureReason"] = job.failure_reason;
  return view;
}

json View(const Context& context, const Record& job, Show /*show*/) {
  json view = job.Request();
  view.update(Summary(context, job));
  view.erase("LastModifiedTime");
  if (job.started_ms > 0) view["TransformStartTime"] = Seconds(job.started_ms);
  return view;
}

constexpr std::string_view kEnds[] = {"Completed", "Failed", "Stopped"};

}  // namespace
}  // namespace transform_job

constinit const Kind kTransformJob = {
    .stem = "TransformJob",
    .name_member = "TransformJobName",
    .arn_member = "TransformJobArn",
    .segment = "transform-job",
    .table = "transform_jobs",
    .noun = "transform job",
    .verbs = kCreate | kDescribe | kList | kStop,
    .ends = transform_job::kEnds,
    .log_group = transform_job::kLogGroup,
    .stop_grace = transform_job::kGrace,
    .summaries = "TransformJobSummaries",
    .not_found = {Code::kNotFound, "ResourceNotFound",
                  "Could not find requested job with name: {name}"},
    .exists = {Code::kAlreadyExists, "ResourceInUse",
               "Job name must be unique within an AWS account and region, and a job with this name "
               "already exists ({arn})"},
    .create = transform_job::Create,
    .step = transform_job::Step,
    .view = transform_job::View,
    .summary = transform_job::Summary,
    .facts = transform_job::TransformFacts::FromJson,
};

}  // namespace clary::control
