// Pythons of this host: what an interpreter is and holds, told from its files alone, and the small
// virtual environment of its own that each job gets over one.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace clary::toolkit {

// Where a job's sandbox shows them.
constexpr char kPythonHome[] = "/opt/clary/python";       // the job's own environment, writable
constexpr char kLayerHome[] = "/opt/clary/requirements";  // what requirements.txt asked for
// What Python runs to serve an inference script (PythonHome::inference).
constexpr char kInferenceServer[] = "/opt/clary/python/inference";
// What starts processes on the other hosts of a job (PythonHome::hosts).
constexpr char kHostTools[] = "/opt/clary/python/hosts";
// Programs of the system's /usr/sbin with an sshd of ours among them, below the job's Python; where
// a sandbox shows it as /usr/sbin, it shows the system's own as kSystemSbin.
constexpr char kHostSbin[] = "hosts/sbin";
constexpr char kSystemSbin[] = "/run/clary/sbin";

struct Python {
  std::filesystem::path interpreter;            // as it is started: HOME/bin/python
  std::filesystem::path base;                   // the file behind it, not of an environment
  std::string version;                          // "3.11"; empty: not known
  bool environment = false;                     // a virtual environment over `base`
  bool system_packages = true;                  // sees those of `base`
  std::vector<std::filesystem::path> packages;  // folders of packages, its own first
  std::vector<std::string> folders;             // all that it needs of the host apart from /usr
};

// Looks at `path`: an interpreter, or the folder of a virtual environment. Nothing is started.
// kNotFound "NoPython", kInvalidArgument "NoPython" (a script that stands for one, as pyenv's) say
// what to give instead.
Result<Python> LookAtPython(const std::filesystem::path& path);

// The folders that an interpreter and its packages live in, apart from /usr and from those that
// hold more than Python: HOME of HOME/bin/python, of the absolute path `interpreter` and of each
// link behind it, in byte order. `base`, if wanted: the file that the links end in.
std::vector<std::string> FoldersOf(const std::filesystem::path& interpreter,
                                   std::filesystem::path* base = nullptr);

// Distributions in a Python's folders, normalised name ("scikit-learn") to version.
std::map<std::string, std::string> InstalledPackages(const Python& python);

// Fills the empty folder `dir`, which a job's sandbox is to show as kPythonHome: a virtual
// environment over the packages of `python` (and of kLayerHome, with `layer`), into which `pip
// install` puts what it installs or newer versions of what is there; where `python` has no pip, the
// one that its base brings does it. bin/ has python, python3, pip,
// pip3 and the scripts of the environment below. With `stand_ins`, the modules that scripts for
// framework images import (Framework::stand_ins) can be imported, unless a package has the name.
// With `inference`, kInferenceServer is there. With `hosts`, kHostTools is there, `ssh` is a
// program that reaches the job's other hosts by it, and so does the module paramiko.
struct PythonHome {
  Python python;
  bool layer = false;
  bool stand_ins = false;
  bool inference = false;
  bool hosts = false;
};
Status MakePythonHome(const PythonHome& home, const std::filesystem::path& dir);

// The packages of a requirements.txt, installed once for all jobs that bring the same file.
struct Layer {
  std::string key;        // its name; the same for the same Python, packages, file and settings
  bool cacheable = true;  // false: the file names other files, so that its text says not all
  // What installs it, in the folder of requirements.txt, where an empty layer made with
  // MakePythonHome() is shown as kPythonHome. To be moved behind its key when that has succeeded.
  std::vector<std::string> argv;
};
Layer LayerOf(const Python& python, std::string_view requirements,
              const std::map<std::string, std::string>& pip);

// The variables of this process that tell pip where packages come from (PIP_INDEX_URL, ...): jobs
// get them, since drivers of SDKs call pip themselves.
std::map<std::string, std::string> PipSettings();

}  // namespace clary::toolkit
