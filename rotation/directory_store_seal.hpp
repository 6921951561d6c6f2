// Sealed bytes: AES-256-GCM with a random 96-bit nonce for every call.
//
//   "rekey-sealed-1\n" · nonce (12) · ciphertext · tag (16)
//
// The additional data are the first line and `context`, so that neither another format version nor the file of
// another name can be passed off. NIST SP 800-38D allows 2^32 random nonces a key: one write a second for 136 years.
#pragma once

#include "protocol/common/secret.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace rekey::rotation {

constexpr std::size_t seal_key_size = 32;

// `key` has seal_key_size bytes. Empty only when the library has no randomness or memory.
std::optional<std::string> seal(const protocol::Secret& key, std::string_view context, std::string_view plaintext);

// Empty when the bytes were sealed with another key or context, or are not complete: GCM cannot tell which.
std::optional<protocol::Secret> unseal(const protocol::Secret& key, std::string_view context, std::string_view sealed);

} // namespace rekey::rotation
