#include "runner/internal/script.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "runner/tree.h"
#include "runner/unpack.h"
#include "toolkit/frameworks.h"
#include "toolkit/python.h"

namespace clary::runner {
namespace fs = std::filesystem;
namespace {

constexpr uint64_t kMaxConfig = 16 << 20;
constexpr UnpackLimits kCodeLimits{.bytes = uint64_t{4} << 30, .members = 100'000};

std::unexpected<Error> BadCode(const std::string& from, const Error& error) {
  return std::unexpected(
      Error(error).With("cannot fetch the code from sagemaker_submit_directory \"" + from + "\""));
}

// Copies work/from to `to`, which exists if it is a folder.
Status CopyIn(const fs::path& work, const std::string& from, const fs::path& to) {
  CLARY_TRY(const auto listing, ListTree(work, from));
  for (const TreeEntry& entry : listing.entries) {
    if (entry.directory) {
      CLARY_CHECK_OK(MakeDirectories(to / entry.path));
      continue;
    }
    std::error_code ec;
    fs::copy_file(work / from / entry.path, to / entry.path, ec);
    if (ec) return std::unexpected(ErrnoError(ec.value(), entry.path));
  }
  return {};
}

}  // namespace

Result<toolkit::Command> PlanScript(const api::JobSpec& spec, const fs::path& work, int cpus) {
  const fs::path config = work / "input/config";
  const fs::path code = work / "code";
  toolkit::Script script{.hyperparameters = spec.hyperparameters,
                         .environment = spec.environment,
                         .python = std::string(toolkit::kPythonHome) + "/bin/python",
                         .cpus = cpus};
  if (const auto* framework = toolkit::FindFramework(spec.python.framework)) {
    script.stack = framework->stack;
    script.framework_module = framework->module;
    script.torch = framework->torch;
    script.tensorflow = framework->name == "tensorflow";
  }
  CLARY_TRY(script.input_data_config, ReadFile(config / "inputdataconfig.json", kMaxConfig));
  CLARY_TRY(script.resource_config, ReadFile(config / "resourceconfig.json", kMaxConfig));
  std::error_code ec;
  script.has_setup_py = fs::is_regular_file(code / "setup.py", ec);
  script.has_requirements = fs::is_regular_file(code / "requirements.txt", ec);
  return toolkit::MakeCommand(script);
}

Status FetchCode(const api::JobSpec&, const toolkit::Command& command, objects::ObjectStore& store,
                 const fs::path& work, const std::function<bool()>& stopped) {
  const std::string& from = command.submit_directory;
  const fs::path code = work / "code";
  constexpr std::string_view kInside = "/opt/ml/";
  if (stopped && stopped()) return Fail(Code::kCancelled, "Stopped", "the job was stopped");
  if (from.empty()) return {};
  if (from.starts_with("s3://")) {
    const auto ref = objects::ObjectRef::ParseUri(from);
    if (!ref) return BadCode(from, ref.error());
    const auto got = store.Get(*ref);
    if (!got) return BadCode(from, got.error());
    if (const auto unpacked = UnpackTar(*got->body, code, kCodeLimits); !unpacked) {
      return BadCode(from, unpacked.error());
    }
  } else if (from.starts_with(kInside)) {
    const std::string inside = fs::path(from.substr(kInside.size())).lexically_normal().string();
    auto fd = OpenBeneath(work, inside, O_RDONLY);
    if (!fd) return BadCode(from, fd.error());
    struct stat st{};
    if (::fstat(fd->get(), &st) != 0) return BadCode(from, ErrnoError(errno, from));
    Status done;
    if (S_ISDIR(st.st_mode)) {
      if (inside != "code") done = CopyIn(work, inside, code);
    } else if (from.ends_with(".tar.gz") || from.ends_with(".tgz") || from.ends_with(".tar")) {
      const auto body = NewFileSource(*std::move(fd), 0, static_cast<uint64_t>(st.st_size));
      const auto unpacked = UnpackTar(*body, code, kCodeLimits);
      if (!unpacked) done = std::unexpected(unpacked.error());
    } else {
      std::error_code ec;
      fs::copy_file(work / inside, code / fs::path(inside).filename(), ec);
      if (ec) done = std::unexpected(ErrnoError(ec.value(), from));
    }
    if (!done) return BadCode(from, done.error());
  } else {
    return BadCode(from, Error{Code::kInvalidArgument, "BadCode",
                               "it is neither an s3:// URI nor a path below /opt/ml"});
  }
  if (command.entry_point.ends_with(".py")) return {};
  // What is no Python is started as a program.
  if (auto fd = OpenBeneath(work, fs::path("code") / command.entry_point, O_RDONLY)) {
    ::fchmod(fd->get(), 0777);
  }
  return {};
}

toolkit::Failure FailureOf(const api::JobSpec& spec) {
  toolkit::Failure failure;
  if (const auto* framework = toolkit::FindFramework(spec.python.framework)) {
    failure.stack = framework->stack;
    failure.capture = framework->capture;
  }
  return failure;
}

void LeaveFile(const fs::path& work, const fs::path& relative, std::string_view text) {
  const auto directory = OpenBeneath(work, relative.parent_path(), O_RDONLY | O_DIRECTORY);
  if (!directory) return;
  const Fd fd(::openat(directory->get(), relative.filename().c_str(),
                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (fd) (void)WriteAll(fd.get(), text);
}

}  // namespace clary::runner
