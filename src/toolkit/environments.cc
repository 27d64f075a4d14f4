#include "toolkit/environments.h"

#include <fnmatch.h>
#include <sys/stat.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/strings.h"

namespace clary::toolkit {
namespace fs = std::filesystem;
using nlohmann::json;
namespace {

constexpr uint64_t kMaxRules = 1 << 20;
constexpr uint64_t kMaxManifest = 1 << 20;
constexpr size_t kMaxShown = 20;  // environments that a message lists

Error BadFile(const fs::path& file, const std::string& why) {
  return {Code::kDataLoss, "BadEnvironments",
          file.string() + ": " + why + " (docs/formats/environments.md)"};
}

std::string TextMember(const json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

Result<std::vector<EnvironmentRule>> ParseRules(const fs::path& file) {
  auto text = ReadFile(file, kMaxRules);
  if (!text && text.error().code == Code::kNotFound) return std::vector<EnvironmentRule>();
  if (!text) return std::unexpected(std::move(text).error());
  const json document = json::parse(*text, nullptr, false);
  if (!document.is_object()) return std::unexpected(BadFile(file, "it is no JSON object"));
  for (const auto& [key, value] : document.items()) {
    if (key != "version" && key != "rules") {
      return std::unexpected(BadFile(file, "there is no member '" + key + "'"));
    }
  }
  const auto rules = document.find("rules");
  if (rules == document.end() || !rules->is_array() || document.value("version", json()) != 1) {
    return std::unexpected(BadFile(file, R"(expected {"version": 1, "rules": [...]})"));
  }
  std::vector<EnvironmentRule> out;
  for (const json& rule : *rules) {
    const std::string at = "rule " + std::to_string(out.size() + 1) + ": ";
    if (!rule.is_object()) return std::unexpected(BadFile(file, at + "it is no object"));
    for (const auto& [key, value] : rule.items()) {
      if (key != "image" && key != "python" && key != "container") {
        return std::unexpected(BadFile(file, at + "there is no member '" + key + "'"));
      }
    }
    out.push_back({.image = TextMember(rule, "image"),
                   .python = TextMember(rule, "python"),
                   .container = TextMember(rule, "container")});
    const EnvironmentRule& last = out.back();
    if (last.image.empty() || last.python.empty() == last.container.empty()) {
      return std::unexpected(
          BadFile(file, at + "'image' and either 'python' or 'container' have to be texts"));
    }
    if (last.container.find_first_not_of("0123456789abcdef") != std::string::npos) {
      return std::unexpected(BadFile(file, at + "'container' is no folder of images/"));
    }
  }
  return out;
}

bool Matches(const std::string& glob, const std::string& image) {
  const std::string name = image.substr(image.rfind('/') + 1);
  return ::fnmatch(glob.c_str(), image.c_str(), 0) == 0 ||
         ::fnmatch(glob.c_str(), name.c_str(), 0) == 0;
}

// What the image's name promises and `python` does not hold.
std::vector<std::string> Differences(const std::optional<FrameworkImage>& image,
                                     const Python& python) {
  std::vector<std::string> out;
  if (!image) return out;
  if (!image->python.empty() && image->python != python.version) {
    out.push_back("Python " + python.version + " instead of the image's " + image->python);
  }
  const Framework* framework = FindFramework(image->framework);
  const std::string promised = PromisedVersion(image->framework, image->version);
  if (framework == nullptr || promised.empty()) return out;
  const auto packages = InstalledPackages(python);
  const auto it = packages.find(std::string(framework->package));
  const std::string package(framework->package);
  if (it == packages.end()) {
    out.push_back("it has no " + package + "; the image's is " + promised);
  } else if (!VersionMatches(it->second, promised)) {
    out.push_back(package + " " + it->second + " instead of the image's " + promised);
  }
  return out;
}

bool Holds(const Python& python, const std::string& framework) {
  const Framework* row = FindFramework(framework);
  return row != nullptr && InstalledPackages(python).contains(std::string(row->package));
}

Environment Chosen(std::string name, const Python& python,
                   const std::optional<FrameworkImage>& image) {
  return {.name = std::move(name),
          .interpreter = python.interpreter.string(),
          .folders = python.folders,
          .framework = image ? image->framework : "",
          .notes = Differences(image, python)};
}

}  // namespace

fs::path EnvironmentsDirectory(const fs::path& state) { return state / "environments"; }
fs::path LayersDirectory(const fs::path& state) { return state / "layers"; }

std::string ToJson(const BuiltEnvironment& built) {
  const json out = {{"version", 1},
                    {"framework", built.framework},
                    {"framework_version", built.version},
                    {"python", built.python},
                    {"notes", built.notes},
                    {"packages", built.packages},
                    {"created_ms", built.created_ms}};
  return out.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<BuiltEnvironment> BuiltFromJson(std::string_view text) {
  const json document = json::parse(text, nullptr, false);
  const auto bad = [](const char* why) { return Fail(Code::kDataLoss, "BadEnvironments", why); };
  if (!document.is_object()) return bad("it is no JSON object");
  if (document.value("version", json()) != 1) return bad("its version is not 1");
  BuiltEnvironment out{.framework = TextMember(document, "framework"),
                       .version = TextMember(document, "framework_version"),
                       .python = TextMember(document, "python")};
  if (FindFramework(out.framework) == nullptr || out.version.empty()) {
    return bad("it names no framework");
  }
  for (const auto& [name, list] : {std::pair{"notes", &out.notes}, {"packages", &out.packages}}) {
    const auto it = document.find(name);
    if (it == document.end() || !it->is_array()) continue;
    for (const json& line : *it) {
      if (line.is_string()) list->push_back(line.get<std::string>());
    }
  }
  const auto created = document.find("created_ms");
  if (created != document.end() && created->is_number_integer()) {
    out.created_ms = created->get<int64_t>();
  }
  return out;
}

Result<Environments> Environments::Load(EnvironmentsOptions options) {
  Environments out;
  CLARY_TRY(out.rules_, ParseRules(options.state / "environments.json"));
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(EnvironmentsDirectory(options.state), ec)) {
    // One without this file is being built, or its build was killed.
    auto text = ReadFile(entry.path() / "environment.json", kMaxManifest);
    if (!text) continue;
    auto built = BuiltFromJson(*text);
    if (!built) {
      return std::unexpected(
          BadFile(entry.path() / "environment.json", std::move(built).error().message));
    }
    built->dir = entry.path();
    out.built_.push_back(*std::move(built));
  }
  std::ranges::sort(out.built_, {}, &BuiltEnvironment::name);
  out.options_ = std::move(options);
  return out;
}

Result<Environment> Environments::Resolve(const Wish& wish) const {
  const auto image = ParseFrameworkImage(wish.image);
  std::string refused;  // why the nearest one will not do
  const auto fits = [&](const std::string& name, const Python& python) {
    if (wish.python.empty() || wish.python == python.version) return true;
    refused += " " + name + " has Python " + python.version + ", and the request needs " +
               wish.python + ".";
    return false;
  };
  for (const EnvironmentRule& rule : rules_) {
    if (!Matches(rule.image, wish.image)) continue;
    if (!rule.container.empty()) {
      auto container = FindImage(options_.state, rule.container);
      if (!container) {
        return Fail(Code::kInvalidArgument, "ValidationException",
                    "The image '" + wish.image + "' is mapped by the rule '" + rule.image +
                        "' of environments.json to a container image that is not here: " +
                        container.error().message);
      }
      Environment out{.name = "image " + container->name,
                      .framework = image ? image->framework : ""};
      out.image = *std::move(container);
      return out;
    }
    auto python = LookAtPython(rule.python);
    if (!python) {
      return Fail(
          Code::kInvalidArgument, "ValidationException",
          "The image '" + wish.image + "' is mapped by the rule '" + rule.image +
              "' of environments.json to a Python that cannot be used: " + python.error().message);
    }
    if (fits(rule.python, *python)) return Chosen(rule.python, *python, image);
  }
  if (image) {
    for (const BuiltEnvironment& built : built_) {
      const bool wanted =
          image->framework == "python"
              ? built.framework == "python" &&
                    built.version == (wish.python.empty() ? image->version : wish.python)
              : built.framework == image->framework && built.version == image->version;
      if (!wanted) continue;
      auto python = LookAtPython(built.dir);
      if (!python) {
        return Fail(Code::kInvalidArgument, "ValidationException",
                    "The environment " + built.name() + " for the image '" + wish.image +
                        "' is damaged: " + python.error().message +
                        ". Build it again: clary environments remove " + built.name() +
                        ", then clary environments build " + built.framework + " " + built.version);
      }
      if (!fits(built.name(), *python)) continue;
      return Chosen(built.name(), *python, image);
    }
  }
  if (!options_.default_python.empty()) {
    auto python = LookAtPython(options_.default_python);
    if (!python) {
      return Fail(Code::kInvalidArgument, "ValidationException",
                  "The image '" + wish.image +
                      "' needs the default Python (clary serve --python), "
                      "which cannot be used: " +
                      python.error().message);
    }
    const bool holds = !image || Holds(*python, image->framework);
    if (!holds) {
      refused += " The default Python, " + options_.default_python + ", has no " +
                 std::string(FindFramework(image->framework)->package) + ".";
    } else if (fits("The default Python, " + options_.default_python + ",", *python)) {
      return Chosen("default", *python, image);
    }
  }
  std::string known;
  size_t count = 0;
  for (const BuiltEnvironment& built : built_) {
    if (++count <= kMaxShown) known += (known.empty() ? "" : ", ") + built.name();
  }
  for (const EnvironmentRule& rule : rules_) {
    if (++count <= kMaxShown) known += (known.empty() ? "" : ", ") + ("'" + rule.image + "'");
  }
  const std::string build =
      image ? "clary environments build " + image->framework + " " +
                  (image->framework == "python" && !wish.python.empty() ? wish.python
                   : image->version.empty()                             ? "VERSION"
                                                                        : image->version)
            : "";
  return Fail(Code::kInvalidArgument, "ValidationException",
              "No environment on this host runs the image '" + wish.image + "'. There are: " +
                  (known.empty() ? "none" : known) + "." + refused + " To add one: " +
                  (build.empty() ? "" : build + ", or map the image to a Python of yours: ") +
                  "clary environments add '" + wish.image.substr(wish.image.rfind('/') + 1) +
                  "' /path/to/python" +
                  (options_.default_python.empty() && !image
                       ? ", or give one for all images of yours: clary serve --python PATH"
                       : "") +
                  ".");
}

Status Environments::AddRule(EnvironmentRule rule) {
  if (rule.container.empty()) CLARY_CHECK_OK(LookAtPython(rule.python));
  const auto it = std::ranges::find(rules_, rule.image, &EnvironmentRule::image);
  if (it != rules_.end()) {
    *it = std::move(rule);
  } else {
    rules_.push_back(std::move(rule));
  }
  return WriteRules();
}

Status Environments::WriteRules() const {
  json list = json::array();
  for (const EnvironmentRule& r : rules_) {
    const bool container = !r.container.empty();
    list.push_back({{"image", r.image},
                    {container ? "container" : "python", container ? r.container : r.python}});
  }
  const json document = {{"version", 1}, {"rules", std::move(list)}};
  CLARY_CHECK_OK(MakeDirectories(options_.state, 0700));
  return WriteFileAtomic(options_.state / "environments.json",
                         document.dump(2, ' ', false, json::error_handler_t::replace) + "\n");
}

Status Environments::Remove(std::string_view name) {
  const auto rule = std::ranges::find(rules_, name, &EnvironmentRule::image);
  if (rule != rules_.end()) {
    const std::string container = rule->container;
    rules_.erase(rule);
    CLARY_CHECK_OK(WriteRules());
    if (container.empty() ||
        std::ranges::count(rules_, container, &EnvironmentRule::container) > 0) {
      return {};
    }
    // First what makes it an image, as below.
    const fs::path dir = ImagesDirectory(options_.state) / container;
    std::error_code ec;
    fs::remove(dir / "image.json", ec);
    return RemoveTree(dir);
  }
  const auto built = std::ranges::find_if(built_, [&](const auto& b) { return b.name() == name; });
  if (built == built_.end()) {
    std::string known;
    for (const auto& b : built_) known += (known.empty() ? "" : ", ") + b.name();
    for (const auto& r : rules_) known += (known.empty() ? "" : ", ") + ("'" + r.image + "'");
    return Fail(Code::kNotFound, "NoEnvironment",
                "there is no environment '" + std::string(name) +
                    "'. There are: " + (known.empty() ? "none" : known));
  }
  // First what makes it one, so that what a crash leaves is no environment.
  std::error_code ec;
  fs::remove(built->dir / "environment.json", ec);
  CLARY_CHECK_OK(RemoveTree(built->dir));
  built_.erase(built);
  return {};
}

}  // namespace clary::toolkit
