// A metric definition's regular expression over log lines.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace clary::toolkit {

class MetricPattern {
 public:
  // `literal`: a text that every matching line contains; empty if not known. Compiled when first
  // needed, in bounded memory: it is foreign input.
  MetricPattern(std::string regex, std::string literal);
  MetricPattern(MetricPattern&&) noexcept;
  MetricPattern& operator=(MetricPattern&&) noexcept;
  ~MetricPattern();

  // What is wrong with the expression, as the end of a sentence about it: "is not valid: ...",
  // "has no group ..."; empty: nothing.
  std::string Fault();
  // The finite number of the first match in the line; none if there is no match or no such number.
  std::optional<double> Find(const std::string& line);

 private:
  struct Compiled;
  Compiled& Get();

  std::string regex_, literal_;
  std::unique_ptr<Compiled> compiled_;
};

}  // namespace clary::toolkit
