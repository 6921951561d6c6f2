// parsec of MariaDB (11.6 and later), the client's side: an Ed25519 signature (RFC 8032) by a key derived from the
// password by PBKDF2 with HMAC-SHA512. MariaDB, "Authentication Plugin - PARSEC".
#pragma once

#include "protocol/common/secret.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rekey::protocol::auth {

inline constexpr std::size_t parsec_nonce_size = 32;

struct ParsecSalt {
    std::string salt;             // 18 bytes
    std::uint32_t iterations = 0; // 1,024 to 8,192
};
// What the server sends for the user: 'P', the number of iterations as a power of two, the salt.
std::optional<ParsecSalt> read_parsec_salt(std::string_view data);

// The seed of the key: milliseconds of computing, for no I/O thread.
Secret parsec_seed(std::string_view password, const ParsecSalt& salt);
// Our nonce (made here) and the signature of both.
std::string parsec_response(const Secret& seed, std::string_view server_nonce);

} // namespace rekey::protocol::auth
