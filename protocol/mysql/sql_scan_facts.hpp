// What the scan of a text of SQL tells: protocol/mysql/sql_scan.hpp.
#pragma once

#include <cstdint>

namespace rekey::protocol::mysql {

// How the server reads the text: the session's sql_mode and character set, and which server it is.
struct SqlOptions {
    bool ansi_quotes = false;
    bool no_backslash_escapes = false;
    bool ascii_safe_charset = true; // false for gbk, sjis, cp932, big5, gb18030: bytes below 0x80 may end a character
    bool mariadb = false;
    bool operator==(const SqlOptions&) const = default;
};

// Bits of what a text named.
enum SqlMention : std::uint32_t {
    mention_set = 1 << 0,           // SET of anything but user variables
    mention_user_variable = 1 << 1, // assigns one
    mention_named_lock = 1 << 2,
    mention_release_lock = 1 << 3,
    mention_global_lock = 1 << 4, // FLUSH TABLES … WITH READ LOCK, FOR EXPORT
    mention_unlock_tables = 1 << 5,
    mention_instance_lock = 1 << 6, // LOCK INSTANCE, BACKUP STAGE, BACKUP LOCK
    mention_instance_unlock = 1 << 7,
    mention_handler = 1 << 8,
    mention_temp = 1 << 9,
    mention_drop_table = 1 << 10,
    mention_prepare = 1 << 11,
    mention_deallocate = 1 << 12,
    mention_routine = 1 << 13, // CALL, EXECUTE, a function that is not the server's own: may leave anything behind
    mention_role = 1 << 14,    // SET ROLE, SET RESOURCE GROUP
    mention_calc_found_rows = 1 << 15,
    mention_found_rows = 1 << 16,
    mention_row_count = 1 << 17,
    mention_last_insert_id = 1 << 18,
    mention_diagnostics = 1 << 19, // SHOW WARNINGS and ERRORS, GET DIAGNOSTICS, @@warning_count, @@error_count
    mention_begin = 1 << 20,
    mention_autocommit = 1 << 21,
    mention_kill = 1 << 22,
    mention_load_local = 1 << 23,
    mention_connection_id = 1 << 24,
    mention_sequence_value = 1 << 25, // MariaDB: LASTVAL, PREVIOUS VALUE FOR
    mention_session_track = 1 << 26,  // SET session_track_…
    mention_set_statement = 1 << 27,  // MariaDB: SET STATEMENT … FOR
    mention_volatile = 1 << 28,       // SET timestamp, insert_id, rand_seed1 …: true of the next statements only
    mention_names = 1 << 29,          // SET NAMES, CHARACTER SET
};

struct SqlFacts {
    std::uint32_t mentions = 0;
    std::uint32_t statements = 0; // not empty
    bool lexable = true;          // false: what is text and what is code cannot be told
};

} // namespace rekey::protocol::mysql
