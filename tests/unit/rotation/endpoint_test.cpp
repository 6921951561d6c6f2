#include "rotation/endpoint.hpp"

#include <gtest/gtest.h>

namespace rekey::rotation {
namespace {

std::string url(std::string_view text) {
    return read_endpoint({{}, {}, {}, text}).text();
}

std::string apart(std::string_view host, std::string_view port = {}, std::string_view database = {}) {
    return read_endpoint({host, port, database, {}}).text();
}

TEST(Endpoint, IsReadFromUrlsOfDriversAndServers) {
    EXPECT_EQ(url("postgresql://db.example.com:6432/orders"), "db.example.com:6432/orders");
    EXPECT_EQ(url("postgres://db/orders?sslmode=require"), "db:5432/orders");
    EXPECT_EQ(url("jdbc:postgresql://db.example.com/orders"), "db.example.com:5432/orders");
    EXPECT_EQ(url("jdbc:mysql://db:3307/shop?useSSL=true&serverTimezone=UTC"), "db:3307/shop");
    EXPECT_EQ(url("jdbc:mariadb://db"), "db:3306");
    EXPECT_EQ(url("jdbc:mysql://db/"), "db:3306");
    EXPECT_EQ(url("jdbc:aws-wrapper:postgresql://db/orders"), "db:5432/orders");
    EXPECT_EQ(url("jdbc:mysql://db;ignored=1"), "db:3306");
}

TEST(Endpoint, HasEveryHostOfAUrl) {
    EXPECT_EQ(url("jdbc:postgresql://a:1,b,[::1]:3,[::2]/orders"), "a:1,b:5432,[::1]:3,[::2]:5432/orders");
    EXPECT_EQ(url("jdbc:mysql:loadbalance://a:1,b:2/shop"), "a:1,b:2/shop");
    EXPECT_EQ(url("jdbc:mariadb:sequential://a,b/shop"), "a:3306,b:3306/shop");
}

TEST(Endpoint, LeavesUserAndPasswordOfAUrlBehind) {
    EXPECT_EQ(url("postgresql://orders:p%40ss@db:5432/orders"), "db:5432/orders");
    EXPECT_EQ(url("mysql://orders:p@ss@db/shop"), "db:3306/shop");
}

TEST(Endpoint, IsNothingWhereAUrlNamesNoHostThatCanBeConnectedTo) {
    for (auto text : {"", "db:5432", "https://db.example.com/", "jdbc:oracle:thin:@db:1521:x", "jdbc:postgresql:orders",
                      "jdbc:postgresql:///orders", "jdbc:mysql://address=(host=db)(port=1)/shop",
                      "jdbc:mysql://db:x/shop", "jdbc:mysql://db:70000/shop", "jdbc:mysql://a,,b/shop",
                      "mongodb+srv://db/x", "postgresql://", "jdbc:mysql://[::1/shop", "mysql://unix:/run/mysqld"})
        EXPECT_EQ(url(text), "") << text;
}

TEST(Endpoint, KeepsNoDatabaseThatItWouldHaveToDecode) {
    EXPECT_EQ(url("postgresql://db/o%20r"), "db:5432");
    EXPECT_EQ(url("postgresql://db/a/b"), "db:5432");
}

TEST(Endpoint, IsReadFromHostPortAndDatabase) {
    EXPECT_EQ(apart("db.example.com", "5433", "orders"), "db.example.com:5433/orders");
    EXPECT_EQ(apart("db.example.com"), "db.example.com:0") << "the protocol's own port";
    EXPECT_EQ(apart("db.example.com:5433"), "db.example.com:5433");
    EXPECT_EQ(apart("::1", "5433"), "[::1]:5433");
    EXPECT_EQ(apart("[::1]:5433", "1"), "[::1]:5433");
    EXPECT_EQ(apart("", "5433", "orders"), "");
    EXPECT_EQ(apart("db", "no"), "");
    EXPECT_EQ(apart("a host", "1"), "");
    EXPECT_EQ(apart("unix:/run/x"), "");
}

TEST(Endpoint, OfAUrlCountsBeforeWhatStandsApart) {
    EXPECT_EQ(read_endpoint({"db", "1", "a", "jdbc:mysql://other:2/b"}).text(), "other:2/b");
    EXPECT_EQ(read_endpoint({"db", "1", "a", "https://console"}).text(), "") << "better none than one of two";
}

} // namespace
} // namespace rekey::rotation
