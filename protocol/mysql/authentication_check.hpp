// The server's side of an authentication, payloads only: how Rekey finds out whether a client is who it says. Used at
// the start of a connection and by COM_CHANGE_USER. MySQL manual, "Authentication Phase Fast Path", "Authentication
// Method Switch".
//
// The caller frames the payloads, limits their length and keeps the sequence:
//
//   begin() or answer() says
//   ask        send packet(), read one payload, answer() it
//   accepted   proven. If success_prefix() is not empty, that payload goes before the OK
//   refused    a wrong password, or a user that may not log in: error 1045
//   no_plugin  the client can be asked for nothing it knows: error 1251
//
// A user that does not exist is one with mock verifiers: the same steps in about the same time. As the double hash is
// kept, the fast path of caching_sha2_password decides by itself; the full authentication, in which the password
// comes in clear text over a secure connection or encrypted by our key, is for verifiers of other plugins.
#pragma once

#include "protocol/auth/mysql_verifiers.hpp"
#include "protocol/mysql/authentication.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace rekey::protocol::mysql {

// Which plugins a user may log in by.
struct Methods {
    bool caching_sha2 = false, ed25519 = false, native = false, clear = false;

    bool any() const { return caching_sha2 || ed25519 || native || clear; }
};

// What the driver knows of a user. Methods without a verifier that serves them are without effect.
struct UserRecord {
    auth::MysqlVerifiers verifiers;
    Methods methods{.caching_sha2 = true, .ed25519 = true, .native = true};
    bool allow_cert = false;
    bool may_connect = true; // `allow` holds the client's address; else it fails like a wrong password
};

// What distinguishes users to one who cannot log in: by what they are asked to prove themselves. The configured
// users' kinds are those that unknown names are given, by a hash of the name.
struct UserKind {
    Methods methods;
    bool caching_sha2 = true, ed25519 = true, native = true; // which verifiers are there
};
UserKind kind_of(const UserRecord& record);
// Always the same for the same name. `kinds`: empty: caching_sha2_password.
UserRecord mock_user(std::string_view user, std::string_view mock_secret, std::span<const UserKind> kinds);

struct AuthenticationCheckOptions {
    bool secure = false;                    // TLS or a unix socket: clear text may be asked for
    bool plugin_auth = true;                // the client can be asked to switch
    const auth::PasswordKey* key = nullptr; // for full authentication without TLS; null: that is refused
    std::string nonce;                      // of the greeting, or nonce() of the login before
};

class AuthenticationCheck {
  public:
    enum class Step { ask, accepted, refused, no_plugin };

    // `trusted`: proven by something else (a certificate); the client is led through its plugin's steps, whatever it
    // answers. `doomed`: refused whatever it answers.
    AuthenticationCheck(const UserRecord& record, AuthenticationCheckOptions options, bool trusted, bool doomed);

    // The plugin the client has begun with, and its answer to the greeting's nonce.
    Step begin(std::string_view plugin, std::string_view response);
    // COM_CHANGE_USER: what the client has begun with is looked at only where it cannot be asked. It is asked with the
    // nonce of the options once more, as servers do: some clients take that one whatever they are asked with.
    Step begin_anew(std::string_view response);
    Step answer(std::string_view payload);
    const std::string& packet() const { return packet_; }
    std::string_view success_prefix() const { return success_prefix_; }

    std::string_view method() const { return name_of(plugin_); }
    // The last one of 20 characters that the client was told.
    const std::string& nonce() const { return plugin_ == Plugin::ed25519 ? options_.nonce : nonce_; }
    bool using_password() const { return using_password_; } // the client sent one, for the text of error 1045
    // Shows a MariaDB client (11.4 and later) which does not trust our certificate that we know its password's hash;
    // for the OK's info. Empty where the plugin has no hash that both sides know.
    std::string certificate_proof(std::string_view certificate_sha256) const;

  private:
    enum class State { first_answer, switched, full, encrypted, over };

    bool usable(Plugin plugin) const;
    std::optional<Plugin> choice(std::optional<Plugin> offered) const;
    Step check(std::string_view response);
    Step check_caching_sha2(std::string_view response);
    Step check_clear(std::string_view response);
    Step ask_switch(bool new_nonce_wanted);
    Step ask_full();
    Step read_full(std::string_view payload);
    Step result(bool proven);

    UserRecord record_;
    AuthenticationCheckOptions options_;
    bool trusted_, doomed_;
    State state_ = State::first_answer;
    Plugin plugin_ = Plugin::caching_sha2;
    std::string nonce_; // what the client's answer is to
    std::string packet_;
    std::string_view success_prefix_;
    bool using_password_ = false;
};

} // namespace rekey::protocol::mysql
