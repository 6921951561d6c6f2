// The quick way past the scan for what most reads look like.
#include "protocol/postgres/sql_scan.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace rekey::protocol::postgres {

namespace {

enum class Kind : std::uint8_t { refused, letter, digit, dollar, other };

constexpr std::array<Kind, 256> kinds = [] {
    std::array<Kind, 256> table{}; // quotes, parentheses, semicolons, backslashes, what begins a comment: refused
    for (unsigned c = 'a'; c <= 'z'; ++c)
        table[c] = table[c - 'a' + 'A'] = Kind::letter;
    for (unsigned c = '0'; c <= '9'; ++c)
        table[c] = Kind::digit;
    table['_'] = Kind::letter;
    table['$'] = Kind::dollar;
    for (const char c : {' ', '\t', '\n', '\r', ',', '.', '=', '<', '>', '+', '*', ':', '%'})
        table[static_cast<unsigned char>(c)] = Kind::other;
    return table;
}();

constexpr std::uint32_t three(char a, char b, char c) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(a)) |
           static_cast<std::uint32_t>(static_cast<unsigned char>(b)) << 8 |
           static_cast<std::uint32_t>(static_cast<unsigned char>(c)) << 16;
}

// By their first three letters: a word too many only means the slow way.
bool may_have_a_part(const char* word, std::ptrdiff_t left) {
    if (left < 3)
        return false;
    switch (three(word[0], word[1], word[2]) | 0x202020) {
    case three('i', 'n', 's'):        // insert
    case three('u', 'p', 'd'):        // update
    case three('d', 'e', 'l'):        // delete
    case three('m', 'e', 'r'):        // merge
    case three('w', 'i', 't'):        // with
    case three('t', 'e', 'm'):        // temp, temporary
    case three('l', 'o', 'c'):        // local
    case three('g', 'l', 'o'):        // global
    case three('p', 'g', '_' | 0x20): // pg_settings, pg_temp
        return true;
    case three('i', 'n', 't'): // into, but not integer
        return left > 3 && (word[3] | 0x20) == 'o';
    default:
        return false;
    }
}

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

} // namespace

bool is_plain_select(std::string_view text) {
    constexpr std::string_view first = "select ";
    if (text.size() < first.size())
        return false;
    for (std::size_t i = 0; i + 1 < first.size(); ++i) {
        if ((text[i] | 0x20) != first[i])
            return false;
    }
    if (text[first.size() - 1] != ' ')
        return false;
    const char* const end = text.data() + text.size();
    const auto kind = [end](const char* at) {
        return at == end ? Kind::other : kinds[static_cast<unsigned char>(*at)];
    };
    for (const char* at = text.data() + first.size(); at != end;) {
        switch (kind(at)) {
        case Kind::refused:
            return *at == ';' && is_blank({at + 1, static_cast<std::size_t>(end - at - 1)});
        case Kind::other:
            ++at;
            break;
        case Kind::dollar: // a parameter; $tag$ quotes
            if (kind(++at) != Kind::digit)
                return false;
            [[fallthrough]];
        case Kind::digit:
            while (kind(at) == Kind::digit)
                ++at;
            if (kind(at) == Kind::letter || kind(at) == Kind::dollar) // 1e5, 0x1f, and what not
                return false;
            break;
        case Kind::letter:
            if (may_have_a_part(at, end - at))
                return false;
            while (kind(at) == Kind::letter || kind(at) == Kind::digit)
                ++at;
            if (kind(at) == Kind::dollar) // part of the word
                return false;
            break;
        }
    }
    return true;
}

} // namespace rekey::protocol::postgres
