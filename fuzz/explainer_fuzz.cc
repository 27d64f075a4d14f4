// Any bytes as a request to an explainer, as what the model answers, and as texts that are split.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "clarify/online.h"
#include "clarify/text_units.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace clary::clarify;
  constexpr size_t kMost = 1000;  // each word is asked about
  const std::string_view text(reinterpret_cast<const char*>(data), std::min(size, kMost));
  for (const TextGranularity unit :
       {TextGranularity::kToken, TextGranularity::kSentence, TextGranularity::kParagraph}) {
    size_t end = 0;
    for (const TextUnit& u : SplitText(text, {.granularity = unit, .language = "zh"})) {
      if (u.begin < end || u.size == 0 || u.begin + u.size > text.size()) std::abort();
      end = u.begin + u.size;
    }
  }
  static const auto kExplainer =
      OnlineExplainer::Make(
          R"({"EnableExplanations": "[0] > `0.1`", "ShapConfig": {"NumberOfSamples": 20,
              "ShapBaselineConfig": {"ShapBaseline": "1,x,\"\""},
              "TextConfig": {"Granularity": "token", "Language": "en"}},
              "InferenceConfig": {"FeatureTypes": ["numerical", "categorical", "text"]}})",
          "")
          .value();
  const size_t half = text.find('\0');
  const std::string_view asked = text.substr(0, half);
  const std::string_view told = half == text.npos ? "0.5\n" : text.substr(half + 1);
  OnlineModel model;
  model.invoke = [&](const std::string&, const std::string& accept,
                     std::string_view body) -> clary::Result<OnlineReply> {
    if (half != text.npos) return OnlineReply{accept, std::string(told)};
    std::string lines;
    for (const char c : body) lines += c == '\n' ? told : "";
    return OnlineReply{accept, lines};
  };
  for (const char* type : {"text/csv", "application/jsonlines"}) {
    for (const std::string_view enable : {std::string_view("`true`"), asked}) {
      const auto answer = kExplainer->Answer(
          {.content_type = type, .accept = {}, .enable = enable, .body = asked}, model);
      if (!answer && answer.error().message.empty()) std::abort();
      if (answer && !nlohmann::json::accept(*answer)) std::abort();
    }
  }
  (void)OnlineExplainer::Make(R"({"ShapConfig": {"ShapBaselineConfig": {}}})", text);
  return 0;
}
