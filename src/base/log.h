// Logging as events: one JSON line on standard error, no secrets in it.
//   LOG(kWarn, "launch failed", {"job", name}, {"code", CodeName(e.code)});
#pragma once

#include <concepts>
#include <initializer_list>
#include <string>
#include <string_view>

namespace clary {

enum class LogLevel { kDebug, kInfo, kWarn, kError, kOff };

struct LogField {
  std::string_view name;
  std::string value;
  bool number = false;
  LogField(std::string_view n, std::string_view v) : name(n), value(v) {}
  LogField(std::string_view n, std::integral auto v)
      : name(n), value(std::to_string(v)), number(true) {}
};

void SetLogLevel(LogLevel level);  // kInfo at start; any thread
bool LogEnabled(LogLevel level);
// Writes {"ts":...,"level":"warn","event":"...",<fields>} in one write(2). Any thread.
void WriteLog(LogLevel level, std::string_view event, std::initializer_list<LogField> fields);

}  // namespace clary

#define LOG(level, event, ...)                                           \
  do {                                                                   \
    if (::clary::LogEnabled(::clary::LogLevel::level))                   \
      ::clary::WriteLog(::clary::LogLevel::level, event, {__VA_ARGS__}); \
  } while (false)
