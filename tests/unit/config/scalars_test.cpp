#include "config/scalars.hpp"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace rekey::config {
namespace {

using namespace std::chrono_literals;

TEST(Scalars, ReadDurationsInEveryUnit) {
    EXPECT_EQ(parse_duration("100ms"), Duration(100));
    EXPECT_EQ(parse_duration("5s"), Duration(5s));
    EXPECT_EQ(parse_duration("10m"), Duration(10min));
    EXPECT_EQ(parse_duration("24h"), Duration(24h));
    EXPECT_EQ(parse_duration("7d"), Duration(7 * 24h));
    EXPECT_EQ(parse_duration("0"), Duration(0));
    EXPECT_EQ(parse_duration("0s"), Duration(0));
}

TEST(Scalars, RefuseOtherDurations) {
    for (auto text : {"", "5", "s", "-5s", "+5s", "5 s", "1.5s", "5S", "5sec", "1h30m", "5s ", " 5s", "0x5s",
                      "99999999999999999999s", "36501d", "18446744073709551615ms"})
        EXPECT_FALSE(parse_duration(text)) << text;
    EXPECT_TRUE(parse_duration("36500d"));
}

TEST(Scalars, ReadSizes) {
    EXPECT_EQ(parse_size("512B"), 512u);
    EXPECT_EQ(parse_size("64KiB"), 65536u);
    EXPECT_EQ(parse_size("16MiB"), 16777216u);
    EXPECT_EQ(parse_size("1GiB"), 1073741824u);
    for (auto text : {"", "64", "64KB", "64kib", "KiB", "-1KiB", "1025GiB", "99999999999999999999B"})
        EXPECT_FALSE(parse_size(text)) << text;
}

TEST(Scalars, ReadIntegersOfDigitsOnly) {
    EXPECT_EQ(parse_integer("0"), 0u);
    EXPECT_EQ(parse_integer("18446744073709551615"), 18446744073709551615u);
    for (auto text : {"", "-1", "+1", " 1", "1 ", "1.0", "0x10", "1e3", "18446744073709551616"})
        EXPECT_FALSE(parse_integer(text)) << text;
}

TEST(Scalars, ReadBooleans) {
    EXPECT_EQ(parse_boolean("true"), true);
    EXPECT_EQ(parse_boolean("false"), false);
    for (auto text : {"", "yes", "no", "on", "True", "1"})
        EXPECT_FALSE(parse_boolean(text)) << text;
}

TEST(Scalars, ReadAddresses) {
    auto tcp = parse_address("db-1.example.com:5432");
    ASSERT_TRUE(tcp);
    EXPECT_EQ(tcp->host, "db-1.example.com");
    EXPECT_EQ(tcp->port, 5432);
    auto v6 = parse_address("[::1]:6432");
    ASSERT_TRUE(v6);
    EXPECT_EQ(v6->host, "::1");
    EXPECT_EQ(v6->text(), "[::1]:6432");
    auto local = parse_address("unix:/run/rekey/.s.PGSQL.6432");
    ASSERT_TRUE(local);
    EXPECT_TRUE(local->is_unix());
    EXPECT_EQ(local->text(), "unix:/run/rekey/.s.PGSQL.6432");
    EXPECT_EQ(parse_address("127.0.0.1:0")->port, 0);
    EXPECT_EQ(parse_address("127.0.0.1:65535")->port, 65535);
}

TEST(Scalars, RefuseOtherAddresses) {
    for (auto text : {"",          ":",           "db",       "db:",      ":5432",   "db:65536",
                      "db:-1",     "db:x",        "::1:5432", "[::1]",    "[]:5432", "[db]:5432",
                      "[::1:5432", "a b:1",       "-db:1",    "db:5432 ", "unix:",   "unix:relative/path",
                      "db/x:5432", "user@db:5432"})
        EXPECT_FALSE(parse_address(text)) << text;
    EXPECT_TRUE(parse_address("unix:/" + std::string(106, 'x'))) << "107 bytes fit into sun_path";
    EXPECT_FALSE(parse_address("unix:/" + std::string(107, 'x')));
    EXPECT_FALSE(parse_address(std::string(254, 'x') + ":1"));
}

TEST(Address, KnowsLoopback) {
    for (auto text : {"127.0.0.1:1", "127.9.9.9:1", "localhost:1", "LOCALHOST:1", "[::1]:1", "unix:/x"})
        EXPECT_TRUE(parse_address(text)->is_loopback()) << text;
    for (auto text : {"0.0.0.0:1", "128.0.0.1:1", "[::]:1", "localhost.example.com:1", "10.0.0.1:1"})
        EXPECT_FALSE(parse_address(text)->is_loopback()) << text;
}

TEST(Scalars, ReadNetworks) {
    auto v4 = parse_network("10.0.0.0/8");
    ASSERT_TRUE(v4);
    EXPECT_FALSE(v4->v6);
    EXPECT_EQ(v4->bytes[0], 10);
    EXPECT_EQ(v4->prefix, 8u);
    auto v6 = parse_network("fd00::/8");
    ASSERT_TRUE(v6);
    EXPECT_TRUE(v6->v6);
    EXPECT_EQ(v6->bytes[0], 0xfd);
    EXPECT_EQ(parse_network("192.0.2.7")->prefix, 32u);
    EXPECT_EQ(parse_network("::1")->prefix, 128u);
    EXPECT_EQ(parse_network("0.0.0.0/0")->prefix, 0u);
    EXPECT_TRUE(parse_network("unix")->unix_sockets);
}

TEST(Scalars, RefuseOtherNetworks) {
    for (auto text : {"", "all", "10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.1/8", "fd00::1/64", "10.0.0.0/", "/8",
                      "10.0.0.0/8/8", "10.0.0.0/-1", "localhost"})
        EXPECT_FALSE(parse_network(text)) << text;
}

TEST(Scalars, ReadWindowsThatMayWrapMidnight) {
    auto window = parse_window("02:00-04:30 UTC");
    ASSERT_TRUE(window);
    EXPECT_EQ(window->from, 2h);
    EXPECT_EQ(window->to, 4h + 30min);
    EXPECT_EQ(window->text, "02:00-04:30 UTC");
    EXPECT_EQ(parse_window("23:00-01:00 UTC")->from, 23h);
}

TEST(Scalars, RefuseOtherWindows) {
    for (auto text : {"", "02:00-04:00", "2:00-4:00 UTC", "02:00-24:00 UTC", "02:60-04:00 UTC", "02:00-02:00 UTC",
                      "02:00-04:00 CET", "02:00 04:00 UTC", "02-00-04:00 UTC", "02:00-04:00 UTC "})
        EXPECT_FALSE(parse_window(text)) << text;
}

TEST(Scalars, ReadAKeyFromHexOrBase64) {
    std::string bytes;
    for (char c = 0; c < 32; ++c)
        bytes.push_back(c);
    auto hex = parse_key("000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F");
    ASSERT_TRUE(hex);
    EXPECT_EQ(hex->reveal(), bytes);
    auto base64 = parse_key("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    ASSERT_TRUE(base64);
    EXPECT_EQ(base64->reveal(), bytes);
}

TEST(Scalars, RefuseAKeyOfAnotherLength) {
    EXPECT_FALSE(parse_key(""));
    EXPECT_FALSE(parse_key(std::string(32, 'x')));
    EXPECT_FALSE(parse_key(std::string(64, 'x')));
    EXPECT_FALSE(parse_key(std::string(63, '0')));
    EXPECT_FALSE(parse_key(std::string(66, '0')));
    EXPECT_FALSE(parse_key(std::string(44, 'A'))) << "33 bytes";
    EXPECT_FALSE(parse_key(std::string(42, 'A') + "==")) << "31 bytes";
    EXPECT_FALSE(parse_key(std::string(42, '!') + "A="));
}

TEST(Scalars, KnowNames) {
    for (auto text : {"a", "app user", "größe", "a.b[c]"})
        EXPECT_TRUE(is_name(text)) << text;
    EXPECT_TRUE(is_name(std::string(63, 'x')));
    EXPECT_FALSE(is_name(std::string(64, 'x')));
    for (auto text : {"", "*", "a\nb", "\x7f"})
        EXPECT_FALSE(is_name(text)) << text;
    EXPECT_TRUE(is_variable_name("DB_USER2"));
    for (auto text : {"", "2DB", "DB-USER", "DB USER", "s3cr;t"})
        EXPECT_FALSE(is_variable_name(text)) << text;
}

TEST(Scalars, SplitAtEverySeparator) {
    using Parts = std::vector<std::string_view>;
    EXPECT_EQ(split("", ','), Parts());
    EXPECT_EQ(split("a", ','), Parts{"a"});
    EXPECT_EQ(split("a,b,,c", ','), (Parts{"a", "b", "", "c"}));
}

TEST(Scalars, FindTheNearestWord) {
    std::vector<std::string_view> keys{"size", "min", "mode", "wait_timeout", "idle_timeout"};
    const std::vector<std::pair<std::string_view, std::string_view>> cases{
        {"sizze", "size"}, {"szie", "size"},
        {"miin", "min"},   {"wait_timout", "wait_timeout"},
        {"mod", "mode"},   {"wait-timeout", "wait_timeout"},
        {"timeout", ""},   {"x", ""},
        {"", ""},          {"maximum", ""}};
    for (auto [word, expected] : cases)
        EXPECT_EQ(nearest(word, keys), expected) << word;
    EXPECT_EQ(nearest(std::string(10'000, 's'), keys), "");
}

} // namespace
} // namespace rekey::config
