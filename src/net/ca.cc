#include "net/ca.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/hash.h"
#include "base/mutex.h"
#include "base/strings.h"
#include "net/internal/tls.h"

namespace clary::net {
namespace {

template <auto kFree>
struct Deleter {
  template <typename T>
  void operator()(T* p) const {
    kFree(p);
  }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using CertPtr = std::unique_ptr<X509, Deleter<X509_free>>;
using BioPtr = std::unique_ptr<BIO, Deleter<BIO_free_all>>;
using ContextPtr = std::unique_ptr<SSL_CTX, Deleter<SSL_CTX_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>>;

constexpr uint64_t kMaxPemBytes = 16 << 20;
constexpr int kCaDays = 3650;
constexpr int kLeafDays = 397;  // what browsers accept at most
constexpr Duration kRenewLeaf = std::chrono::hours(24 * 300);
constexpr Duration kRenewCa = std::chrono::hours(24 * 30);
constexpr size_t kMaxLeaves = 1024;
constexpr const char* kSystemRoots[] = {"/etc/ssl/certs/ca-certificates.crt",
                                        "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"};

std::unexpected<Error> OpenSslError(std::string_view what) {
  char text[256] = "unknown error";
  if (const unsigned long code = ERR_get_error(); code != 0) {
    ERR_error_string_n(code, text, sizeof text);
  }
  ERR_clear_error();
  return Fail(Code::kInternal, "OpenSsl", std::string(what) + ": " + text);
}

KeyPtr NewKey() { return KeyPtr(EVP_EC_gen("P-256")); }

std::string Drain(BIO* bio) {
  char* data = nullptr;
  const long n = BIO_get_mem_data(bio, &data);
  return {data, static_cast<size_t>(std::max(n, 0L))};
}

std::string ToPem(X509* cert) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), cert);
  return Drain(bio.get());
}

std::string ToPem(EVP_PKEY* key) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  return Drain(bio.get());
}

bool AddExtension(X509* cert, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, cert, nullptr, nullptr, 0);
  const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  return extension != nullptr && X509_add_ext(cert, extension.get(), -1) == 1;
}

// A certificate without extensions or signature, valid from an hour before `now`.
CertPtr NewCertificate(EVP_PKEY* key, const std::string& name, int days, Time now) {
  CertPtr cert(X509_new());
  if (cert == nullptr) return nullptr;
  X509_set_version(cert.get(), X509_VERSION_3);
  std::string serial = RandomBytes(16);
  serial[0] = static_cast<char>((serial[0] & 0x3f) | 0x40);  // positive, of fixed length
  BIGNUM* number = BN_bin2bn(reinterpret_cast<const unsigned char*>(serial.data()), 16, nullptr);
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert.get()));
  BN_free(number);
  const auto seconds = static_cast<time_t>(ToMillis(now) / 1000);
  ASN1_TIME_set(X509_getm_notBefore(cert.get()), seconds - 3600);
  ASN1_TIME_set(X509_getm_notAfter(cert.get()), seconds + static_cast<time_t>(days) * 86400);
  X509_NAME* subject = X509_get_subject_name(cert.get());
  const auto add = [&](const char* field, const std::string& value) {
    X509_NAME_add_entry_by_txt(subject, field, MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(value.data()),
                               static_cast<int>(value.size()), -1, 0);
  };
  add("O", "Clary");
  add("CN", name.substr(0, 64));  // the field's limit; the whole name is in the SAN
  X509_set_pubkey(cert.get(), key);
  return cert;
}

struct Pair {
  KeyPtr key;
  CertPtr cert;
};

Result<Pair> NewAuthority(Time now) {
  Pair pair{NewKey(), nullptr};
  if (pair.key == nullptr) return OpenSslError("making a key");
  // Two authorities must not share a name, or a client that knows both confuses them.
  const std::string name = "Clary local CA " + HexEncode(RandomBytes(4));
  pair.cert = NewCertificate(pair.key.get(), name, kCaDays, now);
  X509* cert = pair.cert.get();
  if (cert == nullptr || X509_set_issuer_name(cert, X509_get_subject_name(cert)) != 1 ||
      !AddExtension(cert, cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
      !AddExtension(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !AddExtension(cert, cert, NID_subject_key_identifier, "hash") ||
      X509_sign(cert, pair.key.get(), EVP_sha256()) == 0) {
    return OpenSslError("making the local certificate authority");
  }
  return pair;
}

bool EndsAfter(X509* cert, Time t) {
  auto seconds = static_cast<time_t>(ToMillis(t) / 1000);
  return X509_cmp_time(X509_get0_notAfter(cert), &seconds) > 0;
}

// The pair of the files, or nothing if they cannot serve any more.
std::optional<Pair> Load(const std::string& cert_pem, const std::string& key_pem, Time now) {
  const auto bio = [](const std::string& pem) {
    return BioPtr(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  };
  Pair pair;
  pair.cert.reset(PEM_read_bio_X509(bio(cert_pem).get(), nullptr, nullptr, nullptr));
  // The empty password keeps OpenSSL from asking on the terminal.
  char none[] = "";
  pair.key.reset(PEM_read_bio_PrivateKey(bio(key_pem).get(), nullptr, nullptr, none));
  const bool good = pair.cert && pair.key &&
                    X509_check_private_key(pair.cert.get(), pair.key.get()) == 1 &&
                    EndsAfter(pair.cert.get(), now + kRenewCa);
  ERR_clear_error();
  if (!good) return std::nullopt;
  return pair;
}

// DNS:name or IP:address, or empty for what is neither.
std::string SanOf(const std::string& host) {
  unsigned char address[16];
  if (inet_pton(AF_INET, host.c_str(), address) == 1 ||
      inet_pton(AF_INET6, host.c_str(), address) == 1) {
    return "IP:" + host;
  }
  const bool legal = !host.empty() && host.size() <= 253 && std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  });
  return legal ? "DNS:" + host : std::string();
}

Result<std::string> SystemRoots() {
  for (const char* path : kSystemRoots) {
    auto pem = ReadFile(path, kMaxPemBytes);
    if (pem) return pem;
  }
  return std::string();
}

}  // namespace

