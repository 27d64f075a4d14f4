// The hosts that a request asks for, which all run on this machine (ADR 42).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>
#include <vector>

#include "api/job_spec.h"
#include "base/error.h"
#include "control/internal/record.h"
#include "control/service.h"

namespace clary::control {

// Of a ResourceConfig or ClusterConfig: its InstanceGroups, or the one group that InstanceType and
// InstanceCount are. Hosts are numbered in that order.
std::vector<api::HostGroup> HostGroupsOf(const nlohmann::json& resources);
size_t CountHosts(const std::vector<api::HostGroup>& groups);
// Cores that their instances have in all, as far as there are as many (`capacity`).
int CoresOf(const std::vector<api::HostGroup>& groups, int capacity);

// Refuses, in the words of a ValidationException, what `member` ("ResourceConfig") asks for and is
// contradictory or cannot be had here.
Status CheckHosts(const nlohmann::json& resources, std::string_view member, const Options& options);

// On a cluster, where several instances stand in the nodes' network: refuses programs of users that
// may not have that.
Status CheckOnNodes(const nlohmann::json& resources, std::string_view member, bool isolated,
                    const Options& options);

// Tells a runner of them, and of a log stream each that `launch` has.
void FillHosts(std::vector<api::HostGroup> groups, const Launch& launch, api::JobSpec& spec);

}  // namespace clary::control
