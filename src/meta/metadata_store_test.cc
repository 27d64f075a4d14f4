// The stores of one process keep the contract of MetadataStore; what SQLite does besides.
#include "meta/metadata_store.h"

#include <gtest/gtest.h>

#include <memory>

#include "base/file.h"
#include "meta/sqlite_store.h"
#include "meta/testing/contract.h"
#include "meta/testing/stores.h"

namespace clary::meta {
namespace {

// A store and what it needs, as one pointer.
std::shared_ptr<MetadataStore> MakeSqlite() {
  struct Made {
    TempDir dir = *TempDir::Make();
    std::unique_ptr<SqliteStore> store;
  };
  auto made = std::make_shared<Made>();
  auto store = SqliteStore::Open(made->dir.path() / "meta.db");
  EXPECT_TRUE(store) << store.error().message;
  made->store = *std::move(store);
  return {made, made->store.get()};
}
std::shared_ptr<MetadataStore> MakeFaulty() {
  struct Made {
    MemoryStore inner;
    FaultyStore store{inner};
  };
  auto made = std::make_shared<Made>();
  return {made, &made->store};
}

INSTANTIATE_TEST_SUITE_P(Memory, MetadataStoreContract, testing::Values(StoreMaker([] {
                           return std::make_shared<MemoryStore>();
                         })));
INSTANTIATE_TEST_SUITE_P(Sqlite, MetadataStoreContract, testing::Values(StoreMaker(MakeSqlite)));
INSTANTIATE_TEST_SUITE_P(Faulty, MetadataStoreContract, testing::Values(StoreMaker(MakeFaulty)));

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
