#include "debugger/trial.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/stream.h"
#include "debugger/event_record.h"

namespace clary::debugger {
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr uint64_t kMaxFile = uint64_t{1} << 30;

std::unexpected<Error> BadTrial(std::string_view path, std::string_view what) {
  return Fail(Code::kDataLoss, "BadTrial", fmt::format("{}: {}", path, what));
}

class LocalFiles final : public TrialFiles {
 public:
  explicit LocalFiles(fs::path root) : root_(std::move(root)) {}

  Result<std::vector<std::string>> List(const std::string& directory,
                                        const std::string& after) override {
    std::vector<std::string> out;
    std::error_code ec;
    for (fs::recursive_directory_iterator it(root_ / directory, ec), end; !ec && it != end;
         it.increment(ec)) {
      if (!it->is_regular_file()) continue;
      std::string path = it->path().lexically_relative(root_).string();
      if (path > after && !path.ends_with(".tmp")) out.push_back(std::move(path));
    }
    if (ec && ec != std::errc::no_such_file_or_directory) {
      return std::unexpected(ErrnoError(ec.value(), (root_ / directory).string()));
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  Result<bool> Exists(const std::string& path) override {
    std::error_code ec;
    return fs::exists(root_ / path, ec);
  }

  Result<std::string> Read(const std::string& path, uint64_t offset, uint64_t length) override {
    if (length == 0) return ReadFile(root_ / path, kMaxFile);
    CLARY_TRY(Fd fd, OpenFile(root_ / path, O_RDONLY));
    return ReadAll(*NewFileSource(std::move(fd), offset, length), length);
  }

 private:
  const fs::path root_;
};

class StoreFiles final : public TrialFiles {
 public:
  StoreFiles(objects::ObjectStore& store, std::string bucket, std::string prefix)
      : store_(store), bucket_(std::move(bucket)), prefix_(std::move(prefix) + "/") {}

  Result<std::vector<std::string>> List(const std::string& directory,
                                        const std::string& after) override {
    std::vector<std::string> out;
    objects::ListOptions options{.prefix = prefix_ + directory, .delimiter = "", .start_after = ""};
    if (!after.empty()) options.start_after = prefix_ + after;
    for (;;) {
      CLARY_TRY(const objects::ListPage page, store_.List(bucket_, options));
      for (const auto& object : page.objects) out.push_back(object.key.substr(prefix_.size()));
      if (!page.truncated) return out;
      options.start_after = page.next;
    }
  }

  Result<bool> Exists(const std::string& path) override {
    const auto info = store_.Head({bucket_, prefix_ + path});
    if (!info && info.error().code != Code::kNotFound) return std::unexpected(info.error());
    return info.has_value();
  }

  Result<std::string> Read(const std::string& path, uint64_t offset, uint64_t length) override {
    objects::GetOptions options;
    if (length > 0) {
      options.range = objects::ByteRange{.first = offset, .last = offset + length - 1};
    }
    CLARY_TRY(objects::GetResult got, store_.Get({bucket_, prefix_ + path}, options));
    return ReadAll(*got.body, kMaxFile);
  }

 private:
  objects::ObjectStore& store_;
  const std::string bucket_;
  const std::string prefix_;
};

}  // namespace

std::unique_ptr<TrialFiles> NewLocalTrialFiles(fs::path root) {
  return std::make_unique<LocalFiles>(std::move(root));
}
std::unique_ptr<TrialFiles> NewStoreTrialFiles(objects::ObjectStore& store, std::string bucket,
                                               std::string prefix) {
  return std::make_unique<StoreFiles>(store, std::move(bucket), std::move(prefix));
}

Status Trial::Refresh() {
  // The marker first: what is listed after it was seen is complete.
  CLARY_TRY(const bool marker, files_->Exists("training_job_end.ts"));
  CLARY_CHECK_OK(ReadCollections());
  // Names sort by step, so a listing could start after the last file read; but with several workers
  // a slower one adds names before it. Start after the last step that all have written.
  const auto open = std::find_if(step_workers_.begin(), step_workers_.end(), [&](const auto& s) {
    return s.second.size() < static_cast<size_t>(std::max(workers_, 1));
  });
  std::string after;
  if (open != step_workers_.begin()) {
    const int64_t step = std::prev(open)->first;
    after = fmt::format("index/{:09}/{:012}_~", step / 1000, step);
  }
  CLARY_TRY(const auto index, files_->List("index", after));
  for (const std::string& path : index) {
    if (path.ends_with(".json") && !read_.contains(path)) CLARY_CHECK_OK(ReadIndex(path));
  }
  ended_ = marker;
  return {};
}

Status Trial::ReadCollections() {
  CLARY_TRY(const auto paths, files_->List("collections", ""));
  for (const std::string& path : paths) {
    CLARY_TRY(const std::string text, files_->Read(path, 0, 0));
    const json doc = json::parse(text, nullptr, false);
    if (!doc.is_object() || !doc.contains("collections") || !doc["collections"].is_object()) {
      return BadTrial(path, "not a collections file");
    }
    const json meta = doc.value("_meta", json::object());
    if (meta.is_object() && meta.contains("num_workers") &&
        meta["num_workers"].is_number_integer()) {
      workers_ = std::max(workers_, meta["num_workers"].get<int>());
    }
    for (const auto& [name, c] : doc["collections"].items()) {
      CollectionInfo& info = collections_[name];
      info.include_regex.clear();
      for (const char* list : {"include_regex", "tensor_names"}) {
        if (!c.is_object() || !c.contains(list) || !c[list].is_array()) continue;
        for (const json& word : c[list]) {
          if (!word.is_string())
            return BadTrial(path, fmt::format("{} of {} holds no text", list, name));
          if (list[0] == 't') {
            info.names.insert(word.get<std::string>());
          } else {
            info.include_regex.push_back(word.get<std::string>());
          }
        }
      }
    }
  }
  return {};
}

Status Trial::ReadIndex(const std::string& path) {
  CLARY_TRY(const std::string text, files_->Read(path, 0, 0));
  const json doc = json::parse(text, nullptr, false);
  const json meta = doc.is_object() ? doc.value("meta", json()) : json();
  if (!meta.is_object() || !meta.contains("mode_step") || !meta["mode_step"].is_number_integer() ||
      !meta.contains("event_file_name") || !meta["event_file_name"].is_string()) {
    return BadTrial(path, "not an index file");
  }
  const auto step = meta["mode_step"].get<int64_t>();
  const auto file = meta["event_file_name"].get<std::string>();
  if (file.starts_with('/') || file.find("..") != std::string::npos) {
    return BadTrial(path, "names a file outside the trial");
  }
  for (const json& entry : doc.value("tensor_payload", json::array())) {
    if (!entry.is_object() || !entry.contains("tensorname") || !entry["tensorname"].is_string() ||
        !entry.contains("start_idx") || !entry["start_idx"].is_number_unsigned() ||
        !entry.contains("length") || !entry["length"].is_number_unsigned()) {
      return BadTrial(path, "broken tensor_payload");
    }
    tensors_[entry["tensorname"].get<std::string>()].try_emplace(
        step, Place{file, entry["start_idx"].get<uint64_t>(), entry["length"].get<uint64_t>()});
  }
  // "index/000000000/000000000005_worker_0.json" -> "worker_0"
  const std::string name = fs::path(path).stem().string();
  step_workers_[step].insert(name.substr(std::min(name.size(), name.find('_') + 1)));
  read_.insert(path);
  return {};
}

std::vector<int64_t> Trial::Steps() const {
  std::vector<int64_t> out;
  for (const auto& [step, workers] : step_workers_) {
    if (ended_ || workers.size() >= static_cast<size_t>(std::max(workers_, 1))) out.push_back(step);
  }
  return out;
}

std::vector<int64_t> Trial::Steps(std::string_view tensor) const {
  std::vector<int64_t> out;
  if (const auto it = tensors_.find(tensor); it != tensors_.end()) {
    for (const auto& [step, place] : it->second) out.push_back(step);
  }
  return out;
}

bool Trial::Has(std::string_view tensor, int64_t step) const {
  const auto it = tensors_.find(tensor);
  return it != tensors_.end() && it->second.contains(step);
}

std::vector<std::string> Trial::TensorNames() const {
  std::vector<std::string> out;
  for (const auto& [name, places] : tensors_) out.push_back(name);
  return out;
}

std::vector<std::string> Trial::TensorNames(std::string_view collection) const {
  const auto it = collections_.find(collection);
  if (it == collections_.end()) return {};
  std::set<std::string> out = it->second.names;
  for (const auto& [name, places] : tensors_) {
    for (const std::string& re : it->second.include_regex) {
      if (NameMatches(re, name)) out.insert(name);
    }
  }
  return {out.begin(), out.end()};
}

// RE2 has no look-behind, which one of smdebug's own expressions uses: "(?<!(auc|map))$" at the
// end means "does not end in one of these".
Result<NamePattern> NamePattern::Compile(const std::string& expression) {
  constexpr std::string_view kNotAucMap = "(?<!(auc|map))$";
  NamePattern out;
  std::string re = expression;
  if (re.ends_with(kNotAucMap)) {
    out.no_auc_map_ = true;
    re.replace(re.size() - kNotAucMap.size(), std::string::npos, "$");
  }
  // Alone first, so that the message is about what was written and "a)(b" is refused.
  const RE2 alone(re, RE2::Quiet);
  if (!alone.ok()) {
    return Fail(Code::kInvalidArgument, "BadExpression",
                "'" + expression + "' is no regular expression: " + alone.error());
  }
  out.compiled_ = std::make_shared<const RE2>("(?:" + re + ")", RE2::Quiet);
  return out;
}

bool NamePattern::Matches(std::string_view name) const {
  if (no_auc_map_ && (name.ends_with("auc") || name.ends_with("map"))) return false;
  const re2::StringPiece text(name.data(), name.size());
  return compiled_->Match(text, 0, text.size(), RE2::ANCHOR_START, nullptr, 0);
}

bool NameMatches(const std::string& expression, std::string_view name) {
  const auto pattern = NamePattern::Compile(expression);
  return pattern && pattern->Matches(name);
}

std::vector<std::string> Trial::Collections() const {
  std::vector<std::string> out;
  for (const auto& [name, info] : collections_) out.push_back(name);
  return out;
}

Result<Tensor> Trial::Value(std::string_view tensor, int64_t step) {
  const auto it = tensors_.find(tensor);
  if (it != tensors_.end()) {
    if (const auto place = it->second.find(step); place != it->second.end()) {
      const Place& p = place->second;
      if (p.length == 0 || p.length > kMaxFile)
        return BadTrial(p.file, "broken length in the index");
      CLARY_TRY(const std::string record, files_->Read(p.file, p.start, p.length));
      CLARY_TRY(EventRecord event, ParseEventRecord(record));
      event.tensor.name = tensor;  // the record may be known under other names, too
      return std::move(event.tensor);
    }
  }
  return Fail(Code::kNotFound, "NoTensor", fmt::format("no tensor {} at step {}", tensor, step));
}

}  // namespace clary::debugger
