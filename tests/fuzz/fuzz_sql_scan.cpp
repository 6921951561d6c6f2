// The scan of SQL: the same facts however the text is divided, nothing dangerous taken for harmless, and what is read
// exactly agrees with what is scanned. The first byte chooses options, the second how to divide; of the rest each byte
// from 0xC0 on stands for a piece of SQL, so that mutations make statements.
#include "protocol/common/assert.hpp"
#include "protocol/postgres/sql_scan.hpp"
#include "sql_reference.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

using namespace rekey::protocol::postgres;

namespace {

constexpr std::string_view pieces[] = {"SELECT ",
                                       "LISTEN ",
                                       "SET ",
                                       "LOCAL ",
                                       "SESSION ",
                                       "set_config(",
                                       "'a.b'",
                                       "true",
                                       "pg_advisory_lock(",
                                       "count(",
                                       "evil(",
                                       ";",
                                       "WITH ",
                                       " AS (",
                                       "x(a)",
                                       "FROM ",
                                       "'",
                                       "''",
                                       "E'",
                                       "e'\\'",
                                       "U&\"",
                                       "U&'",
                                       "\"",
                                       "$$",
                                       "$a$",
                                       "$1",
                                       "/*",
                                       "*/",
                                       "--",
                                       "\n",
                                       "\\",
                                       "(",
                                       ")",
                                       ",",
                                       ".",
                                       "::",
                                       " = ",
                                       " TO ",
                                       "DEFAULT",
                                       "CREATE ",
                                       "TEMP ",
                                       "FUNCTION ",
                                       "BEGIN ATOMIC ",
                                       "END",
                                       "CASE ",
                                       "EXPLAIN ",
                                       "ANALYZE ",
                                       "DISTINCT ON (",
                                       "OPERATOR(pg_catalog.+)",
                                       "pg_catalog.",
                                       "DECLARE ",
                                       "HOLD ",
                                       "FOR ",
                                       "DEALLOCATE ",
                                       "PREPARE ",
                                       "TRANSACTION ",
                                       "INSERT INTO ",
                                       "VALUES ",
                                       "currval(",
                                       "pg_temp.",
                                       "RESET ",
                                       "1e",
                                       "0x",
                                       "nextval("};
static_assert(std::size(pieces) == 64);

std::string expand(std::string_view input, bool raw) {
    std::string text;
    for (const char c : input) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0xC0 && !raw) {
            text += pieces[byte - 0xC0];
        } else if (c != '\0') { // a text ends there
            text += c;
        }
    }
    return text;
}

bool same(const SqlFacts& a, const SqlFacts& b) {
    return a.effect == b.effect && a.mentions == b.mentions && a.fingerprint == b.fingerprint &&
           a.statements == b.statements && a.lexable == b.lexable;
}

SqlFacts scan_divided(std::string_view text, SqlScanner::Options options, unsigned seed) {
    SqlScanner scanner(options);
    while (!text.empty()) {
        seed = seed * 1103515245 + 12345;
        const std::size_t size = std::min<std::size_t>((seed >> 16) % 7, text.size());
        scanner.feed(text.substr(0, size));
        text.remove_prefix(size);
    }
    return scanner.finish();
}

void check_exact_readers(const std::string& text, bool standard, const SqlFacts& facts) {
    const SimpleSet set = read_simple_set(text, standard);
    if (set.found) {
        REKEY_ASSERT(facts.effect == SqlEffect::state && facts.statements == 1);
        REKEY_ASSERT((facts.mentions & (mention_set | mention_reset)) != 0);
        REKEY_ASSERT(set.reset_all || !set.name.empty());
        REKEY_ASSERT(std::none_of(set.name.begin(), set.name.end(), [](char c) { return c >= 'A' && c <= 'Z'; }));
    }
    for (const std::string& name : custom_parameters_set(text, standard)) {
        REKEY_ASSERT(name.find('.') != std::string::npos);
    }
    const SimpleDeallocate deallocate = read_simple_deallocate(text);
    if (deallocate.found && standard) {
        REKEY_ASSERT(facts.effect == SqlEffect::state && (facts.mentions & mention_deallocate) != 0);
        REKEY_ASSERT(deallocate.all == deallocate.name.empty());
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) {
        return 0;
    }
    const bool standard = (data[0] & 1) == 0;
    const SqlScanner::Options options{standard, (data[0] & 2) == 0, 0};
    const std::string text = expand({reinterpret_cast<const char*>(data) + 2, size - 2}, (data[0] & 4) != 0);

    const SqlFacts facts = scan_sql(text, options);
    REKEY_ASSERT(same(facts, scan_divided(text, options, data[1])));
    check_exact_readers(text, standard, facts);
    if (is_plain_select(text)) {
        REKEY_ASSERT(facts.effect == SqlEffect::none && facts.mentions == 0 && facts.statements == 1 && facts.lexable);
    }

    const sql_reference::Text reference(text, standard);
    if (reference.odd()) {
        return 0;
    }
    if (facts.lexable) {
        REKEY_ASSERT(same(facts, scan_sql(text + " -- comment", options)));
        REKEY_ASSERT(same(facts, scan_sql(" /* c */\n" + text, options)));
    }
    if (reference.balanced() && reference.dangerous()) {
        REKEY_ASSERT(facts.effect != SqlEffect::none);
    }
    return 0;
}
