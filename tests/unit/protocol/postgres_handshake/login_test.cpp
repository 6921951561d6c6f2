// Either machine against the other, in memory: whatever one says, the other understands.
#include "protocol/postgres/backend_handshake.hpp"
#include "tests/unit/protocol/postgres_handshake/client_scripts.hpp"

#include <gtest/gtest.h>

#include <optional>

namespace rekey::protocol::postgres {
namespace {

// Who logs in is "inner" (Rekey at a server), where it logs in is "outer" (Rekey for its clients).
using Inner = BackendHandshake::Step;
using Outer = ClientHandshake::Step;

struct Login {
    TlsWish tls = TlsWish::prefer;
    bool direct_tls = false, tls_offered = true, md5 = false, exists = true, byte_by_byte = false;
    std::string inner_hash = hash, outer_hash = hash; // of the certificate, as either side sees it
    std::string_view password = "pencil";
};

class Wire {
  public:
    explicit Wire(const Login& login)
        : login_(login), password_(login.password), inner(inner_options()), outer(outer_options()),
          to_inner_(inner, login.byte_by_byte), to_outer_(outer, login.byte_by_byte) {}

    // More turns than any login takes; those after its end change nothing.
    void run() {
        for (int i = 0; i < 12; ++i)
            turn();
        if (to_outer_("") == Outer::failed)
            inner.closed();
    }
    Inner inner_step() { return to_inner_(""); }
    Outer outer_step() { return to_outer_(""); }

  private:
    BackendHandshakeOptions inner_options() const {
        BackendHandshakeOptions made;
        made.user = "app";
        made.database = "orders";
        made.password = &password_;
        made.parameters = {{"role", "billing"}};
        made.tls = login_.tls;
        made.direct_tls = login_.direct_tls;
        return made;
    }
    ClientHandshakeOptions outer_options() const { return login_.tls_offered ? tls_options() : options(); }

    void turn() {
        auto inner_step = to_inner_(outer.take_output());
        if (inner_step == Inner::derive)
            inner.derived(
                auth::scram_keys(password_.reveal(), inner.derive_request().salt, inner.derive_request().iterations));
        auto outer_step = to_outer_(inner.take_output());
        if (inner_step == Inner::start_tls)
            secure(outer_step);
        if (outer_step == Outer::lookup)
            outer.user_found(user());
        if (outer_step == Outer::authenticated && !replied_) {
            replied_ = true;
            auto reply = outer.take_output();
            ClientHandshake::login_reply(reply, {{"server_version", "15.8"}}, 7, "abcd");
            to_inner_(reply);
        }
    }

    void secure(Outer outer_step) {
        if (outer_step == Outer::need_input) { // direct: the ClientHello comes unannounced
            outer_step = to_outer_("\x16");
            to_outer_.forget();
        }
        if (outer_step != Outer::start_tls)
            return;
        inner.tls_established(login_.inner_hash);
        outer.tls_established({login_.outer_hash, "postgresql", ""});
    }

    std::optional<UserRecord> user() const {
        if (!login_.exists)
            return std::nullopt;
        return login_.md5 ? md5_record() : record();
    }

    Login login_;
    Secret password_;

  public:
    BackendHandshake inner;
    ClientHandshake outer;

  private:
    Feed<BackendHandshake> to_inner_;
    Feed<ClientHandshake> to_outer_;
    bool replied_ = false;
};

void expect_login(const Login& login, std::string_view method, bool tls) {
    for (bool byte_by_byte : {false, true}) {
        auto chunked = login;
        chunked.byte_by_byte = byte_by_byte;
        Wire wire(chunked);
        wire.run();
        ASSERT_EQ(wire.inner_step(), Inner::done) << wire.inner.reason();
        ASSERT_EQ(wire.outer_step(), Outer::authenticated);
        EXPECT_EQ(wire.inner.result().method, method);
        EXPECT_EQ(wire.outer.method(), method);
        EXPECT_EQ(wire.inner.result().tls, tls);
        EXPECT_EQ(wire.outer.tls(), tls);
        EXPECT_EQ(wire.inner.result().pid, 7u);
        EXPECT_EQ(wire.inner.result().key, "abcd");
        EXPECT_EQ(wire.inner.result().parameters.size(), 1u);
        EXPECT_EQ(wire.outer.user(), "app");
        EXPECT_EQ(wire.outer.database(), "orders");
        EXPECT_EQ(wire.outer.parameters().size(), 1u);
    }
}

void expect_refusal(const Login& login, BackendFailure inner, ClientFailure outer) {
    for (bool byte_by_byte : {false, true}) {
        auto chunked = login;
        chunked.byte_by_byte = byte_by_byte;
        Wire wire(chunked);
        wire.run();
        ASSERT_EQ(wire.inner_step(), Inner::failed);
        ASSERT_EQ(wire.outer_step(), Outer::failed);
        EXPECT_EQ(to_string(wire.inner.failure()), to_string(inner)) << wire.inner.reason();
        EXPECT_EQ(to_string(wire.outer.failure()), to_string(outer)) << wire.outer.reason();
    }
}

TEST(Login, SucceedsByScram) {
    expect_login({.tls = TlsWish::none}, "scram-sha-256", false);
    expect_login({.tls_offered = false}, "scram-sha-256", false);
}

TEST(Login, SucceedsByScramPlus) {
    expect_login({}, "scram-sha-256-plus", true);
    expect_login({.tls = TlsWish::require}, "scram-sha-256-plus", true);
    expect_login({.tls = TlsWish::require, .direct_tls = true}, "scram-sha-256-plus", true);
}

TEST(Login, SucceedsWithoutBindingWhereOneSideCannot) {
    expect_login({.inner_hash = ""}, "scram-sha-256", true);
    expect_login({.outer_hash = ""}, "scram-sha-256", true);
    expect_login({.inner_hash = "", .outer_hash = ""}, "scram-sha-256", true);
}

TEST(Login, SucceedsByMd5) {
    expect_login({.md5 = true}, "md5", true);
    expect_login({.tls = TlsWish::none, .md5 = true}, "md5", false);
}

TEST(Login, FailsWithAWrongPassword) {
    for (bool md5 : {false, true})
        expect_refusal({.md5 = md5, .password = "wrong"}, BackendFailure::refused,
                       ClientFailure::authentication_failed);
}

TEST(Login, FailsForAUserThatDoesNotExist) {
    expect_refusal({.exists = false}, BackendFailure::refused, ClientFailure::authentication_failed);
}

// Somebody in between ends TLS with a certificate of his own.
TEST(Login, FailsWhenTheCertificatesDiffer) {
    expect_refusal({.inner_hash = std::string(32, 'x')}, BackendFailure::refused, ClientFailure::authentication_failed);
}

TEST(Login, FailsWithoutTheTlsThatOneSideRequires) {
    Wire wire({.tls = TlsWish::require, .tls_offered = false});
    wire.run();
    EXPECT_EQ(wire.inner_step(), Inner::failed);
    EXPECT_EQ(wire.inner.failure(), BackendFailure::tls_refused);
    EXPECT_EQ(wire.outer_step(), Outer::need_input);
}

TEST(Login, FailsWhenDirectTlsMeetsAServerWithoutTls) {
    expect_refusal({.tls = TlsWish::require, .direct_tls = true, .tls_offered = false}, BackendFailure::unavailable,
                   ClientFailure::protocol_violation);
}

} // namespace
} // namespace rekey::protocol::postgres
