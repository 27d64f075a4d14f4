// clary doctor: what is wrong with this host, or with a cluster, and what to do about it.
#include <algorithm>
#include <cstdio>

#include "base/quote.h"
#include "command.h"
#include "doctor/nodes.h"
#include "options.h"
#include "terminal.h"

namespace clary::cli {
namespace fs = std::filesystem;
namespace {

using doctor::Finding;
using doctor::Level;

struct DoctorOptions {
  doctor::Subject subject;
  std::string executor = "local";
};

void PrintFinding(const Finding& finding) {
  Style style = Style::kGreen;
  if (finding.level == Level::kNote) style = Style::kDim;
  if (finding.level == Level::kWarning) style = Style::kYellow;
  if (finding.level == Level::kProblem) style = Style::kRed;
  const std::string level(doctor::LevelName(finding.level));
  std::printf("  %s%*s%-10s%s\n", Paint(level, style).c_str(), static_cast<int>(9 - level.size()),
              "", Printable(finding.check).c_str(), Printable(finding.what).c_str());
  if (!finding.advice.empty()) std::printf("           -> %s\n", Printable(finding.advice).c_str());
}

// Of a node among many, what is not as it should be.
void PrintNode(const doctor::Report& node) {
  std::printf("%s\n", Paint(Printable(node.host), Style::kBold).c_str());
  bool fine = true;
  for (const Finding& finding : node.findings) {
    if (finding.level == Level::kOk || finding.level == Level::kNote) continue;
    fine = false;
    PrintFinding(finding);
  }
  if (fine) PrintFinding({.check = "all", .what = "nothing to do", .advice = ""});
}

int Examine(const Context& context, DoctorOptions options) {
  auto& subject = options.subject;
  subject.home = context.home;
  subject.slurm = options.executor == "slurm";
  for (std::string& other : subject.others) {
    while (other.ends_with('/')) other.pop_back();
  }
  Clock& clock = Clock::System();
  const doctor::Facts facts = doctor::Look(subject, clock);
  doctor::Report report = doctor::Judge(subject, facts, clock.Now());
  doctor::Nodes nodes;
  if (facts.slurm && !facts.slurm->nodes.empty()) {
    std::error_code ec;
    nodes = doctor::AskNodes(subject, *facts.slurm, fs::read_symlink("/proc/self/exe", ec), clock);
    report.findings.insert(report.findings.end(), nodes.findings.begin(), nodes.findings.end());
  }
  const bool problem =
      report.HasProblem() || std::ranges::any_of(nodes.reports, &doctor::Report::HasProblem);
  if (context.json) {
    std::puts(doctor::ToJson(report, nodes.reports).c_str());
    return problem ? kFailed : kOk;
  }
  std::printf("%s, clary %s\n", Paint(report.host, Style::kBold).c_str(), report.version.c_str());
  for (const Finding& finding : report.findings) PrintFinding(finding);
  for (const doctor::Report& node : nodes.reports) PrintNode(node);
  return problem ? kFailed : kOk;
}

}  // namespace

void AddDoctor(CLI::App& app, Context& context) {
  const auto options = std::make_shared<DoctorOptions>();
  auto& subject = options->subject;
  auto* command =
      AddCommand(app, context, "doctor",
                 "Look at this host, or a cluster, and say what to do about what is wrong",
                 {"clary doctor", "clary doctor --home /srv/clary --other http://10.0.0.8:8460",
                  "clary doctor --state postgres://clary@db/clary --objects s3://s3.example.org",
                  "clary doctor --executor slurm --slurm-partition batch     every free node, too",
                  "clary doctor --json | jq '.findings[] | select(.level == \"problem\")'"},
                 [&context, options] { return Examine(context, *options); });
  command->add_option("--state", subject.state, "postgres://...: as for clary serve");
  command->add_option("--objects", subject.objects,
                      "s3://...: as for clary serve, with the keys in the environment");
  command->add_option("--python", subject.python,
                      "Python, or folder of a virtual environment, as for clary serve (default "
                      "/usr/bin/python3)");
  command
      ->add_option("--other", subject.others,
                   "Endpoint of another service, for its clock; may be repeated")
      ->expected(1)
      ->take_all();
  AddChoice(*command, "--executor", options->executor,
            "Where jobs will run: local (default), slurm: looks at the cluster and its nodes",
            {"local", "slurm"});
  command->add_option("--slurm-partition", subject.partition,
                      "Partition of Slurm to look at (default: all)");
  command->add_option("--sees", subject.sees)->group("");  // of a node that another host asks
}

}  // namespace clary::cli
