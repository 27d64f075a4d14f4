#include "rules/internal/custom_rule.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "base/file.h"
#include "base/stream.h"
#include "base/strings.h"
#include "runner/channels.h"
#include "runner/job_log.h"
#include "runner/program.h"
#include "runner/tree.h"
#include "toolkit/python.h"

namespace clary::rules {
namespace fs = std::filesystem;
using nlohmann::json;
namespace {

constexpr uint64_t kMaxSource = 16 << 20;
constexpr uint64_t kMaxResult = 1 << 20;
constexpr int kPollMs = 200;
constexpr Duration kGrace{5000};  // between SIGTERM and SIGKILL
constexpr char kEndMarker[] = "training_job_end.ts";

// Inside the sandbox. It ends with a result file, or with an exit code and its last line.
constexpr char kDriver[] = R"py(
import importlib.util, inspect, json, sys, traceback

config = json.load(open(sys.argv[1] + "/input/config/rule.json"))
base = sys.argv[1]

def finish(status, details=""):
    with open(base + "/output/result.json", "w") as out:
        json.dump({"status": status, "details": details}, out)
    sys.exit(0)

try:
    from smdebug.exceptions import NoMoreData, RuleEvaluationConditionMet
    from smdebug.rules.rule_invoker import invoke_rule
    from smdebug.trials import create_trial
except Exception as error:
    print("no smdebug: %s: %s" % (type(error).__name__, error))
    sys.exit(3)

def main():
    spec = importlib.util.spec_from_file_location("custom_rule", base + "/input/code/custom_rule.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    rule_class = getattr(module, config["rule"], None)
    if rule_class is None:
        finish("Error", "ClientError: the source has no class '%s'" % config["rule"])
    trial = create_trial(base + "/input/tensors")
    given = dict(config["parameters"])
    start = int(given.pop("start_step", 0) or 0)
    end = given.pop("end_step", None)
    accepted = inspect.signature(rule_class.__init__).parameters
    takes_all = any(p.kind == p.VAR_KEYWORD for p in accepted.values())
    arguments = {k: v for k, v in given.items() if takes_all or k in accepted}
    if "action_str" in accepted:
        arguments.setdefault("action_str", "")
    rule = rule_class(trial, **arguments)
    try:
        invoke_rule(rule, start_step=start, end_step=int(end) if end else None,
                    raise_eval_cond=True)
    except RuleEvaluationConditionMet as met:
        finish("IssuesFound", "RuleEvaluationConditionMet: %s" % met)
    except NoMoreData:
        pass
    if not trial.steps():
        finish("Error", "ClientError: No debugging data was saved by the training job.")
    finish("NoIssuesFound")

try:
    main()
except Exception as error:
    traceback.print_exc()
    finish("Error", "ClientError: the rule raised %s: %s" % (type(error).__name__, error))
)py";

Error NoPython(const std::string& python, const std::string& why) {
  return {Code::kFailedPrecondition, "NoPython",
          "rules of users need a Python with smdebug, and " + python + " is none (" + why +
              "). On the service's machine: python3 -m venv /opt/smdebug && "
              "/opt/smdebug/bin/pip install smdebug requests setuptools, then start the service "
              "with --rule-python /opt/smdebug/bin/python"};
}

// Brings objects below a prefix to a directory, each when it is new or has changed.
class TensorCopy {
 public:
  TensorCopy(objects::ObjectStore& store, objects::ObjectRef root, fs::path to)
      : store_(store), root_(std::move(root)), to_(std::move(to)) {}

