#include "proxy/admin/json_text.hpp"

#include <cstdint>

namespace rekey::proxy::admin {
namespace {

// Length of the valid UTF-8 sequence at the front (RFC 3629), 0 when there is none.
std::size_t utf8_length(std::string_view text) {
    auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    auto lead = byte(0);
    std::size_t length = lead < 0x80                   ? 1
                         : lead >= 0xc2 && lead < 0xe0 ? 2
                         : lead >= 0xe0 && lead < 0xf0 ? 3
                         : lead >= 0xf0 && lead < 0xf5 ? 4
                                                       : 0;
    if (length == 0 || text.size() < length)
        return 0;
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xc0) != 0x80)
            return 0;
    }
    // Overlong forms, surrogates and beyond U+10FFFF differ in the second byte.
    if ((lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xed && byte(1) > 0x9f) || (lead == 0xf0 && byte(1) < 0x90) ||
        (lead == 0xf4 && byte(1) > 0x8f))
        return 0;
    return length;
}

void append_character(std::string& out, std::string_view sequence) {
    auto byte = static_cast<unsigned char>(sequence.front());
    if (byte == '"' || byte == '\\') {
        out += '\\';
        out += sequence;
    } else if (byte == '\n') {
        out += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
        constexpr auto hex = "0123456789abcdef";
        out += "\\u00";
        out += hex[byte >> 4];
        out += hex[byte & 15];
    } else {
        out += sequence;
    }
}

} // namespace

std::string json_string(std::string_view text) {
    std::string out = "\"";
    while (!text.empty()) {
        auto length = utf8_length(text);
        if (length == 0) {
            out += "\xef\xbf\xbd";
            text.remove_prefix(1);
            continue;
        }
        append_character(out, text.substr(0, length));
        text.remove_prefix(length);
    }
    return out + '"';
}

} // namespace rekey::proxy::admin
