// What real clients sent and real libraries answered, recorded beside the project.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace clary {

// The recording `name`, such as "wire/serving", below $CLARY_SHARED/golden or, without that,
// ../shared of the project. It may not be there: then the test that wants it skips aloud.
inline std::filesystem::path GoldenPath(const std::string& name) {
  const char* shared = std::getenv("CLARY_SHARED");
  return std::filesystem::path(shared != nullptr ? shared : CLARY_SOURCE_DIR "/../shared") /
         "golden" / name;
}

}  // namespace clary
