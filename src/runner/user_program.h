// What a user's program has that an algorithm of ours has not: an environment with its own keys for
// the service, a network as it may have it, a home, a Python. Of jobs and of containers that serve.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/job_spec.h"
#include "base/error.h"
#include "net/forwarder.h"
#include "runner/program.h"
#include "toolkit/layers.h"
#include "toolkit/python.h"

namespace clary::runner {

// Where the program finds JobSpec::ca_bundle, and JobSpec::cache, as on SageMaker.
inline constexpr char kCaBundleInside[] = "/run/clary/ca.pem";
inline constexpr char kCacheInside[] = "/opt/ml/sagemaker/warmpoolcache";

struct UserProgram {
  std::string region;
  bool network_isolation = false;
  std::string network = "clary";  // as JobSpec::network
  std::string endpoint;           // the service's URL; empty: it has none
  std::string contact;            // as JobSpec::contact
  std::string ca_bundle;          // as JobSpec::ca_bundle
  std::string cache;              // as JobSpec::cache
  api::JobCredentials credentials;
  api::PythonSpec python;
  int cpus = 0;                                    // cores it may use; 0: all
  std::string host = "algo-1";                     // its host's name
  std::vector<std::string> hosts = {"algo-1"};     // of its job
  std::map<std::string, std::string> environment;  // of the request
};

// Whether `spec` runs what users wrote; else an algorithm of ours.
bool IsUserProgram(const api::JobSpec& spec);
UserProgram UserProgramOf(const api::JobSpec& spec);

// What the program reaches: network_isolation and network in one word.
Network NetworkOf(const UserProgram& user);

// The service and the package index, as far as the program may reach them by forwarding.
std::vector<Reach> ReachOf(const UserProgram& user);

// Whether pip in the program has a place to find packages in: an index in reach, or a folder.
bool ReachesPackages(const UserProgram& user);

// Host and port of "http://host:port/path"; kInvalidArgument "BadUrl".
Result<Reach> ParseReach(std::string_view url);

// Where the service is now, as its file `contact` (JobSpec::contact) says.
Result<Reach> ServiceReach(const std::filesystem::path& contact);

// Carries what a program sends to the listening sockets of `spec`.reach, to the service where
// `contact` says it is. Makes threads: after the last fork.
Result<std::unique_ptr<net::Forwarder>> Forward(const ProgramSpec& spec, Program& program,
                                                const std::filesystem::path& contact);

// The whole environment of a command, and what that of a script begins with; `python`: it has a
// virtual environment of its own. The request's own variables come last.
std::map<std::string, std::string> UserEnvironment(const UserProgram& user, bool python);

// "NAME=value", sorted, without what no program could read.
std::vector<std::string> EnvironmentList(const std::map<std::string, std::string>& environment);

// Lines for the log: which Python it is and how that differs from the image's.
std::vector<std::string> PythonNotes(const api::PythonSpec& python);

// For the log of a job on `hosts` hosts: what SDK v3's MPI driver, which came with the job's data
// in `work`, will not do as asked. Empty: nothing.
std::string DriverNote(const std::filesystem::path& work, size_t hosts);

// Makes `program` one of users': its environment, what it reaches, the folders that it sees.
// `python`: a folder made by toolkit::MakePythonHome(); `layer`: packages of a requirements.txt;
// empty: it has none.
void AddUserProgram(const UserProgram& user, const std::filesystem::path& python,
                    const std::filesystem::path& layer, ProgramSpec& program);

// The packages that a requirements.txt asks for. Those of an earlier program with the same file are
// used again.
class Requirements {
 public:
  Requirements(const UserProgram& user, const toolkit::Python& python, std::string_view text);

  // Where they are already; nullopt: nowhere.
  std::optional<toolkit::HeldLayer> Ready() const;
  // Else: makes the empty folder `layer` a place for them, and a program that installs them, but
  // for where it works: the folder of requirements.txt.
  Status Prepare(const std::filesystem::path& layer, ProgramSpec& installer) const;
  // That has succeeded: where they are from now on, `layer` or a place that later programs share.
  toolkit::HeldLayer Keep(const std::filesystem::path& layer) const;

 private:
  UserProgram installer_;
  toolkit::Python python_;
  toolkit::Layer layer_;
  std::string shared_;  // the folder of those that are for others, too; empty: they are not
};

}  // namespace clary::runner
