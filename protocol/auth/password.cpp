#include "protocol/auth/password.hpp"

#include "protocol/auth/digest.hpp"
#include "protocol/common/assert.hpp"

#include <algorithm>

namespace rekey::protocol::auth {

namespace {

constexpr std::string_view characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
// Bytes from here on are drawn again: with them, the first characters would come up more often than the others.
constexpr unsigned drawn_again = 256 / characters.size() * characters.size();

void fill(std::string& text, std::size_t length) {
    text.clear();
    while (text.size() < length) {
        auto bytes = random_bytes(length);
        for (auto byte : bytes) {
            auto value = static_cast<unsigned char>(byte);
            if (value < drawn_again && text.size() < length)
                text.push_back(characters[value % characters.size()]);
        }
        cleanse(bytes);
    }
}

bool holds_one_of(std::string_view text, char first, char last) {
    return std::any_of(text.begin(), text.end(), [=](char c) { return c >= first && c <= last; });
}

} // namespace

Secret random_password(std::size_t length) {
    REKEY_ASSERT(length >= shortest_password);
    std::string text;
    text.reserve(length); // one buffer, cleansed at the end: no copies left behind by growing
    do
        fill(text, length);
    while (!holds_one_of(text, 'A', 'Z') || !holds_one_of(text, 'a', 'z') || !holds_one_of(text, '0', '9'));
    return Secret::take(text);
}

ScramVerifier new_scram_verifier(std::string_view password, std::uint32_t iterations) {
    return scram_verifier(password, random_bytes(16), iterations);
}

} // namespace rekey::protocol::auth
