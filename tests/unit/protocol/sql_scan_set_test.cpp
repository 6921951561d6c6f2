// SET, RESET and DEALLOCATE, read exactly or not at all.
#include "sql_scan_cases.hpp"

#include <vector>

namespace rekey::protocol::postgres {
namespace {

struct Set {
    std::string_view text, name, value;
};

void expect_sets(std::initializer_list<Set> cases) {
    for (const Set& expected : cases) {
        const SimpleSet set = read_simple_set(expected.text, true);
        EXPECT_TRUE(set.found) << expected.text;
        EXPECT_EQ(set.name, expected.name) << expected.text;
        EXPECT_EQ(set.value, expected.value) << expected.text;
        EXPECT_FALSE(set.to_default || set.reset_all) << expected.text;
    }
}

void expect_defaults(std::initializer_list<std::pair<std::string_view, std::string_view>> cases) {
    for (const auto& [text, name] : cases) {
        const SimpleSet set = read_simple_set(text, true);
        EXPECT_TRUE(set.found && set.to_default && !set.reset_all) << text;
        EXPECT_EQ(set.name, name) << text;
    }
}

void expect_not_found(std::initializer_list<std::string_view> texts) {
    for (const std::string_view text : texts) {
        const SimpleSet set = read_simple_set(text, true);
        EXPECT_FALSE(set.found) << text;
        EXPECT_TRUE(set.name.empty() && set.value.empty() && !set.to_default && !set.reset_all) << text;
    }
}

TEST(SimpleSet, ReadsValues) {
    expect_sets({{"SET a = 'b'", "a", "b"},
                 {"set a to b", "a", "b"},
                 {"SET SESSION a TO B", "a", "b"},
                 {"SET \"Work_Mem\" = '4MB';", "work_mem", "4MB"},
                 {"SET a = \"B c\"", "a", "B c"},
                 {"SET a = on", "a", "on"},
                 {"SET a = true", "a", "true"},
                 {"SET a = 'it''s'", "a", "it's"},
                 {"SET a = ''", "a", ""},
                 {"SET a = $$x'y$$", "a", "x'y"},
                 {"SET a = $t$x$$y$t$", "a", "x$$y"},
                 {"SET a = E'x'", "a", "x"},
                 {"SET a = 'x\\y'", "a", "x\\y"},
                 {"/* c */ SET -- d\n a /* e */ = 'b' -- f", "a", "b"},
                 {" ; SET a = 1 ;; ", "a", "1"},
                 {"SET A.B = 'c'", "a.b", "c"},
                 {"SET a.\"B\".c TO d", "a.b.c", "d"},
                 {"SET local.a = 1", "local.a", "1"},
                 {"SET session TO 1", "session", "1"},
                 {"SET SESSION session = 1", "session", "1"},
                 {"SET extra_float_digits = 3", "extra_float_digits", "3"},
                 {"SET application_name = 'PostgreSQL JDBC Driver'", "application_name", "PostgreSQL JDBC Driver"}});
}

TEST(SimpleSet, ReadsNumbersAsTheServerWritesThem) {
    expect_sets({{"SET a = 1", "a", "1"},
                 {"SET a = -1", "a", "-1"},
                 {"SET a = + 1", "a", "1"},
                 {"SET a = 007", "a", "7"},
                 {"SET a = 0", "a", "0"},
                 {"SET a = -0", "a", "0"},
                 {"SET a = 2147483647", "a", "2147483647"},
                 {"SET a = 2147483648", "a", "2147483648"},
                 {"SET a = 1.50", "a", "1.50"},
                 {"SET a = -0.5", "a", "-0.5"},
                 {"SET a = 1e3", "a", "1e3"}});
    expect_not_found({"SET a = 0x10", "SET a = 1_000", "SET a = 1 2", "SET a = - 'x'", "SET a = --1"});
}

TEST(SimpleSet, ReadsLists) {
    expect_sets(
        {{"SET search_path = a, B, \"C d\", '$user', \"\"\"\"", "search_path", "a, b, \"C d\", \"$user\", \"\"\"\""},
         {"SET search_path TO 'a, b'", "search_path", "\"a, b\""},
         {"SET search_path = ''", "search_path", "\"\""},
         {"SET search_path = public", "search_path", "public"},
         {"SET search_path = \"user\", \"1a\"", "search_path", "\"user\", \"1a\""},
         {"SET SCHEMA 'Public'", "search_path", "\"Public\""},
         {"SET SCHEMA 'public'", "search_path", "public"},
         {"SET DateStyle = ISO, MDY", "datestyle", "iso, mdy"},
         {"SET datestyle TO 'ISO, DMY'", "datestyle", "ISO, DMY"},
         {"SET temp_tablespaces = a, b", "temp_tablespaces", "a, b"}});
    expect_not_found({"SET a = b, c", "SET a.b = 1, 2", "SET search_path = a, DEFAULT", "SET search_path = a,",
                      "SET search_path = , a"});
}

TEST(SimpleSet, ReadsTheFormsWithWordsOfTheirOwn) {
    expect_sets({{"SET TIME ZONE 'UTC'", "timezone", "UTC"},
                 {"SET TIME ZONE utc", "timezone", "utc"},
                 {"SET TIME ZONE -7", "timezone", "-7"},
                 {"SET TIME ZONE 5.5", "timezone", "5.5"},
                 {"SET SESSION TIME ZONE \"Europe/Berlin\"", "timezone", "Europe/Berlin"},
                 {"SET NAMES 'utf8'", "client_encoding", "utf8"},
                 {"SET ROLE r", "role", "r"},
                 {"SET ROLE \"R\"", "role", "R"},
                 {"SET ROLE 'r'", "role", "r"},
                 {"SET ROLE NONE", "role", "none"},
                 {"SET SESSION ROLE r", "role", "r"},
                 {"SET role = r", "role", "r"},
                 {"SET SESSION AUTHORIZATION r", "session_authorization", "r"},
                 {"SET SESSION AUTHORIZATION 'r'", "session_authorization", "r"}});
    expect_not_found({"SET TIME ZONE INTERVAL '-08:00' HOUR TO MINUTE", "SET TIME ZONE", "SET NAMES utf8",
                      "SET NAMES 'a' 'b'", "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "SET SCHEMA a",
                      "SET XML OPTION DOCUMENT", "SET ROLE"});
}

TEST(SimpleSet, ReadsDefaults) {
    expect_defaults({{"SET a TO DEFAULT", "a"},
                     {"SET a.b = default", "a.b"},
                     {"RESET a", "a"},
                     {"reset A.b;", "a.b"},
                     {"RESET \"A\"", "a"},
                     {"RESET ROLE", "role"},
                     {"RESET TIME ZONE", "timezone"},
                     {"RESET SESSION AUTHORIZATION", "session_authorization"},
                     {"SET SESSION AUTHORIZATION DEFAULT", "session_authorization"},
                     {"SET TIME ZONE LOCAL", "timezone"},
                     {"SET TIME ZONE DEFAULT", "timezone"},
                     {"SET NAMES", "client_encoding"},
                     {"SET NAMES DEFAULT", "client_encoding"}});
    const SimpleSet all = read_simple_set("RESET ALL", true);
    EXPECT_TRUE(all.found && all.reset_all && !all.to_default);
    expect_not_found(
        {"RESET", "RESET ALL x", "RESET a, b", "RESET TRANSACTION ISOLATION LEVEL", "SET a = DEFAULT, b", "RESET 'a'"});
    expect_sets({{"SET a = 'default'", "a", "default"}, {"SET a = \"default\"", "a", "default"}});
}

TEST(SimpleSet, LeavesEverythingElse) {
    expect_not_found({"",
                      ";",
                      "SELECT 1",
                      "SET",
                      "SET a",
                      "SET a =",
                      "SET = 1",
                      "SET a 1",
                      "SET LOCAL a = 1",
                      "SET LOCAL TIME ZONE 'x'",
                      "SET TRANSACTION READ ONLY",
                      "SET CONSTRAINTS ALL DEFERRED",
                      "SET a FROM CURRENT",
                      "SET a = 1; SELECT 1",
                      "SET a = 1; SET b = 2",
                      "SELECT 1; SET a = 1",
                      "SET a = $1",
                      "SET a = 'x",
                      "SET a = 1 /* x",
                      "SET a = (1)",
                      "SET a = b::c",
                      "SET a. = 1",
                      "SET .a = 1",
                      "SET a.1 = 1",
                      "SET 'a' = 1",
                      "\"SET\" a = 1",
                      "SET a = 'x' 'y'"});
}

TEST(SimpleSet, LeavesWhatIsNoSettingOfTheSession) {
    expect_not_found({"SET transaction_isolation = 'serializable'", "SET SESSION \"Transaction_Read_Only\" = on",
                      "RESET transaction_deferrable", "SET seed = 0.5"});
}

TEST(SimpleSet, LeavesValuesThatTakeMoreToDecode) {
    expect_not_found({"SET a = E'x\\ty'", "SET a = U&'x'", "SET a = 'x'\n'y'", "SET a = B'1'", "SET a = X'1'",
                      "SET a = N'x'", "SET U&\"a\" = 1", "SET a = U&\"b\""});
    EXPECT_FALSE(read_simple_set("SET a = 'x\\ty'", false).found);
    EXPECT_EQ(read_simple_set("SET a = 'x''y'", false).value, "x'y");
}

TEST(SimpleSet, ReadsLongValuesButNoLongNames) {
    const std::string value(5000, 'v');
    EXPECT_EQ(read_simple_set("SET a = '" + value + "'", true).value, value);
    EXPECT_FALSE(read_simple_set("SET " + std::string(64, 'n') + " = 1", true).found);
    EXPECT_FALSE(read_simple_set("SET a = " + std::string(64, 'n'), true).found);
    EXPECT_TRUE(read_simple_set("SET a = " + std::string(63, 'n'), true).found);
    std::string many = "SET search_path = a";
    for (int i = 0; i < 1000; ++i) {
        many += ", b";
    }
    EXPECT_FALSE(read_simple_set(many, true).found);
}

TEST(CustomParametersSet, FindsNamesWithADot) {
    using Names = std::vector<std::string>;
    const auto names = [](std::string_view text) { return custom_parameters_set(text, true); };
    EXPECT_EQ(names("SET a.b = 1"), Names{"a.b"});
    EXPECT_EQ(names("SET SESSION A.\"B\" TO x"), Names{"a.b"});
    EXPECT_EQ(names("SET session.a = 1"), Names{"session.a"});
    EXPECT_EQ(names("SET local.a = 1"), Names{"local.a"});
    EXPECT_EQ(names("SET a.b.c = 1"), Names{"a.b.c"});
    EXPECT_EQ(names("SET \"session\".a = 1"), Names{"session.a"});
    EXPECT_EQ(names("SET \"a.b\" = 1"), Names{"a.b"});
    EXPECT_EQ(names("SELECT set_config('a.B', 'x', false)"), Names{"a.b"});
    EXPECT_EQ(names("SELECT pg_catalog.\"set_config\" ( 'a.b', 'x', false), set_config('c.d', $1, $2)"),
              (Names{"a.b", "c.d"}));
    EXPECT_EQ(names("BEGIN; SET a.b = 1; SELECT 'SET c.d = 1'; SET e.f TO 2; SET a.b = 3"), (Names{"a.b", "e.f"}));
}

TEST(CustomParametersSet, LeavesOtherNames) {
    for (const std::string_view text :
         {"", "SET a = 1", "SET a = b.c", "SET LOCAL a.b = 1", "RESET a.b", "SELECT a.b", "UPDATE t SET a.b = 1",
          "SELECT set_config('a', 'b.c', false)", "SELECT set_config($1, 'a.b', false)", "-- SET a.b = 1",
          "SELECT 'SET a.b = 1'", "SELECT set_config, ('a.b')", "SET a."}) {
        EXPECT_TRUE(custom_parameters_set(text, true).empty()) << text;
    }
}

TEST(SimpleDeallocate, ReadsTheName) {
    const std::pair<std::string_view, std::string_view> cases[] = {{"DEALLOCATE p", "p"},
                                                                   {"deallocate prepare P;", "p"},
                                                                   {"DEALLOCATE \"P\"", "P"},
                                                                   {"DEALLOCATE /* c */ p -- d", "p"},
                                                                   {"DEALLOCATE prepare", "prepare"},
                                                                   {"DEALLOCATE PREPARE prepare", "prepare"},
                                                                   {"DEALLOCATE \"all\"", "all"},
                                                                   {"DEALLOCATE _pg3_1", "_pg3_1"},
                                                                   {"DEALLOCATE prepare;", "prepare"}};
    for (const auto& [text, name] : cases) {
        const SimpleDeallocate found = read_simple_deallocate(text);
        EXPECT_TRUE(found.found && !found.all) << text;
        EXPECT_EQ(found.name, name) << text;
    }
    for (const std::string_view text : {"DEALLOCATE ALL", "DEALLOCATE PREPARE ALL;"}) {
        const SimpleDeallocate found = read_simple_deallocate(text);
        EXPECT_TRUE(found.found && found.all && found.name.empty()) << text;
    }
}

TEST(SimpleDeallocate, LeavesEverythingElse) {
    for (const std::string_view text :
         {"", "DEALLOCATE", "DEALLOCATE a b", "DEALLOCATE a, b", "DEALLOCATE 'a'", "DEALLOCATE a.b", "DEALLOCATE 1",
          "DEALLOCATE a; SELECT 1", "SELECT 1; DEALLOCATE a", "DISCARD ALL", "DEALLOCATE U&\"a\"", "DEALLOCATE \"a"}) {
        const SimpleDeallocate found = read_simple_deallocate(text);
        EXPECT_FALSE(found.found || found.all) << text;
        EXPECT_TRUE(found.name.empty()) << text;
    }
}

} // namespace
} // namespace rekey::protocol::postgres
