// Text on a terminal or in a pipe: colours, aligned tables, sizes, times.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace clary::cli {

bool IsTerminal(int fd);
int TerminalWidth();  // columns of standard output; 80 if not known

enum class Style { kBold, kDim, kRed, kGreen, kYellow, kCyan };
// `text` in a colour if `fd` is a terminal (and NO_COLOR is not set), else as it is.
std::string Paint(std::string_view text, Style style, int fd = 1);
// A job status in its colour.
std::string PaintStatus(std::string_view status);

// Columns are as wide as their widest cell; the first row is the heading. Colour codes count as
// no width.
class Table {
 public:
  explicit Table(std::vector<std::string> heading) { rows_.push_back(std::move(heading)); }
  void Add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  void AlignRight(size_t column) { right_.push_back(column); }
  bool empty() const { return rows_.size() == 1; }
  void Print(std::string_view indent = "") const;

 private:
  std::vector<std::vector<std::string>> rows_;
  std::vector<size_t> right_;
};

// What a command that lists things prints: `list` for --json, else the table, or `none` if it has
// no row.
void PrintListing(bool as_json, const nlohmann::json& list, const Table& table, const char* none);

// A line that a program printed, for standard output. A terminal gets no control codes, which could
// make it do something, and of a line that was drawn over what it showed last.
std::string LogLine(std::string_view line, bool terminal = IsTerminal(1));

std::string FormatBytes(uint64_t bytes);  // "1.4 MB"
std::string FormatDuration(int64_t ms);   // "0.3 s", "1 m 04 s"
std::string FormatLocalTime(int64_t ms);  // "2026-11-23 17:11:35"; "-" for 0
std::string FormatNumber(double value);   // six significant digits

}  // namespace clary::cli
