#include "toolkit/build.h"

#include <algorithm>

#include "base/file.h"
#include "base/strings.h"
#include "base/suggest.h"
#include "toolkit/internal/tool.h"

namespace clary::toolkit {
namespace fs = std::filesystem;
namespace {

// What an image's environment holds beside its framework. A requirement counts for framework
// versions below `below`; empty: for all.
struct Companion {
  std::string_view framework;
  std::string_view below;
  std::string_view requirement;
};
constexpr Companion kCompanions[] = {
    // Releases of their time: what is newer has dropped what they call.
    {"sklearn", "1.5", "numpy<2"},   {"sklearn", "1.5", "scipy<1.14"},
    {"sklearn", "", "pandas<3"},     {"sklearn", "", "joblib"},
    {"sklearn", "", "boto3"},        {"xgboost", "2", "numpy<2"},
    {"xgboost", "2", "scipy<1.14"},  {"xgboost", "2", "scikit-learn<1.5"},
    {"xgboost", "", "scikit-learn"}, {"xgboost", "", "pandas<3"},
    {"xgboost", "", "boto3"},        {"pytorch", "2.3", "numpy<2"},
    {"pytorch", "", "numpy"},        {"pytorch", "", "boto3"},
    {"python", "", "sagemaker<3"},
};

// Numbers of a version, as far as they are numbers: "1.2.1" -> 1, 2, 1.
std::vector<uint64_t> Numbers(std::string_view version) {
  std::vector<uint64_t> out;
  for (const std::string_view part : Split(version, '.')) {
    const auto number = ParseUint(part);
    if (!number) break;
    out.push_back(*number);
  }
  while (!out.empty() && out.back() == 0) out.pop_back();  // 1.0 is 1
  return out;
}

std::unexpected<Error> BadUsage(std::string message) {
  return Fail(Code::kInvalidArgument, "Usage", std::move(message));
}

struct Base {
  std::string interpreter;
  std::string version;  // "3.11"
};

Result<Base> FindBase(const BuildOptions& options, const std::vector<std::string>& env) {
  std::string wanted = options.python;
  const bool python = options.framework == "python";
  if (wanted.empty()) wanted = python ? "python" + options.version : "python3";
  constexpr char kAsk[] =
      "import sys; print('%d.%d' % sys.version_info[:2]); "
      "print(getattr(sys, '_base_executable', None) or sys.executable)";
  const auto ask = [&](const std::string& name) {
    return RunTool({name, "-I", "-c", kAsk}, env, kToolOutput, options.stop);
  };
  CLARY_TRY(ToolOutcome said, ask(wanted));
  if (said.code == 127 && options.python.empty() && python) {
    CLARY_TRY(said, ask("python3"));
    wanted = "python3";
  }
  const auto lines = Split(said.output, '\n');
  if (said.code != 0 || lines.size() < 2) {
    return Fail(Code::kNotFound, "NoPython",
                "there is no Python to build with: '" + wanted +
                    "' does not run. Name one with --python PATH");
  }
  Base out{.interpreter = std::string(Trim(lines[1])), .version = std::string(Trim(lines[0]))};
  if (python && out.version != options.version) {
    return Fail(Code::kNotFound, "NoPython",
                out.interpreter + " is Python " + out.version + ", not " + options.version +
                    ". Name one of that version with --python PATH");
  }
  return out;
}

// The releases that pip could have taken, from its complaint that what it was asked for is not
// among them: "... (from versions: 1.1.3, 1.2.0rc1, 1.2.0)".
std::vector<std::string> VersionsTold(std::string_view output) {
  std::vector<std::string> out;
  constexpr std::string_view kBefore = "(from versions: ";
  const size_t at = output.find(kBefore);
  if (at == std::string_view::npos) return out;
  output.remove_prefix(at + kBefore.size());
  for (const std::string_view part : Split(output.substr(0, output.find(')')), ',')) {
    const std::string_view v = Trim(part);
    const bool release = !v.empty() && v.find_first_not_of("0123456789.") == std::string_view::npos;
    if (release || v.find(".post") != std::string_view::npos) out.emplace_back(v);
  }
  return out;
}

std::vector<std::string> Lines(std::string_view text) {
  std::vector<std::string> out;
  for (const std::string_view line : Split(text, '\n')) {
    if (!Trim(line).empty()) out.emplace_back(Trim(line));
  }
  return out;
}

Status CheckOptions(const BuildOptions& options) {
  const auto known = BuildableFrameworks();
  if (std::ranges::find(known, options.framework) == known.end()) {
    std::string all;
    for (const std::string_view name : known) all.append(all.empty() ? "" : ", ").append(name);
    const bool other = FindFramework(options.framework) != nullptr;
    return BadUsage("environments of '" + options.framework + "' cannot be built." +
                    DidYouMean(options.framework, known) + " There are: " + all + "." +
                    (other ? " For its images map a Python of yours: clary environments add" : ""));
  }
  const std::string& v = options.version;
  const bool plain =
      !v.empty() && v.size() <= 32 && v.front() >= '0' && v.front() <= '9' &&
      std::ranges::all_of(v, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '.' || c == '-';
      });
  if (!plain) {
    return BadUsage("'" + v +
                    "' is no version of an image's tag, such as 1.2-1, 2.3.0 or, of "
                    "python, 3.11");
  }
  for (const std::string& requirement : options.with) {
    if (requirement.empty() || requirement.front() == '-') {
      return BadUsage("'" + requirement + "' is no requirement, such as lightgbm==4.3.0");
    }
  }
  for (const std::string& folder : options.wheels) {
    std::error_code ec;
    if (!fs::is_directory(folder, ec)) return BadUsage("--wheels " + folder + " is no folder");
  }
  return {};
}

}  // namespace

