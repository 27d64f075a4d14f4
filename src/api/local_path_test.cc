#include "api/local_path.h"

#include <gtest/gtest.h>

namespace clary::api {

TEST(PlaceLocalPath, AnywhereButWhereTheSystemIs) {
  const auto place = [](const std::string& path) {
    const auto at = PlaceLocalPath(path, "X.LocalPath");
    return at ? (at->outside ? "/ " : "ml ") + at->directory : at.error().message;
  };
  EXPECT_EQ(place("/opt/ml/checkpoints"), "ml checkpoints");
  EXPECT_EQ(place("/opt/ml//a/./b/"), "ml a/b");
  EXPECT_EQ(place("/opt/mlx"), "/ opt/mlx");
  EXPECT_EQ(place("/tmp/ck"), "/ tmp/ck");
  EXPECT_EQ(place("/root/a/../b"), "/ root/b");
  EXPECT_EQ(place("/data"), "/ data");
  for (const char* bad : {"", "relative", "./opt/ml/x"}) {
    EXPECT_EQ(place(bad),
              "X.LocalPath \"" + std::string(bad) + "\" is not the absolute path of a folder");
  }
  for (const char* bad : {"/", "/opt", "/opt/ml", "/opt/ml/", "/opt/ml/..", "/opt/ml/../../etc",
                          "/tmp", "/root", "/opt/ml/code", "/opt/ml/input/config/", "/usr/lib",
                          "/proc/x", "/dev/shm/x", "/etc/x", "/opt/clary/x", "/run", "//"}) {
    EXPECT_EQ(place(bad),
              "X.LocalPath \"" + std::string(bad) + "\" would hide what the program needs there");
  }
}

}  // namespace clary::api
