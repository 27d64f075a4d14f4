// Writes the debug-output tree that smdebug reads: docs/formats/debug-output.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "debugger/hook_config.h"
#include "debugger/tensor.h"

namespace clary::debugger {

// One worker's tensors, step by step. A step's event file is complete before its index file
// appears, both by rename, so a reader that follows never sees half a step. One thread at a time.
class TensorWriter {
 public:
  // Creates `directory` and its first collections file: readers need one even if nothing is saved.
  static Result<std::unique_ptr<TensorWriter>> Open(std::filesystem::path directory,
                                                    HookConfig config, Clock& clock, int worker = 0,
                                                    int workers = 1);

  // Whether `collection` is configured and saves this step; `last` is the final round, which is
  // always saved.
  bool Saves(std::string_view collection, int64_t step, bool last) const;

  // Adds to the step under way. Zero-size tensors are left out; the same name twice in a step (a
  // metric is in `metrics` and in `losses`) is written once, and so is the value of a tensor with
  // aliases, to which the index leads under each name. Reductions of the collection are added.
  void Add(std::string_view collection, Tensor tensor);

  // Writes the step's files, if anything was added, and the collections file if names are new.
  Status FinishStep(int64_t step);

  // Writes the end marker. Nothing may follow.
  Status Close();

 private:
  TensorWriter(std::filesystem::path directory, HookConfig config, Clock& clock, int worker,
               int workers);
  Status WriteCollections();

  const std::filesystem::path directory_;
  const HookConfig config_;
  Clock& clock_;
  const std::string worker_;  // "worker_0"
  const int workers_;
  std::map<std::string, std::set<std::string>, std::less<>> names_;  // by collection
  bool names_changed_ = true;
  std::vector<Tensor> step_;
  std::set<std::string> in_step_;
};

// "smdebug/reductions/<reduction>/<tensor>"
std::string ReductionName(std::string_view reduction, std::string_view tensor);
// One of the reductions of IsReduction over all elements; NaN for an empty tensor.
double Reduce(std::string_view reduction, const std::vector<double>& values);

}  // namespace clary::debugger
