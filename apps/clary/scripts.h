// `clary train --script`: a job that trains with a program of the user's.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "clary/estimator.h"
#include "command.h"

namespace clary::cli {

// What a job runs on, as the command line says it.
struct Instances {
  std::string type;
  int count = 0;                    // 0: not said
  std::vector<std::string> groups;  // NAME=TYPE or NAME=TYPE:COUNT, instead of both
};
Status SetInstances(const Instances& instances, EstimatorOptions& options);

struct ScriptOptions {
  std::string script;
  std::string source_dir;
  std::vector<std::string> dependencies;
  std::string framework;                                      // "sklearn:1.2-1"
  std::string image;                                          // instead of it, as it is sent
  std::vector<std::pair<std::string, std::string>> channels;  // name, path or URI
  std::string content_type;                                   // of the channels; empty: not told
  std::vector<std::string> parameters;                        // name=value
  std::vector<std::string> environment;                       // NAME=value
  std::vector<std::string> metrics;                           // name=regex
  std::string checkpoints;                                    // s3:// URI
  std::string name;
  std::string output;
  Instances instances;
  int max_run = 24 * 60 * 60;
  std::string save;
  bool isolated = false;
  bool wait = true;
  bool serve = false;  // the model at an endpoint, afterwards
  bool verbose = false;
};

int TrainScript(const Context& context, const ScriptOptions& options);

// The file of this machine that holds an object; empty if its store is elsewhere.
std::string FileOf(const Context& context, const Access& access, const std::string& uri);

}  // namespace clary::cli
