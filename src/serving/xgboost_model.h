// The answers of SageMaker's built-in XGBoost: a model directory in, the container's replies out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/error.h"

namespace clary::gbdt {
class Model;
}

namespace clary::serving {

// What a container answers to one request.
struct Reply {
  int status = 200;
  std::string content_type = "text/html; charset=utf-8";
  std::string body;
};

// Models of every version and booster (docs/formats/model.md), one or the several of a k-fold
// training, whose answers are averaged (class labels: the most frequent one).
class XgboostModel {
 public:
  struct Options {
    // SAGEMAKER_INFERENCE_OUTPUT, SAGEMAKER_INFERENCE_ENSEMBLE, SAGEMAKER_BATCH and
    // SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT of the container's environment.
    std::map<std::string, std::string> environment;
    int threads = 1;  // for one large request
  };
  // Loads what is in `directory`: the files xgboost-model*, or, without such, all.
  // kInvalidArgument "BadModel": "Unable to load model: ..."; kNotFound "NoModel".
  static Result<std::unique_ptr<XgboostModel>> Load(const std::filesystem::path& directory,
                                                    const Options& options);
  ~XgboostModel();

  // Any thread. 200 with predictions; 204 for an empty body; 415 for a content type or data that
  // cannot be read; 400 for rows that the model cannot answer; 406 for an `accept` it has no
  // format for; 500 where the selected output makes no sense for the objective. An empty
  // content_type means libsvm, an empty `accept` or */* text/csv.
  Reply Invoke(std::string_view content_type, std::string_view accept, std::string_view body) const;

  // The model itself, if it is one and answers plainly: Invoke() gives its predictions. Null for
  // the several of a k-fold training, and where the environment selects what is answered.
  const gbdt::Model* Plain() const;

  // "binary:logistic, 28 features, 100 rounds": for the log.
  std::string Describe() const;

 private:
  struct State;
  explicit XgboostModel(std::unique_ptr<State> state);
  std::unique_ptr<const State> state_;
};

// Bytes of the files in a model's folder and below, those that can be seen; `unread` says whether
// the rest of it could not be listed.
uint64_t FolderBytes(const std::filesystem::path& folder, std::error_code& unread);

}  // namespace clary::serving
