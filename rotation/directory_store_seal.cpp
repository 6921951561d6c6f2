#include "rotation/directory_store_seal.hpp"

#include "protocol/common/assert.hpp"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <climits>
#include <memory>

namespace rekey::rotation {

namespace {

constexpr std::string_view magic = "rekey-sealed-1\n";
constexpr std::size_t nonce_size = 12;
constexpr std::size_t tag_size = 16;

struct FreeContext {
    void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

unsigned char* bytes_of(std::string& text) {
    return reinterpret_cast<unsigned char*>(text.data());
}
const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

CipherContext start(const protocol::Secret& key, std::string_view nonce, std::string_view context, bool encrypt) {
    REKEY_ASSERT(key.size() == seal_key_size && nonce.size() == nonce_size);
    CipherContext cipher(EVP_CIPHER_CTX_new());
    int ignored = 0;
    std::string additional(magic);
    additional += context;
    if (cipher == nullptr ||
        EVP_CipherInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key.reveal()), bytes_of(nonce),
                          encrypt ? 1 : 0) != 1 ||
        EVP_CipherUpdate(cipher.get(), nullptr, &ignored, bytes_of(additional), static_cast<int>(additional.size())) !=
            1)
        return nullptr;
    return cipher;
}

} // namespace

std::optional<std::string> seal(const protocol::Secret& key, std::string_view context, std::string_view plaintext) {
    REKEY_ASSERT(plaintext.size() < INT_MAX);
    unsigned char nonce[nonce_size];
    if (RAND_bytes(nonce, sizeof nonce) != 1)
        return std::nullopt;
    std::string sealed(magic);
    sealed.append(reinterpret_cast<const char*>(nonce), sizeof nonce);
    auto cipher = start(key, std::string_view(sealed).substr(magic.size()), context, true);
    auto body = sealed.size();
    sealed.resize(body + plaintext.size() + tag_size);
    int size = 0, rest = 0;
    unsigned char* out = bytes_of(sealed) + body;
    if (cipher == nullptr ||
        EVP_CipherUpdate(cipher.get(), out, &size, bytes_of(plaintext), static_cast<int>(plaintext.size())) != 1 ||
        EVP_CipherFinal_ex(cipher.get(), out + size, &rest) != 1 ||
        EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, tag_size, out + plaintext.size()) != 1)
        return std::nullopt;
    return sealed;
}

std::optional<protocol::Secret> unseal(const protocol::Secret& key, std::string_view context, std::string_view sealed) {
    if (sealed.substr(0, magic.size()) != magic || sealed.size() < magic.size() + nonce_size + tag_size ||
        sealed.size() > INT_MAX)
        return std::nullopt;
    sealed.remove_prefix(magic.size());
    auto nonce = sealed.substr(0, nonce_size);
    auto body = sealed.substr(nonce_size, sealed.size() - nonce_size - tag_size);
    std::string tag(sealed.substr(sealed.size() - tag_size));
    auto cipher = start(key, nonce, context, false);
    std::string plaintext(body.size(), '\0');
    int size = 0, rest = 0;
    unsigned char end[16];
    bool ok = cipher != nullptr &&
              EVP_CipherUpdate(cipher.get(), bytes_of(plaintext), &size, bytes_of(body),
                               static_cast<int>(body.size())) == 1 &&
              EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, tag_size, tag.data()) == 1 &&
              EVP_CipherFinal_ex(cipher.get(), end, &rest) == 1;
    // Taken in any case: what was decrypted before the tag failed is cleansed, too.
    auto secret = protocol::Secret::take(plaintext);
    if (!ok)
        return std::nullopt;
    return secret;
}

} // namespace rekey::rotation
