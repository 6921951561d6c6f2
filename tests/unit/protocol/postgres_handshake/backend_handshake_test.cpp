#include "protocol/postgres/backend_handshake.hpp"
#include "tests/unit/protocol/postgres_handshake/backend_scripts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rekey::protocol::postgres {
namespace {

using namespace server;
using Step = BackendHandshake::Step;
using testing::ElementsAre;
using testing::Pair;

// --- TLS ---

TEST(BackendHandshake, StartsUpAtOnceWithoutTls) {
    BackendHandshake machine(options());
    EXPECT_EQ(machine.take_output(), login);
    EXPECT_EQ(fed(machine, ok + settings + ready), Step::done);
    EXPECT_FALSE(machine.result().tls);
}

TEST(BackendHandshake, AsksForTlsFirst) {
    for (auto wish : {TlsWish::prefer, TlsWish::require}) {
        BackendHandshake machine(options(wish));
        EXPECT_EQ(machine.take_output(), packet(ssl_request_code));
        Feed feed(machine);
        EXPECT_EQ(feed(""), Step::need_input);
        EXPECT_EQ(feed("S"), Step::start_tls);
        EXPECT_EQ(feed(""), Step::start_tls);
        EXPECT_EQ(machine.take_output(), "");
        machine.tls_established(hash);
        EXPECT_EQ(machine.take_output(), login);
        EXPECT_EQ(feed(ok + settings + ready), Step::done);
        EXPECT_TRUE(machine.result().tls);
    }
}

TEST(BackendHandshake, BeginsDirectTlsByItself) {
    auto direct = options(TlsWish::require);
    direct.direct_tls = true;
    BackendHandshake machine(direct);
    EXPECT_EQ(machine.take_output(), "");
    EXPECT_EQ(fed(machine, ""), Step::start_tls);
    machine.tls_established(hash);
    EXPECT_EQ(machine.take_output(), login);
}

TEST(BackendHandshake, GoesOnWithoutTlsOnlyIfItMay) {
    BackendHandshake preferring(options(TlsWish::prefer)), requiring(options(TlsWish::require));
    preferring.take_output();
    EXPECT_EQ(fed(preferring, "N"), Step::need_input);
    EXPECT_EQ(preferring.take_output(), login);
    requiring.take_output();
    EXPECT_EQ(fed(requiring, "N"), Step::failed);
    EXPECT_EQ(requiring.failure(), BackendFailure::tls_refused);
    EXPECT_EQ(requiring.take_output(), "");
}

// CVE-2021-23222
TEST(BackendHandshake, RefusesBytesBehindTheAnswerToTheTlsRequest) {
    for (const auto& stuffed : {"x"s, ok, "\x16"s}) {
        BackendHandshake machine(options(TlsWish::prefer));
        EXPECT_EQ(fed(machine, "S" + stuffed), Step::failed);
        EXPECT_EQ(machine.failure(), BackendFailure::protocol_violation);
    }
}

// CVE-2024-10977
TEST(BackendHandshake, KeepsNothingOfAnErrorBeforeTls) {
    for (auto wish : {TlsWish::prefer, TlsWish::require}) {
        BackendHandshake machine(options(wish));
        EXPECT_EQ(fed(machine, error("28P01", "send your password to evil.example")), Step::failed);
        EXPECT_EQ(machine.failure(), BackendFailure::unavailable);
        EXPECT_EQ(machine.sqlstate(), "");
        EXPECT_EQ(machine.reason().find("evil"), std::string_view::npos);
    }
}

TEST(BackendHandshake, RefusesAnyOtherAnswerToTheTlsRequest) {
    for (auto answer : {"s", "H", "\x15", "R", "G"}) {
        BackendHandshake machine(options(TlsWish::prefer));
        EXPECT_EQ(fed(machine, answer), Step::failed);
        EXPECT_EQ(machine.failure(), BackendFailure::protocol_violation);
    }
}

// --- after authentication ---

TEST(BackendHandshake, TellsWhatTheServerSaid) {
    BackendHandshake machine(options());
    Feed feed(machine);
    EXPECT_EQ(feed(ok + message('N', text({"SNOTICE", "Mhello"}) + "\0"s) + settings + ready + "later"), Step::done);
    EXPECT_EQ(machine.result().pid, 7u);
    EXPECT_EQ(machine.result().key, "abcd");
    EXPECT_THAT(machine.result().parameters, ElementsAre(Pair("server_version", "15.8"), Pair("TimeZone", "")));
    EXPECT_EQ(feed.unread(), "later");
}

TEST(BackendHandshake, ReadsTheSameHoweverItIsChunked) {
    auto bytes = ok + settings + ready;
    BackendHandshake machine(options());
    EXPECT_EQ(Feed(machine, true)(bytes), Step::done);
    EXPECT_EQ(machine.result().parameters.size(), 2u);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        BackendHandshake cut(options());
        EXPECT_EQ(fed(cut, std::string_view(bytes).substr(0, size)), Step::need_input) << size;
        cut.closed();
        EXPECT_EQ(fed(cut, ""), Step::failed);
        EXPECT_EQ(cut.failure(), BackendFailure::unavailable);
        EXPECT_EQ(cut.sqlstate(), "");
    }
}

TEST(BackendHandshake, DoesWithoutACancelKey) {
    BackendHandshake machine(options());
    EXPECT_EQ(fed(machine, ok + ready), Step::done);
    EXPECT_EQ(machine.result().key, "");
}

