// The server's side of a MySQL connection phase: what a client meets when it connects to Rekey. MySQL manual,
// "Connection Phase"; MariaDB, "Connecting".
//
// Sans-I/O. The server speaks first: the driver writes take_output() before it has read anything. Then it feeds unread
// bytes to next() and does what it says:
//
//   need_input   wait for more bytes (startup_timeout is the driver's)
//   start_tls    run the TLS handshake (server side), then call tls_established(). Unread input is its beginning: a
//                client sends its ClientHello behind the SSLRequest without waiting. No byte of it may be taken for
//                what came through TLS (as CVE-2021-23214); anything but a handshake fails here
//   lookup       call user_found() with the record of user()
//   authenticated  the user is proven; no OK has been sent yet. The driver routes, may wait for a backend, and then
//                writes login_reply() or refusal()
//   failed       send take_output() (the error, if one may be sent), then close with failure()
//
// After every call the driver first writes take_output(). Records carry hashes, so that nothing slow runs here but one
// RSA decryption where a client without TLS makes a full authentication. Memory taken is bounded before the user is
// proven: 128 KiB of first packet, 1,024 bytes of each answer. What was said before TLS is forgotten: the user and the
// capabilities are those of the encrypted packet, and are read once.
#pragma once

#include "protocol/mysql/authentication_check.hpp"
#include "protocol/mysql/compression_algorithms.hpp"
#include "protocol/mysql/messages.hpp"
#include "protocol/mysql/messages_login.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace rekey::protocol::mysql {

// What is not owned outlives the machine.
struct ClientHandshakeOptions {
    // Of the greeting. SSL is added where TLS is offered; without long_password we are a MariaDB.
    std::string_view server_version;
    std::uint32_t thread_id = 0; // by which KILL knows the session
    Capabilities capabilities = 0;
    std::uint8_t collation = 45;
    Status status = mysql::status::autocommit;
    Plugin plugin = Plugin::caching_sha2; // with which clients begin: that of most users
    bool bare_data = false;               // COM_CHANGE_USER: the bare_data() of the login before

    bool tls_offered = false;                   // a certificate is there and tls.mode is not disable
    bool tls_required = false;                  // require and verify: a login without TLS is refused
    bool unix_socket = false;                   // as good as TLS, which is never required on it
    std::string_view client_host = "localhost"; // for the text of error 1045

    std::string_view mock_secret;           // 32 bytes, persistent over restarts
    std::span<const UserKind> kinds;        // of the configured users; see mock_user()
    const auth::PasswordKey* key = nullptr; // for full authentication without TLS
};

struct TlsFacts {
    std::string certificate_sha256; // of our certificate (DER); empty: not shown to clients that distrust it
    std::string certificate_cn;     // of a verified client certificate; empty: none
};

enum class ClientFailure {
    closed_by_client, // before the user was proven
    protocol_violation,
    unencrypted_data_after_tls_request,
    tls_required,
    unsupported_client, // from before MySQL 4.1, or without plugins where one is needed
    authentication_failed,
    input_too_long,
};
std::string_view to_string(ClientFailure failure);

class ClientHandshake {
  public:
    enum class Step { need_input, start_tls, lookup, authenticated, failed };

    explicit ClientHandshake(const ClientHandshakeOptions& options);
    // COM_CHANGE_USER: another login on a connection that is logged in, with the nonce() and the capabilities() of the
    // one before, and the TLS there is. `fields` are those behind the command's byte. Begins with Step::lookup; a
    // client that fails has to go.
    ClientHandshake(const ClientHandshakeOptions& options, std::string nonce, Capabilities agreed, TlsFacts facts,
                    std::string_view fields);

    // Consumes whole packets from the front of `input` and sets `consumed`. The steps start_tls and lookup come again
    // until they are answered; authenticated and failed are the last.
    Step next(std::string_view input, std::size_t& consumed);
    void tls_established(TlsFacts facts);
    // Absent: there is no such user. The machine then goes through the same steps and fails at the end.
    void user_found(std::optional<UserRecord> record);
    // The connection ended, or its deadline passed; failure() says closed_by_client unless it had failed before.
    void closed();
    std::string take_output() { return std::exchange(output_, {}); }

    // Valid once the response was read; the user never changes afterwards (COM_CHANGE_USER is another login).
    std::string_view user() const { return user_; }
    std::string_view database() const { return database_; } // empty: none
    // What both sides have; with SSL where TLS is used.
    Capabilities capabilities() const { return capabilities_; }
    std::uint16_t collation() const { return collation_; } // 0: COM_CHANGE_USER without one
    std::uint32_t max_packet() const { return max_packet_; }
    std::string_view attributes() const { return attributes_; } // for ConnectionAttributes
    int zstd_level() const { return zstd_level_; }              // as it was asked for
    std::uint32_t thread_id() const { return options_.thread_id; }
    bool tls() const { return tls_; }
    // Whether the client wants a plugin's data without the byte that tells it from other packets.
    bool bare_data() const { return options_.bare_data; }
    // For a COM_CHANGE_USER; after Step::authenticated.
    const std::string& nonce() const { return check_ ? check_->nonce() : nonce_; }
    // For the log: a plugin's name, or cert.
    std::string_view method() const { return method_; }

    ClientFailure failure() const { return failure_; }
    // What the client was told when failed; for a log.
    std::string_view reason() const { return reason_; }

    // The end of a login, after Step::authenticated. The info is ours: it may have to prove our certificate.
    void login_reply(std::string& out, const Ok& ok = {}) const;
    void refusal(std::string& out, const Err& err) const;

  private:
    enum class State { response, tls, looking_up, answer, proven, failed };

    Step pending() const;
    Step read_packet(std::string_view input, std::size_t& consumed);
    Step handle(std::string_view payload, std::string_view behind);
    Step tls_requested(std::string_view behind);
    Step read_response(std::string_view payload);
    Step follow(AuthenticationCheck::Step step);
    Step password_refused();
    std::string_view dressed(std::string_view data) const;
    // With an error for the client, or silently.
    Step fail(ClientFailure failure, const Err& err);
    Step fail_silently(ClientFailure failure, std::string_view reason);

    ClientHandshakeOptions options_;
    State state_ = State::response;
    std::uint8_t sequence_ = 1; // of the next packet, whoever sends it
    std::string output_, nonce_, reason_, method_;
    std::string user_, database_, attributes_, plugin_, response_;
    Capabilities offered_ = 0, capabilities_ = 0;
    bool mariadb_client_ = false;
    std::uint32_t max_packet_ = 0;
    std::uint16_t collation_ = 0;
    int zstd_level_ = zstd_level_default;
    TlsFacts tls_facts_;
    bool tls_ = false, again_ = false; // COM_CHANGE_USER
    std::optional<AuthenticationCheck> check_;
    ClientFailure failure_{};
};

} // namespace rekey::protocol::mysql
