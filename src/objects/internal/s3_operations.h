// The closed table of S3's operations and of the query parameters and headers that can change what
// one means. The dispatcher, the refusals and docs/s3.md read it; what it does not list is refused.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "net/http.h"

namespace clary::objects {

class Call;

enum class Level : uint8_t { kService, kBucket, kObject };

// What becomes of an input.
enum class Does : uint8_t {
  kDone,     // obeyed
  kOnly,     // only the values listed, which are obeyed or change nothing here; others are refused
  kIgnored,  // any value; changes nothing here, and `note` says why
  kRefused,  // no value
};

// A query parameter, or a header by its lower-case name; "x-amz-meta-*" stands for a family.
struct Input {
  std::string_view name;
  Does does = Does::kDone;
  std::string_view values = {};  // of kOnly, "a|b"
  std::string_view code = {};    // of the refusal
  std::string_view note = {};    // of kRefused and kOnly the message; of kIgnored the reason
};
std::span<const Input> AllInputs();

using Names = std::span<const std::string_view>;

struct Operation {
  std::string_view name;  // AWS's
  std::string_view method;
  Level level;
  std::string_view selector;    // the query parameter that means this operation; "": none
  std::string_view by_header;   // the header that means it instead of the one without; "": none
  std::array<Names, 4> inputs;  // what it knows, beside what every operation does
  Result<net::Response> (Call::*run)() = nullptr;  // null: refused, as `note` says
  std::string_view note = {};
};
std::span<const Operation> AllOperations();

// Moves x-amz-* parameters of the query to the headers, which is what they mean in presigned URLs,
// and drops those of the signature. "InvalidArgument" for two signatures, "InvalidRequest" for a
// header that the query gives another value.
Status MoveSignedQuery(net::Request& request);

// The operation that `request` asks for: "MethodNotAllowed", "NotImplemented" (of a sub-resource
// that no operation here has), "InvalidArgument" (of two at once).
Result<const Operation*> FindOperation(const net::Request& request, Level level);

// Fails for the first input of `request` that `operation` does not know or whose value is refused.
Status CheckInputs(const net::Request& request, const Operation& operation);
// Whether the operation reads a body, and holds it against what the request says of it.
bool TakesBody(const Operation& operation);

// docs/s3.md.
std::string DescribeOperations();

}  // namespace clary::objects
