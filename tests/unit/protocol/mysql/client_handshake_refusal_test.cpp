#include "tests/unit/protocol/mysql/handshake_client_script.hpp"

#include <gtest/gtest.h>

namespace rekey::protocol::mysql {
namespace {

using namespace client_scripts;
using namespace std::string_literals;

// --- who may not log in ---

TEST(MysqlClientHandshake, RefusesAWrongPassword) {
    Client client(options());
    client.send_response(auth::caching_sha2_response("wrong", client.nonce));
    client.machine.user_found(record());
    EXPECT_EQ(client.feed(""), Step::failed);
    EXPECT_EQ(client.machine.failure(), ClientFailure::authentication_failed);
    auto error = client.error();
    EXPECT_EQ(error.sequence, 2);
    EXPECT_EQ(error.code, 1045);
    EXPECT_EQ(error.sqlstate, "28000");
    EXPECT_EQ(error.text, "Access denied for user 'app'@'10.0.0.9' (using password: YES)");
}

TEST(MysqlClientHandshake, SaysWhetherAPasswordWasGiven) {
    for (auto answer : {""s, "\0"s}) {
        Client client(options());
        client.send_response(answer);
        client.machine.user_found(record());
        EXPECT_EQ(client.feed(""), Step::failed);
        EXPECT_EQ(client.error().text, "Access denied for user 'app'@'10.0.0.9' (using password: NO)");
    }
}

TEST(MysqlClientHandshake, RefusesUnknownUsersAsItRefusesWrongPasswords) {
    auto refused = [](std::optional<UserRecord> user, const ClientHandshakeOptions& made) {
        Client client(made);
        client.send_response(auth::caching_sha2_response("wrong", client.nonce));
        client.machine.user_found(std::move(user));
        std::vector<Packet> said;
        while (client.feed("") == Step::need_input && said.size() < 4) {
            said.push_back(client.read());
            client.send(said.back().payload == "\x01\x04" ? "\x02" : std::string(20, 'x'));
        }
        auto error = client.error();
        std::string story;
        for (const auto& packet : said)
            story += std::to_string(packet.sequence) + packet.payload.c_str() + std::to_string(packet.payload.size());
        return story + std::to_string(error.sequence) + error.text;
    };
    auto unwelcome = [](Methods methods) {
        auto user = record(methods);
        user.may_connect = false;
        return user;
    };
    for (auto methods : {Methods{.caching_sha2 = true}, Methods{.native = true}, Methods{.ed25519 = true}}) {
        UserKind kinds[] = {kind_of(record(methods))};
        auto made = options();
        made.kinds = kinds;
        auto expected = refused(record(methods), made);
        EXPECT_EQ(refused(std::nullopt, made), expected);
        EXPECT_EQ(refused(unwelcome(methods), made), expected);
        EXPECT_EQ(refused(record({}), made), expected);
    }
}

TEST(MysqlClientHandshake, RefusesUnknownUsersWhateverTheyAnswer) {
    Client client(options());
    EXPECT_EQ(client.log_in(std::nullopt), Step::failed);
    UserRecord none;
    none.may_connect = false;
    EXPECT_EQ(Client(options()).log_in(std::move(none)), Step::failed);
}

TEST(MysqlClientHandshake, ChoosesTheSameKindForTheSameUnknownUser) {
    UserKind kinds[] = {kind_of(record()), kind_of(record({.native = true}))};
    std::string letters;
    for (char letter = 'a'; letter <= 'z'; ++letter) {
        auto first = mock_user(std::string(1, letter), mock_secret, kinds);
        auto again = mock_user(std::string(1, letter), mock_secret, kinds);
        EXPECT_EQ(first.methods.native, again.methods.native);
        letters += first.methods.native ? 'n' : 's';
    }
    EXPECT_NE(letters.find('n'), std::string::npos);
    EXPECT_NE(letters.find('s'), std::string::npos);
}

// --- TLS ---

TEST(MysqlClientHandshake, ForgetsWhatWasSaidBeforeTls) {
    Client client(tls_options(true));
    client.response.capabilities |= capability::ssl;
    ASSERT_EQ(client.start_tls(), Step::start_tls);
    client.response.capabilities &= ~capability::session_track;
    EXPECT_EQ(client.log_in(record()), Step::authenticated);
    EXPECT_TRUE(client.machine.tls());
    EXPECT_TRUE(client.machine.capabilities() & capability::ssl);
    EXPECT_FALSE(client.machine.capabilities() & capability::session_track);
    EXPECT_EQ(client.reply()[0].sequence, 3);
}

TEST(MysqlClientHandshake, LeavesAClientHelloToTheTlsLayer) {
    Client client(tls_options());
    std::string bytes;
    client.response.capabilities |= capability::ssl;
    write_ssl_request(bytes, 1, client.response);
    EXPECT_EQ(client.feed(bytes + "\x16\x03\x01"), Step::start_tls);
    EXPECT_EQ(client.feed.unread(), "\x16\x03\x01");
}

TEST(MysqlClientHandshake, RefusesPlainBytesBehindTheRequestForTls) {
    Client client(tls_options());
    std::string bytes;
    client.response.capabilities |= capability::ssl;
    write_ssl_request(bytes, 1, client.response);
    write_handshake_response(bytes, 2, client.response);
    EXPECT_EQ(client.feed(bytes), Step::failed);
    EXPECT_EQ(client.machine.failure(), ClientFailure::unencrypted_data_after_tls_request);
    EXPECT_EQ(client.machine.take_output(), "");
}

TEST(MysqlClientHandshake, RefusesALoginWithoutTheRequiredTls) {
    Client client(tls_options(true));
    EXPECT_EQ(client.send_response(""), Step::failed);
    EXPECT_EQ(client.machine.failure(), ClientFailure::tls_required);
    EXPECT_EQ(client.error().code, 3159);
}

TEST(MysqlClientHandshake, RefusesTlsThatWasNotOffered) {
    Client client(options());
    EXPECT_EQ(client.start_tls(), Step::failed);
    EXPECT_EQ(client.error().code, 1043);
    Client twice(tls_options());
    ASSERT_EQ(twice.start_tls(), Step::start_tls);
    EXPECT_EQ(twice.start_tls(), Step::failed);
}

// --- what no client sends ---

TEST(MysqlClientHandshake, RefusesPacketsOutOfOrder) {
    Client client(options());
    client.sequence = 2;
    EXPECT_EQ(client.send_response(""), Step::failed);
    EXPECT_EQ(client.machine.failure(), ClientFailure::protocol_violation);
    EXPECT_EQ(client.error().code, 1156);
}

TEST(MysqlClientHandshake, RefusesWhatIsTooLongBeforeItHasCome) {
    Client client(options());
    EXPECT_EQ(client.feed("\x01\x00\x02\x01"s), Step::failed);
    EXPECT_EQ(client.machine.failure(), ClientFailure::input_too_long);
    EXPECT_EQ(client.error().code, 1153);

    Client later(options());
    later.log_in(record({.native = true}));
    later.read();
    EXPECT_EQ(later.feed("\x01\x04\x00\x03"s), Step::failed);
    EXPECT_EQ(later.machine.failure(), ClientFailure::input_too_long);
}

TEST(MysqlClientHandshake, RefusesFieldsThatAreTooLong) {
    const std::string longer(2000, 'x');
    for (int field = 0; field < 3; ++field) {
        Client client(options());
        (field == 0 ? client.response.user : field == 1 ? client.response.database : client.response.plugin) = longer;
        EXPECT_EQ(client.send_response(""), Step::failed);
        EXPECT_EQ(client.error().code, 1043);
    }
    EXPECT_EQ(Client(options()).send_response(longer), Step::failed);
}

TEST(MysqlClientHandshake, RefusesClientsFromBeforeMysql41) {
    Client client(options());
    client.response.capabilities &= ~capability::protocol_41;
    EXPECT_EQ(client.send_response(""), Step::failed);
    EXPECT_EQ(client.machine.failure(), ClientFailure::unsupported_client);
    EXPECT_EQ(client.error().code, 1251);
    Client garbage(options());
    EXPECT_EQ(garbage.feed(packet(1, "")), Step::failed);
}

TEST(MysqlClientHandshake, NoticesThatTheClientHasGone) {
    Client client(options());
    client.machine.closed();
    EXPECT_EQ(client.feed(""), Step::failed);
    EXPECT_EQ(client.machine.failure(), ClientFailure::closed_by_client);
    EXPECT_EQ(client.machine.take_output(), "");
}

} // namespace
} // namespace rekey::protocol::mysql
