// Keeps what a service has in memory of a shared store as new as the store (ADR 43): reads what
// other services, and this one, have written, and hands it to those who keep copies.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "meta/metadata_store.h"

namespace clary::meta {

class Follower {
 public:
  // An error says that it could not be taken now: it comes again.
  using Take = std::function<Status(const Change& change)>;

  // Follows `feed`, which it keeps, from now on: made before the first copy is read.
  static Result<std::unique_ptr<Follower>> Make(ChangeFeed& feed);
  ~Follower();  // Stop()

  // `take` gets the changes of `table`, in order, on whichever thread catches up: also those that
  // this service has made itself, changes older than what it knows, and some again. Before
  // Start().
  void Subscribe(std::string_view table, Take take);
  // Starts the thread. `behind` is called on it, once, when the copies can be trusted no more.
  void Start(std::function<void(const Error& why)> behind);
  // Joins the thread: nothing is taken any more but by CatchUp().
  void Stop() { thread_ = {}; }

  // What had been written when this was called has been taken when it returns. Any thread, but
  // none that holds what a Take needs. The error of the store, or of a Take.
  Status CatchUp();
  // How many changes have been taken. Any thread.
  uint64_t taken() const { return taken_; }

 private:
  Follower(ChangeFeed& feed, int64_t position) : feed_(feed), position_(position) {}

  ChangeFeed& feed_;
  std::map<std::string, std::vector<Take>, std::less<>> takers_;
  std::atomic<uint64_t> taken_ = 0;
  std::atomic<uint64_t> readings_ = 0;  // begun
  Mutex mu_;
  int64_t position_ GUARDED_BY(mu_);
  std::jthread thread_;  // last member: joined before what it uses goes
};

}  // namespace clary::meta
