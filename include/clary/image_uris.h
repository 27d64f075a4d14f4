// Training images by name, as sagemaker.image_uris.
#pragma once

#include <string>
#include <string_view>

#include "clary/error.h"

namespace clary::image_uris {

// The image that trains with `framework` ("xgboost", "sklearn", "pytorch") of `version` ("1.7-1",
// "2.3.0") in `region`. Clary runs the program, or the Python environment, of that name and version
// and does not fetch an image.
// kInvalidArgument "UnknownImage" names what there is.
Result<std::string> retrieve(std::string_view framework, std::string_view region,
                             std::string_view version);

}  // namespace clary::image_uris
