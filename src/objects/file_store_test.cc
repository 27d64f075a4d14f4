#include "objects/file_store.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <random>
#include <thread>

#include "base/file.h"
#include "base/sqlite.h"
#include "objects/rules.h"
#include "objects/testing/contract.h"
#include "objects/testing/memory_store.h"

namespace clary::objects {
namespace {

namespace fs = std::filesystem;

struct OwnedFileStore {
  TempDir dir;
  std::unique_ptr<FileStore> store;
};

std::shared_ptr<ObjectStore> MakeFileStore() {
  auto dir = TempDir::Make();
  EXPECT_TRUE(dir);
  auto store = FileStore::Open(dir->path() / "objects");
  EXPECT_TRUE(store) << store.error().message;
  auto owned = std::make_shared<OwnedFileStore>(*std::move(dir), *std::move(store));
  return {owned, owned->store.get()};
}

INSTANTIATE_TEST_SUITE_P(File, ObjectStoreContract, testing::Values(StoreMaker(MakeFileStore)));
INSTANTIATE_TEST_SUITE_P(Memory, ObjectStoreContract, testing::Values(StoreMaker([] {
                           return std::make_shared<MemoryStore>();
                         })));

class FileStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    dir_.emplace(*TempDir::Make());
    store_ = Reopen();
    ASSERT_TRUE(store_->CreateBucket("bucket", "us-east-1"));
  }
  std::unique_ptr<FileStore> Reopen(FileStore::Options options = {}) {
    auto store = FileStore::Open(dir_->path(), Clock::System(), std::move(options));
    EXPECT_TRUE(store) << store.error().message;
    return *std::move(store);
  }
  Status Put(const std::string& key, const std::string& bytes) {
    const auto put = store_->Put({"bucket", key}, *NewStringSource(bytes));
    if (!put) return std::unexpected(put.error());
    return {};
  }
  static std::string Read(FileStore& store, const std::string& key) {
    auto got = store.Get({"bucket", key});
    if (!got) return "!" + got.error().reason;
    auto bytes = ReadAll(*got->body, 1 << 28);
    return bytes ? *bytes : "!!" + bytes.error().reason;
  }
  size_t Files() const {
    size_t n = 0;
    for (const char* sub : {"tmp", "blobs"}) {
      for (const auto& e : fs::recursive_directory_iterator(dir_->path() / sub)) {
        n += e.is_regular_file() ? 1u : 0u;
      }
    }
    return n;
  }
  std::optional<TempDir> dir_;
  std::unique_ptr<FileStore> store_;
};

TEST_F(FileStoreTest, ABlobHoldsExactlyTheBytesUnderASafeName) {
  ASSERT_TRUE(Put("../../out/model.tar.gz", "bytes"));
  const auto path = store_->BlobPath({"bucket", "../../out/model.tar.gz"});
  ASSERT_TRUE(path);
  EXPECT_THAT(path->filename().string(), testing::EndsWith("-model.tar.gz"));
  EXPECT_EQ(*ReadFile(*path, 100), "bytes");
  EXPECT_EQ(path->lexically_relative(dir_->path()).begin()->string(), "blobs");
  struct stat st{};
  ASSERT_EQ(::stat(path->c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0222, 0u);
  auto got = store_->Get({"bucket", "../../out/model.tar.gz"});
  ASSERT_TRUE(got);
  ASSERT_TRUE(got->body->AsFile());
  EXPECT_EQ(got->body->AsFile()->length, 5u);
  EXPECT_EQ(Reason(store_->BlobPath({"bucket", "none"})), "NoSuchKey");
}

TEST_F(FileStoreTest, ReplacedAndDeletedObjectsLeaveNoFiles) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(Put("k", std::to_string(i)));
  EXPECT_EQ(Files(), 1u);
  ASSERT_TRUE(store_->Delete({"bucket", "k"}));
  EXPECT_EQ(Files(), 0u);
  const auto upload = store_->CreateUpload({"bucket", "k"}, {});
  ASSERT_TRUE(store_->UploadPart({"bucket", "k"}, upload->id, 1, *NewStringSource("part"), {}));
  EXPECT_EQ(Files(), 1u);
  ASSERT_TRUE(store_->DeleteBucket("bucket"));
  EXPECT_EQ(Files(), 0u);
}

