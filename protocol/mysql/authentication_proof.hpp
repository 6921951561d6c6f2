// The client's side of an authentication, payloads only: how Rekey shows a server that it knows the password. Used at
// the start of a connection and by COM_CHANGE_USER. MySQL manual, "Authentication Methods"; MariaDB, "Authentication
// Plugins".
//
//   send       send answer(), read the next payload
//   wait       read the next payload
//   derive     compute the seed of salt() (auth::parsec_seed(); on another thread, cached), then derived()
//   insecure   the plugin may not be used on this connection, or is not known; fault() says why
//   malformed  the server does not keep to the plugin's steps
//
// A password is sent in clear text over a secure connection only. The public key that it is encrypted with is the
// server's own word unless it was given: whoever sits in between can put his own there, so that asking for it has to
// be allowed.
#pragma once

#include "protocol/auth/mariadb_parsec.hpp"
#include "protocol/common/secret.hpp"
#include "protocol/mysql/authentication.hpp"

#include <string>
#include <string_view>

namespace rekey::protocol::mysql {

struct AuthenticationProofOptions {
    const Secret* password = nullptr; // outlives the machine; null: none
    bool secure = false;              // TLS or a unix socket
    bool request_public_key = false;  // without TLS, ask the server for its key
    std::string public_key;           // PEM; empty: not known
};

class AuthenticationProof {
  public:
    enum class Step { send, wait, derive, insecure, malformed };

    explicit AuthenticationProof(AuthenticationProofOptions options) : options_(std::move(options)) {}

    // The plugin that the greeting names and its nonce: whether there is an answer() to go into the first packet. One
    // that is not known is begun with another (plugin()) and left to the server to switch.
    void begin(std::string_view plugin, std::string_view nonce);
    // An AuthSwitchRequest's.
    Step change(std::string_view plugin, std::string_view data);
    // What an AuthMoreData holds, without its header where there was one.
    Step more(std::string_view data);
    Step derived(const Secret& seed);
    const auth::ParsecSalt& salt() const { return salt_; }

    // Cleansed with the machine.
    std::string_view answer() const { return answer_.reveal(); }
    std::string_view plugin() const { return name_of(plugin_); }
    std::string_view fault() const { return fault_; }

  private:
    Step start();
    Step full(char key_request);
    Step encrypt(std::string_view public_key);
    Step clear();
    Step send(std::string_view bytes);
    Step insecure(std::string_view fault);
    Step malformed(std::string_view fault);
    std::string_view password() const;

    enum class State { begun, sha2_response, key_requested, parsec_salt, deriving, over };

    AuthenticationProofOptions options_;
    State state_ = State::begun;
    Plugin plugin_ = Plugin::caching_sha2;
    std::string nonce_;
    Secret answer_;
    auth::ParsecSalt salt_;
    std::string_view fault_;
};

} // namespace rekey::protocol::mysql