struct CertificateAuthority::Impl {
  Impl(std::filesystem::path dir, Pair p, KeyPtr leaf, Clock& c)
      : certificate_path(dir / "ca.pem"),
        bundle_path(dir / "bundle.pem"),
        pair(std::move(p)),
        leaf_key(std::move(leaf)),
        clock(c) {}

  // A context with a certificate for `host`, which lives as long as its users (reference counted).
  Result<ContextPtr> ContextFor(const std::string& host) {
    const std::string name = ToLower(host);
    const Time now = clock.Now();
    const MutexLock lock(mu);
    auto it = leaves.find(name);
    if (it == leaves.end() || now - it->second.made > kRenewLeaf) {
      CLARY_TRY(ContextPtr context, MakeContext(name, now));
      if (leaves.size() >= kMaxLeaves) leaves.clear();
      it = leaves.insert_or_assign(name, Leaf{now, std::move(context)}).first;
    }
    SSL_CTX_up_ref(it->second.context.get());
    return ContextPtr(it->second.context.get());
  }

  Result<ContextPtr> MakeContext(const std::string& host, Time now) {
    const std::string san = host == "localhost" ? "DNS:localhost,IP:127.0.0.1,IP:::1" : SanOf(host);
    if (san.empty()) {
      return Fail(Code::kInvalidArgument, "BadHost", "'" + host + "' is not a host name");
    }
    const CertPtr cert = NewCertificate(leaf_key.get(), host, kLeafDays, now);
    X509* authority = pair.cert.get();
    if (cert == nullptr ||
        X509_set_issuer_name(cert.get(), X509_get_subject_name(authority)) != 1 ||
        !AddExtension(cert.get(), authority, NID_basic_constraints, "critical,CA:FALSE") ||
        !AddExtension(cert.get(), authority, NID_key_usage, "critical,digitalSignature") ||
        !AddExtension(cert.get(), authority, NID_ext_key_usage, "serverAuth") ||
        !AddExtension(cert.get(), authority, NID_subject_key_identifier, "hash") ||
        !AddExtension(cert.get(), authority, NID_authority_key_identifier, "keyid:always") ||
        !AddExtension(cert.get(), authority, NID_subject_alt_name, san) ||
        X509_sign(cert.get(), pair.key.get(), EVP_sha256()) == 0) {
      return OpenSslError("making a certificate for " + host);
    }
    ContextPtr context(SSL_CTX_new(TLS_server_method()));
    SSL_CTX* c = context.get();
    if (c == nullptr || SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) != 1 ||
        SSL_CTX_use_certificate(c, cert.get()) != 1 ||
        SSL_CTX_use_PrivateKey(c, leaf_key.get()) != 1) {
      return OpenSslError("setting up TLS for " + host);
    }
    SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                            SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_alpn_select_cb(c, &SelectProtocol, nullptr);
    return context;
  }

  static int SelectProtocol(SSL*, const unsigned char** out, unsigned char* out_length,
                            const unsigned char* in, unsigned in_length, void*) {
    static constexpr unsigned char kHttp11[] = "\x08http/1.1";
    unsigned char* chosen = nullptr;
    const int found =
        SSL_select_next_proto(&chosen, out_length, kHttp11, sizeof kHttp11 - 1, in, in_length);
    *out = chosen;
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
  }

  struct Leaf {
    Time made;
    ContextPtr context;
  };

  const std::filesystem::path certificate_path;
  const std::filesystem::path bundle_path;
  const Pair pair;
  const KeyPtr leaf_key;  // one for all names; it never leaves this process
  Clock& clock;
  Mutex mu;
  std::map<std::string, Leaf> leaves GUARDED_BY(mu);
};

