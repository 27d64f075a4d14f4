#include "control/internal/file_bell.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>

#include "control/internal/context.h"

namespace clary::control {

std::unique_ptr<FileBell> FileBell::Make(std::shared_ptr<Bell> bell) {
  auto watch = FileWatch::Make();
  Fd end(::eventfd(0, EFD_CLOEXEC));
  if (!watch || !end) return nullptr;
  return std::unique_ptr<FileBell>(
      new FileBell(std::move(*watch), std::move(end), std::move(bell)));
}

FileBell::FileBell(FileWatch watch, Fd end, std::shared_ptr<Bell> bell)
    : watch_(std::move(watch)),
      end_(std::move(end)),
      bell_(std::move(bell)),
      thread_([this] { Run(); }) {}

FileBell::~FileBell() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = ::write(end_.get(), &one, sizeof one);
}

void FileBell::Watch(const std::filesystem::path& file) {
  if (!watch_.Add(file)) hears_ = false;
}

void FileBell::Run() {
  pollfd polls[] = {{watch_.fd(), POLLIN, 0}, {end_.get(), POLLIN, 0}};
  for (;;) {
    if (::poll(polls, 2, -1) < 0 && errno != EINTR) return;
    if (polls[1].revents != 0) return;
    watch_.Drain();
    bell_->Ring(false);
  }
}

}  // namespace clary::control
