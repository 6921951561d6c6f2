#include "protocol/postgres/client_handshake.hpp"
#include "tests/unit/protocol/postgres_handshake/client_scripts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rekey::protocol::postgres {
namespace {

using namespace std::string_literals;
using Step = ClientHandshake::Step;
using testing::ElementsAre;
using testing::Pair;

// --- first bytes ---

TEST(ClientHandshake, WaitsForAWholeStartUpPacket) {
    for (std::size_t size = 0; size < login.size(); ++size) {
        ClientHandshake machine(options());
        std::size_t consumed = 1;
        EXPECT_EQ(machine.next(std::string_view(login).substr(0, size), consumed), Step::need_input) << size;
        EXPECT_EQ(consumed, 0u);
        EXPECT_EQ(machine.take_output(), "");
        machine.closed();
        EXPECT_EQ(machine.next({}, consumed), Step::failed);
        EXPECT_EQ(machine.failure(), ClientFailure::closed_by_client);
        EXPECT_EQ(machine.take_output(), "");
    }
}

TEST(ClientHandshake, AsksForTheUser) {
    ClientHandshake machine(options());
    std::size_t consumed = 0;
    EXPECT_EQ(machine.next(login + "more", consumed), Step::lookup);
    EXPECT_EQ(consumed, login.size());
    EXPECT_EQ(machine.user(), "app");
    EXPECT_EQ(machine.database(), "orders");
    EXPECT_EQ(machine.protocol_version(), version_3_0);
    EXPECT_EQ(machine.take_output(), "");
    EXPECT_EQ(machine.next("more", consumed), Step::lookup); // until it is answered
    EXPECT_EQ(consumed, 0u);
}

TEST(ClientHandshake, SaysNothingToWhoeverDoesNotSpeakTheProtocol) {
    struct Case {
        std::string bytes;
        ClientFailure failure;
    };
    for (const auto& [bytes, failure] :
         {Case{"GET / HTTP/1.1\r\n\r\n", ClientFailure::input_too_long},
          Case{"\0\0\0\0"s, ClientFailure::protocol_violation}, Case{"\0\0\0\7"s, ClientFailure::protocol_violation},
          Case{"\0\0\x27\x15"s, ClientFailure::input_too_long}, Case{"\xff\xff\xff\xff", ClientFailure::input_too_long},
          Case{"\x80\0\0\0"s, ClientFailure::input_too_long},
          Case{"\x16\x03\x01", ClientFailure::protocol_violation}}) {
        ClientHandshake machine(options());
        std::size_t consumed = 0;
        EXPECT_EQ(machine.next(bytes, consumed), Step::failed);
        EXPECT_EQ(machine.failure(), failure);
        EXPECT_EQ(machine.take_output(), "");
        EXPECT_EQ(machine.next(login, consumed), Step::failed); // and stays so
    }
}

TEST(ClientHandshake, TakesTheLongestStartUpPacketThereIs) {
    auto fill = [](std::size_t size) { return startup({"user", "app", "a", std::string(size, 'x')}); };
    auto overhead = fill(0).size();
    ClientHandshake machine(options());
    EXPECT_EQ(fed(machine, fill(10004 - overhead)), Step::lookup);
    ClientHandshake other(options());
    EXPECT_EQ(fed(other, fill(10005 - overhead).substr(0, 4)), Step::failed);
    EXPECT_EQ(other.failure(), ClientFailure::input_too_long);
}

TEST(ClientHandshake, TellsWhyAStartUpPacketIsRefused) {
    struct Case {
        std::string bytes;
        ClientFailure failure;
        std::string_view sqlstate;
    };
    for (const auto& [bytes, failure, sqlstate] :
         {Case{startup({"user", "app"}, 2 << 16), ClientFailure::unsupported_version, "0A000"},
          Case{startup({"database", "app"}), ClientFailure::protocol_violation, "28000"},
          Case{packet(version_3_0, "user\0app"s), ClientFailure::protocol_violation, "08P01"},
          Case{startup({"user", "app", "options", "-c="}), ClientFailure::protocol_violation, "42601"},
          Case{startup({"user", "app", "a b", ""}), ClientFailure::protocol_violation, "42602"},
          Case{startup({"user", "app", "replication", "maybe"}), ClientFailure::protocol_violation, "22023"},
          Case{startup({"user", "app", "replication", "1"}), ClientFailure::replication_not_supported, "0A000"},
          Case{startup({"user", "app", "replication", "database"}), ClientFailure::replication_not_supported,
               "0A000"}}) {
        ClientHandshake machine(options());
        EXPECT_EQ(fed(machine, bytes), Step::failed);
        auto [seen, error, output] = failed(machine);
        EXPECT_EQ(seen, failure) << sqlstate;
        EXPECT_EQ(error.severity, "FATAL");
        EXPECT_EQ(error.sqlstate, sqlstate);
        EXPECT_EQ(machine.reason(), error.text);
    }
}

TEST(ClientHandshake, PassesParametersOn) {
    ClientHandshake machine(options());
    fed(machine, startup({"user", "app", "TimeZone", "UTC", "options", "-c a.b=1", "replication", "off"}));
    EXPECT_THAT(machine.parameters(), ElementsAre(Pair("a.b", "1"), Pair("TimeZone", "UTC")));
}

// --- version negotiation ---

TEST(ClientHandshake, NegotiatesOnceAndBeforeAuthentication) {
    ClientHandshake machine(options());
    EXPECT_EQ(fed(machine, startup({"user", "app", "_pq_.test_protocol_negotiation", "1"}, 3 << 16 | 9999)),
              Step::lookup);
    machine.user_found(record());
    auto all = frames(machine.take_output());
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0].type, 'v');
    EXPECT_EQ(all[0].body, "\0\3\0\2\0\0\0\1"s + "_pq_.test_protocol_negotiation\0"s);
    EXPECT_EQ(all[1].type, 'R');
    EXPECT_EQ(machine.protocol_version(), version_3_2);
}

