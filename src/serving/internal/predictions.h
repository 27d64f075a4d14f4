// Predictions as the bytes of an answer.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace clary::serving {

enum class Format { kCsv, kJson, kJsonLines, kRecordIo };

// The format for an Accept header: the first type of the list that there is; `fallback` for none
// and */*. kInvalidArgument "BadAccept" in the words of SageMaker's container.
Result<Format> ParseAccept(std::string_view accept, std::string_view fallback);
std::string_view MimeType(Format format);

// What of its predictions a model was told to show: SAGEMAKER_INFERENCE_OUTPUT.
struct Selection {
  std::vector<std::string> keys;  // as given; empty: the plain answer
  std::string objective;
  size_t classes = 0;  // of multi:*
};
// Keys from "predicted_label, probability": lower case, without blanks.
std::vector<std::string> ParseSelection(std::string_view text);

// `values` has `width` numbers for each row. `batch`: the forms of batch transform.
// kInvalidArgument "Unselectable" if the selection has nothing for the objective.
Result<std::string> Encode(std::span<const float> values, size_t width, Format format, bool batch,
                           const Selection& selection);

}  // namespace clary::serving
