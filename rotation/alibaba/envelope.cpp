#include "rotation/alibaba/envelope.hpp"

#include "protocol/auth/base64.hpp"
#include "protocol/auth/utf8.hpp"
#include "protocol/common/assert.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <memory>

namespace rekey::rotation::alibaba {

namespace {

constexpr std::size_t aes_128_key = 16, aes_256_key = 32;
constexpr std::size_t block = 16;

using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

// Empty, with false: the padding is wrong.
bool decrypt_ecb(const protocol::Secret& key, std::string_view bytes, std::string& plain) {
    CipherContext context(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
    const auto* cipher = key.size() == aes_128_key ? EVP_aes_128_ecb() : EVP_aes_256_ecb();
    bool ready = EVP_DecryptInit_ex(context.get(), cipher, nullptr,
                                    reinterpret_cast<const unsigned char*>(key.reveal().data()), nullptr) == 1;
    REKEY_ASSERT(ready);
    plain.assign(bytes.size() + block, '\0'); // it never grows: the caller can cleanse it
    auto* out = reinterpret_cast<unsigned char*>(plain.data());
    int size = 0, rest = 0;
    bool good = EVP_DecryptUpdate(context.get(), out, &size, reinterpret_cast<const unsigned char*>(bytes.data()),
                                  static_cast<int>(bytes.size())) == 1 &&
                EVP_DecryptFinal_ex(context.get(), out + size, &rest) == 1;
    if (good)
        plain.resize(static_cast<std::size_t>(size + rest));
    return good;
}

// Character by character, so that no copy of the text stays behind.
bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        auto lead = static_cast<unsigned char>(text.front());
        std::size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
        if (!protocol::auth::decode_utf8(text.substr(0, size)))
            return false;
        text.remove_prefix(std::min(size, text.size()));
    }
    return true;
}

} // namespace

CipherKind kind_of(std::string_view data_id) {
    if (data_id.starts_with("cipher-kms-aes-256-"))
        return CipherKind::aes_256;
    if (data_id.starts_with("cipher-kms-aes-128-"))
        return CipherKind::aes_128;
    if (data_id.starts_with("cipher-aes-"))
        return CipherKind::foreign;
    return data_id.starts_with("cipher-") ? CipherKind::whole : CipherKind::none;
}

protocol::Secret data_key(CipherKind kind, std::string_view base64, std::string& error) {
    auto decoded = protocol::auth::base64_decode(base64);
    auto key = decoded ? protocol::Secret::take(*decoded) : protocol::Secret();
    auto wanted = kind == CipherKind::aes_128 ? aes_128_key : aes_256_key;
    if (key.size() == wanted)
        return key;
    error = "what KMS decrypts of its data key is no base64 of " + std::to_string(wanted) + " bytes";
    return {};
}

protocol::Secret decrypt_content(const protocol::Secret& key, std::string_view content, std::string& error) {
    constexpr std::size_t largest = 1 << 20;
    auto bytes = protocol::auth::base64_decode(without_blanks(content));
    if (!bytes || bytes->empty() || bytes->size() > largest || bytes->size() % block != 0) {
        error = "its content is no base64 of whole AES blocks";
        return {};
    }
    std::string plain;
    bool good = decrypt_ecb(key, *bytes, plain);
    auto secret = protocol::Secret::take(plain);
    if (good && is_utf8(secret.reveal()))
        return secret;
    error = "its content does not decrypt to text: it was encrypted with another data key, or damaged";
    return {};
}

std::string without_blanks(std::string_view text) {
    constexpr const char* blanks = " \t\r\n";
    auto begin = text.find_first_not_of(blanks);
    return begin == std::string_view::npos ? std::string()
                                           : std::string(text.substr(begin, text.find_last_not_of(blanks) - begin + 1));
}

} // namespace rekey::rotation::alibaba
