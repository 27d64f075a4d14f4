// The hosts of a job that train one model together.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "collective/collective.h"

namespace clary::xgboost {

// What this host has.
struct HostData {
  bool training = false;
  bool validation_wanted = false;  // there is a channel of it
  bool validation = false;
};

// The hosts of input/config/resourceconfig.json, sorted by name, as a group: at first all of them,
// then those that train.
class JobHosts {
 public:
  // Waits until all hosts are there, at the first one's `port`, and later at the one behind it.
  // Without a file, or with one host in it, this host is alone.
  static Result<JobHosts> Meet(const std::filesystem::path& base, uint16_t port,
                               std::chrono::seconds silence);

  collective::Collective& all() { return *together_; }
  bool several() const { return names_.size() > 1; }
  // Whether this one speaks for all: it prints the metrics and keeps the model.
  bool is_master() const { return self_ == 0; }
  const std::vector<std::string>& names() const { return names_; }

  // Goes on with the hosts that have data, as the container does. False if this one is not among
  // them: it has nothing more to do. kInvalidArgument "UserError" if none is.
  Result<bool> KeepThoseWith(const HostData& mine);

 private:
  JobHosts(std::vector<std::string> names, size_t self, uint16_t port, std::chrono::seconds silence)
      : names_(std::move(names)), self_(self), port_(port), silence_(silence) {}
  Status Connect();

  std::vector<std::string> names_;
  size_t self_ = 0;
  uint16_t port_ = 0;
  std::chrono::seconds silence_;
  std::unique_ptr<collective::Collective> together_;
};

}  // namespace clary::xgboost
