#include "protocol/auth/caching_sha2.hpp"

#include "protocol/common/assert.hpp"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

namespace rekey::protocol::auth {

namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Context = std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)>;

constexpr int key_bits_max = 16384; // what a server may make us compute with

Bio reading(std::string_view text) {
    return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free};
}

void exclusive_or(std::string& text, std::string_view nonce) {
    for (std::size_t i = 0; i < text.size(); ++i)
        text[i] = static_cast<char>(text[i] ^ nonce[i % nonce.size()]);
}

const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

unsigned char* bytes_of(std::string& text) {
    return reinterpret_cast<unsigned char*>(text.data());
}

// Set to OAEP with its defaults, SHA-1 and MGF1 with SHA-1.
bool oaep(EVP_PKEY_CTX* context) {
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1;
}

} // namespace

Digest caching_sha2_hash(std::string_view password) {
    auto once = sha256({password});
    auto twice = sha256({view(once)});
    OPENSSL_cleanse(once.data(), once.size());
    return twice;
}

std::string caching_sha2_response(std::string_view password, std::string_view nonce) {
    if (password.empty())
        return {};
    auto once = sha256({password});
    auto mask = sha256({view(sha256({view(once)})), nonce});
    std::string response(mask.size(), '\0');
    for (std::size_t i = 0; i < mask.size(); ++i)
        response[i] = static_cast<char>(once[i] ^ mask[i]);
    OPENSSL_cleanse(once.data(), once.size());
    return response;
}

bool caching_sha2_proves(const Digest& hash, std::string_view nonce, std::string_view response) {
    if (response.size() != hash.size())
        return false;
    auto once = sha256({view(hash), nonce});
    for (std::size_t i = 0; i < once.size(); ++i)
        once[i] = static_cast<unsigned char>(once[i] ^ static_cast<unsigned char>(response[i]));
    bool proven = equal_in_constant_time(view(sha256({view(once)})), view(hash));
    OPENSSL_cleanse(once.data(), once.size());
    return proven;
}

std::optional<std::string> encrypt_password(std::string_view public_key, std::string_view password,
                                            std::string_view nonce) {
    auto bio = reading(public_key);
    std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr),
                                                            EVP_PKEY_free);
    if (key == nullptr || EVP_PKEY_is_a(key.get(), "RSA") != 1 || EVP_PKEY_get_bits(key.get()) > key_bits_max) {
        ERR_clear_error();
        return std::nullopt;
    }
    Context context(EVP_PKEY_CTX_new(key.get(), nullptr), EVP_PKEY_CTX_free);
    std::string plain;
    plain.reserve(password.size() + 1); // no copies left behind by growing
    plain.append(password).push_back('\0');
    exclusive_or(plain, nonce);
    std::size_t size = static_cast<std::size_t>(EVP_PKEY_get_size(key.get()));
    std::string encrypted(size, '\0');
    bool done = context != nullptr && EVP_PKEY_encrypt_init(context.get()) == 1 && oaep(context.get()) &&
                EVP_PKEY_encrypt(context.get(), bytes_of(encrypted), &size, bytes_of(std::string_view(plain)),
                                 plain.size()) == 1;
    cleanse(plain);
    ERR_clear_error();
    if (!done)
        return std::nullopt;
    encrypted.resize(size);
    return encrypted;
}

void PasswordKey::Free::operator()(EVP_PKEY* key) const {
    EVP_PKEY_free(key);
}

PasswordKey::PasswordKey(Key key) : key_(std::move(key)) {
    Bio bio(BIO_new(BIO_s_mem()), BIO_free);
    REKEY_ASSERT(bio != nullptr && PEM_write_bio_PUBKEY(bio.get(), key_.get()) == 1);
    char* data = nullptr;
    auto size = BIO_get_mem_data(bio.get(), &data);
    public_key_.assign(data, static_cast<std::size_t>(size));
}

PasswordKey PasswordKey::generate() {
    Key key(EVP_RSA_gen(2048u));
    REKEY_ASSERT(key != nullptr);
    return PasswordKey(std::move(key));
}

std::optional<PasswordKey> PasswordKey::from_pem(std::string_view private_key) {
    auto bio = reading(private_key);
    // An encrypted key must not make libcrypto ask the terminal.
    auto no_password = [](char*, int, int, void*) { return -1; };
    Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
    ERR_clear_error();
    if (key == nullptr || EVP_PKEY_is_a(key.get(), "RSA") != 1)
        return std::nullopt;
    return PasswordKey(std::move(key));
}

std::size_t PasswordKey::size() const {
    return static_cast<std::size_t>(EVP_PKEY_get_size(key_.get()));
}

std::optional<Secret> PasswordKey::decrypt(std::string_view encrypted, std::string_view nonce) const {
    Context context(EVP_PKEY_CTX_new(key_.get(), nullptr), EVP_PKEY_CTX_free);
    std::string plain(size(), '\0');
    std::size_t length = plain.size();
    bool done = context != nullptr && EVP_PKEY_decrypt_init(context.get()) == 1 && oaep(context.get()) &&
                EVP_PKEY_decrypt(context.get(), bytes_of(plain), &length, bytes_of(encrypted), encrypted.size()) == 1;
    ERR_clear_error();
    std::optional<Secret> password;
    if (done) {
        plain.resize(length);
        exclusive_or(plain, nonce);
        if (plain.find('\0') == plain.size() - 1)
            password.emplace(std::string_view(plain).substr(0, plain.size() - 1));
    }
    cleanse(plain);
    return password;
}

} // namespace rekey::protocol::auth
