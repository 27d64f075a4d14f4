#include "server/time_zone.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/file.h"
#include "base/mutex.h"

namespace clary::server {
namespace {

namespace chrono = std::chrono;

constexpr char kZones[] = "/usr/share/zoneinfo";
constexpr uint64_t kMostZoneBytes = 256 << 10;
constexpr size_t kZoneHeader = 44;
constexpr int kLastRuleYear = 2200;
constexpr int64_t kZoneDay = 86'400;

std::unexpected<Error> BadZone(const std::string& why) {
  return Fail(Code::kInvalidArgument, "BadTimeZone", why);
}

// Reads what stands at the front, and what is not there as nothing.
class ZoneBytes {
 public:
  explicit ZoneBytes(std::string_view bytes) : rest_(bytes) {}
  int64_t Signed(size_t bytes) {  // big-endian
    uint64_t value = !rest_.empty() && (rest_[0] & 0x80) != 0 ? ~uint64_t{0} : 0;
    for (const char c : Take(bytes)) value = value << 8 | static_cast<uint8_t>(c);
    return static_cast<int64_t>(value);
  }
  std::string_view Take(size_t bytes) {
    complete_ = complete_ && bytes <= rest_.size();
    const std::string_view taken = rest_.substr(0, bytes);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  std::string_view rest() const { return rest_; }
  bool complete() const { return complete_; }

 private:
  std::string_view rest_;
  bool complete_ = true;
};

struct ZoneCounts {
  size_t utc = 0, standard = 0, leaps = 0, times = 0, types = 0, letters = 0;
  size_t Bytes(size_t width) const {
    return times * (width + 1) + types * 6 + letters + leaps * (width + 4) + standard + utc;
  }
};

std::optional<ZoneCounts> ReadCounts(ZoneBytes& in) {
  const std::string_view begin = in.Take(20);
  if (!begin.starts_with("TZif") || begin[4] < '2') return std::nullopt;
  ZoneCounts n;
  for (size_t* count : {&n.utc, &n.standard, &n.leaps, &n.times, &n.types, &n.letters}) {
    const int64_t value = in.Signed(4);
    if (value < 0 || value > static_cast<int64_t>(kMostZoneBytes)) return std::nullopt;
    *count = static_cast<size_t>(value);
  }
  return in.complete() ? std::optional(n) : std::nullopt;
}

// The rules of the TZ variable (POSIX, with RFC 9636's hours): "CET-1CEST,M3.5.0,M10.5.0/3".
class ZoneRules {
 public:
  explicit ZoneRules(std::string_view text) : rest_(text) {}
  bool Name() {
    size_t n = 0;
    if (rest_.starts_with('<')) {
      n = rest_.find('>') + 1;  // npos: 0
    } else {
      while (n < rest_.size() && std::isalpha(static_cast<unsigned char>(rest_[n])) != 0) ++n;
    }
    rest_.remove_prefix(n);
    return n >= 3;
  }
  // [+-]hh[:mm[:ss]] in seconds.
  std::optional<int64_t> Clock() {
    const int64_t sign = rest_.starts_with('-') ? -1 : 1;
    if (rest_.starts_with('-') || rest_.starts_with('+')) rest_.remove_prefix(1);
    const int64_t hours = Number(167);
    if (hours < 0) return std::nullopt;
    int64_t seconds = hours * 3600;
    for (int64_t unit = 60; unit > 0 && Skip(':'); unit /= 60) {
      seconds += std::max<int64_t>(0, Number(59)) * unit;
    }
    return sign * seconds;
  }
  int64_t Number(int64_t most) {  // -1: there is none up to that
    size_t n = 0;
    int64_t value = 0;
    while (n < rest_.size() && n < 4 && std::isdigit(static_cast<unsigned char>(rest_[n])) != 0) {
      value = value * 10 + (rest_[n++] - '0');
    }
    rest_.remove_prefix(n);
    return n > 0 && value <= most ? value : -1;
  }
  bool Skip(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool ended() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

// A day of every year, and a time of it.
struct YearlyTime {
  char kind = 'M';  // M: the week's weekday of a month; J: 1 to 365, never 29 February; 0: 0 to 365
  int64_t month = 1, week = 1, weekday = 0, day = 0;
  int64_t seconds = 7200;

  static std::optional<YearlyTime> Read(ZoneRules& in) {
    YearlyTime out;
    if (in.Skip('M')) {
      out.month = in.Number(12);
      out.week = in.Skip('.') ? in.Number(5) : -1;
      out.weekday = in.Skip('.') ? in.Number(6) : -1;
      if (out.month < 1 || out.week < 1 || out.weekday < 0) return std::nullopt;
    } else {
      out.kind = in.Skip('J') ? 'J' : '0';
      out.day = in.Number(365);
      if (out.day < 0) return std::nullopt;
    }
    if (!in.Skip('/')) return out;
    const auto seconds = in.Clock();
    if (!seconds) return std::nullopt;
    out.seconds = *seconds;
    return out;
  }

  // Seconds since 1970, as if in UTC.
  int64_t In(int year) const {
    const chrono::year y(year);
    chrono::sys_days date = y / chrono::January / 1;
    if (kind == 'M') {
      const auto of = y / chrono::month(static_cast<unsigned>(month));
      const chrono::weekday wanted(static_cast<unsigned>(weekday));
      date = week == 5 ? chrono::sys_days(of / wanted[chrono::last])
                       : chrono::sys_days(of / wanted[static_cast<unsigned>(week)]);
    } else if (kind == 'J') {
      date += chrono::days(day - 1 + (y.is_leap() && day >= 60 ? 1 : 0));
    } else {
      date += chrono::days(day);
    }
    return date.time_since_epoch().count() * kZoneDay + seconds;
  }
};

int64_t SecondsOf(Time time) {
  return chrono::floor<chrono::seconds>(time).time_since_epoch().count();
}

}  // namespace

// For all years behind the times of the file.
Status TimeZone::AddRules(std::string_view text) {
  ZoneRules in(text);
  const auto bad = [&] { return BadZone("its rules '" + std::string(text) + "' cannot be read"); };
  if (!in.Name()) return bad();
  const auto west = in.Clock();  // west of UTC counts
  if (!west) return bad();
  const int64_t standard = -*west;
  if (in.ended()) {
    if (spans_.back().begin == INT64_MIN) spans_.back().offset = standard;
    return {};
  }
  if (!in.Name()) return bad();
  int64_t summer = standard + 3600;
  if (!in.Skip(',')) {
    const auto given = in.Clock();
    if (!given || !in.Skip(',')) return bad();
    summer = -*given;
  }
  const auto begin = YearlyTime::Read(in);
  const auto end = in.Skip(',') ? YearlyTime::Read(in) : std::nullopt;
  if (!begin || !end || !in.ended()) return bad();
  const int64_t last = spans_.back().begin;
  const int first_year =
      last == INT64_MIN
          ? 1970
          : static_cast<int>(
                chrono::year_month_day(chrono::sys_days(chrono::days(
                                           (last - (last < 0 ? kZoneDay - 1 : 0)) / kZoneDay)))
                    .year());
  std::vector<Span> more;
  for (int year = first_year; year <= kLastRuleYear; ++year) {
    more.push_back({.begin = begin->In(year) - standard, .offset = summer});
    more.push_back({.begin = end->In(year) - summer, .offset = standard});
  }
  std::ranges::sort(more, {}, &Span::begin);
  for (const Span& span : more) {
    if (span.begin > last) spans_.push_back(span);
  }
  return {};
}

Result<TimeZone> TimeZone::Parse(std::string_view bytes) {
  ZoneBytes in(bytes);
  const auto narrow = ReadCounts(in);
  if (!narrow) return BadZone("it is no TZif file of version 2 or later");
  in.Take(narrow->Bytes(4));  // the same again with 64 bits
  const auto n = ReadCounts(in);
  if (!n || n->types == 0 || n->leaps > 0) {
    return BadZone("it is no TZif file without leap seconds");
  }
  TimeZone zone;
  zone.spans_.emplace_back();
  for (size_t i = 0; i < n->times; ++i) zone.spans_.push_back({.begin = in.Signed(8)});
  const std::string_view types = in.Take(n->times);
  std::vector<std::pair<int64_t, bool>> offsets;  // and whether it is of summer
  for (size_t i = 0; i < n->types; ++i) {
    const int64_t offset = in.Signed(4);
    offsets.emplace_back(offset, in.Signed(1) != 0);
    in.Take(1);
  }
  in.Take(n->letters + n->standard + n->utc);
  if (!in.complete()) return BadZone("it ends in the middle");
  zone.spans_[0].offset = offsets[0].first;
  for (size_t i = 0; i < types.size(); ++i) {
    const auto type = static_cast<uint8_t>(types[i]);
    if (type >= offsets.size() || zone.spans_[i + 1].begin < zone.spans_[i].begin) {
      return BadZone("its times are not in order");
    }
    zone.spans_[i + 1].offset = offsets[type].first;
  }
  std::string_view rules = in.rest();
  if (rules.starts_with('\n')) rules.remove_prefix(1);
  if (rules.ends_with('\n')) rules.remove_suffix(1);
  if (!rules.empty()) CLARY_CHECK_OK(zone.AddRules(rules));
  return zone;
}

Result<const TimeZone*> TimeZone::Find(std::string_view name) {
  struct Known {
    Mutex mu;
    std::map<std::string, std::unique_ptr<const TimeZone>, std::less<>> zones GUARDED_BY(mu);
  };
  static auto* const known = new Known;
  {
    const MutexLock lock(known->mu);
    if (const auto it = known->zones.find(name); it != known->zones.end()) return it->second.get();
  }
  const auto none = [&](const std::string& why) {
    return Fail(Code::kInvalidArgument, "ValidationException",
                "The Timezone " + std::string(name) + " is not known: " + why);
  };
  const bool plain = !name.empty() && name.size() < 100 && !name.starts_with('/') &&
                     !name.contains("..") &&
                     std::ranges::all_of(
                         name,
                         [](unsigned char c) {
                           return std::isalnum(c) != 0 || std::string_view("/_+-").contains(c);
                         });
  if (!plain) return none("it is a name as Europe/Berlin or Etc/UTC.");
  const auto bytes = ReadFile(std::filesystem::path(kZones) / name, kMostZoneBytes);
  if (!bytes) return none("this machine's " + std::string(kZones) + " has no such zone.");
  auto zone = Parse(*bytes);
  if (!zone) return none(zone.error().message + ".");
  const MutexLock lock(known->mu);
  auto& kept = known->zones[std::string(name)];
  if (kept == nullptr) kept = std::make_unique<const TimeZone>(*std::move(zone));
  return kept.get();
}

chrono::seconds TimeZone::OffsetAt(Time time) const {
  const auto past = std::ranges::upper_bound(spans_, SecondsOf(time), {}, &Span::begin);
  return chrono::seconds(std::prev(past)->offset);
}

Time TimeZone::FirstAt(Time local) const {
  const int64_t shown = SecondsOf(local);
  for (auto span = spans_.begin();; ++span) {
    const int64_t time = shown - span->offset;
    const auto next = std::next(span);
    if (next != spans_.end() && time >= next->begin) continue;
    return Time(chrono::seconds(std::max(time, span->begin)));
  }
}

}  // namespace clary::server
