// Which texts need no question to the server, which need one until seen clean, and which always do.
#include "sql_scan_cases.hpp"

namespace rekey::protocol::postgres {
namespace {

TEST(SqlScanner, FindsNoEffectInAnEmptyText) {
    for (const std::string_view text : {"", " ", "\n\t\r\f\v", ";", ";;;", "-- ping", "/* ping */", "/* a */ ; -- b"}) {
        const SqlFacts facts = scan_every_way(text);
        EXPECT_EQ(facts.effect, SqlEffect::none) << text;
        EXPECT_EQ(facts.statements, 0u) << text;
        EXPECT_EQ(facts.mentions, 0u) << text;
        EXPECT_TRUE(facts.lexable) << text;
    }
}

TEST(SqlScanner, FindsNoEffectInTransactionControl) {
    expect_effect(SqlEffect::none, {"BEGIN",
                                    "begin work",
                                    "BEGIN TRANSACTION ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE",
                                    "START TRANSACTION",
                                    "START TRANSACTION READ ONLY",
                                    "COMMIT",
                                    "commit work and chain",
                                    "END",
                                    "END WORK",
                                    "ROLLBACK",
                                    "ROLLBACK AND NO CHAIN",
                                    "ABORT",
                                    "SAVEPOINT s1",
                                    "SAVEPOINT \"listen\"",
                                    "RELEASE s1",
                                    "RELEASE SAVEPOINT s1",
                                    "ROLLBACK TO s1",
                                    "ROLLBACK TO SAVEPOINT s1",
                                    "PREPARE TRANSACTION 'id'",
                                    "prepare transaction $$id$$",
                                    "COMMIT PREPARED 'id'",
                                    "ROLLBACK PREPARED 'id'"});
}

TEST(SqlScanner, FindsNoEffectInWhatEndsWithTheTransaction) {
    expect_effect(SqlEffect::none, {"SET LOCAL search_path = a, b",
                                    "set local time zone 'UTC'",
                                    "SET LOCAL \"x.y\" TO 1",
                                    "SET LOCAL ROLE r",
                                    "SET LOCAL SESSION AUTHORIZATION r",
                                    "SET TRANSACTION READ ONLY",
                                    "SET transaction_isolation = 'serializable'",
                                    "SET SESSION \"Transaction_Read_Only\" TO on",
                                    "RESET transaction_deferrable",
                                    "SET TRANSACTION SNAPSHOT '1-2'",
                                    "SET CONSTRAINTS ALL DEFERRED",
                                    "SET CONSTRAINTS \"a\", b.c IMMEDIATE",
                                    "LOCK TABLE t IN SHARE MODE",
                                    "LOCK t, u",
                                    "NOTIFY channel",
                                    "NOTIFY channel, 'LISTEN x'",
                                    "FETCH 10 FROM c",
                                    "MOVE c",
                                    "CLOSE c",
                                    "CLOSE ALL",
                                    "DECLARE c CURSOR FOR SELECT 1",
                                    "DECLARE c BINARY NO SCROLL CURSOR WITHOUT HOLD FOR TABLE t",
                                    "declare hold cursor for select 1",
                                    "DECLARE c CURSOR FOR WITH hold(a) AS (SELECT 1) SELECT a FROM hold",
                                    "SELECT set_config('a.b', 'x', true)",
                                    "SELECT pg_catalog.set_config('a', b, TRUE) FROM t",
                                    "select \"set_config\" ( 'a' /**/ , $1 , true )",
                                    "SELECT pg_advisory_xact_lock(1)",
                                    "SELECT pg_try_advisory_xact_lock_shared(1, 2)",
                                    "SELECT pg_notify('a', 'b')"});
}

TEST(SqlScanner, FindsNoEffectInLookingAndMaintaining) {
    expect_effect(SqlEffect::none, {"SHOW ALL",
                                    "SHOW search_path",
                                    "CHECKPOINT",
                                    "VACUUM",
                                    "VACUUM (ANALYZE, VERBOSE) t(a, b)",
                                    "ANALYZE t (a)",
                                    "ANALYSE",
                                    "COPY t TO STDOUT",
                                    "COPY t (a, b) TO STDOUT WITH (FORMAT csv, DELIMITER ',')",
                                    "COPY s.t(a) TO STDOUT",
                                    "COPY (SELECT count(*) FROM t) TO STDOUT",
                                    "EXPLAIN SELECT f(1)",
                                    "EXPLAIN (COSTS off, FORMAT json) DELETE FROM t",
                                    "EXPLAIN VERBOSE INSERT INTO t VALUES (f())",
                                    "EXPLAIN (SELECT pg_advisory_lock(1))",
                                    "EXPLAIN ANALYZE SELECT 1",
                                    "EXPLAIN (ANALYZE) SELECT count(*) FROM t",
                                    "EXPLAIN (ANALYZE, BUFFERS) (SELECT 1)",
                                    "TABLE t",
                                    "VALUES (1, 'a'), (2, 'b')"});
}

TEST(SqlScanner, FindsNoEffectInQueriesOfHarmlessFunctions) {
    expect_effect(
        SqlEffect::none,
        {"SELECT 1",
         "(SELECT 1)",
         "((select a from t))",
         "SELECT * FROM t FOR UPDATE",
         "SELECT * FROM t FOR NO KEY UPDATE OF t",
         "SELECT count(*), sum(a), coalesce(b, nullif(c, 0)), greatest(1, 2) FROM t GROUP BY (d) HAVING avg(e) > 1",
         "SELECT now(), current_timestamp(3), CURRENT_USER, localtime (0)",
         "select count (*) from t",
         "select count/* c */-- d\n(*) from t",
         "SELECT pg_catalog.count(*), \"pg_catalog\".\"now\"()",
         "SELECT a, (b), -(c) FROM t WHERE (a, b) IN ((1, 2), (3, 4)) AND NOT (x) OR (y)",
         "SELECT * FROM a JOIN (b CROSS JOIN c) ON (true) LEFT JOIN (SELECT 1) d USING (x)",
         "SELECT EXISTS (SELECT 1), ARRAY (SELECT 1), ROW (1, 2), CAST (a AS numeric(10,2)), a = ANY ('{1}'), b < ALL "
         "(c)",
         "SELECT a::varchar(10), b::pg_catalog.varchar(10), c::public.vector(3), CAST(d AS my_type(4)) FROM t",
         "SELECT a::character varying(10), b::char varying (3), timestamp(3) '2020-01-01', interval(2) '1 s'",
         "SELECT sum(a) FILTER (WHERE b) OVER (PARTITION BY (c) ORDER BY (d) ROWS 1 PRECEDING) FROM t",
         "SELECT rank() OVER w FROM t WINDOW w AS (ORDER BY (a))",
         "SELECT a FROM t GROUP BY GROUPING SETS ((a), ())",
         "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY a) FROM t",
         "SELECT extract(epoch FROM a) FROM t",
         "SELECT * FROM generate_series(1, 10) AS g(n)",
         "SELECT * FROM unnest(a) WITH ORDINALITY AS u (x, n)",
         "SELECT * FROM unnest($1::int[]) u(x)",
         "SELECT * FROM (VALUES (1), (2)) v(a)",
         "SELECT a AS f FROM t",
         "SELECT json_build_object('a', 1), jsonb_agg(b ORDER BY c), to_jsonb(t) FROM t",
         "SELECT a AT TIME ZONE ('UTC') FROM t",
         "SELECT now()::timestamp with time zone, b FROM t",
         "SELECT left(a, 1), right(b, 1), replace(c, 'x', 'y'), position('a' in b) FROM t",
         "SELECT DISTINCT ON (a) b FROM t",
         "SELECT a OPERATOR(pg_catalog.=) b FROM t",
         "SELECT t.insert, t.update FROM t",
         "SELECT a AS f, \"f(\" FROM \"g(\"",
         "SELECT 'f(1)', $$f(1)$$, E'f(\\'1)' -- f(1)\n /* f(1) /* f(1) */ f(1) */",
         "SELECT current_setting('a.b', true), pg_backend_pid(), pg_is_in_recovery()",
         "SELECT a FROM t ORDER BY a LIMIT (1) OFFSET (2)",
         "SELECT u&'f(1)' UESCAPE '!'"});
}

TEST(SqlScanner, FindsNoEffectInCommonTableExpressions) {
    expect_effect(SqlEffect::none,
                  {"WITH x AS (SELECT 1) SELECT * FROM x",
                   "WITH RECURSIVE t(n) AS (VALUES (1) UNION ALL SELECT n+1 FROM t) TABLE t",
                   "WITH a (x, y) AS (SELECT 1, 2), b(z) AS MATERIALIZED (SELECT 3), c(w) AS NOT MATERIALIZED (SELECT "
                   "4) SELECT 5",
                   "SELECT * FROM (WITH a(x) AS (SELECT 1), b(y) AS (SELECT 2) SELECT * FROM a, b) q",
                   "WITH a(x) AS (WITH b(y) AS (SELECT 1), c(z) AS (SELECT 2) SELECT 3), d(w) AS (SELECT 4) SELECT 5"});
}

TEST(SqlScanner, AsksAboutFunctionsItDoesNotKnow) {
    expect_effect(SqlEffect::unknown, {"SELECT f()",
                                       "SELECT f (1)",
                                       "SELECT f/**/(1)",
                                       "SELECT f--\n(1)",
                                       "SELECT s.f(1)",
                                       "SELECT \"f\"(1)",
                                       "SELECT \"s\".\"f\" (1)",
                                       "SELECT public.count(*) FROM t",
                                       "SELECT pg_catalog.f(1)",
                                       "SELECT x.pg_catalog.count(1)",
                                       "SELECT \"Count\"(1)",
                                       "SELECT \"exists\"(1)",
                                       "SELECT s.coalesce(1)",
                                       "SELECT a FROM t WHERE f(a)",
                                       "SELECT * FROM f(1) AS g(x)",
                                       "SELECT * FROM t, LATERAL f(t.a)",
                                       "SELECT DISTINCT ON (a) f(b) FROM t",
                                       "SELECT a OPERATOR(pg_catalog.=) f(b)",
                                       "SELECT DISTINCT ON ((a), b OPERATOR(pg_catalog.+) f(1)) c FROM t",
                                       "SELECT a AT TIME ZONE f(b)",
                                       "SELECT x[1:f(2)]",
                                       "SELECT a FROM t GROUP BY f(a)",
                                       "SELECT a FROM t ORDER BY f(a)",
                                       "VALUES (f(1))",
                                       "TABLE t ORDER BY f(1)",
                                       "WITH x AS (SELECT f(1)) SELECT 1",
                                       "WITH x(a) AS (SELECT 1), y(b) AS (SELECT 2) (SELECT f(1))",
                                       "WITH x(a) AS (SELECT 1) SELECT x(1)",
                                       "WITH x AS (SELECT 1) TABLE x ORDER BY f(1)",
                                       "SELECT CASE WHEN f(1) THEN 1 END",
                                       "SELECT over(1)",
                                       "SELECT filter(1)",
                                       "SELECT by(1)",
                                       "SELECT join(1)",
                                       "SELECT WHERE varying(1)",
                                       "SELECT now()::timestamp with time zone, f(1)",
                                       "SELECT (f)(1), f(2)",
                                       "SELECT coalesce(f(1), 2)",
                                       "SELECT set_config('a', f(1), true)",
                                       "SELECT query_to_xml('LISTEN x', true, true, '')",
                                       "SELECT a LIKE b ESCAPE f(c)",
                                       "SELECT 1 LIMIT f(2)",
                                       "SELECT array[f(1)]",
                                       "SELECT f(VARIADIC array[1])",
                                       "SELECT nextval('s')",
                                       "SELECT setval('s', 1)",
                                       "DECLARE c CURSOR FOR SELECT f(1)",
                                       "COPY (SELECT f(1)) TO STDOUT",
                                       "EXPLAIN ANALYZE SELECT f(1)",
                                       "EXPLAIN (ANALYZE, FORMAT json) SELECT f(1)",
                                       "EXPLAIN (\"analyze\" on) SELECT f(1)",
                                       "EXPLAIN ANALYZE VERBOSE (SELECT f(1))",
                                       "EXPLAIN ANALYSE EXECUTE p",
                                       "EXPLAIN (FORMAT text, ANALYZE) DELETE FROM t"});
}

TEST(SqlScanner, AsksAboutWhatMayRunTriggersRulesOrCode) {
    expect_effect(SqlEffect::unknown, {"INSERT INTO t VALUES (1)",
                                       "UPDATE t SET a = 1",
                                       "DELETE FROM t",
                                       "MERGE INTO t USING u ON true WHEN MATCHED THEN DO NOTHING",
                                       "WITH x AS (INSERT INTO t VALUES (1) RETURNING a) SELECT * FROM x",
                                       "WITH x AS (SELECT 1) DELETE FROM t",
                                       "WITH x AS (UPDATE t SET a = 1 RETURNING *) TABLE x",
                                       "TRUNCATE t",
                                       "DO 'x'",
                                       "DO LANGUAGE plpgsql $$x$$",
                                       "CALL p()",
                                       "CALL s.p(1)",
                                       "EXECUTE p",
                                       "EXECUTE p(1)",
                                       "COPY t FROM STDIN",
                                       "COPY t(a) FROM '/tmp/x' CSV",
                                       "COPY (DELETE FROM t RETURNING a) TO STDOUT",
                                       "REFRESH MATERIALIZED VIEW v",
                                       "SELECT a INTO u FROM t",
                                       "REINDEX TABLE t",
                                       "CLUSTER t",
                                       "IMPORT FOREIGN SCHEMA s FROM SERVER x INTO y"});
}

TEST(SqlScanner, AsksAboutDefinitions) {
    expect_effect(SqlEffect::unknown,
                  {"CREATE TABLE t (a int)", "CREATE TABLE temp (a int)", "CREATE TABLE t AS SELECT 1",
                   "CREATE INDEX ON t (lower(a))", "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'LISTEN x'",
                   "ALTER TABLE t ADD b int", "DROP FUNCTION f", "DROP INDEX i", "GRANT SELECT ON t TO r",
                   "COMMENT ON TABLE t IS 'x'", "CREATE OR REPLACE VIEW v AS SELECT 1",
                   "ALTER ROLE r SET search_path = x", "CREATE UNLOGGED TABLE t ()",
                   "SECURITY LABEL ON TABLE t IS 'x'"});
}

TEST(SqlScanner, AsksAboutWhatItDoesNotUnderstand) {
    expect_effect(SqlEffect::unknown, {"FROBNICATE",
                                       "'a'",
                                       "1",
                                       "$1",
                                       "\"select\" 1",
                                       ".",
                                       "+",
                                       "SELECT (1",
                                       "SELECT 1)",
                                       "()",
                                       "SELECT 'abc",
                                       "SELECT \"abc",
                                       "SELECT 1 /* abc",
                                       "SELECT $$abc",
                                       "SELECT $a$abc$b$",
                                       "SELECT E'abc\\'",
                                       "START",
                                       "START x",
                                       "EXPLAIN (SELECT 1",
                                       "COMMIT 'x"});
    std::string nested = "SELECT ";
    for (int i = 0; i < 100; ++i) {
        nested.insert(nested.begin() + 7, '(');
        nested += i == 0 ? "1)" : ")";
    }
    EXPECT_EQ(scan_every_way(nested).effect, SqlEffect::unknown);
}

TEST(SqlScanner, KnowsStatementsThatChangeTheSession) {
    expect_effect(SqlEffect::state, {"SET a = 1",
                                     "SET SESSION a TO 1",
                                     "set a.b = 'c'",
                                     "SET TIME ZONE 'UTC'",
                                     "SET NAMES 'utf8'",
                                     "SET ROLE r",
                                     "SET SESSION AUTHORIZATION r",
                                     "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
                                     "SET \"local\" = 1",
                                     "SET local = 1",
                                     "SET local.a = 1",
                                     "SET local TO 1",
                                     "SET transaction.a = 1",
                                     "SET constraints TO 1",
                                     "SET session.a = 1",
                                     "SET SESSION = 1",
                                     "RESET a",
                                     "RESET ALL",
                                     "RESET ROLE",
                                     "RESET SESSION AUTHORIZATION",
                                     "DISCARD ALL",
                                     "DISCARD TEMP",
                                     "DISCARD PLANS",
                                     "LISTEN a",
                                     "UNLISTEN *",
                                     "PREPARE p AS SELECT 1",
                                     "PREPARE p (int) AS SELECT $1",
                                     "PREPARE transaction AS SELECT 1",
                                     "DEALLOCATE p",
                                     "DEALLOCATE ALL",
                                     "LOAD 'auto_explain'",
                                     "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
                                     "CREATE TEMP TABLE t (a int)",
                                     "CREATE TEMPORARY VIEW v AS SELECT 1",
                                     "CREATE LOCAL TEMP TABLE t ()",
                                     "CREATE OR REPLACE TEMP VIEW v AS SELECT 1",
                                     "CREATE TEMP SEQUENCE s",
                                     "SELECT 1 INTO TEMP t",
                                     "SELECT a INTO TEMPORARY TABLE t FROM u",
                                     "SELECT a INTO LOCAL TEMP t FROM u",
                                     "DROP TABLE t",
                                     "DROP VIEW IF EXISTS v",
                                     "DROP SEQUENCE s",
                                     "CREATE TABLE pg_temp.t ()",
                                     "SELECT * FROM pg_temp.t",
                                     "INSERT INTO \"pg_temp_3\".t VALUES (1)",
                                     "UPDATE pg_settings SET setting = 'x' WHERE name = 'y'",
                                     "update pg_catalog.pg_settings set setting = 'x'"});
}

TEST(SqlScanner, KnowsFunctionsThatChangeTheSession) {
    expect_effect(SqlEffect::state, {"SELECT set_config('a', 'b', false)",
                                     "SELECT set_config('a', 'b', $1)",
                                     "SELECT set_config('a', 'b', 'true')",
                                     "SELECT set_config('a', 'b', true OR false)",
                                     "SELECT set_config('a', 'b', NOT true)",
                                     "SELECT set_config('a', 'b', t.true) FROM t",
                                     "SELECT set_config('a', 'b', (true))",
                                     "SELECT set_config('a', 'b', is_local => true)",
                                     "SELECT set_config('a', 'b')",
                                     "SELECT set_config('a', 'b', \"true\")",
                                     "SELECT set_config('a', set_config('b', 'c', true), true)",
                                     "SELECT x, set_config('a', 'b', true), set_config('a', 'b', false)",
                                     "SELECT \"set_config\"('a', 'b', false)",
                                     "SELECT db.pg_catalog.set_config('a', 'b', false)",
                                     "SELECT pg_advisory_lock(1)",
                                     "SELECT pg_catalog.pg_advisory_lock(1, 2)",
                                     "SELECT pg_try_advisory_lock_shared(1)",
                                     "SELECT \"pg_try_advisory_lock\" (1)",
                                     "SELECT PG_ADVISORY_UNLOCK_ALL()",
                                     "SELECT pg_advisory_unlock(1)",
                                     "INSERT INTO t SELECT pg_advisory_lock(1)",
                                     "CALL p(pg_advisory_lock(1))",
                                     "SELECT dblink_connect('x')",
                                     "SELECT ext.dblink_connect('a', 'b')",
                                     "SELECT setseed(0.5)",
                                     "SELECT pg_create_logical_replication_slot('a', 'b', true)",
                                     "SELECT U&\"\\0070g_advisory_lock\"(1)",
                                     "WITH x(a) AS (SELECT pg_advisory_lock(1)) SELECT 1",
                                     "EXPLAIN ANALYZE SELECT pg_advisory_lock(1)"});
}

TEST(SqlScanner, TakesTheStrongestEffectOfSeveralStatements) {
    expect_effect(SqlEffect::none, {"BEGIN; SELECT 1; COMMIT", ";;SELECT 1;;"});
    expect_effect(SqlEffect::unknown, {"BEGIN; DELETE FROM t; COMMIT", "SELECT f(1); SELECT 1"});
    expect_effect(SqlEffect::state,
                  {"BEGIN; SET a = 1; COMMIT", "SELECT f(1); LISTEN a; SELECT 1", "EXPLAIN SELECT 1; SET a = 1",
                   "SET LOCAL a = 1; SET b = 2", "PREPARE TRANSACTION 'x'; PREPARE x AS SELECT 1"});
}

} // namespace
} // namespace rekey::protocol::postgres
