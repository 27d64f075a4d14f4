// Folders of a job's container that a request names (LocalPath): anywhere but where the program's
// own system is.
#pragma once

#include <string>

#include "base/error.h"

namespace clary::api {

struct LocalPlace {
  std::string directory;  // below /opt/ml; below / if it is `outside` of that
  bool outside = false;
};
// kInvalidArgument "BadLocalPath" names `what` ("CheckpointConfig.LocalPath"): no absolute path, or
// a folder whose content the program would miss.
Result<LocalPlace> PlaceLocalPath(const std::string& path, const char* what);

}  // namespace clary::api
