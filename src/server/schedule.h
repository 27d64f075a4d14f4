// When a scheduled action of Application Auto Scaling is due: at(...), rate(...) or cron(...).
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "server/time_zone.h"

namespace clary::server {

class Schedule {
 public:
  // "at(2026-12-01T10:00:00)", "rate(5 minutes)", "cron(0 10 ? * MON-FRI *)": minutes, hours, day
  // of the month, month, day of the week, year; each "*", numbers, names, ranges, lists, steps, "?"
  // for one of the days, "L" for the last day of the month. at() and cron() are by the clocks of
  // `zone` (null: UTC): a time that they leap over is when they do, one that they show twice is the
  // first of the two. kInvalidArgument "ValidationException".
  static Result<Schedule> Parse(std::string_view text, const TimeZone* zone = nullptr);

  // The first time after `after`, a rate's counted from `start`. nullopt: never again.
  std::optional<Time> Next(Time after, Time start) const;

 private:
  enum class Kind { kAt, kRate, kCron };
  static constexpr int kFirstYear = 1970;
  static constexpr int kLastYear = 2199;
  static Result<Schedule> ParseCron(std::string_view fields);
  std::optional<Time> NextMinute(Time after) const;  // of cron(), as if in UTC

  const TimeZone* zone_ = nullptr;
  Kind kind_ = Kind::kAt;
  Time at_{};
  Duration every_{};
  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;  // of the month, from 1
  bool last_day_ = false;
  std::bitset<13> months_;   // from 1
  std::bitset<8> weekdays_;  // from 1, a Sunday
  std::bitset<kLastYear - kFirstYear + 1> years_;
};

}  // namespace clary::server
