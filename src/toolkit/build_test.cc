#include "toolkit/build.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/file.h"

namespace clary::toolkit {
namespace {
namespace fs = std::filesystem;

TEST(NearestRelease, IsTheOneOfTheImageElseTheNextElseTheLastBefore) {
  const std::vector<std::string> some = {"1.1.3", "1.2.0", "1.2.1", "1.2.2", "1.10.0"};
  EXPECT_EQ(NearestRelease(some, "1.2.1"), "1.2.1");
  EXPECT_EQ(NearestRelease(some, "1.2.*"), "1.2.2");
  EXPECT_EQ(NearestRelease(some, "1.0.2"), "1.1.3");
  EXPECT_EQ(NearestRelease(some, "1.3.*"), "1.10.0");
  EXPECT_EQ(NearestRelease(some, "2.0"), "1.10.0");
  EXPECT_EQ(NearestRelease({"0.90"}, "0.9.*"), "0.90");
  EXPECT_EQ(NearestRelease({"1.0"}, "1.0.0"), "1.0");
  EXPECT_EQ(NearestRelease({}, "1.0"), "");
}

// A Python whose pip does what the case needs, as a shell script.
class BuildTest : public testing::Test {
 protected:
  // `pip` is the script's part for `python -I -m pip WORD...`; $4 is pip's command.
  BuildOptions Options(const std::string& pip) {
    const fs::path python = dir_->path() / "fake-python";
    // Asked for its version, it names itself; asked for a venv, it makes one out of itself.
    std::ofstream(python) << "#!/bin/sh\n"
                             "case \"$1 $2 $3\" in\n"
                             "'-I -c '*) echo 3.11; echo "
                          << python.string()
                          << ";;\n"
                             "'-m venv '*) mkdir -p $3/bin $3/lib/python3.11/site-packages; "
                             "cp $0 $3/bin/python;;\n"
                             "'-I -m pip') "
                          << pip << ";;\n*) exit 9;;\nesac\n";
    fs::permissions(python, fs::perms::owner_all);
    return {.state = dir_->path() / "state",
            .framework = "sklearn",
            .version = "1.0-1",
            .python = python,
            .now_ms = 17,
            .output = 2,
            .say = [this](const std::string& line) { said_ += line + "\n"; }};
  }
  fs::path built() const { return dir_->path() / "state/environments/sklearn-1.0-1"; }
  Result<TempDir> dir_ = TempDir::Make();
  std::string said_;
};

constexpr char kPip[] =
    "case $4 in\n"
    "download) echo 'ERROR: none (from versions: 1.1.3, 1.2.0rc1, 1.2.1)' >&2; exit 1;;\n"
    "freeze) echo numpy==1.26.4; echo scikit-learn==1.1.3;;\n"
    "install) echo \"$*\" > $(dirname $0)/../installed;;\n"
    "esac";

TEST_F(BuildTest, TheNearestReleaseWithAWheelIsInstalledAndSaid) {
  const auto options = Options(kPip);
  const auto got = BuildEnvironment(options);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->name(), "sklearn:1.0-1");
  EXPECT_EQ(got->notes,
            std::vector<std::string>(
                {"scikit-learn 1.0.2 has no wheel for Python 3.11; 1.1.3 is the nearest "
                 "release that has one"}));
  const auto installed = ReadFile(built() / "installed", 1000);
  EXPECT_NE(installed->find("--only-binary=:all: --no-input scikit-learn==1.1.3 numpy<2"),
            std::string::npos)
      << *installed;
  EXPECT_EQ(*ReadFile(built() / "requirements.lock", 1000), "numpy==1.26.4\nscikit-learn==1.1.3\n");
  const auto all = Environments::Load({.state = options.state});
  ASSERT_EQ(all->built().size(), 1u);
  EXPECT_EQ(all->built()[0].packages.size(), 2u);
  EXPECT_EQ(all->built()[0].created_ms, 17);
  EXPECT_EQ(BuildEnvironment(options).error().code, Code::kAlreadyExists);
}

TEST_F(BuildTest, ABuildThatFailsLeavesNothing) {
  for (const char* pip :
       {"exit 3",
        "case $4 in install) exit 3;; download) echo '(from versions: 1.0.2)'; exit 1;; "
        "esac"}) {
    const auto got = BuildEnvironment(Options(pip));
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().reason, "PipFailed");
    EXPECT_FALSE(fs::exists(built()));
  }
}

TEST_F(BuildTest, ABuildThatIsStoppedLeavesNothing) {
  std::stop_source stop;
  auto options = Options(
      "case $4 in download) echo '(from versions: 1.0.2)'; exit 1;; install) sleep 1000;; esac");
  options.stop = stop.get_token();
  options.say = [&stop](const std::string& line) {
    if (line.starts_with("pip install")) stop.request_stop();
  };
  const auto got = BuildEnvironment(options);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::kCancelled);
  EXPECT_FALSE(fs::exists(built()));
}

TEST_F(BuildTest, WhatAKilledBuildLeftIsRemovedButNotWhatIsBeingBuilt) {
  const fs::path state = dir_->path() / "state";
  const fs::path rest = state / "environments/xgboost-1.7-1";
  fs::create_directories(rest / "bin");
  {
    const auto lock = FileLock::Acquire(rest.string() + ".lock");
    ASSERT_TRUE(RemoveRests(state));
    EXPECT_TRUE(fs::exists(rest));
  }
  ASSERT_TRUE(RemoveRests(state));
  EXPECT_FALSE(fs::exists(rest));
}

TEST_F(BuildTest, WhatCannotBeBuiltIsRefusedBeforeAnythingIsDone) {
  auto options = Options("exit 1");
  for (const auto& [framework, version] : {std::pair{"sklaern", "1.2-1"},
                                           {"huggingface", "4.36.0"},
                                           {"sklearn", ""},
                                           {"sklearn", "../x"},
                                           {"sklearn", "latest"}}) {
    options.framework = framework;
    options.version = version;
    const auto got = BuildEnvironment(options);
    ASSERT_FALSE(got) << framework << version;
    EXPECT_EQ(got.error().reason, "Usage");
    EXPECT_FALSE(fs::exists(options.state));
  }
  options = Options("exit 1");
  options.python = "/no/such/python";
  EXPECT_EQ(BuildEnvironment(options).error().reason, "NoPython");
}

}  // namespace
}  // namespace clary::toolkit
