#include "meta/lease.h"

#include "base/log.h"

namespace clary::meta {
namespace {

// The version of a record; 0: there is none.
Result<int64_t> VersionOf(MetadataStore& store, std::string_view key) {
  const auto record = store.Get(kLeases, key);
  if (record) return record->version;
  if (record.error().code == Code::kNotFound) return 0;
  return std::unexpected(record.error());
}

}  // namespace

bool Lease::Held() const {
  // A little less than the others' patience, which begins when they see the beat.
  return leads_ && ToMillis(clock_.Now()) - beaten_ms_ < options_.patience.count() * 5 / 6;
}

Status Lease::Beat() {
  const int64_t begun = ToMillis(clock_.Now());
  const auto beaten = store_.Apply(
      {{.table = kLeases, .key = options_.name, .expected_version = term_.load(), .check = true},
       {.table = kLeases, .key = BeatKey(), .body = "{}"}});
  if (beaten) {
    beaten_ms_ = begun;
    return {};
  }
  if (beaten.error().code == Code::kConflict) {
    leads_ = false;
    seen_ = {};
    LOG(kWarn, "another service leads now", {"lease", options_.name}, {"term", term_.load()});
  }
  return std::unexpected(beaten.error());
}

Status Lease::Look() {
  if (leads_) return Beat();
  auto version = VersionOf(store_, options_.name);
  auto beat = version ? VersionOf(store_, BeatKey()) : version;
  if (!beat) {
    seen_ = {};  // nobody can beat now: count anew from when the store is back
    return std::unexpected(beat.error());
  }
  const int64_t now = ToMillis(clock_.Now());
  if (*version > 0 && *beat > 0) {
    if (seen_ != std::pair(*version, *beat)) {
      seen_ = {*version, *beat};
      seen_ms_ = now;
      return {};
    }
    if (now - seen_ms_ < options_.patience.count()) return {};
  }
  const auto taken = store_.Apply({{.table = kLeases,
                                    .key = options_.name,
                                    .body = options_.body,
                                    .expected_version = *version},
                                   {.table = kLeases, .key = BeatKey(), .body = "{}"}});
  if (!taken) {
    const Code code = taken.error().code;
    if (code == Code::kConflict || code == Code::kAlreadyExists) return {};  // another was faster
    return std::unexpected(taken.error());
  }
  term_ = taken->front();
  beaten_ms_ = now;
  leads_ = true;
  LOG(kInfo, "this service leads", {"lease", options_.name}, {"term", term_.load()});
  return {};
}

Status Lease::Release() {
  if (!leads_.exchange(false)) return {};
  seen_ = {};
  CLARY_CHECK_OK(store_.Apply(
      {{.table = kLeases, .key = options_.name, .expected_version = term_.load(), .check = true},
       {.table = kLeases, .key = BeatKey()}}));
  return {};
}

}  // namespace clary::meta
