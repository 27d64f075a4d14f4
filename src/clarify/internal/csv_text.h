// Short csv that is in memory: requests, answers, baselines.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/strings.h"

namespace clary::clarify {

// The fields of each line (RFC 4180: quoted ones may hold line ends). Lines of blanks are none;
// blanks around a field that is not quoted are not its own.
inline std::vector<std::vector<std::string>> CsvLines(std::string_view text) {
  std::vector<std::vector<std::string>> out;
  std::vector<std::string> line;
  std::string field;
  bool quoted = false, was_quoted = false;
  const auto end_field = [&] {
    line.push_back(was_quoted ? std::move(field) : std::string(Trim(field)));
    field.clear();
    was_quoted = false;
  };
  const auto end_line = [&] {
    if (!line.empty() || was_quoted || !Trim(field).empty()) {
      end_field();
      out.push_back(std::move(line));
    }
    line.clear();
    field.clear();
  };
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c != '"') {
        field += c;
      } else if (i + 1 < text.size() && text[i + 1] == '"') {
        field += text[++i];
      } else {
        quoted = false;
      }
    } else if (c == '"' && !was_quoted && Trim(field).empty()) {
      field.clear();
      quoted = was_quoted = true;
    } else if (c == ',') {
      end_field();
    } else if (c == '\n' || c == '\r') {
      end_line();
    } else if (!was_quoted || (c != ' ' && c != '\t')) {
      field += c;
    }
  }
  end_line();
  return out;
}

}  // namespace clary::clarify
