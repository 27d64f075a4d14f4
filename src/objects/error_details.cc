#include "objects/internal/error_details.h"

#include <algorithm>

#include "base/strings.h"

namespace clary::objects {

std::unexpected<Error> FailWith(Code code, std::string reason, std::string message,
                                const ErrorDetails& details) {
  std::ranges::replace(message, '\n', ' ');
  for (auto [name, value] : details) {
    std::ranges::replace(value, '\n', ' ');
    message.append("\n").append(name).append(": ").append(value);
  }
  return Fail(code, std::move(reason), std::move(message));
}

std::pair<std::string, ErrorDetails> SplitDetails(std::string_view message) {
  const auto lines = Split(message, '\n');
  std::pair<std::string, ErrorDetails> out;
  out.first = lines[0];
  for (size_t i = 1; i < lines.size(); ++i) {
    // A key may hold line breaks, and so may a message about it.
    const size_t colon = lines[i].find(": ");
    const bool name = colon != std::string_view::npos && colon > 0 &&
                      std::ranges::all_of(lines[i].substr(0, colon), [](unsigned char c) {
                        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
                      });
    if (!name) {
      out.first.append(" ").append(lines[i]);
      continue;
    }
    out.second.emplace_back(lines[i].substr(0, colon), lines[i].substr(colon + 2));
  }
  return out;
}

}  // namespace clary::objects
