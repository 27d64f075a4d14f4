// The XGBoost training report, in the place and under the names of SageMaker's CreateXgboostReport.
#pragma once

#include <filesystem>

#include "base/error.h"
#include "debugger/report_context.h"
#include "debugger/trial.h"

namespace clary::debugger {

// Writes into `directory` (made if missing), each file by rename:
//   xgboost_report.html        one page that needs no network
//   xgboost_report.ipynb       draws the main charts again from the JSON files
//   xgboost-reports/*.json     the numbers: docs/formats/reports.md
// from the steps of `trial` as of its last Refresh; call it again when there are more. It says that
// training runs while !trial.ended(). A trial without steps gives a page that says what to do.
//
// Reads the collections metrics, losses, labels, predictions, feature_importance, hyperparameters
// and clary_report, all optional; what is missing is left out of the page with a reason.
// Deterministic in its inputs. One thread at a time per directory. An unreadable tensor is
// kDataLoss; a full disk kResourceExhausted, with the older files left as they were.
Status WriteTrainingReport(Trial& trial, const ReportContext& context,
                           const std::filesystem::path& directory);

}  // namespace clary::debugger
