// The program of an endpoint's explainer: a container that answers by the model behind it, and says
// why.
#pragma once

#include "base/error.h"
#include "net/server.h"
#include "serving/container.h"

namespace clary::analyzer {

// GET /ping, POST /invocations (clarify/online.h). Of the environment: CLARY_EXPLAINER, the
// ClarifyExplainerConfig as JSON; CLARY_UPSTREAM, the sockets of the model's containers in the
// order of their calls, with : between. Without such the model is one of the built-in algorithm, in
// SAGEMAKER_BASE_DIR/model. What ShapBaselineUri holds is in SAGEMAKER_BASE_DIR/input/baseline.
// kInvalidArgument "BadExplainer"; what keeps the model from being loaded.
Result<net::Handler> ExplainerHandler(const serving::ContainerOptions& options);

// `clary algorithm explainer-serve`. Returns the process's exit status.
int RunExplainer();

}  // namespace clary::analyzer
