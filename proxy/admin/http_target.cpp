#include "proxy/admin/http_server.hpp"

#include <optional>

namespace rekey::proxy::admin {
namespace {

int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

std::optional<std::string> percent_decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i] == '+' ? ' ' : text[i];
            continue;
        }
        if (text.size() - i < 3)
            return std::nullopt;
        int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
        if (high < 0 || low < 0)
            return std::nullopt;
        out += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return out;
}

} // namespace

bool parse_target(std::string_view target, HttpRequest& request) {
    if (target.empty() || target.front() != '/')
        return false;
    auto question = target.find('?');
    request.path = target.substr(0, question);
    if (question == std::string_view::npos)
        return true;
    auto rest = target.substr(question + 1);
    while (!rest.empty()) {
        auto end = rest.find('&');
        auto pair = rest.substr(0, end);
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
        if (pair.empty())
            continue;
        auto equals = pair.find('=');
        auto name = percent_decoded(pair.substr(0, equals));
        auto value = percent_decoded(equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1));
        if (!name || !value)
            return false;
        request.query[*name] = *value;
    }
    return true;
}

} // namespace rekey::proxy::admin
