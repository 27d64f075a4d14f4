#include <algorithm>

#include "base/strings.h"
#include "control/internal/kind.h"

namespace clary::control {
namespace {

constexpr const Kind* kKinds[] = {
    &kTuningJob,      &kTrainingJob, &kProcessingJob,  &kExperiment,         &kTrial,
    &kTrialComponent, &kModel,       &kEndpointConfig, &kModelPackageGroup,  &kModelPackage,
    &kArtifact,       &kAssociation, &kEndpoint,       &kInferenceComponent, &kRetiredFleet,
    &kTransformJob,
};

}  // namespace

std::span<const Kind* const> Kinds() { return kKinds; }

size_t IndexOf(const Kind& kind) {
  return static_cast<size_t>(std::ranges::find(kKinds, &kind) - std::begin(kKinds));
}

ArnParts ParseArn(std::string_view arn) {
  // arn:aws:sagemaker:<region>:<account>:<segment>/<key>
  for (int colons = 0; colons < 5; ++colons) {
    const size_t colon = arn.find(':');
    if (colon == std::string_view::npos) return {};
    arn.remove_prefix(colon + 1);
  }
  const size_t slash = arn.find('/');
  if (slash == std::string_view::npos) return {};
  const auto* kind = std::ranges::find(kKinds, arn.substr(0, slash), &Kind::segment);
  if (kind == std::end(kKinds)) return {};
  return {.kind = *kind, .key = arn.substr(slash + 1)};
}

Error Say(const Words& words, std::string_view name, std::string_view arn) {
  std::string text(words.text);
  const auto fill = [&](std::string_view place, std::string_view with) {
    const size_t at = text.find(place);
    if (at != std::string::npos) text.replace(at, place.size(), with);
  };
  fill("{name}", name);
  fill("{arn}", arn);
  return {words.code, std::string(words.reason), std::move(text)};
}

}  // namespace clary::control
