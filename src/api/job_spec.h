// What control tells a runner, and what a runner tells control: the two files of a job's directory
// (docs/formats/job-directory.md). Both sides use these codecs, neither knows the other's code.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace clary::api {

struct ChannelSpec {
  std::string name;
  std::string s3_uri;
  std::string s3_data_type = "S3Prefix";         // S3Prefix | ManifestFile | AugmentedManifestFile
  std::string distribution = "FullyReplicated";  // FullyReplicated | ShardedByS3Key
  std::string content_type;                      // empty: not given
  std::string compression = "None";              // None | Gzip
  std::string record_wrapper = "None";           // None | RecordIO
  std::string input_mode = "File";               // File | Pipe | FastFile
  std::vector<std::string> groups;               // whose hosts have it; empty: all hosts
  bool shuffle = false;  // ShuffleConfig: its objects in an order of its own
  int64_t shuffle_seed = 0;
};

// Hosts of one instance type.
struct HostGroup {
  std::string name = "homogeneousCluster";
  std::string instance_type;
  int cpus = 0;  // cores of an instance of that type
  std::vector<std::string> hosts;
};

// What a processing job brings from S3 before its program runs, and takes there afterwards.
struct ProcessingInput {
  std::string name;
  std::string s3_uri;
  std::string local_path;                        // container path below /opt/ml/processing
  std::string s3_data_type = "S3Prefix";         // S3Prefix | ManifestFile
  std::string distribution = "FullyReplicated";  // FullyReplicated | ShardedByS3Key
};

struct ProcessingOutput {
  std::string name;
  std::string s3_uri;
  std::string local_path;                // as above
  std::string upload_mode = "EndOfJob";  // EndOfJob | Continuous
};

// A container image whose files are on this host (toolkit/images.h).
struct ImageSpec {
  std::string root;  // its file system, never written to; empty: none
  std::vector<std::string> entrypoint;
  std::vector<std::string> command;
  std::vector<std::string> environment;  // "NAME=value"
  std::string directory;                 // where its programs start
};

// The Python on this host that stands for a container's (toolkit/environments.h finds it), or the
// container's files themselves.
struct PythonSpec {
  std::string environment;           // its name: "sklearn:1.2-1"; empty: the program has no Python
  std::string interpreter;           // its path on the host
  std::vector<std::string> folders;  // of the host, that the program must see, read-only
  std::string framework;             // "sklearn", "xgboost", "pytorch", ...; empty: a plain Python
  std::vector<std::string> notes;    // how it differs from what the image promises: for the log
  std::map<std::string, std::string> pip;  // the operator's PIP_* settings: for the program
  std::string layers;   // where layers of packages are kept for the next job; empty: nowhere
  ImageSpec container;  // then there is no interpreter
};

// What a job may call with: its own keys, which end with it.
struct JobCredentials {
  std::string access_key_id;  // empty: none
  std::string secret_access_key;
  std::string session_token;
};

