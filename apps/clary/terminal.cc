#include "terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <nlohmann/json.hpp>

#include "base/quote.h"
#include "base/strings.h"

namespace clary::cli {
namespace {

// Columns that `text` takes: bytes without colour codes and without UTF-8 continuation bytes.
size_t Width(std::string_view text) {
  size_t width = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\033') {
      while (i < text.size() && text[i] != 'm') ++i;
    } else if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) {
      ++width;
    }
  }
  return width;
}

}  // namespace

bool IsTerminal(int fd) {
  const char* term = std::getenv("TERM");
  return isatty(fd) == 1 && (term == nullptr || std::string_view(term) != "dumb");
}

std::string LogLine(std::string_view line, bool terminal) {
  if (!terminal) return std::string(line);
  while (line.ends_with('\r')) line.remove_suffix(1);
  line = line.substr(line.rfind('\r') + 1);
  std::string out;
  for (const std::string_view part : Split(line, '\t')) {
    if (part.data() != line.data()) out += '\t';
    out += Printable(part);
  }
  return out;
}

int TerminalWidth() {
  winsize size{};
  return ioctl(1, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

std::string Paint(std::string_view text, Style style, int fd) {
  static constexpr std::array<std::string_view, 6> kCodes = {"1", "2", "31", "32", "33", "36"};
  const char* no_color = std::getenv("NO_COLOR");
  if (!IsTerminal(fd) || (no_color != nullptr && *no_color != '\0')) return std::string(text);
  return std::string("\033[")
      .append(kCodes[static_cast<size_t>(style)])
      .append("m")
      .append(text)
      .append("\033[0m");
}

std::string PaintStatus(std::string_view status) {
  if (status == "Completed" || status == "NoIssuesFound") return Paint(status, Style::kGreen);
  if (status == "Failed" || status == "Error") return Paint(status, Style::kRed);
  if (status == "InProgress") return Paint(status, Style::kCyan);
  return Paint(status, Style::kYellow);
}

void Table::Print(std::string_view indent) const {
  std::vector<size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], Width(row[c]));
  }
  for (size_t r = 0; r < rows_.size(); ++r) {
    std::string line(indent);
    for (size_t c = 0; c < rows_[r].size(); ++c) {
      const auto& cell = rows_[r][c];
      const std::string pad(widths[c] - Width(cell), ' ');
      const bool right = std::ranges::find(right_, c) != right_.end();
      const auto text = r == 0 ? Paint(cell, Style::kBold) : cell;
      if (right) line += pad;
      line += text;
      if (c + 1 == rows_[r].size()) break;
      if (!right) line += pad;
      line += "  ";
    }
    std::puts(line.c_str());
  }
}

void PrintListing(bool as_json, const nlohmann::json& list, const Table& table, const char* none) {
  if (as_json) {
    std::puts(list.dump(2).c_str());
  } else if (table.empty()) {
    std::puts(none);
  } else {
    table.Print();
  }
}

std::string FormatBytes(uint64_t bytes) {
  static constexpr std::array<const char*, 6> kUnits = {"B", "KB", "MB", "GB", "TB", "PB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  for (; value >= 999.5 && unit + 1 < kUnits.size(); ++unit) value /= 1000;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 || value >= 99.95 ? "%.0f %s" : "%.1f %s", value,
                kUnits[unit]);
  return text;
}

std::string FormatDuration(int64_t ms) {
  char text[48];
  const long long s = ms / 1000;
  if (ms < 10'000) {
    std::snprintf(text, sizeof text, "%.1f s", static_cast<double>(ms) / 1000);
  } else if (s < 60) {
    std::snprintf(text, sizeof text, "%lld s", s);
  } else if (s < 3600) {
    std::snprintf(text, sizeof text, "%lld m %02lld s", s / 60, s % 60);
  } else {
    std::snprintf(text, sizeof text, "%lld h %02lld m", s / 3600, s / 60 % 60);
  }
  return text;
}

std::string FormatLocalTime(int64_t ms) {
  if (ms == 0) return "-";
  const std::time_t seconds = ms / 1000;
  std::tm parts{};
  localtime_r(&seconds, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts)};
}

std::string FormatNumber(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

}  // namespace clary::cli
