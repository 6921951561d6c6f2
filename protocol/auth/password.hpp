// Passwords that Rekey makes itself.
#pragma once

#include "protocol/auth/scram.hpp"
#include "protocol/common/secret.hpp"

#include <cstddef>

namespace rekey::protocol::auth {

inline constexpr std::size_t shortest_password = 8;

// Uniform over all texts of A-Z, a-z, 0-9 of that length that hold at least one of each class, so that password
// policies accept it and no quoting, URI or shell ever needs to escape it. 32 characters carry 190 bits.
Secret random_password(std::size_t length = 32);

// With a fresh salt of 16 bytes, as PostgreSQL makes them. Runs PBKDF2: for no I/O thread.
ScramVerifier new_scram_verifier(std::string_view password, std::uint32_t iterations = 4096);

} // namespace rekey::protocol::auth
