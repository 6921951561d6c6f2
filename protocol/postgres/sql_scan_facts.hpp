// What the scan of a text of SQL tells: protocol/postgres/sql_scan.hpp.
#pragma once

#include <cstdint>

namespace rekey::protocol::postgres {

enum class SqlEffect : std::uint8_t {
    // Nothing beyond the transaction: plain SELECT, transaction control, SHOW, SET LOCAL … What a view, a cast, an
    // operator
    // or a row security policy calls within a SELECT cannot be seen and is taken to leave nothing behind.
    none,
    unknown, // functions, DML (triggers), DO, CALL …: the server must be asked unless the text was seen clean
    state,   // says that it changes session state: SET, RESET, LISTEN, PREPARE, DECLARE, CREATE TEMP, advisory locks …
};

// Bits of what a text named; a probe's answer is the truth.
enum SqlMention : std::uint32_t {
    mention_set = 1 << 0,   // SET or set_config, session level
    mention_reset = 1 << 1, // RESET, SET … TO DEFAULT, DISCARD ALL
    mention_listen = 1 << 2,
    mention_temp = 1 << 3,
    mention_advisory_lock = 1 << 4,
    mention_prepare = 1 << 5, // SQL-level PREPARE
    mention_deallocate = 1 << 6,
    mention_hold = 1 << 7, // DECLARE … WITH HOLD
    mention_discard = 1 << 8,
    mention_custom_set_config = 1 << 9, // sets a parameter whose name the text does not tell
    mention_sequence_value = 1 << 10,   // currval, lastval: need the session's own backend
    mention_load = 1 << 11,  // stays until the session ends and no query shows it: LOAD, pg_temp functions, setseed
    mention_role = 1 << 12,  // SET ROLE, SET SESSION AUTHORIZATION
    mention_begin = 1 << 13, // BEGIN or START TRANSACTION anywhere in the text
    mention_copy = 1 << 14,
    mention_terminate = 1 << 15, // reserved
    mention_encoding = 1 << 16,  // names client_encoding or NAMES
};

struct SqlFacts {
    SqlEffect effect = SqlEffect::none;
    std::uint32_t mentions = 0;
    std::uint64_t fingerprint = 0; // of the text with literals, numbers, comments and white space folded
    std::uint32_t statements = 0;  // top-level, not empty
    bool lexable = true;           // false: a client_encoding in which ASCII bytes may be trail bytes
};

} // namespace rekey::protocol::postgres
