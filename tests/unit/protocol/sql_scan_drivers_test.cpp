// What drivers and frameworks send by themselves, at connect and behind the application's back.
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

void expect_simple_set(std::string_view text, std::string_view name, std::string_view value) {
    const SimpleSet set = read_simple_set(text, true);
    EXPECT_TRUE(set.found) << text;
    EXPECT_EQ(set.name, name) << text;
    EXPECT_EQ(set.value, value) << text;
}

TEST(SqlOfDrivers, HealthChecksNeedNoQuestion) {
    expect_effect(SqlEffect::none, {"", ";", "SELECT 1", "select 1;", "-- ping", "/* ping */ SELECT 1", "SELECT NOW()",
                                    "SELECT version()", "select pg_is_in_recovery()", "SHOW transaction_read_only",
                                    "SHOW server_version", "select 1 as one", "SELECT 1 FROM DUAL", "VALUES(1)"});
}

TEST(SqlOfDrivers, PgbenchNeedsNoQuestionForItsQuery) {
    expect_effect(SqlEffect::none, {"SELECT abalance FROM pgbench_accounts WHERE aid = 1;", "BEGIN;", "END;",
                                    "SELECT count(*) FROM pgbench_branches"});
    expect_effect(
        SqlEffect::unknown,
        {"UPDATE pgbench_accounts SET abalance = abalance + -5 WHERE aid = 1;",
         "INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (1, 2, 3, -4, CURRENT_TIMESTAMP);"});
}

TEST(SqlOfDrivers, PgjdbcLooksUpTypesAndMetadata) {
    expect_simple_set("SET extra_float_digits = 3", "extra_float_digits", "3");
    expect_simple_set("SET application_name = 'PostgreSQL JDBC Driver'", "application_name", "PostgreSQL JDBC Driver");
    expect_effect(
        SqlEffect::none,
        {"SHOW TRANSACTION ISOLATION LEVEL",
         "SELECT typinput='pg_catalog.array_in'::regproc as is_array, typtype, typname, pg_type.oid   FROM "
         "pg_catalog.pg_type   LEFT JOIN "
         "(select ns.oid as nspoid, ns.nspname, r.r           from pg_namespace as ns           join ( select s.r, "
         "(current_schemas(false))[s.r] as nspname                    from generate_series(1, "
         "array_upper(current_schemas(false), 1)) as "
         "s(r) ) as r          using ( nspname )        ) as sp     ON sp.nspoid = typnamespace  WHERE typname = $1  "
         "ORDER BY sp.r, "
         "pg_type.oid DESC LIMIT 1",
         "SELECT NULL AS TABLE_CAT, n.nspname AS TABLE_SCHEM, ct.relname AS TABLE_NAME, a.attname AS COLUMN_NAME, "
         "(information_schema._pg_expandarray(i.indkey)).n AS KEY_SEQ, ci.relname AS PK_NAME FROM pg_catalog.pg_class "
         "ct JOIN "
         "pg_catalog.pg_attribute a ON (ct.oid = a.attrelid) WHERE (i.indisprimary)",
         "SELECT current_database() AS current_database, n.nspname,c.relname,a.attname,a.atttypid,a.attnotnull OR "
         "(t.typtype = 'd' AND "
         "t.typnotnull) AS attnotnull,a.atttypmod,a.attlen,t.typtypmod,row_number() OVER (PARTITION BY a.attrelid "
         "ORDER BY a.attnum) AS "
         "attnum, nullif(a.attidentity, '') as attidentity,nullif(a.attgenerated, '') as "
         "attgenerated,pg_catalog.pg_get_expr(def.adbin, "
         "def.adrelid) AS adsrc,dsc.description FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_class c ON "
         "(c.relnamespace = n.oid) "
         "WHERE c.relkind in ('r','p','v','f','m') and a.attnum > 0 AND NOT a.attisdropped AND n.nspname LIKE 'public' "
         "ESCAPE E'\\\\'"});
}

