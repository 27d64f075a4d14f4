#include "toolkit/images.h"

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/strings.h"
#include "toolkit/internal/tool.h"

namespace clary::toolkit {
namespace fs = std::filesystem;
using nlohmann::json;
namespace {

constexpr uint64_t kMaxImageFile = 4 << 20;
constexpr size_t kFolderName = 16;  // digits of an image's id

// Where a job's own folders and files are shown: in an image they are plain folders, whatever it
// has there, so that nothing is led elsewhere by a link of its.
constexpr const char* kPlaces[] = {"proc", "dev", "sys",    "tmp",
                                   "root", "etc", "opt/ml", "run/clary"};

std::vector<std::string> Words(const json& object, const char* name) {
  std::vector<std::string> out;
  const auto it = object.find(name);
  if (it == object.end() || !it->is_array()) return out;
  for (const json& word : *it) {
    if (word.is_string()) out.push_back(word.get<std::string>());
  }
  return out;
}

std::string Text(const json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

std::string ToJson(const ContainerImage& image) {
  const json out = {{"version", 1},
                    {"name", image.name},
                    {"id", image.id},
                    {"entrypoint", image.entrypoint},
                    {"command", image.command},
                    {"environment", image.environment},
                    {"directory", image.directory},
                    {"created_ms", image.created_ms}};
  return out.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

// What `ENGINE image inspect` tells, of podman and docker alike.
Result<ContainerImage> Inspected(const std::string& name, const std::string& output,
                                 const std::function<void(const std::string&)>& say) {
  const json all = json::parse(output, nullptr, false);
  const auto bad = [&] {
    return Fail(Code::kUnavailable, "EngineFailed",
                "what the engine says of the image '" + name + "' cannot be understood");
  };
  if (!all.is_array() || all.empty() || !all[0].is_object()) return bad();
  std::string id = Text(all[0], "Id");
  constexpr std::string_view kAlgorithm = "sha256:";
  if (id.starts_with(kAlgorithm)) id.erase(0, kAlgorithm.size());
  const bool hex = id.size() >= kFolderName && id.find_first_not_of("0123456789abcdef") == id.npos;
  if (!hex) return bad();
  const json config = all[0].value("Config", json::object());
  if (!config.is_object()) return bad();
  ContainerImage out{.name = name,
                     .id = id,
                     .entrypoint = Words(config, "Entrypoint"),
                     .command = Words(config, "Cmd"),
                     .environment = Words(config, "Env")};
  if (const std::string at = Text(config, "WorkingDir"); at.starts_with('/')) out.directory = at;
  const std::string user = Text(config, "User");
  if (!user.empty() && !user.starts_with("root") && !user.starts_with("0")) {
    say("NOTE: the image's USER " + user +
        " is ignored: jobs are root in a namespace of their own");
  }
  return out;
}

// Makes root/<place> folders, all of them.
Status MakePlaces(const fs::path& root) {
  for (const char* place : kPlaces) {
    fs::path at = root;
    for (const fs::path& part : fs::path(place)) {
      at /= part;
      std::error_code ec;
      if (fs::is_directory(fs::symlink_status(at, ec))) continue;
      fs::remove(at, ec);
      CLARY_CHECK_OK(MakeDirectories(at));
    }
  }
  // Files that are made for each job.
  std::error_code ec;
  for (const char* file : {"etc/hosts", "etc/resolv.conf"}) fs::remove_all(root / file, ec);
  return {};
}

class Engine {
 public:
  explicit Engine(const ImportOptions& options) : options_(options), env_(ToolEnvironment()) {}

  // Looks for the executable.
  Status Find() {
    std::vector<std::string> names = {"podman", "docker"};
    if (!options_.engine.empty()) names = {options_.engine};
    for (const std::string& name : names) {
      CLARY_TRY(const ToolOutcome said, RunTool({name, "version"}, env_, kToolBoth, options_.stop));
      if (said.code == 0) {
        name_ = name;
        return {};
      }
      if (said.code == 126 || said.code == 127) continue;
      const std::string_view text = Trim(said.output);
      why_ = name + " does not answer: " + std::string(text.substr(text.rfind('\n') + 1));
    }
    if (!why_.empty()) return Fail(Code::kNotFound, "NoEngine", why_);
    return Fail(Code::kNotFound, "NoEngine",
                options_.engine.empty()
                    ? "there is neither podman nor docker on PATH; name one with --engine PATH"
                    : "there is no container engine '" + options_.engine + "'");
  }
  const std::string& name() const { return name_; }

  Result<std::string> Ask(std::vector<std::string> words) const {
    CLARY_TRY(ToolOutcome said, Run(std::move(words), kToolOutput));
    if (said.code != 0) return Failed("");
    return std::move(said.output);
  }
  // With its output shown.
  Status Do(std::vector<std::string> words, const std::string& what) const {
    CLARY_TRY(const ToolOutcome said, Run(std::move(words), options_.output));
    if (said.code != 0) return Failed(what);
    return {};
  }
  Result<ToolOutcome> Run(std::vector<std::string> words, int output) const {
    words.insert(words.begin(), name_);
    return RunTool(words, env_, output, options_.stop);
  }
  Result<ToolOutcome> Tar(std::vector<std::string> words) const {
    words.insert(words.begin(), "tar");
    return RunTool(words, env_, options_.output, options_.stop);
  }

 private:
  std::unexpected<Error> Failed(const std::string& what) const {
    return Fail(Code::kUnavailable, "EngineFailed",
                name_ + " could not " + (what.empty() ? "tell of" : what) + " the image '" +
                    options_.image + "'; what it said is above. Nothing was left behind");
  }

  const ImportOptions& options_;
  const std::vector<std::string> env_;
  std::string name_;
  std::string why_;
};

}  // namespace

fs::path ImagesDirectory(const fs::path& state) { return state / "images"; }

Result<ContainerImage> FindImage(const fs::path& state, std::string_view name) {
  const fs::path dir = ImagesDirectory(state) / name;
  const auto text = ReadFile(dir / "image.json", kMaxImageFile);
  const json document = text ? json::parse(*text, nullptr, false) : json();
  if (!document.is_object() || document.value("version", json()) != 1) {
    return Fail(Code::kNotFound, "NoImage",
                dir.string() +
                    " is no container image that was imported; import it again: clary "
                    "environments import IMAGE");
  }
  ContainerImage out{.name = Text(document, "name"),
                     .id = Text(document, "id"),
                     .entrypoint = Words(document, "entrypoint"),
                     .command = Words(document, "command"),
                     .environment = Words(document, "environment"),
                     .directory = Text(document, "directory")};
  const auto created = document.find("created_ms");
  if (created != document.end() && created->is_number_integer()) out.created_ms = *created;
  if (!out.directory.starts_with('/')) out.directory = "/";
  out.dir = dir;
  return out;
}

Status RemoveImageRests(const fs::path& state) {
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(ImagesDirectory(state), ec)) {
    if (!entry.is_directory(ec) || fs::exists(entry.path() / "image.json", ec)) continue;
    const auto lock = FileLock::Acquire(entry.path().string() + ".lock");
    if (!lock) continue;  // it is being imported
    CLARY_CHECK_OK(RemoveTree(entry.path()));
  }
  return {};
}

Result<ContainerImage> ImportImage(const ImportOptions& options) {
  const auto say = [&](const std::string& line) {
    if (options.say) options.say(line);
  };
  if (options.image.empty() || options.image.front() == '-') {
    return Fail(Code::kInvalidArgument, "Usage", "'" + options.image + "' is no image's name");
  }
  Engine engine(options);
  CLARY_CHECK_OK(engine.Find());
  CLARY_TRY(const ToolOutcome known, engine.Run({"image", "inspect", options.image}, kToolBoth));
  if (known.code != 0) {
    say(engine.name() + " pull " + options.image);
    CLARY_CHECK_OK(engine.Do({"pull", options.image}, "fetch"));
  }
  CLARY_TRY(const std::string told, engine.Ask({"image", "inspect", options.image}));
  CLARY_TRY(ContainerImage image, Inspected(options.image, told, say));
  image.created_ms = options.now_ms;
  const std::string folder = image.id.substr(0, kFolderName);
  image.dir = ImagesDirectory(options.state) / folder;
  CLARY_CHECK_OK(MakeDirectories(options.state, 0700));
  CLARY_CHECK_OK(MakeDirectories(ImagesDirectory(options.state), 0700));
  const auto lock = FileLock::Acquire(image.dir.string() + ".lock");
  if (!lock) {
    return Fail(Code::kFailedPrecondition, "Importing",
                "another process imports '" + options.image + "' at this moment");
  }
  if (auto there = FindImage(options.state, folder)) return there;
  CLARY_CHECK_OK(RemoveTree(image.dir));
  Scaffold scaffold(image.dir);
  CLARY_CHECK_OK(MakeDirectories(image.root()));
  say(engine.name() + " export " + options.image);
  // A container that never runs: engines export no images.
  CLARY_TRY(const std::string made, engine.Ask({"create", options.image, "/none"}));
  const std::string container(Trim(made));
  const fs::path archive = image.dir / "root.tar";
  Status exported = engine.Do({"export", "-o", archive.string(), container}, "export");
  const auto removed = engine.Run({"rm", container}, kToolBoth);
  if (!exported) return std::unexpected(std::move(exported).error());
  CLARY_TRY(const ToolOutcome unpacked,
            engine.Tar({"-x", "-f", archive.string(), "-C", image.root().string(),
                        "--no-same-owner", "--exclude=dev/*", "--exclude=./dev/*"}));
  if (unpacked.code != 0) {
    return Fail(Code::kUnavailable, "EngineFailed",
                "the image '" + options.image +
                    "' could not be unpacked; what tar said is above. "
                    "Nothing was left behind");
  }
  std::error_code ec;
  fs::remove(archive, ec);
  CLARY_CHECK_OK(MakePlaces(image.root()));
  CLARY_CHECK_OK(WriteFileAtomic(image.dir / "image.json", ToJson(image)));
  scaffold.Keep();
  return image;
}

}  // namespace clary::toolkit
