// When a scheduled action of Application Auto Scaling is due: at(...), rate(...) or cron(...), in
// UTC.
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"

namespace clary::server {

class Schedule {
 public:
  // "at(2026-12-01T10:00:00)", "rate(5 minutes)", "cron(0 10 ? * MON-FRI *)": minutes, hours, day
  // of the month, month, day of the week, year; each "*", numbers, names, ranges, lists, steps, "?"
  // for one of the days, "L" for the last day of the month. kInvalidArgument "ValidationException".
  static Result<Schedule> Parse(std::string_view text);

  // The first time after `after`, a rate's counted from `start`. nullopt: never again.
  std::optional<Time> Next(Time after, Time start) const;

 private:
  enum class Kind { kAt, kRate, kCron };
  static constexpr int kFirstYear = 1970;
  static constexpr int kLastYear = 2199;
  static Result<Schedule> ParseCron(std::string_view fields);

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
