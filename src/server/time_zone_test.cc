#include "server/time_zone.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"

namespace clary::server {
namespace {

int64_t HoursAt(const char* zone, const char* time) {
  const auto found = TimeZone::Find(zone);
  if (!found) return -99;
  return std::chrono::duration_cast<std::chrono::hours>((*found)->OffsetAt(*ParseIso8601(time)))
      .count();
}

TEST(TimeZone, KnowsSummersPastAndToCome) {
  EXPECT_EQ(HoursAt("Europe/Berlin", "2026-03-29T00:59:59Z"), 1);
  EXPECT_EQ(HoursAt("Europe/Berlin", "2026-03-29T01:00:00Z"), 2);
  EXPECT_EQ(HoursAt("Europe/Berlin", "2026-10-25T00:59:59Z"), 2);
  EXPECT_EQ(HoursAt("Europe/Berlin", "2026-10-25T01:00:00Z"), 1);
  // Beyond the times of any file, by its rules.
  EXPECT_EQ(HoursAt("Europe/Berlin", "2150-07-01T00:00:00Z"), 2);
  EXPECT_EQ(HoursAt("America/New_York", "2150-01-01T00:00:00Z"), -5);
  EXPECT_EQ(HoursAt("America/New_York", "2150-07-01T00:00:00Z"), -4);
  EXPECT_EQ(HoursAt("Australia/Sydney", "2150-01-01T00:00:00Z"), 11);  // summer over New Year
  EXPECT_EQ(HoursAt("Australia/Sydney", "2150-07-01T00:00:00Z"), 10);
  EXPECT_EQ(HoursAt("Asia/Tokyo", "2150-07-01T00:00:00Z"), 9);
  EXPECT_EQ(HoursAt("Etc/GMT+3", "2026-07-01T00:00:00Z"), -3);  // as POSIX counts
  EXPECT_EQ(HoursAt("Etc/UTC", "2026-07-01T00:00:00Z"), 0);
}

TEST(TimeZone, FindsWhenClocksShowATime) {
  const TimeZone* lisbon = *TimeZone::Find("Europe/Lisbon");
  const auto first = [&](const char* local) {
    return FormatIso8601(lisbon->FirstAt(*ParseIso8601(local))).substr(0, 19);
  };
  EXPECT_EQ(first("2026-07-01T12:00:00Z"), "2026-07-01T11:00:00");
  EXPECT_EQ(first("2026-12-01T12:00:00Z"), "2026-12-01T12:00:00");
  EXPECT_EQ(first("2026-03-29T01:30:00Z"), "2026-03-29T01:00:00");  // leapt over
  EXPECT_EQ(first("2026-10-25T01:30:00Z"), "2026-10-25T00:30:00");  // twice
}

TEST(TimeZone, NamesAreOfTheDatabase) {
  for (const char* name : {"", "Mars/Olympus", "/etc/passwd", "../../../etc/passwd", "tzdata.zi",
                           "Europe", "zone1970.tab", "Europe/Berlin\n"}) {
    const auto found = TimeZone::Find(name);
    ASSERT_FALSE(found) << name;
    EXPECT_EQ(found.error().reason, "ValidationException");
  }
}

TEST(TimeZone, DamagedFilesAreNoZones) {
  const std::string whole = *ReadFile("/usr/share/zoneinfo/Europe/Berlin", 1 << 20);
  ASSERT_TRUE(TimeZone::Parse(whole));
  const size_t rules = whole.rfind('\n', whole.size() - 2);
  for (size_t n = 0; n < rules; n += 7) {
    EXPECT_FALSE(TimeZone::Parse(std::string_view(whole).substr(0, n))) << n;
  }
  for (const char* bad : {"CET", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0", "-1",
                          "CET-1CEST,M3.5.0,M10.5.0/3x"}) {
    EXPECT_FALSE(TimeZone::Parse(whole.substr(0, rules + 1) + bad + "\n")) << bad;
  }
}

}  // namespace
}  // namespace clary::server
