#include "meta/lease.h"

#include <gtest/gtest.h>

#include "base/testing/manual_clock.h"
#include "meta/follower.h"
#include "meta/testing/stores.h"

namespace clary::meta {
namespace {

using std::chrono::milliseconds;

class LeaseTest : public testing::Test {
 protected:
  void Pass(milliseconds time) {
    for (; time > milliseconds(0); time -= Lease::kLook) {
      clock_.Advance(Lease::kLook);
      if (a_looks_) (void)a_.Look();
      if (b_looks_) (void)b_.Look();
      EXPECT_FALSE(a_.Held() && b_.Held());
    }
  }
  ManualClock clock_;
  MemoryStore store_;
  FaultyStore faulty_{store_};
  Lease a_{faulty_, clock_, {.body = "a"}};
  Lease b_{faulty_, clock_, {.body = "b"}};
  bool a_looks_ = true;
  bool b_looks_ = true;
};

TEST_F(LeaseTest, OneLeadsAndAnotherTakesOverFromOneThatIsSilent) {
  Pass(milliseconds(10'000));
  EXPECT_TRUE(a_.Held());
  EXPECT_FALSE(b_.Held());
  EXPECT_EQ(store_.Get(kLeases, "reconciler")->body, "a");
  a_looks_ = false;  // it is paused, or gone
  Pass(milliseconds(2'500));
  EXPECT_FALSE(a_.Held());
  EXPECT_FALSE(b_.Held());
  Pass(milliseconds(1'500));
  EXPECT_TRUE(b_.Held());
  EXPECT_GT(b_.term(), a_.term());
  // It wakes up: what it writes is refused, and it knows at its next look.
  {
    Fence fence(kLeases, a_.name(), a_.term());
    EXPECT_EQ(store_.Put("t", "k", "late", 0).error().reason, "Fenced");
  }
  a_looks_ = true;
  Pass(milliseconds(10'000));
  EXPECT_TRUE(b_.Held());
  EXPECT_FALSE(a_.Held());
}

// Only how long something takes is measured, by each with its own clock.
TEST_F(LeaseTest, ClocksAMinuteApartChangeNothing) {
  for (const int64_t ahead : {60'000, -60'000}) {
    MemoryStore store;
    ManualClock here;
    ManualClock there(here.Now() + Duration(ahead));
    Lease a(store, here, {.body = "a"});
    Lease b(store, there, {.body = "b"});
    const auto pass = [&](int looks, bool a_looks) {
      for (int i = 0; i < looks; ++i) {
        here.Advance(Lease::kLook);
        there.Advance(Lease::kLook);
        if (a_looks) (void)a.Look();
        (void)b.Look();
        EXPECT_FALSE(a.Held() && b.Held());
      }
    };
    pass(40, true);
    EXPECT_TRUE(a.Held());
    pass(4, false);
    EXPECT_FALSE(b.Held());
    pass(4, false);
    EXPECT_TRUE(b.Held());
    pass(40, true);
    EXPECT_TRUE(b.Held());
    EXPECT_FALSE(a.Held());
  }
}

TEST_F(LeaseTest, OneThatEndsLetsAnotherInAtOnce) {
  Pass(milliseconds(1'000));
  ASSERT_TRUE(a_.Release());
  EXPECT_FALSE(a_.Held());
  a_looks_ = false;
  Pass(Lease::kLook);
  EXPECT_TRUE(b_.Held());
  EXPECT_TRUE(a_.Release());  // again is fine
}

TEST_F(LeaseTest, AStoreThatIsAwayChangesNoLeader) {
  Pass(milliseconds(5'000));
  ASSERT_TRUE(a_.Held());
  const int64_t term = a_.term();
  for (int i = 0; i < 20; ++i) {
    faulty_.FailAt(1);
    clock_.Advance(Lease::kLook);
    EXPECT_FALSE(a_.Look());
    faulty_.FailAt(1);
    EXPECT_FALSE(b_.Look());
  }
  EXPECT_FALSE(a_.Held());  // it may not act on what it cannot prove
  EXPECT_TRUE(b_.Look());   // the first that finds it back
  EXPECT_FALSE(b_.Held());
  Pass(Lease::kLook);
  EXPECT_TRUE(a_.Held());
  EXPECT_EQ(a_.term(), term);
}

TEST(Follower, HandsOutWhatWasWrittenSinceItWasMade) {
  MemoryStore store;
  ASSERT_TRUE(store.Put("t", "old", "x", 0));
  const auto follower = *Follower::Make(store);
  std::string seen;
  bool away = true;
  follower->Subscribe("t", [&](const Change& c) {
    if (away) return Status(Fail(Code::kUnavailable, "Away", "not now"));
    seen += c.record.key + (c.gone ? "-" : "=" + c.record.body) + " ";
    return Status();
  });
  ASSERT_TRUE(store.Put("t", "a", "1", 0));
  ASSERT_TRUE(store.Put("u", "b", "2", 0));
  ASSERT_TRUE(store.Apply({{"t", "old", std::nullopt, 1}}));
  EXPECT_FALSE(follower->CatchUp());
  away = false;
  ASSERT_TRUE(follower->CatchUp());
  EXPECT_EQ(seen, "a=1 old- ");
  EXPECT_EQ(follower->taken(), 2U);
  ASSERT_TRUE(follower->CatchUp());
  EXPECT_EQ(follower->taken(), 2U);
}

}  // namespace
}  // namespace clary::meta
