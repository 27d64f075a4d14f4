#include "meta/follower.h"

#include <utility>

#include "base/log.h"

namespace clary::meta {
namespace {

constexpr Duration kLongestWait{1'000};  // a notice may be lost with its connection

}  // namespace

Result<std::unique_ptr<Follower>> Follower::Make(ChangeFeed& feed) {
  CLARY_TRY(const int64_t position, feed.Newest());
  return std::unique_ptr<Follower>(new Follower(feed, position));
}

Follower::~Follower() = default;

void Follower::Subscribe(std::string_view table, Take take) {
  takers_[std::string(table)].push_back(std::move(take));
}

Status Follower::CatchUp() {
  const uint64_t asked = readings_;
  MutexLock lock(mu_);
  if (readings_ != asked) return {};  // one that began after the question has ended
  ++readings_;
  for (bool more = true; more;) {
    CLARY_TRY(const Changes read, feed_.Since(position_));
    for (const Change& change : read.changes) {
      const auto found = takers_.find(change.table);
      if (found == takers_.end()) continue;
      for (const Take& take : found->second) CLARY_CHECK_OK(take(change));
      ++taken_;
    }
    position_ = read.next;
    more = read.more;
  }
  return {};
}

void Follower::Start(std::function<void(const Error& why)> behind) {
  thread_ = std::jthread([this, behind = std::move(behind)](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const Status done = CatchUp();
      if (!done && done.error().code == Code::kFailedPrecondition) {
        LOG(kError, "this service cannot follow the others any more",
            {"message", done.error().message});
        return behind(done.error());
      }
      feed_.Wait(kLongestWait, stop);
    }
  });
}

}  // namespace clary::meta
