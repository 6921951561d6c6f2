#include "rotation/http/escape.hpp"

namespace rekey::rotation::http {

std::string escape(std::string_view text) {
    constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string escaped;
    escaped.reserve(3 * text.size());
    for (char c : text) {
        auto byte = static_cast<unsigned char>(c);
        if (plain.find(c) != std::string_view::npos)
            escaped.push_back(c);
        else
            escaped.append({'%', digits[byte >> 4], digits[byte & 15]});
    }
    return escaped;
}

} // namespace rekey::rotation::http
