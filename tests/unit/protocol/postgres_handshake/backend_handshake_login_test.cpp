#include "protocol/auth/md5.hpp"
#include "protocol/auth/scram_server.hpp"
#include "protocol/postgres/backend_handshake.hpp"
#include "tests/unit/protocol/postgres_handshake/backend_scripts.hpp"

#include <gtest/gtest.h>

namespace rekey::protocol::postgres {
namespace {

using namespace server;
using Step = BackendHandshake::Step;

// --- methods ---

TEST(BackendHandshake, SaysThatATrustedLoginProvesNothing) {
    BackendHandshake machine(options());
    fed(machine, ok + settings + ready);
    EXPECT_EQ(machine.result().method, "trust");
}

TEST(BackendHandshake, AnswersMd5) {
    BackendHandshake machine(options());
    machine.take_output();
    Feed feed(machine);
    EXPECT_EQ(feed(authentication(5, "salt")), Step::need_input);
    std::string expected;
    password_message(expected, auth::md5_response(auth::md5_stored("pencil", "billing_b"), "salt"));
    EXPECT_EQ(machine.take_output(), expected);
    EXPECT_EQ(feed(ok + settings + ready), Step::done);
    EXPECT_EQ(machine.result().method, "md5");
}

TEST(BackendHandshake, SendsAPasswordInClearTextUnderTlsOnly) {
    BackendHandshake plain(options());
    plain.take_output();
    EXPECT_EQ(fed(plain, authentication(3)), Step::failed);
    EXPECT_EQ(plain.failure(), BackendFailure::insecure_method);
    EXPECT_EQ(plain.take_output(), "");

    BackendHandshake fallen_back(options(TlsWish::prefer));
    EXPECT_EQ(fed(fallen_back, "N"), Step::need_input);
    EXPECT_EQ(fed(fallen_back, authentication(3)), Step::failed);

    BackendHandshake encrypted(options(TlsWish::require));
    Feed feed(encrypted);
    feed("S");
    encrypted.tls_established(hash);
    encrypted.take_output();
    EXPECT_EQ(feed(authentication(3)), Step::need_input);
    EXPECT_EQ(encrypted.take_output(), message('p', "pencil\0"s));
    EXPECT_EQ(feed(ok + settings + ready), Step::done);
    EXPECT_EQ(encrypted.result().method, "password");
}

TEST(BackendHandshake, HasNoAnswerToOtherMethods) {
    for (std::uint32_t code : {2u, 4u, 6u, 7u, 8u, 9u}) {
        BackendHandshake machine(options());
        EXPECT_EQ(fed(machine, authentication(code, "data")), Step::failed);
        EXPECT_EQ(machine.failure(), BackendFailure::insecure_method) << code;
    }
    for (const auto& mechanisms : {text({"OAUTHBEARER", ""}), text({"SCRAM-SHA-1", ""}), text({""})}) {
        BackendHandshake machine(options());
        EXPECT_EQ(fed(machine, authentication(10, mechanisms)), Step::failed);
        EXPECT_EQ(machine.failure(), BackendFailure::insecure_method);
    }
}

TEST(BackendHandshake, CannotAnswerWithoutAPassword) {
    for (const auto& request : {authentication(5, "salt"), authentication(10, text({"SCRAM-SHA-256", ""}))}) {
        auto without = options();
        without.password = nullptr;
        BackendHandshake machine(without);
        EXPECT_EQ(fed(machine, request), Step::failed);
        EXPECT_EQ(machine.failure(), BackendFailure::refused);
    }
}

TEST(BackendHandshake, RefusesAuthenticationRequestsOutOfLine) {
    auto mechanisms = text({"SCRAM-SHA-256", ""});
    for (const auto& bytes : {message('R'),
                              message('R', "\0\0\0"s),
                              authentication(0, "x"),
                              authentication(3, "x"),
                              authentication(5),
                              authentication(5, "sal"),
                              authentication(5, "salty"),
                              authentication(1),
                              authentication(13),
                              authentication(11),
                              authentication(12),
                              authentication(10),
                              authentication(10, "SCRAM-SHA-256"),
                              authentication(10, text({"SCRAM-SHA-256"})),
                              authentication(10, mechanisms + "x"),
                              authentication(5, "salt") + authentication(5, "salt"),
                              authentication(5, "salt") + authentication(10, mechanisms),
                              authentication(10, mechanisms) + authentication(10, mechanisms),
                              authentication(10, mechanisms) + authentication(5, "salt"),
                              authentication(10, mechanisms) + authentication(12, "v="),
                              ok + ok,
                              ok + authentication(5, "salt")}) {
        BackendHandshake machine(options());
        EXPECT_EQ(fed(machine, bytes), Step::failed);
        EXPECT_EQ(machine.failure(), BackendFailure::protocol_violation) << machine.reason();
    }
}

// --- SCRAM ---

struct ScramScript {
    std::string mechanisms = text({"SCRAM-SHA-256", ""});
    std::string end_point_hash{}; // both sides'
    std::string_view stored = "pencil";
    bool tls = false;
    std::string client_first{}; // what the client said
};

// Plays a server up to its answer to the proof, which it returns; empty if it found the password wrong.
std::string play_scram(BackendHandshake& machine, ScramScript& script) {
    Feed feed(machine);
    if (script.tls) {
        feed("S");
        machine.tls_established(script.end_point_hash);
    }
    machine.take_output();
    EXPECT_EQ(feed(authentication(10, script.mechanisms)), Step::need_input);
    auto initial = frames(machine.take_output()).at(0).body;
    Reader reader(initial);
    auto plus = reader.text() == auth::scram_sha_256_plus;
    auto size = reader.u32();
    EXPECT_EQ(size, reader.left());
    script.client_first = reader.rest();
    auth::ScramServer server({.verifier = auth::scram_verifier(script.stored, "0123456789abcdef", 3),
                              .doomed = false,
                              .plus_chosen = plus,
                              .end_point_hash = plus ? script.end_point_hash : "",
                              .nonce = auth::scram_nonce()});
    auto server_first = server.first(script.client_first);
    EXPECT_TRUE(server_first) << server.fault().detail;
    EXPECT_EQ(feed(authentication(11, *server_first)), Step::derive);
    EXPECT_EQ(feed(""), Step::derive);
    EXPECT_EQ(machine.derive_request().salt, "0123456789abcdef");
    EXPECT_EQ(machine.derive_request().iterations, 3u);
    machine.derived(auth::scram_keys("pencil", machine.derive_request().salt, machine.derive_request().iterations));
    auto proof = frames(machine.take_output()).at(0).body;
    return server.final(proof).value_or("");
}

TEST(BackendHandshake, ProvesItselfByScram) {
    BackendHandshake machine(options());
    ScramScript script;
    auto server_final = play_scram(machine, script);
    EXPECT_TRUE(script.client_first.starts_with("n,,n=,r="));
    EXPECT_EQ(fed(machine, authentication(12, server_final) + ok + settings + ready), Step::done);
    EXPECT_EQ(machine.result().method, "scram-sha-256");
}

TEST(BackendHandshake, BindsToTheCertificateWhereTheServerOffersIt) {
    BackendHandshake machine(options(TlsWish::require));
    ScramScript script{
        .mechanisms = text({"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", ""}), .end_point_hash = hash, .tls = true};
    auto server_final = play_scram(machine, script);
    EXPECT_TRUE(script.client_first.starts_with("p=tls-server-end-point,,"));
    EXPECT_EQ(fed(machine, authentication(12, server_final) + ok + settings + ready), Step::done);
    EXPECT_EQ(machine.result().method, "scram-sha-256-plus");
}

TEST(BackendHandshake, SaysThatItCouldHaveBound) {
    BackendHandshake machine(options(TlsWish::require));
    ScramScript script{.end_point_hash = hash, .tls = true};
    auto server_final = play_scram(machine, script);
    EXPECT_TRUE(script.client_first.starts_with("y,,"));
    EXPECT_EQ(fed(machine, authentication(12, server_final) + ok + settings + ready), Step::done);
}

TEST(BackendHandshake, DoesNotBindWithoutAHashOfTheCertificate) {
    BackendHandshake machine(options(TlsWish::require));
    ScramScript script{.mechanisms = text({"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", ""}), .tls = true};
    play_scram(machine, script);
    EXPECT_TRUE(script.client_first.starts_with("n,,"));
}

TEST(BackendHandshake, RefusesAnOfferToBindWithoutTls) {
    BackendHandshake machine(options());
    EXPECT_EQ(fed(machine, authentication(10, text({"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", ""}))), Step::failed);
    EXPECT_EQ(machine.failure(), BackendFailure::protocol_violation);
}

TEST(BackendHandshake, RefusesAServerThatProvesNothing) {
    for (const auto& end : {ok, authentication(12, "v=" + std::string(43, 'A') + "=") + ok, authentication(12, "e=x"),
                            authentication(12)}) {
        BackendHandshake machine(options());
        ScramScript script;
        play_scram(machine, script);
        EXPECT_EQ(fed(machine, end + settings + ready), Step::failed);
        EXPECT_EQ(machine.failure(), BackendFailure::bad_server_proof);
    }
    BackendHandshake machine(options());
    EXPECT_EQ(fed(machine, authentication(10, text({"SCRAM-SHA-256", ""})) + ok), Step::failed);
    EXPECT_EQ(machine.failure(), BackendFailure::bad_server_proof);
}

TEST(BackendHandshake, IsRefusedWithAWrongPassword) {
    BackendHandshake machine(options());
    ScramScript script{.stored = "another"};
    EXPECT_EQ(play_scram(machine, script), "");
    EXPECT_EQ(fed(machine, error("28P01", "password authentication failed for user \"billing_b\"")), Step::failed);
    EXPECT_EQ(machine.failure(), BackendFailure::refused);
    EXPECT_EQ(machine.sqlstate(), "28P01");
}

// CVE-2026-6669
TEST(BackendHandshake, ComputesNoMoreIterationsThanItsLimit) {
    for (const auto& [limit, accepted] : {std::pair{4096u, true}, std::pair{4095u, false}}) {
        auto limited = options();
        limited.scram_iterations_max = limit;
        BackendHandshake machine(limited);
        machine.take_output();
        fed(machine, authentication(10, text({"SCRAM-SHA-256", ""})));
        auto initial = machine.take_output();
        auto nonce = initial.substr(initial.find("r=") + 2);
        auto step = fed(machine, authentication(11, "r=" + nonce + "x,s=c2FsdA==,i=4096"));
        EXPECT_EQ(step, accepted ? Step::derive : Step::failed);
    }
}

} // namespace
} // namespace rekey::protocol::postgres
