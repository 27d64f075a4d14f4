// The HTTP/1.1 request parser, over Boost.Beast's. No input or output of its own, so that it can
// be fuzzed.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "base/error.h"
#include "net/http.h"

namespace clary::net::internal {

struct ParserLimits {
  size_t header_bytes = 64 * 1024;
  size_t header_count = 256;
};

// What the server needs to know beyond Request.
struct Head {
  Request request;  // without host of the connection, peer, tls and body
  bool keep_alive = true;
  bool chunked = false;  // the request body is
  bool expect_continue = false;
  bool http10 = false;
  bool absolute = false;  // absolute-form: a client that takes us for a proxy
};

// One request. Errors are kInvalidArgument with the reason "BadRequest", or kResourceExhausted
// "HeaderTooLarge", or kUnimplemented "BadTransferEncoding".
class RequestParser {
 public:
  explicit RequestParser(const ParserLimits& limits);
  ~RequestParser();

  // Takes bytes from the front of `bytes`; offer the others again with what follows them.
  Result<size_t> PutHead(std::string_view bytes);
  bool head_done() const;
  Result<Head> TakeHead();  // once, when head_done()

  struct BodyStep {
    size_t consumed = 0;
    size_t produced = 0;
  };
  // Decodes a chunked body. If neither number is positive and the body is not done, it needs
  // more input than `in` holds.
  Result<BodyStep> PutBody(std::string_view in, std::span<char> out);
  bool body_done() const;

 private:
  struct State;
  ParserLimits limits_;
  std::unique_ptr<State> state_;
};

}  // namespace clary::net::internal
