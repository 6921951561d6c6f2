// What is a string, a comment, a quoted name or a number: wherever LISTEN is none of these it must be seen.
#include "sql_scan_cases.hpp"

namespace rekey::protocol::postgres {
namespace {

constexpr SqlScanner::Options backslashes{.standard_conforming_strings = false};

bool listens(std::string_view text, SqlScanner::Options options = {}) {
    return (scan_every_way(text, options).mentions & mention_listen) != 0;
}

TEST(SqlLexer, EndsAStringAtItsQuote) {
    EXPECT_TRUE(listens("SELECT 'a'; LISTEN x; --'"));
    EXPECT_TRUE(listens("SELECT ''; LISTEN x; --'"));
    EXPECT_TRUE(listens("SELECT 'a''b'; LISTEN x; --'"));
    EXPECT_TRUE(listens("SELECT '''' ; LISTEN x; --'"));
    EXPECT_TRUE(listens("SELECT 'a' ''; LISTEN x; --'"));
    EXPECT_FALSE(listens("SELECT 'a; LISTEN x; --'"));
    EXPECT_FALSE(listens("SELECT 'a''; LISTEN x; --'"));
    EXPECT_FALSE(listens("SELECT 'a'';LISTEN x;'';'"));
}

TEST(SqlLexer, TakesABackslashAsItselfInAStandardString) {
    EXPECT_TRUE(listens("SELECT 'a\\'; LISTEN x; --'"));
    EXPECT_FALSE(listens("SELECT 'a\\''; LISTEN x; --'"));
    EXPECT_TRUE(listens("SELECT N'a\\'; LISTEN x; --'"));
    EXPECT_TRUE(listens("SELECT U&'a\\'; LISTEN x; --'"));
    EXPECT_TRUE(listens("SELECT a LIKE 'b' ESCAPE '\\'; LISTEN x; --'"));
}

TEST(SqlLexer, TakesABackslashAsAnEscapeWithoutStandardStrings) {
    EXPECT_FALSE(listens("SELECT 'a\\'; LISTEN x; --'", backslashes));
    EXPECT_TRUE(listens("SELECT 'a\\''; LISTEN x; --'", backslashes));
    EXPECT_TRUE(listens("SELECT 'a\\\\'; LISTEN x; --'", backslashes));
    EXPECT_FALSE(listens("SELECT N'a\\'; LISTEN x; --'", backslashes));
    EXPECT_TRUE(listens("SELECT $$\\$$; LISTEN x; --'", backslashes));
    EXPECT_TRUE(listens("SELECT \"\\\"; LISTEN x; --\"", backslashes));
    EXPECT_TRUE(listens("SELECT B'\\'; LISTEN x; --'", backslashes));
}

TEST(SqlLexer, TakesABackslashAsAnEscapeInAnEscapeString) {
    for (const SqlScanner::Options options : {SqlScanner::Options{}, backslashes}) {
        EXPECT_FALSE(listens("SELECT E'a\\'; LISTEN x; --'", options));
        EXPECT_FALSE(listens("SELECT e'a\\'; LISTEN x; --'", options));
        EXPECT_TRUE(listens("SELECT E'a\\\\'; LISTEN x; --'", options));
        EXPECT_TRUE(listens("SELECT E'a\\''; LISTEN x; --'", options));
        EXPECT_FALSE(listens("SELECT E'\\\\\\'; LISTEN x; --'", options));
        EXPECT_TRUE(listens("SELECT E'a''\\\\'; LISTEN x; --'", options));
    }
}

TEST(SqlLexer, SeesAPrefixOnlyRightBeforeItsQuote) {
    EXPECT_TRUE(listens("SELECT e 'a\\'; LISTEN x; --'"));
    EXPECT_TRUE(listens("SELECT xe'a\\'; LISTEN x; --'"));
    EXPECT_TRUE(listens("SELECT e1'a\\'; LISTEN x; --'"));
    EXPECT_FALSE(listens("SELECT 1E'a\\'; LISTEN x; --'")); // two tokens before PostgreSQL 15, an error since
    EXPECT_TRUE(listens("SELECT u &'a\\'; LISTEN x; --'"));
    EXPECT_TRUE(listens("SELECT u& 'a\\'; LISTEN x; --'"));
    EXPECT_TRUE(listens("SELECT x&'a\\'; LISTEN x; --'"));
    EXPECT_TRUE(listens("SELECT date'a\\'; LISTEN x; --'"));
}

// PostgreSQL manual 4.1.2.1: with a line break between them two strings are one, read in the manner of the first.
TEST(SqlLexer, GoesOnWithAStringOnTheNextLine) {
    EXPECT_FALSE(listens("SELECT E'a'\n'b\\'; LISTEN x; --'"));
    EXPECT_FALSE(listens("SELECT E'a' \t\r\f 'b\\'; LISTEN x; --'"));
    EXPECT_FALSE(listens("SELECT E'a' -- comment 'x'\n  -- another\n  'b\\'; LISTEN x; --'"));
    EXPECT_TRUE(listens("SELECT E'a' 'b\\'; LISTEN x; --'"));
    EXPECT_TRUE(listens("SELECT E'a'\n/* */'b\\'; LISTEN x; --'"));
    EXPECT_TRUE(listens("SELECT E'a'\n,'b\\'; LISTEN x; --'"));
    EXPECT_TRUE(listens("SELECT 'a'\nE'b\\\\'; LISTEN x; --'"));
    EXPECT_TRUE(listens("SELECT 'a'\n'b\\'; LISTEN x; --'"));
    EXPECT_TRUE(listens("SELECT 'a'\n- 'b\\'; LISTEN x; --'"));
    EXPECT_TRUE(listens("SELECT 'a' -- LISTEN y\n; LISTEN x"));
    EXPECT_FALSE(listens("SELECT 'a' -- ; LISTEN x"));
    EXPECT_TRUE(listens("SELECT 'a'-1; LISTEN x"));
}

TEST(SqlLexer, EndsADollarQuoteAtItsTag) {
    EXPECT_FALSE(listens("SELECT $$a; LISTEN x;$$"));
    EXPECT_FALSE(listens("SELECT $a$ $$; LISTEN x; $$ $b$; LISTEN y; $b$ $a $a$"));
    EXPECT_FALSE(listens("SELECT $a$ ' ; LISTEN x; $a$"));
    EXPECT_FALSE(listens("SELECT $a$ $A$; LISTEN x; $a$"));
    EXPECT_FALSE(listens("SELECT $_1\xc3\xa4$ ; LISTEN x; $_1\xc3\xa4$"));
    EXPECT_TRUE(listens("SELECT $$a$$; LISTEN x; --$$"));
    EXPECT_TRUE(listens("SELECT $a$$a$; LISTEN x; --"));
    EXPECT_TRUE(listens("SELECT $a$ $b$a$; LISTEN x; --"));
    EXPECT_TRUE(listens("SELECT $aa$ $a$aa$; LISTEN x; --"));
    EXPECT_TRUE(listens("SELECT $$ $a$$; LISTEN x; --"));
    EXPECT_TRUE(listens("SELECT $ab$ $a$ab$; LISTEN x; --"));
}

TEST(SqlLexer, TakesADollarSignWithinANameOrBeforeANumberAsNoQuote) {
    EXPECT_TRUE(listens("SELECT a$b$; LISTEN x; --$b$"));
    EXPECT_TRUE(listens("SELECT $1; LISTEN x; --$1"));
    EXPECT_TRUE(listens("SELECT $1$2; LISTEN x"));
    EXPECT_FALSE(listens("SELECT 1$$; LISTEN x; $$"));
    EXPECT_FALSE(listens("SELECT $1$a$; LISTEN x; $a$"));
}

TEST(SqlLexer, IsCertainOfNothingBehindADollarSignItCannotPlace) {
    EXPECT_EQ(scan_every_way("SELECT $ 1").effect, SqlEffect::state);
    EXPECT_EQ(scan_every_way("SELECT $a 1").effect, SqlEffect::state);
    const std::string tag = "$" + std::string(65, 't') + "$";
    EXPECT_EQ(scan_every_way("SELECT " + tag + "a" + tag).effect, SqlEffect::state);
    const std::string longest = "$" + std::string(64, 't') + "$";
    EXPECT_EQ(scan_every_way("SELECT " + longest + "a" + longest).effect, SqlEffect::none);
}

TEST(SqlLexer, NestsComments) {
    EXPECT_FALSE(listens("/* a; LISTEN x; */ SELECT 1"));
    EXPECT_FALSE(listens("/* /* */ ; LISTEN x; */"));
    EXPECT_FALSE(listens("/* /*/ */ ; LISTEN x; */"));
    EXPECT_FALSE(listens("/*/ ; LISTEN x; */"));
    EXPECT_FALSE(listens("/* // * ; LISTEN x; */"));
    EXPECT_FALSE(listens("/* ' */ SELECT 1 /* ; LISTEN x; */"));
    EXPECT_TRUE(listens("/* /* */ */ LISTEN x"));
    EXPECT_TRUE(listens("/***/ LISTEN x"));
    EXPECT_TRUE(listens("/**/ LISTEN x --*/"));
    EXPECT_TRUE(listens("/* ' */ LISTEN x --'"));
    EXPECT_TRUE(listens("/* -- */ LISTEN x"));
    EXPECT_TRUE(listens("/* //**/ */ LISTEN x"));
    EXPECT_TRUE(listens("/* $$ */ LISTEN x --$$"));
}

TEST(SqlLexer, EndsALineCommentAtTheLine) {
    EXPECT_FALSE(listens("-- LISTEN x"));
    EXPECT_FALSE(listens("SELECT 1 -- ; LISTEN x"));
    EXPECT_FALSE(listens("SELECT 1 -- '\n -- ' ; LISTEN x"));
    EXPECT_TRUE(listens("-- '\nLISTEN x"));
    EXPECT_TRUE(listens("-- /*\rLISTEN x"));
    EXPECT_TRUE(listens("SELECT 1 - - 1; LISTEN x"));
    EXPECT_FALSE(listens("SELECT 1---1; LISTEN x"));
}

TEST(SqlLexer, SeesACommentWithinARunOfOperators) {
    EXPECT_FALSE(listens("SELECT 1 +-- ; LISTEN x"));
    EXPECT_FALSE(listens("SELECT 1 @/* ; LISTEN x; */ 2"));
    EXPECT_FALSE(listens("SELECT 1 */* ; LISTEN x; */ 2"));
    EXPECT_FALSE(listens("SELECT 1 //* ; LISTEN x; */ 2"));
    EXPECT_TRUE(listens("SELECT 1 / * 2; LISTEN x"));
    EXPECT_TRUE(listens("SELECT 1 */ 2; LISTEN x"));
    EXPECT_TRUE(listens("SELECT 1 /-/* */ 2; LISTEN x"));
}

TEST(SqlLexer, EndsAQuotedNameAtItsQuote) {
    EXPECT_FALSE(listens("SELECT \"a; LISTEN x;\""));
    EXPECT_FALSE(listens("SELECT \"a\"\"; LISTEN x;\""));
    EXPECT_FALSE(listens("SELECT U&\"a\"\"; LISTEN x;\""));
    EXPECT_TRUE(listens("SELECT \"a\"; LISTEN x; --\""));
    EXPECT_TRUE(listens("SELECT \"'\"; LISTEN x; --'"));
    EXPECT_TRUE(listens("SELECT '\"'; LISTEN x; --\""));
    EXPECT_FALSE(listens("\"listen\" x"));
}

TEST(SqlLexer, EndsANumberWhereANameBegins) {
    EXPECT_TRUE(listens("SELECT 1;LISTEN x"));
    EXPECT_TRUE(listens("SELECT 1.5e-3;LISTEN x"));
    EXPECT_TRUE(listens("SELECT 1e;LISTEN x"));
    EXPECT_TRUE(listens("SELECT 0x1F;LISTEN x"));
    EXPECT_TRUE(listens("SELECT 1_000;LISTEN x"));
    EXPECT_FALSE(listens("SELECT 1e--;LISTEN x")); // two tokens and a comment before PostgreSQL 15
    EXPECT_EQ(scan_every_way("SELECT 1 WHERE 1=1and f(1)").effect, SqlEffect::unknown);
    EXPECT_EQ(scan_every_way("SELECT 1 WHERE 1e5=1e+f(1)").effect, SqlEffect::unknown);
}

TEST(SqlLexer, TakesBytesPastAsciiAsLetters) {
    EXPECT_EQ(scan_every_way("SELECT \xc3\xa9t\xc3\xa9(1)").effect, SqlEffect::unknown);
    EXPECT_EQ(scan_every_way("SELECT count\xc3\xa9(1)").effect, SqlEffect::unknown);
    EXPECT_EQ(scan_every_way("SELECT '\xc3\xa9' AS \xc3\xa9").effect, SqlEffect::none);
}

TEST(SqlLexer, FoldsLettersOfAsciiOnly) {
    EXPECT_TRUE(listens("LiStEn x"));
    EXPECT_EQ(scan_every_way("SELECT COUNT(*)").effect, SqlEffect::none);
    EXPECT_EQ(scan_every_way("SELECT [OUNT(*)").effect, SqlEffect::unknown);
}

TEST(SqlScanner, SaysThatATextInAnUnsafeEncodingCannotBeRead) {
    constexpr SqlScanner::Options unsafe{.ascii_safe_encoding = false};
    const SqlFacts facts = scan_every_way("SELECT E'\x83\x5c'; LISTEN x; --'", unsafe);
    EXPECT_FALSE(facts.lexable);
    EXPECT_GE(facts.effect, SqlEffect::unknown);
    EXPECT_NE(facts.fingerprint, scan_every_way("SELECT E'\x83\x5d'; LISTEN x; --'", unsafe).fingerprint);
    const SqlFacts plain = scan_every_way("SELECT 1", unsafe);
    EXPECT_TRUE(plain.lexable);
    EXPECT_EQ(plain.effect, SqlEffect::none);
    EXPECT_TRUE(scan_every_way("SELECT '\x83\x5c'").lexable);
}

TEST(SqlScanner, CountsStatementsThatAreNotEmpty) {
    const std::pair<std::string_view, std::uint32_t> cases[] = {
        {"SELECT 1", 1},
        {"SELECT 1;", 1},
        {";SELECT 1;;SELECT 2 ; -- x", 2},
        {"SELECT ';'; SELECT \";\"; SELECT $$;$$", 3},
        {"CREATE RULE r AS ON INSERT TO t DO ALSO (DELETE FROM u; DELETE FROM v); SELECT 1", 2},
        {"EXPLAIN ANALYZE SELECT 1; SELECT 2", 2},
        {"EXPLAIN (ANALYZE) (SELECT 1)", 1},
        {"DO 'a;b'", 1}};
    for (const auto& [text, count] : cases) {
        EXPECT_EQ(scan_every_way(text).statements, count) << text;
    }
}

TEST(SqlScanner, TakesABodyOfSqlAsPartOfItsStatement) {
    const std::pair<std::string_view, std::uint32_t> cases[] = {
        {"CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END; SELECT 3", 2},
        {"CREATE OR REPLACE PROCEDURE p() LANGUAGE SQL BEGIN ATOMIC INSERT INTO t VALUES (1); END", 1},
        {"CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN a THEN 1 END AS end; SELECT t.end FROM t; END; "
         "SELECT 1",
         2},
        {"CREATE FUNCTION begin(atomic int) RETURNS int RETURN 1; SELECT 2", 2},
        {"CREATE TABLE begin (atomic int); SELECT 1", 2},
        {"BEGIN; SELECT 1; END; SELECT 2", 4}};
    for (const auto& [text, count] : cases) {
        EXPECT_EQ(scan_every_way(text).statements, count) << text;
    }
    EXPECT_TRUE(listens("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END; LISTEN x"));
}

} // namespace
} // namespace rekey::protocol::postgres
