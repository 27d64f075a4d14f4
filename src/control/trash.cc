#include "control/internal/trash.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "base/directory.h"
#include "base/file.h"

namespace clary::control {
namespace fs = std::filesystem;
namespace {

// Moves from/name to a name of its own in the folder `to`. A folder of any permissions: those are
// its program's.
bool MoveInto(int to, int from, const char* name) {
  struct stat st{};
  if (::fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) != 0) return errno == ENOENT;
  if (S_ISDIR(st.st_mode)) ::fchmodat(from, name, 0700, 0);
  const std::string own = std::to_string(st.st_ino);
  if (::renameat(from, name, to, own.c_str()) == 0) return true;
  for (int i = 0; errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR || errno == EISDIR;
       ++i) {
    if (::renameat(from, name, to, (own + "-" + std::to_string(i)).c_str()) == 0) return true;
  }
  return false;
}

// Removes what is in the folder `trash`, one entry at a time; folders in folders are moved to the
// top, so that neither paths nor the stack grow with the depth. False: stopped.
bool Empty(int trash, const std::stop_token& stop) {
  for (bool moved = true; moved;) {
    moved = false;
    for (const std::string& name : NamesIn(trash)) {
      if (::unlinkat(trash, name.c_str(), 0) == 0) continue;
      ::fchmodat(trash, name.c_str(), 0700, 0);
      const Fd folder(
          ::openat(trash, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (!folder) continue;
      for (const std::string& inner : NamesIn(folder.get())) {
        if (stop.stop_requested()) return false;
        if (::unlinkat(folder.get(), inner.c_str(), 0) == 0 || errno == ENOENT) continue;
        moved = MoveInto(trash, folder.get(), inner.c_str()) || moved;
      }
      ::unlinkat(trash, name.c_str(), AT_REMOVEDIR);
    }
  }
  return true;
}

}  // namespace

Trash::Trash(fs::path directory) : directory_(std::move(directory)) {
  thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
}

Trash::~Trash() = default;

Status Trash::Take(const fs::path& path) {
  struct stat st{};
  if (::lstat(path.c_str(), &st) != 0 && errno == ENOENT) return {};
  CLARY_CHECK_OK(MakeDirectories(directory_, 0700));
  CLARY_TRY(const Fd to, OpenFile(directory_, O_RDONLY | O_DIRECTORY));
  if (!MoveInto(to.get(), AT_FDCWD, path.c_str())) {
    return std::unexpected(ErrnoError(errno, "removing " + path.string()));
  }
  {
    MutexLock lock(mu_);
    full_ = true;
  }
  taken_.notify_one();
  return {};
}

void Trash::Run(const std::stop_token& stop) {
  for (;;) {
    {
      MutexLock lock(mu_);
      taken_.wait(lock, stop, [this]() REQUIRES(mu_) { return full_; });
      if (stop.stop_requested()) return;
      full_ = false;
    }
    const auto trash = OpenFile(directory_, O_RDONLY | O_DIRECTORY);
    if (trash && !Empty(trash->get(), stop)) return;
  }
}

}  // namespace clary::control