std::vector<std::string_view> BuildableFrameworks() {
  return {"sklearn", "xgboost", "pytorch", "python"};
}

std::string NearestRelease(const std::vector<std::string>& available, std::string_view promised) {
  const auto wanted =
      Numbers(promised.ends_with(".*") ? promised.substr(0, promised.size() - 2) : promised);
  const std::string* newest_match = nullptr;
  const std::string* after = nullptr;   // the first after what is wanted
  const std::string* before = nullptr;  // the last before it
  const auto newer = [](const std::string* a, const std::string* b) {
    return b == nullptr || Numbers(*a) > Numbers(*b);
  };
  for (const std::string& v : available) {
    if (VersionMatches(v, promised)) {
      if (newer(&v, newest_match)) newest_match = &v;
    } else if (Numbers(v) == wanted) {
      newest_match = &v;
    } else if (Numbers(v) > wanted) {
      if (after == nullptr || Numbers(v) < Numbers(*after)) after = &v;
    } else if (newer(&v, before)) {
      before = &v;
    }
  }
  const std::string* found = newest_match != nullptr ? newest_match
                             : after != nullptr      ? after
                                                     : before;
  return found != nullptr ? *found : "";
}

Status RemoveRests(const fs::path& state) {
  const fs::path all = EnvironmentsDirectory(state);
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(all, ec)) {
    if (!entry.is_directory(ec) || fs::exists(entry.path() / "environment.json", ec)) continue;
    const auto lock = FileLock::Acquire(entry.path().string() + ".lock");
    if (!lock) continue;  // it is being built
    CLARY_CHECK_OK(RemoveTree(entry.path()));
  }
  return {};
}

