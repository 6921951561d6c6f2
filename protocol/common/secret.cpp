#include "protocol/common/secret.hpp"

#include <openssl/crypto.h>

#include <cstring>
#include <new>
#include <utility>

namespace rekey::protocol {

Secret::Secret(std::string_view bytes) : size_(bytes.size()) {
    if (size_ == 0)
        return;
    data_ = static_cast<char*>(OPENSSL_malloc(size_));
    if (data_ == nullptr)
        throw std::bad_alloc();
    std::memcpy(data_, bytes.data(), size_);
}

Secret::Secret(Secret&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
    if (this != &other) {
        clear();
        data_ = std::exchange(other.data_, nullptr);
        size_ = std::exchange(other.size_, 0);
    }
    return *this;
}

Secret::~Secret() { clear(); }

Secret Secret::take(std::string& source) {
    Secret secret(source);
    cleanse(source);
    return secret;
}

void Secret::clear() noexcept {
    if (data_ != nullptr)
        OPENSSL_clear_free(data_, size_);
    data_ = nullptr;
    size_ = 0;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void cleanse(std::string& text) {
    if (!text.empty())
        OPENSSL_cleanse(text.data(), text.size());
    text.clear();
}

} // namespace rekey::protocol
