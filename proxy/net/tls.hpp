// TLS contexts for both sides, and what SCRAM's channel binding needs of a certificate.
#pragma once

#include "config/config.hpp"

#include <openssl/ssl.h>

#include <memory>
#include <string>

namespace rekey::proxy::net {

struct ContextDeleter {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using TlsContext = std::shared_ptr<SSL_CTX>; // shared by the connections made from it; thread-safe in OpenSSL 3

struct SslDeleter {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using Ssl = std::unique_ptr<SSL, SslDeleter>;

// For a listener; `pem` (certificate and key) is used where no certificate is configured. Null with mode disable, or
// when there is neither. Throws std::runtime_error naming the file.
TlsContext make_listener_context(const config::ListenerTlsOptions& options, const std::string& pem);
// For an upstream. Throws std::runtime_error naming the file.
TlsContext make_upstream_context(const std::string& ca, config::UpstreamTls mode);

// A TLS client connection to `host` (SNI; verified for verify_full).
Ssl make_client_ssl(SSL_CTX* context, const config::Address& host, config::UpstreamTls mode);

// tls-server-end-point (RFC 5929); empty when the certificate's signature has no digest (Ed25519).
std::string end_point_hash(X509* certificate);
// Of the certificate's DER: 32 bytes; empty for null.
std::string sha256_of(X509* certificate);
std::string common_name(X509* certificate);
// The reason of the last failure of this thread, for a log.
std::string tls_error();

} // namespace rekey::proxy::net
