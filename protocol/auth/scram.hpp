// SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, both sides. RFC 5802, 7677, 5929; PostgreSQL manual 55.3.
// Pure computation. scram_keys() and scram_verifier() of a password run PBKDF2, which takes milliseconds: no I/O thread
// calls them. The messages are in scram_client.hpp and scram_server.hpp.
#pragma once

#include "protocol/auth/digest.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rekey::protocol::auth {

inline constexpr std::string_view scram_sha_256 = "SCRAM-SHA-256";
inline constexpr std::string_view scram_sha_256_plus = "SCRAM-SHA-256-PLUS";

// What a server stores: SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>, base64.
struct ScramVerifier {
    std::uint32_t iterations = 4096;
    std::string salt; // raw bytes
    Digest stored_key{}, server_key{};

    // Absent unless the whole text is a verifier: 1 or more iterations, a salt, two keys of 32 bytes.
    static std::optional<ScramVerifier> parse(std::string_view text);
    std::string text() const;
};

// What a user that does not exist is asked to prove: the same salt at each attempt, and nothing that any password
// could match. `mock_secret` and `iterations` are those of every replica, else probing tells who exists.
ScramVerifier mock_scram_verifier(std::string_view user, std::string_view mock_secret, std::uint32_t iterations);

// What a client derives from the password; as secret as the password for logging in.
struct ScramKeys {
    Digest client_key{}, server_key{};
    ~ScramKeys(); // cleanses
};

// SASLprep (RFC 4013) is applied to valid UTF-8; other passwords are used as they are, as PostgreSQL does.
ScramKeys scram_keys(std::string_view password, std::string_view salt, std::uint32_t iterations);
ScramVerifier scram_verifier(std::string_view password, std::string_view salt, std::uint32_t iterations);
ScramVerifier scram_verifier(const ScramKeys& keys, std::string_view salt, std::uint32_t iterations);

} // namespace rekey::protocol::auth
