#include "rotation/sources/flat_lines.hpp"

#include <optional>
#include <set>

namespace rekey::rotation {

namespace {

constexpr std::string_view blanks = " \t";

std::string_view trimmed(std::string_view text) {
    auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

struct Line {
    std::string_view key, value;
    bool yaml = false;
};

std::optional<Line> split(std::string_view text) {
    auto end = text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-");
    auto separator = end == std::string_view::npos ? end : text.find_first_not_of(blanks, end);
    if (end == 0 || separator == std::string_view::npos)
        return std::nullopt;
    Line line{text.substr(0, end), trimmed(text.substr(separator + 1)), text[separator] == ':'};
    // "a:b" is one word to YAML.
    bool yaml_pair = line.yaml && (separator + 1 == text.size() || blanks.find(text[separator + 1]) != blanks.npos);
    if (!yaml_pair && text[separator] != '=')
        return std::nullopt;
    return line;
}

bool quoted(std::string_view value, char quote) {
    return value.size() >= 2 && value.front() == quote && value.back() == quote;
}

// Only a comment may follow the closing quote at `end`.
bool ends_value(std::string_view value, std::size_t end) {
    auto rest = value.substr(end + 1);
    return trimmed(rest).empty() || (blanks.find(rest.front()) != blanks.npos && trimmed(rest).front() == '#');
}

// False: this is more than a plain or quoted text on one line.
bool read_single_quoted(std::string_view value, std::string& out) {
    for (std::size_t i = 1; i < value.size(); ++i) {
        if (value[i] != '\'')
            out += value[i];
        else if (i + 1 < value.size() && value[i + 1] == '\'')
            out += value[++i];
        else
            return ends_value(value, i);
    }
    return false;
}

bool read_double_quoted(std::string_view value, std::string& out) {
    constexpr std::string_view escapes = "\\\\\"\"//n\nt\tr\r"; // character, meaning
    for (std::size_t i = 1; i < value.size(); ++i) {
        if (value[i] == '"')
            return ends_value(value, i);
        if (value[i] != '\\') {
            out += value[i];
            continue;
        }
        std::size_t known = 0;
        while (known < escapes.size() && (i + 1 == value.size() || escapes[known] != value[i + 1]))
            known += 2;
        if (known >= escapes.size())
            return false;
        out += escapes[known + 1];
        ++i;
    }
    return false;
}

} // namespace

bool read_yaml_text(std::string_view value, std::string& out) {
    out.reserve(value.size());
    if (value.starts_with('\''))
        return read_single_quoted(value, out);
    if (value.starts_with('"'))
        return read_double_quoted(value, out);
    for (std::size_t i = 1; i < value.size(); ++i)
        if (value[i] == '#' && blanks.find(value[i - 1]) != blanks.npos)
            value = trimmed(value.substr(0, i));
    // Indicators of YAML 1.2 (5.3) that cannot begin a plain text, and ": ", which makes a mapping of it.
    constexpr std::string_view indicators = "-?:,[]{}#&*!|>%@`";
    bool indicator = !value.empty() && indicators.find(value.front()) != indicators.npos &&
                     (std::string_view("-?:").find(value.front()) == std::string_view::npos || value.size() == 1 ||
                      blanks.find(value[1]) != blanks.npos);
    if (indicator || value.find(": ") != std::string_view::npos || value.ends_with(':'))
        return false;
    out = value;
    return true;
}

namespace {

bool read_value(const Line& line, std::string& out) {
    if (line.yaml)
        return read_yaml_text(line.value, out);
    bool in_quotes = quoted(line.value, '"') || quoted(line.value, '\'');
    out = in_quotes ? line.value.substr(1, line.value.size() - 2) : line.value;
    return true;
}

// Where the database is: the text that a line of this key is for, or null.
std::string* endpoint_text(std::string_view key, FlatLines& result) {
    return key == "host" ? &result.host : key == "port" ? &result.port : key == "dbname" ? &result.database : nullptr;
}

// Empty, or what is wrong with the line.
std::string take(const Line& line, FlatLines& result, std::set<std::string_view>& seen) {
    if (auto* text = endpoint_text(line.key, result)) {
        if (!read_value(line, *text))
            text->clear(); // nobody may want to know
        return {};
    }
    bool known =
        line.key == "username" || line.key == "password" || line.key == "version_id" || line.key == "expiration";
    if (!known)
        return {};
    if (!seen.insert(line.key).second)
        return "says " + std::string(line.key) + " again";
    std::string value;
    if (!read_value(line, value)) {
        protocol::cleanse(value);
        return "has a value that needs more of YAML than Rekey reads: put it in quotes";
    }
    if (line.key == "password")
        result.password = protocol::Secret::take(value);
    else if (line.key == "username")
        result.username = std::move(value);
    else if (line.key == "version_id")
        result.version = std::move(value);
    else
        result.expiration = std::move(value);
    return {};
}

} // namespace

FlatLines parse_flat_lines(std::string_view text, bool user_known) {
    FlatLines result;
    std::set<std::string_view> seen;
    for (std::size_t number = 1; !text.empty() && result.error.empty(); ++number) {
        auto end = text.find('\n');
        auto line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (line.ends_with('\r'))
            line.remove_suffix(1);
        if (trimmed(line).empty() || trimmed(line).front() == '#' || line == "---")
            continue;
        auto pair = split(line);
        auto wrong = pair ? take(*pair, result, seen) : "is neither key=value nor key: value";
        if (!wrong.empty())
            result.error = "line " + std::to_string(number) + " " + wrong;
    }
    bool nothing = seen.empty();
    if (nothing)
        result.error = "it holds neither JSON nor username= and password= lines; a password alone has no user name: "
                       "use a directory with the files username and password, or format: password with a user";
    else if (result.error.empty() && (!(user_known || seen.contains("username")) || !seen.contains("password")))
        result.error = seen.contains("password") ? "it names no username" : "it names no password";
    return result;
}

} // namespace rekey::rotation
