// Parts of requests for processing jobs.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace clary::client {

// A ProcessingInput: all objects below `uri`, as files below `path` on every host.
inline nlohmann::json InputOf(const std::string& name, const std::string& uri,
                              const std::string& path) {
  return {{"InputName", name},
          {"S3Input",
           {{"S3Uri", uri},
            {"LocalPath", path},
            {"S3DataType", "S3Prefix"},
            {"S3InputMode", "File"},
            {"S3DataDistributionType", "FullyReplicated"},
            {"S3CompressionType", "None"}}}};
}

}  // namespace clary::client
