#include "toolkit/python.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>

#include "base/file.h"
#include "base/hash.h"
#include "base/strings.h"
#include "toolkit/internal/stand_ins.h"

namespace clary::toolkit {
namespace fs = std::filesystem;
namespace {

constexpr uint64_t kMaxConfig = 1 << 16;
constexpr uint64_t kMaxScript = 1 << 16;  // of a console script; larger ones are programs

bool IsFile(const fs::path& path) {
  std::error_code ec;
  return fs::is_regular_file(path, ec);
}

bool IsFolder(const fs::path& path) {
  std::error_code ec;
  return fs::is_directory(path, ec);
}

std::string Head(const fs::path& path, size_t n) {
  const auto fd = OpenFile(path, O_RDONLY);
  if (!fd) return {};
  std::string out(n, '\0');
  const ssize_t got = ::read(fd->get(), out.data(), n);
  out.resize(got > 0 ? static_cast<size_t>(got) : 0);
  return out;
}

// "key = value" lines of pyvenv.cfg.
std::map<std::string, std::string> ReadConfig(const fs::path& path) {
  std::map<std::string, std::string> out;
  const auto text = ReadFile(path, kMaxConfig);
  if (!text) return out;
  for (const std::string_view line : Split(*text, '\n')) {
    const size_t at = line.find('=');
    if (at == std::string_view::npos) continue;
    out.emplace(ToLower(Trim(line.substr(0, at))), Trim(line.substr(at + 1)));
  }
  return out;
}

// "3.11" of "3.11.7.final.0", "python3.11", "3.11"; empty if there is none.
std::string MinorVersion(std::string_view text) {
  if (text.starts_with("python")) text.remove_prefix(6);
  const auto parts = Split(text, '.');
  if (parts.size() < 2 || !ParseUint(parts[0]) || !ParseUint(parts[1])) return {};
  return std::string(parts[0]) + "." + std::string(parts[1]);
}

// Existing lib*/pythonX.Y/NAME below `home`, and the version they tell.
void AddPackages(const fs::path& home, std::string& version, std::vector<fs::path>& out) {
  std::error_code ec;
  std::vector<fs::path> found;
  for (const char* lib : {"lib", "lib64"}) {
    if (fs::is_symlink(home / lib, ec)) continue;  // the same again
    for (const auto& entry : fs::directory_iterator(home / lib, ec)) {
      const std::string name = entry.path().filename();
      const std::string minor = name.starts_with("python") ? MinorVersion(name) : "";
      if (minor.empty() || (!version.empty() && minor != version)) continue;
      for (const char* folder : {"site-packages", "dist-packages"}) {
        if (!IsFolder(entry.path() / folder)) continue;
        found.push_back(entry.path() / folder);
        version = minor;
      }
    }
  }
  std::ranges::sort(found);
  out.insert(out.end(), found.begin(), found.end());
}

// The folder that holds an interpreter's own: HOME of HOME/bin/python. Empty if it is of the
// system's, which every program sees, or a folder that holds more than Python.
std::string HomeOf(const fs::path& interpreter) {
  const fs::path home = interpreter.parent_path().parent_path();
  const auto parts = std::distance(home.begin(), home.end());
  if (parts <= 2 || home.string().starts_with("/usr/")) return {};
  return home.string();
}

std::string Normalised(std::string_view name) {
  std::string out = ToLower(name);
  std::ranges::replace_if(out, [](char c) { return c == '_' || c == '.'; }, '-');
  return out;
}

// A Python string literal.
std::string Literal(const std::string& text) { return JsonQuote(text); }

Status WriteText(const fs::path& path, std::string_view text, int mode = 0644) {
  CLARY_TRY(const Fd fd, OpenFile(path, O_WRONLY | O_CREAT | O_EXCL, mode));
  return WriteAll(fd.get(), text);
}

Status Link(const std::string& target, const fs::path& at) {
  if (::symlink(target.c_str(), at.c_str()) != 0) {
    return std::unexpected(ErrnoError(errno, "linking " + at.string()));
  }
  return {};
}

// A console script of the environment below, for the job's own interpreter; empty if it is none.
std::string Rewritten(const fs::path& script, const std::string& bin) {
  std::error_code ec;
  const auto size = fs::file_size(script, ec);
  if (ec || size > kMaxScript || Head(script, 2) != "#!") return {};
  auto text = ReadFile(script, kMaxScript);
  if (!text) return {};
  const std::string python = bin + "/python";
  const size_t at = text->find(python);
  if (at == std::string::npos || at > 600) return {};
  size_t end = at + python.size();
  while (end < text->size() &&
         (std::isdigit(static_cast<unsigned char>((*text)[end])) != 0 || (*text)[end] == '.')) {
    ++end;
  }
  return text->replace(at, end - at, std::string(kPythonHome) + "/bin/python");
}

Status AddScripts(const Python& python, const fs::path& bin) {
  const fs::path from = python.interpreter.parent_path();
  if (HomeOf(python.interpreter).empty()) return {};  // on everybody's PATH
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(from, ec)) {
    const std::string name = entry.path().filename();
    if (name.starts_with("python") || name.starts_with("pip") || name.starts_with("activate") ||
        !IsFile(entry.path())) {
      continue;
    }
    const std::string text = Rewritten(entry.path(), from.string());
    if (!text.empty()) CLARY_CHECK_OK(WriteText(bin / name, text, 0755));
  }
  return {};
}

// The wheel of pip that the interpreter brings for new environments, which runs as it is; empty if
// there is none. For environments without pip, such as uv makes them.
fs::path BundledPip(const Python& python) {
  const fs::path home = python.base.parent_path().parent_path();
  for (const fs::path& folder : {home / "lib" / ("python" + python.version) / "ensurepip/_bundled",
                                 fs::path("/usr/share/python-wheels")}) {
    std::error_code ec;
    for (const auto& entry : fs::directory_iterator(folder, ec)) {
      const std::string name = entry.path().filename();
      if (name.starts_with("pip-") && name.ends_with(".whl")) return entry.path();
    }
  }
  return {};
}

// Whether the text of a requirements file is all there is to know: names and versions of
// packages, options without files, addresses.
bool SaysAll(std::string_view requirements) {
  for (const std::string_view raw : Split(requirements, '\n')) {
    const std::string_view line = Trim(raw);
    if (line.empty() || line.front() == '#') continue;
    if (line.starts_with("--index-url") || line.starts_with("--extra-index-url") ||
        line.starts_with("--only-binary") || line.starts_with("--no-binary") ||
        line.starts_with("--prefer-binary") || line.starts_with("--pre")) {
      continue;
    }
    // A word, a version; "name @ https://..." names its file, "git+https://..." may move.
    if (std::isalnum(static_cast<unsigned char>(line.front())) == 0) return false;
    const std::string_view name = line.substr(0, line.find_first_of(" \t#;<>=!~[@"));
    if (name.find_first_of("/\\:+") != std::string_view::npos || name.ends_with(".whl")) {
      return false;
    }
    if (line.find("file:") != std::string_view::npos ||
        line.find("git+") != std::string_view::npos) {
      return false;
    }
  }
  return true;
}

Status WriteFiles(std::span<const PythonFile> files, const fs::path& to) {
  for (const PythonFile& file : files) {
    CLARY_CHECK_OK(MakeDirectories((to / file.path).parent_path()));
    CLARY_CHECK_OK(WriteText(to / file.path, file.text));
  }
  return {};
}

}  // namespace