TEST(SqlOfDrivers, PsycopgLooksUpTypes) {
    expect_effect(SqlEffect::none,
                  {"SELECT t.oid, typarray FROM pg_type t JOIN pg_namespace ns ON typnamespace = ns.oid WHERE typname "
                   "= 'hstore';",
                   "SELECT typname AS name, oid, typarray AS array_oid, oid::regtype::text AS regtype, typdelim AS "
                   "delimiter FROM pg_type t WHERE t.oid "
                   "= to_regtype($1) ORDER BY t.oid",
                   "SELECT t.typname AS name, coalesce(a.fnames, '{}') AS field_names FROM pg_type t LEFT JOIN ( "
                   "SELECT attrelid, array_agg(attname) AS "
                   "fnames, array_agg(atttypid) AS ftypes FROM ( SELECT a.attrelid, a.attname FROM pg_attribute a "
                   "WHERE t.oid = to_regtype($1) AND NOT "
                   "a.attisdropped ORDER BY a.attnum ) x GROUP BY attrelid ) a ON a.attrelid = t.typrelid",
                   "BEGIN ISOLATION LEVEL SERIALIZABLE", "PREPARE TRANSACTION 'x'"});
    expect_state(mention_deallocate, {"DEALLOCATE \"_pg3_0\"", "DEALLOCATE ALL"});
}

TEST(SqlOfDrivers, AsyncpgTurnsCompilationOffWhileItLooksUpTypes) {
    expect_state(mention_set, {"SELECT current_setting('jit') AS cur, set_config('jit', 'off', false) AS new",
                               "SELECT set_config('jit', $1, false)"});
    expect_effect(SqlEffect::none, {"WITH RECURSIVE typeinfo_tree( oid, ns, name, kind, basetype, elemtype, elemdelim, "
                                    "range_subtype, attrtypoids, attrnames, depth) AS ( "
                                    "SELECT ti.oid, ti.ns, 0 FROM ( SELECT t.oid AS oid, ns.nspname AS ns, (CASE WHEN "
                                    "t.typtype = 'd' THEN (WITH RECURSIVE typebases(oid, "
                                    "depth) AS ( SELECT t2.typbasetype AS oid, 0 AS depth FROM pg_type t2 WHERE t2.oid "
                                    "= t.oid UNION ALL SELECT t2.typbasetype AS oid, "
                                    "tb.depth + 1 AS depth FROM pg_type t2, typebases tb WHERE tb.oid = t2.oid AND "
                                    "t2.typbasetype != 0 ) SELECT oid FROM typebases ORDER BY "
                                    "depth DESC LIMIT 1) ELSE NULL END) AS basetype, (SELECT array_agg(ia.atttypid "
                                    "ORDER BY ia.attnum) FROM pg_attribute ia INNER JOIN "
                                    "pg_class c ON (ia.attrelid = c.oid) WHERE ia.attnum > 0) AS attrtypoids FROM "
                                    "pg_catalog.pg_type AS t ) AS ti WHERE ti.oid = "
                                    "any($1::oid[]) UNION ALL SELECT ti.oid, ti.ns, tt.depth + 1 FROM x AS ti, "
                                    "typeinfo_tree tt ) SELECT DISTINCT *, "
                                    "basetype::regtype::text AS basetype_name FROM typeinfo_tree ORDER BY depth DESC"});
    expect_state(mention_advisory_lock | mention_listen | mention_reset,
                 {"SELECT pg_advisory_unlock_all();\nCLOSE ALL;\nUNLISTEN *;\nRESET ALL;"});
}

TEST(SqlOfDrivers, NpgsqlLoadsTypesAndResets) {
    expect_effect(SqlEffect::none, {"SELECT version();\n\nSELECT ns.nspname, t.oid, t.typname, t.typtype, "
                                    "t.typnotnull, t.elemtypoid\nFROM (\n    -- Arrays have typtype=b - "
                                    "this subquery identifies them by their typreceive and converts their typtype to "
                                    "a\n    -- We first do this for the type (innerest-most "
                                    "subquery), and then for its element type\n    SELECT typ.oid, CASE WHEN "
                                    "elemproc.proname='array_recv' THEN 'a' ELSE elemtyp.typtype END "
                                    "AS elemtyptype FROM ( SELECT typ.oid, typnamespace FROM pg_type AS typ LEFT JOIN "
                                    "pg_class AS cls ON (cls.oid = typ.typrelid) ) AS typ ) "
                                    "AS t\nJOIN pg_namespace AS ns ON (ns.oid = typnamespace)\nWHERE typtype IN ('b', "
                                    "'r', 'm', 'e', 'd') OR (typtype = 'c' AND "
                                    "relkind='c')\nORDER BY CASE WHEN typtype IN ('b', 'e', 'p') THEN 0 END;\n\n-- "
                                    "Load field definitions for (free-standing) composite "
                                    "types\nSELECT typ.oid, att.attname, att.atttypid FROM pg_type AS typ"});
    expect_state(mention_discard | mention_reset, {"DISCARD ALL"});
    expect_state(mention_set | mention_reset | mention_role | mention_listen | mention_advisory_lock | mention_discard |
                     mention_temp,
                 {"SET SESSION AUTHORIZATION DEFAULT;RESET ALL;CLOSE ALL;UNLISTEN *;SELECT "
                  "pg_advisory_unlock_all();DISCARD SEQUENCES;DISCARD TEMP"});
    EXPECT_EQ(
        scan_every_way(
            "SET SESSION AUTHORIZATION DEFAULT;RESET ALL;CLOSE ALL;UNLISTEN *;SELECT pg_advisory_unlock_all();DISCARD "
            "SEQUENCES;DISCARD TEMP")
            .statements,
        7u);
}

