// A certificate authority of our own, so that clients who trust it reach this server under the
// names of AWS's hosts. Its files are described in docs/formats/ca.md.
#pragma once

#include <filesystem>
#include <memory>

#include "base/clock.h"
#include "base/error.h"

namespace clary::net {

class CertificateAuthority {
 public:
  // Opens the authority of `dir`, or makes one: ca.pem, ca-key.pem (mode 0600), and bundle.pem,
  // which holds ca.pem and the system's roots. A pair that does not match (a crash between two
  // writes), or that ends within 30 days, is replaced. Keeps `clock`.
  static Result<std::shared_ptr<CertificateAuthority>> OpenOrCreate(
      const std::filesystem::path& dir, Clock& clock);
  ~CertificateAuthority();
  CertificateAuthority(const CertificateAuthority&) = delete;
  CertificateAuthority& operator=(const CertificateAuthority&) = delete;

  const std::filesystem::path& certificate_path() const;
  const std::filesystem::path& bundle_path() const;

  struct Impl;
  Impl& impl() { return *impl_; }  // for this module's TLS

 private:
  explicit CertificateAuthority(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace clary::net
