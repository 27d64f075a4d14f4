// Training images by name: which program a registry path stands for, and the metrics its log lines
// carry. Account and region of the registry are ignored.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace clary::api {

struct Image {
  std::string program;  // "xgboost"
  std::string version;  // a known version; "latest" is the newest of them
};

// "<registry>/<repository>:<tag>". kInvalidArgument "ValidationException" with the known images if
// it is none of them.
Result<Image> ResolveImage(std::string_view uri);

// Those that it takes, as a list for messages.
std::string KnownImages();

// Whether an image is SageMaker Clarify's, of any account, region and tag: its job is an analysis.
bool IsClarifyImage(std::string_view uri);

struct MetricDefinition {
  std::string name;   // "validation:auc"
  std::string regex;  // one group, the value
  // A text that every matching line contains; empty if not known. Saves running the regex.
  std::string literal;
};

// The definitions that Describe shows for a job of this image: validation:<m> for every metric of
// the image's version, then train:<m>.
std::vector<MetricDefinition> BuiltInMetrics(const Image& image);

// Whether more of a built-in metric ("auc") is better; of the others less is.
bool MoreIsBetter(std::string_view metric);

}  // namespace clary::api