TEST(ClientHandshake, DoesNotNegotiateWhatNeedsNoChange) {
    for (auto version : {version_3_0, version_3_2}) {
        ClientHandshake machine(options());
        fed(machine, startup({"user", "app"}, version));
        EXPECT_EQ(machine.take_output(), "");
        EXPECT_EQ(machine.protocol_version(), version);
    }
}

// --- encryption ---

TEST(ClientHandshake, RefusesEncryptionItDoesNotHaveAndGoesOn) {
    for (const auto& requests : {ssl, gss, gss + ssl, ssl + gss}) {
        ClientHandshake machine(options());
        EXPECT_EQ(fed(machine, requests + login), Step::lookup);
        EXPECT_EQ(machine.take_output(), std::string(requests.size() / 8, 'N'));
        EXPECT_FALSE(machine.tls());
    }
}

TEST(ClientHandshake, TakesEachRequestOnce) {
    for (const auto& request : {ssl, gss}) {
        ClientHandshake machine(options());
        EXPECT_EQ(fed(machine, request + request), Step::failed);
        EXPECT_EQ(machine.failure(), ClientFailure::unsupported_version);
    }
    ClientHandshake machine(options());
    EXPECT_EQ(fed(machine, packet(ssl_request_code, "x")), Step::failed); // not of eight bytes
}

TEST(ClientHandshake, StartsTlsWhenAsked) {
    for (const auto& before : {""s, gss}) {
        ClientHandshake machine(tls_options());
        Feed feed(machine);
        EXPECT_EQ(feed(before + ssl), Step::start_tls);
        EXPECT_EQ(machine.take_output(), before.empty() ? "S" : "NS");
        EXPECT_FALSE(machine.direct_tls());
        EXPECT_EQ(feed(""), Step::start_tls); // until it is done
        machine.tls_established({});
        EXPECT_EQ(feed(login), Step::lookup);
        EXPECT_TRUE(machine.tls());
    }
}

// CVE-2021-23214
TEST(ClientHandshake, RefusesBytesStuffedBehindTheTlsRequest) {
    for (const auto& stuffed : {"x"s, login, ssl, "\x16"s}) {
        ClientHandshake machine(tls_options());
        EXPECT_EQ(fed(machine, ssl + stuffed), Step::failed);
        auto [failure, error, output] = failed(machine);
        EXPECT_EQ(failure, ClientFailure::unencrypted_data_after_tls_request);
        EXPECT_EQ(error.sqlstate, "08P01");
        EXPECT_EQ(error.text, "received unencrypted data after SSL request");
        EXPECT_EQ(output[0], 'E'); // and not 'S'
    }
}

TEST(ClientHandshake, EncryptsOnceOnly) {
    for (const auto& request : {ssl, gss}) {
        ClientHandshake machine(tls_options());
        Feed feed(machine);
        feed(ssl);
        machine.tls_established({});
        EXPECT_EQ(feed(request), Step::failed);
        EXPECT_EQ(machine.failure(), ClientFailure::unsupported_version);
    }
}

TEST(ClientHandshake, RequiresTlsForAStartUp) {
    ClientHandshake machine(tls_options(true));
    EXPECT_EQ(fed(machine, login), Step::failed);
    auto [failure, error, output] = failed(machine);
    EXPECT_EQ(failure, ClientFailure::tls_required);
    EXPECT_EQ(error.sqlstate, "28000");
}

