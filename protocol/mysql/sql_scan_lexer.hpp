// SQL text to tokens, as MySQL and MariaDB read it. Comments are dropped; executable ones count as what they hold.
#pragma once

#include "protocol/mysql/sql_scan_facts.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace rekey::protocol::mysql {

enum class TokenKind : std::uint8_t {
    word,   // ASCII letters in lower case
    quoted, // an identifier in quotes, as it stands between them
    string, // as it stands between its quotes
    number,
    variable, // @name
    system,   // @@name: the first part
    assign,   // :=
    symbol,   // one byte
};

struct Token {
    TokenKind kind = TokenKind::symbol;
    bool exact = true;     // false: cut short, or with escapes
    std::string_view text; // valid during the call; of a symbol, the byte
    bool is(char symbol) const { return kind == TokenKind::symbol && text[0] == symbol; }
};

class TokenSink {
  public:
    virtual ~TokenSink() = default;
    virtual void token(const Token& token) = 0;
};

class SqlLexer {
  public:
    static constexpr std::size_t text_max = 64; // of a token; what is longer is cut

    explicit SqlLexer(SqlOptions options) : options_(options) {}
    void feed(std::string_view piece, TokenSink& sink);
    // False: the text ends within a string, a quoted name or a comment.
    bool finish(TokenSink& sink);
    // Cannot be told how the server reads it.
    bool uncertain() const { return uncertain_ || (non_ascii_ && !options_.ascii_safe_charset); }

  private:
    enum class State : std::uint8_t {
        base,
        word,
        number,
        quote,      // within a string, quoted name or quoted variable
        escape,     // behind a backslash in one
        quote_end,  // behind what ends it, unless the quote is doubled
        slash,      // /
        comment,    // /* …
        comment_m,  // /*M
        version,    // behind /*! or /*M!
        plain,      // in a comment
        plain_star, // * in a comment
        star,       // * in an executable comment
        dash,       // -
        dash_dash,  // --
        line,       // in a comment to the end of the line
        at,         // @
        at_name,    // in the name of @name
        colon,
    };

    const char* step(const char* at, const char* end, TokenSink& sink);
    const char* base(const char* at, const char* end, TokenSink& sink);
    const char* word(const char* at, const char* end, TokenSink& sink);
    const char* quote(const char* at, const char* end);
    const char* at_sign(const char* at);
    const char* version(const char* at);
    void open_quote(char c, TokenKind kind);
    void begin(TokenKind kind, State state);
    void keep(const char* from, const char* to, bool fold);
    void emit(TokenSink& sink);
    void symbol(char c, TokenSink& sink);

    SqlOptions options_;
    State state_ = State::base;
    TokenKind kind_ = TokenKind::word;
    char quote_ = 0;
    bool exact_ = true, uncertain_ = false, non_ascii_ = false;
    bool executable_ = false, mariadb_only_ = false, system_ = false;
    std::uint32_t version_ = 0, digits_ = 0;
    std::size_t size_ = 0;
    char text_[text_max];
};

} // namespace rekey::protocol::mysql
