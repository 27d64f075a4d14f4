// One input channel of a training job, in the words of sagemaker.inputs.TrainingInput.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace clary {

// TrainingInput{train_uri, "csv"}; an empty field is not sent, and the service's default holds.
struct TrainingInput {
  std::string s3_data;          // s3://bucket/prefix: every object whose key starts with it
  std::string content_type;     // "csv", "libsvm", ... with parameters: "text/csv; label_size=1"
  std::string distribution;     // FullyReplicated (the default) | ShardedByS3Key
  std::string s3_data_type;     // S3Prefix (the default) | ManifestFile | AugmentedManifestFile
  std::string compression;      // None | Gzip
  std::string record_wrapping;  // None | RecordIO
  std::string input_mode;       // File | Pipe | FastFile
  std::vector<std::string> instance_groups;  // only the hosts of these have it; empty: all
};

// Channel name and input, in the order in which they are sent: {{"train", a}, {"validation", b}}.
using Channels = std::vector<std::pair<std::string, TrainingInput>>;

}  // namespace clary
