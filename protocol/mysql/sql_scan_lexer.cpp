#include "protocol/mysql/sql_scan_lexer.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace rekey::protocol::mysql {

namespace {

enum class Class : std::uint8_t { other, space, letter, digit };

constexpr std::array<Class, 256> classes = [] {
    std::array<Class, 256> table{};
    for (unsigned c = 'a'; c <= 'z'; ++c)
        table[c] = table[c - 'a' + 'A'] = Class::letter;
    for (unsigned c = 0x80; c < 0x100; ++c)
        table[c] = Class::letter;
    for (unsigned c = '0'; c <= '9'; ++c)
        table[c] = Class::digit;
    table['_'] = table['$'] = Class::letter;
    for (const char c : {' ', '\t', '\n', '\r', '\v', '\f'})
        table[static_cast<unsigned char>(c)] = Class::space;
    return table;
}();

Class class_of(char c) {
    return classes[static_cast<unsigned char>(c)];
}
bool in_word(char c) {
    return class_of(c) >= Class::letter;
}
char fold(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

// Executable comments with these numbers run on every server that is supported.
constexpr std::uint32_t runs_always = 50699, mysql_runs_always = 80000, mariadb_runs_from = 100000,
                        mariadb_runs_always = 101100;
constexpr std::uint32_t version_digits_max = 6;

} // namespace

void SqlLexer::begin(TokenKind kind, State state) {
    kind_ = kind;
    state_ = state;
    size_ = 0;
    exact_ = true;
}

void SqlLexer::keep(const char* from, const char* to, bool folded) {
    auto count = std::min(static_cast<std::size_t>(to - from), text_max - size_);
    if (count < static_cast<std::size_t>(to - from))
        exact_ = false;
    if (folded)
        std::transform(from, from + count, text_ + size_, fold);
    else
        std::copy(from, from + count, text_ + size_);
    size_ += count;
}

void SqlLexer::emit(TokenSink& sink) {
    state_ = State::base;
    sink.token({kind_, exact_, {text_, size_}});
}

void SqlLexer::symbol(char c, TokenSink& sink) {
    state_ = State::base;
    sink.token({TokenKind::symbol, true, {&c, 1}});
}

void SqlLexer::feed(std::string_view piece, TokenSink& sink) {
    if (!options_.ascii_safe_charset && !non_ascii_)
        non_ascii_ = std::any_of(piece.begin(), piece.end(), [](char c) { return (c & 0x80) != 0; });
    const char* at = piece.data();
    const char* end = at + piece.size();
    while (at != end)
        at = step(at, end, sink);
}

bool SqlLexer::finish(TokenSink& sink) {
    switch (state_) {
    case State::word:
    case State::number:
    case State::quote_end:
    case State::at_name:
        emit(sink);
        break;
    case State::at:
        symbol('@', sink);
        break;
    case State::slash:
        symbol('/', sink);
        break;
    case State::dash:
        symbol('-', sink);
        break;
    case State::star:
        symbol('*', sink);
        break;
    case State::colon:
        symbol(':', sink);
        break;
    case State::quote:
    case State::escape:
    case State::comment:
    case State::comment_m:
    case State::version:
    case State::plain:
    case State::plain_star:
        return false;
    case State::base:
    case State::dash_dash:
    case State::line:
        break;
    }
    return !executable_;
}

// One step forward: consumes at least a byte, or changes the state.
const char* SqlLexer::step(const char* at, const char* end, TokenSink& sink) {
    char c = *at;
    switch (state_) {
    case State::base:
        return base(at, end, sink);
    case State::word:
    case State::number:
    case State::at_name:
        return word(at, end, sink);
    case State::quote:
        return quote(at, end);
    case State::escape:
        keep(at, at + 1, false);
        state_ = State::quote;
        return at + 1;
    case State::quote_end:
        if (c == quote_) {
            exact_ = false;
            state_ = State::quote;
            return at + 1;
        }
        emit(sink);
        return at;
    case State::slash:
        if (c != '*') {
            symbol('/', sink);
            return at;
        }
        state_ = State::comment;
        return at + 1;
    case State::comment:
        mariadb_only_ = false;
        if (c == '!') {
            state_ = State::version;
            version_ = digits_ = 0;
            return at + 1;
        }
        state_ = c == 'M' ? State::comment_m : State::plain;
        return c == 'M' ? at + 1 : at;
    case State::comment_m:
        mariadb_only_ = true;
        state_ = c == '!' && options_.mariadb ? State::version : State::plain;
        version_ = digits_ = 0;
        return c == '!' ? at + 1 : at;
    case State::version:
        return version(at);
    case State::plain: {
        const auto* star = static_cast<const char*>(std::memchr(at, '*', static_cast<std::size_t>(end - at)));
        state_ = star == nullptr ? State::plain : State::plain_star;
        return star == nullptr ? end : star + 1;
    }
    case State::plain_star:
        state_ = c == '/' ? State::base : c == '*' ? State::plain_star : State::plain;
        return at + 1;
    case State::star:
        if (c == '/') {
            executable_ = false;
            state_ = State::base;
            return at + 1;
        }
        symbol('*', sink);
        return at;
    case State::dash:
        if (c == '-') {
            state_ = State::dash_dash;
            return at + 1;
        }
        symbol('-', sink);
        return at;
    case State::dash_dash: // a comment only before white space or a control character
        if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f) {
            state_ = State::line;
            return at;
        }
        symbol('-', sink);
        state_ = State::dash; // the second one may begin another
        return at;
    case State::line: {
        const auto* newline = static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
        if (newline == nullptr)
            return end;
        state_ = State::base;
        return newline + 1;
    }
    case State::at:
        return at_sign(at);
    case State::colon:
        if (c == '=') {
            kind_ = TokenKind::assign;
            size_ = 0;
            emit(sink);
            return at + 1;
        }
        symbol(':', sink);
        return at;
    }
    return at + 1;
}

