// The tokens of one short statement, to be read exactly.
#pragma once

#include "protocol/postgres/sql_scan_lexer.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rekey::protocol::postgres {

struct SqlToken {
    enum class Kind : std::uint8_t { word, quoted, string, number, symbol, other };
    Kind kind = Kind::other;
    char symbol = 0;
    StringKind string = StringKind::plain;
    std::string text;  // word: lower case; quoted: the name; string: its value; number: as written
    bool exact = true; // false: the value would take more than this reader does (escapes, U&, pieces joined)

    bool is_word(std::string_view word) const { return kind == Kind::word && text == word; }
    bool is_symbol(char c) const { return kind == Kind::symbol && symbol == c; }
    // A name as the server takes it. Unquoted ones longer than 63 bytes are cut there, which is left to the server.
    bool is_name() const { return (kind == Kind::word || kind == Kind::quoted) && exact && text.size() < 64; }
};

// Nothing when the text is not one statement (semicolons behind it do not count) of at most `limit` tokens, or is left
// unfinished within a string, a quoted name or a comment.
std::optional<std::vector<SqlToken>> read_tokens(std::string_view text, bool standard_conforming_strings,
                                                 std::size_t limit);

// The value of a string constant as written, when that is plain to see.
std::optional<std::string> decode_string(std::string_view written, StringKind kind);

} // namespace rekey::protocol::postgres
