#include "rotation/strategies/mysql_quote.hpp"

namespace rekey::rotation::mysql {
namespace {

std::string_view until_nul(std::string_view text) {
    return text.substr(0, text.find('\0'));
}

std::string wrap(std::string_view text, char quote) {
    std::string result(1, quote);
    for (const char c : text) {
        result.append(c == quote ? 2 : 1, c);
    }
    return result + quote;
}

} // namespace

std::string quote_name(std::string_view name) {
    return wrap(until_nul(name), '`');
}

std::string quote_text(std::string_view text) {
    text = until_nul(text);
    if (text.find('\\') == std::string_view::npos) {
        return wrap(text, '\'');
    }
    std::string result = "X'";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        result += "0123456789ABCDEF"[byte >> 4];
        result += "0123456789ABCDEF"[byte & 15];
    }
    return result + "'";
}

std::string quote_account(std::string_view user, std::string_view host) {
    return quote_name(user) + "@" + quote_name(host);
}

} // namespace rekey::rotation::mysql
