#include "analyzer/analyzer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "analyzer/internal/job_model.h"
#include "analyzer/internal/service_calls.h"
#include "base/file.h"
#include "base/quote.h"
#include "base/strings.h"
#include "clarify/analysis.h"
#include "clarify/dataset.h"
#include "reports/publish.h"

namespace clary::analyzer {
namespace fs = std::filesystem;
namespace {

using nlohmann::json;

constexpr uint64_t kMaxConfig = uint64_t{64} << 20;
constexpr uint64_t kMaxJobConfig = uint64_t{16} << 20;
constexpr uint64_t kMaxBaseline = uint64_t{64} << 20;
constexpr size_t kMaxFailure = 1000;
constexpr uint64_t kMaxLastRun = uint64_t{64} << 20;
constexpr std::string_view kOptMl = "/opt/ml/";
constexpr std::string_view kCompleted = "Completed: SageMaker XAI Analyzer ran successfully";

std::unexpected<Error> BadJob(std::string message) {
  return Fail(Code::kInvalidArgument, "ClientError", std::move(message));
}

void Say(const std::string& line) {
  std::printf("%s\n", Printable(line).c_str());
  std::fflush(stdout);
}

// Files of a service's own, as _columns.json and _SUCCESS, are no data.
bool IsData(const fs::path& file) {
  const std::string name = file.filename().string();
  return !name.starts_with('_') && !name.starts_with('.');
}

// All files of data at or below `at`, in the order of their keys.
std::vector<fs::path> FilesBelow(const fs::path& at) {
  std::error_code ec;
  std::vector<fs::path> files;
  if (fs::is_regular_file(at, ec)) return {at};
  for (fs::recursive_directory_iterator it(at, ec), end; !ec && it != end; it.increment(ec)) {
    if (it->is_regular_file(ec) && fs::file_size(it->path(), ec) > 0 && IsData(it->path())) {
      files.push_back(it->path());
    }
  }
  std::ranges::sort(files);
  return files;
}

class Job {
 public:
  Job(fs::path base, const std::map<std::string, std::string>& environment)
      : base_(std::move(base)), environment_(environment) {}

  Status Run() {
    CLARY_TRY(const std::string text,
              ReadFile(base_ / "config/processingjobconfig.json", kMaxJobConfig));
    job_ = json::parse(text, nullptr, false);
    if (!job_.is_object()) return BadJob("processingjobconfig.json is no JSON object");
    CLARY_TRY(input_.config_text, ConfigText());
    CLARY_TRY(input_.config, clarify::ParseAnalysisConfig(input_.config_text));
    CLARY_TRY(const fs::path output, OutputFolder());
    CLARY_TRY(const auto temp, TempDir::Make());
    temp_ = temp.path();
    CLARY_CHECK_OK(BringData());
    input_.job_name = TextIn(job_, "ProcessingJobName");
    const json cluster =
        job_.value("ProcessingResources", json::object()).value("ClusterConfig", json::object());
    input_.parts = cluster.value("InstanceCount", 1) > 1;
    if (const auto cores = ParseInt(Variable("SM_NUM_CPUS")); cores && *cores > 0) {
      input_.threads = static_cast<int>(std::min<int64_t>(*cores, 1024));
    }
    input_.log = Say;
    if (input_.config.report) BringLastRun();
    std::unique_ptr<JobModel> model;
    input_.open_model = [&]() -> Result<clarify::ModelOptions> {
      CLARY_TRY(ServiceCalls * service, Service());
      CLARY_TRY(model, JobModel::Open(*service, *input_.config.predictor,
                                      TextIn(job_, "ProcessingJobArn"), temp_ / "model", Say));
      return model->Options();
    };
    return clarify::RunAnalysis(input_, output);
  }

 private:
  std::string Variable(const char* name) const {
    const auto it = environment_.find(name);
    return it != environment_.end() ? it->second : std::string();
  }

  // Where a path of the container is.
  fs::path Place(const std::string& local) const {
    return local.starts_with(kOptMl) ? base_ / local.substr(kOptMl.size()) : fs::path(local);
  }

