#include "protocol/auth/mariadb_parsec.hpp"

#include "protocol/auth/digest.hpp"
#include "protocol/common/assert.hpp"

#include <openssl/evp.h>

#include <memory>

namespace rekey::protocol::auth {

namespace {

constexpr std::size_t salt_size = 18, seed_size = 32, signature_size = 64;
constexpr unsigned char factor_max = 3; // what MariaDB's own clients accept

} // namespace

std::optional<ParsecSalt> read_parsec_salt(std::string_view data) {
    if (data.size() != 2 + salt_size || data[0] != 'P' || static_cast<unsigned char>(data[1]) > factor_max)
        return std::nullopt;
    return ParsecSalt{std::string(data.substr(2)), 1024u << static_cast<unsigned char>(data[1])};
}

Secret parsec_seed(std::string_view password, const ParsecSalt& salt) {
    std::string seed(seed_size, '\0');
    REKEY_ASSERT(PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()),
                                   reinterpret_cast<const unsigned char*>(salt.salt.data()),
                                   static_cast<int>(salt.salt.size()), static_cast<int>(salt.iterations), EVP_sha512(),
                                   static_cast<int>(seed.size()), reinterpret_cast<unsigned char*>(seed.data())) == 1);
    return Secret::take(seed);
}

std::string parsec_response(const Secret& seed, std::string_view server_nonce) {
    auto nonce = random_bytes(parsec_nonce_size);
    auto message = std::string(server_nonce) + nonce;
    std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
        EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr,
                                     reinterpret_cast<const unsigned char*>(seed.reveal().data()), seed.size()),
        EVP_PKEY_free);
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    std::string signature(signature_size, '\0');
    std::size_t size = signature.size();
    REKEY_ASSERT(key != nullptr && context != nullptr &&
                 EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
                 EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                                reinterpret_cast<const unsigned char*>(message.data()), message.size()) == 1);
    return nonce + signature;
}

} // namespace rekey::protocol::auth
