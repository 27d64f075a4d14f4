#include "clary/processor.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "client/internal/answer.h"
#include "client/internal/job_name.h"
#include "client/internal/listing.h"
#include "client/internal/log_tail.h"
#include "client/internal/pauses.h"
#include "client/internal/processing.h"
#include "client/internal/session_impl.h"

namespace clary {
namespace fs = std::filesystem;
namespace {

constexpr char kProcessingGroup[] = "/aws/sagemaker/ProcessingJobs";
constexpr char kCodeFolder[] = "/opt/ml/processing/input/code";

// `source`, which is uploaded below s3://<default bucket>/<job>/input/<name> if it is local.
Result<std::string> Uploaded(const Session& session, const std::string& source,
                             const std::string& job, const std::string& name) {
  if (source.starts_with("s3://")) return source;
  std::error_code ec;
  if (!fs::exists(source, ec)) {
    return Fail(Code::kNotFound, "NoSuchFile", "there is no file " + source);
  }
  return session.upload_data(source, "", job + "/input/" + name);
}

}  // namespace

Result<ProcessingJobDescription> ProcessingJob::describe() const {
  CLARY_TRY(const auto j, session_.impl().aws.Json(Service::kSageMaker, "DescribeProcessingJob",
                                                   {{"ProcessingJobName", name_}}));
  using client::Millis;
  using client::Text;
  ProcessingJobDescription d{.name = Text(j, "ProcessingJobName"),
                             .arn = Text(j, "ProcessingJobArn"),
                             .status = Text(j, "ProcessingJobStatus"),
                             .exit_message = Text(j, "ExitMessage"),
                             .failure_reason = Text(j, "FailureReason"),
                             .created_ms = Millis(j, "CreationTime"),
                             .started_ms = Millis(j, "ProcessingStartTime"),
                             .ended_ms = Millis(j, "ProcessingEndTime"),
                             .json = j.dump()};
  for (const auto& o : client::List(client::Child(j, "ProcessingOutputConfig"), "Outputs")) {
    d.outputs.emplace_back(Text(o, "OutputName"), Text(client::Child(o, "S3Output"), "S3Uri"));
  }
  return d;
}

Status ProcessingJob::stop() const {
  CLARY_CHECK_OK(session_.impl().aws.Json(Service::kSageMaker, "StopProcessingJob",
                                          {{"ProcessingJobName", name_}}));
  return {};
}

Status ProcessingJob::logs(const std::function<void(const LogEvent& event)>& on_log, bool follow,
                           std::stop_token stop_asked) const {
  auto& aws = session_.impl().aws;
  client::Pauses pauses(aws);
  client::LogTail tail(aws, kProcessingGroup, name_);
  for (;;) {
    CLARY_TRY(const auto job, describe());
    CLARY_CHECK_OK(tail.Drain(1, [&](int, const LogEvent& event) { on_log(event); }));
    if (!follow || job.finished() || stop_asked.stop_requested()) return {};
    pauses.Sleep(stop_asked);
  }
}

Result<ProcessingJobDescription> ProcessingJob::wait(
    const std::function<void(const LogEvent& event)>& on_log, std::stop_token stop_asked) const {
  auto& aws = session_.impl().aws;
  client::Pauses pauses(aws);
  client::LogTail tail(aws, kProcessingGroup, name_);
  bool stopping = false;
  for (;;) {
    if (stop_asked.stop_requested() && !stopping) {
      stopping = true;
      (void)stop();  // an error: it has just ended by itself
    }
    CLARY_TRY(auto job, describe());
    if (on_log) {
      CLARY_CHECK_OK(tail.Drain(1, [&](int, const LogEvent& event) { on_log(event); }));
    }
    if (job.finished()) return job;
    pauses.Sleep(stopping ? std::stop_token() : stop_asked);
  }
}

Result<std::vector<ProcessingJobSummary>> list_processing_jobs(const Session& session,
                                                               const ListJobsOptions& options) {
  using client::Millis;
  using client::Text;
  CLARY_TRY(const auto jobs, client::ListNewest(session.impl().aws, "ListProcessingJobs",
                                                "ProcessingJobSummaries", options));
  std::vector<ProcessingJobSummary> out;
  for (const auto& j : jobs) {
    out.push_back({.name = Text(j, "ProcessingJobName"),
                   .status = Text(j, "ProcessingJobStatus"),
                   .exit_message = Text(j, "ExitMessage"),
                   .created_ms = Millis(j, "CreationTime"),
                   .ended_ms = Millis(j, "ProcessingEndTime")});
  }
  return out;
}

Status ScriptProcessor::run(const RunOptions& options) {
  auto& aws = session_.impl().aws;
  const auto& o = options_;
  const std::string name =
      !options.job_name.empty()
          ? options.job_name
          : client::NameAt(o.base_job_name.empty() ? "processing" : o.base_job_name,
                           aws.clock().Now());
  if (options_.role.empty()) {
    CLARY_TRY(options_.role, session_.get_execution_role());
  }
  nlohmann::json inputs = nlohmann::json::array();
  for (const auto& input : options.inputs) {
    const std::string called =
        input.name.empty() ? "input-" + std::to_string(inputs.size() + 1) : input.name;
    CLARY_TRY(const std::string uri, Uploaded(session_, input.source, name, called));
    inputs.push_back(client::InputOf(
        called, uri,
        input.destination.empty() ? "/opt/ml/processing/input/" + called : input.destination));
  }
  CLARY_TRY(const std::string code, Uploaded(session_, options.code, name, "code"));
  inputs.push_back(client::InputOf("code", code, kCodeFolder));
  nlohmann::json outputs = nlohmann::json::array();
  for (const auto& output : options.outputs) {
    const std::string called =
        output.name.empty() ? "output-" + std::to_string(outputs.size() + 1) : output.name;
    std::string uri = output.destination;
    if (uri.empty()) {
      CLARY_TRY(const std::string bucket, session_.default_bucket());
      uri = "s3://" + bucket + "/" + name + "/output/" + called;
    }
    outputs.push_back({{"OutputName", called},
                       {"S3Output",
                        {{"S3Uri", uri},
                         {"LocalPath", output.source.empty() ? "/opt/ml/processing/output/" + called
                                                             : output.source},
                         {"S3UploadMode", output.continuous ? "Continuous" : "EndOfJob"}}}});
  }
  std::vector<std::string> entrypoint = o.command;
  entrypoint.push_back(std::string(kCodeFolder) + "/" + code.substr(code.rfind('/') + 1));
  nlohmann::json request = {
      {"ProcessingJobName", name},
      {"AppSpecification", {{"ImageUri", o.image_uri}, {"ContainerEntrypoint", entrypoint}}},
      {"ProcessingInputs", inputs},
      {"ProcessingOutputConfig", {{"Outputs", outputs}}},
      {"ProcessingResources",
       {{"ClusterConfig",
         {{"InstanceCount", 1},
          {"InstanceType", o.instance_type},
          {"VolumeSizeInGB", o.volume_size}}}}},
      {"RoleArn", o.role}};
  if (!options.arguments.empty()) {
    request["AppSpecification"]["ContainerArguments"] = options.arguments;
  }
  if (!o.environment.empty()) request["Environment"] = o.environment;
  if (o.max_runtime > 0) request["StoppingCondition"] = {{"MaxRuntimeInSeconds", o.max_runtime}};
  if (o.enable_network_isolation) request["NetworkConfig"] = {{"EnableNetworkIsolation", true}};
  auto created = aws.Json(Service::kSageMaker, "CreateProcessingJob", request);
  if (!created) {
    return std::unexpected(std::move(created).error().With("creating a processing job"));
  }
  job_.emplace(session_, name);
  if (!options.wait) return {};
  CLARY_TRY(const auto job, job_->wait([](const LogEvent& event) {
    std::printf("%s\n", event.message.c_str());
    std::fflush(stdout);
  }));
  if (job.status == "Failed") {
    return Fail(Code::kFailedPrecondition, "ProcessingJobFailed",
                "processing job " + name + " failed: " + job.failure_reason);
  }
  return {};
}

}  // namespace clary
