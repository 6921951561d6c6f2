// The server's side of a PostgreSQL start-up: what a client meets when it connects to Rekey.
// PostgreSQL manual 55.2.1, 55.2.9, 55.2.10, 55.3; RFC 5802, 7677, 5929.
//
// Sans-I/O. The driver feeds unread bytes to next() and does what it says:
//
//   need_input   wait for more bytes (startup_timeout is the driver's)
//   start_tls    send take_output(), run the TLS handshake (server side), then call tls_established(). With
//                `direct`, the ClientHello is the unread input; otherwise no byte may be left unread behind the
//                SSLRequest (CVE-2021-23214): the machine fails by itself then.
//   lookup       call user_found() with the record of user()
//   cancel       the client sent a CancelRequest (cancel()); act on it, answer nothing, close
//   authenticated  the user is proven; nothing of "AuthenticationOk" has been sent yet. The driver routes, may wait
//                for a backend, and then writes login_reply() or an error of its own
//   failed       send take_output() (the error, if one may be sent), then close with failure()
//
// After every call the driver first writes take_output(). Records carry a verifier (the configuration derives it from a
// password while loading), so that no PBKDF2 runs here. Memory taken is bounded before the user is proven: 10,000 bytes
// of start-up packet, 1,024 bytes of each answer. The user is read once and never changes: a second StartupMessage is a
// protocol violation (CVE-2026-107350).
#pragma once

#include "protocol/auth/scram.hpp"
#include "protocol/auth/scram_server.hpp"
#include "protocol/common/secret.hpp"
#include "protocol/postgres/startup.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rekey::protocol::postgres {

// What the driver knows of a user when the machine asks. A user that does not exist is answered with an absent
// record: the machine then goes through the same exchange with a mock verifier and fails at the end.
struct UserRecord {
    std::optional<auth::ScramVerifier> scram; // from the configuration, or derived from the password while loading
    Secret password;                          // only for md5; empty when not needed
    bool allow_scram = true, allow_md5 = false, allow_cert = false;
    bool may_connect = true; // `allow` holds the client's address; else it fails like a wrong password
};

struct ClientHandshakeOptions {
    bool tls_offered = false;     // a certificate is there and tls.mode is not disable
    bool tls_required = false;    // require and verify: a plaintext start-up is refused (a plaintext cancel is not)
    bool unix_socket = false;     // TLS is never required on it
    std::string_view mock_secret; // 32 bytes, persistent over restarts, outlives the machine
    std::uint32_t mock_iterations = 4096; // those of the real verifiers
};

struct TlsFacts {
    std::string end_point_hash; // tls-server-end-point of our certificate (RFC 5929); empty: no channel binding
    std::string alpn;           // "postgresql" or empty
    std::string certificate_cn; // of a verified client certificate; empty: none
};

struct CancelRequest {
    std::uint32_t pid = 0;
    std::string key; // 4..256 bytes
};

enum class ClientFailure {
    closed_by_client, // before the user was proven
    protocol_violation,
    unencrypted_data_after_tls_request,
    tls_required,
    tls_no_alpn,
    unsupported_version,
    replication_not_supported,
    authentication_failed,
    input_too_long,
};
std::string_view to_string(ClientFailure failure);

class ClientHandshake {
  public:
    enum class Step { need_input, start_tls, lookup, cancel, authenticated, failed };

    explicit ClientHandshake(const ClientHandshakeOptions& options);

    // Consumes whole messages from the front of `input` and sets `consumed`. The steps start_tls and lookup come again
    // until they are answered; cancel, authenticated and failed are the last.
    Step next(std::string_view input, std::size_t& consumed);
    void tls_established(TlsFacts facts);
    void user_found(std::optional<UserRecord> record);
    // The connection ended, or its deadline passed; failure() says closed_by_client unless it had failed before.
    void closed();
    std::string take_output() { return std::exchange(output_, {}); }

    // Valid once the start-up packet was read; the user never changes afterwards.
    std::string_view user() const { return startup_.user; }
    std::string_view database() const { return startup_.database; } // defaults to the user
    // What the session starts with, each name once: `options` split into its -c and --name=value settings (-e, -S and
    // the planner's -f as the parameters they stand for), then the other start-up parameters, which PostgreSQL lets
    // win; without user, database, options, replication and _pq_.*. Names follow the strict grammar of
    // is_parameter_name(); values are anything.
    const std::vector<std::pair<std::string, std::string>>& parameters() const { return startup_.parameters; }
    std::uint32_t protocol_version() const { return startup_.version; } // 196608 or 196610: what was agreed
    bool direct_tls() const { return direct_tls_; }
    bool tls() const { return tls_; }
    const CancelRequest& cancel() const { return cancel_; }
    ClientFailure failure() const { return failure_; }
    // What the client was told when failed; for a log.
    std::string_view reason() const { return reason_; }
    std::string_view method() const { return method_; } // for the log: scram-sha-256, scram-sha-256-plus, md5, cert

    // AuthenticationOk, one ParameterStatus each, BackendKeyData, ReadyForQuery('I').
    // `key` has 4 bytes under protocol 3.0 and 32 under 3.2.
    static void login_reply(std::string& out,
                            const std::vector<std::pair<std::string_view, std::string_view>>& parameters,
                            std::uint32_t pid, std::string_view key);

  private:
    enum class State {
        first_packet,
        tls,
        looking_up,
        sasl_mechanism,
        sasl_first,
        sasl_final,
        md5,
        cancelled,
        proven,
        failed
    };

    Step read_packet(std::string_view input, std::size_t& consumed);
    Step encryption_requested(std::uint32_t code, bool more_input);
    Step read_cancel(std::string_view body);
    Step read_startup_packet(std::string_view body);
    Step read_answer(std::string_view input, std::size_t& consumed);
    Step read_sasl_mechanism(std::string_view body);
    Step read_sasl_first(std::string_view message);
    Step read_sasl_final(std::string_view message);
    Step read_md5(std::string_view body);
    void begin_scram(auth::ScramVerifier verifier, bool doomed);
    Step scram_failed();
    Step password_refused();
    // With an error for the client, or silently.
    Step fail(ClientFailure failure, std::string_view sqlstate, std::string_view message, std::string_view detail = {},
              std::string_view hint = {});
    Step fail_silently(ClientFailure failure, std::string_view reason);
    Step pending() const;

    ClientHandshakeOptions options_;
    State state_ = State::first_packet;
    std::string output_, method_, reason_;
    Startup startup_;
    TlsFacts tls_facts_;
    bool direct_tls_ = false, tls_ = false, tls_requested_ = false, gss_requested_ = false;
    auth::ScramServerOptions scram_options_;
    std::optional<auth::ScramServer> scram_;
    std::string md5_expected_;
    CancelRequest cancel_;
    ClientFailure failure_{};
};

} // namespace rekey::protocol::postgres