Result<BuiltEnvironment> BuildEnvironment(const BuildOptions& options) {
  CLARY_CHECK_OK(CheckOptions(options));
  const auto say = [&](const std::string& line) {
    if (options.say) options.say(line);
  };
  BuiltEnvironment built{.framework = options.framework, .version = options.version};
  built.created_ms = options.now_ms;
  built.dir = EnvironmentsDirectory(options.state) / (options.framework + "-" + options.version);
  CLARY_CHECK_OK(MakeDirectories(options.state, 0700));
  CLARY_CHECK_OK(MakeDirectories(EnvironmentsDirectory(options.state), 0700));
  const auto lock = FileLock::Acquire(built.dir.string() + ".lock");
  if (!lock) {
    return Fail(Code::kFailedPrecondition, "Building",
                "another process builds " + built.name() + " at this moment");
  }
  std::error_code ec;
  if (fs::exists(built.dir / "environment.json", ec)) {
    return Fail(
        Code::kAlreadyExists, "EnvironmentExists",
        built.name() + " is there. To build it anew: clary environments remove " + built.name());
  }
  const auto env = ToolEnvironment();
  CLARY_TRY(const Base base, FindBase(options, env));
  built.python = base.version;
  CLARY_CHECK_OK(RemoveTree(built.dir));
  Scaffold scaffold(built.dir);
  say("Python " + base.version + " (" + base.interpreter + ") in " + built.dir.string());
  CLARY_TRY(const ToolOutcome made, RunTool({base.interpreter, "-m", "venv", built.dir.string()},
                                            env, options.output, options.stop));
  if (made.code != 0) {
    return Fail(Code::kFailedPrecondition, "NoVenv",
                base.interpreter +
                    " -m venv failed. On Debian, install python3-venv; or name another Python with "
                    "--python PATH");
  }
  const std::string python = built.dir / "bin/python";
  std::vector<std::string> source;
  if (!options.wheels.empty()) source.emplace_back("--no-index");
  for (const std::string& folder : options.wheels) {
    source.insert(source.end(), {"--find-links", fs::absolute(folder, ec).string()});
  }
  const auto pip = [&](std::vector<std::string> words, bool with_source) {
    words.insert(words.begin(), {python, "-I", "-m", "pip"});
    if (with_source) words.insert(words.end(), source.begin(), source.end());
    return words;
  };

  std::vector<std::string> requirements;
  const Framework* framework = FindFramework(options.framework);
  const std::string package(framework->package);
  const std::string promised = PromisedVersion(options.framework, options.version);
  std::string chosen = promised;
  if (!promised.empty()) {
    CLARY_TRY(const ToolOutcome said,
              RunTool(pip({"download", "--only-binary=:all:", "--no-deps", "--no-input", "-d",
                           built.dir / "none", package + "==0"},
                          true),
                      env, kToolBoth, options.stop));
    chosen = NearestRelease(VersionsTold(said.output), promised);
    if (chosen.empty()) {
      return Fail(Code::kUnavailable, "PipFailed",
                  "no release of " + package + " for Python " + base.version +
                      " was found. Packages come from pip's settings (PIP_INDEX_URL), or from a "
                      "folder with --wheels");
    }
    if (!VersionMatches(chosen, promised) && Numbers(chosen) != Numbers(promised)) {
      built.notes.push_back(package + " " + promised + " has no wheel for Python " + base.version +
                            "; " + chosen + " is the nearest release that has one");
      say(built.notes.back());
    }
    requirements.push_back(package + "==" + chosen);
  }
  for (const Companion& companion : kCompanions) {
    if (companion.framework != options.framework) continue;
    if (!companion.below.empty() && !(Numbers(chosen) < Numbers(companion.below))) continue;
    requirements.emplace_back(companion.requirement);
  }
  requirements.insert(requirements.end(), options.with.begin(), options.with.end());
  std::string list;
  for (const std::string& requirement : requirements) list += " " + requirement;
  say("pip install" + list);
  std::vector<std::string> install = {"install", "--only-binary=:all:", "--no-input"};
  install.insert(install.end(), requirements.begin(), requirements.end());
  CLARY_TRY(const ToolOutcome installed,
            RunTool(pip(std::move(install), true), env, options.output, options.stop));
  if (installed.code != 0) {
    return Fail(Code::kUnavailable, "PipFailed",
                "pip could not install" + list +
                    "; what it said is above. Nothing was left behind. Packages come from pip's "
                    "settings (PIP_INDEX_URL), or from a folder with --wheels");
  }
  CLARY_TRY(const ToolOutcome frozen,
            RunTool(pip({"freeze", "--all"}, false), env, kToolOutput, options.stop));
  if (frozen.code != 0) return Fail(Code::kInternal, "PipFailed", "pip freeze failed");
  built.packages = Lines(frozen.output);
  std::string locked;
  for (const std::string& line : built.packages) locked += line + "\n";
  CLARY_CHECK_OK(WriteFileAtomic(built.dir / "requirements.lock", locked));
  CLARY_CHECK_OK(WriteFileAtomic(built.dir / "environment.json", ToJson(built)));
  scaffold.Keep();
  return built;
}

}  // namespace clary::toolkit
