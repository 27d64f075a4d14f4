#include "toolkit/metric_pattern.h"

#include <re2/re2.h>

#include <charconv>
#include <cmath>
#include <system_error>
#include <utility>

namespace clary::toolkit {
namespace {

constexpr int64_t kMaxRegexMemory = 1 << 20;

RE2::Options RegexOptions() {
  RE2::Options options(RE2::Quiet);
  options.set_max_mem(kMaxRegexMemory);
  return options;
}

// The number that a group matched. The built-in definitions' "\\S+" runs on over the "#011" that
// stands for a TAB, so the text may go on with that.
std::optional<double> NumberOf(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc() || !std::isfinite(value)) return std::nullopt;
  const std::string_view rest(end, static_cast<size_t>(text.data() + text.size() - end));
  if (!rest.empty() && !rest.starts_with("#011")) return std::nullopt;
  return value;
}

}  // namespace

struct MetricPattern::Compiled {
  explicit Compiled(const std::string& regex) : re(regex, RegexOptions()) {}
  RE2 re;
};

MetricPattern::MetricPattern(std::string regex, std::string literal)
    : regex_(std::move(regex)), literal_(std::move(literal)) {}
MetricPattern::MetricPattern(MetricPattern&&) noexcept = default;
MetricPattern& MetricPattern::operator=(MetricPattern&&) noexcept = default;
MetricPattern::~MetricPattern() = default;

MetricPattern::Compiled& MetricPattern::Get() {
  if (!compiled_) compiled_ = std::make_unique<Compiled>(regex_);
  return *compiled_;
}

std::string MetricPattern::Fault() {
  const RE2& re = Get().re;
  if (!re.ok()) return "is not valid: " + re.error();
  if (re.NumberOfCapturingGroups() < 1) return "has no group '(...)' around the value";
  return "";
}

std::optional<double> MetricPattern::Find(const std::string& line) {
  if (!literal_.empty() && line.find(literal_) == std::string::npos) return std::nullopt;
  std::string text;
  if (!RE2::PartialMatch(line, Get().re, &text)) return std::nullopt;
  return NumberOf(text);
}

}  // namespace clary::toolkit
