// What may a text of SQL have changed in its session? A tokenizer, not a parser: exact about what is a string, a
// comment, a quoted identifier; generous about what might have an effect. PostgreSQL manual 4.1.
//
// Resumable: a text may arrive in pieces. Takes no memory beyond the object. Used for every Query and Parse, so it
// costs a few nanoseconds per byte.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rekey::protocol::postgres {

enum class SqlEffect : std::uint8_t {
    none,    // surely nothing beyond the transaction: plain SELECT, transaction control, SHOW, SET LOCAL …
    unknown, // functions, DML (triggers), DO, CALL …: the server must be asked unless the text was seen clean
    state,   // says that it changes session state: SET, RESET, LISTEN, PREPARE, DECLARE, CREATE TEMP, advisory locks …
};

// Bits of what a text named; a probe's answer is the truth.
enum SqlMention : std::uint32_t {
    mention_set = 1 << 0,        // SET or set_config, session level
    mention_reset = 1 << 1,      // RESET, SET … TO DEFAULT, DISCARD ALL
    mention_listen = 1 << 2,
    mention_temp = 1 << 3,
    mention_advisory_lock = 1 << 4,
    mention_prepare = 1 << 5,    // SQL-level PREPARE
    mention_deallocate = 1 << 6,
    mention_hold = 1 << 7,       // DECLARE … WITH HOLD
    mention_discard = 1 << 8,
    mention_custom_set_config = 1 << 9, // set_config whose name is not a literal
    mention_sequence_value = 1 << 10,   // currval, lastval: need the session's own backend
    mention_load = 1 << 11,             // LOAD, CREATE FUNCTION pg_temp.…
    mention_role = 1 << 12,             // SET ROLE, SET SESSION AUTHORIZATION
    mention_begin = 1 << 13,            // BEGIN or START TRANSACTION anywhere in the text
    mention_copy = 1 << 14,
    mention_terminate = 1 << 15,        // reserved
    mention_encoding = 1 << 16,         // names client_encoding or NAMES
};

// SET [SESSION] name {TO|=} value as the only statement of the text: its effect is known without asking.
struct SimpleSet {
    bool found = false;
    std::string name;   // lower case; TIME ZONE → timezone, NAMES → client_encoding, SCHEMA → search_path, ROLE → role
    std::string value;  // as set_config() takes it; meaningless with to_default
    bool to_default = false; // RESET name, SET name TO DEFAULT
    bool reset_all = false;  // RESET ALL
};

struct SqlFacts {
    SqlEffect effect = SqlEffect::none;
    std::uint32_t mentions = 0;
    std::uint64_t fingerprint = 0; // of the text with literals, numbers, comments and white space folded
    std::uint32_t statements = 0;  // top-level, not empty
    bool lexable = true;           // false: a client_encoding in which ASCII bytes may be trail bytes
};

class SqlScanner {
  public:
    struct Options {
        bool standard_conforming_strings = true;
        bool ascii_safe_encoding = true; // false for SJIS, BIG5, GBK, UHC, GB18030, JOHAB: everything becomes unknown
    };
    explicit SqlScanner(Options options) : options_(options) {}

    void feed(std::string_view piece); // the text may be split anywhere
    SqlFacts finish();                 // once, after the last piece

  private:
    Options options_;
};

// The whole text at once.
SqlFacts scan_sql(std::string_view text, SqlScanner::Options options);

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
