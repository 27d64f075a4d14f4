// The frame of every report: one HTML page around a model in JSON.
#pragma once

#include <string>
#include <string_view>

namespace clary::reports {

// The page (web/, built and embedded) with `model_json` inside, escaped so that no text in it can
// end its script element or be read as HTML. `model_json` must be valid JSON in UTF-8. What web/
// expects of it is in web/src/model.ts.
std::string RenderPage(std::string_view title, std::string_view model_json);

}  // namespace clary::reports