TEST(SqlOfDrivers, OthersLookUpTypes) {
    expect_effect(SqlEffect::none, {"SELECT t.typname, t.typtype, t.typelem, r.rngsubtype, t.typbasetype, n.nspname, "
                                    "t.typrelid FROM pg_catalog.pg_type t LEFT OUTER JOIN "
                                    "pg_catalog.pg_range r ON r.rngtypid = t.oid INNER JOIN pg_catalog.pg_namespace n "
                                    "ON t.typnamespace = n.oid WHERE t.oid = $1",
                                    "SELECT t.oid, t.typname, t.typsend, t.typreceive, t.typoutput, t.typinput, "
                                    "coalesce(d.typelem, t.typelem), coalesce(r.rngsubtype, 0), "
                                    "ARRAY ( SELECT a.atttypid FROM pg_attribute AS a WHERE a.attrelid = t.typrelid "
                                    "AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum "
                                    ") FROM pg_type AS t LEFT JOIN pg_type AS d ON t.typbasetype = d.oid WHERE "
                                    "(t.typrelid = 0) AND (t.typelem = 0 OR NOT EXISTS (SELECT 1 FROM "
                                    "pg_catalog.pg_type s WHERE s.typrelid != 0 AND s.oid = t.typelem))",
                                    "SELECT CURRENT_DATABASE()", "SELECT * FROM current_schema()",
                                    "SELECT count(*) FROM information_schema.tables WHERE table_schema = "
                                    "CURRENT_SCHEMA() AND table_name = $1 AND table_type = $2"});
}

TEST(SqlOfDrivers, PsqlDescribesRelations) {
    expect_effect(SqlEffect::none, {"SELECT c.oid,\n  n.nspname,\n  c.relname\nFROM pg_catalog.pg_class c\n     LEFT "
                                    "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace\nWHERE "
                                    "c.relname OPERATOR(pg_catalog.~) '^(t)$' COLLATE pg_catalog.default\n  AND "
                                    "pg_catalog.pg_table_is_visible(c.oid)\nORDER BY 2, 3;",
                                    "SELECT a.attname,\n  pg_catalog.format_type(a.atttypid, a.atttypmod),\n  (SELECT "
                                    "pg_catalog.pg_get_expr(d.adbin, d.adrelid, true)\n   FROM "
                                    "pg_catalog.pg_attrdef d\n   WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum "
                                    "AND a.atthasdef),\n  a.attnotnull FROM "
                                    "pg_catalog.pg_attribute a WHERE a.attrelid = '16384' AND a.attnum > 0 AND NOT "
                                    "a.attisdropped ORDER BY a.attnum;",
                                    "SELECT d.datname as \"Name\", pg_catalog.pg_get_userbyid(d.datdba) as \"Owner\", "
                                    "pg_catalog.array_to_string(d.datacl, E'\\n') AS \"Access "
                                    "privileges\" FROM pg_catalog.pg_database d ORDER BY 1;",
                                    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
                                    "LOCK TABLE public.t IN ACCESS SHARE MODE", "COPY public.t (a, b) TO stdout;"});
    expect_state(mention_set, {"SELECT pg_catalog.set_config('search_path', '', false);", "SET DATESTYLE = ISO",
                               "SET statement_timeout = 0"});
}

} // namespace
} // namespace rekey::protocol::postgres