  // The S3Input of that name; null if there is none.
  json InputNamed(std::string_view name) const {
    for (const json& input : job_.value("ProcessingInputs", json::array())) {
      if (TextIn(input, "InputName") == name) return input.value("S3Input", json());
    }
    return nullptr;
  }

  Result<std::string> ConfigText() const {
    const json input = InputNamed("analysis_config");
    if (input.is_null()) return BadJob("The input 'analysis_config' is required.");
    const auto files = FilesBelow(Place(TextIn(input, "LocalPath")));
    fs::path file;
    for (const fs::path& one : files) {
      if (files.size() == 1 || one.filename() == "analysis_config.json") file = one;
    }
    if (file.empty()) {
      return BadJob(
          fmt::format("The input 'analysis_config' has {} files; expected one, or one "
                      "that is called analysis_config.json.",
                      files.size()));
    }
    return ReadFile(file, kMaxConfig);
  }

  Result<fs::path> OutputFolder() const {
    const json outputs =
        job_.value("ProcessingOutputConfig", json::object()).value("Outputs", json::array());
    for (const json& output : outputs) {
      if (outputs.size() > 1 && TextIn(output, "OutputName") != "analysis_result") continue;
      return Place(TextIn(output.value("S3Output", json::object()), "LocalPath"));
    }
    return BadJob("The output 'analysis_result' is required.");
  }

  Result<ServiceCalls*> Service() {
    if (service_ == nullptr) {
      CLARY_TRY(service_, ServiceCalls::Make(environment_));
    }
    return service_.get();
  }

  Status BringData() {
    const auto& config = input_.config;
    auto& files = input_.files;
    if (!config.dataset_uri.empty()) {
      CLARY_TRY(files.data, Download(config.dataset_uri, "dataset_uri", "data"));
      input_.dataset_source = config.dataset_uri;
    } else {
      const json input = InputNamed("dataset");
      if (input.is_null()) {
        return BadJob("The input 'dataset' is required, unless the configuration has dataset_uri.");
      }
      files.data = FilesBelow(Place(TextIn(input, "LocalPath")));
      input_.dataset_source = TextIn(input, "S3Uri");
    }
    if (files.data.empty()) {
      return BadJob(fmt::format("There are no data in {}.", input_.dataset_source));
    }
    if (!config.predicted_label_dataset_uri.empty()) {
      CLARY_TRY(files.predicted_labels, Download(config.predicted_label_dataset_uri,
                                                 "predicted_label_dataset_uri", "predicted"));
    }
    if (!config.facet_dataset_uri.empty()) {
      CLARY_TRY(files.facets, Download(config.facet_dataset_uri, "facet_dataset_uri", "facet"));
    }
    if (config.shap && !config.shap->baseline_uri.empty()) {
      CLARY_TRY(const auto found, Download(config.shap->baseline_uri, "baseline", "baseline"));
      for (const fs::path& file : found) {
        CLARY_TRY(const std::string text, ReadFile(file, kMaxBaseline));
        input_.baseline_text += text;
        if (!text.ends_with('\n')) input_.baseline_text += '\n';
      }
    }
    return {};
  }

  // What an earlier run left where this one's results will be, if the store can be asked.
  void BringLastRun() {
    const json outputs =
        job_.value("ProcessingOutputConfig", json::object()).value("Outputs", json::array());
    std::string uri;
    for (const json& output : outputs) {
      if (outputs.size() > 1 && TextIn(output, "OutputName") != "analysis_result") continue;
      uri = TextIn(output.value("S3Output", json::object()), "S3Uri");
    }
    const auto service = Service();
    if (uri.empty() || !service) return;
    const auto read = [&](const char* name) -> std::string {
      const auto ref = objects::ObjectRef::ParseUri(uri + (uri.ends_with('/') ? "" : "/") + name);
      auto object = ref ? (*service)->store().Get(*ref) : std::unexpected(ref.error());
      if (!object) return "";
      return ReadAll(*object->body, kMaxLastRun).value_or("");
    };
    input_.last_extras = read("clary_analysis.json");
    if (!input_.last_extras.empty()) input_.last_analysis = read("analysis.json");
  }

