// mysql_native_password: SHA1(password) XOR SHA1(nonce, SHA1(SHA1(password))). MySQL manual, "Native Authentication".
// Removed from MySQL 9; MariaDB's default.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace rekey::protocol::auth {

using NativeHash = std::array<unsigned char, 20>;

// SHA1(SHA1(password)): what a server stores.
NativeHash native_hash(std::string_view password);
// `*` and 40 hexadecimal digits, as mysql.user shows it.
std::optional<NativeHash> parse_native_hash(std::string_view text);
// What a client sends; nothing for no password. `nonce`: 20 bytes.
std::string native_response(std::string_view password, std::string_view nonce);
bool native_proves(const NativeHash& hash, std::string_view nonce, std::string_view response);

} // namespace rekey::protocol::auth
