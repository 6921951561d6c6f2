#include "protocol/mysql/messages_login.hpp"
#include "tests/unit/protocol/mysql/handshake_scripts.hpp"

#include <gtest/gtest.h>

namespace rekey::protocol::mysql {
namespace {

using namespace scripts;
using namespace std::string_literals;

std::string payload(const std::string& packet) {
    return packet.substr(packet_header_size);
}

const std::string nonce = "abcdefghijklmnopqrst";

// --- greeting ---

Greeting mysql_greeting() {
    return {"9.7.4", 8, nonce, 0xdfffffff, 255, status::autocommit, "caching_sha2_password"};
}

Greeting mariadb_greeting() {
    return {"5.5.5-10.11.19-MariaDB", 5, nonce, 0x1d81fffffeull, 8, status::autocommit, "mysql_native_password"};
}

TEST(Greeting, IsWrittenAsServersWriteIt) {
    std::string out;
    EXPECT_EQ(write_greeting(out, mysql_greeting()), 1);
    EXPECT_EQ(payload(out), "\x0a"
                            "9.7.4\0\x08\0\0\0abcdefgh\0\xff\xff\xff\x02\0\xff\xdf\x15\0\0\0\0\0\0\0\0\0\0"
                            "ijklmnopqrst\0caching_sha2_password\0"s);
    out.clear();
    write_greeting(out, mariadb_greeting());
    EXPECT_NE(out.find("\x81\x15\0\0\0\0\0\0\x1d\0\0\0ijkl"s), std::string::npos);
}

TEST(Greeting, IsReadAsItIsWritten) {
    for (const auto& greeting : {mysql_greeting(), mariadb_greeting()}) {
        std::string out;
        write_greeting(out, greeting);
        auto bytes = payload(out);
        auto read = read_greeting(bytes);
        ASSERT_TRUE(read);
        EXPECT_EQ(read->server_version, greeting.server_version);
        EXPECT_EQ(read->thread_id, greeting.thread_id);
        EXPECT_EQ(read->nonce, nonce);
        EXPECT_EQ(read->capabilities, greeting.capabilities);
        EXPECT_EQ(read->collation, greeting.collation);
        EXPECT_EQ(read->status, greeting.status);
        EXPECT_EQ(read->plugin, greeting.plugin);
    }
    EXPECT_TRUE(mariadb_greeting().mariadb());
    EXPECT_FALSE(mysql_greeting().mariadb());
}

TEST(Greeting, CutShortIsRefusedAtEachByte) {
    std::string out;
    write_greeting(out, mysql_greeting());
    auto bytes = payload(out);
    // The plugin's name may end with the packet.
    auto fixed = bytes.size() - "caching_sha2_password\0"s.size();
    for (std::size_t size = 0; size < fixed; ++size)
        EXPECT_FALSE(read_greeting(bytes.substr(0, size))) << size;
    EXPECT_TRUE(read_greeting(bytes.substr(0, bytes.size() - 1)));
    EXPECT_FALSE(read_greeting("\x09" + bytes.substr(1)));
}

// --- response ---

const Capabilities usual = capability::long_password | capability::protocol_41 | capability::secure_connection |
                           capability::plugin_auth | capability::plugin_auth_lenenc | capability::connect_with_db |
                           capability::connect_attrs;

HandshakeResponse usual_response() {
    static const auto attributes = connection_attributes({{"_client_name", "libmysql"}, {"_pid", "1"}});
    HandshakeResponse response;
    response.capabilities = usual;
    response.max_packet = 1 << 24;
    response.collation = 45;
    response.user = "app";
    response.auth_response = "0123456789";
    response.database = "orders";
    response.plugin = "caching_sha2_password";
    response.attributes = attributes;
    return response;
}

std::string written(const HandshakeResponse& response) {
    std::string out;
    write_handshake_response(out, 1, response);
    return payload(out);
}

void expect_same(const HandshakeResponse& read, const HandshakeResponse& expected) {
    EXPECT_EQ(read.capabilities, expected.capabilities);
    EXPECT_EQ(read.max_packet, expected.max_packet);
    EXPECT_EQ(read.collation, expected.collation);
    EXPECT_EQ(read.user, expected.user);
    EXPECT_EQ(read.auth_response, expected.auth_response);
    EXPECT_EQ(read.database, expected.database);
    EXPECT_EQ(read.plugin, expected.plugin);
    EXPECT_EQ(read.attributes, expected.attributes);
}

TEST(HandshakeResponse, IsReadAsItIsWritten) {
    auto bytes = written(usual_response());
    auto read = read_handshake_response(bytes);
    ASSERT_TRUE(read);
    expect_same(*read, usual_response());
}

TEST(HandshakeResponse, EndsWithTheLevelOfZstandard) {
    auto response = usual_response();
    response.capabilities |= capability::zstd;
    response.zstd_level = 19;
    auto bytes = written(response);
    EXPECT_EQ(bytes.back(), 19);
    EXPECT_EQ(read_handshake_response(bytes)->zstd_level, 19);
    EXPECT_EQ(read_handshake_response(bytes.substr(0, bytes.size() - 1))->zstd_level, 0);
    response.capabilities &= ~capability::zstd;
    EXPECT_EQ(read_handshake_response(written(response) + "\x13")->zstd_level, 0);
}

TEST(HandshakeResponse, HasMariadbsCapabilitiesOnlyFromThoseWhoTellMariadbApart) {
    auto response = usual_response();
    response.capabilities |= capability::mariadb_stmt_bulk;
    auto bytes = written(response);
    ASSERT_TRUE(read_handshake_response(bytes));
    EXPECT_EQ(read_handshake_response(bytes)->capabilities, usual);
    response.capabilities &= ~capability::long_password;
    bytes = written(response);
    ASSERT_TRUE(read_handshake_response(bytes));
    expect_same(*read_handshake_response(bytes), response);
}

TEST(HandshakeResponse, WithoutOptionalFieldsIsRead) {
    auto response = usual_response();
    response.capabilities = capability::long_password | capability::protocol_41 | capability::secure_connection;
    response.database = response.plugin = response.attributes = {};
    auto bytes = written(response);
    ASSERT_TRUE(read_handshake_response(bytes));
    expect_same(*read_handshake_response(bytes), response);
}

TEST(HandshakeResponse, ToleratesWhatServersTolerate) {
    auto response = usual_response();
    response.capabilities &= ~capability::connect_attrs;
    auto bytes = written(response);
    EXPECT_EQ(read_handshake_response(bytes + "more")->plugin, "caching_sha2_password");
    EXPECT_EQ(read_handshake_response(bytes.substr(0, bytes.size() - 1))->plugin, "caching_sha2_password");
}

TEST(HandshakeResponse, CutShortIsRefusedOrComesWithoutItsEnd) {
    auto bytes = written(usual_response());
    auto fixed = ssl_request_size + "app\0"s.size() + 1 + 10;
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        auto cut = bytes.substr(0, size);
        auto read = read_handshake_response(cut);
        EXPECT_TRUE(size >= fixed || !read) << size;
        if (read) {
            EXPECT_EQ(read->user, "app");
        }
    }
}

TEST(HandshakeResponse, WithLengthsThatRunPastTheEndIsRefused) {
    auto head = written(usual_response()).substr(0, ssl_request_size) + "app\0"s;
    EXPECT_FALSE(read_handshake_response(head + "\x20too short"));
    EXPECT_FALSE(read_handshake_response(head + "\xfe\xff\xff\xff\xff\xff\xff\xff\xff"));
    EXPECT_FALSE(read_handshake_response(head + "\xfb"));
    auto tail = "\0orders\0plugin\0"s;
    EXPECT_TRUE(read_handshake_response(head + tail + "\x01x"));
    EXPECT_FALSE(read_handshake_response(head + tail + "\x02x"));
    EXPECT_FALSE(read_handshake_response(head + tail + "\xfd\x00\x00\x01"s + std::string(65536, 'x')));
}

TEST(SslRequest, IsAResponseThatEndsBeforeTheUser) {
    std::string out;
    EXPECT_EQ(write_ssl_request(out, 1, usual_response()), 2);
    EXPECT_EQ(payload(out), written(usual_response()).substr(0, ssl_request_size));
    EXPECT_EQ(read_client_capabilities(payload(out)), usual);
    EXPECT_EQ(read_client_capabilities("abc"), 0u);
}

// --- COM_CHANGE_USER ---

TEST(ChangeUser, IsReadAsItIsWritten) {
    auto attributes = connection_attributes({{"program_name", "x"}});
    std::string out;
    EXPECT_EQ(write_change_user(out, usual, {"app", "12345", "orders", 255, "caching_sha2_password", attributes}), 1);
    auto bytes = payload(out);
    EXPECT_EQ(bytes[0], '\x11');
    auto fields = bytes.substr(1);
    auto read = read_change_user(fields, usual);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->user, "app");
    EXPECT_EQ(read->auth_response, "12345");
    EXPECT_EQ(read->database, "orders");
    EXPECT_EQ(read->collation, 255);
    EXPECT_EQ(read->plugin, "caching_sha2_password");
    EXPECT_EQ(read->attributes, attributes);
}

