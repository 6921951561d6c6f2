#include "rotation/sources/version_hash.hpp"

#include "protocol/common/assert.hpp"
#include "protocol/common/bytes.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace rekey::rotation {

VersionHash::VersionHash(const protocol::Secret& key, Environment& environment) : key_(key.clone()) {
    if (!key_.empty())
        return;
    unsigned char bytes[32];
    environment.random_bytes(bytes, sizeof bytes);
    key_ = protocol::Secret(std::string_view(reinterpret_cast<const char*>(bytes), sizeof bytes));
    OPENSSL_cleanse(bytes, sizeof bytes);
}

std::string VersionHash::of(const Fetched& credential) const {
    return of(credential.username, credential.password.reveal(), credential.endpoint.text());
}

std::string VersionHash::of(std::string_view username, std::string_view password, std::string_view endpoint) const {
    std::string content;
    content.reserve(8 + username.size() + password.size() + endpoint.size());
    // The lengths keep ("ab", "c") and ("a", "bc") apart.
    protocol::Writer(content).u32(static_cast<std::uint32_t>(username.size())).bytes(username).bytes(password);
    if (!endpoint.empty())
        protocol::Writer(content).bytes(endpoint).u32(static_cast<std::uint32_t>(endpoint.size()));
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    auto* made = HMAC(EVP_sha256(), key_.reveal().data(), static_cast<int>(key_.size()),
                      reinterpret_cast<const unsigned char*>(content.data()), content.size(), digest, &size);
    protocol::cleanse(content);
    REKEY_ASSERT(made != nullptr);
    std::string text;
    for (unsigned i = 0; i < 8; ++i) {
        text += "0123456789abcdef"[digest[i] >> 4];
        text += "0123456789abcdef"[digest[i] & 15];
    }
    return text;
}

} // namespace rekey::rotation
