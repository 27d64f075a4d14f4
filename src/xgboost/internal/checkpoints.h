// Checkpoints of a training run: files xgboost-checkpoint.<round> in one directory, as the
// container means them; what XGBoost's own callback writes (xgboost-checkpoint_<round>.json or
// .ubj) is read too.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <vector>

#include "base/error.h"
#include "clary/gbdt.h"

namespace clary::xgboost {

// One thread.
class Checkpoints {
 public:
  // In the directory that input/config/checkpointconfig.json names, made if it is missing;
  // `folder` below it if given. Empty: the job wants no checkpoints.
  static std::optional<Checkpoints> Open(const std::filesystem::path& base,
                                         const std::string& folder = "");

  // The newest that can be read; one that cannot is passed over with a warning in the log.
  std::optional<gbdt::Model> Newest();

  // Saves `model` if the last time is long enough ago, or if `now`. Keeps the five newest of this
  // run, and any that is just being uploaded (<file>.sagemaker-uploading is there, but not
  // .sagemaker-uploaded).
  Status Save(const gbdt::Model& model, bool now);

 private:
  explicit Checkpoints(std::filesystem::path dir) : dir_(std::move(dir)) {}

  std::filesystem::path dir_;
  std::vector<std::filesystem::path> ours_;
  std::chrono::steady_clock::time_point saved_ = std::chrono::steady_clock::now();
};

}  // namespace clary::xgboost
