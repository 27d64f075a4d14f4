// The document of a model file, whichever way it is written: text JSON or UBJSON.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clary/error.h"

namespace clary::gbdt {

// kDataLoss "BadModel".
std::unexpected<Error> BadModel(std::string message);

// A JSON value. Arrays of numbers, which are nearly all of a model, are kept as one vector.
struct Value {
  struct Member;
  enum class Kind : uint8_t { kNull, kNumber, kString, kArray, kNumbers, kObject };
  Kind kind = Kind::kNull;
  double number = 0;  // booleans are 0 and 1
  std::string text;
  std::vector<double> numbers;
  // The items of `numbers` that are integers which no double holds, with their index.
  std::vector<std::pair<size_t, int64_t>> exact;
  std::vector<Value> items;
  std::vector<Member> members;

  // nullptr if there is no such member, or this is no object.
  const Value* Find(std::string_view key) const;
};

// One name of an object and what it holds.
struct Value::Member {
  std::string key;
  Value value;
};

// The whole of `bytes`, which are not trusted: at most 64 levels, and nothing is allocated beyond
// what they can hold. BadModel with the byte where reading stopped.
Result<Value> ReadJson(std::string_view text);
// The same of UBJSON, draft 12; bytes behind the document are left alone.
Result<Value> ReadUbjson(std::string_view bytes);

}  // namespace clary::gbdt
