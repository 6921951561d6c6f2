#include "protocol/auth/utf8.hpp"

namespace rekey::protocol::auth {

namespace {

// Bytes a sequence has by its first byte; 0 if none begins so.
std::size_t sequence_size(unsigned char first) {
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        return 2;
    if (first >= 0xe0 && first <= 0xef)
        return 3;
    return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

constexpr char32_t smallest_of_size[] = {0, 0, 0x80, 0x800, 0x10000};

} // namespace

std::optional<std::u32string> decode_utf8(std::string_view text) {
    std::u32string codes;
    codes.reserve(text.size());
    while (!text.empty()) {
        auto first = static_cast<unsigned char>(text[0]);
        auto size = sequence_size(first);
        if (size == 0 || size > text.size())
            return std::nullopt;
        char32_t code = size == 1 ? first : first & (0x7fu >> size);
        for (std::size_t i = 1; i < size; ++i) {
            auto byte = static_cast<unsigned char>(text[i]);
            if ((byte & 0xc0) != 0x80)
                return std::nullopt;
            code = code << 6 | (byte & 0x3fu);
        }
        if (code < smallest_of_size[size] || (code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff)
            return std::nullopt;
        codes.push_back(code);
        text.remove_prefix(size);
    }
    return codes;
}

std::string encode_utf8(std::u32string_view codes) {
    std::string text;
    text.reserve(codes.size() * 4);
    auto put = [&](char32_t value) { text.push_back(static_cast<char>(value)); };
    for (auto code : codes) {
        if (code < 0x80) {
            put(code);
        } else if (code < 0x800) {
            put(0xc0 | code >> 6);
            put(0x80 | (code & 0x3f));
        } else if (code < 0x10000) {
            put(0xe0 | code >> 12);
            put(0x80 | (code >> 6 & 0x3f));
            put(0x80 | (code & 0x3f));
        } else {
            put(0xf0 | code >> 18);
            put(0x80 | (code >> 12 & 0x3f));
            put(0x80 | (code >> 6 & 0x3f));
            put(0x80 | (code & 0x3f));
        }
    }
    return text;
}

} // namespace rekey::protocol::auth
