#include "rotation/password.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace rekey::rotation {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
constexpr std::size_t length = 32;
// Bytes from here on would favour the first characters.
constexpr unsigned too_high = 256 / alphabet.size() * alphabet.size();

void draw(Environment& environment, std::string& text) {
    text.clear();
    while (text.size() < length) {
        unsigned char byte = 0;
        environment.random_bytes(&byte, 1);
        if (byte < too_high) {
            text += alphabet[byte % alphabet.size()];
        }
    }
}

bool one_of_each(std::string_view text) {
    const auto holds = [text](char first, char last) {
        return std::any_of(text.begin(), text.end(), [=](char c) { return c >= first && c <= last; });
    };
    return holds('A', 'Z') && holds('a', 'z') && holds('0', '9');
}

} // namespace

protocol::Secret make_password(Environment& environment) {
    std::string text;
    text.reserve(length);
    do {
        draw(environment, text);
    } while (!one_of_each(text));
    return protocol::Secret::take(text);
}

} // namespace rekey::rotation
