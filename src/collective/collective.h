// Operations of several hosts that compute together, each with its own part of the data.
//
// Every host calls the same operations in the same order, whatever its part holds; a host whose
// part is empty takes part all the same. What an operation gives back is the same on every host,
// bit for bit: sums are of integers.
//
// A failure on one host fails all, and stays: from then on operations give back what this host
// alone would have, at once and in the right size, and status() says what went wrong. So code deep
// inside a computation need not ask each time; who believes its result asks once, at the end.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "collective/transport.h"

namespace clary::collective {

class Collective {
 public:
  // The only host.
  Collective();
  explicit Collective(std::unique_ptr<Transport> transport);
  ~Collective();
  Collective(const Collective&) = delete;
  Collective& operator=(const Collective&) = delete;

  int rank() const { return rank_; }
  int size() const { return size_; }
  bool alone() const { return size_ == 1; }
  // The first failure of an operation, this host's or another's.
  const Status& status() const { return status_; }

  // Replaces each item by the sum of all hosts'; modulo 2^64. The same number of items everywhere.
  void Sum(std::span<uint64_t> values);
  // All hosts' items, by rank. `total`: how many there are in all; the result has that size.
  template <typename T>
  std::vector<T> Gather(std::span<const T> mine, size_t total) {
    static_assert(std::is_trivially_copyable_v<T>);
    std::vector<T> all(total);
    GatherInto({reinterpret_cast<const char*>(mine.data()), mine.size_bytes()},
               {reinterpret_cast<char*>(all.data()), total * sizeof(T)});
    return all;
  }
  // One item of each host, by rank.
  template <typename T>
  std::vector<T> GatherEach(const T& mine) {
    return Gather(std::span<const T>(&mine, 1), static_cast<size_t>(size_));
  }
  // Bytes of each host, by rank; those of others are empty after a failure.
  std::vector<std::string> GatherBytes(std::string_view mine);
  // Gives each host, by rank, its bytes of `to` [size()]; what came from each. As above.
  std::vector<std::string> Exchange(const std::vector<std::string>& to);
  // The failure of the lowest rank that has one, or success, on all hosts alike; the message names
  // the host. Failures of the operations themselves come first.
  Status Agree(const Status& mine);

  // What this host has sent, since it was made, to others.
  uint64_t bytes_sent() const { return bytes_sent_; }
  // How often it has waited for all others.
  uint64_t operations() const { return operations_; }

 private:
  // Passes the bytes with a check that all hosts are at the same operation.
  std::vector<std::string> Pass(char operation, std::span<const std::string_view> to);
  void GatherInto(std::string_view mine, std::span<char> all);
  void Fail(Error error);

  std::unique_ptr<Transport> transport_;  // none if alone
  int rank_ = 0;
  int size_ = 1;
  Status status_;
  uint64_t operations_ = 0;
  uint64_t bytes_sent_ = 0;
};

}  // namespace clary::collective
