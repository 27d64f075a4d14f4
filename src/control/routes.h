// Where invocations go: what InvokeEndpoint has to know of every endpoint, as one value that never
// changes. Service::Routes() answers the newest; who holds it may go on using it.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace clary::control {

// One model server that answers (docs/formats/model-server.md).
struct InstanceRoute {
  std::string id;                   // "i-0123456789abcdef0"
  std::filesystem::path directory;  // of its launch: server.json, its socket
};

// The instances of one variant of one fleet. While an update moves traffic there are two of a name:
// of the old fleet and of the new one, each with its share.
struct VariantRoute {
  std::string name;
  double weight = 0;                    // its share is weight / sum; 0: only those who target it
  bool least_outstanding = false;       // LEAST_OUTSTANDING_REQUESTS; else at random
  int max_concurrency = 0;              // of a serverless variant; 0: no limit
  std::vector<std::string> containers;  // names: "primary", or those of a pipeline in order
  bool direct = false;       // the caller says which container (InferenceExecutionConfig)
  bool multi_model = false;  // the caller says which model
  std::vector<InstanceRoute> instances;  // those in service; may be none
};

struct CaptureRoute {
  bool input = false;
  bool output = false;
  int percentage = 0;
  std::string destination_uri;  // "s3://bucket/prefix", without a trailing slash
  std::vector<std::string> csv_types;
  std::vector<std::string> json_types;
};

struct AsyncRoute {
  std::string output_uri;          // S3OutputPath, without a trailing slash; empty: not given
  std::string failure_uri;         // S3FailurePath, likewise
  int max_concurrency = 0;         // per instance; 0: not given
  std::string success_topic = {};  // of SNS, told of each answer; empty: none
  std::string error_topic = {};    // likewise of each failure
};

struct EndpointRoute {
  std::string name;
  std::string config_name;
  bool in_service = false;  // it may be invoked: InService, Updating, RollingBack
  std::string status;       // EndpointStatus
  std::vector<VariantRoute> variants;
  std::vector<VariantRoute> shadows;     // get a copy of weight (at most 1) of the requests
  bool takes_components = false;         // it has no models of its own: requests name a component
  std::vector<VariantRoute> components;  // inference components, by their names
  std::optional<CaptureRoute> capture;   // captured now; none: EnableCapture is false, too
  std::optional<AsyncRoute> async;       // it takes asynchronous invocations only
  bool explains = false;                 // its variants' only container is an explainer
};

// By name.
using EndpointRoutes = std::map<std::string, std::shared_ptr<const EndpointRoute>, std::less<>>;

}  // namespace clary::control
