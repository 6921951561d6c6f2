// client_ed25519 of MariaDB: a signature by a key made of SHA512(password), where Ed25519 itself (RFC 8032) makes it of
// a seed of 32 bytes; verifying is the same. MariaDB, "Authentication Plugin - ed25519".
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace rekey::protocol::auth {

using Ed25519Key = std::array<unsigned char, 32>; // a public one

inline constexpr std::size_t ed25519_nonce_size = 32;
inline constexpr std::size_t ed25519_signature_size = 64;

// What a server stores.
Ed25519Key ed25519_key(std::string_view password);
// 43 characters of base64, as mysql.global_priv shows it.
std::optional<Ed25519Key> parse_ed25519_key(std::string_view text);
std::string ed25519_text(const Ed25519Key& key);
std::string ed25519_sign(std::string_view password, std::string_view nonce);
bool ed25519_proves(const Ed25519Key& key, std::string_view nonce, std::string_view signature);

} // namespace rekey::protocol::auth
