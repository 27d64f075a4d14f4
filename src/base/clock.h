// All time and all sleeping go through a Clock, so that tests can own time.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/error.h"

namespace clary {

using Time = std::chrono::sys_time<std::chrono::milliseconds>;  // UTC
using Duration = std::chrono::milliseconds;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time Now() = 0;  // any thread
  // Sleeps for `d`, or until `stop` is requested. Any thread.
  virtual void Sleep(Duration d, std::stop_token stop = {}) = 0;
  static Clock& System();
};

inline int64_t ToMillis(Time t) { return t.time_since_epoch().count(); }
inline Time FromMillis(int64_t ms) { return Time(Duration(ms)); }
// Epoch seconds with fraction, as awsJson timestamps are.
inline double ToSeconds(Time t) { return static_cast<double>(ToMillis(t)) / 1000.0; }

std::string FormatIso8601(Time t);              // 2026-11-23T17:11:35.534Z
std::string FormatAmzDate(Time t);              // 20261123T171135Z
std::string FormatRfc1123(Time t);              // Mon, 23 Nov 2026 17:11:35 GMT
Result<Time> ParseIso8601(std::string_view s);  // with or without fraction; 'Z' or +00:00
Result<Time> ParseAmzDate(std::string_view s);
Result<Time> ParseRfc1123(std::string_view s);

}  // namespace clary
