// The hashes and random numbers the authentication methods are built from; a thin layer over libcrypto.
// A failure inside libcrypto (no memory, no entropy) is not something a login could answer: it aborts.
#pragma once

#include <array>
#include <initializer_list>
#include <string>
#include <string_view>

namespace rekey::protocol::auth {

using Digest = std::array<unsigned char, 32>;

inline std::string_view view(const Digest& digest) {
    return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

Digest sha256(std::initializer_list<std::string_view> parts);
Digest hmac_sha256(std::string_view key, std::string_view data);
// 32 lower-case hexadecimal digits.
std::string md5_hex(std::initializer_list<std::string_view> parts);
// Bytes fit for keys, salts and nonces.
std::string random_bytes(std::size_t count);

} // namespace rekey::protocol::auth
