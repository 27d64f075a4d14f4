// Policy documents as far as they are understood: their grammar. None is evaluated.
#pragma once

#include <string>

namespace clary::server {

// What statements name beside Effect and Action.
enum class PolicyOf {
  kSession,  // Resource
  kTrust,    // Principal, as who may assume a role
  kKey,      // Principal and Resource
};

// What is wrong with the document, in AWS's words; empty: nothing.
std::string PolicyFault(const std::string& document, PolicyOf kind);

}  // namespace clary::server
