// What a user's program has that an algorithm of ours has not: an environment with its own keys for
// the service, a network as the job may have it, a home, a Python.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "api/job_spec.h"
#include "base/error.h"
#include "runner/program.h"

namespace clary::runner {

// Whether `spec` runs what users wrote; else an algorithm of ours.
bool IsUserProgram(const api::JobSpec& spec);

// What the program reaches: JobSpec::network_isolation and network in one word.
Network NetworkOf(const api::JobSpec& spec);

// The service and the package index, as far as the job may reach them by forwarding.
std::vector<Reach> ReachOf(const api::JobSpec& spec);

// Folders of the host where the operator keeps packages for pip, which the program must see.
std::vector<std::string> LocalPackages(const api::JobSpec& spec);

// The whole environment of a command, and what that of a script begins with; `python`: it has a
// virtual environment of its own. The request's own variables come last.
std::map<std::string, std::string> UserEnvironment(const api::JobSpec& spec, bool python);

// "NAME=value", sorted, without what no program could read.
std::vector<std::string> EnvironmentList(const std::map<std::string, std::string>& environment);

// Lines for the job's log: which Python it is and how that differs from the image's.
std::vector<std::string> PythonNotes(const api::PythonSpec& python);

// Host and port of "http://host:port/path"; kInvalidArgument "BadUrl".
Result<Reach> ParseReach(std::string_view url);

}  // namespace clary::runner
