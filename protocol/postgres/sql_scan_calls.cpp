// The tokens of a statement: dotted names, parentheses, and which of them are calls.
#include "protocol/postgres/sql_scan_statement.hpp"

#include <algorithm>

namespace rekey::protocol::postgres {
namespace {

// What tells tokens of the same text apart in the fingerprint; strings add their own kind.
enum TokenKind : std::uint64_t { kind_word = 1, kind_quoted, kind_number, kind_string };

// Parameter names are case-insensitive even within quotes.
WordInfo find_folded(const TokenText& text) {
    const std::string_view view = text.whole() ? text.view() : std::string_view{};
    TokenText folded(0);
    folded.append_folded(view.data(), view.size());
    return find_word(folded.view());
}

constexpr std::size_t name_max = 64; // NAMEDATALEN, with the NUL

} // namespace

void SqlStatements::on_word(const TokenText& text) {
    fingerprint_.add_text(text, kind_word);
    const WordInfo info = text.whole() ? find_word(text.view()) : WordInfo{};
    const bool qualified = before_ == Before::dot;
    look_at(text);
    if (!statement_.begun) {
        begin_statement(qualified ? Word::other : info.word);
    } else if (info.word == Word::other && statement_.phase <= Phase::calls) {
        // most words of most texts
    } else if (!qualified || info.word == Word::pg_settings) {
        follow(info.word);
    }
    extend_name(info, false);
    if (at_config_argument(2)) {
        config_call_.local = info.word == Word::true_;
    }
    const bool keyword = !qualified && (info.word != Word::other || info.callable == Callable::never);
    token(keyword ? Before::keyword : Before::name);
    before_word_ = qualified ? Word::other : info.word;
}

void SqlStatements::on_quoted(const TokenText& text, bool unicode) {
    fingerprint_.add_text(text, kind_quoted);
    const WordInfo info = text.whole() ? find_word(text.view()) : WordInfo{};
    look_at(text);
    if (!statement_.begun) {
        begin_statement(Word::other);
    } else if (statement_.phase == Phase::explain && info.word == Word::analyze) {
        statement_.analyzes = true; // EXPLAIN ("analyze") …
    } else if (statement_.phase == Phase::set || statement_.phase == Phase::set_session ||
               statement_.phase == Phase::reset) {
        set_variable(find_folded(text).word);
    } else {
        follow(info.word == Word::pg_settings ? info.word : Word::other);
    }
    if (unicode) {
        raise(SqlEffect::state, setting() ? mention_custom_set_config : 0U); // U&"\0070…" hides what it names
    }
    extend_name(info, true);
    token(Before::name);
}

void SqlStatements::look_closer(const TokenText& text) {
    if (setting() && text.length() >= name_max) {
        raise(SqlEffect::state, mention_custom_set_config); // the server cuts it: its name is not what it says
    }
    if (text.first_bytes() == load_word("pg_temp\0") || text.first_bytes() == load_word("pg_temp_")) {
        raise(SqlEffect::state, mention_temp | (statement_.stays ? mention_load : 0U));
    }
}

void SqlStatements::extend_qualified(WordInfo info, bool quoted) {
    name_.catalog = name_.qualifiers == 0 && name_.last.word == Word::pg_catalog;
    name_.qualifiers = static_cast<std::uint8_t>(std::min(name_.qualifiers + 1, 100));
    name_.last = info;
    name_.quoted = quoted;
}

void SqlStatements::literal(const TokenText& text, std::uint64_t kind) {
    begin_if_first();
    if (folds()) {
        fingerprint_.add_mark();
    } else {
        fingerprint_.add_text(text, kind);
    }
}

void SqlStatements::on_string(const TokenText& text, StringKind kind) {
    literal(text, kind_string + static_cast<std::uint64_t>(kind));
    if (statement_.phase == Phase::prepare_transaction) {
        set_is_of_transaction(); // PREPARE TRANSACTION 'id'
    }
    if (at_config_argument(0)) {
        const Word word = find_folded(text).word;
        config_call_.literal_name = kind == StringKind::plain && text.whole();
        config_call_.mentions = word == Word::client_encoding                               ? mention_encoding
                                : word == Word::role || word == Word::session_authorization ? mention_role
                                                                                            : 0U;
    }
    token(Before::operand);
}

void SqlStatements::on_number(const TokenText& text) {
    literal(text, kind_number);
    token(Before::operand);
}

void SqlStatements::on_parameter() {
    begin_if_first();
    if (folds()) {
        fingerprint_.add_mark();
    } else {
        fingerprint_.add_symbol('$');
    }
    token(Before::operand);
}

void SqlStatements::on_cast() {
    fingerprint_.add_symbol(':');
    fingerprint_.add_symbol(':');
    token(Before::cast);
}

void SqlStatements::on_symbol(char c) {
    switch (c) {
    case '(':
        return open();
    case ')':
        return close();
    case ',':
        return comma();
    case ';':
        if (depth_ == 0 && statement_.atomic_depth == 0) {
            fingerprint_.add_break();
            return end_statement();
        }
        break;
    case '.':
        begin_if_first();
        if (before_ != Before::name && before_ != Before::keyword) {
            name_ = {{}, Word::other, Before::dot, 100, false, false}; // (x).y, a[1].y
        }
        fingerprint_.add_symbol('.');
        if (statement_.phase == Phase::set_local || statement_.phase == Phase::set_transaction) {
            set_variable(Word::other);
        }
        token(Before::dot);
        return;
    case '=':
        if (statement_.phase == Phase::set_local || statement_.phase == Phase::set_transaction) {
            set_variable(Word::other);
        }
        break;
    default:
        break;
    }
    begin_if_first();
    fingerprint_.add_symbol(c);
    token(c == ']' ? Before::operand : Before::operation);
}

void SqlStatements::open() {
    fingerprint_.add_open();
    const bool named = before_ == Before::name || before_ == Before::keyword;
    const bool is_operator =
        before_word_ == Word::operator_ || (before_word_ == Word::on && name_.before_word == Word::distinct);
    if (named) {
        call();
    } else if (before_ == Before::close) {
        end_listing(); // WITH x AS (…) (SELECT …)
    }
    token(Before::open);
    ++depth_;
    end_listing();
    if (config_call_.depth == depth_) {
        config_call_.tokens = 0;
    }
    operators_ = is_operator ? operators_ | depth_bit() : operators_ & ~depth_bit();
    if (depth_ >= 64) {
        raise(SqlEffect::unknown);
    }
}

void SqlStatements::close() {
    fingerprint_.add_close();
    if (config_call_.depth != 0 && config_call_.depth == depth_) {
        end_config_call();
    }
    if (unknown_depth_ == depth_ && depth_ != 0) {
        unknown_depth_ = 0;
    }
    begin_if_first();
    token((operators_ & depth_bit()) != 0 ? Before::operation : Before::close);
    if (depth_ == 0) {
        raise(SqlEffect::unknown); // unbalanced: the server refuses it
        return;
    }
    --depth_;
}

void SqlStatements::comma() {
    fingerprint_.add_comma();
    begin_if_first();
    if (config_call_.depth != 0 && config_call_.depth == depth_) {
        // What is more than one token is no literal.
        const bool one_token = config_call_.argument != 0 || config_call_.tokens == 1;
        config_call_.literal_name = config_call_.literal_name && one_token;
        ++config_call_.argument;
        config_call_.tokens = 0;
    }
    before_ = Before::comma;
    before_word_ = Word::other;
}

// Where the grammar has no room for a call: a type, an alias or a common table expression with its columns.
bool SqlStatements::lists_columns() const {
    const bool no_value =
        name_.before == Before::start || name_.before == Before::cast || name_.before == Before::close;
    const Word before = name_.before_word;
    return no_value || before == Word::as || before == Word::ordinality || before == Word::copy || listing();
}

// A keyword before a parenthesis that may also name a function, standing where only the keyword can.
bool SqlStatements::names_keyword() const {
    const Word before = name_.before_word;
    switch (name_.last.word) {
    case Word::by:
        return before == Word::group || before == Word::order || before == Word::partition;
    case Word::sets:
        return before == Word::grouping;
    case Word::varying:
        return before == Word::character;
    case Word::zone:
        return before == Word::time;
    case Word::join:
        return name_.before == Before::name || before == Word::join_type;
    case Word::operator_:
        return true;
    default:
        return name_.last.callable == Callable::never;
    }
}

// A name and an opening parenthesis.
void SqlStatements::call() {
    if (statement_.phase == Phase::inert || statement_.phase == Phase::explain) {
        return;
    }
    if (name_.last.callable == Callable::harmless && (name_.qualifiers == 0 || name_.catalog)) {
        return;
    }
    switch (name_.last.callable) {
    case Callable::set_config:
        begin_config_call();
        return;
    case Callable::advisory_lock:
        raise(SqlEffect::state, mention_advisory_lock);
        break;
    case Callable::loads:
        raise(SqlEffect::state, mention_load);
        break;
    case Callable::sequence_value:
        raise(SqlEffect::unknown, mention_sequence_value);
        break;
    case Callable::unknown:
    case Callable::never:
    case Callable::harmless:
        if (lists_columns() || (name_.qualifiers == 0 && !name_.quoted && names_keyword())) {
            return;
        }
        raise(SqlEffect::unknown);
        break;
    }
    if (unknown_depth_ == 0) {
        unknown_depth_ = depth_ + 1;
    }
}

void SqlStatements::begin_config_call() {
    if (config_call_.depth != 0) {
        raise(SqlEffect::state, mention_set | mention_custom_set_config); // one within another: not worth following
    }
    config_call_ = {};
    config_call_.depth = depth_ + 1;
}

// set_config('name', …, true) lasts as long as the transaction.
void SqlStatements::end_config_call() {
    const bool local = config_call_.local && config_call_.argument == 2 && config_call_.tokens == 1;
    if (!local) {
        raise(SqlEffect::state,
              mention_set | config_call_.mentions | (config_call_.literal_name ? 0U : mention_custom_set_config));
    }
    config_call_ = {};
}

} // namespace rekey::protocol::postgres
