#include "rotation/strategies/postgres_quote.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace rekey::rotation::postgres {
namespace {

// GUC_LIST_QUOTE; the same list stands in pg_dump.
constexpr std::array<std::string_view, 6> list_settings{"local_preload_libraries", "search_path",
                                                        "session_preload_libraries", "shared_preload_libraries",
                                                        "temp_tablespaces", "unix_socket_directories"};

std::string_view until_nul(std::string_view text) { return text.substr(0, text.find('\0')); }

std::string wrap(std::string_view text, char quote) {
    std::string result(1, quote);
    for (const char c : text) {
        if (c == quote) {
            result += c;
        }
        result += c;
    }
    result += quote;
    return result;
}

} // namespace

std::string quote_name(std::string_view name) { return wrap(until_nul(name), '"'); }

std::string quote_text(std::string_view text) {
    text = until_nul(text);
    if (text.find('\\') == std::string_view::npos) {
        return wrap(text, '\'');
    }
    std::string doubled;
    for (const char c : text) {
        doubled.append(c == '\\' ? 2 : 1, c);
    }
    return " E" + wrap(doubled, '\'');
}

std::vector<std::string> split_list(std::string_view value) {
    std::vector<std::string> items;
    std::string item;
    bool quoted = false, any = false;
    for (std::size_t i = 0; i < value.size(); ++i) {
        const char c = value[i];
        if (c == '"') {
            any = true;
            if (quoted && i + 1 < value.size() && value[i + 1] == '"') {
                item += value[++i];
            } else {
                quoted = !quoted;
            }
        } else if (c == ',' && !quoted) {
            items.push_back(std::move(item));
            item.clear();
            any = false;
        } else if (quoted || std::isspace(static_cast<unsigned char>(c)) == 0) {
            item += c;
            any = true;
        }
    }
    if (any || !items.empty()) {
        items.push_back(std::move(item));
    }
    return items;
}

std::string quote_setting(std::string_view name, std::string_view value) {
    if (std::find(list_settings.begin(), list_settings.end(), name) == list_settings.end()) {
        return quote_text(value);
    }
    std::string result;
    for (const std::string& item : split_list(until_nul(value))) {
        result += (result.empty() ? "" : ", ") + quote_text(item);
    }
    return result.empty() ? "''" : result;
}

} // namespace rekey::rotation::postgres
