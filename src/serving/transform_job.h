// One batch transform, from transform.json to its last event: the body of `clary transform-job
// DIRECTORY`. It starts the model's containers as an instance of an endpoint has them, sends every
// object of the input through them, and puts an object of answers for each.
#pragma once

#include <filesystem>

#include "api/server_spec.h"
#include "base/error.h"
#include "objects/object_store.h"
#include "serving/model_server.h"

namespace clary::serving {

// Where the answers to the object `key` go below S3OutputPath: what stands behind the last '/' of
// the input's prefix, with ".out".
std::string OutputKey(std::string_view output_prefix, std::string_view input_prefix,
                      std::string_view key);

// Runs until every object is done or has failed, or SIGTERM. Objects are sent in parts as
// SplitType, BatchStrategy and MaxPayloadInMB say, MaxConcurrentTransforms at once; memory is
// bounded by these. Answers keep the order of the input, and an object of them appears whole or not
// at all; one that fails does not keep the others from being done. Events as
// docs/formats/serving-directory.md has them. Returns the exit code of the last one. Call it while
// the process has one thread.
Result<int> RunTransform(const api::TransformSpec& spec, const std::filesystem::path& directory,
                         objects::ObjectStore& store, const ServeOptions& options = {});

// `clary transform-job DIRECTORY`. Returns the process's exit status.
int RunTransformJob(const std::filesystem::path& directory);

}  // namespace clary::serving
