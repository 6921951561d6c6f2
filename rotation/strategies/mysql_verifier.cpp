#include "rotation/strategies/mysql_verifier.hpp"

#include "protocol/auth/digest.hpp"
#include "protocol/auth/hexadecimal.hpp"
#include "protocol/auth/mariadb_ed25519.hpp"
#include "protocol/auth/mysql_native.hpp"
#include "protocol/common/assert.hpp"
#include "protocol/common/secret.hpp"

namespace rekey::rotation::mysql {
namespace {

using protocol::auth::Digest;
using protocol::auth::sha256;
using protocol::auth::view;

// crypt's own base64: least significant bits first, other characters, no padding.
constexpr std::string_view alphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::size_t salt_characters = 20;

// `size` bytes, the digest again and again.
std::string repeated(const Digest& digest, std::size_t size) {
    std::string bytes;
    bytes.reserve(size);
    while (bytes.size() < size) {
        bytes += view(digest).substr(0, size - bytes.size());
    }
    return bytes;
}

Digest first_digest(std::string_view password, std::string_view salt) {
    const Digest inner = sha256({password, salt, password});
    std::string outer;
    outer.reserve(3 * password.size() + salt.size() + 32 * (sizeof(std::size_t) * 8));
    outer.append(password).append(salt).append(repeated(inner, password.size()));
    for (std::size_t bits = password.size(); bits != 0; bits >>= 1) {
        outer += (bits & 1) != 0 ? view(inner) : password;
    }
    const Digest digest = sha256({outer});
    protocol::cleanse(outer);
    return digest;
}

std::string password_sequence(std::string_view password) {
    std::string all;
    all.reserve(password.size() * password.size());
    for (std::size_t i = 0; i < password.size(); ++i) {
        all += password;
    }
    const Digest digest = sha256({all});
    protocol::cleanse(all);
    return repeated(digest, password.size());
}

std::string salt_sequence(std::string_view salt, unsigned char times) {
    std::string all;
    for (unsigned i = 0; i < 16U + times; ++i) {
        all += salt;
    }
    return repeated(sha256({all}), salt.size());
}

void append_base64(std::string& text, unsigned value, int characters) {
    for (; characters > 0; --characters, value >>= 6) {
        text += alphabet[value & 63];
    }
}

// Three bytes at a time, in the order that the definition gives.
std::string crypt_base64(const Digest& digest) {
    std::string text;
    for (unsigned i = 0, a = 0, b = 10, c = 20; i < 10; ++i) {
        append_base64(text, static_cast<unsigned>(digest[a] << 16 | digest[b] << 8 | digest[c]), 4);
        a = (a + 21) % 30;
        b = (b + 21) % 30;
        c = (c + 21) % 30;
    }
    append_base64(text, static_cast<unsigned>(digest[31] << 8 | digest[30]), 3);
    return text;
}

} // namespace

std::string sha256_crypt(std::string_view password, std::string_view salt, unsigned rounds) {
    Digest digest = first_digest(password, salt);
    std::string p = password_sequence(password);
    const std::string s = salt_sequence(salt, digest[0]);
    for (unsigned i = 0; i < rounds; ++i) {
        const bool odd = i % 2 != 0;
        digest =
            sha256({odd ? std::string_view(p) : view(digest), i % 3 != 0 ? std::string_view(s) : std::string_view(),
                    i % 7 != 0 ? std::string_view(p) : std::string_view(), odd ? view(digest) : std::string_view(p)});
    }
    protocol::cleanse(p);
    return crypt_base64(digest);
}

std::string native_hash(std::string_view password, std::string_view) {
    const auto hash = protocol::auth::native_hash(password);
    return "*" + protocol::auth::to_hexadecimal({reinterpret_cast<const char*>(hash.data()), hash.size()});
}

std::string caching_sha2_hash(std::string_view password, std::string_view salt) {
    REKEY_ASSERT(salt.size() >= salt_characters * 3 / 4);
    std::string text;
    for (std::size_t i = 0; i < salt_characters * 3 / 4; i += 3) {
        const auto byte = [&](std::size_t at) {
            return static_cast<unsigned>(static_cast<unsigned char>(salt[i + at]));
        };
        append_base64(text, byte(0) << 16 | byte(1) << 8 | byte(2), 4);
    }
    return "$A$005$" + text + sha256_crypt(password, text, 5000);
}

std::string ed25519_hash(std::string_view password, std::string_view) {
    return protocol::auth::ed25519_text(protocol::auth::ed25519_key(password));
}

MakeVerifier verifier_of_plugin(std::string_view plugin) {
    if (plugin == "mysql_native_password") {
        return native_hash;
    }
    if (plugin == "caching_sha2_password") {
        return caching_sha2_hash;
    }
    return plugin == "ed25519" ? ed25519_hash : nullptr;
}

} // namespace rekey::rotation::mysql
