// Two services on one state: any answers, one reconciles (ADR 43).
#include <gtest/gtest.h>

#include "control/testing/world.h"
#include "meta/follower.h"
#include "meta/lease.h"

namespace clary::control {
namespace {

// A second service of a World's state, or the first one: with a lease and a follower of its own.
class Member {
 public:
  explicit Member(World& world) : world_(world), lease_(world.faulty, world.clock, {}) {
    follower_ = *meta::Follower::Make(world.records);
    auto started = Service::Start({.records = world.faulty,
                                   .objects = world.objects,
                                   .executor = world.executor,
                                   .logs = world.logs,
                                   .clock = world.clock,
                                   .lease = &lease_,
                                   .follower = follower_.get()},
                                  world.options);
    EXPECT_TRUE(started) << started.error().message;
    service_ = *std::move(started);
  }
  ~Member() { service_.reset(); }

  Result<json> Call(const std::string& operation, const json& input) {
    auto text = service_->Call(operation, input.dump());
    if (!text) return std::unexpected(text.error());
    return json::parse(*text);
  }
  std::string StatusOf(const std::string& name) {
    const auto d = Call("DescribeTrainingJob", {{"TrainingJobName", name}});
    return d ? d->value("TrainingJobStatus", "") : d.error().reason;
  }
  // One pass of what its threads do.
  void Turn() {
    (void)lease_.Look();
    (void)follower_->CatchUp();
    service_->Reconcile();
  }
  bool leads() const { return lease_.Held(); }
  Service& service() { return *service_; }
  meta::Lease& lease() { return lease_; }
  void CatchUp() { ASSERT_TRUE(follower_->CatchUp()); }

 private:
  World& world_;
  meta::Lease lease_;
  std::unique_ptr<meta::Follower> follower_;
  std::unique_ptr<Service> service_;
};

class SharedState : public testing::Test {
 protected:
  void SetUp() override { world_.service.reset(); }
  World world_;
  Member a_{world_};
  Member b_{world_};

