#include "base/file_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>

namespace clary {
namespace {

Status WatchError(const std::string& what) {
  if (errno != EMFILE && errno != ENOSPC) return std::unexpected(ErrnoError(errno, what));
  return Fail(Code::kResourceExhausted, "NoWatches",
              what + ": this user has no inotify watches left (fs.inotify.max_user_*)");
}

}  // namespace

Result<FileWatch> FileWatch::Make() {
  Fd fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!fd) return std::unexpected(WatchError("watching files").error());
  return FileWatch(std::move(fd));
}

Status FileWatch::Add(const std::filesystem::path& file) {
  if (::inotify_add_watch(fd_.get(), file.c_str(), IN_MODIFY) >= 0) return {};
  return WatchError("watching " + file.string());
}

void FileWatch::Drain() {
  alignas(inotify_event) char buffer[4096];
  while (::read(fd_.get(), buffer, sizeof buffer) > 0) continue;
}

}  // namespace clary
