#include "reports/publish.h"

#include <fcntl.h>

#include <cerrno>
#include <cstdio>

#include "base/file.h"

namespace clary::reports {

Status PublishFile(const std::filesystem::path& path, std::string_view bytes) {
  const std::filesystem::path temp = path.string() + ".tmp";
  {
    auto fd = OpenFile(temp, O_WRONLY | O_CREAT | O_TRUNC);
    if (!fd && fd.error().code == Code::kNotFound) {
      CLARY_CHECK_OK(MakeDirectories(path.parent_path()));
      fd = OpenFile(temp, O_WRONLY | O_CREAT | O_TRUNC);
    }
    if (!fd) return std::unexpected(std::move(fd).error());
    CLARY_CHECK_OK(WriteAll(fd->get(), bytes));
  }
  if (::rename(temp.c_str(), path.c_str()) != 0) {
    return std::unexpected(ErrnoError(errno, "rename to " + path.string()));
  }
  return {};
}

}  // namespace clary::reports