  // An object, or everything below a prefix.
  Result<std::vector<fs::path>> Download(const std::string& uri, std::string_view key,
                                         const char* folder) {
    const auto bad = [&](const std::string& why) {
      return BadJob(fmt::format("{} {}: {}", key, uri, why));
    };
    CLARY_TRY(ServiceCalls * service, Service());
    constexpr std::string_view kScheme = "s3://";
    if (!uri.starts_with(kScheme)) return bad("expected s3://bucket/key");
    const std::string rest = uri.substr(kScheme.size());
    const std::string bucket = rest.substr(0, rest.find('/'));
    const std::string prefix = rest.size() > bucket.size() ? rest.substr(bucket.size() + 1) : "";
    objects::ObjectStore& store = service->store();
    std::vector<std::string> keys;
    objects::ListOptions list{.prefix = prefix};
    for (;;) {
      auto page = store.List(bucket, list);
      if (!page) return bad(page.error().message);
      for (const auto& object : page->objects) {
        // A prefix ends at a slash or is the whole key.
        const bool below = object.key == prefix || prefix.empty() || prefix.ends_with('/') ||
                           object.key[prefix.size()] == '/';
        if (below && object.size > 0 && IsData(object.key)) keys.push_back(object.key);
      }
      if (!page->truncated) break;
      list.start_after = page->next;
    }
    if (std::ranges::find(keys, prefix) != keys.end()) keys = {prefix};
    if (keys.empty()) return bad("there is no object");
    CLARY_CHECK_OK(MakeDirectories(temp_ / folder));
    std::vector<fs::path> files;
    for (size_t i = 0; i < keys.size(); ++i) {
      auto object = store.Get({.bucket = bucket, .key = keys[i]});
      if (!object) return bad(object.error().message);
      const fs::path name = fs::path(keys[i]).filename();
      const fs::path file = temp_ / folder / fmt::format("{:06}", i) / name;
      CLARY_CHECK_OK(MakeDirectories(file.parent_path()));
      CLARY_TRY(const Fd fd, OpenFile(file, O_WRONLY | O_CREAT | O_TRUNC));
      std::vector<char> buffer(size_t{1} << 20);
      for (;;) {
        CLARY_TRY(const size_t n, object->body->Read(buffer));
        if (n == 0) break;
        CLARY_CHECK_OK(WriteAll(fd.get(), {buffer.data(), n}));
      }
      files.push_back(file);
    }
    return files;
  }

  const fs::path base_;
  const std::map<std::string, std::string>& environment_;
  json job_;
  clarify::AnalysisInput input_;
  std::unique_ptr<ServiceCalls> service_;
  fs::path temp_;
};

}  // namespace

int RunAnalyzer(const fs::path& base, const std::map<std::string, std::string>& environment) {
  const Status done = Job(base, environment).Run();
  if (done) {
    (void)reports::PublishFile(base / "output/message", kCompleted);
    Say(std::string(kCompleted));
    return 0;
  }
  const Error& error = done.error();
  const bool user = error.code == Code::kInvalidArgument || error.code == Code::kUnimplemented ||
                    error.code == Code::kFailedPrecondition;
  const std::string text =
      Printable((user ? "ClientError: " : "InternalServerError: ") + error.message, kMaxFailure);
  (void)reports::PublishFile(base / "output/failure", text);
  (void)reports::PublishFile(base / "output/message", text);
  Say((user ? "ClientError: " : "InternalServerError: ") + error.message);
  return 1;
}

int RunAnalyzer() {
  std::map<std::string, std::string> environment;
  for (char** e = environ; e != nullptr && *e != nullptr; ++e) {
    const std::string_view text(*e);
    const size_t equals = text.find('=');
    if (equals != std::string_view::npos) {
      environment.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  const auto base = environment.find("SAGEMAKER_BASE_DIR");
  return RunAnalyzer(base != environment.end() ? base->second : "/opt/ml", environment);
}

}  // namespace clary::analyzer
