// Models that answer: what `clary deploy` and `clary train --serve` share.
#pragma once

#include <string>

#include "clary/estimator.h"
#include "command.h"

namespace clary::cli {

// An endpoint outlives the command, so it needs a service that does: reports that, and returns
// kUsage.
int ReportNoServiceToServe(const Context& context);

// A row to ask a model with.
struct ExampleRow {
  std::string content_type = "text/csv";
  std::string text;  // empty: none is known
};
// The first row of a file that a model was trained on, without its `leading` columns (label and
// weight); none of a file that is elsewhere or has another form than CSV and libsvm.
ExampleRow FirstRow(const std::string& file, const std::string& content_type, size_t leading);

// Commands that ask the endpoint: clary's own, and curl's with AWS's signature.
void PrintHowToAsk(const Session& session, const std::string& endpoint, const ExampleRow& row);

}  // namespace clary::cli