std::vector<std::string> FoldersOf(const fs::path& interpreter, fs::path* base) {
  std::vector<std::string> folders;
  std::error_code ec;
  fs::path link = interpreter;
  for (int depth = 0; depth < 8; ++depth) {
    if (const std::string home = HomeOf(link); !home.empty()) folders.push_back(home);
    if (!fs::is_symlink(link, ec)) break;
    const fs::path target = fs::read_symlink(link, ec);
    link = target.is_absolute() ? target : (link.parent_path() / target).lexically_normal();
  }
  std::ranges::sort(folders);
  folders.erase(std::ranges::unique(folders).begin(), folders.end());
  if (base != nullptr) *base = link;
  return folders;
}

Result<Python> LookAtPython(const fs::path& path) {
  const auto none = [&](Code code, const std::string& why) {
    return Fail(code, "NoPython",
                path.string() + " " + why +
                    ": give the path of an interpreter, such as /usr/bin/python3, or the folder of "
                    "a virtual environment");
  };
  std::error_code ec;
  if (!path.is_absolute()) return none(Code::kInvalidArgument, "is no absolute path");
  Python out;
  out.interpreter = IsFolder(path) ? path / "bin/python" : path;
  out.interpreter = out.interpreter.lexically_normal();
  if (!IsFile(out.interpreter)) {
    return none(Code::kNotFound, IsFolder(path) ? "has no bin/python" : "does not exist");
  }
  if (::access(out.interpreter.c_str(), X_OK) != 0) {
    return none(Code::kInvalidArgument, "is no program");
  }
  if (Head(out.interpreter, 2) == "#!") {
    return Fail(Code::kInvalidArgument, "NoPython",
                out.interpreter.string() +
                    " is a script that starts a Python. Give the path that it prints for: " +
                    out.interpreter.string() + " -c 'import sys; print(sys.executable)'");
  }
  out.folders = FoldersOf(out.interpreter, &out.base);

  const fs::path home = out.interpreter.parent_path().parent_path();
  const auto config = ReadConfig(home / "pyvenv.cfg");
  out.environment = !config.empty();
  for (const char* key : {"version", "version_info"}) {
    const auto it = config.find(key);
    if (it != config.end() && out.version.empty()) out.version = MinorVersion(it->second);
  }
  if (out.version.empty()) out.version = MinorVersion(out.base.filename().string());
  if (out.environment) {
    const auto it = config.find("include-system-site-packages");
    out.system_packages = it != config.end() && ToLower(it->second) == "true";
    AddPackages(home, out.version, out.packages);
  }
  if (out.system_packages) {
    const fs::path base_home = out.base.parent_path().parent_path();
    AddPackages(base_home, out.version, out.packages);
    if (base_home == "/usr") {
      for (const fs::path& folder :
           {fs::path("/usr/local/lib/python" + out.version + "/dist-packages"),
            fs::path("/usr/lib/python3/dist-packages")}) {
        if (IsFolder(folder)) out.packages.push_back(folder);
      }
    }
  }
  if (out.version.empty()) {
    return none(Code::kInvalidArgument,
                "has no packages' folder lib/pythonX.Y, so it is no Python");
  }
  return out;
}

