// SIGINT and SIGTERM as a stop token.
#pragma once

#include <stop_token>
#include <thread>

namespace clary::cli {

// Make it before any other thread: it blocks both signals in this thread and those it starts. The
// first signal requests the stop; a second one ends the process at once with 130.
class Signals {
 public:
  Signals();
  ~Signals();
  std::stop_token token() const { return stop_.get_token(); }
  // Until the first signal.
  void Wait();

 private:
  std::stop_source stop_;
  std::jthread thread_;
};

}  // namespace clary::cli
