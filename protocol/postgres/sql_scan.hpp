// What may a text of SQL have changed in its session? A tokenizer, not a parser: exact about what is a string, a
// comment, a quoted identifier; generous about what might have an effect. PostgreSQL manual 4.1.
//
// Resumable: a text may arrive in pieces. Takes no memory beyond the object. Used for every Query and Parse, so it
// costs a few nanoseconds per byte.
#pragma once

#include "protocol/postgres/sql_scan_facts.hpp"
#include "protocol/postgres/sql_scan_lexer.hpp"
#include "protocol/postgres/sql_scan_statement.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rekey::protocol::postgres {

// SET [SESSION] name {TO|=} value as the only statement of the text: its effect is known without asking.
struct SimpleSet {
    bool found = false;
    std::string name;  // lower case; TIME ZONE → timezone, NAMES → client_encoding, SCHEMA → search_path, ROLE → role
    std::string value; // as set_config() takes it; meaningless with to_default
    bool to_default = false; // RESET name, SET name TO DEFAULT
    bool reset_all = false;  // RESET ALL
};

class SqlScanner {
  public:
    struct Options {
        bool standard_conforming_strings = true; // as in force when the server parses the text
        bool ascii_safe_encoding = true; // false for SJIS, BIG5, GBK, UHC, GB18030, JOHAB: bytes past ASCII are unclear
        std::uint64_t fingerprint_seed = 0; // any number unknown to clients, the same for all texts to be compared
    };
    explicit SqlScanner(Options options);

    void feed(std::string_view piece); // the text may be split anywhere
    SqlFacts finish();                 // once, after the last piece

  private:
    SqlLexer lexer_;
    SqlStatements statements_;
    TokenText raw_; // of a text in an unsafe encoding
    bool ascii_safe_;
    bool ascii_ = true; // so far
};

// The whole text at once.
SqlFacts scan_sql(std::string_view text, SqlScanner::Options options);

// One SELECT without calls, quotes, comments and words that may matter: its scan is SqlEffect::none, without mentions,
// in one statement. Some nanoseconds instead of hundreds; false says nothing.
bool is_plain_select(std::string_view text);

// The exact reading of a short text that scan_sql() called `state` with mention_set or mention_reset.
SimpleSet read_simple_set(std::string_view text, bool standard_conforming_strings);

// Names of custom parameters (those with a dot) which the text sets: SET a.b = …, set_config('a.b', …).
std::vector<std::string> custom_parameters_set(std::string_view text, bool standard_conforming_strings);

// DEALLOCATE [PREPARE] name as the only statement: the folded name; ALL gives "" and all = true.
struct SimpleDeallocate {
    bool found = false, all = false;
    std::string name;
};
SimpleDeallocate read_simple_deallocate(std::string_view text);

} // namespace rekey::protocol::postgres
