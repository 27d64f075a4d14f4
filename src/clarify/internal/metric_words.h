// What each bias metric means, in a sentence, and where equality lies.
#pragma once

#include <string_view>

namespace clary::clarify {

struct MetricWords {
  std::string_view name;
  double parity = 0;          // where both sides fare alike
  std::string_view question;  // what it asks; d is the group, a everybody else
  std::string_view above;     // what a value above parity says
  std::string_view below;     // below; empty: there is none below
};

// Null for a name that is none.
const MetricWords* FindMetricWords(std::string_view name);

}  // namespace clary::clarify
