// What some clients want or send otherwise than others.
#include "tests/unit/protocol/mysql/handshake_client_script.hpp"

#include <gtest/gtest.h>

namespace rekey::protocol::mysql {
namespace {

using namespace client_scripts;
using namespace std::literals;

constexpr std::string_view mariadb_10 = "5.5.5-10.11.14-MariaDB-0+deb12u2";

std::string attributes_of(std::string name) {
    return connection_attributes({{"_runtime_version", "17.0.1"}, {"_client_name", std::move(name)}});
}

ClientHandshakeOptions mariadb_options(std::string_view version = mariadb_10) {
    auto made = tls_options();
    made.server_version = version;
    made.capabilities &= ~capability::long_password;
    return made;
}

// What stands before the OK of a login by the fast path.
std::string fast_success_of(const ClientHandshakeOptions& made, const std::string& client_name) {
    Client client(made);
    auto attributes = attributes_of(client_name);
    client.response.attributes = attributes;
    EXPECT_EQ(client.log_in(record()), Step::authenticated);
    auto reply = client.reply();
    EXPECT_EQ(reply.size(), 2u);
    EXPECT_EQ(reply.at(1).sequence, 3);
    return reply.at(0).payload;
}

// --- Connector/J in front of what says it is older than 5.5.16, as MariaDB up to 10.11 does ---

TEST(MysqlClientHandshake, TellsConnectorJOfTheFastPathAsItReadsOldServers) {
    for (auto name : {"MySQL Connector/J", "MySQL Connector Java"})
        for (auto version : {mariadb_10, "5.5.15"sv, "5.1.73-log"sv, "rekey"sv, "8.0-rekey"sv})
            EXPECT_EQ(fast_success_of(mariadb_options(version), name), "\x03") << name << " " << version;
}

TEST(MysqlClientHandshake, TellsConnectorJOfTheFastPathAsItReadsNewServers) {
    for (auto version : {"5.5.16"sv, "5.7.44-log"sv, "8.0.0-rekey"sv, "11.8.3-MariaDB"sv})
        EXPECT_EQ(fast_success_of(mariadb_options(version), "MySQL Connector/J"), "\x01\x03") << version;
}

TEST(MysqlClientHandshake, TellsOtherClientsOfTheFastPathWhateverTheVersion) {
    for (auto name : {"libmariadb", "pymysql", "MariaDB Connector/J", ""})
        EXPECT_EQ(fast_success_of(mariadb_options(), name), "\x01\x03") << name;
}

TEST(MysqlClientHandshake, AsksConnectorJForTheWholePasswordAsItReadsOldServers) {
    Client client(mariadb_options());
    auto attributes = attributes_of("MySQL Connector/J");
    client.response.attributes = attributes;
    ASSERT_EQ(client.start_tls(), Step::start_tls);
    auto user = record();
    user.verifiers.caching_sha2.reset();
    EXPECT_EQ(client.log_in(std::move(user)), Step::need_input);
    EXPECT_EQ(client.read().payload, "\x04");
    EXPECT_EQ(client.send("secret\0"s), Step::authenticated);
    EXPECT_EQ(client.reply().size(), 1u);
}

TEST(MysqlClientHandshake, ChangesTheUserOfAClientThatReadsOldServers) {
    auto made = options();
    made.bare_data = true; // of the login before, where the attributes and the version were known
    std::string change;
    write_change_user(change, asked, {"other", "some answer", "shops", 255, "caching_sha2_password", ""});
    const std::string nonce = "abcdefghijklmnopqrst";
    ClientHandshake machine(made, nonce, asked, {}, change.substr(packet_header_size + 1));
    Feed feed(machine);
    machine.user_found(record());
    EXPECT_EQ(feed(""), Step::need_input);
    EXPECT_TRUE(read_auth_switch(packets(machine.take_output()).at(0).payload));
    EXPECT_EQ(feed(packet(2, auth::caching_sha2_response("secret", nonce))), Step::authenticated);
    EXPECT_TRUE(machine.bare_data());
    std::string out;
    machine.login_reply(out);
    EXPECT_EQ(packets(out).at(0).payload, "\x03");
}

// --- MariaDB's connectors, which may send the password itself ---

TEST(MysqlClientHandshake, TakesAHashThatEndsInNulForNoPassword) {
    Client client(tls_options());
    ASSERT_EQ(client.start_tls(), Step::start_tls);
    auto user = record();
    user.verifiers.caching_sha2.reset(); // so that the hash proves nothing
    EXPECT_EQ(client.send_response(std::string(31, 'x') + '\0'), Step::lookup);
    client.machine.user_found(std::move(user));
    EXPECT_EQ(client.feed(""), Step::need_input);
    EXPECT_EQ(client.read().payload, "\x01\x04");
    EXPECT_EQ(client.send("secret\0"s), Step::authenticated);
    EXPECT_EQ(client.reply().size(), 1u);
}

TEST(MysqlClientHandshake, TakesAPasswordThatIsAsLongAsAHash) {
    const std::string password(31, 'x');
    Client client(tls_options());
    ASSERT_EQ(client.start_tls(), Step::start_tls);
    auto user = record();
    user.verifiers = auth::MysqlVerifiers::of_password(password);
    user.verifiers.caching_sha2.reset();
    EXPECT_EQ(client.send_response(password + '\0'), Step::lookup);
    client.machine.user_found(std::move(user));
    EXPECT_EQ(client.feed(""), Step::authenticated);
}

} // namespace
} // namespace rekey::protocol::mysql
