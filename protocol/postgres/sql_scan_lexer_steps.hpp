// The steps of SqlLexer outside strings; included by sql_scan_lexer.hpp only.
#pragma once

#include <cstring>

namespace rekey::protocol::postgres {

template <class Sink> void SqlLexer::feed(std::string_view piece, Sink& sink) {
    piece_ = piece.data();
    const char* p = piece.data();
    const char* const end = p + piece.size();
    while (p != end) {
        p = step(p, end, sink);
    }
    base_ += piece.size();
    piece_ = nullptr;
}

template <class Sink> const char* SqlLexer::step(const char* p, const char* end, Sink& sink) {
    switch (state_) {
    case State::between:
        return between(p, end, sink);
    case State::word:
        return word(p, end, sink);
    case State::word_u_ampersand:
        return word_u_ampersand(p, sink);
    case State::number:
        return number(p, end, sink);
    case State::number_zero:
    case State::number_radix:
    case State::number_exponent:
    case State::number_exponent_sign:
    case State::number_underscore:
        return number_tail(p, sink);
    case State::parameter:
        return parameter(p, end, sink);
    case State::string:
    case State::string_backslash:
        return string(p, end);
    case State::string_quote:
    case State::string_gap:
    case State::string_gap_dash:
    case State::string_gap_comment:
        return string_behind(p, sink);
    case State::quoted:
    case State::quoted_quote:
        return quoted(p, end, sink);
    case State::dollar:
    case State::dollar_tag:
        return dollar_open(p, sink);
    case State::dollar_body:
    case State::dollar_end:
        return dollar_inside(p, end, sink);
    case State::minus:
    case State::slash:
    case State::colon:
        return half_symbol(p, sink);
    case State::line_comment:
        return line_comment(p, end);
    case State::block_comment:
    case State::block_comment_star:
    case State::block_comment_slash:
        return block_comment(p, end);
    }
    return end;
}

template <class Sink> const char* SqlLexer::between(const char* p, const char* end, Sink& sink) {
    for (; p != end && state_ == State::between; p = begin_token(p, end, sink)) {
        while (class_of(*p) == space) {
            if (++p == end) {
                return end;
            }
        }
    }
    return p;
}

template <class Sink> const char* SqlLexer::begin_token(const char* p, const char* end, Sink& sink) {
    switch (static_cast<Class>(class_of(*p))) {
    case letter:
        begin_ = offset(p);
        text_.clear();
        state_ = State::word;
        return word(p, end, sink);
    case digit:
        begin_ = offset(p);
        text_.clear();
        keeps_ = sink.wants_content();
        keep(p, 1);
        state_ = *p == '0' ? State::number_zero : State::number;
        return p + 1;
    case quote:
        begin_ = offset(p);
        begin_string(backslash_escapes_ ? StringKind::escaped : StringKind::plain, backslash_escapes_, State::string,
                     sink);
        return p + 1;
    case double_quote:
        begin_ = offset(p);
        text_.clear();
        unicode_ = false;
        state_ = State::quoted;
        return p + 1;
    case dollar_sign:
        begin_ = offset(p);
        state_ = State::dollar;
        return p + 1;
    case dash:
    case solidus:
    case colon_sign:
        begin_ = offset(p);
        state_ = *p == '-' ? State::minus : *p == '/' ? State::slash : State::colon;
        return p + 1;
    case space:
    case other:
        break;
    }
    symbol(*p, offset(p), sink);
    return p + 1;
}

template <class Sink> const char* SqlLexer::word(const char* p, const char* end, Sink& sink) {
    const char* q = p;
    if (end - p >= 16 && text_.length() == 0) {
        q += text_.assign_word(p);
    }
    if (q == p) {
        while (q != end && in_word(*q)) {
            ++q;
        }
        text_.append_folded(p, static_cast<std::size_t>(q - p));
    }
    if (q == end) {
        return end;
    }
    if (text_.length() == 1 && (*q == '\'' || *q == '&')) {
        const char prefix = text_.view()[0];
        if (*q == '&' && prefix == 'u') {
            state_ = State::word_u_ampersand;
            return q + 1;
        }
        if (*q == '\'' && (prefix == 'e' || prefix == 'n' || prefix == 'b' || prefix == 'x')) {
            const bool backslashes = prefix == 'e' || (prefix == 'n' && backslash_escapes_);
            const StringKind kind = prefix == 'b'   ? StringKind::bits
                                    : prefix == 'x' ? StringKind::hex
                                    : backslashes   ? StringKind::escaped
                                                    : StringKind::plain;
            begin_string(kind, backslashes, State::string, sink);
            return q + 1;
        }
    }
    end_word(offset(q), sink);
    return q;
}

template <class Sink> const char* SqlLexer::word_u_ampersand(const char* p, Sink& sink) {
    if (*p == '\'') {
        begin_string(StringKind::unicode, false, State::string, sink);
        return p + 1;
    }
    if (*p == '"') {
        text_.clear();
        unicode_ = true;
        state_ = State::quoted;
        return p + 1;
    }
    end_word(offset(p) - 1, sink);
    symbol('&', offset(p) - 1, sink);
    return p;
}

template <class Sink> const char* SqlLexer::number(const char* p, const char* end, Sink& sink) {
    const char* q = p;
    while (q != end && (class_of(*q) == digit || *q == '.')) {
        ++q;
    }
    keep(p, static_cast<std::size_t>(q - p));
    if (q == end) {
        return end;
    }
    if (*q == 'e' || *q == 'E' || *q == '_') {
        state_ = *q == '_' ? State::number_underscore : State::number_exponent;
        return q + 1;
    }
    end_number(offset(q), sink);
    return q;
}

// What follows a 0, or digits and one of e, e+, e-, _: more of the number, or a word of its own.
template <class Sink> const char* SqlLexer::number_tail(const char* p, Sink& sink) {
    const bool is_digit = class_of(*p) == digit;
    const char lower = fold_byte(*p);
    switch (state_) {
    case State::number_zero:
        state_ = lower == 'x' || lower == 'o' || lower == 'b' ? State::number_radix : State::number;
        if (state_ == State::number_radix) {
            keep(&lower, 1);
            return p + 1;
        }
        return p;
    case State::number_radix:
        if (is_digit || (lower >= 'a' && lower <= 'f') || lower == '_') {
            keep(&lower, 1);
            return p + 1;
        }
        end_number(offset(p), sink);
        return p;
    case State::number_exponent:
        if (*p == '+' || *p == '-') {
            sign_ = *p;
            state_ = State::number_exponent_sign;
            return p + 1;
        }
        return number_suffix(p, 'e', sink);
    case State::number_underscore:
        return number_suffix(p, '_', sink);
    default:
        return number_exponent_sign(p, sink);
    }
}

template <class Sink> const char* SqlLexer::number_suffix(const char* p, char first, Sink& sink) {
    if (class_of(*p) == digit) {
        keep(&first, first == 'e' ? 1 : 0); // 1_000 is 1000
        state_ = State::number;
        return p;
    }
    end_number(offset(p) - 1, sink);
    begin_word(first, offset(p) - 1);
    return p;
}

template <class Sink> const char* SqlLexer::number_exponent_sign(const char* p, Sink& sink) {
    if (class_of(*p) == digit) {
        keep("e", 1);
        keep(&sign_, 1);
        state_ = State::number;
        return p;
    }
    const std::uint64_t at = offset(p);
    end_number(at - 2, sink);
    begin_word('e', at - 2);
    end_word(at - 1, sink);
    if (sign_ == '-') {
        begin_ = at - 1;
        state_ = State::minus;
    } else {
        symbol('+', at - 1, sink);
    }
    return p;
}

template <class Sink> const char* SqlLexer::parameter(const char* p, const char* end, Sink& sink) {
    while (p != end && class_of(*p) == digit) {
        ++p;
    }
    if (p != end) {
        state_ = State::between;
        end_ = offset(p);
        sink.on_parameter();
    }
    return p;
}

template <class Sink> const char* SqlLexer::half_symbol(const char* p, Sink& sink) {
    const State was = state_;
    state_ = State::between;
    if (was == State::minus && *p == '-') {
        state_ = State::line_comment;
        return p + 1;
    }
    if (was == State::slash && *p == '*') {
        state_ = State::block_comment;
        comment_depth_ = 1;
        return p + 1;
    }
    if (was == State::colon && *p == ':') {
        end_ = offset(p) + 1;
        sink.on_cast();
        return p + 1;
    }
    symbol(was == State::minus ? '-' : was == State::slash ? '/' : ':', begin_, sink);
    return p;
}

template <class Sink> void SqlLexer::end_word(std::uint64_t behind, Sink& sink) {
    state_ = State::between;
    end_ = behind;
    sink.on_word(text_);
}

template <class Sink> void SqlLexer::end_number(std::uint64_t behind, Sink& sink) {
    state_ = State::between;
    end_ = behind;
    sink.on_number(text_);
}

template <class Sink> bool SqlLexer::finish(Sink& sink) {
    // White space ends whatever can end here; only a string still waits whether another one continues it.
    feed("\n", sink);
    if (state_ == State::string_gap) {
        end_string(sink);
    }
    return state_ == State::between;
}

} // namespace rekey::protocol::postgres
