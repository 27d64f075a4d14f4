// Decimal text to the nearest float, as strtof reads it.
#pragma once

#include <cstdint>
#include <string_view>

namespace clary::data::internal {

enum class NumberKind : uint8_t { kValue, kMissing, kInfinite, kText };

// A whole field, with blanks around it or not. Empty and "nan" (any case, any sign) are kMissing,
// and *value is NaN.
NumberKind ParseNumber(std::string_view field, float* value);

// Whether people write this field for a value that is missing: NA, N/A, #N/A, <NA>, null, None or ?
// in letters of any case.
bool IsMissingWord(std::string_view field);

// Powers of ten from 1e-80, each the nearest double.
constexpr int kMinPower = -80;
constexpr int kMaxPower = 40;
extern const double kPowersOfTen[kMaxPower - kMinPower + 1];

}  // namespace clary::data::internal
