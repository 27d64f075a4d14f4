#include "debugger/internal/publish.h"

#include <fcntl.h>

#include <cerrno>
#include <cstdio>

#include "base/file.h"

namespace clary::debugger {

Status PublishFile(const std::filesystem::path& path, std::string_view bytes) {
  CLARY_CHECK_OK(MakeDirectories(path.parent_path()));
  const std::filesystem::path temp = path.string() + ".tmp";
  {
    CLARY_TRY(const Fd fd, OpenFile(temp, O_WRONLY | O_CREAT | O_TRUNC));
    CLARY_CHECK_OK(WriteAll(fd.get(), bytes));
  }
  if (::rename(temp.c_str(), path.c_str()) != 0) {
    return std::unexpected(ErrnoError(errno, "rename to " + path.string()));
  }
  return {};
}

}  // namespace clary::debugger
