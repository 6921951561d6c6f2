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
//   derive       run PBKDF2 of a record that has only a password, off the worker, then call derived()
//   cancel       the client sent a CancelRequest (cancel()); act on it, answer nothing, close
//   authenticated  the user is proven; nothing of "AuthenticationOk" has been sent yet. The driver routes, may wait
//                for a backend, and then writes login_reply() or an error of its own
//   failed       send take_output() (the error, if one may be sent), then close with failure()
//
// After every call the driver first writes take_output(). Memory taken is bounded by the start-up limits (10,000
// bytes; SCRAM 1,024; password 65,535) before the user is proven.
#pragma once

#include "protocol/auth/scram.hpp"
#include "protocol/common/secret.hpp"

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
    bool tls_offered = false;  // a certificate is there and tls.mode is not disable
    bool tls_required = false; // require and verify: a plaintext start-up is refused (a plaintext cancel is not)
    bool unix_socket = false;  // TLS is never required on it
    std::string_view mock_secret;          // 32 bytes, persistent over restarts, outlives the machine
    std::uint32_t mock_iterations = 4096;  // those of the real verifiers
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
    closed_by_client, // before a whole start-up packet
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
    enum class Step { need_input, start_tls, lookup, derive, cancel, authenticated, failed };

    explicit ClientHandshake(const ClientHandshakeOptions& options);

    // Consumes whole messages from the front of `input` and sets `consumed`.
    Step next(std::string_view input, std::size_t& consumed);
    void tls_established(TlsFacts facts);
    void user_found(std::optional<UserRecord> record);
    std::string take_output() { return std::exchange(output_, {}); }

    // Valid once the start-up packet was read; the user never changes afterwards.
    std::string_view user() const { return user_; }
    std::string_view database() const { return database_; } // defaults to the user
    // Start-up parameters in the order given, `options` split into its -c and --name=value settings (-e, -S and the
    // planner's -f as the parameters they stand for); without user, database, options, replication and _pq_.*.
    const std::vector<std::pair<std::string, std::string>>& parameters() const { return parameters_; }
    std::uint32_t protocol_version() const { return version_; } // 196608 or 196610: what was agreed
    bool direct_tls() const { return direct_tls_; }
    bool tls() const { return tls_; }
    const CancelRequest& cancel() const { return cancel_; }
    ClientFailure failure() const { return failure_; }
    std::string_view method() const { return method_; } // for the log: scram-sha-256, scram-sha-256-plus, md5, cert

    // AuthenticationOk, one ParameterStatus each, BackendKeyData, ReadyForQuery('I').
    // `key` has 4 bytes under protocol 3.0 and 32 under 3.2.
    static void login_reply(std::string& out, const std::vector<std::pair<std::string_view, std::string_view>>& parameters,
                            std::uint32_t pid, std::string_view key);

  private:
    std::string output_, user_, database_, method_;
    std::vector<std::pair<std::string, std::string>> parameters_;
    std::uint32_t version_ = 0;
    bool direct_tls_ = false, tls_ = false;
    CancelRequest cancel_;
    ClientFailure failure_{};
};

} // namespace rekey::protocol::postgres
