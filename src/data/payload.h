// The rows that a model is asked about: the body of a request, or a part of a file. They have no
// labels.
#pragma once

#include <string_view>

#include "base/error.h"
#include "data/matrix.h"
#include "data/read.h"

namespace clary::data {

// All rows of `bytes`, with Matrix::labels empty. One thread.
//
// csv: features alone, separated by what the first row shows (comma, tab, ';', '|', ':' or spaces);
// empty fields, "nan" and the words for missing of ReadFiles() are missing; empty lines are none.
// libsvm: "index:value" in any order; a label and whatever else has no colon is left alone.
// recordio-protobuf: as ReadFiles(), with or without labels.
// kInvalidArgument "BadData" names row, column and value; kInvalidArgument "NoData" if there is no
// row; kUnimplemented for parquet.
Result<Matrix> ReadPayload(ContentType type, std::string_view bytes);

// A content type as ParseContentType() has it, but with any parameters: a payload has no labels to
// count.
Result<ContentType> PayloadContentType(std::string_view text);

}  // namespace clary::data