  // A job's whole good run, moved on by `leader`.
  void RunToEnd(Member& leader, const std::string& name) {
    leader.Turn();
    world_.Phase(name, "Downloading");
    leader.Turn();
    world_.Phase(name, "Training");
    world_.Phase(name, "Uploading");
    leader.Turn();
    world_.Artifact(name);
    world_.End(name, 0);
    world_.executor.Exit(world_.Key(name), 0);
    leader.Turn();
    leader.Turn();
  }
};

TEST_F(SharedState, AnyAnswersAndOneReconciles) {
  a_.Turn();
  b_.Turn();
  ASSERT_TRUE(a_.leads());
  ASSERT_FALSE(b_.leads());
  ASSERT_TRUE(b_.Call("CreateTrainingJob", World::Request("job")));
  // At once, although nobody has told it: what is not known is looked for.
  EXPECT_EQ(a_.StatusOf("job"), "InProgress");
  EXPECT_EQ(a_.Call("CreateTrainingJob", World::Request("job")).error().reason, "ResourceInUse");
  b_.Turn();
  EXPECT_TRUE(world_.executor.launches().empty());
  RunToEnd(a_, "job");
  b_.CatchUp();
  EXPECT_EQ(b_.StatusOf("job"), "Completed");
  EXPECT_EQ(world_.executor.launches().size(), 1U);
  // A name that one has deleted is free for the other.
  ASSERT_TRUE(b_.Call("DeleteTrainingJob", {{"TrainingJobName", "job"}}));
  a_.Turn();
  a_.Turn();
  b_.CatchUp();
  EXPECT_EQ(b_.StatusOf("job"), "ValidationException");
  ASSERT_TRUE(b_.Call("CreateTrainingJob", World::Request("job")));
  a_.CatchUp();
  EXPECT_EQ(a_.StatusOf("job"), "InProgress");
}

TEST_F(SharedState, TagsOfBothAreKept) {
  const auto made = a_.Call("CreateTrainingJob", World::Request("job"));
  ASSERT_TRUE(made);
  const std::string arn = (*made)["TrainingJobArn"];
  for (Member* member : {&a_, &b_}) {
    ASSERT_TRUE(member->Call(
        "AddTags",
        {{"ResourceArn", arn}, {"Tags", {{{"Key", member == &a_ ? "a" : "b"}, {"Value", "1"}}}}}));
  }
  a_.CatchUp();
  EXPECT_EQ((*a_.Call("ListTags", {{"ResourceArn", arn}}))["Tags"].size(), 2U);
  EXPECT_EQ((*b_.Call("ListTags", {{"ResourceArn", arn}}))["Tags"].size(), 2U);
}

// The leader pauses in each phase of a job; another takes over, and the first one, when it wakes
// up, changes nothing and launches nothing.
TEST_F(SharedState, ALeaderThatPausesInAnyPhaseDoesNoHarm) {
  Member* leader = &a_;
  Member* other = &b_;
  leader->Turn();
  for (int passes = 0; passes < 6; ++passes) {
    SCOPED_TRACE(passes);
    const std::string name = "job-" + std::to_string(passes);
    ASSERT_TRUE(other->Call("CreateTrainingJob", World::Request(name)));
    for (int i = 0; i < passes; ++i) leader->Turn();
    ASSERT_TRUE(leader->leads());
    for (int i = 0; i < 8; ++i) {  // silence
      world_.clock.Advance(meta::Lease::kLook);
      (void)other->lease().Look();
    }
    ASSERT_TRUE(other->leads());
    ASSERT_FALSE(leader->leads());
    leader->service().Reconcile();  // it has not looked yet
    RunToEnd(*other, name);
    leader->Turn();
    leader->service().Reconcile();
    EXPECT_FALSE(leader->leads());
    EXPECT_EQ(other->StatusOf(name), "Completed");
    leader->CatchUp();
    EXPECT_EQ(leader->StatusOf(name), "Completed");
    EXPECT_EQ(world_.executor.launches().size(), static_cast<size_t>(passes) + 1);
    std::swap(leader, other);
  }
}

// One that believes that it leads, because its clock stood still, writes under its old term.
TEST_F(SharedState, ALateWriteIsRefused) {
  a_.Turn();
  ASSERT_TRUE(a_.Call("CreateTrainingJob", World::Request("job")));
  ASSERT_TRUE(a_.leads());
  // The term changes, and no time passes for the one that has led.
  ASSERT_TRUE(world_.records.Put(meta::kLeases, "reconciler", "{}", std::nullopt));
  ASSERT_TRUE(a_.leads());
  a_.service().Reconcile();
  a_.service().Reconcile();
  EXPECT_TRUE(world_.executor.launches().empty());
  EXPECT_EQ((*a_.Call("DescribeTrainingJob", {{"TrainingJobName", "job"}}))["SecondaryStatus"],
            "Starting");
}

// The store fails at each call in turn, on either side; nothing is lost or launched twice.
TEST_F(SharedState, EveryFailureOfTheStoreHeals) {
  a_.Turn();
  for (int n = 1; n <= 12; ++n) {
    SCOPED_TRACE(n);
    const std::string name = "job-" + std::to_string(n);
    world_.faulty.FailAt(n);
    while (!b_.Call("CreateTrainingJob", World::Request(name))) {
      if (b_.StatusOf(name) == "InProgress") break;
    }
    for (int i = 0; i < 4; ++i) a_.Turn();
    world_.faulty.FailAt(0);
    RunToEnd(a_, name);
    b_.CatchUp();
    EXPECT_EQ(b_.StatusOf(name), "Completed");
    EXPECT_EQ(world_.executor.launches().size(), static_cast<size_t>(n));
  }
}

}  // namespace
}  // namespace clary::control
