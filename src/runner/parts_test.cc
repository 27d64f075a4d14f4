// The runner's parts without a process: file placement, manifests, lines, trees, archives, layout.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "objects/file_store.h"
#include "objects/testing/memory_store.h"
#include "runner/artifacts.h"
#include "runner/channels.h"
#include "runner/internal/container.h"
#include "runner/internal/contract.h"
#include "runner/internal/pipes.h"
#include "runner/job_log.h"
#include "runner/tree.h"
#include "runner/unpack.h"

namespace clary::runner {
namespace fs = std::filesystem;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;

void WriteText(const fs::path& path, const std::string& text) {
  ASSERT_TRUE(MakeDirectories(path.parent_path()).has_value());
  const Fd fd = *OpenFile(path, O_WRONLY | O_CREAT | O_TRUNC);
  ASSERT_TRUE(WriteAll(fd.get(), text).has_value());
}

std::string ReadText(const fs::path& path) { return ReadFile(path, 1 << 20).value_or("!missing"); }

TEST(PlaceOf, DropsAPrefixThatIsAFolderOrWhatIsBeforeItsLastSlash) {
  EXPECT_EQ(*PlaceOf("d/train.csv", "d/train.csv"), "train.csv");
  EXPECT_EQ(*PlaceOf("d/train.csv.bak", "d/train.csv"), "train.csv.bak");
  EXPECT_EQ(*PlaceOf("d/a/b.csv", "d/"), "a/b.csv");
  EXPECT_EQ(*PlaceOf("in/code/train.py", "in/code"), "train.py");
  EXPECT_EQ(*PlaceOf("in/code/sub/x.py", "in/code"), "sub/x.py");
  EXPECT_EQ(*PlaceOf("d/train/x", "d/tr"), "train/x");
  EXPECT_EQ(*PlaceOf("x", ""), "x");
  EXPECT_EQ(*PlaceOf("d/a//b", "d/"), "a/b");
  EXPECT_EQ(*PlaceOf("d/sub/", "d/"), "sub/");
}

TEST(PlaceOf, RefusesWhatWouldLeaveTheChannel) {
  using std::string_literals::operator""s;
  for (const std::string& key : {"d/../x"s, "d/./x"s, "d/a/.."s, "d/"s, "d///"s, "d/"s + "a\0b"s,
                                 "d/"s + std::string(256, 'x')}) {
    const auto place = PlaceOf(key, "d/");
    ASSERT_FALSE(place.has_value()) << key;
    EXPECT_EQ(place.error().reason, "BadKey");
  }
}

TEST(Manifest, ParsesPrefixAndNames) {
  const auto m = ParseManifest(R"([{"prefix":"s3://bkt/p/"},"one","two/x"])");
  ASSERT_TRUE(m.has_value());
  EXPECT_EQ(m->bucket, "bkt");
  EXPECT_EQ(m->prefix, "p/");
  EXPECT_THAT(m->names, ElementsAre("one", "two/x"));
}

TEST(Manifest, NamesTheEntryThatIsWrong) {
  for (const char* text :
       {"", "{}", "[]", "[1]", R"(["x"])", R"([{"prefix":1}])", R"([{"prefix":"b/p"},"x"])",
        R"([{"prefix":"s3://bkt/p"}])", R"([{"prefix":"s3://bkt/p"},"x",7])", "\xff"}) {
    const auto m = ParseManifest(text);
    ASSERT_FALSE(m.has_value()) << text;
    EXPECT_EQ(m.error().reason, "BadManifest");
  }
  EXPECT_THAT(ParseManifest(R"([{"prefix":"s3://bkt/p"},"x",7])").error().message,
              HasSubstr("entry 3"));
}

TEST(CleanLine, StoresTabsAsTheLogAgentDoesAndRepairsUtf8) {
  EXPECT_EQ(CleanLine("[0]\ttrain-auc:1"), "[0]#011train-auc:1");
  EXPECT_EQ(CleanLine("grün €😀"), "grün €😀");
  EXPECT_EQ(CleanLine("a\xff"
                      "b"),
            "a\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(CleanLine("\xC0\xAF"), "\xEF\xBF\xBD\xEF\xBF\xBD");    // overlong
  EXPECT_EQ(CleanLine("\xED\xA0\x80").size(), 9U);                 // surrogate
  EXPECT_EQ(CleanLine("x\xE2\x82"), "x\xEF\xBF\xBD\xEF\xBF\xBD");  // cut short
}

TEST(LineSplitter, JoinsPiecesAndKeepsEmptyLines) {
  LineSplitter s;
  EXPECT_THAT(s.Feed("one\ntw"), ElementsAre("one"));
  EXPECT_THAT(s.Feed("o\r\n\nthree"), ElementsAre("two", ""));
  EXPECT_THAT(s.Finish(), ElementsAre("three"));
  EXPECT_TRUE(s.Finish().empty());
}

TEST(LineSplitter, CutsLongLinesBetweenCharacters) {
  LineSplitter s;
  std::string text(1, 'x');
  while (text.size() < 600'000) text += "€";
  std::string joined;
  size_t pieces = 0;
  std::vector<std::string> lines = s.Feed(text + "\n");
  for (const std::string& line : lines) {
    EXPECT_LE(line.size(), 256U << 10);
    EXPECT_EQ(line.find("\xEF\xBF\xBD"), std::string::npos);
    joined += line;
    ++pieces;
  }
  EXPECT_EQ(joined, text);
  EXPECT_EQ(pieces, 3U);
}

TEST(LineSplitter, SurvivesContinuationBytesWithoutEnd) {
  LineSplitter s;
  size_t lines = 0;
  for (int i = 0; i < 20; ++i) lines += s.Feed(std::string(100'000, '\x80')).size();
  EXPECT_EQ(lines, 7U);  // 2,000,000 bytes in pieces of about 256 KiB
}

class TreeTest : public testing::Test {
 protected:
  TempDir temp_ = *TempDir::Make();
  fs::path root_ = temp_.path() / "work";
};

TEST_F(TreeTest, NothingFollowsALink) {
  WriteText(temp_.path() / "secret/s.txt", "secret");
  WriteText(root_ / "model/m", "model");
  fs::create_symlink(temp_.path() / "secret", root_ / "model/dir");
  fs::create_symlink(temp_.path() / "secret/s.txt", root_ / "model/file");
  ::mkfifo((root_ / "model/pipe").c_str(), 0600);
  const auto listing = ListTree(root_, "model");
  ASSERT_TRUE(listing.has_value());
  ASSERT_EQ(listing->entries.size(), 1U);
  EXPECT_EQ(listing->entries[0].path, "m");
  EXPECT_THAT(listing->skipped, ElementsAre("dir", "file", "pipe"));
  EXPECT_EQ(OpenBeneath(root_, "model/dir/s.txt", O_RDONLY).error().reason, "SymbolicLink");
  EXPECT_EQ(OpenBeneath(root_, "model/file", O_RDONLY).error().reason, "SymbolicLink");
  EXPECT_EQ(OpenBeneath(root_, "../secret/s.txt", O_RDONLY).error().reason, "BadPath");
  // A whole directory of the contract replaced by a link.
  fs::remove_all(root_ / "model");
  fs::create_symlink(temp_.path() / "secret", root_ / "model");
  EXPECT_FALSE(ListTree(root_, "model").has_value());
}

TEST_F(TreeTest, AMissingDirectoryIsEmpty) {
  WriteText(root_ / "x", "");
  const auto listing = ListTree(root_, "nothing/here");
  ASSERT_TRUE(listing.has_value());
  EXPECT_TRUE(listing->entries.empty());
}

TEST_F(TreeTest, ArchivesAreTheSameBytesForTheSameFiles) {
  WriteText(root_ / "model/b", std::string(100'000, 'b'));
  WriteText(root_ / "model/a/deep.txt", "deep");
  WriteText(root_ / "output/failure", "why");
  const std::vector<PackSource> sources = {{.directory = "model"}, {.file = "output/failure"}};
  const auto first = Pack(root_, sources, temp_.path() / "1.tgz");
  ASSERT_TRUE(first.has_value()) << first.error().message;
  EXPECT_EQ(first->files, 3U);
  ASSERT_TRUE(Pack(root_, sources, temp_.path() / "2.tgz").has_value());
  EXPECT_EQ(ReadText(temp_.path() / "1.tgz"), ReadText(temp_.path() / "2.tgz"));
  const std::string out = (temp_.path() / "out").string();
  const std::string command =
      "mkdir " + out + " && tar xzf " + (temp_.path() / "1.tgz").string() + " -C " + out;
  ASSERT_EQ(std::system(command.c_str()), 0);
  EXPECT_EQ(ReadText(temp_.path() / "out/a/deep.txt"), "deep");
  EXPECT_EQ(ReadText(temp_.path() / "out/b").size(), 100'000U);
  EXPECT_EQ(ReadText(temp_.path() / "out/failure"), "why");
}

TEST_F(TreeTest, ArchivesHoldNamesOfAnyLanguage) {
  const std::vector<std::string> names = {"a\377b", "new\nline", "ü中/é", std::string(200, 'n')};
  for (const std::string& name : names) WriteText(root_ / "model" / name, name);
  const auto packed = Pack(root_, {{.directory = "model"}}, temp_.path() / "1.tgz");
  ASSERT_TRUE(packed.has_value()) << packed.error().message;
  const fs::path ours = temp_.path() / "ours";
  const fs::path tars = temp_.path() / "tars";
  ASSERT_TRUE(MakeDirectories(ours));
  ASSERT_TRUE(MakeDirectories(tars));
  ASSERT_TRUE(UnpackTar(*NewStringSource(ReadText(temp_.path() / "1.tgz")), ours));
  const std::string command =
      "tar xzf " + (temp_.path() / "1.tgz").string() + " -C " + tars.string() + " 2> /dev/null";
  ASSERT_EQ(std::system(command.c_str()), 0);
  for (const std::string& name : names) {
    EXPECT_EQ(ReadText(ours / name), name);
    EXPECT_EQ(ReadText(tars / name), name);
  }
}

TEST_F(TreeTest, AFullDiskFailsThePack) {
  WriteText(root_ / "model/b", "x");
  const auto packed = Pack(root_, {{.directory = "model"}}, "/dev/full");
  ASSERT_FALSE(packed.has_value());
  EXPECT_EQ(packed.error().reason, "DiskFull") << packed.error().message;
}

class ChannelTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(store_.CreateBucket("bkt", "r").has_value()); }
  void Put(const std::string& key, const std::string& text) {
    ASSERT_TRUE(store_.Put({"bkt", key}, *NewStringSource(text)).has_value());
  }
  Status Download(const api::ChannelSpec& channel, const DownloadOptions& options = {}) {
    EXPECT_TRUE(MakeDirectories(temp_.path() / channel.name).has_value());
    return DownloadInput({channel, "", "channel " + channel.name}, {}, store_,
                         temp_.path() / channel.name, options);
  }
  std::string Text(const std::string& path) { return ReadText(temp_.path() / path); }
  TempDir temp_ = *TempDir::Make();
  objects::MemoryStore store_;
};

TEST_F(ChannelTest, APrefixIsAStringNotAFolder) {
  Put("d/train.csv", "1");
  Put("d/train.csv.bak", "2");
  Put("d/other", "3");
  ASSERT_TRUE(Download({.name = "train", .s3_uri = "s3://bkt/d/train.csv"}).has_value());
  EXPECT_EQ(Text("train/train.csv"), "1");
  EXPECT_EQ(Text("train/train.csv.bak"), "2");
  EXPECT_FALSE(fs::exists(temp_.path() / "train/other"));
}

TEST_F(ChannelTest, FoldersAndTheirMarkers) {
  Put("d/", "");
  Put("d/sub/", "");
  Put("d/x/y", "1");
  ASSERT_TRUE(Download({.name = "train", .s3_uri = "s3://bkt/d/"}).has_value());
  EXPECT_TRUE(fs::is_directory(temp_.path() / "train/sub"));
  EXPECT_EQ(Text("train/x/y"), "1");
}

// As the SDK's version 3 names its folders of code.
TEST_F(ChannelTest, AFolderWithoutItsSlash) {
  Put("job/code/", "");
  Put("job/code/train.py", "1");
  Put("job/code/lib/x.py", "2");
  Put("job/code2/other", "3");
  ASSERT_TRUE(Download({.name = "code", .s3_uri = "s3://bkt/job/code"}).has_value());
  EXPECT_EQ(Text("code/train.py"), "1");
  EXPECT_EQ(Text("code/lib/x.py"), "2");
}

TEST_F(ChannelTest, MoreKeysThanAPageHolds) {
  for (int i = 0; i < 1200; ++i) Put("k/" + std::to_string(i), "x");
  ASSERT_TRUE(Download({.name = "train", .s3_uri = "s3://bkt/k/"}).has_value());
  EXPECT_EQ(std::distance(fs::directory_iterator(temp_.path() / "train"), {}), 1200);
}

TEST_F(ChannelTest, ManifestFiles) {
  Put("p/one", "1");
  Put("p/two/x", "2");
  Put("m.json", R"([{"prefix":"s3://bkt/p/"},"one","two/x"])");
  ASSERT_TRUE(
      Download({.name = "train", .s3_uri = "s3://bkt/m.json", .s3_data_type = "ManifestFile"})
          .has_value());
  EXPECT_EQ(Text("train/one"), "1");
  EXPECT_EQ(Text("train/two/x"), "2");
}

// What FastFile promises (ADR 15): nothing is copied before the program reads.
TEST_F(ChannelTest, FilesOfTheStoreAreLinkedNotCopied) {
  const auto store = *objects::FileStore::Open(temp_.path() / "objects");
  ASSERT_TRUE(store->CreateBucket("bkt", "r").has_value());
  ASSERT_TRUE(store->Put({"bkt", "d/big.csv"}, *NewStringSource("1,2\n")).has_value());
  const fs::path blob = *store->BlobPath({"bkt", "d/big.csv"});
  for (const char* mode : {"File", "FastFile"}) {
    for (const bool link : {true, false}) {
      const fs::path to = temp_.path() / "data" / (std::string(mode) + (link ? "1" : "0"));
      const api::ChannelSpec channel{.s3_uri = "s3://bkt/d/", .input_mode = mode};
      ASSERT_TRUE(DownloadInput({channel, "", ""}, {}, *store, to, {.link = link}).has_value());
      const fs::path file = to / "big.csv";
      EXPECT_EQ(fs::equivalent(file, blob), link) << mode;
      EXPECT_EQ(ReadText(file), "1,2\n");
    }
  }
}

TEST_F(ChannelTest, WhatIsDeclaredToBeGzipMustBe) {
  Put("z/a.gz", "\x1f\x8b\x08 and so on");
  for (const char* mode : {"File", "FastFile"}) {
    EXPECT_TRUE(Download({.name = std::string("good") + mode,
                          .s3_uri = "s3://bkt/z/",
                          .compression = "Gzip",
                          .input_mode = mode}));
  }
  for (const char* text : {"1,2\n", "", "\x1f"}) {
    Put("p/a.csv", text);
    const auto done = Download({.name = "c" + std::to_string(std::string_view(text).size()),
                                .s3_uri = "s3://bkt/p/",
                                .compression = "Gzip"});
    ASSERT_FALSE(done) << text;
    EXPECT_THAT(done.error().message,
                testing::HasSubstr("s3://bkt/p/a.csv: the object is not gzip data"));
  }
}

TEST_F(ChannelTest, FailuresSayWhichChannelAndWhy) {
  Put("a", "file");
  Put("in/a", "file");
  Put("in/a/b", "below the file");
  const auto message = [&](const api::ChannelSpec& c) {
    const Status done = Download(c);
    EXPECT_FALSE(done.has_value());
    return done ? "" : done.error().message;
  };
  EXPECT_THAT(message({.name = "t1", .s3_uri = "s3://bkt/in/"}),
              testing::AllOf(HasSubstr("Data download failed"), HasSubstr("t1"),
                             HasSubstr("both a file and a folder")));
  EXPECT_THAT(message({.name = "t2", .s3_uri = "s3://bkt/none"}), HasSubstr("no S3 objects found"));
  EXPECT_THAT(message({.name = "t3", .s3_uri = "s3://nobucket/x"}), HasSubstr("nobucket"));
  EXPECT_THAT(message({.name = "t5", .s3_uri = "s3://bkt/a", .s3_data_type = "ManifestFile"}),
              HasSubstr("manifest file"));
  EXPECT_THAT(message({.name = "t6", .s3_uri = "http://b/a"}), HasSubstr("s3://"));
}

// A channel's first epoch, read as a program reads it.
class PipeTest : public ChannelTest {
 protected:
  void SetUp() override {
    ChannelTest::SetUp();
    ::signal(SIGPIPE, SIG_IGN);
  }
  std::unique_ptr<Pipes> Open(api::ChannelSpec channel) {
    channel.name = "train";
    channel.input_mode = "Pipe";
    api::JobSpec spec;
    spec.channels = {channel};
    auto pipes = Pipes::Make(spec, store_, temp_.path());
    EXPECT_TRUE(pipes) << pipes.error().message;
    if (pipes) (*pipes)->Start();
    return pipes ? std::move(*pipes) : nullptr;
  }
  std::string Epoch(int n) {
    std::ifstream in(temp_.path() / ("train_" + std::to_string(n)), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static std::string Gzip(const std::string& text) {
    z_stream z = {};
    deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    std::string out(text.size() + 100, '\0');
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    z.avail_in = static_cast<uInt>(text.size());
    z.next_out = reinterpret_cast<Bytef*>(out.data());
    z.avail_out = static_cast<uInt>(out.size());
    deflate(&z, Z_FINISH);
    out.resize(z.total_out);
    deflateEnd(&z);
    return out;
  }
};

TEST_F(PipeTest, EveryEpochHasAllObjectsInOrder) {
  Put("p/b", "2\n");
  Put("p/a", "1\n");
  Put("p/folder/", "");
  const auto pipes = Open({.s3_uri = "s3://bkt/p/"});
  for (int epoch = 0; epoch < 3; ++epoch) EXPECT_EQ(Epoch(epoch), "1\n2\n");
}

TEST_F(PipeTest, AReaderMayCloseEarlyAndGoOn) {
  const std::string large(5 << 20, 'x');
  Put("p", large);
  const auto pipes = Open({.s3_uri = "s3://bkt/p"});
  {
    std::ifstream in(temp_.path() / "train_0", std::ios::binary);
    EXPECT_EQ(in.get(), 'x');
  }
  EXPECT_EQ(Epoch(1), large);
  EXPECT_TRUE(pipes->status());
  // One that stops reading but stays open does not hold up the end.
  std::ifstream idle(temp_.path() / "train_2", std::ios::binary);
  EXPECT_EQ(idle.get(), 'x');
  pipes->Stop();
}

TEST_F(PipeTest, GunzipsAndWrapsInRecords) {
  Put("p/1", Gzip("hello") + Gzip(" you"));
  Put("p/2", Gzip("abcd"));
  {
    const auto pipes = Open({.s3_uri = "s3://bkt/p/", .compression = "Gzip"});
    EXPECT_EQ(Epoch(0), "hello youabcd");
  }
  fs::remove(temp_.path() / "train_0");
  fs::remove(temp_.path() / "train_1");
  const auto pipes =
      Open({.s3_uri = "s3://bkt/p/", .compression = "Gzip", .record_wrapper = "RecordIO"});
  const std::string magic = "\x0a\x23\xd7\xce";
  EXPECT_EQ(Epoch(0), magic + std::string("\x09\0\0\0", 4) + "hello you" + std::string(3, '\0') +
                          magic + std::string("\x04\0\0\0", 4) + "abcd");
}

TEST_F(PipeTest, AnObjectThatCannotBeReadIsNoEnd) {
  Put("p", "not gzip");
  const auto pipes = Open({.s3_uri = "s3://bkt/p", .compression = "Gzip"});
  const Fd reader = *OpenFile(temp_.path() / "train_0", O_RDONLY);
  pollfd polls[] = {{pipes->failed_fd(), POLLIN, 0}, {reader.get(), POLLIN, 0}};
  ASSERT_GT(::poll(polls, 2, 20'000), 0);
  EXPECT_NE(polls[0].revents, 0);
  EXPECT_EQ(polls[1].revents, 0);
  pipes->Stop();
  EXPECT_THAT(pipes->status().error().message,
              HasSubstr("Data download failed: channel train: s3://bkt/p: the object is not gzip"));
  api::JobSpec spec;
  spec.channels = {{.name = "t", .s3_uri = "s3://bkt/none", .input_mode = "Pipe"}};
  EXPECT_THAT(Pipes::Make(spec, store_, temp_.path()).error().message,
              HasSubstr("Data download failed: channel t: no S3 objects found"));
}

TEST_F(ChannelTest, AStopEndsTheDownload) {
  Put("a", "file");
  const Status done =
      Download({.name = "train", .s3_uri = "s3://bkt/a"}, {.stopped = [] { return true; }});
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, Code::kCancelled);
}

TEST_F(ChannelTest, MirrorUploadsWhatChangedOnce) {
  const fs::path root = temp_.path();
  WriteText(root / "ck/old", "downloaded");
  Mirror mirror(root, "ck", "s3://bkt/ck", store_);
  ASSERT_TRUE(mirror.Seed().has_value());
  WriteText(root / "ck/new", "1");
  WriteText(root / "ck/part.sagemaker-ignore", "no");
  ASSERT_TRUE(mirror.Sync(true).has_value());
  EXPECT_TRUE(store_.Head({"bkt", "ck/new"}).has_value());
  EXPECT_FALSE(store_.Head({"bkt", "ck/old"}).has_value());
  EXPECT_FALSE(store_.Head({"bkt", "ck/part.sagemaker-ignore"}).has_value());
  ASSERT_TRUE(store_.Delete({"bkt", "ck/new"}).has_value());
  ASSERT_TRUE(mirror.Sync(true).has_value());
  EXPECT_FALSE(store_.Head({"bkt", "ck/new"}).has_value());  // unchanged: not put again
  WriteText(root / "ck/new", "22");
  ASSERT_TRUE(mirror.Sync(false).has_value());  // still warm
  EXPECT_FALSE(store_.Head({"bkt", "ck/new"}).has_value());
  ASSERT_TRUE(mirror.Sync(true).has_value());
  EXPECT_TRUE(store_.Head({"bkt", "ck/new"}).has_value());
}

TEST_F(ChannelTest, CheckpointsAreRemovedWhereTheProgramRemovesThem) {
  const fs::path root = temp_.path();
  for (const char* name : {"old", "a.tmp", "b.sagemaker-uploaded"}) {
    WriteText(root / "ck" / name, "x");
    ASSERT_TRUE(store_.Put({"bkt", "ck/" + std::string(name)}, *NewStringSource("x")).has_value());
  }
  Mirror checkpoints(root, "ck", "s3://bkt/ck", store_, true);
  Mirror output(root, "ck", "s3://bkt/out", store_);
  ASSERT_TRUE(checkpoints.Seed().has_value());
  WriteText(root / "ck/new.tmp", "whole");
  for (Mirror* mirror : {&checkpoints, &output}) ASSERT_TRUE(mirror->Sync(true).has_value());
  EXPECT_TRUE(store_.Head({"bkt", "ck/new.tmp"}).has_value());
  EXPECT_FALSE(store_.Head({"bkt", "out/new.tmp"}).has_value());
  fs::remove(root / "ck/old");
  for (Mirror* mirror : {&checkpoints, &output}) ASSERT_TRUE(mirror->Sync(false).has_value());
  EXPECT_FALSE(store_.Head({"bkt", "ck/old"}).has_value());
  EXPECT_TRUE(store_.Head({"bkt", "out/old"}).has_value());
  // Whoever loses the whole folder, or puts something else there, has not removed checkpoints.
  fs::remove_all(root / "ck");
  ASSERT_TRUE(checkpoints.Sync(true).has_value());
  fs::create_directory_symlink("/", root / "ck");
  (void)checkpoints.Sync(true);
  EXPECT_TRUE(store_.Head({"bkt", "ck/a.tmp"}).has_value());
}

// A listing may see an index file and not the event file that came just before it.
TEST_F(ChannelTest, MirrorKeepsAnIndexBackUntilItsEventsAreThere) {
  const fs::path root = temp_.path();
  const std::string index = "index/000000000/000000000005_worker_0.json";
  const std::string events = "events/000000000005/000000000005_worker_0.tfevents";
  const auto settled = [&](const std::string& path) {
    WriteText(root / "t" / path, "x");
    fs::last_write_time(root / "t" / path, fs::file_time_type::clock::now() - 5s);
  };
  Mirror mirror(root, "t", "s3://bkt/t", store_);
  settled(index);
  ASSERT_TRUE(mirror.Sync(false).has_value());
  EXPECT_FALSE(store_.Head({"bkt", "t/" + index}).has_value());
  settled(events);
  ASSERT_TRUE(mirror.Sync(false).has_value());
  EXPECT_TRUE(store_.Head({"bkt", "t/" + events}).has_value());
  EXPECT_TRUE(store_.Head({"bkt", "t/" + index}).has_value());
}

api::JobSpec SampleSpec() {
  api::JobSpec spec;
  spec.job_name = "job-1";
  spec.job_arn = "arn:aws:sagemaker:eu-west-1:1:training-job/job-1";
  spec.region = "eu-west-1";
  spec.instance_type = "ml.m5.xlarge";
  spec.hyperparameters = {{"num_round", "10"}};
  spec.environment = {{"MY", "own"}, {"PATH", "/mine"}, {"SAGEMAKER_BASE_DIR", "/evil"}};
  spec.channels = {{.name = "train", .s3_uri = "s3://bkt/t", .content_type = "csv"},
                   {.name = "validation", .s3_uri = "s3://bkt/v"}};
  spec.output_uri = "s3://bkt/out";
  return spec;
}

TEST_F(TreeTest, LayoutFollowsTheContainerContract) {
  auto spec = SampleSpec();
  spec.checkpoint_uri = "s3://bkt/ck/";
  spec.debug_hook_json = R"({"S3OutputPath":"s3://bkt/dbg/","CollectionConfigurations":[]})";
  ASSERT_TRUE(kTrainingContract.lay_out(spec, root_).has_value());
  const auto config = [&](const char* name) {
    return json::parse(ReadText(root_ / "input/config" / name));
  };
  EXPECT_EQ(config("hyperparameters.json"), json({{"num_round", "10"}}));
  EXPECT_EQ(config("inputdataconfig.json"),
            json::parse(R"({"train":{"ContentType":"csv","TrainingInputMode":"File",
              "S3DistributionType":"FullyReplicated","RecordWrapperType":"None"},
              "validation":{"TrainingInputMode":"File","S3DistributionType":"FullyReplicated",
              "RecordWrapperType":"None"}})"));
  EXPECT_EQ(config("resourceconfig.json")["current_host"], "algo-1");
  EXPECT_EQ(config("resourceconfig.json")["instance_groups"][0]["hosts"], json({"algo-1"}));
  EXPECT_EQ(config("checkpointconfig.json")["LocalPath"], "/opt/ml/checkpoints");
  EXPECT_EQ(config("debughookconfig.json")["LocalPath"], "/opt/ml/output/tensors");
  for (const char* dir : {"input/data/train", "model", "output/data", "output/metrics/sagemaker"}) {
    EXPECT_TRUE(fs::is_directory(root_ / dir)) << dir;
  }
  const auto mirrors = kTrainingContract.mirrors(spec);
  ASSERT_TRUE(mirrors.has_value());
  ASSERT_EQ(mirrors->size(), 2U);
  EXPECT_EQ((*mirrors)[0].uri, "s3://bkt/ck");
  EXPECT_EQ((*mirrors)[1].uri, "s3://bkt/dbg/job-1/debug-output");
  spec.checkpoint_path = "/my/checkpoints/";
  EXPECT_EQ(kTrainingContract.mirrors(spec)->front().directory, "my/checkpoints");
  EXPECT_TRUE(kTrainingContract.mirrors(spec)->front().outside);
  spec.checkpoint_path = "/etc";
  EXPECT_FALSE(kTrainingContract.mirrors(spec).has_value());
}

// SDK v3 makes a script's arguments of them in this order.
TEST_F(TreeTest, HyperparametersAreInTheOrderOfTheRequest) {
  auto spec = SampleSpec();
  spec.hyperparameters = {{"a", "1"}, {"b", "\"x\""}, {"c", "3"}};
  spec.hyperparameter_order = {"c", "a", "gone"};
  ASSERT_TRUE(kTrainingContract.lay_out(spec, root_).has_value());
  EXPECT_EQ(ReadText(root_ / "input/config/hyperparameters.json"),
            R"({"c":"3","a":"1","b":"\"x\""})");
}

TEST_F(TreeTest, TheReportsCollectionIsAddedForTheBuiltInAlgorithm) {
  auto spec = SampleSpec();
  spec.program = "xgboost";
  spec.debug_hook_json =
      R"({"S3OutputPath":"s3://bkt/d","CollectionConfigurations":[{"CollectionName":"metrics"}]})";
  const auto names = [&] {
    EXPECT_TRUE(kTrainingContract.lay_out(spec, root_).has_value());
    std::string out;
    const json config = json::parse(ReadText(root_ / "input/config/debughookconfig.json"));
    for (const json& c : config["CollectionConfigurations"]) {
      out += c["CollectionName"].get<std::string>() + " ";
    }
    return out;
  };
  EXPECT_EQ(names(), "metrics ");
  spec.report_tensors = true;
  EXPECT_EQ(names(), "metrics clary_report ");
  spec.program = "script";
  EXPECT_EQ(names(), "metrics ");
}

TEST_F(TreeTest, TheProfilerIsWhatTheRequestSays) {
  auto spec = SampleSpec();
  EXPECT_EQ(*Profiler(spec), std::nullopt);
  spec.profiler_json = R"({"S3OutputPath":"s3://bkt/p/","ProfilingIntervalInMilliseconds":200})";
  const auto profiler = *Profiler(spec);
  ASSERT_TRUE(profiler.has_value());
  EXPECT_EQ(profiler->uri, "s3://bkt/p/job-1/profiler-output");
  EXPECT_EQ(profiler->interval, 200ms);
  EXPECT_EQ(kTrainingContract.mirrors(spec)->size(), 1U);
  spec.profiler_json = R"({"S3OutputPath":"s3://bkt/p/","DisableProfiler":true})";
  EXPECT_EQ(*Profiler(spec), std::nullopt);
  EXPECT_TRUE(kTrainingContract.mirrors(spec)->empty());
  spec.profiler_json = "[]";
  EXPECT_FALSE(Profiler(spec).has_value());
}

TEST(Environment, HasTheContractAndTheRequestAndNoMore) {
  auto spec = SampleSpec();
  spec.environment["BAD"] = std::string("x\0LD_PRELOAD=y", 14);
  const auto env = Environment(spec, "/opt/ml", 3);
  EXPECT_THAT(env, testing::Contains("SM_CHANNEL_TRAIN=/opt/ml/input/data/train"));
  EXPECT_THAT(env, testing::Contains("SM_HP_NUM_ROUND=10"));
  EXPECT_THAT(env, testing::Contains("SM_NUM_CPUS=3"));
  EXPECT_THAT(env, testing::Contains("MY=own"));
  EXPECT_THAT(env, testing::Contains("PATH=/mine"));
  EXPECT_THAT(env, testing::Contains("SAGEMAKER_BASE_DIR=/opt/ml"));
  EXPECT_THAT(env, testing::Contains("SM_CHANNELS=[\"train\",\"validation\"]"));
  for (const std::string& e : env) EXPECT_EQ(e.find("LD_PRELOAD"), std::string::npos) << e;
}

}  // namespace clary::runner
