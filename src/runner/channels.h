// Downloading: brings the channels of a job from the object store to input/data/<channel>/.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "api/job_spec.h"
#include "base/error.h"
#include "objects/object_store.h"

namespace clary::runner {

struct DownloadOptions {
  // Hard-links an object whose bytes are a whole file of the store on the same file system. Only
  // for programs that cannot write to input/: a write would change the store's object.
  bool link = false;
  std::function<bool()> stopped;  // asked often; true ends the download with kCancelled
};

// Brings all channels of `spec` but those of input mode Pipe below `data` (input/data of the job).
// Every failure has a message for FailureReason ("Data download failed: channel train: ...") and
// reason "DownloadFailed", whatever its cause; kCancelled if stopped.
Status DownloadChannels(const api::JobSpec& spec, objects::ObjectStore& store,
                        const std::filesystem::path& data, const DownloadOptions& options);

// The objects of one channel for the first host, in order, without folder markers. kNotFound
// "NoObjects" if there are none.
Result<std::vector<objects::ObjectRef>> ChannelObjects(const api::JobSpec& spec,
                                                       const api::ChannelSpec& channel,
                                                       objects::ObjectStore& store);

// Brings every object below `uri` (a folder: "s3://b/p" means the keys "p/...") to `directory`.
Status DownloadFolder(const std::string& uri, objects::ObjectStore& store,
                      const std::filesystem::path& directory, const DownloadOptions& options);

// Where an object lands, relative to its channel: `key` without what stands before the last '/' of
// `prefix`. Empty segments are dropped; a trailing '/' (a folder marker) is kept.
// kInvalidArgument "BadKey" for "." and "..", NUL, names over 255 bytes, or nothing left.
Result<std::string> PlaceOf(std::string_view key, std::string_view prefix);

// The keys of a manifest file: [{"prefix": "s3://b/p/"}, "a", "b"]; all in one bucket.
struct Manifest {
  std::string bucket;
  std::string prefix;
  std::vector<std::string> names;  // to be put after the prefix
};
// kInvalidArgument "BadManifest" with the entry's number.
Result<Manifest> ParseManifest(std::string_view text);

}  // namespace clary::runner
