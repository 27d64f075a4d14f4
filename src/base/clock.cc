#include "base/clock.h"

#include <fmt/format.h>

#include <condition_variable>
#include <cstdio>
#include <ctime>
#include <mutex>

namespace clary {
namespace {

class SystemClock final : public Clock {
 public:
  Time Now() override { return std::chrono::floor<Duration>(std::chrono::system_clock::now()); }
  void Sleep(Duration d, std::stop_token stop) override {
    std::mutex mu;
    std::condition_variable_any wake;
    std::unique_lock lock(mu);
    wake.wait_for(lock, std::move(stop), d, [] { return false; });
  }
};

std::tm Utc(Time t) {
  const std::time_t seconds =
      std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count();
  std::tm tm{};
  gmtime_r(&seconds, &tm);
  return tm;
}

// `tm` must hold a date as written by a person: a 31 February is refused.
Result<Time> FromTm(std::tm tm, int millis, std::string_view text) {
  const std::tm given = tm;
  const std::time_t seconds = timegm(&tm);
  if (tm.tm_mday != given.tm_mday || tm.tm_mon != given.tm_mon || tm.tm_hour != given.tm_hour) {
    return Fail(Code::kInvalidArgument, "BadDate", fmt::format("'{}' is not a date", text));
  }
  return FromMillis(static_cast<int64_t>(seconds) * 1000 + millis);
}

// Parses with strptime; the rest of the text after the pattern goes to `rest`.
Result<Time> Parse(std::string_view text, const char* pattern, std::string* rest) {
  const std::string copy(text);
  std::tm tm{};
  const char* end = strptime(copy.c_str(), pattern, &tm);
  if (end == nullptr) {
    return Fail(Code::kInvalidArgument, "BadDate", fmt::format("'{}' is not a date", text));
  }
  *rest = end;
  return FromTm(tm, 0, text);
}

}  // namespace

Clock& Clock::System() {
  static SystemClock clock;
  return clock;
}

std::string FormatIso8601(Time t) {
  const std::tm tm = Utc(t);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", tm.tm_year + 1900, tm.tm_mon + 1,
                     tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
                     ((ToMillis(t) % 1000) + 1000) % 1000);
}

std::string FormatAmzDate(Time t) {
  const std::tm tm = Utc(t);
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z", tm.tm_year + 1900, tm.tm_mon + 1,
                     tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

std::string FormatRfc1123(Time t) {
  const std::tm tm = Utc(t);
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[tm.tm_wday], tm.tm_mday,
                     kMonths[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

Result<Time> ParseIso8601(std::string_view s) {
  std::string rest;
  CLARY_TRY(Time t, Parse(s, "%Y-%m-%dT%H:%M:%S", &rest));
  if (rest.starts_with('.')) {
    int64_t millis = 0;
    size_t i = 1;
    for (int64_t unit = 100; i < rest.size() && rest[i] >= '0' && rest[i] <= '9'; ++i, unit /= 10) {
      millis += unit * (rest[i] - '0');
    }
    if (i == 1)
      return Fail(Code::kInvalidArgument, "BadDate", fmt::format("'{}' is not a date", s));
    t += Duration(millis);
    rest.erase(0, i);
  }
  if (rest.empty() || rest == "Z" || rest == "+00:00") return t;
  return Fail(Code::kInvalidArgument, "BadDate", fmt::format("'{}' is not a UTC date", s));
}

Result<Time> ParseAmzDate(std::string_view s) {
  std::string rest;
  CLARY_TRY(const Time t, Parse(s, "%Y%m%dT%H%M%SZ", &rest));
  if (!rest.empty() || s.size() != 16) {
    return Fail(Code::kInvalidArgument, "BadDate", fmt::format("'{}' is not a date", s));
  }
  return t;
}

Result<Time> ParseRfc1123(std::string_view s) {
  std::string rest;
  CLARY_TRY(const Time t, Parse(s, "%a, %d %b %Y %H:%M:%S GMT", &rest));
  if (rest.empty()) return t;
  return Fail(Code::kInvalidArgument, "BadDate", fmt::format("'{}' is not a date", s));
}

}  // namespace clary
