// The client's side of a MySQL connection phase: how Rekey logs in at a server. MySQL manual, "Connection Phase";
// MariaDB, "Connecting".
//
// Sans-I/O; driven like ClientHandshake, but that the server speaks first:
//
//   need_input   wait for more bytes
//   start_tls    send take_output(), run the TLS handshake (client side), then tls_established(). No byte may be left
//                unread behind the greeting: that is a failure
//   derive       compute derive_request() (auth::parsec_seed(); on another thread, cached), then derived()
//   done         logged in and idle; result() holds what the server said
//   failed       close; failure() says what it means for the credential
//
// What the greeting says is not secured by anything: without `require`, whoever sits in the network can take TLS away,
// and what he says before TLS is used for nothing but the version, the nonce and the capabilities. A password in clear
// text is sent under TLS or on a unix socket only. Memory taken is bounded: 64 KiB a packet.
#pragma once

#include "protocol/common/tls_wish.hpp"
#include "protocol/mysql/authentication_proof.hpp"
#include "protocol/mysql/messages_login.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rekey::protocol::mysql {

struct BackendHandshakeOptions {
    std::string user, database;       // no database: empty
    const Secret* password = nullptr; // outlives the machine; null: none
    // What is wanted: agreed is what the server has, too. What a login needs is added, SSL and CONNECT_WITH_DB as they
    // are needed. CAN_HANDLE_EXPIRED_PASSWORDS is left out, so that an expired password is refused at once.
    Capabilities capabilities = 0;
    std::uint32_t max_packet = 1 << 30;
    std::uint8_t collation = 45;
    std::vector<std::pair<std::string, std::string>> attributes;
    TlsWish tls = TlsWish::prefer;
    bool unix_socket = false;        // as good as TLS, which is not made on it
    bool request_public_key = false; // without TLS, ask the server for the key that encrypts the password
    std::string public_key;          // PEM, instead of asking
};

enum class BackendFailure {
    refused,         // 1045, 1698, locked or expired, or what no server could take: the credential is condemned
    no_database,     // 1049
    no_privilege,    // 1044
    no_slot,         // 1040, 1203, 1226
    host_refused,    // 1129, 1130: blocked after broken logins, or not allowed at all
    unavailable,     // closed, shutting down, any other error
    tls_refused,     // the server has no TLS and the options require it, or the reverse
    insecure_method, // the password would have to be shown, or the plugin is not supported
    protocol_violation,
};
std::string_view to_string(BackendFailure failure);
BackendFailure failure_of(std::uint16_t code);

struct BackendLogin {
    std::string server_version;
    bool mariadb = false;
    std::uint32_t thread_id = 0;          // by which KILL knows the connection
    Capabilities server_capabilities = 0; // all that the server has
    Capabilities capabilities = 0;        // agreed
    std::uint8_t server_collation = 0;    // the server's default
    Status status = mysql::status::autocommit;
    std::string session_state; // of the OK, for SessionChanges
    bool tls = false;
    std::string_view method; // the plugin
};

class BackendHandshake {
  public:
    enum class Step { need_input, start_tls, derive, done, failed };

    explicit BackendHandshake(BackendHandshakeOptions options);

    // Consumes whole packets from the front of `input` and sets `consumed`. The steps start_tls and derive come again
    // until they are answered; done and failed are the last. Bytes behind the OK stay unconsumed.
    Step next(std::string_view input, std::size_t& consumed);
    void tls_established();
    const auth::ParsecSalt& derive_request() const { return proof_.salt(); }
    void derived(const Secret& seed);
    // The connection ended.
    void closed();
    std::string take_output() { return std::exchange(output_, {}); }

    const BackendLogin& result() const { return result_; }
    BackendFailure failure() const { return failure_; }
    std::uint16_t code() const { return code_; }            // of the server's error; 0: none
    std::string_view sqlstate() const { return sqlstate_; } // of the server's error, checked; empty: none
    std::string_view reason() const { return reason_; }     // printable text for a log; never a secret

  private:
    enum class State { greeting, tls, authentication, deriving, done, failed };

    Step pending() const;
    Step read_packet(std::string_view input, std::size_t& consumed);
    Step read_greeting_packet(std::string_view payload, bool more_input);
    void agree(const Greeting& greeting);
    HandshakeResponse response() const;
    Step send_response();
    Step read_authentication(std::string_view payload);
    Step read_switch(std::string_view payload);
    Step follow(AuthenticationProof::Step step);
    Step read_final(std::string_view payload);
    Step read_error(std::string_view payload);
    Step fail(BackendFailure failure, std::string_view reason);

    BackendHandshakeOptions options_;
    State state_ = State::greeting;
    std::uint8_t sequence_ = 0; // of the next packet, whoever sends it
    int switches_ = 0;
    AuthenticationProof proof_{{}};
    std::string output_, plugin_, nonce_, attributes_, sqlstate_, reason_;
    std::uint16_t code_ = 0;
    BackendLogin result_;
    BackendFailure failure_{};
};

} // namespace rekey::protocol::mysql
