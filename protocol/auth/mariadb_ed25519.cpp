#include "protocol/auth/mariadb_ed25519.hpp"

#include "protocol/auth/base64.hpp"
#include "protocol/common/assert.hpp"

#include <sodium/crypto_core_ed25519.h>
#include <sodium/crypto_hash_sha512.h>
#include <sodium/crypto_scalarmult_ed25519.h>
#include <sodium/crypto_sign_ed25519.h>
#include <sodium/utils.h>

#include <algorithm>
#include <initializer_list>

namespace rekey::protocol::auth {

namespace {

using Bytes64 = std::array<unsigned char, 64>;
using Bytes32 = std::array<unsigned char, 32>;

const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

template <std::size_t size> std::string_view view(const std::array<unsigned char, size>& bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Bytes64 sha512(std::initializer_list<std::string_view> parts) {
    crypto_hash_sha512_state state;
    Bytes64 hash;
    crypto_hash_sha512_init(&state);
    for (auto part : parts)
        crypto_hash_sha512_update(&state, bytes_of(part), part.size());
    crypto_hash_sha512_final(&state, hash.data());
    sodium_memzero(&state, sizeof state);
    return hash;
}

Bytes32 times_base(const Bytes32& scalar) {
    Bytes32 point;
    // Fails for zero, which no hash comes to.
    REKEY_ASSERT(crypto_scalarmult_ed25519_base_noclamp(point.data(), scalar.data()) == 0);
    return point;
}

Bytes32 reduced(const Bytes64& hash) {
    Bytes32 scalar;
    crypto_core_ed25519_scalar_reduce(scalar.data(), hash.data());
    return scalar;
}

// The halves of SHA512(password): RFC 8032, 5.1.5, steps 1 to 3.
struct PrivateKey {
    explicit PrivateKey(std::string_view password) {
        auto hash = sha512({password});
        std::copy_n(hash.begin(), scalar.size(), scalar.begin());
        std::copy_n(hash.begin() + scalar.size(), prefix.size(), prefix.begin());
        sodium_memzero(hash.data(), hash.size());
        scalar[0] &= 248;
        scalar[31] &= 63;
        scalar[31] |= 64;
    }
    PrivateKey(const PrivateKey&) = delete;
    PrivateKey& operator=(const PrivateKey&) = delete;
    ~PrivateKey() {
        sodium_memzero(scalar.data(), scalar.size());
        sodium_memzero(prefix.data(), prefix.size());
    }

    Bytes32 scalar, prefix;
};

} // namespace

Ed25519Key ed25519_key(std::string_view password) {
    return times_base(PrivateKey(password).scalar);
}

std::optional<Ed25519Key> parse_ed25519_key(std::string_view text) {
    Ed25519Key key;
    auto bytes = base64_decode(std::string(text) + '=');
    if (!bytes || bytes->size() != key.size())
        return std::nullopt;
    std::copy_n(bytes_of(*bytes), key.size(), key.begin());
    return key;
}

std::string ed25519_text(const Ed25519Key& key) {
    auto text = base64_encode(view(key));
    text.pop_back(); // the padding
    return text;
}

std::string ed25519_sign(std::string_view password, std::string_view nonce) {
    PrivateKey key(password);
    auto public_key = times_base(key.scalar);
    auto r = reduced(sha512({view(key.prefix), nonce}));
    auto commitment = times_base(r);
    auto challenge = reduced(sha512({view(commitment), view(public_key), nonce}));
    Bytes32 product, sum;
    crypto_core_ed25519_scalar_mul(product.data(), challenge.data(), key.scalar.data());
    crypto_core_ed25519_scalar_add(sum.data(), product.data(), r.data());
    sodium_memzero(r.data(), r.size());
    sodium_memzero(product.data(), product.size());
    return std::string(view(commitment)).append(view(sum));
}

bool ed25519_proves(const Ed25519Key& key, std::string_view nonce, std::string_view signature) {
    return signature.size() == ed25519_signature_size &&
           crypto_sign_ed25519_verify_detached(bytes_of(signature), bytes_of(nonce), nonce.size(), key.data()) == 0;
}

} // namespace rekey::protocol::auth