// job.json: everything a runner needs; written once, before the launch, readable by its owner only.
struct JobSpec {
  std::string job_name;
  std::string job_arn;
  std::string region;
  // training | processing: what stands below /opt/ml. trials: the host of a tuning job's trials, of
  // which it has the channels.
  std::string contract = "training";
  // "xgboost": the built-in algorithm. "script": a user's entry point, in script mode (toolkit).
  // "command": entrypoint and arguments as they stand.
  std::string program;
  std::string image;                    // as the request names it
  std::string image_version;            // "1.7-1"; of the built-in algorithm
  std::vector<std::string> entrypoint;  // of a command
  std::vector<std::string> arguments;
  PythonSpec python;
  std::string instance_type;                    // of its first group
  std::vector<std::string> hosts = {"algo-1"};  // in order of their numbers
  std::vector<HostGroup> groups;                // empty: one, of all hosts
  // Of which host this is the job; empty: the first. Not in job.json.
  std::string host;
  std::string interface = "eth0";  // by which that reaches the others. Not in job.json
  std::map<std::string, std::string> hyperparameters;
  // Their names as the request had them; empty: in byte order.
  std::vector<std::string> hyperparameter_order;
  std::map<std::string, std::string> environment;
  std::vector<ChannelSpec> channels;
  std::string output_uri;                   // S3OutputPath without a trailing slash
  std::string output_compression = "GZIP";  // GZIP | NONE
  std::string checkpoint_uri;               // empty: none
  std::string checkpoint_path;              // container path
  std::string debug_hook_json;              // DebugHookConfig as sent; empty: none
  bool report_tensors = false;              // save what the training report needs beside that
  std::string profiler_json;
  std::string tensorboard_json;
  bool network_isolation = false;
  std::string network = "clary";  // without isolation: none | clary (the service, and the package
                                  // index if one is configured) | open (as the service's user)
  std::string endpoint;           // the service's URL; empty: it has none
  std::string contact;    // the file in which a service that starts says its URL: service.json
  std::string ca_bundle;  // certificates with which the service answers for AWS's own names
  JobCredentials credentials;
  std::vector<ProcessingInput> inputs;  // of a processing job
  std::vector<ProcessingOutput> outputs;
  std::string
      request_json;  // a processing job's request: its /opt/ml/config/processingjobconfig.json
  std::vector<std::string> notices;  // what the job asked for and does not get: lines for its log
  std::string store;                 // location of the object store (objects/open_store.h)
  std::string log_root;              // root directory of the log store
  std::string log_group;             // "/aws/sagemaker/TrainingJobs"
  std::string log_stream;            // "<job>/algo-1-<epoch>"
  std::vector<std::string> log_streams;  // of several hosts: one each, in their order
  uint64_t volume_gb = 0;                // what VolumeSizeInGB says; 0: nothing
  std::string cache;          // a folder that the jobs of a warm pool share, writable; empty: none
  int cpus = 0;               // cores the job may use; 0: all
  uint64_t memory_bytes = 0;  // 0: no limit

  const std::string& current_host() const { return host.empty() ? hosts.front() : host; }
  // `groups`, or the one group that stands for none.
  std::vector<HostGroup> host_groups() const;
  // The job as its host number `index` has it: with that host's instance type, log stream and
  // channels.
  JobSpec OfHost(size_t index) const;

  std::string ToJson() const;
  static Result<JobSpec> FromJson(std::string_view text);
};

// What a runner makes in its job's directory and removes at its end; of one that was killed,
// control does.
inline constexpr std::array<std::string_view, 10> kRunnerFolders = {
    "work",     "outside", "tmp",     "home",     "python",
    "overlays", "layer",   "profile", "pack.tmp", "hosts"};

// Locked (flock) by the runner as long as it lives.
inline constexpr std::string_view kRunnerLock = "runner.lock";

// One fact of events.jsonl, in order of happening. Appending is the runner's alone; a torn last
// line (crash) is ignored by readers.
struct JobEvent {
  enum class Kind {
    kPhase,     // phase: "Downloading" | "Training" or "Processing" | "Uploading"
    kArtifact,  // detail: S3 URI of the model, etag: its ETag; uploaded and durable
    kEnd,       // exit_code of the program; detail: failure text or empty; message: the exit
                // message of a processing job or empty; nothing follows
  };
  Kind kind = Kind::kPhase;
  int64_t time_ms = 0;
  std::string phase;
  std::string detail;
  std::string etag;
  std::string message;
  int exit_code = 0;

  std::string ToJsonLine() const;  // with the line end
  static Result<JobEvent> FromJson(std::string_view line);
};

// Reads whole events from byte `*offset` of the file on and moves it behind them, about 1 MiB at a
// time: call it until it returns none. A missing file has no events; a line that is none (a power
// cut may leave such, a later release may write such) is skipped.
Result<std::vector<JobEvent>> ReadEvents(const std::filesystem::path& file, uint64_t* offset);

// What control asks of a trial host: one line of its orders.jsonl.
struct TrialOrder {
  enum class Kind {
    kRun,   // key, directory
    kStop,  // key
  };
  Kind kind = Kind::kRun;
  std::string key;        // of the trial's launch
  std::string directory;  // the trial's, with its job.json; absolute

  std::string ToJsonLine() const;  // with the line end
  static Result<TrialOrder> FromJson(std::string_view line);
};
// As ReadEvents().
Result<std::vector<TrialOrder>> ReadOrders(const std::filesystem::path& file, uint64_t* offset);

// Appends `order` to the file, which is made if it is not there.
Status AppendOrder(const std::filesystem::path& file, const TrialOrder& order);

}  // namespace clary::api
