#include "config/http_url.hpp"

#include <gtest/gtest.h>

namespace rekey::config {
namespace {

TEST(HttpUrl, HasSchemeHostPortAndPath) {
    auto url = parse_http_url("https://vault.example.com:8200/team/");
    ASSERT_TRUE(url);
    EXPECT_TRUE(url->tls);
    EXPECT_EQ(url->host, "vault.example.com");
    EXPECT_EQ(url->port, 8200);
    EXPECT_EQ(url->path, "/team");
    EXPECT_EQ(url->origin(), "https://vault.example.com:8200");
}

TEST(HttpUrl, KnowsTheSchemesPorts) {
    EXPECT_EQ(parse_http_url("https://a")->port, 443);
    EXPECT_EQ(parse_http_url("http://a/")->port, 80);
    EXPECT_EQ(parse_http_url("https://a")->authority(), "a");
    EXPECT_EQ(parse_http_url("http://a:443")->authority(), "a:443");
    EXPECT_EQ(parse_http_url("https://[::1]:8200")->authority(), "[::1]:8200");
    EXPECT_EQ(parse_http_url("https://[::1]")->host, "::1");
}

TEST(HttpUrl, IsNothingElse) {
    for (auto text : {"", "vault:8200", "ftp://a", "https://", "https://:1", "https://a:0", "https://a:70000",
                      "https://user:password@a", "https://a?x=1", "https://a#x", "https://a b", "https://a\r\nX: y",
                      "https://a:8200:1"})
        EXPECT_FALSE(parse_http_url(text)) << text;
}

} // namespace
} // namespace rekey::config
