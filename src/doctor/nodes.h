// The nodes of a Slurm cluster, each looked at by itself.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "doctor/findings.h"

namespace clary::doctor {

struct Nodes {
  std::vector<Report> reports;    // of the nodes that answered
  std::vector<Finding> findings;  // of all of them together
};

// Runs `EXECUTABLE doctor --json` on each free node of `slurm` by srun and gathers what they say:
// whether they have our Clary, see the home, and their clocks agree. Takes a minute at most.
Nodes AskNodes(const Subject& subject, const Slurm& slurm, const std::filesystem::path& executable,
               Clock& clock);

}  // namespace clary::doctor
