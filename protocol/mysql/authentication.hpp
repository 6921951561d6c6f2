// Authentication plugins: what both sides of a login share. MySQL manual, "Authentication Methods"; MariaDB,
// "Authentication Plugins".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rekey::protocol::mysql {

enum class Plugin : std::uint8_t { native, caching_sha2, sha256, clear, ed25519, parsec };

std::string_view name_of(Plugin plugin); // on the wire
std::optional<Plugin> plugin_of(std::string_view name);

// 20 characters, none of which is NUL or '$', which old clients and servers take for an end or a separator.
std::string new_nonce();

// Of caching_sha2_password and sha256_password: what one side asks or says in a byte.
inline constexpr char sha256_key_request = 0x01;
inline constexpr char sha2_key_request = 0x02;
inline constexpr char sha2_fast_success = 0x03;
inline constexpr char sha2_full_authentication = 0x04;

} // namespace rekey::protocol::mysql
