// The program `clary algorithm xgboost-serve`: SageMaker's XGBoost container as it serves, on our
// own engine. It sees nothing of Clary, only the container's contract.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "net/http.h"
#include "net/server.h"
#include "serving/xgboost_model.h"

namespace clary::serving {

// What a container of ours needs beside its model.
struct ContainerOptions {
  std::map<std::string, std::string> environment;  // as the model gives it
  int cores = 1;
};

// The largest body that a container takes: MAX_CONTENT_LENGTH (bytes), in a batch transform
// SAGEMAKER_MAX_PAYLOAD_IN_MB (0: no limit of its own), else 25 MiB. At most 2 GiB.
uint64_t MaxBodyBytes(const std::map<std::string, std::string>& environment);

// The model that answers a request for `target`, X-Amzn-SageMaker-Target-Model. An error's code is
// the status: kNotFound 404, with the header X-Clary-Model: missing; kInvalidArgument 400, but
// "BadModel" 500; others 503.
struct FoundModel {
  std::shared_ptr<const XgboostModel> model;
  std::string loading = {};  // of one of many: the answer's header X-Clary-Model-Load
};
using ModelFinder = std::function<Result<FoundModel>(std::string_view target)>;

struct LoadedModels;
struct ContainerModels {
  ModelFinder find;
  std::function<LoadedModels()> loaded = {};  // of many
};

// The HTTP contract: GET /ping, GET /execution-parameters, POST /invocations; of many models GET
// /models: {"models": [{"modelName": N, "modelUrl": N}], "unloads_us": [N]}, the latter as
// LoadedModels has it. Any thread.
net::Handler ContainerHandler(ContainerModels models, const ContainerOptions& options);

// Serves what `make` gives on the listening socket whose descriptor CLARY_LISTENER names, until
// SIGTERM: the body of every container's program of ours. The cores are in SM_NUM_CPUS. Returns the
// process's exit status; why it could not start is its last line on standard error.
int RunContainer(const std::function<Result<net::Handler>(const ContainerOptions&)>& make);

// Serves on the listening socket whose descriptor CLARY_LISTENER names, until SIGTERM. The model is
// in SAGEMAKER_BASE_DIR/model (or /opt/ml/model); with CLARY_MODELS, a socket, all are where that
// says (internal/model_library.h). The cores are in SM_NUM_CPUS. Returns
// the process's exit status; why it could not start is its last line on standard error.
int RunXgboostContainer();

}  // namespace clary::serving
