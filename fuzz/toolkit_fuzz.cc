// Hyperparameters of a script, one "name=value" a line, and the end of what it wrote to stderr:
// every value is one word or variable, and what is JSON reads back. The same bytes as an image's
// name, an environment's file and versions.
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/strings.h"
#include "toolkit/build.h"
#include "toolkit/environments.h"
#include "toolkit/toolkit.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace clary;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  toolkit::Script script;
  script.hyperparameters = {{"sagemaker_program", "train.py"}};
  for (const std::string_view line : Split(text, '\n')) {
    const size_t at = line.find('=');
    if (at == std::string_view::npos) continue;
    script.hyperparameters[std::string(line.substr(0, at))] = line.substr(at + 1);
  }
  script.resource_config = text;
  (void)toolkit::MakeCommand(script);
  script.resource_config = "{}";
  if (const auto command = toolkit::MakeCommand(script)) {
    const auto words = nlohmann::json::parse(command->environment.at("SM_USER_ARGS"));
    if (words.size() % 2 != 0) std::abort();
  }
  if (const auto image = toolkit::ParseFrameworkImage(text)) {
    if (toolkit::FindFramework(image->framework) == nullptr) std::abort();
    (void)toolkit::PromisedVersion(image->framework, image->version);
  }
  if (const auto built = toolkit::BuiltFromJson(text)) {
    const auto back = toolkit::BuiltFromJson(toolkit::ToJson(*built));
    if (!back || back->name() != built->name()) std::abort();
  }
  std::vector<std::string> versions;
  for (const std::string_view line : Split(text, '\n')) versions.emplace_back(line);
  if (toolkit::NearestRelease(versions, versions.front()) != versions.front() &&
      toolkit::VersionMatches(versions.front(), versions.front()) && versions.size() == 1) {
    std::abort();
  }
  for (const bool capture : {false, true}) {
    const toolkit::Failure failure{.stderr_text = text, .capture = capture};
    if (toolkit::FailureText(failure).empty()) std::abort();
    if (toolkit::FailureCause(failure).find('\n') != std::string::npos) std::abort();
  }
  return 0;
}
