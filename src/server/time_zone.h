// Civil time in a zone of the machine's time zone database (/usr/share/zoneinfo, TZif of RFC 9636).
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace clary::server {

// Immutable: any thread.
class TimeZone {
 public:
  // The zone of that name, as "Europe/Berlin"; it stays as long as the process. kInvalidArgument
  // "ValidationException": there is none.
  static Result<const TimeZone*> Find(std::string_view name);
  // From a file's bytes. kInvalidArgument "BadTimeZone".
  static Result<TimeZone> Parse(std::string_view bytes);

  std::chrono::seconds OffsetAt(Time time) const;  // of its clocks from UTC
  // When its clocks first show `local`, a time as if in UTC; where they leap over it, when they do.
  Time FirstAt(Time local) const;

 private:
  struct Span {
    int64_t begin = INT64_MIN;  // seconds since 1970 UTC
    int64_t offset = 0;         // seconds
  };
  Status AddRules(std::string_view rules);

  std::vector<Span> spans_;  // by begin; the first one's is INT64_MIN
};

}  // namespace clary::server