TEST(BackendHandshake, RefusesMessagesOutOfLine) {
    for (const auto& bytes : {ready, settings, message('v', "\0\3\0\0\0\0\0\0"s), message('D'), "R\0\0\0\3"s,
                              "R\xff\xff\xff\xff"s, "R\0\1\0\1"s, ok + message('Z'), ok + message('Z', "T"),
                              ok + message('Z', "II"), ok + message('K', "\0\0\0\7abc"s), ok + message('K'),
                              ok + message('S'), ok + message('S', "name\0value"s), ok + message('S', text({"", "x"})),
                              ok + message('T'), ok + message('v', "\0\3\0\0\0\0\0\0"s), ok + "E\xff\xff\xff\xff"s}) {
        BackendHandshake machine(options());
        EXPECT_EQ(fed(machine, bytes), Step::failed);
        EXPECT_EQ(machine.failure(), BackendFailure::protocol_violation);
    }
}

TEST(BackendHandshake, KeepsNoMoreSettingsThanItsLimit) {
    BackendHandshake machine(options());
    auto one = message('S', text({"a", std::string(60'000, 'x')}));
    EXPECT_EQ(fed(machine, ok + one + one + one + one), Step::need_input);
    EXPECT_EQ(fed(machine, one), Step::failed);
    EXPECT_EQ(machine.failure(), BackendFailure::protocol_violation);
}

// --- errors ---

TEST(BackendHandshake, TellsWhatAnErrorMeansForTheCredential) {
    struct Case {
        std::string_view sqlstate;
        BackendFailure failure;
    };
    for (const auto& [sqlstate, failure] :
         {Case{"28P01", BackendFailure::refused}, Case{"28000", BackendFailure::refused},
          Case{"3D000", BackendFailure::no_database}, Case{"42501", BackendFailure::no_privilege},
          Case{"53300", BackendFailure::no_slot}, Case{"57P03", BackendFailure::unavailable},
          Case{"55000", BackendFailure::unavailable}, Case{"XX000", BackendFailure::unavailable}}) {
        for (const auto& before : {""s, ok, ok + settings, authentication(5, "salt")}) {
            BackendHandshake machine(options());
            EXPECT_EQ(fed(machine, before + error(sqlstate, "because")), Step::failed);
            EXPECT_EQ(machine.failure(), failure) << sqlstate;
            EXPECT_EQ(machine.sqlstate(), sqlstate);
            EXPECT_EQ(machine.reason(), "because");
        }
    }
}

// CVE-2026-6666
TEST(BackendHandshake, SurvivesAnErrorWithoutItsFields) {
    for (const auto& body : {""s, "\0"s, "M"s, text({"Mno"}), text({"C"}) + "\0"s, text({"Ctoolong"}) + "\0"s,
                             text({"C28p01"}) + "\0"s, text({"C2\n\n\n\n"}) + "\0"s}) {
        BackendHandshake machine(options());
        EXPECT_EQ(fed(machine, message('E', body)), Step::failed);
        EXPECT_EQ(machine.failure(), BackendFailure::unavailable);
        EXPECT_EQ(machine.sqlstate(), "");
    }
}

TEST(BackendHandshake, SurvivesAnErrorWithoutALength) {
    BackendHandshake machine(options());
    EXPECT_EQ(fed(machine, "Ecould not fork new process for connection: No memory\n\0"s), Step::failed);
    EXPECT_EQ(machine.failure(), BackendFailure::unavailable);
}

TEST(BackendHandshake, ShowsNoSecretAndNothingUnprintableInItsReason) {
    BackendHandshake machine(options());
    fed(machine, error("28P01", "the password \"pencil\" is wrong"));
    EXPECT_EQ(machine.reason().find("pencil"), std::string_view::npos);
    BackendHandshake other(options());
    fed(other, error("28P01", "a\nb\x1b[31m\r\x7f" + std::string(10'000, 'x')));
    EXPECT_TRUE(other.reason().starts_with("a b [31m  x"));
    EXPECT_LT(other.reason().size(), 500u);
}

TEST(BackendHandshake, RefusesWhatNoMessageCanCarry) {
    const Secret with_nul("pen\0cil"s), empty;
    std::vector<BackendHandshakeOptions> all(5, options());
    all[0].user = "";
    all[1].user = "a\0b"s;
    all[2].database = "a\0b"s;
    all[3].password = &with_nul;
    all[4].parameters = {{"role", "a\0b"s}};
    for (const auto& wrong : all) {
        BackendHandshake machine(wrong);
        EXPECT_EQ(fed(machine, ""), Step::failed);
        EXPECT_EQ(machine.failure(), BackendFailure::refused);
        EXPECT_EQ(machine.take_output(), "");
        EXPECT_FALSE(machine.reason().empty());
    }
}

TEST(BackendHandshake, KeepsItsOutcomeWhenTheConnectionEndsLater) {
    BackendHandshake done(options()), refused(options());
    fed(done, ok + settings + ready);
    done.closed();
    EXPECT_EQ(fed(done, ""), Step::done);
    fed(refused, error("28P01"));
    refused.closed();
    EXPECT_EQ(refused.failure(), BackendFailure::refused);
}

TEST(BackendFailure, HasANameForEach) {
    for (auto failure :
         {BackendFailure::refused, BackendFailure::no_database, BackendFailure::no_privilege, BackendFailure::no_slot,
          BackendFailure::unavailable, BackendFailure::tls_refused, BackendFailure::insecure_method,
          BackendFailure::bad_server_proof, BackendFailure::protocol_violation})
        EXPECT_FALSE(to_string(failure).empty());
}

} // namespace
} // namespace rekey::protocol::postgres
