// CloudWatch Logs, read side: what a client needs to follow a job. Both tailing clients see every
// line once: tokens are positions in append-only files, so they stay valid for the life of a
// stream, and reading at the end gives the same token again.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "meta/log_store.h"
#include "server/identity.h"

namespace clary::server {

class LogsFront {
 public:
  LogsFront(const meta::LogStore& logs, const Account& account) : logs_(logs), account_(account) {}

  // One awsJson1.1 call. kInvalidArgument "UnknownOperationException" | "InvalidParameterException"
  // | "SerializationException"; kNotFound "ResourceNotFoundException". Any thread.
  Result<nlohmann::json> Handle(std::string_view operation, std::string_view body) const;

 private:
  friend struct LogsOperations;
  const meta::LogStore& logs_;
  const Account account_;
};

}  // namespace clary::server
