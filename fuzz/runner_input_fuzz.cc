// What users put into a bucket, ask of rules or print: manifests, keys, actions, lines of output.
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "api/job_spec.h"
#include "api/rule_spec.h"
#include "exec/internal/launch_dir.h"
#include "rules/internal/rule_actions.h"
#include "runner/channels.h"
#include "runner/job_log.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace clary::runner;
  using clary::rules::ParseActions;
  using clary::rules::RuleAction;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto manifest = ParseManifest(text); manifest && manifest->names.empty()) std::abort();
  (void)clary::exec::SpecFromJson(text);
  if (const auto order = clary::api::TrialOrder::FromJson(text)) {
    const auto again = clary::api::TrialOrder::FromJson(order->ToJsonLine());
    if (!again || again->kind != order->kind || again->key.empty()) std::abort();
  }
  if (const auto actions = ParseActions(text)) {
    for (const RuleAction& action : *actions) {
      if (action.target.empty() || actions->size() > 20) std::abort();
    }
  }
  // A rule's result, once read, stays what it is.
  if (const auto result = clary::api::RuleResult::FromJson(text)) {
    const auto again = clary::api::RuleResult::FromJson(result->ToJson());
    if (!again || again->details != result->details) std::abort();
  }

  const size_t cut = text.find('\n');
  const std::string_view prefix = text.substr(0, cut);
  if (const auto place = PlaceOf(text, prefix)) {
    // Wherever it lands, it is below the channel.
    const auto clean = std::filesystem::path("/c/" + *place).lexically_normal().string();
    if (!clean.starts_with("/c/") || clean.size() <= 3) std::abort();
  }

  // The same lines, however the bytes are cut.
  LineSplitter whole;
  LineSplitter pieces;
  auto a = whole.Feed(text);
  for (auto& line : whole.Finish()) a.push_back(line);
  std::vector<std::string> b;
  for (size_t i = 0; i < size; i += 7) {
    for (auto& line : pieces.Feed(text.substr(i, 7))) b.push_back(line);
  }
  for (auto& line : pieces.Finish()) b.push_back(line);
  if (a != b) std::abort();
  return 0;
}
