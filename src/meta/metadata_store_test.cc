// The contract of MetadataStore, held by every implementation.
#include "meta/metadata_store.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

#include "base/file.h"
#include "meta/sqlite_store.h"
#include "meta/testing/stores.h"

namespace clary::meta {
namespace {

struct Made {
  std::shared_ptr<TempDir> dir;
  std::shared_ptr<MetadataStore> inner;
  std::unique_ptr<MetadataStore> store;
};

Made MakeMemory() { return {nullptr, nullptr, std::make_unique<MemoryStore>()}; }
Made MakeSqlite() {
  auto dir = std::make_shared<TempDir>(*TempDir::Make());
  auto store = SqliteStore::Open(dir->path() / "meta.db");
  EXPECT_TRUE(store) << store.error().message;
  return {dir, nullptr, *std::move(store)};
}
Made MakeFaulty() {
  auto inner = std::make_shared<MemoryStore>();
  return {nullptr, inner, std::make_unique<FaultyStore>(*inner)};
}

struct Param {
  const char* name;
  Made (*make)();
};

class MetadataStoreContract : public testing::TestWithParam<Param> {
 protected:
  Made made_ = GetParam().make();
  MetadataStore& store_ = *made_.store;
};

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

INSTANTIATE_TEST_SUITE_P(Stores, MetadataStoreContract,
                         testing::Values(Param{"memory", MakeMemory}, Param{"sqlite", MakeSqlite},
                                         Param{"faulty", MakeFaulty}),
                         [](const testing::TestParamInfo<Param>& p) {
                           return std::string(p.param.name);
                         });

TEST(SqliteStore, KeepsRecordsAcrossOpenings) {
  auto dir = TempDir::Make();
  ASSERT_TRUE(dir);
  ASSERT_TRUE((*SqliteStore::Open(dir->path() / "m.db"))->Put("t", "k", "v", 0));
  EXPECT_EQ((*SqliteStore::Open(dir->path() / "m.db"))->Get("t", "k")->body, "v");
}

TEST(SqliteStore, RefusesAFileOfALaterRelease) {
  auto dir = TempDir::Make();
  ASSERT_TRUE(dir);
  {
    auto db = sqlite::Database::Open(dir->path() / "m.db");
    ASSERT_TRUE(db && db->Execute("PRAGMA user_version=99"));
  }
  EXPECT_EQ(SqliteStore::Open(dir->path() / "m.db").error().reason, "NewerSchema");
}

TEST(SqliteStore, SaysThatAFileIsNoDatabase) {
  auto dir = TempDir::Make();
  ASSERT_TRUE(dir);
  ASSERT_TRUE(WriteFileAtomic(dir->path() / "m.db", std::string(4096, 'x')));
  EXPECT_EQ(SqliteStore::Open(dir->path() / "m.db").error().code, Code::kDataLoss);
}

TEST(FaultyStore, FailsTheCallThatWasNamed) {
  MemoryStore inner;
  FaultyStore store(inner);
  store.FailAt(2);
  EXPECT_TRUE(store.Put("t", "a", "", 0));
  EXPECT_EQ(store.Put("t", "b", "", 0).error().reason, "Injected");
  EXPECT_TRUE(store.fired());
  EXPECT_TRUE(store.Put("t", "b", "", 0));
}

}  // namespace
}  // namespace clary::meta
