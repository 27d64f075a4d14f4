// Many models of a container: both ends, over a real socket and store.
#include "serving/internal/model_library.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <thread>

#include "base/file.h"
#include "clary/gbdt.h"
#include "net/client.h"
#include "objects/file_store.h"
#include "runner/artifacts.h"
#include "serving/internal/model_cache.h"

namespace clary::serving {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class ModelLibraryTest : public testing::Test {
 protected:
  void SetUp() override {
    store_ = *objects::FileStore::Open(home() / "objects");
    ASSERT_TRUE(store_->CreateBucket("bkt", "us-east-1"));
    ASSERT_TRUE(MakeDirectories(home() / "models"));
    Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    std::strncpy(address.sun_path, socket().c_str(), sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(listener.get(), 16), 0);
    auto started = ModelLibrary::Start(*store_, {.prefix_uri = "s3://bkt/m",
                                                 .directory = home() / "models",
                                                 .inside = home() / "models",
                                                 .listener = std::move(listener)});
    ASSERT_TRUE(started) << started.error().message;
    library_ = *std::move(started);
  }
  fs::path home() const { return temp_.path(); }
  fs::path socket() const { return home() / "l.sock"; }

  // A model that answers `value`, as m/<name>.
  void PutModel(const std::string& name, float value) {
    const auto params = gbdt::TrainParams::FromMap(
        {{"objective", "reg:squarederror"}, {"base_score", std::to_string(value)}});
    const auto data = gbdt::Dataset::FromDense({1, 2}, 2, 1, {.label = {value, value}});
    PutArchive(name, gbdt::Train(*params, *data)->ToUbjson());
  }
  void PutArchive(const std::string& name, const std::string& bytes) {
    ASSERT_TRUE(MakeDirectories(home() / "pack"));
    ASSERT_TRUE(WriteFileAtomic(home() / "pack/xgboost-model", bytes));
    ASSERT_TRUE(runner::Pack(home(), {{.directory = "pack"}}, home() / "m.tgz"));
    ASSERT_TRUE(runner::UploadFile(home() / "m.tgz", {"bkt", "m/" + name}, *store_).has_value());
  }
  std::unique_ptr<ModelCache> Cache(uint64_t memory = 1 << 20, bool keep = true) {
    return *ModelCache::Make({.socket = socket(),
                              .memory_bytes = memory,
                              .keep = keep,
                              .say = [this](const std::string& line) {
                                const std::lock_guard lock(mu_);
                                said_.push_back(line.substr(0, line.find(':')));
                              }});
  }
  static std::string Ask(ModelCache& cache, const std::string& name) {
    const auto model = cache.Find(name);
    return model ? (*model)->Invoke("text/csv", "text/csv", "1").body : model.error().message;
  }

  TempDir temp_ = *TempDir::Make();
  std::unique_ptr<objects::FileStore> store_;
  std::unique_ptr<ModelLibrary> library_;
  std::mutex mu_;
  std::vector<std::string> said_;
};

TEST_F(ModelLibraryTest, ModelsAreLoadedWhenTheyAreAskedFor) {
  PutModel("a.tar.gz", 1);
  PutModel("folder/b.tar.gz", 2);
  const auto cache = Cache();
  EXPECT_EQ(Ask(*cache, "a.tar.gz"), "1.0\n");
  EXPECT_EQ(Ask(*cache, "folder/b.tar.gz"), "2.0\n");
  EXPECT_EQ(Ask(*cache, "a.tar.gz"), "1.0\n");
  EXPECT_THAT(said_, ElementsAre("Model a.tar.gz loaded successfully",
                                 "Model folder/b.tar.gz loaded successfully"));
  EXPECT_TRUE(fs::is_empty(home() / "models"));  // they are in memory
}

TEST_F(ModelLibraryTest, AnObjectThatChangesIsTheNewModelAtOnce) {
  PutModel("a.tar.gz", 1);
  const auto cache = Cache();
  LoadTimes times;
  ASSERT_TRUE(cache->Find("a.tar.gz", &times));
  EXPECT_FALSE(times.hit);
  EXPECT_GE(times.wait, times.download + times.load);
  EXPECT_GT(times.load.count(), 0);
  LoadTimes again;
  ASSERT_TRUE(cache->Find("a.tar.gz", &again));
  EXPECT_TRUE(again.hit);
  EXPECT_EQ(Ask(*cache, "a.tar.gz"), "1.0\n");
  PutModel("a.tar.gz", 3);
  EXPECT_EQ(Ask(*cache, "a.tar.gz"), "3.0\n");
  ASSERT_TRUE(store_->Delete({"bkt", "m/a.tar.gz"}));
  EXPECT_EQ(cache->Find("a.tar.gz").error().code, Code::kNotFound);
}

TEST_F(ModelLibraryTest, TheLeastRecentlyUsedGoesWhenMemoryIsShort) {
  for (const char* name : {"a", "b", "c"}) PutModel(name, 1);
  const auto cache = Cache(1);
  EXPECT_EQ(Ask(*cache, "a"), "1.0\n");  // larger than all that there is: still served
  EXPECT_EQ(cache->size(), 1U);
  const auto two = Cache(2 * fs::file_size(home() / "pack/xgboost-model"));
  for (const char* name : {"a", "b", "a", "c"}) EXPECT_EQ(Ask(*two, name), "1.0\n");
  EXPECT_EQ(two->size(), 2U);
  EXPECT_EQ(said_.back(), "Model b unloaded to make room");
  const LoadedModels loaded = two->TakeLoaded();
  EXPECT_THAT(loaded.names, ElementsAre("a", "c"));
  EXPECT_EQ(loaded.unloads.size(), 1U);
  EXPECT_TRUE(two->TakeLoaded().unloads.empty());
}

TEST_F(ModelLibraryTest, NothingIsKeptWhereTheCacheIsDisabled) {
  PutModel("a", 1);
  const auto cache = Cache(1 << 20, false);
  EXPECT_EQ(Ask(*cache, "a"), "1.0\n");
  EXPECT_EQ(cache->size(), 0U);
  EXPECT_EQ(cache->TakeLoaded().unloads.size(), 1U);
}

TEST_F(ModelLibraryTest, OneLoadServesAllWhoAsk) {
  PutModel("a", 1);
  const auto cache = Cache();
  std::vector<std::jthread> threads;
  std::atomic<int> right = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] { right += Ask(*cache, "a") == "1.0\n" ? 1 : 0; });
  }
  threads.clear();
  EXPECT_EQ(right, 8);
  EXPECT_EQ(said_.size(), 1U);
}

TEST_F(ModelLibraryTest, SaysWhatIsWrong) {
  PutArchive("bad.tar.gz", "hello");
  ASSERT_TRUE(store_->Put({"bkt", "m/none.tar.gz"}, *NewStringSource("no tar")));
  const auto cache = Cache();
  EXPECT_EQ(Ask(*cache, "x.tar.gz")
                .find("Failed to download model data(bucket: bkt, key: m/x.tar.gz). Please ensure"),
            0U);
  for (const char* name : {"", "/a", "../a", "a/../../b"}) {
    EXPECT_EQ(cache->Find(name).error().reason, "BadName") << name;
  }
  EXPECT_THAT(Ask(*cache, "bad.tar.gz"), HasSubstr("Unable to load model: xgboost-model"));
  EXPECT_EQ(cache->Find("none.tar.gz").error().reason, "BadModel");
  EXPECT_EQ(cache->size(), 0U);
  EXPECT_TRUE(fs::is_empty(home() / "models"));
}

}  // namespace
}  // namespace clary::serving
