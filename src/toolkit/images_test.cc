#include "toolkit/images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "base/file.h"
#include "toolkit/environments.h"

namespace clary::toolkit {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kId[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

// An engine that knows one image: what it has is the folder image/, packed.
class ImagesTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(image() / "usr/bin");
    fs::create_directories(image() / "dev");
    std::ofstream(image() / "usr/bin/train") << "#!/bin/sh\necho trains\n";
    std::ofstream(image() / "dev/null2") << "a device";
    Engine(R"(case "$1 $2" in
"image inspect")
  [ "$3" = my/image:1 ] || { echo "no such image" >&2; exit 1; }
  echo '[{"Id": "sha256:)" +
           std::string(kId) + R"(", "Config": {"Entrypoint": ["/entry", "a b"],
    "Cmd": ["serve"], "Env": ["PATH=/usr/bin", "A=b"], "WorkingDir": "/work", "User": "app:app"}}]';;
"create "*) echo c1;;
"export "*) tar -C "$here/image" -cf "$3" .;;
version*) ;;
rm*) echo "$2" >> "$here/removed";;
pull*) echo "cannot pull $2" >&2; exit 125;;
esac
)");
  }
  void Engine(const std::string& script) {
    std::ofstream(engine()) << "#!/bin/sh\nhere=" << temp_.path().string() << "\n" << script;
    ::chmod(engine().c_str(), 0755);
  }
  fs::path image() const { return temp_.path() / "image"; }
  fs::path engine() const { return temp_.path() / "engine"; }
  fs::path state() const { return temp_.path() / "state"; }
  Result<ContainerImage> Import(const std::string& name = "my/image:1") {
    return ImportImage({.state = state(),
                        .image = name,
                        .engine = engine().string(),
                        .now_ms = 7,
                        .output = 2,
                        .stop = {},
                        .say = [this](const std::string& line) { said_ += line + "\n"; }});
  }

  std::string said_;
  TempDir temp_ = *TempDir::Make();
};

TEST_F(ImagesTest, AreBroughtOnce) {
  const auto made = Import();
  ASSERT_TRUE(made.has_value()) << made.error().message;
  EXPECT_EQ(made->dir, state() / "images/0123456789abcdef");
  EXPECT_EQ(ReadFile(temp_.path() / "removed", 100).value_or(""), "c1\n");
  EXPECT_TRUE(fs::exists(made->root() / "usr/bin/train"));
  EXPECT_FALSE(fs::exists(made->root() / "dev/null2"));
  EXPECT_FALSE(fs::exists(made->dir / "root.tar"));
  const auto found = FindImage(state(), "0123456789abcdef");
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->name, "my/image:1");
  EXPECT_EQ(found->id, kId);
  EXPECT_THAT(found->entrypoint, ElementsAre("/entry", "a b"));
  EXPECT_THAT(found->command, ElementsAre("serve"));
  EXPECT_THAT(found->environment, ElementsAre("PATH=/usr/bin", "A=b"));
  EXPECT_EQ(found->directory, "/work");
  EXPECT_EQ(found->created_ms, 7);
  EXPECT_THAT(said_, HasSubstr("USER app:app is ignored"));
  // The engine is asked what it is, and nothing more.
  fs::remove_all(image());
  EXPECT_EQ(Import()->dir, made->dir);
}

TEST_F(ImagesTest, NoLinkOfTheImageIsWhereAJobsOwnIsShown) {
  fs::create_directories(temp_.path() / "host");
  fs::create_directory_symlink(temp_.path() / "host", image() / "etc");
  fs::create_symlink("/nowhere", image() / "tmp");
  fs::create_directories(image() / "opt");
  fs::create_directory_symlink("../usr", image() / "opt/ml");
  const auto made = Import();
  ASSERT_TRUE(made.has_value()) << made.error().message;
  for (const char* place : {"etc", "tmp", "opt/ml", "proc", "dev", "run/clary"}) {
    EXPECT_TRUE(fs::is_directory(fs::symlink_status(made->root() / place))) << place;
  }
  EXPECT_TRUE(fs::is_empty(temp_.path() / "host"));
  EXPECT_TRUE(fs::exists(made->root() / "usr/bin/train"));
}

TEST_F(ImagesTest, AnImportThatFailsLeavesNothing) {
  EXPECT_EQ(Import("none:1").error().reason, "EngineFailed");
  EXPECT_THAT(Import("none:1").error().message, HasSubstr("could not fetch the image 'none:1'"));
  EXPECT_EQ(Import("--rm").error().reason, "Usage");
  EXPECT_EQ(ImportImage({.state = state(), .image = "x", .engine = "/none"}).error().reason,
            "NoEngine");
  Engine("case $1 in image) echo '[{\"Id\": \"" + std::string(kId) +
         "\"}]';; create) echo c1;; export) echo partial > $3; exit 1;; esac\n");
  EXPECT_EQ(Import().error().reason, "EngineFailed");
  Engine("case $1 in image) echo '[{\"Id\": \"../../etc\"}]';; esac\n");
  EXPECT_EQ(Import().error().reason, "EngineFailed");
  Engine("echo 'no daemon'; exit 1\n");
  EXPECT_THAT(Import().error().message, HasSubstr("does not answer: no daemon"));
  for (const auto& left : fs::directory_iterator(state() / "images")) {
    EXPECT_EQ(left.path().extension(), ".lock") << left.path();
  }
  // What a killed one left.
  fs::create_directories(state() / "images/feedfeedfeedfeed/root/usr");
  EXPECT_EQ(FindImage(state(), "feedfeedfeedfeed").error().reason, "NoImage");
  ASSERT_TRUE(RemoveImageRests(state()).has_value());
  EXPECT_FALSE(fs::exists(state() / "images/feedfeedfeedfeed"));
}

TEST_F(ImagesTest, ARuleMapsRequestsToIt) {
  const auto made = Import();
  ASSERT_TRUE(made.has_value());
  auto all = *Environments::Load({.state = state()});
  for (const char* glob : {"image:*", "other:1"}) {
    ASSERT_TRUE(all.AddRule({.image = glob, .python = "", .container = "0123456789abcdef"}));
  }
  all = *Environments::Load({.state = state()});
  const auto found = all.Resolve({.image = "1.dkr/image:7"});
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->name, "image my/image:1");
  EXPECT_EQ(found->interpreter, "");
  EXPECT_EQ(found->image->root(), made->root());
  // Its files go with the last rule that names it.
  ASSERT_TRUE(all.Remove("image:*").has_value());
  EXPECT_TRUE(fs::exists(made->root()));
  ASSERT_TRUE(all.Remove("other:1").has_value());
  EXPECT_FALSE(fs::exists(made->dir));
  for (const char* bad :
       {R"({"image": "a", "container": "../x"})", R"({"image": "a", "container": 1})",
        R"({"image": "a", "container": "12", "python": "/p"})"}) {
    std::ofstream(state() / "environments.json") << R"({"version": 1, "rules": [)" << bad << "]}";
    EXPECT_EQ(Environments::Load({.state = state()}).error().reason, "BadEnvironments") << bad;
  }
}

}  // namespace
}  // namespace clary::toolkit
