// The built-in program `clary algorithm xgboost`: SageMaker's XGBoost container in algorithm mode,
// on our own engine. It sees nothing of Clary, only the container contract's directories.
#pragma once

#include <filesystem>
#include <string>

namespace clary::xgboost {

// Trains from base/input and writes base/model/xgboost-model. Log lines go to standard output in
// the container's form. Returns the exit status: 0 with base/output/success, 1 with
// base/output/failure, 137 when memory is out.
//
//   version  the image's, as "1.7-1": decides which hyperparameters exist, where releases of
//   XGBoost
//            differ, and the model's format (UBJSON from 3.0 on, text JSON before).
//   cores    how many threads to use when the hyperparameter nthread is not given; 0: every core.
//
// With checkpoints (input/config/checkpointconfig.json) it goes on from the newest
// xgboost-checkpoint.<iteration> and leaves new ones. SIGTERM ends the process, but with
// save_model_on_termination=true it ends training after the round and saves the model.
int RunAlgorithm(const std::filesystem::path& base, const std::string& version, int cores);

// The same with the base directory, the version and the cores taken from SAGEMAKER_BASE_DIR (or
// /opt/ml), CLARY_IMAGE_VERSION and SM_NUM_CPUS: what `clary algorithm xgboost` calls.
int RunAlgorithm();

}  // namespace clary::xgboost
