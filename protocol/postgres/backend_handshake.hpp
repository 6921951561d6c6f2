// The client's side of a PostgreSQL start-up: how Rekey logs in at a server. PostgreSQL manual 55.2.1, 55.3.
//
// Sans-I/O; driven like ClientHandshake:
//
//   need_input   wait for more bytes
//   start_tls    send take_output(), run the TLS handshake (client side, ALPN postgresql), then tls_established().
//                Only the single byte of the answer was consumed; bytes behind it are a failure (CVE-2021-23222)
//   derive       compute derive_request() (PBKDF2; on another thread, cached), then derived()
//   done         logged in and idle; result() holds what the server said
//   failed       close; failure() says what it means for the credential
//
// A password in clear text is sent under TLS only, and under any: whether the certificate is verified is the
// configuration's choice (and the driver's work).
// An ErrorResponse in place of the answer to the SSLRequest is not kept for anybody to read: whoever sits in the
// network could have written it (CVE-2024-10977). Memory taken is bounded: 64 KiB a message, 256 KiB of
// ParameterStatus.
#pragma once

#include "protocol/auth/scram.hpp"
#include "protocol/auth/scram_client.hpp"
#include "protocol/common/secret.hpp"
#include "protocol/common/tls_wish.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rekey::protocol::postgres {

struct BackendHandshakeOptions {
    std::string user, database;
    const Secret* password = nullptr;                            // outlives the machine; null: none
    std::vector<std::pair<std::string, std::string>> parameters; // start-up parameters, `role` among them
    TlsWish tls = TlsWish::prefer;                               // with `none`, direct_tls is without effect
    bool direct_tls = false;
    std::uint32_t scram_iterations_max = 1'000'000; // CVE-2026-6669
};

enum class BackendFailure {
    refused,          // 28P01, 28000, or a name or password no server could take: the credential is condemned
    no_database,      // 3D000
    no_privilege,     // 42501
    no_slot,          // 53300
    unavailable,      // closed, 57P03, any other SQLSTATE
    tls_refused,      // the server has no TLS and the options require it
    insecure_method,  // cleartext or another method that may not be used on this connection
    bad_server_proof, // SCRAM: the server does not know the password
    protocol_violation,
};
std::string_view to_string(BackendFailure failure);

struct BackendLogin {
    std::uint32_t pid = 0;
    std::string key; // empty if the server sent none (some poolers): its queries cannot be cancelled
    std::vector<std::pair<std::string, std::string>> parameters; // ParameterStatus, in order
    bool tls = false;
    std::string_view method; // trust, password, md5, scram-sha-256, scram-sha-256-plus
};

struct DeriveRequest {
    std::string salt;
    std::uint32_t iterations = 0;
};

class BackendHandshake {
  public:
    enum class Step { need_input, start_tls, derive, done, failed };

    explicit BackendHandshake(BackendHandshakeOptions options);

    // Consumes whole messages from the front of `input` and sets `consumed`. The steps start_tls and derive come again
    // until they are answered; done and failed are the last. Bytes behind the ReadyForQuery stay unconsumed.
    Step next(std::string_view input, std::size_t& consumed);
    // `end_point_hash`: tls-server-end-point of the server's certificate; empty: no channel binding.
    void tls_established(std::string end_point_hash);
    const DeriveRequest& derive_request() const { return derive_; }
    void derived(const auth::ScramKeys& keys);
    // The connection ended.
    void closed();
    std::string take_output() { return std::exchange(output_, {}); }

    const BackendLogin& result() const { return result_; }
    BackendFailure failure() const { return failure_; }
    std::string_view sqlstate() const { return sqlstate_; } // of the server's error, checked; empty: none
    std::string_view reason() const { return reason_; }     // printable text for a log; never a secret

  private:
    enum class State {
        tls_answer,
        tls,
        authentication,
        password_sent,
        scram_first,
        deriving,
        scram_final,
        scram_proven,
        settings,
        done,
        failed
    };

    void begin_startup();
    Step pending() const;
    Step read_tls_answer(std::string_view input, std::size_t& consumed);
    Step read_message(std::string_view input, std::size_t& consumed);
    Step handle(char type, std::string_view body);
    Step read_authentication(std::string_view body);
    Step authenticated();
    Step send_password(std::uint32_t code, std::string_view salt);
    Step begin_scram(std::string_view mechanisms);
    Step read_server_first(std::string_view message);
    Step read_server_final(std::string_view message);
    Step read_setting(char type, std::string_view body);
    Step read_error(std::string_view body);
    Step fail(BackendFailure failure, std::string_view reason);

    BackendHandshakeOptions options_;
    State state_ = State::authentication;
    std::string output_, sqlstate_, reason_, end_point_hash_;
    std::optional<auth::ScramClient> scram_;
    std::size_t settings_size_ = 0; // bytes of ParameterStatus kept
    DeriveRequest derive_;
    BackendLogin result_;
    BackendFailure failure_{};
};

} // namespace rekey::protocol::postgres
