// The server's side of TLS.
#pragma once

#include <memory>
#include <string>

#include "net/ca.h"
#include "net/internal/transport.h"

namespace clary::net::internal {

// TLS 1.2 or newer over a non-blocking socket that has just been accepted, with HTTP/1.1 by ALPN.
// The handshake is made by the first reads. With `host` the certificate is for that name; without,
// for the name that the client asks for (SNI), or localhost. Keeps `ca`.
Result<std::unique_ptr<Transport>> NewTlsTransport(Fd fd, std::shared_ptr<CertificateAuthority> ca,
                                                   const std::string& host);

}  // namespace clary::net::internal
