#include "data/internal/number.h"

#include <fast_float/fast_float.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/strings.h"

namespace clary::data::internal {

const double kPowersOfTen[kMaxPower - kMinPower + 1] = {
    1e-80, 1e-79, 1e-78, 1e-77, 1e-76, 1e-75, 1e-74, 1e-73, 1e-72, 1e-71, 1e-70, 1e-69, 1e-68,
    1e-67, 1e-66, 1e-65, 1e-64, 1e-63, 1e-62, 1e-61, 1e-60, 1e-59, 1e-58, 1e-57, 1e-56, 1e-55,
    1e-54, 1e-53, 1e-52, 1e-51, 1e-50, 1e-49, 1e-48, 1e-47, 1e-46, 1e-45, 1e-44, 1e-43, 1e-42,
    1e-41, 1e-40, 1e-39, 1e-38, 1e-37, 1e-36, 1e-35, 1e-34, 1e-33, 1e-32, 1e-31, 1e-30, 1e-29,
    1e-28, 1e-27, 1e-26, 1e-25, 1e-24, 1e-23, 1e-22, 1e-21, 1e-20, 1e-19, 1e-18, 1e-17, 1e-16,
    1e-15, 1e-14, 1e-13, 1e-12, 1e-11, 1e-10, 1e-9,  1e-8,  1e-7,  1e-6,  1e-5,  1e-4,  1e-3,
    1e-2,  1e-1,  1e0,   1e1,   1e2,   1e3,   1e4,   1e5,   1e6,   1e7,   1e8,   1e9,   1e10,
    1e11,  1e12,  1e13,  1e14,  1e15,  1e16,  1e17,  1e18,  1e19,  1e20,  1e21,  1e22,  1e23,
    1e24,  1e25,  1e26,  1e27,  1e28,  1e29,  1e30,  1e31,  1e32,  1e33,  1e34,  1e35,  1e36,
    1e37,  1e38,  1e39,  1e40,
};

NumberKind ParseNumber(std::string_view field, float* value) {
  field = Trim(field);
  *value = std::numeric_limits<float>::quiet_NaN();
  if (field.empty()) return NumberKind::kMissing;
  std::string_view digits = field;
  if (digits.front() == '+') {
    digits.remove_prefix(1);
    if (digits.empty() || digits.front() == '-') return NumberKind::kText;
  }
  float parsed;
  const auto [end, ec] =
      fast_float::from_chars(digits.data(), digits.data() + digits.size(), parsed);
  if (ec == std::errc::invalid_argument || end != digits.data() + digits.size())
    return NumberKind::kText;
  if (std::isnan(parsed)) return NumberKind::kMissing;
  if (std::isinf(parsed)) return NumberKind::kInfinite;
  *value = parsed;
  return NumberKind::kValue;
}

bool IsMissingWord(std::string_view field) {
  constexpr std::string_view kWords[] = {"NA", "N/A", "#N/A", "<NA>", "null", "None", "?"};
  field = Trim(field);
  return field.size() <= 4 && std::ranges::any_of(kWords, [&](std::string_view word) {
           return EqualsIgnoreCase(field, word);
         });
}

}  // namespace clary::data::internal
