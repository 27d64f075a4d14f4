// One resource of any kind as control keeps it: what was asked, what happened, what runs for it.
// docs/formats/metadata.md has its JSON form.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace clary::control {

struct Kind;

// What only a record's own kind knows of it. Never changed once it is part of a record.
struct Facts {
  virtual ~Facts() = default;
  virtual nlohmann::json ToJson() const = 0;
};
using FactsPtr = std::shared_ptr<const Facts>;

// A command that runs for a record, on one host or several.
struct Launch {
  std::string key;        // the executor's; empty: not launched yet, or its launch is forgotten
  std::string directory;  // below the jobs directory
  std::string host;       // key of the launch in which it runs; empty: it is one of the executor's
  std::vector<std::string> log_streams;  // one a host, in the kind's log group; empty: not launched
  int cpus = 0;                // cores that it occupies while it has a key; 0: it takes none
  uint64_t events_offset = 0;  // bytes of its events.jsonl that are folded into the record
  bool ended = false;          // its end event is folded in
  int exit_code = 0;
  std::string detail;  // what its end event says

  std::string log_stream() const { return log_streams.empty() ? "" : log_streams.front(); }
};

struct Record {
  const Kind* kind = nullptr;
  std::string name;  // as its user wrote it
  std::string key;   // unique within its kind; the last part of the ARN
  std::string arn;
  std::string owner;    // ARN of the resource that created it; empty: a user did
  bool bound = false;   // goes when its owner goes
  std::string request;  // the request after defaults, without Tags: JSON text
  int64_t created_ms = 0;
  int64_t modified_ms = 0;
  int64_t started_ms = 0;  // begin and end of its work; 0: not yet
  int64_t ended_ms = 0;

  // Intent; written by request handlers.
  int64_t stop_requested_ms = 0;
  int64_t delete_requested_ms = 0;

  // Written by its kind's step.
  std::string status;  // empty for kinds that have none
  std::string failure_reason;
  std::vector<Launch> launches;
  int launches_made = 0;  // keys given to them so far: no key is used twice
  FactsPtr facts;         // null for kinds that have none

  // Its facts, which are of its kind's type T.
  template <typename T>
  const T& As() const {
    return static_cast<const T&>(*facts);
  }
  // A copy of the facts, for changing: the record's own from now on.
  template <typename T>
  T& Edit() {
    auto copy = facts ? std::make_shared<T>(As<T>()) : std::make_shared<T>();
    T& edited = *copy;
    facts = std::move(copy);
    return edited;
  }
  nlohmann::json Request() const;  // the document; an object, whatever was stored

  // Its status is one that nothing follows.
  bool terminal() const;
  bool has_launch() const;  // with a key
  // Nothing is left to do for it.
  bool settled() const;

  std::string ToJson() const;
};

// The inverse of ToJson. kDataLoss "BadRecord"; kFailedPrecondition "NewerSchema". A record of an
// older schema: see Kind::upgrade.
Result<Record> RecordFromJson(const Kind& kind, const nlohmann::json& json);

// One version of a record, as the store has it, with its intent folded in.
struct Snapshot {
  Record record;
  int64_t version = 0;
};
using SnapshotPtr = std::shared_ptr<const Snapshot>;

// A stop that was asked for and not acted on shows as Stopping at once, a deletion as Deleting.
void FoldIntent(Record& record);

// Milliseconds as the API's seconds.
inline double Seconds(int64_t ms) { return static_cast<double>(ms) / 1000.0; }

}  // namespace clary::control
