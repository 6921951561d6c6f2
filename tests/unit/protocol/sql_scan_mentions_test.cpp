// What a text named.
#include "sql_scan_cases.hpp"

namespace rekey::protocol::postgres {
namespace {

void expect_mentions(std::uint32_t mentions, std::initializer_list<std::string_view> texts) {
    for (const std::string_view text : texts) {
        EXPECT_EQ(scan_every_way(text).mentions, mentions) << text;
    }
}

TEST(SqlMention, IsNothingForOrdinaryTexts) {
    expect_mentions(0, {"SELECT 1", "INSERT INTO t VALUES (1)", "SELECT f(1)", "DO 'x'", "EXECUTE p", "SET LOCAL a = 1",
                        "SELECT set_config('a', 'b', true)", "SELECT set_config($1, 'b', true)",
                        "PREPARE TRANSACTION 'x'", "SET TRANSACTION READ ONLY", "SELECT nextval('s')", "COMMIT",
                        "FETCH ALL FROM c", "ALTER TABLE t ADD a int"});
}

TEST(SqlMention, TellsSettings) {
    expect_mentions(mention_set,
                    {"SET a = 1", "SET SESSION a = 1", "SELECT set_config('a', 'b', false)", "SET TIME ZONE 'UTC'",
                     "SELECT set_config('a.b', $1, $2)", "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
                     "SELECT set_config($$a$$, 'b', false)", "UPDATE pg_settings SET setting = 1"});
    expect_mentions(mention_set | mention_reset, {"SET a TO DEFAULT", "SET a = DEFAULT", "SET TIME ZONE DEFAULT"});
    expect_mentions(mention_reset, {"RESET a", "RESET ALL", "RESET \"a\".b"});
    expect_mentions(mention_set | mention_custom_set_config,
                    {"SELECT set_config($1, 'b', false)", "SELECT set_config('a'||'b', 'c', false)",
                     "SELECT set_config(name, v, false) FROM t", "SELECT set_config('a'::text, 'b', false)",
                     "SELECT set_config(E'a', 'b', false)", "SELECT set_config(U&'a', 'b', false)",
                     "SELECT set_config(setting_name => 'a', new_value => 'b', is_local => false)"});
    expect_mentions(mention_set | mention_encoding,
                    {"SET client_encoding = 'UTF8'", "SET NAMES 'UTF8'", "SET \"Client_Encoding\" TO x",
                     "SET SESSION client_encoding TO x", "SELECT set_config('CLIENT_encoding', 'UTF8', false)",
                     "SET SESSION \"client_encoding\" TO x"});
    expect_mentions(mention_reset | mention_encoding, {"RESET client_encoding"});
}

TEST(SqlMention, TellsTheSeedOfRandomNumbersWhichNothingShows) {
    expect_mentions(mention_set | mention_load, {"SET seed = 0.5", "SET SESSION seed TO 0.5"});
    expect_mentions(mention_load, {"SELECT setseed(0.5)"});
}

TEST(SqlMention, TellsRoles) {
    expect_mentions(mention_set | mention_role,
                    {"SET ROLE r", "SET ROLE NONE", "SET SESSION AUTHORIZATION r", "SET \"role\" = 'r'",
                     "SET session_authorization TO r", "SELECT set_config('role', 'r', false)",
                     "SELECT set_config('Session_Authorization', 'r', false)", "SET SESSION ROLE r"});
    expect_mentions(mention_set | mention_reset | mention_role, {"SET SESSION AUTHORIZATION DEFAULT"});
    expect_mentions(mention_reset | mention_role,
                    {"RESET ROLE", "RESET SESSION AUTHORIZATION", "RESET session_authorization"});
    expect_mentions(0, {"SET LOCAL ROLE r", "SELECT set_config('role', 'r', true)"});
}

// A name the server cuts at 63 bytes, or one written in escapes, is not the name to be asked for later.
TEST(SqlMention, TellsParametersWhoseNamesCannotBeRead) {
    const std::string name(70, 'n');
    EXPECT_EQ(scan_every_way("SET a." + name + " = 1").mentions, mention_set | mention_custom_set_config);
    EXPECT_EQ(scan_every_way("SET " + name + ".a = 1").mentions, mention_set | mention_custom_set_config);
    EXPECT_EQ(scan_every_way("SET \"a\".\"" + name + "\" = 1").mentions, mention_set | mention_custom_set_config);
    EXPECT_EQ(scan_every_way("SELECT set_config('a." + name + "', 'x', false)").mentions,
              mention_set | mention_custom_set_config);
    EXPECT_EQ(scan_every_way("SET a.U&\"b\" = 1").mentions, mention_set | mention_custom_set_config);
}

TEST(SqlMention, TellsWhatPins) {
    expect_mentions(mention_listen, {"LISTEN a", "UNLISTEN a", "UNLISTEN *"});
    expect_mentions(mention_advisory_lock, {"SELECT pg_advisory_lock(1)", "SELECT pg_try_advisory_lock(1, 2)",
                                            "SELECT pg_advisory_lock_shared(1)", "SELECT pg_advisory_unlock(1)",
                                            "SELECT pg_advisory_unlock_all()", "SELECT pg_advisory_unlock_shared(1)",
                                            "SELECT pg_try_advisory_lock_shared(1)"});
    expect_mentions(mention_prepare, {"PREPARE p AS SELECT pg_advisory_lock"});
    expect_mentions(mention_deallocate, {"DEALLOCATE p", "DEALLOCATE ALL", "DEALLOCATE PREPARE p"});
    expect_mentions(mention_hold,
                    {"DECLARE c CURSOR WITH HOLD FOR SELECT 1", "DECLARE c SCROLL CURSOR WITH HOLD FOR TABLE t"});
    expect_mentions(mention_discard, {"DISCARD PLANS", "DISCARD SEQUENCES"});
    expect_mentions(mention_discard | mention_reset, {"DISCARD ALL"});
    expect_mentions(mention_discard | mention_temp, {"DISCARD TEMP", "DISCARD TEMPORARY"});
    expect_mentions(mention_sequence_value,
                    {"SELECT currval('s')", "INSERT INTO t VALUES (lastval())", "SELECT pg_catalog.currval('s')"});
    expect_mentions(mention_load,
                    {"LOAD 'x'", "SELECT dblink_connect('x')", "SELECT setseed(0)", "SELECT pg_backup_start('x')"});
}

TEST(SqlMention, TellsTemporaryObjects) {
    expect_mentions(mention_temp,
                    {"CREATE TEMP TABLE t ()", "CREATE TEMPORARY SEQUENCE s", "SELECT 1 INTO TEMP t", "DROP TABLE t",
                     "SELECT * FROM pg_temp.t", "SELECT * FROM \"pg_temp\".t", "CREATE TABLE pg_temp.t ()",
                     "SELECT pg_temp.f(1)", "CREATE VIEW pg_temp_12.v AS SELECT 1", "DROP OWNED BY r"});
    expect_mentions(mention_temp | mention_load,
                    {"CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
                     "CREATE OR REPLACE PROCEDURE pg_temp.p() LANGUAGE sql AS ''", "CREATE TYPE pg_temp.t AS (a int)",
                     "CREATE DOMAIN pg_temp.d AS int"});
    expect_mentions(0, {"SELECT pg_temperature FROM t", "SELECT pg_tem FROM t", "SELECT 'pg_temp.x'",
                        "SELECT pg_my_temp_schema()"});
}

TEST(SqlMention, TellsTransactionsAndCopies) {
    expect_mentions(mention_begin, {"BEGIN", "START TRANSACTION READ ONLY", "SELECT 1; BEGIN; SELECT 2; COMMIT"});
    expect_mentions(mention_copy, {"COPY t TO STDOUT", "COPY t FROM STDIN", "COPY (SELECT 1) TO STDOUT"});
    expect_mentions(0, {"SELECT 'BEGIN'", "SELECT begin FROM t", "COMMIT AND CHAIN"});
}

TEST(SqlMention, UnitesThoseOfAllStatements) {
    expect_mentions(mention_begin | mention_set | mention_listen | mention_temp,
                    {"BEGIN; SET a = 1; LISTEN b; CREATE TEMP TABLE c (); COMMIT"});
    expect_mentions(mention_advisory_lock | mention_reset | mention_listen,
                    {"SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET ALL;"});
}

TEST(SqlMention, LeavesOutWhatIsOnlyExplained) {
    expect_mentions(0, {"EXPLAIN SELECT pg_advisory_lock(1)", "EXPLAIN CREATE TEMP TABLE t AS SELECT 1",
                        "EXPLAIN DECLARE c CURSOR WITH HOLD FOR SELECT 1"});
    expect_mentions(mention_temp, {"EXPLAIN ANALYZE CREATE TEMP TABLE t AS SELECT 1"});
}

} // namespace
} // namespace rekey::protocol::postgres
