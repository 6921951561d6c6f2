#include "protocol/auth/caching_sha2.hpp"
#include "protocol/auth/mariadb_ed25519.hpp"
#include "protocol/auth/mysql_native.hpp"
#include "tests/unit/protocol/mysql/handshake_server_script.hpp"

#include <gtest/gtest.h>

namespace rekey::protocol::mysql {
namespace {

using namespace server_scripts;

// --- a login ---

TEST(MysqlBackendHandshake, LogsInByTheFastPath) {
    for (bool byte_by_byte : {false, true}) {
        Server server(options(), byte_by_byte);
        EXPECT_EQ(server.say(""), Step::need_input);
        EXPECT_EQ(server.machine.take_output(), "");
        EXPECT_EQ(server.greet(), Step::need_input);
        auto response = server.read_response();
        EXPECT_EQ(response.user, "app_b");
        EXPECT_EQ(response.database, "orders");
        EXPECT_EQ(response.plugin, "caching_sha2_password");
        EXPECT_EQ(response.auth_response, auth::caching_sha2_response("secret", nonce));
        EXPECT_EQ(response.collation, 45);
        EXPECT_EQ(server.say(packet(2, "\x01\x03")), Step::need_input);
        EXPECT_EQ(server.say(packet(3, ok)), Step::done);
        const auto& result = server.machine.result();
        EXPECT_EQ(result.server_version, "9.7.4");
        EXPECT_EQ(result.thread_id, 8u);
        EXPECT_EQ(result.server_collation, 255);
        EXPECT_EQ(result.method, "caching_sha2_password");
        EXPECT_EQ(result.status, status::autocommit);
        EXPECT_FALSE(result.tls);
        EXPECT_FALSE(result.mariadb);
        EXPECT_EQ(result.capabilities, response.capabilities);
        EXPECT_EQ(result.server_capabilities, mysql_capabilities & ~capability::ssl);
    }
}

TEST(MysqlBackendHandshake, LeavesWhatComesBehindTheOk) {
    Server server(options());
    server.greet();
    EXPECT_EQ(server.say(packet(2, ok) + "more"), Step::done);
    EXPECT_EQ(server.feed.unread(), "more");
}

TEST(MysqlBackendHandshake, KeepsTheSessionStateOfTheOk) {
    Server server(options());
    server.greet();
    EXPECT_EQ(server.say(packet(2, "\0\0\0\x02\x40\0\0\0\x08\x01\x06\x05shops"s)), Step::done);
    SessionChanges changes(server.machine.result().session_state);
    SessionChange change;
    ASSERT_TRUE(changes.next(change));
    EXPECT_EQ(change.type, SessionChangeType::schema);
    EXPECT_EQ(change.value, "shops");
}

TEST(MysqlBackendHandshake, AgreesOnWhatBothSidesHave) {
    auto wish = options();
    wish.capabilities |= capability::ssl | capability::can_handle_expired_passwords | capability::mariadb_progress |
                         capability::local_files;
    wish.database.clear();
    Server server(std::move(wish));
    server.say(greeting((mysql_capabilities & ~capability::ssl) & ~capability::found_rows));
    auto response = server.read_response();
    EXPECT_EQ(response.capabilities & capability::found_rows, 0u);
    EXPECT_EQ(response.capabilities & capability::ssl, 0u);
    EXPECT_EQ(response.capabilities & capability::can_handle_expired_passwords, 0u);
    EXPECT_EQ(response.capabilities & capability::mariadb_progress, 0u);
    EXPECT_EQ(response.capabilities & capability::connect_with_db, 0u);
    EXPECT_NE(response.capabilities & capability::local_files, 0u);
    EXPECT_NE(response.capabilities & capability::session_track, 0u);
    EXPECT_EQ(response.database, "");
}

TEST(MysqlBackendHandshake, KnowsAMariadb) {
    auto wish = options(TlsWish::none);
    wish.capabilities |= capability::mariadb_stmt_bulk;
    wish.attributes = {{"program_name", "rekey"}};
    Server server(std::move(wish));
    server.say(greeting(mariadb_capabilities, "mysql_native_password"));
    auto response = server.read_response();
    EXPECT_EQ(response.plugin, "mysql_native_password");
    EXPECT_EQ(response.auth_response, auth::native_response("secret", nonce));
    EXPECT_EQ(response.capabilities & capability::long_password, 0u);
    EXPECT_NE(response.capabilities & capability::mariadb_stmt_bulk, 0u);
    EXPECT_EQ(response.attributes, "\x0cprogram_name\x05rekey");
    EXPECT_EQ(server.say(packet(2, ok)), Step::done);
    EXPECT_TRUE(server.machine.result().mariadb);
}

// --- plugins ---

TEST(MysqlBackendHandshake, FollowsOneSwitchAfterAnother) {
    Server server(options());
    server.greet();
    server.read();
    // MariaDB asks once more for each of an account's passwords.
    EXPECT_EQ(server.say(switch_to("mysql_native_password", nonce + '\0')), Step::need_input);
    EXPECT_EQ(server.read().payload, auth::native_response("secret", nonce));
    EXPECT_EQ(server.say(switch_to("mysql_native_password", other_nonce + '\0', 4)), Step::need_input);
    auto answer = server.read();
    EXPECT_EQ(answer.sequence, 5);
    EXPECT_EQ(answer.payload, auth::native_response("secret", other_nonce));
    EXPECT_EQ(server.say(packet(6, ok)), Step::done);
    EXPECT_EQ(server.machine.result().method, "mysql_native_password");
}

TEST(MysqlBackendHandshake, FollowsNoEndlessSwitches) {
    Server server(options());
    server.greet();
    auto step = Step::need_input;
    int asked = 0;
    for (std::uint8_t sequence = 2; step == Step::need_input && asked < 50; sequence += 2, ++asked)
        step = server.say(switch_to("mysql_native_password", nonce + '\0', sequence));
    EXPECT_EQ(step, Step::failed);
    EXPECT_EQ(asked, 11);
}

TEST(MysqlBackendHandshake, SignsForMariadb) {
    Server server(options());
    server.say(without_tls("client_ed25519"));
    EXPECT_EQ(server.read_response().plugin, "caching_sha2_password"); // to be switched
    const std::string long_nonce(32, 'n');
    EXPECT_EQ(server.say(switch_to("client_ed25519", long_nonce)), Step::need_input);
    EXPECT_TRUE(auth::ed25519_proves(auth::ed25519_key("secret"), long_nonce, server.read().payload));
    EXPECT_EQ(server.say(packet(4, ok)), Step::done);
}

TEST(MysqlBackendHandshake, DerivesTheKeyForParsec) {
    Server server(options());
    server.greet();
    server.read();
    EXPECT_EQ(server.say(switch_to("parsec", std::string(32, 'n'))), Step::need_input);
    EXPECT_EQ(server.read().payload, "");
    EXPECT_EQ(server.say(packet(4, "P\0"s + "123456789012345678")), Step::derive);
    EXPECT_EQ(server.machine.derive_request().iterations, 1024u);
    EXPECT_EQ(server.machine.derive_request().salt, "123456789012345678");
    server.machine.derived(auth::parsec_seed("secret", server.machine.derive_request()));
    auto answer = server.read();
    EXPECT_EQ(answer.sequence, 5);
    EXPECT_EQ(answer.payload.size(), 96u);
    EXPECT_EQ(server.say(packet(6, ok)), Step::done);
}

TEST(MysqlBackendHandshake, SendsClearTextOverSecureConnectionsOnly) {
    for (bool secure : {true, false}) {
        auto wish = options();
        wish.unix_socket = secure;
        for (auto ask : {packet(2, "\x01\x04"), switch_to("mysql_clear_password", ""),
                         switch_to("sha256_password", nonce + '\0')}) {
            Server server(wish);
            server.greet();
            server.read();
            EXPECT_EQ(server.say(ask), secure ? Step::need_input : Step::failed);
            EXPECT_EQ(server.read().payload, secure ? "secret\0"s : ""s);
            if (!secure) {
                EXPECT_EQ(server.machine.failure(), BackendFailure::insecure_method);
            }
        }
    }
}

TEST(MysqlBackendHandshake, EncryptsThePasswordWithTheServersKey) {
    auto key = auth::PasswordKey::generate();
    struct Plugin {
        std::string ask;
        char request;
        std::string nonce;
    };
    for (const auto& plugin : {Plugin{packet(2, "\x01\x04"), '\x02', nonce},
                               Plugin{switch_to("sha256_password", other_nonce + '\0'), '\x01', other_nonce}}) {
        auto wish = options();
        wish.request_public_key = true;
        Server server(wish);
        server.greet();
        server.read();
        EXPECT_EQ(server.say(plugin.ask), Step::need_input);
        EXPECT_EQ(server.read().payload, std::string(1, plugin.request));
        EXPECT_EQ(server.say(packet(4, '\x01' + key.public_key())), Step::need_input);
        auto encrypted = server.read().payload;
        ASSERT_TRUE(key.decrypt(encrypted, plugin.nonce));
        EXPECT_EQ(key.decrypt(encrypted, plugin.nonce)->reveal(), "secret");

        wish.request_public_key = false;
        wish.public_key = key.public_key();
        Server known(wish);
        known.greet();
        known.read();
        EXPECT_EQ(known.say(plugin.ask), Step::need_input);
        EXPECT_TRUE(key.decrypt(known.read().payload, plugin.nonce));
    }
}

TEST(MysqlBackendHandshake, RefusesAKeyThatIsNone) {
    auto wish = options();
    wish.request_public_key = true;
    Server server(wish);
    server.greet();
    server.say(packet(2, "\x01\x04"));
    EXPECT_EQ(server.say(packet(4, "\x01not a key")), Step::failed);
    EXPECT_EQ(server.machine.failure(), BackendFailure::protocol_violation);
}

TEST(MysqlBackendHandshake, LogsInWithoutAPassword) {
    auto wish = options();
    wish.password = nullptr;
    Server server(std::move(wish));
    server.greet();
    EXPECT_EQ(server.read_response().auth_response, "");
    EXPECT_EQ(server.say(packet(2, ok)), Step::done);
}

TEST(MysqlBackendHandshake, RefusesPluginsItDoesNotKnow) {
    for (auto ask : {switch_to("auth_gssapi_client", "x"), packet(2, "\xfe"), packet(2, "\x02plugin")}) {
        Server server(options());
        server.greet();
        EXPECT_EQ(server.say(ask), Step::failed);
        EXPECT_EQ(server.machine.failure(), BackendFailure::insecure_method);
    }
}

TEST(MysqlBackendHandshake, RefusesStepsThatThePluginDoesNotHave) {
    for (auto said : {packet(2, "\x01\x05"), packet(2, "\x01"), packet(2, "P"),
                      switch_to("mysql_native_password", "short"), switch_to("client_ed25519", nonce),
                      switch_to("parsec", nonce), packet(2, "\x01\x03") + packet(3, "\x01\x04")}) {
        Server server(options());
        server.greet();
        EXPECT_EQ(server.say(said), Step::failed);
        EXPECT_EQ(server.machine.failure(), BackendFailure::protocol_violation) << server.machine.reason();
    }
}

} // namespace
} // namespace rekey::protocol::mysql
