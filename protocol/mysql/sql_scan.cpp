#include "protocol/mysql/sql_scan.hpp"

namespace rekey::protocol::mysql {

SqlFacts SqlScanner::finish() {
    bool complete = lexer_.finish(statements_);
    auto facts = statements_.finish();
    facts.lexable = complete && !lexer_.uncertain();
    return facts;
}

SqlFacts scan_sql(std::string_view text, SqlOptions options) {
    SqlScanner scanner(options);
    scanner.feed(text);
    return scanner.finish();
}

} // namespace rekey::protocol::mysql
