// Either machine against the other, in memory: whatever one says, the other understands.
#include "protocol/mysql/backend_handshake.hpp"
#include "protocol/mysql/client_handshake.hpp"
#include "tests/unit/protocol/mysql/handshake_scripts.hpp"

#include <gtest/gtest.h>

#include <optional>

namespace rekey::protocol::mysql {
namespace {

using namespace scripts;

// Who logs in is "inner" (Rekey at a server), where it logs in is "outer" (Rekey for its clients).
using Inner = BackendHandshake::Step;
using Outer = ClientHandshake::Step;

constexpr Capabilities wanted = capability::session_track | capability::deprecate_eof | capability::found_rows;

const auth::PasswordKey& key() {
    static const auto made = auth::PasswordKey::generate();
    return made;
}

struct Login {
    Methods methods{.caching_sha2 = true};
    Plugin greeting = Plugin::caching_sha2;
    TlsWish tls = TlsWish::none;
    bool tls_offered = true, unix_socket = false, mariadb = false, exists = true, byte_by_byte = false;
    bool only_native_hash = false; // what the outer side knows of the password
    bool request_public_key = false, with_key = true;
    std::string_view password = "secret";
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
        made.capabilities = wanted;
        made.attributes = {{"program_name", "test"}};
        made.tls = login_.tls;
        made.unix_socket = login_.unix_socket;
        made.request_public_key = login_.request_public_key;
        return made;
    }
    ClientHandshakeOptions outer_options() const {
        static const std::string mock_secret(32, 'm');
        ClientHandshakeOptions made;
        made.server_version = "8.4.9";
        made.thread_id = 7;
        made.capabilities = wanted | capability::connect_with_db | capability::connect_attrs |
                            (login_.mariadb ? 0 : capability::long_password);
        made.plugin = login_.greeting;
        made.tls_offered = login_.tls_offered;
        made.unix_socket = login_.unix_socket;
        made.mock_secret = mock_secret;
        if (login_.with_key)
            made.key = &key();
        return made;
    }

    void turn() {
        auto inner_step = to_inner_(outer.take_output());
        auto outer_step = to_outer_(inner.take_output());
        if (inner_step == Inner::start_tls && outer_step == Outer::start_tls) {
            inner.tls_established();
            outer.tls_established({});
        }
        if (outer_step == Outer::lookup)
            outer.user_found(user());
        if (outer_step == Outer::authenticated && !replied_) {
            replied_ = true;
            auto reply = outer.take_output();
            outer.login_reply(reply);
            to_inner_(reply);
        }
    }

