#include "serving/internal/model_cache.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace clary::serving {
namespace fs = std::filesystem;
using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::steady_clock;
namespace {

constexpr size_t kMostUnloads = 1000;

std::string Member(const nlohmann::json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

}  // namespace

Result<std::unique_ptr<ModelCache>> ModelCache::Make(Options options) {
  CLARY_TRY(auto client, net::HttpClient::Create({.unix_socket = options.socket}));
  return std::unique_ptr<ModelCache>(new ModelCache(std::move(options), std::move(client)));
}

Result<std::string> ModelCache::Ask(const char* method, std::string_view path,
                                    std::string_view name) {
  net::ClientRequest request{.method = method, .url = "http://library" + std::string(path)};
  request.headers.Set("X-Amzn-SageMaker-Target-Model", std::string(name));
  CLARY_TRY(auto answer, library_->Send(request));
  switch (answer.status) {
    case 200:
      return std::move(answer.body);
    case 404:
      return Fail(Code::kNotFound, "NoModel", std::move(answer.body));
    case 400:
      return Fail(Code::kInvalidArgument, "BadName", std::move(answer.body));
    case 422:
      return Fail(Code::kInvalidArgument, "BadModel", std::move(answer.body));
    default:
      return Fail(Code::kUnavailable, "NoLibrary", std::move(answer.body));
  }
}

Result<ModelCache::Entry> ModelCache::Load(std::string_view name, LoadTimes& times) {
  const auto began = steady_clock::now();
  CLARY_TRY(const std::string text, Ask("POST", "/model", name));
  const nlohmann::json brought = nlohmann::json::parse(text, nullptr, false);
  if (!brought.is_object() || !brought.contains("id")) {
    return Fail(Code::kInternal, "BadAnswer", "the library of models answered: " + text);
  }
  const fs::path folder = Member(brought, "path");
  std::error_code unread;  // what is seen counts
  Entry entry{.etag = Member(brought, "etag"), .bytes = FolderBytes(folder, unread)};
  const auto here = steady_clock::now();
  auto model = XgboostModel::Load(folder, options_.model);
  times.download = duration_cast<microseconds>(here - began);
  times.load = duration_cast<microseconds>(steady_clock::now() - here);
  // The model is in memory: nothing needs its files any more.
  (void)Ask("DELETE", "/model/" + brought["id"].dump(), name);
  if (!model) return std::unexpected(std::move(model).error());
  options_.say(fmt::format("Model {} loaded successfully: {}", name, (*model)->Describe()));
  const auto unload = [unloads = unloads_](const XgboostModel* gone) {
    const auto begin = steady_clock::now();
    delete gone;
    const auto took = duration_cast<microseconds>(steady_clock::now() - begin);
    const MutexLock lock(unloads->mu);
    unloads->took.push_back(took);
    if (unloads->took.size() > kMostUnloads) unloads->took.pop_front();
  };
  entry.model = std::shared_ptr<const XgboostModel>(model->release(), unload);
  return entry;
}

void ModelCache::MakeRoom(const std::string& newest) {
  for (;;) {
    uint64_t bytes = 0;
    auto oldest = models_.end();
    for (auto it = models_.begin(); it != models_.end(); ++it) {
      if (it->second.model == nullptr) continue;
      bytes += it->second.bytes;
      if (it->first != newest &&
          (oldest == models_.end() || it->second.used < oldest->second.used)) {
        oldest = it;
      }
    }
    if (bytes <= options_.memory_bytes || oldest == models_.end()) return;
    options_.say(fmt::format("Model {} unloaded to make room", oldest->first));
    models_.erase(oldest);  // who is still answering with it keeps it until then
  }
}

Result<std::shared_ptr<const XgboostModel>> ModelCache::Find(std::string_view name,
                                                             LoadTimes* times) {
  LoadTimes own;
  LoadTimes& told = times != nullptr ? *times : own;
  const auto began = steady_clock::now();
  const auto waited = [&] {
    told.hit = false;
    told.wait = duration_cast<microseconds>(steady_clock::now() - began);
  };
  CLARY_TRY(const std::string text, Ask("GET", "/model", name));
  const std::string etag = Member(nlohmann::json::parse(text, nullptr, false), "etag");
  const std::string key(name);
  {
    MutexLock lock(mu_);
    for (;;) {
      const auto it = models_.find(name);
      if (it == models_.end()) break;
      Entry& entry = it->second;
      if (entry.model != nullptr && entry.etag == etag) {
        entry.used = ++requests_;
        return entry.model;
      }
      if (entry.model != nullptr) break;
      loaded_.wait(lock);
      waited();
    }
    models_[key] = Entry{};  // it is being loaded: here
  }
  auto entry = Load(name, told);
  waited();
  MutexLock lock(mu_);
  loaded_.notify_all();
  if (!entry) {
    models_.erase(key);
    return std::unexpected(std::move(entry).error());
  }
  auto model = entry->model;
  if (!options_.keep) {
    models_.erase(key);
    return model;
  }
  entry->used = ++requests_;
  models_[key] = *std::move(entry);
  MakeRoom(key);
  return model;
}

LoadedModels ModelCache::TakeLoaded() {
  LoadedModels out;
  {
    const MutexLock lock(mu_);
    for (const auto& [name, entry] : models_) {
      if (entry.model != nullptr) out.names.push_back(name);
    }
  }
  const MutexLock lock(unloads_->mu);
  out.unloads.assign(unloads_->took.begin(), unloads_->took.end());
  unloads_->took.clear();
  return out;
}

size_t ModelCache::size() const {
  const MutexLock lock(mu_);
  return models_.size();
}

}  // namespace clary::serving
