#include "protocol/postgres/sql_scan_lexer.hpp"

namespace rekey::protocol::postgres {

void SqlLexer::begin_word(char c, std::uint64_t at) {
    begin_ = at;
    text_.clear();
    text_.append(c);
    state_ = State::word;
}

const char* SqlLexer::string(const char* p, const char* end) {
    if (state_ == State::string_backslash) {
        keep(p, 1);
        state_ = State::string;
        return p + 1;
    }
    const char* q = p;
    if (backslashes_) {
        while (q != end && *q != '\'' && *q != '\\') {
            ++q;
        }
    } else {
        const void* found = std::memchr(p, '\'', static_cast<std::size_t>(end - p));
        q = found ? static_cast<const char*>(found) : end;
    }
    if (q == end) {
        keep(p, static_cast<std::size_t>(q - p));
        return end;
    }
    state_ = *q == '\'' ? State::string_quote : State::string_backslash;
    keep(p, static_cast<std::size_t>(q - p) + (*q == '\'' ? 0 : 1));
    return q + 1;
}

const char* SqlLexer::line_comment(const char* p, const char* end) {
    while (p != end && !is_newline(*p)) {
        ++p;
    }
    if (p != end) {
        state_ = State::between;
    }
    return p;
}

// Comments nest. A byte that was half of one mark is not half of the next: /*/ opens once and closes nothing.
const char* SqlLexer::block_comment(const char* p, const char* end) {
    for (; p != end; ++p) {
        const char c = *p;
        if (state_ == State::block_comment_star && c == '/') {
            if (--comment_depth_ == 0) {
                state_ = State::between;
                return p + 1;
            }
            state_ = State::block_comment;
        } else if (state_ == State::block_comment_slash && c == '*') {
            ++comment_depth_;
            state_ = State::block_comment;
        } else {
            state_ = c == '*'   ? State::block_comment_star
                     : c == '/' ? State::block_comment_slash
                                : State::block_comment;
        }
    }
    return p;
}

} // namespace rekey::protocol::postgres
