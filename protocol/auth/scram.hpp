// SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, both sides. RFC 5802, 7677, 5929; PostgreSQL manual 55.3.
// Pure computation; PBKDF2 (salted_password, keys_of) takes milliseconds and belongs on no I/O thread.
#pragma once

#include "protocol/common/secret.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rekey::protocol::auth {

using Digest = std::array<unsigned char, 32>;

// What a server stores: SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>, base64.
struct ScramVerifier {
    std::uint32_t iterations = 4096;
    std::string salt; // raw bytes
    Digest stored_key{}, server_key{};

    static std::optional<ScramVerifier> parse(std::string_view text);
    std::string text() const;
};

// What a client derives from the password; as secret as the password for logging in.
struct ScramKeys {
    Digest client_key{}, server_key{};
    ~ScramKeys();
};

// SASLprep (RFC 4013) is applied to valid UTF-8; other passwords are used as they are, as PostgreSQL does.
ScramKeys scram_keys(std::string_view password, std::string_view salt, std::uint32_t iterations);
ScramVerifier scram_verifier(std::string_view password, std::string_view salt, std::uint32_t iterations);
ScramVerifier scram_verifier(const ScramKeys& keys, std::string_view salt, std::uint32_t iterations);

} // namespace rekey::protocol::auth
