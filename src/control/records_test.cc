// Records of any kind: walks, plans, stamps, conflicts.
#include "control/internal/records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>

#include "control/internal/training_job.h"
#include "meta/testing/stores.h"

namespace clary::control {
namespace {

class RecordsTest : public testing::Test {
 protected:
  static Record Make(const Kind& kind, const std::string& key, int64_t created_ms,
                     const std::string& owner = "") {
    Record r;
    r.kind = &kind;
    r.name = r.key = key;
    r.arn = "arn:aws:sagemaker:us-east-1:123456789012:" + std::string(kind.segment) + "/" + key;
    r.owner = owner;
    r.request = "{}";
    r.created_ms = r.modified_ms = created_ms;
    return r;
  }
  Status Create(const Record& record) {
    Plan plan;
    plan.Create(record);
    return records.Apply(std::move(plan));
  }
  meta::MemoryStore store;
  Records records{store};
};

TEST_F(RecordsTest, AWalkSeesEachOnceInOrderAndHoldsNoLock) {
  constexpr int kMany = 1000;  // several chunks
  for (int i = 0; i < kMany; ++i) {
    ASSERT_TRUE(Create(Make(kExperiment, "e" + std::to_string(i), i / 3)));
  }
  for (const bool ascending : {true, false}) {
    std::vector<Records::TimeKey> seen;
    std::vector<std::string> keys;
    records.ByCreation(kExperiment, ascending, std::nullopt, [&](const SnapshotPtr& one) {
      // With a lock held this would wait for ever.
      EXPECT_TRUE(records.Find(kExperiment, one->record.key));
      EXPECT_TRUE(records.Update(one, one->record));
      seen.emplace_back(one->record.created_ms, one->record.key);
      return true;
    });
    records.ByKey(kExperiment, ascending, std::nullopt, [&](const SnapshotPtr& one) {
      keys.push_back(one->record.key);
      return true;
    });
    if (!ascending) {
      std::ranges::reverse(seen);
      std::ranges::reverse(keys);
    }
    EXPECT_EQ(seen.size(), size_t{kMany});
    EXPECT_TRUE(std::ranges::is_sorted(seen, std::less_equal<>()));
    EXPECT_EQ(keys.size(), size_t{kMany});
    EXPECT_TRUE(std::ranges::is_sorted(keys, std::less_equal<>()));
    int rest = 0;
    records.ByCreation(kExperiment, ascending, Records::TimeKey(100, "e300"), [&](const auto&) {
      ++rest;
      return true;
    });
    EXPECT_EQ(rest, ascending ? kMany - 301 : 300);
  }
}

TEST_F(RecordsTest, APlanIsDoneWholeOrNotAtAll) {
  ASSERT_TRUE(Create(Make(kExperiment, "e", 1)));
  const SnapshotPtr e = records.Find(kExperiment, "e");
  const std::string arn = e->record.arn;
  Plan plan;
  plan.Create(Make(kTrial, "t", 2, arn), {{"team", "one"}});
  plan.Update(e, e->record);
  ASSERT_TRUE(records.Apply(std::move(plan)));
  EXPECT_EQ(records.Children(arn).size(), 1u);
  EXPECT_EQ(records.Tags(records.Find(kTrial, "t")->record.arn).at("team"), "one");

  Plan stale;  // e has a newer version
  stale.Create(Make(kTrial, "u", 3, arn));
  stale.Remove(e);
  EXPECT_EQ(records.Apply(std::move(stale)).error().code, Code::kConflict);
  EXPECT_FALSE(records.Find(kTrial, "u"));
  EXPECT_TRUE(records.Find(kExperiment, "e"));
  EXPECT_EQ(Create(Make(kTrial, "t", 4)).error().code, Code::kAlreadyExists);

  Plan removal;
  removal.Remove(records.Find(kTrial, "t"));
  ASSERT_TRUE(records.Apply(std::move(removal)));
  EXPECT_TRUE(records.Children(arn).empty());
  Records later(store);
  ASSERT_TRUE(later.Load());
  EXPECT_TRUE(later.Find(kExperiment, "e"));
  EXPECT_FALSE(later.Find(kTrial, "t"));
}

TEST_F(RecordsTest, ATextIsMadeAgainWhenTheRecordOrAChildChanges) {
  ASSERT_TRUE(Create(Make(kExperiment, "e", 1)));
  const std::string arn = records.Find(kExperiment, "e")->record.arn;
  int made = 0;
  const auto text = [&] {
    records.Text(kExperiment, "e", [&](const Record&) { return std::to_string(++made); });
    return made;
  };
  EXPECT_EQ(text(), 1);
  EXPECT_EQ(text(), 1);
  const uint64_t stamp = records.Stamp(arn);
  ASSERT_TRUE(Create(Make(kTrial, "t", 2, arn)));
  EXPECT_GT(records.Stamp(arn), stamp);
  EXPECT_EQ(text(), 2);
  const SnapshotPtr t = records.Find(kTrial, "t");
  ASSERT_TRUE(records.Update(t, t->record));
  EXPECT_EQ(text(), 3);
  ASSERT_TRUE(Create(Make(kTrial, "other", 3)));
  EXPECT_EQ(text(), 3);
  EXPECT_EQ(records.Text(kExperiment, "none", [](const Record&) { return ""; }), nullptr);
}

TEST_F(RecordsTest, WhatIsShownIsNotWritten) {
  Record job = Make(kTrainingJob, "job", 1);
  job.status = "InProgress";
  job.facts = std::make_shared<TrainingFacts>();
  ASSERT_TRUE(Create(job));
  const SnapshotPtr first = records.Find(kTrainingJob, "job");
  Record next = first->record;
  next.failure_reason = "shown";
  ASSERT_TRUE(records.Show(first, next));
  const SnapshotPtr shown = records.Find(kTrainingJob, "job");
  EXPECT_EQ(shown->record.failure_reason, "shown");
  EXPECT_EQ(shown->version, first->version);
  EXPECT_EQ(records.Show(first, next).error().code, Code::kConflict);
  Records again(store);
  ASSERT_TRUE(again.Load());
  EXPECT_EQ(again.Find(kTrainingJob, "job")->record.failure_reason, "");
  // What is written next has it.
  ASSERT_TRUE(records.Update(shown, shown->record));
  EXPECT_EQ(records.Find(kTrainingJob, "job")->version, first->version + 1);
}

TEST_F(RecordsTest, ALateVersionOfARemovedRecordDoesNotBringItBack) {
  ASSERT_TRUE(Create(Make(kExperiment, "e", 1)));
  const SnapshotPtr old = records.Find(kExperiment, "e");
  Plan removal;
  removal.Remove(old);
  ASSERT_TRUE(records.Apply(std::move(removal)));
  EXPECT_EQ(records.Update(old, old->record).error().code, Code::kConflict);
  EXPECT_FALSE(records.Find(kExperiment, "e"));
  ASSERT_TRUE(Create(Make(kExperiment, "e", 9)));
  EXPECT_EQ(records.Find(kExperiment, "e")->record.created_ms, 9);
}

TEST_F(RecordsTest, ArnsLeadToKinds) {
  EXPECT_EQ(ParseArn("arn:aws:sagemaker:us-east-1:123456789012:training-job/a/b").kind,
            &kTrainingJob);
  EXPECT_EQ(ParseArn("arn:aws:sagemaker:us-east-1:123456789012:training-job/a/b").key, "a/b");
  for (const char* none : {"", "training-job/a", "arn:aws:sagemaker:us-east-1:1:coffee/a",
                           "arn:aws:sagemaker:us-east-1:1:training-job"}) {
    EXPECT_EQ(ParseArn(none).kind, nullptr) << none;
  }
}

}  // namespace
}  // namespace clary::control
