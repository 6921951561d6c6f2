// What the statements of a text may change in the session, from their tokens: a sink of SqlLexer.
//
// No parser. The first word decides what kind of statement it is; within statements that compute something every name
// with an opening parenthesis behind it is a call, unless it stands where the grammar has no room for a call (a type,
// an alias with columns, a common table expression). What a view, an operator, a cast or a row security policy runs
// inside a plain SELECT cannot be seen in its text.
#pragma once

#include "protocol/postgres/sql_scan_facts.hpp"
#include "protocol/postgres/sql_scan_fingerprint.hpp"
#include "protocol/postgres/sql_scan_lexer.hpp"
#include "protocol/postgres/sql_scan_words.hpp"

#include <cstdint>

namespace rekey::protocol::postgres {

class SqlStatements {
  public:
    explicit SqlStatements(std::uint64_t seed) : fingerprint_(seed) {}

    void on_word(const TokenText& text);
    void on_quoted(const TokenText& text, bool unicode);
    void on_string(const TokenText& text, StringKind kind);
    void on_number(const TokenText& text);
    void on_parameter();
    void on_symbol(char c);
    void on_cast();
    // Values matter where a function that is not known to be harmless gets them, and in SET and the like.
    bool wants_content() const { return !folds() || config_call_.depth != 0; }

    // Once. `complete`: no string, quoted name or comment was left open. Statement counts, effect, fingerprint.
    SqlFacts finish(bool complete);

  private:
    // Where in its statement the reader is, as far as that matters.
    enum class Phase : std::uint8_t {
        inert,   // nothing that follows matters
        query,   // SELECT, INSERT …: calls count, INTO and data-modifying words too
        calls,   // calls count
        create,  // CREATE, before the kind of object
        created, // behind it
        drop,    // DROP
        discard, // DISCARD
        copy,    // COPY
        declare, // DECLARE, before the query
        explain, // EXPLAIN, before the statement
        prepare, // PREPARE
        prepare_transaction,
        start,           // START
        reset,           // RESET
        set,             // SET, and all behind it
        set_local,       // SET LOCAL: a scope, or a variable of that name
        set_transaction, // SET TRANSACTION, SET CONSTRAINTS: likewise
        set_session,
        set_value, // behind the variable's name
    };
    // What stands before the current token.
    enum class Before : std::uint8_t { start, name, keyword, open, close, operand, comma, dot, cast, operation };

    struct Statement {
        bool begun = false;
        bool folds = false;    // literals
        bool explains = false; // EXPLAIN …
        bool analyzes = false; // … ANALYZE
        bool routine = false;  // CREATE FUNCTION or PROCEDURE
        bool stays = false;    // CREATE of something that no look at the temporary relations shows
        bool updates = false;  // names UPDATE
        Phase phase = Phase::inert;
        SqlEffect effect = SqlEffect::none;
        std::uint32_t mentions = 0;
        std::uint32_t atomic_depth = 0; // BEGIN ATOMIC and CASE not yet ended
    };
    // A dotted name: what it ends with and what stands before it.
    struct Name {
        WordInfo last;
        Word before_word = Word::other;
        Before before = Before::start;
        std::uint8_t qualifiers = 0;
        bool catalog = false; // a schema of the server itself is the one qualifier
        bool quoted = false;
    };
    // The set_config(name, value, is_local) being read.
    struct ConfigCall {
        std::uint64_t depth = 0; // of its arguments; 0: none
        std::uint32_t argument = 0;
        std::uint32_t tokens = 0; // in this argument
        std::uint32_t mentions = 0;
        bool literal_name = false;
        bool local = false;
    };
    struct Opening;

    bool folds() const { return statement_.folds && unknown_depth_ == 0; }
    void raise(SqlEffect effect, std::uint32_t mentions = 0);
    bool setting() const { return statement_.phase >= Phase::set; }
    void begin_if_first() {
        if (!statement_.begun) {
            begin_statement(Word::other);
        }
    }

    void begin_statement(Word word);
    void end_statement();
    void follow(Word word);
    void follow_query(Word word);
    void follow_set(Word word);
    void follow_create(Word word);
    void follow_explain(Word word);
    void follow_routine(Word word);
    void set_variable(Word word);
    void set_is_of_transaction();
    // At a name, for what matters wherever it stands.
    void look_at(const TokenText& text) {
        constexpr std::uint64_t pg_t = 0x745F6770; // "pg_t"
        if ((text.first_bytes() & 0xFFFFFFFF) == pg_t || setting()) {
            look_closer(text);
        }
    }
    void look_closer(const TokenText& text);

    void extend_name(WordInfo info, bool quoted) {
        if (before_ == Before::dot) {
            extend_qualified(info, quoted);
        } else {
            name_ = {info, before_word_, before_, 0, false, quoted};
        }
    }
    void extend_qualified(WordInfo info, bool quoted);
    void literal(const TokenText& text, std::uint64_t kind);
    void token(Before now) {
        ++config_call_.tokens;
        before_ = now;
        before_word_ = Word::other;
    }
    void open();
    void close();
    void comma();
    void call();
    bool lists_columns() const;
    bool names_keyword() const;
    void begin_config_call();
    void end_config_call();

    // Of the sets of depths; deeper than 64 parentheses every statement is asked about.
    std::uint64_t depth_bit() const { return depth_ < 64 ? std::uint64_t{1} << depth_ : 0; }
    bool listing() const { return (with_lists_ & depth_bit()) != 0; }
    void begin_listing() { with_lists_ |= depth_bit(); }
    void end_listing() { with_lists_ &= ~depth_bit(); }
    bool at_config_argument(std::uint32_t argument) const {
        return config_call_.depth != 0 && config_call_.depth == depth_ && config_call_.argument == argument &&
               config_call_.tokens == 0;
    }

    Fingerprint fingerprint_;
    SqlFacts facts_;
    Statement statement_;
    Name name_;
    ConfigCall config_call_;
    std::uint64_t depth_ = 0;         // of parentheses
    std::uint64_t unknown_depth_ = 0; // of the arguments of the outermost call that may do anything; 0: in none
    std::uint64_t with_lists_ = 0;    // a bit per depth: within the list of a WITH
    std::uint64_t operators_ = 0; // a bit per depth: within OPERATOR(…) or DISTINCT ON (…), behind which stands a value
    Before before_ = Before::start;
    Word before_word_ = Word::other;
};

} // namespace rekey::protocol::postgres
