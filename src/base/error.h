// The public <clary/error.h>, and what only our own code needs of errors.
#pragma once

#include "clary/error.h"

namespace clary {

// Error from errno; the reason is "DiskFull" for ENOSPC and EDQUOT, "Errno" otherwise.
Error ErrnoError(int err, std::string_view context);

}  // namespace clary
