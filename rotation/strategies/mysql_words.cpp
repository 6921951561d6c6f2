#include "rotation/strategies/mysql_words.hpp"

#include <cctype>

namespace rekey::rotation::mysql {
namespace {

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
bool is_quote(char c) {
    return c == '`' || c == '\'' || c == '"';
}
bool is_word(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$';
}

// The length of the quoted part at the front, its quotes included; all of it when its end is missing.
std::size_t quoted_size(std::string_view text) {
    const char quote = text.front();
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (text[i] == '\\' && quote != '`') {
            ++i;
        } else if (text[i] == quote) {
            if (i + 1 == text.size() || text[i + 1] != quote) {
                return i + 1;
            }
            ++i;
        }
    }
    return text.size();
}

std::string unquoted(std::string_view part) {
    const char quote = part.front();
    std::string result;
    for (std::size_t i = 1; i + 1 < part.size(); ++i) {
        const bool escape = (part[i] == '\\' && quote != '`') || part[i] == quote;
        if (escape && i + 2 < part.size()) {
            ++i;
        }
        result += part[i];
    }
    return result;
}

} // namespace

std::string_view Words::rest() {
    while (!text_.empty() && is_space(text_.front())) {
        text_.remove_prefix(1);
    }
    while (!text_.empty() && is_space(text_.back())) {
        text_.remove_suffix(1);
    }
    return text_;
}

std::string_view Words::next() {
    const std::string_view left = rest();
    if (left.empty()) {
        return {};
    }
    std::size_t size = 1;
    if (is_quote(left.front())) {
        size = quoted_size(left);
    } else if (left.starts_with("<secret>")) {
        size = 8;
    } else if (is_word(left.front())) {
        while (size < left.size() && is_word(left[size])) {
            ++size;
        }
    }
    text_.remove_prefix(size);
    return left.substr(0, size);
}

bool Words::take(std::string_view words) {
    Words wanted(words), after = *this;
    while (!wanted.at_end()) {
        if (after.next() != wanted.next()) {
            return false;
        }
    }
    *this = after;
    return true;
}

std::optional<std::string> Words::value() {
    const std::string_view part = next();
    if (part.empty() || part == "<secret>") {
        return part.empty() ? std::nullopt : std::optional<std::string>(std::string());
    }
    return is_quote(part.front()) ? unquoted(part) : std::string(part);
}

} // namespace rekey::rotation::mysql
