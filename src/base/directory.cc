#include "base/directory.h"

#include <dirent.h>
#include <fcntl.h>

#include <string_view>

namespace clary {

std::vector<std::string> NamesIn(int dir) {
  std::vector<std::string> out;
  const int copy = ::openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* stream = copy < 0 ? nullptr : ::fdopendir(copy);
  if (stream == nullptr) return out;
  while (const dirent* entry = ::readdir(stream)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") out.emplace_back(name);
  }
  ::closedir(stream);
  return out;
}

}  // namespace clary
