#include "toolkit/layers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace clary::toolkit {
namespace {

namespace fs = std::filesystem;

class LayersTest : public testing::Test {
 protected:
  // A folder of some KiB, ready to be moved in.
  fs::path Made(const std::string& name, size_t kib = 8) {
    const fs::path made = temp_.path() / ("made-" + name);
    EXPECT_TRUE(MakeDirectories(made / "lib").has_value());
    std::ofstream(made / "lib/module.py") << std::string(kib << 10, 'x');
    return made;
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> out;
    for (const auto& e : fs::directory_iterator(dir())) out.push_back(e.path().filename());
    std::ranges::sort(out);
    return out;
  }
  fs::path dir() const { return temp_.path() / "layers"; }

  TempDir temp_ = *TempDir::Make();
};

TEST_F(LayersTest, AreFoundAgain) {
  const LayerCache cache(dir());
  EXPECT_FALSE(cache.Find("a").has_value());
  ASSERT_TRUE(cache.Add("a", Made("a")).has_value());
  const auto found = LayerCache(dir()).Find("a");
  ASSERT_TRUE(found.has_value());
  EXPECT_TRUE(fs::exists(found->path / "lib/module.py"));
}

TEST_F(LayersTest, TheFirstOfTwoThatMadeTheSameIsTaken) {
  const LayerCache cache(dir());
  ASSERT_TRUE(cache.Add("a", Made("a")).has_value());
  const fs::path second = Made("second");
  const auto held = cache.Add("a", second);
  ASSERT_TRUE(held.has_value());
  EXPECT_EQ(held->path, dir() / "a");
  EXPECT_TRUE(fs::exists(second));
  EXPECT_EQ(cache.Add("b", temp_.path() / "none").error().code, Code::kNotFound);
}

TEST_F(LayersTest, TheOnesUsedLongestAgoMakeRoomButNotThoseInUse) {
  constexpr uint64_t kRoom = 300 << 10;
  const LayerCache cache(dir(), kRoom);
  for (const char* name : {"a", "b"}) ASSERT_TRUE(cache.Add(name, Made(name, 120)).has_value());
  const auto hour = [&](const char* name, int ago) {
    fs::last_write_time(dir() / name, fs::file_time_type::clock::now() - std::chrono::hours(ago));
  };
  hour("a", 2);
  hour("b", 1);
  const auto used = cache.Find("a");  // now the newest
  ASSERT_TRUE(used.has_value());
  ASSERT_TRUE(cache.Add("c", Made("c", 120)).has_value());
  EXPECT_THAT(Names(), testing::ElementsAre("a", "c"));
  // One in use stays, however old.
  hour("a", 9);
  ASSERT_TRUE(cache.Add("d", Made("d", 120)).has_value());
  EXPECT_THAT(Names(), testing::ElementsAre("a", "d"));
}

TEST_F(LayersTest, WhatAKilledProcessWasRemovingGoes) {
  const LayerCache cache(dir());
  ASSERT_TRUE(MakeDirectories(dir() / ".gone-x/lib").has_value());
  ASSERT_TRUE(cache.Add("a", Made("a")).has_value());
  EXPECT_THAT(Names(), testing::ElementsAre("a"));
}

}  // namespace
}  // namespace clary::toolkit
