// Who of several services on one store leads (ADR 43).
//
// The record (kLeases, name) says who; its version is the term, which grows only when somebody
// takes over. The leader writes a beat, "<name>/beat". Who has seen the same beat for `patience` of
// its own clock takes over. A leader that pauses may believe for a moment longer that it leads: its
// writes are made under a Fence of its term, and are refused.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "meta/metadata_store.h"

namespace clary::meta {

inline constexpr char kLeases[] = "leases";

class Lease {
 public:
  struct Options {
    std::string name = "reconciler";
    std::string body;          // of the record while this leads: who it is, for people
    Duration patience{3'000};  // with a beat every kLook
  };
  // Keeps `store` and `clock`.
  Lease(MetadataStore& store, Clock& clock, Options options)
      : store_(store), clock_(clock), options_(std::move(options)) {}

  // Beats, or takes over if it is time. Called every kLook by one thread.
  static constexpr Duration kLook{500};
  Status Look();
  // Lets another take over at once. By the thread that looks.
  Status Release();

  // This leads, and its last beat is so young that nobody else does. Any thread.
  bool Held() const;
  // What its writes are fenced with; grows when it leads again. Any thread.
  int64_t term() const { return term_; }
  const std::string& name() const { return options_.name; }

 private:
  Status Beat();
  std::string BeatKey() const { return options_.name + "/beat"; }

  MetadataStore& store_;
  Clock& clock_;
  const Options options_;
  std::atomic<bool> leads_ = false;
  std::atomic<int64_t> term_ = 0;
  std::atomic<int64_t> beaten_ms_ = 0;  // when the last beat that was written was begun
  std::pair<int64_t, int64_t> seen_;    // versions of the lease and of the beat; 0, 0: none yet
  int64_t seen_ms_ = 0;                 // when they were new
};

}  // namespace clary::meta
