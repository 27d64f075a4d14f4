// The JSON files beside the training report: docs/formats/reports.md.
#pragma once

#include <string>
#include <vector>

#include "debugger/report_data.h"
#include "debugger/report_figures.h"
#include "debugger/report_findings.h"

namespace clary::debugger {

struct ReportFile {
  std::string name;  // "LossData.json"
  std::string json;
};
// SageMaker's files with its names and shapes, and ours; those that make no sense are left out.
std::vector<ReportFile> TrainingReportFiles(const TrainingData& data,
                                            const TrainingFigures& figures,
                                            const reports::Verdict& verdict);

}  // namespace clary::debugger
