// Shared by the signer, the verifier and the aws-chunked decoder.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/stream.h"
#include "base/strings.h"
#include "net/http.h"
#include "net/sigv4.h"

namespace clary::net::internal {

inline std::string HexSha256(std::string_view bytes) { return HexEncode(Sha256(bytes)); }
inline std::string HexHmac(std::string_view key, std::string_view bytes) {
  return HexEncode(HmacSha256(key, bytes));
}

// Decodes aws-chunked from `source`. `trailers` is filled when the body has ended; they may have
// the `announced` names, in lower case, and no others.
std::unique_ptr<ByteSource> NewAwsChunkedSource(std::unique_ptr<ByteSource> source,
                                                const VerifiedIdentity& identity,
                                                uint64_t decoded_length,
                                                std::vector<std::string> announced,
                                                std::shared_ptr<Headers> trailers);

}  // namespace clary::net::internal
