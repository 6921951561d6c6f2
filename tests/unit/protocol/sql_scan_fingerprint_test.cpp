// Which texts are one to the memory of clean texts.
#include "sql_scan_cases.hpp"

#include <map>
#include <string>
#include <vector>

namespace rekey::protocol::postgres {
namespace {

std::uint64_t fingerprint(std::string_view text) {
    return scan_every_way(text).fingerprint;
}

void expect_one(const std::vector<std::string_view>& texts) {
    for (const std::string_view text : texts) {
        EXPECT_EQ(fingerprint(text), fingerprint(texts.front())) << text << " and " << texts.front();
    }
}

void expect_different(const std::vector<std::string>& texts) {
    std::map<std::uint64_t, std::string> seen;
    for (const std::string& text : texts) {
        const auto [at, is_new] = seen.emplace(fingerprint(text), text);
        EXPECT_TRUE(is_new) << text << " and " << at->second;
    }
}

TEST(SqlFingerprint, FoldsLiteralsAndParameters) {
    expect_one({"SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b = 22", "SELECT a FROM t WHERE b = 'x'",
                "SELECT a FROM t WHERE b = E'x\\''", "SELECT a FROM t WHERE b = $$x$$", "SELECT a FROM t WHERE b = $1",
                "SELECT a FROM t WHERE b = 1.5e-3", "SELECT a FROM t WHERE b = 0x1F", "SELECT a FROM t WHERE b = 1_000",
                "SELECT a FROM t WHERE b = 'x'\n'y'", "SELECT a FROM t WHERE b = U&'x'",
                "SELECT a FROM t WHERE b = X'1F'"});
    expect_one({"UPDATE t SET a = a + 1 WHERE b = 2", "UPDATE t SET a = a + 3 WHERE b = '4'"});
    expect_one({"DELETE FROM t WHERE a = 1", "DELETE FROM t WHERE a = $1"});
    expect_one({"MERGE INTO t USING u ON a = 1 WHEN MATCHED THEN DELETE",
                "MERGE INTO t USING u ON a = 2 WHEN MATCHED THEN DELETE"});
}

TEST(SqlFingerprint, DropsCommentsWhiteSpaceAndCase) {
    expect_one({"SELECT a FROM t", "select A\nfrom\tT", "/* x */ SELECT a -- y\n FROM/**/t", "SELECT a FROM t;",
                " SELECT a FROM t ; ;", "SELECT a FROM t /*traceparent='00-1-2-01'*/"});
    expect_one({"SELECT a+b", "SELECT a + b", "SELECT a+/**/b"});
}

TEST(SqlFingerprint, CollapsesListsOfLiterals) {
    expect_one({"SELECT a FROM t WHERE b IN (1)", "SELECT a FROM t WHERE b IN (1, 2)",
                "SELECT a FROM t WHERE b IN ($1,$2,$3,$4)", "SELECT a FROM t WHERE b IN ('x', 2)"});
    expect_one({"INSERT INTO t (a, b) VALUES (1, 2)", "INSERT INTO t (a, b) VALUES (1, 2), (3, 4)",
                "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4), ($5, $6)"});
    expect_one({"SELECT array[1]", "SELECT array[1, 2]"});
    expect_different({"INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (1), (a)", "INSERT INTO t VALUES (a), (1)",
                      "INSERT INTO t VALUES (1, a)", "INSERT INTO t VALUES (a, 1)", "INSERT INTO t VALUES ((1), (2))",
                      "INSERT INTO t VALUES (1), (default)", "INSERT INTO t VALUES (1) , (2) RETURNING a"});
}

TEST(SqlFingerprint, TellsNamesKeywordsAndStructureApart) {
    expect_different({"SELECT a FROM t",
                      "SELECT b FROM t",
                      "SELECT a FROM u",
                      "SELECT a, a FROM t",
                      "SELECT (a) FROM t",
                      "SELECT a FROM t, t",
                      "SELECT \"a\" FROM t",
                      "SELECT 'a' FROM t",
                      "SELECT a FROM t LIMIT 1",
                      "SELECT a.t",
                      "SELECT a, t",
                      "SELECT at",
                      "SELECT a FROM s.t",
                      "SELECT a FROM t; SELECT a FROM t",
                      "SELECT ab FROM t",
                      "SELECT a b FROM t",
                      "SELECT true FROM t",
                      "SELECT null FROM t",
                      "SELECT a::b",
                      "SELECT a:b",
                      "SELECT a[b]",
                      "TABLE t",
                      ""});
    const std::string name(63, 'n');
    expect_different(
        {name, name + "a", name + "b", name + "ab", name + "ba", name + name, name + name + "a", name + "b" + name});
}

TEST(SqlFingerprint, KeepsWhatAFunctionIsGiven) {
    expect_different({"SELECT f('lock')", "SELECT f('free')", "SELECT f(1)", "SELECT f(2)", "SELECT f(1, 2)",
                      "SELECT f($1)", "SELECT f($1, $1)", "SELECT f()", "SELECT f(B'1')", "SELECT f(X'1')",
                      "SELECT f(E'lock')", "SELECT g('lock')"});
    expect_different(
        {"SELECT f(lower('a'))", "SELECT f(lower('b'))", "SELECT f((SELECT 'a'))", "SELECT f((SELECT 'b'))"});
    expect_different({"CALL p('a')", "CALL p('b')", "DO 'a'", "DO 'b'", "EXECUTE p(1)", "EXECUTE p(2)"});
    expect_different({"CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
                      "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 2'"});
    expect_one({"DO 'a'", "do  'a' ;"});
    expect_one({"SELECT f('lock'), 1 FROM t WHERE a = 2", "SELECT f('lock'), 3 FROM t WHERE a = 4"});
    expect_one({"SELECT lower('a')", "SELECT lower('b')"});
}

TEST(SqlFingerprint, KeepsLongValuesApart) {
    const std::string long_text(1000, 'x');
    expect_different(
        {"DO '" + long_text + "a'", "DO '" + long_text + "b'", "DO 'a" + long_text + "'", "DO '" + long_text + "'"});
}

TEST(SqlFingerprint, DependsOnTheSeed) {
    EXPECT_NE(scan_sql("SELECT a", {.fingerprint_seed = 1}).fingerprint,
              scan_sql("SELECT a", {.fingerprint_seed = 2}).fingerprint);
    EXPECT_EQ(scan_sql("SELECT a", {.fingerprint_seed = 1}).fingerprint,
              scan_sql("select a", {.fingerprint_seed = 1}).fingerprint);
}

TEST(SqlFingerprint, DependsOnHowStringsAreRead) {
    EXPECT_NE(scan_sql("DO 'a\\\\'", {}).fingerprint,
              scan_sql("DO 'a\\\\'", {.standard_conforming_strings = false}).fingerprint);
}

} // namespace
} // namespace rekey::protocol::postgres
