#include "client/internal/job_name.h"

#include <ctime>

namespace clary::client {

std::string NameAt(std::string_view base, Time now) {
  const std::time_t seconds = ToMillis(now) / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char stamp[40];
  auto n = std::strftime(stamp, sizeof stamp, "-%Y-%m-%d-%H-%M-%S-", &parts);
  const auto ms = std::to_string(1000 + ToMillis(now) % 1000).substr(1);
  std::string name(base.substr(0, 63 - n - ms.size()));
  return name.append(stamp, n).append(ms);
}

}  // namespace clary::client
