#include "bench/load/free_upstream_session.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

namespace rekey::bench {
namespace {

constexpr std::uint32_t protocol_3_0 = 196608;
constexpr std::uint32_t cancel_request = 80877102;

// What PostgreSQL 15 reports at the start of a session, and so what a later SET reports again.
constexpr std::array<std::pair<std::string_view, std::string_view>, 13> reported{{
    {"application_name", ""},
    {"client_encoding", "UTF8"},
    {"DateStyle", "ISO, MDY"},
    {"default_transaction_read_only", "off"},
    {"in_hot_standby", "off"},
    {"integer_datetimes", "on"},
    {"IntervalStyle", "postgres"},
    {"is_superuser", "off"},
    {"server_encoding", "UTF8"},
    {"server_version", "15.0"},
    {"session_authorization", "app"},
    {"standard_conforming_strings", "on"},
    {"TimeZone", "Etc/UTC"},
}};

// Complete replies, so that the usual query costs one append. Type, length, contents.
constexpr std::string_view balance_columns{"T\0\0\0\x21\0\x01"
                                           "abalance\0"
                                           "\0\0\0\0\0\0\0\0\0\x17\0\x04\xff\xff\xff\xff\0\0",
                                           34};
constexpr std::string_view text_column{"T\0\0\0\x1d\0\x01"
                                       "text\0"
                                       "\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0",
                                       30};
constexpr std::string_view row_zero{"D\0\0\0\x0b\0\x01\0\0\0\x01"
                                    "0",
                                    12};
constexpr std::string_view row_one{"D\0\0\0\x0b\0\x01\0\0\0\x01"
                                   "1",
                                   12};
constexpr std::string_view select_one{"C\0\0\0\x0d"
                                      "SELECT 1\0",
                                      14};
constexpr std::string_view select_none{"C\0\0\0\x0d"
                                       "SELECT 0\0",
                                       14};
constexpr std::string_view parse_complete{"1\0\0\0\x04", 5};
constexpr std::string_view bind_complete{"2\0\0\0\x04", 5};
constexpr std::string_view close_complete{"3\0\0\0\x04", 5};
constexpr std::string_view no_data{"n\0\0\0\x04", 5};
constexpr std::string_view empty_query{"I\0\0\0\x04", 5};

std::uint32_t number_at(std::string_view bytes, std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i)
        value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
    return value;
}

void append_number(std::string& out, std::uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8)
        out.push_back(static_cast<char>(value >> shift & 0xff));
}

void append_message(std::string& out, char type, std::string_view body) {
    out.push_back(type);
    append_number(out, static_cast<std::uint32_t>(body.size() + 4));
    out.append(body);
}

std::string_view take_string(std::string_view& bytes) {
    const std::size_t end = std::min(bytes.find('\0'), bytes.size());
    const std::string_view text = bytes.substr(0, end);
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
    return text;
}

bool same_letters(char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
}

bool starts_with(std::string_view text, std::string_view word) {
    return text.size() >= word.size() && std::equal(word.begin(), word.end(), text.begin(), same_letters);
}

bool same_words(std::string_view a, std::string_view b) {
    return a.size() == b.size() && starts_with(a, b);
}

std::string_view trim(std::string_view text) {
    const auto blank = [](char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == ';'; };
    while (!text.empty() && blank(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && blank(text.back()))
        text.remove_suffix(1);
    return text;
}

// The next word, quoted string (also E'…') or name; without its quotes.
std::string_view take_token(std::string_view& text) {
    const std::size_t begin = text.find_first_not_of(" \n\t\r=,(");
    text.remove_prefix(std::min(begin, text.size()));
    if (text.size() > 1 && (text[0] == 'E' || text[0] == 'e') && text[1] == '\'')
        text.remove_prefix(1);
    if (text.empty())
        return {};
    const char quote = text.front();
    const bool quoted = quote == '\'' || quote == '"';
    if (quoted)
        text.remove_prefix(1);
    const std::size_t end = std::min(quoted ? text.find(quote) : text.find_first_of(" \n\t\r=,();"), text.size());
    const std::string_view token = text.substr(0, end);
    text.remove_prefix(std::min(end + (quoted ? 1 : 0), text.size()));
    return token;
}

std::uint32_t highest_parameter(std::string_view text) {
    std::uint32_t highest = 0;
    for (std::size_t at = text.find('$'); at != std::string_view::npos; at = text.find('$', at + 1))
        if (at + 1 < text.size() && std::isdigit(static_cast<unsigned char>(text[at + 1])) != 0)
            highest = std::max(highest, static_cast<std::uint32_t>(text[at + 1] - '0'));
    return highest;
}

} // namespace