std::map<std::string, std::string> InstalledPackages(const Python& python) {
  std::map<std::string, std::string> out;
  for (const fs::path& folder : python.packages) {
    std::error_code ec;
    for (const auto& entry : fs::directory_iterator(folder, ec)) {
      const std::string file = entry.path().filename();
      std::string_view name = file;
      if (name.ends_with(".dist-info")) {
        name.remove_suffix(10);
      } else if (name.ends_with(".egg-info")) {
        name.remove_suffix(9);
        if (const size_t py = name.rfind("-py"); py != std::string_view::npos) {
          name = name.substr(0, py);
        }
      } else {
        continue;
      }
      const size_t dash = name.rfind('-');
      if (dash == std::string_view::npos) continue;
      out.emplace(Normalised(name.substr(0, dash)), name.substr(dash + 1));  // the first one wins
    }
  }
  return out;
}

namespace {

// A program in `at` that is one of kHostTools.
Status WriteHostTool(const fs::path& at, const char* tool) {
  return WriteText(at,
                   "#!/bin/sh\nexec " + std::string(kPythonHome) + "/bin/python " + kHostTools +
                       "/" + tool + " \"$@\"\n",
                   0755);
}

Status MakeHostTools(const fs::path& dir, const fs::path& bin) {
  const fs::path tools = dir / fs::path(kHostTools).filename();
  CLARY_CHECK_OK(WriteFiles(HostTools(), tools));
  CLARY_CHECK_OK(WriteHostTool(bin / "ssh", "ssh.py"));
  const fs::path sbin = dir / kHostSbin;
  CLARY_CHECK_OK(MakeDirectories(sbin));
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator("/usr/sbin", ec)) {
    const fs::path name = entry.path().filename();
    if (name != "sshd") CLARY_CHECK_OK(Link((fs::path(kSystemSbin) / name).string(), sbin / name));
  }
  return WriteHostTool(sbin / "sshd", "agent.py");
}

}  // namespace

