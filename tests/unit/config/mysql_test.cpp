// What MySQL and MariaDB add to the configuration, and what goes only with one of the protocols.
#include "tests/unit/config/fake_inputs.hpp"

namespace rekey::config {
namespace {

const std::string listener = "listeners: [{ name: my, protocol: mysql, address: \"127.0.0.1:6033\" }]\n";
const std::string mysql = "upstreams: [{ name: shop, protocol: mysql, hosts: [\"db:3306\"], credential: shop }]\n";
const std::string followed = "credentials: [{ name: shop, source: { type: env, username: U, password: P } }]\n";
const std::string complete = users + listener + mysql + followed; // four lines
const std::string source = "source: { type: local, initial: { username: shop, password: { value: x } } }";
const std::string admin = "admin: { username: rotator, password: { value: x } }";

// A rotated credential in line 5.
std::string rotated(const std::string& rotation, const std::string& more = "", const std::string& servers = mysql) {
    return users + listener + servers + store + "credentials: [{ name: shop, " + source + ", rotation: { " + rotation +
           " }" + more + " }]\n";
}

ConfigPtr loaded(const std::string& text) {
    auto result = FakeInputs().load(text);
    EXPECT_THAT(result.errors, IsEmpty());
    return result.config;
}

TEST(Mysql, IsAProtocolOfListenersAndUpstreams) {
    auto config = loaded(complete);
    EXPECT_EQ(config->listeners[0].protocol, Protocol::mysql);
    EXPECT_EQ(config->upstreams[0].protocol, Protocol::mysql);
    EXPECT_EQ(config->credentials[0].protocol, Protocol::mysql);
    EXPECT_EQ(config->listeners[0].server_version, "");
    EXPECT_EQ(config->listeners[0].charset, "");
    EXPECT_TRUE(config->listeners[0].compression);
    EXPECT_THAT(config->warnings, IsEmpty());
    EXPECT_EQ(loaded(minimal)->credentials[0].protocol, Protocol::postgres);
}

std::string with_greeting(const std::string& greeting, const std::string& protocol = "mysql") {
    return users + mysql + followed + "listeners: [{ name: my, protocol: " + protocol + ", " + greeting + " }]\n";
}

TEST(MysqlGreeting, SaysWhatTheListenerIsToldTo) {
    auto config = loaded(with_greeting("server_version: 10.11.8-MariaDB, charset: utf8mb4_general_ci"));
    EXPECT_EQ(config->listeners[0].server_version, "10.11.8-MariaDB");
    EXPECT_EQ(config->listeners[0].charset, "utf8mb4_general_ci");
}

TEST(MysqlGreeting, OffersNoCompressionWhereItIsTurnedOff) {
    EXPECT_FALSE(loaded(with_greeting("compression: false"))->listeners[0].compression);
}

TEST(MysqlGreeting, NeedsAVersionAndACharacterSet) {
    const std::string at = "/etc/rekey.yaml:4: listeners[my].";
    const std::string version = at + "server_version: expects a version, like 8.4.5 or 10.11.8-MariaDB";
    const std::string charset =
        at + "charset: expects a character set or collation, like utf8mb4 or utf8mb4_general_ci";
    for (const std::string& bad :
         std::vector<std::string>{"MariaDB", "\"8\"", "\"8.4 x\"", "\"8." + std::string(60, '0') + "\""})
        EXPECT_THAT(FakeInputs().errors(with_greeting("server_version: " + bad)), ElementsAre(version)) << bad;
    for (const std::string& bad : std::vector<std::string>{"UTF8", "utf8-mb4"})
        EXPECT_THAT(FakeInputs().errors(with_greeting("charset: " + bad)), ElementsAre(charset)) << bad;
}

TEST(MysqlGreeting, IsNoneOfPostgres) {
    const std::string at = "/etc/rekey.yaml:2: listeners[pg].";
    EXPECT_THAT(FakeInputs().errors(users + "listeners: [{ name: pg, server_version: \"8.4.5\", charset: utf8mb4 }]\n" +
                                    credentials + upstreams),
                ElementsAre(at + "server_version: applies only with protocol: mysql",
                            at + "charset: applies only with protocol: mysql"));
}

TEST(MysqlRoutes, JoinSidesOfOneProtocol) {
    EXPECT_THAT(FakeInputs().errors(users + listener + credentials + upstreams +
                                    "routes: [{ listener: my, upstream: main }]\n"),
                ElementsAre("/etc/rekey.yaml:5: routes[0].upstream: speaks another protocol than the listener"));
    EXPECT_THAT(FakeInputs().warnings(users + mysql + followed),
                ElementsAre("/etc/rekey.yaml:2: upstreams[shop]: cannot be reached: no listener speaks mysql"));
}

TEST(MysqlUpstream, HasNoUriAndNoDirectTls) {
    const std::string at = "/etc/rekey.yaml:4: upstreams[shop].";
    auto errors = [](const std::string& rest) {
        return FakeInputs().errors(users + listener + followed +
                                   "upstreams: [{ name: shop, protocol: mysql, credential: shop, " + rest + " }]\n");
    };
    EXPECT_THAT(errors("uri: \"postgresql://db/x\""), ElementsAre(at + "uri: is for PostgreSQL; name the hosts"));
    EXPECT_THAT(errors("hosts: [\"db:3306\"], tls: { mode: require, negotiation: direct }"),
                ElementsAre(at + "tls.negotiation: direct is PostgreSQL's"));
    EXPECT_THAT(errors("hosts: [\"unix:/run/mysqld/mysqld.sock\"], target: any"), IsEmpty());
}

TEST(MysqlRotation, HasTwoPasswordsByDefault) {
    auto config = loaded(rotated(admin));
    EXPECT_EQ(config->credentials[0].rotation->strategy, Strategy::dual_password);
    EXPECT_THAT(config->credentials[0].rotation->users, IsEmpty());
    EXPECT_EQ(config->credentials[0].role, "");
    for (const auto& setting : config->settings) {
        if (setting.path == "credentials[shop].rotation.strategy") {
            EXPECT_EQ(setting.value, "dual_password");
        }
    }
}

TEST(MysqlRotation, HasEveryStrategy) {
    auto strategy = [](const std::string& text) { return loaded(rotated(text))->credentials[0].rotation->strategy; };
    EXPECT_EQ(strategy("strategy: dual_password, " + admin), Strategy::dual_password);
    EXPECT_EQ(strategy("strategy: single_user"), Strategy::single_user);
    EXPECT_EQ(strategy("strategy: alternating_users, " + admin), Strategy::alternating_users);
    EXPECT_EQ(strategy("users: [shop, shop_b], " + admin), Strategy::alternating_users);
}

TEST(MysqlRotation, OfTwoUsersTakesNoRole) {
    auto config = loaded(rotated("strategy: alternating_users, " + admin));
    EXPECT_THAT(config->credentials[0].rotation->users, ElementsAre("shop", "shop_clone"));
    EXPECT_EQ(config->credentials[0].role, "");
    EXPECT_THAT(
        FakeInputs().errors(rotated(admin, ", role: shop")),
        ElementsAre("/etc/rekey.yaml:5: credentials[shop].role: is PostgreSQL's; a MySQL account has none to take"));
}

TEST(DualPassword, NeedsAnAdministratorAndMysql) {
    const std::string at = "/etc/rekey.yaml:5: credentials[shop].rotation.";
    EXPECT_THAT(FakeInputs().errors(rotated("strategy: dual_password")),
                ElementsAre(at + "admin: is missing; dual_password needs one"));
    EXPECT_THAT(FakeInputs().errors(rotated("strategy: dual_password, users: [a, b], " + admin)),
                ElementsAre(at + "users: applies only with strategy: alternating_users"));
    EXPECT_THAT(
        FakeInputs().errors(rotated("strategy: dual_password, " + admin, "",
                                    "upstreams: [{ name: shop, hosts: [\"db:5432\"], credential: shop }]\n")),
        ElementsAre(at + "strategy: dual_password is MySQL's; PostgreSQL has alternating_users and single_user"));
}

TEST(Credential, IsOfOneProtocol) {
    EXPECT_THAT(FakeInputs().errors(users + listener + followed +
                                    "upstreams:\n"
                                    "  - { name: shop, protocol: mysql, hosts: [\"db:3306\"], credential: shop }\n"
                                    "  - { name: main, hosts: [\"db:5432\"], credential: shop }\n"
                                    "routes: [{ listener: my, upstream: shop }]\n"),
                ElementsAre("/etc/rekey.yaml:6: upstreams[main].credential: is also of an upstream that speaks another "
                            "protocol"));
}

TEST(Credential, OfAnAdministratorHasTheProtocolOfWhatItAdministers) {
    auto config = loaded(users + listener + mysql + store + "credentials:\n  - { name: shop, " + source +
                         ", rotation: { admin: { credential: boss } } }\n  - { name: boss, " + source +
                         ", rotation: { strategy: single_user } }\n");
    EXPECT_EQ(config->find_credential("boss")->protocol, Protocol::mysql);
}

std::string with_user(const std::string& user, const std::string& at = listener) {
    return at + mysql + followed + "users: [{ name: app, " + user + " }]\n";
}

TEST(MysqlUsers, ProveThemselvesInMysqlsWays) {
    const std::string native = "\"*14E65567ABDB5135D0CFD9A70B3032C179A49EE7\"";
    const std::string sha2 = "CACHING-SHA2$" + std::string(64, 'A');
    EXPECT_THAT(FakeInputs().errors(with_user("password: { verifier: " + native + " }")), IsEmpty());
    EXPECT_THAT(FakeInputs().errors(with_user("password: { verifier: [" + native + ", " + sha2 + "] }")), IsEmpty());
    EXPECT_THAT(
        FakeInputs().errors(with_user("password: { verifier: $A$005$abc }")),
        ElementsAre(HasSubstr("users[app].password.verifier: holds none that a listener could check a client by")));
    EXPECT_THAT(FakeInputs().errors(with_user("password: { value: x }, methods: [mysql_native_password]")), IsEmpty());
    EXPECT_THAT(FakeInputs().warnings(with_user("password: { value: x }, methods: [scram-sha-256]")),
                ElementsAre("/etc/rekey.yaml:4: users[app].methods: are of a protocol that no listener speaks"));
}

} // namespace
} // namespace rekey::config
