#include "protocol/postgres/startup.hpp"
#include "tests/unit/protocol/postgres_handshake/scripts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rekey::protocol::postgres {
namespace {

using namespace std::string_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

std::string body(std::initializer_list<std::string_view> pairs, std::uint32_t version = version_3_0) {
    return startup(pairs, version).substr(4);
}

// The SQLSTATE of the refusal; empty: none.
std::string refusal(std::string_view packet_body) {
    StartupFault fault;
    return read_startup(packet_body, fault) ? "" : fault.sqlstate;
}

Parameters parameters_of(std::initializer_list<std::string_view> pairs) {
    StartupFault fault;
    auto read = read_startup(body(pairs), fault);
    EXPECT_TRUE(read) << fault.message;
    return read ? read->parameters : Parameters{};
}

TEST(ReadStartup, TakesUserDatabaseAndParameters) {
    StartupFault fault;
    auto read =
        read_startup(body({"user", "app", "database", "orders", "application_name", "x", "TimeZone", ""}), fault);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->user, "app");
    EXPECT_EQ(read->database, "orders");
    EXPECT_THAT(read->parameters, ElementsAre(Pair("application_name", "x"), Pair("TimeZone", "")));
    EXPECT_EQ(read->version, version_3_0);
    EXPECT_FALSE(read->needs_negotiation());
    EXPECT_FALSE(read->replication);
}

TEST(ReadStartup, DefaultsTheDatabaseToTheUser) {
    StartupFault fault;
    EXPECT_EQ(read_startup(body({"user", "app"}), fault)->database, "app");
    EXPECT_EQ(read_startup(body({"user", "app", "database", ""}), fault)->database, "app");
}

TEST(ReadStartup, NeedsAUser) {
    EXPECT_EQ(refusal(body({})), "28000");
    EXPECT_EQ(refusal(body({"user", ""})), "28000");
    EXPECT_EQ(refusal(body({"database", "x"})), "28000");
    EXPECT_EQ(refusal(body({"USER", "x"})), "28000"); // like PostgreSQL, in lower case only
}

TEST(ReadStartup, RefusesEveryTruncation) {
    auto whole = body({"user", "app", "database", "orders", "options", "-c a=b"});
    for (std::size_t size = 4; size < whole.size(); ++size)
        EXPECT_EQ(refusal(std::string_view(whole).substr(0, size)), "08P01") << size;
    for (std::size_t size = 0; size < 4; ++size)
        EXPECT_EQ(refusal(std::string_view(whole).substr(0, size)), "0A000") << size;
}

TEST(ReadStartup, EndsWithItsTerminator) {
    auto whole = body({"user", "app"});
    EXPECT_EQ(refusal(whole), "");
    EXPECT_EQ(refusal(whole + "\0"s), "08P01");
    EXPECT_EQ(refusal(whole + "x"), "08P01");
    EXPECT_EQ(refusal(whole + text({"user", "other"}) + "\0"s), "08P01");
}

TEST(ReadStartup, AgreesOnAVersion) {
    struct Case {
        std::uint32_t requested, agreed;
        bool negotiated;
    };
    for (auto [requested, agreed, negotiated] :
         {Case{3 << 16, version_3_0, false}, Case{3 << 16 | 1, version_3_0, true},
          Case{3 << 16 | 2, version_3_2, false}, Case{3 << 16 | 3, version_3_2, true},
          Case{3 << 16 | 9999, version_3_2, true}, Case{3 << 16 | 0xffff, version_3_2, true}}) {
        StartupFault fault;
        auto read = read_startup(body({"user", "app"}, requested), fault);
        ASSERT_TRUE(read);
        EXPECT_EQ(read->version, agreed);
        EXPECT_EQ(read->needs_negotiation(), negotiated);
    }
}

TEST(ReadStartup, RefusesOtherMajorVersions) {
    for (std::uint32_t version : {0u, 2u << 16, 4u << 16, 1234u << 16 | 5679, 0xffffffffu})
        EXPECT_EQ(refusal(body({"user", "app"}, version)), "0A000") << version;
    StartupFault fault;
    read_startup(body({"user", "app"}, 4u << 16 | 7), fault);
    EXPECT_EQ(fault.message, "unsupported frontend protocol 4.7: server supports 3.0 to 3.2");
}

TEST(ReadStartup, ListsProtocolOptionsItDoesNotKnow) {
    StartupFault fault;
    auto read = read_startup(body({"user", "app", "_pq_.one", "1", "_pq_.two", ""}), fault);
    ASSERT_TRUE(read);
    EXPECT_THAT(read->unknown_protocol_options, ElementsAre("_pq_.one", "_pq_.two"));
    EXPECT_THAT(read->parameters, IsEmpty());
    EXPECT_TRUE(read->needs_negotiation());
}

TEST(ReadStartup, LetsTheLastOfEachNameCountInAnyCase) {
    EXPECT_THAT(parameters_of({"user", "app", "TimeZone", "UTC", "x", "1", "timezone", "CET"}),
                ElementsAre(Pair("x", "1"), Pair("timezone", "CET")));
    StartupFault fault;
    EXPECT_EQ(read_startup(body({"user", "a", "user", "b"}), fault)->user, "b");
}

TEST(ReadStartup, LetsParametersWinOverOptions) {
    EXPECT_THAT(parameters_of({"user", "app", "search_path", "own", "options", "-c search_path=other -c a=1"}),
                ElementsAre(Pair("a", "1"), Pair("search_path", "own")));
}

