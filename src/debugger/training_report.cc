#include "debugger/training_report.h"

#include <fmt/format.h>

#include "base/file.h"
#include "debugger/report_data.h"
#include "debugger/report_figures.h"
#include "debugger/report_files.h"
#include "debugger/report_findings.h"
#include "debugger/report_model.h"
#include "debugger/report_notebook.h"
#include "reports/page.h"
#include "reports/publish.h"

namespace clary::debugger {
using reports::PublishFile;
using reports::RenderNotebook;
using reports::RenderPage;
using reports::Verdict;
namespace fs = std::filesystem;

Status WriteTrainingReport(Trial& trial, const ReportContext& context, const fs::path& directory) {
  CLARY_TRY(const TrainingData data, ReadTrainingData(trial, context));
  CLARY_TRY(const TrainingFigures figures, ComputeFigures(trial, data));
  const Verdict verdict = Judge(data, figures, context);
  const std::vector<ReportFile> files = TrainingReportFiles(data, figures, verdict);
  const fs::path numbers = directory / "xgboost-reports";
  CLARY_CHECK_OK(MakeDirectories(numbers));
  for (const ReportFile& file : files) {
    CLARY_CHECK_OK(PublishFile(numbers / file.name, file.json));
  }
  CLARY_CHECK_OK(PublishFile(directory / "xgboost_report.ipynb",
                             RenderNotebook(TrainingNotebook(context, files))));
  const std::string title =
      context.job_name.empty() ? "Training report" : context.job_name + " · training report";
  return PublishFile(directory / "xgboost_report.html",
                     RenderPage(title, TrainingModelJson(data, figures, verdict, context)));
}

}  // namespace clary::debugger