CertificateAuthority::CertificateAuthority(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CertificateAuthority::~CertificateAuthority() = default;

const std::filesystem::path& CertificateAuthority::certificate_path() const {
  return impl_->certificate_path;
}
const std::filesystem::path& CertificateAuthority::bundle_path() const {
  return impl_->bundle_path;
}

Result<std::shared_ptr<CertificateAuthority>> CertificateAuthority::OpenOrCreate(
    const std::filesystem::path& dir, Clock& clock) {
  CLARY_CHECK_OK(MakeDirectories(dir, 0700));
  const Time now = clock.Now();
  std::string pem[2];
  const std::filesystem::path paths[2] = {dir / "ca.pem", dir / "ca-key.pem"};
  for (int i = 0; i < 2; ++i) {
    auto read = ReadFile(paths[i], kMaxPemBytes);
    if (read) {
      pem[i] = *std::move(read);
    } else if (read.error().code != Code::kNotFound) {
      return std::unexpected(std::move(read).error());
    }
  }
  auto pair = Load(pem[0], pem[1], now);
  if (!pair) {
    CLARY_TRY(pair, NewAuthority(now));
    pem[0] = ToPem(pair->cert.get());
    CLARY_CHECK_OK(WriteFileAtomic(paths[1], ToPem(pair->key.get()), 0600));
    CLARY_CHECK_OK(WriteFileAtomic(paths[0], pem[0], 0644));
  }
  CLARY_TRY(const std::string roots, SystemRoots());
  const std::string bundle = pem[0] + roots;
  if (ReadFile(dir / "bundle.pem", kMaxPemBytes) != bundle) {
    CLARY_CHECK_OK(WriteFileAtomic(dir / "bundle.pem", bundle, 0644));
  }
  KeyPtr leaf = NewKey();
  if (leaf == nullptr) return OpenSslError("making a key");
  return std::shared_ptr<CertificateAuthority>(new CertificateAuthority(
      std::make_unique<Impl>(dir, *std::move(pair), std::move(leaf), clock)));
}

namespace internal {
namespace {

using State = IoResult::State;

class TlsTransport final : public Transport {
 public:
  TlsTransport(Fd fd, std::shared_ptr<CertificateAuthority> ca, bool by_sni)
      : Transport(std::move(fd)), ca_(std::move(ca)), by_sni_(by_sni) {}

  Status Begin(SSL_CTX* context) {
    ssl_.reset(SSL_new(context));
    if (ssl_ == nullptr || SSL_set_fd(ssl_.get(), fd()) != 1) return OpenSslError("TLS");
    SSL_set_accept_state(ssl_.get());
    if (by_sni_) SSL_set_cert_cb(ssl_.get(), &ChooseCertificate, this);
    return {};
  }

  IoResult Read(std::span<char> buffer) override {
    size_t n = 0;
    ERR_clear_error();
    if (SSL_read_ex(ssl_.get(), buffer.data(), buffer.size(), &n) == 1) return {State::kOk, n};
    return Failure(0);
  }

  // One record holds the end of `a` and the start of `b`. The same arguments make the same
  // record, as a repeated SSL_write must.
  IoResult Write(std::string_view a, std::string_view b, bool) override {
    constexpr size_t kRecord = 16 * 1024;
    std::string_view bytes = a;
    if (!b.empty() && a.size() < kRecord) {
      record_.assign(a).append(b.substr(0, kRecord - a.size()));
      bytes = record_;
    }
    if (bytes.empty()) return {State::kOk};
    size_t n = 0;
    ERR_clear_error();
    if (SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &n) == 1) return {State::kOk, n};
    return Failure(0);
  }

  bool tls() const override { return true; }

  void ShutdownWrite() override {
    if (!broken_ && SSL_is_init_finished(ssl_.get()) == 1) {
      ERR_clear_error();
      SSL_shutdown(ssl_.get());
    }
    Transport::ShutdownWrite();
  }

 private:
  IoResult Failure(int result) {
    const int error = SSL_get_error(ssl_.get(), result);
    ERR_clear_error();
    switch (error) {
      case SSL_ERROR_WANT_READ:
        return {State::kWantRead};
      case SSL_ERROR_WANT_WRITE:
        return {State::kWantWrite};
      case SSL_ERROR_ZERO_RETURN:
        return {State::kEnd};
      default:
        broken_ = true;
        return {State::kError};
    }
  }

  static int ChooseCertificate(SSL* ssl, void* self) {
    const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (name == nullptr) return 1;  // localhost
    auto context = static_cast<TlsTransport*>(self)->ca_->impl().ContextFor(name);
    if (!context) return 0;
    return SSL_set_SSL_CTX(ssl, context->get()) != nullptr ? 1 : 0;
  }

  struct Free {
    void operator()(SSL* s) const { SSL_free(s); }
  };
  const std::shared_ptr<CertificateAuthority> ca_;
  const bool by_sni_;
  std::unique_ptr<SSL, Free> ssl_;
  std::string record_;
  bool broken_ = false;
};

}  // namespace

Result<std::unique_ptr<Transport>> NewTlsTransport(Fd fd, std::shared_ptr<CertificateAuthority> ca,
                                                   const std::string& host) {
  CLARY_TRY(const auto context, ca->impl().ContextFor(host.empty() ? "localhost" : host));
  auto transport = std::make_unique<TlsTransport>(std::move(fd), std::move(ca), host.empty());
  CLARY_CHECK_OK(transport->Begin(context.get()));
  return transport;
}

}  // namespace internal
}  // namespace clary::net
