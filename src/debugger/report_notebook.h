// The notebooks beside the reports: Python that draws the JSON files with pandas and matplotlib.
#pragma once

#include <vector>

#include "debugger/report_context.h"
#include "debugger/report_files.h"
#include "reports/notebook.h"

namespace clary::debugger {

// A cell for each of `files` that can be drawn; they lie in xgboost-reports/ beside the notebook.
std::vector<reports::NotebookCell> TrainingNotebook(const ReportContext& context,
                                                    const std::vector<ReportFile>& files);
// Draws the files of profiler-reports/.
std::vector<reports::NotebookCell> ProfilerNotebook(const ReportContext& context);

}  // namespace clary::debugger
