// PostgresStore keeps the contract of MetadataStore, and what goes wrong between it and its server.
#include "meta/postgres_store.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "meta/testing/contract.h"
#include "meta/testing/postgres_server.h"

namespace clary::meta {
namespace {

// One server for this process; null: PostgreSQL is not installed.
PostgresServer* Server() {
  static const std::unique_ptr<PostgresServer> server = PostgresServer::Make();
  return server.get();
}

#define NEEDS_POSTGRES() \
  if (Server() == nullptr) GTEST_SKIP() << "PostgreSQL is not installed (Debian: postgresql)"

std::unique_ptr<PostgresStore> Open(PostgresStore::Options options) {
  auto store = PostgresStore::Open(std::move(options));
  EXPECT_TRUE(store) << store.error().message;
  return store ? *std::move(store) : nullptr;
}

INSTANTIATE_TEST_SUITE_P(Postgres, MetadataStoreContract,
                         testing::Values(StoreMaker([]() -> std::shared_ptr<MetadataStore> {
                           if (Server() == nullptr) return nullptr;
                           return Open({.url = Server()->NewDatabase("contract")});
                         })));

// Every transaction is serializable there, so that some lose against others and are made again.
INSTANTIATE_TEST_SUITE_P(
    PostgresSerializable, MetadataStoreContract,
    testing::Values(StoreMaker([]() -> std::shared_ptr<MetadataStore> {
      if (Server() == nullptr) return nullptr;
      const std::string url = Server()->NewDatabase("strict");
      Server()->Run("strict",
                    "ALTER DATABASE strict SET default_transaction_isolation = 'serializable'");
      return Open({.url = url});
    })));

// Every other call is cut after it was sent: whether the server did it or not, it is done once.
INSTANTIATE_TEST_SUITE_P(PostgresCut, MetadataStoreContract,
                         testing::Values(StoreMaker([]() -> std::shared_ptr<MetadataStore> {
                           if (Server() == nullptr) return nullptr;
                           auto calls = std::make_shared<std::atomic<int>>(0);
                           return Open({.url = Server()->NewDatabase("cut"),
                                        .cut = [calls] { return (*calls)++ % 2 == 0; }});
                         })));

TEST(PostgresStore, IsLookedAtWithoutAChange) {
  NEEDS_POSTGRES();
  const std::string url = Server()->NewDatabase("looked");
  const auto empty = LookAtPostgres(url);
  ASSERT_TRUE(empty) << empty.error().message;
  EXPECT_EQ(empty->schema, -1);
  EXPECT_TRUE(empty->may_create);
  EXPECT_TRUE(empty->local);
  EXPECT_FALSE(empty->read_only);
  EXPECT_FALSE(empty->version.empty());
  EXPECT_EQ(empty->database, "looked");
  EXPECT_GT(empty->connections_free, 0);
  EXPECT_LT(std::abs((empty->now - Clock::System().Now()).count()), 60'000);
  EXPECT_EQ(LookAtPostgres(url)->schema, -1);
  (void)Open({.url = url});
  EXPECT_EQ(LookAtPostgres(url)->schema, LookAtPostgres(url)->known_schema);
  Server()->Run("looked", "ALTER DATABASE looked SET synchronous_commit = off");
  EXPECT_FALSE(LookAtPostgres(url)->durable);
  Server()->Run("looked", "ALTER DATABASE looked SET default_transaction_read_only = on");
  EXPECT_TRUE(LookAtPostgres(url)->read_only);
  EXPECT_EQ(LookAtPostgres("postgres:///none?host=/nowhere").error().reason, "PostgresAway");
  EXPECT_EQ(LookAtPostgres("nonsense").error().reason, "BadUrl");
}

TEST(PostgresStore, TwoServicesSeeOneState) {
  NEEDS_POSTGRES();
  const std::string url = Server()->NewDatabase("two");
  std::unique_ptr<PostgresStore> a;
  std::unique_ptr<PostgresStore> b;
  {  // both make the schema at once
    std::jthread one([&] { a = Open({.url = url}); });
    std::jthread two([&] { b = Open({.url = url}); });
  }
  const int64_t at = *b->Newest();
  ASSERT_TRUE(a->Put("t", "k", "v", 0));
  EXPECT_EQ(b->Get("t", "k")->body, "v");
  EXPECT_EQ(b->Put("t", "k", "w", 0).error().code, Code::kAlreadyExists);
  EXPECT_EQ(b->Since(at)->changes.size(), 1U);
  const auto add = [](PostgresStore& store) {
    for (int i = 0; i < 50;) {
      const auto now = store.Get("t", "n");
      const auto put = store.Put("t", "n", now ? now->body + "x" : "x", now ? now->version : 0);
      if (put) ++i;
    }
  };
  {
    std::jthread one([&] { add(*a); });
    std::jthread two([&] { add(*b); });
  }
  EXPECT_EQ(a->Get("t", "n")->body.size(), 100U);
  EXPECT_EQ(a->Get("t", "n")->version, 100);
}

TEST(PostgresStore, AWaiterHearsOfAWrite) {
  NEEDS_POSTGRES();
  const std::string url = Server()->NewDatabase("waits");
  const auto writer = Open({.url = url});
  const auto waiter = Open({.url = url});
  waiter->Wait(std::chrono::minutes(1), {});  // begins to listen
  std::jthread later([&] { EXPECT_TRUE(writer->Put("t", "k", "v", 0)); });
  waiter->Wait(std::chrono::minutes(1), {});  // the test's time is over before it is
  std::stop_source stop;
  stop.request_stop();
  waiter->Wait(std::chrono::minutes(1), stop.get_token());
}

TEST(PostgresStore, AServerThatGoesAndComesIsMetAgain) {
  NEEDS_POSTGRES();
  const std::string url = Server()->NewDatabase("away");
  const auto store = Open({.url = url, .patience = std::chrono::milliseconds(50)});
  const auto patient = Open({.url = url, .patience = std::chrono::minutes(1)});
  ASSERT_TRUE(store->Put("t", "k", "one", 0));
  ASSERT_TRUE(patient->Get("t", "k"));
  Server()->Stop();
  const auto away = store->Put("t", "k", "two", 1);
  EXPECT_EQ(away.error().code, Code::kUnavailable);
  EXPECT_EQ(away.error().reason, "PostgresAway");
  EXPECT_EQ(store->Get("t", "k").error().code, Code::kUnavailable);
  EXPECT_EQ(PostgresStore::Open({.url = url}).error().code, Code::kUnavailable);
  {
    std::jthread waits([&] { EXPECT_EQ(patient->Put("t", "k", "two", 1), 2); });
    Server()->Start();
  }
  EXPECT_EQ(store->Put("t", "k", "three", 2), 3);
}

// What was overwritten before its answer came is answered as it was done.
TEST(PostgresStore, ALostAnswerIsToldAgain) {
  NEEDS_POSTGRES();
  const std::string url = Server()->NewDatabase("lost");
  const auto other = Open({.url = url});
  bool cut = false;
  const auto store = Open({.url = url, .cut = [&] {
                             if (!std::exchange(cut, false)) return false;
                             while (other->Get("t", "k")->version < 2) {
                             }
                             EXPECT_TRUE(other->Put("t", "k", "theirs", 2));
                             return true;
                           }});
  ASSERT_TRUE(store->Put("t", "k", "one", 0));
  cut = true;
  EXPECT_EQ(store->Put("t", "k", "mine", 1), 2);
  EXPECT_EQ(store->Get("t", "k")->body, "theirs");
}

TEST(PostgresStore, WhatWasPurgedIsNotFollowed) {
  NEEDS_POSTGRES();
  const auto store = Open({.url = Server()->NewDatabase("purge")});
  const int64_t old = *store->Newest();
  ASSERT_TRUE(store->Put("t", "k", "v", 0));
  ASSERT_TRUE(store->Apply({{"t", "k", std::nullopt, 1}}));
  ASSERT_TRUE(store->Purge(std::chrono::seconds(100)));
  EXPECT_EQ(store->Since(old)->changes.size(), 1U);
  ASSERT_TRUE(store->Purge(std::chrono::seconds(-100)));
  EXPECT_EQ(store->Since(old).error().reason, "Behind");
  EXPECT_TRUE(store->Since(*store->Newest()));
  EXPECT_EQ(store->Since(1000).error().reason, "Behind");
}

TEST(PostgresStore, SaysWhatIsWrongWithADatabase) {
  NEEDS_POSTGRES();
  EXPECT_EQ(PostgresStore::Open({.url = "postgres://%zz"}).error().reason, "BadUrl");
  EXPECT_EQ(PostgresStore::Open({.url = Server()->Url("nobody_made_it")}).error().reason,
            "PostgresRefused");
  const std::string url = Server()->NewDatabase("newer");
  Open({.url = url});
  Server()->Run("newer", "UPDATE clary.state SET schema = 99");
  EXPECT_EQ(PostgresStore::Open({.url = url}).error().reason, "NewerSchema");
}

}  // namespace
}  // namespace clary::meta
