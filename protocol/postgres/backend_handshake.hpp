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
// No byte of an ErrorResponse that came before TLS was established is kept for anybody to read (CVE-2024-10977).
#pragma once

#include "protocol/auth/scram.hpp"
#include "protocol/common/secret.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rekey::protocol::postgres {

enum class TlsWish { none, prefer, require }; // `require` covers verify-ca and verify-full: verifying is the driver's

struct BackendHandshakeOptions {
    std::string user, database;
    const Secret* password = nullptr; // outlives the machine
    std::vector<std::pair<std::string, std::string>> parameters; // start-up parameters, `role` among them
    TlsWish tls = TlsWish::prefer;
    bool direct_tls = false;
    bool tls_verified = false; // the driver verifies the certificate: cleartext passwords may be sent
    std::uint32_t scram_iterations_max = 1'000'000;
};

enum class BackendFailure {
    refused,          // 28P01, 28000: the credential is condemned
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
    std::string key;
    std::vector<std::pair<std::string, std::string>> parameters; // ParameterStatus, in order
    bool tls = false;
};

struct DeriveRequest {
    std::string salt;
    std::uint32_t iterations = 0;
};

class BackendHandshake {
  public:
    enum class Step { need_input, start_tls, derive, done, failed };

    explicit BackendHandshake(BackendHandshakeOptions options);

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
    std::string_view sqlstate() const { return sqlstate_; }
    std::string_view reason() const { return reason_; } // for a log; never a secret

  private:
    BackendHandshakeOptions options_;
    std::string output_, sqlstate_, reason_;
    DeriveRequest derive_;
    BackendLogin result_;
    BackendFailure failure_{};
};

} // namespace rekey::protocol::postgres
