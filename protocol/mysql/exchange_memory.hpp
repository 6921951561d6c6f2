// What a statement leaves to be asked for by the next one, kept with the client: its backend may serve others by then.
#pragma once

#include "protocol/mysql/capabilities.hpp"
#include "protocol/mysql/sql_scan.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace rekey::protocol::mysql {

struct LastStatement {
    std::uint64_t last_insert_id = 0;
    std::uint64_t inserts = 0; // counted, so that a backend knows whether its value is the latest
    std::int64_t row_count = 0;
    std::uint64_t found_rows = 0;
    std::uint16_t warnings = 0;
    Status status = mysql::status::autocommit; // as last told
    bool failed = false;                       // the diagnostics hold an error
    bool inserted = false;                     // an insert id was told since LAST_INSERT_ID() was last known exactly
    bool captured = true;                      // `diagnostics` is what SHOW WARNINGS would say
    std::string diagnostics; // rows of SHOW WARNINGS: for each its length as four bytes and its payload

    void clear_diagnostics() {
        warnings = 0;
        failed = false;
        captured = true;
        diagnostics.clear();
    }
};

// A result set of one column and row with a number in it.
void append_number_result(std::string& out, std::string_view label, std::int64_t value, bool is_unsigned,
                          Capabilities client, Status status, std::uint8_t sequence);
// What SHOW WARNINGS, or with `errors_only` SHOW ERRORS, answers.
void append_diagnostics_result(std::string& out, const LastStatement& last, const SqlQuestion& question,
                               Capabilities client, Status status, std::uint8_t sequence);
std::uint64_t count_diagnostics(const LastStatement& last, bool errors_only);

} // namespace rekey::protocol::mysql
