#include "doctor/nodes.h"

#include <algorithm>

#include "base/file.h"
#include "base/hash.h"
#include "base/quote.h"
#include "base/strings.h"
#include "base/tool.h"

namespace clary::doctor {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kAnswerOfAll{60};

// A file in the home, which every node should see there; gone at the end of life.
class Mark {
 public:
  explicit Mark(const fs::path& home) {
    std::error_code ec;
    if (!fs::is_directory(home, ec)) return;
    path_ = home / ("doctor-" + HexEncode(RandomBytes(8)));
    if (!WriteFileAtomic(path_, "clary doctor looks whether all nodes see this file\n"))
      path_.clear();
  }
  Mark(const Mark&) = delete;
  Mark& operator=(const Mark&) = delete;
  ~Mark() {
    std::error_code ec;
    if (!path_.empty()) fs::remove(path_, ec);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

}  // namespace

Nodes AskNodes(const Subject& subject, const Slurm& slurm, const fs::path& executable,
               Clock& clock) {
  Nodes out;
  std::vector<std::string> asked;
  std::vector<std::string> busy;
  for (const SlurmNode& node : slurm.nodes) {
    if (node.Up()) (node.Free() ? asked : busy).push_back(node.name);
  }
  if (!busy.empty()) {
    out.findings.push_back({"nodes", Level::kNote, "not looked at, since busy: " + Join(busy, ", "),
                            "run clary doctor there, or again later"});
  }
  if (asked.empty()) return out;

  const Mark mark(subject.home);
  std::error_code ec;
  const std::string count = std::to_string(asked.size());
  std::vector<std::string> argv = {"srun",
                                   "--nodes=" + count,
                                   "--ntasks=" + count,
                                   "--ntasks-per-node=1",
                                   "--nodelist=" + Join(asked, ","),
                                   "--immediate=20",
                                   "--time=2",
                                   "--job-name=clary-doctor",
                                   "--mpi=none",
                                   "--input=none",
                                   "--kill-on-bad-exit=0"};
  if (!subject.partition.empty()) argv.push_back("--partition=" + subject.partition);
  argv.insert(argv.end(), {executable.string(), "doctor", "--json", "--home",
                           fs::absolute(subject.home, ec).string(), "--python", subject.python});
  // Runners there open the objects themselves; the records are the service's.
  if (!subject.objects.empty()) argv.insert(argv.end(), {"--objects", subject.objects});
  if (!mark.path().empty()) argv.insert(argv.end(), {"--sees", mark.path().string()});
  const Time before = clock.Now();
  const auto said = RunTool(argv, OwnEnvironment(), kToolBoth, {}, kAnswerOfAll);
  const Time after = clock.Now();
  if (!said) {
    out.findings.push_back({"nodes", Level::kProblem, said.error().message,
                            "try it by hand: srun --nodes=" + count + " hostname"});
    return out;
  }
  std::string complaint;  // srun's first
  for (const std::string_view line : Split(said->output, '\n')) {
    auto report = ParseReport(line);
    if (report) {
      out.reports.push_back(*std::move(report));
    } else if (complaint.empty() && !Trim(line).empty() &&
               !line.contains("Exited with exit code")) {
      complaint = Printable(Trim(line), 300);
    }
  }
  std::ranges::sort(out.reports, {}, &Report::host);
  if (out.reports.size() < asked.size()) {
    out.findings.push_back(
        {"nodes", Level::kProblem,
         std::to_string(out.reports.size()) + " of " + count + " nodes answered" +
             (complaint.empty() ? std::string() : ": " + complaint),
         "every node needs " + executable.string() + " and the libraries it was built with"});
  } else {
    out.findings.push_back({"nodes", Level::kOk, "all " + count + " free nodes answered", ""});
  }
  for (const Report& node : out.reports) {
    // Its report was made between the two times of ours.
    if (node.time < before || node.time > after) {
      const Duration ahead = node.time > after ? node.time - after : node.time - before;
      out.findings.push_back(JudgeClock(node.host, ahead, Duration(0)));
    }
    if (node.version != CLARY_VERSION) {
      out.findings.push_back(
          {"nodes", Level::kWarning,
           node.host + " has Clary " + node.version + ", this host " CLARY_VERSION,
           "install one release everywhere"});
    }
  }
  return out;
}

}  // namespace clary::doctor
