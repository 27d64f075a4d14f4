#include "data/internal/codecs.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace clary::data::internal {
namespace {

using namespace std::string_literals;

// What comes out, or "?" for an error.
std::string Out(Codec codec, std::string_view from, size_t size) {
  std::string to(size, '\0');
  return Decompress(codec, from, to.data(), size) ? to : "?";
}

// An LZ4 block of literals, and one of five literals and a copy of nine bytes five back.
const std::string kHello = "\x50hello"s;
const std::string kTwice = "\x55"s + "hello" + "\x05\x00"s + "\x50" + "there";
const std::string kTwiceText = "hellohellohellthere";

std::string Length(uint32_t n) {
  return {static_cast<char>(n >> 24), static_cast<char>(n >> 16), static_cast<char>(n >> 8),
          static_cast<char>(n)};
}

TEST(Codecs, Lz4Block) {
  EXPECT_EQ(Out(Codec::kLz4, kHello, 5), "hello");
  EXPECT_EQ(Out(Codec::kLz4, kTwice, kTwiceText.size()), kTwiceText);
  EXPECT_EQ(Out(Codec::kLz4, kHello, 6), "?");
  EXPECT_EQ(Out(Codec::kLz4, kHello, 4), "?");
  EXPECT_EQ(Out(Codec::kLz4, kHello.substr(0, 4), 5), "?");
  EXPECT_EQ(Out(Codec::kLz4, "\x05\x00\x00"s, 9), "?");  // a copy of what is not there
}

TEST(Codecs, Lz4InHadoopsFrames) {
  const std::string frame = Length(5) + Length(6) + kHello;
  EXPECT_EQ(Out(Codec::kLz4Hadoop, frame, 5), "hello");
  EXPECT_EQ(Out(Codec::kLz4Hadoop, frame + frame, 10), "hellohello");
  // One frame of two blocks.
  EXPECT_EQ(
      Out(Codec::kLz4Hadoop,
          Length(24) + Length(6) + kHello + Length(static_cast<uint32_t>(kTwice.size())) + kTwice,
          24),
      "hello" + kTwiceText);
  EXPECT_EQ(Out(Codec::kLz4Hadoop, kTwice, kTwiceText.size()), kTwiceText);  // a bare block
  for (const std::string& bad :
       {frame + "x", frame.substr(0, frame.size() - 1), Length(6) + Length(6) + kHello,
        Length(5) + Length(7) + kHello, Length(4) + Length(6) + kHello,
        Length(0xffffffff) + Length(6) + kHello, Length(5) + Length(0xffffffff) + kHello, Length(5),
        Length(0) + frame, ""s}) {
    EXPECT_EQ(Out(Codec::kLz4Hadoop, bad, 5), "?");
  }
}

TEST(Codecs, Brotli) {
  const std::string hello = "\x0b\x02\x80hello\x03"s;
  EXPECT_EQ(Out(Codec::kBrotli, hello, 5), "hello");
  EXPECT_EQ(Out(Codec::kBrotli, hello, 4), "?");
  EXPECT_EQ(Out(Codec::kBrotli, hello, 6), "?");
  EXPECT_EQ(Out(Codec::kBrotli, hello.substr(0, 7), 5), "?");
}

TEST(Codecs, NamesOfAllAndWhichAreKnown) {
  EXPECT_EQ(CodecName(3), "LZO");
  EXPECT_EQ(CodecName(7), "LZ4_RAW");
  EXPECT_EQ(CodecName(8), "unknown");
  EXPECT_EQ(CodecName(-1), "unknown");
  for (const int codec : {-1, 3, 8, 1 << 30}) EXPECT_FALSE(IsSupportedCodec(codec)) << codec;
  for (const int codec : {0, 1, 2, 4, 5, 6, 7}) EXPECT_TRUE(IsSupportedCodec(codec)) << codec;
}

TEST(Codecs, NoMemoryForWhatCannotBe) {
  EXPECT_TRUE(CanExpandTo(Codec::kNone, 7, 7));
  EXPECT_FALSE(CanExpandTo(Codec::kNone, 7, 8));
  EXPECT_TRUE(CanExpandTo(Codec::kLz4, 10, 2550));
  EXPECT_FALSE(CanExpandTo(Codec::kZstd, 10, 1U << 31));
  EXPECT_TRUE(CanExpandTo(Codec::kBrotli, 12, 1U << 24));
}

}  // namespace
}  // namespace clary::data::internal
