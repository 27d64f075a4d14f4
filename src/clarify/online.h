// Explanations with an endpoint's answers: what CreateEndpointConfig's ClarifyExplainerConfig asks
// for.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "clary/gbdt.h"

namespace clary::clarify {

struct OnlineReply {
  std::string content_type;
  std::string body;
};

// The model behind an explainer. Any thread.
struct OnlineModel {
  // An error's reason is the HTTP status that the model answered.
  std::function<Result<OnlineReply>(const std::string& content_type, const std::string& accept,
                                    std::string_view body)>
      invoke;
  const gbdt::Model* trees = nullptr;  // behind `invoke`, if they are known
  int threads = 1;                     // for a large request
};

struct OnlineRequest {
  std::string_view content_type;  // text/csv or application/jsonlines
  std::string_view accept;        // likewise; empty or */*: as content_type
  std::string_view enable;        // a JMESPath instead of the configuration's; empty: that
  std::string_view body;
};

// Const calls from any thread.
class OnlineExplainer {
 public:
  // `config`: a ClarifyExplainerConfig, as its shape allows it. `baseline`: what its
  // ShapBaselineUri holds. kInvalidArgument "BadExplainer": an expression that cannot be read, a
  // baseline that is none.
  static Result<std::unique_ptr<OnlineExplainer>> Make(std::string_view config,
                                                       std::string_view baseline);
  ~OnlineExplainer();

  // The answer, application/json: version, predictions (the model's own answer), label_headers,
  // explanations: {} or {kernel_shap: of each record null or its features}. kInvalidArgument
  // "ClientError": what is wrong with the request, or with what the model makes of it; the model's
  // own error for a request that it refuses.
  Result<std::string> Answer(const OnlineRequest& request, const OnlineModel& model) const;

 private:
  struct State;
  explicit OnlineExplainer(std::unique_ptr<State> state);
  std::unique_ptr<const State> state_;
};

}  // namespace clary::clarify
