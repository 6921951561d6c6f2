// The quick way past the scan: what it takes for plain must scan as harmless.
#include "sql_scan_cases.hpp"

#include <random>

namespace rekey::protocol::postgres {
namespace {

TEST(PlainSelect, IsRecognized) {
    for (const std::string_view text : {"SELECT abalance FROM pgbench_accounts WHERE aid = 12", "select 1", "Select $1::int, a.b",
                                        "SELECT *\n  FROM t WHERE a > $1 AND b = $2 LIMIT 10", "select 1;", "select 1 ; \n"}) {
        EXPECT_TRUE(is_plain_select(text)) << text;
    }
}

TEST(PlainSelect, IsNotWhatMayMatter) {
    for (const std::string_view text :
         {"", "SELECT", "SELECT f()", "SELECT 1; SET a = 1", "select 1; select 2", "select 1;;", "SELECT 'x'", "SELECT \"f\"", "SELECT 1 -- x", "SELECT 1 /* x */",
          "SELECT a INTO b FROM c", "SELECT a into b", "UPDATE t SET a = 1", "SELECT $$x$$", "SELECT $a$x$a$", "SELECT a$1",
          "SELECT $1$", "SELECT E'\\''", "WITH a AS (SELECT 1) SELECT 1", "SELECT pg_temp.f", "SELECT \xc3\xa9"}) {
        EXPECT_FALSE(is_plain_select(text)) << text;
    }
}

TEST(PlainSelect, ScansAsHarmlessWhateverItConsistsOf) {
    constexpr std::string_view pieces[] = {" ",      ",",      ".",    "a",     "FROM ",   "WHERE ", "INTO ",  "temp ", "t",
                                           "FOR ",   "UPDATE ", "KEY ", "WITH ", "DELETE ", "AS ",    "$1",     "$",     "::",
                                           "SELECT ", "1e5",    "0x1f", "UNION ", "TABLE ", "VALUES ", "LISTEN ", "SET ",  "=",
                                           "LOCAL ", "pg_settings", "OPERATOR", "*", "e", "u", ";", "nextval", "insert ", "merge "};
    std::mt19937 random(7); // NOLINT: the same texts every time
    int plain = 0;
    for (int i = 0; i < 50'000; ++i) {
        std::string text = "SELECT ";
        for (auto left = random() % 8; left > 0; --left)
            text += pieces[random() % std::size(pieces)];
        if (!is_plain_select(text))
            continue;
        ++plain;
        const SqlFacts facts = scan_sql(text, {});
        ASSERT_EQ(facts.effect, SqlEffect::none) << text;
        ASSERT_EQ(facts.mentions, 0U) << text;
        ASSERT_EQ(facts.statements, 1U) << text;
    }
    EXPECT_GT(plain, 1000);
}

} // namespace
} // namespace rekey::protocol::postgres
