// Names, texts, hashes, and what the servers tell of accounts.
#include "rotation/strategies/mysql_account.hpp"
#include "rotation/strategies/mysql_grants.hpp"
#include "rotation/strategies/mysql_quote.hpp"
#include "rotation/strategies/mysql_verifier.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rekey::rotation::mysql {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(MysqlQuote, NamesDoubleTheirBackticks) {
    EXPECT_EQ(quote_name("app"), "`app`");
    EXPECT_EQ(quote_name("a`b\"c'd\\e"), "`a``b\"c'd\\e`");
    EXPECT_EQ(quote_name(std::string_view("a\0b", 3)), "`a`");
    EXPECT_EQ(quote_account("o'neil", "10.%"), "`o'neil`@`10.%`");
}

TEST(MysqlQuote, TextsMeanTheSameInEverySqlMode) {
    EXPECT_EQ(quote_text("it's"), "'it''s'");
    EXPECT_EQ(quote_text(R"(a\')"), "X'615C27'");
    EXPECT_EQ(quote_text(""), "''");
    EXPECT_EQ(quote_text(std::string_view("a\0' OR 1", 8)), "'a'");
}

TEST(MysqlVerifier, IsOfTheAccountsPlugin) {
    EXPECT_EQ(native_hash("secret", ""), "*14E65567ABDB5135D0CFD9A70B3032C179A49EE7");
    EXPECT_EQ(verifier_of_plugin("mysql_native_password"), &native_hash);
    EXPECT_EQ(verifier_of_plugin("caching_sha2_password"), &caching_sha2_hash);
    EXPECT_EQ(verifier_of_plugin("ed25519"), &ed25519_hash);
    EXPECT_EQ(verifier_of_plugin("sha256_password"), nullptr);
}

TEST(MysqlVerifier, Ed25519IsWhatMariaDbStores) {
    EXPECT_EQ(ed25519_hash("secret", ""), "ZIgUREUg5PVgQ6LskhXmO+eZLS0nC8be6HPjYWR4YJY");
    EXPECT_EQ(ed25519_hash("first", ""), "yimNcp6dq3P0N8rm+FGHNJKGzblrmmBDojH2V8xiL7w");
}

// The vectors of the definition of SHA-crypt; there, the salt is cut to 16 characters before.
TEST(MysqlVerifier, ShaCryptIsAsDefined) {
    EXPECT_EQ(sha256_crypt("Hello world!", "saltstring", 5000), "5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5");
    EXPECT_EQ(sha256_crypt("Hello world!", "saltstringsaltst", 10000), "3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA");
    EXPECT_EQ(sha256_crypt("", "abc", 5000), "bBHLwRRW2Li0XKaX13kz/g2fkDil4Jx46aNvd.48MS8");
    EXPECT_EQ(sha256_crypt(std::string(70, 'x'), "abc", 5000), "5ox4QOf8XoCKLSxoCXvmgZ1th6KC4nDv0o9/Fj2v2E/");
    EXPECT_EQ(sha256_crypt(std::string(32, 'p'), "0123456789abcdef", 1777),
              "7QjpE9P/o5Ok0YjBapyTJX.Jeb43rNSyht2V.52tVU5");
}

TEST(MysqlVerifier, CachingSha2IsMadeOfHarmlessCharacters) {
    std::string salt;
    for (int i = 0; i < 16; ++i) {
        salt += static_cast<char>(i * 17);
    }
    const std::string hash = caching_sha2_hash("secret", salt);
    ASSERT_EQ(hash.size(), 70U);
    EXPECT_EQ(hash.substr(0, 7), "$A$005$");
    EXPECT_EQ(hash.find_first_not_of("./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", 7),
              std::string::npos);
    EXPECT_NE(hash, caching_sha2_hash("secret", "0123456789abcdef"));
    EXPECT_EQ(hash.substr(27), sha256_crypt("secret", hash.substr(7, 20), 5000));
}

Account parsed(std::string_view text) {
    auto account = parse_account(text);
    EXPECT_TRUE(account) << text;
    return account.value_or(Account());
}