    std::optional<UserRecord> user() const {
        if (!login_.exists)
            return std::nullopt;
        UserRecord record;
        record.methods = login_.methods;
        record.verifiers = auth::MysqlVerifiers::of_password("secret");
        if (login_.only_native_hash) {
            record.verifiers.caching_sha2.reset();
            record.verifiers.ed25519.reset();
        }
        return record;
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

void expect_login(const Login& login, std::string_view method, bool tls = false) {
    for (bool byte_by_byte : {false, true}) {
        auto chunked = login;
        chunked.byte_by_byte = byte_by_byte;
        Wire wire(chunked);
        wire.run();
        ASSERT_EQ(wire.inner_step(), Inner::done) << wire.inner.reason() << wire.outer.reason();
        ASSERT_EQ(wire.outer_step(), Outer::authenticated);
        EXPECT_EQ(wire.inner.result().method, method);
        EXPECT_EQ(wire.outer.method(), method);
        EXPECT_EQ(wire.inner.result().tls, tls);
        EXPECT_EQ(wire.outer.tls(), tls);
        EXPECT_EQ(wire.inner.result().thread_id, 7u);
        EXPECT_EQ(wire.inner.result().server_version, "8.4.9");
        EXPECT_EQ(wire.inner.result().mariadb, login.mariadb);
        EXPECT_EQ(wire.inner.result().capabilities, wire.outer.capabilities());
        EXPECT_EQ(wire.outer.capabilities() & wanted, wanted);
        EXPECT_EQ(wire.outer.user(), "app");
        EXPECT_EQ(wire.outer.database(), "orders");
        EXPECT_EQ(wire.outer.attributes(), "\x0cprogram_name\x04test");
    }
}

void expect_refusal(const Login& login) {
    for (bool byte_by_byte : {false, true}) {
        auto chunked = login;
        chunked.byte_by_byte = byte_by_byte;
        Wire wire(chunked);
        wire.run();
        ASSERT_EQ(wire.inner_step(), Inner::failed);
        ASSERT_EQ(wire.outer_step(), Outer::failed);
        EXPECT_EQ(to_string(wire.inner.failure()), "refused") << wire.inner.reason();
        EXPECT_EQ(wire.inner.code(), 1045);
        EXPECT_EQ(to_string(wire.outer.failure()), "authentication_failed") << wire.outer.reason();
    }
}

constexpr Methods sha2{.caching_sha2 = true}, ed25519{.ed25519 = true}, native{.native = true}, clear{.clear = true};

TEST(MysqlLogin, SucceedsByEachPluginWithTlsAndWithout) {
    for (auto tls : {TlsWish::none, TlsWish::prefer, TlsWish::require}) {
        bool encrypted = tls != TlsWish::none;
        for (auto greeting : {Plugin::caching_sha2, Plugin::native}) {
            expect_login({.methods = sha2, .greeting = greeting, .tls = tls}, "caching_sha2_password", encrypted);
            expect_login({.methods = native, .greeting = greeting, .tls = tls}, "mysql_native_password", encrypted);
            expect_login({.methods = ed25519, .greeting = greeting, .tls = tls}, "client_ed25519", encrypted);
        }
    }
}

TEST(MysqlLogin, SucceedsAtWhatSaysItIsMariadb) {
    for (auto tls : {TlsWish::none, TlsWish::require})
        expect_login({.methods = native, .greeting = Plugin::native, .tls = tls, .mariadb = true},
                     "mysql_native_password", tls == TlsWish::require);
}

TEST(MysqlLogin, SucceedsByClearTextOverSecureConnectionsOnly) {
    expect_login({.methods = clear, .tls = TlsWish::prefer}, "mysql_clear_password", true);
    expect_login({.methods = clear, .unix_socket = true}, "mysql_clear_password");
    expect_refusal({.methods = clear});
}

TEST(MysqlLogin, SucceedsByFullAuthentication) {
    Login full{.methods = sha2, .only_native_hash = true};
    full.tls = TlsWish::prefer;
    expect_login(full, "caching_sha2_password", true);
    full.tls = TlsWish::none;
    full.unix_socket = true;
    expect_login(full, "caching_sha2_password");
    full.unix_socket = false;
    full.request_public_key = true;
    expect_login(full, "caching_sha2_password");
}

TEST(MysqlLogin, PrefersNativeToAnExchangeOfKeys) {
    Login login{.methods = {.caching_sha2 = true, .native = true}, .only_native_hash = true};
    expect_login(login, "mysql_native_password");
    login.tls = TlsWish::prefer;
    expect_login(login, "caching_sha2_password", true);
}

TEST(MysqlLogin, FailsWithoutAKeyOrTheWishForOne) {
    Login full{.methods = sha2, .only_native_hash = true, .request_public_key = true, .with_key = false};
    expect_refusal(full);
    full.with_key = true;
    full.request_public_key = false;
    Wire wire(full);
    wire.run();
    EXPECT_EQ(wire.inner_step(), Inner::failed);
    EXPECT_EQ(wire.inner.failure(), BackendFailure::insecure_method);
    EXPECT_EQ(wire.outer_step(), Outer::need_input);
}

TEST(MysqlLogin, FailsWithAWrongPassword) {
    for (auto password : {"wrong", ""})
        for (auto methods : {sha2, ed25519, native})
            for (auto tls : {TlsWish::none, TlsWish::require})
                expect_refusal({.methods = methods, .tls = tls, .password = password});
    for (auto password : {"wrong", ""}) {
        expect_refusal({.methods = clear, .tls = TlsWish::require, .password = password});
        expect_refusal({.methods = sha2, .only_native_hash = true, .request_public_key = true, .password = password});
        expect_refusal({.methods = sha2, .tls = TlsWish::require, .only_native_hash = true, .password = password});
    }
}

TEST(MysqlLogin, FailsForAUserThatDoesNotExist) {
    expect_refusal({.exists = false});
    expect_refusal({.tls = TlsWish::require, .exists = false});
}

TEST(MysqlLogin, FailsWithoutTheTlsThatTheClientRequires) {
    Wire wire({.tls = TlsWish::require, .tls_offered = false});
    wire.run();
    EXPECT_EQ(wire.inner_step(), Inner::failed);
    EXPECT_EQ(wire.inner.failure(), BackendFailure::tls_refused);
    EXPECT_EQ(wire.outer_step(), Outer::need_input);
}

} // namespace
} // namespace rekey::protocol::mysql