TEST(ChangeUser, ToleratesAMissingEnd) {
    for (auto fields : {"app\0\0orders\0"s, "app\0\0orders"s, "app\0\0orders\0\x2d\0"s}) {
        auto read = read_change_user(fields, usual);
        ASSERT_TRUE(read);
        EXPECT_EQ(read->database, "orders");
        EXPECT_EQ(read->plugin, "");
    }
    for (auto fields : {""s, "app"s, "app\0"s, "app\0\5abc"s})
        EXPECT_FALSE(read_change_user(fields, usual));
}

// --- while authenticating ---

TEST(AuthSwitch, IsReadAsItIsWritten) {
    std::string out;
    EXPECT_EQ(write_auth_switch(out, 2, {"mysql_native_password", nonce + '\0'}), 3);
    auto bytes = payload(out);
    auto read = read_auth_switch(bytes);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->plugin, "mysql_native_password");
    EXPECT_EQ(read->data, nonce + '\0');
    auto bare = "\xfemysql_clear_password"s;
    ASSERT_TRUE(read_auth_switch(bare));
    EXPECT_EQ(read_auth_switch(bare)->plugin, "mysql_clear_password");
    for (auto other : {""s, "\xfe"s, "\xfe\0"s, "\x00plugin"s})
        EXPECT_FALSE(read_auth_switch(other));
}

TEST(AuthMoreData, HasAHeaderAndAnAnswerHasNone) {
    std::string out;
    EXPECT_EQ(write_auth_more_data(out, 2, "\x03"), 3);
    EXPECT_EQ(out, "\x02\0\0\x02\x01\x03"s);
    out.clear();
    EXPECT_EQ(write_auth_response(out, 3, ""), 4);
    EXPECT_EQ(out, "\0\0\0\x03"s);
}

TEST(ConnectionAttributes, AreWalkedPairByPair) {
    auto block = connection_attributes({{"_os", "Linux"}, {"program_name", ""}});
    ConnectionAttributes walk(block);
    std::string_view name, value;
    ASSERT_TRUE(walk.next(name, value));
    EXPECT_EQ(name, "_os");
    EXPECT_EQ(value, "Linux");
    ASSERT_TRUE(walk.next(name, value));
    EXPECT_EQ(name, "program_name");
    EXPECT_EQ(value, "");
    EXPECT_FALSE(walk.next(name, value));
    ConnectionAttributes odd("\x03_os");
    EXPECT_FALSE(odd.next(name, value));
    EXPECT_FALSE(odd.next(name, value));
}

} // namespace
} // namespace rekey::protocol::mysql
