// Reads a debug-output tree while it grows: what smdebug calls a trial.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "debugger/tensor.h"
#include "objects/object_store.h"

namespace re2 {
class RE2;
}

namespace clary::debugger {

// Where a trial's files are.
class TrialFiles {
 public:
  virtual ~TrialFiles() = default;
  // Paths below `directory`, relative to the root, in byte order, greater than `after`.
  virtual Result<std::vector<std::string>> List(const std::string& directory,
                                                const std::string& after) = 0;
  virtual Result<bool> Exists(const std::string& path) = 0;
  // Bytes [offset, offset + length) of a file, all of it for length 0. kNotFound if missing.
  virtual Result<std::string> Read(const std::string& path, uint64_t offset, uint64_t length) = 0;
};

std::unique_ptr<TrialFiles> NewLocalTrialFiles(std::filesystem::path root);
// Borrows `store`. `prefix` is the key of the tree's root without a trailing slash.
std::unique_ptr<TrialFiles> NewStoreTrialFiles(objects::ObjectStore& store, std::string bucket,
                                               std::string prefix);

// An expression over tensor names, matched at the start of a name as Python's re.match does. RE2's
// syntax, and the one look-behind that smdebug itself uses. Copies share; any thread.
class NamePattern {
 public:
  // kInvalidArgument "BadExpression" with the expression and what is wrong with it.
  static Result<NamePattern> Compile(const std::string& expression);
  bool Matches(std::string_view name) const;

 private:
  std::shared_ptr<const re2::RE2> compiled_;
  bool no_auc_map_ = false;  // "(?<!(auc|map))$" at its end
};

// Whether `expression` matches; one that is none matches nothing.
bool NameMatches(const std::string& expression, std::string_view name);

// Our own collection, and tensors, for the report of a job, beside those that it asked for.
inline constexpr std::string_view kReport = "clary_report";
inline bool IsForReport(std::string_view tensor) { return tensor.starts_with("clary_report/"); }

// One thread at a time. Steps appear when their index file does; with several workers a step is
// complete when each has written its own.
class Trial {
 public:
  explicit Trial(std::unique_ptr<TrialFiles> files) : files_(std::move(files)) {}

  // Looks for new collections, steps and the end marker. Broken files: kDataLoss "BadTrial".
  Status Refresh();

  // The end marker was there at the last Refresh: no step will be added.
  bool ended() const { return ended_; }
  // For a job that is known to have ended without leaving a marker (its host died).
  void MarkEnded() { ended_ = true; }
  int workers() const { return workers_; }
  std::vector<int64_t> Steps() const;                         // complete ones, ascending
  std::vector<int64_t> Steps(std::string_view tensor) const;  // those that hold `tensor`
  bool Has(std::string_view tensor, int64_t step) const;
  std::vector<std::string> TensorNames() const;  // of all steps, sorted
  // The stored names of a collection and the saved names that its expressions match.
  std::vector<std::string> TensorNames(std::string_view collection) const;
  std::vector<std::string> Collections() const;

  // The value at one step, of the lowest worker that has it. kNotFound "NoTensor".
  Result<Tensor> Value(std::string_view tensor, int64_t step);

 private:
  struct Place {
    std::string file;
    uint64_t start = 0;
    uint64_t length = 0;
  };
  struct CollectionInfo {
    std::set<std::string> names;
    std::vector<std::string> include_regex;
  };
  Status ReadIndex(const std::string& path);
  Status ReadCollections();

  std::unique_ptr<TrialFiles> files_;
  std::map<std::string, CollectionInfo, std::less<>> collections_;
  std::map<int64_t, std::set<std::string>> step_workers_;
  std::map<std::string, std::map<int64_t, Place>, std::less<>> tensors_;
  std::set<std::string> read_;  // index files already read
  int workers_ = 0;
  bool ended_ = false;
};

}  // namespace clary::debugger