TEST(MysqlAccount, OfMysqlHidesTheHashFromItself) {
    const Account account =
        parsed("CREATE USER `app`@`%` IDENTIFIED WITH 'caching_sha2_password' AS <secret> REQUIRE NONE "
               "PASSWORD EXPIRE DEFAULT ACCOUNT UNLOCK PASSWORD HISTORY DEFAULT");
    EXPECT_EQ(account.user, "app");
    EXPECT_EQ(account.host, "%");
    EXPECT_FALSE(account.mariadb);
    EXPECT_THAT(account.methods, ElementsAre(Method{"caching_sha2_password", ""}));
    EXPECT_EQ(account.rest, "REQUIRE NONE PASSWORD EXPIRE DEFAULT ACCOUNT UNLOCK PASSWORD HISTORY DEFAULT");
    EXPECT_FALSE(account.locked);
    EXPECT_EQ(account.default_roles, "");
}

TEST(MysqlAccount, KeepsDefaultRolesAndAttributesAsWritten) {
    const Account account = parsed(
        R"(CREATE USER `a``b`@`10.0.0.%` IDENTIFIED WITH 'mysql_native_password' AS '*00' )"
        R"(DEFAULT ROLE `r1`@`%`,`REQUIRE`@`%` REQUIRE SSL WITH MAX_USER_CONNECTIONS 7 )"
        R"(ACCOUNT LOCK ATTRIBUTE '{"comment": "it\'s ACCOUNT UNLOCK"}')");
    EXPECT_EQ(account.user, "a`b");
    EXPECT_EQ(account.default_roles, "`r1`@`%`,`REQUIRE`@`%`");
    EXPECT_EQ(
        account.rest,
        R"(REQUIRE SSL WITH MAX_USER_CONNECTIONS 7 ACCOUNT LOCK ATTRIBUTE '{"comment": "it\'s ACCOUNT UNLOCK"}')");
    EXPECT_TRUE(account.locked);
}

TEST(MysqlAccount, IsNotLockedByWhatAnAttributeSays) {
    EXPECT_FALSE(
        parsed("CREATE USER `a`@`%` IDENTIFIED WITH 'caching_sha2_password' REQUIRE NONE ACCOUNT UNLOCK ATTRIBUTE "
               "'{\"comment\": \" ACCOUNT LOCK \"}'")
            .locked);
}

TEST(MysqlAccount, HashesMayHoldQuotesAndBackslashes) {
    const Account account =
        parsed(R"(CREATE USER `a`@`%` IDENTIFIED WITH 'caching_sha2_password' AS '$A$005$o\\Z''e\'x' REQUIRE NONE)");
    EXPECT_EQ(account.methods[0].hash, R"($A$005$o\Z'e'x)");
    EXPECT_EQ(account.rest, "REQUIRE NONE");
}

TEST(MysqlAccount, MayNeedSeveralFactors) {
    EXPECT_TRUE(parsed("CREATE USER `a`@`%` IDENTIFIED WITH 'caching_sha2_password' AS 'x' AND IDENTIFIED WITH "
                       "'authentication_webauthn' REQUIRE NONE")
                    .several_factors);
}

TEST(MysqlAccount, OfMariaDbHasMethodsInTurn) {
    const Account one = parsed("CREATE USER `app`@`%` IDENTIFIED BY PASSWORD '*9BDE'");
    EXPECT_TRUE(one.mariadb);
    EXPECT_THAT(one.methods, ElementsAre(Method{"mysql_native_password", "*9BDE"}));
    EXPECT_EQ(one.rest, "");

    const Account two =
        parsed("CREATE USER `app`@`%` IDENTIFIED VIA mysql_native_password USING '*B575' OR ed25519 USING "
               "'ZIgU' OR unix_socket REQUIRE SSL WITH MAX_USER_CONNECTIONS 7 ACCOUNT LOCK");
    EXPECT_THAT(two.methods, ElementsAre(Method{"mysql_native_password", "*B575"}, Method{"ed25519", "ZIgU"},
                                         Method{"unix_socket", ""}));
    EXPECT_EQ(two.rest, "REQUIRE SSL WITH MAX_USER_CONNECTIONS 7 ACCOUNT LOCK");
    EXPECT_TRUE(two.locked);
    EXPECT_EQ(two.settable()->plugin, "mysql_native_password");
    EXPECT_FALSE(two.methods[2].by_password());
}