bool FreeSession::on_bytes(std::string_view bytes, std::string& output) {
    const bool whole = input_.empty();
    if (!whole)
        input_.append(bytes);
    std::string_view rest = whole ? bytes : std::string_view(input_);
    bool more = true;
    while (more && !started_ && rest.size() >= 8 && rest.size() >= number_at(rest, 0)) {
        more = number_at(rest, 4) != cancel_request;
        rest.remove_prefix(start(rest, output));
    }
    while (more && started_ && rest.size() >= 5 && rest.size() > number_at(rest, 1)) {
        const std::size_t length = number_at(rest, 1);
        more = on_message(rest[0], rest.substr(5, length - 4), output);
        rest.remove_prefix(length + 1);
    }
    std::string left(rest);
    input_.swap(left);
    return more;
}

// Returns the length of the start-up packet. Encryption is refused.
std::size_t FreeSession::start(std::string_view bytes, std::string& output) {
    const std::size_t length = number_at(bytes, 0);
    if (number_at(bytes, 4) < protocol_3_0 || number_at(bytes, 4) > protocol_3_0 + 0xffff) {
        output.push_back('N');
        return length;
    }
    started_ = true;
    std::string_view parameters = bytes.substr(8, length - 8);
    std::string_view application_name;
    for (std::string_view name = take_string(parameters); !name.empty(); name = take_string(parameters)) {
        const std::string_view value = take_string(parameters);
        if (name == "application_name")
            application_name = value;
    }
    append_message(output, 'R', std::string_view("\0\0\0\0", 4));
    for (const auto& [name, value] : reported)
        report(name, name == "application_name" ? application_name : value, output);
    std::string key;
    append_number(key, static_cast<std::uint32_t>(process_id_));
    append_number(key, 0x5ec5e7);
    append_message(output, 'K', key);
    ready(output);
    return length;
}

bool FreeSession::on_message(char type, std::string_view body, std::string& output) {
    switch (type) {
    case 'Q':
        simple_query(take_string(body), output);
        break;
    case 'P': {
        const std::string name(take_string(body));
        const std::string_view text = trim(take_string(body));
        statements_[name] = Statement{std::string(text), classify(text)};
        output.append(parse_complete);
        break;
    }
    case 'B':
        take_string(body);
        portal_ = statements_[std::string(take_string(body))];
        output.append(bind_complete);
        break;
    case 'D': {
        const bool of_statement = body.substr(0, 1) == "S";
        body.remove_prefix(1);
        const Statement& statement = of_statement ? statements_[std::string(take_string(body))] : portal_;
        if (of_statement) {
            const std::uint32_t count = highest_parameter(statement.text);
            std::string types{static_cast<char>(count >> 8), static_cast<char>(count)};
            for (std::uint32_t i = 0; i < count; ++i)
                append_number(types, 23); // int4
            append_message(output, 't', types);
        }
        describe(statement.answer, output);
        break;
    }
    case 'E':
        execute(portal_, output);
        break;
    case 'C':
        if (body.substr(0, 1) == "S")
            statements_.erase(std::string(body.substr(1, body.size() - 2)));
        output.append(close_complete);
        break;
    case 'S':
        ready(output);
        break;
    case 'X':
        return false;
    default: // Flush: everything is sent at once anyway
        break;
    }
    return true;
}

