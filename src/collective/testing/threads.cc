#include "collective/testing/threads.h"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace clary::collective {
namespace {

class Room {
 public:
  explicit Room(size_t size) : size_(size), mail_(size * size), arrived_(size) {}

  Result<std::vector<std::string>> Pass(size_t rank, std::span<const std::string_view> to) {
    std::unique_lock lock(mutex_);
    // Whoever is quicker waits until its mail of the last time has been taken.
    const uint64_t round = ++arrived_[rank];
    changed_.wait(lock, [&] { return lost_ || taken_ == (round - 1) * size_; });
    if (taken_ != (round - 1) * size_) return Lost();
    for (size_t k = 0; k < size_; ++k) mail_[rank * size_ + k] = to[k];
    ++given_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return lost_ || given_ == round * size_; });
    if (given_ != round * size_) return Lost();  // who leaves after this fails nobody
    std::vector<std::string> out;
    for (size_t k = 0; k < size_; ++k) out.push_back(std::move(mail_[k * size_ + rank]));
    ++taken_;
    changed_.notify_all();
    return out;
  }

  void Leave(size_t rank) {
    const std::lock_guard lock(mutex_);
    if (!lost_) lost_ = rank;
    changed_.notify_all();
  }

 private:
  std::unexpected<Error> Lost() const {
    return Fail(Code::kUnavailable, "HostLost", "host " + std::to_string(*lost_) + " has gone");
  }

  const size_t size_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> mail_;  // [from, to]
  std::vector<uint64_t> arrived_;
  uint64_t given_ = 0;
  uint64_t taken_ = 0;
  std::optional<size_t> lost_;
};

class ThreadEnd final : public Transport {
 public:
  ThreadEnd(std::shared_ptr<Room> room, int rank, int size, int64_t fault)
      : room_(std::move(room)), rank_(rank), size_(size), fault_(fault) {}
  ~ThreadEnd() override { room_->Leave(static_cast<size_t>(rank_)); }
  int rank() const override { return rank_; }
  int size() const override { return size_; }
  Result<std::vector<std::string>> Exchange(std::span<const std::string_view> to) override {
    if (++calls_ == fault_) {
      room_->Leave(static_cast<size_t>(rank_));
      return Fail(Code::kUnavailable, "HostLost", "injected");
    }
    return room_->Pass(static_cast<size_t>(rank_), to);
  }

 private:
  const std::shared_ptr<Room> room_;
  const int rank_;
  const int size_;
  const int64_t fault_;
  int64_t calls_ = 0;
};

}  // namespace

std::vector<std::unique_ptr<Transport>> MakeThreads(int size, Fault fault) {
  const auto room = std::make_shared<Room>(static_cast<size_t>(size));
  std::vector<std::unique_ptr<Transport>> ends;
  for (int rank = 0; rank < size; ++rank) {
    ends.push_back(
        std::make_unique<ThreadEnd>(room, rank, size, rank == fault.rank ? fault.at : 0));
  }
  return ends;
}

}  // namespace clary::collective
