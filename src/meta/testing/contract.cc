#include "meta/testing/contract.h"

#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace clary::meta {

StoreMaker::StoreMaker(std::function<std::shared_ptr<MetadataStore>()> f) : make(std::move(f)) {}

// A binary may link this library for its fakes only.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(MetadataStoreContract);

TEST_P(MetadataStoreContract, GetReturnsWhatPutWroteWithItsVersion) {
  EXPECT_EQ(store_.Get("t", "k").error().reason, "NoRecord");
  EXPECT_EQ(store_.Put("t", "k", "one", 0), 1);
  EXPECT_EQ(store_.Put("t", "k", "two", 1), 2);
  const auto got = store_.Get("t", "k");
  ASSERT_TRUE(got);
  EXPECT_EQ(got->body, "two");
  EXPECT_EQ(got->version, 2);
  EXPECT_FALSE(store_.Get("u", "k"));
}

TEST_P(MetadataStoreContract, AWriteFromAnOldVersionIsRefused) {
  ASSERT_TRUE(store_.Put("t", "k", "one", 0));
  EXPECT_EQ(store_.Put("t", "k", "x", 0).error().code, Code::kAlreadyExists);
  EXPECT_EQ(store_.Put("t", "k", "x", 7).error().code, Code::kConflict);
  EXPECT_EQ(store_.Put("t", "no", "x", 1).error().code, Code::kConflict);
  EXPECT_EQ(store_.Get("t", "k")->body, "one");
  EXPECT_EQ(store_.Put("t", "k", "any", std::nullopt), 2);
}

TEST_P(MetadataStoreContract, ApplyIsAllOrNothing) {
  ASSERT_TRUE(store_.Put("t", "b", "old", 0));
  const auto failed =
      store_.Apply({{"t", "a", "new", 0}, {"t", "b", std::nullopt, 1}, {"t", "c", "x", 3}});
  EXPECT_EQ(failed.error().reason, "Version");
  EXPECT_FALSE(store_.Get("t", "a"));
  EXPECT_EQ(store_.Get("t", "b")->body, "old");
  const auto done = store_.Apply({{"t", "a", "new", 0}, {"t", "b", std::nullopt, 1}});
  ASSERT_TRUE(done);
  EXPECT_EQ(*done, (std::vector<int64_t>{1, 0}));
  EXPECT_EQ(store_.Get("t", "a")->body, "new");
  EXPECT_FALSE(store_.Get("t", "b"));
}

TEST_P(MetadataStoreContract, ListIsInByteOrderFromAKeyAndBounded) {
  for (const char* key : {"b", "a", "\xC3\xA9", "B", "a/1"}) {
    ASSERT_TRUE(store_.Put("t", key, key, 0));
  }
  ASSERT_TRUE(store_.Put("u", "aa", "", 0));
  const auto keys = [](const Result<std::vector<Record>>& records) {
    std::string out;
    for (const Record& r : *records) out += r.key + " ";
    return out;
  };
  EXPECT_EQ(keys(store_.List("t")), "B a a/1 b \xC3\xA9 ");
  EXPECT_EQ(keys(store_.List("t", "a/", 2)), "a/1 b ");
}

TEST_P(MetadataStoreContract, ConcurrentIncrementsLoseNothing) {
  ASSERT_TRUE(store_.Put("t", "n", "0", 0));
  const auto add = [&] {
    for (int i = 0; i < 20;) {
      const auto now = store_.Get("t", "n");
      ASSERT_TRUE(now);
      if (store_.Put("t", "n", std::to_string(std::stoi(now->body) + 1), now->version)) ++i;
    }
  };
  {
    std::jthread one(add);
    std::jthread two(add);
  }
  EXPECT_EQ(store_.Get("t", "n")->body, "40");
}

// What a thread writes under a fence is written only while the fenced record stays as it is.
TEST_P(MetadataStoreContract, AFenceHoldsEveryWriteOfItsThread) {
  ASSERT_TRUE(store_.Put("leases", "l", "one", 0));
  {
    Fence fence("leases", "l", 1);
    EXPECT_EQ(store_.Put("t", "k", "mine", 0), 1);
    EXPECT_EQ(store_.Apply({{"t", "a", "x", 0}, {"t", "b", "y", 0}}), (std::vector<int64_t>{1, 1}));
    std::jthread([&] { EXPECT_TRUE(store_.Put("leases", "l", "two", 1)); }).join();
    EXPECT_EQ(store_.Put("t", "k", "late", 1).error().reason, "Fenced");
    EXPECT_EQ(store_.Put("t", "new", "late", 0).error().code, Code::kConflict);
    std::jthread([&] { EXPECT_TRUE(store_.Put("t", "other", "not fenced", 0)); }).join();
  }
  EXPECT_EQ(store_.Get("t", "k")->body, "mine");
  EXPECT_FALSE(store_.Get("t", "new"));
  EXPECT_TRUE(store_.Put("t", "new", "free again", 0));
  EXPECT_EQ(store_.Get("leases", "l")->version, 2);
}

TEST_P(MetadataStoreContract, TheFeedTellsEveryWriteInItsOrder) {
  ChangeFeed* feed = store_.feed();
  if (feed == nullptr) return;  // nobody shares it
  ASSERT_TRUE(store_.Put("t", "before", "x", 0));
  int64_t at = *feed->Newest();
  EXPECT_TRUE(feed->Since(at)->changes.empty());
  ASSERT_TRUE(store_.Put("t", "a", "1", 0));
  ASSERT_TRUE(store_.Apply({{"t", "b", std::string("\0x\xff", 3), 0}, {"u", "c", "2", 0}}));
  ASSERT_TRUE(store_.Put("t", "a", "3", 1));
  ASSERT_TRUE(store_.Apply({{"t", "before", std::nullopt, 1}}));
  EXPECT_FALSE(store_.Put("t", "a", "lost", 1));
  std::map<std::string, std::string> now;
  for (bool more = true; more;) {
    const auto read = feed->Since(at);
    ASSERT_TRUE(read) << read.error().message;
    for (const Change& c : read->changes) {
      now[c.table + c.record.key] =
          c.gone ? "gone" : std::to_string(c.record.version) + c.record.body;
    }
    at = read->next;
    more = read->more;
  }
  EXPECT_EQ(
      now,
      (std::map<std::string, std::string>{
          {"ta", "23"}, {"tb", std::string("1\0x\xff", 4)}, {"uc", "12"}, {"tbefore", "gone"}}));
  EXPECT_TRUE(feed->Since(at)->changes.empty());
  EXPECT_FALSE(store_.Get("t", "before"));
  EXPECT_EQ(store_.Put("t", "before", "again", 0), 1);
  EXPECT_EQ(feed->Since(at)->changes.size(), 1U);
}

}  // namespace clary::meta