// Several statements in one text are taken apart at each semicolon: nobody sends one inside a string here.
void FreeSession::simple_query(std::string_view text, std::string& output) {
    bool any = false;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(';'), text.size());
        const std::string_view one = trim(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (one.empty())
            continue;
        any = true;
        const Statement statement{std::string(one), classify(one)};
        if (statement.answer != Answer::command)
            describe(statement.answer, output);
        execute(statement, output);
    }
    if (!any)
        output.append(empty_query);
    ready(output);
}

FreeSession::Answer FreeSession::classify(std::string_view text) {
    if (text.empty())
        return Answer::none;
    if (starts_with(text, "select abalance"))
        return Answer::balance;
    if (starts_with(text, "select count(*)"))
        return Answer::count;
    for (const std::string_view word : {"select", "show", "with", "values"})
        if (starts_with(text, word))
            return Answer::rows;
    return Answer::command;
}

void FreeSession::describe(Answer answer, std::string& output) const {
    if (answer == Answer::balance)
        output.append(balance_columns);
    else
        output.append(answer == Answer::command || answer == Answer::none ? no_data : text_column);
}

void FreeSession::execute(const Statement& statement, std::string& output) {
    if (statement.answer == Answer::balance || statement.answer == Answer::count) {
        output.append(statement.answer == Answer::balance ? row_zero : row_one).append(select_one);
        return;
    }
    if (statement.answer == Answer::none) {
        output.append(empty_query);
        return;
    }
    if (statement.answer == Answer::rows) {
        apply_set(statement.text, output);
        output.append(select_none);
        return;
    }
    std::string_view rest = statement.text;
    std::string tag(take_token(rest));
    std::transform(tag.begin(), tag.end(), tag.begin(), [](unsigned char c) { return std::toupper(c); });
    if (tag == "BEGIN" || tag == "START")
        status_ = 'T';
    else if (tag == "COMMIT" || tag == "END" || tag == "ROLLBACK" || tag == "ABORT")
        status_ = 'I';
    else if (tag == "SET")
        apply_set(statement.text, output);
    else if (tag == "RESET")
        reset(take_token(rest), output);
    else if (tag == "UPDATE" || tag == "DELETE")
        tag += " 1";
    else if (tag == "INSERT")
        tag += " 0 1";
    append_message(output, 'C', std::string_view(tag.c_str(), tag.size() + 1));
}

// SET [SESSION] name {TO|=} value, or every set_config('name', 'value', …) of a SELECT.
void FreeSession::apply_set(std::string_view text, std::string& output) {
    constexpr std::string_view call = "set_config(";
    std::string_view rest = text;
    if (starts_with(text, "set ")) {
        take_token(rest);
        std::string_view name = take_token(rest);
        if (same_words(name, "session"))
            name = take_token(rest);
        std::string_view value = take_token(rest);
        if (same_words(value, "to"))
            value = take_token(rest);
        return set(name, value, output);
    }
    for (std::size_t at = rest.find(call); at != std::string_view::npos; at = rest.find(call)) {
        rest.remove_prefix(at + call.size());
        const std::string_view name = take_token(rest);
        set(name, take_token(rest), output);
    }
}

// Reports the new value where PostgreSQL would.
void FreeSession::set(std::string_view name, std::string_view value, std::string& output) {
    for (const auto& [known, initial] : reported)
        if (same_words(name, known))
            report(known, value, output);
}

void FreeSession::reset(std::string_view name, std::string& output) {
    for (const auto& [known, initial] : reported)
        if (same_words(name, known))
            report(known, initial, output);
}

void FreeSession::report(std::string_view name, std::string_view value, std::string& output) const {
    std::string body(name);
    body.push_back('\0');
    body.append(value).push_back('\0');
    append_message(output, 'S', body);
}

void FreeSession::ready(std::string& output) const {
    output.append("Z\0\0\0\x05", 5).push_back(status_);
}

} // namespace rekey::bench
