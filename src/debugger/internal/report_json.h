// The parts of the reports' models that both have.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "debugger/report_context.h"
#include "debugger/report_findings.h"

namespace clary::debugger {

using Json = nlohmann::ordered_json;

// Text that is no UTF-8 is repaired; numbers that are not finite become null. -1: one line.
std::string DumpJson(const Json& value, int indent = -1);

Json JobJson(const ReportContext& context);  // web/src/model.ts: Job
Json VerdictJson(const Verdict& verdict);    // Verdict

}  // namespace clary::debugger
