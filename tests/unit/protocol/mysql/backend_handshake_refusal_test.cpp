#include "tests/unit/protocol/mysql/handshake_server_script.hpp"

#include <gtest/gtest.h>

namespace rekey::protocol::mysql {
namespace {

using namespace server_scripts;

// --- TLS ---

TEST(MysqlBackendHandshake, AsksForTlsAndSaysNothingBefore) {
    Server server(options());
    EXPECT_EQ(server.say(greeting()), Step::start_tls);
    auto request = server.read();
    EXPECT_EQ(request.sequence, 1);
    EXPECT_EQ(request.payload.size(), ssl_request_size);
    EXPECT_TRUE(read_client_capabilities(request.payload) & capability::ssl);
    EXPECT_EQ(server.say(""), Step::start_tls);
    server.machine.tls_established();
    auto all = packets(server.machine.take_output());
    ASSERT_EQ(all.size(), 1u);
    EXPECT_EQ(all[0].sequence, 2);
    EXPECT_EQ(read_client_capabilities(all[0].payload), read_client_capabilities(request.payload));
    EXPECT_EQ(server.say(packet(3, "\x01\x04")), Step::need_input);
    EXPECT_EQ(server.read().payload, "secret\0"s);
    EXPECT_EQ(server.say(packet(5, ok)), Step::done);
    EXPECT_TRUE(server.machine.result().tls);
}

TEST(MysqlBackendHandshake, GoesWithoutTlsOnlyWhereItMay) {
    Server none(options(TlsWish::none));
    EXPECT_EQ(none.say(greeting()), Step::need_input);
    Server require(options(TlsWish::require));
    EXPECT_EQ(require.say(without_tls()), Step::failed);
    EXPECT_EQ(require.machine.failure(), BackendFailure::tls_refused);
    EXPECT_EQ(require.machine.take_output(), "");
    auto wish = options(TlsWish::require);
    wish.unix_socket = true;
    Server local(std::move(wish));
    EXPECT_EQ(local.say(greeting()), Step::need_input);
}

TEST(MysqlBackendHandshake, RefusesBytesBehindTheGreetingBeforeTls) {
    Server server(options());
    EXPECT_EQ(server.say(greeting() + "x"), Step::failed);
    EXPECT_EQ(server.machine.failure(), BackendFailure::protocol_violation);
}

// --- errors ---

TEST(MysqlBackendHandshake, TellsWhatAnErrorMeansForTheCredential) {
    struct Case {
        std::uint16_t code;
        BackendFailure failure;
    };
    for (auto [code, failure] :
         {Case{1045, BackendFailure::refused}, Case{1698, BackendFailure::refused}, Case{1862, BackendFailure::refused},
          Case{3118, BackendFailure::refused}, Case{4151, BackendFailure::refused},
          Case{1044, BackendFailure::no_privilege}, Case{1049, BackendFailure::no_database},
          Case{1040, BackendFailure::no_slot}, Case{1203, BackendFailure::no_slot}, Case{1226, BackendFailure::no_slot},
          Case{1129, BackendFailure::host_refused}, Case{1130, BackendFailure::host_refused},
          Case{3159, BackendFailure::tls_refused}, Case{1251, BackendFailure::insecure_method},
          Case{1053, BackendFailure::unavailable}, Case{3955, BackendFailure::unavailable}}) {
        Server server(options());
        server.greet();
        EXPECT_EQ(server.say(error(code, "why")), Step::failed);
        EXPECT_EQ(to_string(server.machine.failure()), to_string(failure)) << code;
        EXPECT_EQ(server.machine.code(), code);
        EXPECT_EQ(server.machine.sqlstate(), "28000");
        EXPECT_EQ(server.machine.reason(), "why");
    }
}

TEST(MysqlBackendHandshake, TakesAnErrorForAGreeting) {
    Server full(options());
    EXPECT_EQ(full.say(packet(0, "\xff\x10\x04Too many connections")), Step::failed);
    EXPECT_EQ(full.machine.failure(), BackendFailure::no_slot);
    EXPECT_EQ(full.machine.sqlstate(), "");
    // Nobody has been named yet: whoever says this need not be the server.
    Server forged(options());
    EXPECT_EQ(forged.say(error(1045, "no", 0)), Step::failed);
    EXPECT_EQ(forged.machine.failure(), BackendFailure::unavailable);
}

TEST(MysqlBackendHandshake, LogsNoPasswordAndNothingUnprintable) {
    Server server(options());
    server.greet();
    server.say(error(1045, "your secret is wrong"));
    EXPECT_EQ(server.machine.reason(), "the server's error repeats the password");
    Server odd(options());
    odd.greet();
    odd.say(error(1045, "a\nb\x7f" + std::string(1000, 'x')));
    EXPECT_TRUE(odd.machine.reason().starts_with("a b xxx"));
    EXPECT_EQ(odd.machine.reason().size(), 300u);
}

TEST(MysqlBackendHandshake, RefusesWhatNoPacketCanCarry) {
    const Secret odd("sec\0ret"s);
    for (int field = 0; field < 4; ++field) {
        auto wish = options();
        if (field == 0)
            wish.user.clear();
        else if (field == 1)
            wish.user = "a\0b"s;
        else if (field == 2)
            wish.database = "a\0b"s;
        else
            wish.password = &odd;
        Server server(std::move(wish));
        EXPECT_EQ(server.greet(), Step::failed);
        EXPECT_EQ(server.machine.failure(), BackendFailure::refused);
    }
}

TEST(MysqlBackendHandshake, RefusesWhatIsNoServer) {
    for (auto said :
         {"\xff\xff\xff\0"s, "\0\0\0\0"s, "\x01\x00\x01\0"s, packet(0, "\x09old"), packet(0, "SSH-2.0"),
          packet(1, without_tls().substr(4)), greeting(0), greeting(mysql_capabilities & ~capability::plugin_auth)}) {
        Server server(options());
        EXPECT_EQ(server.say(said), Step::failed);
        EXPECT_EQ(server.machine.failure(), BackendFailure::protocol_violation);
        EXPECT_EQ(server.machine.take_output(), "");
    }
}

TEST(MysqlBackendHandshake, RefusesMalformedPacketsAndWrongSequences) {
    for (auto said : {packet(2, "\0\0"s), packet(3, ok), packet(2, "\xff\x15"), packet(2, "\xfe\0"s)}) {
        Server server(options());
        server.greet();
        EXPECT_EQ(server.say(said), Step::failed);
    }
}

TEST(MysqlBackendHandshake, NoticesThatTheServerHasGone) {
    Server server(options());
    server.greet();
    server.machine.closed();
    EXPECT_EQ(server.say(""), Step::failed);
    EXPECT_EQ(server.machine.failure(), BackendFailure::unavailable);
}

} // namespace
} // namespace rekey::protocol::mysql