TEST(MysqlAccount, WithoutAPasswordHasNoMethodToSet) {
    const Account account = parsed("CREATE USER ``@`localhost`");
    EXPECT_EQ(account.user, "");
    EXPECT_THAT(account.methods, IsEmpty());
    EXPECT_EQ(account.settable(), nullptr);
}

TEST(MysqlAccount, RefusesOtherTexts) {
    for (const char* text :
         {"", "CREATE", "CREATE USER", "CREATE USER `app`", "CREATE USER `app`@", "CREATE ROLE `a`@`b`",
          "CREATE USER `app`@`%` IDENTIFIED WITH", "CREATE USER `app`@`%` IDENTIFIED VIA a OR"}) {
        EXPECT_FALSE(parse_account(text)) << text;
    }
    EXPECT_TRUE(parse_account("CREATE USER `app`@`never closed")); // and nothing is read behind it
}

std::vector<std::string> given(const Rows& model, const Rows& present) {
    return give_grants(parse_grants(model, "`app`@`%`"), parse_grants(present, "`clone`@`%`"), "`clone`@`%`");
}

TEST(MysqlGrants, AreGivenToTheClone) {
    EXPECT_THAT(given({{"GRANT USAGE ON *.* TO `app`@`%`"},
                       {"GRANT ALL PRIVILEGES ON `orders`.* TO `app`@`%` WITH GRANT OPTION"},
                       {"REVOKE INSERT ON `mysql`.* FROM `app`@`%`"},
                       {"GRANT SELECT (`a`) ON `orders`.`t` TO `app`@`%`"},
                       {"GRANT `r1`@`%`,`r2`@`%` TO `app`@`%` WITH ADMIN OPTION"}},
                      {}),
                ElementsAre("GRANT ALL PRIVILEGES ON `orders`.* TO `clone`@`%` WITH GRANT OPTION",
                            "REVOKE INSERT ON `mysql`.* FROM `clone`@`%`",
                            "GRANT SELECT (`a`) ON `orders`.`t` TO `clone`@`%`",
                            "GRANT `r1`@`%`,`r2`@`%` TO `clone`@`%` WITH ADMIN OPTION"));
}

TEST(MysqlGrants, OfMariaDbAreGivenWithoutPasswordAndLimits) {
    EXPECT_THAT(given({{"GRANT PROCESS ON *.* TO `app`@`%` IDENTIFIED BY PASSWORD '*75' REQUIRE SSL WITH GRANT OPTION "
                        "MAX_USER_CONNECTIONS 50"},
                       {"GRANT `r1` TO `app`@`%`"},
                       {"SET DEFAULT ROLE `r1` FOR `app`@`%`"},
                       {"GRANT SELECT ON `public`.* TO PUBLIC"}},
                      {}),
                ElementsAre("GRANT PROCESS ON *.* TO `clone`@`%` WITH GRANT OPTION", "GRANT `r1` TO `clone`@`%`",
                            "SET DEFAULT ROLE `r1` FOR `clone`@`%`"));
}

TEST(MysqlGrants, AreLeftAloneWhenTheyAreTheSame) {
    EXPECT_THAT(
        given({{"GRANT USAGE ON *.* TO `app`@`%`"}, {"GRANT SELECT ON `a`.* TO `app`@`%`"}, {"GRANT `r` TO `app`@`%`"}},
              {{"GRANT `r` TO `clone`@`%`"},
               {"GRANT USAGE ON *.* TO `clone`@`%` IDENTIFIED BY PASSWORD 'invalid'"},
               {"GRANT SELECT ON `a`.* TO `clone`@`%`"}}),
        IsEmpty());
}

TEST(MysqlGrants, ThatTheModelLostAreTaken) {
    EXPECT_THAT(given({{"GRANT USAGE ON *.* TO `app`@`%`"}, {"GRANT SELECT ON `a`.* TO `app`@`%`"}},
                      {{"GRANT SELECT, INSERT ON `a`.* TO `clone`@`%`"}, {"GRANT `r`@`%` TO `clone`@`%`"}}),
                ElementsAre("REVOKE ALL PRIVILEGES, GRANT OPTION FROM `clone`@`%`", "REVOKE `r`@`%` FROM `clone`@`%`",
                            "GRANT SELECT ON `a`.* TO `clone`@`%`"));
}

} // namespace
} // namespace rekey::rotation::mysql
