// Batch transforms: a model's answers for files in S3. The words are those of
// sagemaker.transformer.Transformer.
//
//   clary::Transformer transformer(session, {.model_name = "my-model", .assemble_with = "Line"});
//   CLARY_CHECK_OK(transformer.transform("s3://bucket/rows/", {.split_type = "Line"}));
//   std::puts(transformer.output_path().c_str());  // s3://.../rows.csv.out and so on
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "clary/error.h"
#include "clary/session.h"

namespace clary {

struct TransformerOptions {
  std::string model_name;
  int instance_count = 1;
  std::string instance_type = "ml.m5.large";
  std::string strategy;               // MultiRecord | SingleRecord; empty: the model's
  std::string assemble_with;          // Line | None; empty: None
  std::string output_path;            // s3://bucket/prefix; empty: a new one in the default bucket
  std::string accept;                 // empty: the model's own
  int max_concurrent_transforms = 0;  // 0: the model's
  std::optional<int> max_payload;     // MB a request; 0: whole files; empty: the model's
  std::map<std::string, std::string> env;
  std::map<std::string, std::string> tags;
  std::string base_transform_job_name;  // empty: the model's name
};

struct TransformOptions {
  std::string content_type = "text/csv";
  std::string data_type;         // S3Prefix | ManifestFile; empty: S3Prefix
  std::string compression_type;  // Gzip | None
  std::string split_type;        // Line | RecordIO | TFRecord | None
  std::string input_filter;      // JSONPath of what of a record the model gets
  std::string output_filter;     // and of what is written
  std::string join_source;       // Input: records with their answers behind them
  std::string job_name;          // empty: made from the time
  bool wait = true;
};

struct TransformJobDescription {
  std::string name;
  std::string arn;
  std::string status;  // InProgress, Completed, Failed, Stopping, Stopped
  std::string failure_reason;
  int64_t created_ms = 0;  // since 1970, UTC; 0: not yet
  int64_t started_ms = 0;
  int64_t ended_ms = 0;
  std::string json;  // the whole answer

  bool finished() const {
    return status == "Completed" || status == "Failed" || status == "Stopped";
  }
};

// One thread at a time.
class Transformer {
 public:
  Transformer(Session session, TransformerOptions options)
      : session_(std::move(session)), options_(std::move(options)) {}

  const TransformerOptions& options() const { return options_; }
  // Where the answers go; known once transform() has returned.
  const std::string& output_path() const { return output_path_; }
  // Of the last transform(); empty before it.
  const std::string& latest_transform_job() const { return job_; }

  // Creates a transform job over the objects below `data` ("s3://bucket/prefix") and, with `wait`,
  // stays until it has ended. One that failed is kFailedPrecondition "TransformJobFailed" with its
  // reason and the lines that say why; a stopped one is no error.
  Status transform(const std::string& data, const TransformOptions& options = {});
  // Of the latest job.
  Result<TransformJobDescription> describe() const;
  Result<TransformJobDescription> wait() const;
  Status stop_transform_job() const;
  // The end of the latest job's logs, each line behind a line end: FailureReason says only to look
  // there. Empty if they cannot be read.
  std::string last_log_lines() const;
  Status delete_model() const;

 private:
  Session session_;
  TransformerOptions options_;
  std::string output_path_;
  std::string job_;
};

}  // namespace clary
