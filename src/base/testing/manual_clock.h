// A clock that moves only when told to. Sleep() moves it and returns at once.
#pragma once

#include <atomic>

#include "base/clock.h"

namespace clary {

class ManualClock final : public Clock {
 public:
  explicit ManualClock(Time start = FromMillis(1'795'000'000'000)) : millis_(ToMillis(start)) {}
  Time Now() override { return FromMillis(millis_.load()); }
  void Sleep(Duration d, std::stop_token) override { Advance(d); }
  void Advance(Duration d) { millis_ += d.count(); }

 private:
  std::atomic<int64_t> millis_;
};

}  // namespace clary
