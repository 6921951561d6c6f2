// What MySQL and MariaDB store instead of a password, made here so that no statement holds one.
#pragma once

#include "rotation/ports.hpp"

#include <string>
#include <string_view>

namespace rekey::rotation::mysql {

// Null: not one that is made here.
MakeVerifier verifier_of_plugin(std::string_view plugin);

// `*` and 40 hexadecimal digits: SHA1(SHA1(password)). The salt is not used.
std::string native_hash(std::string_view password, std::string_view salt);
// `$A$005$`, 20 characters of salt, 43 of SHA-crypt with 5000 rounds. Made of letters, digits, `.` and `/` only.
std::string caching_sha2_hash(std::string_view password, std::string_view salt);
// The public key, 43 characters of base64. The salt is not used.
std::string ed25519_hash(std::string_view password, std::string_view salt);

// SHA-256 of Drepper's "Unix crypt using SHA-256 and SHA-512", without prefix and salt; the salt may be of any length.
std::string sha256_crypt(std::string_view password, std::string_view salt, unsigned rounds);

} // namespace rekey::rotation::mysql
