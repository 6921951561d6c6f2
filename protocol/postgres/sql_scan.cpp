#include "protocol/postgres/sql_scan.hpp"

#include <algorithm>

namespace rekey::protocol::postgres {

SqlScanner::SqlScanner(Options options)
    : lexer_(options.standard_conforming_strings, options.fingerprint_seed),
      statements_(options.fingerprint_seed ^ (options.standard_conforming_strings ? 0 : 1)),
      raw_(options.fingerprint_seed), ascii_safe_(options.ascii_safe_encoding) {}

void SqlScanner::feed(std::string_view piece) {
    if (!ascii_safe_) {
        raw_.append(piece.data(), piece.size());
        ascii_ = ascii_ && std::all_of(piece.begin(), piece.end(), [](char c) { return (c & 0x80) == 0; });
    }
    lexer_.feed(piece, statements_);
}

SqlFacts SqlScanner::finish() {
    const bool complete = lexer_.finish(statements_);
    SqlFacts facts = statements_.finish(complete);
    if (lexer_.uncertain()) {
        facts.effect = SqlEffect::state;
    }
    if (!ascii_) {
        // The second byte of a character may have been read as a backslash or a letter: byte for byte the same text
        // may be remembered, nothing else may be said of it.
        facts.lexable = false;
        facts.effect = std::max(facts.effect, SqlEffect::unknown);
        facts.fingerprint = raw_.absorb_into(facts.fingerprint, 0);
    }
    return facts;
}

SqlFacts scan_sql(std::string_view text, SqlScanner::Options options) {
    SqlScanner scanner(options);
    scanner.feed(text);
    return scanner.finish();
}

} // namespace rekey::protocol::postgres
