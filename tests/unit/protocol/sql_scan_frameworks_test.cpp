// What object-relational mappers and web frameworks send.
#include "sql_scan_cases.hpp"

namespace rekey::protocol::postgres {
namespace {

void expect_state(std::uint32_t mentions, std::initializer_list<std::string_view> texts) {
    for (const std::string_view text : texts) {
        const SqlFacts facts = scan_every_way(text);
        EXPECT_EQ(facts.effect, SqlEffect::state) << text;
        EXPECT_EQ(facts.mentions, mentions) << text;
    }
}

TEST(SqlOfFrameworks, SqlalchemyReflects) {
    expect_effect(
        SqlEffect::none,
        {"select pg_catalog.version()", "select current_schema()", "show standard_conforming_strings",
         "show transaction isolation level",
         "SELECT pg_catalog.pg_class.relname \nFROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace ON "
         "pg_catalog.pg_namespace.oid = "
         "pg_catalog.pg_class.relnamespace \nWHERE pg_catalog.pg_class.relname = $1 AND pg_catalog.pg_class.relkind = "
         "ANY (ARRAY['r', 'p', 'f']) AND "
         "pg_catalog.pg_table_is_visible(pg_catalog.pg_class.oid) AND pg_catalog.pg_namespace.nspname != 'pg_catalog'",
         "SELECT attr.conrelid, pg_catalog.array_agg(CAST(attr.attname AS TEXT) ORDER BY attr.ord) AS cols, "
         "min(attr.description) AS description FROM "
         "(SELECT con.conrelid AS conrelid, pg_catalog.unnest(pg_catalog.pg_constraint.conkey) AS attnum, "
         "pg_catalog.generate_subscripts(pg_catalog.pg_constraint.conkey, 1) AS ord FROM pg_catalog.pg_constraint) AS "
         "attr GROUP BY attr.conrelid",
         "SELECT pg_catalog.format_type(a.atttypid, a.atttypmod), CAST(1 AS NUMERIC(10, 2)) FROM t AS \"T\" WHERE "
         "lower(t.name) LIKE lower($1) || '%'"});
    expect_effect(SqlEffect::unknown, {"INSERT INTO t (a, b) SELECT p0::INTEGER, p1::VARCHAR FROM (VALUES ($1, $2, 0), "
                                       "($3, $4, 1)) AS imp_sen(p0, p1, sen_counter) ORDER BY "
                                       "sen_counter RETURNING t.id, t.id AS id__1"});
    EXPECT_EQ(scan_every_way("INSERT INTO t (a) SELECT p0 FROM (VALUES ($1, 0), ($2, 1)) AS s(p0, n)").fingerprint,
              scan_every_way("INSERT INTO t (a) SELECT p0 FROM (VALUES ($1, 0)) AS s(p0, n)").fingerprint);
}

TEST(SqlOfFrameworks, RailsSetsUpAndLocksMigrations) {
    expect_state(mention_set, {"SET client_min_messages TO 'warning'", "SET standard_conforming_strings = on",
                               "SET intervalstyle = iso_8601", "SET SESSION timezone TO 'UTC'",
                               "SET search_path TO \"$user\", public", "SET statement_timeout = '5s'"});
    for (const std::string_view text : {"SET client_min_messages TO 'warning'", "SET standard_conforming_strings = on",
                                        "SET SESSION timezone TO 'UTC'", "SET intervalstyle = iso_8601"}) {
        EXPECT_TRUE(read_simple_set(text, true).found) << text;
    }
    expect_state(mention_advisory_lock,
                 {"SELECT pg_try_advisory_lock(3187921451)", "SELECT pg_advisory_unlock(3187921451)"});
    expect_effect(SqlEffect::none, {"SHOW max_identifier_length", "SHOW search_path",
                                    "SELECT t.oid, t.typname, t.typelem, t.typdelim, t.typinput, r.rngsubtype, "
                                    "t.typtype, t.typbasetype\nFROM pg_type as t\nLEFT JOIN pg_range as r "
                                    "ON oid = rngtypid\nWHERE\n  t.typname IN ('int2', 'int4', 'int8', 'oid', "
                                    "'float4', 'float8', 'numeric', 'bool')",
                                    "SELECT a.attname, format_type(a.atttypid, a.atttypmod),\n       "
                                    "pg_get_expr(d.adbin, d.adrelid), a.attnotnull, a.atttypid, a.atttypmod,\n       "
                                    "c.collname, col_description(a.attrelid, a.attnum) AS comment,\n       attidentity "
                                    "AS identity, attgenerated as attgenerated\n  FROM "
                                    "pg_attribute a\n  LEFT JOIN pg_attrdef d ON a.attrelid = d.adrelid AND a.attnum = "
                                    "d.adnum\n  WHERE a.attrelid = '\"users\"'::regclass\n   AND "
                                    "a.attnum > 0 AND NOT a.attisdropped\n ORDER BY a.attnum",
                                    "SELECT c.relname FROM pg_class c LEFT JOIN pg_namespace n ON n.oid = "
                                    "c.relnamespace WHERE n.nspname = ANY (current_schemas(false)) AND "
                                    "c.relkind IN ('r','v','m','p','f')",
                                    "SELECT \"users\".* FROM \"users\" WHERE \"users\".\"id\" = $1 LIMIT $2 FOR UPDATE "
                                    "SKIP LOCKED /*action='show',controller='users'*/",
                                    "SAVEPOINT active_record_1", "RELEASE SAVEPOINT active_record_1",
                                    "ROLLBACK TO SAVEPOINT active_record_1"});
}

TEST(SqlOfFrameworks, DjangoSetsUpAndInspects) {
    expect_state(mention_set, {"SELECT set_config('TimeZone', 'UTC', false)",
                               "SELECT set_config('TimeZone', $1, false)", "SET TIME ZONE 'UTC'"});
    expect_effect(SqlEffect::none,
                  {"SELECT c.relname,\n CASE\n WHEN c.relispartition THEN 'p'\n WHEN c.relkind IN ('m', 'v') THEN "
                   "'v'\n ELSE 't'\n END,\n obj_description(c.oid, "
                   "'pg_class')\n FROM pg_catalog.pg_class c\n LEFT JOIN pg_catalog.pg_namespace n ON n.oid = "
                   "c.relnamespace\n WHERE c.relkind IN ('f', 'm', 'p', 'r', "
                   "'v')\n AND n.nspname NOT IN ('pg_catalog', 'pg_toast')\n AND pg_catalog.pg_table_is_visible(c.oid)",
                   "SELECT c.conname, array( SELECT attname FROM unnest(c.conkey) WITH ORDINALITY cols(colid, arridx) "
                   "JOIN pg_attribute AS ca ON cols.colid = "
                   "ca.attnum WHERE ca.attrelid = c.conrelid ORDER BY cols.arridx ), c.contype FROM pg_constraint AS c "
                   "JOIN pg_class AS cl ON c.conrelid = cl.oid "
                   "WHERE cl.relname = $1 AND pg_catalog.pg_table_is_visible(cl.oid)",
                   "SELECT indexname, array_agg(attname ORDER BY arridx), indisunique FROM ( SELECT c2.relname as "
                   "indexname, CASE WHEN idx.indexprs IS NOT NULL THEN "
                   "pg_get_indexdef(idx.indexrelid) END AS exprdef, CASE am.amname WHEN 'btree' THEN CASE (option & 1) "
                   "WHEN 1 THEN 'DESC' ELSE 'ASC' END END as ordering "
                   "FROM ( SELECT *, unnest(i.indkey) as key, unnest(i.indoption) as option FROM pg_index i ) idx LEFT "
                   "JOIN pg_class c2 ON (c2.oid = idx.indexrelid) ) s2 "
                   "GROUP BY indexname, indisunique",
                   "SELECT COUNT(*) AS \"__count\" FROM \"app_t\" WHERE UPPER(\"app_t\".\"name\"::text) LIKE UPPER($1)",
                   "DECLARE \"_django_curs_139_sync_1\" NO SCROLL CURSOR FOR SELECT \"t\".\"id\" FROM \"t\"",
                   "FETCH FORWARD 2000 FROM \"_django_curs_139_sync_1\"", "CLOSE \"_django_curs_139_sync_1\"",
                   "SET CONSTRAINTS ALL IMMEDIATE", "EXPLAIN (ANALYZE true, FORMAT JSON) SELECT 1"});
    expect_state(mention_hold,
                 {"DECLARE \"_django_curs_139_sync_2\" NO SCROLL CURSOR WITH HOLD FOR SELECT \"t\".\"id\" FROM \"t\""});
}

TEST(SqlOfFrameworks, HibernateReadsSequencesAndLocksRows) {
    expect_effect(SqlEffect::none,
                  {"select u1_0.id,u1_0.name from users u1_0 where u1_0.id=$1 for no key update",
                   "select coalesce(max(o1_0.n),0) from orders o1_0 offset $1 rows fetch first $2 rows only",
                   "select * from information_schema.sequences", "select t.id from t order by t.id limit ? offset ?"});
    expect_effect(SqlEffect::unknown,
                  {"select nextval('users_seq')", "select nextval ('hibernate_sequence')",
                   "insert into users (name,id) values ($1,$2)", "delete from users where id=$1 and version=$2"});
}

TEST(SqlOfFrameworks, MigrationsTakeLocks) {
    expect_state(mention_advisory_lock,
                 {"SELECT pg_advisory_lock(72707369)", "SELECT pg_try_advisory_lock($1)",
                  "SELECT pg_advisory_unlock($1)", "SELECT pg_catalog.pg_try_advisory_lock(77431708279161)"});
    expect_effect(SqlEffect::none,
                  {"SELECT pg_advisory_xact_lock($1)", "SELECT COUNT(*) FROM pg_namespace WHERE nspname=$1",
                   "SELECT EXISTS(SELECT 1 FROM pg_namespace WHERE nspname = $1), version(), "
                   "current_setting('server_version_num')::integer as "
                   "numeric_version"});
    expect_effect(SqlEffect::unknown, {"CREATE EXTENSION IF NOT EXISTS \"uuid-ossp\"",
                                       "CREATE TABLE IF NOT EXISTS schema_migrations (version bigint)",
                                       "ALTER TABLE t ADD CONSTRAINT c CHECK (length(a) > 0)"});
}

TEST(SqlOfFrameworks, PostgrestSetsForTheTransactionOnly) {
    expect_effect(SqlEffect::none, {"select set_config('search_path', $1, true), set_config($2, $3, true), "
                                    "set_config('role', $4, true), set_config('request.jwt.claims', $5, true)",
                                    "WITH pgrst_source AS ( SELECT \"public\".\"t\".* FROM \"public\".\"t\" ) SELECT "
                                    "null::bigint AS total_result_set, "
                                    "pg_catalog.count(_postgrest_t) AS page_total, coalesce(json_agg(_postgrest_t), "
                                    "'[]') AS body, nullif(current_setting('response.headers', true), "
                                    "'') AS response_headers FROM ( SELECT * FROM pgrst_source ) _postgrest_t"});
}

} // namespace
} // namespace rekey::protocol::postgres
