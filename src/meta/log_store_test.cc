#include "meta/log_store.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <random>
#include <thread>

namespace clary::meta {
namespace {

constexpr char kGroup[] = "/aws/sagemaker/TrainingJobs";
constexpr char kStream[] = "job/algo-1-1";

class LogStoreTest : public testing::Test {
 protected:
  LogWriter Writer(const std::string& stream = kStream) {
    auto writer = LogWriter::Open(dir_.path(), kGroup, stream);
    EXPECT_TRUE(writer) << writer.error().message;
    return *std::move(writer);
  }
  LogPage Read(const LogStore::ReadOptions& options = {}, const std::string& stream = kStream) {
    auto page = store_.Read(kGroup, stream, options);
    EXPECT_TRUE(page) << page.error().message;
    return page ? *page : LogPage{};
  }
  static std::string Text(const LogPage& page) {
    std::string out;
    for (const auto& e : page.events) out += std::to_string(e.timestamp_ms) + e.message + "|";
    return out;
  }
  std::filesystem::path File() const {
    return dir_.path() / "%2Faws%2Fsagemaker%2FTrainingJobs" / "job" / "algo-1-1.log";
  }
  TempDir dir_ = *TempDir::Make();
  LogStore store_{dir_.path()};
};

TEST_F(LogStoreTest, ReadsWhatWasAppendedFromAnyPosition) {
  auto writer = Writer();
  ASSERT_TRUE(writer.Append({{1, "a"}, {2, "b"}}));
  const LogPage first = Read();
  EXPECT_EQ(Text(first), "1a|2b|");
  const LogPage none = Read({.position = first.next});
  EXPECT_TRUE(none.events.empty());
  EXPECT_EQ(none.next, first.next);  // a poller keeps its place
  ASSERT_TRUE(writer.Append({{3, "c"}}));
  EXPECT_EQ(Text(Read({.position = first.next})), "3c|");
}

TEST_F(LogStoreTest, PagesByCountAndByBytesWithoutLoss) {
  auto writer = Writer();
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(writer.Append({{i, std::string(static_cast<size_t>(i), 'x')}}));
  }
  for (const LogStore::ReadOptions limits :
       {LogStore::ReadOptions{.max_events = 7}, LogStore::ReadOptions{.max_bytes = 50}}) {
    auto options = limits;
    int64_t expected = 0;
    for (;;) {
      const LogPage page = Read(options);
      if (page.events.empty()) break;
      for (const auto& e : page.events) EXPECT_EQ(e.timestamp_ms, expected++);
      options.position = page.next;
    }
    EXPECT_EQ(expected, 100);
  }
}

TEST_F(LogStoreTest, PagesBackwardToTheBeginning) {
  auto writer = Writer();
  for (int i = 0; i < 25; ++i) ASSERT_TRUE(writer.Append({{i, "m"}}));
  LogStore::ReadOptions options{.position = UINT64_MAX, .backward = true, .max_events = 10};
  const LogPage last = Read(options);
  ASSERT_EQ(last.events.size(), 10u);
  EXPECT_EQ(last.events.front().timestamp_ms, 15);
  EXPECT_EQ(last.events.back().timestamp_ms, 24);
  options.position = last.previous;
  const LogPage before = Read(options);
  EXPECT_EQ(before.events.back().timestamp_ms, 14);
  EXPECT_EQ(before.next, last.previous);
  options.position = before.previous;
  const LogPage first = Read(options);
  EXPECT_EQ(first.events.size(), 5u);
  options.position = first.previous;
  EXPECT_EQ(options.position, 0u);
  EXPECT_TRUE(Read(options).events.empty());
}

TEST_F(LogStoreTest, TimeWindowIsFoundWithAnyMixOfLineLengths) {
  auto writer = Writer();
  std::mt19937 random(7);
  std::vector<int64_t> times;
  int64_t now = 1'000;
  for (int i = 0; i < 400; ++i) {
    now += random() % 3;  // several events share a millisecond
    times.push_back(now);
    ASSERT_TRUE(writer.Append({{now, std::string(random() % (i % 50 == 0 ? 9000 : 60), 'y')}}));
  }
  for (int64_t start = 995; start < now + 5; start += 3) {
    for (const int64_t length : {int64_t{1}, int64_t{20}, int64_t{100'000}}) {
      const LogPage page = Read({.start_ms = start, .end_ms = start + length});
      const auto expected =
          std::ranges::count_if(times, [&](int64_t t) { return t >= start && t < start + length; });
      ASSERT_EQ(static_cast<int64_t>(page.events.size()), expected) << start << "+" << length;
    }
  }
}

TEST_F(LogStoreTest, ATornLastRecordIsInvisibleAndCutOff) {
  {
    ASSERT_TRUE(Writer().Append({{5, "whole"}}));
  }
  {
    std::ofstream(File(), std::ios::app) << "6 torn";
  }
  EXPECT_EQ(Text(Read()), "5whole|");
  ASSERT_TRUE(Writer().Append({{4, "next"}}));
  EXPECT_EQ(Text(Read()), "5whole|5next|");  // time never goes back, also across writers
}

TEST_F(LogStoreTest, BytesThatAreNoRecordAreSkipped) {
  {
    ASSERT_TRUE(Writer().Append({{5, "a"}}));
  }
  {
    std::ofstream out(File(), std::ios::app);
    out << std::string(3000, '\0') << "\n\nno number\n-3 negative\n";
  }
  ASSERT_TRUE(Writer().Append({{9, "b"}}));
  EXPECT_EQ(Text(Read()), "5a|9b|");
  EXPECT_EQ(Text(Read({.start_ms = 6})), "9b|");
}

TEST_F(LogStoreTest, TabsAndLineEndsAreStoredAsTextAndLongLinesAreSplit) {
  auto writer = Writer();
  std::string longline;
  while (longline.size() < 600'000) longline += "\xC3\xA9-";  // cuts fall inside characters
  ASSERT_TRUE(writer.Append({{1, "[0]\ttrain-auc:0.5\nx"}, {2, longline}}));
  const LogPage page = Read({.max_bytes = 10'000'000});
  ASSERT_EQ(page.events.size(), 4u);
  EXPECT_EQ(page.events[0].message, "[0]#011train-auc:0.5#012x");
  std::string joined;
  for (size_t i = 1; i < 4; ++i) {
    EXPECT_LE(page.events[i].message.size(), 256u * 1024);
    EXPECT_NE(static_cast<unsigned char>(page.events[i].message[0]) & 0xC0, 0x80);
    joined += page.events[i].message;
  }
  EXPECT_EQ(joined, longline);
}

TEST_F(LogStoreTest, StreamsAreFoundByPrefixAndDescribed) {
  EXPECT_EQ(store_.Streams(kGroup, "").error().reason, "NoSuchGroup");
  ASSERT_TRUE(Writer("job/algo-1-1").Append({{3, "a"}, {9, std::string(5000, 'b')}}));
  ASSERT_TRUE(Writer("job/algo-2-1").Append({{4, "a"}}));
  ASSERT_TRUE(Writer("job2/algo-1-1").Append({{5, "a"}}));
  {
    Writer("alone");
  }
  EXPECT_EQ(store_.Streams(kGroup, "")->size(), 4u);
  EXPECT_EQ(store_.Streams(kGroup, "jo")->size(), 3u);
  EXPECT_EQ(store_.Streams(kGroup, "none/")->size(), 0u);
  const auto streams = store_.Streams(kGroup, "job/");
  ASSERT_EQ(streams->size(), 2u);
  EXPECT_EQ((*streams)[0].name, "job/algo-1-1");
  EXPECT_EQ((*streams)[0].first_event_ms, 3);
  EXPECT_EQ((*streams)[0].last_event_ms, 9);
  EXPECT_EQ(*store_.Groups("/aws"), std::vector<std::string>{kGroup});
}

TEST_F(LogStoreTest, NamesNeverLeaveTheRoot) {
  for (const std::string stream : {"../../x", "..", ".", "a/../../b", "a/.."}) {
    ASSERT_TRUE(Writer(stream).Append({{1, stream}}));
    EXPECT_EQ(Text(Read({}, stream)), "1" + stream + "|");
  }
  EXPECT_EQ(store_.Streams(kGroup, "")->size(), 5u);
  ASSERT_TRUE(LogWriter::Open(dir_.path(), "..", "s"));
  EXPECT_FALSE(std::filesystem::exists(dir_.path().parent_path() / "%"));
  EXPECT_EQ(LogWriter::Open(dir_.path(), kGroup, "").error().reason, "BadName");
  EXPECT_EQ(LogWriter::Open(dir_.path(), kGroup, std::string(300, 'x')).error().reason, "BadName");
}

TEST_F(LogStoreTest, ErrorsNameWhatIsMissing) {
  EXPECT_EQ(store_.Read(kGroup, "no/stream", {}).error().reason, "NoSuchStream");
  ASSERT_TRUE(Writer().Append({{1, "a"}}));
  EXPECT_EQ(store_.Read(kGroup, kStream, {.position = 999}).error().reason, "BadPosition");
}

TEST_F(LogStoreTest, AReaderBesideAWriterSeesEveryRecordOnceAndWhole) {
  constexpr int kCount = 3000;
  auto writer = Writer();
  std::jthread thread([&] {
    for (int i = 0; i < kCount; ++i) {
      ASSERT_TRUE(writer.Append({{i, std::string(static_cast<size_t>(i % 97), 'z') + "."}}));
    }
  });
  uint64_t position = 0;
  int seen = 0;
  while (seen < kCount) {
    const LogPage page = Read({.position = position});
    for (const auto& e : page.events) {
      ASSERT_EQ(e.timestamp_ms, seen);
      ASSERT_EQ(e.message.size(), static_cast<size_t>(seen % 97) + 1);
      ++seen;
    }
    position = page.next;
  }
}

// What users put keeps its bytes and its place in time.
TEST_F(LogStoreTest, PutKeepsEveryByteAndSortsByTime) {
  EXPECT_FALSE(store_.HasGroup("own"));
  ASSERT_TRUE(store_.CreateGroup("own"));
  EXPECT_TRUE(store_.HasGroup("own"));
  EXPECT_EQ(store_.Put("own", "s", {{1, "a"}}).error().reason, "NoSuchStream");
  ASSERT_TRUE(store_.CreateStream("own", "s"));
  EXPECT_TRUE(store_.HasStream("own", "s"));
  ASSERT_TRUE(store_.Put("own", "s", {{10, "tab\there"}, {20, "two\nlines\\n"}, {30, "+x"}}));
  ASSERT_TRUE(store_.Put("own", "s", {{5, "first"}, {20, "after\n"}, {25, ""}, {40, "last"}}));
  const auto page = store_.Read("own", "s", {});
  ASSERT_TRUE(page);
  EXPECT_EQ(Text(*page), "5first|10tab\there|20two\nlines\\n|20after\n|25|30+x|40last|");
  EXPECT_EQ(Text(*store_.Read("own", "s", {.start_ms = 20, .end_ms = 26})),
            "20two\nlines\\n|20after\n|25|");

  // A record that a crash has torn goes before the next one comes.
  {
    std::ofstream file(dir_.path() / "own" / "%" / "s.log", std::ios::app);
    file << "50 torn";
  }
  ASSERT_TRUE(store_.Put("own", "s", {{60, "whole"}}));
  EXPECT_EQ(Text(*store_.Read("own", "s", {.start_ms = 40})), "40last|60whole|");

  ASSERT_TRUE(store_.Trim("own", "s", 40));
  EXPECT_EQ(Text(*store_.Read("own", "s", {})), "40last|60whole|");
  ASSERT_TRUE(store_.Trim("own", "s", 100));
  EXPECT_EQ(Text(*store_.Read("own", "s", {})), "");

  ASSERT_TRUE(store_.RemoveStream("own", "s"));
  EXPECT_FALSE(store_.HasStream("own", "s"));
  ASSERT_TRUE(store_.RemoveGroup("own"));
  EXPECT_FALSE(store_.HasGroup("own"));
  EXPECT_EQ(store_.CreateGroup(std::string(300, 'x')).error().reason, "BadName");
}

// Merging is the same as sorting, whatever comes when.
TEST_F(LogStoreTest, PutsInAnyOrderReadAsSorted) {
  ASSERT_TRUE(store_.CreateGroup("g"));
  ASSERT_TRUE(store_.CreateStream("g", "a/b"));
  std::mt19937 random(7);
  std::vector<LogEventRecord> all;
  for (int batch = 0; batch < 60; ++batch) {
    std::vector<LogEventRecord> events;
    for (int64_t ms = static_cast<int64_t>(random() % 500), i = 0; i < 5; ++i) {
      events.push_back({ms, std::to_string(all.size()) + "\n" + std::string(random() % 90, 'x')});
      all.push_back(events.back());
      ms += static_cast<int64_t>(random() % 20);
    }
    ASSERT_TRUE(store_.Put("g", "a/b", events));
  }
  std::ranges::stable_sort(all, {}, &LogEventRecord::timestamp_ms);
  const auto page = store_.Read("g", "a/b", {});
  ASSERT_TRUE(page);
  EXPECT_EQ(Text(*page), Text(LogPage{.events = all}));
}

}  // namespace
}  // namespace clary::meta
