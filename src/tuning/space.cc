#include "tuning/space.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <set>

namespace clary::tuning {
namespace {

constexpr int kDigits = 10;

std::unexpected<Error> Bad(const Parameter& p, std::string_view why) {
  return Fail(Code::kInvalidArgument, "BadSpace", fmt::format("parameter {}: {}", p.name, why));
}

double ToScale(Scale scale, double x) {
  switch (scale) {
    case Scale::kLog:
      return std::log(x);
    case Scale::kReverseLog:
      return -std::log1p(-x);
    case Scale::kLinear:
      break;
  }
  return x;
}
double FromScale(Scale scale, double y) {
  switch (scale) {
    case Scale::kLog:
      return std::exp(y);
    case Scale::kReverseLog:
      return -std::expm1(-y);
    case Scale::kLinear:
      break;
  }
  return y;
}

// An integer n owns the values from n - 1/2 to n + 1/2 on the parameter's scale; one half from a
// bound of log scale (1 - 1/2) is still above 0, of 0 with reverse log it is not below 0.
double Low(const Parameter& p) {
  return ToScale(p.scale, p.type == Parameter::Type::kInteger ? p.min - 0.5 : p.min);
}
double High(const Parameter& p) {
  return ToScale(p.scale, p.type == Parameter::Type::kInteger ? p.max + 0.5 : p.max);
}

// The nearest decimal of kDigits digits, where `of` is 1 to 10 times the worth of the first, as the
// double that its text is read as: a whole number by a power of ten that is exact, or the text.
double Decimal(double value, double of) {
  if (value == 0 || !(of > 0)) return value;
  constexpr int kExact = 22;            // 10^22 is a double
  constexpr double kWhole = 1LL << 53;  // and so are whole numbers up to here
  static const std::array<double, kExact + 1> kTens = [] {
    std::array<double, kExact + 1> out{1};
    for (size_t i = 1; i < out.size(); ++i) out[i] = out[i - 1] * 10;
    return out;
  }();
  const int last = static_cast<int>(std::floor(std::log10(of))) - (kDigits - 1);
  if (std::abs(last) <= kExact) {
    const double ten = kTens[static_cast<size_t>(std::abs(last))];
    const double whole = std::nearbyint(last < 0 ? value * ten : value / ten);
    if (std::abs(whole) < kWhole) return last < 0 ? whole / ten : whole * ten;
  }
  const int first = static_cast<int>(std::floor(std::log10(std::abs(value))));
  const std::string text = last < 0 ? fmt::format("{:.{}f}", value, -last)
                                    : fmt::format("{:.{}e}", value, std::max(0, first - last));
  double out = value;
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

double Decimal(const Parameter& p, double value) {
  switch (p.scale) {
    case Scale::kLog:
      return Decimal(value, std::abs(value));
    case Scale::kReverseLog:
      return Decimal(value, 1 - value);
    case Scale::kLinear:
      break;
  }
  return Decimal(value, p.max - p.min);
}

Status Check(const Parameter& p) {
  if (p.type == Parameter::Type::kCategorical) {
    if (p.values.empty()) return Bad(p, "it has no values");
    if (std::set<std::string>(p.values.begin(), p.values.end()).size() != p.values.size()) {
      return Bad(p, "one of its values is there twice");
    }
    return {};
  }
  if (!std::isfinite(p.min) || !std::isfinite(p.max)) return Bad(p, "its bounds are not finite");
  if (p.min > p.max) {
    return Bad(p, fmt::format("its lower bound {} is above its upper bound {}", p.min, p.max));
  }
  const bool integer = p.type == Parameter::Type::kInteger;
  if (integer && (p.min != std::floor(p.min) || p.max != std::floor(p.max))) {
    return Bad(p, fmt::format("its bounds {} and {} are no integers", p.min, p.max));
  }
  if (integer && (p.min < -9e15 || p.max > 9e15)) return Bad(p, "its bounds are too large");
  if (p.scale == Scale::kLog && p.min <= 0) {
    return Bad(p, fmt::format("a logarithmic scale needs bounds above 0, not {}", p.min));
  }
  if (p.scale == Scale::kReverseLog && (integer || p.min < 0 || p.max >= 1)) {
    return Bad(p, "a reverse logarithmic scale needs continuous bounds from 0 to below 1");
  }
  return {};
}

}  // namespace

Result<Space> Space::Make(std::vector<Parameter> parameters) {
  std::set<std::string> names;
  for (const Parameter& p : parameters) {
    CLARY_CHECK_OK(Check(p));
    if (!names.insert(p.name).second) return Bad(p, "there are two of that name");
  }
  Space space;
  space.parameters_ = std::move(parameters);
  return space;
}

size_t Space::Cells(size_t parameter) const {
  const Parameter& p = parameters_[parameter];
  if (p.type == Parameter::Type::kCategorical) return p.values.size();
  if (p.type == Parameter::Type::kInteger) return static_cast<size_t>(p.max - p.min) + 1;
  return 0;
}

double Space::Configurations() const {
  double product = 1;
  for (size_t j = 0; j < size(); ++j) {
    if (const size_t cells = Cells(j); cells > 0) {
      product *= static_cast<double>(cells);
    } else if (parameters_[j].min < parameters_[j].max) {
      return std::numeric_limits<double>::infinity();
    }
  }
  return product;
}

std::vector<double> Space::Encode(const Config& config) const {
  std::vector<double> point(size());
  for (size_t j = 0; j < size(); ++j) {
    const Parameter& p = parameters_[j];
    if (p.type == Parameter::Type::kCategorical) {
      point[j] = (config[j] + 0.5) / static_cast<double>(p.values.size());
      continue;
    }
    const double low = Low(p), high = High(p);
    point[j] =
        high > low ? std::clamp((ToScale(p.scale, config[j]) - low) / (high - low), 0.0, 1.0) : 0.5;
  }
  return point;
}

Config Space::Decode(std::span<const double> point) const {
  Config config(size());
  for (size_t j = 0; j < size(); ++j) {
    const Parameter& p = parameters_[j];
    const double u = std::clamp(point[j], 0.0, 1.0);
    if (p.type == Parameter::Type::kCategorical) {
      const double n = static_cast<double>(p.values.size());
      config[j] = std::min(std::floor(u * n), n - 1);
      continue;
    }
    // The ends are the bounds themselves, whatever exp(log(x)) makes of them.
    double value = u <= 0   ? p.min
                   : u >= 1 ? p.max
                            : FromScale(p.scale, Low(p) + u * (High(p) - Low(p)));
    if (p.type == Parameter::Type::kInteger) {
      value = std::round(value);
    } else if (u > 0 && u < 1) {
      value = Decimal(p, value);
    }
    config[j] = std::clamp(value, p.min, p.max);
  }
  return config;
}

std::optional<Config> Space::Snap(const Config& config) const {
  if (config.size() != size()) return std::nullopt;
  for (size_t j = 0; j < size(); ++j) {
    const Parameter& p = parameters_[j];
    const bool category = p.type == Parameter::Type::kCategorical;
    const double last = category ? static_cast<double>(p.values.size()) - 1 : p.max;
    if (!(config[j] >= (category ? 0 : p.min) && config[j] <= last)) return std::nullopt;
  }
  return Decode(Encode(config));
}

}  // namespace clary::tuning
