// CloudWatch Logs: what a client needs to follow a job, and groups of its own. Both tailing clients
// see every line once: tokens are positions in append-only files, so they stay valid for the life
// of a stream, and reading at the end gives the same token again.
//
// Groups below "/aws/sagemaker/" are the jobs': whoever could delete or write them would take a
// running job's output away, so only the creation of one (which set-ups do beforehand) is allowed.
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/mutex.h"
#include "meta/log_store.h"
#include "meta/metadata_store.h"
#include "server/identity.h"

namespace clary::server {

class LogsFront {
 public:
  // Keeps all of them. Reads the table "log_groups" (docs/formats/metadata.md).
  static Result<std::unique_ptr<LogsFront>> Open(const meta::LogStore& logs,
                                                 meta::MetadataStore& records,
                                                 const Account& account,
                                                 Clock& clock = Clock::System());

  // One call, on a document that Understand() has passed. kInvalidArgument
  // "UnknownOperationException" | "InvalidParameterException"; kNotFound
  // "ResourceNotFoundException"; kAlreadyExists "ResourceAlreadyExistsException". Any thread.
  Result<nlohmann::json> Handle(std::string_view operation, const nlohmann::json& document);

  // Reads anew what is known of all groups: another service may have written it. Any thread.
  Status Reload() EXCLUDES(write_mu_, mu_);

  // Deletes what is older than its group's retention. Any thread; for housekeeping, once an hour.
  void Sweep();

 private:
  friend struct LogsOperations;
  friend struct LogGroupOperations;

  // What is known of a group beside its streams; of a job's group nothing.
  struct GroupFacts {
    int64_t created_ms = 0;
    int64_t retention_days = 0;  // 0: for ever
    std::map<std::string, std::string> tags;
  };

  LogsFront(const meta::LogStore& logs, meta::MetadataStore& records, Account account, Clock& clock)
      : logs_(logs), records_(records), account_(std::move(account)), clock_(clock) {}
  GroupFacts FactsOf(const std::string& group) const EXCLUDES(mu_);
  Status Save(const std::string& group, GroupFacts facts) REQUIRES(write_mu_) EXCLUDES(mu_);
  // Events before this time have left the group.
  int64_t Cutoff(const std::string& group) const EXCLUDES(mu_);

  const meta::LogStore& logs_;
  meta::MetadataStore& records_;
  const Account account_;
  Clock& clock_;
  Mutex write_mu_;  // one change of groups, streams and their files at a time
  mutable Mutex mu_;
  std::map<std::string, GroupFacts> groups_ GUARDED_BY(mu_);
};

}  // namespace clary::server
