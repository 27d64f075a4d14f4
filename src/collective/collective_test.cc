#include "collective/collective.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <numeric>
#include <thread>

#include "collective/testing/threads.h"

namespace clary::collective {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Runs body on every host, and gives back how each ended.
std::vector<Status> OnAll(int size, Fault fault, const std::function<Status(Collective&)>& body) {
  auto ends = MakeThreads(size, fault);
  std::vector<Status> ended(static_cast<size_t>(size));
  std::vector<std::jthread> threads;
  for (size_t k = 0; k < ended.size(); ++k) {
    threads.emplace_back([&, k] {
      Collective hosts(std::move(ends[k]));
      ended[k] = body(hosts);
      if (ended[k]) ended[k] = hosts.status();
    });
  }
  threads.clear();
  return ended;
}

TEST(Collective, AloneGivesBackItsOwn) {
  Collective hosts;
  EXPECT_TRUE(hosts.alone());
  std::vector<uint64_t> sums = {1, 2};
  hosts.Sum(sums);
  EXPECT_THAT(sums, ElementsAre(1, 2));
  EXPECT_THAT(hosts.GatherEach(7), ElementsAre(7));
  EXPECT_THAT(hosts.GatherBytes("a"), ElementsAre("a"));
  EXPECT_THAT(hosts.Exchange({"b"}), ElementsAre("b"));
  EXPECT_TRUE(hosts.Agree({}));
  EXPECT_EQ(hosts.Agree(Fail(Code::kNotFound, "No", "no")).error().message, "no");
  EXPECT_EQ(hosts.bytes_sent(), 0U);
}

TEST(Collective, AllHaveTheSameOfAll) {
  for (const int size : {1, 2, 3, 8}) {
    const auto ended = OnAll(size, {}, [&](Collective& hosts) -> Status {
      const auto rank = static_cast<uint64_t>(hosts.rank());
      const auto n = static_cast<uint64_t>(size);
      for (const size_t items : {0U, 1U, 2U, 7U, 1000U}) {
        std::vector<uint64_t> sums(items);
        for (size_t i = 0; i < items; ++i) sums[i] = (rank << 60) + rank * i + 1;
        hosts.Sum(sums);
        uint64_t high = 0;
        for (uint64_t r = 0; r < n; ++r) high += r << 60;
        for (size_t i = 0; i < items; ++i) {
          EXPECT_EQ(sums[i], high + i * n * (n - 1) / 2 + n);
        }
      }
      // As many of one's own number as one's rank.
      const std::vector<float> mine(rank, static_cast<float>(rank));
      std::vector<float> want;
      for (uint64_t r = 0; r < n; ++r) want.insert(want.end(), r, static_cast<float>(r));
      EXPECT_EQ(hosts.Gather(std::span<const float>(mine), want.size()), want);
      std::vector<std::string> to;
      for (int k = 0; k < size; ++k) to.push_back(std::to_string(rank) + ">" + std::to_string(k));
      const auto from = hosts.Exchange(to);
      for (int k = 0; k < size; ++k) {
        EXPECT_EQ(from[static_cast<size_t>(k)], std::to_string(k) + ">" + std::to_string(rank));
      }
      EXPECT_TRUE(hosts.Agree({}));
      const Status bad = hosts.Agree(
          hosts.rank() == size / 2 ? Status(Fail(Code::kDataLoss, "Bad", "row\n3")) : Status());
      EXPECT_EQ(bad.error().code, Code::kDataLoss);
      EXPECT_EQ(bad.error().reason, "Bad");
      EXPECT_THAT(bad.error().message, HasSubstr("row\n3"));
      EXPECT_EQ(hosts.bytes_sent() == 0, size == 1);
      return {};
    });
    for (const Status& s : ended) EXPECT_TRUE(s) << s.error().message;
  }
}

TEST(Collective, AFailureIsEverybodys) {
  for (int64_t at = 1; at <= 6; ++at) {
    const auto ended = OnAll(3, {.rank = 2, .at = at}, [](Collective& hosts) -> Status {
      std::vector<uint64_t> sums(10, 1);
      for (int i = 0; i < 3; ++i) {
        hosts.Sum(sums);
        EXPECT_EQ(hosts.Gather(std::span<const uint64_t>(sums), 30).size(), 30U);
        EXPECT_EQ(hosts.GatherBytes("x").size(), 3U);
      }
      return {};
    });
    for (const Status& s : ended) {
      ASSERT_FALSE(s);
      EXPECT_EQ(s.error().reason, "HostLost");
    }
  }
}

TEST(Collective, AHostThatLeavesIsMissed) {
  const auto ended = OnAll(3, {}, [](Collective& hosts) -> Status {
    if (hosts.rank() == 1) return Fail(Code::kInternal, "Left", "left");
    hosts.GatherEach(1);
    return {};
  });
  EXPECT_EQ(ended[0].error().reason, "HostLost");
  EXPECT_EQ(ended[1].error().reason, "Left");
  EXPECT_EQ(ended[2].error().reason, "HostLost");
}

TEST(Collective, HostsThatDoOtherWorkAreFound) {
  const auto ended = OnAll(2, {}, [](Collective& hosts) -> Status {
    std::vector<uint64_t> sums(4, 1);
    if (hosts.rank() == 0) {
      hosts.Sum(sums);
    } else {
      hosts.GatherBytes("x");
    }
    return {};
  });
  for (const Status& s : ended) {
    ASSERT_FALSE(s);
    EXPECT_EQ(s.error().reason, "OutOfStep");
  }
  // The same operation on different numbers of items.
  const auto sizes = OnAll(2, {}, [](Collective& hosts) -> Status {
    std::vector<uint64_t> sums(hosts.rank() == 0 ? 4 : 8, 1);
    hosts.Sum(sums);
    return {};
  });
  for (const Status& s : sizes) EXPECT_FALSE(s);
}

}  // namespace
}  // namespace clary::collective