// Every step of a put fails in turn: the old object or the new one is there, never a mix.
TEST_F(FileStoreTest, AFailureAtAnyStepLeavesTheOldObject) {
  ASSERT_TRUE(Put("k", "old"));
  const std::string big(600'000, 'n');  // several writes
  int n = 1;
  for (;; ++n) {
    ASSERT_LT(n, 50);
    int left = n;
    auto faulty = Reopen({.fault = [&](std::string_view step) -> Status {
      if (--left == 0) return Fail(Code::kResourceExhausted, "DiskFull", std::string(step));
      return {};
    }});
    const auto put = faulty->Put({"bucket", "k"}, *NewStringSource(big));
    if (put) break;
    EXPECT_EQ(put.error().reason, "DiskFull");
    EXPECT_EQ(Read(*store_, "k"), "old");
    EXPECT_EQ(Files(), 1u) << "step " << n << " " << put.error().message;
  }
  EXPECT_GE(n, 8);  // create, 3 writes, sync, rename, sync-directory, commit
  EXPECT_TRUE(Read(*store_, "k") == big);
}

TEST_F(FileStoreTest, AFailureAtAnyStepOfCompleteKeepsTheUpload) {
  const ObjectRef ref{"bucket", "k"};
  ASSERT_TRUE(Put("k", "old"));
  const auto upload = store_->CreateUpload(ref, {});
  ASSERT_TRUE(upload);
  const auto part = store_->UploadPart(ref, upload->id, 1, *NewStringSource("new"), {});
  ASSERT_TRUE(part);
  for (int n = 1;; ++n) {
    ASSERT_LT(n, 50);
    int left = n;
    auto faulty = Reopen({.fault = [&](std::string_view) -> Status {
      if (--left == 0) return Fail(Code::kResourceExhausted, "DiskFull", "full");
      return {};
    }});
    if (faulty->CompleteUpload(ref, upload->id, {{1, part->etag, {}}})) break;
    EXPECT_EQ(Read(*store_, "k"), "old");
  }
  EXPECT_EQ(Read(*store_, "k"), "new");
  EXPECT_EQ(Files(), 1u);
}

class BrokenSource final : public ByteSource {
 public:
  Result<size_t> Read(std::span<char> buffer) override {
    if (++reads_ > 3) return Fail(Code::kUnavailable, "Reset", "the client went away");
    std::ranges::fill(buffer, 'x');
    return buffer.size();
  }

 private:
  int reads_ = 0;
};

TEST_F(FileStoreTest, ABodyThatBreaksOffLeavesTheOldObject) {
  ASSERT_TRUE(Put("k", "old"));
  BrokenSource body;
  EXPECT_EQ(Reason(store_->Put({"bucket", "k"}, body)), "Reset");
  EXPECT_EQ(Read(*store_, "k"), "old");
  EXPECT_EQ(Files(), 1u);
}

TEST_F(FileStoreTest, GarbageGoesAndWhatIsInUseStays) {
  ASSERT_TRUE(Put("k", "kept"));
  const auto upload = store_->CreateUpload({"bucket", "u"}, {});
  ASSERT_TRUE(upload);
  ASSERT_TRUE(store_->UploadPart({"bucket", "u"}, upload->id, 1, *NewStringSource("part"), {}));
  ASSERT_TRUE(WriteFileAtomic(dir_->path() / "blobs/ab/orphan-x", "left by a crash"));
  // Another store collects at every step of a put, and must not take its file.
  size_t taken = 0;
  auto other = Reopen({.fault = [&](std::string_view step) -> Status {
    if (step == "commit") return {};  // holds the index
    const auto n = store_->CollectGarbage();
    if (n) taken += *n;
    return {};
  }});
  ASSERT_TRUE(other->Put({"bucket", "new"}, *NewStringSource("new")));
  EXPECT_EQ(taken, 1u);
  EXPECT_EQ(Files(), 3u);
  EXPECT_EQ(Read(*store_, "new"), "new");
  EXPECT_EQ(Read(*store_, "k"), "kept");
}

TEST_F(FileStoreTest, PartsOfAnEarlierBootAreReadAgain) {
  const ObjectRef ref{"bucket", "k"};
  const auto upload = store_->CreateUpload(ref, {});
  const auto part = store_->UploadPart(ref, upload->id, 1, *NewStringSource("whole part"), {});
  ASSERT_TRUE(part);
  auto db = sqlite::Database::Open(dir_->path() / "index.db");
  ASSERT_TRUE(db);
  ASSERT_TRUE(db->Execute("UPDATE parts SET boot='earlier'"));
  fs::path file;
  for (const auto& e : fs::recursive_directory_iterator(dir_->path() / "blobs")) {
    if (e.is_regular_file()) file = e.path();
  }
  ASSERT_EQ(::chmod(file.c_str(), 0644), 0);
  ASSERT_TRUE(WriteFileAtomic(file, std::string(10, '\0')));  // what a power cut leaves
  EXPECT_EQ(Reason(store_->CompleteUpload(ref, upload->id, {{1, part->etag, {}}})), "InvalidPart");
  ASSERT_TRUE(WriteFileAtomic(file, "whole part"));
  EXPECT_TRUE(store_->CompleteUpload(ref, upload->id, {{1, part->etag, {}}}));
  EXPECT_EQ(Read(*store_, "k"), "whole part");
}

TEST_F(FileStoreTest, RefusesADirectoryOfALaterRelease) {
  auto db = sqlite::Database::Open(dir_->path() / "index.db");
  ASSERT_TRUE(db);
  ASSERT_TRUE(db->Execute("PRAGMA user_version=99"));
  EXPECT_EQ(Reason(FileStore::Open(dir_->path())), "NewerSchema");
}

TEST_F(FileStoreTest, ADirectoryOfTheFirstSchemaOpensAndGoesOn) {
  ASSERT_TRUE(Put("kept", "bytes"));
  store_.reset();
  {
    // What the release before wrote: without settings and checksums of parts.
    auto db = sqlite::Database::Open(dir_->path() / "index.db");
    ASSERT_TRUE(db);
    ASSERT_TRUE(db->Execute("DROP TABLE part_sums"));
    ASSERT_TRUE(db->Execute("ALTER TABLE buckets DROP COLUMN settings"));
    ASSERT_TRUE(db->Execute("PRAGMA user_version=1"));
  }
  store_ = Reopen();
  EXPECT_EQ(Read(*store_, "kept"), "bytes");
  EXPECT_EQ(store_->GetSettings("bucket")->size(), 0u);
  ASSERT_TRUE(store_->SetSetting("bucket", "tagging", "a=b"));
  EXPECT_EQ(store_->GetSettings("bucket")->at("tagging"), "a=b");
  ASSERT_TRUE(Put("new", "more"));
  EXPECT_EQ(Read(*store_, "new"), "more");
}

TEST_F(FileStoreTest, SettingsOfBucketsAreKept) {
  EXPECT_EQ(Reason(store_->SetSetting("none", "a", "b")), "NoSuchBucket");
  ASSERT_TRUE(store_->SetSetting("bucket", "a&b", "c=d"));
  ASSERT_TRUE(store_->SetSetting("bucket", "x", "y"));
  ASSERT_TRUE(store_->SetSetting("bucket", "x", std::nullopt));
  store_ = Reopen();
  EXPECT_EQ(*store_->GetSettings("bucket"), (Settings{{"a&b", "c=d"}}));
}

TEST_F(FileStoreTest, ManyThreadsAndTwoStoresOnOneDirectory) {
  const auto other = Reopen();
  std::atomic<int> failed = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 6; ++t) {
      threads.emplace_back([&, t] {
        FileStore& mine = t % 2 == 0 ? *store_ : *other;
        for (int i = 0; i < 40; ++i) {
          const std::string key = "k" + std::to_string(i % 4);
          const std::string bytes(static_cast<size_t>(i * 100), static_cast<char>('a' + t));
          if (!mine.Put({"bucket", key}, *NewStringSource(bytes))) ++failed;
          const std::string got = Read(mine, key);
          if (got.starts_with('!')) ++failed;
          if (got.find_first_not_of(got.empty() ? 'a' : got[0]) != std::string::npos) ++failed;
        }
      });
    }
  }
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(Files(), 4u);
  EXPECT_EQ(store_->CollectGarbage().value_or(99), 0u);
}