const char* SqlLexer::base(const char* at, const char* end, TokenSink& sink) {
    while (at != end && class_of(*at) == Class::space)
        ++at;
    if (at == end)
        return at;
    char c = *at;
    switch (class_of(c)) {
    case Class::letter:
        begin(TokenKind::word, State::word);
        return at;
    case Class::digit:
        begin(TokenKind::number, State::number);
        return at;
    case Class::space:
    case Class::other:
        break;
    }
    switch (c) {
    case '\'':
        open_quote(c, TokenKind::string);
        break;
    case '"':
        open_quote(c, options_.ansi_quotes ? TokenKind::quoted : TokenKind::string);
        break;
    case '`':
        open_quote(c, TokenKind::quoted);
        break;
    case '/':
        state_ = State::slash;
        break;
    case '#':
        state_ = State::line;
        break;
    case '-':
        state_ = State::dash;
        break;
    case '@':
        system_ = false;
        state_ = State::at;
        break;
    case ':':
        state_ = State::colon;
        break;
    case '*':
        if (executable_) {
            state_ = State::star;
            break;
        }
        [[fallthrough]];
    default:
        symbol(c, sink);
    }
    return at + 1;
}

const char* SqlLexer::word(const char* at, const char* end, TokenSink& sink) {
    const char* from = at;
    bool dots = state_ == State::at_name && kind_ == TokenKind::variable;
    while (at != end && (in_word(*at) || (dots && *at == '.')))
        ++at;
    keep(from, at, true);
    if (at != end)
        emit(sink);
    return at;
}

void SqlLexer::open_quote(char c, TokenKind kind) {
    begin(kind, State::quote);
    quote_ = c;
}

const char* SqlLexer::quote(const char* at, const char* end) {
    const char* from = at;
    bool escapes = !options_.no_backslash_escapes && quote_ != '`' && !(quote_ == '"' && options_.ansi_quotes);
    while (at != end && *at != quote_ && !(escapes && *at == '\\'))
        ++at;
    keep(from, at, false);
    if (at == end)
        return at;
    state_ = *at == quote_ ? State::quote_end : State::escape;
    exact_ = exact_ && state_ == State::quote_end;
    return at + 1;
}

const char* SqlLexer::at_sign(const char* at) {
    char c = *at;
    if (c == '@' && !system_) {
        system_ = true;
        return at + 1;
    }
    auto kind = system_ ? TokenKind::system : TokenKind::variable;
    if (c == '`' || (!system_ && (c == '\'' || c == '"'))) {
        open_quote(c, kind);
        return at + 1;
    }
    begin(kind, State::at_name); // an empty name is emitted, too: what it is, the server says
    return at;
}

// The number behind /*! tells from which server on the comment is code.
const char* SqlLexer::version(const char* at) {
    if (class_of(*at) == Class::digit && digits_ < version_digits_max) {
        version_ = version_ * 10 + static_cast<std::uint32_t>(*at - '0');
        ++digits_;
        return at + 1;
    }
    bool runs = version_ <= (options_.mariadb ? runs_always : mysql_runs_always);
    bool skipped = false;
    if (options_.mariadb && !mariadb_only_)
        skipped = version_ > runs_always && version_ < mariadb_runs_from;
    if (options_.mariadb && version_ <= mariadb_runs_always && !skipped)
        runs = true;
    if (digits_ != 0 && digits_ < 5) // the server reads five digits or none
        runs = false;
    if (executable_ || (!runs && !skipped))
        uncertain_ = true;
    executable_ = !skipped;
    state_ = skipped ? State::plain : State::base;
    return at;
}

} // namespace rekey::protocol::mysql
