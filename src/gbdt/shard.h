// Rows that several hosts hold together.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/thread_pool.h"
#include "clary/gbdt.h"
#include "collective/collective.h"
#include "gbdt/cuts.h"

namespace clary::gbdt {

// Sums of floating-point numbers are taken by blocks of so many rows, and then over the blocks in
// order. No two hosts have rows of one block, so that every host can add up all blocks as one host
// would.
inline constexpr size_t kSumBlock = 4096;

// Where this host's rows are among those of all.
struct Shard {
  collective::Collective* hosts = nullptr;  // borrowed; null: there is one
  size_t first = 0;                         // the first one's number, a multiple of kSumBlock
  size_t rows = 0;                          // of all hosts

  size_t own = 0;  // of this host

  bool alone() const { return hosts == nullptr || hosts->alone(); }
  // This host's blocks [first, second) of `count` items, the same number for each row.
  std::pair<size_t, size_t> BlocksOf(size_t count) const {
    const auto blocks = [](size_t items) { return (items + kSumBlock - 1) / kSumBlock; };
    if (alone() || rows == 0) return {0, blocks(count)};
    const size_t each = count / rows;
    return {blocks(first * each), blocks((first + own) * each)};
  }
};

struct SharedRows {
  // This host's rows, with those fields that belong to single rows: no queries.
  Dataset mine;
  // All fields of all rows, without features. If there is one host, the same as `mine`.
  Dataset whole;
  Shard shard;
};

// Every host calls these with its rows; those of rank 0 come first. kInvalidArgument "BadShape" if
// they do not fit together: some have weights, say, and others none. Rows move to the neighbours,
// so that shards begin where blocks do.
Result<SharedRows> ShareRows(const Dataset& given, collective::Collective& hosts);
// All rows with everything, on every host.
Result<Dataset> GatherRows(const Dataset& given, collective::Collective& hosts);

// Cuts of the rows of all hosts (ComputeCuts), each host having looked for those of its part of the
// features, whose values it keeps.
class SharedCuts {
 public:
  // `data` is this host's part. Kept by handle.
  SharedCuts(const Dataset& data, const Shard& shard);
  // `weights`: of this host's rows, or empty on all hosts.
  Cuts Find(std::span<const float> weights, int max_bin, ThreadPool& pool) const;

 private:
  const Dataset mine_;
  const Shard shard_;
  Dataset columns_;  // all rows of this host's part of the features; not used if alone
};

}  // namespace clary::gbdt
