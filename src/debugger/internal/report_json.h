// The part of the reports' models that both have.
#pragma once

#include "debugger/report_context.h"
#include "reports/json.h"

namespace clary::debugger {

reports::Json JobJson(const ReportContext& context);  // web/src/model.ts: Job

}  // namespace clary::debugger
