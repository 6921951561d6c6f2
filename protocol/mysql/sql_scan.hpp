// What may a text of SQL have changed in its session, and what does it ask of it? A tokenizer, not a parser: exact
// about what is a string, a comment, a quoted identifier under the session's sql_mode; generous about what might have
// an effect. MySQL manual, "Language Structure"; MariaDB, "Comment Syntax".
//
// Resumable: a text may arrive in pieces. Takes no memory beyond the object.
#pragma once

#include "protocol/mysql/sql_scan_lexer.hpp"
#include "protocol/mysql/sql_scan_statement.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rekey::protocol::mysql {

class SqlScanner {
  public:
    explicit SqlScanner(SqlOptions options) : lexer_(options) {}

    void feed(std::string_view piece) { lexer_.feed(piece, statements_); } // the text may be split anywhere
    SqlFacts finish();                                                     // once, after the last piece

  private:
    SqlLexer lexer_;
    SqlStatements statements_;
};

// The whole text at once.
SqlFacts scan_sql(std::string_view text, SqlOptions options);

// One SELECT, INSERT, UPDATE, DELETE or the end of a transaction, without anything that may matter: its scan mentions
// nothing, in one statement. Some nanoseconds instead of hundreds; false says nothing. For ASCII-safe charsets only.
bool is_plain_statement(std::string_view text);

// What a text makes or ends by name; in order. Read when the scan mentions such a thing.
struct SqlChange {
    enum class Kind : std::uint8_t {
        lock_taken,
        lock_freed,
        all_locks_freed,
        temp_made,
        table_dropped,
        prepared,
        deallocated,
        handler_opened,
        handler_closed,
        unnamed, // something of the kind whose name the text does not tell
    };
    Kind kind;
    std::string name; // ASCII letters in lower case
};
std::vector<SqlChange> read_changes(std::string_view text, SqlOptions options);

// KILL [HARD | SOFT] [CONNECTION | QUERY] number as the only statement.
struct SqlKill {
    std::uint64_t id = 0;
    bool query_only = false;
};
std::optional<SqlKill> read_kill(std::string_view text, SqlOptions options);

// A question about the statement before, or the session, that is answered without asking the server.
struct SqlQuestion {
    enum class Kind : std::uint8_t {
        none,
        connection_id,
        last_insert_id,
        row_count,
        found_rows,
        warnings, // SHOW WARNINGS
        errors,
        warning_count,
        error_count,
    };
    Kind kind = Kind::none;
    std::string label; // of the one column; not for warnings and errors
    std::uint64_t offset = 0, limit = UINT64_MAX;
};
SqlQuestion read_question(std::string_view text, SqlOptions options);

// The collation of the last NAMES … COLLATE in a SET, or what the text says of none.
std::optional<std::string> read_names_collation(std::string_view text, SqlOptions options);

} // namespace rekey::protocol::mysql
