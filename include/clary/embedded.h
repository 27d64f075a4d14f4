// The whole service inside this process, for programs that want no server to run: the same state
// directory as `clary serve`, so its jobs and objects are there later too.
//
//   CLARY_TRY(auto service, clary::EmbeddedService::start({.home = "state"}));
//   CLARY_TRY(auto session, clary::Session::from_home("state"));
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "clary/error.h"

namespace clary {

class EmbeddedService {
 public:
  struct Options {
    std::filesystem::path home;  // empty: $CLARY_HOME or ~/.clary
    // The `clary` executable, which runs the jobs. Empty: $CLARY_EXECUTABLE, one beside this
    // program, or one in $PATH.
    std::filesystem::path executable;
    int capacity_cpus = 0;  // cores for running jobs; 0: those of the machine
  };

  // Listens on a free port of the loopback interface. kFailedPrecondition "AlreadyServing" if a
  // service has this home already (then use Session::from_home), "NoExecutable".
  static Result<EmbeddedService> start(Options options);
  EmbeddedService(EmbeddedService&&) noexcept;
  EmbeddedService& operator=(EmbeddedService&&) noexcept;
  ~EmbeddedService();  // stops it; jobs run on, and the next service picks them up

  std::string endpoint() const;  // "http://127.0.0.1:40123"

 private:
  struct Impl;
  explicit EmbeddedService(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace clary
