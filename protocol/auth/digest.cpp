#include "protocol/auth/digest.hpp"

#include "protocol/common/assert.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <memory>

namespace rekey::protocol::auth {

namespace {

void hash(const EVP_MD* algorithm, std::initializer_list<std::string_view> parts, unsigned char* out) {
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    REKEY_ASSERT(context != nullptr && EVP_DigestInit_ex(context.get(), algorithm, nullptr) == 1);
    for (auto part : parts)
        REKEY_ASSERT(EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1);
    REKEY_ASSERT(EVP_DigestFinal_ex(context.get(), out, nullptr) == 1);
}

} // namespace

Digest sha256(std::initializer_list<std::string_view> parts) {
    Digest digest;
    hash(EVP_sha256(), parts, digest.data());
    return digest;
}

Digest hmac_sha256(std::string_view key, std::string_view data) {
    Digest digest;
    REKEY_ASSERT(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                      reinterpret_cast<const unsigned char*>(data.data()), data.size(), digest.data(),
                      nullptr) != nullptr);
    return digest;
}

std::string md5_hex(std::initializer_list<std::string_view> parts) {
    constexpr std::string_view digits = "0123456789abcdef";
    unsigned char digest[16];
    hash(EVP_md5(), parts, digest);
    std::string text;
    for (auto byte : digest) {
        text.push_back(digits[byte >> 4]);
        text.push_back(digits[byte & 15]);
    }
    return text;
}

std::string random_bytes(std::size_t count) {
    std::string bytes(count, '\0');
    REKEY_ASSERT(RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) == 1);
    return bytes;
}

} // namespace rekey::protocol::auth
