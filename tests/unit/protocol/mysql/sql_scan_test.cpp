// What the scan makes of texts of SQL: mentions, under each sql_mode, however the text is divided.
#include "protocol/mysql/sql_scan.hpp"

#include <gtest/gtest.h>

#include <string>

namespace rekey::protocol::mysql {

namespace {

constexpr SqlOptions mysql_server{}, mariadb_server{.mariadb = true};

std::uint32_t mentions(std::string_view text, SqlOptions options = mariadb_server) {
    auto whole = scan_sql(text, options);
    EXPECT_TRUE(whole.lexable) << text;
    for (std::size_t cut = 1; cut < text.size(); ++cut) {
        SqlScanner scanner(options);
        scanner.feed(text.substr(0, cut));
        scanner.feed(text.substr(cut));
        auto facts = scanner.finish();
        EXPECT_EQ(facts.mentions, whole.mentions) << text << " cut at " << cut;
        EXPECT_EQ(facts.statements, whole.statements) << text << " cut at " << cut;
    }
    return whole.mentions;
}

} // namespace

struct Case {
    const char* text;
    std::uint32_t mentions;
};

class SqlScanMentions : public testing::TestWithParam<Case> {};

TEST_P(SqlScanMentions, AreWhatTheTextDoes) {
    EXPECT_EQ(mentions(GetParam().text), GetParam().mentions) << GetParam().text;
}

constexpr std::uint32_t set = mention_set;

INSTANTIATE_TEST_SUITE_P(
    Statements, SqlScanMentions,
    testing::Values(
        Case{"SELECT 1", 0}, Case{"", 0}, Case{";;", 0}, Case{"SELECT c FROM t WHERE id IN (1,2)", 0},
        Case{"SELECT COUNT(*), MAX(a), IFNULL(b, 0) FROM t", 0},
        Case{"INSERT INTO t (a, b) VALUES (1, 'x''y'), (2, NOW())", 0},
        Case{"INSERT INTO d.t(a) VALUES(1) ON DUPLICATE KEY UPDATE a = VALUES(a)", 0},
        Case{"INSERT IGNORE INTO `t` (a) SELECT a FROM u", 0}, Case{"REPLACE t (a) VALUES (1)", 0},
        Case{"WITH RECURSIVE a (n) AS (SELECT 1 UNION SELECT n + 1 FROM a), b (m) AS (SELECT 2) SELECT * FROM a, b", 0},
        Case{"SELECT * FROM (SELECT 1) AS d (a)", 0}, Case{"CREATE TABLE t (id INT(11), b VARCHAR(10), KEY k (b))", 0},
        Case{"CREATE TABLE t AS SELECT f(1)", mention_routine}, Case{"SELECT * FROM t USE INDEX (i) WHERE a = 1", 0},
        Case{"SELECT RANK() OVER (PARTITION BY a ORDER BY b) FROM t", 0},
        Case{"SELECT CAST(a AS CHAR(10)), CONVERT(a USING utf8mb4) FROM t", 0}, Case{"SELECT f(1)", mention_routine},
        Case{"SELECT a + d.f(1)", mention_routine}, Case{"SELECT `f`(1)", mention_routine},
        Case{"CALL p(1)", mention_routine}, Case{"DO f(1)", mention_routine}, Case{"EXECUTE s", mention_routine},
        Case{"EXECUTE IMMEDIATE 'x'", mention_routine},
        Case{"BEGIN NOT ATOMIC SELECT 1; END", mention_begin | mention_routine}, Case{"BEGIN", mention_begin},
        Case{"START TRANSACTION READ ONLY", mention_begin}, Case{"START SLAVE", 0}, Case{"COMMIT", 0},
        Case{"ROLLBACK TO SAVEPOINT a", 0}, Case{"XA START 'q'", 0}, Case{"SET @x = 1", mention_user_variable},
        Case{"SET a = 1, @`y` := 2", set | mention_user_variable}, Case{"SELECT @x", 0},
        Case{"SELECT @x := 1", mention_user_variable}, Case{"SELECT a INTO @x FROM t", mention_user_variable},
        Case{"SELECT a INTO OUTFILE 'f' FROM t", 0}, Case{"UPDATE t SET a = (@n := @n + 1)", mention_user_variable},
        Case{"UPDATE t SET a = @x, b = 2", 0},
        Case{"LOAD DATA LOCAL INFILE 'f' INTO TABLE t (a, @b)", mention_load_local | mention_user_variable},
        Case{"GRANT SELECT ON *.* TO u@localhost", 0}, Case{"CREATE USER 'a'@'%'", 0},
        Case{"SELECT GET_LOCK('a', 1)", mention_named_lock}, Case{"SELECT 'GET_LOCK(1)'", 0},
        Case{"SELECT RELEASE_ALL_LOCKS()", mention_release_lock},
        Case{"FLUSH TABLES WITH READ LOCK", mention_global_lock}, Case{"FLUSH TABLES", 0},
        Case{"FLUSH TABLES t FOR EXPORT", mention_global_lock}, Case{"LOCK TABLES t READ", 0},
        Case{"UNLOCK TABLES", mention_unlock_tables}, Case{"LOCK INSTANCE FOR BACKUP", mention_instance_lock},
        Case{"UNLOCK INSTANCE", mention_instance_unlock}, Case{"BACKUP STAGE START", mention_instance_lock},
        Case{"HANDLER t OPEN", mention_handler}, Case{"CREATE TEMPORARY TABLE t (a INT)", mention_temp},
        Case{"CREATE OR REPLACE TEMPORARY TABLE t (a INT)", mention_temp}, Case{"DROP TABLE t", mention_drop_table},
        Case{"PREPARE s FROM 'SELECT 1'", mention_prepare}, Case{"DEALLOCATE PREPARE s", mention_deallocate},
        Case{"DROP PREPARE s", mention_deallocate}, Case{"SET ROLE admin", set | mention_role},
        Case{"SET DEFAULT ROLE a TO u", set}, Case{"SET RESOURCE GROUP g", set | mention_role},
        Case{"SELECT SQL_CALC_FOUND_ROWS * FROM t LIMIT 1", mention_calc_found_rows},
        Case{"SELECT FOUND_ROWS()", mention_found_rows}, Case{"SELECT ROW_COUNT ()", mention_row_count},
        Case{"INSERT INTO t VALUES (LAST_INSERT_ID())", mention_last_insert_id},
        Case{"SELECT @@identity", mention_last_insert_id}, Case{"SHOW COUNT(*) WARNINGS", mention_diagnostics},
        Case{"SHOW ERRORS", mention_diagnostics}, Case{"SELECT @@session.warning_count", mention_diagnostics},
        Case{"SELECT error_count FROM t", 0},
        Case{"GET DIAGNOSTICS @n = ROW_COUNT", mention_diagnostics | mention_user_variable},
        Case{"KILL QUERY 5", mention_kill}, Case{"SELECT CONNECTION_ID()", mention_connection_id},
        Case{"SELECT LASTVAL(s)", mention_sequence_value}, Case{"SELECT PREVIOUS VALUE FOR s", mention_sequence_value},
        Case{"SET autocommit = 0", set | mention_autocommit},
        Case{"SET @@session.autocommit = 0", set | mention_autocommit}, Case{"SET SESSION sql_mode = 'x', a = 2", set},
        Case{"SET NAMES utf8mb4", set | mention_names}, Case{"SET CHARACTER SET latin1", set | mention_names},
        Case{"SET a = names", set}, Case{"SET session_track_schema = 0", set | mention_session_track},
        Case{"SET timestamp = 5", set | mention_volatile}, Case{"SET @@rand_seed1 = 5", set | mention_volatile},
        Case{"SET STATEMENT max_statement_time = 1 FOR SELECT f(1)", set | mention_set_statement | mention_routine},
        Case{"SET sql_mode = (SELECT CONCAT(@@sql_mode, ',X')), time_zone = '+00:00', NAMES utf8mb4",
             set | mention_names}));

INSTANTIATE_TEST_SUITE_P(
    Lexing, SqlScanMentions,
    testing::Values(Case{"SELECT '@x := 1', \"@x := 1\", `@x := 1`", 0}, Case{"SELECT 1 -- @x := 1", 0},
                    Case{"SELECT 1 --@x := 1", mention_user_variable},
                    Case{"SELECT 1 # @x := 1\n, @y := 2", mention_user_variable}, Case{"SELECT /* @x := 1 */ 1", 0},
                    Case{"SELECT /*! @x := 1 */, 1", mention_user_variable},
                    Case{"SELECT /*!40101 @x := 1 */, 1", mention_user_variable}, Case{"/*!80000 SET @x = 1 */", 0},
                    Case{"SELECT /*M! @x := 1 */ 1", mention_user_variable}, Case{"SELECT /*+ SET_VAR(a=1) */ 1", 0},
                    Case{"SELECT 'a\\' @x := 1 -- '", 0}, Case{"SELECT 'a'' @x := 1'", 0},
                    Case{"SELECT 1; SET @x = 1", mention_user_variable}, Case{"SELECT ';SET @x = 1'", 0},
                    Case{"SELECT a*/*! 1*/2", 0}, Case{"SELECT 5--1", 0}, Case{"SELECT 2 DIV/**/3", 0},
                    Case{"/*!40101 SET NAMES utf8 */;", set | mention_names}));

TEST(SqlScan, ReadsBackslashesAndDoubleQuotesAsTheSqlModeSays) {
    SqlOptions plain, backslash{.no_backslash_escapes = true}, ansi{.ansi_quotes = true};
    EXPECT_EQ(mentions("SELECT 'a\\', @x := 1 -- '", plain), 0u);
    EXPECT_EQ(mentions("SELECT 'a\\', @x := 1 -- '", backslash), mention_user_variable);
    EXPECT_EQ(mentions("SELECT \"a\\\", @x := 1 -- \"", plain), 0u);
    EXPECT_EQ(mentions("SELECT \"a\\\", @x := 1 -- \"", ansi), mention_user_variable);
}

TEST(SqlScan, TakesMariaDbCommentsForCommentsOnMySql) {
    EXPECT_EQ(mentions("SELECT /*M! @x := 1 */ 1", mysql_server), 0u);
    EXPECT_EQ(mentions("SELECT /*!80000 @x := 1 */ 1", mysql_server), mention_user_variable);
}

TEST(SqlScan, SaysWhenItCannotTell) {
    EXPECT_FALSE(scan_sql("SELECT 'a", {}).lexable);
    EXPECT_FALSE(scan_sql("SELECT /* a", {}).lexable);
    EXPECT_FALSE(scan_sql("SELECT /*!99999 'a */ 1", mysql_server).lexable);
    EXPECT_FALSE(scan_sql("SELECT /*! 1", mysql_server).lexable);
    EXPECT_FALSE(scan_sql("SELECT '\xbf\\' or 1", {.ascii_safe_charset = false}).lexable);
    EXPECT_TRUE(scan_sql("SELECT 'a'", {.ascii_safe_charset = false}).lexable);
}

TEST(SqlScan, PassesWhatIsPlainAndNothingElse) {
    for (const char* text :
         {"SELECT c FROM sbtest1 WHERE id=5026", "SELECT SUM(k) FROM sbtest1 WHERE id BETWEEN 1 AND 100",
          "INSERT INTO sbtest1 (id, k, c, pad) VALUES (5, 5, 'a-b', 'it''s')", "UPDATE sbtest1 SET k=k+1 WHERE id=5",
          "DELETE FROM `sbtest1` WHERE id IN (?, ?)", "COMMIT", "INSERT INTO d.`t` (a) VALUES (1)",
          "select * from t where a in (1) and (b = 2)"}) {
        EXPECT_TRUE(is_plain_statement(text)) << text;
        EXPECT_EQ(mentions(text), 0u) << text;
    }
    for (const char* text : {"SELECT @x := 1",
                             "SELECT f(1)",
                             "SELECT 1; SELECT 2",
                             "SELECT SQL_CALC_FOUND_ROWS 1",
                             "SELECT '\\'', f(1)",
                             "SELECT \"a\"",
                             "SELECT 1 -- x",
                             "SELECT /*! 1 */",
                             "SET NAMES utf8",
                             "INSERT INTO t SELECT f(1)",
                             "SELECT `f`(1)",
                             "SELECT a INTO @x",
                             "ROLLBACK TO a",
                             "SELECT previous value for s",
                             "SELECT 1 # x",
                             "SELECT LAST_INSERT_ID()",
                             "INSERT INTO t LAST_INSERT_ID()",
                             "INSERT INTO t (a) SELECT t(1)",
                             "SELECT d.count(1)",
                             "SELECT d.\ncount(1)",
                             "SELECT f\n(1)",
                             "SELECT d . `x` . max(1)",
                             "SELECT f (1)",
                             "INSERT INTO t VALUES (f(1))",
                             "SELECT 'a"})
        EXPECT_FALSE(is_plain_statement(text)) << text;
}

TEST(SqlScan, ReadsKillExactly) {
    auto kill = read_kill("KILL 12", {});
    ASSERT_TRUE(kill);
    EXPECT_EQ(kill->id, 12u);
    EXPECT_FALSE(kill->query_only);
    kill = read_kill(" kill soft query 7 ; ", {});
    ASSERT_TRUE(kill);
    EXPECT_TRUE(kill->query_only);
    EXPECT_FALSE(read_kill("KILL CONNECTION_ID()", {}));
    EXPECT_FALSE(read_kill("KILL 5; SELECT 1", {}));
    EXPECT_FALSE(read_kill("KILL QUERY ID 5", {}));
}

TEST(SqlScan, ReadsQuestionsExactly) {
    using Kind = SqlQuestion::Kind;
    auto question = read_question("select Connection_ID()", {});
    EXPECT_EQ(question.kind, Kind::connection_id);
    EXPECT_EQ(question.label, "Connection_ID()");
    question = read_question("SELECT CONNECTION_ID() AS `Id`;", {});
    EXPECT_EQ(question.kind, Kind::connection_id);
    EXPECT_EQ(question.label, "Id");
    EXPECT_EQ(read_question("SELECT CONNECTION_ID() myid", {}).label, "myid");
    EXPECT_EQ(read_question("SELECT CONNECTION_ID() FROM t", {}).kind, Kind::none);
    EXPECT_EQ(read_question("SELECT ROW_COUNT(), 1", {}).kind, Kind::none);
    EXPECT_EQ(read_question("SELECT @@session.warning_count", {}).label, "@@session.warning_count");
    EXPECT_EQ(read_question("SHOW WARNINGS LIMIT 2, 5", {}).limit, 5u);
    EXPECT_EQ(read_question("SHOW COUNT(*) ERRORS", {}).kind, Kind::error_count);
    EXPECT_EQ(read_question("SHOW TABLES", {}).kind, Kind::none);
}

TEST(SqlScan, ReadsWhatIsMadeAndEndedByName) {
    using Kind = SqlChange::Kind;
    auto one = [](std::string_view text) {
        auto changes = read_changes(text, {});
        return changes.size() == 1 ? std::pair{changes[0].kind, changes[0].name}
                                   : std::pair{Kind::unnamed, std::string("?")};
    };
    EXPECT_EQ(one("SELECT GET_LOCK('A', 5)"), std::pair(Kind::lock_taken, std::string("a")));
    EXPECT_EQ(one("DO RELEASE_LOCK('A')"), std::pair(Kind::lock_freed, std::string("a")));
    EXPECT_EQ(one("SELECT GET_LOCK(CONCAT('a','b'), 5)").first, Kind::unnamed);
    EXPECT_EQ(one("SELECT RELEASE_ALL_LOCKS()").first, Kind::all_locks_freed);
    EXPECT_EQ(one("CREATE TEMPORARY TABLE IF NOT EXISTS d.`T` (a INT)"),
              std::pair(Kind::temp_made, std::string("d.t")));
    EXPECT_EQ(one("DROP TEMPORARY TABLE IF EXISTS t"), std::pair(Kind::table_dropped, std::string("t")));
    EXPECT_EQ(one("PREPARE s FROM 'x'"), std::pair(Kind::prepared, std::string("s")));
    EXPECT_EQ(one("DEALLOCATE PREPARE S"), std::pair(Kind::deallocated, std::string("s")));
    EXPECT_EQ(one("HANDLER t OPEN AS h"), std::pair(Kind::handler_opened, std::string("h")));
    EXPECT_EQ(one("HANDLER h CLOSE"), std::pair(Kind::handler_closed, std::string("h")));
    EXPECT_EQ(read_changes("DROP TABLE a, b; SELECT 1; PREPARE p FROM 'x'", {}).size(), 3u);
}

TEST(SqlScan, ReadsTheCollationOfNames) {
    EXPECT_EQ(read_names_collation("SET NAMES utf8mb4 COLLATE utf8mb4_bin", {}), "utf8mb4_bin");
    EXPECT_EQ(read_names_collation("SET NAMES 'utf8mb4' COLLATE 'UTF8MB4_BIN', a = 1", {}), "utf8mb4_bin");
    EXPECT_FALSE(read_names_collation("SET NAMES utf8mb4", {}));
}

} // namespace rekey::protocol::mysql
