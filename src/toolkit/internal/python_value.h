// Values as Python's json module reads them, and as str(), repr() and json.dumps() write them.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace clary::toolkit {

using Value = nlohmann::ordered_json;  // objects keep their order, as Python's do

// The document in `text`; discarded (is_discarded()) if it is none or nested deeper than 200
// levels.
Value ParseJson(std::string_view text);

// json.loads(text), or the text itself where that fails.
Value DecodeOrText(std::string_view text);

// str(value): "a b", "True", "0.1", "[1, 'x']".
std::string PythonStr(const Value& value);

// json.dumps(value, sort_keys=True, ensure_ascii=True), compact or with an indent of 4.
std::string PythonJson(const Value& value, bool indent = false);

}  // namespace clary::toolkit
