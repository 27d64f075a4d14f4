#include "toolkit/internal/stand_ins.h"

#include <array>

namespace clary::toolkit {

std::span<const StandIn> StandIns() {
  static constexpr std::array<StandIn, 0> kFiles{};
  return kFiles;
}

}  // namespace clary::toolkit
