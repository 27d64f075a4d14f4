// web/dist/report.html as a part of the executable; the build writes the .cc.
#pragma once

#include <string_view>

namespace clary::reports {

std::string_view PageTemplate();

}  // namespace clary::reports
