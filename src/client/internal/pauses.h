// Looks at something that ends by itself: the pauses between them, and a service that is away.
#pragma once

#include <algorithm>
#include <stop_token>

#include "base/clock.h"
#include "client/internal/aws_client.h"

namespace clary::client {

// Grow by a quarter each. A service on this machine answers at once, so it is looked at often at
// first: short jobs end in milliseconds. AWS counts calls. Not for several threads at once.
class Pauses {
 public:
  // The first and the longest pause of a service on this machine.
  explicit Pauses(AwsClient& aws, Duration first = Duration(10), Duration longest = Duration(100))
      : clock_(aws.clock()),
        next_(aws.is_local() ? first : Duration(2'000)),
        longest_(aws.is_local() ? longest : Duration(10'000)) {}

  // Until it is over, or a stop is asked for.
  void Sleep(std::stop_token stop = {}) {
    clock_.Sleep(next_, std::move(stop));
    next_ = std::min(longest_, next_ * 5 / 4 + Duration(1));
  }

 private:
  Clock& clock_;
  Duration next_;
  Duration longest_;
};

// A service that does not answer looks. A restart takes much less than what is borne.
class Absence {
 public:
  void Ended() { away_ = false; }
  // After a look at `now` without an answer: whether it has lasted too long.
  bool TooLong(Time now) {
    constexpr Duration kMost{60'000};
    if (!away_) since_ = now;
    away_ = true;
    return now - since_ > kMost;
  }

 private:
  bool away_ = false;
  Time since_{};
};

}  // namespace clary::client