// CVE-2025-12819 and CVE-2026-107349: names that are none.
TEST(ReadStartup, RefusesNamesOutsideTheGrammar) {
    for (auto name :
         {"a b", "a;b", "1a", "$a", "a-b", "a.", ".a", "a..b", "a=b", "a'b", "\"a\"", "sch\xc3\xa9ma", " a"})
        EXPECT_EQ(refusal(body({"user", "app", name, "1"})), "42602") << name;
    EXPECT_THAT(parameters_of({"user", "app", "_a1$", "1", "A.b.c", "'; DROP"}),
                ElementsAre(Pair("_a1$", "1"), Pair("A.b.c", "'; DROP")));
}

TEST(ReadStartup, RecognisesReplication) {
    StartupFault fault;
    for (auto value : {"database", "true", "t", "TRUE", "on", "yes", "y", "1"})
        EXPECT_TRUE(read_startup(body({"user", "app", "replication", value}), fault)->replication) << value;
    for (auto value : {"false", "f", "off", "of", "no", "n", "0"})
        EXPECT_FALSE(read_startup(body({"user", "app", "replication", value}), fault)->replication) << value;
    for (auto value : {"", "o", "DATABASE", "2", "truely", "logical"})
        EXPECT_EQ(refusal(body({"user", "app", "replication", value})), "22023") << value;
}

TEST(SplitOptions, SplitsAtSpacesAndUnescapes) {
    EXPECT_THAT(split_options(""), IsEmpty());
    EXPECT_THAT(split_options(" \t\n\v\f\r "), IsEmpty());
    EXPECT_THAT(split_options("a  b"), ElementsAre("a", "b"));
    EXPECT_THAT(split_options("a\\ b \\\\ \\c"), ElementsAre("a b", "\\", "c"));
    EXPECT_THAT(split_options("a \\ "), ElementsAre("a", " "));
    EXPECT_THAT(split_options("a\\"), ElementsAre("a"));
    EXPECT_THAT(split_options("\\"), ElementsAre(""));
}

Parameters settings(std::string_view options) {
    Parameters read;
    std::string wrong;
    EXPECT_TRUE(read_options(options, read, wrong)) << options << ": " << wrong;
    return read;
}

TEST(ReadOptions, TakesSettingsInEverySpelling) {
    auto one = ElementsAre(Pair("search_path", "a,b"));
    EXPECT_THAT(settings("-c search_path=a,b"), one);
    EXPECT_THAT(settings("-csearch_path=a,b"), one);
    EXPECT_THAT(settings("--search_path=a,b"), one);
    EXPECT_THAT(settings("--search-path=a,b"), one);
    EXPECT_THAT(settings("-c search-path=a,b"), one);
    EXPECT_THAT(settings("-c application_name=a\\ b=c"), ElementsAre(Pair("application_name", "a b=c")));
    EXPECT_THAT(settings("-c a.b= -c c=1"), ElementsAre(Pair("a.b", ""), Pair("c", "1")));
    EXPECT_THAT(settings(""), IsEmpty());
}

TEST(ReadOptions, TakesSwitchesAsTheParametersTheyStandFor) {
    EXPECT_THAT(settings("-e"), ElementsAre(Pair("datestyle", "euro")));
    EXPECT_THAT(settings("-S 64MB"), ElementsAre(Pair("work_mem", "64MB")));
    EXPECT_THAT(settings("-S64MB"), ElementsAre(Pair("work_mem", "64MB")));
    EXPECT_THAT(settings("-fs -fh -f i"), ElementsAre(Pair("enable_seqscan", "false"), Pair("enable_hashjoin", "false"),
                                                      Pair("enable_indexscan", "false")));
    EXPECT_THAT(settings("-tpa -t pl -te"),
                ElementsAre(Pair("log_parser_stats", "true"), Pair("log_planner_stats", "true"),
                            Pair("log_executor_stats", "true")));
    EXPECT_THAT(settings("-es"), ElementsAre(Pair("datestyle", "euro"), Pair("log_statement_stats", "true")));
    EXPECT_THAT(settings("-ec a=1"), ElementsAre(Pair("datestyle", "euro"), Pair("a", "1")));
    EXPECT_THAT(settings("-d0"), ElementsAre(Pair("log_min_messages", "notice")));
    EXPECT_THAT(settings("-d 3"), ElementsAre(Pair("log_min_messages", "debug3"), Pair("log_statement", "all"),
                                              Pair("debug_print_parse", "true")));
}

TEST(ReadOptions, RefusesWhatItDoesNotKnow) {
    for (auto options : {"-",    "--",    "-- a=1", "x",    "a=1",  "-z",  "-ez",      "-c",       "-c ",
                         "-c a", "-c =1", "-c=",    "-c=1", "--=1", "--a", "-c 1a=1",  "-c a;b=1", "-S",
                         "-f",   "-fz",   "-tx",    "-d",   "-d9",  "-dx", "-c a=1 x", "-\\",      "\\"}) {
        Parameters read;
        std::string wrong;
        EXPECT_FALSE(read_options(options, read, wrong)) << options;
        EXPECT_EQ(refusal(body({"user", "app", "options", options})), "42601") << options;
    }
}

} // namespace
} // namespace rekey::protocol::postgres