TEST(ClientHandshake, NeedsNoTlsOnAUnixSocket) {
    auto unix_options = tls_options(true);
    unix_options.unix_socket = true;
    ClientHandshake machine(unix_options);
    EXPECT_EQ(fed(machine, ssl + login), Step::lookup);
    EXPECT_EQ(machine.take_output(), "N");
}

TEST(ClientHandshake, TakesDirectTlsWithItsAlpn) {
    ClientHandshake machine(tls_options(true));
    std::size_t consumed = 1;
    EXPECT_EQ(machine.next("\x16\x03\x01", consumed), Step::start_tls);
    EXPECT_EQ(consumed, 0u); // the ClientHello is the TLS layer's
    EXPECT_TRUE(machine.direct_tls());
    EXPECT_EQ(machine.take_output(), "");
    machine.tls_established({.end_point_hash = {}, .alpn = "postgresql", .certificate_cn = {}});
    EXPECT_EQ(fed(machine, gss + ssl + login), Step::lookup);
    EXPECT_EQ(machine.take_output(), "NN");
    EXPECT_TRUE(machine.tls());
}

TEST(ClientHandshake, RefusesDirectTlsWithoutItsAlpn) {
    for (auto alpn : {"", "http/1.1", "postgresql2"}) {
        ClientHandshake machine(tls_options());
        Feed feed(machine);
        feed("\x16");
        machine.tls_established({.end_point_hash = {}, .alpn = alpn, .certificate_cn = {}});
        EXPECT_EQ(feed(""), Step::failed);
        EXPECT_EQ(machine.failure(), ClientFailure::tls_no_alpn);
        EXPECT_EQ(machine.take_output(), "");
    }
}

TEST(ClientHandshake, TakesDirectTlsAsTheVeryFirstByteOnly) {
    ClientHandshake machine(tls_options());
    EXPECT_EQ(fed(machine, gss + "\x16\x03\x01\x02"), Step::failed);
    EXPECT_EQ(machine.failure(), ClientFailure::input_too_long);
}

// --- cancel requests ---

TEST(ClientHandshake, TakesCancelRequestsWithoutTlsEvenWhereItIsRequired) {
    for (std::size_t size : {4u, 32u, 256u}) {
        std::string request;
        cancel_request(request, 77, std::string(size, 'k'));
        for (const auto& bytes : {request, gss + request}) {
            ClientHandshake machine(tls_options(true));
            EXPECT_EQ(fed(machine, bytes), Step::cancel);
            EXPECT_EQ(machine.cancel().pid, 77u);
            EXPECT_EQ(machine.cancel().key, std::string(size, 'k'));
            machine.take_output();
            EXPECT_EQ(fed(machine, login), Step::cancel); // nothing comes after it
            EXPECT_EQ(machine.take_output(), "");
        }
        for (std::size_t cut = 0; cut < request.size(); ++cut) {
            ClientHandshake machine(options());
            EXPECT_EQ(fed(machine, request.substr(0, cut)), Step::need_input);
        }
    }
}

TEST(ClientHandshake, AnswersNoCancelRequestNotEvenAWrongOne) {
    for (std::size_t size : {0u, 4u, 7u, 261u, 1000u}) {
        ClientHandshake machine(options());
        EXPECT_EQ(fed(machine, packet(cancel_request_code, std::string(size, 'k'))), Step::failed);
        EXPECT_EQ(machine.failure(), ClientFailure::protocol_violation);
        EXPECT_EQ(machine.take_output(), "");
    }
}

// --- the rest ---

TEST(ClientHandshake, RepliesToALogin) {
    std::string out;
    ClientHandshake::login_reply(out, {{"server_version", "15.8"}, {"TimeZone", "UTC"}}, 7, "abcd");
    auto all = frames(out);
    ASSERT_EQ(all.size(), 5u);
    EXPECT_EQ(types(out), "RSSKZ");
    EXPECT_EQ(all[0].body, "\0\0\0\0"s);
    EXPECT_EQ(all[1].body, text({"server_version", "15.8"}));
    EXPECT_EQ(all[3].body, "\0\0\0\7abcd"s);
    EXPECT_EQ(all[4].body, "I");
}

TEST(ClientFailure, HasANameForEach) {
    for (auto failure :
         {ClientFailure::closed_by_client, ClientFailure::protocol_violation,
          ClientFailure::unencrypted_data_after_tls_request, ClientFailure::tls_required, ClientFailure::tls_no_alpn,
          ClientFailure::unsupported_version, ClientFailure::replication_not_supported,
          ClientFailure::authentication_failed, ClientFailure::input_too_long})
        EXPECT_FALSE(to_string(failure).empty());
}

} // namespace
} // namespace rekey::protocol::postgres
