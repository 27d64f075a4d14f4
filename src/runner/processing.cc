// The processing contract: inputs and outputs anywhere below /opt/ml/processing, and the request
// itself as configuration.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "runner/internal/contract.h"

namespace clary::runner {
namespace fs = std::filesystem;
namespace {

using nlohmann::json;

std::string Slashless(std::string uri) {
  while (uri.ends_with('/')) uri.pop_back();
  return uri;
}

Result<std::vector<Input>> ProcessingInputs(const api::JobSpec& spec) {
  std::vector<Input> out;
  for (const api::ProcessingInput& i : spec.inputs) {
    CLARY_TRY(std::string directory, BelowOptMl(i.local_path, "S3Input.LocalPath"));
    out.push_back({{.name = i.name,
                    .s3_uri = i.s3_uri,
                    .s3_data_type = i.s3_data_type,
                    .distribution = i.distribution},
                   std::move(directory),
                   "input " + i.name});
  }
  return out;
}

Result<std::vector<MirrorSpec>> ProcessingMirrors(const api::JobSpec& spec) {
  std::vector<MirrorSpec> out;
  for (const api::ProcessingOutput& o : spec.outputs) {
    if (o.upload_mode != "Continuous") continue;
    CLARY_TRY(std::string directory, BelowOptMl(o.local_path, "S3Output.LocalPath"));
    out.push_back({.directory = std::move(directory), .uri = Slashless(o.s3_uri)});
  }
  return out;
}

Status LayOutProcessing(const api::JobSpec& spec, const fs::path& work) {
  for (const char* dir : {"config", "processing", "output", "input"}) {
    CLARY_CHECK_OK(MakeDirectories(work / dir));
  }
  CLARY_TRY(const auto inputs, ProcessingInputs(spec));
  for (const Input& i : inputs) CLARY_CHECK_OK(MakeDirectories(work / i.directory));
  for (const api::ProcessingOutput& o : spec.outputs) {
    CLARY_TRY(const std::string directory, BelowOptMl(o.local_path, "S3Output.LocalPath"));
    CLARY_CHECK_OK(MakeDirectories(work / directory));
  }
  std::vector<std::string> hosts = spec.hosts;
  std::ranges::sort(hosts);
  const json resources = {{"current_host", spec.current_host()},
                          {"hosts", hosts},
                          {"current_instance_type", spec.instance_type},
                          {"network_interface_name", spec.interface}};
  return WriteConfig(work / "config", {{"processingjobconfig.json", spec.request_json},
                                       {"resourceconfig.json", resources.dump()}});
}

Result<std::vector<std::string>> ProcessingLeft(const api::JobSpec& spec) {
  std::vector<std::string> out;
  for (const api::ProcessingOutput& o : spec.outputs) {
    if (o.upload_mode == "Continuous") continue;
    CLARY_TRY(std::string directory, BelowOptMl(o.local_path, "S3Output.LocalPath"));
    out.push_back(std::move(directory));
  }
  return out;
}

Status UploadProcessing(const UploadContext& c, const Ended&) {
  for (const api::ProcessingOutput& o : c.spec.outputs) {
    if (o.upload_mode == "Continuous") continue;
    CLARY_TRY(const std::string directory, BelowOptMl(o.local_path, "S3Output.LocalPath"));
    auto uploaded = UploadTree(c.work, directory, Slashless(o.s3_uri), c.store, c.stopped);
    if (!uploaded) return std::unexpected(std::move(uploaded).error().With("output " + o.name));
    TellSkipped(c, uploaded->skipped);
  }
  return {};
}

}  // namespace

const Contract kProcessingContract = {
    .name = "processing",
    .phase = "Processing",
    .phase_text = "Processing job in progress.",
    .upload_text = "Uploading the outputs of the processing job",
    .message_file = "output/message",
    .lay_out = LayOutProcessing,
    .inputs = ProcessingInputs,
    .mirrors = ProcessingMirrors,
    .left = ProcessingLeft,
    .upload = UploadProcessing,
};

}  // namespace clary::runner