// A writer is killed at random moments. What it was told is stored, is; every object is whole.
TEST_F(FileStoreTest, SurvivesKill) {
  std::mt19937 rng(7);
  std::string last = "none";
  for (int round = 0; round < 12; ++round) {
    int pipe_fds[2];
    ASSERT_EQ(::pipe(pipe_fds), 0);
    store_.reset();  // no SQLite connection may cross fork()
    const pid_t pid = ::fork();
    if (pid == 0) {
      auto store = FileStore::Open(dir_->path());
      if (!store) ::_exit(1);
      for (int i = 0;; ++i) {
        const std::string id = std::to_string(round) + "." + std::to_string(i) + ";";
        std::string bytes;
        while (bytes.size() < 300'000) bytes += id;
        if (!(*store)->Put({"bucket", "k"}, *NewStringSource(bytes))) ::_exit(1);
        if (::write(pipe_fds[1], id.data(), id.size()) < 0) ::_exit(1);
      }
    }
    ::close(pipe_fds[1]);
    std::string told;
    char buffer[4096];
    ssize_t n = ::read(pipe_fds[0], buffer, sizeof buffer);  // at least one put is done
    ASSERT_GT(n, 0);
    told.append(buffer, static_cast<size_t>(n));
    ::usleep(static_cast<useconds_t>(rng() % 30'000));
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    while ((n = ::read(pipe_fds[0], buffer, sizeof buffer)) > 0) {
      told.append(buffer, static_cast<size_t>(n));
    }
    ::close(pipe_fds[0]);

    store_ = Reopen();
    const std::string got = Read(*store_, "k");
    ASSERT_FALSE(got.starts_with('!')) << got;
    const std::string id = got.substr(0, got.find(';') + 1);
    std::string want;
    while (want.size() < 300'000) want += id;
    EXPECT_TRUE(got == want) << id;
    // The last one told, or the next that was committed but not told.
    told.pop_back();
    const size_t at = told.rfind(';');
    const std::string last_told = at == std::string::npos ? told : told.substr(at + 1);
    const int told_i = std::stoi(last_told.substr(last_told.find('.') + 1));
    const int got_i = std::stoi(id.substr(id.find('.') + 1));
    EXPECT_THAT(got_i, testing::AnyOf(told_i, told_i + 1));
    ASSERT_TRUE(store_->CollectGarbage());
    size_t blobs = 0;
    for (const auto& e : fs::recursive_directory_iterator(dir_->path() / "blobs")) {
      blobs += e.is_regular_file() ? 1u : 0u;
    }
    EXPECT_EQ(blobs, 1u);
  }
}

}  // namespace
}  // namespace clary::objects
