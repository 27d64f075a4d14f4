// Uploading: archives of the job's results, and directories mirrored while it runs.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "objects/object_store.h"
#include "runner/tree.h"

namespace clary::runner {

// One thing to pack: everything below root/directory, under the archive's top; or one file.
struct PackSource {
  std::string directory;  // relative to the root; its content goes to the top
  std::string file;       // relative to the root; goes to the top by its last name
};

struct PackResult {
  size_t files = 0;
  std::vector<std::string> skipped;  // links and special files
};

// Writes a gzip-compressed tar of `sources` below `root` to `to`. Members come in byte order with
// their times and modes, owner 0. Follows no symbolic link. kResourceExhausted "DiskFull".
Result<PackResult> Pack(const std::filesystem::path& root, const std::vector<PackSource>& sources,
                        const std::filesystem::path& to);

// Two trees had something at one path that could not be both.
struct MergeClash {
  std::string path;  // below the folder
  size_t kept = 0;   // which of the roots
  size_t dropped = 0;
};
struct Merged {
  std::vector<MergeClash> clashes;
  std::vector<std::pair<size_t, std::string>> skipped;  // a root's links and special files
};
// Moves what is below root/directory of each of `roots` to to/directory, which is there and empty.
// Of two files at one path, or a file and a folder, that of the earlier root stays. All on one file
// system; no program runs in the roots any more.
Result<Merged> MergeTrees(const std::vector<std::filesystem::path>& roots,
                          const std::string& directory, const std::filesystem::path& to);

// Puts the file `path` as `ref`; the object appears whole or not at all.
Result<objects::ObjectInfo> UploadFile(const std::filesystem::path& path,
                                       const objects::ObjectRef& ref, objects::ObjectStore& store);

struct TreeUpload {
  size_t files = 0;
  std::vector<std::string> skipped;  // links, what is no plain file, names that are no UTF-8
};

// Puts every file below root/directory as uri/<path>, several at a time. `stopped` is asked before
// each file, by one thread at a time: then kCancelled. Makes threads: after the last fork.
Result<TreeUpload> UploadTree(const std::filesystem::path& root, const std::string& directory,
                              const std::string& uri, objects::ObjectStore& store,
                              const std::function<bool()>& stopped = {});

// Keeps an object prefix in step with a directory that a program writes to. One thread at a time.
class Mirror {
 public:
  // `checkpoints`: the folder and the prefix are to hold the same, so that what is removed is
  // removed there, too; else the folder is an output that only grows.
  Mirror(std::filesystem::path root, std::string directory, std::string uri,
         objects::ObjectStore& store, bool checkpoints = false)
      : root_(std::move(root)),
        directory_(std::move(directory)),
        uri_(std::move(uri)),
        store_(store),
        checkpoints_(checkpoints) {}
  // Remembers the files that are there as already uploaded.
  Status Seed();
  // Puts files that are new or changed since the last call. While the program runs (`final` is
  // false) a file that changed within the last half second waits for the next call. Names that end
  // in ".sagemaker-ignore", ".sagemaker-uploading" or ".sagemaker-uploaded" are left alone, and
  // ".tmp" but in checkpoints. In byte order of their names, and a Debugger index file never before
  // the event file that it tells of. A folder that is gone as a whole removes nothing.
  Status Sync(bool final);

 private:
  struct Seen {
    uint64_t size;
    int64_t mtime_ns;
    friend bool operator==(const Seen&, const Seen&) = default;
  };
  Status RemoveGone(const TreeListing& listing);

  std::filesystem::path root_;
  std::string directory_;
  std::string uri_;
  objects::ObjectStore& store_;
  bool checkpoints_;
  std::map<std::string, Seen> seen_;
};

}  // namespace clary::runner
