// caching_sha2_password: SHA256(password) XOR SHA256(SHA256(SHA256(password)), nonce), and the full authentication, in
// which the password itself goes over a secure connection or encrypted by RSA. MySQL manual, "Caching SHA-2 Pluggable
// Authentication".
#pragma once

#include "protocol/auth/digest.hpp"
#include "protocol/common/secret.hpp"

#include <openssl/types.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace rekey::protocol::auth {

// SHA256(SHA256(password)): what a server keeps in its cache. It has no salt and is quick to compute: as precious as
// the file with the passwords of any server.
Digest caching_sha2_hash(std::string_view password);
// What a client sends; nothing for no password. `nonce`: 20 bytes.
std::string caching_sha2_response(std::string_view password, std::string_view nonce);
bool caching_sha2_proves(const Digest& hash, std::string_view nonce, std::string_view response);

// The password with its NUL, XOR the nonce, encrypted for the server's key (PEM) by OAEP with SHA-1. Absent: no RSA
// key, or the password is too long for it.
std::optional<std::string> encrypt_password(std::string_view public_key, std::string_view password,
                                            std::string_view nonce);

// The key pair by which passwords are read on connections without TLS. Const use from several threads is fine.
class PasswordKey {
  public:
    // A new key of 2,048 bits: takes a tenth of a second or more.
    static PasswordKey generate();
    // Absent unless it is an unencrypted RSA key.
    static std::optional<PasswordKey> from_pem(std::string_view private_key);

    const std::string& public_key() const { return public_key_; } // PEM
    std::size_t size() const;                                     // of an encrypted password
    // Undoes encrypt_password(); without the NUL.
    std::optional<Secret> decrypt(std::string_view encrypted, std::string_view nonce) const;

  private:
    struct Free {
        void operator()(EVP_PKEY* key) const;
    };
    using Key = std::unique_ptr<EVP_PKEY, Free>;
    explicit PasswordKey(Key key);

    Key key_;
    std::string public_key_;
};

} // namespace rekey::protocol::auth
