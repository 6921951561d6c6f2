// Hexadecimal digits, as MySQL's and MariaDB's texts of hashes use them: written in capitals, read in either case.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace rekey::protocol::auth {

inline std::string to_hexadecimal(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string text;
    text.reserve(bytes.size() * 2);
    for (auto c : bytes) {
        auto byte = static_cast<unsigned char>(c);
        text.push_back(digits[byte >> 4]);
        text.push_back(digits[byte & 15]);
    }
    return text;
}

// False unless `text` is exactly the digits of as many bytes as `out` has.
inline bool from_hexadecimal(std::string_view text, std::span<unsigned char> out) {
    auto value = [](char c) {
        return c >= '0' && c <= '9'   ? c - '0'
               : c >= 'A' && c <= 'F' ? c - 'A' + 10
               : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                      : -1;
    };
    if (text.size() != out.size() * 2)
        return false;
    for (std::size_t i = 0; i < out.size(); ++i) {
        auto high = value(text[2 * i]), low = value(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = static_cast<unsigned char>(high << 4 | low);
    }
    return true;
}

} // namespace rekey::protocol::auth
