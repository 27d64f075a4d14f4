// What an analysis shows, in plain words.
#pragma once

#include "clarify/internal/results.h"
#include "reports/verdict.h"

namespace clary::clarify {

reports::Verdict MakeVerdict(const AnalysisResults& results);

}  // namespace clary::clarify
