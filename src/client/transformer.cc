#include "clary/transformer.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/strings.h"
#include "client/internal/answer.h"
#include "client/internal/job_name.h"
#include "client/internal/log_tail.h"
#include "client/internal/pauses.h"
#include "client/internal/session_impl.h"

namespace clary {
namespace {

using nlohmann::json;

constexpr char kTransformGroup[] = "/aws/sagemaker/TransformJobs";
constexpr size_t kLastLines = 10;

void SetIfGiven(json& object, const char* member, const std::string& value) {
  if (!value.empty()) object[member] = value;
}

}  // namespace

Status Transformer::transform(const std::string& data, const TransformOptions& options) {
  auto& aws = session_.impl().aws;
  const auto& o = options_;
  const std::string name =
      !options.job_name.empty()
          ? options.job_name
          : client::NameAt(
                o.base_transform_job_name.empty() ? o.model_name : o.base_transform_job_name,
                aws.clock().Now());
  output_path_ = o.output_path;
  if (output_path_.empty()) {
    CLARY_TRY(const std::string bucket, session_.default_bucket());
    output_path_ = "s3://" + bucket + "/" + name;
  }
  json input = {{"DataSource",
                 {{"S3DataSource",
                   {{"S3DataType", options.data_type.empty() ? "S3Prefix" : options.data_type},
                    {"S3Uri", data}}}}}};
  SetIfGiven(input, "ContentType", options.content_type);
  SetIfGiven(input, "CompressionType", options.compression_type);
  SetIfGiven(input, "SplitType", options.split_type);
  json output = {{"S3OutputPath", output_path_}};
  SetIfGiven(output, "AssembleWith", o.assemble_with);
  SetIfGiven(output, "Accept", o.accept);
  json request = {{"TransformJobName", name},
                  {"ModelName", o.model_name},
                  {"TransformInput", std::move(input)},
                  {"TransformOutput", std::move(output)},
                  {"TransformResources",
                   {{"InstanceCount", o.instance_count}, {"InstanceType", o.instance_type}}}};
  SetIfGiven(request, "BatchStrategy", o.strategy);
  if (o.max_concurrent_transforms > 0) {
    request["MaxConcurrentTransforms"] = o.max_concurrent_transforms;
  }
  if (o.max_payload) request["MaxPayloadInMB"] = *o.max_payload;
  if (!o.env.empty()) request["Environment"] = o.env;
  for (const auto& [key, value] : o.tags) {
    request["Tags"].push_back({{"Key", key}, {"Value", value}});
  }
  json processing = json::object();
  SetIfGiven(processing, "InputFilter", options.input_filter);
  SetIfGiven(processing, "OutputFilter", options.output_filter);
  SetIfGiven(processing, "JoinSource", options.join_source);
  if (!processing.empty()) request["DataProcessing"] = std::move(processing);
  if (auto created = aws.Json(Service::kSageMaker, "CreateTransformJob", request); !created) {
    return std::unexpected(std::move(created).error().With("creating a transform job"));
  }
  job_ = name;
  if (!options.wait) return {};
  CLARY_TRY(const auto ended, wait());
  if (ended.status == "Failed") {
    return Fail(Code::kFailedPrecondition, "TransformJobFailed",
                "transform job " + name + " failed: " + ended.failure_reason + last_log_lines());
  }
  return {};
}

Result<TransformJobDescription> Transformer::describe() const {
  if (job_.empty()) {
    return Fail(Code::kFailedPrecondition, "NoTransformJob",
                "no transform job yet: call transform() first");
  }
  CLARY_TRY(const auto j, session_.impl().aws.Json(Service::kSageMaker, "DescribeTransformJob",
                                                   {{"TransformJobName", job_}}));
  using client::Millis;
  using client::Text;
  return TransformJobDescription{.name = Text(j, "TransformJobName"),
                                 .arn = Text(j, "TransformJobArn"),
                                 .status = Text(j, "TransformJobStatus"),
                                 .failure_reason = Text(j, "FailureReason"),
                                 .created_ms = Millis(j, "CreationTime"),
                                 .started_ms = Millis(j, "TransformStartTime"),
                                 .ended_ms = Millis(j, "TransformEndTime"),
                                 .json = j.dump()};
}

Result<TransformJobDescription> Transformer::wait() const {
  auto& aws = session_.impl().aws;
  client::Pauses pauses(aws);
  for (;;) {
    CLARY_TRY(auto job, describe());
    if (job.finished()) return job;
    pauses.Sleep();
  }
}

Status Transformer::stop_transform_job() const {
  CLARY_CHECK_OK(session_.impl().aws.Json(Service::kSageMaker, "StopTransformJob",
                                          {{"TransformJobName", job_}}));
  return {};
}

std::string Transformer::last_log_lines() const {
  std::vector<std::string> lines;
  client::LogTail tail(session_.impl().aws, kTransformGroup, job_);
  const auto drained = tail.Drain(2, [&](int, const LogEvent& event) {
    if (lines.size() == kLastLines) lines.erase(lines.begin());
    lines.push_back(event.message);
  });
  std::string out;
  if (!drained) return out;
  for (const std::string& line : lines) out += "\n  " + line;
  return out;
}

Status Transformer::delete_model() const {
  CLARY_CHECK_OK(session_.impl().aws.Json(Service::kSageMaker, "DeleteModel",
                                          {{"ModelName", options_.model_name}}));
  return {};
}

}  // namespace clary
