// The attributes SCRAM messages are made of: a letter, '=', a value without comma. RFC 5802, section 7.
#pragma once

#include <optional>
#include <string_view>

namespace rekey::protocol::auth {

struct ScramAttribute {
    char name = 0;
    std::string_view value;
};

// Takes one attribute, and the comma behind it, off `rest`; absent if `rest` does not begin with an attribute.
// `rest` is empty after the last one; a comma at the very end is malformed.
inline std::optional<ScramAttribute> take_attribute(std::string_view& rest) {
    auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    if (rest.size() < 2 || !letter(rest[0]) || rest[1] != '=')
        return std::nullopt;
    auto comma = rest.find(',');
    ScramAttribute attribute{rest[0], rest.substr(2, comma == std::string_view::npos ? comma : comma - 2)};
    if (comma == std::string_view::npos)
        rest = {};
    else if (comma + 1 == rest.size())
        return std::nullopt;
    else
        rest.remove_prefix(comma + 1);
    return attribute;
}

// The value of the attribute that has to come next.
inline std::optional<std::string_view> take_attribute(std::string_view& rest, char name) {
    auto attribute = take_attribute(rest);
    if (!attribute || attribute->name != name)
        return std::nullopt;
    return attribute->value;
}

// RFC 5802: any printable ASCII character but the comma (which take_attribute has taken care of).
inline bool is_nonce(std::string_view text) {
    for (char c : text)
        if (c < 0x21 || c > 0x7e)
            return false;
    return !text.empty();
}

} // namespace rekey::protocol::auth
