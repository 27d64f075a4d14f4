// What control tells the processes that serve: an endpoint's instance (`clary model-server
// DIRECTORY`) and a batch transform (`clary transform-job DIRECTORY`). Both answer as a runner
// does, by lines of DIRECTORY/events.jsonl (api::JobEvent). The files are
// docs/formats/serving-directory.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "api/job_spec.h"
#include "base/error.h"

namespace clary::api {

// One container of a model. A pipeline has several, in the order of their calls.
struct ContainerSpec {
  std::string name = "primary";  // in messages: "primary", of a pipeline "container-1" or its
                                 // ContainerHostname
  // "xgboost"; "script": an inference script of users; "image": the container image of `python`, by
  // its own program; "explainer": it comes first, and asks the model_uri that it has, of the
  // built-in algorithm, or else the containers after it.
  std::string program;
  std::string image;          // as the model names it
  std::string image_version;  // "1.7-1"
  std::string model_uri;      // s3://bucket/key of a model.tar.gz; empty: none
  bool model_folder = false;  // model_uri is a prefix: all below it is the model
  bool multi_model = false;   // model_uri is the prefix of many, which requests name
  bool keep_models = true;    // of many: ModelCacheSetting
  std::map<std::string, std::string> environment;
  PythonSpec python;         // of a script or an image
  std::string baseline_uri;  // of an explainer: ShapBaselineUri; empty: not given
};

// What scripts reach beside their files, as JobSpec has it for programs of jobs.
struct ScriptAccess {
  std::string network = "clary";
  std::string endpoint;  // the service's URL; empty: it has none
  std::string contact;
  std::string ca_bundle;
  JobCredentials credentials;
};

// server.json: everything an instance needs; written once, before its launch.
struct ServerSpec {
  std::string endpoint;
  std::string variant;
  std::string instance;  // "i-" and 17 hexadecimal digits
  std::string region;
  std::string instance_type;
  std::vector<ContainerSpec> containers;  // at least one
  int64_t startup_timeout_s = 240;        // until every container has answered /ping
  int64_t invocation_timeout_s = 60;      // a script's request that takes longer is ended
  bool network_isolation = false;
  ScriptAccess access;
  std::vector<std::string> notices;  // what was asked for and is not given: lines for the log
  std::string store;                 // location of the object store (objects/open_store.h)
  std::string log_root;              // root directory of the log store
  std::string log_group;             // "/aws/sagemaker/Endpoints/<endpoint>"
  std::string log_stream;            // "<variant>/<instance>"; of a pipeline "/<container>" follows
  int cpus = 0;                      // cores it may use; 0: all
  uint64_t memory_bytes = 0;         // 0: no limit

  std::string ToJson() const;
  static Result<ServerSpec> FromJson(std::string_view text);
};

// The phase of events.jsonl from which on an instance answers.
constexpr char kInService[] = "InService";

// Where container `index` of an instance listens: a stream socket that speaks HTTP/1.1 and needs no
// port. The path may be longer than the address of a socket can be;
// net::HttpClientOptions::unix_socket takes it as it is.
std::filesystem::path SocketOf(const std::filesystem::path& directory, size_t index);

// usage.json: what an instance uses, written anew every minute while it answers.
struct InstanceUsage {
  int64_t time_ms = 0;        // when, since 1970
  double cpu_percent = 0;     // of one core, on average since the time before
  double memory_percent = 0;  // of the instance's
  double disk_percent = 0;    // how full the disk is that it writes to
  bool multi_model = false;   // the rest says something
  int64_t loaded_models = 0;
  std::vector<int64_t> unloads_us = {};  // how long each model took that went since the time before

  std::string ToJson() const;
  static Result<InstanceUsage> FromJson(std::string_view text);
};

// How a container of many models tells, with an answer, what the request has waited for: "hit" if
// the model was loaded, else "wait=N download=N load=N" in microseconds, 0 for what others had
// begun.
constexpr char kModelLoadHeader[] = "X-Clary-Model-Load";

// transform.json: everything a batch transform needs; written once, before its launch.
struct TransformSpec {
  std::string job_name;
  std::string job_arn;
  std::string region;
  std::string instance_type;
  std::vector<ContainerSpec> containers;  // with the job's Environment laid over the model's

  std::string input_uri;                  // S3Uri
  std::string s3_data_type = "S3Prefix";  // S3Prefix | ManifestFile
  std::string content_type;               // empty: not given
  std::string compression = "None";       // None | Gzip
  std::string split_type = "None";        // None | Line | RecordIO | TFRecord
  std::string output_uri;                 // S3OutputPath
  std::string accept;                     // empty: not given
  std::string assemble_with = "None";     // None | Line
  std::string batch_strategy;             // MultiRecord | SingleRecord; empty: not given
  int64_t max_concurrent_transforms = 0;  // 0: not given
  int64_t max_payload_mb = -1;            // 0: whole objects; -1: not given
  int64_t invocation_timeout_s = 600;
  int64_t invocation_retries = 3;
  std::string input_filter = "$";
  std::string output_filter = "$";
  std::string join_source = "None";  // None | Input

  bool network_isolation = false;
  ScriptAccess access;
  std::vector<std::string> notices;
  std::string store;
  std::string log_root;
  std::string log_group;   // "/aws/sagemaker/TransformJobs"
  std::string log_stream;  // "<job>/<instance>-<epoch>"; "/data-log" follows for what was sent
  int cpus = 0;
  uint64_t memory_bytes = 0;

  std::string ToJson() const;
  static Result<TransformSpec> FromJson(std::string_view text);
};

}  // namespace clary::api
