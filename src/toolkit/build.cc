#include "toolkit/build.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "base/file.h"
#include "base/strings.h"
#include "base/suggest.h"

namespace clary::toolkit {
namespace fs = std::filesystem;
namespace {

constexpr size_t kMaxOutput = 4 << 20;
constexpr int kPollMs = 200;
constexpr int kGracePolls = 15;  // of kPollMs, between SIGTERM and SIGKILL

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

struct Outcome {
  int code = 0;  // as a shell tells it
  std::string output;
};

constexpr int kOutput = -1;  // keep standard output
constexpr int kBoth = -2;    // and standard error with it

// Runs `argv` in a process group of its own, which dies with this thread, until it ends or `stop`
// is requested. Its output is kept (kOutput, kBoth) or goes to the descriptor `output`.
Result<Outcome> RunTool(const std::vector<std::string>& argv, const std::vector<std::string>& env,
                        int output, const std::stop_token& stop) {
  int pipe_fds[2] = {-1, -1};
  if (::pipe2(pipe_fds, O_CLOEXEC) != 0) return std::unexpected(ErrnoError(errno, "pipe"));
  const Fd read_end(pipe_fds[0]);
  Fd write_end(pipe_fds[1]);
  std::vector<std::string> words = argv;
  std::vector<std::string> variables = env;
  std::vector<char*> args;
  std::vector<char*> environment;
  for (std::string& w : words) args.push_back(w.data());
  for (std::string& v : variables) environment.push_back(v.data());
  args.push_back(nullptr);
  environment.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return std::unexpected(ErrnoError(errno, "fork"));
  if (pid == 0) {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(126);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::signal(SIGPIPE, SIG_DFL);
    const int null = ::open("/dev/null", O_RDONLY);
    ::dup2(null, 0);
    ::dup2(output < 0 ? write_end.get() : output, 1);
    if (output != kOutput) ::dup2(1, 2);
    ::execvpe(args[0], args.data(), environment.data());
    ::_exit(errno == ENOENT ? 127 : 126);
  }
  ::setpgid(pid, pid);
  write_end = Fd();
  const Fd ended(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  Outcome out;
  int status = 0;
  int asked = 0;
  for (;;) {
    pollfd polls[] = {{read_end.get(), POLLIN, 0}, {ended.get(), POLLIN, 0}};
    // The pipe has nothing to tell when the output goes elsewhere.
    ::poll(output < 0 ? polls : polls + 1, output < 0 ? 2 : 1, kPollMs);
    if (output < 0 && polls[0].revents != 0) {
      char buffer[4096];
      const ssize_t n = ::read(read_end.get(), buffer, sizeof buffer);
      if (n > 0 && out.output.size() < kMaxOutput)
        out.output.append(buffer, static_cast<size_t>(n));
      if (n > 0) continue;
    }
    const pid_t done = ::waitpid(pid, &status, WNOHANG);
    if (done == pid) break;
    if (!stop.stop_requested()) continue;
    if (asked == 0) ::kill(-pid, SIGTERM);
    if (++asked == kGracePolls) ::kill(-pid, SIGKILL);
  }
  ::kill(-pid, SIGKILL);  // what it left behind
  if (stop.stop_requested()) return Fail(Code::kCancelled, "Stopped", "stopped");
  out.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return out;
}

// This process's variables without those that would bend a Python.
std::vector<std::string> ToolEnvironment() {
  std::vector<std::string> out;
  for (char** v = environ; *v != nullptr; ++v) {
    const std::string_view text(*v);
    if (text.starts_with("PYTHON") || text.starts_with("VIRTUAL_ENV=") ||
        text.starts_with("PIP_REQUIRE_VIRTUALENV=") || text.starts_with("PIP_TARGET=") ||
        text.starts_with("PIP_USER=") || text.starts_with("PIP_PREFIX=")) {
      continue;
    }
    out.emplace_back(text);
  }
  out.emplace_back("PIP_DISABLE_PIP_VERSION_CHECK=1");
  return out;
}

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

// An environment's folder while it is built: gone again unless it is kept.
class Scaffold {
 public:
  explicit Scaffold(fs::path dir) : dir_(std::move(dir)) {}
  Scaffold(const Scaffold&) = delete;
  Scaffold& operator=(const Scaffold&) = delete;
  ~Scaffold() {
    if (!kept_) (void)RemoveTree(dir_);
  }
  void Keep() { kept_ = true; }

 private:
  fs::path dir_;
  bool kept_ = false;
};

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
    return RunTool({name, "-I", "-c", kAsk}, env, kOutput, options.stop);
  };
  CLARY_TRY(Outcome said, ask(wanted));
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
  CLARY_TRY(const Outcome made, RunTool({base.interpreter, "-m", "venv", built.dir.string()}, env,
                                        options.output, options.stop));
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
    CLARY_TRY(const Outcome said,
              RunTool(pip({"download", "--only-binary=:all:", "--no-deps", "--no-input", "-d",
                           built.dir / "none", package + "==0"},
                          true),
                      env, kBoth, options.stop));
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
  CLARY_TRY(const Outcome installed,
            RunTool(pip(std::move(install), true), env, options.output, options.stop));
  if (installed.code != 0) {
    return Fail(Code::kUnavailable, "PipFailed",
                "pip could not install" + list +
                    "; what it said is above. Nothing was left behind. Packages come from pip's "
                    "settings (PIP_INDEX_URL), or from a folder with --wheels");
  }
  CLARY_TRY(const Outcome frozen,
            RunTool(pip({"freeze", "--all"}, false), env, kOutput, options.stop));
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
