// The tokens of a text of SQL as the server's scanner sees them: PostgreSQL manual 4.1, src/backend/parser/scan.l.
//
// Resumable at every byte; a token longer than 64 bytes is told by its hash. Where releases differ (`1and` was two
// tokens until 14, 0x1F is one since 16) the reading is the one that shows more words. A text the server's scanner
// refuses is refused as a whole before any of it runs, so that only texts it accepts need the same reading here.
#pragma once

#include "protocol/postgres/sql_scan_text.hpp"

#include <array>
#include <cstdint>
#include <string_view>

namespace rekey::protocol::postgres {

enum class StringKind : std::uint8_t {
    plain,   // '…' without escapes, $$…$$
    escaped, // E'…', or '…' while standard_conforming_strings is off
    unicode, // U&'…'
    bits,    // B'…'
    hex,     // X'…'
};

// Where a token stands, counted from the start of the text over all pieces.
struct Lexeme {
    std::uint64_t begin = 0, end = 0;
};

// A sink has: on_word(const TokenText&) folded to lower case; on_quoted(const TokenText&, bool unicode);
// on_string(const TokenText&, StringKind); on_number(const TokenText&); on_parameter(); on_symbol(char) for every other
// byte, operators one by one; on_cast() for `::`; and wants_content(), asked when a string or number begins: false
// leaves its TokenText empty.
class SqlLexer {
  public:
    SqlLexer(bool standard_conforming_strings, std::uint64_t seed)
        : text_(seed), backslash_escapes_(!standard_conforming_strings) {}

    template <class Sink> void feed(std::string_view piece, Sink& sink);
    // Once, after the last piece. False: the text ended within a string, a quoted name or a comment.
    template <class Sink> bool finish(Sink& sink);

    // Of the token being told to the sink, valid inside its handlers only.
    Lexeme lexeme() const { return {begin_, end_}; }
    // A stray `$`, or a dollar quote's tag too long to be compared exactly: nothing after it is certain.
    bool uncertain() const { return uncertain_; }

  private:
    enum class State : std::uint8_t {
        between,
        word,
        word_u_ampersand, // u& or U&
        number,
        number_zero,          // a single 0: 0x1F, 0o17, 0b1 may follow
        number_radix,         // behind 0x, 0o, 0b
        number_exponent,      // 1e
        number_exponent_sign, // 1e+
        number_underscore,    // 1_
        parameter,
        string,
        string_backslash,
        string_quote,    // a quote that may end it or be doubled
        string_gap,      // white space behind a string: 'a' ⏎ 'b' is one
        string_gap_dash, // a dash there
        string_gap_comment,
        quoted,
        quoted_quote,
        dollar,     // $
        dollar_tag, // $tag
        dollar_body,
        dollar_end, // $ta of what may be the closing $tag$
        minus,      // may begin a comment
        slash,
        colon, // may be half of ::
        line_comment,
        block_comment,
        block_comment_star,
        block_comment_slash,
    };
    // The first three are what a word goes on with.
    enum Class : std::uint8_t {
        letter,
        digit,
        dollar_sign,
        other,
        space,
        quote,
        double_quote,
        dash,
        solidus,
        colon_sign
    };

    static constexpr std::array<std::uint8_t, 256> classes = [] {
        std::array<std::uint8_t, 256> table{};
        for (unsigned c = 0; c < 256; ++c) {
            const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
            table[c] = is_letter ? letter : c >= '0' && c <= '9' ? digit : other;
        }
        for (const char c : {' ', '\t', '\n', '\r', '\f', '\v'}) {
            table[static_cast<unsigned char>(c)] = space;
        }
        table['\''] = quote;
        table['"'] = double_quote;
        table['$'] = dollar_sign;
        table['-'] = dash;
        table['/'] = solidus;
        table[':'] = colon_sign;
        return table;
    }();
    static std::uint8_t class_of(char c) { return classes[static_cast<unsigned char>(c)]; }
    static bool in_word(char c) { return class_of(c) <= dollar_sign; }
    static bool is_newline(char c) { return c == '\n' || c == '\r'; }
    std::uint64_t offset(const char* p) const { return base_ + static_cast<std::uint64_t>(p - piece_); }

    // Each takes the first byte it may look at and returns the first it did not consume.
    template <class Sink> const char* step(const char* p, const char* end, Sink& sink);
    template <class Sink> const char* between(const char* p, const char* end, Sink& sink);
    template <class Sink> const char* begin_token(const char* p, const char* end, Sink& sink);
    template <class Sink> const char* word(const char* p, const char* end, Sink& sink);
    template <class Sink> const char* word_u_ampersand(const char* p, Sink& sink);
    template <class Sink> const char* number(const char* p, const char* end, Sink& sink);
    template <class Sink> const char* number_tail(const char* p, Sink& sink);
    template <class Sink> const char* number_suffix(const char* p, char first, Sink& sink);
    template <class Sink> const char* number_exponent_sign(const char* p, Sink& sink);
    template <class Sink> const char* parameter(const char* p, const char* end, Sink& sink);
    const char* string(const char* p, const char* end);
    template <class Sink> const char* string_behind(const char* p, Sink& sink);
    template <class Sink> const char* quoted(const char* p, const char* end, Sink& sink);
    template <class Sink> const char* dollar_open(const char* p, Sink& sink);
    template <class Sink> const char* dollar_inside(const char* p, const char* end, Sink& sink);
    template <class Sink> const char* half_symbol(const char* p, Sink& sink);
    const char* line_comment(const char* p, const char* end);
    const char* block_comment(const char* p, const char* end);

    template <class Sink> void begin_string(StringKind kind, bool backslashes, State state, Sink& sink);
    template <class Sink> void end_string(Sink& sink);
    template <class Sink> void end_number(std::uint64_t behind, Sink& sink);
    template <class Sink> void end_word(std::uint64_t behind, Sink& sink);
    template <class Sink> void symbol(char c, std::uint64_t at, Sink& sink) {
        begin_ = at;
        end_ = at + 1;
        sink.on_symbol(c);
    }
    void begin_word(char c, std::uint64_t at);
    void keep(const char* bytes, std::size_t count) {
        if (keeps_) {
            text_.append(bytes, count);
        }
    }

    TokenText text_;
    const char* piece_ = nullptr; // only while feed() runs
    std::uint64_t base_ = 0;      // bytes before this piece
    std::uint64_t begin_ = 0, end_ = 0;
    std::uint64_t string_end_ = 0;
    std::uint64_t comment_depth_ = 0;
    char tag_[TokenText::capacity]; // of the open dollar quote
    std::uint8_t tag_size_ = 0, tag_seen_ = 0;
    State state_ = State::between;
    StringKind kind_ = StringKind::plain;
    char sign_ = '+'; // behind 1e
    bool backslash_escapes_;
    bool backslashes_ = false; // in the string being read
    bool keeps_ = false;
    bool newline_ = false; // seen in the gap behind a string
    bool unicode_ = false; // U&"…"
    bool uncertain_ = false;
};

} // namespace rekey::protocol::postgres

#include "protocol/postgres/sql_scan_lexer_steps.hpp"
#include "protocol/postgres/sql_scan_lexer_strings.hpp"
