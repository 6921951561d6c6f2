// The certificate of listeners that offer TLS without one configured: self-signed, made once and kept in the store.
#pragma once

#include <string>

namespace rekey::proxy::admin {

// PEM certificate and private key: ECDSA P-256, ten years, for localhost, 127.0.0.1 and ::1. Throws
// std::runtime_error when OpenSSL cannot make it.
std::string make_listener_certificate();

} // namespace rekey::proxy::admin
