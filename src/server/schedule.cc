#include "server/schedule.h"

#include <algorithm>
#include <chrono>
#include <span>
#include <string>
#include <vector>

#include "base/strings.h"

namespace clary::server {
namespace {

namespace chrono = std::chrono;

constexpr std::string_view kMonths[] = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                        "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
constexpr std::string_view kWeekdays[] = {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};

std::unexpected<Error> BadSchedule(std::string_view text, const std::string& why) {
  return Fail(Code::kInvalidArgument, "ValidationException",
              "The Schedule '" + std::string(text) + "' cannot be read: " + why);
}

// What one field of cron() may hold; the n-th of `names` stands for low + n.
struct CronField {
  const char* name;
  int low;
  int high;
  std::span<const std::string_view> names = {};
};

std::optional<int> ReadValue(std::string_view text, const CronField& field) {
  for (size_t i = 0; i < field.names.size(); ++i) {
    if (EqualsIgnoreCase(field.names[i], text)) return field.low + static_cast<int>(i);
  }
  const auto value = ParseUint(text);
  if (!value || *value < static_cast<uint64_t>(field.low) ||
      *value > static_cast<uint64_t>(field.high)) {
    return std::nullopt;
  }
  return static_cast<int>(*value);
}

// Sets the bits of what `text` names, from `base` on. False: it is none of the field's.
template <size_t kSize>
bool ReadField(std::string_view text, const CronField& field, int base, std::bitset<kSize>& bits) {
  for (const std::string_view part : Split(text, ',')) {
    const size_t slash = part.find('/');
    const std::string_view range = part.substr(0, slash);
    uint64_t step = 1;
    if (slash != std::string_view::npos) {
      const auto given = ParseUint(part.substr(slash + 1));
      if (!given || *given < 1 || *given > static_cast<uint64_t>(field.high)) return false;
      step = *given;
    }
    int from = field.low;
    int to = field.high;
    if (range != "*") {
      const size_t dash = range.find('-');
      const auto first = ReadValue(range.substr(0, dash), field);
      if (!first) return false;
      from = *first;
      if (dash != std::string_view::npos) {
        const auto last = ReadValue(range.substr(dash + 1), field);
        if (!last || *last < from) return false;
        to = *last;
      } else if (slash == std::string_view::npos) {
        to = from;
      }
    }
    for (int value = from; value <= to; value += static_cast<int>(step)) {
      bits.set(static_cast<size_t>(value - base));
    }
  }
  return true;
}

}  // namespace

Result<Schedule> Schedule::Parse(std::string_view text, const TimeZone* zone) {
  const size_t open = text.find('(');
  if (open == std::string_view::npos || !text.ends_with(')')) {
    return BadSchedule(text, "it is at(...), rate(...) or cron(...).");
  }
  const std::string_view kind = text.substr(0, open);
  const std::string_view inside = Trim(text.substr(open + 1, text.size() - open - 2));
  Schedule out;
  if (kind == "at") {
    const auto when = ParseIso8601(std::string(inside) + "Z");
    if (!when) return BadSchedule(text, "at() takes a time as 2026-12-01T10:00:00.");
    out.at_ = zone != nullptr ? zone->FirstAt(*when) : *when;
    return out;
  }
  if (kind == "rate") {
    constexpr std::pair<std::string_view, int> kUnits[] = {
        {"minute", 60}, {"hour", 3600}, {"day", 86'400}};
    const auto words = Split(inside, ' ');
    const auto value = ParseUint(words.front());
    for (const auto& [unit, seconds] : kUnits) {
      if (words.size() != 2 || !value || *value < 1 || *value > 1'000'000) break;
      if (words[1] != unit && words[1] != std::string(unit) + "s") continue;
      out.kind_ = Kind::kRate;
      out.every_ = chrono::seconds(seconds * static_cast<int64_t>(*value));
      return out;
    }
    return BadSchedule(text, "rate() takes a number and minutes, hours or days: rate(5 minutes).");
  }
  if (kind == "cron") {
    auto cron = ParseCron(inside);
    if (!cron) return BadSchedule(text, cron.error().message);
    cron->zone_ = zone;
    return cron;
  }
  return BadSchedule(text, "it is at(...), rate(...) or cron(...).");
}

Result<Schedule> Schedule::ParseCron(std::string_view text) {
  const auto bad = [](const std::string& why) {
    return Fail(Code::kInvalidArgument, "BadCron", why);
  };
  std::vector<std::string_view> fields = Split(text, ' ');
  std::erase(fields, "");
  if (fields.size() != 6) {
    return bad(
        "cron() takes six fields: minutes, hours, day of the month, month, day of the week, year.");
  }
  if ((fields[2] == "?") == (fields[4] == "?")) {
    return bad(
        "in cron() either the day of the month or the day of the week is '?', the other is not.");
  }
  const auto refuse = [&](const CronField& field, std::string_view given) {
    return bad("'" + std::string(given) + "' is no " + field.name +
               " of cron(): that is *, or values from " + std::to_string(field.low) + " to " +
               std::to_string(field.high) + " with - , and /.");
  };
  Schedule out;
  out.kind_ = Kind::kCron;
  constexpr CronField kMinute{"minutes", 0, 59};
  constexpr CronField kHour{"hours", 0, 23};
  constexpr CronField kDay{"day of the month", 1, 31};
  const CronField month{"month", 1, 12, kMonths};
  const CronField weekday{"day of the week", 1, 7, kWeekdays};
  constexpr CronField kYear{"year", kFirstYear, kLastYear};
  if (!ReadField(fields[0], kMinute, 0, out.minutes_)) return refuse(kMinute, fields[0]);
  if (!ReadField(fields[1], kHour, 0, out.hours_)) return refuse(kHour, fields[1]);
  if (!ReadField(fields[3], month, 0, out.months_)) return refuse(month, fields[3]);
  if (!ReadField(fields[5], kYear, kFirstYear, out.years_)) return refuse(kYear, fields[5]);
  if (fields[2] == "L") {
    out.last_day_ = true;
  } else if (fields[2] == "?") {
    out.days_.set();
  } else if (!ReadField(fields[2], kDay, 0, out.days_)) {
    return refuse(kDay, fields[2]);
  }
  if (fields[4] == "?") {
    out.weekdays_.set();
  } else if (!ReadField(fields[4], weekday, 0, out.weekdays_)) {
    return refuse(weekday, fields[4]);
  }
  return out;
}

std::optional<Time> Schedule::Next(Time after, Time start) const {
  if (kind_ == Kind::kAt) return at_ > after ? std::optional(at_) : std::nullopt;
  if (kind_ == Kind::kRate) {
    if (after < start) return start + every_;
    return start + every_ * ((after - start) / every_ + 1);
  }
  if (zone_ == nullptr) return NextMinute(after);
  for (auto shown = NextMinute(after + zone_->OffsetAt(after)); shown; shown = NextMinute(*shown)) {
    if (const Time due = zone_->FirstAt(*shown); due > after) return due;
  }
  return std::nullopt;
}

std::optional<Time> Schedule::NextMinute(Time after) const {
  // The minutes of a day, from the one after `after` on.
  const auto first = chrono::floor<chrono::minutes>(after) + chrono::minutes(1);
  auto day = chrono::floor<chrono::days>(first);
  auto minute = chrono::duration_cast<chrono::minutes>(first - day).count();
  for (;; day += chrono::days(1), minute = 0) {
    const chrono::year_month_day date(day);
    const int year = static_cast<int>(date.year());
    if (year > kLastYear) return std::nullopt;
    if (year < kFirstYear || !years_[static_cast<size_t>(year - kFirstYear)]) {
      // To the last day of the year.
      day = chrono::sys_days(date.year() / chrono::December / 31);
      continue;
    }
    const bool last = (date.year() / date.month() / chrono::last).day() == date.day();
    const bool fits = months_[static_cast<unsigned>(date.month())] &&
                      (last_day_ ? last : days_[static_cast<unsigned>(date.day())]) &&
                      weekdays_[chrono::weekday(day).c_encoding() + 1];
    if (!fits) continue;
    for (; minute < 24 * 60; ++minute) {
      if (!hours_[static_cast<size_t>(minute / 60)] ||
          !minutes_[static_cast<size_t>(minute % 60)]) {
        continue;
      }
      return Time(day) + chrono::minutes(minute);
    }
  }
}

}  // namespace clary::server
