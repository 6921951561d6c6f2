#include "rotation/sources/client_files.hpp"

#include "rotation/sources/document.hpp"

#include <array>
#include <optional>

namespace rekey::rotation {

namespace {

constexpr std::string_view blanks = " \t";

FetchResult checked(std::string username, protocol::Secret password) {
    Fetched credential;
    credential.username = std::move(username);
    credential.password = std::move(password);
    FetchResult result;
    result.error = reason_against(credential);
    if (result.error.empty())
        result.credential = std::move(credential);
    return result;
}

// Takes the next line off `text`, without its end.
std::string_view take_line(std::string_view& text) {
    auto end = text.find('\n');
    auto line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r'))
        line.remove_suffix(1);
    return line;
}

std::string_view trimmed(std::string_view text) {
    auto first = text.find_first_not_of(blanks);
    return first == std::string_view::npos ? std::string_view()
                                           : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

struct Field {
    protocol::Secret text; // without its escapes
    bool any = false;      // `*`
    bool is(std::string_view other) const { return any || other.empty() || text.reveal() == other; }
};

// Takes a field off `line` with the colon behind it; false: there is no colon, and this is not the last one.
bool take_field(std::string_view& line, bool last, Field& field) {
    std::string text;
    text.reserve(line.size());
    std::size_t at = 0;
    for (; at < line.size() && (last || line[at] != ':'); ++at) {
        bool escape = line[at] == '\\' && at + 1 < line.size();
        text += line[escape ? ++at : at];
    }
    bool ended = at < line.size();
    field.any = line.substr(0, at) == "*";
    field.text = protocol::Secret::take(text);
    line.remove_prefix(at + (ended ? 1 : 0));
    return last || ended;
}

// The first of an option's name, `-` and `_` being the same.
bool is_option(std::string_view name, std::string_view wanted) {
    return name == wanted || name == "loose-" + std::string(wanted) || name == "loose_" + std::string(wanted);
}

char unescaped(char c) {
    constexpr std::string_view escapes = "b\bt\tn\nr\r\\\\s \"\"''"; // character, meaning
    for (std::size_t i = 0; i < escapes.size(); i += 2)
        if (escapes[i] == c)
            return escapes[i + 1];
    return '\0';
}

// MySQL's rules: a comment in the middle of a line needs a blank before it only outside of quotes; what is no escape
// keeps its backslash.
protocol::Secret option_value(std::string_view text) {
    std::string value;
    value.reserve(text.size());
    char quote = text.size() > 1 && (text.front() == '"' || text.front() == '\'') ? text.front() : '\0';
    std::size_t at = quote != '\0' ? 1 : 0;
    for (; at < text.size() && (quote == '\0' || text[at] != quote); ++at) {
        if (quote == '\0' && text[at] == '#')
            break;
        char meant = text[at] == '\\' && at + 1 < text.size() ? unescaped(text[at + 1]) : '\0';
        value += meant != '\0' ? meant : text[at];
        at += meant != '\0' ? 1 : 0;
    }
    while (quote == '\0' && !value.empty() && blanks.find(value.back()) != std::string_view::npos)
        value.pop_back();
    return protocol::Secret::take(value);
}

} // namespace

FetchResult parse_passfile(std::string_view text, const config::PassfileQuery& query, const std::string& user) {
    while (!text.empty()) {
        auto line = take_line(text);
        if (line.empty() || line.front() == '#')
            continue;
        std::array<Field, 5> fields; // host, port, database, user, password
        bool whole = true;
        for (std::size_t i = 0; i < fields.size() && whole; ++i)
            whole = take_field(line, i + 1 == fields.size(), fields[i]);
        const auto& [host, port, database, name, password] = fields;
        if (!whole || !host.is(query.host) || !port.is(query.port) || !database.is(query.database) || !name.is(user))
            continue;
        if (user.empty() && name.any)
            continue;
        if (password.text.empty())
            return failed_fetch("the line that matches has no password");
        return checked(user.empty() ? std::string(name.text.reveal()) : user, password.text.clone());
    }
    auto what = query.host.empty() ? std::string("the upstream") : query.host + ":" + query.port;
    return failed_fetch("no line matches " + what + (user.empty() ? "" : " and the user " + user));
}

FetchResult parse_option_file(std::string_view text, const std::string& user) {
    std::string username;
    protocol::Secret password;
    bool client = false;
    for (std::size_t number = 1; !text.empty(); ++number) {
        auto line = trimmed(take_line(text));
        if (line.empty() || line.front() == '#' || line.front() == ';')
            continue;
        if (line.front() == '!')
            return failed_fetch("line " + std::to_string(number) + " includes another file, which is not followed");
        if (line.front() == '[') {
            client = line.substr(0, line.find(']')) == "[client";
            continue;
        }
        auto equals = line.find('=');
        if (!client || equals == std::string_view::npos)
            continue;
        auto name = trimmed(line.substr(0, equals));
        if (is_option(name, "user"))
            username = option_value(trimmed(line.substr(equals + 1))).reveal();
        else if (is_option(name, "password"))
            password = option_value(trimmed(line.substr(equals + 1)));
    }
    if (username.empty())
        username = user;
    if (username.empty() || password.empty())
        return failed_fetch(std::string("[client] names no ") + (username.empty() ? "user" : "password"));
    return checked(std::move(username), std::move(password));
}

FetchResult lone_password(std::string_view text, const std::string& user) {
    if (text.ends_with('\n'))
        text.remove_suffix(text.ends_with("\r\n") ? 2 : 1);
    if (text.find('\n') != std::string_view::npos)
        return failed_fetch("it holds more than one line, which is no password");
    return checked(user, protocol::Secret(text));
}

} // namespace rekey::rotation