Status MakePythonHome(const PythonHome& home, const fs::path& dir) {
  const Python& python = home.python;
  const std::string name = "python" + python.version;
  const fs::path bin = dir / "bin";
  const fs::path packages = dir / "lib" / name / "site-packages";
  CLARY_CHECK_OK(MakeDirectories(bin));
  CLARY_CHECK_OK(MakeDirectories(packages));
  CLARY_CHECK_OK(Link(python.base.string(), bin / "python"));
  for (const std::string& other : {std::string("python3"), name}) {
    CLARY_CHECK_OK(Link("python", bin / other));
  }
  const std::string pip =
      "#!/bin/sh\nexec " + std::string(kPythonHome) + "/bin/python -m pip \"$@\"\n";
  for (const char* other : {"pip", "pip3"}) CLARY_CHECK_OK(WriteText(bin / other, pip, 0755));
  CLARY_CHECK_OK(AddScripts(python, bin));
  CLARY_CHECK_OK(WriteText(dir / "pyvenv.cfg", "home = " + python.base.parent_path().string() +
                                                   "\ninclude-system-site-packages = " +
                                                   (python.system_packages ? "true" : "false") +
                                                   "\nversion = " + python.version + "\n"));
  // Each line adds a folder behind what is there, with the .pth files in it.
  std::string below = "import site\n";
  const auto add = [&](const std::string& folder) {
    below += "import site; site.addsitedir(" + Literal(folder) + ")\n";
  };
  if (home.layer) add(std::string(kLayerHome) + "/lib/" + name + "/site-packages");
  if (python.environment) {
    for (const fs::path& folder : python.packages) {
      if (folder.string().starts_with(python.interpreter.parent_path().parent_path().string())) {
        add(folder.string());
      }
    }
  }
  if (home.stand_ins) {
    CLARY_CHECK_OK(WriteFiles(StandIns(), dir / "stand-ins"));
    add(std::string(kPythonHome) + "/stand-ins");
  }
  if (home.inference) {
    CLARY_CHECK_OK(WriteFiles(InferenceServer(), dir / fs::path(kInferenceServer).filename()));
  }
  if (home.hosts) {
    CLARY_CHECK_OK(MakeHostTools(dir, bin));
    below +=
        "import sys; sys.path.insert(0, " + Literal(std::string(kHostTools) + "/modules") + ")\n";
  }
  if (!InstalledPackages(python).contains("pip")) {
    const fs::path pip_wheel = BundledPip(python);
    if (!pip_wheel.empty()) {
      below += "import sys; sys.path.append(" + Literal(pip_wheel.string()) + ")\n";
    }
  }
  return WriteText(packages / "clary.pth", below);
}

Layer LayerOf(const Python& python, std::string_view requirements,
              const std::map<std::string, std::string>& pip) {
  Layer out;
  out.cacheable = SaysAll(requirements);
  out.argv = {std::string(kPythonHome) + "/bin/python",
              "-I",
              "-m",
              "pip",
              "install",
              "--disable-pip-version-check",
              "--no-warn-script-location",
              "-r",
              "requirements.txt"};
  std::string all = "1\n" + python.interpreter.string() + "\n" + python.version + "\n";
  for (const auto& [name, version] : InstalledPackages(python)) all += name + "==" + version + "\n";
  for (const auto& [name, value] : pip) all += name + "=" + value + "\n";
  all += "\n";
  all += requirements;
  out.key = HexEncode(Sha256(all)).substr(0, 32);
  return out;
}

std::map<std::string, std::string> PipSettings() {
  std::map<std::string, std::string> out;
  for (const char* name :
       {"PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX", "PIP_FIND_LINKS",
        "PIP_TRUSTED_HOST", "PIP_CERT", "PIP_DEFAULT_TIMEOUT", "PIP_ONLY_BINARY"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') out.emplace(name, value);
  }
  return out;
}

}  // namespace clary::toolkit
