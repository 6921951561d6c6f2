// The channel binding tls-server-end-point: RFC 5929, section 4.
#pragma once

#include <openssl/types.h>

#include <string>

namespace rekey::protocol::auth {

// The hash of the server's certificate, by the hash function of its signature (SHA-256 where that is MD5 or SHA-1).
// Empty if the signature has none (Ed25519): the RFC then defines no binding, and SCRAM is used without.
// `certificate` is the one this connection used, not the one a reload has put in its place.
std::string tls_server_end_point(X509* certificate);

} // namespace rekey::protocol::auth
