// The steps of SqlLexer within strings, quoted names and dollar quotes; included by sql_scan_lexer.hpp only.
#pragma once

#include <cstring>

namespace rekey::protocol::postgres {

template <class Sink> void SqlLexer::begin_string(StringKind kind, bool backslashes, State state, Sink& sink) {
    text_.clear();
    keeps_ = sink.wants_content();
    kind_ = kind;
    backslashes_ = backslashes;
    state_ = state;
}

template <class Sink> void SqlLexer::end_string(Sink& sink) {
    state_ = State::between;
    end_ = string_end_;
    sink.on_string(text_, kind_);
}

// After a quote within a string, and in the white space behind it. Two strings with a line break and nothing but white
// space and -- comments between them are one, and the second is read in the manner of the first.
template <class Sink> const char* SqlLexer::string_behind(const char* p, Sink& sink) {
    switch (state_) {
    case State::string_quote:
        if (*p == '\'') {
            keep(p, 1);
            state_ = State::string;
            return p + 1;
        }
        string_end_ = offset(p);
        newline_ = false;
        state_ = State::string_gap;
        return p;
    case State::string_gap_dash:
        if (*p == '-') {
            state_ = State::string_gap_comment;
            return p + 1;
        }
        end_string(sink);
        begin_ = offset(p) - 1;
        state_ = State::minus;
        return p;
    case State::string_gap_comment:
        if (is_newline(*p)) {
            state_ = State::string_gap;
            return p;
        }
        return p + 1;
    default: // string_gap
        break;
    }
    if (class_of(*p) == space) {
        newline_ = newline_ || is_newline(*p);
        return p + 1;
    }
    if (*p == '\'' && newline_) {
        state_ = State::string;
        return p + 1;
    }
    if (*p == '-') {
        state_ = State::string_gap_dash;
        return p + 1;
    }
    end_string(sink);
    return p;
}

template <class Sink> const char* SqlLexer::quoted(const char* p, const char* end, Sink& sink) {
    if (state_ == State::quoted) {
        const auto* close = static_cast<const char*>(std::memchr(p, '"', static_cast<std::size_t>(end - p)));
        text_.append(p, static_cast<std::size_t>((close ? close : end) - p));
        if (!close) {
            return end;
        }
        state_ = State::quoted_quote;
        return close + 1;
    }
    if (*p == '"') {
        text_.append('"');
        state_ = State::quoted;
        return p + 1;
    }
    state_ = State::between;
    end_ = offset(p);
    sink.on_quoted(text_, unicode_);
    return p;
}

// $1, $$, $tag$, or a byte the server refuses.
template <class Sink> const char* SqlLexer::dollar_open(const char* p, Sink& sink) {
    const std::uint8_t k = class_of(*p);
    if (state_ == State::dollar) {
        text_.clear();
        if (k == digit) {
            state_ = State::parameter;
            return p;
        }
    }
    if (k == letter || (k == digit && state_ == State::dollar_tag)) {
        text_.append(*p);
        state_ = State::dollar_tag;
        return p + 1;
    }
    if (k == dollar_sign) {
        uncertain_ = uncertain_ || !text_.whole();
        tag_size_ = static_cast<std::uint8_t>(text_.view().size());
        std::memcpy(tag_, text_.view().data(), tag_size_);
        begin_string(StringKind::plain, false, State::dollar_body, sink);
        return p + 1;
    }
    uncertain_ = true;
    state_ = State::between;
    symbol('$', begin_, sink);
    return p;
}

template <class Sink> const char* SqlLexer::dollar_inside(const char* p, const char* end, Sink& sink) {
    if (state_ == State::dollar_body) {
        const auto* sign = static_cast<const char*>(std::memchr(p, '$', static_cast<std::size_t>(end - p)));
        keep(p, static_cast<std::size_t>((sign ? sign : end) - p));
        if (!sign) {
            return end;
        }
        state_ = State::dollar_end;
        tag_seen_ = 0;
        return sign + 1;
    }
    if (tag_seen_ < tag_size_ && *p == tag_[tag_seen_]) {
        ++tag_seen_;
        return p + 1;
    }
    if (tag_seen_ == tag_size_ && *p == '$') {
        string_end_ = offset(p) + 1;
        end_string(sink);
        return p + 1;
    }
    // Not the closing tag: its bytes were text, and a dollar sign may begin the real one.
    keep("$", 1);
    keep(tag_, tag_seen_);
    state_ = State::dollar_body;
    return p;
}

} // namespace rekey::protocol::postgres
