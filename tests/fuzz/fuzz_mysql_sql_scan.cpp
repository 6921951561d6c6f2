// The scan of MySQL's SQL: the same facts however the text is divided, the quick way past it never says less than the
// whole scan, and what is read exactly agrees with what is scanned. The first byte chooses options, the second how to
// divide; of the rest each byte from 0xC0 on stands for a piece of SQL, so that mutations make statements.
#include "protocol/common/assert.hpp"
#include "protocol/mysql/sql_scan.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

using namespace rekey::protocol::mysql;

namespace {

constexpr std::string_view pieces[] = {"SELECT ",
                                       "INSERT INTO t ",
                                       "UPDATE t SET ",
                                       "DELETE FROM t ",
                                       "SET ",
                                       "@x",
                                       "@@",
                                       ":=",
                                       " = ",
                                       "'",
                                       "\"",
                                       "`",
                                       "\\",
                                       "\\'",
                                       "''",
                                       "/*",
                                       "*/",
                                       "/*!",
                                       "/*!40101 ",
                                       "/*M!",
                                       "-- ",
                                       "--",
                                       "#",
                                       "\n",
                                       ";",
                                       "(",
                                       ")",
                                       ",",
                                       ".",
                                       "f(",
                                       "count(",
                                       "GET_LOCK('a',1)",
                                       "RELEASE_LOCK('a')",
                                       "LAST_INSERT_ID()",
                                       "ROW_COUNT()",
                                       "FOUND_ROWS()",
                                       "CONNECTION_ID()",
                                       "SQL_CALC_FOUND_ROWS ",
                                       "INTO ",
                                       "FROM ",
                                       "WHERE ",
                                       "VALUES ",
                                       "IN ",
                                       "CREATE TEMPORARY TABLE ",
                                       "DROP TABLE ",
                                       "PREPARE s FROM ",
                                       "DEALLOCATE PREPARE s",
                                       "EXECUTE s",
                                       "CALL p(",
                                       "BEGIN ",
                                       "NOT ATOMIC ",
                                       "START TRANSACTION",
                                       "FLUSH TABLES WITH READ LOCK",
                                       "HANDLER t OPEN",
                                       "KILL QUERY 5",
                                       "SHOW WARNINGS",
                                       "session.",
                                       "warning_count",
                                       "NAMES utf8 COLLATE c",
                                       "autocommit",
                                       "STATEMENT a=1 FOR ",
                                       "WITH a AS (",
                                       "previous value",
                                       "1e5"};
static_assert(std::size(pieces) == 64);

std::string expand(std::string_view input, bool raw) {
    std::string text;
    for (const char c : input) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0xC0 && !raw)
            text += pieces[byte - 0xC0];
        else
            text += c;
    }
    return text;
}

SqlFacts scan_divided(std::string_view text, SqlOptions options, unsigned seed) {
    SqlScanner scanner(options);
    while (!text.empty()) {
        seed = seed * 1103515245 + 12345;
        const std::size_t size = std::min<std::size_t>((seed >> 16) % 7, text.size());
        scanner.feed(text.substr(0, size));
        text.remove_prefix(size);
    }
    return scanner.finish();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2)
        return 0;
    SqlOptions options;
    options.ansi_quotes = (data[0] & 1) != 0;
    options.no_backslash_escapes = (data[0] & 2) != 0;
    options.mariadb = (data[0] & 4) != 0;
    options.ascii_safe_charset = (data[0] & 8) == 0;
    auto text = expand({reinterpret_cast<const char*>(data) + 2, size - 2}, (data[0] & 16) != 0);
    auto facts = scan_sql(text, options);
    auto divided = scan_divided(text, options, data[1]);
    REKEY_ASSERT(facts.mentions == divided.mentions && facts.statements == divided.statements &&
                 facts.lexable == divided.lexable);
    if (options.ascii_safe_charset && !options.no_backslash_escapes && is_plain_statement(text))
        REKEY_ASSERT(facts.mentions == 0 && facts.statements == 1 && facts.lexable);
    if (read_kill(text, options))
        REKEY_ASSERT((facts.mentions & mention_kill) != 0 && facts.statements == 1);
    constexpr std::uint32_t questions =
        mention_connection_id | mention_last_insert_id | mention_row_count | mention_found_rows | mention_diagnostics;
    if (read_question(text, options).kind != SqlQuestion::Kind::none)
        REKEY_ASSERT((facts.mentions & questions) != 0 && (facts.mentions & ~questions) == 0);
    read_changes(text, options);
    read_names_collation(text, options);
    return 0;
}
