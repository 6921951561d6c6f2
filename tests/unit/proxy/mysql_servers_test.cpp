#include "proxy/mysql_servers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rekey::proxy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const MysqlServer mysql{"9.7.4", false, 0xffff'ffff, 255};
const MysqlServer mariadb{"5.5.5-10.11.14-MariaDB", true, 0x1d'0000'0000, 45};

TEST(MysqlServers, AreReadAsTheyWereWritten) {
    for (const auto& servers : {MysqlServerMap{}, MysqlServerMap{{"shop", mysql}, {"", mariadb}, {"a\0b", {}}}}) {
        auto read = mysql_servers_of(to_bytes(servers));
        ASSERT_TRUE(read);
        EXPECT_EQ(*read, servers);
    }
}

TEST(MysqlServers, AreNotReadFromOtherBytes) {
    const auto bytes = to_bytes({{"shop", mysql}});
    for (std::size_t size = 0; size < bytes.size(); ++size)
        EXPECT_EQ(mysql_servers_of(bytes.substr(0, size)).has_value(), size == 1) << size; // 1: of no server
    EXPECT_FALSE(mysql_servers_of('\x02' + bytes.substr(1)));
    EXPECT_FALSE(mysql_servers_of(bytes + "x"));
}

TEST(MysqlServers, TellWhatIsNewOfThem) {
    MysqlServers servers;
    std::vector<std::string> told;
    servers.begin({{"shop", mysql}}, [&](const std::string& upstream, const MysqlServer& server) {
        told.push_back(upstream + " " + server.version);
    });
    servers.learn("shop", mysql);
    EXPECT_THAT(told, IsEmpty());
    servers.learn("shop", mariadb);
    servers.learn("bank", mysql);
    servers.learn("bank", mysql);
    EXPECT_THAT(told, ElementsAre("shop 5.5.5-10.11.14-MariaDB", "bank 9.7.4"));
}

TEST(MysqlServers, AreThoseOfTheFirstRouteThatWasReached) {
    config::Config config;
    config.routes = {{"other", "*", "*", "bank", ""}, {"my", "x", "*", "away", ""}, {"my", "*", "*", "shop", ""}};
    MysqlServers servers;
    servers.begin({{"bank", mysql}}, {});
    EXPECT_FALSE(servers.behind(config, "my"));
    servers.learn("shop", mariadb);
    EXPECT_EQ(servers.behind(config, "my"), mariadb);
    servers.learn("away", mysql);
    EXPECT_EQ(servers.behind(config, "my"), mysql);
    EXPECT_EQ(servers.of("shop"), mariadb);
    EXPECT_FALSE(servers.of("nowhere"));
}

TEST(MysqlServers, AreNotOfTwoKindsBehindAListener) {
    config::Config config;
    config.listeners.resize(2);
    config.listeners[0].name = "pg";
    config.listeners[1].name = "my";
    config.listeners[1].protocol = config::Protocol::mysql;
    config.routes = {{"my", "x", "*", "shop", ""}, {"my", "y", "*", "away", ""}, {"my", "*", "*", "bank", ""}};
    EXPECT_THAT(mixed_listeners(config, {{"shop", mysql}, {"elsewhere", mariadb}}), IsEmpty());
    EXPECT_THAT(mixed_listeners(config, {{"shop", mysql}, {"bank", mysql}}), IsEmpty());
    const MysqlServerMap mixed{{"shop", mysql}, {"bank", mariadb}};
    EXPECT_THAT(mixed_listeners(config, mixed),
                ElementsAre(testing::StartsWith(
                    "listener my: its routes lead to MySQL (shop) and to MariaDB (bank); clients are greeted as by")));
    config.listeners[1].server_version = "8.4.5";
    EXPECT_THAT(mixed_listeners(config, mixed), IsEmpty());
}

} // namespace
} // namespace rekey::proxy
