// The program of a Clarify processing job: what AWS's container calls its analyzer.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "base/error.h"

namespace clary::analyzer {

// Reads processingjobconfig.json below `base` (what the program sees as /opt/ml), the only file of
// the input `analysis_config`, and the data of the input `dataset` or of the configuration's URIs;
// leaves the files of clarify::RunAnalysis in the folder of the job's output. `environment`: the
// service's endpoint and the job's keys, by AWS's names of variables.
//
// Returns the program's exit status. The files output/message and, of an error, output/failure say
// how it ended in AWS's words ("Completed: SageMaker XAI Analyzer ran successfully", "ClientError:
// ..."). Lines of the log go to standard output.
int RunAnalyzer(const std::filesystem::path& base,
                const std::map<std::string, std::string>& environment);
// With the environment of this process.
int RunAnalyzer();

}  // namespace clary::analyzer
