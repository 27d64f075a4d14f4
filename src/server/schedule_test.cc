#include "server/schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace clary::server {
namespace {

using testing::HasSubstr;

// When `schedule` is due after `after`, counted from `start`: text, or empty for never.
std::string NextOf(std::string_view schedule, std::string_view after,
                   std::string_view start = "2026-12-01T00:00:00Z") {
  const auto parsed = Schedule::Parse(schedule);
  if (!parsed) return parsed.error().message;
  const auto next = parsed->Next(*ParseIso8601(after), *ParseIso8601(start));
  return next ? FormatIso8601(*next).substr(0, 19) : "";
}

TEST(Schedule, AtATime) {
  EXPECT_EQ(NextOf("at(2026-12-01T10:00:00)", "2026-12-01T09:59:59Z"), "2026-12-01T10:00:00");
  EXPECT_EQ(NextOf("at(2026-12-01T10:00:00)", "2026-12-01T10:00:00Z"), "");
}

TEST(Schedule, AgainAndAgain) {
  EXPECT_EQ(NextOf("rate(5 minutes)", "2026-12-01T00:00:00Z"), "2026-12-01T00:05:00");
  EXPECT_EQ(NextOf("rate(5 minutes)", "2026-12-01T00:04:59Z"), "2026-12-01T00:05:00");
  EXPECT_EQ(NextOf("rate(5 minutes)", "2026-12-01T00:05:00Z"), "2026-12-01T00:10:00");
  EXPECT_EQ(NextOf("rate(1 day)", "2026-12-03T07:00:00Z"), "2026-12-04T00:00:00");
}

// Clocks of Berlin go forward on 2027-03-28 at 2:00 (to 3:00) and back on 2026-10-25 at 3:00.
TEST(Schedule, ByTheClocksOfAZone) {
  const TimeZone* berlin = *TimeZone::Find("Europe/Berlin");
  const auto next = [&](std::string_view schedule, std::string_view after) -> std::string {
    const auto due = Schedule::Parse(schedule, berlin)->Next(*ParseIso8601(after), Time());
    return due ? FormatIso8601(*due).substr(0, 19) : "";
  };
  EXPECT_EQ(next("cron(0 10 * * ? *)", "2026-12-01T12:00:00Z"), "2026-12-02T09:00:00");
  EXPECT_EQ(next("cron(0 10 * * ? *)", "2026-07-01T12:00:00Z"), "2026-07-02T08:00:00");
  EXPECT_EQ(next("at(2026-12-01T10:00:00)", "2026-12-01T08:59:59Z"), "2026-12-01T09:00:00");
  EXPECT_EQ(next("at(2026-12-01T10:00:00)", "2026-12-01T09:00:00Z"), "");
  // Leapt over: when they leap, once.
  EXPECT_EQ(next("cron(15,45 2 * * ? *)", "2027-03-27T12:00:00Z"), "2027-03-28T01:00:00");
  EXPECT_EQ(next("cron(15,45 2 * * ? *)", "2027-03-28T01:00:00Z"), "2027-03-29T00:15:00");
  // Shown twice: the first time.
  EXPECT_EQ(next("cron(30 2 * * ? *)", "2026-10-24T12:00:00Z"), "2026-10-25T00:30:00");
  EXPECT_EQ(next("cron(30 2 * * ? *)", "2026-10-25T00:30:00Z"), "2026-10-26T01:30:00");
}

// 2026-12-01 is a Tuesday.
TEST(Schedule, ByTheCalendar) {
  const char* const noon = "2026-12-01T12:00:00Z";
  EXPECT_EQ(NextOf("cron(0 10 * * ? *)", noon), "2026-12-02T10:00:00");
  EXPECT_EQ(NextOf("cron(0/15 8-18 ? * MON-FRI *)", noon), "2026-12-01T12:15:00");
  EXPECT_EQ(NextOf("cron(0/15 8-18 ? * MON-FRI *)", "2026-12-04T18:45:00Z"), "2026-12-07T08:00:00");
  EXPECT_EQ(NextOf("cron(30 6 ? * 1,sat *)", noon), "2026-12-05T06:30:00");
  EXPECT_EQ(NextOf("cron(0 0 L 2 ? *)", noon), "2027-02-28T00:00:00");
  EXPECT_EQ(NextOf("cron(0 0 29 FEB ? *)", noon), "2028-02-29T00:00:00");
  EXPECT_EQ(NextOf("cron(0 0 1 JAN ? 2030)", noon), "2030-01-01T00:00:00");
  EXPECT_EQ(NextOf("cron(0 0 1 1 ? 2026)", noon), "");
  EXPECT_EQ(NextOf("cron(59 23 31 12 ? *)", "2026-12-31T23:59:00Z"), "2027-12-31T23:59:00");
}

TEST(Schedule, SaysWhatIsWrong) {
  const auto wrong = [](std::string_view schedule) {
    const auto parsed = Schedule::Parse(schedule);
    return parsed ? "" : parsed.error().reason + ": " + parsed.error().message;
  };
  EXPECT_THAT(wrong("5 minutes"), HasSubstr("at(...), rate(...) or cron(...)"));
  EXPECT_THAT(wrong("rate(0 minutes)"), HasSubstr("rate(5 minutes)"));
  EXPECT_THAT(wrong("rate(5 weeks)"), HasSubstr("minutes, hours or days"));
  EXPECT_THAT(wrong("at(tomorrow)"), HasSubstr("2026-12-01T10:00:00"));
  EXPECT_THAT(wrong("cron(0 10 * * ?)"), HasSubstr("six fields"));
  EXPECT_THAT(wrong("cron(0 10 * * * *)"), HasSubstr("either the day"));
  EXPECT_THAT(wrong("cron(60 10 * * ? *)"), HasSubstr("'60' is no minutes"));
  EXPECT_THAT(wrong("cron(0 10 ? * FRI#2 *)"), HasSubstr("'FRI#2' is no day of the week"));
  EXPECT_THAT(wrong("cron(0 10 15W * ? *)"), HasSubstr("'15W' is no day of the month"));
  EXPECT_THAT(wrong("cron(5-1 10 * * ? *)"), HasSubstr("'5-1' is no minutes"));
}

}  // namespace
}  // namespace clary::server
