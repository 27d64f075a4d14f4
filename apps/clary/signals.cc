#include "signals.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>

namespace clary::cli {
namespace {

sigset_t Watched() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGUSR1);  // the end of this object
  return set;
}

}  // namespace

Signals::Signals() {
  const auto set = Watched();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  thread_ = std::jthread([this, set] {
    for (bool first = true;; first = false) {
      int signal = 0;
      if (sigwait(&set, &signal) != 0 || signal == SIGUSR1) return;
      if (!first) _exit(130);
      stop_.request_stop();
    }
  });
}

Signals::~Signals() { pthread_kill(thread_.native_handle(), SIGUSR1); }

void Signals::Wait() {
  std::mutex mu;
  std::condition_variable_any changed;
  std::unique_lock lock(mu);
  changed.wait(lock, token(), [] { return false; });
}

}  // namespace clary::cli
