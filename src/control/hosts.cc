#include "control/internal/hosts.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "control/internal/kind.h"
#include "control/internal/programs.h"
#include "control/internal/training_request.h"

namespace clary::control {
namespace {

using nlohmann::json;

constexpr size_t kMostHosts = 100;  // SageMaker's own limit for processing jobs

}  // namespace

std::vector<api::HostGroup> HostGroupsOf(const json& resources) {
  std::vector<api::HostGroup> out;
  int64_t number = 0;
  const auto add = [&](api::HostGroup group, const json& of) {
    group.instance_type = TextOf(of, "InstanceType");
    group.cpus = InstanceCpus(group.instance_type);
    const int64_t count = std::min<int64_t>(of.value("InstanceCount", int64_t{1}), kMostHosts + 1);
    for (int64_t i = 0; i < count; ++i) group.hosts.push_back("algo-" + std::to_string(++number));
    out.push_back(std::move(group));
  };
  for (const json& group : resources.value("InstanceGroups", json::array())) {
    api::HostGroup named;
    named.name = TextOf(group, "InstanceGroupName");
    add(std::move(named), group);
  }
  if (out.empty()) add({}, resources);
  return out;
}

size_t CountHosts(const std::vector<api::HostGroup>& groups) {
  size_t count = 0;
  for (const api::HostGroup& group : groups) count += group.hosts.size();
  return count;
}

int CoresOf(const std::vector<api::HostGroup>& groups, int capacity) {
  int64_t cores = 0;
  for (const api::HostGroup& group : groups) {
    cores += static_cast<int64_t>(group.cpus) * std::ssize(group.hosts);
  }
  return static_cast<int>(std::clamp<int64_t>(cores, 1, capacity));
}

Status CheckHosts(const json& resources, std::string_view member, const Options& options) {
  const std::string what(member);
  const json groups = resources.value("InstanceGroups", json::array());
  std::set<std::string> names;
  for (const json& group : groups) {
    const std::string name = TextOf(group, "InstanceGroupName");
    if (!names.insert(name).second) {
      return Invalid("InstanceGroupName '" + name + "' is given twice in " + what +
                     ".InstanceGroups");
    }
    if (group.value("InstanceCount", 1) < 1) {
      return Invalid(what + ".InstanceGroups: group '" + name + "' has no instance");
    }
  }
  for (const char* one : {"InstanceType", "InstanceCount"}) {
    if (!groups.empty() && resources.contains(one)) {
      return Invalid(what + ": give either InstanceGroups or " + one + ", not both");
    }
  }
  if (groups.empty() && !resources.contains("InstanceType")) {
    return Invalid("You must specify " + what + ".InstanceType");
  }
  const size_t hosts = CountHosts(HostGroupsOf(resources));
  if (hosts > kMostHosts) {
    return Invalid(what + ": a job has at most " + std::to_string(kMostHosts) + " instances" +
                   (options.cluster ? "" : ", which share the cores of this machine"));
  }
  if (hosts > 1 && !options.cluster && options.job_network == "open") {
    return Invalid(what +
                   ": instances that work together need networks of their own, and this service "
                   "was started with --job-network open; start it with --job-network clary");
  }
  return {};
}

Status CheckOnNodes(const json& resources, std::string_view member, bool isolated,
                    const Options& options) {
  if (!options.cluster || CountHosts(HostGroupsOf(resources)) < 2) return {};
  const std::string what = std::string(member) + ": instances of a job on Slurm stand in the " +
                           "network of their nodes, ";
  if (isolated) return Invalid(what + "so that EnableNetworkIsolation needs InstanceCount 1");
  if (options.job_network == "open") return {};
  return Invalid(what +
                 "which jobs may not use here; start the service with --job-network open, or "
                 "give InstanceCount 1");
}

void FillHosts(std::vector<api::HostGroup> groups, const Launch& launch, api::JobSpec& spec) {
  spec.instance_type = groups.front().instance_type;
  spec.hosts.clear();
  for (const api::HostGroup& group : groups) {
    spec.hosts.insert(spec.hosts.end(), group.hosts.begin(), group.hosts.end());
  }
  spec.groups = std::move(groups);
  spec.log_stream = launch.log_stream();
  if (spec.hosts.size() > 1) spec.log_streams = launch.log_streams;
}

}  // namespace clary::control
