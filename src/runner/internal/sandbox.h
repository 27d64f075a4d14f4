// What a program's sandbox is made of: the arguments of bubblewrap, which builds what it sees, and
// the namespaces that stand around bubblewrap: its network and its overlays.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "runner/program.h"

namespace clary::runner {

constexpr char kBwrap[] = "/usr/bin/bwrap";

// Arguments that every sandbox has: namespaces, the system's folders read-only, /proc, /dev. The
// network is that of whoever runs bubblewrap.
// `root`: ProgramSpec::root.
std::vector<std::string> SandboxArguments(Network network, const std::filesystem::path& root = {},
                                          const std::string& host = "algo-1");

// A file of the program's own, which it may change.
struct PrivateFile {
  std::string path;
  std::string text;
};
// /etc/hosts, and of those that see this host's system passwd, group, environment and
// nsswitch.conf.
std::vector<PrivateFile> PrivateFiles(const ProgramSpec& spec);

// Whether the program needs EnterNamespaces() at all.
bool HasNamespaces(const ProgramSpec& spec);

// In a forked child that is about to run bubblewrap: gives it a network of its own and lays its
// overlays. The listening sockets of spec.reach, in its order. kFailedPrecondition "NoNamespaces".
Result<std::vector<Fd>> EnterNamespaces(const ProgramSpec& spec);

}  // namespace clary::runner
