// Shared by the tests of the scan of SQL.
#pragma once

#include "protocol/postgres/sql_scan.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <ostream>
#include <string>
#include <string_view>

namespace rekey::protocol::postgres {

inline std::ostream& operator<<(std::ostream& out, SqlEffect effect) {
    return out << (effect == SqlEffect::none ? "none" : effect == SqlEffect::unknown ? "unknown" : "state");
}

inline SqlFacts scan_in_pieces(std::string_view text, SqlScanner::Options options, std::size_t size) {
    SqlScanner scanner(options);
    for (std::size_t at = 0; at < text.size(); at += size) {
        scanner.feed(text.substr(at, size));
        scanner.feed({});
    }
    return scanner.finish();
}

inline void expect_same(const SqlFacts& a, const SqlFacts& b, std::string_view text) {
    EXPECT_EQ(a.effect, b.effect) << text;
    EXPECT_EQ(a.mentions, b.mentions) << text;
    EXPECT_EQ(a.fingerprint, b.fingerprint) << text;
    EXPECT_EQ(a.statements, b.statements) << text;
    EXPECT_EQ(a.lexable, b.lexable) << text;
}

// Scans the text whole and in pieces of every small size, which must come to the same.
inline SqlFacts scan_every_way(std::string_view text, SqlScanner::Options options = {}) {
    const SqlFacts facts = scan_sql(text, options);
    for (std::size_t size = 1; size <= 9; ++size) {
        expect_same(facts, scan_in_pieces(text, options, size), text);
    }
    for (std::size_t at = 0; at <= text.size(); ++at) {
        SqlScanner scanner(options);
        scanner.feed(text.substr(0, at));
        scanner.feed(text.substr(at));
        expect_same(facts, scanner.finish(), text);
    }
    return facts;
}

inline void expect_effect(SqlEffect effect, std::initializer_list<std::string_view> texts) {
    for (const std::string_view text : texts) {
        EXPECT_EQ(scan_every_way(text).effect, effect) << text;
    }
}

} // namespace rekey::protocol::postgres
