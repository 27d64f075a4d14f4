// One run of the algorithm, with or without channels that were read before it.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "clary/gbdt.h"
#include "xgboost/hyperparameters.h"
#include "xgboost/internal/input.h"
#include "xgboost/internal/kfold.h"
#include "xgboost/internal/training_log.h"

namespace clary::xgboost {

struct TrainingRun {
  std::filesystem::path base;      // of the job: its hyperparameters, its model and output
  std::filesystem::path channels;  // the base of the channels and of what tells of them
  std::string version;
  int cores = 0;                      // as RunAlgorithm()
  uint16_t port = 9099;               // where hosts that train together meet, and the next one
  std::chrono::seconds silence{150};  // TcpOptions::silence
};

// input/config/hyperparameters.json.
Result<std::map<std::string, std::string>> ReadHyperparameters(const std::filesystem::path& base);
// What the engine is told, with as many threads as are given and there.
Result<gbdt::TrainParams> EngineParams(const XgboostParams& settings, const TrainingRun& run);
int AvailableCores();

// Channels in memory, for runs with the same way of reading them.
struct LoadedInput {
  XgboostInput input;
  std::vector<KeptLog::Line> log;  // what reading them said
  gbdt::Bins bins;
  const Folds* folds = nullptr;  // of cross validation, which makes them itself without
};

// RunAlgorithm(); reads the channels unless they are given, and takes what it is given.
int RunTraining(const TrainingRun& run, LoadedInput* loaded = nullptr);

}  // namespace clary::xgboost
