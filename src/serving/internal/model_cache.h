// The models of a multi-model container that runs the built-in XGBoost: loaded when they are first
// asked for, and again when their object has changed; the one that nobody has asked for the longest
// goes when memory is short.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "net/client.h"
#include "serving/xgboost_model.h"

namespace clary::serving {

// What a request waited for until its model was there.
struct LoadTimes {
  bool hit = true;                   // it was there
  std::chrono::microseconds wait{};  // in all
  std::chrono::microseconds
      download{};                    // of these, until its files were here; 0: others had it loaded
  std::chrono::microseconds load{};  // likewise, from them into memory
};

// What is loaded, and how long each took that has been unloaded since the last look.
struct LoadedModels {
  std::vector<std::string> names;
  std::vector<std::chrono::microseconds> unloads;  // at most 1000, the latest
};

// Any thread.
class ModelCache {
 public:
  struct Options {
    std::filesystem::path socket;  // of the ModelLibrary
    XgboostModel::Options model;
    uint64_t memory_bytes = 0;  // of all models, counted by the size of their files
    bool keep = true;           // false: a model goes as soon as its request is answered
    std::function<void(const std::string& line)> say;  // what is loaded and unloaded
  };
  static Result<std::unique_ptr<ModelCache>> Make(Options options);

  // The model of that name as it is in the store now. Threads that ask for one that is being loaded
  // wait for it. kNotFound "NoModel" (the text is for the client), kInvalidArgument "BadName" or
  // "BadModel", and what keeps the library from answering. `times`, if wanted: of a model.
  Result<std::shared_ptr<const XgboostModel>> Find(std::string_view name,
                                                   LoadTimes* times = nullptr) EXCLUDES(mu_);

  LoadedModels TakeLoaded() EXCLUDES(mu_);
  size_t size() const EXCLUDES(mu_);

 private:
  struct Entry {
    std::string etag;
    std::shared_ptr<const XgboostModel> model;  // null: it is being loaded
    uint64_t bytes = 0;
    uint64_t used = 0;  // when, in requests
  };

  // Models outlive the cache while they answer.
  struct Unloads {
    Mutex mu;
    std::deque<std::chrono::microseconds> took GUARDED_BY(mu);
  };

  explicit ModelCache(Options options, std::unique_ptr<net::HttpClient> library)
      : options_(std::move(options)), library_(std::move(library)) {}
  Result<std::string> Ask(const char* method, std::string_view path, std::string_view name);
  Result<Entry> Load(std::string_view name, LoadTimes& times);
  void MakeRoom(const std::string& newest) REQUIRES(mu_);

  const Options options_;
  const std::unique_ptr<net::HttpClient> library_;
  const std::shared_ptr<Unloads> unloads_ = std::make_shared<Unloads>();
  mutable Mutex mu_;
  std::condition_variable_any loaded_;
  std::map<std::string, Entry, std::less<>> models_ GUARDED_BY(mu_);
  uint64_t requests_ GUARDED_BY(mu_) = 0;
};

}  // namespace clary::serving
