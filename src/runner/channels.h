// Downloading: brings what a job asks for from the object store to its directory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "api/job_spec.h"
#include "base/error.h"
#include "objects/object_store.h"

namespace clary::runner {

struct DownloadOptions {
  // Hard-links an object whose bytes are a whole file of the store on the same file system, so that
  // nobody may write there: a write would change the store's object. Else every file is a copy of
  // its own, by reference where the file system can.
  bool link = false;
  std::function<bool()> stopped;  // asked often; true ends the download with kCancelled
};

// One thing to bring: a channel of a training job, an input of a processing job.
struct Input {
  api::ChannelSpec channel;
  std::string directory;  // where to, below /opt/ml
  std::string what;       // "channel train": for messages
};

// Which of those that share a sharded input a host is: object i of it goes to host i % hosts.
struct Share {
  size_t host = 0;
  size_t hosts = 1;
};
// That of the spec's host among those that have `channel`, in the order of ranks (by name).
Share ShareOf(const api::JobSpec& spec, const api::ChannelSpec& channel);

// Brings `input` to the folder `to`: all of it, or its share if it is sharded. Every failure has a
// message for FailureReason ("Data download failed: channel train: ...") and reason
// "DownloadFailed", whatever its cause; kCancelled if stopped.
Status DownloadInput(const Input& input, const Share& share, objects::ObjectStore& store,
                     const std::filesystem::path& to, const DownloadOptions& options);

// About how many bytes `input` has in all; counts no further than `enough`. 0 for a manifest, which
// nobody has read yet.
Result<uint64_t> InputSize(const Input& input, objects::ObjectStore& store, uint64_t enough);

// The objects of a channel without folder markers, in order of their keys, or as a manifest
// has them. kNotFound "NoObjects" if there are none.
Result<std::vector<objects::ObjectRef>> ChannelObjects(const api::ChannelSpec& channel,
                                                       objects::ObjectStore& store);

// The part of a channel's objects that a host gets in pass `epoch`. Those of a shuffled channel are
// in another order in each pass, so that a sharded one gives a host others, too; the same for every
// host that asks.
std::vector<objects::ObjectRef> ObjectsOfHost(std::vector<objects::ObjectRef> objects,
                                              const api::ChannelSpec& channel, const Share& share,
                                              uint64_t epoch);

// Brings every object below `uri` (a folder: "s3://b/p" means the keys "p/...") to `directory`.
Status DownloadFolder(const std::string& uri, objects::ObjectStore& store,
                      const std::filesystem::path& directory, const DownloadOptions& options);

// Where an object lands, relative to its channel. A prefix that is a folder ("in/code" of
// "in/code/a/b.py") goes with its '/', which leaves "a/b.py"; of one that is an object, or the
// beginning of names ("in/tr" of "in/train.csv"), what stands before its last '/'. Empty segments
// are dropped; a trailing '/' (a folder marker) is kept. kInvalidArgument "BadKey" for "." and
// "..", NUL, names over 255 bytes, or nothing left.
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
