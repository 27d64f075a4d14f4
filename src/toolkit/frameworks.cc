#include "toolkit/frameworks.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/strings.h"

namespace clary::toolkit {
namespace {

constexpr std::array kFrameworks = {
    Framework{"sklearn", "scikit-learn", Stack::kTraining,
              "sagemaker_sklearn_container.training:main", false, false, true},
    Framework{"xgboost", "xgboost", Stack::kContainers, "sagemaker_xgboost_container.training:main",
              false, false, true},
    Framework{"pytorch", "torch", Stack::kTraining, "sagemaker_pytorch_container.training:main",
              true, true},
    Framework{"tensorflow", "tensorflow", Stack::kTraining,
              "sagemaker_tensorflow_container.training:main", true},
    Framework{"huggingface", "transformers", Stack::kTraining,
              "sagemaker_pytorch_container.training:main", true, true},
    // Images of no framework, in which @remote's functions run: their "version" is Python's.
    Framework{"python", "sagemaker", Stack::kTraining, "", false},
};

// A repository's name, or the beginning of it.
struct Repository {
  std::string_view name;
  std::string_view framework;
};
constexpr Repository kRepositories[] = {
    {"sagemaker-scikit-learn", "sklearn"},  {"sagemaker-xgboost", "xgboost"},
    {"pytorch-training", "pytorch"},        {"sagemaker-pytorch", "pytorch"},
    {"pytorch-inference", "pytorch"},       {"tensorflow-inference", "tensorflow"},
    {"tensorflow-training", "tensorflow"},  {"sagemaker-tensorflow", "tensorflow"},
    {"huggingface-pytorch", "huggingface"}, {"huggingface-tensorflow", "huggingface"},
    {"sagemaker-base-python-", "python"},   {"sagemaker-data-science-", "python"},
};

// What the images hold where the tag does not say it: last number of the tag is the image's.
struct Promise {
  std::string_view framework;
  std::string_view tag;
  std::string_view version;
};
constexpr Promise kPromises[] = {
    {"sklearn", "0.20.0", "0.20.0"}, {"sklearn", "0.23-1", "0.23.2"}, {"sklearn", "1.0-1", "1.0.2"},
    {"sklearn", "1.2-1", "1.2.1"},   {"sklearn", "1.4-2", "1.4.2"},   {"xgboost", "0.90-1", "0.90"},
    {"xgboost", "0.90-2", "0.90"},   {"xgboost", "1.0-1", "1.0.0"},   {"xgboost", "1.2-1", "1.2.0"},
    {"xgboost", "1.2-2", "1.2.0"},   {"xgboost", "1.3-1", "1.3.3"},   {"xgboost", "1.5-1", "1.5.2"},
    {"xgboost", "1.7-1", "1.7.4"},   {"xgboost", "3.0-5", "3.0.5"},   {"xgboost", "3.2-0", "3.2.0"},
};

bool IsVersion(std::string_view text) {
  return !text.empty() && std::isdigit(static_cast<unsigned char>(text.front())) != 0;
}

// "310" -> "3.10"; empty if it is no version of Python.
std::string PythonVersion(std::string_view digits) {
  if (digits.size() < 2 || digits.size() > 3 || !ParseUint(digits)) return {};
  return std::string(digits.substr(0, 1)) + "." + std::string(digits.substr(1));
}

}  // namespace

std::span<const Framework> Frameworks() { return kFrameworks; }

const Framework* FindFramework(std::string_view name) {
  const auto* it = std::ranges::find(kFrameworks, name, &Framework::name);
  return it != kFrameworks.end() ? it : nullptr;
}

std::map<std::string, std::string> ImageVariables(const Framework& framework) {
  std::map<std::string, std::string> out;
  if (!framework.module.empty()) out["SAGEMAKER_TRAINING_MODULE"] = framework.module;
  if (framework.name == "sklearn" || framework.name == "xgboost") {
    const std::string config = "/opt/ml/input/config/";
    out["SM_INPUT"] = "/opt/ml/input";
    out["SM_INPUT_TRAINING_CONFIG_FILE"] = config + "hyperparameters.json";
    out["SM_INPUT_DATA_CONFIG_FILE"] = config + "inputdataconfig.json";
    out["SM_CHECKPOINT_CONFIG_FILE"] = config + "checkpointconfig.json";
  }
  return out;
}

std::optional<FrameworkImage> ParseFrameworkImage(std::string_view image) {
  std::string_view name = image.substr(image.rfind('/') + 1);
  std::string_view tag;
  if (const size_t colon = name.find(':'); colon != std::string_view::npos) {
    tag = name.substr(colon + 1);
    name = name.substr(0, colon);
  }
  const auto* repository = std::ranges::find_if(
      kRepositories, [&](const Repository& r) { return name.starts_with(r.name); });
  if (repository == std::end(kRepositories)) return std::nullopt;
  FrameworkImage out{.framework = std::string(repository->framework)};
  if (out.framework == "python") {  // sagemaker-base-python-310:1.0
    out.python = PythonVersion(name.substr(name.rfind('-') + 1));
    out.version = out.python;
    return out;
  }
  // The tag is words: a version, of one part or of two (its "-1"), then what it runs on.
  const auto words = Split(tag, '-');
  if (IsVersion(words.front())) {
    out.version = words.front();
    if (words.size() > 1 && words[1].size() <= 2 && ParseUint(words[1])) {
      out.version.append("-").append(words[1]);
    }
  }
  for (const std::string_view word : words) {
    if (word.starts_with("py") && out.python.empty()) out.python = PythonVersion(word.substr(2));
    constexpr std::string_view kTransformers = "transformers";
    if (out.framework == "huggingface" && word.starts_with(kTransformers)) {
      out.version = word.substr(kTransformers.size());
    }
  }
  return out;
}

std::string PromisedVersion(std::string_view framework, std::string_view version) {
  for (const Promise& promise : kPromises) {
    if (promise.framework == framework && promise.tag == version) {
      return std::string(promise.version);
    }
  }
  if (framework == "python") return {};
  const size_t dash = version.find('-');
  if (dash != std::string_view::npos) return std::string(version.substr(0, dash)) + ".*";
  if (std::ranges::count(version, '.') == 1) return std::string(version) + ".*";
  return std::string(version);
}

bool VersionMatches(std::string_view version, std::string_view promised) {
  version = version.substr(0, version.find('+'));  // "2.3.0+cpu"
  if (promised.ends_with(".*")) promised.remove_suffix(2);
  return version == promised || (version.starts_with(promised) && version[promised.size()] == '.');
}

}  // namespace clary::toolkit
