// The quick way past the scan for what most statements look like.
#include "protocol/mysql/sql_scan.hpp"

#include <array>
#include <cstring>
#include <utility>

namespace rekey::protocol::mysql {

namespace {

enum class Kind : std::uint8_t { refused, letter, digit, space, other, quote, open, dash, slash };

constexpr std::array<Kind, 256> kinds = [] {
    std::array<Kind, 256> table{}; // at signs, semicolons, double quotes, backslashes, colons, number signs: refused
    for (unsigned c = 'a'; c <= 'z'; ++c)
        table[c] = table[c - 'a' + 'A'] = Kind::letter;
    for (unsigned c = 0x80; c < 0x100; ++c)
        table[c] = Kind::letter;
    for (unsigned c = '0'; c <= '9'; ++c)
        table[c] = Kind::digit;
    table['_'] = Kind::letter;
    for (const char c : {',', '.', '=', '<', '>', '+', '*', '%', '?', ')', '!', '|', '&', '^'})
        table[static_cast<unsigned char>(c)] = Kind::other;
    table[' '] = table['\t'] = table['\n'] = table['\r'] = Kind::space;
    table['\''] = table['`'] = Kind::quote;
    table['('] = Kind::open;
    table['-'] = Kind::dash;
    table['/'] = Kind::slash;
    return table;
}();

Kind kind_of(char c) {
    return kinds[static_cast<unsigned char>(c)];
}

bool same(const char* word, std::size_t size, std::string_view lower) {
    if (size != lower.size())
        return false;
    for (std::size_t i = 0; i < size; ++i) {
        if ((word[i] | 0x20) != lower[i])
            return false;
    }
    return true;
}

// Words that may have a part though nothing refused stands beside them.
bool may_have_a_part(const char* word, std::size_t size) {
    switch (word[0] | 0x20) {
    case 's': // SQL_CALC_FOUND_ROWS
        return size == 19;
    case 'p': // PREVIOUS VALUE FOR
        return same(word, size, "previous");
    default:
        return false;
    }
}

// Before an opening parenthesis.
bool calls_nothing(const char* word, std::size_t size) {
    switch (size) {
    case 2:
        return same(word, size, "in") || same(word, size, "or") || same(word, size, "on") || same(word, size, "as");
    case 3:
        return same(word, size, "sum") || same(word, size, "max") || same(word, size, "min") ||
               same(word, size, "avg") || same(word, size, "and") || same(word, size, "not") || same(word, size, "now");
    case 5:
        return same(word, size, "count") || same(word, size, "where");
    case 6:
        return same(word, size, "values") || same(word, size, "exists");
    default:
        return false;
    }
}

enum class Verb { none, query, insert, commit };

// The first word; `at` is moved behind it.
Verb verb(const char*& at, const char* end) {
    const char* from = at;
    while (at != end && kind_of(*at) == Kind::letter)
        ++at;
    auto size = static_cast<std::size_t>(at - from);
    if (size != 6 && size != 8)
        return Verb::none;
    if (same(from, size, "select") || same(from, size, "update") || same(from, size, "delete"))
        return Verb::query;
    if (same(from, size, "insert"))
        return Verb::insert;
    return same(from, size, "commit") || same(from, size, "rollback") ? Verb::commit : Verb::none;
}

} // namespace

bool is_plain_statement(std::string_view text) {
    const char* at = text.data();
    const char* const end = at + text.size();
    auto first = verb(at, end);
    if (first == Verb::none)
        return false;
    if (first == Verb::commit)
        return at == end;
    // INSERT INTO t (…): the name of the table, once it was seen.
    bool behind_into = false;
    const char* table = nullptr;
    bool dotted = false, word_dotted = false;
    const char* word = nullptr; // in front of what comes next, white space aside
    std::size_t size = 0;
    for (; at != end;) {
        switch (kind_of(*at)) {
        case Kind::refused:
            return false;
        case Kind::space:
            ++at;
            break;
        case Kind::other:
            if (*at == '.' && word != nullptr && word == table)
                behind_into = true;
            dotted = *at == '.'; // what is called behind a dot is no function of the server's
            word = nullptr;
            ++at;
            break;
        case Kind::dash:
            if (at + 1 != end && at[1] == '-')
                return false;
            word = nullptr;
            ++at;
            break;
        case Kind::slash:
            if (at + 1 != end && at[1] == '*')
                return false;
            word = nullptr;
            ++at;
            break;
        case Kind::quote: {
            const auto* close =
                static_cast<const char*>(std::memchr(at + 1, *at, static_cast<std::size_t>(end - at - 1)));
            if (close == nullptr ||
                (*at == '\'' && std::memchr(at, '\\', static_cast<std::size_t>(close - at)) != nullptr))
                return false;
            word = *at == '`' ? at : nullptr;
            size = 0;
            if (word != nullptr && std::exchange(behind_into, false))
                table = word;
            at = close + 1;
            break;
        }
        case Kind::open:
            if (word != nullptr && word != table && (word_dotted || !calls_nothing(word, size)))
                return false;
            table = nullptr;
            word = nullptr;
            ++at;
            break;
        case Kind::digit:
        case Kind::letter:
            word = at;
            word_dotted = std::exchange(dotted, false);
            while (at != end && (kind_of(*at) == Kind::letter || kind_of(*at) == Kind::digit))
                ++at;
            if (at != end && *at == '$')
                return false;
            size = static_cast<std::size_t>(at - word);
            if (may_have_a_part(word, size))
                return false;
            if (std::exchange(behind_into, false))
                table = word;
            if (first == Verb::insert && table == nullptr && same(word, size, "into"))
                behind_into = true;
            break;
        }
    }
    return true;
}

} // namespace rekey::protocol::mysql
