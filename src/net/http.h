// HTTP/1.1 messages as the rest of the code sees them; no library type shows through.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/stream.h"

namespace clary::net {

// Header fields in order of arrival. Names compare without case.
class Headers {
 public:
  void Add(std::string name, std::string value);
  void Set(std::string_view name, std::string value);  // replaces all of that name
  void Remove(std::string_view name);
  // The first value, or nullopt / the fallback.
  std::optional<std::string_view> Find(std::string_view name) const;
  std::string_view Get(std::string_view name, std::string_view fallback = "") const;
  const std::vector<std::pair<std::string, std::string>>& all() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

// Decoded query parameters in order; a parameter without '=' has an empty value.
using Query = std::vector<std::pair<std::string, std::string>>;
std::optional<std::string_view> FindParam(const Query& query, std::string_view name);
// kInvalidArgument for a broken %-sequence.
Result<Query> ParseQuery(std::string_view raw, bool form = false);

struct Request {
  std::string method;
  std::string path;       // as sent, still percent-encoded, without the query
  std::string raw_query;  // as sent, without '?'
  Query query;            // decoded
  Headers headers;
  std::string host;  // Host without port, lower case; the CONNECT host for tunnelled requests
  std::string peer;  // address:port, for logs
  bool tls = false;
  std::optional<uint64_t> content_length;  // absent: no body, or chunked
  // The body as framed by HTTP (chunked removed, aws-chunked not). Reading it sends
  // "100 Continue" if the client waits for that. Never null; ends at once when there is none.
  std::unique_ptr<ByteSource> body;
};

struct Response {
  int status = 200;
  Headers headers;
  std::string body;                    // used when `stream` is null
  std::unique_ptr<ByteSource> stream;  // sent with `stream_length`, or chunked when absent
  std::optional<uint64_t> stream_length;
};

// Runs on a handler thread and may block. Any error is the handler's to turn into a Response.
using Handler = std::function<Response(Request&)>;

std::string_view ReasonPhrase(int status);

}  // namespace clary::net