  Status Sync() {
    objects::ListOptions options{.prefix = root_.key + "/"};
    std::vector<objects::ObjectInfo> fresh;
    for (bool more = true; more;) {
      auto page = store_.List(root_.bucket, options);
      if (!page && page.error().code == Code::kNotFound) return {};
      if (!page) return std::unexpected(page.error());
      for (objects::ObjectInfo& object : page->objects) {
        std::string& etag = seen_[object.key];
        if (etag == object.etag) continue;
        fresh.push_back(std::move(object));
      }
      more = page->truncated;
      options.start_after = page->next;
    }
    // In byte order collections and events come before the index that names them.
    for (const objects::ObjectInfo& object : fresh) {
      CLARY_TRY(const std::string place, runner::PlaceOf(object.key, options.prefix));
      if (place == kEndMarker) continue;  // written when all else is there
      CLARY_TRY(auto got, store_.Get({root_.bucket, object.key}));
      CLARY_CHECK_OK(Copy(*got.body, to_ / place));
      seen_[object.key] = object.etag;
    }
    return {};
  }
  Status Finish() { return Copy(*NewStringSource(""), to_ / kEndMarker); }

 private:
  static Status Copy(ByteSource& from, const fs::path& to) {
    CLARY_CHECK_OK(MakeDirectories(to.parent_path()));
    const fs::path temp = to.string() + ".tmp";
    CLARY_TRY(const Fd fd, OpenFile(temp, O_WRONLY | O_CREAT | O_TRUNC));
    std::vector<char> buffer(1 << 16);
    for (;;) {
      CLARY_TRY(const size_t n, from.Read(buffer));
      if (n == 0) break;
      CLARY_CHECK_OK(WriteAll(fd.get(), {buffer.data(), n}));
    }
    if (::rename(temp.c_str(), to.c_str()) != 0) {
      return std::unexpected(ErrnoError(errno, "writing " + to.string()));
    }
    return {};
  }
  objects::ObjectStore& store_;
  const objects::ObjectRef root_;
  const fs::path to_;
  std::map<std::string, std::string> seen_;
};

Status LayOut(const api::RuleSpec& spec, objects::ObjectStore& store, const fs::path& work) {
  for (const char* dir : {"input/config", "input/code", "input/tensors", "output", "model"}) {
    CLARY_CHECK_OK(MakeDirectories(work / dir));
  }
  const std::string uri = spec.parameters.at("source_s3_uri");
  CLARY_TRY(const auto source, objects::ObjectRef::ParseUri(uri));
  auto got = store.Get(source);
  if (!got) return std::unexpected(std::move(got).error().With("source_s3_uri " + uri));
  auto code = ReadAll(*got->body, kMaxSource);
  if (!code) return std::unexpected(std::move(code).error().With("source_s3_uri " + uri));
  auto parameters = spec.parameters;
  for (const char* ours : {"source_s3_uri", "rule_to_invoke", "action_json"}) {
    parameters.erase(ours);
  }
  const json config = {{"rule", spec.Invoked()}, {"parameters", parameters}};
  const std::map<std::string, std::string> files = {
      {"input/code/custom_rule.py", *code},
      {"input/config/driver.py", kDriver},
      {"input/config/rule.json", config.dump(-1, ' ', false, json::error_handler_t::replace)}};
  for (const auto& [name, text] : files) {
    CLARY_TRY(const Fd fd, OpenFile(work / name, O_WRONLY | O_CREAT | O_TRUNC));
    CLARY_CHECK_OK(WriteAll(fd.get(), text));
  }
  return {};
}

// The program's result file, which may be anything it pleased; empty: none.
std::string ReadResult(const fs::path& work) {
  const auto fd = runner::OpenBeneath(work, "output/result.json", O_RDONLY | O_NONBLOCK);
  struct stat st{};
  if (!fd || ::fstat(fd->get(), &st) != 0 || !S_ISREG(st.st_mode)) return {};
  std::string text(kMaxResult, '\0');
  const ssize_t n = ::read(fd->get(), text.data(), text.size());
  text.resize(n > 0 ? static_cast<size_t>(n) : 0);
  return text;
}

std::optional<api::RuleResult> ParseResult(const std::string& text) {
  const json said = json::parse(text, nullptr, false);
  if (!said.is_object()) return std::nullopt;
  const json status = said.value("status", json());
  const json details = said.value("details", json());
  if (!status.is_string() || !details.is_string()) return std::nullopt;
  api::RuleResult result{.status = status, .details = details};
  if (!api::IsFinalRuleStatus(result.status)) return std::nullopt;
  return result;
}

}  // namespace

Result<api::RuleResult> RunCustomRule(const api::RuleSpec& spec, const fs::path& rule_dir,
                                      const CustomRuleEnvironment& environment) {
  const fs::path work = rule_dir / "work";
  const fs::path temp = rule_dir / "tmp";
  if (::access(spec.python.c_str(), X_OK) != 0) {
    return std::unexpected(NoPython(spec.python, "there is no such program"));
  }
  if (const std::string why = runner::SandboxProbe::Start(runner::Network::kNone).Wait();
      !why.empty()) {
    return Fail(Code::kFailedPrecondition, "NoSandbox",
                "rules of users run in a sandbox only, and there is none: " + why);
  }
  for (const fs::path& dir : {work, temp}) CLARY_CHECK_OK(RemoveTree(dir));
  CLARY_CHECK_OK(MakeDirectories(temp));
  CLARY_CHECK_OK(LayOut(spec, environment.store, work));
  CLARY_TRY(objects::ObjectRef tensors, objects::ObjectRef::ParseUri(spec.tensors_uri));
  TensorCopy copy(environment.store, tensors, work / "input/tensors");

  runner::ProgramSpec program{
      .argv = {spec.python, "-u", "/opt/ml/input/config/driver.py", "/opt/ml"},
      .env = {"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/tmp", "LANG=C.UTF-8",
              "PYTHONDONTWRITEBYTECODE=1", "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION=python"},
      .work = work,
      .temp = temp};
  std::error_code ec;
  for (const std::string& folder : toolkit::FoldersOf(fs::absolute(spec.python, ec))) {
    program.shown.push_back({folder, folder});
  }
  CLARY_TRY(runner::Program running, runner::Program::Start(program));

  runner::LineSplitter splitter;
  std::string last_line;
  const auto drain = [&] {
    std::vector<char> buffer(1 << 16);
    for (ssize_t n; (n = ::read(running.output(), buffer.data(), buffer.size())) > 0;) {
      for (const std::string& line : splitter.Feed({buffer.data(), static_cast<size_t>(n)})) {
        environment.log(line);
        last_line = line;
      }
    }
  };
  std::optional<int> code;
  std::optional<Time> killed_at;
  bool complete = false;
  Status trouble;
  while (!code) {
    if (environment.stop.stop_requested()) {
      const Time now = environment.clock.Now();
      if (!killed_at) {
        killed_at = now + kGrace;
        (void)running.Terminate();
      } else if (now >= *killed_at) {
        running.Kill();
      }
    } else if (!complete) {
      // Asked before looking: what is there after the job's end is all there will be.
      const bool ended = environment.job_ended();
      trouble = copy.Sync();
      if (trouble && ended) {
        trouble = copy.Finish();
        complete = true;
      }
    }
    pollfd polls[] = {{running.pidfd(), POLLIN, 0}};
    ::poll(polls, 1, kPollMs);
    drain();
    code = running.Wait();
  }
  drain();
  for (const std::string& line : splitter.Finish()) {
    environment.log(line);
    last_line = line;
  }
  const std::string text = ReadResult(work);
  (void)RemoveTree(work);
  (void)RemoveTree(temp);
  if (killed_at) return Fail(Code::kCancelled, "Stopped", "rule stopped");
  if (*code == 3 && last_line.starts_with("no smdebug")) {
    return std::unexpected(NoPython(spec.python, last_line));
  }
  if (const auto said = ParseResult(text)) return *said;
  CLARY_CHECK_OK(trouble);
  return Fail(Code::kFailedPrecondition, "RuleFailed",
              "the rule's program ended with code " + std::to_string(*code) + ": " + last_line);
}

}  // namespace clary::rules
