#include "runner/unpack.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "base/file.h"

namespace clary::runner {
namespace {

namespace fs = std::filesystem;

class UnpackTest : public testing::Test {
 protected:
  // What a shell in an empty folder makes as x.tar.gz, unpacked.
  Result<Unpacked> Unpack(const std::string& script, const UnpackLimits& limits = {}) {
    const std::string command =
        "cd " + temp_.path().string() + " && rm -rf in out && mkdir in out && cd in && " + script;
    EXPECT_EQ(std::system(command.c_str()), 0);
    const std::string bytes = *ReadFile(temp_.path() / "x.tar.gz", 1 << 24);
    return UnpackTar(*NewStringSource(bytes), temp_.path() / "out", limits);
  }
  std::string Text(const std::string& path) {
    return ReadFile(temp_.path() / "out" / path, 1 << 20).value_or("!");
  }
  TempDir temp_ = *TempDir::Make();
};

TEST_F(UnpackTest, MakesFilesAndFolders) {
  const auto unpacked = Unpack(
      "mkdir -p code/lib && echo model > xgboost-model && echo x > code/lib/a.py && tar czf "
      "../x.tar.gz .");
  ASSERT_TRUE(unpacked) << unpacked.error().message;
  EXPECT_EQ(unpacked->files, 2U);
  EXPECT_EQ(Text("xgboost-model"), "model\n");
  EXPECT_EQ(Text("code/lib/a.py"), "x\n");
  EXPECT_TRUE(Unpack("echo plain > f && tar cf ../x.tar.gz f"));
  EXPECT_EQ(Text("f"), "plain\n");
}

TEST_F(UnpackTest, NamesOfAnyLanguage) {
  for (const char* format : {"gnu", "pax", "ustar"}) {
    ASSERT_TRUE(
        Unpack("mkdir dé && echo 1 > dé/ü中 && printf 2 > $(printf 'a\\377') && tar czf "
               "../x.tar.gz --format " +
               std::string(format) + " ."));
    EXPECT_EQ(Text("dé/ü中"), "1\n") << format;
    EXPECT_EQ(Text("a\377"), "2") << format;
  }
}

TEST_F(UnpackTest, RefusesWhatLeavesTheFolder) {
  const auto reason = [&](const std::string& script) {
    const auto unpacked = Unpack(script);
    return unpacked ? std::string("unpacked") : unpacked.error().reason;
  };
  EXPECT_EQ(reason("ln -s /etc/passwd l && tar czf ../x.tar.gz l"), "BadArchive");
  EXPECT_EQ(reason("echo a > f && ln f g && tar czf ../x.tar.gz f g"), "BadArchive");
  EXPECT_EQ(reason("echo a > f && tar czPf ../x.tar.gz --transform 's,f,../evil,' f"),
            "BadArchive");
  EXPECT_EQ(reason("echo a > f && tar czPf ../x.tar.gz --transform 's,f,/tmp/evil,' f"),
            "BadArchive");
  EXPECT_EQ(reason("mkfifo p && tar czf ../x.tar.gz p"), "BadArchive");
  EXPECT_FALSE(fs::exists(temp_.path() / "evil"));
}

TEST_F(UnpackTest, RefusesWhatIsNoArchiveOrTooLarge) {
  EXPECT_EQ(Unpack("echo hello > ../x.tar.gz").error().reason, "BadArchive");
  EXPECT_EQ(Unpack("head -c 100000 /dev/urandom > f && tar czf - f | head -c 50000 > ../x.tar.gz")
                .error()
                .reason,
            "BadArchive");
  EXPECT_EQ(Unpack("head -c 100000 /dev/zero > f && tar czf ../x.tar.gz f", {.bytes = 99'999})
                .error()
                .reason,
            "TooLarge");
  EXPECT_EQ(Unpack("touch a b c && tar czf ../x.tar.gz a b c", {.members = 2}).error().reason,
            "TooLarge");
}

}  // namespace
}  // namespace clary::runner
