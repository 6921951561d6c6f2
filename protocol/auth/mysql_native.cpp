#include "protocol/auth/mysql_native.hpp"

#include "protocol/auth/hexadecimal.hpp"
#include "protocol/common/assert.hpp"
#include "protocol/common/secret.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <initializer_list>
#include <memory>

namespace rekey::protocol::auth {

namespace {

NativeHash sha1(std::initializer_list<std::string_view> parts) {
    NativeHash hash;
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    REKEY_ASSERT(context != nullptr && EVP_DigestInit_ex(context.get(), EVP_sha1(), nullptr) == 1);
    for (auto part : parts)
        REKEY_ASSERT(EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1);
    REKEY_ASSERT(EVP_DigestFinal_ex(context.get(), hash.data(), nullptr) == 1);
    return hash;
}

std::string_view view(const NativeHash& hash) {
    return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

} // namespace

NativeHash native_hash(std::string_view password) {
    auto once = sha1({password});
    auto twice = sha1({view(once)});
    OPENSSL_cleanse(once.data(), once.size());
    return twice;
}

std::optional<NativeHash> parse_native_hash(std::string_view text) {
    NativeHash hash;
    if (!text.starts_with('*') || !from_hexadecimal(text.substr(1), hash))
        return std::nullopt;
    return hash;
}

std::string native_response(std::string_view password, std::string_view nonce) {
    if (password.empty())
        return {};
    auto once = sha1({password});
    auto mask = sha1({nonce, view(sha1({view(once)}))});
    std::string response(mask.size(), '\0');
    for (std::size_t i = 0; i < mask.size(); ++i)
        response[i] = static_cast<char>(once[i] ^ mask[i]);
    OPENSSL_cleanse(once.data(), once.size());
    return response;
}

bool native_proves(const NativeHash& hash, std::string_view nonce, std::string_view response) {
    if (response.size() != hash.size())
        return false;
    auto once = sha1({nonce, view(hash)});
    for (std::size_t i = 0; i < once.size(); ++i)
        once[i] = static_cast<unsigned char>(once[i] ^ static_cast<unsigned char>(response[i]));
    bool proven = equal_in_constant_time(view(sha1({view(once)})), view(hash));
    OPENSSL_cleanse(once.data(), once.size());
    return proven;
}

} // namespace rekey::protocol::auth
