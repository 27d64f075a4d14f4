#include "server/identity.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/testing/manual_clock.h"
#include "meta/testing/stores.h"

namespace clary::server {
namespace {

class IdentityTest : public testing::Test {
 protected:
  std::unique_ptr<Identity> Open() {
    auto identity = Identity::Open(dir_.path(), records_, clock_);
    EXPECT_TRUE(identity) << identity.error().message;
    return *std::move(identity);
  }
  TempDir dir_ = *TempDir::Make();
  meta::MemoryStore records_;
  ManualClock clock_;
};

TEST_F(IdentityTest, FirstStartMakesAnAccountThatStays) {
  const Account first = Open()->account();
  EXPECT_EQ(first.id.size(), 12u);
  EXPECT_EQ(first.region, "us-east-1");
  EXPECT_TRUE(first.access_key_id.starts_with("AKIA"));
  EXPECT_EQ(first.access_key_id.size(), 20u);
  EXPECT_EQ(first.secret_access_key.size(), 40u);
  EXPECT_EQ(first.role_arn, "arn:aws:iam::" + first.id + ":role/ClaryExecutionRole");
  const Account again = Open()->account();
  EXPECT_EQ(again.id, first.id);
  EXPECT_EQ(again.secret_access_key, first.secret_access_key);
  struct stat st{};
  ASSERT_EQ(::stat((dir_.path() / "credentials.json").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0600u);
}

TEST_F(IdentityTest, DamagedCredentialsAreAnErrorNotANewIdentity) {
  ASSERT_TRUE(WriteFileAtomic(dir_.path() / "credentials.json", "{\"account_id\":"));
  const auto opened = Identity::Open(dir_.path(), records_, clock_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().reason, "BadCredentials");
}

TEST_F(IdentityTest, KeysSurviveARestartUntilDeleted) {
  auto identity = Open();
  const AccessKey key = *identity->CreateKey();
  identity = Open();
  ASSERT_TRUE(identity->Find(key.id));
  EXPECT_EQ(identity->Find(key.id)->secret, key.secret);
  ASSERT_EQ(identity->ListKeys().size(), 2u);
  EXPECT_EQ(identity->ListKeys()[0].id, identity->account().access_key_id);
  ASSERT_TRUE(identity->DeleteKey(key.id));
  EXPECT_FALSE(identity->Find(key.id));
  EXPECT_FALSE(Open()->Find(key.id));
  EXPECT_EQ(identity->DeleteKey(key.id).error().reason, "NoSuchEntity");
  EXPECT_EQ(identity->DeleteKey(identity->account().access_key_id).error().reason,
            "DeleteConflict");
}

TEST_F(IdentityTest, SessionsEndAndAreForgotten) {
  auto identity = Open();
  const AccessKey session = *identity->CreateSession("Role", "me", Duration(900'000));
  EXPECT_EQ(identity->CallerArn(session),
            "arn:aws:sts::" + identity->account().id + ":assumed-role/Role/me");
  EXPECT_TRUE(Open()->Find(session.id));
  EXPECT_EQ(identity->ListKeys().size(), 1u);
  EXPECT_EQ(identity->DeleteKey(session.id).error().reason, "NoSuchEntity");
  clock_.Advance(Duration(900'001));
  EXPECT_TRUE(identity->Find(session.id));  // so that the caller can be told that it has expired
  EXPECT_FALSE(Open()->Find(session.id));
  EXPECT_TRUE(records_.List("access_keys", "", SIZE_MAX)->empty());
}

TEST_F(IdentityTest, SessionsOfAJobEndWithIt) {
  auto identity = Open();
  const AccessKey job = *identity->CreateSession("Role", "SageMaker", Duration(900'000), "arn:job");
  const AccessKey other = *identity->CreateSession("Role", "me", Duration(900'000));
  ASSERT_TRUE(identity->EndJobSessions("arn:jo"));
  ASSERT_TRUE(identity->EndJobSessions(""));
  ASSERT_TRUE(identity->Find(job.id));
  identity = Open();  // a restart remembers whose it is
  ASSERT_TRUE(identity->EndJobSessions("arn:job"));
  EXPECT_FALSE(identity->Find(job.id));
  EXPECT_FALSE(Open()->Find(job.id));
  EXPECT_TRUE(identity->Find(other.id));
  EXPECT_TRUE(identity->EndJobSessions("arn:job"));
}

TEST(RoleNameOf, TakesTheLastPart) {
  EXPECT_EQ(RoleNameOf("arn:aws:iam::123456789012:role/service-role/X"), "X");
  EXPECT_EQ(RoleNameOf("arn:aws:iam::123456789012:user/X"), "");
}

}  // namespace
}  // namespace clary::server
