// DataProcessing of a batch transform: what of a record goes to the model, and what of it and of
// the model's answer comes out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace clary::serving {

// What a record is: a line of CSV (RFC 4180, without line ends in fields) or a JSON value.
enum class RecordKind { kCsv, kJson };
// Of a content type or an Accept: "text/csv", "application/json", "application/jsonlines".
std::optional<RecordKind> RecordKindOf(std::string_view mime_type);

// A JSONPath as SageMaker takes it: $, .name, .*, ['a','b'], [0,-1], [1:], and mixes as [0,5:].
// CSV, an array of fields, has the index forms alone. The end of a slice is not part of it.
// Immutable.
class DataFilter {
 public:
  // kInvalidArgument "BadFilter" with the place.
  static Result<DataFilter> Parse(std::string_view path, RecordKind kind);
  bool everything() const { return steps_.empty(); }  // "$"

  // What the path selects of one record. An index that is not there is kInvalidArgument
  // "BadFilter", as is a name; several indices give a list, several names an object of them.
  Result<std::string> Apply(std::string_view record) const;

  struct Slice {  // an index is first alone
    std::optional<int64_t> first;
    std::optional<int64_t> end;
    bool single = false;
  };
  struct Step {
    bool all = false;  // *
    std::vector<std::string> names;
    std::vector<Slice> slices;
  };

 private:
  RecordKind kind_ = RecordKind::kCsv;
  std::vector<Step> steps_;
};

// An input record with its result behind it (JoinSource Input): columns behind columns, or the
// member SageMakerOutput; an input that is no object becomes SageMakerInput beside it.
// kInvalidArgument "BadRecord" for JSON that is none.
Result<std::string> JoinRecord(RecordKind kind, std::string_view input, std::string_view result);

}  // namespace clary::serving
