#include "protocol/auth/hexadecimal.hpp"
#include "tests/unit/protocol/mysql/handshake_client_script.hpp"

#include <gtest/gtest.h>

namespace rekey::protocol::mysql {
namespace {

using namespace client_scripts;
using namespace std::string_literals;

// --- greeting ---

TEST(MysqlClientHandshake, SpeaksFirst) {
    Client client(options());
    EXPECT_EQ(client.greeting.server_version, "8.4.9");
    EXPECT_EQ(client.greeting.thread_id, 77u);
    EXPECT_EQ(client.greeting.plugin, "caching_sha2_password");
    EXPECT_EQ(client.greeting.capabilities, asked & ~capability::local_files);
    EXPECT_EQ(client.greeting.nonce.size(), nonce_size);
    EXPECT_EQ(client.greeting.nonce.find_first_of("\0$"s), std::string::npos);
    EXPECT_NE(client.nonce, Client(options()).nonce);
    EXPECT_EQ(client.feed(""), Step::need_input);
}

TEST(MysqlClientHandshake, OffersTlsWhereThereIsSome) {
    EXPECT_TRUE(Client(tls_options()).greeting.capabilities & capability::ssl);
    auto local = tls_options(true);
    local.unix_socket = true;
    EXPECT_FALSE(Client(local).greeting.capabilities & capability::ssl);
}

TEST(MysqlClientHandshake, AgreesOnTheCompressionThatBothHave) {
    auto offering = options();
    offering.capabilities |= capability::compress | capability::zstd;
    Client client(offering);
    EXPECT_TRUE(client.greeting.capabilities & capability::zstd);
    client.response.capabilities |= capability::zstd;
    client.response.zstd_level = 7;
    EXPECT_EQ(client.log_in(record()), Step::authenticated);
    EXPECT_TRUE(client.machine.capabilities() & capability::zstd);
    EXPECT_FALSE(client.machine.capabilities() & capability::compress);
    EXPECT_EQ(client.machine.zstd_level(), 7);

    Client unasked(options());
    unasked.response.capabilities |= capability::zstd | capability::compress;
    EXPECT_EQ(unasked.log_in(record()), Step::authenticated);
    EXPECT_FALSE(unasked.machine.capabilities() & (capability::zstd | capability::compress));
    EXPECT_EQ(unasked.machine.zstd_level(), zstd_level_default);
}

// --- a login ---

TEST(MysqlClientHandshake, LogsInByTheFastPath) {
    for (bool byte_by_byte : {false, true}) {
        Client client(options(), byte_by_byte);
        EXPECT_EQ(client.log_in(record()), Step::authenticated);
        EXPECT_EQ(client.machine.take_output(), "");
        EXPECT_EQ(client.machine.user(), "app");
        EXPECT_EQ(client.machine.database(), "orders");
        EXPECT_EQ(client.machine.collation(), 45);
        EXPECT_EQ(client.machine.method(), "caching_sha2_password");
        EXPECT_EQ(client.machine.capabilities(), asked & ~capability::local_files);
        auto reply = client.reply();
        ASSERT_EQ(reply.size(), 2u);
        EXPECT_EQ(reply[0].sequence, 2);
        EXPECT_EQ(reply[0].payload, "\x01\x03");
        EXPECT_EQ(reply[1].sequence, 3);
        EXPECT_EQ(reply[1].payload, "\0\0\0\x02\0\0\0"s);
    }
}

TEST(MysqlClientHandshake, RefusesAProvenUserWhereTheDriverSaysSo) {
    Client client(options());
    client.log_in(record());
    std::string out;
    client.machine.refusal(out, {1049, "42000", "Unknown database 'orders'"});
    auto error = last_error(out);
    EXPECT_EQ(error.sequence, 2);
    EXPECT_EQ(error.code, 1049);
    EXPECT_EQ(error.sqlstate, "42000");
}

TEST(MysqlClientHandshake, SwitchesToTheUsersPlugin) {
    Client client(options());
    EXPECT_EQ(client.log_in(record({.native = true})), Step::need_input);
    auto request = client.read();
    EXPECT_EQ(request.sequence, 2);
    auto read = read_auth_switch(request.payload);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->plugin, "mysql_native_password");
    ASSERT_EQ(read->data.size(), nonce_size + 1);
    EXPECT_EQ(read->data.back(), '\0');
    auto nonce = read->data.substr(0, nonce_size);
    EXPECT_NE(nonce, client.nonce);
    EXPECT_EQ(client.send(auth::native_response("secret", nonce)), Step::authenticated);
    auto reply = client.reply();
    ASSERT_EQ(reply.size(), 1u);
    EXPECT_EQ(reply[0].sequence, 4);
}

TEST(MysqlClientHandshake, TakesNoAnswerToAnOldNonce) {
    Client client(options());
    client.log_in(record({.native = true}));
    client.read();
    EXPECT_EQ(client.send(auth::native_response("secret", client.nonce)), Step::failed);
    EXPECT_EQ(client.error().code, 1045);
}

TEST(MysqlClientHandshake, TakesThePasswordItselfOverSecureConnections) {
    Client client(tls_options()); // as MariaDB's clients answer caching_sha2_password over TLS
    ASSERT_EQ(client.start_tls(), Step::start_tls);
    EXPECT_EQ(client.send_response("secret\0"s), Step::lookup);
    client.machine.user_found(record());
    EXPECT_EQ(client.feed(""), Step::authenticated);
    EXPECT_EQ(client.reply().size(), 1u);

    Client plain(options());
    plain.send_response("secret\0"s);
    plain.machine.user_found(record());
    EXPECT_EQ(plain.feed(""), Step::failed);
}

TEST(MysqlClientHandshake, LogsInClientsFromBeforePlugins) {
    Client client(options());
    client.response.capabilities &= ~(capability::plugin_auth | capability::plugin_auth_lenenc);
    client.response.plugin = {};
    EXPECT_EQ(client.send_response(auth::native_response("secret", client.nonce)), Step::lookup);
    client.machine.user_found(record({.native = true}));
    EXPECT_EQ(client.feed(""), Step::authenticated);
    EXPECT_EQ(client.machine.method(), "mysql_native_password");

    Client other(options());
    other.response.capabilities &= ~(capability::plugin_auth | capability::plugin_auth_lenenc);
    other.send_response(auth::native_response("secret", other.nonce));
    other.machine.user_found(record());
    EXPECT_EQ(other.feed(""), Step::failed);
    EXPECT_EQ(other.machine.failure(), ClientFailure::unsupported_client);
    EXPECT_EQ(other.error().code, 1251);
}

// --- certificates ---

TEST(MysqlClientHandshake, TrustsTheClientsCertificate) {
    for (std::string answer : {std::string(32, 'x'), ""s, "\0"s}) {
        Client client(tls_options());
        client.start_tls({"", "app"});
        client.send_response(answer);
        auto user = record({});
        user.allow_cert = true;
        client.machine.user_found(std::move(user));
        EXPECT_EQ(client.feed(""), Step::authenticated);
        EXPECT_EQ(client.machine.method(), "cert");
        EXPECT_EQ(client.reply().size(), answer.size() == 32 ? 2u : 1u);
    }
}

TEST(MysqlClientHandshake, TrustsNoOtherCertificate) {
    for (auto name : {"other", ""}) {
        Client client(tls_options());
        client.start_tls({"", name});
        auto user = record({});
        user.allow_cert = true;
        EXPECT_EQ(client.log_in(std::move(user)), Step::failed);
        EXPECT_EQ(client.error().code, 1045);
    }
}

TEST(MysqlClientHandshake, ProvesItsCertificateToMariadbsClients) {
    auto made = tls_options();
    made.capabilities &= ~capability::long_password;
    made.plugin = Plugin::native;
    Client client(made);
    client.response.capabilities &= ~capability::long_password;
    client.response.plugin = "mysql_native_password";
    const std::string certificate(32, 'c');
    client.start_tls({certificate, ""});
    client.send_response(auth::native_response("secret", client.nonce));
    client.machine.user_found(record({.native = true}));
    ASSERT_EQ(client.feed(""), Step::authenticated);
    auto hash = auth::native_hash("secret");
    auto proof = auth::sha256({{reinterpret_cast<const char*>(hash.data()), hash.size()}, client.nonce, certificate});
    auto reply = client.reply();
    ASSERT_EQ(reply.size(), 1u);
    auto ok = read_ok(reply[0].payload, client.machine.capabilities());
    ASSERT_TRUE(ok);
    EXPECT_EQ(ok->info, "\x01" + auth::to_hexadecimal(auth::view(proof)));
}

// --- COM_CHANGE_USER ---

const std::string old_nonce = "abcdefghijklmnopqrst";

std::string change_of(std::string_view user, std::string_view answer = "some answer", Capabilities agreed = asked) {
    std::string bytes;
    write_change_user(bytes, agreed, {user, answer, "shops", 255, "mysql_native_password", ""});
    return bytes.substr(packet_header_size + 1);
}

TEST(MysqlClientHandshake, ChangesTheUser) {
    ClientHandshake machine(options(), old_nonce, asked, {}, change_of("other"));
    Feed feed(machine);
    EXPECT_EQ(feed(""), Step::lookup);
    EXPECT_EQ(machine.user(), "other");
    EXPECT_EQ(machine.database(), "shops");
    EXPECT_EQ(machine.collation(), 255);
    EXPECT_EQ(machine.capabilities(), asked);
    machine.user_found(record());
    EXPECT_EQ(feed(""), Step::need_input);
    auto said = packets(machine.take_output());
    ASSERT_EQ(said.size(), 1u);
    EXPECT_EQ(said[0].sequence, 1);
    auto request = read_auth_switch(said[0].payload);
    ASSERT_TRUE(request);
    EXPECT_EQ(request->plugin, "caching_sha2_password");
    EXPECT_EQ(request->data, old_nonce + '\0');
    auto answer = auth::caching_sha2_response("secret", old_nonce);
    EXPECT_EQ(feed(packet(2, answer)), Step::authenticated);
    std::string out;
    machine.login_reply(out);
    ASSERT_EQ(packets(out).size(), 2u);
    EXPECT_EQ(packets(out)[1].sequence, 4);
}

TEST(MysqlClientHandshake, ChangesTheUserNotWithoutAPassword) {
    for (bool exists : {true, false}) {
        ClientHandshake machine(options(), old_nonce, asked, {}, change_of("other"));
        Feed feed(machine);
        machine.user_found(exists ? std::optional(record()) : std::nullopt);
        feed("");
        machine.take_output();
        EXPECT_EQ(feed(packet(2, "")), Step::failed);
        auto error = last_error(machine.take_output());
        EXPECT_EQ(error.sequence, 3);
        EXPECT_EQ(error.text, "Access denied for user 'other'@'10.0.0.9' (using password: NO)");
    }
}

TEST(MysqlClientHandshake, ChangesTheUserOfClientsFromBeforePlugins) {
    const auto agreed = asked & ~(capability::plugin_auth | capability::plugin_auth_lenenc);
    for (bool right : {true, false}) {
        auto answer = auth::native_response(right ? "secret" : "other", old_nonce);
        ClientHandshake machine(options(), old_nonce, agreed, {}, change_of("other", answer, agreed));
        machine.user_found(record({.native = true}));
        EXPECT_EQ(Feed(machine)(""), right ? Step::authenticated : Step::failed);
        EXPECT_EQ(machine.nonce(), old_nonce);
    }
    ClientHandshake machine(options(), old_nonce, agreed, {}, change_of("other", "some answer", agreed));
    machine.user_found(record());
    EXPECT_EQ(Feed(machine)(""), Step::failed);
    EXPECT_EQ(last_error(machine.take_output()).code, 1251);
}

TEST(MysqlClientHandshake, ChangesTheUserByItsCertificate) {
    for (auto name : {"other", "app"}) {
        ClientHandshake machine(tls_options(), old_nonce, asked | capability::ssl, {"", name}, change_of("other"));
        Feed feed(machine);
        auto user = record({});
        user.allow_cert = true;
        machine.user_found(std::move(user));
        feed("");
        EXPECT_EQ(feed(packet(2, std::string(32, 'x'))), name == "other"s ? Step::authenticated : Step::failed);
    }
}

TEST(MysqlClientHandshake, ProvesItsCertificateWhenTheUserIsChanged) {
    const std::string certificate(32, 'c');
    const auto agreed = (asked | capability::ssl) & ~capability::long_password;
    ClientHandshake machine(tls_options(), old_nonce, agreed, {certificate, ""}, change_of("other"));
    Feed feed(machine);
    machine.user_found(record({.native = true}));
    feed("");
    machine.take_output();
    ASSERT_EQ(feed(packet(2, auth::native_response("secret", old_nonce))), Step::authenticated);
    auto hash = auth::native_hash("secret");
    auto proof = auth::sha256({{reinterpret_cast<const char*>(hash.data()), hash.size()}, old_nonce, certificate});
    std::string out;
    machine.login_reply(out);
    auto reply = packets(out);
    ASSERT_EQ(reply.size(), 1u);
    auto ok = read_ok(reply[0].payload, agreed);
    ASSERT_TRUE(ok);
    EXPECT_EQ(ok->info, "\x01" + auth::to_hexadecimal(auth::view(proof)));
}

TEST(MysqlClientHandshake, ChangesTheUserByWellFormedPacketsOnly) {
    ClientHandshake machine(options(), old_nonce, asked, {}, "other");
    EXPECT_EQ(Feed(machine)(""), Step::failed);
    auto error = last_error(machine.take_output());
    EXPECT_EQ(error.code, 1835);
    EXPECT_EQ(error.sequence, 1);
}

} // namespace
} // namespace rekey::protocol::mysql
